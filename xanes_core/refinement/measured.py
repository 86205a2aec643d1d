"""A measured spectrum as a fit needs it: normalised, one element, points that carry information."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError
from xanes_core.spectra import XES, Spectrum, normalise

#: Energies relative to the edge (eV) that are compared unless others are asked for; the reach of
#: the shipped models' grids.
WINDOW_EV = (-15.0, 60.0)
#: Points nearer than this (eV) are joined: theory holds nothing finer, and a measurement with ten
#: points there weighs no more than its noise says.
STEP_EV = 1.0 / 3.0
#: Fewest points inside a window, and how much of it (eV) they must span.
MIN_POINTS, MIN_SPAN_EV = 12, 10.0
#: What a white line may reach, in edge steps: beyond, the curve is not normalised.
MAX_MU = 6.0


@dataclass(frozen=True, eq=False)
class Measured:
    """A spectrum to be explained, m points.

    Attributes
    ----------
    energies_ev : numpy.ndarray, (m,)
        Absolute energies (eV), ascending.
    mu : numpy.ndarray, (m,)
        Absorption in edge steps.
    element : str
        Absorber.
    sigma : numpy.ndarray, (m,), or None
        Standard deviation of the noise (edge steps); None: estimated from the points where a
        likelihood needs it, see :meth:`noise`.
    name : str
        What to call it.
    notes : tuple of str
        What was done to it or is doubtful.
    weights : numpy.ndarray, (m,), or None
        How much a person wants each point to count, up to 1: standard deviations are divided by it.
    computed : bool
        Whether a program calculated it.

    Raises
    ------
    SpectrumError
        Shapes differ, values are not finite, energies do not ascend, noise or weights are not
        positive, the element has no tabulated K edge, or the energies lie at another edge.
    """

    energies_ev: np.ndarray
    mu: np.ndarray
    element: str
    sigma: np.ndarray | None = None
    name: str = ""
    notes: tuple[str, ...] = ()
    weights: np.ndarray | None = field(default=None, kw_only=True)
    computed: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.element not in K_EDGE_EV:
            raise SpectrumError(
                f"no K edge is tabulated for {str(self.element)[:20]!r}: choose one of "
                f"{', '.join(K_EDGE_EV)}"
            )
        for name in ("energies_ev", "mu", "sigma", "weights"):
            value = getattr(self, name)
            if value is None:
                continue
            array = np.array(value, dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
            if array.ndim != 1 or array.shape != np.shape(self.energies_ev):
                raise SpectrumError(
                    f"{name} must be one value for each of the energies, got {array.shape}"
                )
            if not np.isfinite(array).all():
                raise SpectrumError(f"{name} must be finite numbers: drop NaN and infinity")
            if name in ("sigma", "weights") and (array <= 0).any():
                raise SpectrumError(f"{name} must be positive: leave points out with a window")
        if (np.diff(self.energies_ev) <= 0).any():
            raise SpectrumError("energies must ascend strictly: sort them and merge duplicates")
        relative = self.energies_rel_ev
        if not len(relative) or relative[-1] < WINDOW_EV[0] or relative[0] > WINDOW_EV[1]:
            raise self._another_edge()

    def _another_edge(self) -> SpectrumError:
        if not len(self.energies_ev):
            return SpectrumError("the spectrum has no points")
        low, high = self.energies_ev[[0, -1]]
        inside = [el for el, e0 in K_EDGE_EV.items() if low - 10 < e0 < high + 10]
        seen = f" They are at the edge of {inside[0]}." if inside else ""
        return SpectrumError(
            f"the energies, {low:.0f} to {high:.0f} eV, are not at the K edge of {self.element}, "
            f"{K_EDGE_EV[self.element]:.0f} eV.{seen} Give a structure with the element that was "
            "measured, or the right spectrum."
        )

    @classmethod
    def of(
        cls, spectrum: Spectrum, element: str | None = None, *, e0_ev: float | None = None,
        name: str = "", sigma: np.ndarray | None = None,
    ) -> Measured:  # fmt: skip
        """From a spectrum as it was read; normalised first where it is not.

        Parameters
        ----------
        spectrum : Spectrum
            Absorption over absolute energies.
        element : str, optional
            Absorber; that of the spectrum where left out.
        e0_ev : float, optional
            Where the edge step is taken, where the spectrum needs to be normalised; the steepest
            rise where left out.
        name : str, optional
            What to call it.
        sigma : numpy.ndarray, (n,), optional
            Noise of the points, in the unit of the spectrum.

        Raises
        ------
        SpectrumError
            Of another element, an emission, no absorber known, no edge step, or as the class.
        """
        stated = spectrum.metadata.get("element") or None
        absorber = element or stated
        if absorber is None:
            raise SpectrumError("the spectrum does not say its element: name the absorber")
        if stated is not None and stated != absorber:
            raise SpectrumError(
                f"the spectrum is of {stated}, the absorber is {absorber}: give a structure with "
                f"{stated}, or a spectrum of {absorber}"
            )
        if spectrum.metadata.get("spectrum") == XES.key:
            raise SpectrumError("this is an emission; a fit needs an absorption spectrum")
        notes, factor = list(spectrum.notes), 1.0
        computed = spectrum.metadata.get("computed") == "yes"
        first = cls(spectrum.energy_ev, spectrum.mu, absorber)  # at this edge at all?
        if spectrum.metadata.get("normalised") != "yes" and not computed:
            done = normalise(spectrum, e0_ev=e0_ev)
            spectrum, factor = done.spectrum, done.edge_step
            notes.append(
                f"normalised here: edge step {done.edge_step:.3g} at {done.e0_ev:.1f} eV, pre-edge "
                f"{done.pre_range_ev[0]:.0f} to {done.pre_range_ev[1]:.0f} eV, post-edge "
                f"{done.post_range_ev[0]:.0f} to {done.post_range_ev[1]:.0f} eV"
            )
        inside = (first.energies_rel_ev > WINDOW_EV[0]) & (first.energies_rel_ev < WINDOW_EV[1])
        if inside.any() and np.abs(spectrum.mu[inside]).max() > MAX_MU:
            raise SpectrumError(
                f"the spectrum reaches {np.abs(spectrum.mu[inside]).max():.3g} edge steps: "
                "normalise it to an edge step of 1 first"
            )
        noise = None if sigma is None else np.asarray(sigma, dtype=np.float64) / factor
        return cls(
            spectrum.energy_ev, spectrum.mu, absorber, noise, name, tuple(notes), computed=computed
        )

    def __len__(self) -> int:
        """Count the points."""
        return len(self.energies_ev)

    @property
    def energies_rel_ev(self) -> np.ndarray:
        """Energies relative to the tabulated edge (m,) in eV."""
        return np.asarray(self.energies_ev - K_EDGE_EV[self.element])

    def noise(self) -> np.ndarray:
        """Standard deviation of the noise (m,): as given, else from how neighbours scatter.

        From each point the straight line between its neighbours is taken off, which leaves noise
        and curvature; the median over all points passes over the few that are curved. Never below
        1e-4, the digits of a file.
        """
        if self.sigma is not None:
            return self.sigma
        if len(self) < 5:
            return np.full(len(self), 1e-3)
        e, mu = self.energies_ev, self.mu
        part = (e[1:-1] - e[:-2]) / (e[2:] - e[:-2])
        line = mu[:-2] + part * (mu[2:] - mu[:-2])
        # 1 + part^2 + (1 - part)^2: variance of what is left, for a noise of one
        left = (mu[1:-1] - line) / np.sqrt(1 + part**2 + (1 - part) ** 2)
        return np.full(len(self), max(1.4826 * float(np.median(np.abs(left))), 1e-4))

    def within(self, window_rel_ev: tuple[float, float] = WINDOW_EV) -> Measured:
        """The points inside a window, joined where they lie closer than theory can tell.

        Parameters
        ----------
        window_rel_ev : (float, float), optional
            Energies relative to the tabulated edge (eV).

        Raises
        ------
        SpectrumError
            The window does not ascend, lies outside the spectrum, or holds too few points.
        """
        low, high = (float(v) for v in window_rel_ev)
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise SpectrumError(f"the window must ascend, got {low:g} to {high:g} eV")
        relative = self.energies_rel_ev
        inside = (relative >= low - 1e-6) & (relative <= high + 1e-6)
        count = int(inside.sum())
        reach = f"the spectrum reaches from {relative[0]:.0f} to {relative[-1]:.0f} eV"
        if not count:
            raise SpectrumError(
                f"the window from {low:g} to {high:g} eV around the edge lies outside: {reach}. "
                "Move the window."
            )
        span = float(np.ptp(relative[inside]))
        if count < MIN_POINTS or span < MIN_SPAN_EV:
            raise SpectrumError(
                f"{count} points over {span:.0f} eV lie in the window from {low:g} to {high:g} eV; "
                f"at least {MIN_POINTS} over {MIN_SPAN_EV:g} eV are needed. Widen it: {reach}."
            )
        # noise is read off the whole spectrum, and before points are joined
        return replace(self, sigma=self.noise()).subset(inside)._joined()

    def subset(self, mask: np.ndarray) -> Measured:
        """The points that a mask (m,) chooses."""
        return replace(
            self,
            energies_ev=self.energies_ev[mask],
            mu=self.mu[mask],
            sigma=None if self.sigma is None else self.sigma[mask],
            weights=None if self.weights is None else self.weights[mask],
        )

    def _joined(self) -> Measured:
        """Means over bins of ``STEP_EV`` wherever points lie closer."""
        relative = self.energies_rel_ev
        bins = np.floor((relative - relative[0]) / STEP_EV + 1e-6).astype(int)
        _, which, counts = np.unique(bins, return_inverse=True, return_counts=True)
        if counts.max() == 1 or self.sigma is None:
            return self

        def mean(values: np.ndarray) -> np.ndarray:
            return np.asarray(np.bincount(which, values) / counts)

        return replace(
            self,
            energies_ev=mean(self.energies_ev),
            mu=mean(self.mu),
            sigma=np.sqrt(np.bincount(which, self.sigma**2)) / counts,
            weights=None if self.weights is None else mean(self.weights),
        )

    def weighted(self, factors: Mapping[tuple[float, float], float]) -> Measured:
        """Points of some windows counting less.

        Parameters
        ----------
        factors : mapping of (float, float) to float
            By windows relative to the edge (eV): above 0, up to 1.

        Raises
        ------
        SpectrumError
            A factor outside that range.
        """
        weights = np.ones(len(self)) if self.weights is None else self.weights.copy()
        relative = self.energies_rel_ev
        for (low, high), factor in factors.items():
            if not 0 < factor <= 1:
                raise SpectrumError(f"a weight is above 0 and up to 1, not {factor:g}")
            weights[(relative >= low) & (relative <= high)] *= factor
        return replace(self, weights=weights)
