"""Structures with spectra as people keep them, read for a comparison with a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset import load_training_set
from xanes_core.errors import DatasetError, SpectrumError, StructureError
from xanes_core.model import SpectrumModel
from xanes_core.recipes import read_features
from xanes_core.spectrum_io import read_spectrum
from xanes_core.structures import Environment, environment, read_structures, select_sites
from xanes_core.theory_grid import feff_to_grid

STRUCTURES, SPECTRA = "xyz", "xanes"


@dataclass(frozen=True)
class EvaluationData:
    """Features and spectra of n records on the grid of a model.

    Attributes
    ----------
    names, elements : sequence of str, (n,)
        Records and absorbers.
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features in the model's convention, and spectra.
    envs : list of Environment or None
        Where the structures are known.
    sha256 : str
        Hash of the data where it can be compared with that of a training set, else empty.
    """

    names: Sequence[str]
    elements: np.ndarray
    x: np.ndarray
    y: np.ndarray
    envs: list[Environment] | None
    sha256: str


def load_evaluation_data(path: str | Path, model: SpectrumModel) -> EvaluationData:
    """Read structures with spectra for a model.

    Parameters
    ----------
    path : str or Path
        A folder of ``EL.extxyz`` and ``EL.npz`` (see :mod:`xanes_core.dataset`); a folder with
        ``xyz/NAME.xyz`` and ``xanes/NAME.txt``; or an ``npz`` file with features ``x`` (n, d) and
        spectra ``y`` (n, k) on the model's grid.
    model : SpectrumModel
        Decides descriptor, grid and which absorbers are kept.

    Raises
    ------
    DatasetError
        Nothing like that is there, or something in it cannot be used.
    """
    path = Path(path)
    if path.is_file():
        return _from_features(path, model)
    if (path / STRUCTURES).is_dir():
        return _from_pairs(path, model)
    if not path.is_dir():
        raise DatasetError(
            f"nothing at {path.name}: give a folder with EL.extxyz and EL.npz, a folder with "
            f"{STRUCTURES}/NAME.xyz and {SPECTRA}/NAME.txt, or an npz file with x and y"
        )
    records = load_training_set(path, spectrum=model.spectrum, energy_rel_ev=model.energy_rel_ev)
    kept = records.subset(np.isin(records.elements, model.elements))
    if not len(kept):
        raise DatasetError(f"no record has an absorber that model {model.key} knows")
    envs = [environment(atoms, 0, model.convention.r_cut_ang) for atoms in kept.structures]
    return _with_features(kept.names.tolist(), kept.elements, kept.mu, envs, model, kept.sha256)


def _with_features(
    names: Sequence[str],
    elements: np.ndarray,
    y: np.ndarray,
    envs: list[Environment],
    model: SpectrumModel,
    sha256: str,
) -> EvaluationData:
    x = np.array([model.convention.transform_environment(env) for env in envs])
    return EvaluationData(names, elements, x, y, envs, sha256)


def _from_pairs(folder: Path, model: SpectrumModel) -> EvaluationData:
    if model.spectrum != "xanes":
        raise DatasetError(f"{SPECTRA}/ holds absorption; model {model.key} predicts emission")
    names, elements, spectra, envs = [], [], [], []
    for file in sorted((folder / STRUCTURES).glob("*.xyz")):
        spectrum = folder / SPECTRA / f"{file.stem}.txt"
        if not spectrum.is_file():
            raise DatasetError(f"{STRUCTURES}/{file.name} has no {SPECTRA}/{spectrum.name}")
        try:
            pair = _pair(file, spectrum, model)
        except (StructureError, SpectrumError) as error:
            raise DatasetError(f"record {file.stem}: {error}") from error
        except OSError as error:
            raise DatasetError(f"record {file.stem} cannot be read ({error.strerror})") from error
        if pair is not None:
            names.append(file.stem)
            for values, value in zip((elements, spectra, envs), pair, strict=True):
                values.append(value)
    if not names:
        raise DatasetError(
            f"no record in {STRUCTURES}/ has an absorber that model {model.key} knows"
        )
    return _with_features(names, np.array(elements), np.array(spectra), envs, model, "")


def _pair(
    structure: Path, spectrum: Path, model: SpectrumModel
) -> tuple[str, np.ndarray, Environment] | None:
    """Absorber, spectrum on the grid and environment; None for an absorber nobody asked for."""
    atoms = read_structures(structure.read_bytes(), name=structure.name)[0]
    element = atoms.get_chemical_symbols()[0]
    index = 0
    if element not in K_EDGE_EV:  # the absorber need not come first
        site = select_sites(atoms, "all")[0]
        element, index = site.element, site.index
    if element not in model.elements:
        return None
    found = read_spectrum(spectrum.read_bytes(), name=spectrum.name, element=element)
    mu = feff_to_grid(
        found.energy_ev, found.mu, e0_ev=K_EDGE_EV[element], grid_rel_ev=model.energy_rel_ev
    )
    return element, mu, environment(atoms, index, model.convention.r_cut_ang)


def _from_features(file: Path, model: SpectrumModel) -> EvaluationData:
    x, y, sha256 = read_features(file, model.convention.n_features, len(model.energy_rel_ev))
    told = model.convention.absorber_elements
    if not told and len(model.elements) > 1:
        raise DatasetError("these features do not tell the absorber; give a folder of structures")
    elements = np.full(len(x), model.elements[0])
    if told:
        elements = np.array(told)[np.argmax(x[:, -len(told) :], axis=1)]
    names = [f"sample {i}" for i in range(len(x))]
    return EvaluationData(names, elements, x, y, None, sha256)
