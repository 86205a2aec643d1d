"""What models ask of a descriptor, and finding one by its name."""

import numpy as np
import pytest

from tests.tiny_models import toy_complex
from xanes_core.descriptors.descriptor import CONVENTIONS, absorbers_of, descriptor_by_name
from xanes_core.descriptors.joined import Joined
from xanes_core.descriptors.paths import Paths
from xanes_core.descriptors.wacsf import WACSF
from xanes_core.errors import DescriptorError
from xanes_core.structures.environments import environment

each = pytest.mark.parametrize("name", CONVENTIONS)


@each
def test_a_name_gives_its_descriptor_and_always_the_same_object(name):
    found = descriptor_by_name(name)
    assert found is descriptor_by_name(name)
    assert found.name == name


def test_unknown_names_are_refused():
    with pytest.raises(DescriptorError, match="unknown descriptor convention 'soap'; choose one"):
        descriptor_by_name("soap")


@each
def test_what_is_told_of_features_goes_with_them(name):
    descriptor = descriptor_by_name(name)
    atoms = toy_complex("Fe", np.random.default_rng(1))
    found = descriptor.transform_environment(environment(atoms, 0, descriptor.r_cut_ang))
    np.testing.assert_array_equal(found, descriptor.transform(atoms))
    for told in (descriptor.feature_names, descriptor.feature_kinds):
        assert len(told) == descriptor.n_features == len(found)
    assert descriptor.feature_distances_ang.shape == found.shape
    with pytest.raises(ValueError, match="read-only"):
        descriptor.feature_distances_ang[0] = 1.0


def test_conventions_of_wacsf_are_found():
    for name in ("xanesnet", "default"):
        assert descriptor_by_name(name) == WACSF.from_name(name)


def test_joined_descriptors_are_those_of_the_parts_one_after_the_other():
    joined = descriptor_by_name("scattering")
    atoms = toy_complex("Fe", np.random.default_rng(3))
    wanted = [part.transform(atoms) for part in joined.parts]
    np.testing.assert_array_equal(joined.transform(atoms), np.concatenate(wanted))
    assert joined.feature_names[: len(wanted[0])] == WACSF.default().feature_names
    assert joined.absorber_elements == WACSF.default().absorber_elements
    told = joined.parameters()
    assert [part["name"] for part in told["parts"]] == ["default", "paths", "multiple scattering"]
    with pytest.raises(DescriptorError, match="a part looks beyond r_cut_ang"):
        Joined("short", (Paths(),), r_cut_ang=5.0)


@pytest.mark.parametrize("name", ["default", "scattering"])
def test_the_absorber_is_read_off_the_features(name):
    descriptor = descriptor_by_name(name)
    rng = np.random.default_rng(2)
    elements = ["Fe", "V", "Zn"]
    x = descriptor.transform_many((toy_complex(el, rng), 0) for el in elements)
    assert absorbers_of(descriptor, x).tolist() == elements
    assert absorbers_of(descriptor_by_name("xanesnet"), np.zeros((2, 97))) is None
