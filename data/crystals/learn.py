"""Learn how far FEFF10 lies from measured spectra, from the crystals of ``crystals.toml``.

The measured files are those of the XAS Data Library that the table names; they are not part of the
project. From the repository root::

    OMP_NUM_THREADS=1 python -m data.crystals.learn FOLDER

It writes ``xanes_core/refinement/energy_scale.json`` and the table of ``docs/energy_scale.md``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from data.crystals.build import places, stored, table
from xanes_core.constants import ABSORBERS, K_EDGE_EV
from xanes_core.files import write_bytes
from xanes_core.refinement import Measured
from xanes_core.spectra import Spectrum, gaussian_weights, read_table, shift

LEARNED = Path("xanes_core/refinement/energy_scale.json")
DOCUMENT = Path("docs/energy_scale.md")
BEGIN, END = "<!-- energy scale -->", "<!-- end energy scale -->"
#: What is compared, relative to the tabulated edge (eV): the edge and what follows.
WINDOW_EV = (-12.0, 45.0)
#: Rasters of shift and width (eV).
SHIFTS_EV, WIDTHS_EV = np.arange(-12.0, 12.05, 0.1), np.arange(0.0, 8.05, 0.25)
#: What is known of the width before (half a Gaussian, eV): a beamline with Si(111) adds 1 to 2 eV.
WIDTH_SD_EV = 1.5
#: Points of the window that are independent of each other: one in 3 eV.
POINTS = (WINDOW_EV[1] - WINDOW_EV[0]) / 3.0
#: What scale, offset (edge steps) and slope (edge steps per eV) of a normalised measurement may be
#: off by, as in ``xanes_core.refinement.Nuisances``; how large a misfit is usual, and the least
#: that is told from none.
BACKGROUND_SD = np.array([0.05, 0.01, 0.0005])
MISFIT, LEAST_MISFIT = 0.08, 0.005
#: A foil's edge is its first rise at least this steep, as a share of its steepest; found in a
#: derivative smoothed by as many eV.
FIRST_RISE, SMOOTHED_EV = 0.5, 2.0


# --- one measurement -----------------------------------------------------------------------------


def edge_of_foil(spectrum: Spectrum, element: str) -> float:
    """First inflection (eV) of a metal foil, by which tables and beamlines set their energies."""
    e0 = K_EDGE_EV[element]
    at = np.arange(e0 - 20.0, e0 + 25.0, 0.1)
    rise = gaussian_filter1d(
        np.interp(at, spectrum.energy_ev, spectrum.mu), SMOOTHED_EV / 2.3548 / 0.1, order=1
    )
    tops = np.flatnonzero((rise[1:-1] > rise[:-2]) & (rise[1:-1] >= rise[2:])) + 1
    steep = tops[rise[tops] >= FIRST_RISE * rise.max()]
    return float(at[steep[0]])


def reference_of(path: Path, element: str) -> Spectrum:
    """Absorption of the foil behind a sample, from the counts before and after it."""
    read = read_table(path).table
    energy, after, before = (
        read.values[:, read.names.index(name)] for name in ("energy", "irefer", "itrans")
    )
    order = np.argsort(energy)
    return Spectrum(energy[order], np.log(before[order] / after[order]), K_EDGE_EV[element])


def measurement(folder: Path, file: str, by: str, element: str) -> Measured:
    """A measured spectrum in edge steps, its energies set by a foil where there is one."""
    spectrum = read_table(folder / file).spectrum(element=element)
    foil = {
        "": None,
        "itself": spectrum,
        "reference": None if by != "reference" else reference_of(folder / file, element),
    }.get(by, None if by in ("", "itself", "reference") else
          read_table(folder / by).spectrum(element=element))  # fmt: skip
    if foil is not None:
        spectrum = shift(spectrum, K_EDGE_EV[element] - edge_of_foil(foil, element))
    return Measured.of(spectrum, element).within(WINDOW_EV)


@dataclass(frozen=True)
class Scale:
    """Theory against one measurement: shift and width (eV), misfit (edge steps) before and after.

    ``misfit_plain`` is that with theory where it lies, without smearing; scale and background are
    free within the same bounds in both.
    """

    shift_ev: float
    broadening_ev: float
    misfit: float
    misfit_plain: float


class Comparison:
    """Theory on a grid of energies against a measurement."""

    def __init__(self, energy_rel_ev: np.ndarray, mu: np.ndarray, measured: Measured) -> None:
        self._measured, self._x = measured, measured.energies_rel_ev
        self._grid, self._mu = energy_rel_ev, mu
        steps = np.gradient(self._x)
        self._weights = np.sqrt(steps / steps.sum())  # points lie closer at the edge

    def misfits(self, shifts_ev: np.ndarray, width_ev: float) -> np.ndarray:
        """Root mean squares (n,) over the window with the best scale and background."""
        curve = CubicSpline(self._grid, gaussian_weights(self._grid, width_ev) @ self._mu)
        at = np.clip(self._x - shifts_ev[:, None], *self._grid[[0, -1]])
        theory = curve(at)
        line = self._x - self._x.mean()
        columns = np.stack(
            [theory, np.ones_like(theory), np.broadcast_to(line, theory.shape)], axis=-1
        )
        columns = columns * self._weights[:, None]
        rest = (self._measured.mu - theory) * self._weights
        # ridge: priors of the three in units of a usual misfit
        square = np.einsum("nmi,nmj->nij", columns, columns) + np.diag(
            (MISFIT / BACKGROUND_SD) ** 2 / POINTS
        )
        found = np.linalg.solve(square, np.einsum("nmi,nm->ni", columns, rest)[..., None])
        left = rest - (columns @ found)[..., 0]
        return np.sqrt(np.sum(left**2, axis=1))

    def best(self) -> Scale:
        """Best shift and width: least misfit, with what is known of a width before.

        The misfit alone would ask for far too much: features that theory puts at the wrong place
        are least wrong where they are washed out.
        """
        table = np.array([self.misfits(SHIFTS_EV, w) for w in WIDTHS_EV])
        # noise of a size not known: the logarithm of its mean square, as in a fit by likelihood
        cost = 2 * POINTS * np.log(np.maximum(table, LEAST_MISFIT))
        cost += ((WIDTHS_EV / WIDTH_SD_EV) ** 2)[:, None]
        row, column = np.unravel_index(np.argmin(cost), cost.shape)
        return Scale(
            _lowest(SHIFTS_EV, cost[row], int(column)),
            _lowest(WIDTHS_EV, cost[:, column], int(row)),
            float(table[row, column]),
            float(self.misfits(np.zeros(1), 0.0)[0]),
        )

    def at(self, shift_ev: float, width_ev: float) -> float:
        """Misfit at a shift and a width."""
        return float(self.misfits(np.array([shift_ev]), max(width_ev, 0.0))[0])


def _lowest(at: np.ndarray, cost: np.ndarray, best: int) -> float:
    """Where a parabola through the least cost and its neighbours has its bottom."""
    if not 0 < best < len(at) - 1:
        return float(at[best])
    before, low, after = cost[best - 1 : best + 2]
    step = float(at[1] - at[0])
    return float(at[best]) + 0.5 * step * float((before - after) / (before - 2 * low + after))


@dataclass(frozen=True)
class Compound:
    """A crystal and its measurements, joined to one shift and one width."""

    name: str
    formula: str
    element: str
    oxidation: float
    comparisons: tuple[Comparison, ...]
    scales: tuple[Scale, ...]
    calibrated: int

    @property
    def shift_ev(self) -> float:
        """Mean over its measurements (eV)."""
        return float(np.mean([one.shift_ev for one in self.scales]))

    @property
    def broadening_ev(self) -> float:
        """Mean over its measurements (eV)."""
        return float(np.mean([one.broadening_ev for one in self.scales]))

    def misfit(self, shift_ev: float, width_ev: float) -> float:
        """Root mean square of the misfits of its measurements."""
        return float(np.sqrt(np.mean([c.at(shift_ev, width_ev) ** 2 for c in self.comparisons])))


def compounds(folder: Path) -> list[Compound]:
    """All crystals of the table whose spectra are calculated."""
    there, found = stored(), []
    for name, entry in table().items():
        sites = [p for p in places(name, entry) if f"{p.key}/mu" in there]
        if sum(p.weight for p in sites) < 0.999:
            continue
        mu = sum(p.weight * there[f"{p.key}/mu"].astype(float) for p in sites)
        element = entry["element"]
        comparisons = tuple(
            Comparison(there["energy_rel_ev"], mu, measurement(folder, file, by, element))
            for file, by in entry["measured"]
        )
        found.append(
            Compound(
                name, entry["formula"], element, float(entry["oxidation"]), comparisons,
                tuple(one.best() for one in comparisons),
                sum(bool(by) for _, by in entry["measured"]),
            )
        )  # fmt: skip
    return found


# --- all of them ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pooled:
    """Two-level normal model of a number y over compounds in elements.

    ``y = mean + element + compound``, the two with standard deviations tau and sigma. ``means`` and
    ``sds`` are, by element, expectation and standard deviation of y for a further compound.
    """

    means: dict[str, float]
    sds: dict[str, float]
    tau: float
    sigma: float


def pool(
    values: Sequence[float], elements: Sequence[str], wanted: Sequence[str], widest: float = 6.0
) -> Pooled:
    """Fit the model with both standard deviations integrated over a raster, flat up to `widest`.

    Flat priors on the mean and on tau and sigma, as A. Gelman, Bayesian Analysis 1, 515 (2006), doi
    10.1214/06-BA117A, recommends for few groups.
    """
    y, names = np.asarray(values, float), np.asarray(elements)
    raster = np.linspace(0.05, widest, 80)
    logs, means, variances, scales = [], [], [], []
    same = names[:, None] == names
    toward = np.array([names == one for one in wanted], float)
    ones = np.ones(len(y))
    for tau in raster:
        for sigma in raster:
            cov = tau**2 * same + sigma**2 * np.eye(len(y))
            root = np.linalg.cholesky(cov)
            solved = np.linalg.solve(root, np.column_stack([y, ones, tau**2 * toward.T]))
            a, b, links = solved[:, 0], solved[:, 1], solved[:, 2:]
            mean = (a @ b) / (b @ b)
            left = a - mean * b
            logs.append(-np.log(np.diag(root)).sum() - 0.5 * np.log(b @ b) - 0.5 * left @ left)
            means.append(mean + links.T @ left)
            unexplained = 1.0 - links.T @ b
            variances.append(
                tau**2 - np.sum(links**2, axis=0) + unexplained**2 / (b @ b) + sigma**2
            )
            scales.append((tau, sigma))
    weights = np.exp(np.array(logs) - np.max(logs))
    weights /= weights.sum()
    mean = weights @ np.array(means)
    spread = weights @ (np.array(variances) + (np.array(means) - mean) ** 2)
    tau, sigma = weights @ np.array(scales)
    return Pooled(
        dict(zip(wanted, mean.tolist(), strict=True)),
        dict(zip(wanted, np.sqrt(spread).tolist(), strict=True)),
        float(tau),
        float(sigma),
    )


@dataclass(frozen=True)
class Slope:
    """Change of the shift with the formal oxidation state within elements (eV per unit)."""

    slope_ev: float
    slope_sd_ev: float
    centres: dict[str, float]


def slope_within(found: Sequence[Compound]) -> Slope:
    """Least squares through the deviations from the means of each element."""
    elements = np.array([c.element for c in found])
    x, y = (np.array([getattr(c, n) for c in found]) for n in ("oxidation", "shift_ev"))
    centres = {str(el): float(x[elements == el].mean()) for el in np.unique(elements)}
    x0 = x - np.array([centres[el] for el in elements])
    y0 = y - np.array([y[elements == el].mean() for el in elements])
    square = float(x0 @ x0)
    freedom = len(found) - len(centres) - 1
    if square == 0 or freedom < 1:  # a line through two points knows nothing of its uncertainty
        return Slope(0.0, float("inf"), centres)
    slope = float(x0 @ y0) / square
    left = y0 - slope * x0
    return Slope(slope, float(np.sqrt(left @ left / freedom / square)), centres)


@dataclass(frozen=True)
class LeftOut:
    """A compound with the scale learned from all others."""

    compound: Compound
    plain: float
    learned: float
    own: float
    expected_ev: float
    sd_ev: float


def predicted(found: Sequence[Compound], one: Compound, *, by_oxidation: bool) -> tuple[float, ...]:
    """Shift, its standard deviation and width for a compound, from others."""
    elements = [c.element for c in found]
    shifts = pool([c.shift_ev for c in found], elements, [one.element])
    widths = pool([c.broadening_ev for c in found], elements, [one.element], widest=2.0)
    expected, sd = shifts.means[one.element], shifts.sds[one.element]
    if by_oxidation:
        slope = slope_within(found)
        if one.element in slope.centres and np.isfinite(slope.slope_sd_ev):
            expected += slope.slope_ev * (one.oxidation - slope.centres[one.element])
    return expected, sd, widths.means[one.element]


def leave_one_out(found: Sequence[Compound], *, by_oxidation: bool = False) -> list[LeftOut]:
    """Each compound with what the others say of it."""
    rows = []
    for i, one in enumerate(found):
        others = [c for j, c in enumerate(found) if j != i]
        shift_ev, sd, width = predicted(others, one, by_oxidation=by_oxidation)
        rows.append(
            LeftOut(
                one,
                one.misfit(0.0, 0.0),
                one.misfit(shift_ev, width),
                float(np.sqrt(np.mean([s.misfit**2 for s in one.scales]))),
                shift_ev,
                sd,
            )
        )
    return rows


def rms(values: Sequence[float]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def learned(found: Sequence[Compound]) -> dict[str, Any]:
    """What ``energy_scale.json`` holds, from compounds that are no metals."""
    elements = [c.element for c in found]
    shifts = pool([c.shift_ev for c in found], elements, list(ABSORBERS))
    widths = pool([c.broadening_ev for c in found], elements, list(ABSORBERS), widest=2.0)
    slope = slope_within(found)
    plain, with_slope = (
        rms(
            [
                row.compound.shift_ev - row.expected_ev
                for row in leave_one_out(found, by_oxidation=b)
            ]
        )
        for b in (False, True)
    )
    rows = {}
    for element in ABSORBERS:
        own = [c for c in found if c.element == element]
        rows[element] = {
            "shift_ev": round(shifts.means[element], 2),
            "shift_sd_ev": round(shifts.sds[element], 2),
            "broadening_ev": round(widths.means[element], 2),
            "broadening_sd_ev": round(widths.sds[element], 2),
            "compounds": len(own),
            "spectra": sum(len(c.scales) for c in own),
            "mean_oxidation": round(slope.centres.get(element, 0.0), 2),
        }
    return {
        "theory": "feff10",
        "how": "data/crystals: FEFF10 of crystals against measured spectra of the XAS Data Library",
        "compounds": len(found),
        "between_elements_ev": round(shifts.tau, 2),
        "between_compounds_ev": round(shifts.sigma, 2),
        "elements": rows,
        "oxidation": {
            "slope_ev": round(slope.slope_ev, 2) if np.isfinite(slope.slope_sd_ev) else 0.0,
            "slope_sd_ev": round(slope.slope_sd_ev, 2) if np.isfinite(slope.slope_sd_ev) else None,
            # only where it tells left-out compounds better, and is more than its uncertainty
            "used": bool(with_slope < plain and abs(slope.slope_ev) > 2 * slope.slope_sd_ev),
            "left_out_rms_ev": [round(plain, 2), round(with_slope, 2)],
        },
    }


def tables(found: Sequence[Compound], metals: Sequence[Compound], made: dict[str, Any]) -> str:
    """Tables for the document."""
    rows = leave_one_out(found)
    lines = [
        "| compound | oxidation | spectra | energies set by a foil | shift eV | width eV | "
        "expected from the others eV | misfit before | with the others' scale | with its own |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.compound.formula} ({r.compound.element}) | {r.compound.oxidation:g} | "
        f"{len(r.compound.scales)} | {r.compound.calibrated} | {r.compound.shift_ev:.1f} | "
        f"{r.compound.broadening_ev:.1f} | {r.expected_ev:.1f} +- {r.sd_ev:.1f} | {r.plain:.3f} | "
        f"{r.learned:.3f} | {r.own:.3f} |"
        for r in rows
    ]
    lines += [
        f"| all {len(rows)}, root mean square | | | | {rms([c.shift_ev for c in found]):.1f} | | "
        f"error {rms([r.compound.shift_ev - r.expected_ev for r in rows]):.1f} | "
        f"{rms([r.plain for r in rows]):.3f} | {rms([r.learned for r in rows]):.3f} | "
        f"{rms([r.own for r in rows]):.3f} |",
        "",
        "| element | compounds | spectra | shift eV | width eV |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {el} | {row['compounds']} | {row['spectra']} | {row['shift_ev']:.1f} +- "
        f"{row['shift_sd_ev']:.1f} | {row['broadening_ev']:.1f} +- {row['broadening_sd_ev']:.1f} |"
        for el, row in made["elements"].items()
    ]
    if metals:
        lines += ["", "| metal | spectra | shift eV | width eV |", "|---|---|---|---|"]
        lines += [
            f"| {c.formula} | {len(c.scales)} | {c.shift_ev:.1f} | {c.broadening_ev:.1f} |"
            for c in metals
        ]
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Write the numbers and the tables."""
    everything = compounds(folder)
    metals = [c for c in everything if c.oxidation == 0.0]
    found = [c for c in everything if c.oxidation != 0.0]
    made = learned(found)
    write_bytes(LEARNED, (json.dumps(made, indent=1) + "\n").encode())
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    text = f"{before}{BEGIN}\n{tables(found, metals, made)}\n{END}{after}"
    write_bytes(DOCUMENT, text.encode())
    print(f"{len(found)} compounds and {len(metals)} metals")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
