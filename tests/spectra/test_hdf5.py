"""HDF5 and NeXus files, whole, odd and hostile."""

import contextlib
import gzip
import io
import re
import struct

import h5py
import numpy as np
import pytest

from tests.spectra.look_alikes import D_ANG, ENERGY, I0, IF, IT, MU, RAW, THETA
from xanes_core.errors import SpectrumError
from xanes_core.spectra import list_spectra, read_spectrum, read_table
from xanes_core.spectra.formats.hdf5 import MAX_DETECTORS, MAX_NUMBERS, read_hdf5

N = ENERGY.size


def made(build, **options):
    """Bytes of a file that a function fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        build(file)
    return buffer.getvalue()


def group(above, name, kind):
    one = above.create_group(name)
    one.attrs["NX_class"] = kind
    return one


def nxxas(mode=None, counts=IT, has_i0=True, name="entry", unit="eV", facts=()):
    """NXxas: counts lie with the detectors, and the plot's group links to them."""

    def build(file):
        entry = group(file, name, "NXentry")
        entry["title"] = "hematite, made up"
        entry["definition"] = "NXxas"
        for key, value in facts:
            entry[key] = value
        instrument = group(entry, "instrument", "NXinstrument")
        mono = group(instrument, "monochromator", "NXmonochromator")
        factor = {"eV": 1.0, "keV": 1e-3}[unit]
        mono["energy"] = ENERGY * factor
        mono["energy"].attrs["units"] = unit
        absorbed = group(instrument, "absorbed_beam", "NXdetector")
        absorbed["data"] = counts
        if has_i0:
            group(instrument, "incoming_beam", "NXdetector")["data"] = I0
        data = group(entry, "data", "NXdata")
        data.attrs["signal"], data.attrs["axes"] = "absorbed_beam", ["energy"]
        data["energy"] = mono["energy"]  # a hard link, as the standard writes
        data["absorbed_beam"] = h5py.SoftLink(f"/{name}/instrument/absorbed_beam/data")
        if mode:
            data["mode"] = mode

    return made(build)


@pytest.mark.parametrize("unit", ["eV", "keV"])
@pytest.mark.parametrize("element", [None, "Fe"])
@pytest.mark.parametrize(
    ("mode", "counts", "expected"),
    [
        ("Transmission", IT, RAW),
        ("Fluorescence Yield", IF, IF / I0),
        ("Total Electron Yield", IF, IF / I0),
        (None, IT, RAW),  # which of the two it is shows at the edge
        (None, IF, IF / I0),
    ],
)
def test_nxxas_makes_an_absorption_of_its_two_detectors(mode, counts, expected, element, unit):
    facts = (("element", "Fe"),) if mode is None else ()
    spectrum = read_spectrum(nxxas(mode, counts, unit=unit, facts=facts), element=element)
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
    np.testing.assert_allclose(spectrum.mu, expected, rtol=1e-12)
    assert spectrum.metadata["title"] == "hematite, made up"
    assert spectrum.metadata["source_format"] == "hdf5"


def test_nxxas_names_element_and_edge_and_may_hold_the_absorption_itself():
    facts = (("element", "Fe"), ("edge", "K"), ("intensity", MU))
    spectrum = read_spectrum(nxxas(has_i0=False, facts=facts))
    np.testing.assert_allclose(spectrum.mu, MU)
    assert (spectrum.metadata["element"], spectrum.metadata["edge"]) == ("Fe", "K")
    table = read_table(nxxas(facts=facts))
    assert table.stated_element == "Fe"
    with pytest.raises(SpectrumError, match="the file itself names Fe"):
        read_spectrum(nxxas(facts=facts), element="Zn")


def test_a_transmitted_count_alone_is_refused_in_hdf5_too():
    with pytest.raises(SpectrumError, match="not both I0 and I1"):
        read_spectrum(nxxas("transmission", has_i0=False))


def test_any_two_lists_of_one_length_are_offered():
    def build(file):
        file["run/Energy_eV"] = ENERGY
        file["run/xmu"] = MU.astype(">f4")
        file["run/other"] = np.arange(N)
        file["run/short"] = np.arange(30.0)
        file["run/text"] = np.array(["a"] * N, dtype="S1")
        file["run/image"] = np.zeros((N, 40))
        file.attrs["element"] = "Fe"

    table = read_table(made(build))
    assert table.table.names == ("Energy_eV", "other", "xmu")
    spectrum = table.spectrum()
    np.testing.assert_allclose(spectrum.mu, MU, rtol=1e-6)
    assert spectrum.metadata["element"] == "Fe"


def bliss(file):
    """Scans as the ESRF writes them: lists with the devices, links to them in `measurement`."""
    for number in (1, 2):
        entry = group(file, f"{number}.1", "NXentry")
        entry["title"] = f"fscan {number}"
        instrument = group(entry, "instrument", "NXinstrument")
        measured = group(entry, "measurement", "NXcollection")
        lists = {"energy_enc": ENERGY * 1e-3, "p201_i0": I0, "p201_i1": IT * np.exp(-number)}
        for name, values in lists.items():
            group(instrument, name, "NXdetector")["data"] = values
            measured[name] = h5py.SoftLink(f"/{number}.1/instrument/{name}/data")
        instrument["energy_enc/data"].attrs["units"] = "keV"
        measured["image"] = h5py.ExternalLink("other.h5", "/data")


def test_entries_are_listed_and_one_is_chosen():
    raw = made(bliss)
    assert list_spectra(raw) == ("1.1 fscan 1", "2.1 fscan 2")
    with pytest.raises(SpectrumError, match="holds 2 spectra"):
        read_spectrum(raw)
    spectrum = read_spectrum(raw, group=1, element="Fe")
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY)
    np.testing.assert_allclose(spectrum.mu, RAW + 2.0)
    assert "2 data sets that lie in other files were left out" in spectrum.notes


def test_groups_of_their_own_energies_are_spectra_of_their_own():
    def build(file):
        for name, factor in (("a", 1.0), ("b", 2.0)):
            file[f"samples/{name}/energy"] = ENERGY + factor
            file[f"samples/{name}/mu"] = factor * MU

    raw = made(build)
    assert list_spectra(raw) == ("samples/a", "samples/b")
    spectrum = read_spectrum(raw, group="samples/b", element="Fe")
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY + 2.0)
    np.testing.assert_allclose(spectrum.mu, 2.0 * MU)


def test_scans_of_several_lengths_are_told_apart_and_settings_are_no_scans():
    def build(file):
        entry = group(file, "scan", "NXentry")
        entry["fast/energy"], entry["fast/mu"] = ENERGY, MU
        entry["slow/energy"], entry["slow/mu"] = ENERGY[::2], MU[::2]
        entry["table/gap"], entry["table/offset"] = np.arange(12.0), np.arange(12.0)

    assert list_spectra(made(build)) == (f"scan ({N} points)", f"scan ({(N + 1) // 2} points)")


def test_elements_of_a_detector_side_by_side_are_added():
    def build(file):
        entry = group(file, "entry", "NXentry")
        entry["energy"], entry["i0"] = ENERGY, I0
        entry["sdd/data"] = np.column_stack([IF, 3.0 * IF])

    spectrum = read_spectrum(made(build), element="Fe")
    np.testing.assert_allclose(spectrum.mu, 4.0 * IF / I0)
    assert spectrum.metadata["column"] == "(sdd_1 + ... + sdd_2)/i0"


@pytest.mark.parametrize(("unit", "factor"), [("angstrom", 1.0), ("nm", 0.1), ("m", 1e-10)])
def test_angles_become_energies_by_the_crystal_of_the_file(unit, factor):
    def build(file):
        entry = group(file, "entry", "NXentry")
        entry["mono/bragg"], entry["mu"] = THETA, MU
        entry["mono/bragg"].attrs["units"] = "degree"
        entry["mono/crystal/d_spacing"] = D_ANG * factor
        entry["mono/crystal/d_spacing"].attrs["units"] = unit

    spectrum = read_spectrum(made(build), element="Fe")
    np.testing.assert_allclose(spectrum.energy_ev[::-1], ENERGY[::-1], rtol=1e-5)


def test_soleil_calls_columns_by_long_names():
    def build(file):
        data = group(group(file, "scan_1", "NXentry"), "scan_data", "NXdata")
        for name, long_name, values in (
            ("actuator_1_1", "energy", ENERGY),
            ("data_01", "I0", I0),
            ("data_02", "I1", IT),
            ("data_03", "I2", IT * 0.5),
        ):
            data[name] = values
            data[name].attrs["long_name"] = long_name

    table = read_table(made(build))
    assert table.columns(element="Fe").proposed == "ln(I0/I1)"
    assert table.columns().signals["ln(I1/I2)"] == "reference"
    np.testing.assert_allclose(table.spectrum(element="Fe").mu, RAW)


@pytest.mark.parametrize("options", [{"userblock_size": 512}, {"libver": "latest"}, {}])
def test_files_of_all_versions_also_packed(options):
    def build(file):
        settings = {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (50,)}
        file.create_dataset("energy", data=ENERGY, **settings)
        file.create_dataset("mu", data=MU, compression="lzf")

    for raw in (made(build, **options), gzip.compress(made(build, **options))):
        np.testing.assert_allclose(read_spectrum(raw, element="Fe").mu, MU)


# --- hostile files -------------------------------------------------------------------------------


def bomb(file):
    file.create_dataset("energy", (50_000_000,), "f8", chunks=(1_000_000,), compression="gzip")
    file.create_dataset("mu", (50_000_000,), "f8", chunks=(1_000_000,), compression="gzip")


def one_huge_piece(file):
    for name in ("energy", "mu"):
        file.create_dataset(
            name, (1000,), "f8", chunks=(30_000_000,), maxshape=(None,), compression="gzip"
        )  # fmt: skip


def many_lists(file):
    for i in range(MAX_NUMBERS // 200_000 // 5 + 2):
        for name in ("energy", "a", "b", "c", "d"):
            file.create_dataset(f"{i}/{name}", (200_000,), "f8")


def loops(file):
    file["a/energy"], file["a/text"] = np.arange(5.0), "x"
    file["a/loop"] = file["a"]
    file["a/b/up"] = file["/"]
    file["soft"] = h5py.SoftLink("/soft")
    file["other"] = h5py.SoftLink("/a/loop/loop/loop/energy")


def links_out(file):
    file["energy"] = h5py.ExternalLink("/etc/hostname", "/energy")
    file["mu"] = h5py.ExternalLink("mine.h5", "/mu")


def numbers_of_others(file):
    for name in ("energy", "mu"):
        layout = h5py.VirtualLayout((N,), "f8")
        layout[:] = h5py.VirtualSource("mine.h5", name, (N,))
        file.create_virtual_dataset(name, layout)


def raw_files(file):
    for name in ("energy", "mu"):
        file.create_dataset(name, (N,), "f8", external=[("mine.raw", 0, h5py.h5f.UNLIMITED)])


def deep(file):
    file["/".join(["g"] * 500) + "/energy"] = ENERGY
    file["/".join(["g"] * 500) + "/mu"] = MU


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (bomb, "longer than 200000 numbers"),
        (one_huge_piece, "longer than 200000 numbers"),
        (many_lists, "more than 4000000 numbers"),
        (loops, "no two lists of the same length"),
        (links_out, "takes its numbers from other files"),
        (numbers_of_others, "takes its numbers from other files"),
        (raw_files, "takes its numbers from other files"),
        (deep, "no two lists of the same length"),
        (lambda file: None, "no two lists of the same length"),
    ],
)
def test_hostile_files_are_refused_before_anything_is_read(build, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of other files would be looked for here
    with h5py.File("mine.h5", "w") as file:
        file["energy"], file["mu"] = ENERGY, MU
    (tmp_path / "mine.raw").write_bytes(np.concatenate([ENERGY, MU]).tobytes())
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(made(build))


def test_a_file_of_too_many_groups_is_refused():
    raw = made(lambda file: [file.create_group(f"g{i}") for i in range(21)])
    with pytest.raises(SpectrumError, match="more than 20 groups"):
        read_hdf5(raw, max_objects=20)
    with pytest.raises(SpectrumError, match="no two lists"):
        read_hdf5(raw)


def test_filters_that_need_a_plug_in_are_not_loaded():
    def build(file):
        file.create_dataset("energy", data=ENERGY, compression="gzip")
        file.create_dataset("mu", data=MU, compression="gzip")

    raw = made(build)
    # the filter's number (1, deflate) becomes that of Blosc, which a plug-in would read
    with h5py.File(io.BytesIO(raw)) as file:
        assert file["mu"].id.get_create_plist().get_filter(0)[0] == 1
    deflate, blosc = (
        b"\x01\x00\x08\x00\x01\x00\x01\x00deflate\0",
        b"\x01\x7d\x08\x00\x01\x00\x01\x00deflate\0",
    )
    assert raw.count(deflate) == 2
    with pytest.raises(SpectrumError, match="packed in a way that is not read here"):
        read_spectrum(raw.replace(deflate, blosc))


@pytest.mark.parametrize("length", [b"transmission", b"NXxas"])
def test_a_text_that_claims_to_be_huge_is_not_read(length):
    """HDF5 would make room for two gigabytes."""
    raw = nxxas("transmission")
    assert read_spectrum(raw).metadata["title"] == "hematite, made up"
    claimed = bytearray(raw)
    for heap in (m.start() for m in re.finditer(b"GCOL", raw)):
        entry = struct.pack("<IQ", len(length), heap)
        for at in (m.start() for m in re.finditer(re.escape(entry), raw)):
            struct.pack_into("<I", claimed, at, 2**31 - 1)
    assert bytes(claimed) != raw
    spectrum = read_spectrum(bytes(claimed), element="Fe")
    np.testing.assert_allclose(spectrum.mu, RAW)
    assert "title" not in spectrum.metadata


@pytest.mark.parametrize("written", [nxxas(), made(bliss)])
def test_damaged_files_give_a_spectrum_or_a_clear_error(written):
    random = np.random.default_rng(3)
    for _ in range(60):
        raw = bytearray(written)
        for at in random.integers(0, len(raw), 12):
            raw[at] = random.integers(0, 256)
        for content in (raw, raw[: random.integers(len(raw) // 2, len(raw))]):
            with contextlib.suppress(SpectrumError):
                assert len(read_spectrum(bytes(content), group=0)) >= 10


def test_more_side_by_side_is_no_detector():
    def build(file):
        file["e/energy"], file["e/mca"] = ENERGY, np.ones((N, MAX_DETECTORS + 1))

    with pytest.raises(SpectrumError, match="no two lists"):
        read_spectrum(made(build))


def test_text_is_no_hdf5():
    with pytest.raises(SpectrumError, match="damaged or cut off"):
        read_spectrum(b"energy mu\n7112 1.0\n", format="hdf5")
