"""How well fits and rankings recover what is known: ``python -m docs.measure_fit [MODEL]``.

Nothing that is tested has been seen: the model is fitted anew without the held-out complexes, and
its errors are those on the other records. Spectra are FEFF10's, moved by an unknown shift and
multiplied by an unknown scale; noise where said. Structures moved by known amounts are the response
copies of ``data/displaced``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from xanes_core.constants import K_EDGE_EV
from xanes_core.dataset import load_training_set
from xanes_core.dataset.displaced import RESPONSE, read_displaced
from xanes_core.errors import StructureError
from xanes_core.files import PROJECT
from xanes_core.model import SpectrumModel, fit_domain, load_model
from xanes_core.refinement import (
    Candidate,
    Measured,
    ModelErrors,
    fit_structure,
    rank_candidates,
)
from xanes_core.structures import apply_moves, parse_move
from xanes_core.training.fitting import fit_ensemble
from xanes_core.training.recipes import get_recipe, load_training_data

#: Shifts (eV) and scales that nobody tells the fit.
SHIFT_EV, SCALE_SD = 3.0, 0.03
NOISE = 0.01
N_DECOYS = 20


def as_measured(
    element: str, energy_rel_ev: np.ndarray, mu: np.ndarray, rng: np.random.Generator, noise: float
) -> Measured:
    """A spectrum at an unknown shift and scale, with noise (edge steps)."""
    shift, scale = rng.uniform(-SHIFT_EV, SHIFT_EV), rng.normal(1.0, SCALE_SD)
    return Measured(
        energy_rel_ev + K_EDGE_EV[element] + shift,
        scale * mu + noise * rng.standard_normal(len(mu)),
        element,
        np.full(len(mu), max(noise, 1e-3)),
        computed=True,
    )


def unseen_model(options: argparse.Namespace) -> SpectrumModel:
    """The model, fitted without held-out complexes."""
    shipped, recipe = load_model(options.model), get_recipe(options.model)
    data = load_training_data(
        recipe,
        options.data,
        options.published if recipe.published else None,
        displaced=options.displaced if recipe.displaced else None,
    )
    samples = data.subset(data.development)
    ensemble, _ = fit_ensemble(*samples.to_fit(), data.blocks, recipe.settings, n_jobs=1)
    domain = fit_domain(
        ensemble.scaler.transform(samples.x), samples.envs, spread_unit=shipped.domain.spread_unit
    )
    return replace(shipped, ensemble=ensemble, domain=domain)


def recovery(options: argparse.Namespace, model: SpectrumModel) -> None:
    """Fits of moved complexes, from several starts, without noise and with."""
    records = load_training_set(options.data)
    copies = read_displaced(options.displaced, records, RESPONSE)
    errors = {el: ModelErrors.of(model, el, held_out=False) for el in model.elements}
    for start, noise in ((0.0, 0.0), (0.0, NOISE), (0.05, 0.0), (-0.05, 0.0)):
        found, refused, rng = [], 0, np.random.default_rng(1)
        for atoms, mu, row in zip(copies.structures, copies.mu, copies.parents, strict=True):
            move, _, amount = str(atoms.info["moves"]).partition("=")
            if move != "all":
                continue
            element = str(records.elements[row])
            measured = as_measured(element, records.energy_rel_ev, mu, rng, noise)
            try:
                begin = apply_moves(records.structures[row], 0, [parse_move("all")], [start])
                fit = fit_structure(
                    measured, begin, 0, ["all"], model=model, errors=errors[element]
                )
            except StructureError:
                refused += 1
                continue
            one = fit.parameters[0]
            truth = float(amount) - start
            found.append(
                (
                    one.value - truth,
                    one.low68 <= truth <= one.high68,
                    one.low90 <= truth <= one.high90,
                    one.high90 - one.low90,
                )
            )
        table = np.array(found, dtype=float)
        size = np.abs(table[:, 0])
        say(
            f"start {start:+.2f} A, noise {noise:g}: n {len(table)}, median error "
            f"{np.median(size):.3f} A, 90 % below {np.quantile(size, 0.9):.3f}, mean "
            f"{table[:, 0].mean():+.3f}, in the 68 % interval {table[:, 1].mean():.2f}, in the 90 "
            f"% interval {table[:, 2].mean():.2f}, its width {np.median(table[:, 3]):.3f} A"
            + (f", cannot move {refused}" if refused else "")
        )


def ranking(options: argparse.Namespace, model: SpectrumModel) -> None:
    """The true structure among others of its metal."""
    records = load_training_set(options.data)
    held_out = np.flatnonzero(records.held_out)
    errors = {el: ModelErrors.of(model, el, held_out=False) for el in model.elements}
    for noise in (0.0, NOISE):
        rng, places = np.random.default_rng(2), []
        for row in held_out[:: options.every]:
            element = str(records.elements[row])
            others = held_out[(records.elements[held_out] == element) & (held_out != row)]
            rows = [row, *rng.choice(others, N_DECOYS, replace=False)]
            ranked = rank_candidates(
                as_measured(element, records.energy_rel_ev, records.mu[row], rng, noise),
                [Candidate(str(i), records.structures[i], 0) for i in rows],
                model=model,
                errors=errors[element],
            )
            places.append([one.index for one in ranked].index(0))
        say(
            f"among {N_DECOYS} decoys, noise {noise:g}: n {len(places)}, first "
            f"{np.mean(np.array(places) == 0):.3f}, in the first three "
            f"{np.mean(np.array(places) < 3):.3f}"
        )


def speed(options: argparse.Namespace, model: SpectrumModel) -> None:
    """Seconds of a fit of two ligands and of ranking 500 candidates."""
    records = load_training_set(options.data)
    rng = np.random.default_rng(3)
    iron = np.flatnonzero(records.elements == "Fe")
    measured = as_measured("Fe", records.energy_rel_ev, records.mu[iron[0]], rng, 0.0)
    candidates = [Candidate(str(i), records.structures[i], 0) for i in iron]
    many = (candidates * (500 // len(candidates) + 1))[:500]
    start = time.perf_counter()
    rank_candidates(measured, many, model=model)
    say(f"500 candidates: {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    fit_structure(measured, records.structures[iron[0]], 0, ["ligand:1", "ligand:2"], model=model)
    say(f"fit of two ligands: {time.perf_counter() - start:.1f} s")


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


def main() -> None:
    """Measure and say it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="feff10-3d")
    parser.add_argument("--data", type=Path, default=PROJECT / "data/feff10")
    parser.add_argument("--displaced", type=Path, default=PROJECT / "data/displaced")
    parser.add_argument("--published", type=Path, default=PROJECT / "data/tmqm")
    parser.add_argument("--every", type=int, default=2, help="rank every so manieth held-out one")
    options = parser.parse_args()
    model = unseen_model(options)
    for part in (recovery, ranking, speed):
        part(options, model)


if __name__ == "__main__":
    main()
