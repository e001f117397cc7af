"""A network as a PyTorch module of the layers that NeuroBench knows: Conv2d, Conv1d, Linear, snnTorch's neurons.

Written from docs/contract.md, in float64, which holds these networks' integers exactly. Parameters are buffers of the
smallest integer type; feature maps are (N, H, W, C) between layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch
import torch
from torch import nn
from torch.nn import functional

from snncc import ir

Tensor = torch.Tensor
INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64)


def small(values: Any, low: int | None = None, high: int | None = None) -> Tensor:
    """Integers in the smallest type that holds them, or low..high."""
    values = np.asarray(values)
    low = int(values.min()) if low is None else low
    high = int(values.max()) if high is None else high
    kind = next(t for t in INTEGERS if torch.iinfo(t).min <= low and high <= torch.iinfo(t).max)
    return torch.as_tensor(values.copy()).to(kind)


def encode(network: ir.Network, pixels: np.ndarray, timesteps: int, dynamics: str) -> np.ndarray:
    """What the input hands on, (N, passes, *shape): spikes of the rate-coded pixels, or the current."""
    levels = network.input.levels
    length = timesteps + max(0, network.spike_ext)
    rate = network.input.encoding == "rate"
    if dynamics == "count":
        return (pixels * timesteps // levels if rate else pixels * timesteps)[:, None].astype(float)
    train = np.zeros((len(pixels), length, *pixels.shape[1:]))
    potential = np.zeros(pixels.shape, np.int64)
    for t in range(timesteps):
        potential += pixels
        fired = potential >= levels
        train[:, t] = fired if rate else pixels
        potential -= levels * fired
    return train


class Conv2d(nn.Conv2d):
    """Integer weights; pads of its own on each side, inside the layer."""

    def __init__(self, weights: np.ndarray, pads: ir.Pads, strides: ir.Pair, dilation: ir.Pair, groups: int) -> None:
        super().__init__(groups, groups, 1, strides, dilation=dilation, groups=groups, bias=False)
        self.weight = nn.Parameter(torch.from_numpy(weights.copy()), requires_grad=False)
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.pads
        x = functional.pad(x.movedim(-1, 1), (left, right, top, bottom))
        y = functional.conv2d(x, self.weight.double(), None, self.stride, 0, self.dilation, self.groups)
        return y.movedim(1, -1)


class Linear(nn.Linear):
    """Integer weights."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__(*weights.shape, bias=False)
        self.weight = nn.Parameter(torch.from_numpy(weights.T.copy()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight.double())


class Conv1d(nn.Conv1d):
    """One weight per element of a vector."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__(len(weights), len(weights), 1, groups=len(weights), bias=False)
        self.weight = nn.Parameter(torch.from_numpy(weights.reshape(-1, 1, 1).copy()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv1d(x[..., None], self.weight.double(), groups=self.groups)[..., 0]


class SumPool(nn.Module):
    """A sum over windows: a pool, which NeuroBench does not count."""

    def __init__(self, pool: ir.SumPool2D) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.pool.pads
        x = functional.pad(x.movedim(-1, 1), (left, right, top, bottom))
        return functional.avg_pool2d(x, self.pool.size, self.pool.strides, divisor_override=1).movedim(1, -1)


def layer(projection: ir.Projection, shape: tuple[int, ...]) -> nn.Module:
    """The layer of a projection into a population of this shape."""
    match projection:
        case ir.SumPool2D():
            return SumPool(projection)
        case ir.Dense(weights=w):
            return Linear(w)
        case ir.Identity(weights=w):
            w = np.full(shape[-1], w) if w.ndim == 0 else w
            return Conv1d(w) if len(shape) == 1 else Conv2d(w.reshape(-1, 1, 1, 1), (0,) * 4, (1, 1), (1, 1), len(w))
        case ir.DepthwiseConv2D(weights=w, pads=pads, strides=strides, dilation=dilation):
            height, width, channels, multiplier = w.shape
            kernel = w.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
            return Conv2d(kernel, pads, strides, dilation, channels)
        case ir.Conv2D(weights=w, pads=pads, strides=strides, dilation=dilation):
            return Conv2d(w.transpose(3, 2, 0, 1), pads, strides, dilation, 1)


def held(population: ir.Population, interval: ir.Interval | None) -> Tensor:
    """Room for the potentials of one image; in `count`, without an interval, nothing is held."""
    return small(np.zeros((1, *population.shape)), *interval) if interval else torch.zeros(0)


class Neurons(snntorch.SpikingNeuron):
    """Integrate-and-fire neurons: `mem` before and after each call is what NeuroBench compares."""

    def __init__(self, population: ir.Population, timesteps: int, limit: int | None, interval: ir.Interval | None):
        super().__init__(threshold=small(population.theta))
        del self.graded_spikes_factor, self.reset_mechanism_val  # snnTorch's own constants
        self.register_buffer("bias", small(population.bias))
        self.register_buffer("start", small(population.v0))
        self.shape, self.timesteps, self.limit, self.count = population.shape, timesteps, limit, interval is None
        self.register_buffer("mem", held(population, interval))

    def begin(self, images: int) -> None:
        self.mem = self.start.double().expand(images, *self.shape)

    def forward(self, drive: Tensor, t: int) -> tuple[Tensor, Tensor]:
        theta = self.threshold.double()
        if self.count:
            self.mem = self.mem + drive + self.bias.double() * self.timesteps
            return torch.div(self.mem, theta, rounding_mode="floor").clamp(0, self.limit), self.mem
        charged = self.mem + drive + (self.bias.double() if t < self.timesteps else 0)
        spikes = (charged >= theta).double()
        self.mem = charged - theta * spikes
        return spikes, self.mem


class Relay(nn.Module):
    """Values, rounded: floor((u + h) / 2^r)."""

    def __init__(self, population: ir.Population, timesteps: int, count: bool) -> None:
        super().__init__()
        self.register_buffer("bias", small(population.bias))
        self.register_buffer("shift", small(population.neuron.shift))
        self.timesteps, self.count = timesteps, count

    def forward(self, drive: Tensor, t: int) -> tuple[Tensor, None]:
        u = drive + self.bias.double() * (self.timesteps if self.count else t < self.timesteps)
        divisor = 2.0 ** self.shift.double()
        return torch.floor((u + torch.floor(divisor / 2)) / divisor), None


class Readout(nn.Module):
    """Potentials that only grow: no neuron of NeuroBench's, since it never fires."""

    def __init__(self, population: ir.Population, timesteps: int, interval: ir.Interval | None) -> None:
        super().__init__()
        self.register_buffer("bias", small(population.bias))
        self.register_buffer("mem", held(population, interval))
        self.shape, self.timesteps, self.count = population.shape, timesteps, interval is None

    def begin(self, images: int) -> None:
        self.mem = torch.zeros(images, *self.shape, dtype=torch.float64)

    def forward(self, drive: Tensor, t: int) -> tuple[Tensor, None]:
        self.mem = self.mem + drive + self.bias.double() * (self.timesteps if self.count else t < self.timesteps)
        return self.mem, None


def look(view: ir.View, outputs: dict[str, Tensor]) -> Tensor:
    """A view of tensors (N, *shape)."""
    match view:
        case ir.Source(population=name):
            return outputs[name]
        case ir.Reshape(shape=shape):
            return look(view.view, outputs).reshape(-1, *shape)
        case ir.Pad(pads=(top, bottom, left, right)):
            return functional.pad(look(view.view, outputs), (0, 0, left, right, top, bottom))
        case ir.Concat(views=views):
            return torch.cat([look(part, outputs) for part in views], dim=-1)
        case ir.MaxPool(size=size, strides=strides, pads=(top, bottom, left, right)):
            x = functional.pad(look(view.view, outputs).movedim(-1, 1), (left, right, top, bottom), value=-torch.inf)
            return functional.max_pool2d(x, size, strides).movedim(1, -1)
        case ir.Spread(strides=(down, across), repeat=repeat):
            x = look(view.view, outputs)
            x = x.repeat_interleave(down, 1).repeat_interleave(across, 2)
            if repeat:
                return x
            mask = torch.zeros_like(x)
            mask[:, ::down, ::across] = 1
            return (x * mask)[:, : x.shape[1] - down + 1, : x.shape[2] - across + 1]


class Module(nn.Module):
    """The whole network: (N, passes, *input shape) -> readout after each pass, (passes, N, *shape)."""

    def __init__(self, network: ir.Network, timesteps: int, dynamics: str) -> None:
        super().__init__()
        self.network, self.timesteps, self.count = network, timesteps, dynamics == "count"
        self.neurons, self.synapses = nn.ModuleList(), nn.ModuleList()
        for population in network.populations:
            self.synapses.extend(layer(q, population.shape) for q in population.projections)
            interval = None if self.count else network.intervals["step"][population.name]
            extra = 0 if population.saturates else max(0, network.spike_ext)
            if population.relay:
                self.neurons.append(Relay(population, timesteps, self.count))
            elif population.theta is None:
                self.neurons.append(Readout(population, timesteps, interval))
            else:
                self.neurons.append(Neurons(population, timesteps, timesteps + extra, interval))

    def forward(self, data: Tensor) -> Tensor:
        for neurons in self.neurons:
            if hasattr(neurons, "begin"):
                neurons.begin(len(data))
        self.totals: dict[str, Tensor] = {}
        self.seen: dict[str, Tensor] = {}
        self.charges: dict[str, Tensor] = {}
        read_out = [self._pass(data[:, t], t) for t in range(data.shape[1])]
        fires = self.network.output.fires
        self.values = sum(read_out) if fires else read_out[-1]
        return torch.stack(read_out)

    def _pass(self, pixels: Tensor, t: int) -> Tensor:
        outputs = {"input": pixels}
        self.totals["input"] = self.totals.get("input", 0) + pixels
        layers = iter(self.synapses)
        for population, neurons in zip(self.network.populations, self.neurons, strict=True):
            charges = [
                self._charge(f"{population.name} {n}", next(layers), q, outputs, t) * 2.0**q.shift
                for n, q in enumerate(population.projections)
            ]
            output, _ = neurons(sum(charges), t)
            outputs[population.name] = output
            self.totals[population.name] = self.totals.get(population.name, 0) + output
        return output

    def _charge(
        self, key: str, synapses: nn.Module, projection: ir.Projection, outputs: dict[str, Tensor], t: int
    ) -> Tensor:
        """What a projection adds; a constant current goes through its layer once and is held while it lasts."""
        if self.network.input.encoding == "current" and set(ir.sources(projection.source)) == {"input"}:
            if t == 0:
                self.charges[key] = synapses(look(projection.source, outputs))
            return self.charges[key] * (self.count or t < self.timesteps)
        if self.count or not ir.has_max_pool(projection.source):
            return synapses(look(projection.source, outputs))
        whole = look(projection.source, self.totals)
        grown = whole - self.seen.get(key, torch.zeros_like(whole))
        self.seen[key] = whole
        return synapses(grown)
