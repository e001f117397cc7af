"""Hypothesis strategies: small random valid networks with pixels and a number of timesteps.

    networks(...) -> ir.Network with proved intervals, accepted by `ir.check`
    cases(...)    -> Case(network, pixels (N, *input.shape) int64, timesteps <= network.timesteps)

Every option narrows what is drawn; None means "any". Structure is drawn value by value, so it shrinks (to one
population on one pixel); the contents of tensors come from a drawn seed and a drawn kind, so that they cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from snncc import ir
from snncc.errors import NetworkError
from snncc.neurons.leaky import UNCLAMPED

Draw = Any
Shape = tuple[int, ...]
KINDS = ("conv2d", "depthwise_conv2d", "dense", "sum_pool2d", "identity")
WIDTHS = st.integers(2, 16)
IMAGES = st.integers(1, 3)
TIMESTEPS = st.one_of(st.integers(1, 8), st.integers(1, 40), st.integers(1, 300), st.sampled_from([255, 256, 300]))


class Case(NamedTuple):
    """A network, a batch of integer pixels and how long to run."""

    network: ir.Network
    pixels: np.ndarray
    timesteps: int


@dataclass
class _Builder:
    """What has been drawn so far: shapes by name and the names that nothing reads yet."""

    draw: Draw
    bits: int
    limit: int
    kinds: Sequence[str]
    max_pool: bool
    concat: bool
    max_neurons: int
    shapes: dict[str, Shape] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def pick(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def chance(self, one_in: int) -> bool:
        """Mostly False (and False when shrunk)."""
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self.draw(st.integers(0, 2**16)))


@st.composite
def networks(
    draw: Draw,
    *,
    dynamics: str | None = None,
    max_pool: bool | None = None,
    max_populations: int = 4,
    max_neurons: int = 150,
    max_side: int = 6,
    signed_bits: st.SearchStrategy[int] = WIDTHS,
    input_bits: st.SearchStrategy[int] = WIDTHS,
    timesteps: st.SearchStrategy[int] = TIMESTEPS,
    encoding: str | None = None,
    signed: bool | None = None,
    readout: str | None = None,
    spike_ext: st.SearchStrategy[int] | None = None,
    kinds: Sequence[str] = KINDS,
    saturates: bool | None = None,
    concat: bool = True,
    extreme: bool = True,
    relays: bool = True,
) -> ir.Network:
    """A random valid network that may run in `dynamics` (None: in both).

    `max_pool`: None allows it; True puts one into every network whose input is a map.
    `relays=False`: no population is a relay. `saturates`: None for either. `concat=False` leaves out views that
    concatenate. `extreme=False` leaves out potentials and shifts of tens of bits. spike_ext = -1 is drawn in "count"
    only. `max_neurons` bounds each population (a dense or max-pooled one stays far below). Where `kinds` lacks dense
    and `concat` is False, a readout that has to gather several populations is dense all the same.
    """
    counting = dynamics == "count"
    pooled = True if max_pool is None else max_pool
    bits = draw(signed_bits)
    b = _Builder(draw, bits, 2 ** (bits - 1) - 1, tuple(kinds), pooled, concat, max_neurons)
    source = _input(b, input_bits, encoding, signed, max_side)
    b.shapes["input"], b.unread = source.shape, ["input"]
    fires = (readout or b.pick("potential", "spikes")) == "spikes"
    clips = st.booleans() if saturates is None else st.just(saturates)
    count = draw(st.integers(1, max_populations))
    populations = []
    for index in range(count):
        last = index == count - 1
        projections, shape = _projections(b, f"p{index}", last, force=bool(max_pool) and index == 0)
        drive = sum(_drive(b.limit, p, source) for p in projections)
        relay = relays and not last and b.chance(2)
        parameters = _parameters(b, shape, drive, (fires or not last) and not relay, extreme)
        if relay:
            parameters |= {"kind": ir.Relay(shift=_shifts(b, shape))}
        populations.append(
            ir.Population(
                name=f"p{index}",
                shape=shape,
                projections=projections,
                lambda_=np.float64(1.0) * np.ones(b.pick((), shape[-1:])),
                saturates=(fires or not last) and not relay and draw(clips),
                layers=(f"layer_{index}",),
                **parameters,
            )
        )
        b.shapes[f"p{index}"] = shape
        b.unread.append(f"p{index}")
    if spike_ext is None:
        spike_ext = st.sampled_from([0, 0, 1, 2, 7, *([-1] if counting else [])])
    network = ir.Network(
        name="random",
        input=source,
        populations=tuple(populations),
        timesteps=draw(timesteps),
        signed_bit=bits,
        dynamics=dynamics or b.pick("count", "step"),
        readout="spikes" if fires else "potential",
        output_shape=populations[-1].shape,
        spike_ext=draw(spike_ext),
    )
    return proved(network)


@st.composite
def cases(draw: Draw, *, images: st.SearchStrategy[int] = IMAGES, **options: Any) -> Case:
    """A network (options as `networks`), a batch of pixels for it and T, mostly its T_max."""
    network = draw(networks(**options))
    pixels = draw(pixel_arrays(network.input, draw(images)))
    longest = network.timesteps
    return Case(network, pixels, draw(st.one_of(st.just(longest), st.integers(1, longest))))


@st.composite
def timed_cases(draw: Draw, *, images: st.SearchStrategy[int] = IMAGES, only: str = "", **options: Any) -> Case:
    """A case of `step` with leaky neurons, recurrent projections and delays, and sequences of frames, or some of them.

    `only`: "leaky", "late" or "frames". `options` as `networks`.
    """
    narrow = {"timesteps": st.integers(1, 24), "signed_bits": st.integers(2, 8), "extreme": False, "max_neurons": 60}
    network = draw(networks(dynamics="step", **narrow | options))
    b = _Builder(draw, network.signed_bit, 2 ** (network.signed_bit - 1) - 1, KINDS, True, True, 60)
    populations = list(network.populations)
    if only in ("", "late"):
        populations = [_fed_back(b, populations, number) for number in range(len(populations))]
    if only in ("", "leaky"):
        populations = [_leaky(b, p, p is populations[-1]) for p in populations]
    source = network.input
    if only == "frames" or (not only and b.chance(2)):
        source = ir.replace(source, encoding="frames", signed=b.pick(False, True))
    network = proved(ir.replace(network, populations=tuple(populations), input=source, intervals={}))
    count, longest = draw(images), network.timesteps
    pixels = draw(pixel_arrays(source, count))
    if source.coding.sequences:
        frames = [draw(pixel_arrays(source, count)) for _ in range(2)]
        pixels = np.stack([(pixels, *frames)[t * t % 3 if t % 2 else t % 3] for t in range(longest)], axis=1)
    return Case(network, pixels, draw(st.one_of(st.just(longest), st.integers(1, longest))))


def _fed_back(b: _Builder, populations: list[ir.Population], number: int) -> ir.Population:
    """The population, perhaps with one or two projections that read any population a timestep late."""
    population = populations[number]
    if not isinstance(population.projections[0], ir.SumPool2D) and b.chance(2):
        earlier = populations[:number]
        known = [p for p in populations if p.fires or (p.relay and p in earlier)]
        for index in range(b.draw(st.integers(0, 2)) if known else 0):
            source = b.draw(st.sampled_from(known))
            b.shapes = {source.name: source.shape}
            made = _matching(b, f"late_{index}", source.name, population.shape, must=False)
            if made is not None:
                made = ir.replace(made, source=_lately(made.source))
                population = ir.replace(population, projections=(*population.projections, made))
    return population


def _lately(view: ir.View) -> ir.View:
    """The same view of the timestep before."""
    if isinstance(view, ir.Source):
        return ir.Late(view.population)
    if isinstance(view, ir.Concat):
        return ir.Concat(tuple(map(_lately, view.views)))
    return ir.replace(view, view=_lately(view.view))


def _leaky(b: _Builder, population: ir.Population, last: bool) -> ir.Population:
    """The population, perhaps as leaky neurons."""
    if population.relay or b.chance(4):
        return population
    random, channels = b.generator(), population.shape[-1:]

    def numbers(low: int, high: int) -> np.ndarray:
        shape = b.pick((), channels)
        return np.asarray(random.integers(low, high, shape, dtype=np.int64, endpoint=True))

    def part(neutral: int) -> np.ndarray:
        return b.pick(np.array(neutral), numbers(0, 4096), np.array(2 ** b.draw(st.integers(0, 12))))

    reach = 1 if population.theta is None else int(population.theta.max())
    common: dict[str, Any] = {
        "leak": part(0),
        "decay": part(4096),
        "lowest": b.pick(np.array(UNCLAMPED), numbers(-3 * reach, 0), np.array(0)),
        "rounding": b.pick("floor", "zero"),
        "late_current": b.chance(4),
    }
    if population.theta is None:
        return ir.replace(population, kind=ir.LeakyIntegrator(**common), v0=numbers(-500, 500))
    reset = b.pick("subtract", "subtract_late", "value")
    theta, v0 = population.theta, population.v0
    least = int(theta.min())
    amount = numbers(-2 * reach, least - 1) if reset == "value" else numbers(1, 2 * least)
    if reset == "subtract_late":
        v0 = np.minimum(v0, least - 1)
    most = 1 if reset == "value" else b.pick(1, 2, 7, 255)
    kind = ir.LeakyIntegrateAndFire(**common, reset=reset, amount=amount, most=most)
    return ir.replace(population, kind=kind, v0=v0, saturates=False)


@st.composite
def pixel_arrays(draw: Draw, source: ir.Input, images: int) -> np.ndarray:
    """(images, *shape) int64 within the input's range: all one value (its ends too), random, or random ends."""
    low = -source.levels if source.signed else 0
    shape = (images, *source.shape)
    kind = draw(st.sampled_from(["constant", "uniform", "ends", "small"]))
    if kind == "constant":
        value = draw(st.one_of(st.sampled_from([0, low, source.levels]), st.integers(low, source.levels)))
        return np.full(shape, value, np.int64)
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    if kind == "ends":
        return random.choice(np.array([low, 0, source.levels], np.int64), shape)
    high = source.levels if kind == "uniform" else min(3, source.levels)
    return random.integers(max(low, -high), high, shape, dtype=np.int64, endpoint=True)


def proved(network: ir.Network) -> ir.Network:
    """The network with its intervals, verified; what needs more bits than there are is discarded."""
    try:
        network = ir.proven(network)
    except NetworkError as error:
        if "63" not in str(error) and "50" not in str(error):
            raise
        assume(False)
    ir.check(network)
    return network


def _input(
    b: _Builder, bits: st.SearchStrategy[int], encoding: str | None, signed: bool | None, max_side: int
) -> ir.Input:
    side = st.integers(1, max_side)
    if b.chance(5) and set(b.kinds) & {"dense", "identity"}:
        shape: Shape = (b.draw(st.integers(1, 24)),)
    else:
        shape = (b.draw(side), b.draw(side), b.draw(st.integers(1, 3)))
    encoding = encoding or ("current" if signed else b.pick("rate", "current"))
    signed = (encoding == "current" and b.draw(st.booleans())) if signed is None else signed
    return ir.Input(
        shape=shape,
        bits=b.draw(bits),
        signed=signed,
        encoding=encoding,
        lambda_0=1.0,
        gain=np.ones(b.pick((), shape[-1:])),
        offset=np.zeros(()),
    )


# --- projections


def _projections(b: _Builder, name: str, last: bool, force: bool) -> tuple[tuple[ir.Projection, ...], Shape]:
    """One to three projections; the last population reads whatever nothing has read yet."""
    waiting = list(b.unread)
    known = list(b.shapes)
    main = b.draw(st.sampled_from(waiting[::-1] if last or not b.chance(4) else known))
    others = [n for n in waiting if n != main] if last else []
    flat_target = bool(others) and not _joinable(b, [main, *others])
    view, shape = _view(b, ir.Source(main), b.shapes[main], force)
    if others and not flat_target:
        view, shape = _join(b, [main, *others])
        others = []
    view, shape, kind = _kind(b, view, shape, flat_target)
    projection, target = _projection(b, f"{name}_0", kind, view, shape, None)
    made = [projection]
    if kind != "sum_pool2d":
        extra = others or [b.draw(st.sampled_from(known)) for _ in range(b.draw(st.sampled_from([0, 0, 1, 2])))]
        for source in extra:
            other = _matching(b, f"{name}_{len(made)}", source, target, must=bool(others))
            made += [other] if other is not None else []
    for projection in made:
        b.unread = [n for n in b.unread if n not in set(ir.sources(projection.source))]
    return tuple(made), target


def _joinable(b: _Builder, names: list[str]) -> bool:
    """Several unread populations can be read as one view where concatenation is allowed."""
    return b.concat and ("dense" not in b.kinds or b.draw(st.booleans()))


def _join(b: _Builder, names: list[str]) -> tuple[ir.View, Shape]:
    """One view over all the names: on channels where height and width agree, else flattened."""
    shapes = [b.shapes[n] for n in names]
    views: list[ir.View] = [ir.Source(n) for n in names]
    if len({s[:-1] for s in shapes}) == 1:
        return ir.Concat(tuple(views)), (*shapes[0][:-1], sum(s[-1] for s in shapes))
    flat = tuple(ir.Reshape(v, (math.prod(s),)) if len(s) == 3 else v for v, s in zip(views, shapes, strict=True))
    return ir.Concat(flat), (sum(math.prod(s) for s in shapes),)


def _view(b: _Builder, view: ir.View, shape: Shape, force: bool = False) -> tuple[ir.View, Shape]:
    """Wrap a view in at most three of pad, max-pool, concat, reshape."""
    if force and len(shape) == 3:
        view, shape = _max_pool(b, view, shape)
    for _ in range(b.draw(st.sampled_from([0, 0, 1, 2, 3]))):
        what = b.pick("reshape", "pad", "concat", "max_pool", "spread")
        if what == "reshape":
            new = b.pick(*_factorings(math.prod(shape)))
            view, shape = ir.Reshape(view, new), new
        elif what == "concat" and b.concat:
            same = [n for n, s in b.shapes.items() if s[:-1] == shape[:-1]]
            if same and shape[-1] <= 12:
                other = b.draw(st.sampled_from(same))
                views = b.pick((view, ir.Source(other)), (ir.Source(other), view))
                view, shape = ir.Concat(views), (*shape[:-1], shape[-1] + b.shapes[other][-1])
        elif what == "pad" and len(shape) == 3:
            pads = tuple(b.draw(st.integers(0, 2)) for _ in range(4))
            padded = (shape[0] + sum(pads[:2]), shape[1] + sum(pads[2:]), shape[2])
            if math.prod(padded) <= b.max_neurons:
                view, shape = ir.Pad(view, pads), padded
        elif what == "spread" and len(shape) == 3:
            strides = b.draw(st.integers(1, 3)), b.draw(st.integers(1, 2))
            spread = ir.Spread(view, strides, b.draw(st.booleans()))
            made = (*spread.extent(shape[0], shape[1]), shape[2])
            if math.prod(made) <= b.max_neurons:
                view, shape = spread, made
        elif what == "max_pool" and b.max_pool and len(shape) == 3:
            view, shape = _max_pool(b, view, shape)
    return view, shape


def _factorings(size: int) -> list[Shape]:
    """(N,) and every (H, W, C) of that many elements, at most 8 in height and width, in a fixed order."""
    found: list[Shape] = [(size,)]
    for h in range(1, 9):
        found += [(h, w, size // h // w) for w in range(1, 9) if size % (h * w) == 0]
    return found


def _max_pool(b: _Builder, view: ir.View, shape: Shape) -> tuple[ir.View, Shape]:
    size, strides, pads, (height, width) = _window(b, shape, pooling=True)[:4]
    return ir.MaxPool(view, size, strides, pads), (height, width, shape[2])


def _window(b: _Builder, shape: Shape, pooling: bool) -> tuple[Any, Any, Any, Any, Any]:
    """(kernel, strides, pads, (OH, OW), dilation) of a window that fits; every padding is smaller than the window."""
    kernel, strides, dilation, pads, out = [], [], [], [], []
    for axis in range(2):
        before = after = 0
        k, s = b.draw(st.integers(1, 3)), b.draw(st.integers(1, 3))
        d = 1 if pooling else b.draw(st.sampled_from([1, 1, 2, 3]))
        extent = (k - 1) * d + 1
        if b.draw(st.booleans()):
            before, after = b.draw(st.integers(0, extent - 1)), b.draw(st.integers(0, extent - 1))
        if extent > shape[axis] + before + after:
            k = d = extent = 1
            before = after = 0
        kernel.append(k)
        strides.append(s)
        dilation.append(d)
        pads += [before, after]
        out.append((shape[axis] + before + after - extent) // s + 1)
    return tuple(kernel), tuple(strides), tuple(pads), tuple(out), tuple(dilation)


def _kind(b: _Builder, view: ir.View, shape: Shape, flat: bool) -> tuple[ir.View, Shape, str]:
    """A kind of projection and a view of the rank that it reads."""
    maps = [k for k in b.kinds if k != "dense"]
    if flat or ("dense" in b.kinds and (b.chance(3) or not maps)):
        kind = "dense"
    elif len(shape) == 1 and "identity" in maps and b.chance(3):
        kind = "identity"
    else:
        kind = b.draw(st.sampled_from(maps))
    if kind == "dense" and len(shape) == 3:
        return ir.Reshape(view, (math.prod(shape),)), (math.prod(shape),), kind
    if kind not in ("dense", "identity") and len(shape) == 1:
        new = b.pick(*[s for s in _factorings(shape[0]) if len(s) == 3])
        return ir.Reshape(view, new), new, kind
    return view, shape, kind


def _projection(
    b: _Builder, name: str, kind: str, view: ir.View, shape: Shape, channels: int | None
) -> tuple[ir.Projection, Shape]:
    shift = b.draw(st.sampled_from([0, 0, 1, 3, 8]))
    common: dict[str, Any] = {"name": name, "source": view, "shift": shift}
    if kind == "dense":
        out = channels or b.draw(st.integers(1, 10))
        return ir.Dense(weights=_weights(b, (shape[0], out)), **common), (out,)
    if kind == "identity":
        return ir.Identity(weights=_weights(b, b.pick((), shape[-1:])), **common), shape
    kernel, strides, pads, (height, width), dilation = _window(b, shape, pooling=kind == "sum_pool2d")
    if kind == "sum_pool2d":
        pool = ir.SumPool2D(size=kernel, strides=strides, pads=pads, **common)
        return pool, (height, width, shape[2])
    fit = max(1, b.max_neurons // (height * width))
    common |= {"strides": strides, "dilation": dilation, "pads": pads}
    if kind == "depthwise_conv2d":
        multiplier = b.draw(st.integers(1, min(3, max(1, fit // shape[2]))))
        weights = _weights(b, (*kernel, shape[2], multiplier))
        return ir.DepthwiseConv2D(weights=weights, **common), (height, width, shape[2] * multiplier)
    out = channels or b.draw(st.integers(1, min(4, fit)))
    return ir.Conv2D(weights=_weights(b, (*kernel, shape[2], out)), **common), (height, width, out)


def _matching(b: _Builder, name: str, source: str, target: Shape, must: bool) -> ir.Projection | None:
    """A further projection from `source` into a population of shape `target`, or None where no kind makes one.

    `must`: the target is flat and the source has no other reader, so dense is used even when `kinds` lacks it.
    """
    view, shape = ir.Source(source), b.shapes[source]
    if b.chance(3):
        view, shape = _view(b, view, shape)
    if len(target) == 1:
        if "identity" in b.kinds and shape == target and b.draw(st.booleans()):
            return _projection(b, name, "identity", view, shape, None)[0]
        if "dense" not in b.kinds and not must:
            return None
        flat = shape if len(shape) == 1 else (math.prod(shape),)
        view = view if len(shape) == 1 else ir.Reshape(view, flat)
        return _projection(b, name, "dense", view, flat, target[0])[0]
    if len(shape) != 3:
        return None
    if shape == target and "identity" in b.kinds and b.draw(st.booleans()):
        return _projection(b, name, "identity", view, shape, None)[0]
    depthwise = "depthwise_conv2d" in b.kinds and target[2] % shape[2] == 0 and b.draw(st.booleans())
    if not depthwise and "conv2d" not in b.kinds:
        return None
    kernel, strides, pads = [], [], []
    for axis in range(2):
        s = b.draw(st.integers(1, 3))
        missing = shape[axis] - (target[axis] - 1) * s
        k = max(missing, b.draw(st.integers(1, 3)))
        total = k - missing
        before = (total + b.draw(st.integers(0, 1))) // 2
        if k > 4 or max(before, total - before) >= k:
            return None
        kernel.append(k)
        strides.append(s)
        pads += [before, total - before]
    common: dict[str, Any] = {
        "name": name,
        "source": view,
        "shift": b.draw(st.sampled_from([0, 0, 1, 3, 8])),
        "strides": tuple(strides),
        "pads": tuple(pads),
    }
    if depthwise:
        return ir.DepthwiseConv2D(weights=_weights(b, (*kernel, shape[2], target[2] // shape[2])), **common)
    return ir.Conv2D(weights=_weights(b, (*kernel, shape[2], target[2])), **common)


# --- integers


def _weights(b: _Builder, shape: Shape) -> np.ndarray:
    """Weights of `bits` bits: random, positive, all at an end, at either end, ternary, sparse, or all zero."""
    q, random = b.limit, b.generator()
    kind = b.pick("one", *["uniform"] * 3, *["positive"] * 2, "top", "bottom", "ends", "ternary", "sparse", "zero")
    constant = {"one": 1, "zero": 0, "top": q, "bottom": -q}
    if kind in constant:
        values = np.full(shape, constant[kind])
    elif kind == "ends":
        values = random.choice([-q, q], shape)
    elif kind == "ternary":
        values = random.integers(-1, 1, shape, endpoint=True)
    else:
        values = random.integers(0 if kind == "positive" else -q, q, shape, endpoint=True)
        if kind == "sparse":
            values = values * (random.integers(0, 4, shape) == 0)
    return np.asarray(values).astype(ir.weight_dtype(b.bits))


def _drive(limit: int, projection: ir.Projection, source: ir.Input) -> int:
    """A typical drive per timestep: what all positive taps of one neuron give when every source fires."""
    if isinstance(projection, ir.SumPool2D):
        total = projection.size[0] * projection.size[1]
    else:
        weights = projection.weights.astype(np.int64)
        total = int(weights.clip(0).sum()) // max(1, weights.shape[-1] if weights.ndim else 1)
    current = source.encoding == "current" and "input" in set(ir.sources(projection.source))
    return max(1, total) * 2**projection.shift * (source.levels if current else 1)


def _parameters(b: _Builder, shape: Shape, drive: int, fires: bool, extreme: bool) -> dict[str, Any]:
    """theta, bias and v0 around the typical drive, so that neurons fire sometimes, tie, stay silent or saturate."""
    theta = None
    base = drive
    if fires:
        kind = b.pick("fraction", "fraction", "fraction", "one", "power", "any", *(["huge"] if extreme else []))
        fraction = max(1, drive // b.pick(1, 2, 3, 4, 8, 32))
        base = {
            "fraction": fraction,
            "one": 1,
            "power": 2 ** b.draw(st.integers(0, 20)),
            "any": b.draw(st.integers(1, 2**20)),
            "huge": 2**40 + 1,
        }[kind]
        theta = _spread(b, shape, base, base)
        theta = np.maximum(theta, 1)
    far = (2**45, -(2**45)) if extreme and b.chance(8) else ()
    start = b.pick(0, base // 2, base - 1, base, -base, 5 * base, *far)
    v0 = _spread(b, shape, start, base) if fires else np.zeros(b.pick((), shape[-1:]), np.int64)
    steady = b.pick(0, 0, 1, -1, base // 3, -(base // 5), base, -base, *far)
    return {"theta": theta, "v0": v0, "bias": _spread(b, shape, steady, base)}


def _shifts(b: _Builder, shape: Shape) -> np.ndarray:
    """Shifts of a relay: one, or one per channel."""
    most = b.pick(0, 1, 3, 8, 12)
    return np.asarray(b.generator().integers(0, most, b.pick((), shape[-1:]), endpoint=True), np.int64)


def _spread(b: _Builder, shape: Shape, middle: int, width: int) -> np.ndarray:
    """int64 of one of the allowed shapes: all `middle`, or `middle` with +-width at random."""
    allowed = [(), shape[-1:]] + ([(*shape[:-1], 1), shape] if len(shape) == 3 else [])
    chosen = b.pick(*allowed)
    values = np.full(chosen, middle, np.int64)
    if b.draw(st.booleans()):
        values = values + b.generator().integers(-width, width, chosen, endpoint=True)
    return np.asarray(values, np.int64)
