"""Stored spectra that look wrong: shapes no edge has, and spectra unlike all that should be alike.

A suspect is to be looked at, and calculated again where its theory did not converge; nothing here
changes a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from xanes_core.constants import ABSORBERS, K_EDGE_EV
from xanes_core.dataset.shards import geometry_sha256, read_shards
from xanes_core.dataset.training_set import UNCONVERGED, load_training_set
from xanes_core.descriptors import WACSF
from xanes_core.errors import DatasetError, StructureError
from xanes_core.spectra import XANES, feff_to_grid
from xanes_core.structures.formats.xyz import every_frame

#: Absorption over the edge step beyond which no spectrum of the theory is believed.
MIN_MU, MAX_MU = -0.01, 5.0
#: Where the first half step of a K edge may lie, relative to the tabulated edge (eV): in the 3,865
#: spectra of the first two sets it lies from 2.7 to 22.3.
EDGE_LIMITS_EV = (-5.0, 30.0)
#: Mean absorption from 40 eV on, where the edge is over: 0.81 to 1.20 in the same spectra.
TAIL_FROM_EV = 40.0
TAIL_LIMITS = (0.65, 1.4)
#: A spectrum this many times further from its neighbours than is usual for its metal is a suspect.
#: A rule of thumb: CuF5, whose potentials do not converge, is at 3.3.
UNLIKE_FACTOR = 3.0
#: Neighbours that a spectrum is compared with.
N_NEIGHBOURS = 5


@dataclass(frozen=True)
class Suspect:
    """A record, its absorber, and why it should be looked at."""

    name: str
    element: str
    reasons: tuple[str, ...]


def unphysical(energy_rel_ev: np.ndarray, mu: np.ndarray) -> str:
    """Why an absorption spectrum cannot be one; empty where nothing is wrong with it.

    Parameters
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to the tabulated edge (eV), ascending.
    mu : numpy.ndarray, (k,)
        Absorption over the edge step.
    """
    if mu.min() < MIN_MU:
        return f"the absorption falls to {mu.min():.2f} edge steps"
    if mu.max() > MAX_MU:
        return f"the absorption rises to {mu.max():.1f} edge steps"
    above = np.flatnonzero(mu >= 0.5)
    if not len(above):
        return "the absorption never reaches half a step"
    edge_ev = float(energy_rel_ev[above[0]])
    if not EDGE_LIMITS_EV[0] <= edge_ev <= EDGE_LIMITS_EV[1]:
        return f"the edge lies at {edge_ev:.0f} eV relative to the tabulated one"
    tail = mu[energy_rel_ev >= TAIL_FROM_EV]
    if len(tail) and not TAIL_LIMITS[0] <= tail.mean() <= TAIL_LIMITS[1]:
        return f"above the edge the absorption stays at {tail.mean():.2f} edge steps"
    return ""


def find_suspects(
    names: Sequence[str],
    elements: np.ndarray,
    energy_rel_ev: np.ndarray,
    mu: np.ndarray,
    *,
    features: np.ndarray | None = None,
    unlike_factor: float = UNLIKE_FACTOR,
) -> list[Suspect]:
    """Records that look wrong, each with the reasons.

    Parameters
    ----------
    names : sequence of str, (n,)
        Of the records.
    elements : numpy.ndarray of str, (n,)
        Their absorbers.
    energy_rel_ev : numpy.ndarray, (k,)
        Grid of the spectra (eV).
    mu : numpy.ndarray, (n, k)
        Absorption spectra.
    features : numpy.ndarray, (n, d), optional
        Features of the structures: with them a spectrum is compared with those of the nearest
        structures around the same metal, without them with the nearest spectra of the metal.
    unlike_factor : float, optional
        How much further than usual a spectrum has to be from these.

    Raises
    ------
    DatasetError
        Numbers of records differ.
    """
    counts = {len(names), len(elements), len(mu), len(mu if features is None else features)}
    if len(counts) > 1:
        raise DatasetError("names, elements, spectra and features of one set are needed")
    ratio = np.zeros(len(names))
    for element in np.unique(elements):
        rows = np.flatnonzero(elements == element)
        if len(rows) > N_NEIGHBOURS:
            near = None if features is None else features[rows]
            distance = _distance_to_neighbours(mu[rows], near)
            ratio[rows] = distance / max(float(np.median(distance)), 1e-6)
    like = "the nearest structures" if features is not None else "the nearest spectra"
    found = []
    for i, name in enumerate(names):
        reasons = [text for text in [unphysical(energy_rel_ev, mu[i])] if text]
        if ratio[i] > unlike_factor:
            reasons.append(f"{ratio[i]:.1f} times further than usual from {like} of its metal")
        if reasons:
            found.append(Suspect(str(name), str(elements[i]), tuple(reasons)))
    return found


def _distance_to_neighbours(mu: np.ndarray, features: np.ndarray | None) -> np.ndarray:
    """Root mean square distance (n,) of each spectrum to the median of its neighbours."""
    if features is None:
        apart = cdist(mu, mu) / np.sqrt(mu.shape[1])
        np.fill_diagonal(apart, np.inf)
        nearest: np.ndarray = np.sort(apart, axis=1)[:, :N_NEIGHBOURS].mean(axis=1)
        return nearest
    spread = features.std(axis=0)
    scaled = features[:, spread > 1e-9] / spread[spread > 1e-9]
    _, near = cKDTree(scaled).query(scaled, k=N_NEIGHBOURS + 1)
    middle = np.median(mu[near[:, 1:]], axis=1)
    distance: np.ndarray = np.sqrt(np.mean((mu - middle) ** 2, axis=1))
    return distance


def suspects_of_set(folder: str | Path) -> tuple[list[Suspect], int]:
    """Suspects of a training set by its structures, and the number of its records.

    Records whose potentials did not converge are among them; no model is fitted to these.

    Raises
    ------
    DatasetError
        As for :func:`xanes_core.dataset.training_set.load_training_set`.
    """
    data = load_training_set(folder)
    found = find_suspects(
        data.names.tolist(),
        data.elements,
        data.energy_rel_ev,
        data.mu,
        features=_features(list(data.structures)),
    )
    return _with_unconverged(found, data.names, data.elements, data.unconverged), len(data)


def suspects_of_shards(
    folder: str | Path, structures: str | Path | None = None
) -> tuple[list[Suspect], int]:
    """Suspects among spectra stored without structures, and the number of spectra compared.

    Parameters
    ----------
    folder : str or Path
        The shards.
    structures : str or Path, optional
        Folder of ``EL.extxyz`` with their structures, as ``dataset import`` makes it: spectra are
        then compared with those of the nearest structures, where the structure is the one that was
        calculated; with the nearest spectra if left out.

    Raises
    ------
    DatasetError
        A file is damaged, or none of the structures is there.
    """
    records = read_shards(folder)
    features = None
    if structures is not None:
        at_hand = _structures(Path(structures))
        records = [record for record in records if record.geometry in at_hand]
        if not records:
            raise DatasetError(f"{structures} holds none of the structures of {folder}")
        features = _features([at_hand[record.geometry] for record in records])
    grid = XANES.energy_rel_ev
    mu = np.array(
        [
            feff_to_grid(one.energy_ev, one.mu, e0_ev=K_EDGE_EV[one.element], grid_rel_ev=grid)
            for one in records
        ]
    ).reshape(-1, len(grid))
    names, elements = [one.name for one in records], np.array([one.element for one in records])
    found = find_suspects(names, elements, grid, mu, features=features)
    unconverged = np.array([UNCONVERGED in one.note for one in records], dtype=bool)
    return _with_unconverged(found, np.array(names), elements, unconverged), len(records)


def _with_unconverged(
    found: list[Suspect], names: np.ndarray, elements: np.ndarray, unconverged: np.ndarray
) -> list[Suspect]:
    """Suspects in the order of the set, with those whose potentials did not converge."""
    by_name = {one.name: one.reasons for one in found}
    told = []
    rows = zip(names.tolist(), elements.tolist(), unconverged, strict=True)
    for name, element, failed in rows:
        own = ("its potentials did not converge, so no model is fitted to it",) if failed else ()
        reasons = (*own, *by_name.get(name, ()))
        if reasons:
            told.append(Suspect(name, element, reasons))
    return told


def _features(structures: Sequence[Atoms]) -> np.ndarray:
    descriptor = WACSF.from_name("default")
    return np.array([descriptor.transform(atoms, 0) for atoms in structures])


def _structures(folder: Path) -> dict[str, Atoms]:
    found = {}
    for element in ABSORBERS:
        path = folder / f"{element}.extxyz"
        if path.is_file():
            try:
                lines = path.read_text(encoding="utf-8").rstrip().split("\n")
                found.update({geometry_sha256(atoms): atoms for atoms in every_frame(lines)})
            except (OSError, UnicodeDecodeError, StructureError) as error:
                raise DatasetError(f"{path.name} cannot be read: {error}") from error
    return found
