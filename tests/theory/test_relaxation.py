import importlib.util
import sys
import threading
import types

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.morse import MorsePotential

from xanes_core.errors import StructureError, TheoryCancelled, TheoryError, TheoryTimeout
from xanes_core.theory import relaxation as module
from xanes_core.theory.process import WorkerFailed
from xanes_core.theory.relaxation import (
    RelaxSettings,
    available,
    checked_multiplicity,
    lowest_multiplicity,
    relax,
)

needs_tblite = pytest.mark.skipif(importlib.util.find_spec("tblite") is None, reason="needs tblite")


def rattled(name="H2O", by=0.1):
    atoms = molecule(name)
    atoms.rattle(by, seed=1)
    return atoms


# --- charge and multiplicity ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "charge", "lowest"), [("H2O", 0, 1), ("H2O", 1, 2), ("NO", 0, 2), ("NO", -1, 1)]
)
def test_lowest_multiplicity(formula, charge, lowest):
    assert lowest_multiplicity(molecule(formula), charge) == lowest
    assert checked_multiplicity(molecule(formula), charge, None) == lowest
    assert checked_multiplicity(molecule(formula), charge, lowest + 2) == lowest + 2


@pytest.mark.parametrize(
    ("charge", "multiplicity", "words"),
    [
        (0, 2, r"multiplicity 2 is impossible with charge \+0: 10 electrons, an even number, need "
         "an odd multiplicity"),
        (-1, 3, "multiplicity 3 is impossible with charge -1: 11 electrons, an odd number, need an "
         "even multiplicity"),
        (0, 13, "needs 12 unpaired electrons; there are only 10"),
        (10, None, r"a charge of \+10 leaves no electrons"),
    ],
)  # fmt: skip
def test_impossible_electrons(charge, multiplicity, words):
    with pytest.raises(TheoryError, match=words):
        relax(molecule("H2O"), RelaxSettings(charge=charge, multiplicity=multiplicity))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"charge": 0.5}, "charge must be a whole number"),
        ({"charge": 30}, "charge must lie between -20 and 20 e"),
        ({"max_steps": -1}, "max_steps must lie between"),
        ({"scf_iterations": 0}, "scf_iterations must lie between"),
        ({"fmax_ev_per_ang": 0}, "fmax_ev_per_ang must lie between .* eV/A"),
        ({"multiplicity": 0}, "multiplicity must lie between"),
        ({"multiplicity": 1.5}, "multiplicity must be a whole number"),
    ],
)
def test_settings_are_checked(change, words):
    with pytest.raises(TheoryError, match=words):
        RelaxSettings(**change)


# --- structures -----------------------------------------------------------------------------------


def test_structures_that_are_not_relaxed():
    with pytest.raises(TheoryError, match="only molecules are relaxed here"):
        relax(bulk("Fe"))
    with pytest.raises(TheoryError, match="no parameters for U; it goes up to radon"):
        relax(Atoms("UO", positions=[[0, 0, 0], [0, 0, 1.8]]))
    with pytest.raises(StructureError, match="no atoms"):
        relax(Atoms())
    close = molecule("H2O")
    close.set_distance(0, 1, 0.42, fix=0)
    with pytest.raises(TheoryError, match="correct the structure before relaxing it"):
        relax(close)
    with pytest.raises(TheoryError, match="relax takes RelaxSettings, not dict"):
        relax(molecule("H2O"), {})
    with pytest.raises(TheoryError, match="time_limit_s must lie between"):
        relax(molecule("H2O"), time_limit_s=0)


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not available()
    assert available().message == "Relaxation needs tblite: pip install tblite"
    with pytest.raises(TheoryError, match="pip install tblite"):
        relax(molecule("H2O"))


# --- with a stand-in for tblite -------------------------------------------------------------------


class Fused(Calculator):
    """Pulls two atoms together until they coincide."""

    implemented_properties = ("energy", "forces")

    def __init__(self, **kwargs):
        super().__init__()

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        away = self.atoms.positions[1] - self.atoms.positions[0]
        self.results = {"energy": away @ away, "forces": np.array([2 * away, -2 * away])}


class Divergent(Fused):
    """Gives an energy that is no number."""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["energy"] = float("nan")


class Morse(MorsePotential):
    """A bond of 1.5 A."""

    def __init__(self, **kwargs):
        self.given = kwargs
        super().__init__(epsilon=2.0, r0=1.5, rho0=4.0, rcut1=8.0, rcut2=9.0)


@pytest.fixture
def stand_in(monkeypatch):
    """Put a calculator in the place of tblite's."""
    monkeypatch.setattr(module, "available", lambda: module.Availability(True, "stand-in"))
    monkeypatch.setattr(module, "_version", lambda: "stand-in")

    def put(calculator):
        ase_module = types.SimpleNamespace(TBLite=calculator)
        monkeypatch.setitem(sys.modules, "tblite", types.SimpleNamespace(ase=ase_module))
        monkeypatch.setitem(sys.modules, "tblite.ase", ase_module)

    return put


def pair(distance=1.65):
    return Atoms("C2", positions=[[0, 0, 0], [0, 0, distance]], info={"name": "pair"})


def test_a_bond_relaxes_to_its_length(stand_in):
    stand_in(Morse)
    seen = []
    start = pair()
    done = relax(start, on_progress=seen.append)
    assert done.atoms.get_distance(0, 1) == pytest.approx(1.5, abs=0.01)
    assert done.energy_ev == pytest.approx(-2.0, abs=1e-3)
    assert (done.converged, done.stopped_by) == (True, "force limit")
    assert done.fmax_ev_per_ang < 0.05
    assert [step.step for step in seen] == list(range(done.n_steps + 1))
    assert seen[0].energy_ev == done.start_energy_ev > seen[-1].energy_ev == done.energy_ev
    assert start.get_distance(0, 1) == 1.65
    assert done.atoms.info == {"name": "pair"}
    assert done.atoms.calc is None


def test_charge_and_multiplicity_reach_the_calculator(stand_in):
    given = []

    def calculator(**kwargs):
        given.append(kwargs)
        return Morse()

    stand_in(calculator)
    done = relax(pair(), RelaxSettings(charge=-1, scf_iterations=77))
    assert given[0]["charge"] == -1.0
    assert given[0]["multiplicity"] == done.multiplicity == 2
    assert given[0]["max_iterations"] == 77
    assert given[0]["method"] == "GFN2-xTB"


def test_step_and_time_limits_keep_what_was_reached(stand_in):
    stand_in(Morse)
    done = relax(pair(), RelaxSettings(max_steps=2))
    assert (done.n_steps, done.stopped_by, done.converged) == (2, "step limit", False)
    assert done.atoms.get_distance(0, 1) != 1.65
    single = relax(pair(), RelaxSettings(max_steps=0))
    assert (single.n_steps, single.stopped_by) == (0, "step limit")
    assert single.atoms.get_distance(0, 1) == 1.65
    late = relax(pair(), RelaxSettings(fmax_ev_per_ang=0.001), time_limit_s=0.001)
    assert late.stopped_by == "time limit"


def test_cancelling_between_steps(stand_in):
    stand_in(Morse)
    event = threading.Event()
    with pytest.raises(TheoryCancelled, match=r"relaxation was cancelled \(at: step 1\)"):
        relax(pair(), cancel=event, on_progress=lambda s: event.set() if s.step == 1 else None)
    with pytest.raises(TheoryCancelled, match="relaxation was cancelled"):
        relax(pair(), cancel=lambda: True)


def test_atoms_that_run_into_each_other(stand_in):
    stand_in(Fused)
    with pytest.raises(TheoryError, match=r"atoms 0 \(C\) and 1 \(C\).*ended in a broken geometry"):
        relax(pair(), RelaxSettings(max_steps=8))


def test_numbers_that_are_none(stand_in):
    stand_in(Divergent)
    with pytest.raises(TheoryError, match="energy or forces that are not numbers"):
        relax(pair())


def test_an_isolated_job_that_fails(stand_in, monkeypatch):
    stand_in(Morse)

    def fail(*args, **kwargs):
        raise WorkerFailed("out of memory", "MemoryError")

    monkeypatch.setattr(module, "run_function", fail)
    with pytest.raises(TheoryError, match="the relaxation failed: out of memory"):
        relax(pair(), isolated=True)


# --- the real thing -------------------------------------------------------------------------------


@needs_tblite
def test_water():
    done = relax(rattled(), RelaxSettings(fmax_ev_per_ang=0.01))
    assert done.converged
    assert done.energy_ev == pytest.approx(-137.9767, abs=5e-4)
    assert done.atoms.get_distance(0, 1) == pytest.approx(0.959, abs=0.005)
    assert done.atoms.get_angle(1, 0, 2) == pytest.approx(107.2, abs=1.5)
    assert done.version.startswith("GFN2-xTB, tblite ")


@needs_tblite
def test_spin_states_differ():
    oxygen = molecule("O2")
    settings = RelaxSettings(max_steps=0)
    singlet = relax(oxygen, settings)
    quintet = relax(oxygen, RelaxSettings(max_steps=0, multiplicity=5))
    assert (singlet.multiplicity, quintet.multiplicity) == (1, 5)
    assert quintet.energy_ev > singlet.energy_ev + 1.0


@needs_tblite
def test_isolated_is_the_same(capfd):
    seen, settings = [], RelaxSettings(max_steps=3)
    here = relax(rattled(), settings)
    there = relax(rattled(), settings, isolated=True, on_progress=seen.append)
    # another number of threads sums in another order
    np.testing.assert_allclose(there.atoms.positions, here.atoms.positions, atol=1e-6)
    assert there.energy_ev == pytest.approx(here.energy_ev, abs=1e-6)
    assert len(seen) == 4
    assert capfd.readouterr() == ("", "")


@needs_tblite
def test_isolated_is_cancelled():
    event = threading.Event()
    with pytest.raises(TheoryCancelled, match="relaxation was cancelled"):
        relax(rattled("C6H6"), isolated=True, cancel=event, on_progress=lambda s: event.set())


@needs_tblite
def test_an_isolated_step_that_hangs_is_stopped(monkeypatch):
    monkeypatch.setattr(module, "GRACE_S", 0.0)
    with pytest.raises(TheoryTimeout, match="relaxation did not finish within"):
        relax(rattled("C6H6"), isolated=True, time_limit_s=0.01)


@needs_tblite
def test_charges_that_do_not_converge():
    with pytest.raises(TheoryError, match=r"charges of GFN2-xTB did not converge at the start"):
        relax(rattled(), RelaxSettings(scf_iterations=2))


@needs_tblite
def test_a_charge_beyond_the_valence_electrons():
    with pytest.raises(TheoryError, match="GFN2-xTB failed at the start: Total number of elec"):
        relax(molecule("H2O"), RelaxSettings(charge=9))
