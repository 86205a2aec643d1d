"""Difference of two predicted spectra, with a band in which what both share cancels.

Two structures that are much alike have errors that are much alike. So the band comes from the
members of the ensemble one by one: each predicts both spectra, and the spread of its differences is
what they do not agree on. Half the width is that spread times a factor from held-out pairs of a
complex and a copy with moved ligands, whose differences FEFF10 gave too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from scipy.interpolate import CubicSpline

from xanes_core.errors import RefinementError
from xanes_core.model import Prediction, SpectrumModel
from xanes_core.refinement.scales import energy_scale
from xanes_core.spectra import Spectrum

#: Half the width of a band over the spread of the members, by what it promises: quantiles over 34
#: pairs of a held-out complex and a copy with moved ligands, model feff10-3d.
FACTORS = {0.68: 1.65, 0.9: 3.0}
#: A change smaller than this (edge steps) is none: the digits of a prediction.
NOTHING = 1e-4
#: Raster of shifts (eV) and how far it goes, in standard deviations of what is expected.
_STEP_EV, _REACH_SD = 0.1, 2.5
#: Fewest measured points on the grid, and least part of the noise that is taken for granted.
_FEWEST, _ROUGH = 12, 0.02


@dataclass(frozen=True, eq=False)
class ComparedDifference:
    """A measured difference beside the predicted one, m points.

    Attributes
    ----------
    energies_rel_ev : numpy.ndarray, (m,)
        Measured energies relative to the edge (eV), those on the grid.
    measured, explained : numpy.ndarray, (m,)
        In the unit of the measurement; the prediction shifted and scaled.
    shift_ev : float
        Added to the energies of theory (eV).
    scale, scale_sd : float
        What the prediction is multiplied by: the excited or converted share, where the measurement
        is in edge steps.
    correlation : float
        Between measured and explained.
    misfit : float
        Root mean square of what is left.
    """

    energies_rel_ev: np.ndarray
    measured: np.ndarray
    explained: np.ndarray
    shift_ev: float
    scale: float
    scale_sd: float
    correlation: float
    misfit: float


@dataclass(frozen=True, eq=False)
class SpectrumDifference:
    """Spectrum of one structure less that of another; k energies.

    Attributes
    ----------
    energies_rel_ev : numpy.ndarray, (k,)
        Relative to the edge (eV).
    mean, spread : numpy.ndarray, (k,)
        Mean and standard deviation over the members of the ensemble (edge steps).
    band_low, band_high : numpy.ndarray, (k,)
        Band that covers a share ``level`` of the points.
    level : float
    element, model_key : str
        Absorber and model.
    verdicts : (str, str)
        Of the model on the two structures; the worst where there are many.
    notes : tuple of str
    compared : ComparedDifference or None
        With a measured one.
    """

    energies_rel_ev: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    band_low: np.ndarray
    band_high: np.ndarray
    level: float
    element: str
    model_key: str
    verdicts: tuple[str, str]
    notes: tuple[str, ...]
    compared: ComparedDifference | None = None

    @property
    def size(self) -> float:
        """Root mean square of the difference (edge steps)."""
        return float(np.sqrt(np.mean(self.mean**2)))

    @property
    def is_sure(self) -> np.ndarray:
        """Where the band leaves zero out, (k,)."""
        return np.asarray((self.band_low > 0) | (self.band_high < 0))

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        result: dict[str, Any] = {
            "element": self.element,
            "model": self.model_key,
            "level": self.level,
            "size": self.size,
            "verdicts": list(self.verdicts),
            "notes": list(self.notes),
            "energies_rel_ev": np.round(self.energies_rel_ev, 4).tolist(),
            "mean": np.round(self.mean, 6).tolist(),
            "band_low": np.round(self.band_low, 6).tolist(),
            "band_high": np.round(self.band_high, 6).tolist(),
        }
        if self.compared is not None:
            result["shift_ev"] = self.compared.shift_ev
            result["scale"] = {
                "name": "scale",
                "value": self.compared.scale,
                **_interval(self.compared.scale, self.compared.scale_sd),
                "unit": "",
            }
            result["correlation"] = self.compared.correlation
            result["misfit"] = self.compared.misfit
        return result


def _interval(value: float, sd: float) -> dict[str, float]:
    return {
        "low68": value - sd,
        "high68": value + sd,
        "low90": value - 1.645 * sd,
        "high90": value + 1.645 * sd,
    }


def difference(
    model: SpectrumModel,
    a: Atoms,
    b: Atoms | Sequence[Atoms],
    absorber_a: int | str | None = None,
    absorber_b: int | str | None = None,
    *,
    measured_difference: Spectrum | None = None,
) -> SpectrumDifference:
    """Spectrum of ``a`` less that of ``b``.

    Parameters
    ----------
    model : SpectrumModel
    a : ase.Atoms
    b : ase.Atoms or sequence of ase.Atoms
        Of several, such as the frames of a trajectory, the mean is taken off.
    absorber_a, absorber_b : int or str or None, optional
        As in :meth:`~xanes_core.model.SpectrumModel.predict`.
    measured_difference : Spectrum, optional
        Over absolute energies; compared where given, its shift within what
        :func:`~xanes_core.refinement.energy_scale.energy_scale` expects and its scale free.

    Raises
    ------
    RefinementError
        The absorbers are of two elements, there is nothing to take off, or the measurement does
        not reach the grid.
    StructureError, ModelError
        A structure cannot be predicted.
    """
    others = [b] if isinstance(b, Atoms) else list(b)
    if not others:
        raise RefinementError("a difference needs a second structure")
    first, *rest = model.predict_many([(a, absorber_a), *((one, absorber_b) for one in others)])
    strangers = {one.element for one in rest} - {first.element}
    if strangers:
        raise RefinementError(
            f"a difference needs the same absorber in both structures, not {first.element} and "
            f"{', '.join(sorted(strangers))}"
        )
    members = first.members - np.mean([one.members for one in rest], axis=0)
    mean, spread = members.mean(axis=0), members.std(axis=0, ddof=1)
    half = FACTORS[0.9] * spread
    verdicts = (first.domain.level, max((one.domain for one in rest), key=_worse).level)
    notes = []
    if np.abs(mean).max() < NOTHING:
        notes.append("the two spectra are the same to the last digit shown")
    elif not ((mean - half > 0) | (mean + half < 0)).any():
        notes.append("nowhere is the difference larger than its band: it may be none")
    compared = None
    if measured_difference is not None:
        compared = _compare(model, first, members, measured_difference)
    return SpectrumDifference(
        energies_rel_ev=model.energy_rel_ev,
        mean=mean,
        spread=spread,
        band_low=mean - half,
        band_high=mean + half,
        level=0.9,
        element=first.element,
        model_key=model.key,
        verdicts=verdicts,
        notes=tuple(notes),
        compared=compared,
    )


def _worse(domain: Any) -> float:
    return float(domain.score)


def _compare(
    model: SpectrumModel, prediction: Prediction, members: np.ndarray, measured: Spectrum
) -> ComparedDifference:
    """Best shift and scale, by generalised least squares with the covariance of the members."""
    grid, mean = model.energy_rel_ev, members.mean(axis=0)
    if np.abs(mean).max() < NOTHING:
        raise RefinementError(
            "the two structures have the same spectrum: there is nothing to scale to the "
            "measured difference"
        )
    expected = energy_scale(prediction.element)
    reach = _REACH_SD * expected.shift_sd_ev
    shifts = expected.shift_ev + np.arange(-reach, reach + _STEP_EV / 2, _STEP_EV)
    relative = measured.energy_ev - prediction.e0_ev
    # the same points for every shift: those that stay on the grid for all of them
    inside = (relative >= grid[0] + shifts[-1]) & (relative <= grid[-1] + shifts[0])
    if inside.sum() < _FEWEST:
        raise RefinementError(
            f"{int(inside.sum())} points of the measured difference lie near the edge of "
            f"{prediction.element}, at least {_FEWEST} are needed: give absolute energies in eV "
            f"from about {prediction.e0_ev - 5:.0f} eV on"
        )
    x, y = relative[inside], measured.mu[inside]
    curve, each = CubicSpline(grid, mean), CubicSpline(grid, members - mean, axis=1)
    factor = FACTORS[0.68] / np.sqrt(len(members) - 1)
    noise = max(_noise(y), _ROUGH * float(np.sqrt(np.mean(y**2))), 1e-6)
    best: tuple[float, float, float, float] | None = None
    scale_was = float(np.sqrt(np.mean(y**2) / np.mean(mean**2)))
    for shift_ev in shifts:
        theory, loadings = curve(x - shift_ev), factor * scale_was * each(x - shift_ev).T
        root = np.linalg.cholesky(loadings @ loadings.T + noise**2 * np.eye(len(x)))
        u, v = np.linalg.solve(root, np.column_stack([theory, y])).T
        scale = float(u @ v / (u @ u))
        left = v - scale * u
        prior = ((shift_ev - expected.shift_ev) / expected.shift_sd_ev) ** 2
        cost = float(left @ left + prior) + 2 * float(np.log(np.diag(root)).sum())
        if best is None or cost < best[0]:
            # errors larger than the members say show in what is left
            larger = max(1.0, float(left @ left) / max(len(x) - 2, 1))
            best = cost, float(shift_ev), scale, float(np.sqrt(larger / (u @ u)))
    if best is None:
        raise RefinementError("no shift could be tried")
    _, shift_ev, scale, sd = best
    explained = scale * curve(x - shift_ev)
    return ComparedDifference(
        energies_rel_ev=x,
        measured=y,
        explained=explained,
        shift_ev=shift_ev,
        scale=scale,
        scale_sd=sd,
        correlation=float(np.corrcoef(y, explained)[0, 1]),
        misfit=float(np.sqrt(np.mean((y - explained) ** 2))),
    )


def _noise(y: np.ndarray) -> float:
    """Standard deviation of noise from how points differ from the mean of their neighbours."""
    return float(1.4826 * np.median(np.abs(y[1:-1] - (y[:-2] + y[2:]) / 2)) / np.sqrt(1.5))
