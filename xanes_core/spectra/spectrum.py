"""A spectrum and what can be done to it: shift, scale, resample, align."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from xanes_core.errors import SpectrumError

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator

#: Two energies closer than this (eV) are the same energy.
ENERGY_TOLERANCE_EV = 1e-9


def _read_only(values: ArrayLike, what: str) -> np.ndarray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SpectrumError(f"{what} must be numbers") from error
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Absorption over energy; immutable.

    Parameters
    ----------
    energy_ev : array_like, (n,)
        Absolute photon energies (eV), finite, positive, strictly ascending; at least two.
    mu : array_like, (n,)
        Absorption: in edge steps where normalised, else in the unit of the measurement.
    e0_ev : float, optional
        Edge energy (eV) that :attr:`energy_rel_ev` is relative to.
    metadata : mapping of str to str, optional
        Whatever else is known. These words have a meaning wherever they stand: ``element``,
        ``edge``; ``spectrum`` (key of a :class:`~xanes_core.spectra.SpectrumKind`); ``origin``
        (``predicted``, ``computed`` or ``measured``), ``computed`` and ``normalised`` (``yes`` or
        ``no``); ``source_format`` and ``column`` of the file that the curve came from at first;
        ``notes``, what its reader mended; and of a prediction ``model``, ``band_level``,
        ``domain``, ``domain_score``, ``domain_reasons`` and ``sites``.

    Raises
    ------
    SpectrumError
        When one of these conditions does not hold.
    """

    energy_ev: np.ndarray
    mu: np.ndarray
    e0_ev: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        energy = _read_only(self.energy_ev, "energies")
        mu = _read_only(self.mu, "absorption values")
        if energy.ndim != 1 or energy.shape != mu.shape:
            raise SpectrumError(
                "energies and absorption must be one-dimensional and of the same length; got the "
                f"shapes {energy.shape} and {mu.shape}"
            )
        if energy.size < 2:
            raise SpectrumError(f"a spectrum needs at least two points, got {energy.size}")
        if not np.isfinite(energy).all() or not np.isfinite(mu).all():
            raise SpectrumError("a spectrum must hold finite numbers only; drop NaN and infinity")
        if energy[0] <= 0:
            raise SpectrumError(
                f"energies must be absolute and positive, the first is {energy[0]:g} eV; add E0 to "
                "energies relative to the edge"
            )
        if np.any(np.diff(energy) <= 0):
            raise SpectrumError("energies must ascend strictly; sort them and merge duplicates")
        if self.e0_ev is not None and not (np.isfinite(self.e0_ev) and self.e0_ev > 0):
            raise SpectrumError(f"E0 must be a positive energy in eV, got {self.e0_ev}")
        metadata = dict(self.metadata)
        if not all(isinstance(k, str) and isinstance(v, str) for k, v in metadata.items()):
            raise SpectrumError("metadata must map text to text")
        object.__setattr__(self, "energy_ev", energy)
        object.__setattr__(self, "mu", mu)
        object.__setattr__(self, "e0_ev", None if self.e0_ev is None else float(self.e0_ev))
        object.__setattr__(self, "metadata", MappingProxyType(metadata))

    def __len__(self) -> int:
        return self.energy_ev.size

    def __reduce__(self) -> tuple[type[Spectrum], tuple[object, ...]]:
        # A mapping proxy cannot be copied or sent to a worker process; its content can.
        return Spectrum, (self.energy_ev, self.mu, self.e0_ev, dict(self.metadata))

    @property
    def energy_rel_ev(self) -> np.ndarray:
        """Energies relative to E0 (n,) in eV; raises SpectrumError where E0 is unknown."""
        if self.e0_ev is None:
            raise SpectrumError("this spectrum has no E0; give the element or e0_ev")
        return self.energy_ev - self.e0_ev

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader mended or assumed, one remark each."""
        text = self.metadata.get("notes", "")
        return tuple(part for part in text.split("; ") if part)

    def with_metadata(self, **items: str) -> Spectrum:
        """Return a copy with these metadata set."""
        return replace(self, metadata={**self.metadata, **items})


def shift(spectrum: Spectrum, shift_ev: float) -> Spectrum:
    """Move a spectrum by ``shift_ev`` (eV) along the energy; E0 stays where it is.

    Raises
    ------
    SpectrumError
        The shift is not finite, or takes energies below zero.
    """
    if not np.isfinite(shift_ev):
        raise SpectrumError("the shift must be a finite energy in eV")
    return replace(spectrum, energy_ev=spectrum.energy_ev + float(shift_ev))


def scale(spectrum: Spectrum, factor: float) -> Spectrum:
    """Multiply a spectrum by a positive factor without unit.

    Raises
    ------
    SpectrumError
        The factor is not positive or not finite.
    """
    if not (np.isfinite(factor) and factor > 0):
        raise SpectrumError(f"the scale factor must be positive, got {factor}")
    return replace(spectrum, mu=spectrum.mu * float(factor))


def resample(spectrum: Spectrum, energy_ev: ArrayLike) -> Spectrum:
    """Read a spectrum at other energies, on straight lines between its points.

    Parameters
    ----------
    spectrum : Spectrum
    energy_ev : array_like, (k,)
        Absolute energies wanted (eV), strictly ascending.

    Raises
    ------
    SpectrumError
        Energies that do not ascend, or that reach beyond the spectrum.
    """
    wanted = _read_only(energy_ev, "target energies")
    if wanted.ndim != 1 or wanted.size < 2 or not np.isfinite(wanted).all():
        raise SpectrumError("the target needs at least two finite energies in one dimension")
    if np.any(np.diff(wanted) <= 0):
        raise SpectrumError("the target energies must ascend strictly")
    energy = spectrum.energy_ev
    if wanted[0] < energy[0] - ENERGY_TOLERANCE_EV or wanted[-1] > energy[-1] + ENERGY_TOLERANCE_EV:
        raise SpectrumError(
            f"the target reaches from {wanted[0]:.2f} to {wanted[-1]:.2f} eV, the spectrum only "
            f"from {energy[0]:.2f} to {energy[-1]:.2f} eV; shorten the target"
        )
    return replace(spectrum, energy_ev=wanted, mu=np.interp(wanted, energy, spectrum.mu))


@dataclass(frozen=True)
class Alignment:
    """Best fit of one spectrum on another.

    ``shift_ev`` (eV) and ``scale`` are what to apply to the moving spectrum, ``misfit`` is the root
    mean square difference that remains (unit of mu), ``misfit_before`` the one without them,
    ``overlap_ev`` the absolute energies compared, ``at_bound`` whether the shift ran into its
    limit, ``aligned`` the moving spectrum with both applied.
    """

    shift_ev: float
    scale: float
    misfit: float
    misfit_before: float
    overlap_ev: tuple[float, float]
    at_bound: bool
    aligned: Spectrum


def align(
    moving: Spectrum,
    reference: Spectrum,
    *,
    max_shift_ev: float = 10.0,
    fit_scale: bool = False,
    window_ev: tuple[float, float] | None = None,
) -> Alignment:
    """Shift (and scale) one spectrum onto another by least squares on what both cover.

    The misfit is ``sqrt( integral (s mu(E - d) - ref)^2 dE / integral dE )`` over the energies of
    the reference that the moving spectrum covers for every shift allowed, so every shift is judged
    on the same energies. The shift is searched on a 0.25 eV raster and refined by Brent's method;
    the scale, where asked, follows in closed form.

    Parameters
    ----------
    moving, reference : Spectrum
        Absolute energies; both normalised, unless ``fit_scale``.
    max_shift_ev : float, optional
        Largest shift (eV) in either direction.
    fit_scale : bool, optional
        Fit a positive factor too.
    window_ev : (float, float), optional
        Absolute energies (eV) to compare; all common ones by default.

    Raises
    ------
    SpectrumError
        A bound that is not positive, fewer than ten common energies, or a fit whose scale is not
        positive.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.optimize import minimize_scalar

    if not (np.isfinite(max_shift_ev) and max_shift_ev > 0):
        raise SpectrumError(f"the largest shift must be a positive energy, got {max_shift_ev}")
    low, high = window_ev if window_ev is not None else (-np.inf, np.inf)
    low = max(low, moving.energy_ev[0] + max_shift_ev)
    high = min(high, moving.energy_ev[-1] - max_shift_ev)
    inside = (reference.energy_ev >= low) & (reference.energy_ev <= high)
    if inside.sum() < 10:
        raise SpectrumError(
            f"only {int(inside.sum())} energies of the reference are covered at every shift of up "
            f"to {max_shift_ev:g} eV; lower the largest shift or check the edges of both spectra"
        )
    energy, target = reference.energy_ev[inside], reference.mu[inside]
    weights = trapezoid_weights(energy)
    curve = PchipInterpolator(moving.energy_ev, moving.mu)

    def fit(shift_ev: float) -> tuple[float, float]:
        values = curve(energy - shift_ev)
        norm = (weights * values**2).sum()
        factor = (weights * values * target).sum() / norm if fit_scale and norm > 0 else 1.0
        square = (weights * (factor * values - target) ** 2).sum() / weights.sum()
        return float(np.sqrt(square)), float(factor)

    raster = np.linspace(-max_shift_ev, max_shift_ev, int(np.ceil(8 * max_shift_ev)) + 1)
    best = float(raster[np.argmin([fit(d)[0] for d in raster])])
    step = raster[1] - raster[0]
    bounds = (max(best - step, -max_shift_ev), min(best + step, max_shift_ev))
    refined = minimize_scalar(
        lambda d: fit(d)[0], bounds=bounds, method="bounded", options={"xatol": 1e-4}
    )
    best = min((best, float(refined.x)), key=lambda d: fit(d)[0])
    misfit, factor = fit(best)
    if factor <= 0:
        raise SpectrumError(
            "the best scale is not positive; the spectra do not resemble each other"
        )
    return Alignment(
        shift_ev=best,
        scale=factor,
        misfit=misfit,
        misfit_before=fit(0.0)[0] if not fit_scale else _plain_misfit(curve, energy, target),
        overlap_ev=(float(energy[0]), float(energy[-1])),
        at_bound=abs(best) > max_shift_ev - 1e-3,
        aligned=scale(shift(moving, best), factor),
    )


def _plain_misfit(curve: PchipInterpolator, energy: np.ndarray, target: np.ndarray) -> float:
    weights = trapezoid_weights(energy)
    return float(np.sqrt((weights * (curve(energy) - target) ** 2).sum() / weights.sum()))


def as_curves(*arrays: ArrayLike) -> list[np.ndarray]:
    """Broadcast curves to one shape (n, k) or (k,).

    Raises
    ------
    SpectrumError
        Another shape, other numbers of energies or of curves, or values that are not finite.
    """
    converted = [np.asarray(a, dtype=np.float64) for a in arrays]
    shapes = [a.shape for a in converted]
    if any(a.ndim not in (1, 2) or a.shape[-1] == 0 for a in converted):
        raise SpectrumError(f"curves must have the shape (k,) or (n, k); got {shapes}")
    if len({a.shape[-1] for a in converted}) > 1:
        raise SpectrumError(f"the curves differ in their number of energies: {shapes}")
    if not all(np.isfinite(a).all() for a in converted):
        raise SpectrumError("a curve holds values that are not finite numbers")
    try:
        return list(np.broadcast_arrays(*converted))
    except ValueError as error:
        raise SpectrumError(f"the curves differ in number: {shapes}") from error


def as_energies(energy_ev: ArrayLike, size: int) -> np.ndarray:
    """Energies (size,) as float64, finite and strictly ascending.

    Raises
    ------
    SpectrumError
        They have another shape, are not finite or do not ascend.
    """
    energy = np.asarray(energy_ev, dtype=np.float64)
    if energy.shape != (size,):
        raise SpectrumError(f"energies must have the shape ({size},), got {energy.shape}")
    if not np.isfinite(energy).all() or np.any(np.diff(energy) <= 0):
        raise SpectrumError("energies must be finite and ascend strictly")
    return energy


def trapezoid_weights(energy_ev: ArrayLike) -> np.ndarray:
    """Weights w (k,) in eV of the trapezoid rule, ``sum(w * mu) = integral of mu dE``."""
    energy = np.asarray(energy_ev, dtype=np.float64)
    half = np.diff(energy) / 2.0
    weights = np.zeros_like(energy)
    weights[:-1] += half
    weights[1:] += half
    return weights
