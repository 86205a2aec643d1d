"""Models on disk: ``models/KEY/`` with ``card.json``, ``weights.npz`` and ``SHA256SUMS``.

Nothing is ever unpickled. ``SHA256SUMS`` has the format of the ``sha256sum`` program and is checked
at every load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xanes_core.constants import ABSORBERS
from xanes_core.descriptors import descriptor_by_name
from xanes_core.errors import ModelError
from xanes_core.files import PROJECT, array_bytes, read_arrays, sha256_of, write_bytes
from xanes_core.model.calibration import Calibration
from xanes_core.model.card import Card, card_json
from xanes_core.model.domain import Domain
from xanes_core.model.ensemble import Ensemble
from xanes_core.model.explanation import DistanceHistograms, Importance
from xanes_core.model.kernel import with_support, without_support
from xanes_core.model.report import Report
from xanes_core.model.spectrum_model import SpectrumModel
from xanes_core.spectra import SPECTRUM_KINDS, XANES, SpectrumKind, spectrum_kind

_IMPORTANCE, _DISTANCES, _MEAN_MU = "importance_", "distances_counts", "mean_mu_"
CARD, WEIGHTS, REPORT, SUMS = "card.json", "weights.npz", "report.npz", "SHA256SUMS"


def list_models(
    element: str | None = None,
    kind: SpectrumKind | str | None = None,
    *,
    folder: str | Path | None = None,
) -> list[Card]:
    """Cards of the models, the default one for ``element`` first and emission last.

    Parameters
    ----------
    element : str, optional
        Only models that know this absorber.
    kind : SpectrumKind or {"xanes", "xes"}, optional
        Only models of this kind of spectrum.
    folder : str or Path, optional
        Where to look instead of :func:`models_folder`.

    Returns
    -------
    list of Card
        Sorted by key, without ``element``.

    Raises
    ------
    ModelError
        A card cannot be read.
    SpectrumError
        There is no such kind of spectrum.
    """
    root = Path(folder) if folder is not None else models_folder()
    cards = [_read_card(path.parent) for path in sorted(root.glob(f"*/{CARD}"))]
    if kind is not None:
        wanted = spectrum_kind(kind)
        cards = [card for card in cards if card.kind == wanted]
    if element is None:
        return cards
    known = [card for card in cards if element in card.elements]
    kinds = list(SPECTRUM_KINDS)
    return sorted(
        known, key=lambda card: (kinds.index(card.kind.key), element not in card.default_for)
    )


def load_model(
    key_or_element: str,
    kind: SpectrumKind | str | None = None,
    *,
    folder: str | Path | None = None,
) -> SpectrumModel:
    """Load a model by its key, or the default one of an element.

    Parameters
    ----------
    key_or_element : str
        Such as ``"feff10-3d"`` or ``"Fe"``.
    kind : SpectrumKind or {"xanes", "xes"}, optional
        Kind of spectrum; default XANES for an element, and whatever it is for a key.
    folder : str or Path, optional
        Where to look instead of :func:`models_folder`.

    Returns
    -------
    SpectrumModel

    Raises
    ------
    ModelError
        There is no such model, it predicts another kind of spectrum, or its files are damaged.
    SpectrumError
        There is no such kind of spectrum.
    """
    wanted = None if kind is None else spectrum_kind(kind)
    root = Path(folder) if folder is not None else models_folder()
    keys = sorted(path.parent.name for path in root.glob(f"*/{CARD}"))
    if key_or_element in keys:  # only this model's files are read: others may be damaged
        model = _load(root / key_or_element)
        if wanted not in (None, model.kind):
            raise ModelError(f"model {model.key} predicts {model.kind.key}, not {wanted.key}")
        return model
    element = str(key_or_element).capitalize()
    if element in ABSORBERS:
        cards = list_models(element, wanted or XANES, folder=root)
        if cards:
            return _load(root / cards[0].key)
    known = ", ".join(keys) if keys else "none; restore the models folder"
    what = f"{wanted.key} model for {element}" if wanted else f"model called {key_or_element!r}"
    raise ModelError(f"no {what}; there are: {known}")


def save_model(model: SpectrumModel, folder: str | Path | None = None) -> Path:
    """Write a model; a reader never sees half of one.

    Parameters
    ----------
    model : SpectrumModel
        With the card that it shall have.
    folder : str or Path, optional
        Where to instead of :func:`models_folder`.

    Returns
    -------
    Path
        Folder of the model.

    Raises
    ------
    ModelError
        The card holds what no card may hold, or is that of another model.
    ValueError
        A number of the card is not finite.
    OSError
        The folder cannot be written.
    """
    Card.from_dict(model.card.to_dict(), model.key)
    target = (Path(folder) if folder is not None else models_folder()) / model.key
    weights = {
        "energy_rel_ev": model.energy_rel_ev,
        **without_support(model.ensemble.to_arrays(), model.domain.features),
        **model.calibration.to_arrays(),
        **model.domain.to_arrays(),
        **_explanation_arrays(model),
    }
    contents = {CARD: card_json(model.card).encode(), WEIGHTS: array_bytes(weights)}
    report = model.report or _kept_report(target, model)
    if report is not None:
        contents[REPORT] = array_bytes(report.to_arrays())
    write_model_files(target, contents)
    return target


def _kept_report(target: Path, model: SpectrumModel) -> Report | None:
    """The report a model was stored with before, where it is about the same data."""
    if not (target / CARD).exists():
        return None
    report = load_report(model.key, folder=target.parent)
    same = report is not None and report.sha256 == model.card.training_set.sha256
    return report if same else None


def _load(folder: Path) -> SpectrumModel:
    card = _read_card(folder)
    arrays = unpacked(verified(folder, (CARD, WEIGHTS))[WEIGHTS], folder.name, "weights")
    try:
        return _assembled(card, arrays)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ModelError(
            f"card and weights of model {folder.name} do not fit together ({error}); restore the "
            "model's folder"
        ) from error


def _assembled(card: Card, arrays: dict[str, np.ndarray]) -> SpectrumModel:
    descriptor = descriptor_by_name(card.convention)
    domain = Domain.from_arrays(arrays, card.domain)
    arrays = with_support(arrays, domain.features)
    ensemble = Ensemble.from_arrays(arrays, card.hyper_parameters["activation"])
    if ensemble.n_features != descriptor.n_features:
        raise ModelError(
            f"model {card.key} was trained with {ensemble.n_features} features, but convention "
            f"{descriptor.name!r} has {descriptor.n_features}; train it again"
        )
    if dict(card.descriptor) != descriptor.parameters():  # such as other phase shifts
        raise ModelError(
            f"model {card.key} was trained with other parameters of convention "
            f"{descriptor.name!r} than those of this version; train it again"
        )
    model = SpectrumModel(
        key=card.key,
        card=card,
        descriptor=descriptor,
        energy_rel_ev=arrays["energy_rel_ev"],
        ensemble=ensemble,
        calibration=Calibration.from_arrays(arrays),
        domain=domain,
    )
    x = np.zeros((1, descriptor.n_features))  # shapes that differ show here, not at first use
    model.domain.scores(ensemble.scaler.transform(x))
    if model.predict_features(x).lower.shape != (1, *model.energy_rel_ev.shape):
        raise ValueError("grid and spectra differ in length")
    return _explained(model, arrays)


def _explanation_arrays(model: SpectrumModel) -> dict[str, np.ndarray]:
    """Importance, mean spectra and distances; nothing for a model without them."""
    arrays = {f"{_MEAN_MU}{el}": mu.astype(np.float32) for el, mu in model.mean_mu.items()}
    for key, importance in model.importance.items():
        arrays |= importance.to_arrays(f"{_IMPORTANCE}{key}")
    if model.distances is not None:
        arrays |= model.distances.to_arrays()
    return arrays


def _explained(model: SpectrumModel, arrays: dict[str, np.ndarray]) -> SpectrumModel:
    """Model with what :func:`_explanation_arrays` made of it; older ones have none of it."""
    names = [name for name in arrays if name.startswith(_IMPORTANCE) and name.endswith("_names")]
    prefixes = [name.removesuffix("_names") for name in names]
    energy = arrays["energy_rel_ev"]
    return replace(
        model,
        importance={
            prefix.removeprefix(_IMPORTANCE): Importance.from_arrays(arrays, energy, prefix)
            for prefix in prefixes
        },
        distances=DistanceHistograms.from_arrays(arrays) if _DISTANCES in arrays else None,
        mean_mu={
            name.removeprefix(_MEAN_MU): mu.astype(np.float64)
            for name, mu in arrays.items()
            if name.startswith(_MEAN_MU)
        },
    )


def _read_card(folder: Path) -> Card:
    try:
        content = json.loads(read_model_file(folder / CARD))
    except ValueError as error:
        raise ModelError(f"card.json of model {folder.name} is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise ModelError(f"card.json of model {folder.name} is not an object")
    return Card.from_dict(content, folder.name)


def models_folder() -> Path:
    """Folder of the models: ``$XANES_MODELS``, or ``models`` beside the package."""
    named = os.environ.get("XANES_MODELS")
    return Path(named) if named else PROJECT / "models"


def weights_sha256(key: str) -> str:
    """Checksum of the weights of a model on disk, as its folder lists it; empty where it is not."""
    try:
        return listed((models_folder() / key / SUMS).read_bytes()).get(WEIGHTS, "")
    except OSError:
        return ""


def write_model_files(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files of a model and their checksums; a reader never sees half of one."""
    sums = "".join(f"{sha256_of(data)}  {name}\n" for name, data in contents.items())
    for name, data in {**contents, SUMS: sums.encode()}.items():
        write_bytes(target / name, data)
    if REPORT not in contents:
        (target / REPORT).unlink(missing_ok=True)


def verified(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Contents of files of the model in ``folder``.

    Raises
    ------
    ModelError
        A file is missing or is not that of the checksum.
    """
    contents = {name: read_model_file(folder / name) for name in (*names, SUMS)}
    sums = listed(contents.pop(SUMS))
    for name, data in contents.items():
        if sums.get(name) != sha256_of(data):
            raise ModelError(
                f"{name} of model {folder.name} does not match its checksum: the file is damaged "
                "or was changed; restore the model's folder"
            )
    return contents


def listed(sums: bytes) -> dict[str, str]:
    """Checksums by file name."""
    lines = [line.split() for line in sums.decode("ascii", "replace").splitlines()]
    return {line[1]: line[0] for line in lines if len(line) == 2}


def unpacked(data: bytes, key: str, what: str) -> dict[str, np.ndarray]:
    """Inverse of :func:`~xanes_core.files.array_bytes`.

    Raises
    ------
    ModelError
        It is no such archive.
    """
    try:
        return read_arrays(data)
    except ValueError as error:
        raise ModelError(f"{what} of model {key} cannot be read ({error})") from error


def read_model_file(file: Path) -> bytes:
    """Contents of a file of a model.

    Raises
    ------
    ModelError
        It cannot be read; says which one.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{file.name} of model {file.parent.name} cannot be read ({error.strerror}); restore "
            "the model's folder"
        ) from error


def load_report(key: str, *, folder: str | Path | None = None) -> Report | None:
    """Read what a model makes of every record of its training set.

    Parameters
    ----------
    key : str
        Of the model.
    folder : str or Path, optional
        Where the models lie instead of :func:`xanes_core.model.registry.models_folder`.

    Returns
    -------
    Report or None
        None for a model that was stored without one.

    Raises
    ------
    ModelError
        There is no such model, or its files are damaged.
    """
    root = Path(folder) if folder is not None else models_folder()
    if key not in [path.parent.name for path in root.glob(f"*/{CARD}")]:
        raise ModelError(f"no model called {key!r}, so there is no report of it")
    own = root / key
    if REPORT not in listed(read_model_file(own / SUMS)):
        return None
    contents = verified(own, (WEIGHTS, REPORT))
    return Report.from_arrays(
        unpacked(contents[REPORT], key, "report"), unpacked(contents[WEIGHTS], key, "weights")
    )
