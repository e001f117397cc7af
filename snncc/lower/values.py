"""What a tensor of the graph is while populations are being formed: parts side by side on the channel axis.

A `Signal` is a view of populations (or of the input). A `Pending` is a linear map that no relu has made a
population yet, with the index operations that were written after it: a relu commutes with all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from snncc.ir import INPUT, Concat, MaxPool, Pad, Pads, Pair, Reshape, Source, Spread, View, sources, window_shape
from snncc.lower.compose import Linear, Map


@dataclass(frozen=True)
class Signal:
    """A view of spiking populations (non-negative), of the input, or of relays; never of relays and others together."""

    view: View
    shape: Map
    nonnegative: bool
    relay: bool = False


@dataclass(frozen=True)
class ReshapeTo:
    """Pending: the same elements under another shape."""

    shape: Map


@dataclass(frozen=True)
class PadBy:
    """Pending: zeros around."""

    pads: Pads


@dataclass(frozen=True)
class PoolMax:
    """Pending: a max-pool."""

    size: Pair
    strides: Pair
    pads: Pads


@dataclass(frozen=True)
class SpreadBy:
    """Pending: zeros between the elements, or every element repeated."""

    strides: Pair
    repeat: bool


IndexOp: TypeAlias = ReshapeTo | PadBy | PoolMax | SpreadBy


@dataclass(frozen=True)
class Pending:
    """A linear map and the index operations after it; `shape` is the last one's."""

    linear: Linear
    operations: tuple[IndexOp, ...]
    shape: Map
    name: str

    @property
    def plain(self) -> bool:
        """Nothing but the linear map."""
        return not self.operations


Part: TypeAlias = Signal | Pending
Value: TypeAlias = tuple[Part, ...]


def canonical(shape: tuple[int, ...]) -> Map:
    """Every tensor as (H, W, C) with its own last axis, on which layers act: a vector is a 1x1 map."""
    *rows, width, depth = (1, 1, *shape)
    return math.prod(rows), width, depth


def channels(value: Value) -> int:
    """Number of channels of all parts together."""
    return sum(part.shape[2] for part in value)


def source(name: str, shape: tuple[int, ...], nonnegative: bool = True, relay: bool = False) -> Signal:
    """A whole population as a signal."""
    whole = canonical(shape)
    return Signal(reshaped(Source(name), shape, whole), whole, nonnegative, relay)


def reshaped(view: View, before: tuple[int, ...], after: tuple[int, ...]) -> View:
    """The view under another shape; nested reshapes are one."""
    if before == after:
        return view
    if isinstance(view, Reshape):
        return Reshape(view.view, after)
    return Reshape(view, after)


def merged(value: Value) -> Signal:
    """Signals side by side as one signal."""
    signals = [part for part in value if isinstance(part, Signal)]
    if len(signals) == 1:
        return signals[0]
    height, width, _ = signals[0].shape
    views: list[View] = []
    for signal in signals:
        views += signal.view.views if isinstance(signal.view, Concat) else [signal.view]
    nonnegative, relay = (all(getattr(s, name) for s in signals) for name in ("nonnegative", "relay"))
    return Signal(Concat(tuple(views)), (height, width, channels(value)), nonnegative, relay)


def index(signal: Signal, operation: IndexOp, shape: Map) -> Signal:
    """A signal after an index operation."""
    match operation:
        case ReshapeTo():
            return replace(signal, view=reshaped(signal.view, signal.shape, shape), shape=shape)
        case PadBy(pads):
            view: View = Pad(signal.view, pads) if any(pads) else signal.view
        case PoolMax(size, strides, pads):
            view = MaxPool(signal.view, size, strides, pads)
        case SpreadBy(strides, repeat):
            view = Spread(signal.view, strides, repeat) if max(strides) > 1 else signal.view
    return replace(signal, view=view, shape=shape)


def groups(value: Value, apart: bool) -> list[tuple[Part, int, int]]:
    """Runs of signals as one part each; (part, first channel, last channel + 1). Relays are by themselves.

    `apart`: so is the input.
    """
    found: list[tuple[Part, int, int]] = []
    stop = 0
    for (is_signal, *_), run in groupby(value, lambda p: (isinstance(p, Signal), *kind(p, apart))):
        parts = tuple(run)
        for part in (merged(parts),) if is_signal else parts:
            start, stop = stop, stop + part.shape[2]
            found.append((part, start, stop))
    return found


def kind(part: Part, apart: bool) -> tuple[bool, bool]:
    """What a projection reads by itself: (relays, the input)."""
    return isinstance(part, Signal) and part.relay, apart and reads_input(part)


def reads_input(part: Part) -> bool:
    """Whether a part is a view of the input."""
    return isinstance(part, Signal) and INPUT in sources(part.view)


def index_shape(shape: Map, operation: IndexOp) -> Map:
    """Shape of a map after an index operation."""
    match operation:
        case ReshapeTo(new):
            return new
        case PadBy((top, bottom, left, right)):
            return shape[0] + top + bottom, shape[1] + left + right, shape[2]
        case PoolMax(size, strides, pads):
            return (*window_shape(shape, size, strides, (1, 1), pads), shape[2])
        case SpreadBy(strides, repeat):
            return (*Spread(Source(""), strides, repeat).extent(shape[0], shape[1]), shape[2])


def names(layers: tuple[str, ...]) -> str:
    """Layers in a message."""
    return ", ".join(repr(name) for name in layers) or "a linear tensor"


def describe(operations: tuple[IndexOp, ...]) -> str:
    """Index operations in a message."""
    words = {ReshapeTo: "a reshape", PadBy: "zero padding", PoolMax: "a max-pool", SpreadBy: "upsampling"}
    return " and ".join(words[type(operation)] for operation in operations) or "nothing"
