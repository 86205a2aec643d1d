"""Mixtures, differences and matches, on spectra whose answer is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from xanes_core import load_model
from xanes_core.cli.commands import main
from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import RefinementError
from xanes_core.refinement import (
    Candidate,
    Measured,
    SpectrumLibrary,
    difference,
    find_matches,
    fit_mixture,
    load_library,
)
from xanes_core.spectra import Spectrum, write_spectrum
from xanes_core.structures import load_example

FE = K_EDGE_EV["Fe"]
KEYS = ("hexaaquairon-ii", "hexaaquairon-iii", "hexacyanoferrate-ii")


@pytest.fixture(scope="module")
def model():
    return load_model("Fe")


@pytest.fixture(scope="module")
def candidates():
    return [Candidate(key, load_example(key), "Fe") for key in KEYS]


def seen(model, mu, *, shift_ev=0.0, scale=1.0, noise=0.0005, seed=0):
    """A spectrum as a beamline would see it."""
    energy = np.arange(-11.0, 50.0, 0.5)
    mu = scale * CubicSpline(model.energy_rel_ev, mu)(energy - shift_ev)
    mu += np.random.default_rng(seed).normal(0, noise, len(energy))
    return Measured(FE + energy, mu, "Fe", name="made up")


# --- mixtures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("true", [(0.6, 0.4), (0.3, 0.5, 0.2), (0.7, 0.0, 0.3), (0.0, 0.0, 1.0)])
def test_fractions_are_recovered_with_shift_and_scale(model, candidates, true):
    used = candidates[: len(true)]
    spectra = [model.predict(one.atoms, "Fe").mu for one in used]
    fit = fit_mixture(
        seen(model, np.array(true) @ spectra, shift_ev=1.7, scale=1.03), used, model=model
    )
    values = np.array([one.value for one in fit.fractions])
    assert values.sum() == pytest.approx(1.0)
    assert values == pytest.approx(np.array(true), abs=0.05)
    # the share of iron(III) and the shift of the edge stand in for each other
    assert fit.shift_ev == pytest.approx(1.7, abs=0.15)
    assert fit.scale == pytest.approx(1.03, abs=0.01)
    assert fit.misfit < 0.01
    assert fit.parts.sum(axis=0) == pytest.approx(fit.fitted_mu, abs=0.02)
    for one, share in zip(fit.fractions, true, strict=True):
        assert 0 <= one.low90 <= one.low68 <= one.value <= one.high68 <= one.high90 <= 1
        assert one.low90 - 0.005 <= share <= one.high90 + 0.005
        assert one.at_bound == (one.value in (0.0, 1.0))


def test_a_structure_that_is_not_there_is_exactly_zero_and_said(model, candidates):
    fit = fit_mixture(
        seen(model, model.predict(candidates[2].atoms, "Fe").mu), candidates, model=model
    )
    spare = [one for one in fit.fractions if one.value == 0.0]
    assert spare
    assert all(one.low90 == 0.0 < one.high90 for one in spare)
    assert any("is not needed" in note for note in fit.notes)


def test_structures_that_look_alike_are_not_told_apart(model, candidates):
    twins = [candidates[0], candidates[2], replace(candidates[0], name="twin")]
    fit = fit_mixture(seen(model, model.predict(candidates[0].atoms, "Fe").mu), twins, model=model)
    first, _, twin = fit.fractions
    assert first.value + twin.value == pytest.approx(1.0, abs=0.02)
    assert fit.correlations[0, 2] < -0.9
    assert twin.high90 - twin.low90 > 0.8
    assert any("says next to nothing" in note for note in fit.notes)


def test_the_same_draws_come_from_the_same_seed(model, candidates):
    measured = seen(model, model.predict(candidates[0].atoms, "Fe").mu)
    one, two = (fit_mixture(measured, candidates[:2], model=model, seed=4) for _ in range(2))
    assert one.to_dict() == two.to_dict()


@pytest.mark.parametrize(
    ("count", "names", "message"),
    [
        (1, None, "2 to 5 structures, not 1"),
        (6, None, "2 to 5 structures, not 6"),
        (2, "same", "two structures are called 'same'"),
    ],
)
def test_mixtures_that_make_no_sense(model, candidates, count, names, message):
    some = [replace(candidates[0], name=names or f"{i}") for i in range(count)]
    measured = seen(model, model.predict(candidates[0].atoms, "Fe").mu)
    with pytest.raises(RefinementError, match=message):
        fit_mixture(measured, some, model=model)


def test_a_mixture_of_another_element_is_refused(model, candidates):
    measured = seen(model, model.predict(candidates[0].atoms, "Fe").mu)
    chromate = Candidate("chromate", load_example("chromate"), "Cr")
    with pytest.raises(RefinementError, match="the spectrum is of Fe, the absorber is Cr"):
        fit_mixture(measured, [candidates[0], chromate], model=model)


# --- differences ---------------------------------------------------------------------------------


def test_a_structure_less_itself_is_nothing_with_a_band_of_nothing(model, candidates):
    atoms = candidates[0].atoms
    result = difference(model, atoms, atoms, "Fe", "Fe")
    for curve in (result.mean, result.spread, result.band_low, result.band_high):
        assert np.abs(curve).max() == 0.0
    assert not result.is_sure.any()
    assert any("the same to the last digit" in note for note in result.notes)


def test_a_difference_changes_sign_with_its_order(model, candidates):
    a, b = candidates[0].atoms, candidates[2].atoms
    there, back = difference(model, a, b, "Fe", "Fe"), difference(model, b, a, "Fe", "Fe")
    assert there.mean == pytest.approx(-back.mean, abs=1e-6)
    assert there.spread == pytest.approx(back.spread, abs=1e-6)
    assert there.is_sure.any()


def test_what_both_share_cancels_in_the_band(model, candidates):
    """A bond made longer by 0.02 A: the band of the difference is below those of both."""
    atoms = candidates[0].atoms
    moved = atoms.copy()
    metal = next(i for i, s in enumerate(atoms.symbols) if s == "Fe")
    moved.positions = atoms.positions[metal] + 1.01 * (atoms.positions - atoms.positions[metal])
    result = difference(model, moved, atoms, "Fe", "Fe")
    plain = model.predict(atoms, "Fe")
    assert (result.band_high - result.band_low).mean() < 0.8 * (plain.upper - plain.lower).mean()


def test_a_frame_less_the_mean_of_all_adds_up_to_nothing(model, candidates):
    frames = [one.atoms for one in candidates[:2]]
    sums = sum(difference(model, one, frames, "Fe", "Fe").mean for one in frames)
    assert sums == pytest.approx(np.zeros(226), abs=1e-6)


def test_a_measured_difference_gives_the_share_that_was_excited(model, candidates):
    a, b = candidates[1].atoms, candidates[0].atoms
    mean = difference(model, a, b, "Fe", "Fe").mean
    energy = np.arange(-8.0, 45.0, 0.4)
    y = 0.3 * CubicSpline(model.energy_rel_ev, mean)(energy + 2.0)
    y += np.random.default_rng(1).normal(0, 2e-4, len(y))
    spectrum = Spectrum(FE + energy, y, FE)
    found = difference(model, a, b, "Fe", "Fe", measured_difference=spectrum).compared
    assert found.scale == pytest.approx(0.3, abs=0.02)
    assert abs(found.scale - 0.3) < 3 * found.scale_sd
    assert found.shift_ev == pytest.approx(-2.0, abs=0.15)
    assert found.correlation > 0.99
    as_json = difference(model, a, b, "Fe", "Fe", measured_difference=spectrum).to_dict()
    assert as_json["scale"]["low90"] < as_json["scale"]["low68"] < as_json["scale"]["value"]


def test_differences_that_make_no_sense(model, candidates):
    atoms = candidates[0].atoms
    with pytest.raises(RefinementError, match="same absorber in both structures"):
        difference(model, atoms, load_example("chromate"), "Fe", "Cr")
    with pytest.raises(RefinementError, match="needs a second structure"):
        difference(model, atoms, [], "Fe", "Fe")
    far = Spectrum(np.arange(7500.0, 7600.0), np.ones(100), FE)
    with pytest.raises(RefinementError, match="0 points of the measured difference"):
        difference(model, atoms, candidates[1].atoms, "Fe", "Fe", measured_difference=far)
    near = Spectrum(FE + np.arange(-10.0, 40.0), np.ones(50), FE)
    with pytest.raises(RefinementError, match="nothing to scale"):
        difference(model, atoms, atoms, "Fe", "Fe", measured_difference=near)


# --- matches -------------------------------------------------------------------------------------

GRID = np.linspace(-15.0, 60.0, 226)


def peak(at_ev):
    return 1 / (1 + np.exp(-GRID / 2)) + 0.6 * np.exp(-0.5 * ((GRID - at_ev) / 3) ** 2)


@pytest.fixture(scope="module")
def library():
    places = np.arange(4.0, 34.0, 0.5)
    facts = {
        "coordination": tuple(frozenset({"4" if at < 12 else "6"}) for at in places),
        "donors": tuple(frozenset({"oxygen", "halide"} if at < 8 else {"oxygen"}) for at in places),
        "oxidation": tuple(frozenset() for _ in places),
    }
    names = np.array([f"at {at:g}" for at in places])
    spectra = np.array([peak(at) for at in places])
    return SpectrumLibrary(names, np.full(len(places), "Fe"), GRID, spectra, facts)


@pytest.mark.parametrize("measure", ["misfit", "derivative", "cosine"])
def test_the_spectrum_itself_is_found_with_its_shift(library, measure):
    energy = np.arange(-11.0, 46.0, 0.25)
    mu = np.interp(energy + 2.0, GRID, peak(9.0))
    result = find_matches(
        Measured(FE + energy, mu, "Fe"), library, measure=measure, shift_range_ev=(-5.0, 5.0)
    )
    best = result.matches[0]
    assert best.name == "at 9"
    assert best.shift_ev == pytest.approx(-2.0, abs=0.01)
    assert best.distance == pytest.approx(0.0, abs=2e-3)
    assert best.mu == pytest.approx(result.measured_mu, abs=0.01)
    assert best.facts["coordination"] == ("4",)
    distances = [one.distance for one in result.matches]
    assert distances == sorted(distances)
    assert len(distances) == 20


def test_what_dominates_stands_beside_its_share_in_the_library(library):
    energy = np.arange(-11.0, 46.0, 0.25)
    measured = Measured(FE + energy, np.interp(energy, GRID, peak(7.0)), "Fe")
    result = find_matches(measured, library, count=8, shift_range_ev=(0.0, 0.0))
    shares = {(one.fact, one.value): one for one in result.enrichment}
    four = shares["coordination", "4"]
    assert (four.among_best, four.in_library) == (1.0, 16 / 60)
    assert four.chance == pytest.approx((16 / 60) ** 8)
    assert shares["donors", "oxygen"].chance == pytest.approx(1.0)
    assert not any(one.fact == "oxidation" for one in result.enrichment), "nothing is known"
    assert "no assignment" in result.notes[0]


def test_a_library_too_small_for_shares_is_said(library):
    energy = np.arange(-11.0, 46.0, 0.25)
    measured = Measured(FE + energy, np.interp(energy, GRID, peak(20.0)), "Fe")
    assert any("Only 60 spectra" in note for note in find_matches(measured, library).notes)
    few = find_matches(measured, library, count=3, shift_range_ev=(-3.0, 3.0))
    assert not any("Only 60" in note for note in few.notes)
    far = Measured(FE + energy, np.interp(energy + 9.0, GRID, peak(20.0)), "Fe")
    at_end = find_matches(far, library, count=1, shift_range_ev=(-1.0, 0.0))
    assert any("end of the shifts" in note for note in at_end.notes)


def test_matches_that_make_no_sense(library):
    energy = np.arange(-11.0, 46.0, 0.25)
    measured = Measured(FE + energy, np.interp(energy, GRID, peak(20.0)), "Fe")
    for options, message in (
        ({"measure": "taste"}, "no measure 'taste'"),
        ({"count": 0}, "at least one match"),
        ({"shift_range_ev": (3.0, -3.0)}, "the shifts must ascend"),
        ({"element": "Zn"}, "no spectrum of Zn, only of Fe"),
        ({"shift_range_ev": (-60.0, 60.0)}, "leaves too little"),
    ):
        with pytest.raises(RefinementError, match=message):
            find_matches(measured, library, **options)
    with pytest.raises(RefinementError, match="one element, one spectrum"):
        replace(library, elements=library.elements[1:])


def test_the_library_that_travels_knows_its_own_spectra():
    library = load_library()
    assert len(library) > 5000
    assert set(library.facts) == {"coordination", "geometry", "donors", "oxidation"}
    rows = np.flatnonzero(library.elements == "Ni")[::150]
    for row in rows:
        mu = library.spectra[row].astype(float)
        measured = Measured(library.energy_rel_ev + K_EDGE_EV["Ni"], mu, "Ni", computed=True)
        assert find_matches(measured, library).matches[0].name == library.names[row]


# --- the command line ----------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, model, candidates):
    paths = []
    for one in candidates[:2]:
        paths.append(tmp_path / f"{one.name}.xyz")
        one.atoms.copy().write(paths[-1], plain=True)
    mu = 0.5 * sum(model.predict(one.atoms, "Fe").mu for one in candidates[:2])
    spectrum = Spectrum(model.energy_rel_ev + FE, mu, FE, {"element": "Fe", "normalised": "yes"})
    measured = tmp_path / "measured.xdi"
    measured.write_text(write_spectrum(spectrum, "xdi"))
    return str(measured), *map(str, paths)


def test_mix_match_and_difference_write_json_that_scripts_can_read(files, capsys):
    measured, a, b = files

    def say(*arguments):
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    mixed = say("mix", measured, a, b)
    assert [one["name"] for one in mixed["fractions"]] == [a, b]
    for one in mixed["fractions"]:
        assert one["value"] == pytest.approx(0.5, abs=0.05)
        assert {"low68", "high68", "low90", "high90", "unit", "verdict"} <= set(one)
    assert {"shift_ev", "scale", "misfit", "verdict", "notes"} <= set(mixed)

    matched = say("match", measured, "--element", "Fe", "--count", "5")
    assert len(matched["matches"]) == 5
    assert {"name", "distance", "shift_ev"} <= set(matched["matches"][0])
    assert {"fact", "value", "among_best", "in_library", "chance"} <= set(matched["enrichment"][0])

    less = say("difference", a, b)
    assert len(less["mean"]) == len(less["band_low"]) == 226
    assert less["element"] == "Fe"
    compared = say("difference", a, b, "--measured", measured)
    assert {"value", "low68", "high90"} <= set(compared["scale"])


def test_without_json_they_write_tables(files, capsys):
    measured, a, b = files
    for arguments, words in (
        (("mix", measured, a, b), "structure"),
        (("match", measured), "in the library"),
        (("difference", a, b), "energy_rel_ev,difference,band_low,band_high"),
    ):
        assert main(list(arguments)) == 0
        assert words in capsys.readouterr().out


def test_several_frames_where_one_is_needed_are_refused(files, tmp_path, capsys):
    measured, a, b = files
    both = tmp_path / "both.xyz"
    both.write_text(2 * Path(a).read_text())
    assert main(["mix", measured, str(both), b]) == 2
    assert "holds 2 frames" in capsys.readouterr().err
