"""The importance that is computed once, at training time, and stored with a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from xanes_core.descriptors import Descriptor
from xanes_core.errors import DescriptorError, ModelError
from xanes_core.importance.groups import feature_groups
from xanes_core.importance.permutation import Predictor, Scrambling, cross_importance
from xanes_core.model import Ensemble, Importance, Samples

#: Groupings computed for each absorber element by itself.
ELEMENT_GROUPINGS = ("distance", "shell", "kind", "angle")
#: Every single feature, over all absorbers: as many numbers as all the others together.
ALL_FEATURES = "all_none"
#: Share of an element's samples, those predicted worst, that is left out where there are enough:
#: scrambling mends a spectrum that is far off, and one such outweighs a hundred others.
TRIMMED_SHARE, TRIMMED_FROM = 0.05, 50
#: Most samples of an element that are scrambled: the error of a mean over more is smaller than the
#: differences that are read off, and each takes a prediction for every feature and repeat.
MOST_SAMPLES = 100


def stored_key(element: str, grouping: str) -> str:
    """Name under which the importance of a grouping is kept; ``none`` is there for all elements."""
    return ALL_FEATURES if grouping == "none" else f"{element}_{grouping}"


def stored_importance(
    fitted: Sequence[tuple[Predictor, np.ndarray]],
    samples: Samples,
    descriptor: Descriptor,
    scrambling: Scrambling | None = None,
    *,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Importance]:
    """Importance of all that the pages show, each sample scored by a fit that had not seen it.

    The 5 % of an element's samples that are predicted worst are left out (of 50 or more), and of
    the others 100 are taken, evenly over all.

    Parameters
    ----------
    fitted : sequence of (predictor, rows)
        From :func:`xanes_core.training.assessment.cross_fit`.
    samples : Samples
        Those that the rows count among.
    descriptor : Descriptor
        What the features are.
    scrambling : Scrambling, optional
        How; as usual if not given.
    progress : callable, optional
        Called with a sentence and the share done.

    Returns
    -------
    dict of str to Importance
        ``all_none`` (single features, see :func:`mean_and_errors`) and, for each element with
        enough samples, ``EL_distance``, ``EL_shell``, ``EL_kind``, ``EL_angle``.

    Raises
    ------
    ModelError, SpectrumError
        As :func:`xanes_core.importance.cross_importance`.
    """
    tell = progress or (lambda text, share: None)
    fitted = _scored(fitted, samples)
    tell("importance of every feature", 0.0)
    singles = cross_importance(fitted, samples, feature_groups(descriptor), scrambling)
    result = {ALL_FEATURES: mean_and_errors(singles)}
    known = np.unique(samples.elements).tolist()
    for done, element in enumerate(known):
        tell(f"importance around {element}", 0.7 + 0.3 * done / len(known))
        own = [(predict, rows[samples.elements[rows] == element]) for predict, rows in fitted]
        own = [pair for pair in own if len(pair[1]) > 1]
        if not own:  # nothing to scramble among
            continue
        for grouping in ELEMENT_GROUPINGS:
            try:
                groups = feature_groups(descriptor, grouping)
            except DescriptorError:  # a descriptor without angles, say
                continue
            importance = cross_importance(own, samples, groups, scrambling)
            result[stored_key(element, grouping)] = importance
    return result


def _scored(
    fitted: Sequence[tuple[Predictor, np.ndarray]], samples: Samples
) -> list[tuple[Predictor, np.ndarray]]:
    """The rows that importance is scored on: not the worst, and no more than are needed."""
    error = np.full(len(samples), np.nan)
    for predict, rows in fitted:
        x = samples.x[rows]
        mean = predict.predict(x)[0] if isinstance(predict, Ensemble) else predict(x)
        error[rows] = np.mean((mean - samples.y[rows]) ** 2, axis=1)
    kept = np.isfinite(error)
    for element in np.unique(samples.elements):
        own = np.flatnonzero(kept & (samples.elements == element))
        if len(own) >= TRIMMED_FROM:
            kept[own[error[own] > np.quantile(error[own], 1 - TRIMMED_SHARE)]] = False
    for element in np.unique(samples.elements):
        own = np.flatnonzero(kept & (samples.elements == element))
        if len(own) > MOST_SAMPLES:
            kept[own] = False
            kept[own[np.linspace(0, len(own) - 1, MOST_SAMPLES).round().astype(int)]] = True
    return [(predict, rows[kept[rows]]) for predict, rows in fitted]


def mean_and_errors(importance: Importance) -> Importance:
    """Keep mean and both errors at each energy, as two pseudo-repeats and two pseudo-parts.

    A tenth of the size. Errors of single energies stay what they were; those of a window become
    upper bounds, because the errors of its energies are taken to go together.
    """
    mean, error, sampling = importance.mean, importance.standard_error, importance.sampling_error
    return replace(
        importance,
        raw=np.stack([mean - error, mean + error]),
        parts=np.stack([mean - sampling, mean + sampling]),
    )


def find_importance(
    stored: dict[str, Importance], key: str, element: str, grouping: str
) -> Importance:
    """Importance of one grouping around one absorber, from what a model carries.

    Raises
    ------
    ModelError
        The model carries none, or not this one; says what to do.
    """
    if not stored:
        raise ModelError(
            f"model {key} carries no importance data; compute them with: "
            f"python -m xanes_core importance --model {key} --recompute"
        )
    name = stored_key(element, grouping)
    if name not in stored:
        known = sorted({k.split("_")[0] for k in stored if k.endswith(f"_{grouping}")})
        raise ModelError(
            f"model {key} has no importance by {grouping} around {element}; "
            + (f"there is that around {', '.join(known)}" if known else "choose another grouping")
        )
    return stored[name]


def mean_over_absorbers(stored: dict[str, Importance], key: str, grouping: str) -> Importance:
    """Importance of one grouping, averaged over the absorbers a model carries it for.

    Every absorber counts the same, however many spectra it has; samples are scrambled among
    complexes of one absorber only.

    Raises
    ------
    ModelError
        The model carries this grouping around no absorber.
    """
    by_absorber = [stored[name] for name in sorted(stored) if name.endswith(f"_{grouping}")]
    if not by_absorber:
        return find_importance(stored, key, "all", grouping)  # says what there is instead
    return replace(
        by_absorber[0],
        raw=np.mean([one.raw for one in by_absorber], axis=0),
        parts=np.mean([one.parts for one in by_absorber], axis=0),
    )
