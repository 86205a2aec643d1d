"""Reading training sets: what belongs together stays together, and damage is named."""

import ase.io
import numpy as np
import pytest
from ase import Atoms

from tests.places import PROJECT
from tests.tiny_models import ELEMENTS, N_EACH, N_HELD_OUT, write_training_set
from xanes_core.constants import ABSORBERS, K_EDGE_EV
from xanes_core.dataset.store import HELD_OUT_FILE, UNCONVERGED_FILE
from xanes_core.dataset.training_set import load_training_set
from xanes_core.errors import DatasetError, SpectrumError
from xanes_core.spectra.kinds import XANES, XES


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return load_training_set(write_training_set(tmp_path_factory.mktemp("set")))


@pytest.fixture
def folder(tmp_path):
    return write_training_set(tmp_path / "set", n=6)


def stored(folder, element):
    with np.load(folder / f"{element}.npz") as found:
        return {key: found[key] for key in found.files}


def damage(folder, **change):
    np.savez(folder / "Fe.npz", **{**stored(folder, "Fe"), **change})


def images_of(folder):
    return ase.io.read(folder / "Fe.extxyz", index=":")


# --- what comes back -----------------------------------------------------------------------------


def test_shapes_and_order(records):
    n = N_EACH * len(ELEMENTS)
    assert len(records) == len(records.structures) == n
    assert records.mu.shape == (n, 226)
    assert records.elements.tolist() == ["V"] * N_EACH + ["Fe"] * N_EACH
    assert records.names[[0, N_EACH]].tolist() == ["V_000", "Fe_000"]
    assert records.counts == {"V": N_EACH, "Fe": N_EACH}
    np.testing.assert_array_equal(records.energy_rel_ev, XANES.energy_rel_ev)
    for element, atoms in zip(records.elements, records.structures, strict=True):
        assert atoms.get_chemical_symbols()[0] == element


def test_spectra_are_interpolated_from_absolute_energies(folder):
    records, raw = load_training_set(folder), stored(folder, "Fe")
    row = 6 + 2
    energy, mu = raw["energy_ev"][2], raw["mu"][2]
    known = ~np.isnan(energy)
    relative = energy[known] - K_EDGE_EV["Fe"]
    inside = (records.energy_rel_ev >= relative[0]) & (records.energy_rel_ev <= relative[-1])
    wanted = np.interp(records.energy_rel_ev[inside], relative, mu[known])
    np.testing.assert_allclose(records.mu[row, inside], wanted, atol=0.03)
    below = records.mu[row, ~inside]
    assert (np.diff(below) >= 0).all()
    assert (below >= 0).all()


def test_another_grid(folder):
    grid = np.linspace(0, 30, 7)
    records = load_training_set(str(folder), energy_rel_ev=grid)
    assert records.mu.shape == (12, 7)
    np.testing.assert_array_equal(records.energy_rel_ev, grid)


def test_held_out_records_are_those_of_the_list(records):
    assert records.held_out.dtype == bool
    assert records.held_out.sum() == N_HELD_OUT
    assert records.names[records.held_out][0] == "V_002"


@pytest.mark.parametrize("text", ["", "# nothing\n\n", None])
def test_no_list_keeps_nothing_aside(folder, text):
    (folder / HELD_OUT_FILE).unlink()
    if text is not None:
        (folder / HELD_OUT_FILE).write_text(text)
    assert not load_training_set(folder).held_out.any()


def test_list_with_windows_line_ends(folder):
    (folder / HELD_OUT_FILE).write_bytes(b"# kept\r\nFe_001\r\nV_003\r\n")
    records = load_training_set(folder)
    assert records.names[records.held_out].tolist() == ["V_003", "Fe_001"]


@pytest.mark.parametrize(
    "chosen", [np.array([3, 1, 7]), np.arange(12) % 3 == 0, np.array([], dtype=int), slice(2, 5)]
)
def test_subset_keeps_rows_together(folder, chosen):
    records = load_training_set(folder)
    part = records.subset(chosen)
    rows = np.arange(12)[chosen]
    assert len(part) == len(part.structures) == len(rows)
    assert part.names.tolist() == records.names[rows].tolist()
    np.testing.assert_array_equal(part.mu, records.mu[rows])
    np.testing.assert_array_equal(part.held_out, records.held_out[rows])
    for i, row in enumerate(rows):
        assert part.structures[i] is records.structures[row]
        assert part.structures[i].info["name"] == part.names[i]
    assert sum(part.counts.values()) == len(rows)


def test_info_of_the_comment_lines(folder):
    records = load_training_set(folder)
    assert records.info("charge").tolist() == [0, 1, 2] * 4
    assert records.info("missing").tolist() == [None] * 12


@pytest.mark.parametrize("ligands", ["F", "F F F", "F Cl", "unq_1 F"])
def test_fluorides_are_no_truth_values(folder, ligands):
    images = images_of(folder)
    images[1].info["ligands"] = ligands
    ase.io.write(folder / "Fe.extxyz", images)
    records = load_training_set(folder)
    assert records.structures[6 + 1].info["ligands"] == ligands


def test_hash_tells_versions_apart(folder):
    first = load_training_set(folder).sha256
    assert len(first) == 64
    assert load_training_set(folder).sha256 == first
    damage(folder, mu=stored(folder, "Fe")["mu"] * 1.001)
    assert load_training_set(folder).sha256 != first


def test_the_projects_own_set():
    folder = PROJECT / "data" / "feff10"
    records = load_training_set(folder)
    assert tuple(records.counts) == ABSORBERS
    assert min(records.counts.values()) >= 40
    assert len(set(records.names)) == len(records)
    assert np.isfinite(records.mu).all()
    assert records.mu.min() >= -0.05
    assert records.mu.max() < 4
    # edge step 1: far above the edge mu is about 1
    np.testing.assert_allclose(records.mu[:, -60:].mean(axis=1), 1, atol=0.25)
    for atoms in records.structures:
        assert not atoms.pbc.any()
    failed = set(records.names[records.unconverged])
    assert {"Cu_20261123_00152", "Cu_20261123_00027", "Cr_20261129_00035"} < failed
    assert len(failed) == 18
    left_out = failed - set(records.usable().names)
    assert failed - left_out == {"Cr_20261129_00035", "Zn_20261129_00055"}  # held out


def test_what_did_not_converge_is_told_and_only_held_out_records_of_it_are_used(folder):
    images = images_of(folder)
    for row in (1, 3, 4):
        images[row].info["theory_note"] = "unconverged" if row != 4 else "hydrogen p"
    ase.io.write(folder / "Fe.extxyz", images, format="extxyz")
    (folder / UNCONVERGED_FILE).write_text("# found later\nFe_005\nV_002\n")
    (folder / HELD_OUT_FILE).write_text("Fe_003\nV_002\n")
    records = load_training_set(folder)
    failed = ["V_002", "Fe_001", "Fe_003", "Fe_005"]
    assert records.names[records.unconverged].tolist() == failed
    usable = records.usable()
    assert sorted(set(records.names) - set(usable.names)) == ["Fe_001", "Fe_005"]
    assert usable.names[usable.held_out].tolist() == ["V_002", "Fe_003"]
    assert usable.names[usable.unconverged].tolist() == ["V_002", "Fe_003"]


# --- emission ------------------------------------------------------------------------------------


@pytest.fixture
def emission(folder):
    """The set with emission spectra of two of its six iron complexes."""
    energy = np.linspace(-16, 20, 181) + K_EDGE_EV["Fe"]
    mu = [a * np.exp(-(((energy - K_EDGE_EV["Fe"] - c) / 2) ** 2)) for a, c in ((1, -1), (40, 2))]
    names = np.array(["Fe_001", "Fe_004"])
    np.savez(folder / "Fe.xes.npz", name=names, energy_ev=np.tile(energy, (2, 1)), mu=mu)
    return folder


def test_emission_has_area_one_and_only_the_records_that_have_it(emission):
    records = load_training_set(emission, kind="xes")
    assert records.names.tolist() == ["Fe_001", "Fe_004"]
    assert [atoms.info["name"] for atoms in records.structures] == ["Fe_001", "Fe_004"]
    np.testing.assert_array_equal(records.energy_rel_ev, XES.energy_rel_ev)
    np.testing.assert_allclose(np.trapezoid(records.mu, records.energy_rel_ev), 1, rtol=1e-9)
    assert records.energy_rel_ev[records.mu.argmax(axis=1)] == pytest.approx([-1, 2], abs=1e-9)
    assert len(load_training_set(emission)) == 12  # absorption as before


def test_emission_of_potentials_that_did_not_converge_is_left_out(emission):
    with np.load(emission / "Fe.xes.npz") as found:
        arrays = {key: found[key] for key in found.files}
    np.savez(emission / "Fe.xes.npz", **arrays, note=np.array(["hydrogen p, unconverged", ""]))
    records = load_training_set(emission, kind="xes")
    assert records.names.tolist() == ["Fe_004"]
    assert len(records.structures) == len(records.mu) == 1


def test_emission_that_is_none_is_refused_by_name(emission):
    with np.load(emission / "Fe.xes.npz") as found:
        arrays = {key: found[key] for key in found.files}
    arrays["mu"][1] -= 2
    np.savez(emission / "Fe.xes.npz", **arrays)
    with pytest.raises(DatasetError, match="spectrum of Fe_004: the emission is negative"):
        load_training_set(emission, kind="xes")


def test_a_kind_of_spectrum_that_is_not_there_is_refused(folder):
    with pytest.raises(DatasetError, match=r"files such as Fe\.extxyz and Fe\.xes\.npz"):
        load_training_set(folder, kind="xes")
    with pytest.raises(SpectrumError, match="no spectra 'exafs'; there are: xanes, xes"):
        load_training_set(folder, kind="exafs")


# --- refusals ------------------------------------------------------------------------------------


def refused(folder, message):
    with pytest.raises(DatasetError, match=message):
        load_training_set(folder)


def test_a_folder_without_a_set(tmp_path):
    refused(tmp_path, r"no training set in .*: it should hold files such as Fe\.extxyz and Fe\.npz")
    refused(tmp_path / "nowhere", "no training set in")


def test_a_missing_structure_file(folder):
    (folder / "Fe.extxyz").unlink()
    refused(folder, r"Fe\.extxyz cannot be read \(No such file.*restore it")


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"5\n\nFe 0 0 0\n", b"\xff\xfe"])
def test_a_damaged_structure_file(folder, content):
    (folder / "Fe.extxyz").write_bytes(content)
    refused(folder, r"Fe\.extxyz (cannot be read as extended xyz|and Fe\.npz do not list)")


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04broken"])
def test_a_damaged_archive(folder, content):
    (folder / "Fe.npz").write_bytes(content)
    refused(folder, r"Fe\.npz should hold arrays name, energy_ev and mu \(no readable npz")


@pytest.mark.parametrize("name", ["name", "energy_ev", "mu"])
def test_a_missing_array(folder, name):
    arrays = stored(folder, "Fe")
    del arrays[name]
    np.savez(folder / "Fe.npz", **arrays)
    refused(folder, rf"Fe\.npz should hold arrays .*'{name}'")


def test_python_objects_are_not_unpickled(folder):
    damage(folder, mu=np.array([{}] * 6, dtype=object))
    refused(folder, r"Fe\.npz should hold arrays .*pickle")


def test_another_order(folder):
    ase.io.write(folder / "Fe.extxyz", images_of(folder)[::-1], format="extxyz")
    refused(folder, "do not list the same records in the same order; restore both")


@pytest.mark.parametrize("name", ["energy_ev", "mu"])
def test_rows_are_missing(folder, name):
    damage(folder, **{name: stored(folder, "Fe")[name][:-1]})
    refused(folder, "do not list the same records")


def test_two_records_of_one_name(folder):
    images, names = images_of(folder), stored(folder, "Fe")["name"]
    images[1].info["name"] = names[1] = images[0].info["name"]
    ase.io.write(folder / "Fe.extxyz", images, format="extxyz")
    damage(folder, name=names)
    refused(folder, r"Fe\.extxyz has two records of one name")


@pytest.mark.parametrize("atoms", [Atoms("OFe", [(0, 0, 0), (0, 0, 2)]), Atoms("Cu")])
def test_atom_0_is_not_the_absorber(folder, atoms):
    images = images_of(folder)
    atoms.info["name"] = images[3].info["name"]
    ase.io.write(folder / "Fe.extxyz", [*images[:3], atoms, *images[4:]], format="extxyz")
    refused(folder, "atom 0 of Fe_003 is not the absorber Fe")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_spectrum_that_cannot_be_used(folder, value):
    mu = stored(folder, "Fe")["mu"]
    mu[4, 5] = value
    damage(folder, mu=mu)
    refused(folder, "spectrum of Fe_004: .*not finite")


def test_a_spectrum_that_ends_below_the_grid(folder):
    energy = stored(folder, "Fe")["energy_ev"]
    energy[2, 60:] = np.nan
    damage(folder, energy_ev=energy)
    refused(folder, "spectrum of Fe_002: the theory spectrum ends at")


def test_a_list_that_names_unknown_records(folder):
    (folder / HELD_OUT_FILE).write_text("Fe_001\nFe_999\nZn_000\n")
    refused(folder, r"names 2 records that are not in the set, first 'Fe_999'; remove them")


def test_a_list_of_unconverged_records_that_names_unknown_ones(folder):
    (folder / UNCONVERGED_FILE).write_text("Fe_001\nFe_777\n")
    refused(folder, r"unconverged\.txt names 1 records that are not in the set, first 'Fe_777'")
