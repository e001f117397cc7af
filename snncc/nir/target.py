"""The target `nir`: an integer network as a graph of the standard, its weights our integers, and how to run it exactly.

The standard has no reset by subtraction, no timestep and no rounding. So a network goes out where its neurons do not
leak and all of them fire alike; README.md says what the file cannot. What the standard has no word for is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snncc.backends.options import TargetOptions
from snncc.backends.target import Target
from snncc.errors import TargetError
from snncc.frontend.nir import read
from snncc.frontend.nir.load import library
from snncc.ir import (
    INPUT,
    NO_HARDWARE,
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
    Refusals,
    Reshape,
    Source,
    SumPool2D,
    View,
    content_hash,
    pixel_range,
    sources,
)
from snncc.jobs import Job, NoToolError, Observation
from snncc.neurons.leaky import MOST_SPIKES, UNCLAMPED, WHOLE
from snncc.nir import twin
from snncc.nir.dialects import Asked, Reading, settle
from snncc.nir.populations import moved

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


class Graph:
    """The nodes and edges of a network. TargetError names what the standard cannot say."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.order = {population.name: number for number, population in enumerate(network.populations)}
        shape = network.input.shape
        first = (shape[2], *shape[:2]) if len(shape) == 3 else shape
        self.nodes: dict[str, Node] = {INPUT: {"type": "Input", "shape": np.array(first)}}
        self.edges: list[tuple[str, str]] = []
        self.ways: dict[str, Way] = {}
        for population in network.populations:
            self._population(population)
        self._output(network.output)
        if len(set(self.ways.values())) > 1:
            said = "; ".join(f"{name!r}: {', '.join(way)}" for name, way in self.ways.items())
            raise TargetError(f"a .nir file has no word for resets, and these differ ({said}): give all neurons one")

    @property
    def way(self) -> Way:
        """How every neuron fires."""
        return next(iter(self.ways.values()), PLAIN)

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
        self._bias(population, inputs[0])
        if population is self.network.output and not population.neuron.fires:
            self._readout(population, inputs)
            return
        self._neuron(population)
        self.edges += [(one, name) for one in inputs]

    def _neuron(self, population: Population) -> None:
        kind, theta = population.kind, np.asarray(population.threshold)
        way, reset = PLAIN, np.zeros((), np.int64)
        if isinstance(kind, LeakyIntegrateAndFire):
            self._leaks(population, kind)
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
        self.nodes[population.name] = {
            "type": "IF",
            "r": channels_first(np.ones(()), population.shape),
            "v_threshold": channels_first(theta, population.shape),
            "v_reset": channels_first(reset, population.shape),
        }

    def _leaks(self, population: Population, kind: LeakyIntegrateAndFire | LeakyIntegrator) -> None:
        if np.any(kind.leak) or np.any(kind.decay != WHOLE) or kind.late_current:
            raise TargetError(
                f"population {population.name!r} leaks in integers, and a .nir file's leak is a real number: there is "
                "no graph that any reader runs bit for bit; take the target c"
            )

    def _readout(self, population: Population, inputs: list[str]) -> None:
        if isinstance(population.kind, LeakyIntegrator):
            self._leaks(population, population.kind)
            self.nodes[population.name] = {"type": "I", "r": channels_first(np.ones(()), population.shape)}
            self.edges += [(one, population.name) for one in inputs]
        elif len(inputs) > 1:
            raise TargetError(f"population {population.name!r} sums several projections at the output: end in a neuron")

    def _output(self, population: Population) -> None:
        shape = population.shape
        first = (shape[2], *shape[:2]) if len(shape) == 3 else shape
        last = population.name if population.name in self.nodes else f"{population.name}_0"
        self.nodes["output"] = {"type": "Output", "shape": np.array(first)}
        self.edges.append((last, "output"))

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
        top, bottom, left, right = projection.pads
        if (top, left) != (bottom, right):
            raise TargetError(f"population {population.name!r}: its padding is not the same on both sides")
        pairs = {"kernel_size": projection.size, "stride": projection.strides, "padding": (top, left)}
        return {"type": "SumPool2d", **{name: np.array(pair) for name, pair in pairs.items()}}

    def _source(self, view: View, population: Population, reader: str) -> str:
        """The node of a view that `reader` reads; a Flatten or a Delay on the way is made."""
        match view:
            case Source(population=name):
                return name
            case Late(population=name):
                if self.order[name] >= self.order[population.name] and self._leads(population.name, name):
                    return name
                shape = self.network[name].shape
                self.nodes[f"{reader}_late"] = self._delay(shape)
                self.edges.append((name, f"{reader}_late"))
                return f"{reader}_late"
            case Reshape(view=Source() | Late() as inner, shape=(_,)):
                inner_node = self._source(inner, population, reader)
                self.nodes[f"{reader}_flat"] = {"type": "Flatten", "start_dim": np.array(0), "end_dim": np.array(-1)}
                self.edges.append((inner_node, f"{reader}_flat"))
                return f"{reader}_flat"
        raise TargetError(f"population {population.name!r} pads, joins or takes maxima, which a .nir file cannot say")

    def _leads(self, first: str, last: str) -> bool:
        """Whether what a population hands on reaches another within a timestep."""
        reached = {first}
        for population in self.network.populations:
            read = {name for p in population.projections for name in sources(p.source)}
            if read & reached:
                reached.add(population.name)
        return last in reached

    def _projection(self, population: Population, projection: Projection, number: int) -> str:
        """The name of the node that adds a projection's charge."""
        name = f"{population.name}_{number}"
        node = self._source(projection.source, population, name)
        factor = float(2**projection.shift)
        match projection:
            case Dense(weights=weights):
                rows = weights.astype(np.float64) * factor
                if isinstance(projection.source, Reshape):
                    rows = rows[self._places(projection.source)]
                self.nodes[name] = {"type": "Linear", "weight": np.ascontiguousarray(rows.T)}
            case Conv2D(weights=weights) | DepthwiseConv2D(weights=weights):
                self.nodes[name] = self._conv(population, projection, weights.astype(np.float64) * factor)
            case SumPool2D():
                self.nodes[name] = self._pool(population, projection)
                if projection.shift:
                    self.edges.append((node, name))
                    node, name = name, f"{name}_scale"
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
        top, bottom, left, right = projection.pads
        if (top, left) != (bottom, right):
            raise TargetError(f"population {population.name!r}: its padding is not the same on both sides")
        kernel, groups = weights.transpose(3, 2, 0, 1), 1
        if isinstance(projection, DepthwiseConv2D):
            groups = weights.shape[2]
            kernel = weights.transpose(2, 3, 0, 1).reshape(-1, 1, *weights.shape[:2])
        pairs = {"stride": projection.strides, "padding": (top, left), "dilation": projection.dilation}
        size = np.array(self._shape(projection.source)[:2])
        return {"type": "Conv2d", "input_shape": size, "weight": np.ascontiguousarray(kernel),
                "groups": np.array(groups), "bias": np.zeros(len(kernel)),
                **{name: np.array(pair) for name, pair in pairs.items()}}  # fmt: skip

    def _bias(self, population: Population, first: str) -> None:
        """A population's bias, in the node of its first projection."""
        bias, node = np.asarray(population.bias, np.float64), self.nodes[first]
        if not bias.any():
            return
        channels = population.shape[-1]
        if node["type"] not in ("Linear", "Conv2d") or bias.shape not in ((), (channels,)):
            raise TargetError(f"population {population.name!r}: its bias stands at no dense or convolutional weights")
        if node["type"] == "Linear":
            node["type"] = "Affine"
        node["bias"] = np.broadcast_to(bias, (channels,)).copy()


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


README = """# {name} as a NIR graph

`{file}` is the network {hash}: its weights, thresholds and biases are the integers of the network, as floats.
A `.nir` file does not say how neurons are stepped; this one runs exactly as here:

- A timestep is 1, `r` too: V = V + x, what arrives is taken whole. V starts at 0.
- {fires}
- {resets}
- {clamps}
- Recurrent edges carry what fired at the timestep before.

Input values are integers in {low}..{high}, {input}. All potentials are whole numbers below 2^53, so 64-bit floats hold
them exactly. The package nir reads the file with `nir.read("{file}", type_check=False)` (its check takes every kernel
for square and for one group). snncc reads it as it is meant with

    snncc compile {file} {flags}
"""


def readme(network: Network, graph: Graph) -> str:
    """What the file cannot say."""
    reset, compare, spikes, clamp = graph.way
    over = "is above its threshold" if compare == "above" else "has reached its threshold"
    many = f"as often as V holds thresholds, {MOST_SPIKES} times at most" if spikes == "many" else "once"
    resets = {
        "subtract": "Each spike takes the threshold off V, at once.",
        "subtract-late": "A spike takes the threshold off V at the next timestep.",
        "value": "A spike leaves v_reset.",
    }
    low, high = pixel_range(network.input)
    flags = (f"--nir-dialect spec --nir-dt 1 --nir-gain whole --nir-reset {reset} --nir-compare {compare} "
             f"--nir-spikes {spikes} --nir-clamp {clamp}")  # fmt: skip
    return README.format(
        name=network.name, file=FILE, hash=content_hash(network)[:16], fires=f"A neuron whose V {over} fires {many}.",
        resets=resets[reset], low=low, high=high, flags=flags,
        clamps="V is never below minus the threshold." if clamp == "threshold" else "V has no lower end.",
        input="a frame a timestep" if network.input.coding.sequences else "the same at every timestep",
    )  # fmt: skip


class Runner:
    """The file as the package `nir` reads it, in the float twin: a program of the standard's text."""

    def variants(self, job: Job) -> list[str]:
        """One."""
        return ["float64"]

    @contextmanager
    def run(self, job: Job, variant: str) -> Iterator[Iterator[Observation]]:
        """An observation per image: spikes and potentials of every neuron at every timestep."""
        try:
            import nir
        except Exception:
            raise NoToolError("install nir") from None
        graph = read(nir.read(job.folder / "nir" / FILE, type_check=False))
        graph.require()
        reading = settle(graph, Graph(job.network).reading())
        yield (self._observed(job, graph, reading, pixels) for pixels in job.pixels)

    def _observed(self, job: Job, graph: Any, reading: Reading, pixels: Array) -> Observation:
        network = job.network
        train = pixels if network.input.coding.sequences else np.broadcast_to(pixels, (job.timesteps, *pixels.shape))
        train = train[: job.timesteps]
        shape = network.input.shape
        first = np.moveaxis(train, -1, 1) if len(shape) == 3 else train
        found = twin.run(graph, reading, first[None])
        spikes, potentials = {}, {}
        for population in network.populations:
            if population.name in found.spikes:
                own = graph.shapes[population.name]
                if population.neuron.fires:
                    spikes[population.name] = _rows(moved(found.spikes[population.name], own))
                potentials[population.name] = _rows(moved(found.potentials[population.name], own))
        output = moved(found.output, graph.shapes["output"])
        leaks = isinstance(network.output.kind, LeakyIntegrator)
        values = _rows(output[-1:] if leaks else output.sum(axis=0, keepdims=True))[0]
        index = int(values.argmax()) if values.size > 1 else int(values[0] > 0)
        return Observation(values, index, spikes, potentials)


def _rows(values: Array) -> Array:
    """(T, 1, *shape) of whole floats as integers (T, neurons)."""
    return np.rint(values).astype(np.int64).reshape(len(values), -1)


class Nir(Target[TargetOptions]):
    """The graph and its README."""

    name: ClassVar[str] = "nir"
    writes: ClassVar[str] = "a NIR graph with the network's integers"
    refuses: ClassVar[Refusals] = {
        **NO_HARDWARE,
        "count": "a NIR graph runs timestep by timestep: compile with dynamics `step`",
        "rate": "a NIR graph gets its input as values: compile with `encoding` current",
        "spike_ext": "a NIR graph has no timesteps after T: compile with `spike_ext` 0",
        "pad": "{where} pads a map before it reads it, for which NIR has no node: take another target",
        "concat": "{where} joins maps, for which NIR has no node: take another target",
        "spread": "{where} spreads a map, for which NIR has no node: take another target",
        "max_pool": "{where} takes a maximum, for which NIR has no node: take another target",
        "max_pool in step": "{where} takes a maximum, for which NIR has no node: take another target",
    }
    limits: ClassVar[Sequence[str]] = (
        "neurons that leak (a .nir file's leak is a real number, not rounded at each timestep), that start at a "
        "potential, or that fire in different ways",
        "relays that round, padding that differs between two sides, a bias that stands at no weights, potentials of "
        "more than 53 bits",
    )

    def examine(self, network: Network, options: TargetOptions) -> None:
        """What the standard cannot say."""
        Graph(network)

    def write(self, network: Network, folder: Path, options: TargetOptions) -> None:
        """network.nir and README.md."""
        graph = Graph(network)
        write_file(graph, folder / FILE)
        (folder / "README.md").write_text(readme(network, graph), encoding="utf-8")

    def runners(self) -> Mapping[str, Runner]:
        """The package `nir` and a float program."""
        return {"nir-float": Runner()}


TARGET = Nir()
