"""Files damaged in the ways that people, programs and transfers damage them; seeded."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

#: What stands where a number stood.
NUMBERS = (
    b"nan", b"inf", b"-inf", b"1e308", b"1e-320", b"-0", b"0", b"999999999", b"-1", b"1d3", b"1,5",
    b"0x10", b"1_000", b"****", b"1/0", b"\xd9\xa1\xd9\xa2", b"", b"1.0.0", b"7112", b"7.112",
    b"2.5(3)", b"--1", b"1e", b"?", b".",
)  # fmt: skip
#: What stands where a word stood.
WORDS = (
    b"Fe", b"fe", b"FE1", b"X", b"D", b"Og", b"Cm", b"CO", b"Ca", b"CA", b"Du", b"26", b"0", b"",
    b"loop_", b"data_", b"END", b"$$$$", b"M  END", b"Lattice=\"1 0 0 0 1 0 0 0 1\"", b"#", b"!",
    b"'", b'"', b";", b"Properties=species:S:1:pos:R:3", b"TER", b"MODEL", b"PBC=\"T T T\"",
)  # fmt: skip
_ALPHABET = np.frombuffer(b"0123456789-+.eE \n\t\r,;:'\"#!XNabFeO_\x00\xff\xc3", dtype=np.uint8)
_NUMBER = re.compile(rb"(?<![\w.])[-+]?\d*\.?\d+(?:[eEdD][-+]?\d+)?(?![\w.])")
_WORD = re.compile(rb"[A-Za-z_$][\w.$]*")
Chance = np.random.Generator


def cut(data: bytes, chance: Chance) -> bytes:
    """The end is missing."""
    return data[: chance.integers(len(data) + 1)]


def flip(data: bytes, chance: Chance) -> bytes:
    """Some bytes are other bytes."""
    raw = bytearray(data)
    for at in chance.integers(len(raw), size=chance.integers(1, 6)):
        raw[at] = chance.integers(256)
    return bytes(raw)


def retype(data: bytes, chance: Chance) -> bytes:
    """Some characters are others that such files hold."""
    raw = bytearray(data)
    for at in chance.integers(len(raw), size=chance.integers(1, 5)):
        raw[at] = chance.choice(_ALPHABET)
    return bytes(raw)


def rearrange(data: bytes, chance: Chance) -> bytes:
    """Lines are swapped, doubled or lost."""
    lines = data.split(b"\n")
    for _ in range(chance.integers(1, 4)):
        first, second = chance.integers(len(lines), size=2)
        if chance.random() < 0.4:
            lines[first], lines[second] = lines[second], lines[first]
        else:
            lines[first : first + 1] = [lines[second]] * int(chance.integers(3))
        lines = lines or [b""]
    return b"\n".join(lines)


def _replace(pattern: re.Pattern[bytes], values: tuple[bytes, ...]) -> Callable[..., bytes]:
    def change(data: bytes, chance: Chance) -> bytes:
        found = list(pattern.finditer(data))
        if not found:
            return flip(data, chance)
        chosen = set(chance.integers(len(found), size=chance.integers(1, 3)).tolist())
        for index in sorted(chosen, reverse=True):  # from the end: places before it stay
            start, end = found[index].span()
            data = data[:start] + values[chance.integers(len(values))] + data[end:]
        return data

    return change


def fields(data: bytes, chance: Chance) -> bytes:
    """A line has one value too many, too few, or two in each other's place."""
    lines = data.split(b"\n")
    at = int(chance.integers(len(lines)))
    words = lines[at].split()
    if len(words) < 2:
        return rearrange(data, chance)
    one, two = chance.integers(len(words), size=2)
    kind = chance.integers(3)
    if kind == 0:
        words[one], words[two] = words[two], words[one]
    elif kind == 1:
        del words[one]
    else:
        words.insert(int(one), words[two])
    lines[at] = b"  ".join(words)
    return b"\n".join(lines)


def scale(data: bytes, chance: Chance) -> bytes:
    """One number is a thousand times another, or a small one."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return flip(data, chance)
    one = found[chance.integers(len(found))]
    try:
        value = float(one[0]) * 10.0 ** chance.integers(-4, 8)
    except ValueError:
        return flip(data, chance)
    return data[: one.start()] + f"{value:.6g}".encode() + data[one.end() :]


def repeat(data: bytes, chance: Chance) -> bytes:
    """The file, or a part of it, stands there several times."""
    start, end = sorted(chance.integers(len(data) + 1, size=2))
    part = data if chance.random() < 0.5 else data[start:end]
    return data[:end] + part * int(chance.integers(1, 5)) + data[end:]


def recode(data: bytes, chance: Chance) -> bytes:
    """Another encoding or other line ends."""
    text = data.decode("latin-1")
    made = (
        text.encode("utf-16"), b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"),
        data.replace(b"\n", b"\r"), text.encode("utf-8"), data.replace(b".", b","),
        data.replace(b" ", b"\t"), data.replace(b" ", b"\xc2\xa0"), data.upper(), data.lower(),
    )  # fmt: skip
    return made[chance.integers(len(made))]


def swell(data: bytes, chance: Chance) -> bytes:
    """A token, a line or a run of lines is far too long."""
    at = int(chance.integers(len(data) + 1))
    size = int(chance.integers(10, 30_000))
    part = (b"9", b"A", b" ", b"1 ", b"\n", b"(", b"Fe 1 1 1\n", b"'")[chance.integers(8)]
    return data[:at] + part * size + data[at:]


CHANGES: tuple[Callable[[bytes, Chance], bytes], ...] = (
    cut, flip, retype, rearrange, _replace(_NUMBER, NUMBERS), _replace(_WORD, WORDS), fields,
    scale, repeat, recode, swell,
)  # fmt: skip
_NAMES = ("cut", "flip", "retype", "rearrange", "number", "word", "fields", "scale", "repeat",
          "recode", "swell")  # fmt: skip


def mutate(data: bytes, chance: Chance) -> tuple[str, bytes]:
    """Names of what was done, and the file after it: one change or two of one drawn at random."""
    done = []
    for _ in range(1 + int(chance.random() < 0.3)):
        kind = int(chance.integers(len(CHANGES)))
        data = CHANGES[kind](data, chance) if data else data
        done.append(_NAMES[kind])
    return "+".join(done), data
