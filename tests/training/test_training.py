"""Recipes, fits, cross-validation, baselines and reports, on tiny data."""

import datetime
import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from tests.tiny_models import (
    ELEMENTS,
    N_EACH,
    N_HELD_OUT,
    TINY,
    tiny_data,
    tiny_model,
    tiny_recipe,
    with_settings,
    write_training_set,
)
from xanes_core.constants import ABSORBERS
from xanes_core.dataset.store import HELD_OUT_FILE, UNCONVERGED_FILE
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import DatasetError, ModelError
from xanes_core.model.calibration import concatenate, fit_calibration
from xanes_core.model.card import CARD_KEYS
from xanes_core.training.accuracy import (
    accuracy_report,
    markdown_table,
    replace_table,
    update_document,
)
from xanes_core.training.assessment import assess, folds
from xanes_core.training.baselines import (
    BASELINES,
    REFERENCE,
    kernel_ridge,
    mean_spectrum,
    nearest_neighbours,
    per_element,
    reference_recipe,
)
from xanes_core.training.crossval import SETTINGS, compare, descriptors
from xanes_core.training.fitting import FitSettings, fit_ensemble
from xanes_core.training.recipes import RECIPES, TrainingData, get_recipe, load_training_data
from xanes_core.training.scores import held_out_metrics, judge
from xanes_core.training.train import make_card, make_report, train_model

BLOCKS = WACSF.default().feature_kinds
N = N_EACH * len(ELEMENTS)


@pytest.fixture(scope="module")
def data():
    return tiny_data()


# --- recipes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", RECIPES)
def test_recipes_are_complete(key):
    recipe = get_recipe(key)
    assert recipe.key == key
    assert set(recipe.default_for) <= set(recipe.elements) <= set(ABSORBERS)
    assert isinstance(recipe.settings, FitSettings)
    assert recipe.descriptor.n_features > 90
    for name in ("title", "theory", "broadening", "origin", "licence", "size_note", "data"):
        assert len(getattr(recipe, name)) > 3


def test_every_element_has_one_default_recipe():
    defaults = [el for recipe in RECIPES.values() for el in recipe.default_for]
    assert sorted(defaults) == sorted(ABSORBERS)


def test_no_model_is_fitted_to_potentials_that_did_not_converge(tmp_path):
    folder = write_training_set(tmp_path)
    (folder / UNCONVERGED_FILE).write_text("Fe_001\nFe_002\n")
    (folder / HELD_OUT_FILE).write_text("Fe_002\n")
    data = load_training_data(get_recipe("feff10-3d"), folder)
    assert len(data.x) == len(data.y) == len(data.names) == N - 1
    assert "Fe_001" not in data.names
    assert data.names[data.held_out].tolist() == ["Fe_002"]


def test_unknown_recipe_is_refused():
    with pytest.raises(ModelError, match=r"no recipe called 'x'; there are: feff10-3d, .*fdmnes-v"):
        get_recipe("x")


def test_data_from_structures(data):
    assert data.x.shape == (N, WACSF.default().n_features)
    assert data.y.shape == (N, 226)
    assert data.held_out.sum() == N_HELD_OUT
    atoms = data.training_set.structures[5]
    np.testing.assert_array_equal(data.x[5], WACSF.default().transform(atoms))
    np.testing.assert_array_equal(data.y, data.training_set.mu)


def test_data_of_other_elements_are_left_out(tmp_path):
    folder = write_training_set(tmp_path, ("V", "Fe", "Cu"), n=6)
    found = load_training_data(replace(tiny_recipe(), elements=("Fe",)), folder)
    assert set(found.elements) == {"Fe"}
    assert len(found.x) == len(found.y) == len(found.training_set) == 6


def feature_file(path, **change):
    rng = np.random.default_rng(0)
    arrays = {"x": rng.uniform(0, 5, (30, 97)), "y": rng.uniform(0, 1, (30, 226)), **change}
    np.savez(path, **{key: a for key, a in arrays.items() if a is not None})
    return path


def test_data_from_features(tmp_path):
    recipe = get_recipe("fdmnes-v")
    found = load_training_data(recipe, feature_file(tmp_path / "set.npz"))
    assert found.x.shape == (30, 97)
    assert found.training_set is None
    assert set(found.elements) == {"V"}
    assert len(found.sha256) == 64
    assert found.held_out.sum() == 5  # every seventh of 30
    again = load_training_data(recipe, str(tmp_path / "set.npz"))
    np.testing.assert_array_equal(found.held_out, again.held_out)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.ones((30, 96))}, r"holds x \(30, 96\) and y \(30, 226\); wanted \(n, 97\)"),
        ({"y": np.ones((30, 200))}, r"y \(30, 200\); wanted .* and \(n, 226\)"),
        ({"y": np.ones((29, 226))}, r"holds x \(30, 97\) and y \(29, 226\)"),
        ({"x": np.ones(97)}, r"holds x \(97,\)"),
        ({"y": np.ones(226)}, r"y \(226,\)"),
        ({"y": np.array(1.0)}, r"y \(\)"),
        ({"x": None}, r"needs arrays x \(features\) and y \(spectra\) \('x'\)"),
        ({"y": np.array([{}], dtype=object)}, r"needs arrays .*pickle"),
    ],
)
def test_feature_files_of_another_shape_are_refused(tmp_path, change, message):
    file = feature_file(tmp_path / "set.npz", **change)
    with pytest.raises(DatasetError, match=rf"set\.npz .*{message}|set\.npz {message}"):
        load_training_data(get_recipe("fdmnes-v"), file)


def test_a_feature_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "set.npz").write_text("text")
    with pytest.raises(DatasetError, match=r"set\.npz needs arrays"):
        load_training_data(get_recipe("fdmnes-v"), tmp_path / "set.npz")


def test_missing_data_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"no training data at x\.npz; fdmnes-v needs k_edge_v"):
        load_training_data(get_recipe("fdmnes-v"), tmp_path / "x.npz")


# --- training ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def test_card_is_complete_and_plain(model, data):
    card = model.card.to_dict()
    assert set(CARD_KEYS) <= set(card)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["elements"] == list(ELEMENTS)
    assert card["training_set"]["n"] == N
    assert card["training_set"]["n_per_element"] == {"V": N_EACH, "Fe": N_EACH}
    assert card["training_set"]["n_held_out_for_metrics"] == N_HELD_OUT
    assert card["training_set"]["sha256"] == data.sha256
    assert card["hyper_parameters"] == TINY.as_dict()
    assert card["date"] == "2026-01-01"
    assert card["spectrum"] == "xanes"
    assert card["grid"]["n_points"] == 226
    assert card["interval_level"] == 0.9
    assert card["domain"] == model.domain.chemistry
    assert set(card["metrics"]["held_out"]) == {"all", *ELEMENTS, "domain"}
    assert set(card["metrics"]["calibration_curve"]) == {"all", *ELEMENTS}
    assert card["metrics"]["learning_curve"][-1]["n"] == N - N_HELD_OUT


def test_date_is_today_if_not_told(data, model):
    before = datetime.date.today().isoformat()
    card = make_card(data, metrics={}, domain=model.domain, level=0.9, date=None)
    assert before <= card.date <= datetime.date.today().isoformat()


@pytest.fixture(scope="module")
def found(data):
    return assess(data)


def test_shipped_model_is_fitted_to_everything_and_calibrated_without_held_out(model, data, found):
    wanted, _ = fit_ensemble(data.x, data.y, BLOCKS, TINY)
    for name, array in wanted.to_arrays().items():
        np.testing.assert_array_equal(model.ensemble.to_arrays()[name], array)
    assert len(model.domain.features) == N
    assert sorted(found.unseen.rows) == np.flatnonzero(~data.held_out).tolist()
    calibration = fit_calibration(found.unseen)
    np.testing.assert_array_equal(model.calibration.band_factors, calibration.band_factors)


def test_metrics_are_those_of_a_fit_without_the_held_out_samples(model, data):
    kept, held = ~data.held_out, data.held_out
    ensemble, _ = fit_ensemble(data.x[kept], data.y[kept], BLOCKS, TINY)
    error = (ensemble.predict(data.x[held])[0] - data.y[held]) ** 2
    found = model.card.metrics["held_out"]
    assert found["all"]["n"] == N_HELD_OUT
    assert found["all"]["mse"] == pytest.approx(error.mean(), rel=1e-4)
    for element in ELEMENTS:
        rows = data.elements[held] == element
        assert found[element]["n"] == rows.sum()
        assert found[element]["mse"] == pytest.approx(error[rows].mean(), rel=1e-4)
    assert sum(entry["n"] for entry in found["domain"].values()) == N_HELD_OUT


def test_held_out_spectra_touch_neither_fit_nor_calibration(data, found):
    """Changing what is kept aside changes the scores by just that change."""
    changed = replace(data, y=np.where(data.held_out[:, None], data.y + 0.1, data.y))
    other = assess(changed)
    np.testing.assert_array_equal(other.calibration.band_factors, found.calibration.band_factors)
    np.testing.assert_array_equal(other.held.unseen.mean, found.held.unseen.mean)
    mse = held_out_metrics(other)["all"]["mse"]
    error = found.held.unseen.mean - found.held.unseen.truth - 0.1
    assert mse == pytest.approx(np.mean(error**2), rel=1e-4)


def test_every_sample_is_predicted_by_networks_that_had_not_seen_it(data, found):
    for part, (train, test) in zip(found.parts, folds((~data.held_out).sum()), strict=True):
        development = np.flatnonzero(~data.held_out)
        np.testing.assert_array_equal(part.unseen.rows, development[test])
        seen = development[train]
        ensemble, _ = fit_ensemble(data.x[seen], data.y[seen], BLOCKS, TINY)
        np.testing.assert_array_equal(
            part.unseen.mean, ensemble.predict(data.x[part.unseen.rows])[0]
        )
        assert (part.unseen.distance > 0).all()


def test_the_report_holds_all_records_in_order(model, data, found):
    report = model.report
    np.testing.assert_array_equal(report.names, data.training_set.names)
    np.testing.assert_array_equal(report.held_out, data.held_out)
    unseen = concatenate([found.unseen, found.held.unseen])
    error = np.mean((unseen.mean - unseen.truth) ** 2, axis=1)
    np.testing.assert_allclose(report.mse[unseen.rows], error, rtol=1e-5)
    np.testing.assert_allclose(report.truth, data.y, atol=2e-3)
    assert (report.coordination == 6).all()
    assert set(report.geometry) == {"octahedral"}
    assert (report.oxidation_state == -1).all()  # these records do not tell
    covered = (report.lower <= report.truth) & (report.truth <= report.upper)
    told = model.card.metrics["calibration_curve"]["all"]["0.9"]
    assert covered.mean() == pytest.approx(told["coverage"], abs=0.01)
    assert told["n"] == N


def test_spectra_of_others_are_not_kept(data, found, model):
    recipe = replace(tiny_recipe(), redistributable=False)
    own = replace(found, data=replace(data, recipe=recipe))
    report = make_report(own, judge(own), model.ensemble.scaler.transform(data.x), model.domain)
    assert report.mean is report.lower is report.upper is report.truth is None
    assert len(report.mse) == N


def test_without_held_out_samples_there_are_no_scores_of_them(data):
    told = []
    model = train_model(
        with_settings(replace(data, held_out=np.zeros(N, dtype=bool)), replace(TINY, n_epochs=1)),
        with_importance=False,
        progress=lambda text, share: told.append((text, share)),
    )
    assert model.card.metrics["held_out"] == {}
    assert model.card.metrics["learning_curve"] == []
    assert model.card.training_set.n_held_out_for_metrics == 0
    assert len(model.report) == N
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[0] == ("calibrating the band on five folds", 0.0)
    assert told[-1] == ("done", 1.0)


def test_training_from_features_alone(tmp_path):
    recipe = replace(get_recipe("fdmnes-v"), settings=replace(TINY, n_epochs=2))
    made = load_training_data(recipe, feature_file(tmp_path / "set.npz"))
    model = train_model(made)
    assert model.domain.chemistry == {}
    assert model.card.metrics["chemistry"] == []
    assert model.report.truth is None
    assert model.report.names[3] == "sample 3"
    assert (model.report.coordination == -1).all()
    assert model.predict_features(made.x[:2]).mu.shape == (2, 226)
    assert model.card.training_set.n == 30


def test_too_few_samples_are_refused(data):
    few = TrainingData(
        x=data.x[:12],
        y=data.y[:12],
        elements=data.elements[:12],
        energy_rel_ev=data.energy_rel_ev,
        envs=None,
        recipe=tiny_recipe(),
        held_out=np.zeros(12, dtype=bool),
        training_set=None,
        sha256="",
    )
    with pytest.raises(ModelError, match="needs at least"):
        train_model(few)


# --- baselines -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(6)
    x = rng.uniform(0, 1, (40, 5))
    return x, np.column_stack([x[:, 0], x[:, 1] ** 2, x.sum(axis=1)])


def test_mean_spectrum(small):
    x, y = small
    np.testing.assert_allclose(mean_spectrum(x[:30], y[:30], x[30:]), [y[:30].mean(axis=0)] * 10)


def test_nearest_neighbours_reproduce_training_samples(small):
    x, y = small
    np.testing.assert_allclose(nearest_neighbours(x, y, x[:4]), y[:4])
    # with fewer samples than neighbours, all of them count
    two = nearest_neighbours(x[:2], y[:2], x[5:6])
    assert (two >= y[:2].min(axis=0)).all()
    assert (two <= y[:2].max(axis=0)).all()


def test_kernel_ridge_beats_the_mean(small):
    x, y = small
    errors = [
        np.mean((fit(x[:30], y[:30], x[30:]) - y[30:]) ** 2)
        for fit in (kernel_ridge, mean_spectrum)
    ]
    assert errors[0] < 0.5 * errors[1]


def test_reference_recipe_is_the_published_one(small, monkeypatch):
    seen = {}

    class Spy(MLPRegressor):
        def __init__(self, **settings):
            seen.update(settings)
            super().__init__(**{**settings, "hidden_layer_sizes": (16,), "max_iter": 40})

    monkeypatch.setattr("xanes_core.training.baselines.MLPRegressor", Spy)
    x, y = small
    found = reference_recipe(x, y, x[:3])
    assert found.shape == (3, 3)
    assert seen["hidden_layer_sizes"] == (512, 512)
    assert (seen["alpha"], seen["batch_size"], seen["max_iter"]) == (1e-4, 32, 512)


def test_per_element_fits_each_element_on_its_own(small):
    x, y = small
    elements = np.array(["V", "Fe"] * 20)
    found = per_element(mean_spectrum)(x[:30], y[:30], elements[:30], x[30:], elements[30:])
    for element in ("V", "Fe"):
        wanted = y[:30][elements[:30] == element].mean(axis=0)
        np.testing.assert_allclose(found[elements[30:] == element], [wanted] * 5)


def test_an_element_without_training_samples_is_refused(small):
    x, y = small
    with pytest.raises(DatasetError, match="no sample of Fe to fit"):
        per_element(mean_spectrum)(x[:3], y[:3], np.array(["V"] * 3), x[3:5], np.array(["V", "Fe"]))


# --- reports -------------------------------------------------------------------------------------


QUICK_BASELINES = {name: b for name, b in BASELINES.items() if name != "reference recipe"}


def test_accuracy_report(data, model):
    report = accuracy_report(data, baselines=QUICK_BASELINES)
    assert report["n_train"] == N - N_HELD_OUT
    assert report["model"] == model.card.metrics["held_out"]
    kept, held = ~data.held_out, data.held_out
    for element in ELEMENTS:
        mean = data.y[kept & (data.elements == element)].mean(axis=0)
        wanted = np.mean((data.y[held & (data.elements == element)] - mean) ** 2)
        found = report["baselines"]["mean spectrum of the element"][element]
        assert found == pytest.approx(wanted)
    assert set(report["baselines"]["nearest neighbours"]) == {"all", "median", *ELEMENTS}


def test_table_of_the_report(data):
    report = accuracy_report(data, baselines=QUICK_BASELINES)
    report["model"]["Fe"]["peak_position_error_ev"] = None
    lines = markdown_table(report).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["all", "V", "Fe"]
    assert len({row.count("|") for row in rows}) == 1
    assert " - " in rows[4]
    assert f"{1e3 * report['model']['all']['mse']:.2f}" in rows[2]
    assert any(line.startswith("in domain: n ") for line in lines)


def test_short_table_is_part_of_the_long_one(data):
    report = accuracy_report(data, baselines=QUICK_BASELINES)

    def cells(table):
        lines = [line for line in table.splitlines() if line.startswith("| ")]
        found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        return [dict(zip(found[0], row, strict=True)) for row in found[1:]]

    short = markdown_table(report, short=True)
    assert short.splitlines()[0] == markdown_table(report).splitlines()[0]
    assert short.splitlines()[-1].startswith("| Fe | ")
    columns = ["rel. error %", "peak position eV", "90 % coverage"]
    assert list(cells(short)[0])[-3:] == columns
    for few, many in zip(cells(short), cells(markdown_table(report)), strict=False):
        assert few.items() < many.items()


def test_ratio_to_the_recipe_with_its_spread_over_folds(data):
    quick = {REFERENCE: per_element(mean_spectrum)}
    data = with_settings(data, replace(TINY, n_epochs=2))
    report = accuracy_report(data, baselines=quick, fold_ratios=True)
    kept = np.flatnonzero(~data.held_out)
    found, ratios = assess(data), []
    for part, (train, test) in zip(found.parts, folds(len(kept)), strict=True):
        y, elements = data.y[kept[test]], data.elements[kept[test]]
        means = {
            el: data.y[kept[train]][data.elements[kept[train]] == el].mean(axis=0)
            for el in ELEMENTS
        }
        theirs = np.mean((np.array([means[el] for el in elements]) - y) ** 2)
        ratios.append(np.mean((part.unseen.mean - y) ** 2) / theirs)
    told = report["fold_ratios"]["all"]
    assert told["mean"] == pytest.approx(np.mean(ratios))
    assert told["error"] == pytest.approx(np.std(ratios, ddof=1) / np.sqrt(5))
    row = next(line for line in markdown_table(report).splitlines() if line.startswith("| all"))
    held_out = report["model"]["all"]["mse"] / report["baselines"][REFERENCE]["all"]
    assert f"| {held_out:.2f} +- {told['error']:.2f} |" in row


def test_kinds_left_out_are_in_the_table():
    row = {"n": 9, "mse": 2e-3, "median_mse": 1e-3, "coverage": 0.9, "width": 0.1}
    row |= {"relative_spectral_error_percent": 3.0, "median_intensity_error_percent": 2.0}
    row |= {"peak_position_error_ev": None, "peaks_matched": 1.0}
    kind = {"left_out": "tetrahedral", "n": 7, "mse": 4e-3, "mse_random": 1e-3, "coverage": 0.8}
    report = {
        "key": "k", "n_train": 5, "model": {"all": row, "domain": {}}, "baselines": {},
        "fold_ratios": {}, "chemistry": [kind], "n_published": 0,
        "by_verdict_chemistry": {"outside": {"n": 7, "mse": 4e-3}},
    }  # fmt: skip
    table = markdown_table(report)
    assert "| tetrahedral | 7 | 4.00 | 1.00 | 0.80 |" in table
    assert table.endswith("left out, outside: n 7, MSE 4.00")


def test_table_goes_between_its_marks():
    text = "a\n<!-- accuracy k -->\nold\n<!-- end k -->\nb\n"
    once = replace_table(text, "k", "| new |")
    assert once == "a\n<!-- accuracy k -->\n| new |\n<!-- end k -->\nb\n"
    assert replace_table(once, "k", "| new |") == once


@pytest.mark.parametrize("text", ["", "<!-- end k --><!-- accuracy k -->", "<!-- accuracy k -->"])
def test_text_without_marks_is_refused(text):
    with pytest.raises(DatasetError, match="no place for the table"):
        replace_table(text, "k", "")


def test_a_document_gets_the_tables_it_has_marks_for():
    marks = "<!-- accuracy {0} -->\nold\n<!-- end {0} -->\n".format
    told = {"key": "k", "table": "| long |", "short": "| short |"}
    once = update_document(marks("k") + marks("k short"), **told)
    assert once == (marks("k") + marks("k short")).replace("old", "| long |", 1).replace(
        "old", "| short |"
    )
    assert update_document(marks("k short"), **told) == marks("k short").replace("old", "| short |")
    assert update_document(marks("k") + marks("j"), **told) == (
        marks("k").replace("old", "| long |") + marks("j")
    )


@pytest.mark.parametrize(
    "text", ["", "<!-- accuracy j -->\n<!-- end j -->", "<!-- end k short -->"]
)
def test_a_document_without_marks_of_the_model_is_refused(text):
    with pytest.raises(DatasetError, match="no place for the table: write <!-- accuracy k -->"):
        update_document(text, "k", "", "")


def test_half_a_pair_of_marks_is_refused():
    with pytest.raises(DatasetError, match="<!-- end k short -->"):
        update_document("<!-- accuracy k short -->", "k", "", "")


def test_report_without_held_out_samples_is_refused(data):
    bare = replace(data, held_out=np.zeros(N, dtype=bool))
    with pytest.raises(DatasetError, match=r"no sample is held out.*held_out\.txt"):
        accuracy_report(bare)


def test_comparison_of_candidates(data):
    data = with_settings(data, replace(TINY, n_epochs=2))
    changes = {"as the recipe": {}, "tanh": {"activation": "tanh"}}
    found = list(compare(data, baselines=QUICK_BASELINES, changes=changes, n_members=2))
    names = [candidate.name for candidate in found]
    assert names[:2] == ["mean spectrum of the element", "nearest neighbours"]
    assert {"kernel ridge", "as the recipe, element by element", "tanh", "no G4"} < set(names)
    assert len(names) == len(set(names)) == 3 + 1 + 2 + len(descriptors(data.recipe))
    for candidate in found:
        assert candidate.mse > 0
        assert candidate.mse_fold_error > 0
        assert candidate.seconds > 0
        assert candidate.single_mse is None or candidate.single_mse >= candidate.mse
    mean = found[0].mse
    kept = ~data.held_out
    y, elements, errors = data.y[kept], data.elements[kept], []
    for train, test in folds(kept.sum()):
        centre = {el: y[train][elements[train] == el].mean(axis=0) for el in ELEMENTS}
        errors.append(np.mean((y[test] - [centre[el] for el in elements[test]]) ** 2))
    assert mean == pytest.approx(np.mean(errors))


def test_comparison_does_not_look_at_held_out_samples(data):
    recipe = replace(tiny_recipe(), elements=("Fe",), settings=replace(TINY, n_epochs=1))
    data = replace(data, recipe=recipe)
    changed = replace(data, y=np.where(data.held_out[:, None], np.nan, data.y))
    one, other = (
        list(
            compare(
                own, baselines=QUICK_BASELINES, changes={"as the recipe": {}},
                other_descriptors={}, n_members=2,
            )
        )
        for own in (data, changed)
    )  # fmt: skip
    assert [c.mse for c in one] == [c.mse for c in other]


@pytest.mark.parametrize("name", ["settings", "descriptors"])
def test_candidates_can_be_built(name):
    recipe = tiny_recipe()
    if name == "settings":
        for change in SETTINGS.values():
            replace(recipe.settings, **change)
    else:
        for convention in descriptors(recipe).values():
            assert len(set(convention.feature_names)) == convention.n_features
