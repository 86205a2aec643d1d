"""Every model in ``models/``: complete, undamaged, small, and sane on every example."""

import hashlib
import json
import re

import numpy as np
import pytest

from tests.places import PROJECT
from xanes_core.constants import ABSORBERS
from xanes_core.descriptors import CONVENTIONS, descriptor_by_name
from xanes_core.model.card import CARD_KEYS, CARD_VERSION
from xanes_core.model.domain import VERDICTS
from xanes_core.model.registry import list_models, load_model, load_report
from xanes_core.spectra.kinds import XANES, XES
from xanes_core.structures.examples import list_examples, load_example
from xanes_core.training.fitting import FitSettings
from xanes_core.training.recipes import RECIPES

FOLDER = PROJECT / "models"
KEYS = sorted(path.name for path in FOLDER.iterdir())
each = pytest.mark.parametrize("key", KEYS)
MAX_BYTES = 60 * 1024 * 1024


@pytest.fixture(autouse=True)
def _shipped_folder(monkeypatch):
    monkeypatch.delenv("XANES_MODELS", raising=False)


@pytest.fixture(scope="module")
def models():
    return {key: load_model(key, folder=FOLDER) for key in KEYS}


def card_of(key):
    return json.loads((FOLDER / key / "card.json").read_text(encoding="utf-8"))


def test_there_are_models_and_nothing_else():
    assert {"fdmnes-v", "feff10-3d", "feff10-3d-xes"} <= set(KEYS)
    assert [card.key for card in list_models()] == KEYS


def test_the_whole_folder_is_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < MAX_BYTES


def test_every_element_is_covered_and_vanadium_twice():
    covering = {el: [card.key for card in list_models(el, "xanes")] for el in ABSORBERS}
    assert all(covering.values())
    assert len(covering["V"]) >= 2


@pytest.mark.parametrize("element", ABSORBERS)
def test_every_element_has_exactly_one_default(element):
    claims = [card.key for card in list_models() if element in card.default_for]
    assert len(claims) == 1
    assert load_model(element).key == claims[0]
    assert load_model(element).kind == XANES


@each
def test_files_and_checksums(key):
    folder = FOLDER / key
    names = ["card.json", "report.npz", "weights.npz"]
    # weights made from data of others carry a notice of where these come from
    notice = ["LICENSE"] if "GPL" in card_of(key)["licence"] else []
    assert sorted(path.name for path in folder.iterdir()) == sorted(["SHA256SUMS", *notice, *names])
    sums = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    assert sorted(sums) == names
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@each
def test_card_says_everything(key):
    card = card_of(key)
    assert set(CARD_KEYS) <= set(card)
    assert (card["card_version"], card["key"]) == (CARD_VERSION, key)
    assert card["edge"] == "K"
    assert card["spectrum"] in ("xanes", "xes")
    for name in ("title", "theory", "broadening", "licence", "origin", "size_note"):
        assert isinstance(card[name], str)
        assert len(card[name].strip()) > 5
    assert card["elements"]
    assert set(card["default_for"]) <= set(card["elements"]) <= set(ABSORBERS)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", card["date"])
    assert {"python", "numpy", "scikit-learn"} <= set(card["versions"])
    assert isinstance(card["metrics"], dict)
    assert isinstance(card["domain"], dict)


@each
def test_card_tells_the_training_set(key):
    told = card_of(key)["training_set"]
    assert told["n"] == sum(told["n_per_element"].values()) > 100
    assert set(told["n_per_element"]) == set(card_of(key)["elements"])
    assert re.fullmatch(r"[0-9a-f]{64}", told["sha256"])
    assert 0 <= told["n_held_out_for_metrics"] < told["n"]
    assert told["source"]


@each
def test_card_tells_the_descriptor_the_settings_and_the_grid(key):
    card = card_of(key)
    assert card["convention"] in CONVENTIONS
    assert card["descriptor"] == descriptor_by_name(card["convention"]).parameters()
    settings = card["hyper_parameters"]
    made = FitSettings(**{**settings, "hidden": tuple(settings["hidden"])}).as_dict()
    assert settings.items() <= made.items()  # settings that came later have their defaults
    assert set(card["grid"]) == {"start_rel_ev", "stop_rel_ev", "n_points", "relative_to"}


@each
def test_card_reveals_no_machine_and_no_path(key):
    text = (FOLDER / key / "card.json").read_text(encoding="utf-8")
    assert not re.search(r'"/|[^\w.](/(home|root|tmp|work|usr)/)|\\\\', text)


@each
def test_domain_of_models_trained_on_structures(key, models):
    domain = models[key].domain
    assert len(domain.features) == card_of(key)["training_set"]["n"]
    assert domain.features.dtype == np.float16
    assert 0 < domain.unit < np.inf
    if key in RECIPES and RECIPES[key].convention == "default":
        assert set(domain.chemistry) == {"coordination", "bonds", "neighbours"}
        assert set(domain.chemistry["coordination"]) == set(models[key].elements)


@each
def test_weights_are_small_plain_and_finite(key):
    with np.load(FOLDER / key / "weights.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    networks = [name for name in arrays if name.startswith(("weight_", "bias_"))]
    assert len(networks) >= 4
    for name in (*networks, "components", "coef", "intercept"):
        # weights of networks are kept in half precision where that is exact
        halved = name.startswith("weight_") and arrays[name].dtype == np.float16
        assert halved or arrays[name].dtype == np.float32
    for name, array in arrays.items():
        assert array.dtype.kind == "U" or np.isfinite(array).all(), name


@each
def test_model_is_what_its_card_says(key, models):
    model, card = models[key], card_of(key)
    assert model.key == key
    assert model.card.to_dict() == card
    assert model.elements == tuple(card["elements"])
    assert model.descriptor.name == card["convention"]
    assert model.ensemble.n_members == card["hyper_parameters"]["n_members"] >= 2
    assert model.ensemble.activation == card["hyper_parameters"]["activation"]
    grid = card["grid"]
    np.testing.assert_allclose(
        model.energy_rel_ev,
        np.linspace(grid["start_rel_ev"], grid["stop_rel_ev"], grid["n_points"]),
    )
    assert model.kind.key == card["spectrum"]
    np.testing.assert_array_equal(model.energy_rel_ev, model.kind.energy_rel_ev)
    assert 0.5 <= model.level < 1


@pytest.mark.parametrize("example", list_examples(), ids=lambda e: e.key)
def test_examples_have_sane_spectra(example, models):
    atoms = load_example(example.key)
    found = [
        m.predict(atoms, example.absorber) for m in models.values() if example.element in m.elements
    ]
    assert found
    for prediction in found:
        for name in ("mu", "lower", "upper", "std"):
            values = getattr(prediction, name)
            assert np.isfinite(values).all()
            assert values.min() > -0.2
            assert values.max() < 4
        assert (prediction.lower <= prediction.mu).all()
        assert (prediction.mu <= prediction.upper).all()
        assert prediction.std.min() > 0
        assert prediction.domain.reasons
        if prediction.kind == XES:  # a band around E0 of area 1, and nothing far above it
            assert prediction.lower.min() >= 0
            area = np.trapezoid(prediction.mu, prediction.energy_rel_ev)
            assert area == pytest.approx(1, abs=0.1)
            assert prediction.mu[prediction.energy_rel_ev > -9].max() > 0.03
            assert prediction.mu[-10:].max() < 0.05 * prediction.mu.max()
            continue
        # an edge: next to nothing far below it, about 1 far above; where it is not, say so
        assert prediction.mu[:15].mean() < 0.2
        outside = prediction.domain.level == "outside"
        # the public vanadium set itself lies between 0.74 and 1.55 there
        far, margin = (1.15, 0.41) if prediction.model_key == "fdmnes-v" else (1.0, 0.25)
        assert prediction.mu[-60:].mean() == pytest.approx(far, abs=0.6 if outside else margin)


@each
def test_an_absurd_structure_is_outside_the_domain(key, models):
    model = models[key]
    atoms = load_example(list_examples(model.elements[0])[0].key)
    atoms.numbers[1:] = 79  # gold all around
    assert model.predict(atoms).domain.level == "outside"


@each
def test_models_answer_to_the_structure(key, models):
    model = models[key]
    atoms = load_example(list_examples(model.elements[0])[0].key)
    first = model.predict(atoms).mu
    atoms.positions[1:] = atoms.positions[0] + 1.08 * (atoms.positions[1:] - atoms.positions[0])
    assert np.abs(model.predict(atoms).mu - first).max() > 0.01


@each
def test_importance_comes_with_the_model(key, models):
    model = models[key]
    assert "all_none" in model.importance
    for element in model.elements:
        window = (5, 25) if model.kind == XANES else (-8, 6)
        shells = model.importance[f"{element}_shell"].window(*window)
        assert shells.mean[0] > 2 * shells.sampling_error[0]  # bonds matter to every edge
        assert model.mean_mu[element].shape == model.energy_rel_ev.shape
    if model.distances is not None:
        assert set(model.distances.absorbers) == set(model.elements)


@each
def test_report_is_about_the_same_data(key, models):
    report, card = load_report(key, folder=FOLDER), card_of(key)
    assert report.sha256 == card["training_set"]["sha256"]
    assert len(report) == card["training_set"]["n"]
    assert report.held_out.sum() == card["training_set"]["n_held_out_for_metrics"]
    scored = [card["metrics"].get(name) for name in ("held_out", "held_out_published")]
    n, mse = zip(*((one["all"]["n"], one["all"]["mse"]) for one in scored if one), strict=True)
    wanted = np.average(mse, weights=n)
    assert report.mse[report.held_out].mean() == pytest.approx(wanted, rel=1e-3)
    assert set(report.verdict) <= set(VERDICTS)
    np.testing.assert_allclose(report.place(report.features), report.map_xy, atol=0.02)
    rows, distances = report.nearest(report.features[:3].astype(float), 2)
    np.testing.assert_array_equal(rows[:, 0], [0, 1, 2])
    assert (distances[:, 0] == 0).all()
    if card["training_set"]["source"].startswith("data/"):
        error = np.mean((report.mean.astype(float) - report.truth) ** 2, axis=1)
        np.testing.assert_allclose(error, report.mse, rtol=0.05, atol=1e-6)
        covered = (report.lower <= report.truth) & (report.truth <= report.upper)
        told = card["metrics"]["calibration_curve"]["all"]["0.9"]["coverage"]
        assert covered.mean() == pytest.approx(told, abs=0.02)
        assert (report.coordination > 0).all()
        assert (report.geometry != "").all()
    else:  # a public set is not copied into the project
        assert report.mean is report.truth is report.lower is report.upper is None


@each
def test_bands_keep_their_promise(key):
    metrics = card_of(key)["metrics"]
    for level, found in metrics["calibration_curve"]["all"].items():
        assert found["coverage"] == pytest.approx(float(level), abs=0.05)
    for element, levels in metrics["calibration_curve"].items():
        assert levels["0.9"]["coverage"] > 0.85, element
    held_out = metrics["held_out"]["all"]
    assert held_out["width_90"] < held_out["constant_width_90"]
    assert held_out["spread_error_spearman"] > 0.3


@each
def test_verdicts_sort_errors_on_chemistry_never_seen(key):
    metrics = card_of(key)["metrics"]
    points = metrics["learning_curve"]
    assert len(points) >= 4
    assert points[-1]["mse"] < points[0]["mse"]
    if metrics["chemistry"]:
        verdicts = metrics["by_verdict_chemistry"]
        assert verdicts["outside"]["mse"] >= 2 * verdicts["in domain"]["mse"]
        assert {entry["kind"] for entry in metrics["chemistry"]} == {"geometry", "ligand family"}
