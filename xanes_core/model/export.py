"""Predictions as files: CSV, JSON, XDI, and one zip of many.

The writers return text or bytes and never touch a disk.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xanes_core.files import safe_name
from xanes_core.spectra import XANES, XES

if TYPE_CHECKING:
    from xanes_core.model.spectrum_model import Prediction


#: Columns of an absorption spectrum; an emission spectrum has ``emission`` instead of ``mu``.
CSV_COLUMNS = ("energy_ev", "energy_rel_ev", "mu", "std", "lower", "upper")
_SENTENCES = {
    XANES: "Absorption over the edge step, predicted by a neural network from a structure.",
    XES: "Valence-to-core emission of area 1 (1/eV), predicted by a neural network from a "
    "structure.",
}
#: A fixed time makes the same results give the same zip.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class BatchResult:
    """Outcome for one structure of a batch.

    Attributes
    ----------
    name : str
        What the user calls it (a file name, with a frame number where there are several).
    prediction : Prediction or None
        The spectrum; None when it failed.
    error : str
        Why it failed, in a sentence; empty when it did not.
    extra : mapping
        Further columns of the summary, such as the edge position.
    """

    name: str
    prediction: Prediction | None = None
    error: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def to_csv(prediction: Prediction) -> str:
    """CSV text: one header line, then one line per energy, columns :data:`CSV_COLUMNS`."""
    lines = [",".join(_column(prediction, c) for c in CSV_COLUMNS)]
    table = np.column_stack([np.asarray(getattr(prediction, c)) for c in CSV_COLUMNS])
    lines += [f"{e:.4f},{r:.4f},{m:.6f},{s:.6f},{lo:.6f},{up:.6f}" for e, r, m, s, lo, up in table]
    return "\n".join(lines) + "\n"


def _column(prediction: Prediction, name: str) -> str:
    """What a column is called for this kind of spectrum."""
    return prediction.kind.column if name == "mu" else name


def describe(prediction: Prediction) -> dict[str, Any]:
    """What a prediction is, besides its arrays: plain values, ready for JSON."""
    return {
        "model": prediction.model_key,
        "element": prediction.element,
        "edge": "K",
        "spectrum": prediction.kind.key,
        "e0_ev": float(prediction.e0_ev),
        "level": float(prediction.level),
        "sites": [
            {"index": int(s.index), "element": s.element, "multiplicity": int(s.multiplicity)}
            for s in prediction.sites
        ],
        "domain": {
            "level": prediction.domain.level,
            "score": float(prediction.domain.score),
            "reasons": [str(r) for r in prediction.domain.reasons],
        },
    }


def to_json(prediction: Prediction) -> str:
    """JSON text: :func:`describe` and the arrays of the CSV, each a list of numbers."""
    arrays = {
        _column(prediction, name): [
            round(float(v), 6) for v in np.asarray(getattr(prediction, name))
        ]
        for name in CSV_COLUMNS
    }
    return json.dumps(describe(prediction) | arrays, indent=1, allow_nan=False) + "\n"


def to_xdi(prediction: Prediction) -> str:
    """XDI 1.0 text with the columns energy (eV, absolute), mu or emission, std, lower, upper.

    Source of the format: XAS Data Interchange, version 1.0 (Ravel and Newville, 2012). The
    ``XANES_Explorer`` family is an extension that the format allows.
    """
    about, intensity = describe(prediction), _column(prediction, "mu")
    header = [
        "# XDI/1.0 XANES_Explorer",
        "# Column.1: energy eV",
        f"# Column.2: {intensity}",
        "# Column.3: std",
        "# Column.4: lower",
        "# Column.5: upper",
        f"# Element.symbol: {about['element']}",
        "# Element.edge: K",
        f"# Scan.edge_energy: {about['e0_ev']:.2f} eV",
        "# XANES_Explorer.origin: predicted, not measured",
        f"# XANES_Explorer.spectrum: {about['spectrum']}",
        f"# XANES_Explorer.model: {about['model']}",
        f"# XANES_Explorer.band_level: {about['level']:.2f}",
        f"# XANES_Explorer.domain: {about['domain']['level']}",
        "# ///",
        f"# {_SENTENCES[prediction.kind]}",
        "# -----",
        f"# energy {intensity} std lower upper",
    ]
    columns = ("energy_ev", "mu", "std", "lower", "upper")
    table = np.column_stack([np.asarray(getattr(prediction, c)) for c in columns])
    rows = [f"{e:12.4f} {m:10.6f} {s:10.6f} {lo:10.6f} {up:10.6f}" for e, m, s, lo, up in table]
    return "\n".join(header + rows) + "\n"


def to_zip(results: Iterable[BatchResult]) -> bytes:
    """Zip of a batch: ``spectra/NAME.csv`` each, ``summary.csv``, and ``failures.csv`` if any.

    Emission spectra are ``NAME_xes.csv``. Names inside are made safe and unique; the summary keeps
    what the user called them.
    """
    results = list(results)
    extra = list(dict.fromkeys(k for r in results for k in r.extra))
    columns = ["name", "file", "element", "spectrum", "model", "sites", "e0_ev", "domain"]
    columns += ["mean_std", *extra]
    summary, failures, taken = [columns], [["name", "error"]], set()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for result in results:
            p = result.prediction
            if p is None:
                failures.append([result.name, result.error or "no prediction"])
                continue
            ending = "" if p.kind == XANES else f"_{p.kind.key}"
            path = f"spectra/{safe_name(result.name + ending, taken)}.csv"
            _add(archive, path, to_csv(p))
            row = [result.name, path, p.element, p.kind.key, p.model_key]
            row += [sum(s.multiplicity for s in p.sites)]
            row += [f"{p.e0_ev:.2f}", p.domain.level, f"{float(np.mean(p.std)):.4f}"]
            summary.append(row + [result.extra.get(k, "") for k in extra])
        _add(archive, "summary.csv", _table(summary))
        if len(failures) > 1:
            _add(archive, "failures.csv", _table(failures))
    return buffer.getvalue()


def _table(rows: list[list[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([[_cell(v) for v in row] for row in rows])
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula, and no reader for two lines."""
    if not isinstance(value, str):
        return value
    value = " ".join(value.split())
    number = re.fullmatch(r"[-+]?\d+(\.\d*)?", value)
    return f"'{value}" if value[:1] in tuple("=+-@") and value and not number else value


def _add(archive: zipfile.ZipFile, path: str, text: str) -> None:
    info = zipfile.ZipInfo(path, _ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, text)
