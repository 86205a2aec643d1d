"""Stand-ins for what draws, relaxes and calculates complexes: quick, and the same every time."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from tests.tiny_models import toy_complex, toy_spectrum
from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset.assembly.candidate import CandidateComplex
from xanes_core.dataset.task import Tools
from xanes_core.errors import AssemblyError, TheoryCancelled, TheoryError
from xanes_core.spectra.spectrum import Spectrum
from xanes_core.theory.base import Availability, TheoryResult
from xanes_core.theory.relaxation import Relaxed
from xanes_core.theory.watch import is_cancelled


@dataclass(frozen=True)
class ToyAssembler:
    """Octahedra; ``bad`` indices cannot be assembled, ``same`` ones are all one complex."""

    bad: tuple[int, ...] = ()
    same: tuple[int, ...] = ()

    def candidate(self, metal, seed, index):
        if index in self.bad:
            raise AssemblyError("no ligand fits")
        number = min(self.same) if index in self.same else index
        atoms = toy_complex(metal, np.random.default_rng([seed, number]))
        told = ("toy", f"number{number}")
        return CandidateComplex(
            atoms, metal, "simple", "oct", 2, 0, told, 6, 1.01 if number % 2 else None
        )


def toy_relax(atoms, settings, *, isolated, time_limit_s, cancel):
    return Relaxed(
        atoms=atoms.copy(),
        energy_ev=0.0,
        start_energy_ev=0.0,
        fmax_ev_per_ang=0.1234,
        n_steps=3,
        converged=True,
        stopped_by="force limit",
        charge=settings.charge,
        multiplicity=1,
        seconds=0.0,
        version="toy 1",
    )


def toy_emission(element):
    energy = np.arange(-30.0, 21.0, 0.5)
    return energy + K_EDGE_EV[element], np.exp(-(((energy - 1) / 3) ** 2))


class ToyEngine:
    """Spectra from bond lengths; ``fails`` raises for structures of these donors."""

    def __init__(self, seconds=0.0, fails=()):
        self.seconds, self.fails, self.calls = seconds, fails, []

    def available(self):
        return Availability(True, "")

    def run(self, atoms, absorber, settings, options):
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            if is_cancelled(options.cancel):
                raise TheoryCancelled("stopped")
            time.sleep(0.01)
        self.calls.append(settings.spectrum)
        if settings.spectrum in self.fails:
            raise TheoryError("the potentials exploded")
        element = atoms.get_chemical_symbols()[0]
        if settings.spectrum == "xes":
            energy, mu = toy_emission(element)
        else:
            energy, mu = toy_spectrum(atoms, np.random.default_rng(0))
        spectrum = Spectrum(energy, mu, K_EDGE_EV[element], {})
        return TheoryResult(spectrum, spectrum, "toy", "1", element, {}, 0.1, "input")


def toy_tools(**options):
    return Tools(relax=toy_relax, engine=ToyEngine(**options))
