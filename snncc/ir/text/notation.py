"""How single values are written, and read again: words, shapes, pads, anything else as JSON."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from snncc.ir.network import Interval, Pads

FORMAT = "snncc-network-text"
VERSION = 1
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
INTERVAL = re.compile(r"([a-z]+) (-?[0-9]{1,30})\.\.(-?[0-9]{1,30})")


def tag(kind: type[msgspec.Struct]) -> str:
    """What a struct of this class is called: its tag in network.snn, else its class in small letters."""
    return str(kind.__struct_config__.tag or kind.__name__.lower())


def word(text: str) -> str:
    """A name as it is, any other text as a JSON string in ASCII."""
    return text if WORD.fullmatch(text) else json.dumps(text)


def read_word(text: str) -> str:
    """A name, or a JSON string; ValueError for anything else."""
    return text if WORD.fullmatch(text) else msgspec.json.decode(text, type=str)


def written(value: Any, kind: Any) -> str:
    """A value of a field of this type: `4x4x2`, `1 1 1 1` for pads, a word, or JSON (floats exactly)."""
    separator = _separator(kind)
    if separator:
        return separator.join(map(str, value))
    return word(value) if kind is str or get_origin(kind) is Literal else json.dumps(value)


def read(text: str, kind: Any) -> Any:
    """The value that `written` wrote; ValueError (msgspec's too) where it is none of this type."""
    separator = _separator(kind)
    if separator:
        numbers = text.split(separator) if text else []
        if not all(re.fullmatch("-?[0-9]+", number, re.ASCII) for number in numbers):
            raise ValueError(f"{text!r} is not whole numbers with {separator!r} between them")
        return msgspec.json.decode(f"[{','.join(numbers)}]", type=kind)
    if kind is str or get_origin(kind) is Literal:
        return msgspec.convert(read_word(text), kind)
    return msgspec.json.decode(text, type=kind)


def _separator(kind: Any) -> str:
    """Between the numbers of a tuple of integers; nothing for any other type."""
    if get_origin(kind) is not tuple or set(get_args(kind)) - {int, ...}:
        return ""
    return " " if kind == Pads else "x"


def written_intervals(found: dict[str, Interval]) -> str:
    """`count -8..62, step -8..51`: a potential's proved interval in each dynamics."""
    return ", ".join(f"{dynamics} {low}..{high}" for dynamics, (low, high) in sorted(found.items()))


def read_intervals(text: str) -> dict[str, Interval]:
    """The proved intervals by dynamics; ValueError where they are none."""
    found: dict[str, Interval] = {}
    for part in text.split(", "):
        match = INTERVAL.fullmatch(part)
        if match is None or match[1] in found:
            raise ValueError(f"{part!r} is no interval such as `count -8..62`, or a second one")
        found[match[1]] = int(match[2]), int(match[3])
    return found
