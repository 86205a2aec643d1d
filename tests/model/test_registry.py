"""Models on disk: what is stored comes back, and damage of any kind is noticed."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_models import tiny_model, toy_complex
from xanes_core import files
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import DescriptorError, ModelError, XanesError
from xanes_core.files import sha256_of
from xanes_core.model import registry as model_files
from xanes_core.model.card import CARD_KEYS, CARD_VERSION, Card
from xanes_core.model.registry import list_models, load_model, models_folder, save_model
from xanes_core.model.spectrum_model import SpectrumModel
from xanes_core.spectra.kinds import XANES, XES

FILES = ("SHA256SUMS", "card.json", "report.npz", "weights.npz")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(tiny_model(), folder)
    return folder


@pytest.fixture
def stored(pristine, tmp_path):
    """A folder of models with the tiny one, to damage."""
    shutil.copytree(pristine, tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def atoms():
    return toy_complex("Fe", np.random.default_rng(8))


def renamed(key, **card):
    """The tiny model under another name."""
    model = tiny_model()
    return SpectrumModel(
        key=key,
        card=replace(model.card, key=key, **card),
        descriptor=model.descriptor,
        energy_rel_ev=model.energy_rel_ev,
        ensemble=model.ensemble,
        calibration=model.calibration,
        domain=model.domain,
        report=model.report,
    )


def rewrite(folder, *, card=None, arrays=None):
    """Change card or arrays of a stored model and make the checksums match again."""
    files_ = {name: (folder / name).read_bytes() for name in FILES if "." in name}
    if card is not None:
        files_["card.json"] = json.dumps(card(json.loads(files_["card.json"]))).encode()
    if arrays is not None:
        with np.load(io.BytesIO(files_["weights.npz"])) as found:
            changed = arrays({name: found[name] for name in found.files})
        buffer = io.BytesIO()
        np.savez(buffer, **changed)
        files_["weights.npz"] = buffer.getvalue()
    for name, data in files_.items():
        (folder / name).write_bytes(data)
    sums = "".join(f"{sha256_of(data)}  {name}\n" for name, data in files_.items())
    (folder / "SHA256SUMS").write_text(sums)


# --- round trip ----------------------------------------------------------------------------------


def test_round_trip(stored, atoms):
    found, wanted = load_model("tiny", folder=stored), tiny_model()
    assert found.card == wanted.card
    assert found.key == "tiny"
    assert found.descriptor == wanted.descriptor
    np.testing.assert_array_equal(found.energy_rel_ev, wanted.energy_rel_ev)
    one, other = found.predict(atoms), wanted.predict(atoms)
    for name in ("mu", "std", "lower", "upper", "members"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-5, atol=1e-6)
    assert one.domain == other.domain


def test_exactly_these_files_are_written(stored):
    assert sorted(path.name for path in (stored / "tiny").iterdir()) == sorted(FILES)


def test_checksums_have_the_format_of_sha256sum(stored):
    for line in (stored / "tiny" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert digest == sha256_of((stored / "tiny" / name).read_bytes())


def test_saving_again_replaces_the_model(stored):
    save_model(renamed("tiny", title="another"), stored)
    assert load_model("tiny", folder=stored).card.title == "another"


def test_save_returns_the_folder_and_makes_it(tmp_path):
    assert save_model(tiny_model(), tmp_path / "a" / "b") == tmp_path / "a" / "b" / "tiny"


# --- choosing ------------------------------------------------------------------------------------


@pytest.fixture
def three(stored):
    save_model(renamed("a-iron", elements=("Fe",), default_for=()), stored)
    save_model(renamed("z-iron", elements=("Fe",), default_for=("Fe",)), stored)
    save_model(renamed("tiny", default_for=("V",)), stored)
    return stored


def test_list_is_sorted_by_key(three):
    assert [card.key for card in list_models(folder=three)] == ["a-iron", "tiny", "z-iron"]


def test_list_of_an_element_starts_with_its_default(three):
    assert [c.key for c in list_models("Fe", folder=three)] == ["z-iron", "a-iron", "tiny"]
    assert [c.key for c in list_models("V", folder=three)] == ["tiny"]
    assert list_models("Cu", folder=three) == []


@pytest.mark.parametrize(
    ("asked", "key"),
    [("Fe", "z-iron"), ("V", "tiny"), ("a-iron", "a-iron"), ("tiny", "tiny")],
)
def test_load_by_key_or_element(three, asked, key):
    assert load_model(asked, folder=three).key == key


@pytest.fixture
def with_emission(three):
    save_model(renamed("b-emission", kind=XES, default_for=()), three)
    return three


def test_models_are_listed_by_spectrum(with_emission):
    keys = lambda *a: [c.key for c in list_models(*a, folder=with_emission)]  # noqa: E731
    assert keys("Fe", "xes") == ["b-emission"]
    assert keys(None, "xes") == ["b-emission"]
    assert keys("V", "xanes") == ["tiny"]
    assert keys("V") == ["tiny", "b-emission"]  # emission last


def test_an_element_stands_for_absorption_unless_emission_is_asked_for(with_emission):
    assert load_model("V", folder=with_emission).kind == XANES
    model = load_model("V", kind="xes", folder=with_emission)
    assert (model.key, model.kind) == ("b-emission", XES)
    assert load_model("b-emission", folder=with_emission).key == "b-emission"
    atoms = toy_complex("Fe", np.random.default_rng(8))
    assert model.predict(atoms).kind == XES


@pytest.mark.parametrize(
    ("asked", "spectrum", "message"),
    [
        ("Cu", "xes", "no xes model for Cu; there are: a-iron, b-emission"),
        ("tiny", "xes", "model tiny predicts xanes, not xes"),
        ("Fe", "exafs", "no spectra 'exafs'; there are: xanes, xes"),
    ],
)
def test_a_spectrum_nobody_predicts_is_refused(with_emission, asked, spectrum, message):
    with pytest.raises(XanesError, match=message):
        load_model(asked, spectrum, folder=with_emission)


def test_a_card_of_an_unknown_spectrum_is_refused(stored):
    rewrite(stored / "tiny", card=lambda card: card | {"spectrum": "exafs"})
    with pytest.raises(ModelError, match="card of model tiny names the spectrum 'exafs'"):
        list_models(folder=stored)


@pytest.mark.parametrize("asked", ["Cu", "", "..", "../tiny", "tiny/", "nothing", "Au"])
def test_unknown_names_are_refused(three, asked):
    with pytest.raises(ModelError, match=r"no model called .*; there are: a-iron, tiny, z-iron"):
        load_model(asked, folder=three)


@pytest.mark.parametrize("make", [True, False])
def test_no_models_at_all(tmp_path, make):
    folder = tmp_path / "none"
    if make:
        folder.mkdir()
    assert list_models(folder=folder) == []
    with pytest.raises(ModelError, match="there are: none; restore the models folder"):
        load_model("Fe", folder=folder)


def test_environment_variable_names_the_folder(stored, monkeypatch, atoms):
    monkeypatch.setenv("XANES_MODELS", str(stored))
    assert models_folder() == stored
    assert [card.key for card in list_models()] == ["tiny"]
    assert load_model("Fe").key == "tiny"
    save_model(renamed("other", default_for=()))
    assert (stored / "other" / "card.json").is_file()
    monkeypatch.setenv("XANES_MODELS", "")
    assert models_folder().name == "models"
    monkeypatch.delenv("XANES_MODELS")
    assert (models_folder().parent / "xanes_core").is_dir()


def test_stray_files_and_folders_are_ignored(stored):
    (stored / "README").write_text("not a model")
    (stored / "empty").mkdir()
    assert [card.key for card in list_models(folder=stored)] == ["tiny"]


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_flipped_byte_in_the_weights_is_caught(stored, where):
    file = stored / "tiny" / "weights.npz"
    data = bytearray(file.read_bytes())
    data[int(where * (len(data) - 1))] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ModelError, match=r"weights\.npz of model tiny does not match its checksum"):
        load_model("tiny", folder=stored)


def test_a_changed_card_is_caught(stored):
    file = stored / "tiny" / "card.json"
    file.write_text(file.read_text().replace("FEFF10, nine", "FEFF10, nime"))
    with pytest.raises(ModelError, match=r"card\.json of model tiny does not match its checksum"):
        load_model("tiny", folder=stored)


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize(
    "damage", [lambda t: t.replace(t[0], "0" if t[0] != "0" else "1", 1), lambda t: "", str.upper]
)
def test_changed_checksums_are_caught(stored, damage, row):
    file = stored / "tiny" / "SHA256SUMS"
    lines = file.read_text().splitlines()
    lines[row] = damage(lines[row])
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(ModelError, match=r"does not match its checksum: .*restore"):
        load_model("tiny", folder=stored)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"no sums here\n"])
def test_garbage_checksums_are_caught(stored, content):
    (stored / "tiny" / "SHA256SUMS").write_bytes(content)
    with pytest.raises(ModelError, match="does not match its checksum"):
        load_model("tiny", folder=stored)


@pytest.mark.parametrize("name", ["weights.npz", "SHA256SUMS"])
def test_missing_files_are_refused(stored, name):
    (stored / "tiny" / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} of model tiny cannot be read \(No such file"):
        load_model("tiny", folder=stored)


def test_without_card_there_is_no_model(stored):
    (stored / "tiny" / "card.json").unlink()
    with pytest.raises(ModelError, match="no model called 'tiny'"):
        load_model("tiny", folder=stored)


def test_pickled_weights_are_refused(stored):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the weights were unpickled",))

    rewrite(
        stored / "tiny",
        arrays=lambda a: {**a, "intercept": np.array([Bomb()], dtype=object)},
    )
    with pytest.raises(ModelError, match=r"weights of model tiny cannot be read .*pickle"):
        load_model("tiny", folder=stored)


@pytest.mark.parametrize(
    "content", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 50], ids=["empty", "text", "half"]
)
def test_weights_that_are_no_archive_are_refused(stored, content):
    folder = stored / "tiny"
    (folder / "weights.npz").write_bytes(content)
    rewrite(folder)
    with pytest.raises(ModelError, match="weights of model tiny cannot be read"):
        load_model("tiny", folder=stored)


def test_truncated_weights_are_refused(stored):
    folder = stored / "tiny"
    data = (folder / "weights.npz").read_bytes()
    (folder / "weights.npz").write_bytes(data[: len(data) // 2])
    rewrite(folder)
    with pytest.raises(ModelError, match="weights of model tiny cannot be read"):
        load_model("tiny", folder=stored)


def test_a_single_array_instead_of_an_archive_is_refused(stored):
    folder, buffer = stored / "tiny", io.BytesIO()
    np.save(buffer, np.ones(3))
    (folder / "weights.npz").write_bytes(buffer.getvalue())
    rewrite(folder)
    with pytest.raises(ModelError, match="weights of model tiny cannot be read"):
        load_model("tiny", folder=stored)


ARRAYS = (
    *("bias_0", "bias_1", "calibration_band_factors", "calibration_elements"),
    *("calibration_floor", "calibration_level", "calibration_levels", "calibration_std_factor"),
    *("calibration_widening", "coef", "components", "domain_features", "domain_spread_unit"),
    *("domain_unit",),
    *("energy_rel_ev", "intercept", "scaler_clip", "scaler_mean", "scaler_scale"),
    *("weight_0", "weight_1"),
)


def test_arrays_of_the_archive(stored):
    with np.load(stored / "tiny" / "weights.npz", allow_pickle=False) as found:
        explaining = ("importance_", "distances_", "mean_mu_")  # may be absent: see there
        needed = [name for name in found.files if not name.startswith(explaining)]
        assert sorted(needed) == list(ARRAYS)
        assert len(needed) < len(found.files)
        assert {found[name].dtype for name in found.files if name.startswith("weight")} == {
            np.dtype(np.float16)
        }


@pytest.mark.parametrize("name", ARRAYS)
def test_a_missing_array_is_refused(stored, name):
    rewrite(stored / "tiny", arrays=lambda a: {k: v for k, v in a.items() if k != name})
    with pytest.raises(ModelError, match=r"lack|fit together"):
        load_model("tiny", folder=stored)


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_of_another_shape_is_refused(stored, name):
    def cut(arrays):
        a = arrays[name]
        arrays[name] = a[..., :-1] if a.ndim else np.stack([a, a])
        return arrays

    rewrite(stored / "tiny", arrays=cut)
    with pytest.raises(ModelError, match="fit together"):
        load_model("tiny", folder=stored)


# --- cards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARD_KEYS)
def test_a_card_that_lacks_an_entry_is_refused(stored, name):
    rewrite(stored / "tiny", card=lambda c: {k: v for k, v in c.items() if k != name})
    for read in (lambda: load_model("tiny", folder=stored), lambda: list_models(folder=stored)):
        with pytest.raises(ModelError, match=f"the card of model tiny lacks {name}$"):
            read()


@pytest.mark.parametrize("name", CARD_KEYS)
def test_a_card_that_lacks_an_entry_is_not_written(tmp_path, name):
    model = renamed("tiny")
    content = {k: v for k, v in model.card.to_dict().items() if k != name}
    with pytest.raises(ModelError, match=f"lacks {name}"):
        save_model(replace(model, card=Card.from_dict(content, "tiny")), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_card_of_another_version_is_refused(stored):
    rewrite(stored / "tiny", card=lambda c: {**c, "card_version": CARD_VERSION + 1})
    with pytest.raises(ModelError, match="has version 2, this library reads version 1; train"):
        load_model("tiny", folder=stored)


def test_a_card_with_an_entry_of_another_type_is_refused(stored):
    rewrite(stored / "tiny", card=lambda c: {**c, "elements": None})
    for read in (lambda: load_model("Fe", folder=stored), lambda: list_models(folder=stored)):
        with pytest.raises(ModelError, match="card of model tiny, elements is null where a list"):
            read()


def test_a_card_in_the_wrong_folder_is_refused(stored):
    (stored / "tiny").rename(stored / "huge")
    with pytest.raises(ModelError, match="the card in folder huge is that of model tiny"):
        load_model("huge", folder=stored)


@pytest.mark.parametrize("content", ["", "{", "\x00"])
def test_a_card_that_is_not_json_is_refused(stored, content):
    (stored / "tiny" / "card.json").write_text(content)
    with pytest.raises(ModelError, match=r"card\.json of model tiny is not JSON"):
        list_models(folder=stored)


def test_a_card_that_is_no_text_is_refused(stored):
    (stored / "tiny" / "card.json").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ModelError, match=r"card\.json of model tiny is not JSON"):
        list_models(folder=stored)


def test_a_card_that_is_no_object_is_refused(stored):
    (stored / "tiny" / "card.json").write_text("[1, 2]")
    with pytest.raises(ModelError, match=r"card\.json of model tiny is not an object"):
        load_model("tiny", folder=stored)


def test_a_card_without_activation_is_refused(stored):
    rewrite(stored / "tiny", card=lambda c: {**c, "hyper_parameters": {}})
    with pytest.raises(ModelError, match=r"do not fit together .*activation"):
        load_model("tiny", folder=stored)


def test_an_unknown_convention_is_refused(stored):
    rewrite(stored / "tiny", card=lambda c: {**c, "convention": "soap"})
    with pytest.raises(DescriptorError, match="unknown descriptor convention 'soap'"):
        load_model("tiny", folder=stored)


def test_other_parameters_of_the_convention_are_refused(stored):
    other = {**WACSF.default().parameters(), "r_cut_ang": 5.5}
    rewrite(stored / "tiny", card=lambda c: {**c, "descriptor": other})
    with pytest.raises(ModelError, match="trained with other parameters of convention 'default'"):
        load_model("tiny", folder=stored)


def test_another_convention_than_that_of_the_weights_is_refused(stored):
    rewrite(stored / "tiny", card=lambda c: {**c, "convention": "xanesnet"})
    with pytest.raises(ModelError, match="298 features, but convention 'xanesnet' has 97; train"):
        load_model("tiny", folder=stored)


# --- writing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", FILES)
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_while_writing_never_gives_a_wrong_model(
    stored, tmp_path, monkeypatch, failing, existing
):
    """Half an update is either not there, or refused; a half-written file never exists."""
    folder = stored if existing else tmp_path / "fresh"
    changed = renamed("tiny", title="changed")

    def write(path, data):
        if path.name == failing:
            raise OSError(28, "No space left on device")
        return files.write_bytes(path, data)

    monkeypatch.setattr(model_files, "write_bytes", write)
    with pytest.raises(OSError, match="No space left"):
        save_model(changed, folder)
    if existing and failing == "card.json":  # the first to be written: the old model is whole
        found = load_model("tiny", folder=folder)
        assert found.card.title == tiny_model().card.title
    else:
        with pytest.raises(ModelError, match=r"checksum|cannot be read|no model called"):
            load_model("tiny", folder=folder)
    names = {path.name for path in folder.glob("*/*")}
    assert names <= set(FILES)


def test_a_broken_card_does_not_stop_other_models(stored):
    (stored / "broken").mkdir()
    (stored / "broken" / "card.json").write_text("{", encoding="utf-8")
    assert load_model("tiny", folder=stored).key == "tiny"


def test_an_element_may_be_written_in_any_case(stored):
    assert load_model("fe", folder=stored).key == load_model("Fe", folder=stored).key == "tiny"
