"""Displaced copies in fits and folds, and how well a model follows a moved ligand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pages.parts.models.card import training_text
from tests.growing import toy_tools
from tests.tiny_models import TINY, tiny_model, tiny_recipe, with_settings, write_training_set
from xanes_core.cli.commands import main
from xanes_core.cli.training import training_data
from xanes_core.dataset.displace import Displacing, grow_displaced
from xanes_core.dataset.run import Run
from xanes_core.errors import DatasetError
from xanes_core.model import Copies, Samples, save_model
from xanes_core.spectra import cosine_similarity, response_error
from xanes_core.training.accuracy import accuracy_report, markdown_table, response_lines
from xanes_core.training.assessment import Response, Split, assess, folds, foretold
from xanes_core.training.copies import USES, UseOfCopies, _Fold, compare_copies, lines
from xanes_core.training.crossval import compare
from xanes_core.training.evaluate import evaluate
from xanes_core.training.fitting import fit_ensemble
from xanes_core.training.recipes import load_training_data, read_copies
from xanes_core.training.scores import response_metrics
from xanes_core.training.train import make_card, train_model


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A training set, and displaced copies of its complexes for both purposes."""
    top = tmp_path_factory.mktemp("data")
    parents = write_training_set(top / "set")
    for wanted in (Displacing("response"), Displacing("training", copies=2)):
        grow_displaced(top / "copies", parents, wanted, Run(tools=toy_tools()))
    return parents, top / "copies"


@pytest.fixture(scope="module")
def data(folders):
    parents, copies = folders
    return load_training_data(tiny_recipe(), parents, displaced=copies, response=copies)


def numbered(n=6, copies=((0, 0), (2, 1), (2, 2), (5, 3))):
    """Samples and copies whose features tell which they are."""
    x, moved = np.arange(n)[:, None] * 1.0, np.array([10.0 + i for _, i in copies])[:, None]
    own = Copies(moved, moved, np.array([row for row, _ in copies]), np.array(["all=0.1"] * 4))
    return Samples(x, x, np.full(n, "Fe"), np.zeros(1), None, copies=own)


# --- a copy goes with its parent -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "copies", "parents"),
    [
        ([0, 1, 2], [10, 11, 12], [0, 2, 2]),
        ([5, 2], [11, 12, 13], [1, 1, 0]),
        (np.array([False, True, False, True, True, False]), [], []),
    ],
)
def test_copies_come_and_go_with_their_parents(rows, copies, parents):
    part = numbered().subset(np.asarray(rows))
    assert part.copies.x[:, 0].tolist() == copies
    assert part.copies.parents.tolist() == parents
    assert len(part) == 3 or len(rows) == 2
    x, y = part.to_fit()
    assert x[:, 0].tolist() == part.x[:, 0].tolist() + copies
    assert y.tolist() == x.tolist()


def test_without_copies_samples_are_fitted_to_as_they_are():
    alone = replace(numbered(), copies=None)
    assert alone.to_fit()[0] is alone.x
    assert alone.subset(np.array([0, 2])).copies is None


def test_no_fold_sees_a_copy_of_what_it_is_measured_on(data):
    samples = data.subset(data.development)
    for train, test in folds(len(samples)):
        seen = samples.copies.of(train)
        unseen = samples.copies.of(test)
        assert len(seen) + len(unseen) == len(samples.copies)
        assert len(seen) == 2 * len(train)


def test_copies_of_held_out_complexes_never_train(data):
    assert not data.held_out[data.copies.parents].any()
    assert data.held_out[data.response.parents].all()
    x, _ = data.to_fit()  # all samples, for the model that is shipped
    assert len(x) == len(data) + len(data.copies)
    assert not (x[len(data) :, None] == data.response.x).all(axis=2).any()


def test_own_samples_keep_their_copies(data):
    assert len(data.own().copies) == len(data.copies)


def test_copies_are_part_of_what_a_model_was_trained_on(folders, data):
    parents, copies = folders
    without = load_training_data(tiny_recipe(), parents)
    measured = load_training_data(tiny_recipe(), parents, response=copies)
    assert without.sha256 == measured.sha256 != data.sha256
    assert without.copies is without.response is measured.copies is None


def test_what_has_no_structures_takes_no_copies(folders, data):
    with pytest.raises(DatasetError, match="tiny cannot take displaced copies"):
        read_copies(replace(data, training_set=None), folders[1], "training")


@pytest.mark.parametrize(
    ("asked", "trained", "measured"),
    [(None, False, True), ("none", False, False), ("folder", True, True)],
)
def test_which_copies_are_taken(folders, asked, trained, measured):
    parents, copies = folders
    recipe = replace(tiny_recipe(), response=str(copies))
    found = training_data(recipe, parents, displaced=str(copies) if asked == "folder" else asked)
    assert (found.copies is not None, found.response is not None) == (trained, measured)


# --- fits ----------------------------------------------------------------------------------------


def test_fits_take_the_copies_along(data):
    settings = replace(TINY, n_members=2)
    made = assess(with_settings(data, settings), Split(min_count=100))
    samples = data.subset(data.development)
    train, test = next(folds(len(samples)))
    x, y = samples.subset(train).to_fit()
    ensemble, _ = fit_ensemble(x, y, data.blocks, settings)
    np.testing.assert_array_equal(made.parts[0].unseen.mean, ensemble.predict(samples.x[test])[0])
    x, y = samples.to_fit()
    ensemble, _ = fit_ensemble(x, y, data.blocks, settings)
    np.testing.assert_array_equal(
        made.response.predicted, foretold(ensemble, data.response, data).predicted
    )
    assert len(made.unseen) == len(samples)  # copies are scored nowhere


def test_cross_validation_tells_what_copies_bring(data):
    changes = {"as the recipe": {}}
    found = compare(data, baselines={}, changes=changes, other_descriptors={}, n_members=2)
    by_name = {variant.name: variant.mse for variant in found}
    assert by_name["without displaced copies"] != by_name["as the recipe"]


# --- the kernel alone ----------------------------------------------------------------------------


def test_uses_of_copies_are_compared(data):
    found = {one.name: one for one in compare_copies(data)}
    assert set(found) == {use.name for use in USES}
    assert all(np.isfinite([one.mse, one.response_error]).all() for one in found.values())
    without, with_them = found["without copies"], found["copies as further samples"]
    assert with_them.response_error < without.response_error
    head, *rows = lines(list(found.values()), 1000.0)
    assert "change missed" in head
    assert len(rows) == len(USES)


def test_a_copy_that_counts_nothing_changes_nothing(data):
    uses = (
        UseOfCopies("none", used=False),
        UseOfCopies("nothing", weight=1e-12),
        UseOfCopies("no differences", weight=1e-12, as_differences=True),
    )
    none, *others = compare_copies(data, uses)
    for other in others:
        assert other.mse == pytest.approx(none.mse, rel=1e-6)
        assert other.response_error == pytest.approx(none.response_error, rel=1e-6)


def test_a_difference_told_exactly_is_kept():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9, 2))
    kernel = np.exp(-np.abs(points[:, None] - points).sum(axis=2))
    y = rng.normal(size=(9, 3))
    copies = Copies(points[6:], y[6:], np.array([0, 0, 4]), np.array(["a"] * 3))
    fold = _Fold(kernel, kernel, y, copies, copies, alpha=1e-6)
    told = UseOfCopies("told", weight=1e6, as_differences=True)
    spectra, moved = fold.predict(told)
    # without unseen samples every row comes back as one: take the seen ones apart
    seen = np.concatenate([spectra, moved])[:6]
    change = np.concatenate([spectra, moved])[6:] - seen[copies.parents]
    np.testing.assert_allclose(change, y[6:] - y[copies.parents], atol=1e-4)


def test_without_copies_there_is_nothing_to_try(folders):
    parents, _ = folders
    with pytest.raises(DatasetError, match="there are no displaced copies to try"):
        compare_copies(load_training_data(tiny_recipe(), parents))


def test_the_command_tries_the_kernel_alone(folders, capsys):
    parents, copies = folders
    options = ["--model", "feff10-3d", "--part", "kernel", "--data", str(parents)]
    assert main(["crossval", *options, "--displaced", str(copies)]) == 0
    said = capsys.readouterr().out
    assert "34 samples and 68 displaced copies" in said
    assert "differences as targets" in said


# --- the response --------------------------------------------------------------------------------


def test_the_response_in_closed_form():
    calculated = np.array([[3.0, 4.0], [0.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
    predicted = np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    assert response_error(predicted, calculated).tolist()[:3] == [0.0, 0.5, pytest.approx(2**0.5)]
    assert np.isnan(response_error(predicted, calculated)[3])
    response = Response(
        predicted[:3], calculated[:3], np.array(["all=0.1", "ligand:2=0.1", "all=-0.1"]),
        np.array(["Fe", "Fe", "V"]),
    )  # fmt: skip
    found = response_metrics(response)
    assert list(found) == ["all", "all ligands", "one ligand", "V", "Fe"]
    assert found["all"] == {
        "n": 3, "response_error": 0.5, "response_error_lower": 0.25,
        "response_error_upper": pytest.approx((0.5 + 2**0.5) / 2, rel=1e-4),
        "response_cosine": 1.0, "response_cosine_lower": 0.5, "response_cosine_upper": 1.0,
    }  # fmt: skip
    assert found["one ligand"]["response_error"] == 0.5
    assert found["all ligands"]["n"] == 2


def test_a_model_that_sees_no_change_misses_all_of_it():
    still = np.zeros((2, 3))
    moved = Response(still, still + 1, np.array(["all=1", "all=2"]), np.array(["Fe", "Fe"]))
    found = response_metrics(moved)["all"]
    assert found["response_error"] == 1.0
    assert found["response_cosine"] is None
    assert "| all | 2 | 1.00 (1.00 to 1.00) | - (- to -) |" in response_lines({"all": found})


@pytest.fixture(scope="module")
def trained(folders):
    parents, copies = folders
    measured = load_training_data(tiny_recipe(), parents, response=copies)
    return train_model(measured, with_importance=False, date="2026-01-01"), measured


def test_the_response_is_measured_by_a_fit_without_the_parents(trained):
    model, measured = trained
    found = model.card.metrics["response"]
    assert found["all"]["n"] == len(measured.response) == found["all ligands"]["n"] * 2
    known = measured.subset(measured.development)
    ensemble, _ = fit_ensemble(known.x, known.y, measured.blocks, TINY)
    rows = measured.response.parents
    change = ensemble.predict(measured.response.x)[0] - ensemble.predict(measured.x[rows])[0]
    truth = measured.response.y - measured.y[rows]
    wanted = np.median(response_error(change, truth))
    assert found["all"]["response_error"] == pytest.approx(wanted, rel=1e-4)
    wanted = np.median(cosine_similarity(change, truth))
    assert found["all"]["response_cosine"] == pytest.approx(wanted, rel=1e-4)


def test_a_card_without_copies_has_no_response(folders):
    assert "response" not in tiny_model().card.metrics
    assert response_lines({}) == []


def test_evaluate_tells_the_response(folders, trained):
    parents, copies = folders
    model, measured = trained
    found = evaluate(model, parents, displaced=copies)["response"]
    rows = measured.response.parents
    change = model.predict_features(measured.response.x, measured.elements[rows]).mu
    change = change - model.predict_features(measured.x[rows], measured.elements[rows]).mu
    wanted = np.median(response_error(change, measured.response.y - measured.y[rows]))
    assert found["all"]["response_error"] == pytest.approx(wanted, rel=1e-4)
    assert "response" not in evaluate(model, parents)
    json.dumps(found, allow_nan=False)


def test_a_card_counts_the_copies_that_it_was_fitted_to(data, trained):
    card = make_card(data, metrics={}, domain=trained[0].domain, level=0.9)
    assert card.training_set.further == {"n_displaced_copies": len(data.copies)}
    assert card.training_set.n == len(data)
    assert training_text(card).startswith("40 spectra (V 20, Fe 20) and 68 displaced copies")


def test_copies_alone_are_nothing_to_evaluate(folders, trained):
    with pytest.raises(DatasetError, match="holds displaced copies: give the set of their parents"):
        evaluate(trained[0], folders[1])


def test_evaluate_needs_copies_of_held_out_records(folders, trained, tmp_path):
    _, copies = folders
    other = write_training_set(tmp_path / "other", n=12)
    for name in ("V", "Fe"):
        file = other / f"{name}.extxyz"
        file.write_text(file.read_text().replace(f"name={name}_", f"name={name}_x"))
        arrays = dict(np.load(other / f"{name}.npz"))
        arrays["name"] = [one.replace("_", "_x") for one in arrays["name"].tolist()]
        np.savez(other / f"{name}.npz", **arrays)
    (other / "held_out.txt").write_text("V_x001\n")
    with pytest.raises(DatasetError, match="holds no displaced copy of a held-out record"):
        evaluate(trained[0], other, displaced=copies)


def test_commands_and_tables_say_it(folders, trained, data, tmp_path, monkeypatch, capsys):
    parents, copies = folders
    save_model(trained[0], tmp_path)
    monkeypatch.setenv("XANES_MODELS", str(tmp_path))
    options = ["--model", "tiny", "--data", str(parents), "--displaced", str(copies)]
    assert main(["evaluate", *options]) == 0
    head = "how well it follows a moved ligand"
    assert head in capsys.readouterr().out
    metrics = trained[0].card.metrics
    report = accuracy_report(data, baselines={}, measured=metrics)
    assert report["response"] == metrics["response"]
    table = markdown_table({**report, "baselines": {"mean": by_group(metrics)}})
    assert head in table
    assert f"| one ligand | {metrics['response']['one ligand']['n']} |" in table


def by_group(metrics):
    return {name: 1.0 for name in [*metrics["held_out"], "median"]}
