"""Athena projects: Perl data of Athena and Demeter, JSON of Larch.

A project is a program in Perl to Athena, and is never run here: a small tokenizer knows lists of
quoted strings and numbers, and refuses anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

import numpy as np

from xanes_core.errors import SpectrumError
from xanes_core.spectra.table import MAX_NAME, MAX_ROWS, Table, clean

#: Most spectra of a project, and the deepest list within a list.
MAX_GROUPS, MAX_DEPTH = 1_000, 4
_MARK = "Athena project file"
_ASSIGNED = re.compile(r"^[ \t]*[$@%](\w{1,40})[ \t]*=[ \t]*", re.MULTILINE)
_RECORD = re.compile(r"^\[record\]", re.MULTILINE)
_TOKEN = re.compile(
    r"\s*(?:'([^'\\]*(?:\\.[^'\\]*)*)'|\"([^\"\\]*(?:\\.[^\"\\]*)*)\"|(=>|[()\[\]{},;])"
    r"|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\w)|undef\b))",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_PAIRS = {"(": ")", "[": "]", "{": "}"}
#: What Athena says of a spectrum, by what it is called in our headers.
_KEPT = {"bkg_e0": "Athena.e0", "label": "title", "file": "Athena.file"}

Value = str | list["Value"]


def is_athena_project(text: str) -> bool:
    """Whether a text begins as a project does."""
    return _MARK in text[:500]


def read_athena_project(text: str) -> dict[str, Table]:
    """Spectra of a project by their labels.

    Energies are those that Athena shows: as measured, plus the shift that was set there.

    Raises
    ------
    SpectrumError
        The project is damaged, holds no spectrum or too many.
    """
    records = list(_of_json(text) if text.lstrip()[:1] == "{" else _of_perl(text))
    tables: dict[str, Table] = {}
    for key, args, arrays in records:
        if "x" not in arrays or "y" not in arrays:
            continue
        label = clean(args.get("label", "") or key, MAX_NAME) or f"group {len(tables) + 1}"
        name, n = label, 2
        while name in tables:
            name, n = f"{label} ({n})", n + 1
        tables[name] = _table(name, args, arrays)
    if not tables:
        raise SpectrumError("the Athena project holds no spectrum; save it again from Athena")
    return tables


_Record = tuple[str, Mapping[str, str], Mapping[str, list[str]]]


def _of_json(text: str) -> Iterable[_Record]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpectrumError("the Athena project cannot be read: its JSON is damaged") from error
    groups = {
        key: value
        for key, value in content.items()
        if isinstance(value, dict) and not key.startswith("_____")
    }
    order = content.get("_____order")
    named = [key for key in order if isinstance(key, str)] if isinstance(order, list) else []
    keys = [*dict.fromkeys(k for k in named if k in groups), *(k for k in groups if k not in named)]
    _check_number(len(keys))
    for key in keys:
        args = groups[key].get("args")
        arrays = {
            name: [str(v) for v in values]
            for name, values in groups[key].items()
            if name in ("x", "y") and isinstance(values, list)
        }
        texts = args if isinstance(args, dict) else {}
        yield key, {str(k): str(v) for k, v in texts.items()}, arrays


def _of_perl(text: str) -> Iterable[_Record]:
    key, args, arrays = "", dict[str, str](), dict[str, list[str]]()
    position, count = 0, 0
    while True:
        assigned = _ASSIGNED.search(text, position)
        record = _RECORD.search(text, position, assigned.start() if assigned else len(text))
        if record:
            count += 1
            _check_number(count)
            yield key, args, arrays
            key, args, arrays = "", {}, {}
            position = record.end()
            continue
        if assigned is None:
            return
        value, position = _value(text, assigned.end())
        name = assigned[1]
        if name == "old_group" and isinstance(value, str):
            key = value
        elif name == "args" and isinstance(value, list):
            args = {
                k: v
                for k, v in zip(value[::2], value[1::2], strict=False)
                if isinstance(k, str) and isinstance(v, str)
            }
        elif name in ("x", "y") and isinstance(value, list):
            arrays[name] = [v for v in value if isinstance(v, str)]


def _check_number(count: int) -> None:
    if count > MAX_GROUPS:
        raise SpectrumError(
            f"the Athena project holds more than {MAX_GROUPS} spectra; save a smaller one"
        )


def _value(text: str, position: int) -> tuple[Value, int]:
    """The value that begins at a position, and where it ends."""
    open_: list[tuple[str, list[Value]]] = []
    while True:
        token = _TOKEN.match(text, position)
        if token is None:
            raise _damaged()
        position = token.end()
        single, double, sign, word = token.groups()
        done: Value
        if sign in _PAIRS:
            if len(open_) == MAX_DEPTH:
                raise _damaged()
            open_.append((_PAIRS[sign], []))
            continue
        if sign in (",", "=>"):
            if not open_:
                raise _damaged()
            continue
        if sign is not None:
            if not open_ or open_[-1][0] != sign:
                raise _damaged()
            done = open_.pop()[1]
        elif single is not None:
            done = re.sub(r"\\([\\'])", r"\1", single)
        elif double is not None:
            done = _ESCAPE.sub(_unescaped, double)
        else:
            done = "" if word == "undef" else word
        if not open_:
            return done, position
        open_[-1][1].append(done)
        if len(open_[-1][1]) > MAX_ROWS:
            raise SpectrumError(
                f"a list of the Athena project has more than {MAX_ROWS} entries; save a smaller one"
            )


def _unescaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    if digits:
        return chr(int(digits, 16)) if int(digits, 16) < 0x110000 else "?"
    return _ESCAPED.get(match[3], match[3])


def _damaged() -> SpectrumError:
    return SpectrumError(
        "the Athena project is damaged or cut off: its Perl data holds more than lists of text and "
        "numbers; save it again from Athena"
    )


def _table(name: str, args: Mapping[str, str], arrays: Mapping[str, list[str]]) -> Table:
    kind = args.get("datatype", "")
    if kind == "chi" or args.get("is_chi") == "1":
        names = ("k", "chi")
    elif kind == "norm" or args.get("is_nor") == "1":
        names = ("energy", "norm")
    else:
        names = ("energy", "mu")
    x, y = (_numbers(arrays[column]) for column in ("x", "y"))
    if x.size != y.size or x.size > MAX_ROWS:
        raise SpectrumError(
            f"{name!r} of the Athena project has {x.size} energies and {y.size} values; save it "
            "again from Athena"
        )
    notes: tuple[str, ...] = ()
    shift_ev = _numbers([args.get("bkg_eshift", "0")])[0]
    if np.isfinite(shift_ev) and shift_ev != 0.0 and names[0] == "energy":
        x = x + shift_ev
        notes = (f"energies shifted by {shift_ev:g} eV, as set in Athena",)
    headers = {ours: clean(args[key]) for key, ours in _KEPT.items() if args.get(key)}
    # hydrogen is what Athena writes where it does not know
    element = (args.get("bkg_z") or args.get("atsym") or "").strip()
    if element.isalpha() and len(element) <= 2 and element.upper() != "H":
        headers["element"] = element.capitalize()
        headers["edge"] = clean(args.get("fft_edge") or args.get("edge") or "K", 4).upper()
    values = np.column_stack([x, y])
    return Table(values, names, ("eV", ""), True, headers, notes, "athena")


def _numbers(texts: Iterable[str]) -> np.ndarray:
    values = []
    for text in texts:
        try:
            values.append(float(text))
        except ValueError:
            values.append(float("nan"))
    found = np.array(values, dtype=np.float64)
    found[~np.isfinite(found)] = np.nan
    return found
