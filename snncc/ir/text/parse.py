"""Text -> network. Strict, and safe with any text: nothing in it is executed, and arrays stay in proportion to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, get_args, get_origin

import numpy as np
from msgspec import UNSET, MsgspecError, Struct, UnsetType, structs

from snncc.errors import FileFormatError, NetworkError
from snncc.ir.check import MAX_DEPTH, check
from snncc.ir.network import Array, Interval, Network, Population, Source, replace
from snncc.ir.text import arrays
from snncc.ir.text.notation import FORMAT, VERSION, read, read_intervals, read_word, tag

TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[(),]|[^\s(),"]+)')
DEEPEST = 8


@dataclass(eq=False)
class Node:
    """A line with the lines indented below it."""

    number: int
    text: str
    children: list[Node] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def rest(self) -> str:
        return self.text.partition(" ")[2].strip()

    @property
    def continued(self) -> str:
        """The line and those that go on with it."""
        for child in self.children:
            _no_children(child)
        return " ".join([self.text, *(child.text for child in self.children)])

    @property
    def whole(self) -> str:
        """All after the key, on further lines too."""
        return self.continued.partition(" ")[2].strip()


def parse(text: str) -> Network:
    """The network that `dump` wrote. FileFormatError names the line and what is wrong, or what verify refuses."""
    try:
        network = _network(_tree(text))
        check(network)
    except NetworkError as error:
        raise FileFormatError(f"the text holds an invalid network: {error}") from error
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, MemoryError) as error:
        raise FileFormatError(f"the text holds an invalid network: {type(error).__name__}: {error}") from error
    return network


def _wrong(number: int, message: str) -> FileFormatError:
    return FileFormatError(f"line {number}: {message}")


@contextmanager
def _at(node: Node, what: str = "") -> Iterator[None]:
    """What is found wrong inside is wrong in this line."""
    try:
        yield
    except (ValueError, MsgspecError) as error:
        raise _wrong(node.number, f"{what or node.key}: {error}") from None


def _tree(text: str) -> Node:
    """The lines by their indentation, two spaces a level."""
    title, *lines = text.split("\n")
    name, _, version = title.strip().partition(" ")
    if name != FORMAT:
        raise _wrong(1, f"not the text of a snncc network, which begins with `{FORMAT} {VERSION}`")
    if version != str(VERSION):
        raise _wrong(1, f"version {version[:20]}, this snncc reads {VERSION}")
    open_nodes = [Node(1, FORMAT)]
    root = open_nodes[0]
    for number, line in enumerate(lines, 2):
        content = line.strip()
        if not content:
            continue
        level, odd = divmod(len(line) - len(line.lstrip(" ")), 2)
        if odd or level >= len(open_nodes) or level > DEEPEST:
            raise _wrong(number, "its indentation belongs to no line before it (two spaces a level)")
        del open_nodes[level + 1 :]
        node = Node(number, content)
        open_nodes[level].children.append(node)
        open_nodes.append(node)
    return root


def _network(root: Node) -> Network:
    """The whole text. Intervals stand with their populations; a kind that theta tells is left out."""
    intervals: dict[str, dict[str, Interval]] = {}
    for node in root.children:
        found = [child for child in node.children if node.key == "population" and child.key == "intervals"]
        for child in found:
            with _at(child):
                _require(len(found) == 1, "stands twice")
                for dynamics, interval in read_intervals(child.whole).items():
                    intervals.setdefault(dynamics, {})[read_word(node.rest)] = interval
            node.children.remove(child)
    network = _struct(Network, root)
    populations = tuple(_without_usual_kind(population) for population in network.populations)
    made: Network = replace(network, populations=populations, intervals=intervals)
    return made


def _without_usual_kind(population: Population) -> Population:
    return replace(population, kind=UNSET) if population.kind == population.usual else population


def _struct(kind: type[Struct], node: Node, name: str | None = None) -> Any:
    """The struct of this class whose fields and inner structs are the lines below `node`."""
    fields = {f.name.rstrip("_"): f for f in structs.fields(kind) if f.name != "intervals"}
    inner = {tag(part): (f.name, part) for f in fields.values() for part in _parts(f.type)}
    values: dict[str, Any] = {} if name is None else {"name": name}
    lists: dict[str, list[Any]] = {f.name: [] for f in fields.values() if _parts(f.type)}
    for child in node.children:
        if child.key in inner:
            of, part = inner[child.key]
            with _at(child):
                called = read_word(child.rest)
            lists[of].append(_struct(part, child, called))
        elif child.key in fields and fields[child.key].name not in lists:
            f = fields[child.key]
            if f.name in values:
                raise _wrong(child.number, f"{child.key} stands twice")
            values[f.name] = _value(f.type, child)
        else:
            raise _wrong(child.number, f"{child.key[:40]!r} is nothing that {_article(kind)} has")
    values |= {of: tuple(parts) for of, parts in lists.items()}
    lacking = [key for key, f in fields.items() if f.required and f.name not in values]
    if lacking:
        raise _wrong(node.number, f"{_article(kind)} lacks {', '.join(lacking)}")
    return kind(**values)


def _article(kind: type[Struct]) -> str:
    called = tag(kind)
    return f"{'an' if called[0] in 'aeiou' else 'a'} {called}"


def _alternatives(kind: Any) -> list[Any]:
    """The types of a union but for None and UNSET; any other type alone."""
    if get_origin(kind) in (None, np.ndarray, dict, tuple):
        return [kind]
    return [part for part in get_args(kind) if part not in (NoneType, UnsetType)] or [kind]


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _parts(kind: Any) -> list[type[Struct]]:
    """The classes that a tuple of structs may hold; none for another type."""
    return [part for part in _alternatives(get_args(kind)[0]) if _is_struct(part)] if get_origin(kind) is tuple else []


def _value(kind: Any, node: Node) -> Any:
    """What a field's line, and the lines below it, say."""
    first = _alternatives(kind)[0]
    if get_origin(first) is np.ndarray:
        return None if node.whole == "none" and NoneType in get_args(kind) else _array(node)
    if get_origin(first) is dict:
        return _entries(get_args(first)[1], node)
    if _is_struct(first) and first.__struct_config__.tag is None:
        with _at(node):
            _require(not node.rest, "nothing follows it in its line")
        return _struct(first, node)
    with _at(node):
        return _Expression(node.whole).all(kind) if _is_struct(first) else read(node.whole, kind)


def _entries(kind: Any, node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with _at(node):
        _require(not node.rest, "nothing follows it in its line")
    for child in node.children:
        with _at(child):
            match = TOKEN.match(child.continued)
            if match is None:
                raise ValueError("a string does not end")
            key = read_word(match[1])
            _require(key not in found, "stands twice")
            found[key] = read(child.continued[match.end() :].strip(), kind)
    return found


def _array(node: Node) -> Array:
    with _at(node):
        dtype, shape, inline = arrays.read_head(node.rest)
        numbers = arrays.read_numbers(inline, dtype)
        _require(not (inline and node.children), "numbers in its line and below it")
    for row in node.children:
        with _at(row, node.key):
            _no_children(row)
            numbers += arrays.read_numbers(arrays.read_row(row.text, shape, len(numbers)), dtype)
    with _at(node):
        return arrays.made(numbers, dtype, shape)


def _require(condition: object, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _no_children(node: Node) -> None:
    if node.children:
        raise _wrong(node.children[0].number, "nothing can stand below the line before it")


class _Expression:
    """`pad(conv, 1 1 1 1)`: a kind and its fields in the order of its class; a bare word is a population, or a kind."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        end = 0
        while end < len(text):
            match = TOKEN.match(text, end)
            if match is None:
                raise ValueError("a string does not end")
            self.tokens.append(match[1])
            end = match.end()
        self.tokens.reverse()

    def all(self, kind: Any) -> Any:
        """The struct that the whole text is."""
        found = self.struct(kind, 1)
        _require(not self.tokens, f"{self.next[:40]!r} after its end")
        return found

    @property
    def next(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def take(self, *wanted: str) -> str:
        """The next token, one of these if any are given."""
        _require(self.tokens and (self.next in wanted or not wanted), f"{self.next[:40]!r} where {wanted} must stand")
        return self.tokens.pop()

    def struct(self, kind: Any, depth: int) -> Any:
        _require(depth <= MAX_DEPTH, f"nested more than {MAX_DEPTH} deep")
        kinds = {tag(part): part for part in _alternatives(kind)}
        word = self.take()
        if self.next != "(":
            part = kinds.get(word)
            if part is not None and not any(f.required for f in structs.fields(part)):
                return part()
            _require(Source in kinds.values(), f"{word[:40]!r} is none of {', '.join(kinds)}")
            return Source(read_word(word))
        _require(word in kinds, f"{word[:40]!r} is none of {', '.join(kinds)}")
        self.take("(")
        values: list[Any] = []
        fields = structs.fields(kinds[word])
        for f in fields:
            if self.next == ")":
                break
            several = _parts(f.type)
            values.append(self.several(get_args(f.type)[0], depth) if several else self.value(f.type, depth))
        self.take(")")
        lacking = [f.name for f in fields[len(values) :] if f.required]
        _require(not lacking, f"{word} lacks {', '.join(lacking)}")
        return kinds[word](**{f.name: value for f, value in zip(fields, values, strict=False)})

    def several(self, kind: Any, depth: int) -> tuple[Any, ...]:
        """All that is left up to the closing parenthesis."""
        found = [self.value(kind, depth)]
        while self.next not in (")", ""):
            found.append(self.value(kind, depth))
        return tuple(found)

    def value(self, kind: Any, depth: int) -> Any:
        """One field, with the comma after it."""
        if _is_struct(_alternatives(kind)[0]):
            found = self.struct(kind, depth + 1)
        else:
            words = []
            while self.next not in ("(", ")", ",", ""):
                words.append(self.take())
            text = " ".join(words)
            found = arrays.read_line(text) if get_origin(kind) is np.ndarray else read(text, kind)
        if self.next == ",":
            self.take(",")
            _require(self.next != ")", "a comma before the end")
        return found
