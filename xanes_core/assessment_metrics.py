"""What a recipe is worth: scores, coverage by level, element, verdict, and kind of complexes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xanes_core.assessment import Assessment
from xanes_core.calibration import fit_calibration
from xanes_core.domain import VERDICTS
from xanes_core.recipes import Recipe, TrainingData
from xanes_core.unseen import Unseen, concatenate
from xanes_core.validation import bands_of, cross_bands, scores

_Bands = dict[float, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Judged:
    """Predictions of unseen samples with their bands and verdicts; n samples.

    The band of a development sample is calibrated without its fold, that of a held-out one on all
    development samples.
    """

    unseen: Unseen
    bands: _Bands
    verdict: np.ndarray


def judge(found: Assessment) -> Judged:
    """Bands and verdicts of all samples, in the order of the data."""
    tested = [*found.parts, *([found.held] if found.held is not None else [])]
    bands = cross_bands(found.unseen, far=found.far)
    if found.held is not None:
        held = bands_of(found.calibration, found.held.unseen)
        bands = {
            level: tuple(
                np.concatenate(pair) for pair in zip(bands[level], held[level], strict=True)
            )
            for level in bands
        }
    unseen = concatenate(part.unseen for part in tested)
    verdict = np.concatenate([part.verdicts(found.spread_unit, found.envs) for part in tested])
    order = np.argsort(unseen.rows)
    return Judged(
        unseen.subset(order),
        {level: (low[order], high[order]) for level, (low, high) in bands.items()},
        verdict[order],
    )


def all_metrics(recipe: Recipe, data: TrainingData, found: Assessment, judged: Judged) -> dict:
    """Everything an assessment measures, as plain numbers for a card.

    Returns
    -------
    dict
        ``held_out``: ``all``, each element (as :func:`xanes_core.validation.scores`) and
        ``domain``; ``calibration_curve``: ``all`` and each element -> level -> coverage and width,
        over all samples; ``by_verdict`` and ``by_verdict_chemistry``: verdict -> n, MSE, coverage
        and width on the random and on the chemistry split; ``chemistry``: what was left out, n,
        MSE, that of the random split on the same samples, coverage and width.
    """
    chemistry, by_verdict = chemistry_metrics(found)
    verdicts = {level: judged.verdict == level for level in VERDICTS}
    return {
        "held_out": held_out_metrics(recipe, data, found),
        "calibration_curve": _curve(recipe, judged),
        "by_verdict": {
            level: short_scores(judged.unseen.subset(rows), *(b[rows] for b in judged.bands[0.9]))
            for level, rows in verdicts.items()
            if rows.any()
        },
        "by_verdict_chemistry": by_verdict,
        "chemistry": chemistry,
    }


def held_out_metrics(recipe: Recipe, data: TrainingData, found: Assessment) -> dict:
    """Scores on the held-out samples: ``all``, each element, and ``domain`` by verdict."""
    if found.held is None:
        return {}
    unseen, bands = found.held.unseen, bands_of(found.calibration, found.held.unseen)
    chosen = {"all": np.ones(len(unseen), dtype=bool)}
    chosen |= {el: unseen.elements == el for el in recipe.elements if (unseen.elements == el).any()}
    result = {}
    for name, rows in chosen.items():
        own = {level: (low[rows], high[rows]) for level, (low, high) in bands.items()}
        one = unseen.subset(rows)
        found_scores = scores(
            data.energy_rel_ev, one.truth, one.mean, bands=own, spectrum=recipe.spectrum
        )
        result[name] = rounded(found_scores)
    levels = found.held.verdicts(found.spread_unit, found.envs)
    low, high = bands[found.calibration.level]
    result["domain"] = {
        level: short_scores(unseen.subset(rows), low[rows], high[rows])
        for level in VERDICTS
        if (rows := levels == level).any()
    }
    return result


def chemistry_metrics(found: Assessment) -> tuple[list[dict], dict]:
    """Scores of every kind left out, and of the verdicts over all of them.

    Bands are calibrated without any sample of the kind in question.
    """
    unseen, far = found.unseen, found.far
    entries, judged = [], []
    for one in found.left_out:
        own, rows = one.tested.unseen, one.tested.unseen.rows
        others = far.without(rows)
        calibration = fit_calibration(unseen.without(rows), far=others if len(others) else None)
        low, high = bands_of(calibration, own)[calibration.level]
        at_random = _mse(unseen.subset(np.isin(unseen.rows, rows)))
        told = {"left_out": one.name, "kind": one.kind}
        entries.append({**told, **short_scores(own, low, high), "mse_random": at_random})
        judged.append((own, low, high, one.tested.verdicts(found.spread_unit, found.envs)))
    if not judged:
        return [], {}
    together = concatenate(part[0] for part in judged)
    low, high, verdict = (np.concatenate([part[i] for part in judged]) for i in (1, 2, 3))
    return entries, {
        level: short_scores(together.subset(rows), low[rows], high[rows])
        for level in VERDICTS
        if (rows := verdict == level).any()
    }


def _curve(recipe: Recipe, judged: Judged) -> dict:
    elements = judged.unseen.elements
    chosen = {"all": np.ones(len(elements), dtype=bool)}
    chosen |= {el: elements == el for el in recipe.elements if (elements == el).any()}
    return {
        name: {
            f"{level:g}": {
                key: value
                for key, value in short_scores(
                    judged.unseen.subset(rows), low[rows], high[rows]
                ).items()
                if key in ("n", "coverage", "width")
            }
            for level, (low, high) in judged.bands.items()
        }
        for name, rows in chosen.items()
    }


def _mse(unseen: Unseen) -> float:
    return _significant(np.mean((unseen.mean - unseen.truth) ** 2))


def short_scores(unseen: Unseen, lower: np.ndarray, upper: np.ndarray) -> dict:
    """Number of samples, error, coverage and width."""
    inside = (lower <= unseen.truth) & (unseen.truth <= upper)
    return {
        "n": len(unseen),
        "mse": _mse(unseen),
        "coverage": _significant(inside.mean()),
        "width": _significant(np.mean(upper - lower)),
    }


def _significant(value: float) -> float:
    return float(f"{value:.5g}")


def rounded(values: dict) -> dict:
    """Five digits are enough for a card; what is no number becomes None."""
    return {
        key: None if value != value else value if isinstance(value, int) else _significant(value)
        for key, value in values.items()
    }
