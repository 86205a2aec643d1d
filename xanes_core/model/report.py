"""What a model makes of every record of its training set, each predicted without having seen it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial.distance import cdist

from xanes_core.errors import ModelError

_OPTIONAL = ("mean", "lower", "upper", "truth")
#: Names in the file where they differ from those of the attributes.
_STORED_AS = {"names": "name", "elements": "element", "geometry": "kind"}
#: Kept with the model's weights, not twice.
_ELSEWHERE = ("energy_rel_ev", "features", "unit")


@dataclass(frozen=True)
class Report:
    """Errors, distances and places of n records in the order of the data; d features, k energies.

    Attributes
    ----------
    names, elements : numpy.ndarray of str, (n,)
        Record and absorber.
    held_out : numpy.ndarray of bool, (n,)
        Predicted by the model fitted without all of these; the others by that of their fold.
    mse : numpy.ndarray, (n,)
        Error, squared unit of the spectra.
    distance : numpy.ndarray, (n,)
        Domain score against what the predicting ensemble had seen.
    verdict : numpy.ndarray of str, (n,)
        On the same terms.
    map_xy : numpy.ndarray, (n, 2)
        Places on the map.
    map_mean, map_axes : numpy.ndarray, (d,) and (d, 2)
        Place of scaled features a: ``(a - map_mean) @ map_axes``.
    coordination, oxidation_state : numpy.ndarray of int, (n,)
        -1 where unknown.
    geometry : numpy.ndarray of str, (n,)
        Coordination geometry; empty where unknown.
    sha256 : str
        Hash of the data.
    energy_rel_ev : numpy.ndarray, (k,)
        Grid (eV).
    features, unit
        Scaled features (n, d) and unit of distance, as in :class:`xanes_core.model.Domain`.
    mean, lower, upper, truth : numpy.ndarray, (n, k), or None
        Spectra; only where the data are the project's own.
    """

    names: np.ndarray
    elements: np.ndarray
    held_out: np.ndarray
    mse: np.ndarray
    distance: np.ndarray
    verdict: np.ndarray
    map_xy: np.ndarray
    map_mean: np.ndarray
    map_axes: np.ndarray
    coordination: np.ndarray
    oxidation_state: np.ndarray
    geometry: np.ndarray
    sha256: str
    energy_rel_ev: np.ndarray
    features: np.ndarray
    unit: float
    mean: np.ndarray | None = None
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    truth: np.ndarray | None = None

    def __len__(self) -> int:
        """Count the records."""
        return len(self.names)

    def place(self, scaled: np.ndarray) -> np.ndarray:
        """Places on the map of scaled features (m, d), (m, 2)."""
        from_mean: np.ndarray = np.asarray(scaled, dtype=np.float64) - self.map_mean
        return np.asarray(from_mean @ self.map_axes)

    def nearest(self, scaled: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the nearest records of scaled features (m, d), nearest first, and distances.

        Both (m, count); distances as the domain score.
        """
        distances = cdist(scaled, self.features.astype(np.float64)) / self.unit
        rows = np.argsort(distances, axis=1, kind="stable")[:, :count]
        return rows, np.take_along_axis(distances, rows, axis=1)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for ``report.npz``."""
        kept = [f.name for f in fields(self) if f.name not in _ELSEWHERE]
        return {
            _STORED_AS.get(name, name): np.asarray(getattr(self, name))
            for name in kept
            if getattr(self, name) is not None
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], weights: dict[str, np.ndarray]) -> Report:
        """Inverse of :meth:`to_arrays`, with the arrays of the model's weights.

        Raises
        ------
        ModelError
            Arrays are missing or do not fit together.
        """
        kept = [f.name for f in fields(cls) if f.name not in (*_ELSEWHERE, "sha256")]
        try:
            values = {
                name: arrays[_STORED_AS.get(name, name)]
                for name in kept
                if name not in _OPTIONAL or name in arrays
            }
            report = cls(
                **values,
                sha256=str(arrays["sha256"]),
                energy_rel_ev=weights["energy_rel_ev"],
                features=weights["domain_features"],
                unit=float(weights["domain_unit"]),
            )
        except KeyError as error:
            raise ModelError(f"the report lacks {error}; train the model again") from error
        report._check()
        return report

    def _check(self) -> None:
        n, k, d = len(self.names), len(self.energy_rel_ev), len(self.map_mean)
        shapes = {"map_xy": (n, 2), "map_axes": (d, 2), "map_mean": (d,), "features": (n, d)}
        shapes |= {name: (n, k) for name in _OPTIONAL}
        for field in fields(self):
            value = getattr(self, field.name)
            wanted = shapes.get(field.name, (n,))
            if field.name in ("sha256", "unit", "energy_rel_ev") or value is None:
                continue
            if value.shape != wanted:
                raise ModelError(
                    f"the report's {field.name} has shape {value.shape}, not {wanted}; train the "
                    "model again"
                )
