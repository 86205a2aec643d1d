"""Many structures at once: what is predicted of them, a table with a line for each, and one zip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from ase import Atoms

from pages.parts.predict.features import batch_cell
from pages.parts.predict.report import batch_report_button
from pages.parts.predict.stream import Run, Task, TaskKey, is_complete, named
from pages.parts.shared import inputs
from pages.parts.shared.choices import absorber_in_view, absorber_options, element_of, model_for
from pages.parts.shared.downloads import download_button
from pages.parts.shared.inputs import StructureEntry, StructureFile, files
from pages.parts.shared.library import cached_model, structure_key
from pages.parts.shared.session import owner
from xanes_core.errors import XanesError
from xanes_core.model import BatchResult, Overlaid, Prediction, to_zip
from xanes_core.plots import EnergyAxis
from xanes_core.spectra import XANES, XES, SpectrumKind

#: Structures and frames that the page predicts; the command line takes any number.
MAX_PREDICTED = 5000
#: So few are predicted at once, before the page goes on.
_AT_ONCE = 8
_RUN, _KNOWN, _STOPPED, _HASHES = "batch_run", "batch_known", "batch_stopped", "batch_hashes"
#: Columns of the table and the features in them, by kind of spectrum.
_COLUMNS = {
    XANES: {
        "Edge (eV)": "edge_half_ev",
        "White line (eV)": "white_line_ev",
        "White line height": "white_line_height",
        "Pre-edge (eV)": "pre_edge_ev",
    },
    XES: {
        "Main maximum (eV)": "main_peak_ev",
        "Mean energy (eV)": "mean_energy_ev",
        "Peak below (eV)": "satellite_ev",
    },
}


@dataclass(frozen=True, eq=False)
class Row:
    """One spectrum to be: of which frame of which entry, and what makes it or why nothing can."""

    name: str
    entry: StructureEntry | None = None
    frame: int = 0
    kind: SpectrumKind | None = None
    task: Task | None = None
    error: str = ""


@dataclass(frozen=True, eq=False)
class Batch:
    """Everything that is predicted of the uploaded files, as far as it is known by now."""

    rows: list[Row] = field(default_factory=list)
    left_out: int = 0

    def result(self, row: Row) -> BatchResult | None:
        """What is known of a row; None while it is not predicted."""
        if row.task is None:
            return BatchResult(row.name, error=row.error)
        found = _known().get(row.task.key)
        return None if found is None else named(found, row.name)

    def predictions(
        self, entry: StructureEntry, kind: SpectrumKind
    ) -> dict[int, tuple[Prediction, Mapping[str, object]]]:
        """Predictions of an entry and the numbers read off them, by frame from 0."""
        found = {}
        for row in self.rows:
            if row.entry is not None and row.entry.key == entry.key and row.kind == kind:
                result = self.result(row)
                if result is not None and result.prediction is not None:
                    found[row.frame] = (result.prediction, result.extra)
        return found

    def keys(self) -> list[TaskKey]:
        """Keys of all tasks."""
        return [row.task.key for row in self.rows if row.task is not None]


def _known() -> dict[TaskKey, BatchResult]:
    """Results of this session."""
    return st.session_state.setdefault(_KNOWN, {})


def running() -> Run | None:
    """The run of this session that works behind the page."""
    run = st.session_state.get(_RUN)
    return run if run is not None and run.running else None


# --- what is to be predicted ---------------------------------------------------------------------


def plan(
    entries: Sequence[StructureEntry],
    failed: Sequence[StructureFile],
    model_choices: Mapping[SpectrumKind, str],
) -> Batch:
    """A row for every uploaded frame and kind of spectrum, and one for each file that failed.

    `model_choices` holds the key of the model by kind of spectrum.
    """
    uploaded = [entry for entry in entries if not entry.is_example]
    total = sum(len(entry.frames) for entry in uploaded)
    rows: list[Row] = []
    room = MAX_PREDICTED
    models = _Models(model_choices)
    for entry in uploaded:
        rows += _rows_of(entry, min(room, len(entry.frames)), models)
        room = max(room - len(entry.frames), 0)
    rows += [Row(one.name, error=one.error) for one in failed]
    return Batch(rows, max(total - MAX_PREDICTED, 0))


class _Models:
    """Models by element: asked once for each, however many structures hold it."""

    def __init__(self, choices: Mapping[SpectrumKind, str]) -> None:
        self._choices = choices
        self._found: dict[str, dict[SpectrumKind, str | None]] = {}

    def of(self, element: str, first: tuple[Atoms, int | str]) -> dict[SpectrumKind, str | None]:
        """Key of the model by kind of spectrum."""
        if element not in self._found:
            self._found[element] = {
                kind: model_for(element, kind, wanted, first)
                for kind, wanted in self._choices.items()
            }
        return self._found[element]


def _rows_of(entry: StructureEntry, n_frames: int, models: _Models) -> list[Row]:
    """Rows of one entry; what frames of the same atoms have in common is looked up once."""
    rows: list[Row] = []
    keys = _structure_keys(entry)
    before, absorber, error = None, None, ""
    for frame, atoms in enumerate(entry.frames[:n_frames]):
        if before is None or not np.array_equal(before.numbers, atoms.numbers):
            before = atoms
            absorber, error = _absorber(entry, frame)
        name = entry.frame_name(frame)
        if absorber is None:
            rows.append(Row(name, entry, frame, error=error))
            continue
        element = element_of(atoms, absorber)
        for kind, model in models.of(element, (atoms, absorber)).items():
            if model is None:
                said = f"No shipped model predicts {kind.title} of {element}."
                rows.append(Row(name, entry, frame, kind, error=said))
            else:
                task = Task((keys[frame], absorber, model), atoms, absorber)
                rows.append(Row(name, entry, frame, kind, task))
    return rows


def _absorber(entry: StructureEntry, frame: int) -> tuple[int | str | None, str]:
    """Absorber of one frame, or why there is none."""
    try:
        options = absorber_options(entry.frames[frame])
    except XanesError as error:
        return None, str(error)
    if not options:
        return None, "This frame holds no supported metal."
    return absorber_in_view(entry, options), ""


def _structure_keys(entry: StructureEntry) -> list[str]:
    """Hashes of the frames of an entry, made once for as long as it is there."""
    hashes = st.session_state.setdefault(_HASHES, {})
    frames, keys = hashes.get(entry.key, (None, []))
    if frames is not entry.frames:
        keys = [structure_key(atoms) for atoms in entry.frames]
        hashes[entry.key] = (entry.frames, keys)
    return keys


# --- making it -----------------------------------------------------------------------------------


def update(entries: Sequence[StructureEntry], model_keys: Mapping[SpectrumKind, str]) -> Batch:
    """What is known of the uploaded files; starts predicting what is not, few at once.

    Nothing, unless there is more than one spectrum to take home.
    """
    uploaded = [entry for entry in entries if not entry.is_example]
    failed = [one for one in files().values() if one.error]
    if len(uploaded) + len(failed) < 2 and not any(len(e.frames) > 1 for e in uploaded):
        _leave()
        return Batch()
    batch = plan(uploaded, failed, model_keys)
    keys = batch.keys()
    known, run = _known(), running()
    waiting = [
        row.task for row in batch.rows if row.task and not is_complete(known.get(row.task.key))
    ]
    if run is not None and run.covers([task.key for task in waiting]):
        return batch
    _leave()
    if not waiting or st.session_state.get(_STOPPED) == hash(tuple(keys)):
        return batch
    st.session_state.pop(_STOPPED, None)
    models = {key: cached_model(key) for key in {task.key[2] for task in waiting}}
    run = Run(waiting, known, models, owner()[1])
    if len(waiting) <= _AT_ONCE:
        run.finish()
    else:
        st.session_state[_RUN] = run
        run.start()
    return batch


def _leave() -> None:
    """Stop a run that is not for what is in view."""
    run = running()
    if run is not None:
        run.stop()


def _stop(keys: list[TaskKey]) -> None:
    """Stop for the reader, who may go on later."""
    _leave()
    st.session_state[_STOPPED] = hash(tuple(keys))


# --- showing it ----------------------------------------------------------------------------------


def show_batch(
    batch: Batch,
    model_keys: Mapping[SpectrumKind, str],
    overlaid: Mapping[SpectrumKind, Overlaid] | None = None,
) -> None:
    """Table and zip of every uploaded file, with the state of the run while there is one."""
    if not batch.rows:
        return
    st.markdown("## All files")
    run = running()
    if run is None:
        with st.container():  # here as while it runs, so that the table stays where it is
            _offer_to_go_on(batch)
        _table(batch, model_keys, overlaid)
        return
    spectra_were_done = run.spectra_done

    @st.fragment(run_every=1.0)
    def watched() -> None:
        if st.session_state.pop("batch_picked", False):
            st.rerun()
        if not run.running or run.spectra_done != spectra_were_done:
            st.rerun()  # the figures above can show more now
        with st.container():
            _progress(run, batch.keys())
        _table(batch, model_keys, overlaid)

    watched()


def _progress(run: Run, keys: list[TaskKey]) -> None:
    spectra, numbers, total = run.progress()
    share = 0.1 * spectra / total + 0.9 * numbers / total
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key="batch_running"
    ):
        st.progress(
            min(share, 1.0),
            f"{spectra:,} of {total:,} spectra predicted, edge and peaks read off {numbers:,}",
        )
        st.button(
            "Stop", key="batch_stop", on_click=_stop, args=(keys,), help="Keeps what is done."
        )


def _offer_to_go_on(batch: Batch) -> None:
    """After Stop: how far it came, and a button that goes on."""
    keys = batch.keys()
    if st.session_state.get(_STOPPED) != hash(tuple(keys)):
        return
    done = sum(is_complete(_known().get(key)) for key in keys)
    if done == len(keys):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="batch_stopped"):
        st.markdown(f"Stopped: {done:,} of {len(keys):,} are complete.")
        st.button("Go on", key="batch_go_on", on_click=lambda: st.session_state.pop(_STOPPED, None))


def _table(
    batch: Batch,
    model_keys: Mapping[SpectrumKind, str],
    overlaid: Mapping[SpectrumKind, Overlaid] | None,
) -> None:
    import pandas as pd  # a third of a second, which an empty page does without

    columns = ["Name", "Absorber", *(c for kind in model_keys for c in _COLUMNS[kind]), "Result"]
    known = [(row, found) for row in batch.rows if (found := batch.result(row)) is not None]
    # one line for what is wrong with a structure, which is wrong for both of its spectra
    seen: set[tuple[str, str]] = set()
    shown: list[tuple[Row, BatchResult]] = []
    for row, found in known:
        if not found.error or (row.name, found.error) not in seen:
            shown.append((row, found))
        if found.error:
            seen.add((row.name, found.error))
    shown.sort(key=lambda pair: pair[1].prediction is not None)
    order = [(row.entry, row.frame) for row, _ in shown]
    st.dataframe(
        pd.DataFrame([dict.fromkeys(columns, "") | _cells(r) for _, r in shown], columns=columns),
        hide_index=True,
        key="batch_table",
        on_select=lambda: _bring_into_view(order),
        selection_mode="single-cell",
        column_config={
            "Name": st.column_config.TextColumn(width="medium"),
            "Result": st.column_config.TextColumn(width="large"),
        },
    )
    results = [found for _, found in shown]
    done = sum(found.prediction is not None for found in results)
    waiting = len(batch.rows) - len(known)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        kinds = "_".join(kind.key for kind in model_keys)
        download_button(
            "Download all as zip", lambda: to_zip(results, overlaid), f"{kinds}_spectra.zip",
            key="download_zip", disabled=not done,
        )  # fmt: skip
        entries = {row.entry.key: row.entry for row, _ in shown if row.entry is not None}
        batch_report_button(list(entries.values()), results)
        said = f"{done:,} predicted, {len(results) - done:,} failed"
        if waiting:
            said += f", {waiting:,} to come"
        st.caption(f"{said}. Energies relative to E0. A click on a line shows it above.")
    if batch.left_out:
        st.caption(
            f"The first {MAX_PREDICTED:,} structures are predicted here, {batch.left_out:,} are "
            "left out; the command line takes all."
        )


def _bring_into_view(order: Sequence[tuple[StructureEntry | None, int]]) -> None:
    """Show the structure and frame of the line that was clicked."""
    cells = st.session_state["batch_table"]["selection"]["cells"]
    if not cells or cells[0][0] >= len(order):
        return
    entry, frame = order[cells[0][0]]
    if entry is not None:
        inputs.activate(entry.key)
        inputs.show_frame(entry, frame)
        st.session_state["batch_picked"] = True


def _cells(result: BatchResult) -> dict[str, str]:
    prediction = result.prediction
    if prediction is None:
        return {"Name": result.name, "Result": result.error}
    kind = prediction.kind
    own = {"Name": result.name, "Absorber": prediction.element}
    said = f"{kind.title} predicted by {prediction.model_key}, {prediction.domain.level}"
    pairs = {label: batch_cell(result.extra, name) for label, name in _COLUMNS[kind].items()}
    return own | pairs | {"Result": said}


def values_of(
    extra: Sequence[Mapping[str, object]], kind: SpectrumKind, axis: EnergyAxis
) -> dict[str, np.ndarray]:
    """Numbers of frames by the title of their column, energies as on the axis.

    NaN where a frame has none or it is to come; a column without any is left out.
    """
    found = {}
    for title, name in _COLUMNS[kind].items():
        values = np.array([float(str(one.get(name) or "nan")) for one in extra])
        if not np.isfinite(values).any():
            continue
        if name.endswith("_ev"):
            values += axis.offset_ev
            title += " relative to E0" if axis.is_relative else ""
        found[title] = values
    return found
