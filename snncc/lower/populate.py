"""Graph -> populations: folds batch norms, composes linear chains or relays them, turns every relu into a population.

A firing population is a relu. A tensor that no relu follows becomes one only where it is provably non-negative;
otherwise it is a linear map. That waits, to be composed into the next linear layer, or it becomes a relay: choice.py.
A silent relu is forbidden. Source: docs/contract.md, 1.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from math import inf

import numpy as np

from snncc import graph
from snncc.errors import UnsupportedLayerError
from snncc.graph import Graph, Node, window_counts
from snncc.ir import INPUT, Array, View, sources
from snncc.lower.choice import Choice
from snncc.lower.compose import Kernel, Linear, Map, Term, biased, composed_cost, identity, scaled, then, total
from snncc.lower.emit import emit_terms
from snncc.lower.ends import head_of, input_scaling, input_shape
from snncc.lower.grid import Grid
from snncc.lower.options import AveragePools, LinearLayers
from snncc.lower.populations import Populations
from snncc.lower.projections import RealPool
from snncc.lower.real import RealNetwork
from snncc.lower.values import (
    IndexOp,
    PadBy,
    Part,
    Pending,
    PoolMax,
    ReshapeTo,
    Signal,
    SpreadBy,
    Value,
    canonical,
    channels,
    describe,
    groups,
    index,
    index_shape,
    kind,
    merged,
    names,
    source,
)


def populate(
    network: Graph,
    signed_input: bool,
    current_input: bool = False,
    average_pools: AveragePools = "fire",
    linear: LinearLayers = "least",
    most: float = inf,
) -> RealNetwork:
    """The populations of a graph. UnsupportedLayerError lists every place where the method cannot hold.

    A current is L times larger than a spike: where it stands beside spikes, it gets a projection of its own.
    `average_pools`: which of them, where that is possible, do not fire. `linear`: what becomes of linear layers.
    TooLargeError where that takes more than `most` weights, before they are made.
    """
    return _Populate(network, signed_input, signed_input or current_input, average_pools, linear, most).run()


class TooLargeError(Exception):
    """Composed, linear layers would take more weights than they may."""


class _Populate:
    """Walks the graph once; `values` holds every tensor as parts (values.py)."""

    def __init__(
        self,
        network: Graph,
        signed_input: bool,
        current_input: bool,
        average_pools: AveragePools,
        linear: LinearLayers,
        most: float = inf,
    ) -> None:
        self.most = most
        self.network, self.current_input, self.average_pools = network, current_input, average_pools
        self.words = network.words
        self.advice = f"put a {self.words.relu} after it, or make it non-negative"
        self.gain, self.offset, self.first = input_scaling(network)
        self.head, self.last = head_of(network, self.first)
        self.choice = Choice(network, self.last, linear)
        shape = network.input_shape
        self.input_shape = input_shape(network, self.first, bool(self.gain.ndim or self.offset.ndim))
        pixels = source(INPUT, self.input_shape, not signed_input)
        entry: Value = (index(pixels, ReshapeTo(canonical(shape)), canonical(shape)),)
        self.values = {node.name: entry for node in network.nodes[: self.first]}
        self.populations = Populations()
        self.pooled: dict[View, Pending] = {}  # the linear map of an average pool whose population may be passed by
        self.refused: dict[str, None] = {}
        self.grids: dict[str, None] = {}

    def run(self) -> RealNetwork:
        nodes, last = self.network.nodes, self.last
        for node in nodes[self.first : last + 1]:
            inputs = [self.values[name] for name in node.inputs]
            try:
                self.values[node.name] = self._chosen(node, self._convert(node, inputs, readout=node is nodes[last]))
            except UnsupportedLayerError as why:
                self.refused[str(why)] = None
                stand_in = source(node.name, node.shape)
                self.values[node.name] = (Signal(stand_in.view, canonical(node.shape), True),)
        if not self.refused:
            try:
                self._readout(nodes[last])
            except UnsupportedLayerError as why:
                self.refused[str(why)] = None
        if self.refused:
            lines = "\n".join(f"  - {line}" for line in self.refused)
            raise UnsupportedLayerError(f"model {self.network.name!r} cannot be converted:\n{lines}")
        return RealNetwork(
            self.network.name,
            self.input_shape,
            self.gain,
            self.offset,
            self.populations.alive(),
            self.head,
            nodes[-1].shape,
            tuple(self.grids),
        )

    def _convert(self, node: Node, inputs: list[Value], readout: bool) -> Value:
        value = inputs[0]
        match node.op:
            case graph.Conv(kernel, bias, strides, dilation, pads, step):
                own = self._grid(node, step, kernel.shape[3])
                return self._conv(node, value, Kernel(kernel, False, strides, dilation, pads, own), bias)
            case graph.Dense(kernel, bias, step):
                own = self._grid(node, step, kernel.shape[1])
                return self._conv(node, value, Kernel(kernel[None, None], grid=own), bias)
            case graph.Depthwise(kernel, bias, strides, dilation, pads, step):
                own = self._grid(node, step, kernel.shape[2] * kernel.shape[3])
                return self._depthwise(node, value, Kernel(kernel, True, strides, dilation, pads, own), bias)
            case graph.Affine(scale, shift):
                return self._affine(node, value, scale, shift)
            case graph.Relu(max_value, slope) if slope is not None:
                return self._leaky(node, value, max_value, slope)
            case graph.Relu(max_value):
                return tuple(self.populations.fire(self._restrict(node, part, max_value), max_value) for part in value)
            case graph.ClipFloor():
                return self._levels(node, value, node.op)
            case graph.AveragePool():
                return self._average(node, value, node.op, readout)
            case graph.MaxPool(size, strides, pads):
                return self._index(node, value, PoolMax(size, strides, pads))
            case graph.Pad(pads):
                return self._index(node, value, PadBy(pads))
            case graph.Spread(strides, repeat):
                return self._index(node, value, SpreadBy(strides, repeat))
            case graph.Reshape():
                return self._index(node, value, ReshapeTo(canonical(node.shape)))
            case graph.Concatenate():
                return tuple(part for value in inputs for part in value)
            case graph.Add():
                return self._add(node, inputs)
            case _:
                raise UnsupportedLayerError(f"layer {node.layer!r}: {type(node.op).__name__} inside the network")

    # --- linear layers -------------------------------------------------------------------------------------

    def _grid(self, node: Node, step: Array | None, outputs: int) -> Grid | None:
        """The grid of a layer's weights, where the model has them on one."""
        if step is None:
            return None
        self.grids[node.layer] = None
        return Grid(node.layer, np.broadcast_to(np.asarray(step, np.float64), (outputs,)))

    def _chosen(self, node: Node, value: Value) -> Value:
        """The linear maps that a node made, those relayed that do not wait for their readers."""
        if not isinstance(node.op, graph.Conv | graph.Dense | graph.Depthwise | graph.Affine | graph.AveragePool
                          | graph.Add | graph.Relu):  # fmt: skip
            return value
        waits = [isinstance(p, Signal) or p.linear.nonnegative or not self.choice.relays(node, p) for p in value]
        return tuple(p if wait else self._relayed(p) for p, wait in zip(value, waits, strict=True))

    def _relayed(self, part: Part) -> Signal:
        """A part that is read as a relay hands it on; spikes that stand beside relays too."""
        if isinstance(part, Signal):
            if part.relay:
                return part
            linear = self._as_linear(None, part)
            part = Pending(linear, (), linear.shape, f"relay_of_{sources(linear.terms[0].view)[0]}")
        return self.populations.relay(part)

    def _conv(self, node: Node, value: Value, kernel: Kernel, bias: Array | None) -> Value:
        """A convolution over all parts: one term per run of signals, a composition per linear part."""
        shape = kernel.output((*value[0].shape[:2], channels(value)))
        linears, parts, start = [], [], 0
        for part in value:
            stop = start + part.shape[2]
            parts.append(self._settle(part, node, replace(kernel, weights=kernel.weights[:, :, start:stop])))
            start = stop
        for group, start, stop in groups(tuple(parts), self.current_input):
            part_kernel = replace(kernel, weights=kernel.weights[:, :, start:stop])
            if isinstance(group, Signal):
                term = Term(group.view, group.shape, part_kernel, node.layer)
                linears.append(Linear((term,), np.zeros(shape[2]), shape, (), group.nonnegative))
            else:
                linears.append(self._after_linear(node, group, part_kernel))
        whole = total(linears, node.layer)
        return (self._pending(node, biased(whole, bias)),)

    def _after_linear(self, node: Node, part: Pending, kernel: Kernel) -> Linear:
        """The kernel after a linear map, as one. UnsupportedLayerError where they are not."""
        if not part.plain:
            shape = part.linear.shape
            size = int(np.prod(shape))
            flattens = part.operations == (ReshapeTo((1, 1, size)),) and kernel.weights.shape[:2] == (1, 1)
            if not flattens or kernel.depthwise:
                raise UnsupportedLayerError(
                    f"layer {node.layer!r} reads {names(part.linear.layers)} through {describe(part.operations)} "
                    f"with no {self.words.relu} between: {self.advice}"
                )
            kernel = Kernel(kernel.weights.reshape(*shape, -1))
        made = self.populations.weights
        if self.most < inf and made + composed_cost(part.linear, kernel, node.layer, self.words).weights > self.most:
            raise TooLargeError
        return then(part.linear, kernel, np.zeros(1), node.layer, self.words)

    def _depthwise(self, node: Node, value: Value, kernel: Kernel, bias: Array | None) -> Value:
        parts: list[Part] = []
        start = 0
        multiplier = kernel.weights.shape[3]
        for part in value:
            stop = start + part.shape[2]
            grid = kernel.grid and kernel.grid.part(slice(start * multiplier, stop * multiplier))
            own = replace(kernel, weights=kernel.weights[:, :, start:stop], grid=grid)
            part = self._settle(part, node, own)
            if isinstance(part, Signal):
                shape = own.output(part.shape)
                term = Term(part.view, part.shape, own, node.layer)
                linear = Linear((term,), np.zeros(shape[2]), shape, (node.layer,), part.nonnegative)
            else:
                linear = self._after_linear(node, part, own)
            share = None if bias is None else bias[start * multiplier : stop * multiplier]
            parts.append(self._pending(node, biased(linear, share)))
            start = stop
        return tuple(parts)

    def _affine(self, node: Node, value: Value, scale: Array, shift: Array) -> Value:
        count = channels(value)
        scale, shift = np.broadcast_to(scale, (count,)), np.broadcast_to(shift, (count,))
        parts: list[Part] = []
        start = 0
        for part in self._relays_joined(value):
            stop = start + part.shape[2]
            a, b = scale[start:stop], shift[start:stop]
            start = stop
            if isinstance(part, Signal):
                parts.append(self._scaled(node, part, a, b))
                continue
            try:
                for operation in part.operations:
                    self._commutes(node, part, operation, a, b)
            except UnsupportedLayerError:
                if self.choice.mode == "compose":
                    raise
                parts.append(self._scaled(node, self._relayed(part), a, b))
                continue
            parts.append(Pending(scaled(part.linear, a, b, node.layer), part.operations, part.shape, part.name))
        return tuple(parts)

    def _scaled(self, node: Node, part: Signal, scale: Array, shift: Array) -> Pending:
        """Gain and shift per channel of a signal."""
        return self._pending(node, biased(self._gained(node, part, scale), np.array(shift)))

    def _gained(self, node: Node, part: Signal, scale: Array) -> Linear:
        """Gain per channel of a signal."""
        term = Term(part.view, part.shape, identity(part.shape[2], scale), node.layer)
        return Linear((term,), np.zeros(part.shape[2]), part.shape, (node.layer,), part.nonnegative)

    def _relays_joined(self, value: Value) -> Value:
        """Relays side by side as one part: what is made of them is one population."""
        joined: list[Part] = []
        for relays, run in groupby(value, lambda part: isinstance(part, Signal) and part.relay):
            parts = tuple(run)
            joined += [merged(parts)] if relays else parts
        return tuple(joined)

    def _commutes(self, node: Node, part: Pending, operation: IndexOp, scale: Array, shift: Array) -> None:
        """Whether scale and shift per channel may be moved in front of an index operation."""
        before = part.linear.shape
        if isinstance(operation, PoolMax) and (scale < 0).any():
            worst = int(np.argmin(scale))
            raise UnsupportedLayerError(
                f"layer {node.layer!r} follows a max-pool of a linear layer and its gain of channel {worst} is "
                f"negative: put the {self.words.relu} before the max-pool"
            )
        zeros = isinstance(operation, PadBy) or (isinstance(operation, SpreadBy) and not operation.repeat)
        if zeros and shift.any():
            raise UnsupportedLayerError(f"layer {node.layer!r} shifts zero padding: normalise before padding")
        if isinstance(operation, ReshapeTo) and operation.shape[2] != before[2]:
            raise UnsupportedLayerError(
                f"layer {node.layer!r} normalises after a reshape of {names(part.linear.layers)}: normalise before it"
            )

    def _average(self, node: Node, value: Value, pool: graph.AveragePool, readout: bool) -> Value:
        """A population of sums over non-negative signals; else a depthwise kernel of 1/k."""
        parts: list[Part] = []
        for part in value:
            part = self._settle(part)
            if not (isinstance(part, Signal) and part.nonnegative) or readout:
                parts.append(self._mean(node, part, pool))
                continue
            composed = None
            if self.average_pools == "all" or (self.average_pools == "global" and pool.size == part.shape[:2]):
                with suppress(UnsupportedLayerError):  # windows of different sizes at the border
                    composed = self._mean(node, part, pool)
            if composed and self.choice.relays(node, composed):
                parts.append(self.populations.relay(composed))
                continue
            shape = (*canonical(node.shape)[:2], part.shape[2])
            projection = RealPool(node.name, part.view, pool.size, pool.strides, pool.pads)
            signal = self.populations.add(node.name, shape, (projection,), np.zeros(shape[2]), None, (node.layer,))
            if composed:
                self.pooled[signal.view] = composed
            parts.append(signal)
        return tuple(parts)

    def _mean(self, node: Node, part: Part, pool: graph.AveragePool) -> Pending:
        """An average pool as a linear map."""
        own = self._mean_kernel(node, part.shape, pool)
        part = self._settle(part, node, own)
        if isinstance(part, Pending):
            return self._pending(node, self._after_linear(node, part, own))
        term, shape = Term(part.view, part.shape, own, node.layer), own.output(part.shape)
        alone = RealPool(node.name, part.view, pool.size, pool.strides, pool.pads)
        linear = Linear((term,), np.zeros(shape[2]), shape, (node.layer,), part.nonnegative, alone)
        return self._pending(node, linear)

    def _mean_kernel(self, node: Node, shape: tuple[int, int, int], pool: graph.AveragePool) -> Kernel:
        counts = window_counts(shape, pool.size, pool.strides, pool.pads, canonical(node.shape)[:2])
        if not (counts == counts.flat[0]).all():
            raise UnsupportedLayerError(
                f"layer {node.layer!r} averages over fewer elements at the border ({self.words.keeping}) of a tensor "
                f"that is not provably non-negative, or of the readout: use {self.words.shrinking} or put a "
                f"{self.words.relu} before it"
            )
        weights = np.full((*pool.size, shape[2], 1), 1 / counts.flat[0])
        return Kernel(weights, True, pool.strides, (1, 1), pool.pads)

    # --- populations ---------------------------------------------------------------------------------------

    def _add(self, node: Node, inputs: list[Value]) -> Value:
        """Sum of branches: parts are added one by one where they line up, else as whole maps."""
        inputs = [self._relays_joined(value) for value in inputs]
        layouts = {tuple(part.shape[2] for part in value) for value in inputs}
        if len(layouts) > 1:
            inputs = [self._embed(node, value) for value in inputs]
        parts: list[Part] = []
        for column in zip(*inputs, strict=True):
            linears = [self._as_linear(node, part) for part in column]
            parts.append(self._pending(node, total(linears, node.layer)))
        return tuple(parts)

    def _embed(self, node: Node, value: Value) -> Value:
        """All parts of a value as one linear map over the whole channel axis."""
        count, start, linears = channels(value), 0, []
        for part in value:
            place = np.zeros((1, 1, part.shape[2], count))
            place[0, 0, np.arange(part.shape[2]), start + np.arange(part.shape[2])] = 1
            linears.append(then(self._as_linear(node, part), Kernel(place), np.zeros(count), node.layer, self.words))
            start += part.shape[2]
        return (self._pending(node, total(linears, node.layer)),)

    def _as_linear(self, node: Node | None, part: Part) -> Linear:
        if isinstance(part, Pending) and not part.plain:
            part = self._settle(part)
            if isinstance(part, Pending) and self.choice.mode != "compose":
                part = self._relayed(part)
        if isinstance(part, Signal):
            term = Term(part.view, part.shape, identity(part.shape[2]), node.layer if node else "relay")
            return Linear((term,), np.zeros(part.shape[2]), part.shape, (), part.nonnegative)
        if node and not part.plain:
            raise UnsupportedLayerError(
                f"layer {node.layer!r} adds {names(part.linear.layers)} after {describe(part.operations)} with no "
                f"{self.words.relu} between: {self.advice}"
            )
        return part.linear

    def _restrict(self, node: Node, part: Part, limit: float | graph.ClipFloor | None) -> Part:
        """What a relu makes a population of: a signal that it leaves alone stays a signal."""
        if isinstance(part, Pending) or (part.nonnegative and limit is None):
            return part
        term = Term(part.view, part.shape, identity(part.shape[2]), node.layer)
        linear = Linear((term,), np.zeros(part.shape[2]), part.shape, (node.layer,), part.nonnegative)
        return self._pending(node, linear)

    def _levels(self, node: Node, value: Value, op: graph.ClipFloor) -> Value:
        """A population of so many levels of each part, at its channels' scale."""
        scale, start = np.broadcast_to(op.scale, (channels(value),)), 0
        parts: list[Part] = []
        for part in self._relays_joined(value):
            start, own = start + part.shape[2], scale[start : start + part.shape[2]]
            if (own == own[0]).all():
                own = own[0].reshape(())
            part = _gridded(self._restrict(node, part, op))
            if own.ndim and isinstance(part, Pending) and part.linear.shape[2] != part.shape[2]:
                raise UnsupportedLayerError(
                    f"layer {node.layer!r} has a scale per channel and follows a reshape of "
                    f"{names(part.linear.layers)}: put it before the reshape"
                )
            parts.append(self.populations.fire(part, replace(op, scale=own)))
        return tuple(parts)

    def _leaky(self, node: Node, value: Value, max_value: float | None, slope: Array) -> Value:
        """The positive part and the negative one, each a population of the same map, and the linear sum of both."""
        slope, start = np.broadcast_to(slope, (channels(value),)), 0
        parts: list[Part] = []
        for part in self._relays_joined(value):
            start, own = start + part.shape[2], slope[start : start + part.shape[2]]
            part = self._restrict(node, self._settle(part), max_value)
            if isinstance(part, Signal) or part.linear.nonnegative:
                parts.append(self.populations.fire(part, max_value))
                continue
            if any(isinstance(operation, PoolMax) for operation in part.operations):
                if self.choice.mode == "compose":
                    raise UnsupportedLayerError(
                        f"layer {node.layer!r} has a slope for values below 0 and follows a max-pool of "
                        f"{names(part.linear.layers)}: put it before the max-pool"
                    )
                part = self._pending(node, self._gained(node, self._relayed(part), np.ones(len(own))))
            turned = scaled(part.linear, np.array(-1.0), np.array(0.0), node.layer)
            negative = replace(part, linear=turned, name=f"{part.name}_negative")
            signs = (part, max_value, np.ones(len(own))), (negative, None, -own)
            fired = [(self.populations.fire(half, limit), gain) for half, limit, gain in signs]
            parts.append(self._pending(node, total([self._gained(node, *half) for half in fired], node.layer)))
        return tuple(parts)

    def _settle(self, part: Part, reader: Node | None = None, kernel: Kernel | None = None) -> Part:
        """A linear map that is provably non-negative becomes a population before another layer reads it.

        A linear `reader` passes by the population of an average pool that is to be composed into its `kernel`. What it
        cannot be composed with is relayed.
        """
        if isinstance(part, Pending) and part.linear.nonnegative:
            return self.populations.fire(part, None)
        if reader and kernel and isinstance(part, Pending) and self.choice.mode != "compose":
            try:
                self._after_linear(reader, part, kernel)
            except UnsupportedLayerError:
                return self._relayed(part)
        if reader and kernel and isinstance(part, Signal) and part.view in self.pooled:
            with suppress(UnsupportedLayerError):  # not one convolution at the border: the pool fires
                self._after_linear(reader, self.pooled[part.view], kernel)
                return self.pooled[part.view]
        return part

    def _index(self, node: Node, value: Value, operation: IndexOp) -> Value:
        """A reshape, padding or max-pool: part by part where it keeps the channels apart."""
        if isinstance(operation, ReshapeTo) and (*value[0].shape[:2], channels(value)) == operation.shape:
            return value
        value = tuple(self._settle(part) for part in value)
        if isinstance(operation, ReshapeTo) and len(value) > 1:
            signals = all(isinstance(part, Signal) for part in value)
            mixed = len({kind(part, self.current_input) for part in value}) > 1
            if (mixed or not signals) and self.choice.mode != "compose":
                value, signals, mixed = tuple(self._relayed(part) for part in value), True, False
            value = (merged(value),) if signals and not mixed else self._embed(node, value)
        parts: list[Part] = []
        for part in value:
            shape = index_shape(part.shape, operation)
            if isinstance(part, Pending):
                parts.append(self._seen_through(part, operation, shape))
                continue
            signal = index(part, operation, shape)
            if part.view in self.pooled:
                self.pooled[signal.view] = self._seen_through(self.pooled[part.view], operation, shape)
            parts.append(signal)
        return tuple(parts)

    def _seen_through(self, part: Pending, operation: IndexOp, shape: Map) -> Pending:
        return Pending(part.linear, (*part.operations, operation), shape, part.name)

    def _pending(self, node: Node, linear: Linear) -> Pending:
        return Pending(linear, (), linear.shape, node.name)

    # --- readout -------------------------------------------------------------------------------------------

    def _readout(self, node: Node) -> None:
        value = self.values[node.name]
        if len(value) > 1:
            value = self._embed(node, value)
        part = value[0]
        operations = part.operations if isinstance(part, Pending) else ()
        if any(not isinstance(operation, ReshapeTo) for operation in operations) and self.choice.mode != "compose":
            part, operations = self._relayed(part), ()
        if any(not isinstance(operation, ReshapeTo) for operation in operations):
            raise UnsupportedLayerError(
                f"the model ends with {describe(operations)} of {node.layer!r}, which no {self.words.relu} precedes: "
                f"{self.advice}"
            )
        linear = part.linear if isinstance(part, Pending) else self._as_linear(node, part)
        projections, shape = emit_terms(linear)
        name = part.name if isinstance(part, Pending) else node.name
        self.populations.add(name, shape, projections, linear.bias, None, linear.layers or (node.layer,))


def _gridded(part: Part) -> Part:
    """A linear map whose gains per channel of a signal are on grids, as 1, 0 or -1 times each gain."""
    if isinstance(part, Signal):
        return part
    terms = []
    for term in part.linear.terms:
        kernel = term.kernel
        if kernel.grid is None and kernel.depthwise and kernel.pointwise and kernel.weights.shape[3] == 1:
            gains = np.abs(kernel.weights.reshape(-1))
            kernel = replace(kernel, grid=Grid(term.layer, np.where(gains > 0, gains, 1.0)))
        terms.append(replace(term, kernel=kernel))
    return replace(part, linear=replace(part.linear, terms=tuple(terms)))
