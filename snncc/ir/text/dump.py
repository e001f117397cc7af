"""A network -> its text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from msgspec import UNSET, Struct, structs

from snncc.ir.network import Network, Population, Source, replace
from snncc.ir.text import arrays
from snncc.ir.text.notation import FORMAT, VERSION, tag, word, written, written_intervals

WIDTH = 118
UNIT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"(])*\(?\s*')
"""What is not broken at the end of a line: up to a space or an opening parenthesis outside a string."""
LARGE = ("weights", "golden")

Lines = list[str]


def dump(network: Network, weights: bool = True) -> str:
    """The whole network as text: `parse` makes an equal one of it. The same network gives the same text.

    `weights=False` leaves the numbers of weights and golden images out; their type, shape, range and a short hash stay,
    and `parse` refuses the text. The network is not verified; intervals of populations that it lacks are not shown.
    """
    lines, blocks = _Dump(network, weights).fields(network)
    parts = [[f"{FORMAT} {VERSION}", *lines], *blocks]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


class _Dump:
    def __init__(self, network: Network, weights: bool) -> None:
        self.intervals = network.intervals
        self.weights = weights

    def fields(self, struct: Struct) -> tuple[Lines, list[Lines]]:
        """(simple fields, then those of many lines; a block per struct inside). What has its default is left out."""
        lines: Lines = []
        tables: Lines = []
        blocks: list[Lines] = []
        if isinstance(struct, Population):
            struct = replace(struct, kind=struct.neuron)
        for field in structs.fields(struct):
            key, value = field.name.rstrip("_"), getattr(struct, field.name)
            usual = not field.required and value == field.default and not isinstance(struct, Network)
            if value is UNSET or usual or key == "intervals" or (key == "name" and not isinstance(struct, Network)):
                continue
            match value:
                case np.ndarray() | np.generic():
                    table = self.array(key, np.asarray(value))
                    if key in LARGE or len(table) > 1:
                        tables += table
                    else:
                        lines += table
                case tuple() if all(isinstance(part, Struct) for part in value) and value:
                    blocks += [self.block(f"{tag(type(part))} {word(part.name)}", part) for part in value]
                case Struct() if type(value).__struct_config__.tag is None:
                    blocks.append(self.block(key, value))
                case Struct():
                    lines += _wrapped(f"{key} {_expression(value)}")
                case dict():
                    entries = (_wrapped(f"{word(name)} {written(value[name], None)}") for name in sorted(value))
                    blocks.append([key, *_indented([line for entry in entries for line in entry])])
                case None:
                    lines.append(f"{key} none")
                case _:
                    lines += _wrapped(f"{key} {written(value, field.type)}".rstrip())
        if isinstance(struct, Population):
            found = {dynamics: proved for dynamics, proved in self.intervals.items() if struct.name in proved}
            if found:
                here = {dynamics: proved[struct.name] for dynamics, proved in found.items()}
                lines.append(f"intervals {written_intervals(here)}")
        return lines + tables, blocks

    def block(self, header: str, struct: Struct) -> Lines:
        lines, blocks = self.fields(struct)
        return [header, *_indented(lines), *(line for block in blocks for line in _indented(block))]

    def array(self, key: str, array: np.ndarray[Any, Any]) -> Lines:
        if key in LARGE and not self.weights:
            return [f"{key} {arrays.summary(array)}"]
        rows = arrays.rows(array)
        if len(rows) == 1:
            return [f"{key} {arrays.head(array)} {rows[0]}"]
        return [f"{key} {arrays.head(array)}", *_indented(rows)]


def _expression(struct: Struct) -> str:
    """A view or a kind of neurons: `pad(conv, 1 1 1 1)`, its fields in the order of its class; a source by its name."""
    if isinstance(struct, Source):
        return word(struct.population)
    found: list[str] = []
    needed = 0
    for field in structs.fields(struct):
        value = getattr(struct, field.name)
        parts = value if isinstance(value, tuple) and any(isinstance(part, Struct) for part in value) else (value,)
        found += [_part(part, field.type) for part in parts]
        needed = len(found) if field.required or value != field.default else needed
    return f"{tag(type(struct))}({', '.join(found[:needed])})" if needed else tag(type(struct))


def _part(value: Any, kind: Any) -> str:
    """A field inside an expression."""
    if isinstance(value, Struct):
        return _expression(value)
    return arrays.line(value) if isinstance(value, np.ndarray) else written(value, kind)


def _indented(lines: Lines) -> Lines:
    return [f"  {line}" for line in lines]


def _wrapped(text: str) -> Lines:
    """A line of at most WIDTH characters, and indented ones with what did not fit."""
    lines = [""]
    for unit in UNIT.findall(text):
        if lines[-1] and len(lines[-1]) + len(unit.rstrip()) > WIDTH - 4:
            lines.append("")
        lines[-1] += unit
    first, *rest = (line.rstrip() for line in lines)
    return [first, *_indented(rest)]
