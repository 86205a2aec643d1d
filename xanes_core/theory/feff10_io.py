"""FEFF10 text in and out: settings, ``feff.inp``, ``xmu.dat``, and its complaints in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from xanes_core.constants import K_EDGE_EV
from xanes_core.errors import SpectrumError, TheoryError
from xanes_core.spectra import Spectrum
from xanes_core.structures import Environment, environment
from xanes_core.theory.base import (
    absorber_symbol,
    check_choice,
    check_flag,
    check_integer,
    check_range,
)

SPECTRA = ("xanes", "xes")
#: Beyond this the potentials would be iterated on so many atoms that one run takes an hour.
MAX_SCF_RADIUS_ANG = 5.6
#: What the radius of the potentials is made larger than the nearest atom of an element (A).
SCF_MARGIN_ANG = 0.05
#: Note of a run without the atoms of some elements.
LEFT_OUT_NOTE = "Left out: {}, for FEFF10 makes no potentials for an element so far away."
#: Most unique potentials of FEFF10 beside the absorber's.
MAX_POTENTIALS = 11
#: Most atoms of a cluster; the time grows with the third power.
MAX_CLUSTER = 300
#: Normalised mu outside this is no absorption spectrum.
MU_RANGE = (-0.05, 6.0)


@dataclass(frozen=True)
class Feff10Settings:
    """Recipe of a FEFF10 run; the defaults are those of the training set.

    Attributes
    ----------
    spectrum : {"xanes", "xes"}
        K-edge XANES, or valence-to-core emission below the edge (without core hole).
    radius_ang : float
        Radius of the cluster and of full multiple scattering (A).
    scf_radius_ang : float
        Radius of the self-consistent potentials (A); raised to include every element once.
    scf_cycles : int
        Most cycles of the potentials.
    scf_mixing : float
        Part of the new density that each cycle takes over.
    k_max_inv_ang, k_step_inv_ang : float
        End and spacing of a XANES spectrum in photoelectron wave number (1/A).
    xes_range_ev, xes_step_ev : (float, float), float
        Range relative to FEFF's zero, some 10 eV above the Fermi level, and spacing (eV) of XES.
    hydrogen_p : bool
        Let hydrogen have p states in the potentials. Taken back to where the potentials fail
        without them.
    accept_unconverged : bool
        Keep a spectrum whose potentials did not converge, with a note.
    """

    spectrum: str = "xanes"
    radius_ang: float = 6.0
    scf_radius_ang: float = 4.0
    scf_cycles: int = 60
    scf_mixing: float = 0.1
    k_max_inv_ang: float = 4.5
    k_step_inv_ang: float = 0.07
    xes_range_ev: tuple[float, float] = (-38.0, 10.0)
    xes_step_ev: float = 0.2
    hydrogen_p: bool = False
    accept_unconverged: bool = False

    def __post_init__(self) -> None:
        check_choice("spectrum", self.spectrum, SPECTRA)
        check_range("radius_ang", self.radius_ang, 2.0, 9.0, "A")
        check_range("scf_radius_ang", self.scf_radius_ang, 2.0, MAX_SCF_RADIUS_ANG, "A")
        check_integer("scf_cycles", self.scf_cycles)
        check_range("scf_cycles", self.scf_cycles, 1, 200)
        check_range("scf_mixing", self.scf_mixing, 0.01, 0.9)
        check_range("k_max_inv_ang", self.k_max_inv_ang, 2.0, 8.0, "1/A")
        check_range("k_step_inv_ang", self.k_step_inv_ang, 0.02, 0.2, "1/A")
        if len(self.xes_range_ev) != 2:
            raise TheoryError("xes_range_ev must be two energies, for example (-38, 10)")
        low, high = self.xes_range_ev
        check_range("the start of xes_range_ev", low, -60.0, 0.0, "eV")
        check_range("the end of xes_range_ev", high, low + 5.0, 30.0, "eV")
        check_range("xes_step_ev", self.xes_step_ev, 0.05, 2.0, "eV")
        check_flag("hydrogen_p", self.hydrogen_p)
        check_flag("accept_unconverged", self.accept_unconverged)


@dataclass(frozen=True, eq=False)
class FeffCluster:
    """What FEFF10 calculates around an absorber.

    Attributes
    ----------
    near : Environment
        Atoms within the radius, less those of elements that lie too far out for potentials.
    scf_radius_ang : float
        Radius of the potentials (A): as wanted, or just beyond the nearest atom of every element.
    note : str
        Sentence on what was left out; empty where nothing was.
    """

    near: Environment
    scf_radius_ang: float
    note: str = ""


def feff_cluster(atoms: Atoms, absorber: int, settings: Feff10Settings) -> FeffCluster:
    """Atoms that FEFF10 calculates, and how far out it makes potentials for them.

    FEFF10 needs an atom of every element within the radius of its potentials, which may not grow
    without bounds: an element whose nearest atom lies beyond 5.55 A is left out.

    Raises
    ------
    StructureError
        There is no such atom.
    TheoryError
        The absorber has no neighbour within the radius, or none that is near enough.
    """
    near = environment(atoms, absorber, settings.radius_ang)
    if len(near.numbers) == 0:
        raise TheoryError(
            f"the absorber has no neighbour within {settings.radius_ang:g} A: raise radius_ang or "
            "check that the coordinates are in angstrom"
        )
    nearest = {
        int(z): float(near.distances_ang[near.numbers == z].min()) for z in np.unique(near.numbers)
    }
    radii = {z: r + SCF_MARGIN_ANG for z, r in nearest.items()}
    far = [z for z, radius in radii.items() if radius > MAX_SCF_RADIUS_ANG]
    reach = f"{MAX_SCF_RADIUS_ANG - SCF_MARGIN_ANG:.2f} A"
    if len(far) == len(radii):
        z = min(nearest, key=nearest.__getitem__)
        raise TheoryError(
            f"the nearest atom, {chemical_symbols[z]}, lies {nearest[z]:.2f} A from the absorber; "
            f"FEFF10 makes no potentials for an element beyond {reach}: check that the "
            "coordinates are in angstrom"
        )
    counts = [(chemical_symbols[z], int((near.numbers == z).sum())) for z in far]
    left_out = ", ".join(
        f"{symbol} ({n} atom{'s' * (n > 1)} beyond {reach})" for symbol, n in counts
    )
    kept = ~np.isin(near.numbers, far)
    return FeffCluster(
        near=replace(
            near,
            numbers=near.numbers[kept],
            positions_ang=near.positions_ang[kept],
            distances_ang=near.distances_ang[kept],
        ),
        scf_radius_ang=max(settings.scf_radius_ang, *(radii[z] for z in radii if z not in far)),
        note=LEFT_OUT_NOTE.format(left_out) if left_out else "",
    )


def _spectrum_cards(settings: Feff10Settings) -> list[str]:
    if settings.spectrum == "xes":
        low, high = settings.xes_range_ev
        return [f"XES {low:g} {high:g} {settings.xes_step_ev:g}", "COREHOLE None"]
    return [f"XANES {settings.k_max_inv_ang} {settings.k_step_inv_ang} 0.0"]


def _angular_momenta(z: int, hydrogen_p: bool) -> str:
    return f"{int(hydrogen_p)} 1" if z == 1 else "2 2"


def write_feff(atoms: Atoms, absorber: int, settings: Feff10Settings) -> str:
    """``feff.inp`` of one absorber: complete, to be run here or by hand.

    Atoms that :func:`feff_cluster` leaves out are not in it.

    Raises
    ------
    StructureError
        The structure makes no sense, or there is no such atom.
    TheoryError
        The absorber is not supported, has no neighbours near enough, or the cluster is too large
        or too mixed for FEFF10.
    """
    symbol = absorber_symbol(atoms, absorber)
    cluster = feff_cluster(atoms, absorber, settings)
    near = cluster.near
    count = len(near.numbers)
    if count >= MAX_CLUSTER:
        raise TheoryError(
            f"{count + 1} atoms lie within {settings.radius_ang:g} A of the absorber; at most "
            f"{MAX_CLUSTER} are calculated: lower radius_ang"
        )
    elements = [int(z) for z in np.unique(near.numbers)]
    if len(elements) > MAX_POTENTIALS:
        raise TheoryError(
            f"the cluster holds {len(elements)} elements; FEFF10 takes {MAX_POTENTIALS}: lower "
            "radius_ang"
        )
    ipot = {z: i for i, z in enumerate(elements, start=1)}
    title = f"{symbol} K edge, {count + 1} atoms within {settings.radius_ang:g} A"
    cards = [
        f"TITLE {title}",
        "EDGE K",
        "S02 1.0",
        "CONTROL 1 1 1 1 1 1",
        "PRINT 0 0 0 0 0 0",
        *_spectrum_cards(settings),
        f"FMS {settings.radius_ang}",
        "EXCHANGE 0",
        f"SCF {cluster.scf_radius_ang:.3f} 1 {settings.scf_cycles:d} {settings.scf_mixing:g} 1",
        "",
        "POTENTIALS",
        "* ipot Z tag lmax_scf lmax_fms",
        f"0 {near.absorber_z} {symbol} 2 3",
        *(
            f"{ipot[z]} {z} {chemical_symbols[z]} {_angular_momenta(z, settings.hydrogen_p)}"
            for z in elements
        ),
        "",
        "ATOMS",
        "* x y z (A) ipot tag distance (A)",
        _atom_line(np.zeros(3), 0, symbol, 0.0),
    ]
    for i in _order(near):
        z = int(near.numbers[i])
        xyz, r = near.positions_ang[i], near.distances_ang[i]
        cards.append(_atom_line(xyz, ipot[z], chemical_symbols[z], r))
    return "\n".join([*cards, "END", ""])


def _order(near: Environment) -> np.ndarray:
    """Order of the neighbours by distance that rounding errors of equal distances leave alone."""
    x, y, z = np.round(near.positions_ang, 4).T
    return np.lexsort((z, y, x, near.numbers, np.round(near.distances_ang, 4)))


def _atom_line(xyz_ang: np.ndarray, ipot: int, tag: str, distance_ang: float) -> str:
    x, y, z = (v + 0.0 for v in np.round(xyz_ang, 6))  # no minus before a zero
    return f"{x:12.6f} {y:12.6f} {z:12.6f} {ipot:2d} {tag:2s} {distance_ang:10.6f}"


def parse_xmu(text: str, *, element: str | None = None, spectrum: str = "xanes") -> Spectrum:
    """Spectrum in ``xmu.dat``: energies of column 1 (eV), normalised mu of column 4.

    Parameters
    ----------
    text : str
        Content of the file.
    element : str, optional
        Absorber; the header names it otherwise.
    spectrum : {"xanes", "xes"}, optional
        What was calculated.

    Raises
    ------
    TheoryError
        No table, numbers that are none, an unknown element, or values that no spectrum has.
    """
    check_choice("spectrum", spectrum, SPECTRA)
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            rows.append([float(word.replace("D", "E")) for word in (words[0], words[3])])
        except (IndexError, ValueError) as error:
            raise TheoryError(
                f"line {number} of xmu.dat holds no row of numbers: the file is damaged, or the "
                "calculation diverged"
            ) from error
    if not rows:
        raise TheoryError("xmu.dat holds no spectrum: FEFF10 stopped before its last stage")
    energy, mu = np.array(rows).T
    if not np.isfinite(mu).all():
        raise TheoryError("FEFF10 gave values that are not numbers: the calculation diverged")
    low, high = MU_RANGE
    if spectrum == "xanes" and (mu.min() < low or mu.max() > high):
        raise TheoryError(
            f"FEFF10 gave mu from {mu.min():.2f} to {mu.max():.2f} edge steps, which is no "
            "absorption spectrum: check the structure for atoms that are too close"
        )
    symbol = element if element is not None else _element_of(text)
    if symbol is None or symbol not in K_EDGE_EV:
        raise TheoryError(
            f"the absorber of this xmu.dat is not known ({symbol}): give element, one of "
            f"{', '.join(K_EDGE_EV)}"
        )
    metadata = {"element": symbol, "edge": "K", "source_format": "feff", "spectrum": spectrum}
    if spectrum == "xanes":
        metadata["normalised"] = "yes"
    try:
        return Spectrum(energy, mu, K_EDGE_EV[symbol], metadata)
    except SpectrumError as error:
        raise TheoryError(f"the table in xmu.dat is no spectrum: {error}") from error


def _element_of(text: str) -> str | None:
    """Element in ``# Abs   Z=26 Rmt= ...``."""
    header = re.search(r"^[#\s]*Abs\s+Z=\s*(\d{1,3})\b", text, re.MULTILINE)
    z = int(header[1]) if header else 0
    return chemical_symbols[z] if 0 < z < len(chemical_symbols) else None


def converged(log: str) -> bool | None:
    """Whether the potentials converged by FEFF10's log; None where it does not say."""
    if "Convergence reached" in log:
        return True
    return False if "Convergence not reached" in log else None


def needs_hydrogen_p(log: str) -> bool:
    """Whether the potentials failed in the way that p states on hydrogen cure."""
    return "enough charge" in log


def misses_an_element(log: str) -> bool:
    """Whether the potentials failed because an element lay outside their radius."""
    return "representative atoms" in log


def runs_away(log: str) -> bool:
    """Whether the search for the Fermi level has left all bounds; FEFF10 never ends it.

    The count of its points no longer fits the three digits then; a hundred do otherwise.
    """
    return re.search(r"point #\s*\*{3}", log) is not None


#: What programs of Fortran say of an error, and the lines of addresses that they add to it.
_RUNTIME_ERROR = re.compile(r"(?m)^.*?(?:forrtl:|Fortran runtime error:)\s*(.+)$")
_ADDRESSES = re.compile(
    r"\b(?:0x)?[0-9a-fA-F]{12,16}\b|^Image\s+PC\b|^Backtrace|^Error termination"
)


def _last_words(log: str) -> str:
    """What a program said last: the error of its language, else its log without addresses."""
    error = _RUNTIME_ERROR.search(log)
    if error:
        return " ".join(error[1].split())[:200]
    kept = [line for line in log.splitlines() if not _ADDRESSES.search(line)]
    return " ".join(" ".join(kept).split())[-200:].strip()


def explain_failure(log: str, stage: str) -> str:
    """Why a run failed, in words, from FEFF10's log and the stage it was in."""
    if runs_away(log):
        return (
            "FEFF10 could not make potentials: the Fermi level ran away. Check for ligands that "
            "are too far from the metal or missing, or relax the structure"
        )
    charge = re.search(r"enough charge.*?Z=\s*(\d+)", log, re.DOTALL)
    if charge or needs_hydrogen_p(log):
        z = int(charge[1]) if charge else 0
        atom = f"the {chemical_symbols[z]} atoms" if 0 < z < len(chemical_symbols) else "an atom"
        return (
            f"FEFF10 could not make potentials: {atom} did not collect enough charge. Check for "
            "atoms that are too close or missing, relax the structure, or set hydrogen_p"
        )
    if misses_an_element(log):
        return (
            "FEFF10 did not find every element within the radius of its potentials: raise "
            "scf_radius_ang"
        )
    if "subroutine corval" in log:
        return (
            "FEFF10 could not tell core from valence electrons: check for atoms that are too close "
            "or missing, or relax the structure"
        )
    words = _last_words(log)
    said = f"; its last words: {words}" if words else " without a word"
    return f"FEFF10 stopped while it was at: {stage or 'the start'}{said}"
