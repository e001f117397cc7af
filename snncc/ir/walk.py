"""The one walk over a view. A visitor says what each kind of view makes of what its inner views made."""

from __future__ import annotations

from typing import Protocol, TypeVar

from snncc.ir.network import Concat, Late, MaxPool, Pad, Pads, Reshape, Source, Spread, View

T = TypeVar("T")


class Visitor(Protocol[T]):
    """What becomes of a view, kind by kind, from the leaves up."""

    def source(self, name: str) -> T:
        """The output of a population, or of the input."""

    def late(self, name: str) -> T:
        """What any population handed on at the timestep before."""

    def reshape(self, inner: T, shape: tuple[int, ...]) -> T:
        """The same elements under another shape."""

    def pad(self, inner: T, pads: Pads) -> T:
        """Zeros around a map."""

    def concat(self, parts: list[T]) -> T:
        """One after the other on the channel axis."""

    def max_pool(self, inner: T, pool: MaxPool) -> T:
        """The maximum over each window's real elements."""

    def spread(self, inner: T, spread: Spread) -> T:
        """Every element of a map as a block: itself and zeros, or repeated."""


def fold(view: View, visitor: Visitor[T]) -> T:
    """What `visitor` makes of a view."""
    match view:
        case Source(population=name):
            return visitor.source(name)
        case Late(population=name):
            return visitor.late(name)
        case Reshape(view=inner, shape=shape):
            return visitor.reshape(fold(inner, visitor), shape)
        case Pad(view=inner, pads=pads):
            return visitor.pad(fold(inner, visitor), pads)
        case Concat(views=views):
            return visitor.concat([fold(part, visitor) for part in views])
        case MaxPool(view=inner):
            return visitor.max_pool(fold(inner, visitor), view)
        case Spread(view=inner):
            return visitor.spread(fold(inner, visitor), view)
