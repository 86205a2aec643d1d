"""A model measured on anybody's structures with spectra."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset import load_training_set
from xanes_core.dataset.displaced import RESPONSE, read_displaced
from xanes_core.dataset.rows import read_rows
from xanes_core.dataset.shards import read_shard, shard_files
from xanes_core.descriptors import absorbers_of
from xanes_core.errors import DatasetError, SpectrumError, StructureError
from xanes_core.model import Copies, Report, Samples, SpectrumModel, Unseen
from xanes_core.spectra import XANES, feff_to_grid, read_spectrum
from xanes_core.structures import Environment, environment, read_structures, select_sites
from xanes_core.training.assessment import Response
from xanes_core.training.recipes import read_features
from xanes_core.training.scores import (
    Scores,
    bands_of,
    by_element,
    by_verdict,
    response_metrics,
    rounded,
    scores,
)

#: Part of the grid, at its upper end, that shows how a spectrum is normalised.
_FAR_SHARE = 0.2
#: Factors of the model's own level there, and of its roughness, beyond which spectra are of
#: another kind: published normalisations differ by up to a fifth, missing broadening by several.
_LEVELS, _ROUGHNESS = (0.6, 1.6), 4.0
STRUCTURES, SPECTRA = "xyz", "xanes"


@dataclass(frozen=True)
class EvaluationData(Samples):
    """Samples on the grid of a model, with features of its descriptor; n records.

    Attributes
    ----------
    copies : Copies or None
        None: copies are measured apart.
    names : sequence of str, (n,)
        Records.
    sha256 : str
        Hash of the data where it can be compared with that of a training set, else empty.
    """

    copies: Copies | None = field(default=None, kw_only=True)
    names: Sequence[str]
    sha256: str


def evaluate(
    model: SpectrumModel,
    path: str | Path,
    *,
    report: Report | None = None,
    displaced: str | Path | None = None,
) -> dict[str, Any]:
    """Every metric with n for a folder of structures with spectra.

    Parameters
    ----------
    model : SpectrumModel
        To be measured.
    path : str or Path
        See :func:`xanes_core.training.evaluate.load_evaluation_data`.
    report : Report, optional
        Of the model: tells which records it was trained on.
    displaced : str or Path, optional
        Folder of displaced copies (see :mod:`xanes_core.dataset.displaced`) of records of a
        training set at ``path``, to measure the response on those of held-out ones.

    Returns
    -------
    dict
        ``model``; ``n``; ``seen`` (records the model was trained on); ``warnings`` (sentences);
        ``scores``: ``all`` and each element as :func:`xanes_core.training.scores.scores`;
        ``by_verdict``: n, MSE, coverage and width; with ``displaced``, ``response`` as
        :func:`xanes_core.training.scores.response_metrics`.

    Raises
    ------
    DatasetError
        The data cannot be read, or cannot be compared with what the model predicts.
    """
    data = load_evaluation_data(path, model)
    check_comparable(model, data)
    scaled = model.ensemble.scaler.transform(data.x)
    mu = model.predict_features(data.x, data.elements).mu
    _, spread = model.ensemble.predict(data.x)
    distance = model.domain.scores(scaled)
    unseen = Unseen(data.y, mu, spread, distance, data.elements, np.arange(len(data)))
    bands = bands_of(model.calibration, unseen)
    verdicts = model.domain.verdicts(scaled, data.envs, spread)
    levels = np.array([verdict.level for verdict in verdicts])
    seen = _seen(model, data, report)
    changes = {} if displaced is None else {"response": _response(model, Path(path), displaced)}
    return changes | {
        "model": model.key,
        "n": len(data),
        "seen": seen,
        "warnings": _warnings(model, seen, len(data)),
        "scores": {
            name: rounded(
                scores(
                    model.energy_rel_ev,
                    data.y[mask],
                    mu[mask],
                    bands={level: (low[mask], high[mask]) for level, (low, high) in bands.items()},
                    kind=model.kind,
                )
            )
            for name, mask in by_element(data.elements, model.elements).items()
        },
        "by_verdict": by_verdict(unseen, levels, bands[model.level]),
    }


def _response(model: SpectrumModel, folder: Path, displaced: str | Path) -> dict[str, Scores]:
    """Scores of the changes from held-out records of a training set to their displaced copies."""
    if model.kind != XANES:
        raise DatasetError(f"displaced copies have absorption; model {model.key} predicts emission")
    parents = load_training_set(folder, energy_rel_ev=model.energy_rel_ev)
    parents = parents.subset(np.isin(parents.elements, model.elements))
    copies = read_displaced(displaced, parents, RESPONSE)
    if not len(copies):
        raise DatasetError(f"{displaced} holds no displaced copy of a held-out record of {folder}")
    elements = copies.elements

    def predicted(structures: Iterable[Atoms]) -> np.ndarray:
        x = model.descriptor.transform_many((atoms, 0) for atoms in structures)
        return model.predict_features(x, elements).mu

    starts = [parents.structures[row] for row in copies.parents]
    return response_metrics(
        Response(
            predicted=predicted(copies.structures) - predicted(starts),
            calculated=copies.mu - parents.mu[copies.parents],
            moves=np.array([atoms.info["moves"] for atoms in copies.structures], dtype=str),
            elements=elements,
        )
    )


def check_comparable(model: SpectrumModel, data: EvaluationData) -> None:
    """Refuse spectra that no error could be told of: another normalisation, or no broadening.

    Parameters
    ----------
    model, data
        What is compared; the model's mean training spectra tell what its spectra look like.

    Raises
    ------
    DatasetError
        The level far above the edge is another, or the curves are far rougher.
    """
    if not model.mean_mu or model.kind != XANES:
        return
    own = np.mean([mu for mu in model.mean_mu.values()], axis=0)
    far = slice(-max(2, round(_FAR_SHARE * len(own))), None)
    level = float(np.median(data.y[:, far].mean(axis=1)) / own[far].mean())
    if not _LEVELS[0] <= level <= _LEVELS[1]:
        raise DatasetError(
            f"these spectra cannot be compared with model {model.key}: far above the edge they lie "
            f"at {level:.2g} times its level, so they are normalised otherwise (or not at all); "
            "normalise them to an edge step of 1 first"
        )
    predicted = model.predict_features(data.x, data.elements).mu
    rough = float(np.median(_roughness(data.y) / _roughness(predicted)))
    if rough > _ROUGHNESS:
        raise DatasetError(
            f"these spectra cannot be compared with model {model.key}: they are {rough:.1f} times "
            "as rough as what it predicts, as spectra without core-hole broadening are; convolve "
            f"them first (the model's own: {model.card.broadening})"
        )


def _roughness(curves: np.ndarray) -> np.ndarray:
    """Mean size of the second difference, (n,)."""
    size: np.ndarray = np.abs(np.diff(curves, n=2, axis=1)).mean(axis=1)
    return size + 1e-12


def _seen(model: SpectrumModel, data: EvaluationData, report: Report | None) -> int:
    if data.sha256 and data.sha256 == model.card.training_set.sha256:
        return len(data.y)
    if report is None or data.envs is None:
        return 0
    return int(np.isin(data.names, report.names).sum())


def _warnings(model: SpectrumModel, seen: int, n: int) -> list[str]:
    if not seen:
        return []
    return [
        f"model {model.key} was trained on {seen} of these {n} records: the scores flatter it "
        "there; its card holds those of records it had not seen"
    ]


def load_evaluation_data(path: str | Path, model: SpectrumModel) -> EvaluationData:
    """Read structures with spectra for a model.

    Parameters
    ----------
    path : str or Path
        A folder of ``EL.extxyz`` and ``EL.npz`` (see :mod:`xanes_core.dataset.training_set`);
        a folder with ``xyz/NAME.xyz`` and ``xanes/NAME.txt``; a folder of spectra of published
        structures with their features (see :mod:`xanes_core.dataset.rows`), of which those held
        out are taken; or an ``npz`` file with
        features ``x`` (n, d) and spectra ``y`` (n, k) on the model's grid.
    model : SpectrumModel
        Decides descriptor, grid and which absorbers are kept.

    Raises
    ------
    DatasetError
        Nothing like that is there, or something in it cannot be used.
    """
    path = Path(path)
    if path.is_file():
        return _from_features(path, model)
    if (path / STRUCTURES).is_dir():
        return _from_pairs(path, model)
    if not path.is_dir():
        raise DatasetError(
            f"nothing at {path.name}: give a folder with EL.extxyz and EL.npz, a folder with "
            f"{STRUCTURES}/NAME.xyz and {SPECTRA}/NAME.txt, or an npz file with x and y"
        )
    if any(shard_files(path, model.kind)):
        return _from_shards(path, model)
    stored = load_training_set(path, kind=model.kind, energy_rel_ev=model.energy_rel_ev)
    kept = stored.subset(np.isin(stored.elements, model.elements))
    if not len(kept):
        raise DatasetError(f"no record has an absorber that model {model.key} knows")
    envs = [environment(atoms, 0, model.descriptor.r_cut_ang) for atoms in kept.structures]
    rows = zip(kept.names.tolist(), kept.elements.tolist(), kept.mu, envs, strict=True)
    return _featured([_Record(*row) for row in rows], model, kept.sha256)


def _from_shards(folder: Path, model: SpectrumModel) -> EvaluationData:
    if any(record.atoms is not None for record in read_shard(shard_files(folder, model.kind)[0])):
        raise DatasetError(
            f"{folder} holds displaced copies: give the set of their parents as data, and this "
            "folder with --displaced"
        )
    rows = read_rows(folder, model.descriptor, kind=model.kind)
    rows = rows.subset(rows.held_out & np.isin(rows.elements, model.elements))
    return EvaluationData(
        x=rows.x,
        y=rows.y,
        elements=rows.elements,
        energy_rel_ev=model.energy_rel_ev,
        envs=rows.envs,
        names=rows.names.tolist(),
        sha256="",
    )


@dataclass(frozen=True)
class _Record:
    """One absorber with its spectrum (k,) on the grid of a model."""

    name: str
    element: str
    mu: np.ndarray
    env: Environment


def _featured(records: Sequence[_Record], model: SpectrumModel, sha256: str) -> EvaluationData:
    envs = tuple(record.env for record in records)
    return EvaluationData(
        x=np.array([model.descriptor.transform_environment(env) for env in envs]),
        y=np.array([record.mu for record in records]),
        elements=np.array([record.element for record in records]),
        energy_rel_ev=model.energy_rel_ev,
        envs=envs,
        names=[record.name for record in records],
        sha256=sha256,
    )


def _from_pairs(folder: Path, model: SpectrumModel) -> EvaluationData:
    if model.kind != XANES:
        raise DatasetError(f"{SPECTRA}/ holds absorption; model {model.key} predicts emission")
    records = []
    for file in sorted((folder / STRUCTURES).glob("*.xyz")):
        spectrum = folder / SPECTRA / f"{file.stem}.txt"
        if not spectrum.is_file():
            raise DatasetError(f"{STRUCTURES}/{file.name} has no {SPECTRA}/{spectrum.name}")
        try:
            record = _pair(file, spectrum, model)
        except (StructureError, SpectrumError) as error:
            raise DatasetError(f"record {file.stem}: {error}") from error
        except OSError as error:
            raise DatasetError(f"record {file.stem} cannot be read ({error.strerror})") from error
        if record is not None:
            records.append(record)
    if not records:
        raise DatasetError(
            f"no record in {STRUCTURES}/ has an absorber that model {model.key} knows"
        )
    return _featured(records, model, "")


def _pair(structure: Path, spectrum: Path, model: SpectrumModel) -> _Record | None:
    """Record of two files; None for an absorber nobody asked for."""
    atoms = read_structures(structure.read_bytes(), name=structure.name)[0]
    element = str(atoms.get_chemical_symbols()[0])
    index = 0
    if element not in K_EDGE_EV:  # the absorber need not come first
        site = select_sites(atoms, "all")[0]
        element, index = site.element, site.index
    if element not in model.elements:
        return None
    curve = read_spectrum(spectrum.read_bytes(), name=spectrum.name, element=element)
    mu = feff_to_grid(
        curve.energy_ev, curve.mu, e0_ev=K_EDGE_EV[element], grid_rel_ev=model.energy_rel_ev
    )
    env = environment(atoms, index, model.descriptor.r_cut_ang)
    return _Record(structure.stem, element, mu, env)


def _from_features(file: Path, model: SpectrumModel) -> EvaluationData:
    x, y, sha256 = read_features(file, model.descriptor.n_features, len(model.energy_rel_ev))
    elements = absorbers_of(model.descriptor, x)
    if elements is None:
        if len(model.elements) > 1:
            raise DatasetError(
                "these features do not tell the absorber; give a folder of structures"
            )
        elements = np.full(len(x), model.elements[0])
    return EvaluationData(
        x=x,
        y=y,
        elements=elements,
        energy_rel_ev=model.energy_rel_ev,
        envs=None,
        names=[f"sample {i}" for i in range(len(x))],
        sha256=sha256,
    )
