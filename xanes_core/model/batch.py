"""Many structures, predicted as they come: each has its spectrum or the reason why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from ase import Atoms

from xanes_core.errors import XanesError

if TYPE_CHECKING:
    from xanes_core.model.spectrum_model import Prediction, SpectrumModel

#: Structures predicted between two results: what waits when a run is stopped.
CHUNK = 64


def predict_each(
    model: SpectrumModel,
    structures: Iterable[tuple[Atoms, int | str | None]],
    *,
    chunk: int = CHUNK,
) -> Iterator[Prediction | XanesError]:
    """Predict structures one by one, in order, without keeping them.

    One that cannot be predicted gives its error and takes no other along. The numbers are those of
    :meth:`SpectrumModel.predict` to rounding.

    Parameters
    ----------
    model : SpectrumModel
    structures : iterable of (ase.Atoms, absorber)
        As for :meth:`SpectrumModel.predict_many`; taken as they are needed.
    chunk : int, optional
        How many are predicted together, and so wait for each other.
    """
    pairs = iter(structures)
    while together := list(islice(pairs, chunk)):
        found: list[Prediction | XanesError] = []
        try:
            found += model.predict_many(together)
        except XanesError:
            found = [_one(model, pair) for pair in together]
        yield from found


def _one(model: SpectrumModel, pair: tuple[Atoms, int | str | None]) -> Prediction | XanesError:
    try:
        return model.predict_many([pair])[0]
    except XanesError as error:
        return error


def slim(prediction: Prediction) -> Prediction:
    """The prediction without its members and further bands: a tenth of its memory.

    Its spectrum, band and verdict stay; what is read off the members is to be read before.
    """
    return replace(prediction, members=prediction.members[:0].copy(), half_widths={})
