"""An integer network as the nodes and edges of a NIR graph, its weights our integers, and the file of it.

What the standard has no word for is refused by a TargetError that names the population.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snncc.errors import TargetError
from snncc.frontend.nir.load import library
from snncc.ir import (
    INPUT,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    Late,
    LeakyIntegrateAndFire,
    LeakyIntegrator,
    Network,
    Population,
    Projection,
    Reshape,
    Source,
    SumPool2D,
    View,
    sources,
)
from snncc.neurons.leaky import MOST_SPIKES, UNCLAMPED, WHOLE
from snncc.nir.dialects import Asked

Array: TypeAlias = NDArray[Any]
Node: TypeAlias = dict[str, Any]
Way: TypeAlias = tuple[str, str, str, str]
"""reset, compare, spikes, clamp."""

FILE = "network.nir"
VERSION = "1.0.8"
"""Of the standard's package, whose nodes these are."""
EXACT = 2**53
PLAIN: Way = ("subtract", "reached", "one", "none")
"""Integrate-and-fire."""


def channels_first(values: Array, shape: tuple[int, ...]) -> Array:
    """Numbers that broadcast to a population's shape, (H, W, C) or (N,), as float64 (C, H, W) or (N,)."""
    whole = np.broadcast_to(np.asarray(values, np.float64), shape)
    return np.ascontiguousarray(np.moveaxis(whole, -1, 0) if len(shape) == 3 else whole)


def _first(shape: tuple[int, ...]) -> Array:
    """(H, W, C) or (N,) as (C, H, W) or (N,)."""
    return np.array((shape[2], *shape[:2]) if len(shape) == 3 else shape)


class Graph:
    """The nodes and edges of a network. TargetError names what the standard cannot say.

    `nodes`: each behind those that it reads within a timestep. `ways`: how each neuron fires. `late`: weights that read
    what a neuron fired at the timestep before. Dense weights are an Affine with or without a bias: Sinabs reads no
    Linear. `real_leaks`: leaks of 4096ths are written as time constants, whose potentials nobody rounds; `rounded` has,
    of each such population, how far its potential comes to lie from ours by that alone, at most, in thresholds.
    """

    def __init__(self, network: Network, real_leaks: bool = False) -> None:
        self.network, self.real_leaks = network, real_leaks
        self.rounded: dict[str, float] = {}
        self.order = {population.name: number for number, population in enumerate(network.populations)}
        self.nodes: dict[str, Node] = {INPUT: {"type": "Input", "shape": _first(network.input.shape)}}
        self.edges: list[tuple[str, str]] = []
        self.ways: dict[str, Way] = {}
        self.late: list[str] = []
        self.last = ""
        for population in network.populations:
            self._population(population)
        self._output(network.output)
        if len({self._of_note(name) for name in self.ways}) > 1:
            said = "; ".join(f"{name!r}: {', '.join(way)}" for name, way in self.ways.items())
            raise TargetError(f"a .nir file has no word for resets, and these differ ({said}): give all neurons one")

    @property
    def way(self) -> Way:
        """How every neuron fires."""
        return next(map(self._of_note, self.ways), PLAIN)

    def _of_note(self, name: str) -> Way:
        """A neuron's way; of one without memory the lower end is as for the others."""
        ends = [way[3] for other, way in self.ways.items() if self.nodes[other]["type"] != "Threshold"]
        way = self.ways[name]
        return (*way[:3], ends[0]) if ends and self.nodes[name]["type"] == "Threshold" else way

    def reading(self) -> Asked:
        """What has to be said to read the file as it is meant."""
        reset, compare, spikes, clamp = self.way
        return Asked("spec", 1.0, reset, compare, spikes, clamp, "whole")  # type: ignore[arg-type]

    def _population(self, population: Population) -> None:
        name, where = population.name, f"population {population.name!r}"
        if np.any(population.v0):
            raise TargetError(
                f"{where} starts at a potential, which a .nir file cannot say: compile with thresholding 0"
            )
        if max(map(abs, self.network.intervals["step"][name])) >= EXACT:
            raise TargetError(f"{where}: its potentials need more than 53 bits, which floats do not hold")
        if population.relay:
            self._relay(population)
            return
        inputs = [self._projection(population, p, number) for number, p in enumerate(population.projections)]
        self._bias(population, inputs)
        if population is self.network.output and not population.neuron.fires:
            self._readout(population, inputs)
            return
        self._neuron(population)
        self.edges += [(one, name) for one in inputs]

    def _neuron(self, population: Population) -> None:
        kind, theta = population.kind, np.asarray(population.threshold)
        way, reset = PLAIN, np.zeros((), np.int64)
        if isinstance(kind, LeakyIntegrateAndFire):
            above = theta - kind.amount
            if kind.reset == "value":
                compare, reset = "reached", kind.amount
            elif (above == above.flat[0]).all() and above.flat[0] in (0, 1):
                compare = "above" if above.flat[0] else "reached"
                theta = kind.amount
            else:
                raise TargetError(f"population {population.name!r}: what a spike takes off is not its threshold")
            if kind.most not in (1, MOST_SPIKES):
                raise TargetError(
                    f"population {population.name!r}: {kind.most} spikes a timestep are neither one nor many"
                )
            lowest = np.asarray(kind.lowest)
            if not ((lowest == UNCLAMPED).all() or (lowest == -theta).all()):
                raise TargetError(f"population {population.name!r}: its lower end is not minus its threshold")
            clamp = "none" if (lowest == UNCLAMPED).all() else "threshold"
            spikes = "one" if kind.most == 1 else "many"
            way = kind.reset.replace("_", "-"), compare, spikes, clamp
        self.ways[population.name] = way
        leaky = kind if isinstance(kind, LeakyIntegrateAndFire) else None
        if leaky and _memoryless(leaky):
            threshold = channels_first(theta, population.shape)
            self.nodes[population.name] = {"type": "Threshold", "threshold": threshold}
            return
        node = self._stateful(population, leaky)
        node["v_threshold"] = channels_first(theta, population.shape)
        node["v_reset"] = channels_first(reset, population.shape)
        self.nodes[population.name] = node

    def _stateful(self, population: Population, kind: LeakyIntegrateAndFire | LeakyIntegrator | None) -> Node:
        """An integrator of one timestep's charge: I, LI or CubaLI, or with a threshold IF, LIF or CubaLIF.

        V = (1 - leak/4096) V + x is tau = r = 4096/leak in timesteps; a current likewise, w_in = tau_syn.
        """
        name, fires = population.name, population.neuron.fires

        def full(values: Any) -> Array:
            return channels_first(values, population.shape)

        if kind is None or _whole(kind):
            return {"type": "IF" if fires else "I", "r": full(1)}
        if not self.real_leaks:
            raise TargetError(
                f"population {name!r} leaks in integers, and a .nir file's leak is a real number: there is no graph "
                "that any reader runs bit for bit; take another target, or `leaks` real, which is not exact"
            )
        if not np.all(kind.leak):
            raise TargetError(f"population {name!r} has a synaptic current and no leak, for which NIR has no node")
        if kind.late_current:
            raise TargetError(f"population {name!r} takes its current a timestep late, which a .nir file cannot say")
        tau, lost = WHOLE / kind.leak, np.ones(())
        node = {"tau": full(tau), "r": full(tau), "v_leak": full(0)}
        if kind.has_current:
            fast = WHOLE / kind.decay
            node = {"tau_mem": node.pop("tau"), **node, "tau_syn": full(fast), "w_in": full(fast)}
            lost = lost + fast
        theta = np.asarray(population.threshold) if fires else np.ones(())
        self.rounded[name] = float(np.max(np.broadcast_to(lost * tau / theta, population.shape)))
        return {"type": ("Cuba" if kind.has_current else "") + ("LIF" if fires else "LI"), **node}

    def _readout(self, population: Population, inputs: list[str]) -> None:
        if isinstance(population.kind, LeakyIntegrator):
            self.nodes[population.name] = self._stateful(population, population.kind)
            self.edges += [(one, population.name) for one in inputs]
        elif len(inputs) > 1:
            raise TargetError(f"population {population.name!r} sums several projections at the output: end in a neuron")
        else:
            self.last = inputs[0]

    def _output(self, population: Population) -> None:
        name = self._free("output")
        self.nodes[name] = {"type": "Output", "shape": _first(population.shape)}
        self.edges.append((population.name if population.name in self.nodes else self.last, name))

    def _relay(self, population: Population) -> None:
        """A pool of sums, or a delay."""
        projection, relay = population.projections[0], population.relay
        plain = len(population.projections) == 1 and not np.any(population.bias) and relay and not np.any(relay.shift)
        if plain and isinstance(projection, SumPool2D) and not projection.shift:
            node = self._source(projection.source, population, population.name)
            self.nodes[population.name] = self._pool(population, projection)
        elif plain and isinstance(projection, Identity) and np.all(projection.weights == 1) and not projection.shift:
            view = projection.source
            if isinstance(view, Late):
                node, self.nodes[population.name] = view.population, self._delay(population.shape)
            else:
                node = self._source(view, population, population.name)
                scale = channels_first(np.ones(()), population.shape)
                self.nodes[population.name] = {"type": "Scale", "scale": scale}
        else:
            raise TargetError(f"population {population.name!r} hands on rounded values, which a .nir file cannot say")
        self.edges.append((node, population.name))

    def _delay(self, shape: tuple[int, ...]) -> Node:
        return {"type": "Delay", "delay": channels_first(np.ones(()), shape)}

    def _pool(self, population: Population, projection: SumPool2D) -> Node:
        """Sums over windows; a convolution with ones where the padding is not the same on both sides."""
        top, bottom, left, right = projection.pads
        if (top, left) != (bottom, right):
            ones = np.ones((*projection.size, population.shape[-1], 1))
            whole = DepthwiseConv2D(name="", source=projection.source, weights=ones, strides=projection.strides,
                                    pads=projection.pads)  # fmt: skip
            return self._conv(population, whole, ones)
        pairs = {"kernel_size": projection.size, "stride": projection.strides, "padding": (top, left)}
        return {"type": "SumPool2d", **{name: np.array(pair) for name, pair in pairs.items()}}

    def _source(self, view: View, population: Population, reader: str) -> str:
        """The node of a view that `reader` reads; a Flatten or a Delay on the way is made."""
        match view:
            case Source(population=name):
                return name
            case Late(population=name):
                if self.order[name] >= self.order[population.name] and self._leads(population.name, name):
                    self.late.append(reader)
                    return name
                shape = self.network[name].shape
                delay = self._free(f"{reader}_late")
                self.nodes[delay] = self._delay(shape)
                self.edges.append((name, delay))
                return delay
            case Reshape(view=Source() | Late() as inner, shape=(_,)):
                inner_node = self._source(inner, population, reader)
                flat = self._free(f"{reader}_flat")
                self.nodes[flat] = {"type": "Flatten", "start_dim": np.array(0), "end_dim": np.array(-1)}
                self.edges.append((inner_node, flat))
                return flat
        raise TargetError(f"population {population.name!r} pads, joins or takes maxima, which a .nir file cannot say")

    def _leads(self, first: str, last: str) -> bool:
        """Whether what a population hands on reaches another within a timestep."""
        reached = {first}
        for population in self.network.populations:
            read = {name for p in population.projections for name in sources(p.source)}
            if read & reached:
                reached.add(population.name)
        return last in reached

    def _free(self, name: str) -> str:
        """A name of a node that is no population's and no other node's."""
        while name in self.order or name in self.nodes:
            name += "_"
        return name

    def _projection(self, population: Population, projection: Projection, number: int) -> str:
        """The name of the node that adds a projection's charge."""
        name = self._free(f"{population.name}_{number}")
        node = self._source(projection.source, population, name)
        factor = float(2**projection.shift)
        match projection:
            case Dense(weights=weights):
                rows = weights.astype(np.float64) * factor
                if isinstance(projection.source, Reshape):
                    rows = rows[self._places(projection.source)]
                weight = np.ascontiguousarray(rows.T)
                self.nodes[name] = {"type": "Affine", "weight": weight, "bias": np.zeros(len(weight))}
            case Conv2D(weights=weights) | DepthwiseConv2D(weights=weights):
                self.nodes[name] = self._conv(population, projection, weights.astype(np.float64) * factor)
            case SumPool2D():
                self.nodes[name] = self._pool(population, projection)
                if projection.shift:
                    self.edges.append((node, name))
                    node, name = name, self._free(f"{name}_scale")
                    scale = channels_first(np.asarray(factor), population.shape)
                    self.nodes[name] = {"type": "Scale", "scale": scale}
            case Identity(weights=weights):
                scale = channels_first(weights.astype(np.float64) * factor, population.shape)
                self.nodes[name] = {"type": "Scale", "scale": scale}
        self.edges.append((node, name))
        return name

    def _shape(self, view: View) -> tuple[int, ...]:
        """The shape of what a leaf reads."""
        name = view.population if isinstance(view, Source | Late) else INPUT
        return self.network.input.shape if name == INPUT else self.network[name].shape

    def _places(self, view: Reshape) -> Array:
        """Where each element, counted channels first, lies in the IR's order."""
        shape = self._shape(view.view)
        numbers = np.arange(int(np.prod(shape))).reshape(shape)
        return np.moveaxis(numbers, -1, 0).ravel() if len(shape) == 3 else numbers

    def _conv(self, population: Population, projection: Conv2D | DepthwiseConv2D, weights: Array) -> Node:
        padding, weights = self._evenly(population, projection.pads, projection.dilation, weights)
        kernel, groups = weights.transpose(3, 2, 0, 1), 1
        if isinstance(projection, DepthwiseConv2D):
            groups = weights.shape[2]
            kernel = weights.transpose(2, 3, 0, 1).reshape(-1, 1, *weights.shape[:2])
        pairs = {"stride": projection.strides, "padding": padding, "dilation": projection.dilation}
        size = np.array(self._shape(projection.source)[:2])
        return {"type": "Conv2d", "input_shape": size, "weight": np.ascontiguousarray(kernel),
                "groups": np.array(groups), "bias": np.zeros(len(kernel)),
                **{name: np.array(pair) for name, pair in pairs.items()}}  # fmt: skip

    def _evenly(
        self, population: Population, pads: tuple[int, ...], dilation: tuple[int, int], weights: Array
    ) -> tuple[tuple[int, int], Array]:
        """(padding, weights): the same on both sides, rows and columns of zeros making up for what is too much."""
        padding, zeros = [], []
        for before, after, step in zip(pads[::2], pads[1::2], dilation, strict=True):
            most = max(before, after)
            if (before - after) % step:
                raise TargetError(
                    f"population {population.name!r}: its padding differs between two sides by {abs(before - after)}, "
                    f"which is no multiple of the dilation {step}: pad the same on both sides"
                )
            padding.append(most)
            zeros.append(((most - before) // step, (most - after) // step))
        return (padding[0], padding[1]), np.pad(weights, (*zeros, (0, 0), (0, 0)))

    def _bias(self, population: Population, inputs: list[str]) -> None:
        """A population's bias, at dense or convolutional weights: at the first that do not read late, if there are."""
        bias, channels = np.asarray(population.bias, np.float64), population.shape[-1]
        if not bias.any():
            return
        able = [name for name in inputs if "bias" in self.nodes[name]]
        if not able or bias.shape not in ((), (channels,)):
            raise TargetError(f"population {population.name!r}: its bias stands at no dense or convolutional weights")
        node = self.nodes[min(able, key=lambda name: name in self.late)]
        node["bias"] = np.broadcast_to(bias, (channels,)).copy()


def inexact(network: Network) -> bool:
    """Whether a file of the network has leaks, which no reader rounds."""
    kinds = [population.kind for population in network.populations]
    leaky = [kind for kind in kinds if isinstance(kind, LeakyIntegrateAndFire | LeakyIntegrator)]
    return not all(_whole(kind) or _memoryless(kind) for kind in leaky)


def _whole(kind: LeakyIntegrateAndFire | LeakyIntegrator) -> bool:
    """Whether nothing leaks and there is no current."""
    return not np.any(kind.leak) and bool(np.all(kind.decay == WHOLE)) and not kind.late_current


def _memoryless(kind: LeakyIntegrateAndFire | LeakyIntegrator) -> bool:
    """Whether nothing is left at the next timestep, whatever a spike left: NIR's Threshold."""
    gone = bool(np.all(kind.leak == WHOLE) and np.all(kind.decay == WHOLE)) and not kind.late_current
    return gone and isinstance(kind, LeakyIntegrateAndFire) and kind.reset == "subtract"


def write_file(graph: Graph, path: Path) -> None:
    """The graph as the standard's HDF5."""
    h5py = library()
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.create_dataset("version", data=VERSION, dtype=text)
        outer = file.create_group("node")
        outer.create_dataset("type", data="NIRGraph", dtype=text)
        outer.create_dataset("edges", data=np.array(graph.edges, dtype=object), dtype=text)
        nodes = outer.create_group("nodes")
        for name, values in graph.nodes.items():
            group = nodes.create_group(name)
            for key, value in values.items():
                if key == "type":
                    group.create_dataset(key, data=value, dtype=text)
                else:
                    group.create_dataset(key, data=value)
