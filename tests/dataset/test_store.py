"""Records that wait, packing, and what a run that died at any point leaves behind."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.growing import toy_emission
from tests.tiny_models import toy_complex, toy_spectrum, write_training_set
from xanes_core.dataset.add import put_spectra, read_curves
from xanes_core.dataset.pack import pack, pack_store
from xanes_core.dataset.store import (
    NewRecord,
    Store,
    TheoryCurve,
    checked_name,
    read_record,
    recipe_id,
)
from xanes_core.dataset.training_set import load_training_set
from xanes_core.errors import DatasetError
from xanes_core.files import sha256_of
from xanes_core.spectra.kinds import XANES, XES


def new_record(name="Fe_9_00000", element="Fe", seed=1, **info):
    rng = np.random.default_rng(seed)
    atoms = toy_complex(element, rng)
    atoms.info = {"name": name, "charge": 0, "identity": f"complex {seed}", **info}
    return NewRecord(
        name, atoms, {XANES: TheoryCurve(*toy_spectrum(atoms, rng))}, {"made": "by hand"}
    )


def emission(element="Fe"):
    return TheoryCurve(*toy_emission(element), note="hydrogen p")


@pytest.fixture
def folder(tmp_path):
    return write_training_set(tmp_path / "set", n=3)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    record = new_record()
    path = Store(tmp_path).write(record)
    assert path.name == "Fe_9_00000.npz"
    back = read_record(path)
    assert (back.name, back.recipe, back.atoms.info) == (
        record.name,
        record.recipe,
        record.atoms.info,
    )
    np.testing.assert_array_equal(back.atoms.positions, record.atoms.positions)
    np.testing.assert_array_equal(back.curves[XANES].mu, record.curves[XANES].mu)
    assert Store(tmp_path).records()[0].name == record.name


def test_the_words_on_disk_stay(tmp_path):
    store, both = Store(tmp_path), {XANES: emission(), XES: emission()}
    curves = {f"{array}_{key}" for array in ("energy", "mu", "note") for key in ("xanes", "xes")}
    for atoms, file, further in (
        (new_record().atoms, "Fe_9_00000.npz", {"numbers", "positions", "info"}),
        (None, "Fe_9_00000.xanes-xes.npz", set()),
    ):
        path = store.write(NewRecord("Fe_9_00000", atoms, both))
        assert path == tmp_path / "incoming" / file
        with np.load(path, allow_pickle=False) as stored:
            assert set(stored.files) == {"recipe", *further, *curves}
    assert store.structures_path("Fe").name == "Fe.extxyz"
    assert store.spectra_path("Fe").name == "Fe.npz"
    assert store.spectra_path("Fe", XES).name == "Fe.xes.npz"


@pytest.mark.parametrize("name", ["", "../Fe", "a/b", ".hidden", "a.b", "9Fe", "x" * 81, "Fé"])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    with pytest.raises(DatasetError, match="cannot be the name of a record"):
        checked_name(name)
    with pytest.raises(DatasetError, match="cannot be the name of a record"):
        Store(tmp_path).write(NewRecord(name, None, {}))
    assert not list(tmp_path.rglob("*.npz"))


def test_a_damaged_record_is_named(tmp_path):
    Store(tmp_path).write(new_record()).write_bytes(b"PK not really")
    with pytest.raises(DatasetError, match=r"incoming/Fe_9_00000.npz is damaged .* delete it"):
        pack(tmp_path)


def test_a_full_disk_is_told(tmp_path):
    (tmp_path / "incoming").write_text("a file where a folder belongs")
    with pytest.raises(DatasetError, match="Fe_9_00000 cannot be stored"):
        Store(tmp_path).write(new_record())
    with pytest.raises(DatasetError, match="cannot be written"), Store(tmp_path).locked("grow"):
        pass


def test_packing_appends_and_leaves_what_is_there(folder):
    before = load_training_set(folder)
    text = (folder / "Fe.extxyz").read_bytes()
    Store(folder).write(new_record(oxidation_state=2, ligands="Cl Cl"))
    Store(folder).write(new_record("Zn_9_00000", "Zn", 2))
    report = pack(folder)
    assert (report.structures, report.spectra) == ({"Fe": 1, "Zn": 1}, {"xanes": 2})
    assert not Store(folder).waiting()
    assert (folder / "Fe.extxyz").read_bytes().startswith(text)
    after = load_training_set(folder)
    assert after.counts == {"V": 3, "Fe": 4, "Zn": 1}
    np.testing.assert_allclose(after.mu[:6], before.mu, atol=1e-6)  # stored in single precision
    assert after.structures[6].info["ligands"] == "Cl Cl"
    np.testing.assert_allclose(
        after.structures[6].positions, new_record().atoms.positions, atol=1e-8
    )


def test_the_manifest_counts_and_hashes(folder):
    Store(folder).write(new_record())
    pack(folder)
    manifest = Store(folder).manifest()
    assert manifest["counts"] == {"V": {"xanes": 3}, "Fe": {"xanes": 4}}
    assert sorted(manifest["files"]) == sorted(Store(folder).packed_files())
    for name, told in manifest["files"].items():
        data = (folder / name).read_bytes()
        assert told == {"sha256": sha256_of(data), "bytes": len(data)}
    assert list(manifest["recipes"].values()) == [{"made": "by hand"}]
    before = (folder / "manifest.json").read_bytes()
    pack(folder)
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(("text", "message"), [("{", "cannot be read"), ("[]", "is no manifest")])
def test_a_damaged_manifest_is_told(folder, text, message):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        pack(folder)


def test_the_same_complex_under_two_names_is_stored_once(folder):
    Store(folder).write(new_record("Fe_9_00000"))
    Store(folder).write(new_record("Fe_9_00001"))
    report = pack(folder)
    assert (report.structures, report.duplicates) == ({"Fe": 1}, 1)
    assert Store(folder).failures()[0]["stage"] == "duplicate"
    Store(folder).write(new_record("Fe_9_00000", seed=5))
    assert pack(folder).duplicates == 1
    assert load_training_set(folder).counts["Fe"] == 4
    assert not Store(folder).waiting()


def test_a_structure_needs_its_absorption_spectrum(folder):
    record = new_record()
    Store(folder).write(NewRecord(record.name, record.atoms, {}))
    with pytest.raises(DatasetError, match="waits without a xanes spectrum"):
        pack(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "Fe.npz").unlink(), "belong together"),
        (lambda f: (f / "Fe.npz").write_bytes(b""), "should hold arrays"),
        (lambda f: (f / "Fe.npz").write_bytes((f / "V.npz").read_bytes()[:50]), "should hold"),
        (lambda f: (f / "Fe.extxyz").write_text("no number\n\n"), "should be a number of atoms"),
        (
            lambda f: (f / "Fe.extxyz").write_text("1\nname=a\nFe 0 0 0\n"),
            "do not list the same records",
        ),
    ],
)
def test_a_damaged_set_is_not_extended(folder, damage, message):
    damage(folder)
    Store(folder).write(new_record())
    with pytest.raises(DatasetError, match=message):
        pack(folder)
    assert len(Store(folder).waiting()) == 1


# --- dying at any point --------------------------------------------------------------------------


class Killed(BaseException):
    pass


def state(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


CALLS = [
    ("stage", 0),  # before the first staged file
    ("stage", 2),
    ("stage", 5),  # before the journal (four files and the manifest are staged)
    ("put_in_place", 0),
    ("put_in_place", 1),  # structures are replaced, their spectra are not
    ("put_in_place", 4),
    ("discard", 0),
    ("discard", 1),
]


def dying(folder, where, calls):
    """A store that dies at a step, after that many calls of it."""
    left = [calls]

    def step(store, *arguments):
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return getattr(Store, where)(store, *arguments)

    return type("Dying", (Store,), {where: step})(folder)


@pytest.mark.parametrize(("where", "calls"), CALLS)
def test_a_run_that_dies_while_packing_loses_nothing(folder, tmp_path, where, calls):
    twin = write_training_set(tmp_path / "twin", n=3)
    for place in (folder, twin):
        Store(place).write(new_record("Fe_9_00000"))
        Store(place).write(new_record("V_9_00000", "V", 2))
    pack(twin)
    with pytest.raises(Killed):
        pack_store(dying(folder, where, calls))
    report = pack(folder)
    assert report.recovered == (where != "stage")
    assert {n: d for n, d in state(folder).items() if not n.endswith(".json")} == {
        n: d for n, d in state(twin).items() if not n.endswith(".json")
    }
    assert Store(folder).manifest() == Store(twin).manifest()
    assert not Store(folder).waiting()
    assert load_training_set(folder).counts == {"V": 4, "Fe": 4}
    assert not Store(folder).recover()


class Full(Store):
    """A disk without room for new versions of files."""

    def stage(self, name, data):
        raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_while_packing_loses_nothing(folder):
    Store(folder).write(new_record())
    with pytest.raises(DatasetError, match=r"No space left on device\); nothing is lost"):
        pack_store(Full(folder))
    assert pack(folder).structures == {"Fe": 1}


def test_half_written_files_go_when_they_are_old(folder):
    for name, age in ((".Fe_9_00000.npz.abc", 7200), (".Fe_9_00001.npz.abc", 0)):
        path = folder / "incoming" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert Store(folder).waiting() == []
    assert [p.name for p in (folder / "incoming").iterdir()] == [".Fe_9_00001.npz.abc"]


# --- emission ------------------------------------------------------------------------------------


def test_emission_is_kept_in_the_order_of_the_structures(folder):
    names = load_training_set(folder).names.tolist()
    assert put_spectra(folder, "xes", {names[5]: emission()}) == (1, {})
    short = TheoryCurve(emission().energy_ev[10:], emission().mu[10:])
    assert put_spectra(folder, "xes", {names[3]: short, names[5]: short})[0] == 1
    with np.load(folder / "Fe.xes.npz", allow_pickle=False) as stored:
        assert stored["name"].tolist() == [names[3], names[5]]
        assert stored["note"].tolist() == ["", "hydrogen p"]
        assert stored["mu"].dtype == np.float32
        assert np.isnan(stored["energy_ev"][0]).sum() == 10
    assert Store(folder).names_with(XES) == {names[3], names[5]}
    assert Store(folder).manifest()["counts"]["Fe"] == {"xanes": 3, "xes": 2}
    data = load_training_set(folder, kind="xes")
    assert data.names.tolist() == [names[3], names[5]]
    assert len(load_training_set(folder)) == 6


def test_emission_that_is_none_is_listed(folder):
    name = load_training_set(folder).names[5]
    flat = TheoryCurve(emission().energy_ev, np.ones(len(emission().mu)))
    new, unfit = put_spectra(folder, "xes", {name: flat})
    assert new == 0
    assert "no state is occupied" in unfit[name]
    assert Store(folder).failures()[0]["stage"] == "xes"


def test_spectra_for_nothing_are_refused(folder):
    with pytest.raises(DatasetError, match="no structure of 1 names, first 'Fe_nobody'"):
        put_spectra(folder, "xes", {"Fe_nobody": emission()})
    with pytest.raises(DatasetError, match="what can be added is xes, not 'xanes'"):
        put_spectra(folder, "xanes", {})


def test_a_spectrum_waits_for_its_structure(folder):
    Store(folder).write(NewRecord("Fe_9_00000", None, {XES: emission()}))
    assert pack(folder).waiting == 1
    Store(folder).write(new_record())
    assert pack(folder).spectra == {"xanes": 1, "xes": 1}
    assert not Store(folder).waiting()


def test_files_of_spectra(tmp_path):
    with pytest.raises(DatasetError, match="holds no spectra"):
        read_curves(tmp_path)
    np.savez(tmp_path / "Fe_1.npz", energy_ev=[1.0, 2.0], mu=[3.0, 4.0], notes='["odd"]')
    assert read_curves(tmp_path)["Fe_1"].note == "odd"
    np.savez(tmp_path / "Fe_2.npz", energy_ev=[1.0, 2.0])
    with pytest.raises(DatasetError, match=r"Fe_2.npz holds no spectrum"):
        read_curves(tmp_path)


def test_a_damaged_file_of_emission_is_told(folder):
    (folder / "Fe.xes.npz").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"Fe.xes.npz is damaged"):
        Store(folder).names_with(XES)


# --- failures and locks --------------------------------------------------------------------------


def test_failures_survive_a_line_without_its_end(tmp_path):
    Store(tmp_path).add_failure({"name": "a", "reason": "line\nbreak"})
    with open(tmp_path / "failures.jsonl", "a") as stream:
        stream.write('{"name": "b", "rea')
    Store(tmp_path).add_failure({"name": "c"})
    assert [failure["name"] for failure in Store(tmp_path).failures()] == ["a", "c"]
    assert len((tmp_path / "failures.jsonl").read_text().splitlines()) == 3


def test_only_one_run_at_a_time(tmp_path):
    with Store(tmp_path).locked("grow"):
        with (
            pytest.raises(
                DatasetError, match=rf"another run \(process {os.getpid()}\) does `grow`"
            ),
            Store(tmp_path).locked("grow"),
        ):
            pass
        with Store(tmp_path).locked("pack"):
            pass
    with Store(tmp_path).locked("grow"):
        pass


def test_a_killed_process_holds_no_lock(tmp_path):
    code = (
        "import os, sys, pathlib\n"
        "from xanes_core.dataset.store import Store\n"
        "with Store(pathlib.Path(sys.argv[1])).locked('grow'):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert (tmp_path / "incoming" / "grow.lock").read_text()
    with Store(tmp_path).locked("grow"):
        assert (tmp_path / "incoming" / "grow.lock").read_text() == str(os.getpid())


def test_every_word_of_a_record_survives_the_comment_line(folder):
    recipe = recipe_id({"a": 1})
    assert recipe.startswith("r")
    Store(folder).write(new_record(recipe=recipe, identity='Fe +2 "quoted" x1.02', kind="oxo"))
    pack(folder)
    info = {record.name: record.info for record in Store(folder).records()}["Fe_9_00000"]
    assert (info["recipe"], info["kind"]) == (recipe, "oxo")
    assert info["identity"] == 'Fe +2 "quoted" x1.02'
    assert info["charge"] == 0
