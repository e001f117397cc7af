"""Whether a linear map waits to be composed into the layers that read it, or is kept as it is: a relay.

`least`: it is composed where that takes neither more weights nor more multiplications than the relay and its readers
apart. A relu or a gain and shift per channel that alone reads it is folded at no cost. Source: docs/contract.md, 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from snncc import graph
from snncc.errors import UnsupportedLayerError
from snncc.graph import Graph, Node
from snncc.lower.compose import Cost, Kernel, Linear, Map, composed_cost
from snncc.lower.options import LinearLayers
from snncc.lower.values import IndexOp, PadBy, Pending, PoolMax, ReshapeTo, SpreadBy, canonical, index_shape


@dataclass(frozen=True)
class Reader:
    """What one reader costs: composed with the linear map (None: it cannot be), and apart from it."""

    composed: Cost | None
    apart: Cost
    linear: bool = False


class Choice:
    """Looks ahead: who will read a linear map, and what that costs either way."""

    def __init__(self, network: Graph, last: int, mode: LinearLayers) -> None:
        self.mode, self.words = mode, network.words
        nodes = network.nodes[: last + 1]
        self.last = nodes[-1].name
        self.readers: dict[str, list[Node]] = {node.name: [] for node in nodes}
        self.shapes = {node.name: canonical(node.shape) for node in nodes}
        for node in nodes:
            for name in dict.fromkeys(node.inputs):
                self.readers[name].append(node)

    def relays(self, node: Node, part: Pending) -> bool:
        """Whether the linear map that `node` made becomes a relay."""
        if self.mode == "compose":
            return False
        found = list(self._read(node.name, part.linear, part.operations, part.shape))
        composed = [reader.composed for reader in found if reader.composed is not None]
        if len(composed) < len(found):
            return True
        if not any(reader.linear for reader in found) and len(found) < 2:
            return False
        apart = sum((reader.apart for reader in found), part.linear.cost)
        return self.mode == "relay" or not sum(composed, Cost()).within(apart)

    def _read(self, name: str, linear: Linear, seen: tuple[IndexOp, ...], shape: Map) -> Iterator[Reader]:
        """Readers of a node's output, through the index operations `seen`; `shape`: what they make of the map."""
        elements = prod(shape)
        alone = Reader(linear.cost, Cost(shape[2], elements))
        if name == self.last:
            yield alone if all(isinstance(operation, ReshapeTo) for operation in seen) else Reader(None, alone.apart)
        whole = self.shapes[name] == shape
        for node in self.readers[name]:
            match node.op:
                case graph.Concatenate():
                    yield from self._read(node.name, linear, seen, shape)
                case graph.Reshape() if whole:
                    to = ReshapeTo(canonical(node.shape))
                    more = () if to.shape == shape else (to,)
                    yield from self._read(node.name, linear, (*seen, *more), to.shape)
                case graph.Reshape():
                    yield Reader(None, alone.apart)
                case graph.MaxPool(size, strides, pads):
                    pool = PoolMax(size, strides, pads)
                    yield from self._read(node.name, linear, (*seen, pool), index_shape(shape, pool))
                case graph.Pad(pads):
                    padding = PadBy(pads)
                    yield from self._read(node.name, linear, (*seen, padding), index_shape(shape, padding))
                case graph.Spread(strides, repeat):
                    spread = SpreadBy(strides, repeat)
                    yield from self._read(node.name, linear, (*seen, spread), index_shape(shape, spread))
                case graph.Add():
                    yield Reader(None if seen else linear.cost, alone.apart)
                case graph.Relu(_, slope) if slope is not None:  # two populations, both of this map
                    twice = None if any(isinstance(o, PoolMax) for o in seen) else linear.cost + linear.cost
                    yield Reader(twice, alone.apart + alone.apart, linear=True)
                case graph.Relu() | graph.ClipFloor() | graph.Affine():
                    yield alone
                case _:
                    yield self._linear(node, linear, seen, shape)

    def _linear(self, node: Node, linear: Linear, seen: tuple[IndexOp, ...], shape: Map) -> Reader:
        """A layer with weights, or a pool: as it is, and composed."""
        kernel = _kernel(node.op, shape[2])
        if kernel is None:
            return Reader(None, Cost(), linear=True)
        try:
            made = kernel.output(shape)
            apart = Cost(kernel.weights.size, kernel.weights.size * made[0] * made[1])
            if isinstance(node.op, graph.AveragePool):
                apart = Cost(0, apart.work)
            if seen:
                flat = len(seen) == 1 and seen[0] == ReshapeTo((1, 1, prod(linear.shape)))
                if not flat or kernel.depthwise or kernel.weights.shape[:2] != (1, 1):
                    return Reader(None, apart, linear=True)
                kernel = Kernel(kernel.weights.reshape(*linear.shape, -1))
            return Reader(composed_cost(linear, kernel, node.layer, self.words), apart, linear=True)
        except UnsupportedLayerError:
            return Reader(None, apart, linear=True)


def _kernel(op: graph.Op, channels: int) -> Kernel | None:
    """The kernel that a layer applies to so many of its channels; its weights are of no account."""
    match op:
        case graph.Conv(kernel, _, strides, dilation, pads):
            return Kernel(kernel[:, :, :channels], False, strides, dilation, pads)
        case graph.Dense(kernel, _):
            return Kernel(kernel[None, None, :channels])
        case graph.Depthwise(kernel, _, strides, dilation, pads):
            return Kernel(kernel[:, :, :channels], True, strides, dilation, pads)
        case graph.AveragePool(size, strides, pads):
            return Kernel(np.broadcast_to(1.0, (*size, channels, 1)), True, strides, (1, 1), pads)
        case _:
            return None
