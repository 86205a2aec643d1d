"""Held-out by chemistry: whole coordination geometries and whole ligand families left out.

A random split asks for complexes much like those of the fit. Here an ensemble is fitted without
every complex of one kind and asked for exactly these: what a user with unusual chemistry meets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xanes_core.coordination import FAMILIES, GEOMETRIES, coordination
from xanes_core.fitting import FitSettings, fit_ensemble
from xanes_core.structures import Environment
from xanes_core.validation import Tested, measure_unseen

#: Kinds with fewer complexes say too little; kinds with a larger share leave too few to fit to.
MIN_COUNT, MAX_SHARE = 20, 0.6
#: So many must be left to calibrate a band on.
MIN_LEFT = 20
#: Geometries counted together: a face-bound ring is the chemistry of both.
_MERGED = {"half-sandwich": "face-bound ring", "sandwich": "face-bound ring"}


@dataclass(frozen=True)
class LeftOut:
    """One kind of complexes, predicted by an ensemble fitted without any of them.

    Attributes
    ----------
    name, kind : str
        Such as ``tetrahedral``; ``geometry`` or ``ligand family``.
    tested : Tested
        The predictions.
    """

    name: str
    kind: str
    tested: Tested


def chemistry_groups(envs: Sequence[Environment]) -> dict[str, tuple[str, np.ndarray]]:
    """Kinds of complexes worth leaving out: name -> (kind, mask (n,)).

    Each complex has one geometry and as many ligand families as kinds of donors.
    """
    found = [coordination(env) for env in envs]
    geometry = np.array([_MERGED.get(one.geometry, one.geometry) for one in found], dtype=str)
    groups = {
        name: ("geometry", geometry == name)
        for name in dict.fromkeys(_MERGED.get(name, name) for name in GEOMETRIES)
    }
    for family in FAMILIES:
        mask = np.array([family in one.families for one in found], dtype=bool)
        groups.setdefault(family, ("ligand family", mask))
    most = min(MAX_SHARE * len(found), len(found) - MIN_LEFT)
    return {name: told for name, told in groups.items() if MIN_COUNT <= told[1].sum() <= most}


def leave_out_chemistry(
    x: np.ndarray,
    y: np.ndarray,
    elements: np.ndarray,
    envs: Sequence[Environment],
    blocks: tuple[str, ...],
    settings: FitSettings,
    *,
    rows: np.ndarray,
    spectrum: str = "xanes",
    n_jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[LeftOut]:
    """Fit without each kind of complexes in turn, and predict that kind.

    Parameters
    ----------
    x, y, elements, envs
        Features (n, d), spectra (n, k), absorbers (n,) and environments (n,).
    blocks, settings, n_jobs
        As for :func:`xanes_core.fitting.fit_ensemble`.
    rows : numpy.ndarray of int
        Samples that may be used; kinds are counted among these.
    spectrum : {"xanes", "xes"}, optional
        What is predicted.
    progress : callable, optional
        Called as ``progress(name, done, total)`` before each fit.
    """
    groups = chemistry_groups([envs[row] for row in rows])
    result = []
    for done, (name, (kind, mask)) in enumerate(groups.items()):
        if progress is not None:
            progress(name, done, len(groups))
        seen = rows[~mask]
        ensemble, _ = fit_ensemble(x[seen], y[seen], blocks, settings, n_jobs=n_jobs)
        tested = measure_unseen(ensemble, seen, rows[mask], x, y, elements, envs, spectrum=spectrum)
        result.append(LeftOut(name, kind, tested))
    return result
