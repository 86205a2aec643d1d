"""A report as one HTML file that needs no server, no network and nothing beside it.

plotly.js and 3Dmol.js lie in the file, compressed and once each; the browser unpacks them. Where it
cannot, or runs no scripts, still pictures stand in their place, as they do in print. A policy in
the file's head forbids it to ask the network for anything. All texts are escaped; numbers reach
scripts as JSON in which no tag can begin.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from xanes_core.errors import XanesError
from xanes_core.model import VERDICT_TITLES
from xanes_core.plots.images import figure_image
from xanes_core.plots.importance import neighbours_around
from xanes_core.plots.report import (
    AtomRow,
    ReportedSpectrum,
    ReportedStructure,
    SpectraReport,
    atom_rows,
    band_sentence,
    citations,
    feature_rows,
    importance_figure,
    model_rows,
    provenance_rows,
    version_rows,
)
from xanes_core.plots.style import Look

_TEMPLATE = Path(__file__).with_name("report.html")
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_LOOKS = {"light": Look(), "dark": Look(dark=True)}
#: Numbers of a trace that are the same on a light and on a dark page, and stand in the file once.
_SAME = ("x", "y", "z", "customdata", "base", "width", "hovertemplate", "text")
#: Width of the still pictures (inches); as high as the figure is on a screen of 730 pixels.
_STILL_WIDTH_IN = 6.2
_LINK = re.compile(r"https?://[^\s<>\"']+", re.ASCII)


def report_html(report: SpectraReport, viewer_script: bytes = b"") -> str:
    """The report as the text of an HTML file.

    Parameters
    ----------
    report : SpectraReport
        What it says.
    viewer_script : bytes
        Source of 3Dmol.js for the 3D view, from
        :func:`xanes_core.plots.viewer_script.viewer_source`; a sentence stands there without it.
    """
    single = len(report.structures) == 1
    sections = [
        _structure(one, number, single=single) for number, one in enumerate(report.structures)
    ]
    slots = {
        "title": _text(report.title),
        "list": "" if single else _contents(report),
        "structures": "".join(sections),
        "models": "".join(
            _model(report, number, single=single) for number in range(len(report.models()))
        ),
        "citations": "".join(f"<li>{_cited(text, doi)}</li>" for text, doi in citations(report)),
        "versions": _pairs(version_rows(report)),
        "plotly": _packed_plotly(),
        "viewer": _packed(viewer_script) if viewer_script else "",
    }
    template = _TEMPLATE.read_text(encoding="utf-8")
    # in one pass: what a slot is filled with is not looked through again
    return _SLOT.sub(lambda match: slots[match[1]], template)


@cache
def _packed_plotly() -> str:
    from plotly.offline import get_plotlyjs  # five megabytes, for reports alone

    return _packed(get_plotlyjs().encode())


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def _text(text: object, limit: int = 400) -> str:
    """Text for the page, whatever it holds: no markup, no invisible turns of direction."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return html.escape(line if len(line) <= limit else line[: limit - 1] + "\u2026")


def _json(content: object) -> str:
    """JSON inside a script element: no tag, comment or line separator can begin in it."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _formula(formula: str) -> str:
    return re.sub(r"(\d+)", r"<sub>\1</sub>", html.escape(formula))


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in rows)


def _cited(text: str, doi: str) -> str:
    if not doi:
        return _text(text)
    return f'{_text(text)}, <a href="https://doi.org/{_text(doi)}">doi {_text(doi)}</a>'


def _contents(report: SpectraReport) -> str:
    """List of the structures with their verdicts, each leading to its section."""
    rows = []
    for number, one in enumerate(report.structures):
        first = one.spectra[0].prediction
        told = [f"{row.label.lower()} {row.energy} eV" for row in feature_rows(first)[:3]]
        rows.append(
            f'<tr><th scope="row"><a href="#structure-{number}">{_text(one.name, 80)}</a></th>'
            f"<td>{_text(first.element)}</td><td>{_badge(first.domain.level)}</td>"
            f"<td>{_text('; '.join(told))}</td></tr>"
        )
    return (
        f"<h1>{_text(report.title)}</h1>"
        '<div class="wide"><table class="contents"><thead><tr><th>Structure</th><th>Absorber</th>'
        "<th>Verdict</th><th>Energies relative to E<sub>0</sub></th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _badge(level: str) -> str:
    mark = {"in domain": "good", "at the edge": "fair"}.get(level, "poor")
    return (
        f'<span class="badge {mark}">{_text(VERDICT_TITLES.get(level, level).capitalize())}</span>'
    )


# --- structures ----------------------------------------------------------------------------------
def _structure(one: ReportedStructure, number: int, *, single: bool) -> str:
    level = "h1" if single else "h2"
    first = one.spectra[0].prediction
    scene, note = _scene(one)
    charts = [_chart(s, one) for s in one.spectra]
    told = ", ".join(s.title for s in one.spectra)
    data = {"scene": scene, "charts": [_two_looks(s, one) for s in one.spectra]}
    effects = atom_rows(one.effects)
    return f"""<section class="structure" id="structure-{number}">
<header><{level}>{_text(one.name)}</{level}>
<p class="sub">{_formula(one.formula)}, {len(one.atoms)} atoms. {_text(told)}, predicted by
{_text(one.spectra[0].model.card.title)}.</p></header>
<div class="pair"><figure class="molecule"><div class="stage" data-structure="{number}" tabindex="0"
role="img" aria-label="{_text(_molecule_words(one))}"></div>
<figcaption>{_text(note)}</figcaption></figure><div class="charts">{"".join(charts)}</div></div>
<div class="pair"><div><h3>How far to trust it</h3>{"".join(map(_verdict, one.spectra))}</div>
<div><h3>What the spectrum shows</h3>{"".join(_features(s, one) for s in one.spectra)}</div></div>
{_facts(one)}{_atoms(effects, first.kind.unit)}
<h3>Provenance</h3><dl class="sums">{_pairs(provenance_rows(one))}{_address(one.link)}</dl>
<p class="files">{"".join(_file(name, text) for name, text in one.files().items())}</p>
<script type="application/json" id="data-{number}">{_json(data)}</script>
</section>
"""


def _scene(one: ReportedStructure) -> tuple[dict[str, Any] | None, str]:
    """3D scene, and what is said below it."""
    try:
        view = one.scene()
    except XanesError as error:
        return None, str(error)
    hint = "Drag to turn, click and scroll to zoom; the absorber is the large pink atom."
    return view, " ".join(filter(None, [str(view["note"]), hint]))


def _molecule_words(one: ReportedStructure) -> str:
    first = one.spectra[0].prediction
    return f"3D view of {one.formula} with {first.element} in the middle"


def _chart(spectrum: ReportedSpectrum, one: ReportedStructure) -> str:
    rows = feature_rows(spectrum.prediction, one.energies)
    told = ", ".join(f"{row.label.lower()} {row.energy} eV" for row in rows)
    return _drawn(spectrum.figure(one.energies), f"{spectrum.title} of {one.name}: {told}")


def _drawn(figure: go.Figure, words: str, still: go.Figure | None = None) -> str:
    """Place of a figure, with the still picture that stands there until it is drawn.

    `still` is a plainer figure for that picture, where the figure itself has a thousand bars.
    """
    height_px = int(figure.layout.height or 400)
    size_in = (_STILL_WIDTH_IN, _STILL_WIDTH_IN * height_px / 730)
    picture = figure_image(still or figure, "svg", size_in=size_in)
    source = base64.b64encode(picture).decode()
    return (
        f'<figure class="chart" role="img" aria-label="{_text(words)}">'
        f'<div class="drawn" style="height:{height_px}px"></div>'
        f'<img class="still" alt="" src="data:image/svg+xml;base64,{source}"></figure>'
    )


def _two_looks(spectrum: ReportedSpectrum, one: ReportedStructure) -> dict[str, Any]:
    return _looks([spectrum.figure(one.energies, look) for look in _LOOKS.values()])


def _looks(figures: Sequence[go.Figure]) -> dict[str, Any]:
    """A figure for the light page, and what is other on the dark one."""
    light, dark = (json.loads(figure.to_json()) for figure in figures)
    for trace in dark["data"]:
        for name in _SAME:
            trace.pop(name, None)
    return {
        "data": light["data"],
        "layout": {"light": light["layout"], "dark": dark["layout"]},
        "dark": dark["data"],
    }


def _verdict(spectrum: ReportedSpectrum) -> str:
    domain = spectrum.prediction.domain
    reasons = "".join(f"<li>{_text(r[:1].upper() + r[1:])}</li>" for r in domain.reasons)
    return (
        f"<p>{_badge(domain.level)} {_text(spectrum.title)}</p><ul>{reasons}</ul>"
        f"<p>{_text(band_sentence(spectrum.prediction))}</p>"
    )


def _features(spectrum: ReportedSpectrum, one: ReportedStructure) -> str:
    energy = "E \u2212 E<sub>0</sub> (eV)" if one.energies == "relative" else "Energy (eV)"
    body = "".join(
        f'<tr><th scope="row">{_text(row.label)}</th><td>{_text(row.energy)}</td>'
        f"<td>{_text(row.height)}</td></tr>"
        for row in feature_rows(spectrum.prediction, one.energies)
    )
    e0_ev = spectrum.prediction.e0_ev
    return (
        f"<table><caption>{_text(spectrum.title)}</caption><thead><tr><th></th><th>{energy}</th>"
        f"<th>Height ({_text(spectrum.prediction.kind.unit)})</th></tr></thead>"
        f"<tbody>{body}</tbody></table><p class='quiet'>\u00b1 is the spread over the networks; "
        f"E<sub>0</sub> = {e0_ev:.1f} eV.</p>"
    )


def _facts(one: ReportedStructure) -> str:
    return f"<h3>What was found</h3><dl>{_pairs(one.facts)}</dl>" if one.facts else ""


def _atoms(rows: Sequence[AtomRow], unit: str) -> str:
    if not rows:
        return ""
    body = "".join(
        f'<tr><th scope="row">{_text(row.label)}</th><td>{row.distance_ang:.2f}</td>'
        f"<td>{row.removed:.3f}</td><td>{row.moved:.3f}</td></tr>"
        for row in rows
    )
    return (
        "<h3>Which atoms make the spectrum</h3><div class='wide'><table><thead><tr><th>Atom</th>"
        "<th>Distance (\u00c5)</th><th>Taken out</th><th>Moved out by 0.05 \u00c5</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div><p class='quiet'>Mean change of the spectrum over its "
        f"energies, without sign, in {_text(unit)}: what the network makes of the atom.</p>"
    )


def _address(link: str) -> str:
    """Row with the address of the same view; other than http and https it is only text."""
    if not link:
        return ""
    shown = _text(link, 2000)
    if _LINK.fullmatch(link):
        shown = f'<a href="{html.escape(link)}" rel="noopener">{shown}</a>'
    return f"<dt>The same in the dashboard</dt><dd>{shown}</dd>"


def _file(name: str, text: str) -> str:
    source = base64.b64encode(text.encode()).decode()
    return (
        f'<a class="file" download="{html.escape(name)}" '
        f'href="data:application/octet-stream;base64,{source}">{_text(name)}</a>'
    )


# --- models --------------------------------------------------------------------------------------
def _model(report: SpectraReport, number: int, *, single: bool) -> str:
    model, element = report.models()[number]
    figures = [
        importance_figure(model, element, neighbours=_ticks(report, model.key), look=look)
        for look in _LOOKS.values()
    ]
    drawn = ""
    if figures[0] is not None and figures[1] is not None:
        words = f"Importance of the distances around {element} for {model.key}"
        plain = importance_figure(model, element, histogram=False)
        drawn = (
            f"<h3>What the model looks at around {_text(element)}</h3>"
            + _drawn(figures[0], words, plain)
            + "<p class='quiet'><span class='screen'>Above: distances in the training set"
            + (", ticks for the atoms of this structure" if single else "")
            + ". </span>Bars: share of each distance in what the model knows, over all energies."
            + f"</p><script type='application/json' id='model-{number}'>"
            + f"{_json({'charts': [_looks([f for f in figures if f is not None])]})}</script>"
        )
    return (
        f'<section class="model" data-model="{number}"><h2>{_text(model.card.title)}, '
        f"{_text(element)}</h2><dl>{_pairs(model_rows(model, element))}</dl>{drawn}</section>"
    )


def _ticks(report: SpectraReport, key: str) -> list[Any]:
    """Atoms around the absorber of the only structure, where its spectrum is of this model."""
    one = report.structures[0]
    first = one.spectra[0]
    if len(report.structures) > 1 or first.model.key != key or len(one.absorbers) != 1:
        return []
    return neighbours_around(one.atoms, one.absorbers[0])
