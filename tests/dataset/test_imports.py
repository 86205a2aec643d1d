"""tmQM files and XANESNET folders, sound and broken ones, and the description of a set."""

import gzip

import ase.io
import numpy as np
import pytest

from tests.growing import ToyEngine
from tests.tiny_models import toy_complex, toy_spectrum, write_training_set
from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset.describe import describe
from xanes_core.dataset.grow import grow_pending
from xanes_core.dataset.imports import import_folder, import_tmqm
from xanes_core.dataset.pack import pack
from xanes_core.dataset.run import Run
from xanes_core.dataset.store import Store
from xanes_core.dataset.task import Tools
from xanes_core.dataset.training_set import load_training_set
from xanes_core.errors import DatasetError

COMMENT = "CSD_code = {} | q = {} | S = 0 | Stoichiometry = C2 | MND = 6 | 2020-2024 CSD"


def frame(element="Fe", code="WIXKOE", charge=0, seed=1):
    atoms = toy_complex(element, np.random.default_rng(seed))
    atoms = atoms[[*range(1, len(atoms)), 0]]  # the metal is not first in tmQM
    atoms.positions += 3.0
    rows = [
        f"{symbol:2} {x:12.8f} {y:12.8f} {z:12.8f}"
        for symbol, (x, y, z) in zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)
    ]
    return "\n".join([str(len(atoms)), COMMENT.format(code, charge), *rows, ""])


FRAMES = [
    frame(),
    frame("Pd", "PDPDPD"),
    frame("Zn", "ZNZNZN", -2),
    frame("Fe", "FEFEFE", 1, seed=2),
    frame("Fe", "WIXKOE"),
    frame("Fe", "x").replace("CSD_code", "code"),
]


@pytest.fixture(params=["plain", "gz", "two gz"])
def tmqm(tmp_path, request):
    text = "\n\n".join(FRAMES).encode()
    if request.param == "two gz":  # people put archives one after the other
        half = text.index(b"\n\n") + 2
        text = gzip.compress(text[:half]) + gzip.compress(text[half:])
    elif request.param == "gz":
        text = gzip.compress(text)
    path = tmp_path / "tmQM_X1.xyz"
    path.write_bytes(text)
    return path


def test_complexes_of_the_wanted_metals_are_taken(tmqm, tmp_path):
    report = import_tmqm(tmqm, tmp_path / "out", elements=("Fe",))
    assert report.taken == {"Fe": 2}
    assert report.skipped == {"of other metals": 2, "there twice": 1, "without a CSD code": 1}
    first, second = ase.io.read(tmp_path / "out" / "Fe.extxyz", ":")
    assert first.info == {"name": "Fe_tmqm_WIXKOE", "source": "tmQM", "charge": 0}
    assert second.info["charge"] == 1
    assert first.get_chemical_symbols()[0] == "Fe"
    np.testing.assert_allclose(
        first.positions, toy_complex("Fe", np.random.default_rng(1)).positions, atol=2e-8
    )
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["Fe.extxyz"]


def test_limits_on_what_is_taken(tmqm, tmp_path):
    assert import_tmqm(tmqm, tmp_path / "a", count=2).taken == {"Fe": 1, "Zn": 1}
    with pytest.raises(DatasetError, match="no complex fits; left out: 6 of more than 12 atoms"):
        import_tmqm(tmqm, tmp_path / "b", max_atoms=12)
    assert not (tmp_path / "b").exists()
    with pytest.raises(DatasetError, match="holds structures already"):
        import_tmqm(tmqm, tmp_path / "a")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"999999999\ncomment\nFe 0 0 0\n", "at most 10,000 are handled"),
        (b"9999\ncomment\nFe 0 0 0\n", "announces 9999 atoms, but 1 follow"),
        (b"three\ncomment\nFe 0 0 0\n", "is not a number of atoms"),
        (b"1\ncomment\nFe 0 zero 0\n", "Line 3"),
        (b"1\ncomment\nQq 0 0 0\n", "Line 3"),
        (b"1\n" + b"x" * 30_000, "Line 2 is longer than 20,000 characters"),
        (gzip.compress("\n".join(FRAMES).encode() * 50)[:-40], "cannot be read to its end"),
        (b"\x1f\x8b" + b"no archive at all", "cannot be read to its end"),
        (gzip.compress(b"1" * 10_000_000), "Line 1 is longer"),
        (b"", "no complex fits; left out: nothing was there"),
    ],
)
def test_broken_files_are_told_and_leave_nothing(tmp_path, data, message):
    path = tmp_path / "broken.xyz.gz"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=message):
        import_tmqm(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="No such file"):
        import_tmqm(tmp_path / "nothing.xyz", tmp_path / "out")


def test_coincident_atoms_are_left_out(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("2\nCSD_code = ABCDEF\nFe 0 0 0\nO 0 0 0\n" + frame())
    assert import_tmqm(path, tmp_path / "out").skipped == {"with a broken structure": 1}


def test_a_folder_that_cannot_be_written(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text(frame())
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"cannot be written .*choose another --out"):
        import_tmqm(path, tmp_path / "file" / "out")


def never(*args, **kwargs):
    raise ZeroDivisionError("nothing is relaxed")


def test_pending_structures_get_spectra_as_they_are(tmqm, tmp_path):
    import_tmqm(tmqm, tmp_path / "pending")
    plans = []
    run = Run(tools=Tools(never, ToyEngine()), on_plan=plans.append)
    report = grow_pending(tmp_path / "set", tmp_path / "pending", run, count=2)
    assert (report.stored.total(), report.exhausted) == (2, [])
    report = grow_pending(tmp_path / "set", tmp_path / "pending", run)
    assert (report.before, report.stored.total(), plans) == (2, 1, [2, 1])
    data = load_training_set(tmp_path / "set")
    assert data.counts == {"Fe": 2, "Zn": 1}
    row = data.names.tolist().index("Zn_tmqm_ZNZNZN")
    info = data.structures[row].info
    assert (info["charge"], info["kind"], info["coordination_number"]) == (-2, "imported", 6)
    pending = ase.io.read(tmp_path / "pending" / "Zn.extxyz")
    np.testing.assert_allclose(data.structures[row].positions, pending.positions, atol=1e-7)


def test_pending_structures_that_are_none(tmp_path):
    with pytest.raises(DatasetError, match="holds no structures of Fe"):
        grow_pending(tmp_path / "set", tmp_path, elements=("Fe",))
    (tmp_path / "Fe.extxyz").write_text("3\n\nFe 0 0 0\n")
    with pytest.raises(DatasetError, match=r"Fe.extxyz cannot be read: Line 1 announces 3"):
        grow_pending(tmp_path / "set", tmp_path)
    (tmp_path / "Fe.extxyz").write_text(
        "1\nProperties=species:S:1:pos:R:3 name=../../evil\nFe 0 0 0\n"
    )
    with pytest.raises(DatasetError, match="cannot be the name of a record"):
        grow_pending(tmp_path / "set", tmp_path)


# --- XANESNET ------------------------------------------------------------------------------------


def xanesnet(folder, names=("ABEMAX_C33(1+)", "b c", "..%2Fevil"), element="Fe"):
    (folder / "xyz").mkdir(parents=True)
    (folder / "xanes").mkdir()
    for seed, name in enumerate(names):
        rng = np.random.default_rng(seed)
        atoms = toy_complex(element, rng)
        rows = [
            f"{z}\t{x}\t{y}\t{w}"
            for z, (x, y, w) in zip(atoms.numbers, atoms.positions, strict=True)
        ]
        (folder / "xyz" / f"{name}.xyz").write_text("\n".join([str(len(atoms)), name, *rows]))
        energy, mu = toy_spectrum(atoms, rng)
        lines = [f"{e:10.2f} {m:.7E}" for e, m in zip(energy, mu, strict=True)]
        (folder / "xanes" / f"{name}.txt").write_text(
            "\n".join(["    FDMNES", "    energy     <xanes>", *lines])
        )
    return folder


def test_a_folder_of_structures_and_spectra_becomes_a_set(tmp_path):
    source = xanesnet(tmp_path / "source")
    (source / "xyz" / "lonely.xyz").write_text((source / "xyz" / "b c.xyz").read_text())
    (source / "xyz" / "broken.xyz").write_text("999999999\n\nFe 0 0 0\n")
    report = import_folder(source, tmp_path / "set")
    assert report.taken == {"Fe": 3}
    assert report.skipped == {"without a spectrum": 1, "that cannot be read": 1}
    data = load_training_set(tmp_path / "set")
    assert sorted(data.names) == ["Fe_ABEMAX_C33(1+)", "Fe__2Fevil", "Fe_b_c"]
    assert (data.structures[0].positions[0] == 0).all()
    with np.load(tmp_path / "set" / "Fe.npz", allow_pickle=False) as stored:
        assert np.nanmin(stored["energy_ev"]) == pytest.approx(K_EDGE_EV["Fe"] - 5)
    again = import_folder(source, tmp_path / "set")
    assert (again.taken, again.skipped["there already"]) == ({}, 3)


def test_folders_with_nothing_to_take(tmp_path):
    with pytest.raises(DatasetError, match="should hold the folders xyz and xanes"):
        import_folder(tmp_path, tmp_path / "set")
    source = xanesnet(tmp_path / "source")
    with pytest.raises(DatasetError, match="no complex fits; left out: 3 of other metals"):
        import_folder(source, tmp_path / "set", elements=("Zn",))
    with pytest.raises(DatasetError, match="3 of more than 2 atoms"):
        import_folder(source, tmp_path / "set", max_atoms=2)
    assert import_folder(source, tmp_path / "set", count=1).taken == {"Fe": 1}


def test_the_published_folder(shared_data, tmp_path):
    report = import_folder(shared_data / "fdmnes_fe", tmp_path / "set", count=5)
    assert report.taken == {"Fe": 5}
    assert len(load_training_set(tmp_path / "set")) == 5


# --- description ---------------------------------------------------------------------------------


def test_a_set_is_described(tmp_path):
    folder = write_training_set(tmp_path)
    assert describe(folder)["hashes"]["state"] == "no manifest"
    pack(folder)
    for name, reason in (("a", "force 1.60 eV/A"), ("b", "force 21.75 eV/A"), ("c", "other")):
        Store(folder).add_failure({"name": name, "stage": "relaxation", "reason": reason})
    found = describe(folder)
    assert (found["n"], found["held_out"], found["waiting"]) == (40, 6, 0)
    assert found["elements"]["Fe"]["coordination"] == {"6": 20}
    assert found["elements"]["Fe"]["spectra"] == {"xanes": 20, "xes": 0}
    low, middle, high = found["bonds_ang"]["Fe-O"]
    assert 1.8 < low < middle < high < 2.4
    assert found["failures"] == {"relaxation": {"force # eV/A": 2, "other": 1}}
    assert found["templates"] == {"unknown": 40}
    assert found["hashes"] == {"state": "verified", "changed": []}
    with open(folder / "held_out.txt", "a") as stream:
        stream.write("# a list of its own\n")
    assert describe(folder)["hashes"]["state"] == "verified"
    with open(folder / "Fe.extxyz", "a") as stream:
        stream.write("\n")
    assert describe(folder)["hashes"] == {"state": "changed", "changed": ["Fe.extxyz"]}


def test_a_set_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match="no training set in"):
        describe(tmp_path)
