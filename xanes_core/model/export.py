"""Predictions as files: CSV, JSON, XDI, and one zip of many.

The writers return text or bytes and never touch a disk. A spectrum that lies over a prediction goes
along with how it was moved and scaled, so that a file says what the picture shows.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.files import csv_text, safe_name
from xanes_core.model.comparison import Overlaid, on_shared_grid
from xanes_core.model.features import features_object
from xanes_core.spectra import (
    XANES,
    XES,
    Spectrum,
    SpectrumKind,
    spectrum_object,
    window_misfit,
    write_spectrum,
)

if TYPE_CHECKING:
    from xanes_core.model.spectrum_model import Prediction


#: Columns of an absorption spectrum; an emission spectrum has ``emission`` instead of ``mu``.
CSV_COLUMNS = ("energy_ev", "energy_rel_ev", "mu", "std", "lower", "upper")
#: Of these, what a prediction has beside its spectrum.
_BAND = ("std", "lower", "upper")
#: Further columns of the CSV where another spectrum lies over the prediction.
OVERLAID_COLUMNS = ("overlaid", "residual", "overlaid_shift_ev", "overlaid_scale")
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


def to_csv(prediction: Prediction, overlaid: Overlaid | None = None) -> str:
    """CSV text: one header line, then one line per energy, columns :data:`CSV_COLUMNS`.

    With a spectrum over it further columns, see :data:`OVERLAID_COLUMNS`: that spectrum on the same
    energies (empty where it is not known), prediction minus it, and how it was moved and scaled.
    """
    names = [prediction.kind.column if name == "mu" else name for name in CSV_COLUMNS]
    table = np.column_stack([np.asarray(getattr(prediction, c)) for c in CSV_COLUMNS])
    lines = [f"{e:.4f},{r:.4f},{m:.6f},{s:.6f},{lo:.6f},{up:.6f}" for e, r, m, s, lo, up in table]
    if overlaid is not None:
        names += OVERLAID_COLUMNS
        own = _overlaid_values(prediction, overlaid)
        moved = f"{overlaid.shift_ev:.4f},{overlaid.scale:.6f}"
        lines = [
            f"{line},{_number(value)},{_number(mu - value)},{moved}"
            for line, value, mu in zip(lines, own.tolist(), prediction.mu.tolist(), strict=True)
        ]
    return "\n".join([",".join(names), *lines]) + "\n"


def _overlaid_values(prediction: Prediction, overlaid: Overlaid) -> np.ndarray:
    """The other spectrum on the energies of the prediction (k,); NaN where it is not known."""
    values = np.full(len(prediction.energy_ev), np.nan)
    try:
        inside, own = on_shared_grid(prediction, overlaid.spectrum.energy_ev, overlaid.spectrum.mu)
    except SpectrumError:
        return values
    values[inside] = own
    return values


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}f}" if np.isfinite(value) else ""


def misfit(prediction: Prediction, overlaid: Overlaid) -> float:
    """Root mean square of prediction minus the other spectrum; NaN where they do not overlap."""
    own = _overlaid_values(prediction, overlaid)
    known = np.isfinite(own)
    if not known.any():
        return float("nan")
    return float(window_misfit(prediction.energy_rel_ev[known], prediction.mu[known], own[known]))


def describe(prediction: Prediction) -> dict[str, object]:
    """What a prediction is, besides its arrays: plain values, ready for JSON."""
    scale = {"energy_scale": prediction.energy_scale} if prediction.energy_scale else {}
    return scale | {
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
    if prediction.energy_scale:
        metadata["energy_scale"] = prediction.energy_scale
    energy_ev, mu = _rounded(prediction.energy_ev), _rounded(prediction.mu)
    return Spectrum(energy_ev, mu, prediction.e0_ev, metadata)


def _rounded(values: np.ndarray) -> np.ndarray:
    # in double precision, so that six decimals are written as six
    return np.round(np.asarray(values, dtype=np.float64), _DIGITS)


def _band(prediction: Prediction) -> dict[str, np.ndarray]:
    return {name: _rounded(getattr(prediction, name)) for name in _BAND}


def to_json(prediction: Prediction, overlaid: Overlaid | None = None) -> str:
    """JSON text: :func:`describe`, the features, and the arrays of the CSV as lists of numbers.

    A spectrum over it stands under ``"overlaid"``, on its own energies.
    """
    content = describe(prediction) | {"features": features_object(prediction)}
    content |= spectrum_object(as_spectrum(prediction), _band(prediction))
    if overlaid is not None:
        content |= {"overlaid": _describe_overlaid(prediction, overlaid)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _describe_overlaid(prediction: Prediction, overlaid: Overlaid) -> dict[str, object]:
    rms = misfit(prediction, overlaid)
    return {
        "name": overlaid.name,
        "origin": "computed" if overlaid.is_computed else "measured",
        "shift_ev": float(overlaid.shift_ev),
        "scale": float(overlaid.scale),
        "misfit_rms": rms if np.isfinite(rms) else None,
        "energy_ev": _rounded(overlaid.spectrum.energy_ev).tolist(),
        prediction.kind.column: _rounded(overlaid.spectrum.mu).tolist(),
    }


def to_xdi(prediction: Prediction) -> str:
    """XDI 1.0 text with the columns energy (eV, absolute), mu or emission, std, lower, upper."""
    return write_spectrum(
        as_spectrum(prediction),
        "xdi",
        extra=_band(prediction),
        remark=_SENTENCES[prediction.kind],
    )


def to_zip(
    results: Iterable[BatchResult], overlaid: Mapping[SpectrumKind, Overlaid] | None = None
) -> bytes:
    """Zip of a batch: ``spectra/NAME.csv`` each, ``summary.csv``, and ``failures.csv`` if any.

    Emission spectra are ``NAME_xes.csv``. Names inside are made safe and unique; the summary keeps
    what the user called them. A spectrum that lies over those of its kind is ``overlaid.csv`` (or
    ``overlaid_xes.csv``) on its own energies, its shift, scale and misfit columns of the summary.
    """
    results, over = list(results), dict(overlaid or {})
    extra = list(dict.fromkeys(k for r in results for k in r.extra))
    columns = ["name", "file", "element", "spectrum", "model", "sites", "e0_ev", "domain"]
    judged = ["misfit_rms", *OVERLAID_COLUMNS[2:]] if over else []
    summary: list[list[object]] = [[*columns, "mean_std", *judged, *extra]]
    failures: list[list[object]] = [["name", "error"]]
    taken: set[str] = set()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for result in results:
            p = result.prediction
            if p is None:
                failures.append([result.name, result.error or "no prediction"])
                continue
            path = f"spectra/{safe_name(result.name + _ending(p.kind), taken)}.csv"
            _add(archive, path, to_csv(p, over.get(p.kind)))
            count = sum(s.multiplicity for s in p.sites)
            width = f"{float(np.mean(p.std)):.4f}"
            summary.append(
                [result.name, path, p.element, p.kind.key, p.model_key, count]
                + [f"{p.e0_ev:.2f}", p.domain.level, width]
                + (_judged(p, over.get(p.kind)) if over else [])
                + [result.extra.get(k, "") for k in extra]
            )
        _add(archive, "summary.csv", csv_text(summary))
        for kind, one in over.items():
            rows = zip(one.spectrum.energy_ev, one.spectrum.mu, strict=True)
            table = [["energy_ev", kind.column], *([f"{e:.4f}", f"{m:.6f}"] for e, m in rows)]
            _add(archive, f"overlaid{_ending(kind)}.csv", csv_text(table))
        if len(failures) > 1:
            _add(archive, "failures.csv", csv_text(failures))
    return buffer.getvalue()


def _ending(kind: SpectrumKind) -> str:
    return "" if kind == XANES else f"_{kind.key}"


def _judged(prediction: Prediction, overlaid: Overlaid | None) -> list[object]:
    """Misfit, shift and scale for the summary; empty where there is nothing to compare with."""
    if overlaid is None:
        return ["", "", ""]
    return [
        _number(misfit(prediction, overlaid)),
        f"{overlaid.shift_ev:.4f}",
        f"{overlaid.scale:.6f}",
    ]


def _add(archive: zipfile.ZipFile, path: str, text: str) -> None:
    info = zipfile.ZipInfo(path, _ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, text)
