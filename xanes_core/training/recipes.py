"""How each shipped model is made: data, descriptor, settings and what its card says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from xanes_core.constants import ABSORBERS
from xanes_core.dataset import TrainingSet, load_training_set
from xanes_core.dataset.displaced import RESPONSE, TRAINING, read_displaced
from xanes_core.dataset.rows import StoredRows, read_rows
from xanes_core.descriptors import Descriptor, descriptor_by_name
from xanes_core.errors import DatasetError, ModelError
from xanes_core.files import read_arrays, sha256_of
from xanes_core.model import Copies, Samples
from xanes_core.spectra import BAND_FROM_EV, XANES, XES, SpectrumKind
from xanes_core.structures import Coordination, Environment, coordination, environment
from xanes_core.training.fitting import FitSettings


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a model, and the texts of its card.

    Attributes
    ----------
    key, title : str
        Name for programs and for people.
    elements : tuple of str
        Absorbers.
    default_for : tuple of str
        Absorbers for which it is taken when nobody chooses.
    convention : str
        Name of the descriptor.
    settings : FitSettings
        Hyper-parameters, chosen by ``python -m xanes_core crossval``.
    theory, broadening, origin, licence, size_note : str
        For the card.
    data : str
        Folder or file of the training data, relative to the project; or what to fetch.
    kind : SpectrumKind, optional
        What it predicts.
    redistributable : bool, optional
        May spectra of the training data be stored with the model?
    published : str, optional
        Folder of spectra of structures that others publish (:mod:`xanes_core.dataset.rows`),
        relative to the project, that it is trained on as well; empty for none.
    displaced : str, optional
        Folder of displaced copies (:mod:`xanes_core.dataset.displaced`), likewise.
    response : str, optional
        Folder of displaced copies of held-out complexes, on which is measured how it follows a
        moved ligand; empty for none.
    """

    key: str
    title: str
    elements: tuple[str, ...]
    default_for: tuple[str, ...]
    convention: str
    settings: FitSettings
    theory: str
    broadening: str
    origin: str
    licence: str
    size_note: str
    data: str
    kind: SpectrumKind = XANES
    redistributable: bool = True
    published: str = ""
    displaced: str = ""
    response: str = ""

    @cached_property
    def descriptor(self) -> Descriptor:
        """What turns a structure into features."""
        return descriptor_by_name(self.convention)


@dataclass(frozen=True)
class TrainingData(Samples):
    """Samples that a recipe makes a model from; n samples.

    Attributes
    ----------
    recipe : Recipe
        Whose descriptor the features are of.
    held_out : numpy.ndarray of bool, (n,)
        Samples kept aside to measure accuracy.
    training_set : TrainingSet or None
        The structures, where they are known: of the first samples.
    sha256 : str
        Hash of the files.
    published : StoredRows or None
        Samples of published structures, whose coordinates are not known: the last ones.
    response : Copies or None
        Displaced copies of held-out samples, to measure how a model follows a move.
    """

    recipe: Recipe
    held_out: np.ndarray
    training_set: TrainingSet | None
    sha256: str
    published: StoredRows | None = None
    response: Copies | None = None

    @property
    def n_published(self) -> int:
        """Number of samples of published structures; they are the last."""
        return 0 if self.published is None else len(self.published.names)

    @property
    def is_published(self) -> np.ndarray:
        """Mask (n,) of samples of published structures."""
        return np.arange(len(self)) >= len(self) - self.n_published

    @cached_property
    def names(self) -> np.ndarray:
        """Name of every sample, (n,) str."""
        own = np.array([f"sample {i}" for i in range(len(self) - self.n_published)])
        if self.training_set is not None:
            own = self.training_set.names
        return own if self.published is None else np.concatenate([own, self.published.names])

    @cached_property
    def shells(self) -> tuple[Coordination, ...] | None:
        """First shells in words, (n,); None where structures are not known."""
        if self.envs is None:
            return None
        own = tuple(coordination(env) for env in self.envs[: len(self) - self.n_published])
        return own if self.published is None else own + self.published.shells

    def own(self) -> TrainingData:
        """Return the data without the samples of published structures."""
        rest = self.subset(~self.is_published)
        return replace(
            self,
            x=rest.x,
            y=rest.y,
            elements=rest.elements,
            envs=rest.envs,
            held_out=self.held_out[~self.is_published],
            published=None,
            copies=rest.copies,
        )

    @property
    def development(self) -> np.ndarray:
        """Indices of the samples that are not held out."""
        return np.flatnonzero(~self.held_out)

    @property
    def blocks(self) -> tuple[str, ...]:
        """Block of each feature, which are scaled together."""
        return self.recipe.descriptor.feature_kinds

    @property
    def absorbers(self) -> tuple[str, ...]:
        """Elements of the recipe that there are samples of."""
        return tuple(el for el in self.recipe.elements if (self.elements == el).any())


_SIZE_NOTE = (
    "20 networks; weights are stored as float32 and the scaled training features (for the domain "
    "check) as float16. More members change the error by less than its spread over folds."
)

_FEFF10 = (
    "FEFF10, real-space full multiple scattering (FMS 6 A, SCF 4 A or more), Hedin-Lundqvist "
    "self-energy, final-state rule"
)
_FEFF10_BROADENING = "core-hole lifetime and self-energy of FEFF10; nothing added"
_OWN_DATA = (
    "the project's own: complexes assembled from ligands of the Cambridge Structural Database "
    "(DARTassembler's ligand base) and from small inorganic ligands, relaxed with GFN2-xTB"
)
_TMQM = (
    "and the project's own spectra of complexes of tmQM (2020 release; Balcells and Skjelstad, J. "
    "Chem. Inf. Model. 60, 6135 (2020), doi 10.1021/acs.jcim.0c01041)"
)
_OWN_LICENCE = "the project's own data; nothing of anybody else is in it"

# areas up to 18 eV tell FEFF10's edges apart, and the valence band its emission; both by
# cross-validation. On the vanadium set, whose edges lie together, it brings nothing
_SETTINGS = FitSettings(
    kernel_share=0.3, align="edge", align_at=int(np.searchsorted(XANES.energy_rel_ev, 18.0))
)
_XES_SETTINGS = replace(
    _SETTINGS, align="band", align_at=int(np.searchsorted(XES.energy_rel_ev, BAND_FROM_EV))
)

# waves tell the networks more than they can take in with 128 units, and bring near what is alike
_WAVE_SETTINGS = replace(_SETTINGS, hidden=(256, 256), kernel_share=0.4)

# twice the samples, a third of the features and one element: each feature scaled by itself, a third
# layer and a larger share of the kernel do better here
_V_SETTINGS = FitSettings(
    hidden=(128, 128, 128), per_feature_scale=True, gain=1.0, kernel_share=0.6
)

RECIPES = {
    recipe.key: recipe
    for recipe in (
        Recipe(
            key="feff10-3d",
            title="FEFF10, nine metals, fast",
            elements=ABSORBERS,
            default_for=(),
            convention="default",
            settings=_SETTINGS,
            theory=_FEFF10,
            broadening=_FEFF10_BROADENING,
            origin=_OWN_DATA,
            licence=_OWN_LICENCE,
            size_note=_SIZE_NOTE,
            data="data/feff10",
            response="data/displaced",
        ),
        Recipe(
            key="feff10-3d-ms",
            title="FEFF10, nine metals",
            elements=ABSORBERS,
            default_for=tuple(el for el in ABSORBERS if el != "V"),
            convention="scattering",
            settings=_WAVE_SETTINGS,
            theory=_FEFF10,
            broadening=_FEFF10_BROADENING,
            origin=f"{_OWN_DATA}; {_TMQM}",
            licence="the project's own spectra; the structures of tmQM, which are not part of the "
            "project, are under the MIT licence",
            size_note=_SIZE_NOTE,
            data="data/feff10",
            published="data/tmqm",
            response="data/displaced",
        ),
        Recipe(
            key="feff10-3d-xes",
            title="FEFF10, nine metals, emission",
            elements=ABSORBERS,
            default_for=(),
            convention="default",
            settings=_XES_SETTINGS,
            theory="FEFF10, valence-to-core K emission by real-space full multiple scattering "
            "(FMS 6 A, SCF 4 A or more), Hedin-Lundqvist self-energy, no core hole",
            broadening=_FEFF10_BROADENING,
            origin=_OWN_DATA,
            licence=_OWN_LICENCE,
            size_note=_SIZE_NOTE,
            data="data/feff10",
            kind=XES,
        ),
        Recipe(
            key="fdmnes-v",
            title="FDMNES, vanadium",
            elements=("V",),
            default_for=("V",),
            convention="xanesnet",
            settings=_V_SETTINGS,
            theory="FDMNES, Green's functions on muffin-tin potentials",
            broadening="arctangent (width 1 eV, width_max 15 eV, ef -1 eV, ec 30 eV, el 30 eV); "
            "normalised as published: 15 eV and more above the edge the set lies near 1.2, not 1",
            origin="1,223 vanadium complexes of tmQM (2024 release; Balcells and Skjelstad, JCIM "
            "60, 6135 (2020)) with FDMNES spectra of Rankine and Penfold, J. Chem. Phys. 156, "
            "164102 (2022), doi 10.1063/5.0087255: repository conorrankine/xanesnet, "
            "datasets/tmqm. The data are not part of this project.",
            licence="trained on data from a GPL-3.0 repository",
            size_note=_SIZE_NOTE,
            data="k_edge_v.npz of the repository conorrankine/xanesnet",
            redistributable=False,
        ),
    )
}


def get_recipe(key: str) -> Recipe:
    """Return the recipe of that name.

    Raises
    ------
    ModelError
        There is none.
    """
    if key not in RECIPES:
        raise ModelError(f"no recipe called {key!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[key]


def load_training_data(
    recipe: Recipe,
    path: str | Path,
    published: str | Path | None = None,
    *,
    displaced: str | Path | None = None,
    response: str | Path | None = None,
) -> TrainingData:
    """Read what a recipe is trained on and compute its features.

    Spectra from potentials that did not converge are left out, unless they are held out.

    Parameters
    ----------
    recipe : Recipe
        Decides the descriptor.
    path : str or Path
        A folder (see :mod:`xanes_core.dataset.training_set`), or an ``npz`` file with
        features ``x`` (n, d) and spectra ``y`` (n, k) of one element on the model's grid.
    published : str or Path, optional
        Folder of spectra of published structures with their features (see
        :mod:`xanes_core.dataset.rows`), to be added to those of the folder.
    displaced, response : str or Path, optional
        Folders of displaced copies (see :mod:`xanes_core.dataset.displaced`) of records of the
        folder, to be trained on and to measure the response on.

    Raises
    ------
    DatasetError
        The data are missing or of the wrong shape.
    """
    path = Path(path)
    if path.is_dir():
        data = _from_structures(recipe, load_training_set(path, kind=recipe.kind).usable())
        if displaced is not None:
            data = _with_copies(data, displaced)
        if response is not None:
            data = replace(data, response=read_copies(data, response, RESPONSE)[0])
        if published is None:
            return data
        return _with_published(data, read_rows(published, recipe.descriptor, kind=recipe.kind))
    if not path.is_file():
        raise DatasetError(f"no training data at {path.name}; {recipe.key} needs {recipe.data}")
    return _from_features(recipe, path)


def _from_structures(recipe: Recipe, records: TrainingSet) -> TrainingData:
    descriptor = recipe.descriptor
    records = records.subset(np.isin(records.elements, recipe.elements))
    envs: tuple[Environment, ...] = tuple(
        environment(atoms, 0, descriptor.r_cut_ang) for atoms in records.structures
    )
    x = np.array([descriptor.transform_environment(env) for env in envs])
    return TrainingData(
        x=x.reshape(len(envs), descriptor.n_features),
        y=records.mu,
        elements=records.elements,
        energy_rel_ev=records.energy_rel_ev,
        envs=envs,
        recipe=recipe,
        held_out=records.held_out,
        training_set=records,
        sha256=records.sha256,
    )


def _with_copies(data: TrainingData, folder: str | Path) -> TrainingData:
    copies, sha256 = read_copies(data, folder, TRAINING)
    return replace(data, copies=copies, sha256=sha256_of(f"{data.sha256} {sha256}".encode()))


def read_copies(data: TrainingData, folder: str | Path, purpose: str) -> tuple[Copies, str]:
    """Displaced copies of the samples of some data, with features, and the hash of their files.

    Raises
    ------
    DatasetError
        As :func:`xanes_core.dataset.displaced.read_displaced`; the data hold no structures, or
        other spectra than absorption.
    """
    if data.training_set is None or data.recipe.kind != XANES:
        raise DatasetError(f"{data.recipe.key} cannot take displaced copies: leave them out")
    found = read_displaced(folder, data.training_set, purpose)
    sites = ((atoms, 0) for atoms in found.structures)
    x = data.recipe.descriptor.transform_many(sites) if len(found) else data.x[:0]
    moves = np.array([atoms.info["moves"] for atoms in found.structures], dtype=str)
    return Copies(x, found.mu, found.parents, moves), found.sha256


def _with_published(data: TrainingData, rows: StoredRows) -> TrainingData:
    rows = rows.subset(np.isin(rows.elements, data.recipe.elements))
    return replace(
        data,
        x=np.concatenate([data.x, rows.x]),
        y=np.concatenate([data.y, rows.y]),
        elements=np.concatenate([data.elements, rows.elements]),
        envs=(data.envs or ()) + rows.envs,
        held_out=np.concatenate([data.held_out, rows.held_out]),
        sha256=sha256_of(f"{data.sha256} {rows.sha256}".encode()),
        published=rows,
    )


def read_features(file: Path, n_features: int, n_points: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Features ``x`` (n, n_features) and spectra ``y`` (n, n_points) of an archive, and its hash.

    Raises
    ------
    DatasetError
        It is no such archive.
    """
    data = file.read_bytes()
    try:
        arrays = read_arrays(data)
        x, y = arrays["x"], arrays["y"]
    except (KeyError, ValueError) as error:
        raise DatasetError(
            f"{file.name} needs arrays x (features) and y (spectra) ({error})"
        ) from error
    n = np.shape(x)[:1]
    if x.shape != (*n, n_features) or y.shape != (*n, n_points):
        raise DatasetError(
            f"{file.name} holds x {x.shape} and y {y.shape}; wanted (n, {n_features}) and "
            f"(n, {n_points})"
        )
    return x, y, sha256_of(data)


def _from_features(recipe: Recipe, file: Path) -> TrainingData:
    grid = recipe.kind.energy_rel_ev
    x, y, sha256 = read_features(file, recipe.descriptor.n_features, len(grid))
    # every seventh of a fixed shuffle: the same samples are kept aside in every version
    held_out = np.zeros(len(x), dtype=bool)
    held_out[np.random.default_rng(0).permutation(len(x))[::7]] = True
    return TrainingData(
        x=x,
        y=y,
        elements=np.full(len(x), recipe.elements[0]),
        energy_rel_ev=grid,
        envs=None,
        recipe=recipe,
        held_out=held_out,
        training_set=None,
        sha256=sha256,
    )
