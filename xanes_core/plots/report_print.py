"""A report as a PDF: one A4 page for each structure, drawn by matplotlib."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from xanes_core.constants import R_CUT_ANG
from xanes_core.model import VERDICT_TITLES
from xanes_core.plots.report import (
    ReportedSpectrum,
    ReportedStructure,
    SpectraReport,
    atom_rows,
    band_sentence,
    citations,
    feature_rows,
    model_rows,
    provenance_rows,
    version_rows,
)
from xanes_core.plots.spectrum import EnergyAxis, band_name, curve_style, prediction_curve
from xanes_core.plots.style import BAND_OPACITY, GREY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_A4_IN = (8.27, 11.69)
_MARGIN = 0.075
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
#: Letters of a line of text, at the size of a page's body.
_LINE_LETTERS = 116
_BODY_PT = 8.0
_LINE = 0.0125
#: Room below a spectrum for its axis.
_AXIS = 0.042
#: How the molecule is tilted out of its own plane (degrees), so that no atom hides another.
_TILT = (25.0, 18.0)
#: Lowest text of a page; what has no room is left to the page in the browser.
_FOOT = 0.045


def report_pdf(report: SpectraReport) -> bytes:
    """The report as the bytes of a PDF, on white.

    Parameters
    ----------
    report : SpectraReport
        What it says.
    """
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    metadata = {"Title": report.title, "Creator": "XANES Explorer", "CreationDate": None}
    with PdfPages(buffer, metadata=metadata) as pages:
        for structure in report.structures:
            page = Figure(figsize=_A4_IN)
            _draw_page(page, structure, report)
            pages.savefig(page)
    return buffer.getvalue()


def _draw_page(page: Figure, one: ReportedStructure, report: SpectraReport) -> None:
    first = one.spectra[0]
    title = textwrap.shorten(" ".join(one.name.split()), 70, placeholder="\u2026")
    _write(page, 0.955, title, size=15)
    _write(
        page, 0.935,
        f"{one.formula}, {len(one.atoms)} atoms; "
        f"{', '.join(s.title for s in one.spectra)}; {first.model.card.title}",
        colour=GREY,
    )  # fmt: skip
    _draw_molecule(page.add_axes((_MARGIN, 0.66, 0.32, 0.25)), one)
    share = (0.25 + _AXIS) / len(one.spectra)
    for row, spectrum in enumerate(one.spectra):
        box = (0.47, 0.91 + _AXIS - (row + 1) * share, 0.46, share - _AXIS)
        _draw_spectrum(page.add_axes(box), spectrum, one)
    writer = _Writer(page, 0.605)
    for spectrum in one.spectra:
        domain = spectrum.prediction.domain
        writer.title(f"{spectrum.title}: {VERDICT_TITLES.get(domain.level, domain.level)}")
        for reason in domain.reasons:
            writer.text(f"- {reason[:1].upper()}{reason[1:]}")
        writer.text(band_sentence(spectrum.prediction))
        unit = spectrum.prediction.kind.unit
        for row_ in feature_rows(spectrum.prediction, one.energies):
            height = f"height {row_.height} {unit}" if row_.height else ""
            writer.row(row_.label, f"{row_.energy} eV", height)
    rows = atom_rows(one.effects)
    if rows:
        writer.title("Atoms that make the spectrum (mean change without the atom)")
        for atom in rows[:6]:
            writer.row(atom.label, f"{atom.distance_ang:.2f} \u00c5", f"{atom.removed:.3f}")
    for model, element in report.models():
        if any(s.model is model and s.prediction.element == element for s in one.spectra):
            writer.title("Model")
            for name, value in model_rows(model, element):
                writer.text(f"{name}: {value}")
    writer.title("Provenance")
    for name, value in [*provenance_rows(one), *version_rows(report)]:
        writer.text(f"{name}: {value}")
    if one.link:
        writer.text(f"The same in the dashboard: {one.link}")
    writer.title("How to cite")
    for text, doi in citations(report):
        writer.text(f"{text}, doi {doi}" if doi else text)


class _Writer:
    """Lines of text down a page, until it is full."""

    def __init__(self, page: Figure, top: float) -> None:
        self.page, self.y = page, top

    def title(self, text: str) -> None:
        self.y -= 0.5 * _LINE
        self._line(text, weight="bold")

    def text(self, text: str) -> None:
        for line in textwrap.wrap(" ".join(text.split()), _LINE_LETTERS)[:4]:
            self._line(line)

    def row(self, *cells: str) -> None:
        for cell, x in zip(cells, (_MARGIN, 0.32, 0.52), strict=True):
            if self.y > _FOOT:
                _write(self.page, self.y, cell, x=x)
        self.y -= _LINE

    def _line(self, text: str, **options: Any) -> None:
        if self.y > _FOOT:
            _write(self.page, self.y, text, **options)
        self.y -= _LINE


def _write(
    page: Figure, y: float, text: str, *, x: float = _MARGIN, size: float = _BODY_PT,
    colour: str = INK["light"], weight: str = "normal",
) -> None:  # fmt: skip
    """A line of text as it is: no mathematics."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    page.text(
        x, y, printable, fontsize=size, color=colour, fontweight=weight, parse_math=False,
        va="baseline", family="DejaVu Sans",
    )  # fmt: skip


def _draw_spectrum(axes: Axes, spectrum: ReportedSpectrum, one: ReportedStructure) -> None:
    prediction = spectrum.prediction
    axis = EnergyAxis(prediction.e0_ev, one.energies)
    own = prediction_curve(prediction, f"Network, {prediction.element}")
    for order, curve in enumerate(reversed(spectrum.curves or (own,))):
        colour, dash = curve_style(curve)
        x = axis.place_ev(curve.energy_ev)
        if curve.lower is not None and curve.upper is not None:
            axes.fill_between(
                x, curve.lower, curve.upper, color=colour, alpha=BAND_OPACITY, lw=0,
                label=band_name(curve) if curve.role == "network" else None, zorder=2 + order,
            )  # fmt: skip
        axes.plot(x, curve.mu, _DASHES[dash], color=colour, lw=1.3, zorder=2 + order)
        axes.lines[-1].set_label(curve.name.replace("$", r"\$").lstrip("_"))
    x = axis.place_ev(prediction.energy_ev)
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_xlabel(axis.label, fontsize=_BODY_PT)
    axes.set_ylabel(prediction.kind.label, fontsize=_BODY_PT)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)


def _draw_molecule(axes: Axes, one: ReportedStructure) -> None:
    """Atoms and bonds seen from where most of them are side by side, the nearest in front."""
    view: dict[str, Any] = one.scene()
    xyz = np.array([[a["x"], a["y"], a["z"]] for a in view["atoms"]]).reshape(-1, 3)
    near = np.linalg.norm(xyz, axis=1) <= R_CUT_ANG
    seen = xyz
    if near.sum() > 2:
        seen = xyz @ np.linalg.svd(xyz[near] - xyz[near].mean(axis=0))[2].T
    about_y, about_x = np.radians(_TILT)
    cy, sy, cx, sx = np.cos(about_y), np.sin(about_y), np.cos(about_x), np.sin(about_x)
    seen = seen @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    seen = seen @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    depth = seen[:, 2]
    front = (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9)
    for pair in view["bonds"]:
        middle = seen[pair, :2].mean(axis=0)
        for end in pair:  # each half just behind its atom
            axes.plot(
                [seen[end, 0], middle[0]], [seen[end, 1], middle[1]], color="#8A8F98", lw=1.6,
                zorder=1 + float(front[end]), solid_capstyle="round",
            )  # fmt: skip
    from matplotlib.patches import Circle

    for atom, (x, y, _), z in zip(view["atoms"], seen, front, strict=True):
        axes.add_patch(
            Circle(
                (x, y),
                atom["radius_ang"],
                facecolor=atom["colour"],
                edgecolor="#4A505B",
                lw=0.5,
                zorder=1.001 + z,
            )
        )
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.margins(0.05)
    axes.axis("off")
    note = view["note"] or f"The absorber, {one.spectra[0].prediction.element}, is pink."
    axes.set_title(str(note), fontsize=6.5, color=GREY, y=-0.06)
