"""Whether displaced copies help: the kernel part alone on five folds, with them and without.

The kernel (:mod:`xanes_core.model.kernel`) is solved in seconds where networks take an hour, and
gains from new samples as they do. A copy is in the fold of its parent: copies of what is fitted to
may be fitted to, those of what is not are where the response is measured. Held-out samples and
their copies are not used.

A difference as a target means that the model is told the change from parent to copy, rather than
the spectrum of the copy. Both are linear in the spectra, so kernel ridge regression takes either:
with the rows of ``H`` saying what is observed, the dual coefficients solve
``(H K H' + diag(alpha)) c = H y`` (Rasmussen and Williams, Gaussian Processes for Machine Learning,
MIT Press 2006, section 9.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from xanes_core.errors import DatasetError
from xanes_core.model import Copies, FeatureScaler, Samples
from xanes_core.spectra import cosine_similarity, response_error
from xanes_core.training.assessment import folds
from xanes_core.training.recipes import TrainingData


@dataclass(frozen=True)
class UseOfCopies:
    """A way of using displaced copies.

    Attributes
    ----------
    name : str
        In words.
    used : bool
        Whether they are used at all.
    weight : float
        What a copy counts, beside 1 of a sample: its penalty is divided by it.
    as_differences : bool
        Whether changes from the parents are the targets, rather than spectra.
    """

    name: str
    used: bool = True
    weight: float = 1.0
    as_differences: bool = False


USES = (
    UseOfCopies("without copies", used=False),
    UseOfCopies("copies as further samples"),
    UseOfCopies("copies, a quarter of the weight", weight=0.25),
    UseOfCopies("copies, ten times the weight", weight=10.0),
    UseOfCopies("differences as targets", as_differences=True),
    UseOfCopies("differences, ten times the weight", weight=10.0, as_differences=True),
    UseOfCopies("differences, a hundred times the weight", weight=100.0, as_differences=True),
)


@dataclass(frozen=True)
class CopiesScore:
    """What a use of displaced copies is worth; n samples and m copies of unseen parents.

    Attributes
    ----------
    name : str
        Of the use.
    mse, mse_fold_error : float
        Of unseen samples, and its standard error over folds.
    response_error, response_cosine : float
        Medians over the copies, see :func:`xanes_core.training.scores.response_metrics`.
    """

    name: str
    mse: float
    mse_fold_error: float
    response_error: float
    response_cosine: float


def compare_copies(data: TrainingData, uses: tuple[UseOfCopies, ...] = USES) -> list[CopiesScore]:
    """Five folds of the development samples by the kernel alone, once for each use of the copies.

    Parameters
    ----------
    data : TrainingData
        Samples with copies, and the recipe whose scaling and penalty are taken.
    uses : tuple of UseOfCopies, optional
        What is tried.

    Raises
    ------
    DatasetError
        The data have no displaced copies.
    """
    samples = data.subset(data.development)
    if samples.copies is None or not len(samples.copies):
        raise DatasetError(
            "there are no displaced copies to try: give their folder with --displaced, or make "
            "some with `dataset displace --purpose training`"
        )
    errors: dict[str, list[float]] = {use.name: [] for use in uses}
    changes: dict[str, list[np.ndarray]] = {use.name: [] for use in uses}
    calculated = []
    for train, test in folds(len(samples)):
        fold = _Fold.of(samples, samples.copies, (train, test), data)
        calculated.append(fold.unseen_copies.y - samples.y[test][fold.unseen_copies.parents])
        for use in uses:
            mean, moved = fold.predict(use)
            errors[use.name].append(float(np.mean((mean - samples.y[test]) ** 2)))
            changes[use.name].append(moved - mean[fold.unseen_copies.parents])
    truth = np.concatenate(calculated)
    return [
        CopiesScore(
            name=name,
            mse=float(np.mean(found)),
            mse_fold_error=float(np.std(found, ddof=1) / np.sqrt(len(found))),
            response_error=_median(response_error(np.concatenate(changes[name]), truth)),
            response_cosine=_median(cosine_similarity(np.concatenate(changes[name]), truth)),
        )
        for name, found in errors.items()
    ]


def _median(values: float | np.ndarray) -> float:
    return float(np.nanmedian(values))


@dataclass(frozen=True, eq=False)
class _Fold:
    """Distances of one fold: n samples with m copies fitted to, p unseen ones and q copies of them.

    ``within`` is (n + m, n + m), ``across`` (p + q, n + m), ``y`` (n + m, k).
    """

    within: np.ndarray
    across: np.ndarray
    y: np.ndarray
    seen_copies: Copies
    unseen_copies: Copies
    alpha: float

    @classmethod
    def of(
        cls,
        samples: Samples,
        copies: Copies,
        rows: tuple[np.ndarray, np.ndarray],
        data: TrainingData,
    ) -> _Fold:
        settings, (train, test) = data.recipe.settings, rows
        seen, unseen = copies.of(train), copies.of(test)
        scaler = FeatureScaler.fit(
            samples.x[train],
            data.blocks,
            per_feature=settings.per_feature_scale,
            gain=settings.gain,
            clip=settings.clip,
        )

        def scaled(x: np.ndarray, more: np.ndarray) -> np.ndarray:
            a = scaler.transform(np.concatenate([x, more])).astype(np.float64)
            weights = scaler.kernel_weights
            return a if weights is None else a * weights

        known = scaled(samples.x[train], seen.x)
        new = scaled(samples.x[test], unseen.x)
        within = cdist(known, known, "cityblock")
        n = len(train)
        length = float(np.median(within[:n, :n][np.triu_indices(n, 1)])) or 1.0
        return cls(
            within=np.exp(within / -length),
            across=np.exp(cdist(new, known, "cityblock") / -length),
            y=np.concatenate([samples.y[train], seen.y]),
            seen_copies=seen,
            unseen_copies=unseen,
            alpha=settings.kernel_alpha,
        )

    def predict(self, use: UseOfCopies) -> tuple[np.ndarray, np.ndarray]:
        """Spectra of the unseen samples (p, k), and of their copies (q, k)."""
        m = len(self.seen_copies)
        n = len(self.y) - m
        used = n + m if use.used else n
        gram, observed = self.within[:used, :used].copy(), self.y[:used].copy()
        centre = observed[:n].mean(axis=0)
        observed -= centre
        parents = self.seen_copies.parents
        if use.used and use.as_differences:
            gram[n:] -= gram[parents]
            gram[:, n:] -= gram[:, parents]
            observed[n:] -= observed[parents]
        penalty = np.full(used, self.alpha)
        penalty[n:] /= use.weight
        gram[np.diag_indices_from(gram)] += penalty
        dual = cho_solve(cho_factor(gram, overwrite_a=True), observed)
        if use.used and use.as_differences:
            np.subtract.at(dual, parents, dual[n:].copy())
        spectra = self.across[:, :used] @ dual + centre
        n_unseen = len(spectra) - len(self.unseen_copies)
        return spectra[:n_unseen], spectra[n_unseen:]


def lines(scores: list[CopiesScore], factor: float) -> Iterator[str]:
    """The scores as lines of text, errors multiplied by a factor."""
    yield f"{'displaced copies':42} {'MSE':>7} {'+-':>5} {'change missed':>14} {'cosine':>7}"
    for one in scores:
        yield (
            f"{one.name:42} {factor * one.mse:7.3f} {factor * one.mse_fold_error:5.3f} "
            f"{one.response_error:14.3f} {one.response_cosine:7.3f}"
        )
