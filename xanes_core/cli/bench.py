"""Timings that mean something on any machine: ratios, measured side by side in one run."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from math import cos, exp, pi, sqrt

import numpy as np
from ase import Atoms

from xanes_core.descriptors import WACSF, Joined
from xanes_core.model import load_model, prediction_seconds
from xanes_core.structures import Environment, environment, list_examples, load_example
from xanes_core.theory import TheoryEngine, get_engine

N_ROUNDS = 5
N_BATCH = 1000
#: Complexes whose FEFF10 spectra are calculated beside the prediction: small, medium, large.
THEORY_EXAMPLES = ("hexaaquairon-ii", "nickel-salen", "copper-bis-phenanthroline")


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Give a parser what ``bench`` does; it has no arguments."""
    parser.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> int:
    for line in run_benchmark():
        print(line, flush=True)
    return 0


def loop_features(env: Environment, convention: WACSF) -> np.ndarray:
    """G1, G2 and G4 by the published formulas, one function and one neighbour at a time.

    What the vectorised transform is compared with, for numbers and for time.
    """
    r_c = convention.r_cut_ang

    def cutoff(r: float, *, clamp: bool = False) -> float:
        return 0.0 if clamp and r >= r_c else 0.5 * (cos(pi * r / r_c) + 1.0)

    z, x, r = env.numbers.tolist(), env.positions_ang.tolist(), env.distances_ang.tolist()
    features = [sum(cutoff(d) for d in r)]
    for mu in convention.g2_mu_ang:
        terms = [
            zj * exp(-convention.g2_eta * (d - mu) ** 2) * cutoff(d)
            for zj, d in zip(z, r, strict=True)
        ]
        features.append(sum(terms))
    for width, lam, zeta in convention.g4_parameters:
        total, eta = 0.0, 1.0 / (2.0 * width**2)
        for j in range(len(r)):
            for k in range(j + 1, len(r)):
                r_jk = sqrt(sum((a - b) ** 2 for a, b in zip(x[j], x[k], strict=True)))
                cos_theta = sum(a * b for a, b in zip(x[j], x[k], strict=True)) / (r[j] * r[k])
                total += (
                    z[j]
                    * z[k]
                    * max(1.0 + lam * cos_theta, 0.0) ** zeta
                    * exp(-eta * (r[j] ** 2 + r[k] ** 2 + r_jk**2))
                    * cutoff(r[j])
                    * cutoff(r[k])
                    * cutoff(r_jk, clamp=convention.clamp_r_jk)
                )
        features.append(2.0 ** (1.0 - zeta) * total)
    return np.array(features)


def run_benchmark(
    *, n_rounds: int = N_ROUNDS, n_batch: int = N_BATCH, engine: TheoryEngine | None = None
) -> Iterator[str]:
    """Yield one line per result.

    Parameters
    ----------
    n_rounds : int, optional
        Calls of each function that is compared, in turn; medians are told.
    n_batch : int, optional
        Structures predicted at once.
    engine : TheoryEngine, optional
        What is timed beside the prediction; FEFF10 if left out.
    """
    convention = WACSF.xanesnet()
    atoms = load_example(list_examples("Fe")[0].key)
    env = environment(atoms, 0)
    slow, fast = _side_by_side(
        lambda: loop_features(env, convention), lambda: convention.transform(atoms, 0), n_rounds
    )
    error = np.max(
        np.abs(loop_features(env, convention) - convention.transform(atoms, 0))
        / np.abs(loop_features(env, convention)).max()
    )
    yield (
        f"featurise {len(env.numbers)} neighbours: loop {1e3 * slow:.1f} ms, vectorised "
        f"{1e3 * fast:.2f} ms, {slow / fast:.0f} times faster, largest difference {error:.0e}"
    )
    yield from descriptor_lines()
    yield from _prediction_lines(atoms, n_rounds, n_batch)
    yield from theory_lines(engine or get_engine("feff10"))


def descriptor_lines() -> Iterator[str]:
    """Time each part of the features with multiple scattering over all examples."""
    joined = Joined.scattering()
    examples = list_examples()
    envs = [environment(load_example(one.key), one.absorber) for one in examples]
    for part in (*joined.parts, joined):
        part.transform_environment(envs[0])  # tables are made once
        seconds = []
        for env in envs:
            start = time.perf_counter()
            part.transform_environment(env)
            seconds.append(time.perf_counter() - start)
        yield (
            f"features of {len(envs)} examples, {part.name}: {1e3 * np.mean(seconds):.2f} ms each, "
            f"95 % below {1e3 * np.quantile(seconds, 0.95):.2f} ms"
        )


def _prediction_lines(atoms: Atoms, n_rounds: int, n_batch: int) -> Iterator[str]:
    start = time.perf_counter()
    model = load_model("Fe")
    yield f"load the model: {time.perf_counter() - start:.2f} s"
    features, whole = _side_by_side(
        lambda: model.descriptor.transform(atoms, 0), lambda: model.predict(atoms, 0), n_rounds
    )
    yield (
        f"one structure end to end, {model.ensemble.n_members} networks: {1e3 * whole:.1f} ms "
        f"({whole / features:.1f} times its features alone)"
    )
    structures = [load_example(example.key) for example in list_examples()]
    structures = [structures[i % len(structures)] for i in range(n_batch)]
    for name, run in (
        ("predict_many", lambda: model.predict_many((a, 0) for a in structures)),
        (
            "features and predict_features",
            lambda: model.predict_features(
                model.descriptor.transform_many((a, 0) for a in structures)
            ),
        ),
    ):
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield (
            f"{n_batch} structures, {name}: {seconds:.2f} s, "
            f"{1e3 * seconds / n_batch:.2f} ms each, peak memory so far {peak:.0f} MB"
        )


def theory_lines(
    engine: TheoryEngine, network_seconds: Callable[..., float] = prediction_seconds
) -> Iterator[str]:
    """Time an engine beside the prediction (`network_seconds`), on three examples."""
    here = engine.available()
    if not here:
        yield f"{engine.title} is not timed: {here.message}"
        return
    for example in list_examples():
        if example.key not in THEORY_EXAMPLES:
            continue
        atoms = load_example(example.key)
        network = network_seconds(load_model(example.element), atoms, example.absorber)
        theory = engine.run(atoms, example.absorber).seconds
        yield (
            f"{example.key}, {len(atoms)} atoms: {engine.title} {theory:.1f} s, prediction "
            f"{1e3 * network:.1f} ms, {theory / network:.0f} times faster"
        )


def _side_by_side(
    first: Callable[[], object], second: Callable[[], object], n_rounds: int
) -> tuple[float, float]:
    """Return median seconds of two functions called in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(n_rounds):
        for run, seconds in zip((first, second), times, strict=True):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return float(np.median(times[0])), float(np.median(times[1]))
