import importlib.util
import re
import threading

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tests.theory.test_base import FILES, JOBS, nickel_carbonyl
from xanes_core.errors import (
    SpectrumError,
    StructureError,
    TheoryCancelled,
    TheoryError,
    TheoryTimeout,
)
from xanes_core.spectra.kinds import XANES
from xanes_core.spectra.read import read_spectrum
from xanes_core.structures.environments import environment
from xanes_core.structures.read import read_structures
from xanes_core.theory import feff10
from xanes_core.theory.base import Availability
from xanes_core.theory.feff10 import Feff10
from xanes_core.theory.feff10_io import (
    Feff10Settings,
    converged,
    explain_failure,
    feff_cluster,
    parse_xmu,
    write_feff,
)
from xanes_core.theory.watch import RunOptions

XMU = (FILES / "nico4_xmu.dat").read_text()
ENGINE = Feff10()


def iron_water(distance=2.1):
    """Iron with two waters: a metal, oxygen, hydrogen."""
    o = np.array([[0, 0, distance], [0, 0, -distance]])
    h = np.array([[s * 0.76, 0, t * (distance + 0.59)] for s in (1, -1) for t in (1, -1)])
    return Atoms("FeO2H4", positions=np.vstack([[[0, 0, 0]], o, h]))


def cards_of(text):
    """Words of each card, and the rows of the two lists."""
    cards, lists, current = {}, {}, None
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] == "*":
            continue
        if words[0][0].isalpha():
            current = words[0]
            cards[current] = words[1:]
        else:
            lists.setdefault(current, []).append(words)
    return cards, lists


# --- input ----------------------------------------------------------------------------------------


def test_input_card_by_card():
    cards, lists = cards_of(write_feff(iron_water(), 0, Feff10Settings()))
    assert cards["EDGE"] == ["K"]
    assert cards["XANES"] == ["4.5", "0.07", "0.0"]
    assert cards["FMS"] == ["6.0"]
    assert cards["EXCHANGE"] == ["0"]
    assert cards["SCF"] == ["4.000", "1", "60", "0.1", "1"]
    assert cards["CONTROL"] == ["1"] * 6
    assert cards["S02"] == ["1.0"]
    assert "COREHOLE" not in cards
    assert "XES" not in cards
    assert list(cards)[-1] == "END"
    assert lists["POTENTIALS"] == [
        ["0", "26", "Fe", "2", "3"],
        ["1", "1", "H", "0", "1"],
        ["2", "8", "O", "2", "2"],
    ]
    atoms = lists["ATOMS"]
    assert [float(v) for v in atoms[0][:3]] == [0, 0, 0]
    assert [row[3:5] for row in atoms] == [["0", "Fe"]] + [["2", "O"]] * 2 + [["1", "H"]] * 4
    distances = [float(row[5]) for row in atoms]
    assert distances == sorted(distances)
    assert np.linalg.norm([float(v) for v in atoms[3][:3]]) == pytest.approx(distances[3], abs=1e-5)


def test_input_for_emission():
    cards, _ = cards_of(write_feff(iron_water(), 0, Feff10Settings(spectrum="xes")))
    assert cards["XES"] == ["-38", "10", "0.2"]
    assert cards["COREHOLE"] == ["None"]
    assert "XANES" not in cards


def test_settings_reach_the_input():
    settings = Feff10Settings(
        radius_ang=5.0, scf_radius_ang=3.5, scf_cycles=30, scf_mixing=0.05, hydrogen_p=True
    )
    cards, lists = cards_of(write_feff(iron_water(), 0, settings))
    assert cards["FMS"] == ["5.0"]
    assert cards["SCF"] == ["3.500", "1", "30", "0.05", "1"]
    assert lists["POTENTIALS"][1] == ["1", "1", "H", "1", "1"]


def test_other_atoms_of_the_absorbers_element_have_a_potential_of_their_own():
    atoms = Atoms("FeOFe", positions=[[0, 0, 0], [0, 0, 1.8], [0, 0, 3.6]])
    _, lists = cards_of(write_feff(atoms, 2, Feff10Settings()))
    assert [row[:3] for row in lists["POTENTIALS"]] == [
        ["0", "26", "Fe"],
        ["1", "8", "O"],
        ["2", "26", "Fe"],
    ]
    assert [row[3] for row in lists["ATOMS"]] == ["0", "1", "2"]


def in_line(symbols, distances):
    """Iron, and atoms at these distances in directions of their own."""
    directions = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
    return Atoms(
        f"Fe{symbols}",
        [[0, 0, 0], *(r * np.array(n) for r, n in zip(distances, directions, strict=False))],
    )


@pytest.mark.parametrize(("far", "radius"), [(3.9, 4.0), (3.97, 4.02), (5.2, 5.25), (5.55, 5.6)])
def test_radius_of_the_potentials_includes_every_element(far, radius):
    atoms = in_line("OOClCl", [2.0, 5.9, far, far + 0.2])
    cluster = feff_cluster(atoms, 0, Feff10Settings())
    assert cluster.scf_radius_ang == pytest.approx(radius)
    assert len(cluster.near.numbers) == 4
    assert cluster.note == ""


def test_an_element_too_far_for_the_potentials_is_left_out():
    atoms = in_line("OClClNF", [2.0, 5.6, 5.7, 5.56, 5.54])
    cluster = feff_cluster(atoms, 0, Feff10Settings())
    assert cluster.near.numbers.tolist() == [8, 9]
    np.testing.assert_array_equal(cluster.near.distances_ang, [2.0, 5.54])
    np.testing.assert_array_equal(cluster.near.positions_ang, atoms.positions[[1, 5]])
    assert cluster.scf_radius_ang == pytest.approx(5.59)
    assert cluster.note == (
        "Left out: N (1 atom beyond 5.55 A), Cl (2 atoms beyond 5.55 A), for FEFF10 makes no "
        "potentials for an element so far away."
    )


def test_an_input_does_not_know_what_was_left_out():
    atoms = iron_water() + Atoms("Cl", positions=[[5.7, 0, 0]])
    text = ENGINE.write_input(atoms)
    assert "Cl" not in text
    assert "7 atoms within 6 A" in text
    assert text == ENGINE.write_input(iron_water())
    assert "Cl" not in ENGINE.write_input(atoms, 0, Feff10Settings(radius_ang=5.5))
    near = iron_water() + Atoms("Cl", positions=[[5.5, 0, 0]])
    cards, lists = cards_of(ENGINE.write_input(near))
    assert cards["SCF"][0] == "5.550"
    assert [row[2] for row in lists["POTENTIALS"]] == ["Fe", "H", "O", "Cl"]


def test_a_far_atom_stays_where_another_of_its_element_is_near():
    atoms = iron_water() + Atoms("O", positions=[[5.7, 0, 0]])
    cluster = feff_cluster(atoms, 0, Feff10Settings())
    assert len(cluster.near.numbers) == 7
    assert cluster.note == ""


def test_an_absorber_without_any_near_neighbour_is_refused():
    with pytest.raises(
        TheoryError, match=r"nearest atom, Cl, lies 5\.60 A .* no potentials .* beyond 5\.55 A"
    ):
        ENGINE.write_input(in_line("ClN", [5.6, 5.8]))


def test_structures_that_feff_cannot_take():
    with pytest.raises(TheoryError, match="atom 1 is O: choose an absorber"):
        ENGINE.write_input(iron_water(), 1)
    with pytest.raises(StructureError, match="no atom 7"):
        ENGINE.write_input(iron_water(), 7)
    with pytest.raises(TheoryError, match="no neighbour within 6 A: raise radius_ang"):
        ENGINE.write_input(Atoms("Fe"))
    with pytest.raises(TheoryError, match=r"atoms lie within 9 A .* at most 300 .* lower radius"):
        ENGINE.write_input(bulk("Ni", a=3.2), 0, Feff10Settings(radius_ang=9.0))
    many = Atoms(["Fe", *"HBCNOFPSIKVY"], positions=[[1.5 * i, 0, 0] for i in range(13)])
    many.positions[1:, 0] = 0
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    many.positions[1:, :2] = 3.0 * np.array([np.cos(angles), np.sin(angles)]).T
    with pytest.raises(TheoryError, match="holds 12 elements; FEFF10 takes 11"):
        ENGINE.write_input(many)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spectrum": "exafs"}, "spectrum must be one of xanes, xes"),
        ({"radius_ang": 12}, "radius_ang must lie between 2 and 9 A"),
        ({"scf_radius_ang": 6.0}, "scf_radius_ang must lie between 2 and 5.6 A"),
        ({"scf_cycles": 0}, "scf_cycles must lie between"),
        ({"scf_cycles": 2.5}, "scf_cycles must be a whole number"),
        ({"scf_mixing": 1.0}, "scf_mixing must lie between"),
        ({"k_max_inv_ang": 20}, "k_max_inv_ang must lie between"),
        ({"k_step_inv_ang": 0}, "k_step_inv_ang must lie between"),
        ({"xes_range_ev": (-30,)}, "xes_range_ev must be two energies"),
        ({"xes_range_ev": (5, 10)}, "the start of xes_range_ev must lie"),
        ({"xes_range_ev": (-10, -8)}, "the end of xes_range_ev must lie"),
        ({"xes_step_ev": 0}, "xes_step_ev must lie between"),
        ({"hydrogen_p": "yes"}, "hydrogen_p must be True or False"),
        ({"accept_unconverged": 1}, "accept_unconverged must be True or False"),
    ],
)
def test_settings_are_checked(change, words):
    with pytest.raises(TheoryError, match=words):
        Feff10Settings(**change)


@pytest.mark.parametrize("absorber", [0, 5])
def test_round_trip_through_the_reader(absorber):
    atoms = bulk("NiO", "rocksalt", a=4.17, cubic=True)
    atoms.rattle(0.05, seed=3)
    index = [i for i, a in enumerate(atoms) if a.symbol == "Ni"][absorber // 2]
    text = ENGINE.write_input(atoms, index)
    back = read_structures(text.encode(), format="feff")[0]
    assert back.info["absorber"] == 0
    before, after = environment(atoms, index), environment(back, 0)
    assert after.absorber_z == 28
    np.testing.assert_allclose(after.distances_ang, before.distances_ang, atol=2e-6)
    assert sorted(after.numbers) == sorted(before.numbers)
    again = write_feff(back, 0, Feff10Settings())
    assert again.partition("ATOMS")[0] == text.partition("ATOMS")[0]


def test_the_structure_is_left_as_it_is():
    atoms = iron_water()
    before = atoms.copy()
    ENGINE.write_input(atoms)
    assert atoms == before


# --- output ---------------------------------------------------------------------------------------


def test_real_output():
    spectrum = ENGINE.parse(XMU)
    assert len(spectrum) == XMU.count("\n") - 17
    assert spectrum.energy_ev[0] == 8327.7958257709
    assert spectrum.mu[0] == 1.5510163474e-02
    assert spectrum.mu[-1] == 1.0431895070
    assert spectrum.e0_ev == 8333.0
    assert spectrum.metadata["element"] == "Ni"
    assert spectrum.metadata["normalised"] == "yes"


def test_the_reader_for_uploads_agrees():
    upload = read_spectrum(XMU.encode(), name="xmu.dat", element="Ni")
    own = ENGINE.parse(XMU)
    np.testing.assert_array_equal(upload.energy_ev, own.energy_ev)
    np.testing.assert_array_equal(upload.mu, own.mu)
    assert upload.e0_ev == own.e0_ev


def test_emission_is_not_called_normalised():
    spectrum = parse_xmu(XMU.replace(" 1.55101", "-1.55101"), element="Ni", spectrum="xes")
    assert spectrum.metadata["spectrum"] == "xes"
    assert "normalised" not in spectrum.metadata


def row(energy, mu):
    return f"  {energy}  0.0  0.0  {mu}  1.0  0.0\n"


HEAD = "# Abs   Z=26 Rmt= 1.2\n"
GOOD = HEAD + "".join(row(7110 + i, 0.1 * i) for i in range(9))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no spectrum: FEFF10 stopped"),
        (HEAD, "holds no spectrum"),
        (GOOD + "7200.0 1.0\n", "line 11 of xmu.dat holds no row of numbers"),
        (GOOD + row(7200.0, "********"), "line 11 of xmu.dat"),
        (GOOD + row(7200.0, "NaN"), "values that are not numbers"),
        (GOOD + row(7200.0, "7.1"), "mu from 0.00 to 7.10 edge steps"),
        (GOOD + row(7200.0, "-0.06"), "mu from -0.06 to 0.80"),
        (GOOD + row(7100.0, "0.5"), "the table in xmu.dat is no spectrum: energies must ascend"),
        (GOOD.replace("Abs", "abs"), r"absorber of this xmu.dat is not known \(None\)"),
        (GOOD.replace("Z=26", "Z=92"), r"not known \(U\): give element"),
    ],
)
def test_damaged_output(text, words):
    with pytest.raises(TheoryError, match=words):
        parse_xmu(text)
    assert parse_xmu(GOOD).mu[3] == pytest.approx(0.3)


def test_fortran_exponents():
    assert parse_xmu(GOOD + row("7.2D+03", "1.5D-01")).mu[-1] == 0.15


def test_unknown_kind_of_spectrum():
    with pytest.raises(TheoryError, match="spectrum must be one of xanes, xes"):
        parse_xmu(GOOD, spectrum="exafs")


def test_convergence_is_read_from_the_log():
    logs = {name: (FILES / f"log1_{name}.txt").read_text() for name in ("converged", "unconverged")}
    assert converged(logs["converged"]) is True
    assert converged(logs["unconverged"]) is False
    assert converged((FILES / "log1_charge.txt").read_text()) is None


def test_failures_in_words():
    charge = (FILES / "log1_charge.txt").read_text()
    assert "the H atoms did not collect enough charge" in explain_failure(charge, "x")
    assert "an atom did not collect" in explain_failure("not enough charge", "x")
    runaway = (FILES / "log1_runaway.txt").read_text()
    assert "the Fermi level ran away" in explain_failure(runaway, "x")
    assert "the Fermi level" not in explain_failure(runaway.replace("***", "  1"), "x")
    assert "raise scf_radius_ang" in explain_failure("Cannot find all representative atoms", "x")
    corval = ":WARNING Fatal error in subroutine corval. Try to reduce ca1"
    assert "core from valence electrons: check for atoms" in explain_failure(corval, "x")
    assert explain_failure("", "phase shifts") == (
        "FEFF10 stopped while it was at: phase shifts without a word"
    )
    assert "its last words: disk full" in explain_failure("disk\n  full ", "")


# --- runs with a stand-in for FEFF ----------------------------------------------------------------


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(Feff10, "available", lambda self: Availability(True, "stand-in"))
    monkeypatch.setattr(Feff10, "version", lambda self: "0.0")
    return lambda name: monkeypatch.setattr(feff10, "run_stages", getattr(JOBS, name))


def test_a_run(stand_in, tmp_path, capfd):
    stand_in("feff_succeeds")
    seen = []
    result = ENGINE.run(
        nickel_carbonyl(), options=RunOptions(on_progress=seen.append, work_dir=tmp_path / "work")
    )
    np.testing.assert_array_equal(result.spectrum.mu, ENGINE.parse(XMU).mu)
    assert result.native is result.spectrum
    assert [p.stage for p in seen] == [
        "reading the input",
        "self-consistent potentials",
        "spectrum",
    ]
    assert [(p.done, p.total) for p in seen] == [(0, 9), (2, 9), (8, 9)]
    assert result.element == "Ni"
    assert result.settings["scf_mixing"] == 0.1
    assert result.engine_version == "0.0"
    assert result.input_text == ENGINE.write_input(nickel_carbonyl())
    assert "Convergence reached" in result.log
    assert result.notes == ()
    assert result.seconds > 0
    assert (tmp_path / "work" / "run1" / "xmu.dat").is_file()
    assert capfd.readouterr() == ("", "")
    with pytest.raises(SpectrumError, match="calculate up to a higher energy"):
        result.on_grid(np.append(XANES.energy_rel_ev, 200.0))


def test_a_run_says_which_elements_were_left_out(stand_in):
    stand_in("feff_succeeds")
    atoms = nickel_carbonyl() + Atoms("Cl", positions=[[0, 0, 5.76]])
    result = ENGINE.run(atoms)
    assert result.notes == (
        "Left out: Cl (1 atom beyond 5.55 A), for FEFF10 makes no potentials for an element so "
        "far away.",
    )
    assert result.input_text == ENGINE.write_input(nickel_carbonyl())


def test_hydrogen_is_given_p_states_once(stand_in):
    stand_in("feff_needs_hydrogen_p")
    result = ENGINE.run(iron_water())
    assert result.notes == (feff10.HYDROGEN_NOTE,)
    assert result.settings["hydrogen_p"] is True
    assert "1 1 H 1 1" in result.input_text


def test_potentials_that_miss_an_element_are_made_in_a_wider_radius(stand_in):
    stand_in("feff_misses_an_element")
    result = ENGINE.run(iron_water())
    assert result.notes == (feff10.RADIUS_NOTE,)
    assert result.settings["scf_radius_ang"] == 5.6
    assert "SCF 5.600 " in result.input_text


def test_an_element_that_no_radius_finds_is_an_error(stand_in):
    stand_in("feff_always_misses_an_element")
    with pytest.raises(TheoryError, match="did not find every element"):
        ENGINE.run(iron_water())


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("feff_never_has_charge", "the H atoms did not collect enough charge"),
        ("feff_runs_away", "the Fermi level ran away. Check for ligands"),
        ("feff_does_not_converge", "did not converge in 60 cycles: relax the structure"),
        ("feff_stops_in_fms", r"at: full multiple scattering.*out of memory"),
        ("feff_dies_in_fms", "FEFF10 stopped while it was at: full multiple scattering"),
        ("feff_writes_nothing", "ended without a spectrum"),
        ("feff_cannot_start", "could not be started: libgfortran is missing"),
    ],
)
def test_failures_of_a_run(job, words, stand_in):
    stand_in(job)
    with pytest.raises(TheoryError, match=words):
        ENGINE.run(iron_water())


def test_an_unconverged_spectrum_can_be_accepted(stand_in):
    stand_in("feff_does_not_converge")
    result = ENGINE.run(iron_water(), 0, Feff10Settings(accept_unconverged=True))
    assert result.notes == (feff10.UNCONVERGED_NOTE,)


def test_a_run_is_cancelled_or_late(stand_in):
    stand_in("feff_hangs")
    event = threading.Event()
    with pytest.raises(TheoryCancelled, match=r"cancelled \(at: full multiple scattering\)"):
        ENGINE.run(
            nickel_carbonyl(), options=RunOptions(on_progress=lambda p: event.set(), cancel=event)
        )
    with pytest.raises(TheoryTimeout, match=r"FEFF10 did not finish within 1.5 s"):
        ENGINE.run(nickel_carbonyl(), options=RunOptions(time_limit_s=1.5))


def test_cycles_of_the_potentials_are_reported(stand_in, tmp_path):
    stand_in("feff_cycles")
    seen = []

    def see(progress):
        seen.append(progress.detail)
        if progress.detail:
            (tmp_path / "run" / progress.detail).touch()

    ENGINE.run(nickel_carbonyl(), options=RunOptions(on_progress=see, work_dir=tmp_path / "run"))
    # the log is empty for a moment after the second cycle, and no step back is shown
    assert seen == ["", "cycle 1", "cycle 2"]


def test_a_folder_with_files_is_refused(stand_in, tmp_path):
    stand_in("feff_succeeds")
    (tmp_path / "thesis.tex").write_text("chapter 1")
    with pytest.raises(TheoryError, match="not empty"):
        ENGINE.run(nickel_carbonyl(), options=RunOptions(work_dir=tmp_path))


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    here = ENGINE.available()
    assert not here
    assert here.message == "FEFF10 is not installed: pip install feff10-rs"
    assert "POTENTIALS" in ENGINE.write_input(nickel_carbonyl())
    with pytest.raises(TheoryError, match="pip install feff10-rs"):
        ENGINE.run(nickel_carbonyl())


# --- the real thing -------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("feff10") is None, reason="needs feff10-rs")
def test_feff10_on_titanium_tetrachloride(capfd):
    corners = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3)
    atoms = Atoms("TiCl4", positions=np.vstack([[[0, 0, 0]], 2.17 * corners]))
    # a few cycles are enough to see the engine work
    settings = Feff10Settings(scf_cycles=3, accept_unconverged=True)
    stages = []
    result = ENGINE.run(
        atoms, 0, settings, options=RunOptions(on_progress=lambda p: stages.append(p.stage))
    )
    assert list(dict.fromkeys(stages)) == list(feff10.STAGES.values())
    assert result.notes == (feff10.UNCONVERGED_NOTE,)
    assert re.fullmatch(r"\d+\.\d+\.\d+", result.engine_version)
    grid = result.on_grid()
    relative = grid.energy_rel_ev
    assert grid.mu[relative < -10].max() < 0.05
    assert grid.mu[relative > 20].mean() == pytest.approx(1.0, abs=0.15)
    pre_edge = (relative > 0) & (relative < 6)
    after = (relative > 6) & (relative < 9)
    assert grid.mu[pre_edge].max() > grid.mu[after].min()  # tetrahedral: a pre-edge peak
    assert capfd.readouterr() == ("", "")
    assert converged(result.log) is False
