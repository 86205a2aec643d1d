import json
import stat
import sys
import threading
from dataclasses import asdict

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111

from tests.theory.test_base import nickel_carbonyl
from xanes_core.errors import StructureError, TheoryCancelled, TheoryError, TheoryTimeout
from xanes_core.spectra.broadening import broaden_arctan
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.structures.environments import environment
from xanes_core.structures.read import read_structures
from xanes_core.theory.convolution import Convolution, unit_step
from xanes_core.theory.fdmnes import Fdmnes
from xanes_core.theory.fdmnes_io import FdmnesSettings, parse_bav, write_fdmnes
from xanes_core.theory.watch import RunOptions

ENGINE = Fdmnes()

HEADER = (
    "  8333.000   28  1  1  1.5222797E-02 -6.2329036E+00  0.0000000E+00  1  1  8.1647627E+03"
    "  0.0000000E+00  0.0000000E+00  2.6654847E+00   1 = E_edge, Z, n_edge, j_edge, "
    "Abs_before_edge, VO_interstitial, E_cut, ninitl, ninit1, Epsii, UnitCell_Volume, "
    "Surface_ref, f0_forward, natomsym\n"
)


def curve(relative_ev):
    """An edge with a white line, in Mbarn."""
    step = 0.5 + np.arctan(2 * relative_ev) / np.pi
    return 0.03 * step * (1 + 1.5 * np.exp(-(((relative_ev - 8) / 3) ** 2)))


def table(energy_ev, mu):
    rows = [f"{e:10.5f}  {m:.7E}" for e, m in zip(energy_ev, mu, strict=True)]
    return "    Energy    <xanes>\n" + "\n".join(rows) + "\n"


RELATIVE = np.linspace(-15, 60, 226)
PLAIN = HEADER + table(RELATIVE, curve(RELATIVE))

BAV = """   FDMNES II program, Revision 12 February 2016
   Date = 21 03 2019
   Time = 10 h 12 mn 30 s

 Threshold: Ni K edge

 ---- Agregat ------------------------------------------------
 ---- Cycle 1
 Cluster energy:       -44321.250 eV
 E_Fermi =  -4.250 eV

----- prep_next_iter ---------------------------------------

           Delta_energ =     12.500 eV > Delta =   0.900 eV,  Weight = 0.10000

 Cluster energy:       -44322.125 eV
 E_Fermi =  -5.125 eV

           Delta_energ =      0.250 eV < Delta =   0.900 eV,  Weight = 0.10000

 Total time =     171.5 sCPU

    Have a beautiful day !
"""


# --- input ----------------------------------------------------------------------------------------


def blocks_of(text):
    """Lines below each keyword."""
    blocks, current = {}, None
    for line in text.splitlines():
        body = line.partition("!")[0].strip()
        if body and body[0].isalpha() and current not in ("Filout", "Edge"):
            current = body
            blocks[current] = []
        elif body:
            blocks[current].append(body.split())
            current = None if body[0].isalpha() else current
    return blocks


def test_input_keyword_by_keyword():
    blocks = blocks_of(ENGINE.write_input(nickel_carbonyl()))
    assert blocks["Filout"] == [["fdmnes_job"]]
    assert blocks["Range"] == [["-15", "0.333333", "60"]]
    assert blocks["Radius"] == [["6.0"]]
    assert blocks["Edge"] == [["K"]]
    assert blocks["Green"] == []
    assert blocks["Absorber"] == [["1"]]
    assert "SCF" not in blocks
    assert "Quadrupole" not in blocks
    cell, *rows = blocks["Molecule"]
    assert [float(v) for v in cell] == [1, 1, 1, 90, 90, 90]
    assert [int(row[0]) for row in rows] == nickel_carbonyl().numbers.tolist()
    positions = np.array([row[1:] for row in rows], dtype=float)
    np.testing.assert_allclose(positions, nickel_carbonyl().positions, atol=1e-8)
    convolution = {
        "Gamma_hole": 1.0,
        "Gamma_max": 15.0,
        "Efermi": -1.0,
        "Ecent": 30.0,
        "Elarg": 30.0,
    }
    assert {name: float(blocks[name][0][0]) for name in convolution} == convolution
    assert list(blocks)[-1] == "End"


def test_settings_reach_the_input():
    settings = FdmnesSettings(
        method="fdm",
        radius_ang=4.5,
        range_ev=(-10.0, 0.2, 10.0, 1.0, 50.0),
        scf=True,
        quadrupole=True,
        convolution=Convolution(width_ev=1.4),
    )
    blocks = blocks_of(ENGINE.write_input(nickel_carbonyl(), 0, settings))
    assert blocks["Range"] == [["-10", "0.2", "10", "1", "50"]]
    assert blocks["Radius"] == [["4.5"]]
    assert blocks["Gamma_hole"] == [["1.4"]]
    assert "SCF" in blocks
    assert "Quadrupole" in blocks
    assert "Green" not in blocks


def assert_same_surroundings(atoms, index, text):
    back = read_structures(text.encode(), format="fdmnes")[0]
    before = environment(atoms, index)
    after = environment(back, back.info["absorber"])
    assert after.absorber_z == before.absorber_z
    np.testing.assert_allclose(after.distances_ang, before.distances_ang, atol=1e-5)
    assert sorted(after.numbers) == sorted(before.numbers)
    return back


def test_round_trip_of_a_molecule():
    atoms = nickel_carbonyl()[[3, 1, 0, 2, 4, 5, 6, 7, 8]]
    atoms.translate([10.0, -3.0, 1.0])
    back = assert_same_surroundings(atoms, 2, ENGINE.write_input(atoms, 2))
    assert back.info["absorber"] == 2
    assert back.numbers.tolist() == atoms.numbers.tolist()


def test_round_trip_of_a_crystal():
    atoms = bulk("NiO", "rocksalt", a=4.17)
    atoms.set_cell(atoms.cell.array * [1.0, 1.02, 1.05], scale_atoms=True)
    atoms.rattle(0.05, seed=1)
    text = ENGINE.write_input(atoms, 0)
    assert "Crystal" in blocks_of(text)
    assert assert_same_surroundings(atoms, 0, text).pbc.all()


def test_round_trip_of_a_slab():
    atoms = fcc111("Ni", (1, 1, 2), vacuum=8.0, periodic=False)
    text = ENGINE.write_input(atoms, 1)
    back = assert_same_surroundings(atoms, 1, text)
    assert back.info["absorber"] == 0
    assert not back.pbc.any()


def test_structures_that_cannot_be_written():
    with pytest.raises(TheoryError, match="atom 1 is C: choose an absorber"):
        ENGINE.write_input(nickel_carbonyl(), 1)
    with pytest.raises(TheoryError, match="no neighbour within 6 A: raise radius_ang"):
        ENGINE.write_input(Atoms("Fe"))
    with pytest.raises(StructureError, match="no atom 12"):
        ENGINE.write_input(nickel_carbonyl(), 12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "muffin"}, "method must be one of green, fdm"),
        ({"radius_ang": 0.5}, "radius_ang must lie between 1.5 and 12 A"),
        ({"scf": 1}, "scf must be True or False"),
        ({"quadrupole": None}, "quadrupole must be True or False"),
        ({"accept_unconverged": "no"}, "accept_unconverged must be True or False"),
        ({"convolution": None}, "convolution must be a Convolution"),
        ({"range_ev": (0.0, 1.0)}, "range_ev must be an odd number"),
        ({"range_ev": (0.0, 1.0, 5.0, 1.0)}, "range_ev must be an odd number"),
        ({"range_ev": (0.0, 0.0, 5.0)}, "each step of range_ev must lie"),
        ({"range_ev": (-200.0, 1.0, 5.0)}, "each energy of range_ev must lie"),
        ({"range_ev": (0.0, 1.0, -5.0)}, "energies of range_ev must ascend"),
    ],
)
def test_settings_are_checked(change, words):
    with pytest.raises(TheoryError, match=words.replace(".", r"\.")):
        FdmnesSettings(**change)


@pytest.mark.parametrize(
    "name", ["width_ev", "width_max_ev", "ef_ev", "ec_ev", "el_ev", "step_from_ev"]
)
def test_convolution_is_checked(name):
    with pytest.raises(TheoryError, match=f"{name} must lie between .* eV, got -99"):
        Convolution(**{name: -99.0})


def test_settings_are_plain_data():
    assert json.loads(json.dumps(asdict(FdmnesSettings())))["convolution"]["width_max_ev"] == 15.0


# --- output ---------------------------------------------------------------------------------------


def test_output_relative_to_the_edge():
    spectrum = ENGINE.parse(PLAIN)
    np.testing.assert_allclose(spectrum.energy_ev, 8333.0 + RELATIVE, atol=1e-5)
    np.testing.assert_allclose(spectrum.mu, curve(RELATIVE), rtol=1e-6)
    assert spectrum.e0_ev == 8333.0
    assert spectrum.metadata["element"] == "Ni"


def test_output_in_photon_energies_without_a_first_line():
    spectrum = ENGINE.parse(table(8333.0 + RELATIVE, curve(RELATIVE)), element="Ni")
    np.testing.assert_allclose(spectrum.energy_rel_ev, RELATIVE, atol=1e-5)


def test_output_that_is_none():
    with pytest.raises(TheoryError, match=r"FDMNES output cannot be read: .* relative to an edge"):
        ENGINE.parse(table(RELATIVE, curve(RELATIVE)))
    with pytest.raises(TheoryError, match="the FDMNES output cannot be read"):
        ENGINE.parse(HEADER)


def test_log():
    log = parse_bav(BAV)
    assert log.version == "12 February 2016"
    assert log.finished
    assert log.scf_converged is True
    assert log.scf_changes_ev == (12.5, 0.25)
    assert log.cluster_energies_ev == (-44321.25, -44322.125)
    assert log.fermi_ev == -5.125
    assert log.edge == "Ni K edge"
    assert log.cpu_s == 171.5


def test_log_of_runs_that_went_otherwise():
    failed = parse_bav(BAV.replace(" Total time", " Calculation has not converged !\n Total time"))
    assert failed.scf_converged is False
    assert parse_bav(BAV.replace("<", ">")).scf_converged is False
    short = parse_bav("   FDMNES program, Revision 3rd of November 2023\n")
    assert short.version == "3rd of November 2023"
    assert short.scf_converged is None
    assert (short.finished, short.fermi_ev, short.cpu_s, short.edge) == (False, None, None, "")
    with pytest.raises(TheoryError, match="no FDMNES log: choose the file that ends in _bav"):
        parse_bav(PLAIN)


# --- broadening -----------------------------------------------------------------------------------


def test_convolution_is_the_published_one():
    native = ENGINE.parse(PLAIN)
    done = Convolution().apply(native)
    expected = broaden_arctan(native, width_ev=1, width_max_ev=15, ef_ev=-1, ec_ev=30, el_ev=30)
    ratio = done.mu / expected.mu
    assert np.ptp(ratio) < 1e-12
    after = done.energy_rel_ev >= 30
    assert done.mu[after].mean() == pytest.approx(1.0)
    assert done.metadata["normalised"] == "yes"
    assert float(done.metadata["edge_step"]) == pytest.approx(1 / ratio[0], rel=1e-5)


def test_spectra_that_cannot_be_broadened():
    native = ENGINE.parse(PLAIN)
    with pytest.raises(TheoryError, match=r"ends 60 eV above the edge, too early .* 80 eV"):
        Convolution(step_from_ev=80.0).apply(native)
    with pytest.raises(TheoryError, match=r"cannot be broadened: .*below the Fermi energy"):
        Convolution().apply(Spectrum([8300, 8310, 8320], [0, 1, 2], 8333.0))
    with pytest.raises(TheoryError, match=r"cannot be broadened: .*no E0"):
        Convolution().apply(Spectrum([8300, 8310, 8400], [0, 1, 2]))
    with pytest.raises(TheoryError, match="does not rise at the edge"):
        unit_step(Spectrum(native.energy_ev, -native.mu, 8333.0), 30.0)


def test_published_iron_spectra(shared_data):
    files = sorted((shared_data / "fdmnes_fe" / "xanes").glob("*.txt"))
    assert len(files) == 50
    for file in files:
        native = ENGINE.parse(file.read_text(), element="Fe")
        assert native.e0_ev == 7112.0
        assert native.energy_ev[0] == pytest.approx(7097.0)
        assert native.energy_ev[-1] == pytest.approx(7172.0)
        done = Convolution().apply(native)
        assert 1.0 < done.mu.max() < 2.0
        assert done.mu.min() > 0
        assert done.mu[0] < 0.12


# --- runs with a stand-in for the program ---------------------------------------------------------

STAND_IN = """#!{python}
import pathlib, sys, time
job = pathlib.Path("fdmfile.txt").read_text().split()
assert job[0] == "1", job
lines = [line.strip() for line in pathlib.Path(job[1]).read_text().splitlines()]
stem = lines[lines.index("Filout") + 1]
out = pathlib.Path({files!r})
print("   FDMNES program, said on the screen")
{body}
"""
WRITE = """
pathlib.Path(stem + ".txt").write_text((out / "plain").read_text())
pathlib.Path(stem + "_bav.txt").write_text((out / "bav").read_text())
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a program under the name fdmnes on the PATH that writes the given files."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(body=WRITE, plain=PLAIN, bav=BAV):
        (folder / "plain").write_text(plain)
        (folder / "bav").write_text(bav)
        program = folder / "fdmnes"
        program.write_text(STAND_IN.format(python=sys.executable, files=str(folder), body=body))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return make


def test_a_run(stand_in, tmp_path, capfd):
    stand_in()
    assert ENGINE.available().message == "FDMNES is on the PATH"
    seen = []
    result = ENGINE.run(
        nickel_carbonyl(), options=RunOptions(on_progress=seen.append, work_dir=tmp_path / "work")
    )
    np.testing.assert_allclose(result.native.mu, curve(RELATIVE), rtol=1e-6)
    np.testing.assert_array_equal(result.spectrum.mu, Convolution().apply(result.native).mu)
    assert result.engine == "fdmnes"
    assert result.engine_version == "12 February 2016"
    assert result.settings["range_ev"] == (-15.0, 1 / 3, 60.0)
    assert result.notes == ()
    assert "said on the screen" in result.log
    assert seen[0].stage == "potentials"
    assert seen[0].total == 226
    assert len(result.on_grid()) == 226
    assert result.input_text == write_fdmnes(nickel_carbonyl(), 0, FdmnesSettings())
    assert (tmp_path / "work" / "fdmnes_in.txt").read_text() == result.input_text
    assert capfd.readouterr() == ("", "")


def test_files_that_carry_the_number_of_the_absorber(stand_in):
    stand_in(WRITE.replace('stem + ".txt"', 'stem + "_1.txt"'))
    assert len(ENGINE.run(nickel_carbonyl()).native) == 226


def test_energies_are_reported_as_they_come(stand_in, tmp_path):
    body = """
whole = (out / "plain").read_text().splitlines(keepends=True)
pathlib.Path(stem + ".txt").write_text("".join(whole[:102]))
end = time.monotonic() + 20
while not pathlib.Path("seen").exists() and time.monotonic() < end:
    time.sleep(0.01)
"""
    stand_in(body + WRITE)
    seen = []

    def see(progress):
        seen.append(progress)
        if progress.done == 100:
            (tmp_path / "work" / "seen").touch()

    ENGINE.run(nickel_carbonyl(), options=RunOptions(on_progress=see, work_dir=tmp_path / "work"))
    assert (100, 226, "100 of 226 energies") in [(p.done, p.total, p.stage) for p in seen]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(7)", r"without a spectrum \(exit code 7\): FDMNES program, said on the screen"),
        (
            WRITE + "pathlib.Path('fdmnes_error.txt').write_text('E_Fermi <\\n First energy')",
            "without a spectrum .*: E_Fermi < First energy",
        ),
        ("pathlib.Path(stem + '.txt').write_text('nothing')", "FDMNES output cannot be read"),
    ],
)
def test_failures_of_a_run(body, words, stand_in):
    stand_in(body)
    with pytest.raises(TheoryError, match=words):
        ENGINE.run(nickel_carbonyl())


def test_potentials_that_do_not_converge(stand_in):
    stand_in(bav=BAV + " Calculation has not converged !\n")
    with pytest.raises(TheoryError, match="potentials did not converge: relax the structure"):
        ENGINE.run(nickel_carbonyl())
    result = ENGINE.run(nickel_carbonyl(), 0, FdmnesSettings(accept_unconverged=True))
    assert result.notes == ("The potentials did not converge; the spectrum may be off.",)


def test_a_run_is_cancelled_or_late(stand_in):
    stand_in("time.sleep(300)")
    event = threading.Event()
    with pytest.raises(TheoryCancelled, match=r"FDMNES was cancelled \(at: potentials\)"):
        ENGINE.run(
            nickel_carbonyl(), options=RunOptions(on_progress=lambda p: event.set(), cancel=event)
        )
    with pytest.raises(TheoryTimeout, match=r"FDMNES did not finish within 0.5 s"):
        ENGINE.run(nickel_carbonyl(), options=RunOptions(time_limit_s=0.5))


def test_without_the_program(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    here = ENGINE.available()
    assert not here
    assert "not on the PATH: get it from https://fdmnes" in here.message
    with pytest.raises(TheoryError, match="FDMNES is not on the PATH"):
        ENGINE.run(nickel_carbonyl())
