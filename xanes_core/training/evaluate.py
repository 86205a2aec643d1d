"""A model measured on anybody's structures with spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset import load_training_set
from xanes_core.descriptors import absorbers_of
from xanes_core.errors import DatasetError, SpectrumError, StructureError
from xanes_core.model import VERDICTS, Report, SpectrumModel, Unseen
from xanes_core.spectra import XANES, feff_to_grid, read_spectrum
from xanes_core.structures import Environment, environment, read_structures, select_sites
from xanes_core.training.recipes import read_features
from xanes_core.training.scores import bands_of, rounded, scores, short_scores

#: Part of the grid, at its upper end, that shows how a spectrum is normalised.
_FAR_SHARE = 0.2
#: Factors of the model's own level there, and of its roughness, beyond which spectra are of
#: another kind: published normalisations differ by up to a fifth, missing broadening by several.
_LEVELS, _ROUGHNESS = (0.6, 1.6), 4.0
STRUCTURES, SPECTRA = "xyz", "xanes"


def evaluate(model: SpectrumModel, path: str | Path, *, report: Report | None = None) -> dict:
    """Every metric with n for a folder of structures with spectra.

    Parameters
    ----------
    model : SpectrumModel
        To be measured.
    path : str or Path
        See :func:`xanes_core.training.evaluate.load_evaluation_data`.
    report : Report, optional
        Of the model: tells which records it was trained on.

    Returns
    -------
    dict
        ``model``; ``n``; ``seen`` (records the model was trained on); ``warnings`` (sentences);
        ``scores``: ``all`` and each element as :func:`xanes_core.training.scores.scores`;
        ``by_verdict``: n, MSE, coverage and width.

    Raises
    ------
    DatasetError
        The data cannot be read, or cannot be compared with what the model predicts.
    """
    data = load_evaluation_data(path, model)
    check_comparable(model, data)
    scaled = model.ensemble.scaler.transform(data.x)
    found = model.predict_features(data.x, data.elements)
    _, spread = model.ensemble.predict(data.x)
    rows = np.arange(len(data.y))
    unseen = Unseen(data.y, found.mu, spread, model.domain.scores(scaled), data.elements, rows)
    bands = bands_of(model.calibration, unseen)
    verdicts = model.domain.verdicts(scaled, data.envs, spread)
    levels = np.array([verdict.level for verdict in verdicts])
    chosen = {"all": np.ones(len(rows), dtype=bool)}
    chosen |= {el: data.elements == el for el in model.elements if (data.elements == el).any()}
    low, high = bands[model.level]
    seen = _seen(model, data, report)
    return {
        "model": model.key,
        "n": len(rows),
        "seen": seen,
        "warnings": _warnings(model, seen, len(rows)),
        "scores": {
            name: rounded(
                scores(
                    model.energy_rel_ev,
                    data.y[mask],
                    found.mu[mask],
                    bands={at: (b[0][mask], b[1][mask]) for at, b in bands.items()},
                    kind=model.kind,
                )
            )
            for name, mask in chosen.items()
        },
        "by_verdict": {
            level: short_scores(unseen.subset(mask), low[mask], high[mask])
            for level in VERDICTS
            if (mask := levels == level).any()
        },
    }


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
    return np.abs(np.diff(curves, n=2, axis=1)).mean(axis=1) + 1e-12


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


@dataclass(frozen=True)
class EvaluationData:
    """Features and spectra of n records on the grid of a model.

    Attributes
    ----------
    names, elements : sequence of str, (n,)
        Records and absorbers.
    x, y : numpy.ndarray, (n, d) and (n, k)
        Features of the model's descriptor, and spectra.
    envs : list of Environment or None
        Where the structures are known.
    sha256 : str
        Hash of the data where it can be compared with that of a training set, else empty.
    """

    names: Sequence[str]
    elements: np.ndarray
    x: np.ndarray
    y: np.ndarray
    envs: list[Environment] | None
    sha256: str


def load_evaluation_data(path: str | Path, model: SpectrumModel) -> EvaluationData:
    """Read structures with spectra for a model.

    Parameters
    ----------
    path : str or Path
        A folder of ``EL.extxyz`` and ``EL.npz`` (see :mod:`xanes_core.dataset.training_set`);
        a folder with ``xyz/NAME.xyz`` and ``xanes/NAME.txt``; or an ``npz`` file with
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
    records = load_training_set(path, kind=model.kind, energy_rel_ev=model.energy_rel_ev)
    kept = records.subset(np.isin(records.elements, model.elements))
    if not len(kept):
        raise DatasetError(f"no record has an absorber that model {model.key} knows")
    envs = [environment(atoms, 0, model.descriptor.r_cut_ang) for atoms in kept.structures]
    return _with_features(kept.names.tolist(), kept.elements, kept.mu, envs, model, kept.sha256)


def _with_features(
    names: Sequence[str],
    elements: np.ndarray,
    y: np.ndarray,
    envs: list[Environment],
    model: SpectrumModel,
    sha256: str,
) -> EvaluationData:
    x = np.array([model.descriptor.transform_environment(env) for env in envs])
    return EvaluationData(names, elements, x, y, envs, sha256)


def _from_pairs(folder: Path, model: SpectrumModel) -> EvaluationData:
    if model.kind != XANES:
        raise DatasetError(f"{SPECTRA}/ holds absorption; model {model.key} predicts emission")
    names, elements, spectra, envs = [], [], [], []
    for file in sorted((folder / STRUCTURES).glob("*.xyz")):
        spectrum = folder / SPECTRA / f"{file.stem}.txt"
        if not spectrum.is_file():
            raise DatasetError(f"{STRUCTURES}/{file.name} has no {SPECTRA}/{spectrum.name}")
        try:
            pair = _pair(file, spectrum, model)
        except (StructureError, SpectrumError) as error:
            raise DatasetError(f"record {file.stem}: {error}") from error
        except OSError as error:
            raise DatasetError(f"record {file.stem} cannot be read ({error.strerror})") from error
        if pair is not None:
            names.append(file.stem)
            for values, value in zip((elements, spectra, envs), pair, strict=True):
                values.append(value)
    if not names:
        raise DatasetError(
            f"no record in {STRUCTURES}/ has an absorber that model {model.key} knows"
        )
    return _with_features(names, np.array(elements), np.array(spectra), envs, model, "")


def _pair(
    structure: Path, spectrum: Path, model: SpectrumModel
) -> tuple[str, np.ndarray, Environment] | None:
    """Absorber, spectrum on the grid and environment; None for an absorber nobody asked for."""
    atoms = read_structures(structure.read_bytes(), name=structure.name)[0]
    element = atoms.get_chemical_symbols()[0]
    index = 0
    if element not in K_EDGE_EV:  # the absorber need not come first
        site = select_sites(atoms, "all")[0]
        element, index = site.element, site.index
    if element not in model.elements:
        return None
    found = read_spectrum(spectrum.read_bytes(), name=spectrum.name, element=element)
    mu = feff_to_grid(
        found.energy_ev, found.mu, e0_ev=K_EDGE_EV[element], grid_rel_ev=model.energy_rel_ev
    )
    return element, mu, environment(atoms, index, model.descriptor.r_cut_ang)


def _from_features(file: Path, model: SpectrumModel) -> EvaluationData:
    x, y, sha256 = read_features(file, model.descriptor.n_features, len(model.energy_rel_ev))
    elements = absorbers_of(model.descriptor, x)
    if elements is None:
        if len(model.elements) > 1:
            raise DatasetError(
                "these features do not tell the absorber; give a folder of structures"
            )
        elements = np.full(len(x), model.elements[0])
    names = [f"sample {i}" for i in range(len(x))]
    return EvaluationData(names, elements, x, y, None, sha256)
