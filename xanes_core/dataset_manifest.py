"""The manifest of a training set: counts, hashes of the packed files, recipes with versions."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from xanes_core.constants import ABSORBERS
from xanes_core.dataset_store import SPECTRA
from xanes_core.errors import DatasetError
from xanes_core.files import read_arrays, sha256_of

MANIFEST_FILE = "manifest.json"
_FORMAT = 1


def packed_files(folder: Path) -> list[str]:
    """Names of the packed files of a set, in the order of the elements."""
    names = [
        f"{element}{ending}"
        for element in ABSORBERS
        for ending in (".extxyz", ".npz", *(f".{kind}.npz" for kind in SPECTRA[1:]))
    ]
    return [name for name in names if (folder / name).is_file()]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest; empty where there is none.

    Raises
    ------
    DatasetError
        It is no JSON object.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{MANIFEST_FILE} cannot be read ({error}); delete it and run `dataset pack`"
        ) from error
    if not isinstance(manifest, dict):
        raise DatasetError(f"{MANIFEST_FILE} is no manifest; delete it and run `dataset pack`")
    return manifest


def new_manifest(
    folder: Path, changes: dict[str, bytes], recipes: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Manifest of a set whose files have, or are to get, these contents and further recipes."""
    old = read_manifest(folder)
    files, counts = {}, {}
    for name in sorted({*packed_files(folder), *changes}):
        data = changes.get(name)
        data = (folder / name).read_bytes() if data is None else data
        files[name] = {"sha256": sha256_of(data), "bytes": len(data)}
        element, _, ending = name.partition(".")
        if ending != "extxyz":
            kind = SPECTRA[0] if ending == "npz" else ending.removesuffix(".npz")
            counts.setdefault(element, {})[kind] = len(read_arrays(data)["name"])
    same = old.get("files") == files
    return {
        "format": _FORMAT,
        "date": old["date"] if same and "date" in old else date.today().isoformat(),
        "counts": {element: counts[element] for element in ABSORBERS if element in counts},
        "files": files,
        "recipes": {**old.get("recipes", {}), **recipes},
    }


def to_json(content: Any) -> bytes:
    """JSON as the files of a set hold it."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
