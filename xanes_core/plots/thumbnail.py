"""A small picture of a complex: its structure beside its spectrum, as SVG text of some kilobytes.

Nothing of it is white or black, so it stands on a light and on a dark page.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms

from xanes_core.model import Prediction
from xanes_core.plots.structure import scene

_SIZE_PX = (240, 108)
#: Box of the structure and of the spectrum: left, top, width, height (pixels).
_STRUCTURE = (4.0, 4.0, 100.0, 100.0)
_SPECTRUM = (116.0, 10.0, 118.0, 88.0)
_LINE = "#2E8BC9"
_GREY = "#8A8F98"
#: Every so many points of the spectrum are enough for a line this short.
_STEP = 3


def thumbnail_svg(atoms: Atoms, prediction: Prediction) -> str:
    """Structure, seen across its flattest side, beside its spectrum with the band.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule; not changed.
    prediction : Prediction
        Its spectrum; the first site is the absorber.

    Returns
    -------
    str
        SVG, 240 x 108 pixels, transparent.

    Raises
    ------
    StructureError
        As :func:`xanes_core.plots.scene`.
    """
    width, height = _SIZE_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">',
        *_structure(atoms, prediction.sites[0].index),
        *_spectrum(prediction),
        "</svg>",
    ]
    return "".join(parts)


def _structure(atoms: Atoms, absorber: int) -> list[str]:
    view = scene(atoms, absorber)
    xyz = np.array([[a["x"], a["y"], a["z"]] for a in view["atoms"]])
    xyz -= xyz.mean(axis=0)
    # the principal axes: the longest lies across, the shortest points at the reader
    axes = np.linalg.svd(xyz, full_matrices=True)[2]
    tilt = np.radians(18.0)
    turn = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, np.cos(tilt), -np.sin(tilt)],
            [0.0, np.sin(tilt), np.cos(tilt)],
        ]
    )
    swing = np.radians(24.0)
    aside = np.array(
        [
            [np.cos(swing), 0.0, np.sin(swing)],
            [0.0, 1.0, 0.0],
            [-np.sin(swing), 0.0, np.cos(swing)],
        ]
    )
    seen = xyz @ axes.T @ aside.T @ turn.T
    radii = np.array([a["radius_ang"] for a in view["atoms"]])
    left, top, width, height = _STRUCTURE
    low, high = (seen[:, :2] - radii[:, None]).min(0), (seen[:, :2] + radii[:, None]).max(0)
    scale = min(width / (high[0] - low[0]), height / (high[1] - low[1]), 16.0)
    centre = (low + high) / 2.0
    x = left + width / 2 + scale * (seen[:, 0] - centre[0])
    y = top + height / 2 - scale * (seen[:, 1] - centre[1])
    depth = seen[:, 2]
    drawn: list[tuple[float, str]] = []
    for i, j in view["bonds"]:
        line = f'<path d="M{x[i]:.1f} {y[i]:.1f}L{x[j]:.1f} {y[j]:.1f}" stroke="{_GREY}" '
        near = float(min(depth[i], depth[j]))
        drawn.append((near, f'{line}stroke-width="{0.16 * scale:.1f}"/>'))
    for i, atom in enumerate(view["atoms"]):
        drawn.append(
            (
                float(depth[i]),
                f'<circle cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="{scale * radii[i]:.1f}" '
                f'fill="{atom["colour"]}" stroke="#555B66" stroke-width=".5"/>',
            )
        )
    return [text for _, text in sorted(drawn, key=lambda pair: pair[0])]


def _spectrum(prediction: Prediction) -> list[str]:
    left, top, width, height = _SPECTRUM
    points = np.arange(0, len(prediction.mu), _STEP)
    energy = prediction.energy_rel_ev[points]
    x = left + width * (energy - energy[0]) / (energy[-1] - energy[0])
    highest = float(prediction.upper.max()) * 1.02

    def place(mu: np.ndarray) -> list[str]:
        y = top + height * (1.0 - mu[points] / highest)
        return [f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)]

    band = place(prediction.upper) + place(prediction.lower)[::-1]
    bottom = top + height
    return [
        f'<path d="M{left} {bottom}H{left + width}" stroke="{_GREY}" stroke-width="1"/>',
        f'<path d="M{"L".join(band)}Z" fill="{_LINE}" fill-opacity=".3"/>',
        f'<path d="M{"L".join(place(prediction.mu))}" fill="none" stroke="{_LINE}" '
        'stroke-width="1.6" stroke-linejoin="round"/>',
    ]
