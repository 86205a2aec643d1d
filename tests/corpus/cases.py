"""Look-alikes of files in the wild, made up, each with what must come of it.

Files of others are not committed: these have their words and their habits, and our own numbers.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.spectra.look_alikes import (
    CHI,
    ENERGY,
    I0,
    IF,
    IT,
    MU,
    RAW,
    REL,
    THETA,
    K,
    athena_perl,
    photon_factory,
    spec,
    table,
)

TIME = np.full(ENERGY.size, 2.0)
POINT = np.arange(float(ENERGY.size))


@dataclass(frozen=True)
class Case:
    """One file: what it is, its bytes, and the absorption over the common energies.

    ``expected`` is None where it must be refused, with ``says`` in the sentence.
    """

    kind: str
    name: str
    data: bytes
    expected: np.ndarray | None = None
    says: str = ""
    group: str | int | None = None


def _columns(head: str, *columns: np.ndarray) -> bytes:
    return table(head, *columns, digits=14)


def _xdi(facility: str, *names: str) -> str:
    lines = [f"# XDI/1.0 {facility}", "# Element.symbol: Fe", "# Element.edge: K"]
    lines += [f"# Column.{i + 1}: {name}" for i, name in enumerate(names)]
    return "\n".join([*lines, "# ///", "# made up", "#---", ""])


#: Dialects of XDI and of legends, with the columns energy, time, I0, transmitted.
DIALECTS = {
    "DESY P65": (
        "# P65\n# Column.1: energy eV\n# Column.2: time s\n# Column.3: i0\n# Column.4: i1\n#\n"
    ),
    "DESY XDI": _xdi("PETRA III", "energy eV", "dwell_time s", "i0", "itrans"),
    "SOLEIL SAMBA": "# SOLEIL SAMBA\n#energy\ttime\tI0\tI1\n",
    "SOLEIL SAMBA XDI": _xdi("SAMBA", "energy eV", "time s", "I0", "I1"),
    "SOLEIL LUCIA": "# LUCIA, SOLEIL\n# Energy (eV)\ttime (s)\tI0\tI1\n",
    "NSLS-II BMM": _xdi("BMM/1.0", "energy eV", "measurement_time seconds", "i0 nA", "it nA"),
    "NSLS-II ISS": (
        "# Facility.name: NSLS-II\n# Beamline.name: ISS (8-ID)\n# Element.symbol: Fe\n"
        "# energy time i0 it\n"
    ),
    "NSLS": 'XDAC V1.4  Datafile V1\n"fe.001"\n----------------------\n energy  time  i0  it\n',
    "APS 9-BM": (
        "# 1-D Scan File created by LabVIEW Control Panel   9BM\n"
        "#\n# Mono Energy * Scaler preset time * I0 * It\n"
    ),
    "APS 12-BM": "# exafs_region 1\n#C  1_energy  (eV)  2_time  3_i0  4_itrans\n",
    "APS 20-ID": (
        "# 1-D Scan File created by LabVIEW Control Panel\n"
        "# The following is a readable list of column headings:\n"
        "#1) Mono Energy (alt) *  2) Scaler preset time *\n#3) I0 *  4) It\n"
    ),
    "PNC-CAT": (
        "# XDI/1.0 LabVIEW\n# Beamline.name: PNC-CAT 20-BM\n"
        "# Column.1: energy eV\n# Column.2: time s\n# Column.3: I0\n# Column.4: It\n# ---\n"
    ),
    "SSRL": (
        "SSRL - EXAFS Data Collector 2.0\n11-2\nData:\nAchieved Energy\nReal time clock\nI0\nI1\n\n"
    ),
    "SLS SuperXAS": "# SuperXAS, SLS\n# energy/eV; time/s; i0; itrans\n",
    "CLS": '# CLS Data Acquisition\n#(1) "$(Energy:Mono)" "$(time)" "$(i0)" "$(i1)"\n',
    "CLS XDI": _xdi("CLS HXMA", "energy eV", "time", "i0detector", "i1detector"),
}


def spectra() -> Iterator[Case]:
    """Look-alikes of spectrum files around one Fe K edge."""
    for name, head in DIALECTS.items():
        separator = "; " if ";" in head else " "
        data = table(head, ENERGY, TIME, I0, IT, separator=separator, digits=14)
        yield Case("beamlines' columns", name, data, RAW)
    yield Case(
        "beamlines' columns", "fluorescence", _columns("# energy i0 if\n", ENERGY, I0, IF), IF / I0
    )
    yield Case(
        "beamlines' columns",
        "negative currents",
        _columns("# energy i0 it\n", ENERGY, -I0, -IT),
        RAW,
    )
    project = athena_perl(
        [("oxide", {"bkg_z": "Fe"}, ENERGY, RAW), ("chi", {"datatype": "chi"}, K, CHI)]
    ).encode()
    yield Case("Athena project", "first group", project, RAW, group="oxide")
    yield Case("Athena project", "packed", gzip.compress(project), RAW, group=0)
    yield Case("Athena project", "chi(k)", project, says="chi", group="chi")
    scans = spec(("ascan energy", ("energy", "i0", "i1"), (ENERGY, I0, IT)))
    yield Case("SPEC", "one scan", scans, RAW)
    yield Case("Photon Factory 9809", "transmission", photon_factory(), RAW)
    yield Case("Photon Factory 9809", "no lattice spacing", photon_factory(spacing=""), says="D=")
    yield Case(
        "larch and Athena exports", "norm", _columns("# energy mu norm\n", ENERGY, RAW, MU), MU
    )
    feff = "# omega e k mu mu0 chi @#\n"
    wave = np.sign(REL) * np.sqrt(np.abs(REL) / 3.81)
    yield Case("FEFF", "xmu.dat", _columns(feff, ENERGY, REL, wave, MU, 1 + 0 * MU, MU - 1), MU)
    fdmnes = " 7112.000  26  1  1 = E_edge, Z, n_edge, j_edge\n    Energy    <xanes>\n"
    yield Case("FDMNES", "E_edge in its header", _columns(fdmnes, REL, MU), MU)
    for name, head, columns, says in (
        ("chi(k)", "# k chi\n", (K, CHI), "wavenumbers"),
        ("clock", "# time counts\n", (POINT, MU), "times"),
        ("encoder", "# energy encoder\n", (ENERGY, 3.0 * ENERGY), "looks like an absorption"),
        ("point number", "# energy point\n", (ENERGY, POINT), "looks like an absorption"),
        ("transmitted count", "# energy i1\n", (ENERGY, IT), "no absorption"),
        ("another edge", "# energy mu\n", (ENERGY + 2000.0, MU), "do not reach"),
        ("angle without a crystal", "# theta mu\n", (THETA, MU), "which crystal"),
    ):
        yield Case("what is no edge", name, _columns(head, *columns), says=says)
    yield from _hdf5()


def _hdf5() -> Iterator[Case]:
    from tests.spectra.test_hdf5 import bliss, made, numbers_of_others, nxxas

    yield Case("NeXus and HDF5", "NXxas, transmission", nxxas("Transmission"), RAW)
    yield Case("NeXus and HDF5", "NXxas, fluorescence", nxxas("Fluorescence", IF), IF / I0)
    yield Case("NeXus and HDF5", "scans of the ESRF", made(bliss), RAW + 1.0, group=0)
    others = made(numbers_of_others)
    yield Case("NeXus and HDF5", "numbers of other files", others, says="from other files")
