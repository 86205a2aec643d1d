"""A structure with the moves that a fit may make, and its spectra at many of their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from xanes_core.errors import RefinementCancelled, RefinementError, StructureError
from xanes_core.model import Prediction, SpectrumModel, check_environment
from xanes_core.refinement.measured import Measured
from xanes_core.refinement.model_errors import WIDTH_LEVEL, ModelErrors
from xanes_core.spectra import XANES
from xanes_core.structures import (
    Movable,
    Move,
    Suggestion,
    cluster_around,
    environment,
    move_label,
    move_limits,
    parse_move,
    select_sites,
)

#: Most moves that one spectrum may be asked about.
MAX_MOVES = 6
#: Values that may always be tried, by unit: where ligands stand close from the start, the range in
#: which nothing touches can be none at all.
LEAST_RANGE = {"A": 0.15, "deg": 10.0}
#: Structures between two looks at whether somebody wants to stop.
_CHUNK = 32


@dataclass(frozen=True, eq=False)
class MovedStructure:
    """Structure, moves and ranges of a fit; p moves.

    Attributes
    ----------
    body : Movable
    moves : tuple of Move, (p,)
    low, high : numpy.ndarray, (p,)
        Ranges of their values (A or degrees).
    labels : tuple of str, (p,)
        In a chemist's words.
    notes : tuple of str
        What a reader should know of the structure.
    """

    body: Movable
    moves: tuple[Move, ...]
    low: np.ndarray
    high: np.ndarray
    labels: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls, atoms: Atoms, absorber: int | str | None, moves: Sequence[str | Move | Suggestion]
    ) -> MovedStructure:
        """Check a structure and the moves asked for.

        Parameters
        ----------
        atoms : ase.Atoms
            Molecule or crystal; of a crystal a cluster around the absorber is moved.
        absorber : int or str or None
            As for :meth:`xanes_core.model.SpectrumModel.predict`; one site.
        moves : sequence of str, Move or Suggestion
            Words, moves, or moves with ranges of their own.

        Raises
        ------
        RefinementError
            No move, more than six, one twice, one that is made or not, no range, or several sites.
        StructureError
            The structure cannot make a move, or has no such absorber.
        """
        sites = select_sites(atoms, absorber)
        if len(sites) > 1:
            raise RefinementError(
                f"{len(sites)} sites of {sites[0].element} differ (atoms "
                f"{', '.join(str(site.index) for site in sites)}): name the one to move around "
                "with its index"
            )
        notes = []
        index = sites[0].index
        others = int((atoms.symbols == sites[0].element).sum()) - 1
        if atoms.pbc.any():
            atoms, index = cluster_around(atoms, index), 0
            notes.append("of the crystal a cluster around the absorber was moved and is returned")
        elif others:
            notes.append(
                f"the structure has {others} more {sites[0].element}: the spectrum is taken as "
                f"that of atom {index} alone"
            )
        body = Movable(atoms, index)
        chosen = [_ranged(body, move) for move in moves]
        words = [one.move.text for one in chosen]
        if not 1 <= len(chosen) <= MAX_MOVES:
            raise RefinementError(
                f"{len(chosen)} moves: give 1 to {MAX_MOVES}, such as all, or ligand:1 and ligand:2"
            )
        if len(set(words)) < len(words):
            twice = next(word for word in words if words.count(word) > 1)
            raise RefinementError(f"{twice} stands twice among the moves: name each once")
        return cls(
            body=body,
            moves=tuple(one.move for one in chosen),
            low=np.array([one.low for one in chosen]),
            high=np.array([one.high for one in chosen]),
            labels=tuple(one.label for one in chosen),
            notes=tuple(notes),
        )

    def atoms(self, values: np.ndarray) -> Atoms:
        """Structure at values (p,) of the moves; StructureError where it cannot be."""
        moved: Atoms = self.body.atoms.copy()
        moved.positions = self.body.positions(self.moves, values.tolist())
        return moved

    def predict(
        self,
        model: SpectrumModel,
        values: np.ndarray,
        cancelled: Callable[[], bool] | None = None,
    ) -> np.ndarray:
        """Spectra (n, k) at values (n, p); NaN where the structure cannot be.

        Raises
        ------
        RefinementCancelled
            ``cancelled`` says so.
        """
        result = np.full((len(values), len(model.energy_rel_ev)), np.nan)
        for start in range(0, len(values), _CHUNK):
            check_cancelled(cancelled)
            rows, features = [], []
            for row in range(start, min(start + _CHUNK, len(values))):
                try:
                    env = environment(
                        self.atoms(values[row]), self.body.absorber, model.descriptor.r_cut_ang
                    )
                    check_environment(env)
                except StructureError:  # two moves together can lead where neither does alone
                    continue
                rows.append(row)
                features.append(model.descriptor.transform_environment(env))
            if rows:
                result[rows] = model.kind.possible(model.ensemble.predict(np.array(features))[0])
        return result


def check_cancelled(cancelled: Callable[[], bool] | None) -> None:
    """Stop where somebody wants that.

    Raises
    ------
    RefinementCancelled
        ``cancelled`` says so.
    """
    if cancelled is not None and cancelled():
        raise RefinementCancelled("stopped")


def check_fits(measured: Measured, element: str, model: SpectrumModel) -> None:
    """Refuse a spectrum of another element, and a model of emission.

    Raises
    ------
    RefinementError
        With what to do.
    """
    if measured.element != element:
        raise RefinementError(
            f"the spectrum is of {measured.element}, the absorber is {element}: give a structure "
            f"with {measured.element}, or a spectrum of {element}"
        )
    if model.kind.key != XANES.key:
        raise RefinementError(
            f"model {model.key} predicts emission; a measured absorption needs a model of XANES"
        )


def width_of(prediction: Prediction, errors: ModelErrors) -> float:
    """How wide the band of a prediction is, over that of an ordinary structure."""
    half = prediction.half_widths[WIDTH_LEVEL]
    return float(np.sqrt(np.mean(half**2)) / errors.half_width)


def _ranged(body: Movable, move: str | Move | Suggestion) -> Suggestion:
    """Move with its range."""
    if isinstance(move, Suggestion):
        body.check(move.move)
        chosen = move
    else:
        asked = parse_move(move) if isinstance(move, str) else move
        if asked.is_change:
            raise RefinementError(
                f"{asked.text} is made or not, which no fit can follow: make both structures and "
                "rank them"
            )
        low, high = move_limits(body, asked)
        least = LEAST_RANGE[asked.unit]
        chosen = Suggestion(asked, move_label(body, asked), min(low, -least), max(high, least))
    if not chosen.low < chosen.high:
        raise RefinementError(
            f"the range of {chosen.move.text} must ascend, got {chosen.low:g} to {chosen.high:g}"
        )
    return chosen
