"""From the bytes of a structure file to lines, numbers and element symbols."""

from __future__ import annotations

import io
import math
import re
import warnings

from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from xanes_core.errors import StructureError
from xanes_core.files import text_of
from xanes_core.structures.limits import MAX_ATOMS, MAX_BYTES, MAX_LINE, MAX_WORD

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?\Z", re.ASCII)
_FORTRAN = re.compile(
    r"(?<!\S)([+-]?(?:\d+\.\d*|\.\d+)|[+-]?\d+(?=[dD][+-]))[dD]([+-]?\d+)(?!\S)", re.ASCII
)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)\Z", re.IGNORECASE)
_SYMBOL = re.compile(r"([A-Za-z]{1,2})(?![A-Za-z])", re.ASCII)
_SAFE = re.compile(r"[^\w +\-.,/()=]|_(?=_)")
_DUMMIES = frozenset({"X", "XX", "DU", "*", "A", "Q", "LP", "R", "R#", "EP", "M", "BQ", "GH"})
_KEPT_CONTROLS = {ord(c) for c in "\t\n\r\f\v\x1a"}
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive (or an office document)",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x89HDF": "an HDF5 file",
}


#: Of a file whose format marks its end, where the mark is missing.
UNFINISHED_NOTE = "The file has no END at its end: it may have been cut off, with atoms missing."


class Note(str):
    """What a reader of a structure should know, in words of this library, never of a file."""


def quote(text: str, limit: int = 40) -> str:
    """Short quotation of a file's text that is safe in a message: no markup, no control codes."""
    text = " ".join(str(text)[: 4 * limit].split())
    text = _SAFE.sub("·", text)
    return '"' + (text if len(text) <= limit else text[: limit - 3] + "...") + '"'


def decode_text(data: bytes) -> str:
    r"""Text of a file with ``\n`` line ends and without byte order mark.

    Encodings are those of :func:`~xanes_core.files.text_of`.

    Raises
    ------
    StructureError
        Too large, empty, an archive or document, or not text.
    """
    if len(data) > MAX_BYTES:
        raise StructureError(
            f"The file is {len(data) / 2**20:.0f} MiB large; at most {MAX_BYTES // 2**20} MiB are "
            "read: split it or keep fewer frames."
        )
    if not data.strip(b"\0 \t\r\n"):
        raise StructureError("The file is empty: choose one that holds a structure.")
    for signature, what in _SIGNATURES.items():
        if data.startswith(signature):
            raise StructureError(
                f"The file is {what}, not a structure in text form: "
                "unpack or export it to xyz, cif or another supported format first."
            )
    text = text_of(data)
    sample = text[:100_000]
    controls = sum(ord(c) < 32 and ord(c) not in _KEPT_CONTROLS for c in sample)
    if "\0" in text or controls > 0.01 * len(sample):
        raise StructureError(
            "The file is not text (it holds binary data): "
            "export the structure to xyz, cif or another supported format."
        )
    text = text.lstrip("\ufeff").rstrip("\x1a")
    if not text.strip():
        raise StructureError("The file is empty: choose one that holds a structure.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    _refuse_long(text)
    return text


def _refuse_long(text: str) -> None:
    """Raise a StructureError where a line or a word is longer than the limit.

    What looks for words in a line, ours or a library's, may take the square of its length.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) <= MAX_WORD:
            continue
        if len(line) > MAX_LINE:
            raise StructureError(
                f"Line {number} has {len(line):,} characters; at most {MAX_LINE:,} are read: "
                "write the file again with a line for each atom or value."
            )
        longest = max(map(len, line.split()), default=0)
        if longest > MAX_WORD:
            raise StructureError(
                f"Line {number} holds a word of {longest:,} characters; at most {MAX_WORD:,} are "
                "read: shorten or remove it."
            )


def clean_numbers(text: str) -> str:
    """Text with Fortran exponents (``1.0D+00``) written with ``E``."""
    return _FORTRAN.sub(r"\1E\2", text)


def is_number(token: str) -> bool:
    """Whether a token reads as a number (NaN and infinity too, to be refused with a reason)."""
    return bool(_NUMBER.match(token) or _NOT_FINITE.match(token))


def parse_number(token: str, where: str) -> float:
    """Finite number of a token, Fortran exponents included; ``where`` opens the message.

    Raises
    ------
    StructureError
        Not a number, or not a finite one.
    """
    if _NUMBER.match(token):
        value = float(token.replace("d", "e").replace("D", "E"))
        if math.isfinite(value):
            return value
    elif not _NOT_FINITE.match(token):
        raise StructureError(
            f"{where}: {quote(token)} is not a number (write it as 1.234, with a decimal point)."
        )
    raise StructureError(
        f"{where}: {quote(token)} is not a finite number: correct it or write the file again."
    )


def parse_count(token: str, where: str) -> int:
    """Number of atoms that a file announces, checked against the limit.

    Raises
    ------
    StructureError
        Not a whole number, none, or more than the limit.
    """
    if not (token.isascii() and token.isdigit()):
        raise StructureError(f"{where}: {quote(token)} is not a number of atoms.")
    if len(token.lstrip("0")) > 9 or int(token) > MAX_ATOMS:
        raise StructureError(
            f"{where}: the file announces {quote(token)} atoms; at most {MAX_ATOMS:,} are handled."
        )
    if int(token) == 0:
        raise StructureError(f"{where}: the file announces 0 atoms: give a complete structure.")
    return int(token)


def is_whole(token: str) -> bool:
    """Whether a token is a whole number in ASCII; ``str.isdigit`` takes other scripts too."""
    return token.isascii() and token.isdigit() and len(token) < 10


def parse_symbol(token: str, where: str) -> str:
    """Element symbol of ``Fe``, ``fe``, ``FE``, ``Fe1``, ``Fe3+``, ``Fe_pv``, ``26`` or ``D``.

    Raises
    ------
    StructureError
        A dummy atom or no element.
    """
    if token.isascii() and token.isdigit():
        number = int(token) if len(token) < 4 else 0
        if 0 < number < len(chemical_symbols):
            return chemical_symbols[number]
        if token == "0":
            raise _dummy(token, where)
        raise StructureError(f"{where}: there is no element with the number {quote(token)}.")
    match = _SYMBOL.match(token)
    symbol = symbol_or_none(match.group(1)) if match else None
    if symbol:
        return symbol
    if token.rstrip("0123456789").upper() in _DUMMIES:
        raise _dummy(token, where)
    raise StructureError(
        f"{where}: {quote(token)} is no element symbol (write Fe, O, H ... or atomic numbers)."
    )


def symbol_or_none(token: str) -> str | None:
    """Element symbol of letters alone (any case, ``D`` is H), or None."""
    letters = token.capitalize()
    if letters in ("D", "T"):
        return "H"
    return letters if letters in atomic_numbers and letters != "X" else None


def _dummy(token: str, where: str) -> StructureError:
    return StructureError(
        f"{where}: {quote(token)} is a dummy atom: remove dummy and ghost atoms from the file."
    )


def plain_numbers(words: list[str], where: str) -> list[str]:
    """Words that are one or three finite numbers, written in a way that every reader knows.

    Raises
    ------
    StructureError
        Another count, or not a finite number.
    """
    if len(words) not in (1, 3):
        raise StructureError(f"{where}: three numbers are needed.")
    return [repr(parse_number(word, where)) for word in words]


def read_with_ase(text: str, name: str) -> Atoms:
    """Hand checked and rewritten text to a reader of the library, always by explicit format."""
    from ase.io import read as ase_read  # loads part of SciPy, which most formats can do without

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = ase_read(io.StringIO(text), format=name)
    return images if isinstance(images, Atoms) else images[-1]


def refuse_many(count: int) -> None:
    """Raise a StructureError where one structure has more atoms than the limit."""
    if count > MAX_ATOMS:
        raise StructureError(
            f"The file holds {count:,} atoms in one structure; at most {MAX_ATOMS:,} are handled."
        )
