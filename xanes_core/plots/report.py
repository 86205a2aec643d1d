"""What a report of predicted spectra says, gathered once for the page and for print.

Texts that come from people (names of structures, links) are kept as they are; whoever writes a
report escapes them.
"""

from __future__ import annotations

import io
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import plotly.graph_objects as go
from ase import Atoms

from xanes_core import __version__
from xanes_core.errors import SpectrumError, XanesError
from xanes_core.files import safe_name, sha256_of
from xanes_core.importance import (
    LocalEffects,
    find_importance,
    group_centres_ang,
    local_effects,
    shares,
)
from xanes_core.model import (
    FEATURE_ROWS,
    Prediction,
    SpectrumModel,
    prediction_features,
    to_csv,
    weights_sha256,
)
from xanes_core.plots.importance import BarSeries, Neighbour, distance_figure
from xanes_core.plots.spectrum import Curve, Energies, EnergyAxis, prediction_curve, spectrum_figure
from xanes_core.plots.structure import scene
from xanes_core.plots.style import LIGHT, Look

#: Most structures of one report: each brings its pictures, its numbers and its atoms along.
MAX_REPORTED = 40
#: Atoms listed by what they do to a spectrum.
MAX_ATOMS_LISTED = 8
#: Atoms of one element are alike whose distances (A) and effects (edge steps, or a share of the
#: larger one) differ by less.
_ALIKE_ANG, _ALIKE_EFFECT, _ALIKE_SHARE = 0.01, 5e-4, 0.05
#: Work that a prediction stands on, by a word that the card's theory begins with.
_WORKS = {
    "FEFF10": (
        "J. J. Kas et al., J. Synchrotron Radiat. 28, 1801 (2021)",
        "10.1107/S1600577521008614",
    ),
    "FDMNES": (
        "C. D. Rankine and T. J. Penfold, J. Chem. Phys. 156, 164102 (2022)",
        "10.1063/5.0087255",
    ),
}
_DESCRIPTOR_WORK = ("M. Gastegger et al., J. Chem. Phys. 148, 241709 (2018)", "10.1063/1.5019667")


@dataclass(frozen=True)
class ReportedSpectrum:
    """A predicted spectrum, the model that predicted it, and the curves drawn with it.

    Attributes
    ----------
    model : SpectrumModel
        The model.
    prediction : Prediction
        What it predicted.
    curves : tuple of Curve
        What is drawn, the prediction in front; the prediction alone where it is left out.
    """

    model: SpectrumModel
    prediction: Prediction
    curves: tuple[Curve, ...] = ()

    def figure(self, energies: Energies, look: Look = LIGHT) -> go.Figure:
        """The spectrum with its band and what is drawn beside it."""
        own = prediction_curve(self.prediction, f"Network, {self.prediction.element}")
        axis = EnergyAxis(self.prediction.e0_ev, energies)
        curves = self.curves or (own,)
        return spectrum_figure(curves, axis, kind=self.prediction.kind, look=look)

    @property
    def title(self) -> str:
        """Kind of spectrum, element and edge."""
        return f"{self.prediction.kind.title}, {self.prediction.element} K edge"


@dataclass(frozen=True)
class ReportedStructure:
    """A structure with its predicted spectra.

    Attributes
    ----------
    name : str
        What the person calls it; any text.
    atoms : ase.Atoms
        The structure.
    spectra : tuple of ReportedSpectrum
        One for each kind of spectrum.
    energies : {"relative", "absolute"}
        How figures count energies.
    link : str
        Address that shows the same in the dashboard; empty where there is none.
    facts : tuple of (str, str)
        What else is known, such as what a fit found: names and texts of any kind.

    Raises
    ------
    SpectrumError
        No spectrum.
    """

    name: str
    atoms: Atoms
    spectra: tuple[ReportedSpectrum, ...]
    energies: Energies = "relative"
    link: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.spectra:
            raise SpectrumError("A report needs a spectrum: predict one first")

    @property
    def absorbers(self) -> list[int]:
        """Indices of the atoms whose spectrum is shown."""
        return [i for site in self.spectra[0].prediction.sites for i in site.equivalent]

    @property
    def xyz(self) -> str:
        """The structure as extended xyz: symbols, positions and cell, none of the file's texts."""
        bare = Atoms(
            self.atoms.numbers, self.atoms.positions, cell=self.atoms.cell, pbc=self.atoms.pbc
        )
        from ase.io import write  # every page loads this room, and few write a report

        text = io.StringIO()
        write(text, bare, format="extxyz")
        return text.getvalue()

    @property
    def formula(self) -> str:
        """Formula in the order of Hill."""
        return str(self.atoms.get_chemical_formula("hill"))

    @property
    def effects(self) -> LocalEffects | None:
        """What every atom does to the first spectrum; None where that has no single absorber."""
        first = self.spectra[0]
        if len(first.prediction.sites) != 1:
            return None
        try:
            return local_effects(first.model, self.atoms, first.prediction.sites[0].index)
        except XanesError:
            return None

    def scene(self) -> dict[str, object]:
        """The 3D view: numbers, symbols and colours alone."""
        return scene(self.atoms, self.absorbers)

    def files(self) -> dict[str, str]:
        """Structure and spectra as files, by safe names."""
        base = safe_name(self.name)
        files = {f"{base}.xyz": self.xyz}
        for spectrum in self.spectra:
            kind = spectrum.prediction.kind
            files[f"{base}_{spectrum.prediction.element}_{kind.key}.csv"] = to_csv(
                spectrum.prediction
            )
        return files


@dataclass(frozen=True)
class SpectraReport:
    """One or more structures, with the day on which they were predicted.

    Attributes
    ----------
    structures : tuple of ReportedStructure
        In the order of the report.
    made : str
        The day, such as 2026-01-31; today if left out.

    Raises
    ------
    SpectrumError
        Nothing to report, or more than :data:`MAX_REPORTED` structures.
    """

    structures: tuple[ReportedStructure, ...]
    made: str = field(default_factory=lambda: date.today().isoformat())

    def __post_init__(self) -> None:
        if not self.structures:
            raise SpectrumError("There is nothing to report: predict a spectrum first")
        if len(self.structures) > MAX_REPORTED:
            raise SpectrumError(
                f"A report holds up to {MAX_REPORTED} structures, not {len(self.structures)}: "
                "choose some of them, or make several reports"
            )

    @property
    def title(self) -> str:
        """Name of the structure, or how many there are."""
        if len(self.structures) == 1:
            return self.structures[0].name
        return f"Predicted spectra of {len(self.structures)} structures"

    def models(self) -> list[tuple[SpectrumModel, str]]:
        """Models with the elements that they predicted, each pair once."""
        pairs = {
            (spectrum.model.key, spectrum.prediction.element): spectrum.model
            for structure in self.structures
            for spectrum in structure.spectra
        }
        return [(model, element) for (_, element), model in pairs.items()]


@dataclass(frozen=True)
class FeatureRow:
    """A number of the spectrum in words: energy (eV) and height, each with its spread."""

    label: str
    energy: str
    height: str


@dataclass(frozen=True)
class AtomRow:
    """What an atom does to the spectrum, averaged over its energies without sign.

    ``removed`` is the change without one such atom, ``moved`` that of a bond longer by one step.
    """

    label: str
    distance_ang: float
    removed: float
    moved: float


def feature_rows(prediction: Prediction, energies: Energies = "relative") -> list[FeatureRow]:
    """Features of a spectrum that it shows, for a table."""
    features = prediction_features(prediction)
    offset_ev = EnergyAxis(prediction.e0_ev, energies).offset_ev
    digits = prediction.kind.digits
    rows = []
    for label, energy_name, height_name in FEATURE_ROWS[prediction.kind]:
        energy = features[energy_name]
        if not math.isfinite(energy.value):
            continue
        height = features[height_name] if height_name else None
        rows.append(
            FeatureRow(
                label,
                _with_spread(energy.value + offset_ev, energy.spread, 2),
                _with_spread(height.value, height.spread, digits) if height else "",
            )
        )
    return rows


def atom_rows(effects: LocalEffects | None) -> list[AtomRow]:
    """The atoms that do most to the spectrum, the first ones first; atoms alike share a row."""
    if effects is None:
        return []
    removed = np.abs(effects.removed).mean(axis=1)
    moved = np.abs(effects.moved).mean(axis=1)
    groups: list[list[int]] = []
    for i in np.argsort(-removed, kind="stable").tolist():
        for own in groups:
            near = abs(effects.distances_ang[own[0]] - effects.distances_ang[i]) < _ALIKE_ANG
            same = removed[own[0]] - removed[i] < max(_ALIKE_EFFECT, _ALIKE_SHARE * removed[own[0]])
            if effects.elements[own[0]] == effects.elements[i] and near and same:
                own.append(i)
                break
        else:
            groups.append([i])
    return [
        AtomRow(
            f"{element}, {len(own)} alike" if len(own) > 1 else f"{element} (atom {first + 1})",
            round(float(effects.distances_ang[own[0]]), 2),
            float(removed[own].mean()),
            float(moved[own].mean()),
        )
        for own in groups[:MAX_ATOMS_LISTED]
        for element, first in [(effects.elements[own[0]], int(effects.atoms[own[0]]))]
    ]


def band_sentence(prediction: Prediction) -> str:
    """What the band promises, and how wide it is."""
    width = np.mean(prediction.upper - prediction.lower)
    return (
        f"The band is meant to hold the true spectrum at {100 * prediction.level:.0f} % of the "
        f"energies; here it is {width:.{prediction.kind.digits}f} {prediction.kind.unit} wide on "
        "average."
    )


def model_rows(model: SpectrumModel, element: str) -> list[tuple[str, str]]:
    """The card of a model in a few lines, with what it is worth for an element."""
    card = model.card
    training = card.training_set
    held_out = card.metrics.get("held_out", {}).get(element, {})
    own = training.n_per_element.get(element)
    rows = [
        ("Model", f"{card.title} ({card.key}), {card.date}"),
        ("Theory", card.theory),
        ("Trained on", f"{training.n:,} complexes" + (f", {own} of {element}" if own else "")),
    ]
    if "median_intensity_error_percent" in held_out:
        rows.append(
            (
                f"Error, {element} held out",
                f"{held_out['median_intensity_error_percent']:.1f} % median difference over "
                f"{held_out['n']} complexes that it had not seen",
            )
        )
    rows += [("Licence of the data", card.licence)]
    return rows


def provenance_rows(structure: ReportedStructure) -> list[tuple[str, str]]:
    """Checksums and versions that tell whether a later prediction is the same one."""
    rows = [("Structure (SHA-256 of the xyz file)", sha256_of(structure.xyz.encode()))]
    for spectrum in structure.spectra:
        checksum = weights_sha256(spectrum.model.key)
        if checksum:
            rows.append((f"Model {spectrum.model.key} (SHA-256 of its weights)", checksum))
    return rows


def version_rows(report: SpectraReport) -> list[tuple[str, str]]:
    """Programs that made the report, and the day."""
    return [
        ("Made", report.made),
        ("XANES Explorer", __version__),
        ("Python, NumPy", f"{platform.python_version()}, {np.__version__}"),
    ]


def citations(report: SpectraReport) -> list[tuple[str, str]]:
    """What to cite: text and doi; the program itself has no doi."""
    cited = [(f"XANES Explorer, version {__version__}. Models: {_keys(report)}.", "")]
    theories = {model.card.theory for model, _ in report.models()}
    cited += [
        work for word, work in _WORKS.items() if any(text.startswith(word) for text in theories)
    ]
    return [*cited, _DESCRIPTOR_WORK]


def _keys(report: SpectraReport) -> str:
    return ", ".join(dict.fromkeys(model.key for model, _ in report.models()))


def importance_figure(
    model: SpectrumModel,
    element: str,
    *,
    neighbours: Sequence[Neighbour] = (),
    histogram: bool = True,
    look: Look = LIGHT,
) -> go.Figure | None:
    """Stored importance of distances around an element; None for a model that carries none.

    Parameters
    ----------
    model : SpectrumModel
        The model.
    element : str
        The absorber.
    neighbours : sequence of Neighbour
        Atoms of the structure, drawn as ticks over the histogram.
    histogram : bool
        Whether the distances in the training set stand above the bars.
    look : Look
        The page it stands on.
    """
    try:
        stored = find_importance(model.importance, model.key, element, "distance")
        grid = model.energy_rel_ev
        window = shares(stored.window(float(grid[0]), float(grid[-1])))
        centres_ang = np.array(list(group_centres_ang(model.descriptor, "distance").values()))
        counts = None
        if histogram and model.distances is not None and element in model.distances.absorbers:
            counts = (model.distances.centres_ang, model.distances.by_neighbour(element))
        return distance_figure(
            [BarSeries("all G2 of one distance", window, "Importance (%)")],
            centres_ang,
            histogram=counts,
            neighbours=neighbours,
            look=look,
        )
    except XanesError:
        return None


def _with_spread(value: float, spread: float, most: int) -> str:
    """``value ± spread`` to one significant digit of the spread, at most `most` decimals."""
    if not math.isfinite(value):
        return "\u2013"
    if not math.isfinite(spread):
        return f"{value:.{most}f}"
    decimals = most
    if spread > 0:
        power = math.floor(math.log10(spread))
        decimals = min(max(-power + (spread / 10.0**power < 2.0), 0), most)
    value = round(value, decimals) + 0.0  # no minus before a zero
    return f"{value:.{decimals}f} \u00b1 {max(spread, 10.0**-decimals):.{decimals}f}"
