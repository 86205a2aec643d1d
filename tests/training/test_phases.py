"""Phase-shift tables from FEFF10, and FEFF10's own fine structure from its own phase shifts."""

import importlib.util
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.units import Hartree

from tests.places import FILES
from tests.tiny_models import write_training_set
from xanes_core.cli import descriptors as command
from xanes_core.cli.commands import main
from xanes_core.constants import ABSORBERS
from xanes_core.descriptors.phases import ENERGY_EV, LEVEL_EV, WIDTH_EV, PhaseTable, read_phases
from xanes_core.descriptors.scattering import Scattering
from xanes_core.errors import DatasetError, TheoryError
from xanes_core.structures.environments import environment
from xanes_core.theory.feff10 import Feff10
from xanes_core.theory.feff10_io import Feff10Settings
from xanes_core.theory.feff10_phases import parse_phases
from xanes_core.training.phases import (
    PhaseRun,
    choose_complexes,
    phase_table,
    run_phases,
    scatter_of_runs,
)

FOLDER = FILES / "scattering" / "feff10"
TEXT = (FOLDER / "phase00.dat").read_text()
TITANIUM = parse_phases(TEXT)
CHLORINE = parse_phases((FOLDER / "phase01.dat").read_text())
CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
TICL4 = Atoms("TiCl4", np.vstack([np.zeros((1, 3)), 2.17 * CORNERS]))


def test_a_file_of_feff10_is_read():
    assert (TITANIUM.z, TITANIUM.is_absorber, TITANIUM.radius_ang) == (22, True, 1.213)
    assert (CHLORINE.z, CHLORINE.is_absorber, CHLORINE.radius_ang) == (17, False, 1.282)
    assert (TITANIUM.width_ev, TITANIUM.level_ev) == (0.903, -11.23)
    assert TITANIUM.energy_ev[[0, -1]] == pytest.approx([-14.31222, 69.62325], abs=0.01)
    assert (np.diff(TITANIUM.energy_ev) > 0).all()
    assert TITANIUM.delta.shape == (len(TITANIUM.energy_ev), 5)
    assert TITANIUM.delta[0, 0] == 3.160382 + 0.01374363j
    assert TITANIUM.reference_ev[0] == -11.22816


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("unique pot", "something"), "no phaseNN.dat"),
        (("Vint=", "none"), "no phaseNN.dat"),
        (("3.160382E+00", "******"), "phase shifts of FEFF10 are damaged"),
    ],
)
def test_damaged_files_are_told(change, message):
    with pytest.raises(TheoryError, match=message):
        parse_phases(TEXT.replace(*change, 1))


def test_fine_structure_of_feff10_from_its_own_phase_shifts():
    """TiCl4, waves as FEFF10 was told to take them: Ti with l <= 1, Cl with l <= 2.

    FEFF10's spectrum is convolved further by the Fermi level next to the edge, so only what lies
    5 eV above it is compared.
    """
    energy = TITANIUM.energy_ev
    kinetic = energy + 0.5j * TITANIUM.width_ev - TITANIUM.reference_ev
    tables = PhaseTable(
        energy_ev=energy,
        momentum_au=np.sqrt(2.0 * kinetic / Hartree),
        numbers=np.array([17]),
        scatterers=np.exp(2j * CHLORINE.delta[None, :, :3]),
        absorbers=("Ti",),
        absorber_s=np.exp(2j * TITANIUM.delta[None, :, :3]),
    )
    own = Scattering(phases=tables).chi(environment(TICL4, 0)).imag
    stored = np.loadtxt(FOLDER / "xmu.dat")
    np.testing.assert_allclose(stored[:, 1], energy, atol=1e-4)
    edge_ev = energy[np.searchsorted(stored[:, 2], 0.0)]
    above = energy > edge_ev + 5.0
    assert above.sum() > 45
    assert np.corrcoef(own[above], stored[above, 5])[0, 1] > 0.99


def complexes(symbols, n):
    """So many complexes of a metal with a neighbour, none too bare."""
    rng = np.random.default_rng(len(symbols))
    for i in range(n):
        hydrogens = rng.uniform(2.6, 3.4, (20 + i, 3)) * rng.choice([-1, 1], (20 + i, 3))
        near = [[1.9, 0, 0], [0, 2.0, 0]][: len(symbols) - 1]
        yield (
            f"{''.join(symbols)}_{i}",
            Atoms([*symbols, *["H"] * (20 + i)], [[0, 0, 0], *near, *hydrogens]),
        )


def test_complexes_are_chosen_until_every_element_is_there_often_enough():
    pool = [
        *complexes(["Fe", "O"], 9),
        *complexes(["Fe", "O", "Se"], 3),
        *complexes(["Ni", "O"], 2),
    ]
    names = [name for name, _ in choose_complexes(pool, runs=3)]
    # selenium brings iron and oxygen along
    assert names == ["NiO_0", "NiO_1", "FeOSe_0", "FeOSe_1", "FeOSe_2"]
    further = [*complexes(["Ni", "O"], 4), *complexes(["Zn", "Br"], 1)]
    more = [name for name, _ in choose_complexes(pool, further, runs=3)]
    assert more == [*names, "ZnBr_0", "NiO_2"]
    assert choose_complexes([("bare", TICL4)]) == []


def runs_of_all(change=0.0):
    """A run for each absorber, all with the phase shifts of titanium."""
    for z in range(22, 31):
        shifted = replace(TITANIUM, z=z, delta=TITANIUM.delta + change * (z - 22))
        yield PhaseRun(f"of {z}", (shifted, CHLORINE, replace(CHLORINE, z=1)))


def test_a_table_is_the_mean_of_its_runs():
    table = phase_table(list(runs_of_all()))
    assert table.absorbers == ABSORBERS
    assert table.numbers.tolist() == [17]  # hydrogen does not scatter
    assert table.runs == {"Cl": 9, **{f"absorber {element}": 1 for element in ABSORBERS}}
    assert "9 complexes" in table.origin
    np.testing.assert_array_equal(table.energy_ev, ENERGY_EV)
    wanted = ENERGY_EV + 0.5j * WIDTH_EV - LEVEL_EV
    reference = wanted - table.momentum_au**2 * Hartree / 2  # the self-energy is what is left
    assert np.abs(reference.real).max() < 8
    assert (reference.imag <= 1e-9).all()
    scatter = scatter_of_runs(list(runs_of_all()))
    assert scatter["Cl"] == pytest.approx(0.0, abs=1e-12)
    assert (
        scatter_of_runs(
            [
                PhaseRun("a", (CHLORINE,)),
                PhaseRun("b", (replace(CHLORINE, delta=CHLORINE.delta + 0.1),)),
            ]
        )["Cl"]
        > 0.05
    )
    with pytest.raises(DatasetError, match=r"no run has V, Cr, .* as an absorber"):
        phase_table([PhaseRun("one", (TITANIUM, CHLORINE))])


def test_a_run_that_fails_is_told_and_left_out():
    class Engine(Feff10):
        def phases(self, atoms, *_):
            if len(atoms) == 1:
                raise TheoryError("too bare")
            return [TITANIUM, CHLORINE]

    told = []
    found = list(
        run_phases(
            [("bare", Atoms("Ti")), ("good", TICL4)], Engine(), lambda *one: told.append(one)
        )
    )
    assert [run.name for run in found] == ["good"]
    assert [(name, str(error)) for name, error in told] == [("bare", "too bare")]


@pytest.mark.skipif(importlib.util.find_spec("feff10") is None, reason="needs feff10-rs")
def test_feff10_gives_phase_shifts(capfd):
    settings = Feff10Settings(radius_ang=4.0, scf_cycles=3, accept_unconverged=True)
    found = Feff10().phases(TICL4, 0, settings)
    assert [(atom.z, atom.is_absorber) for atom in found] == [(22, True), (17, False)]
    rough = np.abs(np.exp(2j * found[1].delta[:, :3]) - np.exp(2j * CHLORINE.delta[:, :3]))
    assert np.median(rough[20:]) < 0.3  # the potentials are far from converged
    assert capfd.readouterr() == ("", "")


def test_the_command_writes_a_table(monkeypatch, tmp_path, capsys):
    class Engine(Feff10):
        def phases(self, atoms, *_):
            return [replace(TITANIUM, z=int(atoms.numbers[0])), CHLORINE]

    monkeypatch.setattr(command, "Feff10", Engine)
    folder = write_training_set(tmp_path / "set", ABSORBERS, n=3)
    for path in folder.glob("*.extxyz"):
        images = ase.io.read(path, index=":")
        for i, atoms in enumerate(images):
            extra = Atoms("H20", np.random.default_rng(i).uniform(3, 3.4, (20, 3)))
            info = atoms.info
            images[i] = atoms + extra
            images[i].info = info
        ase.io.write(path, images, format="extxyz")
    out = tmp_path / "phases.npz"
    words = ["descriptors", "phases", "--data", str(folder), "--runs", "1", "--out", str(out)]
    assert main(words) == 0
    assert "absorber Ti: 1 runs, S_l differ by 0.00" in capsys.readouterr().out
    assert read_phases(out).absorbers == ABSORBERS
    (tmp_path / "file").write_text("")
    assert main([*words[:-1], str(tmp_path / "file" / "phases.npz")]) == 2
    assert "cannot be written" in capsys.readouterr().err
