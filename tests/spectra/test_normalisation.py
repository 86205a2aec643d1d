import numpy as np
import pytest

from xanes_core.errors import SpectrumError
from xanes_core.spectra.normalisation import default_ranges, find_e0, normalise
from xanes_core.spectra.read import read_spectrum
from xanes_core.spectra.spectrum import Spectrum

E = 7112 + np.concatenate(
    [np.arange(-150, -20, 5.0), np.arange(-20, 60, 0.5), np.arange(60, 640, 4)]
)
E0 = 7120.0


def edge(energy, e0=E0):
    return 0.5 + np.arctan((energy - e0) / 0.8) / np.pi


def step(energy, e0=E0):
    """A step without tails, so that the fits are exact."""
    return np.clip(0.5 + (energy - e0) / 8.0, 0, 1)


def measured(order=2, height=2.5):
    x = E - E0
    polynomial = [1.0, 3e-4, -5e-7, 2e-10][: order + 1]
    pre = 0.7 - 4e-4 * x
    post = pre + height * sum(c * x**i for i, c in enumerate(polynomial))
    return Spectrum(E, pre + (post - pre) * step(E), 7112.0, {"title": "x"}), pre, post


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_line_and_polynomial_are_recovered_exactly(order):
    spectrum, pre, post = measured(order)
    # A line below and a polynomial of lower order above have to be added up first.
    result = normalise(
        spectrum,
        e0_ev=E0,
        order=max(order, 1),
        pre_range_ev=(-140, -30),
        post_range_ev=(50, 480),
    )
    np.testing.assert_allclose(result.pre_edge, pre, atol=1e-9)
    np.testing.assert_allclose(result.post_edge, post, atol=1e-7)
    assert result.edge_step == pytest.approx(2.5, rel=1e-8)
    expected = (spectrum.mu - pre) / 2.5
    np.testing.assert_allclose(result.spectrum.mu, expected, atol=1e-7)
    assert result.spectrum.e0_ev == 7112.0
    assert result.spectrum.metadata["normalised"] == "yes"
    assert result.spectrum.metadata["title"] == "x"
    assert result.order == max(order, 1)


def test_an_affine_change_of_the_input_changes_nothing():
    spectrum, _, _ = measured()
    other = Spectrum(E, 40 * spectrum.mu - 3 + 1e-3 * (E - E0), 7112.0)
    np.testing.assert_allclose(
        normalise(other).spectrum.mu, normalise(spectrum).spectrum.mu, atol=1e-7
    )


def test_e0_is_the_steepest_rise_on_an_uneven_grid():
    assert find_e0(Spectrum(E, edge(E))) == pytest.approx(E0, abs=0.2)
    assert find_e0(Spectrum(E, edge(E)), element="Fe") == pytest.approx(E0, abs=0.2)
    noisy = edge(E) + np.random.default_rng(0).normal(0, 0.01, E.size)
    assert find_e0(Spectrum(E, noisy, 7112)) == pytest.approx(E0, abs=0.6)


def test_e0_is_looked_for_near_the_tabulated_edge_only():
    energy = np.arange(6900, 7800, 1.0)
    two = Spectrum(energy, edge(energy) + 3 * edge(energy, 7720))
    assert find_e0(two) == pytest.approx(7720, abs=0.2)
    assert find_e0(two, element="Fe") == pytest.approx(E0, abs=0.2)
    assert find_e0(two, element="Co") == pytest.approx(7720, abs=0.2)


def test_e0_found_becomes_the_reference_only_where_there_was_none():
    spectrum = Spectrum(E, edge(E))
    result = normalise(spectrum)
    assert result.spectrum.e0_ev == result.e0_ev == pytest.approx(E0, abs=0.2)


def test_default_ranges_follow_the_reach():
    spectrum = Spectrum(np.linspace(7000, 7400, 400), np.linspace(0, 1, 400))
    assert default_ranges(spectrum, 7100) == ((-100, -100 / 3), (100, 300))
    long = Spectrum(np.linspace(6000, 9000, 400), np.linspace(0, 1, 400))
    assert default_ranges(long, 7000) == ((-200, -200 / 3), (150, 800))
    short = Spectrum(np.linspace(7080, 7130, 400), np.linspace(0, 1, 400))
    assert default_ranges(short, 7100) == ((-20, -10), (10, 30))


@pytest.mark.parametrize(("reach", "order"), [(45, 0), (200, 1), (620, 2)])
def test_default_order_follows_the_range(reach, order):
    spectrum, _, _ = measured(0)
    keep = reach + 0.1 > E - E0
    assert normalise(Spectrum(E[keep], spectrum.mu[keep]), e0_ev=E0).order == order


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pre_range_ev": (-200, -170)}, "pre-edge range of -200 to -170 eV holds 0 points"),
        ({"pre_range_ev": (-60, -52)}, "holds 2 points, at least 3"),
        ({"pre_range_ev": (-30, -60)}, "pre-edge range must ascend"),
        ({"pre_range_ev": (-30, np.nan)}, "pre-edge range must ascend"),
        ({"pre_range_ev": (-60, 30)}, "pre-edge range must lie below"),
        ({"post_range_ev": (-10, 300)}, "post-edge range above"),
        ({"post_range_ev": (615, 900), "order": 3}, "post-edge range of .* at least 5"),
        ({"order": 4}, "must be 0 to 3, got 4"),
        ({"order": -1}, "must be 0 to 3"),
        ({"order": 1.5}, "must be 0 to 3"),
        ({"order": True}, "must be 0 to 3"),
        ({"e0_ev": 9000}, "lies outside the spectrum"),
    ],
)
def test_ranges_and_orders_that_do_not_fit(options, message):
    spectrum, _, _ = measured()
    with pytest.raises(SpectrumError, match=message):
        normalise(spectrum, **{"e0_ev": E0, **options})


def test_a_transmission_has_no_positive_step():
    with pytest.raises(SpectrumError, match="edge step is -1, but must be positive"):
        normalise(Spectrum(E, 1 - step(E)), e0_ev=E0)


@pytest.mark.parametrize(
    ("spectrum", "element", "message"),
    [
        (Spectrum(E, edge(E)), "Cu", "does not reach across the edge at 8979 eV"),
        (Spectrum(E[:5], edge(E[:5]), 7112), None, "does not reach across the edge"),
        (Spectrum([7112, 7113], [0, 1]), None, "does not reach across the edge; check|edge$"),
        (Spectrum(E, 0 * E + 1), None, "rises nowhere"),
        (Spectrum(E, edge(E)), "Au", "no K edge is tabulated for 'Au'"),
        (Spectrum([1.0, 3e5], [0.0, 1.0]), None, "too long"),
    ],
)
def test_e0_that_cannot_be_found(spectrum, element, message):
    with pytest.raises(SpectrumError, match=message):
        find_e0(spectrum, element=element)


@pytest.mark.parametrize(
    ("name", "e0", "edge_step"),
    [
        ("Fe2O3_rt_01.xdi", 7125.6, 1.347),
        ("MnO_rt_01.xdi", 6543.9, 0.124),
        ("Ni_metal_rt_01.xdi", 8343.8, 2.631),
        ("TiCl3.nor", 4975.6, 0.962),
        ("ZnO.xdi", 9664.9, 0.041),
    ],
)
def test_measured_spectra_normalise_with_the_defaults(shared_data, name, e0, edge_step):
    result = normalise(read_spectrum(shared_data / "xdi" / name))
    assert result.e0_ev == pytest.approx(e0, abs=0.3)
    assert result.edge_step == pytest.approx(edge_step, rel=0.02)
    relative = result.spectrum.energy_ev - result.e0_ev
    near = (relative > 20) & (relative < 80)
    assert result.spectrum.mu[near].mean() == pytest.approx(1, abs=0.15)
    assert np.abs(result.spectrum.mu[relative < -15]).max() < 0.1
