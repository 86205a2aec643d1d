"""A structure that moves and its spectrum that follows: the whole range as plain numbers.

:func:`motion_data` gives what the page "Play" hands to the browser once, so that sliding asks the
server for nothing; :func:`motion_html` is the same as a page of its own, for a disk or an e-mail:
no server, no network.
"""

from __future__ import annotations

import hashlib
import html
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.model import VERDICT_TITLES, VERDICTS, Prediction
from xanes_core.plots.structure import scene
from xanes_core.plots.style import ABSORBER, BACKGROUND, GREY, INK, NETWORK, THEORY
from xanes_core.spectra import spectral_features
from xanes_core.structures import Movable, Move, move_label, move_limits

#: Steps of a range: enough to slide without a jolt, few enough to predict in a moment.
MOST_STEPS = 50
#: Steps (A or degrees) that a person reads easily.
_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
UNITS = {"A": "\u00c5", "deg": "\u00b0", "": ""}
#: What the verdicts are called beside a picture, in the order of ``VERDICTS``.
VERDICT_LABELS = tuple(VERDICT_TITLES[level].capitalize() for level in VERDICTS)
#: Features that are followed along the motion.
_FEATURES = ("edge_half_ev", "white_line_ev", "white_line_height", "pre_edge_height")
#: Spectra of many structures at once: (atoms, absorber) pairs, as ``SpectrumModel.predict_many``.
Predict = Callable[[Sequence[tuple[Atoms, int]]], list[Prediction]]
_FOLDER = Path(__file__).resolve().parent
_EXPORT = "export default"


@dataclass(frozen=True)
class Motion:
    """A move over its whole range, with a spectrum at every step; n steps.

    Attributes
    ----------
    title : str
        What moves, for a heading.
    label : str
        The move in a chemist's words.
    move : Move
        Of a series of metals the one to the first of them.
    values : numpy.ndarray, (n,)
        In the unit of the move; 0 is the structure as it came. Of metals their number in the row.
    ticks : tuple of str
        Names of the steps where these are metals, else empty.
    first : int
        Step of the structure as it came.
    amounts : numpy.ndarray, (n,), or None
        Bond length (A) or angle (deg) that the move changes.
    amount_name : str
        Its name, such as ``"Fe-O"``.
    frames : tuple of (ase.Atoms, int)
        Structures with their absorbers.
    predictions : tuple of Prediction
        Their spectra.
    labels : dict of int to str
        Numbers of the ligands by an atom that carries them.
    """

    title: str
    label: str
    move: Move
    values: np.ndarray
    ticks: tuple[str, ...]
    first: int
    amounts: np.ndarray | None
    amount_name: str
    frames: tuple[tuple[Atoms, int], ...]
    predictions: tuple[Prediction, ...]
    labels: Mapping[int, str]


def motion_values(low: float, high: float) -> np.ndarray:
    """At most 51 values in easy steps from `low` to `high`, (n,), 0 among them.

    Raises
    ------
    StructureError
        The range does not hold 0, or nothing else.
    """
    if not (low <= 0 <= high and low < high and math.isfinite(high - low)):
        raise StructureError(f"A range from {low:g} to {high:g} leaves nothing to move.")
    step = next((s for s in _STEPS if (high - low) / s <= MOST_STEPS + 1e-6), None)
    if step is None:
        raise StructureError(f"A range from {low:g} to {high:g} is too wide to step through.")
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return np.arange(first, last + 1) * step


def make_motion(
    body: Movable,
    move: Move,
    predict: Predict,
    *,
    title: str,
    limits: tuple[float, float] | None = None,
) -> Motion:
    """A move over its range, all steps predicted at once.

    Parameters
    ----------
    body : Movable
        The structure, prepared.
    move : Move
        By an amount; ``metal:...`` gives the row of all metals, whichever it names.
    predict : callable
        Spectra of (atoms, absorber) pairs, such as ``model.predict_many``.
    title : str
        What moves, for a heading.
    limits : (float, float), optional
        Lowest and highest value; where nothing collides if left out.

    Raises
    ------
    StructureError
        The structure cannot make the move, or the move is a removal or a swap of a ligand.
    """
    if move.kind == "metal":
        return _metal_series(body, predict, title)
    if move.is_change:
        raise StructureError(f"{move.text} has no range to slide through: choose an amount.")
    values = motion_values(*(limits or move_limits(body, move)))
    frames = []
    for value in values:
        atoms = body.atoms.copy()
        atoms.positions = body.positions([move], [float(value)])
        frames.append((atoms, body.absorber))
    start = body.start(move)
    return Motion(
        title=title,
        label=move_label(body, move),
        move=move,
        values=values,
        ticks=(),
        first=int(np.argmin(np.abs(values))),
        amounts=None if start is None else start + values,
        amount_name=_amount_name(body, move),
        frames=tuple(frames),
        predictions=tuple(predict(frames)),
        labels=_labels(body),
    )


def _metal_series(body: Movable, predict: Predict, title: str) -> Motion:
    if body.element not in ABSORBERS:
        raise StructureError(f"{body.element} is none of {', '.join(ABSORBERS)}: choose another.")
    frames = []
    for metal in ABSORBERS:
        other = [] if metal == body.element else [Move("metal", word=metal)]
        frames.append((body.apply(other, [1.0] * len(other)), body.absorber))
    return Motion(
        title=title,
        label="The metal swapped, bonds scaled by covalent radii",
        move=Move("metal", word=ABSORBERS[0]),
        values=np.arange(float(len(ABSORBERS))),
        ticks=ABSORBERS,
        first=ABSORBERS.index(body.element),
        amounts=None,
        amount_name="",
        frames=tuple(frames),
        predictions=tuple(predict(frames)),
        labels=_labels(body),
    )


def _labels(body: Movable) -> dict[int, str]:
    return {ligand.donors[0]: str(ligand.number) for ligand in body.ligands}


def _amount_name(body: Movable, move: Move) -> str:
    if move.kind == "angle":
        return "angle"
    if move.kind not in ("all", "ligand", "bond", "pair"):
        return ""
    ligands = body.moved_by(move)
    faces = [len(place) > 1 for x in ligands for place in x.places]
    donors = sorted({s for x in ligands for s in x.symbols})
    if all(faces):
        return f"{body.element}\u2013centre"
    return (
        f"mean {body.element}\u2013{'/'.join(donors)}"
        if len(faces) > 1
        else (f"{body.element}\u2013{donors[0]}")
    )


def motion_data(
    motion: Motion, theory: Mapping[int, np.ndarray] | None = None, theory_name: str = "FEFF10"
) -> dict[str, Any]:
    """Everything that the browser needs, ready for JSON: numbers, names and colours made here.

    Parameters
    ----------
    motion : Motion
        As :func:`make_motion` gives it.
    theory : mapping of int to numpy.ndarray (k,), optional
        True spectra by step, on the energies of the prediction of that step.
    theory_name : str, optional
        What they are called.
    """
    numbers, index = motion.frames[motion.first][0].numbers, motion.frames[motion.first][1]
    view = scene(motion.frames[motion.first][0], index)
    shown = [atom["index"] for atom in view["atoms"]]
    xyz = np.array([atoms.positions[shown] for atoms, _ in motion.frames])
    xyz = _turned(xyz - motion.frames[motion.first][0].positions[index], numbers[shown])
    predictions = motion.predictions
    return {
        "id": f"{motion.title} {motion.move.text} {predictions[0].model_key} {_digest(motion)}",
        "title": motion.title,
        "label": motion.label,
        "unit": UNITS[motion.move.unit],
        "values": _rounded(motion.values, 4),
        "ticks": list(motion.ticks),
        "first": motion.first,
        "amounts": None if motion.amounts is None else _rounded(motion.amounts, 3),
        "amount_name": motion.amount_name,
        "atoms": [
            {"symbol": a["symbol"], "colour": a["colour"], "radius_ang": a["radius_ang"]}
            for a in view["atoms"]
        ],
        "absorber": next(i for i, a in enumerate(view["atoms"]) if a["absorber"]),
        "bonds": view["bonds"],
        "labels": [
            {"atom": shown.index(i), "text": text}
            for i, text in motion.labels.items()
            if i in shown
        ],
        "note": view["note"],
        "positions": [_rounded(frame.ravel(), 3) for frame in xyz],
        "energy": _rounded(predictions[0].energy_rel_ev, 3),
        "curves": [_rounded(p.mu, 4) for p in predictions],
        "lower": [_rounded(p.lower, 4) for p in predictions],
        "upper": [_rounded(p.upper, 4) for p in predictions],
        "level": predictions[0].level,
        "model": predictions[0].model_key,
        "verdicts": [_verdict(p) for p in predictions],
        "features": _features([(p.energy_rel_ev, p.mu) for p in predictions]),
        "theory": _theory(motion, theory or {}, theory_name),
        "colours": {"network": NETWORK, "theory": THEORY, "grey": GREY, "absorber": ABSORBER},
    }


def _digest(motion: Motion) -> str:
    """What tells this structure from another of the same name."""
    atoms, _ = motion.frames[motion.first]
    return hashlib.sha256(np.ascontiguousarray(atoms.positions).tobytes()).hexdigest()[:12]


def _theory(motion: Motion, theory: Mapping[int, np.ndarray], name: str) -> dict[str, Any]:
    steps = sorted(theory)
    curves = [theory[step] for step in steps]
    energies = [motion.predictions[step].energy_rel_ev for step in steps]
    return {
        "name": name,
        "steps": steps,
        "curves": [_rounded(curve, 4) for curve in curves],
        "features": _features(list(zip(energies, curves, strict=True))),
    }


def _verdict(prediction: Prediction) -> dict[str, Any]:
    rank = VERDICTS.index(prediction.domain.level)
    reasons = prediction.domain.reasons
    reason = f"{reasons[0][:1].upper()}{reasons[0][1:]}" if reasons else ""
    return {"rank": rank, "label": VERDICT_LABELS[rank], "reason": reason}


def _features(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, list[float | None]]:
    """Features read off each curve by name; None where one does not show."""
    read = [asdict(spectral_features(energy, mu)) for energy, mu in curves]
    return {
        name: [round(one[name], 3) if math.isfinite(one[name]) else None for one in read]
        for name in _FEATURES
    }


def _turned(xyz: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Positions (n, m, 3) turned so that motion and heavy atoms lie across the line of sight."""
    heavy = xyz[0][numbers > 1]
    moved = (xyz[-1] - xyz[0])[np.linalg.norm(xyz[-1] - xyz[0], axis=1) > 1e-6]
    stretch = 4.0 * moved / max(float(np.abs(moved).max(initial=0.0)), 1e-9)
    cloud = np.vstack([heavy - heavy.mean(axis=0), stretch])
    axes = np.linalg.eigh(cloud.T @ cloud)[1].T[::-1].copy()  # the widest first
    if np.linalg.det(axes) < 0:
        axes[2] *= -1
    return np.asarray(xyz @ axes.T)


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    # adding zero makes a plain zero of a negative one
    return [float(v) + 0.0 for v in np.round(np.asarray(values, dtype=float), digits)]


@dataclass(frozen=True)
class MotionAssets:
    """What draws a motion in a browser: ``body`` (HTML), ``css``, and ``js``, an ES module."""

    body: str
    css: str
    js: str


def motion_assets() -> MotionAssets:
    """The component that the page and the exported file share."""
    texts = (
        (_FOLDER / f"motion.{ending}").read_text(encoding="utf-8")
        for ending in ("html", "css", "js")
    )
    return MotionAssets(*texts)


def motion_html(data: Mapping[str, Any], viewer_source: bytes = b"") -> str:
    """A page that works offline: the component with its data, and the 3D viewer's script inside.

    Parameters
    ----------
    data : mapping
        From :func:`motion_data`.
    viewer_source : bytes, optional
        The script of the 3D view, :func:`xanes_core.plots.viewer_script.viewer_source`; without it
        the page shows the spectrum and says that the 3D view is missing.
    """
    assets = motion_assets()
    title = html.escape(f"{data['title']}: {data['label']}")
    # neither a name in the data nor the script may end the element it stands in
    held = json.dumps(dict(data), ensure_ascii=True).replace("<", "\\u003c")
    script = viewer_source.decode().replace("</", "<\\/")
    light, dark = (_variables(theme) for theme in ("light", "dark"))
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            "<style>",
            f":root {{ color-scheme: light dark; {light} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}",
            "body { margin: 0 auto; padding: 1rem; max-width: 1200px; font-family: sans-serif;",
            "  color: var(--st-text-color); background: var(--st-background-color); }",
            "h1 { font-size: 1.4rem; margin: 0 0 0.8rem; }",
            assets.css,
            "</style></head><body>",
            f"<h1>{html.escape(str(data['title']))}</h1>",
            assets.body,
            f'<p class="motion-foot">Predicted by the model {html.escape(str(data["model"]))} of '
            "XANES Explorer; the band is meant to hold the true spectrum at "
            f"{100 * float(data['level']):.0f} % of the energies.</p>",
            f'<script type="application/json" id="motion-data">{held}</script>',
            f"<script>{script}</script>",
            '<script type="module">',
            assets.js.replace(_EXPORT, "const mount ="),
            'mount({ data: JSON.parse(document.getElementById("motion-data").textContent),',
            "  parentElement: document.body, setStateValue: () => {} });",
            "</script></body></html>",
        ]
    )


def _variables(theme: str) -> str:
    """Colours of a page under the names that the app's own pages give them."""
    border = "#DCE1E7" if theme == "light" else "#313946"
    inner = "#F4F6F8" if theme == "light" else "#1C222B"
    named = {
        "text": INK[theme],
        "background": BACKGROUND[theme],
        "border": border,
        "secondary-background": inner,
        "primary": NETWORK if theme == "light" else "#3D9BD6",
    }
    return " ".join(f"--st-{name}-color: {colour};" for name, colour in named.items())
