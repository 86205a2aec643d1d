"""What is read of files in the wild: ``python -m docs.measure_files [FOLDER]``.

Without a folder: the look-alikes of ``tests/corpus``, read or refused as they must be, and the
table of it in ``docs/files.md``. With a folder of your own files: how many of each extension are
accepted, and why the others are not. Nothing is written then.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from tests.corpus.cases import Case, spectra
from tests.spectra.look_alikes import ENERGY
from xanes_core.errors import XanesError
from xanes_core.spectra import list_spectra, read_spectrum
from xanes_core.structures import read_structures

PAGE = Path(__file__).parent / "files.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
#: Reasons that are shown for each extension.
MOST_REASONS = 3


def is_as_expected(case: Case) -> tuple[bool, float | None]:
    """Whether a look-alike gives what it must, and the largest deviation of its absorption."""
    try:
        spectrum = read_spectrum(case.data, element="Fe", group=case.group)
    except XanesError as error:
        return case.expected is None and case.says in str(error), None
    if case.expected is None or len(spectrum) != len(ENERGY):
        return False, None
    off = float(np.abs(spectrum.mu - case.expected).max())
    return off < 1e-6 and bool(np.abs(spectrum.energy_ev - ENERGY).max() < 1e-3), off


def corpus_table() -> str:
    """The look-alikes by kind as a table of markdown."""
    kinds: dict[str, list[tuple[Case, bool, float | None]]] = defaultdict(list)
    for case in spectra():
        kinds[case.kind].append((case, *is_as_expected(case)))
    rows = ["| look-alikes | read as expected | refused as expected | largest deviation |"]
    rows.append("|---|---|---|---|")
    for kind, cases in kinds.items():
        good = [one for one in cases if one[0].expected is not None]
        bad = [one for one in cases if one[0].expected is None]
        off = max((one[2] for one in good if one[2] is not None), default=None)
        rows.append(
            f"| {kind} | {_share(good)} | {_share(bad)} | {'' if off is None else f'{off:.0e}'} |"
        )
    return "\n".join(rows)


def _share(cases: list[tuple[Case, bool, float | None]]) -> str:
    return f"{sum(one[1] for one in cases)} of {len(cases)}" if cases else ""


def folder_table(folder: Path) -> str:
    """Accepted and refused files of a folder by extension, with the commonest reasons."""
    told: dict[str, list[str]] = defaultdict(list)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        told[path.suffix.lower() or "(none)"].append(_reason(path))
    lines = []
    for extension, reasons in sorted(told.items()):
        accepted = reasons.count("")
        lines.append(f"{extension}: {accepted} of {len(reasons)} accepted")
        others = [reason for reason in reasons if reason]
        commonest = sorted(set(others), key=lambda reason: -others.count(reason))[:MOST_REASONS]
        lines += [f"    {others.count(reason)} x {reason}" for reason in commonest]
    return "\n".join(lines)


def _reason(path: Path) -> str:
    """Why a file is neither a structure nor a spectrum; empty where it is one."""
    data = path.read_bytes()
    try:
        read_structures(data, name=path.name)
        return ""
    except XanesError as error:
        as_structure = str(error)
    try:
        names = list_spectra(data, name=path.name)
        for n in range(len(names)):
            read_spectrum(data, name=path.name, group=n if len(names) > 1 else None)
        return ""
    except XanesError as error:
        is_structure = path.suffix.lower() in (".cif", ".xyz", ".pdb", ".mol", ".sdf", ".res")
        return (as_structure if is_structure else str(error))[:160]


def main() -> None:
    """Measure, and write or show the table."""
    if len(sys.argv) > 1:
        print(folder_table(Path(sys.argv[1])))
        return
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{corpus_table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
