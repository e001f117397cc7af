"""Integer expressions of the C program: objects that write themselves down for the names of the loop they stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Names:
    """How a loop calls a neuron's position and its channel."""

    position: str
    channel: str


RUN = Names("at", "c")
"""A run takes its positions in pairs; `at` is each of the two."""
SCAN = Names("p", "c")


class Expression(Protocol):
    """An integer in C."""

    def text(self, names: Names = SCAN) -> str:
        """As C writes it inside a loop with these names."""


@dataclass(frozen=True)
class Literal:
    """A constant of the smallest fitting type."""

    value: int

    def text(self, names: Names = SCAN) -> str:
        if -(2**31) < self.value < 2**31:
            return str(self.value) if self.value >= 0 else f"({self.value})"
        return f"INT64_C({self.value})"


@dataclass(frozen=True)
class Name:
    """A variable."""

    name: str

    def text(self, names: Names = SCAN) -> str:
        return self.name


@dataclass(frozen=True)
class Position:
    """A neuron's position on its map, y * width + x."""

    def text(self, names: Names = SCAN) -> str:
        return names.position


@dataclass(frozen=True)
class Channel:
    """A neuron's channel."""

    def text(self, names: Names = SCAN) -> str:
        return names.channel


@dataclass(frozen=True)
class Element:
    """`table[index]`."""

    table: str
    index: Expression

    def text(self, names: Names = SCAN) -> str:
        return f"{self.table}[{self.index.text(names)}]"


@dataclass(frozen=True)
class Group:
    """What binds together: in parentheses."""

    inner: Expression

    def text(self, names: Names = SCAN) -> str:
        return f"({self.inner.text(names)})"


@dataclass(frozen=True)
class Operation:
    """`first sign second`, as C binds it."""

    first: Expression
    sign: str
    second: Expression

    def text(self, names: Names = SCAN) -> str:
        return f"{self.first.text(names)} {self.sign} {self.second.text(names)}"


ZERO = Literal(0)
STEPS = Name("steps")
"""T of this call."""


def total(first: Expression, second: Expression) -> Expression:
    """`first + second`; what is 0 is left out."""
    if ZERO in (first, second):
        return second if first == ZERO else first
    return Operation(first, "+", second)


def product(first: Expression, second: Expression) -> Expression:
    """`first * second`; 0 where one of them is."""
    return ZERO if ZERO in (first, second) else Operation(first, "*", second)
