"""How a model errs: the covariance of its errors over energies, from what it had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from xanes_core.errors import ModelError
from xanes_core.model import Report, SpectrumModel, load_report

#: Principal components that are kept of the covariance of an element; what they leave stays as
#: variances of single energies. Held-out likelihood of feff10-3d: 25 do worse, 60 a little better,
#: but follow the noise of 1/3 eV.
N_COMPONENTS = 40
#: Records of other elements count as this many of the own, together. Held-out likelihood of
#: feff10-3d: 60 to 200 alike, 600 worse.
PRIOR_RECORDS = 100.0
#: Degrees of freedom of Student's t: how much the size of errors varies between complexes of the
#: same element and band. Held-out likelihood of feff10-3d: 5; of a Gaussian it is 35 lower.
DEGREES_OF_FREEDOM = 5.0
#: Standard deviation (edge steps) of single points that no component describes: digits, and the
#: interpolation of spectra whose edge moves.
ROUGHNESS = 1e-3
#: Bounds of what errors are stretched by, and its value for feff10-3d, for models without records.
STRETCHES, _USUAL_STRETCH = (1.0, 30.0), 6.0
#: Share of points of the band that tells how wide the errors of a structure are.
WIDTH_LEVEL = 0.9
#: For models without stored errors: half the band of 90 % over the standard deviation, and the
#: energy (eV) over which errors are alike, that of feff10-3d.
_BAND_SIGMAS, _ALIKE_EV = 1.645, 2.0
_FOLDS = 5
_FEWEST = 30


@dataclass(frozen=True, eq=False)
class ModelErrors:
    """Errors of a model for one element; k energies.

    Errors of a structure are taken as Student's t with ``DEGREES_OF_FREEDOM``, of scale matrix
    ``w^2 (L L' + diag(v))``; ``w`` is the width of the structure's calibrated band over that of an
    ordinary one. Errors keep their shape wherever the edge is: they move with the spectrum.

    Errors have no such simple law: some complexes err in one direction alone, which a covariance
    over all does not know. A likelihood that took it at its word would promise intervals that are
    too narrow. So it is raised to a power 1/``stretch`` (P. G. Bissiri, C. C. Holmes and S. G.
    Walker, J. R. Stat. Soc. B 78, 1103 (2016), doi 10.1111/rssb.12158). The power is chosen on
    records that the predicting fit had not seen: there, the shift of the energies, which truly is
    zero, is estimated with errors of the size promised.

    Attributes
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Grid of the model relative to the edge (eV).
    loadings : numpy.ndarray, (k, q)
        L, in edge steps.
    variances : numpy.ndarray, (k,)
        v, squared edge steps.
    half_width : float
        Root mean square of half the 90 % band of ordinary structures (edge steps).
    stretch : float
        How many times the variance of an estimate is that which the covariance promises.
    note : str
        Where it falls back on an assumption; else empty.
    """

    energy_rel_ev: np.ndarray
    loadings: np.ndarray
    variances: np.ndarray
    half_width: float
    stretch: float = 1.0
    note: str = ""

    @classmethod
    def of(
        cls,
        model: SpectrumModel,
        element: str,
        *,
        held_out: bool = True,
        report: Report | None = None,
    ) -> ModelErrors:
        """Errors that a model made on records which the predicting fit had not seen.

        The covariance of the element's own records is shrunk towards that of all, as its number of
        records says, and cut to ``N_COMPONENTS``. Its size is the one that makes left-out records
        most probable under Student's t.

        Parameters
        ----------
        model : SpectrumModel
        element : str
            Absorber.
        held_out : bool, optional
            Use held-out records as well; left out where accuracy is measured on them.
        report : Report, optional
            Instead of the one stored with the model.

        Raises
        ------
        ModelError
            The model does not know the element.
        """
        if element not in model.elements:
            raise ModelError(
                f"model {model.key} knows {', '.join(model.elements)}, not {element}: choose "
                "another model"
            )
        report = report or model.report or _stored_report(model.key)
        if report is not None and report.mean is not None and report.truth is not None:
            chosen = np.ones(len(report), bool) if held_out else ~report.held_out
            errors = report.truth[chosen].astype(np.float64) - report.mean[chosen]
            upper = np.asarray(report.upper)[chosen].astype(np.float64)
            half = np.sqrt(np.mean((upper - report.mean[chosen]) ** 2, axis=1))
            own = report.elements[chosen] == element
            if len(errors) >= _FEWEST and own.any():
                return cls._from_errors(
                    model.energy_rel_ev,
                    errors,
                    half,
                    own,
                    report.mean[chosen][own].astype(np.float64),
                )
        return cls._assumed(model, element)

    @classmethod
    def _from_errors(
        cls,
        energy_rel_ev: np.ndarray,
        errors: np.ndarray,
        half: np.ndarray,
        own: np.ndarray,
        mean: np.ndarray,
    ) -> ModelErrors:
        """From errors (n, k), half widths (n,) and which are of the element, with spectra of it."""
        ordinary = float(np.sqrt(np.mean(half[own] ** 2)))
        relative = errors * (ordinary / half)[:, None]
        pooled = relative.T @ relative / len(relative)
        mine = relative[own]
        slopes = -np.gradient(mean, energy_rel_ev, axis=1)
        sizes, estimates = np.empty(len(mine)), np.empty(len(mine))
        for rows in np.array_split(np.arange(len(mine)), min(_FOLDS, len(mine))):
            root = _root(_shrunk(np.delete(mine, rows, axis=0), pooled))
            errs, ways = (np.linalg.solve(root, x[rows].T) for x in (mine, slopes))
            sizes[rows] = np.sum(errs**2, axis=0)
            estimates[rows] = np.sum(errs * ways, axis=0) ** 2 / np.sum(ways**2, axis=0)
        k = errors.shape[1]
        size = _size_of_t(sizes, k)
        loadings, variances = _shrunk(mine, pooled)
        return cls(
            energy_rel_ev,
            np.sqrt(size) * loadings,
            size * variances,
            ordinary,
            _stretch(estimates / size, sizes / size, k),
        )

    @classmethod
    def _assumed(cls, model: SpectrumModel, element: str) -> ModelErrors:
        """From the calibrated band, errors alike over ``_ALIKE_EV``: for models without records."""
        calibration, energy = model.calibration, model.energy_rel_ev
        half = calibration.factor(WIDTH_LEVEL, element) * calibration.sigma(calibration.floor * 0)
        sigma = half / _BAND_SIGMAS
        apart = (energy[:, None] - energy) / _ALIKE_EV
        covariance = np.outer(sigma, sigma) * np.exp(-0.5 * apart**2)
        note = (
            f"model {model.key} has no stored errors: they are taken as alike over "
            f"{_ALIKE_EV:g} eV, so intervals are rough"
        )
        loadings, variances = _low_rank(covariance, min(N_COMPONENTS, len(energy)))
        ordinary = float(np.sqrt(np.mean(half**2)))
        return cls(energy, loadings, variances, ordinary, _USUAL_STRETCH, note)


@lru_cache(maxsize=8)
def _stored_report(key: str) -> Report | None:
    try:
        return load_report(key)
    except ModelError:  # a model that is not in the folder, such as one just trained
        return None


def _low_rank(covariance: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Loadings (k, count) of the largest components, and the variances (k,) they leave."""
    values, vectors = np.linalg.eigh(covariance)
    loadings = vectors[:, -count:] * np.sqrt(np.maximum(values[-count:], 0.0))
    left = np.diag(covariance) - np.sum(loadings**2, axis=1)
    return loadings, np.maximum(left, 0.0) + ROUGHNESS**2


def _shrunk(own: np.ndarray, pooled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of an element's errors (n, k), shrunk towards that of all, as low rank."""
    share = len(own) / (len(own) + PRIOR_RECORDS)
    mine = own.T @ own / max(len(own), 1)
    return _low_rank(share * mine + (1 - share) * pooled, min(N_COMPONENTS, len(pooled)))


def _root(parts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Cholesky factor (k, k) of loadings and variances."""
    loadings, variances = parts
    return np.asarray(np.linalg.cholesky(loadings @ loadings.T + np.diag(variances)))


def _size_of_t(sizes: np.ndarray, k: int) -> float:
    """Factor on the scale matrix of Student's t that makes squared sizes (n,) most probable."""
    nu = DEGREES_OF_FREEDOM
    size = float(np.median(sizes)) / k
    for _ in range(100):  # the EM step of the t distribution; converges slowly but always
        weights = (nu + k) / (nu + sizes / size)
        size = float(np.mean(weights * sizes)) / k
    return size


def _stretch(estimates: np.ndarray, sizes: np.ndarray, k: int) -> float:
    """Variance of estimates of something that is zero over the one promised.

    Parameters
    ----------
    estimates : numpy.ndarray, (n,)
        Squared estimates over their variances by the covariance.
    sizes : numpy.ndarray, (n,)
        Squared sizes of the errors, which Student's t lets follow.
    k : int
        Number of energies.
    """
    nu, stretch = DEGREES_OF_FREEDOM, _USUAL_STRETCH
    for _ in range(20):  # the size followed depends on how many points count as independent
        followed = (nu + sizes / stretch) / (nu + k / stretch)
        stretch = float(np.clip(np.mean(estimates / followed), *STRETCHES))
    return stretch
