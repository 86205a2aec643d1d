"""What people have in their scripts and on their disks goes on working."""

import importlib
import tomllib

import pytest

from tests.places import PROJECT
from xanes_core.cli import main

#: Names that scripts import, by the place they import them from.
NAMES = {
    "xanes_core": (
        "WACSF Prediction Spectrum SpectrumModel XanesError list_models load_model read_spectrum "
        "read_structures __version__"
    ),
    "xanes_core.errors": (
        "XanesError StructureError SpectrumError DescriptorError ModelError DatasetError "
        "TheoryError TheoryCancelled TheoryTimeout"
    ),
    "xanes_core.theory": (
        "ENGINES Availability Convolution Fdmnes FdmnesSettings Feff10 Feff10Settings Progress "
        "TheoryCancelled TheoryEngine TheoryError TheoryResult TheoryTimeout get_engine"
    ),
    "xanes_core.structures": (
        "STRUCTURE_EXTENSIONS STRUCTURE_FORMATS Environment Site absorber_elements absorber_sites "
        "environment read_structures select_sites validate_structure"
    ),
    "xanes_core.spectra": "Spectrum align resample scale shift read_spectrum write_spectrum",
    "xanes_core.model": "Prediction SpectrumModel load_model list_models save_model",
    "xanes_core.dataset": "TrainingSet load_training_set",
    "xanes_core.importance": "cross_importance permutation_importance local_effects",
    "xanes_core.plots": "Curve spectrum_figure scene",
}
COMMANDS = (
    "app predict featurize models importance dataset train crossval accuracy evaluate "
    "learning-curve bench"
)


@pytest.mark.parametrize(
    ("place", "name"), [(place, name) for place, names in NAMES.items() for name in names.split()]
)
def test_scripts_find_what_they_import(place, name):
    assert getattr(importlib.import_module(place), name) is not None


@pytest.mark.parametrize("command", COMMANDS.split())
def test_commands_are_there(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_the_program_runs_the_commands():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    place, _, name = project["scripts"]["xanes-explorer"].partition(":")
    assert getattr(importlib.import_module(place), name) is main


@pytest.mark.parametrize("page", ["predict", "importance", "windows", "theory", "models"])
def test_links_lead_to_pages(page):
    assert (PROJECT / "pages" / f"{page}.py").is_file()
