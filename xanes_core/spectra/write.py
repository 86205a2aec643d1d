"""Write a spectrum as text: CSV, JSON or XDI. What is written here is read back exactly."""

from __future__ import annotations

import json
import re

from xanes_core.errors import SpectrumError
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.spectra.table import clean

WRITE_FORMATS = ("csv", "json", "xdi")
# Descriptions of other columns than the ones written here would mislead a reader.
_NOT_OURS = re.compile(r"column[._ ]?\d|element\.|e0_ev|fdmnes\.", re.IGNORECASE)
_XDI_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_]+")


def write_spectrum(spectrum: Spectrum, format: str = "csv") -> str:
    """Text of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
    format : {"csv", "json", "xdi"}, optional
        ``csv``: comment lines ``# key: value``, then the columns ``energy_ev``, ``energy_rel_ev``
        (where E0 is known) and ``mu``. ``json``: an object with these as lists. ``xdi``: XDI/1.0;
        E0 and metadata outside XDI's own families under ``XanesExplorer``.

    Returns
    -------
    str
        Numbers are written in full, so reading them back gives the same ones. Metadata is put on
        one line each, without control characters.

    Raises
    ------
    SpectrumError
        Unknown format.
    """
    writers = {"csv": _csv, "json": _json, "xdi": _xdi}
    if format not in writers:
        raise SpectrumError(
            f"unknown format {str(format)[:20]!r}; choose from {', '.join(WRITE_FORMATS)}"
        )
    return writers[format](spectrum)


def _columns(spectrum: Spectrum) -> dict[str, list[float]]:
    columns = {"energy_ev": spectrum.energy_ev.tolist()}
    if spectrum.e0_ev is not None:
        columns["energy_rel_ev"] = [round(e, 9) for e in spectrum.energy_rel_ev.tolist()]
    columns["mu"] = spectrum.mu.tolist()
    return columns


def _items(spectrum: Spectrum) -> dict[str, str]:
    """Metadata that survive as one ``key: value`` line each."""
    items = {}
    for key, value in spectrum.metadata.items():
        if _NOT_OURS.match(key):
            continue
        name = re.sub(r"[^\w .\-]+", "_", clean(key, 60)).strip("_ .-")
        text = clean(value)
        if name and not name[0].isascii():
            name = f"x_{name}"[:60]
        if name and text:
            items[name if name[0].isalpha() else f"x_{name}"[:60]] = text
    return items


def _csv(spectrum: Spectrum) -> str:
    lines = [f"# {key}: {value}" for key, value in _items(spectrum).items()]
    if spectrum.e0_ev is not None:
        lines.append(f"# e0_ev: {spectrum.e0_ev!r}")
    columns = _columns(spectrum)
    lines.append(",".join(columns))
    lines += [",".join(map(repr, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"


def _json(spectrum: Spectrum) -> str:
    content = {
        "format": "xanes-explorer spectrum",
        "version": 1,
        "e0_ev": spectrum.e0_ev,
        "metadata": _items(spectrum),
        **_columns(spectrum),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _xdi(spectrum: Spectrum) -> str:
    items = _items(spectrum)
    element, edge = items.pop("element", None), items.pop("edge", "K")
    for key in list(items):
        if key.lower().startswith("mono.d_spacing"):
            items.pop(key)
    lines = ["# XDI/1.0 XanesExplorer/1.0", "# Column.1: energy eV", "# Column.2: mu"]
    if element:
        lines += [f"# Element.symbol: {element}", f"# Element.edge: {edge}"]
    if spectrum.e0_ev is not None:
        lines.append(f"# XanesExplorer.e0_ev: {spectrum.e0_ev!r}")
    for key, value in items.items():
        known = _XDI_KEY.fullmatch(key)
        name = key if known else "XanesExplorer." + re.sub(r"\W+", "_", key, flags=re.ASCII)
        lines.append(f"# {name}: {value}")
    lines += [
        "# ///",
        "# Mono.d_spacing is not stated, because it is not known for these values.",
        "#---",
        "# energy mu",
    ]
    pairs = zip(spectrum.energy_ev.tolist(), spectrum.mu.tolist(), strict=True)
    lines += [f"{energy!r} {mu!r}" for energy, mu in pairs]
    return "\n".join(lines) + "\n"
