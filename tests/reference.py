"""The numeric contract a second time, in plain Python loops and unbounded Python ints.

Written from the contract and from the equations in the docstrings of `snncc.ir.network` alone; it shares no code with
the simulator, the shape helpers or the interval prover, so that agreement with them means something. Slow on purpose.

A view becomes, per element, the tuple of places it may read: `(name, index)` of a population's flattened output, or
None for a zero of `Pad`. One place is the usual case; several are a max-pool's window. A projection becomes, per
neuron, the list of `(element, weight)` that reach it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from snncc import ir

Place = tuple[str, int] | None
Element = tuple[Place, ...]
Shape = tuple[int, ...]
Outputs = dict[str, list[int]]


@dataclass
class Count:
    """`u` before the division, `n` after it (with 'input'), the readout's values and the class of one image."""

    u: Outputs = field(default_factory=dict)
    n: Outputs = field(default_factory=dict)
    values: list[int] = field(default_factory=list)
    label: int = -1


@dataclass
class Step:
    """One image: `spikes[name][t]` and `potentials[name][t]` (after reset) for t = 0 .. T+e-1, values and class."""

    spikes: dict[str, list[list[int]]] = field(default_factory=dict)
    potentials: dict[str, list[list[int]]] = field(default_factory=dict)
    values: list[int] = field(default_factory=list)
    label: int = -1


# --- views and projections: who reaches whom


def elements(view: ir.View, shapes: dict[str, Shape]) -> tuple[Shape, list[Element]]:
    """Shape of a view and, row-major, the places that each of its elements reads."""
    if isinstance(view, ir.Source):
        shape = shapes[view.population]
        return shape, [((view.population, i),) for i in range(math.prod(shape))]
    if isinstance(view, ir.Late):
        shape = shapes[view.population]
        return shape, [((f"{view.population} late", i),) for i in range(math.prod(shape))]
    if isinstance(view, ir.Reshape):
        return tuple(view.shape), elements(view.view, shapes)[1]
    if isinstance(view, ir.Concat):
        return _concat([elements(v, shapes) for v in view.views])
    (height, width, channels), inner = elements(view.view, shapes)
    if isinstance(view, ir.Spread):
        return _spread(view, height, width, channels, inner)
    top, bottom, left, right = view.pads
    found: list[Element] = []
    if isinstance(view, ir.Pad):
        shape = (height + top + bottom, width + left + right, channels)
        for i in range(shape[0]):
            for j in range(shape[1]):
                for c in range(channels):
                    y, x = i - top, j - left
                    inside = 0 <= y < height and 0 <= x < width
                    found.append(inner[(y * width + x) * channels + c] if inside else (None,))
        return shape, found
    shape = (
        (height + top + bottom - view.size[0]) // view.strides[0] + 1,
        (width + left + right - view.size[1]) // view.strides[1] + 1,
        channels,
    )
    for i in range(shape[0]):
        for j in range(shape[1]):
            for c in range(channels):
                places: list[Place] = []
                for k in range(view.size[0]):
                    for m in range(view.size[1]):
                        y, x = i * view.strides[0] + k - top, j * view.strides[1] + m - left
                        if 0 <= y < height and 0 <= x < width:
                            places += inner[(y * width + x) * channels + c]
                found.append(tuple(places))
    return shape, found


def _spread(
    view: ir.Spread, height: int, width: int, channels: int, inner: list[Element]
) -> tuple[Shape, list[Element]]:
    """Every element repeated, or zeros where no element lands."""
    down, across = view.strides
    shape = (height * down, width * across, channels)
    if not view.repeat:
        shape = ((height - 1) * down + 1, (width - 1) * across + 1, channels)
    found: list[Element] = []
    for i in range(shape[0]):
        for j in range(shape[1]):
            real = view.repeat or (i % down == 0 and j % across == 0)
            for c in range(channels):
                found.append(inner[(i // down * width + j // across) * channels + c] if real else (None,))
    return shape, found


def _concat(parts: list[tuple[Shape, list[Element]]]) -> tuple[Shape, list[Element]]:
    """The last axis of each part in turn, for every position of the leading axes."""
    leading = parts[0][0][:-1]
    found: list[Element] = []
    for position in range(math.prod(leading)):
        for shape, inner in parts:
            found += inner[position * shape[-1] : (position + 1) * shape[-1]]
    return (*leading, sum(shape[-1] for shape, _ in parts)), found


def taps(projection: ir.Projection, source: Shape, target: Shape) -> list[list[tuple[int, int]]]:
    """Per neuron of the target: (index of the view's element, weight without the shift), inside the borders only."""
    if isinstance(projection, ir.Dense):
        return [[(i, int(projection.weights[i, o])) for i in range(source[0])] for o in range(target[0])]
    if isinstance(projection, ir.Identity):
        weights, channels = projection.weights, target[-1]
        return [
            [(i, int(weights) if weights.shape == () else int(weights[i % channels]))] for i in range(math.prod(target))
        ]
    return [
        list(_window(projection, source, i, j, o))
        for i in range(target[0])
        for j in range(target[1])
        for o in range(target[2])
    ]


def _window(projection: Any, source: Shape, i: int, j: int, o: int) -> Iterator[tuple[int, int]]:
    """The taps of conv2d, depthwise_conv2d or sum_pool2d at output position (i, j), output channel o."""
    height, width, channels = source
    top, _, left, _ = projection.pads
    pool = isinstance(projection, ir.SumPool2D)
    size = projection.size if pool else projection.weights.shape[:2]
    dilation = (1, 1) if pool else projection.dilation
    for k in range(size[0]):
        for m in range(size[1]):
            y = i * projection.strides[0] + k * dilation[0] - top
            x = j * projection.strides[1] + m * dilation[1] - left
            if not (0 <= y < height and 0 <= x < width):
                continue
            start = (y * width + x) * channels
            if pool:
                yield start + o, 1
            elif isinstance(projection, ir.DepthwiseConv2D):
                multiplier = projection.weights.shape[3]
                yield start + o // multiplier, int(projection.weights[k, m, o // multiplier, o % multiplier])
            else:
                for c in range(channels):
                    yield start + c, int(projection.weights[k, m, c, o])


def parameter(values: Any, shape: Shape, index: int) -> int:
    """The value of theta, bias or v0 at one neuron: (), (C,), (H, W, 1) or (H, W, C) against `shape`."""
    if values.ndim == 0:
        return int(values)
    if values.ndim == 1:
        return int(values[index % shape[-1]])
    position, channel = divmod(index, shape[2])
    return int(values[position // shape[1], position % shape[1], channel if values.shape[2] > 1 else 0])


@dataclass
class Leaky:
    """A leaky neuron: its numbers, its current, and how often it fired at the timestep before."""

    leak: int
    decay: int
    lowest: int
    towards_zero: bool
    late_current: bool
    amount: int = 0
    reset: str = ""
    most: int = 1
    current: int = 0
    fired: int = 0

    def gone(self, x: int, part: int) -> int:
        """What of x is gone: x*part / 4096, downwards or towards zero."""
        exact = x * part
        return -(-exact // 4096) if self.towards_zero and exact < 0 else exact // 4096

    def step(self, v: int, charge: int, theta: int | None) -> tuple[int, int]:
        """(V at the end of the timestep, spikes)."""
        before = self.current
        self.current = before - self.gone(before, self.decay) + charge
        v = v - self.gone(v, self.leak) + (before if self.late_current else self.current)
        if self.reset == "subtract_late":
            v -= self.amount * self.fired
        v = max(v, self.lowest)
        self.fired = 0
        while theta is not None and self.fired < self.most and v >= theta + self.fired * self.amount:
            self.fired += 1
            if self.reset == "value":
                break
        if self.reset == "subtract":
            v -= self.amount * self.fired
        if self.reset == "value" and self.fired:
            v = self.amount
        return v, self.fired


def leaky(kind: Any, shape: Shape, index: int) -> Leaky | None:
    """The numbers of a leaky kind at one neuron."""
    if not isinstance(kind, ir.LeakyIntegrateAndFire | ir.LeakyIntegrator):
        return None
    numbers = {name: parameter(getattr(kind, name), shape, index) for name in ("leak", "decay", "lowest")}
    made = Leaky(**numbers, towards_zero=kind.rounding == "zero", late_current=kind.late_current)
    if isinstance(kind, ir.LeakyIntegrateAndFire):
        made.amount, made.reset, made.most = parameter(kind.amount, shape, index), kind.reset, kind.most
    return made


@dataclass
class Neuron:
    """One neuron: everything that reaches it, weights with their shift, and its parameters.

    `shift` of a relay; `leaky` of a leaky kind: its numbers at this neuron.
    """

    inputs: list[tuple[Element, int]]
    theta: int | None
    bias: int
    v0: int
    shift: int | None = None
    leaky: Leaky | None = None

    def rounded(self, u: int) -> int:
        """What a relay hands on: u / 2^shift to the nearest integer, halves upwards."""
        assert self.shift is not None
        return (u + 2**self.shift // 2) // 2**self.shift


def wire(network: ir.Network) -> dict[str, list[Neuron]]:
    """All neurons of a network, population by population."""
    shapes: dict[str, Shape] = {p.name: tuple(p.shape) for p in network.populations}
    shapes["input"] = tuple(network.input.shape)
    wired: dict[str, list[Neuron]] = {}
    for population in network.populations:
        shape = tuple(population.shape)
        inputs: list[list[tuple[Element, int]]] = [[] for _ in range(math.prod(shape))]
        for projection in population.projections:
            source, read = elements(projection.source, shapes)
            for o, reached in enumerate(taps(projection, source, shape)):
                inputs[o] += [(read[i], weight * 2**projection.shift) for i, weight in reached]
        wired[population.name] = [
            Neuron(
                inputs[o],
                None if population.theta is None else parameter(population.theta, shape, o),
                parameter(population.bias, shape, o),
                parameter(population.v0, shape, o),
                None if population.relay is None else parameter(population.relay.shift, shape, o),
                leaky(population.kind, shape, o),
            )
            for o in range(math.prod(shape))
        ]
    return wired


# --- the two dynamics


def read(element: Element, outputs: Outputs) -> int:
    """The value of a view's element: the largest of the places it reads."""
    return max(0 if place is None else outputs[place[0]][place[1]] for place in element)


def drive(neuron: Neuron, outputs: Outputs, before: Outputs | None = None) -> int:
    """Sum over all projections of weight * 2^shift * source value; with `before`, of how much that value grew."""
    total = 0
    for element, weight in neuron.inputs:
        value = read(element, outputs) - (read(element, before) if before is not None else 0)
        total += weight * value
    return total


def label(values: list[int]) -> int:
    """Index of the largest value, the lowest on a tie; a single neuron says whether it is positive."""
    if len(values) == 1:
        return int(values[0] > 0)
    best = 0
    for i, value in enumerate(values):
        if value > values[best]:
            best = i
    return best


def count(network: ir.Network, pixels: Any, timesteps: int) -> Count:
    """`u = drive + b*T + v0`, `n = clip(floor(u / theta), 0, T + e)`; e = -1: no upper clip; a saturating one: T."""
    result, source = Count(), network.input
    flat = [int(p) for p in pixels.reshape(-1)]
    rate = source.encoding == "rate"
    result.n["input"] = [p * timesteps // source.levels if rate else p * timesteps for p in flat]
    for population, neurons in zip(network.populations, wire(network).values(), strict=True):
        u = [drive(n, result.n) + n.bias * timesteps + n.v0 for n in neurons]
        result.u[population.name] = result.values = u
        if population.relay is not None:
            result.n[population.name] = [n.rounded(value) for value, n in zip(u, neurons, strict=True)]
        if population.theta is None:
            continue
        fired = [max(0, value // n.theta) for value, n in zip(u, neurons, strict=True)]
        if population.saturates:
            fired = [min(n, timesteps) for n in fired]
        elif network.spike_ext >= 0:
            fired = [min(n, timesteps + network.spike_ext) for n in fired]
        result.n[population.name] = result.values = fired
    result.label = label(result.values)
    return result


def step(network: ir.Network, pixels: Any, timesteps: int) -> Step:
    """`V += drive + b; s = (V >= theta); V -= theta*s`, T timesteps, then e more without input and bias.

    A view hands on how much it grew: what it holds of all that its sources have sent so far, less the same before.
    """
    if network.spike_ext < 0:
        raise ValueError("step needs spike_ext >= 0")
    wired, source = wire(network), network.input
    frames = source.encoding == "frames"
    shown = [[int(p) for p in (pixels[t] if frames else pixels).reshape(-1)] for t in range(timesteps)]
    flat = shown[0]
    rate = source.encoding == "rate"
    result = Step({name: [] for name in wired}, {name: [] for name in wired})
    result.spikes["input"], result.potentials["input"] = [], []
    potential = {name: [n.v0 for n in neurons] for name, neurons in wired.items()}
    integrated = [0] * len(flat)
    fired = [0] * len(potential[network.populations[-1].name])
    sent: Outputs = {"input": [0] * len(flat)} | {name: [0] * len(neurons) for name, neurons in wired.items()}
    sent |= {f"{name} late": values for name, values in sent.items()}
    for t in range(timesteps + network.spike_ext):
        running = t < timesteps
        before = {name: list(values) for name, values in sent.items()}
        sent |= {f"{name} late": before[name] for name in wired}
        outputs: Outputs = {"input": shown[t] if running else [0] * len(flat)}
        if rate:
            integrated = [v + p for v, p in zip(integrated, outputs["input"], strict=True)]
            outputs["input"] = [int(v >= source.levels) for v in integrated]
            integrated = [v - source.levels * s for v, s in zip(integrated, outputs["input"], strict=True)]
            result.spikes["input"].append(outputs["input"])
            result.potentials["input"].append(integrated)
        sent["input"] = [a + b for a, b in zip(sent["input"], outputs["input"], strict=True)]
        for name, neurons in wired.items():
            v = potential[name]
            outputs[name] = [0] * len(neurons)
            for i, n in enumerate(neurons):
                if n.shift is not None:
                    v[i] = 0
                charge = drive(n, sent, before) + (n.bias if running else 0)
                if n.leaky is not None:
                    v[i], outputs[name][i] = n.leaky.step(v[i], charge, n.theta)
                    continue
                v[i] += charge
                if n.shift is not None:
                    outputs[name][i] = n.rounded(v[i])
                if n.theta is not None and v[i] >= n.theta:
                    v[i] -= n.theta
                    outputs[name][i] = 1
            result.potentials[name].append(list(v))
            result.spikes[name].append(outputs[name])
            sent[name] = [a + b for a, b in zip(sent[name], outputs[name], strict=True)]
        fired = [a + b for a, b in zip(fired, outputs[network.populations[-1].name], strict=True)]
    readout = network.populations[-1]
    result.values = potential[readout.name] if readout.theta is None else fired
    result.label = label(result.values)
    return result


def spike_counts(result: Step) -> Outputs:
    """Spikes of every firing population and of a rate-coded input, and values of relays, summed over time."""
    return {name: [sum(s) for s in zip(*train, strict=True)] for name, train in result.spikes.items()}


# --- proved intervals


def leaves(view: ir.View) -> set[str]:
    """Names of the populations that a view reads."""
    if isinstance(view, ir.Source | ir.Late):
        return {view.population}
    if isinstance(view, ir.Concat):
        return set().union(*(leaves(v) for v in view.views))
    return leaves(view.view)


def channel_sums(projection: ir.Projection, channel: int) -> tuple[int, int]:
    """(P, N) of one output channel: the sum of all its positive and of all its |negative| weights."""
    if isinstance(projection, ir.SumPool2D):
        return projection.size[0] * projection.size[1], 0
    weights = projection.weights
    if isinstance(projection, ir.Identity):
        column = [int(weights) if weights.shape == () else int(weights[channel])]
    elif isinstance(projection, ir.DepthwiseConv2D):
        ci, m = divmod(channel, weights.shape[3])
        column = [int(w) for w in weights[:, :, ci, m].reshape(-1)]
    else:
        column = [int(w) for w in weights[..., channel].reshape(-1)]
    return sum(w for w in column if w > 0), sum(-w for w in column if w < 0)


def intervals(network: ir.Network) -> dict[str, dict[str, tuple[int, int]]]:
    """Section 5 of the contract, neuron by neuron. With spike_ext = -1 for `count` alone, which `step` refuses.

    The contract leaves open what an unclipped count (spike_ext = -1) can reach: here the population's largest potential
    over its smallest threshold.
    """
    timed = network.input.encoding == "frames" or any(
        any("late" in place[0] for place in element if place is not None) or neuron.leaky is not None
        for neurons in wire(network).values()
        for neuron in neurons
        for element, _ in neuron.inputs
    )
    allowed = ("step",) if timed else ("count", "step") if network.spike_ext >= 0 else ("count",)
    return {dynamics: _proved(network, dynamics) for dynamics in allowed}


def _proved(network: ir.Network, dynamics: str) -> dict[str, tuple[int, int]]:
    source, longest, ext = network.input, network.timesteps, network.spike_ext
    current = source.encoding in ("current", "frames")
    pixel = (-source.levels if source.signed else 0, source.levels)
    summed = {"input": (pixel[0] * longest, pixel[1] * longest) if current else (0, longest + max(0, ext))}
    single = {"input": pixel if current else (0, 1)}
    for population in network.populations:  # what is read late may stand behind its reader
        most_at_once = getattr(population.kind, "most", 1)
        single[population.name] = (0, most_at_once)
        summed[population.name] = (0, most_at_once * (longest + ext))
    found: dict[str, tuple[int, int]] = {}
    for population in network.populations:
        relay = population.relay
        forgets = isinstance(population.kind, ir.LeakyIntegrateAndFire | ir.LeakyIntegrator)
        over_time = dynamics == "count" or (population.theta is None and relay is None and not forgets)
        ranges = summed if over_time else single
        low = high = least = most = 0
        for i in range(math.prod(population.shape)):
            hi = lo = 0
            for projection in population.projections:
                read_ranges = [ranges[name] for name in leaves(projection.source)]
                m, big = min(0, *(r[0] for r in read_ranges)), max(0, *(r[1] for r in read_ranges))
                p, n = channel_sums(projection, i % population.shape[-1])
                hi += (p * big - n * m) * 2**projection.shift
                lo += (p * m - n * big) * 2**projection.shift
            b = parameter(population.bias, population.shape, i)
            v0 = parameter(population.v0, population.shape, i)
            theta = None if population.theta is None else parameter(population.theta, population.shape, i)
            if relay is not None:
                held, shift = (longest if over_time else 1), parameter(relay.shift, population.shape, i)
                hi, lo = hi + max(0, b) * held + 2**shift // 2, lo + min(0, b) * held
                least, most = min(least, (lo + 2**shift // 2) // 2**shift), max(most, hi // 2**shift)
            elif forgets:
                lo, hi = _forgetting(leaky(population.kind, population.shape, i), theta, v0, b, lo, hi, longest + ext)
            elif over_time:
                hi, lo = hi + max(0, v0) + max(0, b) * longest, lo + min(0, v0) + min(0, b) * longest
            else:
                steps, up, down = longest + ext, hi + max(0, b), -lo + max(0, -b)
                hi = max(v0, theta - 1, 0) + (steps - 1) * max(0, up - theta) + up
                lo = min(v0, 0) - steps * down
            low, high = min(low, lo), max(high, hi)
        found[population.name] = (low, high)
        if relay is not None:
            single[population.name] = (least, most)
            steps = longest + max(0, ext)
            summed[population.name] = (least, most) if dynamics == "count" else (least * steps, most * steps)
            continue
        if forgets:
            continue
        single[population.name] = (0, 1)
        if ext >= 0 or population.theta is None:
            summed[population.name] = (0, longest + ext)
        else:
            summed[population.name] = (0, high // int(population.theta.min()))
    return found


def _forgetting(n: Any, theta: int | None, v0: int, b: int, low: int, high: int, steps: int) -> tuple[int, int]:
    """[least, most] of a leaky neuron's potential and current, from what a timestep's projections bring."""
    low, high = low + min(0, b), high + max(0, b)
    ends = [min(v0, 0), max(v0, 0)]
    v, current = [v0, v0], [0, 0]
    remembers = n.late_current or n.decay < 4096
    for _ in range(steps):
        was = (list(ends), list(v), list(current))
        after = [c - n.gone(c, n.decay) + x for c, x in zip(current, (low, high), strict=True)]
        came = current if n.late_current else after if remembers else [low, high]
        came = [min(0, came[0]), max(0, came[1])]
        left = [x - n.gone(x, n.leak) for x in v]
        reached = [left[0] + came[0], left[1] + came[1]]
        ends = [min(ends[0], reached[0], after[0]), max(ends[1], reached[1], after[1])]
        if n.reset == "subtract_late":
            fired = min(n.most, max(0, (v[1] - theta) // n.amount + 1))
            below = min(v[1], theta - 1)
            reached = [left[0], below - n.gone(below, n.leak)]
            if fired:
                first = max(v[0], theta)
                reached[0] = min(reached[0], first - n.gone(first, n.leak) - n.amount * fired)
                reached[1] = max(reached[1], theta - 1, v[1] - n.amount * n.most)
            reached = [reached[0] + came[0], reached[1] + came[1]]
            ends = [min(ends[0], reached[0]), max(ends[1], reached[1])]
        reached = [max(x, n.lowest) for x in reached]
        if theta is not None and reached[1] >= theta and n.reset == "subtract":
            reached = [min(reached[0], theta - n.amount), max(theta - 1, reached[1] - n.amount * n.most)]
        if theta is not None and reached[1] >= theta and n.reset == "value":
            reached = [min(reached[0], theta - 1, n.amount), max(theta - 1, n.amount)]
        ends = [min(ends[0], reached[0]), max(ends[1], reached[1])]
        v = [min(v[0], reached[0]), max(v[1], reached[1])]
        current = [min(current[0], after[0]), max(current[1], after[1])]
        if was == (ends, v, current):
            break
    return ends[0], ends[1]


# --- cost


def synaptic_operations(network: ir.Network, counts: Outputs) -> tuple[int, int, int]:
    """(operations, input MACs, relay MACs): for every source spike its real taps of non-zero weight; values' taps once.

    A max-pool's window passes on one train, its largest; it belongs to the input when it reads a current input, else to
    the relays when it reads one.
    """
    operations = macs = relayed = 0
    current = network.input.encoding in ("current", "frames")
    relays = {p.name for p in network.populations if p.relay is not None}
    relays |= {f"{name} late" for name in relays}
    for neurons in wire(network).values():
        for neuron in neurons:
            for element, weight in neuron.inputs:
                names = {place[0] for place in element if place is not None}
                if weight == 0 or not names:
                    continue
                if current and "input" in names:
                    macs += 1
                elif names & relays:
                    relayed += 1
                else:
                    operations += read(element, counts)
    return operations, macs, relayed
