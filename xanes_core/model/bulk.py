"""Spectra or features of structures by the hundred thousand: in chunks, in parts on disk, resumed.

A chunk is a task of its own, so that it can be calculated in any process; what it gives is written
as a part beside the result, and the parts are joined at the end. At no time is more in memory than
a few chunks, and a run that was ended goes on where it was.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from ase import Atoms

from xanes_core.descriptors import descriptor_by_name
from xanes_core.errors import ModelError, XanesError
from xanes_core.files import array_bytes, read_arrays, replacing, write_bytes
from xanes_core.model.batch import predict_each
from xanes_core.model.registry import load_model, weights_sha256
from xanes_core.model.spectrum_model import SpectrumModel
from xanes_core.structures import Piece, select_sites, stream_files

#: Pieces of a chunk: files as a whole, or frames of a trajectory.
CHUNK_PIECES = 256
#: Ends of names of what can be written.
BULK_SUFFIXES = (".npz", ".parquet")
_RUN, _PART = "run.json", "part-{:07d}.npz"
#: Columns that are one text or number per row; others are one vector.
_TEXTS = ("source", "element", "verdict", "error")

#: Columns of a chunk by name, each with one entry per row.
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class BulkJob:
    """What is wanted of every structure.

    Attributes
    ----------
    model : str
        Key of the model that predicts, or an element for its default; empty for features.
    convention : str
        Name of the descriptor whose features are wanted; empty for spectra.
    absorber : int or str or None
        As for :meth:`SpectrumModel.predict`.
    """

    model: str = ""
    convention: str = ""
    absorber: int | str | None = None

    def __post_init__(self) -> None:
        """Refuse a job of both kinds, or of none.

        Raises
        ------
        ModelError
            It names both a model and a convention, or neither.
        """
        if bool(self.model) == bool(self.convention):
            raise ModelError("name a model for spectra or a convention for features, not both")


@dataclass(frozen=True)
class Chunk:
    """A task: pieces of the sources, and the number of the part they make."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def end_byte(self) -> int:
        """Bytes of the sources up to its end."""
        return self.pieces[-1].end_byte


def chunks(pieces: Iterable[Piece], size: int = CHUNK_PIECES) -> Iterator[Chunk]:
    """Bundle pieces, in order; the same pieces make the same chunks."""
    rest, number = iter(pieces), 0
    while together := tuple(islice(rest, size)):
        yield Chunk(number, together)
        number += 1


def calculate(job: BulkJob, chunk: Chunk) -> Columns:
    """Rows of a chunk, one for each structure (spectra) or for each absorber site (features).

    Returns
    -------
    dict
        ``source`` (name of the file), ``frame`` and ``error`` (why there is nothing; empty where
        there is something) of every row; of spectra ``element``, ``verdict``, ``distance`` (to the
        training set, in the unit of the verdict) and ``mu``, ``lower``, ``upper`` (n, k); of
        features ``element``, ``index`` of the absorber and ``x`` (n, d). Numbers of a failure are
        NaN, its index -1.

    Raises
    ------
    ModelError
        There is no such model.
    DescriptorError
        There is no such convention.
    """
    named = [(piece.file, *one) for piece in chunk.pieces for one in piece.structures()]
    return _spectra(job, named) if job.model else _features(job, named)


def _spectra(job: BulkJob, named: Sequence[tuple[str, int, Atoms | XanesError]]) -> Columns:
    model = _loaded(job.model)
    sound = [atoms for _, _, atoms in named if isinstance(atoms, Atoms)]
    found = iter(predict_each(model, [(atoms, job.absorber) for atoms in sound]))
    results = [next(found) if isinstance(one, Atoms) else one for _, _, one in named]
    nothing = np.full(len(model.energy_rel_ev), np.nan, dtype=np.float32)
    rows = [
        ("", "", np.nan, nothing, nothing, nothing, str(one))
        if isinstance(one, XanesError)
        else (one.element, one.domain.level, one.domain.score, one.mu, one.lower, one.upper, "")
        for one in results
    ]
    elements, verdicts, distances, mu, lower, upper, errors = zip(*rows, strict=True)
    return {
        "source": np.array([file for file, _, _ in named]),
        "frame": np.array([frame for _, frame, _ in named], dtype=np.int64),
        "element": np.array(elements),
        "verdict": np.array(verdicts),
        "distance": np.array(distances, dtype=np.float32),
        "mu": np.array(mu, dtype=np.float32),
        "lower": np.array(lower, dtype=np.float32),
        "upper": np.array(upper, dtype=np.float32),
        "error": np.array(errors),
    }


def _features(job: BulkJob, named: Sequence[tuple[str, int, Atoms | XanesError]]) -> Columns:
    descriptor = descriptor_by_name(job.convention)
    nothing = np.full(descriptor.n_features, np.nan)
    rows: list[tuple[str, int, str, int, np.ndarray, str]] = []
    for file, frame, atoms in named:
        try:
            if isinstance(atoms, XanesError):
                raise atoms
            rows += [
                (file, frame, site.element, site.index, descriptor.transform(atoms, site.index), "")
                for site in select_sites(atoms, job.absorber)
            ]
        except XanesError as error:
            rows.append((file, frame, "", -1, nothing, str(error)))
    files, frames, elements, indices, x, errors = zip(*rows, strict=True)
    return {
        "source": np.array(files),
        "frame": np.array(frames, dtype=np.int64),
        "element": np.array(elements),
        "index": np.array(indices, dtype=np.int64),
        "x": np.array(x),
        "error": np.array(errors),
    }


@lru_cache(maxsize=2)
def _loaded(key: str) -> SpectrumModel:
    """Model of a key or an element; once per process."""
    return load_model(key)


class Parts:
    """What a run has calculated so far, in a folder beside the file that it is to become.

    Parameters
    ----------
    out : Path
        The file.
    job : BulkJob
        What is calculated.
    sources : sequence of Path
        What it is calculated of.

    Raises
    ------
    ModelError
        The folder holds parts of another run, or the name of the file says no format that can be
        written.
    OSError
        The folder cannot be made or written.
    """

    def __init__(self, out: Path, job: BulkJob, sources: Sequence[Path]) -> None:
        if out.suffix.lower() not in BULK_SUFFIXES:
            raise ModelError(f"{out.name}: the name must end in {' or '.join(BULK_SUFFIXES)}")
        self.out, self.job = out, job
        self.folder = out.parent / f".{out.name}.parts"
        told = json.dumps(_described(job, sources), indent=1, sort_keys=True)
        run = self.folder / _RUN
        if run.exists() and run.read_text(encoding="utf-8") != told:
            raise ModelError(
                f"{self.folder.name} beside {out.name} holds parts of another run (other files, "
                "model or absorber): remove that folder, or choose another --out"
            )
        write_bytes(run, told.encode())

    def done(self, number: int) -> bool:
        """Whether a part is there."""
        return self._path(number).exists()

    def add(self, number: int, columns: Columns) -> None:
        """Write a part, in one piece."""
        write_bytes(self._path(number), array_bytes(columns))

    def read(self, number: int, names: Iterable[str] | None = None) -> Columns:
        """Columns of a part; all of them, or the named ones that it has, and nothing else is read.

        Raises
        ------
        ModelError
            It is damaged.
        """
        path = self._path(number)
        try:
            return read_arrays(path.read_bytes(), names)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{path.name} in {self.folder.name} is damaged: remove it and run the command again"
            ) from error

    def join(self, count: int) -> None:
        """Make the file of parts 0 to ``count - 1``, in one piece, and remove them.

        Raises
        ------
        ModelError
            There is nothing, or a part is damaged.
        OSError
            The file cannot be written.
        """
        if count == 0:
            raise ModelError("the files hold no structure, so there is nothing to write")
        write = _write_npz if self.out.suffix.lower() == ".npz" else _write_parquet
        with replacing(self.out) as temporary:
            write(temporary, self, count)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / _PART.format(number)


def _described(job: BulkJob, sources: Sequence[Path]) -> dict[str, object]:
    """What must be the same for parts to belong together."""
    files = [
        [path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in stream_files(sources)
    ]
    weights = weights_sha256(_loaded(job.model).key) if job.model else ""
    return {**asdict(job), "files": files, "weights": weights, "chunk": CHUNK_PIECES}


def _constants(job: BulkJob) -> dict[str, np.ndarray]:
    """What is the same for all rows."""
    if job.model:
        model = _loaded(job.model)
        return {"energy_rel_ev": model.energy_rel_ev, "model": np.array(model.key)}
    names = descriptor_by_name(job.convention).feature_names
    return {"feature_names": np.array(names), "convention": np.array(job.convention)}


def _write_npz(target: Path, parts: Parts, count: int) -> None:
    """Column after column, part after part: numpy alone would want all of it in memory."""
    first = parts.read(0)
    widths, length = dict.fromkeys(_TEXTS, 1), 0
    for number in range(count):
        part = parts.read(number, _TEXTS)
        length += len(part["source"])
        for name, texts in part.items():
            widths[name] = max(widths[name], texts.dtype.itemsize // 4)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, column in first.items():
            dtype = np.dtype(f"<U{widths[name]}") if name in _TEXTS else column.dtype
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                header = {
                    "descr": np.lib.format.dtype_to_descr(dtype),
                    "fortran_order": False,
                    "shape": (length, *column.shape[1:]),
                }
                np.lib.format.write_array_header_1_0(stream, header)
                for number in range(count):
                    own = parts.read(number, [name])[name]
                    stream.write(np.ascontiguousarray(own, dtype).tobytes())
        for name, values in _constants(parts.job).items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, values, allow_pickle=False)


def _write_parquet(target: Path, parts: Parts, count: int) -> None:
    """A row group for every part; what is the same for all rows is in the file's metadata."""
    import pyarrow as pa  # half a second that nothing else needs
    import pyarrow.parquet as pq

    constants = {
        name: json.dumps(values.tolist()) for name, values in _constants(parts.job).items()
    }
    writer = None
    try:
        for number in range(count):
            columns = {
                name: pa.array(values)
                if values.ndim == 1
                else pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
                for name, values in parts.read(number).items()
            }
            table = pa.table(columns).replace_schema_metadata(constants)
            if writer is None:
                writer = pq.ParquetWriter(target, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
