"""The position of a spectrum as an output of its own, beside its shape.

Spectra that differ by a rigid shift are far apart as curves, and the mean of two shifted peaks is a
double peak that neither has. So the spectra of a fit are moved on top of each other first, the
networks predict the aligned curve and how far to move it back (curve registration: Ramsay and Li,
J. R. Stat. Soc. B 60, 351 (1998)). Positions and shifts are counted in grid points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xanes_core.errors import ModelError

#: Size of the position beside the curve among the targets: its standard deviation over the norm of
#: those of the curve. In cross-validation 0.3 to 0.4 did better than 0.1, and than 2.
POSITION_WEIGHT = 0.4
#: How far an edge is moved, as a share of what would bring all areas below it together: the area
#: tells of the height of the pre-edge too. The best of 0.5, 0.75 and 1 by cross-validation.
_EDGE_SHARE = 0.75


def _edge(y: np.ndarray, at: int) -> np.ndarray:
    """Less area below the first ``at`` points of an absorption: a later edge."""
    area: np.ndarray = np.clip(y[:, :at], 0.0, 1.0).sum(axis=1)
    return -_EDGE_SHARE * area


def _band(y: np.ndarray, at: int) -> np.ndarray:
    """Centre of an emission from point ``at`` on."""
    points = np.arange(at, y.shape[1])
    weights = np.clip(y[:, at:], 0.0, None)
    total = weights.sum(axis=1)
    centre = np.divide(weights @ points, total, out=np.zeros_like(total), where=total > 0)
    return np.where(total > 0, centre, centre[total > 0].mean() if (total > 0).any() else 0.0)


#: How positions are measured: of the edge of an absorption, of the valence band of an emission.
ALIGNMENTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"edge": _edge, "band": _band}


def shifted(curves: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Curves moved towards higher energies; linear between points, the ends go on level.

    Parameters
    ----------
    curves : numpy.ndarray, (..., k)
        On evenly spaced energies.
    points : numpy.ndarray, (...)
        How far, in grid points; negative moves down.
    """
    count = curves.shape[-1]
    points = np.clip(np.asarray(points), 1 - count, count - 1)
    whole = np.floor(points).astype(np.intp)
    part = (points - whole)[..., None]
    before, after = max(int(whole.max()) + 1, 0), max(-int(whole.min()), 0)
    ends = [np.repeat(curves[..., :1], before, -1), np.repeat(curves[..., -1:], after, -1)]
    rows = np.concatenate([ends[0], curves, ends[1]], axis=-1).reshape(-1, count + before + after)
    # each row is a view of its own piece: gathering point by point takes seven times as long
    windows = np.lib.stride_tricks.sliding_window_view(rows, count + 1, axis=-1)
    taken = windows[np.arange(len(rows)), before - 1 - whole.ravel()]
    upper, lower = (taken[:, k : count + k].reshape(curves.shape) for k in (1, 0))
    moved: np.ndarray = upper + part * (lower - upper)
    return moved


def aligned(y: np.ndarray, how: str, at: int) -> tuple[np.ndarray, float]:
    """Curves moved to their common position, with the position as one more column.

    Parameters
    ----------
    y : numpy.ndarray, (n, k)
        Curves.
    how : str
        One of :data:`ALIGNMENTS`.
    at : int
        Grid point where the edge has come to its end, or where the band begins.

    Returns
    -------
    targets : numpy.ndarray, (n, k + 1)
        What networks are fitted to; :func:`restored` is the inverse.
    unit : float
        What one grid point counts in the last column.

    Raises
    ------
    ModelError
        The grid point is none of the curves' or their first.
    """
    if not 0 < at < y.shape[1]:
        raise ModelError(f"align_at must be a grid point from 1 to {y.shape[1] - 1}, not {at}")
    position = ALIGNMENTS[how](y, at)
    position -= position.mean()
    curves = shifted(y, -position)
    spread = position.std()
    size = np.sqrt(curves.var(axis=0).sum())
    unit = float(POSITION_WEIGHT * size / spread) if spread > 0 and size > 0 else 1.0
    return np.column_stack([curves, unit * position]), unit


def restored(outputs: np.ndarray, unit: float | None) -> np.ndarray:
    """Curves (..., k) of outputs (..., k + 1) like those of :func:`aligned`.

    Without a ``unit`` the outputs are curves already, and come back as they are.
    """
    return outputs if unit is None else shifted(outputs[..., :-1], outputs[..., -1] / unit)
