"""What a model says of a structure: the spectrum, its bands, and how far to trust them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from ase import Atoms

from xanes_core.constants import K_EDGE_EV
from xanes_core.descriptors import Descriptor, absorbers_of
from xanes_core.errors import ModelError, StructureError
from xanes_core.model.calibration import Calibration
from xanes_core.model.card import Card
from xanes_core.model.domain import VERDICTS, Domain, DomainVerdict
from xanes_core.model.ensemble import Ensemble
from xanes_core.model.explanation import DistanceHistograms, Importance
from xanes_core.model.report import Report
from xanes_core.spectra import XANES, SpectrumKind, band_limits
from xanes_core.structures import MIN_DISTANCE_ANG, Environment, Site, environment, select_sites

#: Structures predicted at once: enough to keep the processor busy, little memory.
_CHUNK = 64
#: An absorber whose nearest atom is farther than this (A) stands alone: the longest bonds, to
#: iodide, are 2.9 A.
MAX_NEAREST_ANG = 3.5


@dataclass(frozen=True)
class FeaturePrediction:
    """Spectra predicted from features; n samples, k energies.

    Attributes
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energy relative to E0 (eV).
    mu : numpy.ndarray, (n, k)
        Mean over the ensemble: edge step 1, or area 1 (1/eV) for emission.
    std : numpy.ndarray, (n, k)
        Calibrated standard deviation of the error.
    lower, upper : numpy.ndarray, (n, k)
        Band that covers the truth at a share ``level`` of the points.
    level : float
        What the band promises.
    """

    energy_rel_ev: np.ndarray
    mu: np.ndarray
    std: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    level: float


@dataclass(frozen=True)
class Prediction:
    """One predicted spectrum; k energies, m ensemble members.

    Attributes
    ----------
    energy_ev, energy_rel_ev : numpy.ndarray, (k,)
        Absolute energy and energy relative to E0 (eV).
    mu, std, lower, upper : numpy.ndarray, (k,)
        As in :class:`FeaturePrediction`.
    members : numpy.ndarray, (m, k)
        Spectra of the members.
    level : float
        What the band promises.
    e0_ev : float
        Tabulated edge energy of the absorber (eV).
    element : str
        Absorber.
    model_key : str
        Model that predicted.
    sites : tuple of Site
        Sites averaged, with their multiplicities.
    domain : DomainVerdict
        How far to trust it; that of the worst site.
    kind : SpectrumKind
        What it is: absorption in edge steps, or emission of area 1 (1/eV), also named ``mu``.
    half_widths : dict of float to numpy.ndarray, (k,)
        Half the width of the band of each level, before it is cut at zero; see :meth:`band`.
    energy_scale : str
        How its energies and widths were brought to those of measurements; empty where they are
        those of theory, as a model gives them.
    """

    energy_ev: np.ndarray
    energy_rel_ev: np.ndarray
    mu: np.ndarray
    std: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    members: np.ndarray
    level: float
    e0_ev: float
    element: str
    model_key: str
    sites: tuple[Site, ...]
    domain: DomainVerdict
    kind: SpectrumKind = XANES
    half_widths: dict[float, np.ndarray] = field(default_factory=dict)
    energy_scale: str = ""

    def band(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound (k,) of the band that promises to cover a share of the points.

        Raises
        ------
        ModelError
            The model was not calibrated for that level.
        """
        if level not in self.half_widths:
            known = ", ".join(f"{100 * one:g}" for one in self.half_widths)
            raise ModelError(f"no band of {100 * level:g} %; model {self.model_key} has {known} %")
        return band_limits(self.mu, self.half_widths[level])


def check_environment(env: Environment) -> None:
    """Refuse an environment that cannot be real.

    Raises
    ------
    StructureError
        An atom lies on the absorber, or none is near it.
    """
    if not len(env.distances_ang) or env.distances_ang[0] > MAX_NEAREST_ANG:
        nearest = "it stands alone"
        if len(env.distances_ang):
            nearest = f"the nearest is {env.distances_ang[0]:.1f} A away"
        raise StructureError(
            f"the absorber has no atom within {MAX_NEAREST_ANG} A ({nearest}): a free atom has no "
            "near-edge structure. Give its ligands too, in angstrom, or the whole crystal."
        )
    if len(env.distances_ang) and env.distances_ang[0] < MIN_DISTANCE_ANG:
        raise StructureError(
            f"an atom lies {env.distances_ang[0]:.2f} A from the absorber; "
            "remove the atom that is there twice"
        )


@dataclass(frozen=True)
class SpectrumModel:
    """A trained model with its card. Load one with :func:`xanes_core.load_model`.

    Attributes
    ----------
    key : str
        Name of the model.
    card : Card
        Theory, data, sizes, metrics, licence.
    descriptor : Descriptor
        What its features are.
    energy_rel_ev : numpy.ndarray, (k,)
        Its energy grid relative to E0 (eV).
    ensemble, calibration, domain
        The fitted parts.
    importance : dict of str to Importance
        Permutation importance by ``EL_GROUPING``, see :mod:`xanes_core.importance.stored`; empty
        for a model made without it.
    distances : DistanceHistograms or None
        Distances r_ij in the training structures, where those are known.
    mean_mu : dict of str to numpy.ndarray, (k,)
        Mean training spectrum of each absorber element; may be empty.
    report : Report or None
        Of a model just trained; of one on disk see :func:`xanes_core.model.load_report`.
    """

    key: str
    card: Card
    descriptor: Descriptor
    energy_rel_ev: np.ndarray
    ensemble: Ensemble
    calibration: Calibration
    domain: Domain
    importance: dict[str, Importance] = field(default_factory=dict)
    distances: DistanceHistograms | None = None
    mean_mu: dict[str, np.ndarray] = field(default_factory=dict)
    report: Report | None = None

    @property
    def elements(self) -> tuple[str, ...]:
        """Absorbers it knows."""
        return self.card.elements

    @property
    def kind(self) -> SpectrumKind:
        """Kind of spectrum that it predicts."""
        return self.card.kind

    @property
    def level(self) -> float:
        """Share of points the band promises to cover."""
        return self.calibration.level

    def predict_features(
        self, x: np.ndarray, elements: np.ndarray | None = None
    ) -> FeaturePrediction:
        """Predict from features of the model's descriptor.

        Parameters
        ----------
        x : numpy.ndarray, (n, n_features)
            Features.
        elements : numpy.ndarray of str, (n,), optional
            Absorbers, which the width of the band depends on; read off the features where these
            tell them, else the only element of the model, else the band of all together.

        Raises
        ------
        DescriptorError
            Another shape, or values that are not finite.
        """
        mean, spread = self.ensemble.predict(x)
        mean = self.kind.possible(mean)
        std, lower, upper = self.calibration.apply(
            mean,
            spread,
            distance=self.domain.scores(self.ensemble.scaler.transform(x)),
            elements=self._elements_of(x) if elements is None else elements,
        )
        return FeaturePrediction(self.energy_rel_ev, mean, std, lower, upper, self.level)

    def _elements_of(self, x: np.ndarray) -> np.ndarray | str | None:
        elements = absorbers_of(self.descriptor, x)
        if elements is None and len(self.elements) == 1:
            return self.elements[0]
        return elements

    def predict(self, atoms: Atoms, absorber: int | str | None = 0) -> Prediction:
        """Predict the spectrum of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            Molecule or crystal. Not modified.
        absorber : int or str or None, optional
            Index of the absorbing atom; an element for the average over its sites; ``"all"`` or
            None for the only supported metal.

        Returns
        -------
        Prediction
            Sites averaged by multiplicity.

        Raises
        ------
        StructureError
            The absorber is not there or the structure cannot be used.
        ModelError
            The model does not know the absorber's element.
        """
        return self.predict_many([(atoms, absorber)])[0]

    def predict_many(
        self, structures: Iterable[tuple[Atoms, int | str | None]]
    ) -> list[Prediction]:
        """Predict many structures: (atoms, absorber) pairs, each as in :meth:`predict`.

        Faster than one by one; the same numbers to rounding.

        Raises
        ------
        StructureError, ModelError
            As :meth:`predict`, for any of them.
        """
        result: list[Prediction] = []
        pairs = iter(structures)
        while chunk := list(islice(pairs, _CHUNK)):
            result += self._predict_chunk([self._sites(*pair) for pair in chunk])
        return result

    def _sites(
        self, atoms: Atoms, absorber: int | str | None
    ) -> tuple[list[Site], list[Environment]]:
        sites = select_sites(atoms, absorber)
        element = sites[0].element
        if element not in self.elements:
            raise ModelError(
                f"model {self.key} knows {', '.join(self.elements)}, not {element}; "
                f'choose another with load_model("{element}") or --model'
            )
        if not np.isfinite(atoms.positions).all():  # such atoms would just not be seen
            raise StructureError("coordinates are not all finite numbers; mend the structure")
        envs = [environment(atoms, site.index, self.descriptor.r_cut_ang) for site in sites]
        for env in envs:
            check_environment(env)
        return sites, envs

    def _predict_chunk(self, chunk: list[tuple[list[Site], list[Environment]]]) -> list[Prediction]:
        envs = [env for _, own in chunk for env in own]
        x = np.array([self.descriptor.transform_environment(env) for env in envs])
        members = self.ensemble.predict_members(x)
        verdicts = self.domain.verdicts(
            self.ensemble.scaler.transform(x), envs, members.std(axis=0, ddof=1)
        )
        result, start = [], 0
        for sites, own in chunk:
            rows = slice(start, start + len(own))
            result.append(self._average(sites, members[:, rows], verdicts[rows]))
            start += len(own)
        return result

    def _average(
        self, sites: list[Site], members: np.ndarray, verdicts: list[DomainVerdict]
    ) -> Prediction:
        weights = np.array([site.multiplicity for site in sites], dtype=float)
        averaged = np.einsum("s,msk->mk", weights / weights.sum(), members)
        mean = self.kind.possible(averaged.mean(axis=0))
        element = sites[0].element
        distance = np.average([verdict.score for verdict in verdicts], weights=weights)
        sigma = self.calibration.sigma(averaged.std(axis=0, ddof=1), distance)
        half_widths = {
            level: self.calibration.factor(level, element) * sigma
            for level in self.calibration.levels
        }
        lower, upper = band_limits(mean, half_widths[self.level])
        e0_ev = K_EDGE_EV[element]
        return Prediction(
            energy_ev=self.energy_rel_ev + e0_ev,
            energy_rel_ev=self.energy_rel_ev,
            mu=mean,
            std=self.calibration.std_factor * sigma,
            lower=lower,
            upper=upper,
            members=averaged,
            level=self.level,
            e0_ev=e0_ev,
            element=element,
            model_key=self.key,
            sites=tuple(sites),
            domain=max(verdicts, key=lambda v: (VERDICTS.index(v.level), v.score)),
            kind=self.kind,
            half_widths=half_widths,
        )
