"""Write a spectrum as text: CSV, JSON or XDI. What is written here is read back exactly.

XDI is the XAFS Data Interchange format, version 1.0 (Ravel and Newville, J. Phys.: Conf. Ser. 712,
012148 (2016), doi 10.1088/1742-6596/712/1/012148).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError
from xanes_core.spectra.kinds import SPECTRUM_KINDS, XANES
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.spectra.table import FAMILY, JSON_FORMAT, MAX_NAME, clean

WRITE_FORMATS = ("csv", "json", "xdi")
#: Version of what our own entries mean.
_VERSION = 1
# Entries that would mislead a reader: of other columns than the ones written here, or of another
# element, edge and E0 than those of the spectrum.
_NOT_OURS = re.compile(r"column[._ ]?\d+|element\.(symbol|edge)|e0_ev", re.IGNORECASE)
_XDI_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_-]+")
_NO_D_SPACING = "Mono.d_spacing is not stated, because it is not known for these values."


def write_spectrum(
    spectrum: Spectrum,
    format: str = "csv",
    *,
    extra: Mapping[str, ArrayLike] | None = None,
    remark: str = "",
) -> str:
    """Text of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
        n energies. The intensity is called ``emission`` where ``metadata["spectrum"]`` is ``xes``,
        else ``mu``.
    format : {"csv", "json", "xdi"}, optional
        ``csv``: comment lines ``# key: value``, then the columns ``energy_ev``, ``energy_rel_ev``
        (where E0 is known) and the intensity. ``json``: an object with these as lists and the
        metadata. ``xdi``: XDI/1.0; E0 and metadata outside XDI's own families under
        ``XANES_Explorer``.
    extra : mapping of str to array_like, (n,), optional
        Further columns by their names, each a single word.
    remark : str, optional
        What a person should know of the values, one line without a colon; for XDI only.

    Returns
    -------
    str
        Numbers are written in full, so reading them back gives the same ones. Metadata is put on
        one line each, without control characters; in XDI their names become words of letters,
        digits, dashes and underscores.

    Raises
    ------
    SpectrumError
        Unknown format; a further column of another length, with a name of several words, or with
        values that are not finite.
    """
    writers = {"csv": _csv, "json": _json, "xdi": _xdi}
    if format not in writers:
        raise SpectrumError(
            f"unknown format {str(format)[:20]!r}; choose from {', '.join(WRITE_FORMATS)}"
        )
    return writers[format](spectrum, _further(spectrum, extra), clean(remark))


def spectrum_object(
    spectrum: Spectrum, extra: Mapping[str, ArrayLike] | None = None
) -> dict[str, object]:
    """Content of a JSON file of a spectrum with further columns, see :func:`write_spectrum`.

    Raises
    ------
    SpectrumError
        As :func:`write_spectrum`.
    """
    return {
        "format": JSON_FORMAT,
        "version": _VERSION,
        "e0_ev": spectrum.e0_ev,
        "metadata": _items(spectrum),
        **_columns(spectrum),
        **_further(spectrum, extra),
    }


def _further(spectrum: Spectrum, extra: Mapping[str, ArrayLike] | None) -> dict[str, list[float]]:
    columns = {}
    for name, values in (extra or {}).items():
        column = np.asarray(values, dtype=np.float64)
        if (
            column.shape != (len(spectrum),)
            or not np.isfinite(column).all()
            or len(name.split()) != 1
        ):
            raise SpectrumError(
                f"the column {name[:20]!r} must have a name of one word and as many finite values "
                f"as there are energies, {len(spectrum)}"
            )
        columns[name] = column.tolist()
    return columns


def _intensity(spectrum: Spectrum) -> str:
    """What the column of the intensity is called."""
    return SPECTRUM_KINDS.get(spectrum.metadata.get("spectrum", ""), XANES).column


def _columns(spectrum: Spectrum) -> dict[str, list[float]]:
    columns = {"energy_ev": spectrum.energy_ev.tolist()}
    if spectrum.e0_ev is not None:
        columns["energy_rel_ev"] = [round(e, 9) for e in spectrum.energy_rel_ev.tolist()]
    columns[_intensity(spectrum)] = spectrum.mu.tolist()
    return columns


def _items(spectrum: Spectrum) -> dict[str, str]:
    """Metadata that survive as one ``key: value`` line each."""
    items = {}
    for key, value in spectrum.metadata.items():
        if _NOT_OURS.fullmatch(key):
            continue
        name = re.sub(r"[^\w .\-]+", "_", clean(key, MAX_NAME))
        text = clean(value)
        if name and not (name[0].isascii() and name[0].isalpha()):
            name = f"x_{name}"[:MAX_NAME]
        if name and text:
            items[name] = text
    return items


def _rows(columns: Mapping[str, list[float]], separator: str) -> list[str]:
    return [separator.join(map(repr, row)) for row in zip(*columns.values(), strict=True)]


def _csv(spectrum: Spectrum, further: dict[str, list[float]], remark: str) -> str:
    lines = [f"# {key}: {value}" for key, value in _items(spectrum).items()]
    if spectrum.e0_ev is not None:
        lines.append(f"# e0_ev: {spectrum.e0_ev!r}")
    columns = _columns(spectrum) | further
    return "\n".join([*lines, ",".join(columns), *_rows(columns, ",")]) + "\n"


def _json(spectrum: Spectrum, further: dict[str, list[float]], remark: str) -> str:
    content = spectrum_object(spectrum, further)
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _xdi(spectrum: Spectrum, further: dict[str, list[float]], remark: str) -> str:
    columns = {
        "energy": spectrum.energy_ev.tolist(),
        _intensity(spectrum): spectrum.mu.tolist(),
        **further,
    }
    lines = [f"# XDI/1.0 {FAMILY}/{_VERSION}.0", "# Column.1: energy eV"]
    lines += [f"# Column.{n}: {name}" for n, name in enumerate(columns, start=1) if n > 1]
    items = _items(spectrum)
    if "element" in items:
        lines.append(f"# Element.symbol: {items.pop('element')}")
        items.setdefault("edge", "K")
    if "edge" in items:
        lines.append(f"# Element.edge: {items.pop('edge')}")
    if spectrum.e0_ev is not None:
        lines.append(f"# {FAMILY}.e0_ev: {spectrum.e0_ev!r}")
    taken: set[str] = set()
    for key, value in items.items():
        name = key
        if not _XDI_NAME.fullmatch(key):
            name = f"{FAMILY}." + re.sub(r"[^\w-]+", "_", key.replace(".", "_"), flags=re.ASCII)
        while name in taken:
            name += "_"
        taken.add(name)
        lines.append(f"# {name}: {value}")
    lines.append("# ///")
    lines += [f"# {remark}"] if remark else []
    lines += [] if "Mono.d_spacing" in taken else [f"# {_NO_D_SPACING}"]
    lines += ["# -----", "# " + " ".join(columns)]
    return "\n".join(lines + _rows(columns, " ")) + "\n"
