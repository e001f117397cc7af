"""A NIR graph as populations with real weights: channels last, one population per neuron, pool and delay.

Between two neurons stand linear nodes. What they make of the views that they read is one linear map per view: dense
after dense is one dense, a pool after a convolution is a larger kernel, a scale goes into the weights. A pool of spikes
is a relay that hands on sums, exactly, and a delay of n timesteps a chain of n relays. What has no such form is refused
by the name of its node.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snncc.errors import UnsupportedLayerError
from snncc.frontend.nir import NirGraph, Node, refuse
from snncc.frontend.nir.graph import pads_of
from snncc.ir import INPUT, Conv2D, Dense, DepthwiseConv2D, Identity, Late, Pads, Reshape, Source, View
from snncc.lower.projections import RealPool, RealProjection
from snncc.names import LONGEST_LAYER, identifier, unique
from snncc.nir.dialects import Cell, Reading

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

LONGEST_DELAY = 64
LARGEST_COMPOSED = 4096
"""Outputs of a permutation that becomes a dense layer."""


@dataclass(frozen=True)
class RealCells:
    """A population: neurons of one node (`cell` in the layout of `shape`, each () or (C,)), or a relay.

    `node`: its name in the graph; a relay that hands on `share` of the sum that it makes. `fires`: has a threshold.
    `strict`: fires above it alone.
    """

    name: str
    node: str
    shape: Shape
    projections: tuple[RealProjection | RealPool, ...]
    bias: Array
    cell: Cell | None
    fires: bool
    share: float = 1.0


@dataclass(frozen=True)
class _Map:
    """What a node hands on as a linear map of one view: (an element of `order` says where torch's i-th element lies).

    `weights` None: the view itself. Shapes are channels last.
    """

    view: View
    read: Shape
    shape: Shape
    order: Array | None = None
    kind: type | None = None
    weights: Array | None = None
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)


@dataclass(frozen=True)
class _Sum:
    """Several maps added, and a bias per channel of the result."""

    maps: tuple[_Map, ...]
    bias: Array
    shape: Shape


def last(shape: Shape) -> Shape:
    """A shape channels first as the IR has it: (N,), (1, L, C) or (H, W, C)."""
    match shape:
        case (channels, length):
            return 1, length, channels
        case (channels, height, width):
            return height, width, channels
    return shape


def moved(values: Array, shape: Shape) -> Array:
    """Values (..., *shape) channels first, in the IR's layout."""
    values = np.asarray(values)
    if len(shape) == 2:
        return values.swapaxes(-1, -2)[..., None, :, :]
    return np.moveaxis(values, -3, -1) if len(shape) == 3 else values


class Populations:
    """Makes the populations of a graph, in order, the readout last."""

    def __init__(self, graph: NirGraph, reading: Reading) -> None:
        self.graph, self.reading = graph, reading
        self.problems: list[str] = []
        self.found: list[RealCells] = []
        self._names: set[str] = {INPUT}
        self._own = {node.name: self._name(node.name) for node in graph.nodes.values() if node.keeps}
        self._views: dict[str, tuple[View, Shape]] = {}
        self._sums: dict[str, _Sum] = {}

    def made(self) -> list[RealCells]:
        """All of them. UnsupportedLayerError lists what has no form here."""
        out = self.graph.sources(self.graph.only("Output").name)[0]
        for name, node in self.graph.nodes.items():
            try:
                if node.kind == "Input":
                    self._views[name] = Source(INPUT), last(self.graph.shapes[name])
                elif node.keeps:
                    self._neuron(node, readout=name == out)
                elif node.kind in ("SumPool2d", "AvgPool2d"):
                    self._pool(node)
                elif node.kind == "Delay":
                    self._delay(node)
                elif node.kind == "Output" and not self.graph.nodes[out].keeps:
                    self._silent(out)
            except UnsupportedLayerError as error:
                self.problems.append(str(error))
        refuse(self.graph.name, self.problems)
        self.found.sort(key=lambda population: population.name == self._own[out])
        return self.found

    def _name(self, node: str) -> str:
        name = unique(identifier(node, LONGEST_LAYER), self._names)
        self._names.add(name)
        return name

    def _neuron(self, node: Node, readout: bool) -> None:
        if not node.fires and not readout:
            raise _no(node, "it hands on a potential, which a network here does at its output alone: let it fire")
        shape = self.graph.shapes[node.name]
        whole = self._read(node)
        projections = self._projections(node, whole)
        real = self.reading.dialect.cell(node, self.reading)
        fields: dict[str, Any] = {field: getattr(real, field) for field in Cell.__dataclass_fields__}
        numbers: dict[str, Any] = {name: None if value is None else self._per_channel(node, name, value, shape)
                                   for name, value in fields.items()}  # fmt: skip
        cell = Cell(**numbers)
        self.found.append(
            RealCells(self._own[node.name], node.name, last(shape), projections, whole.bias, cell, node.fires)
        )
        self._views[node.name] = Source(self._own[node.name]), last(shape)

    def _silent(self, out: str) -> None:
        """A linear node at the output: a readout that sums what arrives."""
        node, whole = self.graph.nodes[out], self._value(out)
        projections = self._projections(node, whole)
        name = self._name(out)
        self.found.append(RealCells(name, out, whole.shape, projections, whole.bias, None, False))
        self._own[out] = name

    def _per_channel(self, node: Node, name: str, value: Array, shape: Shape) -> Array:
        """A parameter as () or (C,)."""
        value = np.asarray(value, np.float64)
        if value.size == 1:
            return value.reshape(())
        value = np.broadcast_to(value, shape)
        if (value == value.flat[0]).all():
            return np.asarray(value.flat[0])
        spread = moved(value, shape)
        flat = spread.reshape(-1, spread.shape[-1])
        if (flat != flat[0]).any():
            raise _no(node, f"{name} differs within a channel, which has no equal: give each channel one")
        return np.asarray(flat[0])

    def _leaf(self, name: str, late: bool) -> _Map:
        """What a neuron, the input or a relay hands on, as it is."""
        if late:
            shape = last(self.graph.shapes[name])
            return _Map(Late(self._own[name]), shape, shape)
        view, shape = self._views[name]
        return _Map(view, shape, shape)

    def _read(self, node: Node) -> _Sum:
        """The sum of all that a node reads."""
        parts = [self._value(name) for name in self.graph.sources(node.name)]
        parts += [_plain(self._leaf(name, late=True)) for name in self.graph.sources(node.name, late=True)]
        bias = sum((part.bias for part in parts), np.zeros(()))
        return _Sum(tuple(one for part in parts for one in part.maps), np.asarray(bias), parts[0].shape)

    def _value(self, name: str) -> _Sum:
        """What a node hands on, as a linear map of views."""
        if name in self._views:
            return _plain(self._leaf(name, late=False))
        if name not in self._sums:
            node = self.graph.nodes[name]
            read = self._read(node)
            maps = tuple(self._applied(node, one) for one in read.maps)
            self._sums[name] = _Sum(maps, self._bias(node, read), maps[0].shape)
        return self._sums[name]

    def _bias(self, node: Node, read: _Sum) -> Array:
        """b of the node and what it makes of the bias before it."""
        own, before = np.asarray(node.values.get("bias", 0.0), np.float64), read.bias
        if not before.any():
            return own
        match node.kind:
            case "Affine" | "Linear":
                flat = np.broadcast_to(before, read.shape)
                return np.asarray(node["weight"] @ flat + own)
            case "Scale":
                return np.asarray(before * self._scale(node, read.shape))
        raise _no(node, "a bias arrives at it that differs at the border: leave the bias before it out")

    def _applied(self, node: Node, one: _Map) -> _Map:
        """A linear node after a map."""
        match node.kind:
            case "Affine" | "Linear":
                return self._dense(node, one)
            case "Conv1d" | "Conv2d":
                return self._conv(node, one)
            case "Scale":
                return self._scaled(node, one)
            case "Flatten":
                return self._flat(node, one)
        raise _no(node, "it has no form as a linear map")

    def _dense(self, node: Node, one: _Map) -> _Map:
        matrix = node["weight"].T.astype(np.float64)
        if one.weights is None:
            rows = np.empty_like(matrix)
            rows[np.arange(len(matrix)) if one.order is None else one.order] = matrix
            return replace(one, shape=matrix.shape[1:], order=None, kind=Dense, weights=rows)
        if one.kind is Dense and one.order is None:
            return replace(one, shape=matrix.shape[1:], weights=one.weights @ matrix)
        if one.kind is Identity and one.order is None:
            return replace(one, shape=matrix.shape[1:], kind=Dense, weights=np.ravel(one.weights)[:, None] * matrix)
        raise _no(node, "it reads a convolution with no neuron between: put one there")

    def _conv(self, node: Node, one: _Map) -> _Map:
        if one.weights is not None:
            raise _no(node, "it reads another linear map with no neuron between: put one there, or compose the two")
        weight = np.asarray(node["weight"], np.float64)
        line = node.kind == "Conv1d"
        weight = weight[:, :, None] if line else weight
        dilation = (1, node.pair("dilation")[1]) if line else node.pair("dilation")
        strides = (1, node.pair("stride")[1]) if line else node.pair("stride")
        top, bottom, left, right = pads_of(node, weight.shape[2:], dilation, line)
        shape = last(self.graph.shapes[node.name])
        groups, inputs = int(np.ravel(node.values["groups"])[0]), one.shape[-1]
        kind, kernel = _grouped(weight, groups, inputs)
        return replace(one, shape=shape, kind=kind, weights=kernel, strides=strides, dilation=dilation,
                       pads=(top, bottom, left, right))  # fmt: skip

    def _scale(self, node: Node, shape: Shape) -> Array:
        """A Scale's factors in the layout of a shape: (), (C,) or, for a vector, (N,)."""
        own = self.graph.shapes[node.name]
        return self._per_channel(node, "scale", node.number("scale"), own)

    def _scaled(self, node: Node, one: _Map) -> _Map:
        factor = self._scale(node, one.shape)
        if one.order is not None and factor.ndim:
            raise _no(node, "it stands behind a Flatten of a map: put it before")
        if one.weights is None:
            return replace(one, kind=Identity, weights=np.array(factor))
        if one.kind is DepthwiseConv2D and factor.ndim:
            factor = factor.reshape(one.weights.shape[2:])
        return replace(one, weights=one.weights * factor)

    def _flat(self, node: Node, one: _Map) -> _Map:
        before, after = (self.graph.shapes[name] for name in ((self.graph.sources(node.name)
                         + self.graph.sources(node.name, late=True))[0], node.name))  # fmt: skip
        if before == after:
            return one
        if len(after) != 1:
            raise _no(node, f"it makes {after} of {before}: flatten the whole map")
        if one.weights is not None:
            raise _no(node, "it flattens a linear map with no neuron between: put the Flatten before the map")
        places = moved(
            np.arange(math.prod(before)).reshape(before), before
        ).ravel()  # torch's number of each of our elements
        order = np.empty_like(places)
        order[places] = np.arange(len(places))
        view = Reshape(one.view, after)
        return _Map(view, after, after, None if (order == np.arange(len(order))).all() else order)

    def _pool(self, node: Node) -> None:
        """A relay of a view's sums, or a kernel of ones behind a convolution."""
        kernel, strides = node.pair("kernel_size"), node.pair("stride")
        pads = pads_of(node, kernel, (1, 1))
        share = 1 / math.prod(kernel) if node.kind == "AvgPool2d" else 1.0
        shape = last(self.graph.shapes[node.name])
        read = self._read(node)
        if all(one.weights is None for one in read.maps) and len(read.maps) == 1 and not read.bias.any():
            name = self._name(node.name)
            pool = RealPool("pool", read.maps[0].view, kernel, strides, (pads[0], pads[1], pads[2], pads[3]))
            self.found.append(RealCells(name, node.name, shape, (pool,), np.zeros(()), None, False, share))
            self._views[node.name] = Source(name), shape
            return
        if any(pads):
            raise _no(node, "it pads what a linear map makes: leave the padding out, or put a neuron between")
        maps = tuple(self._pooled(node, one, kernel, strides, share, shape) for one in read.maps)
        bias = read.bias * share * math.prod(kernel)
        self._sums[node.name] = _Sum(maps, np.asarray(bias), shape)

    def _pooled(
        self, node: Node, one: _Map, kernel: tuple[int, int], strides: tuple[int, int], share: float, shape: Shape
    ) -> _Map:
        """The kernel of a pool after a convolution: its own, added at every place of the window."""
        if one.weights is None or one.kind not in (Conv2D, DepthwiseConv2D):
            raise _no(node, "it pools several maps, or a scaled one: put a neuron between")
        (kh, kw), (dh, dw), (sh, sw) = one.weights.shape[:2], one.dilation, one.strides
        size = (kh - 1) * dh + 1 + (kernel[0] - 1) * sh, (kw - 1) * dw + 1 + (kernel[1] - 1) * sw
        whole = np.zeros((*size, *one.weights.shape[2:]))
        for i in range(kernel[0]):
            for j in range(kernel[1]):
                rows = slice(i * sh, i * sh + (kh - 1) * dh + 1, dh)
                whole[rows, j * sw : j * sw + (kw - 1) * dw + 1 : dw] += one.weights * share
        return replace(one, shape=shape, weights=whole, dilation=(1, 1), strides=(sh * strides[0], sw * strides[1]))

    def _delay(self, node: Node) -> None:
        """n relays in a row, each of which reads the one before a timestep late."""
        said = np.unique(node.number("delay")) / self.reading.dt
        steps = round(float(said[0]))
        if len(said) > 1 or abs(said[0] - steps) > 1e-3 or not 1 <= steps <= LONGEST_DELAY:
            raise _no(node, f"a delay must be the same everywhere, of 1 to {LONGEST_DELAY} timesteps of "
                            f"{self.reading.dt:g}")  # fmt: skip
        read = self._read(node)
        if any(one.weights is not None for one in read.maps) or len(read.maps) != 1:
            raise _no(node, "it delays a linear map: put the delay before it")
        view, shape = read.maps[0].view, read.shape
        if not isinstance(view, Source):
            raise _no(node, "it delays what is flattened, pooled or late: put the delay right behind the neuron")
        chain = [view] if view.population != INPUT else []
        number = 0
        while number < steps:
            reads: View = Late(chain[-1].population) if chain else view
            name = self._name(node.name)
            one = RealProjection(Identity, "delay", reads, np.ones(()))
            self.found.append(RealCells(name, node.name, shape, (one,), np.zeros(()), None, False))
            number += bool(chain)
            chain.append(Source(name))
        self._views[node.name] = chain[-1], shape

    def _projections(self, node: Node, whole: _Sum) -> tuple[RealProjection | RealPool, ...]:
        make: Callable[[_Map, int], RealProjection] = partial(self._projection, node)
        return tuple(make(one, number) for number, one in enumerate(whole.maps))

    def _projection(self, node: Node, one: _Map, number: int) -> RealProjection:
        name = f"w{number}"
        if one.weights is None and one.order is not None:
            size = len(one.order)
            if size > LARGEST_COMPOSED:
                raise _no(node, "it reads a flattened map as it is: put the Flatten behind the neuron")
            matrix = np.zeros((size, size))
            matrix[one.order, np.arange(size)] = 1
            return RealProjection(Dense, name, one.view, matrix)
        if one.weights is None:
            return RealProjection(Identity, name, one.view, np.ones(()))
        kind: Any = one.kind
        return RealProjection(kind, name, one.view, one.weights, one.strides, one.dilation, one.pads)


def _grouped(weight: Array, groups: int, inputs: int) -> tuple[type, Array]:
    """(O, C/groups, KH, KW) as a depthwise kernel where each channel is a group, else as a whole kernel with zeros."""
    outputs = len(weight)
    if groups == inputs and groups > 1:
        return DepthwiseConv2D, weight.reshape(groups, outputs // groups, *weight.shape[2:]).transpose(2, 3, 0, 1)
    whole = np.zeros((outputs, inputs, *weight.shape[2:]))
    each, made = inputs // groups, outputs // groups
    for g in range(groups):
        whole[g * made : (g + 1) * made, g * each : (g + 1) * each] = weight[g * made : (g + 1) * made]
    return Conv2D, whole.transpose(2, 3, 1, 0)


def _plain(one: _Map) -> _Sum:
    return _Sum((one,), np.zeros(()), one.shape)


def _no(node: Node, why: str) -> UnsupportedLayerError:
    return UnsupportedLayerError(f"node {node.name!r} ({node.kind}): {why}")
