"""Made-up complexes with made-up spectra, and a model small enough to train in a test."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from xanes_core.constants import K_EDGE_EV
from xanes_core.model.spectrum_model import SpectrumModel
from xanes_core.spectra.kinds import XES
from xanes_core.training.fitting import FitSettings
from xanes_core.training.recipes import RECIPES, Recipe, TrainingData, load_training_data
from xanes_core.training.train import train_model

TINY = FitSettings(
    n_members=3, hidden=(8,), n_epochs=12, n_components=4, feature_share=0.5, learning_rate=0.01
)
ELEMENTS = ("V", "Fe")
N_EACH, N_HELD_OUT = 20, 6


def toy_complex(element: str, rng: np.random.Generator) -> Atoms:
    """An octahedron with bonds of 1.9 to 2.2 A, and hydrogen on every donor."""
    axes = np.vstack([np.eye(3), -np.eye(3)])
    donors = rng.choice(["O", "N", "C", "Cl"], 6, p=[0.4, 0.3, 0.2, 0.1])
    lengths = rng.uniform(1.9, 2.2, 6)
    first = axes * lengths[:, None] + rng.normal(0, 0.05, (6, 3))
    second = first * (1 + 1.0 / lengths[:, None])
    return Atoms([element, *donors, *["H"] * 6], np.vstack([np.zeros(3), first, second]))


def toy_spectrum(atoms: Atoms, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Absolute energies (eV) and mu of an edge that the bonds and the donors decide."""
    bonds = np.linalg.norm(atoms.positions[1:7], axis=1).mean()
    oxygen = np.mean(atoms.numbers[1:7] == 8)
    energy = np.concatenate([np.linspace(-5, 20, 40), np.linspace(21, 62, 30)])
    edge = 5 - 20 * (bonds - 2.05) + 2 * oxygen
    mu = 0.5 + np.arctan((energy - edge) / 1.5) / np.pi
    mu += (0.4 + 0.5 * oxygen) * np.exp(-(((energy - edge - 4) / 3) ** 2))
    mu += 0.1 * np.sin((energy - edge) / 4) * (energy > edge) * np.exp(-(energy - edge) / 30)
    mu += rng.normal(0, 0.003, mu.shape)
    return energy + K_EDGE_EV[atoms.get_chemical_symbols()[0]], np.maximum(mu, 0.001)


def write_training_set(folder: Path, elements: tuple[str, ...] = ELEMENTS, n: int = N_EACH) -> Path:
    """Write ``EL.extxyz``, ``EL.npz`` and ``held_out.txt``."""
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for element in elements:
        images = [toy_complex(element, rng) for _ in range(n)]
        for i, atoms in enumerate(images):
            atoms.info = {"name": f"{element}_{i:03d}", "charge": i % 3}
        spectra = [toy_spectrum(atoms, rng) for atoms in images]
        ase.io.write(folder / f"{element}.extxyz", images, format="extxyz")
        padded = np.full((2, n, 75), np.nan)
        for i, pair in enumerate(spectra):
            padded[:, i, : len(pair[0])] = pair
        told = [atoms.info["name"] for atoms in images]
        np.savez(folder / f"{element}.npz", name=told, energy_ev=padded[0], mu=padded[1])
        names += told
    held_out = names[2 :: len(names) // N_HELD_OUT][:N_HELD_OUT]
    (folder / "held_out.txt").write_text("# kept aside\n" + "\n".join(held_out) + "\n\n")
    return folder


def toy_emission(atoms: Atoms, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Absolute energies (eV) and emission: a band that the bonds move, a satellite of oxygen."""
    bonds = np.linalg.norm(atoms.positions[1:7], axis=1).mean()
    oxygen = np.mean(atoms.numbers[1:7] == 8)
    energy = np.linspace(-16, 20, 181)
    mu = np.exp(-(((energy + 1 + 20 * (bonds - 2.05)) / 2) ** 2))
    mu += 0.5 * oxygen * np.exp(-((energy + 12) ** 2)) + 0.001
    return energy + K_EDGE_EV[atoms.get_chemical_symbols()[0]], mu * rng.uniform(1, 20)


def add_emission(folder: Path) -> Path:
    """Write ``EL.xes.npz`` for all records of a folder."""
    rng = np.random.default_rng(6)
    for file in folder.glob("*.extxyz"):
        images = ase.io.read(file, index=":")
        energy, mu = np.moveaxis([toy_emission(atoms, rng) for atoms in images], 1, 0)
        told = [atoms.info["name"] for atoms in images]
        np.savez(file.with_suffix(".xes.npz"), name=told, energy_ev=energy, mu=mu)
    return folder


def tiny_recipe() -> Recipe:
    """The nine-metal recipe, for two metals and with settings for tests."""
    return replace(
        RECIPES["feff10-3d"],
        key="tiny",
        elements=ELEMENTS,
        default_for=ELEMENTS,
        settings=TINY,
    )


@cache
def tiny_data() -> TrainingData:
    """Training data of :func:`tiny_recipe`; do not modify."""
    with tempfile.TemporaryDirectory() as folder:
        return load_training_data(tiny_recipe(), write_training_set(Path(folder)))


def with_settings(data: TrainingData, settings: FitSettings) -> TrainingData:
    """The same data, with another way of fitting."""
    return replace(data, recipe=replace(data.recipe, settings=settings))


@cache
def tiny_model() -> SpectrumModel:
    """A trained model of two metals; do not modify."""
    return train_model(tiny_data(), date="2026-01-01")


@cache
def tiny_emission_model() -> SpectrumModel:
    """A trained emission model of the same two metals; do not modify."""
    recipe = replace(
        tiny_recipe(),
        key="tiny-xes",
        title="FEFF10, emission",
        default_for=(),
        kind=XES,
    )
    with tempfile.TemporaryDirectory() as folder:
        data = load_training_data(recipe, add_emission(write_training_set(Path(folder))))
    return train_model(data, date="2026-01-01")


def xyz_text(atoms: Atoms) -> str:
    """A plain xyz file."""
    buffer = io.StringIO()
    ase.io.write(buffer, atoms, format="xyz", fmt="%.8f")
    return buffer.getvalue()
