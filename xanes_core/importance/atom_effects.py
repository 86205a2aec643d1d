"""Which atoms make which part of one predicted spectrum.

Two questions are put to the model, energy by energy: what changes when an atom is taken out of the
descriptor's neighbourhood, and what changes when it moves along the line to the absorber. Both are
differences of predictions, signed, for every member of the ensemble::

    removed(E) = mu without the atom - mu
    moved(E)   = (mu at r + step - mu at r - step) / 2

The second is the effect of a bond longer by ``step``, averaged over lengthening and shortening (the
latter with its sign turned). In a crystal all images of an atom within the cut-off go together,
each along its own line. A structure with an atom missing is no molecule: the numbers say what the
network makes of the atom, not what chemistry would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.errors import ModelError, StructureError
from xanes_core.importance.groups import SHELLS, shell_of
from xanes_core.model import SpectrumModel, check_environment, window_points
from xanes_core.structures import Environment, environment, select_sites

#: How far atoms are moved (A).
STEP_ANG = 0.05


@dataclass(frozen=True)
class WindowEffects:
    """Effects averaged over the energies of a window; p atoms, s shells.

    Attributes
    ----------
    low_ev, high_ev : float
        Bounds relative to E0 (eV).
    removed, removed_std : numpy.ndarray, (p,)
        Change of mu without the atom, and its standard deviation over members.
    moved, moved_std : numpy.ndarray, (p,)
        Change of mu with the bond longer by one step.
    shell_removed, shell_removed_std : numpy.ndarray, (s,)
        Change of mu without all atoms of the shell.
    """

    low_ev: float
    high_ev: float
    removed: np.ndarray
    removed_std: np.ndarray
    moved: np.ndarray
    moved_std: np.ndarray
    shell_removed: np.ndarray
    shell_removed_std: np.ndarray


@dataclass(frozen=True)
class LocalEffects:
    """Effects of the atoms around one absorber; p atoms, s shells, m members, k energies.

    Attributes
    ----------
    energy_rel_ev : numpy.ndarray, (k,)
        Energies relative to E0 (eV).
    mu : numpy.ndarray, (k,)
        Prediction for the structure as it is.
    absorber : int
        Index of the absorbing atom.
    n_atoms : int
        Atoms in the structure.
    atoms : numpy.ndarray of int, (p,)
        Indices of the atoms within the cut-off, by distance. The absorber is among them only if
        images of it are.
    elements : tuple of str, (p,)
        Their elements.
    distances_ang : numpy.ndarray, (p,)
        Distance of the nearest image (A).
    n_images : numpy.ndarray of int, (p,)
        Images within the cut-off; 1 in a molecule.
    shells : tuple of str, (s,)
        Those of ``importance_groups.SHELLS`` that hold an atom; an image counts where it lies.
    shell_sizes : numpy.ndarray of int, (s,)
        Images in each.
    step_ang : float
        How far atoms were moved (A).
    removed_members, moved_members : numpy.ndarray, (m, p, k)
        Effects of every atom, for each member.
    shell_members : numpy.ndarray, (m, s, k)
        Effects of taking out each shell.
    """

    energy_rel_ev: np.ndarray
    mu: np.ndarray
    absorber: int
    n_atoms: int
    atoms: np.ndarray
    elements: tuple[str, ...]
    distances_ang: np.ndarray
    n_images: np.ndarray
    shells: tuple[str, ...]
    shell_sizes: np.ndarray
    step_ang: float
    removed_members: np.ndarray
    moved_members: np.ndarray
    shell_members: np.ndarray

    @property
    def removed(self) -> np.ndarray:
        """Change of mu without each atom, (p, k); positive where the spectrum rises."""
        return _over_members(self.removed_members)

    @property
    def moved(self) -> np.ndarray:
        """Change of mu with each bond longer by one step, (p, k)."""
        return _over_members(self.moved_members)

    @property
    def shell_removed(self) -> np.ndarray:
        """Change of mu without all atoms of each shell, (s, k)."""
        return _over_members(self.shell_members)

    def window(self, low_ev: float, high_ev: float) -> WindowEffects:
        """Average over the energies of a window; bounds relative to E0 (eV), included.

        Raises
        ------
        SpectrumError
            No window, or none of the energies lies in it.
        """
        inside = window_points(self.energy_rel_ev, low_ev, high_ev)
        removed, moved, shell_removed = (
            members[:, :, inside].mean(axis=2)
            for members in (self.removed_members, self.moved_members, self.shell_members)
        )
        return WindowEffects(
            low_ev=float(low_ev),
            high_ev=float(high_ev),
            removed=removed.mean(axis=0),
            removed_std=removed.std(axis=0, ddof=1),
            moved=moved.mean(axis=0),
            moved_std=moved.std(axis=0, ddof=1),
            shell_removed=shell_removed.mean(axis=0),
            shell_removed_std=shell_removed.std(axis=0, ddof=1),
        )

    def by_atom(self, values: np.ndarray) -> np.ndarray:
        """Values of the p atoms spread over all atoms, 0 beyond the cut-off.

        Parameters
        ----------
        values : numpy.ndarray, (p,) or (p, k)
            Such as ``removed`` or an entry of :meth:`window`.

        Returns
        -------
        numpy.ndarray, (n_atoms,) or (n_atoms, k)
            In the order of the structure.
        """
        spread = np.zeros((self.n_atoms, *np.shape(values)[1:]))
        spread[self.atoms] = values
        return spread


def _over_members(effects: np.ndarray) -> np.ndarray:
    mean: np.ndarray = effects.mean(axis=0)
    return mean


def local_effects(
    model: SpectrumModel,
    atoms: Atoms,
    absorber: int | str | None = None,
    *,
    step_ang: float = STEP_ANG,
) -> LocalEffects:
    """Effect of every atom near an absorber on its predicted spectrum.

    Parameters
    ----------
    model : SpectrumModel
        What predicts.
    atoms : ase.Atoms
        Molecule or crystal. Not modified.
    absorber : int or str or None, optional
        As in :meth:`SpectrumModel.predict`, but it must mean one site.
    step_ang : float, optional
        How far atoms are moved (A), at most 0.2. An atom that leaves the cut-off is not seen.

    Returns
    -------
    LocalEffects

    Raises
    ------
    StructureError
        The absorber is not there or means several sites, has no neighbours, or the structure
        cannot be used.
    ModelError
        The model does not know the absorber's element, or a step that makes no sense.
    """
    if not 0 < step_ang <= 0.2:
        raise ModelError(f"step_ang must be above 0 and at most 0.2 A, not {step_ang}")
    index = _one_site(model, atoms, absorber)
    env = environment(atoms, index, model.descriptor.r_cut_ang)
    check_environment(env)
    owner = _owners(atoms, index, model.descriptor.r_cut_ang)
    own, first, n_images = np.unique(owner, return_index=True, return_counts=True)
    near = np.argsort(first)  # neighbours come by distance, so the first image is the nearest
    own, first, n_images = own[near], first[near], n_images[near]
    shell = shell_of(env.distances_ang)
    present = np.unique(shell)

    images = [owner == atom for atom in own]
    changed = [_without(env, chosen) for chosen in images]
    changed += [_without(env, shell == number) for number in present]
    for step in (step_ang, -step_ang):
        changed += [_moved(env, chosen, step, model.descriptor.r_cut_ang) for chosen in images]
    mu, members = _predict(model, env, changed)
    p, s = len(own), len(present)
    removed, of_shell, longer, shorter = np.split(members, [p, p + s, 2 * p + s], axis=1)
    return LocalEffects(
        energy_rel_ev=model.energy_rel_ev,
        mu=mu.mean(axis=0),
        absorber=index,
        n_atoms=len(atoms),
        atoms=own,
        elements=tuple(chemical_symbols[z] for z in env.numbers[first]),
        distances_ang=env.distances_ang[first],
        n_images=n_images,
        shells=tuple(SHELLS[number].label for number in present),
        shell_sizes=np.bincount(shell)[present],
        step_ang=step_ang,
        removed_members=removed - mu[:, None],
        moved_members=(longer - shorter) / 2,
        shell_members=of_shell - mu[:, None],
    )


def _one_site(model: SpectrumModel, atoms: Atoms, absorber: int | str | None) -> int:
    sites = select_sites(atoms, absorber)
    if len(sites) > 1:
        known = ", ".join(f"{site.element} {site.index}" for site in sites[:8])
        raise StructureError(
            f"local effects belong to one absorbing atom, but there are {len(sites)}: {known}; "
            "give the number of one"
        )
    if sites[0].element not in model.elements:
        raise ModelError(
            f"model {model.key} knows {', '.join(model.elements)}, not {sites[0].element}; "
            f'choose another with load_model("{sites[0].element}")'
        )
    return sites[0].index


def _owners(atoms: Atoms, index: int, r_cut_ang: float) -> np.ndarray:
    """Index of the atom that each neighbour is, or is an image of, in the order of neighbours."""
    labelled = atoms.copy()
    labelled.numbers = np.arange(len(atoms))  # an environment keeps numbers: let them be indices
    return environment(labelled, index, r_cut_ang).numbers


def _part(
    env: Environment, positions: np.ndarray, distances: np.ndarray, kept: np.ndarray
) -> Environment:
    return Environment(env.absorber_z, env.numbers[kept], positions[kept], distances[kept])


def _without(env: Environment, chosen: np.ndarray) -> Environment:
    return _part(env, env.positions_ang, env.distances_ang, ~chosen)


def _moved(env: Environment, chosen: np.ndarray, step_ang: float, r_cut_ang: float) -> Environment:
    distances = env.distances_ang + step_ang * chosen
    positions = env.positions_ang * (distances / env.distances_ang)[:, None]
    return _part(env, positions, distances, distances < r_cut_ang)


def _predict(
    model: SpectrumModel, env: Environment, changed: Iterable[Environment]
) -> tuple[np.ndarray, np.ndarray]:
    """Members' spectra of the environment (m, k) and of the changed ones (m, n, k)."""
    x = np.array([model.descriptor.transform_environment(e) for e in (env, *changed)])
    members = np.empty((model.ensemble.n_members, len(x), len(model.energy_rel_ev)))
    for start in range(0, len(x), 64):  # predict_members makes copies of this size
        rows = slice(start, start + 64)
        members[:, rows] = model.ensemble.predict_members(x[rows])
    return members[:, 0], members[:, 1:]
