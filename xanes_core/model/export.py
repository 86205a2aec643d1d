"""Predictions as files: CSV, JSON, XDI, and one zip of many.

The writers return text or bytes and never touch a disk.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xanes_core.files import csv_text, safe_name
from xanes_core.model.features import features_object
from xanes_core.spectra import XANES, XES, Spectrum, spectrum_object, write_spectrum

if TYPE_CHECKING:
    from xanes_core.model.spectrum_model import Prediction


#: Columns of an absorption spectrum; an emission spectrum has ``emission`` instead of ``mu``.
CSV_COLUMNS = ("energy_ev", "energy_rel_ev", "mu", "std", "lower", "upper")
#: Of these, what a prediction has beside its spectrum.
_BAND = ("std", "lower", "upper")
#: Decimals of JSON and XDI.
_DIGITS = 6
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
    extra: Mapping[str, object] = field(default_factory=dict)


def to_csv(prediction: Prediction) -> str:
    """CSV text: one header line, then one line per energy, columns :data:`CSV_COLUMNS`."""
    names = [prediction.kind.column if name == "mu" else name for name in CSV_COLUMNS]
    table = np.column_stack([np.asarray(getattr(prediction, c)) for c in CSV_COLUMNS])
    lines = [f"{e:.4f},{r:.4f},{m:.6f},{s:.6f},{lo:.6f},{up:.6f}" for e, r, m, s, lo, up in table]
    return "\n".join([",".join(names), *lines]) + "\n"


def describe(prediction: Prediction) -> dict[str, object]:
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


def as_spectrum(prediction: Prediction) -> Spectrum:
    """Curve of a prediction, its E0, and what it is as metadata; rounded to six decimals.

    ``metadata["sites"]`` lists the indices of the absorbers from 0, each with its multiplicity;
    ``metadata["domain_reasons"]`` has a bar between two reasons.
    """
    metadata = {
        "element": prediction.element,
        "edge": "K",
        "Scan.edge_energy": f"{prediction.e0_ev:.2f} eV",
        "spectrum": prediction.kind.key,
        "origin": "predicted",
        "computed": "yes",
        "model": prediction.model_key,
        "band_level": f"{prediction.level:g}",
        "domain": prediction.domain.level,
        "domain_score": f"{prediction.domain.score:.6g}",
        "domain_reasons": " | ".join(str(reason) for reason in prediction.domain.reasons),
        "sites": ", ".join(f"{site.index} x{site.multiplicity}" for site in prediction.sites),
    }
    if prediction.kind == XANES:
        metadata["normalised"] = "yes"
    energy_ev, mu = _rounded(prediction.energy_ev), _rounded(prediction.mu)
    return Spectrum(energy_ev, mu, prediction.e0_ev, metadata)


def _rounded(values: np.ndarray) -> np.ndarray:
    # in double precision, so that six decimals are written as six
    return np.round(np.asarray(values, dtype=np.float64), _DIGITS)


def _band(prediction: Prediction) -> dict[str, np.ndarray]:
    return {name: _rounded(getattr(prediction, name)) for name in _BAND}


def to_json(prediction: Prediction) -> str:
    """JSON text: :func:`describe`, the features, and the arrays of the CSV as lists of numbers."""
    content = describe(prediction) | {"features": features_object(prediction)}
    content |= spectrum_object(as_spectrum(prediction), _band(prediction))
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def to_xdi(prediction: Prediction) -> str:
    """XDI 1.0 text with the columns energy (eV, absolute), mu or emission, std, lower, upper."""
    return write_spectrum(
        as_spectrum(prediction),
        "xdi",
        extra=_band(prediction),
        remark=_SENTENCES[prediction.kind],
    )


def to_zip(results: Iterable[BatchResult]) -> bytes:
    """Zip of a batch: ``spectra/NAME.csv`` each, ``summary.csv``, and ``failures.csv`` if any.

    Emission spectra are ``NAME_xes.csv``. Names inside are made safe and unique; the summary keeps
    what the user called them.
    """
    results = list(results)
    extra = list(dict.fromkeys(k for r in results for k in r.extra))
    columns = ["name", "file", "element", "spectrum", "model", "sites", "e0_ev", "domain"]
    summary: list[list[object]] = [[*columns, "mean_std", *extra]]
    failures: list[list[object]] = [["name", "error"]]
    taken: set[str] = set()
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
            count = sum(s.multiplicity for s in p.sites)
            width = f"{float(np.mean(p.std)):.4f}"
            summary.append(
                [result.name, path, p.element, p.kind.key, p.model_key, count]
                + [f"{p.e0_ev:.2f}", p.domain.level, width]
                + [result.extra.get(k, "") for k in extra]
            )
        _add(archive, "summary.csv", csv_text(summary))
        if len(failures) > 1:
            _add(archive, "failures.csv", csv_text(failures))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, path: str, text: str) -> None:
    info = zipfile.ZipInfo(path, _ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, text)
