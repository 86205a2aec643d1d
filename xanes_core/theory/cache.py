"""What was calculated once is kept on disk, named by what it depends on.

An entry is a pair of files: ``KEY.npz`` with arrays and ``KEY.json`` with the rest and the hashes
of both. The json is written last, so an entry is there whole or not at all; one that is damaged
counts as missing and is replaced by the next result.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xanes_core.errors import TheoryError, XanesError
from xanes_core.files import (
    CACHE_VARIABLE,
    array_bytes,
    cache_folder,
    read_arrays,
    sha256_of,
    write_bytes,
)
from xanes_core.spectra import Spectrum
from xanes_core.theory.base import TheoryResult

#: What the cache may take on disk (bytes); a spectrum takes some 10 kB.
LIMIT_BYTES = 200_000_000
_FORMAT = 1
_KEY = re.compile(r"[0-9a-f]{64}")


class DiskCache:
    """Arrays and facts by key, the longest unused removed first.

    Parameters
    ----------
    folder : path, optional
        Where the entries lie; made when the first is stored. :func:`cache_folder` by default.
    limit_bytes : int, optional
        What all entries together may take on disk.
    """

    def __init__(self, folder: str | Path | None = None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = cache_folder() if folder is None else Path(folder)
        self.limit_bytes = limit_bytes

    def load(self, key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Arrays and facts of an entry; None where there is none or it is damaged."""
        arrays_path, facts_path = self._paths(key)
        try:
            data, text = arrays_path.read_bytes(), facts_path.read_text(encoding="utf-8")
            entry = json.loads(text)
            facts = entry["facts"]
            known = (entry["format"], entry["key"], entry["arrays_sha256"], entry["facts_sha256"])
            if known != (_FORMAT, key, sha256_of(data), sha256_of(_dumped(facts))):
                return None
            arrays = read_arrays(data)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        with contextlib.suppress(OSError):
            os.utime(facts_path)  # used just now: the last to be removed
        return arrays, facts

    def store(self, key: str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Keep an entry, in place of an earlier one, and remove what is too much.

        Raises
        ------
        TheoryError
            The folder cannot be written.
        """
        arrays_path, facts_path = self._paths(key)
        data = array_bytes(arrays)
        entry = {
            "format": _FORMAT,
            "key": key,
            "arrays_sha256": sha256_of(data),
            "facts_sha256": sha256_of(_dumped(facts)),
            "facts": dict(facts),
        }
        try:
            facts_path.unlink(missing_ok=True)  # never new arrays beside old facts
            write_bytes(arrays_path, data)
            write_bytes(facts_path, json.dumps(entry, indent=1).encode())
        except OSError as error:
            raise TheoryError(
                f"the result could not be kept on disk ({error.strerror}): set {CACHE_VARIABLE} to "
                "a folder that can be written"
            ) from error
        self._shrink(keep=key)

    def _paths(self, key: str) -> tuple[Path, Path]:
        if not _KEY.fullmatch(key):
            raise TheoryError("a key of the cache has 64 hexadecimal digits")
        return self.folder / f"{key}.npz", self.folder / f"{key}.json"

    def _entries(self) -> list[tuple[float, int, str]]:
        """Last use (s), size (bytes) and key of every entry, the longest unused first."""
        entries: dict[str, tuple[float, int]] = {}
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if path.suffix not in (".npz", ".json") or not _KEY.fullmatch(path.stem):
                    continue
                with contextlib.suppress(OSError):
                    about = path.stat()
                    used, size = entries.get(path.stem, (0.0, 0))
                    entries[path.stem] = (max(used, about.st_mtime), size + about.st_size)
        return sorted((used, size, key) for key, (used, size) in entries.items())

    def _shrink(self, keep: str) -> None:
        entries = self._entries()
        total = sum(size for _, size, _ in entries)
        for _, size, key in entries:
            if total <= self.limit_bytes:
                return
            if key == keep:
                continue
            total -= size
            for path in reversed(self._paths(key)):
                with contextlib.suppress(OSError):
                    path.unlink()


def _dumped(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


# --- results of the engines ----------------------------------------------------------------------
_TEXTS = ("engine", "engine_version", "element", "input_text", "log")


def load_result(cache: DiskCache, key: str) -> TheoryResult | None:
    """Result that was stored under the engine's ``cache_key``; None where there is none."""
    entry = cache.load(key)
    if entry is None:
        return None
    arrays, facts = entry
    try:
        spectrum = _spectrum("spectrum", arrays, facts)
        native = _spectrum("native", arrays, facts) if "native_mu" in arrays else spectrum
        return TheoryResult(
            spectrum=spectrum,
            native=native,
            settings=_with_tuples(facts["settings"]),
            seconds=float(facts["seconds"]),
            notes=tuple(facts["notes"]),
            **{name: str(facts[name]) for name in _TEXTS},
        )
    except (XanesError, KeyError, TypeError, ValueError):
        return None  # written by another version: calculated anew


def store_result(cache: DiskCache, key: str, result: TheoryResult) -> None:
    """Keep a result; errors as :meth:`DiskCache.store`."""
    arrays: dict[str, np.ndarray] = {}
    facts = {name: getattr(result, name) for name in (*_TEXTS, "settings", "seconds")}
    facts["notes"] = list(result.notes)
    parts = {"spectrum": result.spectrum}
    if result.native is not result.spectrum:
        parts["native"] = result.native
    for name, spectrum in parts.items():
        arrays[f"{name}_energy_ev"] = spectrum.energy_ev
        arrays[f"{name}_mu"] = spectrum.mu
        facts[name] = {"e0_ev": spectrum.e0_ev, "metadata": dict(spectrum.metadata)}
    # as json gives it back, so that the hash of the facts is the same later
    cache.store(key, arrays, json.loads(json.dumps(facts)))


def _spectrum(name: str, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> Spectrum:
    about = facts[name]
    energy_ev, mu = arrays[f"{name}_energy_ev"], arrays[f"{name}_mu"]
    return Spectrum(energy_ev, mu, about["e0_ev"], about["metadata"])


def _with_tuples(value: Any) -> Any:
    """Settings as the engines give them: json knows lists only."""
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(_with_tuples(item) for item in value) if isinstance(value, list) else value
