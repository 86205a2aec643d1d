"""Held-out accuracy of a recipe beside its baselines, as a table."""

from __future__ import annotations

import numpy as np

from xanes_core.baselines import BASELINES
from xanes_core.errors import DatasetError
from xanes_core.recipes import Recipe, TrainingData
from xanes_core.training import held_out_metrics
from xanes_core.wacsf import WACSF


def accuracy_report(recipe: Recipe, data: TrainingData, *, n_jobs: int = 1) -> dict:
    """Scores on the held-out samples; nothing is fitted to, chosen or scaled by them.

    Returns
    -------
    dict
        ``model`` as :func:`xanes_core.training.held_out_metrics`; ``baselines``: name -> element or
        ``all`` -> mean squared error on the same samples, and ``median`` -> median over samples.

    Raises
    ------
    DatasetError
        The data keep nothing aside.
    """
    if not data.held_out.any():
        raise DatasetError(
            "no sample is held out, so nothing can be measured; name some in held_out.txt"
        )
    train, test = ~data.held_out, data.held_out
    x = data.x
    if data.training_set is not None:
        x = WACSF.xanesnet().transform_many((a, 0) for a in data.training_set.structures)
    y, elements = data.y, data.elements
    baselines = {}
    for name, baseline in BASELINES.items():
        predicted = baseline(x[train], y[train], elements[train], x[test], elements[test])
        error = np.mean((predicted - y[test]) ** 2, axis=1)
        baselines[name] = {"all": float(error.mean()), "median": float(np.median(error))}
        for element in np.unique(elements[test]):
            baselines[name][str(element)] = float(error[elements[test] == element].mean())
    return {
        "key": recipe.key,
        "n_train": int(train.sum()),
        "grid_points": len(data.energy_rel_ev),
        "model": held_out_metrics(recipe, data, recipe.settings, n_jobs=n_jobs),
        "baselines": baselines,
    }


def markdown_table(report: dict) -> str:
    """Table of a report; MSE in units of 1e-3 edge steps squared."""
    names = list(report["baselines"])
    head = ["element", "n", "MSE", *(f"MSE, {name}" for name in names)]
    head += ["rel. error %", "intensity error %", "peak position eV", "peaks matched"]
    head += ["90 % coverage", "band width"]
    lines = [
        f"{report['key']}: fitted to {report['n_train']} samples, MSE in 1e-3",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for element, found in report["model"].items():
        if element == "domain":
            continue
        row = [element, str(found["n"]), f"{1e3 * found['mse']:.2f}"]
        row += [f"{1e3 * report['baselines'][name][element]:.2f}" for name in names]
        row += [
            _number(found["relative_spectral_error_percent"], 1),
            _number(found["median_intensity_error_percent"], 1),
            _number(found["peak_position_error_ev"], 2),
            _number(found["peaks_matched"], 2),
            _number(found["coverage"], 3),
            _number(found["width"], 3),
        ]
        lines.append("| " + " | ".join(row) + " |")
    medians = {"model": report["model"]["all"]["median_mse"]}
    medians |= {name: report["baselines"][name]["median"] for name in names}
    lines += ["", "median over complexes: "]
    lines[-1] += ", ".join(f"{name} {1e3 * value:.2f}" for name, value in medians.items())
    for level, found in report["model"]["domain"].items():
        lines.append(f"{level}: n {found['n']}, MSE {1e3 * found['mse']:.2f}")
    return "\n".join(lines)


def replace_table(text: str, key: str, table: str) -> str:
    """Put ``table`` between the marks ``<!-- accuracy KEY -->`` and ``<!-- end KEY -->``.

    Raises
    ------
    DatasetError
        The text lacks the marks.
    """
    start, end = f"<!-- accuracy {key} -->", f"<!-- end {key} -->"
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise DatasetError(f"no place for the table: write {start} and {end} on lines of their own")
    before, rest = text.split(start)
    return f"{before}{start}\n{table}\n{end}{rest.split(end)[1]}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
