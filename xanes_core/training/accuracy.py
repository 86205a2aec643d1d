"""Held-out accuracy of a recipe beside its baselines, as a table."""

from __future__ import annotations

import numpy as np

from xanes_core.descriptors import WACSF
from xanes_core.errors import DatasetError
from xanes_core.spectra import XANES, SpectrumKind
from xanes_core.training.assessment import Assessment, assess
from xanes_core.training.baselines import BASELINES, REFERENCE
from xanes_core.training.recipes import Recipe, TrainingData
from xanes_core.training.scores import chemistry_metrics, held_out_metrics


def accuracy_report(
    recipe: Recipe, data: TrainingData, *, fold_ratios: bool = False, n_jobs: int = 1
) -> dict:
    """Scores on the held-out samples; nothing is fitted to, chosen or scaled by them.

    Parameters
    ----------
    recipe, data
        What to measure.
    fold_ratios : bool, optional
        Fit the reference recipe to each of the five folds too, for the spread of the ratio (five
        times the time).
    n_jobs : int, optional
        Processes.

    Returns
    -------
    dict
        ``model`` as :func:`xanes_core.training.scores.held_out_metrics`; ``baselines``: name ->
        element or ``all`` -> mean squared error on the same samples, and ``median`` -> median over
        samples; ``chemistry`` and ``by_verdict_chemistry`` as
        :func:`xanes_core.training.scores.chemistry_metrics`; ``fold_ratios``: element or ``all``
        -> mean over folds of the MSE over the recipe's, and its standard error.

    Raises
    ------
    DatasetError
        The data keep nothing aside.
    """
    if not data.held_out.any():
        raise DatasetError(
            "no sample is held out, so nothing can be measured; name some in held_out.txt"
        )
    train, test = np.flatnonzero(~data.held_out), np.flatnonzero(data.held_out)
    x = data.x
    if data.training_set is not None:
        x = WACSF.xanesnet().transform_many((a, 0) for a in data.training_set.structures)
    elements = data.elements[test]
    baselines = {}
    for name in BASELINES:
        error = _errors(name, x, data, train, test)
        baselines[name] = {"all": float(error.mean()), "median": float(np.median(error))}
        for element in np.unique(elements):
            baselines[name][str(element)] = float(error[elements == element].mean())
    found = assess(recipe, data, recipe.settings, n_jobs=n_jobs)
    chemistry, by_verdict = chemistry_metrics(found)
    return {
        "key": recipe.key,
        "n_train": len(train),
        "grid_points": len(data.energy_rel_ev),
        "model": held_out_metrics(recipe, data, found),
        "baselines": baselines,
        "chemistry": chemistry,
        "by_verdict_chemistry": by_verdict,
        "fold_ratios": _fold_ratios(x, data, found) if fold_ratios else {},
    }


def _errors(
    name: str, x: np.ndarray, data: TrainingData, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Mean squared error of a baseline on each of the samples ``test``."""
    told = (x[train], data.y[train], data.elements[train], x[test], data.elements[test])
    return np.mean((BASELINES[name](*told) - data.y[test]) ** 2, axis=1)


def _fold_ratios(x: np.ndarray, data: TrainingData, found: Assessment) -> dict:
    """Error of the folds over that of the recipe fitted to the same samples, per element."""
    development = np.flatnonzero(~data.held_out)
    ratios: dict[str, list[float]] = {}
    for part in found.parts:
        unseen = part.unseen
        train = np.setdiff1d(development, unseen.rows)
        theirs = _errors(REFERENCE, x, data, train, unseen.rows)
        ours = np.mean((unseen.mean - unseen.truth) ** 2, axis=1)
        chosen = {"all": np.ones(len(ours), dtype=bool)}
        chosen |= {str(el): unseen.elements == el for el in np.unique(unseen.elements)}
        for name, rows in chosen.items():
            ratios.setdefault(name, []).append(float(ours[rows].mean() / theirs[rows].mean()))
    return {
        name: {
            "mean": float(np.mean(values)),
            "error": float(np.std(values, ddof=1) / np.sqrt(len(values))),
        }
        for name, values in ratios.items()
        if len(values) > 1
    }


_COLUMNS = (
    ("rel. error %", "relative_spectral_error_percent", 1),
    ("intensity error %", "median_intensity_error_percent", 1),
    ("peak position eV", "peak_position_error_ev", 2),
    ("peaks matched", "peaks_matched", 2),
    ("90 % coverage", "coverage", 3),
    ("band width", "width", 3),
)
#: What a short table keeps of them.
_SHORT = ("rel. error %", "peak position eV", "90 % coverage")


def markdown_table(report: dict, kind: SpectrumKind = XANES, *, short: bool = False) -> str:
    """Table of a report; its first line tells the unit of the MSE.

    Parameters
    ----------
    report : dict
        As :func:`accuracy_report`.
    kind : SpectrumKind, optional
        What was predicted.
    short : bool, optional
        Fewer columns, and nothing but the elements.
    """
    names, (unit, label) = list(report["baselines"]), (kind.mse_factor, kind.mse_unit)
    columns = [column for column in _COLUMNS if not short or column[0] in _SHORT]
    head = ["element", "n", "MSE", *(f"MSE, {name}" for name in names)]
    head += [] if short else ["ratio to the recipe"]
    head += [title for title, _, _ in columns]
    lines = [
        f"{report['key']}: fitted to {report['n_train']} samples, MSE in {label}",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for element, found in report["model"].items():
        if element == "domain":
            continue
        row = [element, str(found["n"]), f"{unit * found['mse']:.2f}"]
        row += [f"{unit * report['baselines'][name][element]:.2f}" for name in names]
        row += [] if short else [_ratio(report, element)]
        row += [_number(found[key], digits) for _, key, digits in columns]
        lines.append("| " + " | ".join(row) + " |")
    if short:
        return "\n".join(lines)
    medians = {"model": report["model"]["all"]["median_mse"]}
    medians |= {name: report["baselines"][name]["median"] for name in names}
    lines += ["", "median over complexes: "]
    lines[-1] += ", ".join(f"{name} {unit * value:.2f}" for name, value in medians.items())
    if report["fold_ratios"]:
        lines.append("after +-, the standard error over five folds of the other samples")
    for level, found in report["model"]["domain"].items():
        lines.append(f"{level}: n {found['n']}, MSE {unit * found['mse']:.2f}")
    return "\n".join(lines + _chemistry_lines(report, unit))


def _ratio(report: dict, element: str) -> str:
    if REFERENCE not in report["baselines"]:
        return "-"
    ratio = report["model"][element]["mse"] / report["baselines"][REFERENCE][element]
    over_folds = report["fold_ratios"].get(element)
    return f"{ratio:.2f}" + (f" +- {over_folds['error']:.2f}" if over_folds else "")


def _chemistry_lines(report: dict, unit: float) -> list[str]:
    """The chemistry split beside the random one, and its verdicts."""
    if not report["chemistry"]:
        return []
    lines = [
        "",
        "| left out whole | n | MSE | MSE, random split | 90 % coverage |",
        "|---|---|---|---|---|",
    ]
    for entry in report["chemistry"]:
        cells = [entry["left_out"], str(entry["n"]), f"{unit * entry['mse']:.2f}"]
        cells += [f"{unit * entry['mse_random']:.2f}", f"{entry['coverage']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for level, found in report["by_verdict_chemistry"].items():
        lines.append(f"left out, {level}: n {found['n']}, MSE {unit * found['mse']:.2f}")
    return lines


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


def update_document(text: str, key: str, table: str, short: str) -> str:
    """Put the tables of a model wherever a document has marks for them.

    Parameters
    ----------
    text : str
        The document.
    key : str
        The model.
    table, short : str
        The long one goes between the marks of ``KEY``, the short one between those of
        ``KEY short``, see :func:`replace_table`.

    Raises
    ------
    DatasetError
        The document has neither, or one mark of a pair.
    """
    tables = {key: table, f"{key} short": short}
    wanted = [name for name in tables if f"<!-- accuracy {name} -->" in text]
    for name in wanted or [key]:
        text = replace_table(text, name, tables[name])
    return text


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
