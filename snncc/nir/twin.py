"""The float twin of a NIR graph: every node as its writer computes it, channels first, timestep by timestep.

It reads the graph itself and shares nothing with the network that is made of it, neither layouts nor products nor
constants: what the two agree on was found twice. Golden spikes of the libraries themselves hold it to what they do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from snncc.frontend.nir import NirGraph, Node
from snncc.frontend.nir.graph import pads_of
from snncc.nir.dialects import Charge, Reading

Array: TypeAlias = NDArray[Any]


@dataclass
class Stepped:
    """A neuron and its state (N, *shape): a dialect's charge, then threshold, reset and clamp.

        z = V > theta (above)   V >= theta (reached)   trunc(V/theta) where V > 0 (many)
        V = V - theta z (subtract)   v_reset where z (value)   at the next timestep, after the leak (subtract-late)
        V = max(V, lowest)

    With snnTorch `subtract` is its `reset_delay=False`: V - (z - s) theta, s being whether the stored V is above theta,
    which took theta off already.
    """

    charge: Charge
    theta: Array
    to: Array
    reading: Reading
    lowest: Array | None
    fires: bool
    v: Array
    i: Array

    def spikes(self, v: Array) -> Array:
        """z of a potential."""
        if self.reading.spikes == "many":
            whole = np.ceil(v / self.theta) - 1 if self.reading.compare == "above" else np.trunc(v / self.theta)
            return np.where(v > 0, np.minimum(whole, self.reading.dialect.most), 0.0)
        return ((v - self.theta > 0) if self.reading.compare == "above" else (v >= self.theta)).astype(v.dtype)

    def step(self, x: Array) -> Array:
        """What it hands on: spikes, or its potential where it never fires."""
        reset, before = self.reading.reset, self.v
        quirk = reset == "subtract" and self.reading.dialect.name == "snntorch"
        v, self.i = self.charge(self.v, self.i, x)
        if not self.fires:
            self.v = v
            return v
        late = self.spikes(before) if reset == "subtract-late" or quirk else 0.0
        v = v - late * self.theta
        z = self.spikes(v)
        if reset == "subtract":
            v = v - (z - late) * self.theta
        elif reset == "value":
            v = np.where(z > 0, self.to, v)
        self.v = v if self.lowest is None else np.maximum(v - self.lowest, 0) + self.lowest
        return z


@dataclass
class Record:
    """What happened: spikes (of an integrator its potentials) and potentials of every neuron, (T, N, *shape).

    `output`: what the last node handed on, (T, N, *shape).
    """

    spikes: dict[str, Array] = field(default_factory=dict)
    potentials: dict[str, Array] = field(default_factory=dict)
    output: Array = field(default_factory=lambda: np.zeros(0))


def run(graph: NirGraph, reading: Reading, x: Array, dtype: Any = np.float64) -> Record:
    """Run sequences x (N, T, *input shape), channels first."""
    x = np.asarray(x, dtype).swapaxes(0, 1)
    images = x.shape[1]
    cells = {node.name: _cell(node, graph, reading, images, dtype) for node in graph.neurons}
    lines = {name: [] for name, node in graph.nodes.items() if node.kind == "Delay"}  # type: ignore[var-annotated]
    handed: dict[str, Array] = {}
    before = {source: np.zeros((images, *graph.shapes[source]), dtype) for source, _ in graph.late}
    seen: dict[str, tuple[list[Array], list[Array]]] = {name: ([], []) for name in cells}
    outputs = []
    for frame in x:
        handed = {}
        for name, node in graph.nodes.items():
            read = [handed[source] for source in graph.sources(name)]
            read += [before[source] for source in graph.sources(name, late=True)]
            arriving = sum(read[1:], read[0]) if read else frame
            if name in cells:
                handed[name] = cells[name].step(arriving)
                seen[name][0].append(handed[name])
                seen[name][1].append(cells[name].v)
            elif name in lines:
                lines[name].append(arriving)
                steps = round(float(np.ravel(node.number("delay"))[0]) / reading.dt)
                handed[name] = lines[name][-1 - steps] if len(lines[name]) > steps else np.zeros_like(arriving)
            else:
                handed[name] = _linear(node, arriving, dtype)
        before = {source: handed[source] for source in before}
        outputs.append(handed[graph.only("Output").name])
    found = Record(output=np.stack(outputs))
    for name, (spikes, potentials) in seen.items():
        found.spikes[name], found.potentials[name] = np.stack(spikes), np.stack(potentials)
    return found


def _cell(node: Node, graph: NirGraph, reading: Reading, images: int, dtype: Any) -> Stepped:
    shape = (images, *graph.shapes[node.name])
    if node.kind == "Threshold":
        theta = node.number("threshold").astype(dtype)
        return Stepped(lambda v, i, x: (x, i), theta, np.zeros((), dtype), reading, None, True,
                       np.zeros(shape, dtype), np.zeros(shape, dtype))  # fmt: skip
    charge, theta = reading.dialect.charge(node, reading), np.ones(())
    if node.fires:
        theta = node.number("v_threshold").astype(dtype)
    lowest, to = reading.lowest(node), node.number("v_reset").astype(dtype) if node.fires else np.zeros((), dtype)
    v = np.broadcast_to(reading.dialect.start(node), shape).astype(dtype)
    return Stepped(charge, theta, to, reading, lowest, node.fires, v, np.zeros(shape, dtype))


def _linear(node: Node, x: Array, dtype: Any) -> Array:
    """A node without state, on (N, *shape)."""
    match node.kind:
        case "Affine" | "Linear":
            y = x @ node["weight"].astype(dtype).T
            return np.asarray(y + node["bias"].astype(dtype) if node.kind == "Affine" else y)
        case "Scale":
            return np.asarray(x * node["scale"].astype(dtype))
        case "Conv2d":
            return _conv2d(node, x, dtype)
        case "Conv1d":
            return _conv1d(node, x, dtype)
        case "SumPool2d" | "AvgPool2d":
            kernel, pads = node.pair("kernel_size"), pads_of(node, node.pair("kernel_size"), (1, 1))
            windows = _windows(x, kernel, pads, node.pair("stride"), (1, 1))
            total = windows.sum(axis=(-2, -1))
            return np.asarray(total / (kernel[0] * kernel[1]) if node.kind == "AvgPool2d" else total)
        case "Flatten":
            start, end = (int(np.ravel(node.values[name])[0]) for name in ("start_dim", "end_dim"))
            start, end = (d + x.ndim - 1 if d < 0 else d for d in (start, end))
            return x.reshape(*x.shape[: start + 1], -1, *x.shape[end + 2 :])
        case _:
            return x


def _windows(x: Array, kernel: Any, pads: Any, strides: Any, dilation: Any) -> Array:
    """(N, C, OH, OW, KH, KW) of (N, C, H, W)."""
    top, bottom, left, right = pads
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    view = sliding_window_view(x, reach, axis=(2, 3))
    return np.asarray(view[:, :, :: strides[0], :: strides[1], :: dilation[0], :: dilation[1]])


def _conv2d(node: Node, x: Array, dtype: Any) -> Array:
    weight, dilation = node["weight"].astype(dtype), node.pair("dilation")
    pads = pads_of(node, weight.shape[2:], dilation)
    windows = _windows(x, weight.shape[2:], pads, node.pair("stride"), dilation)
    return np.asarray(_grouped(node, windows, weight) + node["bias"].astype(dtype)[:, None, None])


def _conv1d(node: Node, x: Array, dtype: Any) -> Array:
    weight, dilation = node["weight"].astype(dtype)[:, :, None], (1, node.pair("dilation")[1])
    pads = pads_of(node, weight.shape[2:], dilation, line=True)
    windows = _windows(x[:, :, None], weight.shape[2:], pads, (1, node.pair("stride")[1]), dilation)
    return np.asarray(_grouped(node, windows, weight) + node["bias"].astype(dtype)[:, None, None])[:, :, 0]


def _grouped(node: Node, windows: Array, weight: Array) -> Array:
    """(N, O, OH, OW): the outputs of each group see its channels alone."""
    groups = int(np.ravel(node.values["groups"])[0])
    parts = zip(np.split(windows, groups, axis=1), np.split(weight, groups, axis=0), strict=True)
    made = [np.tensordot(part, kernel, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) for part, kernel in parts]
    return np.concatenate(made, axis=1)
