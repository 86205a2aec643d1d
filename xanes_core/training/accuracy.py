"""Held-out accuracy of a recipe beside its baselines, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xanes_core.descriptors import WACSF
from xanes_core.errors import DatasetError
from xanes_core.model import JsonObject, Samples
from xanes_core.spectra import XANES, SpectrumKind
from xanes_core.training.assessment import Assessment, assess
from xanes_core.training.baselines import BASELINES, REFERENCE, Baseline
from xanes_core.training.recipes import TrainingData
from xanes_core.training.scores import all_metrics, by_element, judge


def accuracy_report(
    data: TrainingData,
    *,
    baselines: Mapping[str, Baseline] | None = None,
    fold_ratios: bool = False,
    measured: JsonObject | None = None,
    n_jobs: int = 1,
) -> dict[str, Any]:
    """Scores on the held-out samples; nothing is fitted to, chosen or scaled by them.

    Parameters
    ----------
    data : TrainingData
        What to measure on, with the recipe to be measured.
    baselines : mapping of str to callable, optional
        What it has to beat; default :data:`xanes_core.training.baselines.BASELINES`.
    fold_ratios : bool, optional
        Fit the reference recipe to each of the five folds too, for the spread of the ratio (five
        times the time).
    measured : mapping, optional
        As :func:`xanes_core.training.scores.all_metrics`, of a model made of the same data by the
        same recipe: nothing but the baselines is fitted then. Not with ``fold_ratios``.
    n_jobs : int, optional
        Processes.

    Returns
    -------
    dict
        ``model`` and ``published`` as :func:`xanes_core.training.scores.held_out_metrics`, the
        latter for published structures, of which baselines know none; ``cross_fitted`` the same
        of every published structure; ``response`` as
        :func:`xanes_core.training.scores.response_metrics`, empty where it was not measured;
        ``baselines``: name ->
        element or ``all`` -> mean squared error on the same samples, and ``median`` -> median over
        samples; ``chemistry`` and ``by_verdict_chemistry`` as
        :func:`xanes_core.training.scores.chemistry_metrics`; ``fold_ratios``: element or ``all``
        -> mean over folds of the MSE over the recipe's, and its standard error.

    Raises
    ------
    DatasetError
        The data keep nothing aside, or an element has no other sample.
    ModelError
        Too few samples, or samples all alike.
    """
    if not data.held_out.any():
        raise DatasetError(
            "no sample is held out, so nothing can be measured; name some in held_out.txt"
        )
    baselines = BASELINES if baselines is None else baselines
    own = data.own()  # baselines need structures
    reference: Samples = own
    if own.training_set is not None:
        sites = ((atoms, 0) for atoms in own.training_set.structures)
        reference = replace(own, x=WACSF.xanesnet().transform_many(sites))
    train, test = own.development, np.flatnonzero(own.held_out)
    ratios = {}
    if measured is None or fold_ratios:
        assessment = assess(data, n_jobs=n_jobs)
        measured = all_metrics(assessment, judge(assessment))
        if fold_ratios:
            ratios = _fold_ratios(baselines[REFERENCE], reference, assessment)
    return {
        "key": data.recipe.key,
        "n_train": len(data.development),
        "n_published": int((data.is_published & ~data.held_out).sum()),
        "grid_points": len(data.energy_rel_ev),
        "model": measured["held_out"],
        "published": measured.get("held_out_published", {}),
        "cross_fitted": measured.get("cross_fitted_published", {}),
        "baselines": {
            name: _means(_errors(baseline, reference, train, test), own.elements[test])
            for name, baseline in baselines.items()
        },
        "response": measured.get("response", {}),
        "chemistry": measured["chemistry"],
        "by_verdict_chemistry": measured["by_verdict_chemistry"],
        "fold_ratios": ratios,
    }


def _errors(
    baseline: Baseline, samples: Samples, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Mean squared error of a baseline on each of the samples ``test``."""
    known, new = samples.subset(train), samples.subset(test)
    spectra = baseline(known.x, known.y, known.elements, new.x, new.elements)
    errors: np.ndarray = np.mean((spectra - new.y) ** 2, axis=1)
    return errors


def _means(errors: np.ndarray, elements: np.ndarray) -> dict[str, float]:
    """Mean over ``all`` samples and those of each element, and the ``median``."""
    groups = by_element(elements, np.unique(elements).tolist())
    means = {name: float(errors[rows].mean()) for name, rows in groups.items()}
    return {**means, "median": float(np.median(errors))}


def _fold_ratios(
    baseline: Baseline, reference: Samples, assessment: Assessment
) -> dict[str, dict[str, float]]:
    """Error of the folds over that of the baseline fitted to the same samples, per element."""
    ratios: dict[str, list[float]] = {}
    for part in assessment.parts:
        unseen = part.unseen.subset(part.unseen.rows < len(reference))
        train = np.setdiff1d(assessment.data.own().development, unseen.rows)
        theirs = _errors(baseline, reference, train, unseen.rows)
        ours = np.mean((unseen.mean - unseen.truth) ** 2, axis=1)
        groups = by_element(unseen.elements, np.unique(unseen.elements).tolist())
        for name, rows in groups.items():
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


def markdown_table(report: JsonObject, kind: SpectrumKind = XANES, *, short: bool = False) -> str:
    """Table of a report; its first line tells the unit of the MSE.

    Parameters
    ----------
    report : mapping
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
    for element, scores in report["model"].items():
        if element == "domain":
            continue
        row = [element, str(scores["n"]), f"{unit * scores['mse']:.2f}"]
        row += [f"{unit * report['baselines'][name][element]:.2f}" for name in names]
        row += [] if short else [_ratio(report, element)]
        row += [_number(scores[key], digits) for _, key, digits in columns]
        lines.append("| " + " | ".join(row) + " |")
    if short:
        return "\n".join(lines)
    medians = {"model": report["model"]["all"]["median_mse"]}
    medians |= {name: report["baselines"][name]["median"] for name in names}
    lines += ["", "median over complexes: "]
    lines[-1] += ", ".join(f"{name} {unit * value:.2f}" for name, value in medians.items())
    if report["fold_ratios"]:
        lines.append("after +-, the standard error over five folds of the other samples")
    for level, scores in report["model"]["domain"].items():
        lines.append(f"{level}: n {scores['n']}, MSE {unit * scores['mse']:.2f}")
    return "\n".join(
        lines
        + _published_lines(report, unit, columns)
        + response_lines(report.get("response", {}))
        + _chemistry_lines(report, unit)
    )


def _published_lines(
    report: JsonObject, unit: float, columns: Sequence[tuple[str, str, int]]
) -> list[str]:
    """Published structures, in tables of their own: no baseline knows them."""
    titles = {
        "published": f"published structures held out, {report['n_published']} others among those "
        "fitted to:",
        "cross_fitted": "every published structure, predicted by a fit that had not seen it:",
    }
    return [
        line
        for name, title in titles.items()
        if report.get(name)
        for line in _published_table(report[name], title, unit, columns)
    ]


def _published_table(
    scored: JsonObject, title: str, unit: float, columns: Sequence[tuple[str, str, int]]
) -> list[str]:
    lines = [
        "",
        title,
        "",
        "| " + " | ".join(["element", "n", "MSE", "median", *(one[0] for one in columns)]) + " |",
        "|" + "---|" * (4 + len(columns)),
    ]
    for element, scores in scored.items():
        if element != "domain":
            cells = [element, str(scores["n"]), f"{unit * scores['mse']:.2f}"]
            cells += [f"{unit * scores['median_mse']:.2f}"]
            cells += [_number(scores[key], digits) for _, key, digits in columns]
            lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for level, scores in scored["domain"].items():
        lines.append(f"{level}: n {scores['n']}, MSE {unit * scores['mse']:.2f}")
    return lines


def response_lines(response: JsonObject) -> list[str]:
    """How well it follows a moved ligand, as a table; nothing where it was not measured."""
    if not response:
        return []
    lines = [
        "",
        "how well it follows a moved ligand; in brackets, quartiles:",
        "",
        "| moved | n | error of the change | cosine |",
        "|---|---|---|---|",
    ]
    for group, scores in response.items():
        cells = [group, str(scores["n"])]
        for name in ("response_error", "response_cosine"):
            middle, low, high = (_number(scores[name + end], 2) for end in ("", "_lower", "_upper"))
            cells.append(f"{middle} ({low} to {high})")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _ratio(report: JsonObject, element: str) -> str:
    if REFERENCE not in report["baselines"]:
        return "-"
    ratio = report["model"][element]["mse"] / report["baselines"][REFERENCE][element]
    over_folds = report["fold_ratios"].get(element)
    return f"{ratio:.2f}" + (f" +- {over_folds['error']:.2f}" if over_folds else "")


def _chemistry_lines(report: JsonObject, unit: float) -> list[str]:
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
    for level, scores in report["by_verdict_chemistry"].items():
        lines.append(f"left out, {level}: n {scores['n']}, MSE {unit * scores['mse']:.2f}")
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
