"""Permutation importance against closed forms and a plain reference; groups against names."""

import io
import re
from dataclasses import replace
from itertools import pairwise
from itertools import permutations as all_orders

import numpy as np
import pytest

from xanes_core.descriptors.joined import Joined
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import DescriptorError, ModelError, SpectrumError
from xanes_core.importance.groups import (
    GROUPINGS,
    MEANINGS,
    SHELLS,
    feature_groups,
    shell_of,
)
from xanes_core.importance.permutation import (
    Scrambling,
    cross_importance,
    group_penalties,
    permutation_importance,
    permutations,
)
from xanes_core.model.explanation import Importance, window_points
from xanes_core.model.samples import Samples
from xanes_core.training.assessment import cross_fit, folds
from xanes_core.training.fitting import FitSettings, fit_ensemble

D, K = 4, 6
ENERGY = np.linspace(-2.0, 3.0, K)
SINGLE = {f"x{i}": [i] for i in range(D)}
BLOCKS = ("G1", "G2", "G2", "absorber")
TINY = FitSettings(
    n_members=3, hidden=(8, 6), n_epochs=4, n_components=4, feature_share=0.6, learning_rate=0.01
)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 3, (40, D))
    x[:, 3] = rng.integers(0, 2, 40)
    y = 1 / (1 + np.exp(0.7 * x[:, :1] - ENERGY)) + 0.2 * np.sin(x[:, 1:2] * ENERGY)
    return x, y


@pytest.fixture(scope="module")
def ensemble(data):
    return fit_ensemble(data[0][:25], data[1][:25], BLOCKS, TINY)[0]


@pytest.fixture(scope="module")
def linear():
    """Five samples, coefficients c(E), truth with noise that the model does not know."""
    rng = np.random.default_rng(8)
    x = rng.normal(1, 2, (5, D))
    x[:, 1] = 0.8 * x[:, 0] + 0.1 * x[:, 1]  # told twice, nearly
    coef = rng.normal(0, 1, (D, K))
    coef[2] = 0.0
    return x, coef, rng.normal(0, 0.3, (5, K))


def samples(x, y, energy_rel_ev=ENERGY):
    """What is scored, of one element."""
    return Samples(x, y, np.full(len(x), "Fe"), np.asarray(energy_rel_ev), None)


def every_order(n):
    return np.array(list(all_orders(range(n))))


def average(x, coef, y, columns, error="squared"):
    """Penalty averaged over all permutations there are, (k,)."""
    total, _, _ = group_penalties(
        lambda z: z @ coef, samples(x, y), [np.array(columns)], every_order(len(x)),
        Scrambling(error=error, chunk=3),
    )  # fmt: skip
    return total[:, 0].mean(axis=0) / len(x)


# --- closed forms -------------------------------------------------------------------------------


@pytest.mark.parametrize("column", range(D))
def test_linear_model_costs_twice_coefficient_squared_times_variance(linear, column):
    x, coef, _ = linear
    wanted = 2 * coef[column] ** 2 * x[:, column].var()
    np.testing.assert_allclose(average(x, coef, x @ coef, [column]), wanted, atol=1e-12)


@pytest.mark.parametrize("column", range(D))
def test_noise_adds_only_its_covariance_with_the_feature(linear, column):
    x, coef, noise = linear
    covariance = ((x[:, column] - x[:, column].mean())[:, None] * noise).mean(axis=0)
    wanted = 2 * coef[column] ** 2 * x[:, column].var() + 2 * coef[column] * covariance
    found = average(x, coef, x @ coef + noise, [column])
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_a_group_costs_its_covariance_matrix(linear):
    x, coef, _ = linear
    covariance = np.cov(x[:, [0, 1]].T, ddof=0)
    wanted = 2 * np.einsum("ik,ij,jk->k", coef[[0, 1]], covariance, coef[[0, 1]])
    found = average(x, coef, x @ coef, [0, 1])
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    alone = average(x, coef, x @ coef, [0]) + average(x, coef, x @ coef, [1])
    same_sign = coef[0] * coef[1] > 0
    assert same_sign.any()
    assert (found > alone)[same_sign].all(), "correlated features answer for one another"


def test_absolute_error_costs_the_mean_difference(linear):
    x, coef, _ = linear
    difference = np.abs(x[:, None, 0] - x[None, :, 0]).mean()
    found = average(x, coef, x @ coef, [0], error="absolute")
    np.testing.assert_allclose(found, np.abs(coef[0]) * difference, atol=1e-12)


def test_repeats_scatter_about_the_closed_form():
    rng = np.random.default_rng(4)
    x, coef = rng.normal(0, 1.5, (150, D)), rng.normal(0, 1, (D, K))
    found = permutation_importance(
        lambda z: z @ coef, samples(x, x @ coef), SINGLE, Scrambling(n_repeats=60)
    )
    wanted = 2 * coef**2 * x.var(axis=0)[:, None]
    assert (np.abs(found.mean - wanted) < 5 * found.standard_error).all()
    assert (found.standard_error < 0.05 * wanted).all()
    np.testing.assert_array_equal(found.base_error, 0.0)


# --- against a plain reference --------------------------------------------------------------------


def reference(fitted, x, y, groups, n_repeats, seed, measure):
    """The definition, without any shortcut, (n_repeats, d, k)."""
    orders = permutations([rows for _, rows in fitted], n_repeats, seed)
    raw = np.zeros((n_repeats, len(groups), y.shape[1]))
    for (predict, rows), order in zip(fitted, orders, strict=True):
        for r in range(n_repeats):
            for g, columns in enumerate(groups.values()):
                scrambled = x[rows].copy()
                scrambled[:, columns] = x[rows[order[r]]][:, columns]
                after = measure(predict(scrambled) - y[rows])
                raw[r, g] += (after - measure(predict(x[rows]) - y[rows])).sum(axis=0)
    return raw / sum(len(rows) for _, rows in fitted)


def mean_of(ensemble):
    return lambda z: ensemble.predict(z)[0]


@pytest.mark.parametrize(("error", "measure"), [("squared", np.square), ("absolute", np.abs)])
def test_folds_are_scrambled_on_their_own_rows(data, error, measure):
    x, y = data
    fitted = [
        (mean_of(fit_ensemble(x[train], y[train], BLOCKS, TINY)[0]), test)
        for train, test in list(folds(len(x)))[:3]
    ]
    groups = {**SINGLE, "pair": [2, 0]}
    found = cross_importance(
        fitted, samples(x, y), groups, Scrambling(n_repeats=3, seed=5, error=error)
    )
    wanted = reference(fitted, x, y, groups, 3, 5, measure)
    np.testing.assert_allclose(found.raw, wanted, atol=1e-7)
    base = np.concatenate([measure(predict(x[rows]) - y[rows]) for predict, rows in fitted])
    np.testing.assert_allclose(found.base_error, base.mean(axis=0), atol=1e-7)
    assert (found.n_samples, found.seed, found.error) == (len(base), 5, error)


CASES = {
    "relu": {},
    "tanh": {"activation": "tanh"},
    "all features": {"feature_share": 1.0},
    "ridge": {"ridge_alpha": 2.0},
    "every energy": {"n_components": 0},
    "one layer": {"hidden": (7,)},
    "three layers": {"hidden": (7, 6, 5)},
    "tight clip": {"clip": 0.3},
    "kernel": {"kernel_share": 0.4},
    "kernel and ridge": {"kernel_share": 0.7, "ridge_alpha": 2.0, "hidden": (7,)},
}


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_the_short_way_gives_the_same_numbers(data, change):
    x, y = data
    ensemble, _ = fit_ensemble(x[:25], y[:25], BLOCKS, replace(TINY, **change))
    groups = {**SINGLE, "pair": [0, 3], "all": [0, 1, 2, 3]}
    unseen, three = samples(x[25:], y[25:]), Scrambling(n_repeats=3)
    short = permutation_importance(ensemble, unseen, groups, three)
    full = permutation_importance(mean_of(ensemble), unseen, groups, three)
    np.testing.assert_allclose(short.raw, full.raw, atol=1e-6)
    np.testing.assert_allclose(short.base_error, full.base_error, atol=1e-6)
    assert np.abs(full.raw).max() > 1e-3


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_chunks_do_not_matter(data, ensemble, chunk):
    for predict in (ensemble, mean_of(ensemble)):
        one, other = (
            permutation_importance(
                predict, samples(*data), SINGLE, Scrambling(n_repeats=2, chunk=size)
            )
            for size in (chunk, 16)
        )
        np.testing.assert_allclose(one.raw, other.raw, atol=1e-6)


# --- properties -----------------------------------------------------------------------------------


def run(predict, data, groups=SINGLE, progress=None, energy_rel_ev=ENERGY, **scrambling):
    how = Scrambling(**{"n_repeats": 4, **scrambling})
    scored = samples(*data, energy_rel_ev=energy_rel_ev)
    return permutation_importance(predict, scored, groups, how, progress=progress)


def test_what_is_not_used_costs_exactly_nothing(data, ensemble):
    weights = ensemble.weights[0].copy()
    weights[:, 1] = 0.0
    blind = replace(ensemble, weights=(weights, *ensemble.weights[1:]))
    for predict in (blind, lambda z: np.exp(z[:, :1] - z[:, 2:3]) * ENERGY):
        found = run(predict, data)
        assert (found.raw[:, 1] == 0).all()
        assert (found.raw[:, 0] != 0).any()


def test_a_feature_of_the_linear_part_alone_counts(data):
    ensemble, _ = fit_ensemble(*data, BLOCKS, replace(TINY, ridge_alpha=1.0))
    weights = ensemble.weights[0].copy()
    weights[:, 0] = 0.0
    ensemble = replace(ensemble, weights=(weights, *ensemble.weights[1:]))
    short, full = run(ensemble, data), run(mean_of(ensemble), data)
    np.testing.assert_allclose(short.raw, full.raw, atol=1e-6)
    assert short.mean[0].max() > 1e-3


def test_a_constant_feature_costs_exactly_nothing(data, ensemble):
    x = data[0].copy()
    x[:, 0] = 1.7
    for predict in (ensemble, mean_of(ensemble)):
        assert (run(predict, (x, data[1])).raw[:, 0] == 0).all()


def test_parallel_is_serial(data, ensemble):
    groups = {f"{name} {i}": columns for i in range(5) for name, columns in SINGLE.items()}
    fitted = [(ensemble, np.arange(25, 32)), (mean_of(ensemble), np.arange(32, 40))]
    one, two = (
        cross_importance(
            fitted, samples(*data), groups, Scrambling(n_repeats=3, n_jobs=jobs, chunk=4)
        )
        for jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.raw, two.raw)
    np.testing.assert_array_equal(one.parts, two.parts)
    np.testing.assert_array_equal(one.base_error, two.base_error)
    np.testing.assert_array_equal(one.raw[:, :4], one.raw[:, 16:])  # the same groups, named anew
    errors = [(mean_of(ensemble)(data[0][rows]) - data[1][rows]) ** 2 for _, rows in fitted]
    np.testing.assert_allclose(one.base_error, np.concatenate(errors).mean(axis=0), atol=1e-6)


def test_a_group_of_one_is_the_feature(data, ensemble):
    single = run(ensemble, data)
    np.testing.assert_array_equal(run(ensemble, data, {"alone": [2]}).raw, single.raw[:, 2:3])


def test_the_seed_decides(data, ensemble):
    np.testing.assert_array_equal(run(ensemble, data).raw, run(ensemble, data).raw)
    np.testing.assert_array_equal(
        run(ensemble, data, seed=np.int64(7)).raw, run(ensemble, data, seed=7).raw
    )
    assert not np.array_equal(run(ensemble, data, seed=1).raw, run(ensemble, data).raw)


def test_mean_and_standard_error_are_those_of_the_repeats(data, ensemble):
    found = run(ensemble, data)
    assert found.raw.shape == (4, D, K)
    assert np.ptp(found.raw, axis=0).max() > 0, "repeats must differ"
    np.testing.assert_allclose(found.mean, sum(found.raw) / 4)
    deviation = np.sqrt(((found.raw - found.mean) ** 2).sum(axis=0) / 3)
    np.testing.assert_allclose(found.standard_error, deviation / 2)


def test_parts_are_every_tenth_sample(data):
    """Recomputed sample by sample; 7 and 18 samples, so the parts run on from fold to fold."""
    x, y = data
    coef = np.linspace(-1, 1, D * K).reshape(D, K)
    rows = [np.arange(7), np.arange(20, 38)]
    found = cross_importance(
        [(lambda z: z @ coef, own) for own in rows], samples(x, y), SINGLE, Scrambling(n_repeats=3)
    )
    count = sum(map(len, rows))
    scored, lent = np.zeros((2, count, D, K))  # by the sample scored, by the one lending features
    start = 0
    for own, order in zip(rows, permutations(rows, 3, 0), strict=True):
        for i, row in enumerate(own):
            for donor in order[:, i]:
                miss = x[row] @ coef - y[row]
                shift = (x[own[donor]] - x[row])[:, None] * coef
                growth = ((miss + shift) ** 2 - miss**2) / 3
                scored[start + i] += growth
                lent[start + donor] += growth
        start += len(own)
    mean = scored.mean(axis=0)
    np.testing.assert_allclose(found.mean, mean, atol=1e-12)
    acts = scored + lent - mean
    wanted = [np.mean(acts[part::10], axis=0) for part in range(10)]
    sizes = [len(acts[part::10]) for part in range(10)]
    np.testing.assert_allclose(np.average(found.parts, axis=0, weights=sizes), mean, atol=1e-12)
    np.testing.assert_allclose(found.parts, wanted, atol=1e-12)
    deviation = np.std(wanted, axis=0, ddof=1) / np.sqrt(10)
    np.testing.assert_allclose(found.sampling_error, deviation, atol=1e-12)


def test_sampling_error_is_the_scatter_over_other_samples():
    rng = np.random.default_rng(2)
    means, told, of_repeats = [], [], []
    for _ in range(150):
        x = rng.normal(0, 1, (60, 1))
        found = permutation_importance(
            lambda z: z @ np.ones((1, 1)), samples(x, x, [0.0]), {"x": [0]}, Scrambling(n_repeats=8)
        )
        means.append(found.mean[0, 0])
        told.append(found.sampling_error[0, 0])
        of_repeats.append(found.standard_error[0, 0])
    scatter = np.std(means)
    assert np.sqrt(np.mean(np.square(told))) == pytest.approx(scatter, rel=0.2)
    assert np.mean(of_repeats) < 0.5 * scatter, "repeats alone understate it"


def test_few_samples_make_few_parts(data, ensemble):
    assert run(ensemble, (data[0][:4], data[1][:4])).parts.shape == (4, D, K)


def test_a_window_is_the_average_over_its_energies(data, ensemble):
    found = run(ensemble, data)
    window = found.window(-1.0, 1.0)  # both bounds are grid points
    np.testing.assert_allclose(window.raw, (found.raw[..., 1:4]).mean(axis=2))
    np.testing.assert_allclose(window.mean, found.mean[:, 1:4].mean(axis=1))
    np.testing.assert_allclose(
        window.standard_error, found.raw[..., 1:4].mean(axis=2).std(axis=0, ddof=1) / 2
    )
    np.testing.assert_allclose(window.parts, found.parts[..., 1:4].mean(axis=2))
    assert (window.low_ev, window.high_ev, window.names) == (-1.0, 1.0, found.names)
    np.testing.assert_allclose(found.window(-99, 99).mean, found.mean.mean(axis=1))


def test_inputs_stay_as_they_are(data):
    x, y = (array.copy() for array in data)
    for array in (x, y):
        array.flags.writeable = False

    def careless(z):
        mu = z[:, :1] * ENERGY
        z[:] = 0.0
        return mu

    tidy = run(lambda z: z[:, :1] * ENERGY, (x, y))
    np.testing.assert_array_equal(run(careless, (x, y)).raw, tidy.raw)
    np.testing.assert_array_equal(x, data[0])
    np.testing.assert_array_equal(y, data[1])


def test_progress_counts_up_to_the_total(data, ensemble):
    groups = {str(i): [i % D] for i in range(17)}
    told = []
    run(ensemble, data, groups, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_take_keeps_order_and_numbers(data, ensemble):
    found = run(ensemble, data)
    taken = found.take(["x3", "x1"])
    assert taken.names == ("x3", "x1")
    np.testing.assert_array_equal(taken.raw, found.raw[:, [3, 1]])
    np.testing.assert_array_equal(taken.parts, found.parts[:, [3, 1]])
    with pytest.raises(ModelError, match="no importance of 'x9' was computed"):
        found.take(["x9"])


def test_arrays_survive_a_file(data, ensemble):
    found = run(ensemble, data)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **found.to_arrays("fe"))
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as stored:
        again = Importance.from_arrays(dict(stored), ENERGY, "fe")
    largest = np.abs(found.parts).max()
    for name in ("raw", "parts"):
        np.testing.assert_allclose(
            getattr(again, name), getattr(found, name), rtol=5e-4, atol=6e-8 * largest
        )
    np.testing.assert_allclose(again.base_error, found.base_error, rtol=1e-6)
    for name in ("names", "error", "n_samples", "seed"):
        assert getattr(again, name) == getattr(found, name)


def test_all_zero_arrays_survive(data, ensemble):
    nothing = replace(run(ensemble, data), raw=np.zeros((4, D, K)), parts=np.zeros((10, D, K)))
    assert (Importance.from_arrays(nothing.to_arrays(), ENERGY).raw == 0).all()


def test_arrays_that_do_not_fit_are_refused(data, ensemble):
    arrays = run(ensemble, data).to_arrays()
    with pytest.raises(ModelError, match="does not go with 4 names and 3 energies"):
        Importance.from_arrays(arrays, ENERGY[:3])
    changed = {**arrays, "importance_parts": arrays["importance_parts"][:, 1:]}
    with pytest.raises(ModelError, match=r"shape \(10, 3, 6\) does not go with 4 names"):
        Importance.from_arrays(changed, ENERGY)
    del arrays["importance_seed"]
    with pytest.raises(ModelError, match="importance data lack 'importance_seed'"):
        Importance.from_arrays(arrays, ENERGY)


def test_cross_fit_leaves_every_row_out_once(data):
    x, y = data
    told = []
    fitted = cross_fit(samples(x, y), BLOCKS, TINY, progress=lambda *now: told.append(now))
    assert sorted(np.concatenate([rows for _, rows in fitted])) == list(range(len(x)))
    assert told == [(i, 5) for i in range(1, 6)]


# --- refusals -------------------------------------------------------------------------------------

BAD_OPTIONS = {
    "error 'cubed' is not one of squared, absolute": {"error": "cubed"},
    "2 or more repeats": {"n_repeats": 1},
    "chunks of 1 or more samples": {"chunk": 0},
    "seed must be a whole number of 0 or more, not -1": {"seed": -1},
    "seed must be a whole number of 0 or more, not 0.5": {"seed": 0.5},
    "nothing to scramble": {"groups": {}},
    "group 'a' needs a list": {"groups": {"a": []}},
    "group 'b' needs a list": {"groups": {"b": [0.0]}},
    "columns of group 'c' must be different numbers from 0 to 3": {"groups": {"c": [4]}},
    "columns of group 'd' must be different": {"groups": {"d": [-1]}},
    "columns of group 'e' must be different": {"groups": {"e": [1, 1]}},
}


@pytest.mark.parametrize(("message", "change"), BAD_OPTIONS.items(), ids=BAD_OPTIONS)
def test_bad_options_are_refused(data, ensemble, message, change):
    with pytest.raises(ModelError, match=message):
        run(ensemble, data, **change)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0, 1], [1, 2]], "scored more than once"),
        ([[0]], "indices of 2 or more samples"),
        ([[0.0, 1.0]], "indices of 2 or more samples"),
        ([[0, 40]], "rows must lie between 0 and 39"),
        ([[-1, 3]], "rows must lie between 0 and 39"),
        ([], "no predictor was given"),
    ],
)
def test_bad_rows_are_refused(data, ensemble, rows, message):
    fitted = [(ensemble, np.array(own)) for own in rows]
    with pytest.raises(ModelError, match=message):
        cross_importance(fitted, samples(*data), SINGLE)


def test_bad_data_are_refused(data, ensemble):
    x, y = data
    with pytest.raises(ModelError, match=r"shape \(40, 4\) do not go with spectra of shape \(39"):
        run(ensemble, (x, y[1:]))
    with pytest.raises(ModelError, match="do not go with spectra"):
        run(ensemble, (x, y[:, 0]))
    for bad in ((np.where(x > 2.9, np.nan, x), y), (x, np.where(y > 0.9, np.inf, y))):
        with pytest.raises(ModelError, match="not finite; leave those out"):
            run(ensemble, bad)
    with pytest.raises(SpectrumError, match=r"energies must have the shape \(6,\)"):
        run(ensemble, data, energy_rel_ev=ENERGY[1:])
    with pytest.raises(DescriptorError, match=r"features must have shape \(n, 4\)"):
        run(ensemble, (x[:, :3], y), {"a": [0]})


def test_bad_answers_are_refused(data):
    with pytest.raises(ModelError, match="answered with shape"):
        run(lambda z: z, data)
    with pytest.raises(ModelError, match="answered with values that are not finite"):
        run(lambda z: np.full((len(z), K), np.nan), data)


@pytest.mark.parametrize("bounds", [(1, 1), (2, 1), (np.nan, 1), (0, np.inf)])
def test_windows_need_two_ascending_energies(bounds):
    with pytest.raises(SpectrumError, match="two ascending energies"):
        window_points(ENERGY, *bounds)


def test_windows_without_energies_are_refused():
    with pytest.raises(SpectrumError, match=r"window 0.2 to 0.8 eV; its grid runs from -2 to 3 eV"):
        window_points(ENERGY, 0.2, 0.8)


# --- groups ---------------------------------------------------------------------------------------

SMALL = WACSF(
    name="small",
    g2_mu_ang=(1.5, 2.5, 3.5, 4.5),
    g4_width_ang=(2.0, 3.0),
    g4_lambda=(1.0, -1.0),
    g4_zeta=(1.0,),
    species=(("O",), ("N", "C")),
    absorber_elements=("V", "Fe"),
)
#: Columns: 0 G1; 1-4 G2; 5-8 G4 (width, lambda); 9-12 G2[O]; 13-16 G2[N/C]; 17-18 absorber.
BY_HAND = {
    "kind": {
        "G1": [0],
        "G2": [1, 2, 3, 4],
        "G4": [5, 6, 7, 8],
        "species": list(range(9, 17)),
        "absorber": [17, 18],
    },
    "distance": {
        "mu=1.50 A": [1, 9, 13],
        "mu=2.50 A": [2, 10, 14],
        "mu=3.50 A": [3, 11, 15],
        "mu=4.50 A": [4, 12, 16],
    },
    "shell": {
        "first coordination (0 to 2.5 A)": [1, 9, 13],
        "second shell (2.5 to 3.75 A)": [2, 3, 10, 11, 14, 15],
        "further (from 3.75 A)": [4, 12, 16],
    },
    "species": {"O": [9, 10, 11, 12], "N/C": [13, 14, 15, 16]},
    "angle": {"G4 lambda=+1 zeta=1": [5, 7], "G4 lambda=-1 zeta=1": [6, 8]},
}


@pytest.mark.parametrize(("grouping", "wanted"), BY_HAND.items(), ids=BY_HAND)
def test_groups_by_hand(grouping, wanted):
    assert feature_groups(SMALL, grouping) == wanted


@pytest.mark.parametrize("convention", [SMALL, WACSF.default(), WACSF.xanesnet()])
def test_every_feature_by_itself(convention):
    assert list(feature_groups(convention)) == list(convention.feature_names)
    assert list(feature_groups(convention).values()) == [[i] for i in range(convention.n_features)]


@pytest.mark.parametrize("convention", [WACSF.default(), WACSF.xanesnet()], ids=lambda c: c.name)
@pytest.mark.parametrize("grouping", GROUPINGS)
def test_groups_of_the_shipped_conventions(convention, grouping):
    if (grouping, convention.name) == ("species", "xanesnet"):
        with pytest.raises(DescriptorError, match="'xanesnet' has no features to group by species"):
            feature_groups(convention, grouping)
        return
    groups = feature_groups(convention, grouping)
    columns = [column for group in groups.values() for column in group]
    assert len(set(columns)) == len(columns), "groups of one grouping do not overlap"
    names = [convention.feature_names[column] for column in columns]
    starts = {"species": "G2[", "angle": "G4", "distance": "G2", "shell": "G2"}.get(grouping, "")
    wanted = [name for name in convention.feature_names if name.startswith(starts)]
    assert sorted(names) == sorted(wanted)


def test_groups_of_paths_and_scattering():
    joined, wacsf = Joined.scattering(), WACSF.default()
    kinds = feature_groups(joined, "kind")
    assert list(kinds) == [*feature_groups(wacsf, "kind"), "paths", "scattering"]
    assert set(kinds) == set(MEANINGS)
    assert sum(map(len, kinds.values())) == joined.n_features
    for grouping in ("distance", "species", "angle"):  # the bars of the papers are as they were
        assert feature_groups(joined, grouping) == feature_groups(wacsf, grouping)
    shells = feature_groups(joined, "shell")
    assert list(shells)[3:] == [
        *(f"paths, {shell.label}" for shell in SHELLS),
        "multiple scattering",
    ]
    names = [joined.feature_names[column] for column in shells[f"paths, {SHELLS[1].label}"]]
    lengths = {float(name.rpartition("R=")[2].split()[0]) for name in names}
    assert (min(lengths), max(lengths)) == (2.6, 3.65)
    assert shells["multiple scattering"] == kinds["scattering"]
    assert sorted(kinds["paths"] + kinds["scattering"]) == list(
        range(wacsf.n_features, joined.n_features)
    )


@pytest.mark.parametrize("convention", [SMALL, WACSF.default(), WACSF.xanesnet()])
def test_distances_of_features_are_those_of_their_names(convention):
    found = convention.feature_distances_ang
    for name, mu in zip(convention.feature_names, found, strict=True):
        told = re.search(r"mu=([\d.]+)", name)
        assert np.isnan(mu) if told is None else abs(mu - float(told[1])) <= 0.005


def test_shells_meet_without_gap_and_hold_their_lower_bound():
    assert SHELLS[0].low_ang == 0
    assert np.isinf(SHELLS[-1].high_ang)
    for inner, outer in pairwise(SHELLS):
        assert inner.high_ang == outer.low_ang
    bounds = np.array([shell.low_ang for shell in SHELLS])
    assert shell_of(bounds).tolist() == [0, 1, 2]
    assert shell_of(np.nextafter(bounds[1:], 0)).tolist() == [0, 1]


def test_unknown_groupings_are_refused():
    with pytest.raises(DescriptorError, match="unknown grouping 'colour'; choose one of none, kin"):
        feature_groups(SMALL, "colour")
