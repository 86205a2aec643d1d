"""The training set on disk: structures as extended xyz, spectra as npz, one pair per element.

``EL.extxyz`` holds the structures (absorber is atom 0; charge, oxidation state, coordination
number and ligands in the comment line; ASE and most viewers read it). ``EL.npz`` holds, in the
same order, ``name`` (n,), ``energy_ev`` (n, p) absolute energies padded with NaN and ``mu`` (n, p)
as the theory wrote them. ``EL.xes.npz``, where it exists, holds the emission spectra of some of the
records in the same way, and may hold a ``note`` (n,) on each. ``held_out.txt`` names the records
that measure accuracy and are used for nothing else, ``unconverged.txt`` those whose potentials were
found not to converge after they had been stored: no model is fitted to these.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from xanes_core.constants import ABSORBERS, K_EDGE_EV
from xanes_core.dataset.store import HELD_OUT_FILE, UNCONVERGED_FILE, Store, content_of
from xanes_core.errors import DatasetError, SpectrumError
from xanes_core.files import read_arrays
from xanes_core.spectra import (
    XANES,
    XES,
    SpectrumKind,
    area_normalised,
    feff_to_grid,
    spectrum_kind,
)

#: Note of a spectrum whose potentials did not converge.
UNCONVERGED = "unconverged"


@dataclass(frozen=True)
class TrainingSet:
    """Structures with spectra on one grid.

    Attributes
    ----------
    names : numpy.ndarray of str, (n,)
        Unique name of each record.
    elements : numpy.ndarray of str, (n,)
        Absorber element.
    structures : tuple of ase.Atoms, (n,)
        Absorber is atom 0.
    energy_rel_ev : numpy.ndarray, (k,)
        Grid relative to E0 (eV).
    mu : numpy.ndarray, (n, k)
        Spectra.
    held_out : numpy.ndarray of bool, (n,)
        Records that no fit and no choice may see.
    unconverged : numpy.ndarray of bool, (n,)
        Records whose potentials did not converge, by their note or by ``unconverged.txt``.
    sha256 : str
        Hash over the files it was read from.
    """

    names: np.ndarray
    elements: np.ndarray
    structures: tuple[Atoms, ...]
    energy_rel_ev: np.ndarray
    mu: np.ndarray
    held_out: np.ndarray
    unconverged: np.ndarray
    sha256: str

    def __len__(self) -> int:
        """Count the records."""
        return len(self.names)

    def subset(self, chosen: np.ndarray) -> TrainingSet:
        """Return the records that a mask or an index array chooses."""
        rows = np.arange(len(self))[chosen]
        return TrainingSet(
            names=self.names[rows],
            elements=self.elements[rows],
            structures=tuple(self.structures[i] for i in rows),
            energy_rel_ev=self.energy_rel_ev,
            mu=self.mu[rows],
            held_out=self.held_out[rows],
            unconverged=self.unconverged[rows],
            sha256=self.sha256,
        )

    def usable(self) -> TrainingSet:
        """Return the set without the unconverged records that a fit could see.

        Those of the held-out list stay, so that accuracy is measured on the same records.
        """
        return self.subset(self.held_out | ~self.unconverged)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of records per absorber element."""
        return {el: int((self.elements == el).sum()) for el in ABSORBERS if el in self.elements}

    def info(self, key: str) -> np.ndarray:
        """One entry of every structure's comment line, (n,) object; None where it is missing."""
        return np.array([atoms.info.get(key) for atoms in self.structures], dtype=object)


def load_training_set(
    folder: str | Path,
    *,
    kind: SpectrumKind | str = XANES,
    energy_rel_ev: np.ndarray | None = None,
) -> TrainingSet:
    """Read a training set.

    Parameters
    ----------
    folder : str or Path
        Folder with ``EL.extxyz`` and ``EL.npz`` pairs.
    kind : SpectrumKind or {"xanes", "xes"}, optional
        Absorption in edge steps of every record, or emission of those records that have it, its
        area on the grid scaled to 1 (1/eV). Emission from potentials that did not converge (so the
        ``note`` of the file says) is left out: its bands lie where they happen to.
    energy_rel_ev : numpy.ndarray, (k,), optional
        Grid relative to E0 (eV); default that of the shipped models.

    Returns
    -------
    TrainingSet
        Elements in order of atomic number, records in file order.

    Raises
    ------
    DatasetError
        Files are missing, do not belong together, or hold a spectrum that cannot be used.
    SpectrumError
        There is no such kind of spectrum.
    """
    store, kind = Store(Path(folder)), spectrum_kind(kind)
    grid = kind.energy_rel_ev if energy_rel_ev is None else np.asarray(energy_rel_ev, float)
    present = [el for el in ABSORBERS if store.spectra_path(el, kind).is_file()]
    if not present:
        raise DatasetError(
            f"no training set in {store.folder}: it should hold files such as "
            f"{store.structures_path('Fe').name} and {store.spectra_path('Fe', kind).name}"
        )
    names, elements, structures, spectra, digest = [], [], [], [], hashlib.sha256()
    for element in present:
        for path in (store.structures_path(element), store.spectra_path(element, kind)):
            digest.update(content_of(path))
        images, records = _converged(*read_pair(store, element, kind))
        structures += images
        names += records["name"].tolist()
        elements += [element] * len(images)
        spectra += _on_grid(records, element, grid, emission=kind == XES)
    held_out, unconverged = store.held_out(), store.unconverged()
    if kind == XANES:  # only some records have other spectra
        _check_listed(HELD_OUT_FILE, held_out, names)
        _check_listed(UNCONVERGED_FILE, unconverged, names)
    noted = [UNCONVERGED in str(atoms.info.get("theory_note", "")) for atoms in structures]
    return TrainingSet(
        names=np.array(names),
        elements=np.array(elements),
        structures=tuple(structures),
        energy_rel_ev=grid,
        mu=np.array(spectra),
        held_out=np.isin(names, held_out),
        unconverged=np.isin(names, unconverged) | np.array(noted, dtype=bool),
        sha256=digest.hexdigest(),
    )


def read_pair(
    store: Store, element: str, kind: SpectrumKind
) -> tuple[list[Atoms], dict[str, np.ndarray]]:
    """Structures of one metal that have a kind of spectrum, and these as the theory wrote them.

    Returns
    -------
    structures : list of ase.Atoms
        Absorber is atom 0.
    spectra : dict of str to numpy.ndarray
        ``name`` (n,), ``energy_ev`` and ``mu`` (n, p) padded with NaN; ``note`` (n,) of emission.

    Raises
    ------
    DatasetError
        Files are missing, damaged or do not belong together.
    """
    images = _read_images(store.structures_path(element))
    path = store.spectra_path(element, kind)
    try:
        arrays = read_arrays(content_of(path))
        records = {key: arrays[key] for key in ("name", "energy_ev", "mu")}
        if kind != XANES:
            records["note"] = arrays.get("note", np.full(len(records["name"]), ""))
    except (KeyError, ValueError) as error:
        raise DatasetError(
            f"{path.name} should hold arrays name, energy_ev and mu ({error}); restore it"
        ) from error
    names = [str(atoms.info.get("name")) for atoms in images]
    if len(set(names)) < len(names):
        raise DatasetError(f"{element}.extxyz has two records of one name; rename one of them")
    if kind != XANES:  # not every record has such a spectrum
        known = set(records["name"].tolist())
        images = [atoms for atoms in images if atoms.info["name"] in known]
        names = [atoms.info["name"] for atoms in images]
    if names != records["name"].tolist() or {len(a) for a in records.values()} != {len(names)}:
        raise DatasetError(
            f"{element}.extxyz and {path.name} do not list the same records in the same order; "
            "restore both from the same version"
        )
    for atoms in images:
        if atoms.get_chemical_symbols()[:1] != [element]:
            raise DatasetError(f"atom 0 of {atoms.info['name']} is not the absorber {element}")
    return images, records


def _converged(
    images: list[Atoms], records: dict[str, np.ndarray]
) -> tuple[list[Atoms], dict[str, np.ndarray]]:
    """Leave out emission noted as unconverged; notes on absorption stand with the structures."""
    if "note" not in records:
        return images, records
    rows = [i for i, note in enumerate(records["note"].tolist()) if UNCONVERGED not in note]
    return [images[i] for i in rows], {key: values[rows] for key, values in records.items()}


def _read_images(path: Path) -> list[Atoms]:
    try:
        text = io.StringIO(content_of(path).decode())
        images: list[Atoms] = list(ase.io.iread(text, index=":", format="extxyz"))
    except DatasetError:
        raise
    except Exception as error:  # the reader raises many kinds of errors on a damaged file
        raise DatasetError(
            f"{path.name} cannot be read as extended xyz ({error}); restore it"
        ) from error
    for atoms in images:
        # ASE takes a list of nothing but fluorides, "F F F F", for truth values
        if not isinstance(atoms.info.get("ligands", ""), str):
            words = map(str, np.atleast_1d(atoms.info["ligands"]))
            atoms.info["ligands"] = " ".join({"False": "F"}.get(word, word) for word in words)
    return images


def _on_grid(
    records: dict[str, np.ndarray], element: str, grid: np.ndarray, *, emission: bool
) -> list[np.ndarray]:
    spectra = []
    for name, energy_ev, mu in zip(*(records[k] for k in ("name", "energy_ev", "mu")), strict=True):
        try:
            on_grid = feff_to_grid(energy_ev, mu, e0_ev=K_EDGE_EV[element], grid_rel_ev=grid)
            spectra.append(area_normalised(grid, on_grid) if emission else on_grid)
        except SpectrumError as error:
            raise DatasetError(f"spectrum of {name}: {error}") from error
    return spectra


def _check_listed(file: str, listed: list[str], names: list[str]) -> None:
    """Every name of a list must be a record."""
    unknown = sorted(set(listed) - set(names))
    if unknown:
        raise DatasetError(
            f"{file} names {len(unknown)} records that are not in the set, first "
            f"{unknown[0]!r}; remove them from the list"
        )
