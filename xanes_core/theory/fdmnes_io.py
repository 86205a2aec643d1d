"""FDMNES text in and out: settings, the input, ``.txt``, ``_conv.txt`` and ``_bav.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from xanes_core.errors import SpectrumError, TheoryError
from xanes_core.spectra import Spectrum, read_spectrum
from xanes_core.structures import environment
from xanes_core.theory.base import absorber_symbol, check_choice, check_flag, check_range
from xanes_core.theory.convolution import Convolution

METHODS = ("green", "fdm")
#: Prefix of the files that FDMNES writes.
OUTPUT_STEM = "fdmnes_job"


@dataclass(frozen=True)
class FdmnesSettings:
    """What to calculate with FDMNES.

    Attributes
    ----------
    method : {"green", "fdm"}
        Multiple scattering on muffin-tin potentials, or finite differences on a full potential
        (one to two orders of magnitude slower).
    radius_ang : float
        Radius of the cluster (A).
    range_ev : tuple of float
        Energies relative to the edge (eV): start, step, energy, step, energy ...
    scf : bool
        Iterate the potentials to self-consistency.
    quadrupole : bool
        Include the quadrupole transitions of the pre-edge.
    convolution : Convolution
        Broadening of the result, here and in the input for FDMNES's own.
    accept_unconverged : bool
        Keep a spectrum whose potentials did not converge, with a note.
    """

    method: str = "green"
    radius_ang: float = 6.0
    range_ev: tuple[float, ...] = (-15.0, 1.0 / 3.0, 60.0)
    scf: bool = False
    quadrupole: bool = False
    convolution: Convolution = field(default_factory=Convolution)
    accept_unconverged: bool = False

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        check_range("radius_ang", self.radius_ang, 1.5, 12.0, "A")
        for name in ("scf", "quadrupole", "accept_unconverged"):
            check_flag(name, getattr(self, name))
        if not isinstance(self.convolution, Convolution):
            raise TheoryError("convolution must be a Convolution")
        self._check_range_ev()

    def _check_range_ev(self) -> None:
        values = self.range_ev
        if len(values) < 3 or len(values) % 2 == 0 or len(values) > 15:
            raise TheoryError(
                "range_ev must be an odd number (3 to 15) of energies: start, step, energy, step, "
                "energy ..."
            )
        for value in values[1::2]:
            check_range("each step of range_ev", value, 0.01, 10.0, "eV")
        for value in values[::2]:
            check_range("each energy of range_ev", value, -100.0, 1000.0, "eV")
        if any(np.diff(values[::2]) <= 0):
            raise TheoryError("the energies of range_ev must ascend")


def write_fdmnes(atoms: Atoms, absorber: int, settings: FdmnesSettings) -> str:
    """FDMNES input of one absorber: complete, to be run here or by hand.

    A crystal periodic in three directions is written as such; a slab or a chain as the cluster
    around the absorber.

    Raises
    ------
    StructureError
        The structure makes no sense, or there is no such atom.
    TheoryError
        The absorber is not supported, or has no neighbour within the radius.
    """
    symbol = absorber_symbol(atoms, absorber)
    near = environment(atoms, absorber, settings.radius_ang)
    if len(near.numbers) == 0:
        raise TheoryError(
            f"the absorber has no neighbour within {settings.radius_ang:g} A: raise radius_ang or "
            "check that the coordinates are in angstrom"
        )
    index = absorber
    if atoms.pbc.all():
        cell = " ".join(f"{value:.6f}" for value in atoms.cell.cellpar())
        opener, numbers = "Crystal", atoms.numbers
        places = np.linalg.solve(atoms.cell.array.T, atoms.positions.T).T
    elif atoms.pbc.any():
        cell, opener, index = "1.0 1.0 1.0 90.0 90.0 90.0", "Molecule", 0
        numbers = np.concatenate([[near.absorber_z], near.numbers])
        places = np.vstack([np.zeros((1, 3)), near.positions_ang])
    else:
        cell, opener, numbers = "1.0 1.0 1.0 90.0 90.0 90.0", "Molecule", atoms.numbers
        places = atoms.positions - atoms.positions[absorber]
    rows = [_atom_line(int(z), xyz) for z, xyz in zip(numbers, places, strict=True)]
    blocks = [
        f"! {symbol} K edge, FDMNES; coordinates in units of the cell",
        f"Filout\n  {OUTPUT_STEM}",
        "Range\n  " + " ".join(f"{value:.6g}" for value in settings.range_ev),
        f"Radius\n  {settings.radius_ang}",
        "Edge\n  K",
        *(["Green"] if settings.method == "green" else []),
        *(["SCF"] if settings.scf else []),
        *(["Quadrupole"] if settings.quadrupole else []),
        f"Absorber\n  {index + 1}",
        "\n".join([opener, f"  {cell}", *rows]),
        _convolution_block(settings.convolution),
        "End\n",
    ]
    return "\n\n".join(blocks)


def _atom_line(z: int, xyz: np.ndarray) -> str:
    return f"  {z:3d}" + "".join(f" {value + 0.0:14.8f}" for value in np.round(xyz, 8))


def _convolution_block(convolution: Convolution) -> str:
    values = {
        "Gamma_hole": convolution.width_ev,
        "Gamma_max": convolution.width_max_ev,
        "Efermi": convolution.ef_ev,
        "Ecent": convolution.ec_ev,
        "Elarg": convolution.el_ev,
    }
    return "Convolution\n\n" + "\n".join(f"{name}\n  {value}" for name, value in values.items())


def parse_fdmnes(text: str, *, element: str | None = None) -> Spectrum:
    """Spectrum in a ``.txt`` (as calculated) or ``_conv.txt`` (convolved) file, as it stands.

    Energies may be absolute or relative to the edge that the first line names.

    Raises
    ------
    TheoryError
        The text holds no spectrum, or energies relative to an unknown edge.
    """
    try:
        return read_spectrum(text.encode(), format="fdmnes", element=element)
    except SpectrumError as error:
        raise TheoryError(f"the FDMNES output cannot be read: {error}") from error


@dataclass(frozen=True)
class FdmnesLog:
    """What ``_bav.txt`` says about a run.

    Attributes
    ----------
    version : str
        Revision of the program; empty where it is not named.
    finished : bool
        Whether the program came to its end.
    scf_converged : bool or None
        Whether the potentials converged; None without self-consistency.
    scf_changes_ev : tuple of float
        Change of the energy of the cluster in each cycle (eV).
    cluster_energies_ev : tuple of float
        Energy of the cluster (or cell) in each cycle (eV).
    fermi_ev : float or None
        Last Fermi energy (eV).
    edge : str
        Edge as the log names it; empty where it does not.
    cpu_s : float or None
        Time used (s).
    """

    version: str
    finished: bool
    scf_converged: bool | None
    scf_changes_ev: tuple[float, ...]
    cluster_energies_ev: tuple[float, ...]
    fermi_ev: float | None
    edge: str
    cpu_s: float | None


_NUMBER = r"([-+]?\d*\.?\d+(?:[EeDd][-+]?\d+)?)"


def _numbers(pattern: str, text: str) -> tuple[float, ...]:
    return tuple(float(v.upper().replace("D", "E")) for v in re.findall(pattern, text))


def parse_bav(text: str) -> FdmnesLog:
    """Read the log ``_bav.txt``.

    Raises
    ------
    TheoryError
        It is not such a log.
    """
    revision = re.search(r"FDMNES(?: II)? program,\s*(?:Revision)?\s*(.*?)\s*$", text, re.MULTILINE)
    if revision is None:
        raise TheoryError("this is no FDMNES log: choose the file that ends in _bav.txt")
    failed = "not converged" in text
    changes = _numbers(rf"Delta_energ\s*=\s*{_NUMBER}\s*eV", text)
    fermi = _numbers(rf"E_Fermi\s*=\s*{_NUMBER}", text)
    cpu = _numbers(rf"Total time\s*=\s*{_NUMBER}\s*s", text)
    edge = re.search(r"^\s*(?:Threshold|Edge)\s*[:=]\s*(\S.*?)\s*$", text, re.MULTILINE)
    below = re.search(r"Delta_energ\s*=[^<>\n]*<", text)
    return FdmnesLog(
        version=revision[1],
        finished="Have a beautiful day" in text,
        scf_converged=False if failed else (below is not None) if changes else None,
        scf_changes_ev=changes,
        cluster_energies_ev=_numbers(rf"(?:Cluster|Unit cell) energy\s*[:=]\s*{_NUMBER}", text),
        fermi_ev=fermi[-1] if fermi else None,
        edge=edge[1] if edge else "",
        cpu_s=cpu[-1] if cpu else None,
    )
