"""Files as programs and beamlines write them, made up around one Fe K edge."""

import numpy as np

HC = 12398.419843320026
REL = np.concatenate(
    [np.arange(-100.0, -20.0, 5.0), np.arange(-20.0, 60.0), np.arange(60.0, 401.0, 8.0)]
)
ENERGY = 7112.0 + REL
MU = (
    0.5
    + np.arctan((REL - 8) / 1.5) / np.pi
    + 0.5 * np.exp(-((REL - 14) ** 2) / 18)
    + 0.08 * np.exp(-((REL - 1) ** 2) / 2)
)
#: As measured, with a background that falls.
RAW = 0.3 - 0.0008 * REL + 0.9 * MU
#: A monitor that drifts, what the sample lets through, and its fluorescence.
I0 = 2.0e5 + 40.0 * REL + 900.0 * np.sin(REL / 9.0)
IT = I0 * np.exp(-RAW)
IF = I0 * 0.02 * (0.1 + MU)
#: Angles (degrees) of a Si(111) crystal.
D_ANG = 3.13551
THETA = np.degrees(np.arcsin(HC / (2.0 * D_ANG * ENERGY)))
#: Wavenumbers (1/A) and an EXAFS oscillation over them.
K = np.arange(0.0, 14.0, 0.05)
CHI = 0.3 * np.sin(5.0 * K) * np.exp(-0.02 * K**2)


def table(head, *columns, separator=" ", digits=10):
    """A text of columns below a head."""
    lines = [separator.join(f"{v:.{digits}g}" for v in row) for row in zip(*columns, strict=True)]
    return (head + "\n".join(lines) + "\n").encode()


def photon_factory(angle=THETA, spacing=" D=  3.13551 A ", modes="1 2", counts=(I0, IT), offset=0):
    """The 9809 format."""
    channels = "".join(f"{i + 1:10d}" for i in range(len(counts)))
    head = f"""  9809     KEK-PF  BL12C
 fe2o3.001     26.11.25 10:00 - 26.11.25 10:20
 hematite, made up
 Ring :   2.5 GeV  450.0 mA -  449.0 mA
 Mono :   SI(111)      {spacing}   Initial angle= 16.50000 deg
 BL12C    Transmission( 2)   Repetition=  1     Points=  139
 Param file : DUMMYNAME.prm   energy axis (2)    Block =    3

 Block      Init-Eng  final-Eng     Step/eV     Time/s       Num
     1        7012.00    7092.00        5.00       1.00        16
 ORTEC( 0)     NDCH = 2
  Angle(c)  Angle(o)    time/s{channels}
      Mode         0         0{"".join(f"{m:>10}" for m in modes.split())}
    Offset         0         0{"".join(f"{offset:10.3f}" for _ in counts)}
"""
    times = np.full(len(angle), 2.0)
    return table(head, angle + 0.01, angle, times, *(c + 2.0 * offset for c in counts), digits=12)


def athena_perl(groups):
    """An Athena project: (label, args, x, y) of each group."""
    lines = [
        "# Athena project file -- Demeter version 0.9.26",
        "# This file created at 2026-11-25T10:00:00",
        "# Using Demeter 0.9.26 with perl 5.034000 on linux",
        "",
    ]
    for n, (label, args, x, y) in enumerate(groups):
        words = ["'annotation'", "''", "'label'", f"'{label}'", "'titles'", "['a','b\\'s']"]
        words += [word for k, v in args.items() for word in (f"'{k}'", f"'{v}'")]
        lines += [
            f"$old_group = 'grp{n}';",
            f"@args = ({','.join(words)});",
            "@x = (" + ",".join(f"'{v:.6f}'" for v in x) + ");",
            "@y = (" + ",".join(f'"{v:.9f}"' for v in y) + ");",
            "[record]   # create object and set arrays in ATHENA",
            "",
        ]
    lines += ["@journal = (\"made up \\x{e4}\", 'second; line');", "", "1;", ""]
    return "\n".join(lines)


def spec(*scans):
    """A SPEC file: (command, labels, columns) of each scan."""
    text = "#F fe2o3.spec\n#E 1764000000\n#D Wed Nov 25 10:00:00 2026\n#O0 mono  gap\n\n"
    for n, (command, labels, columns) in enumerate(scans):
        rows = table("", *columns, digits=12).decode()
        text += f"#S {n + 1} {command}\n#D Wed Nov 25 10:0{n}:00 2026\n#N {len(columns)}\n"
        text += "#L " + "  ".join(labels) + "\n" + rows + "\n"
    return text.encode()
