"""Every invariant of a network, each with an error that names the population and the rule it breaks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np

from snncc.errors import NetworkError
from snncc.ir.intervals import prove
from snncc.ir.layout import own_shape
from snncc.ir.network import (
    INPUT,
    Array,
    Concat,
    Identity,
    Input,
    MaxPool,
    Network,
    Pad,
    Population,
    Projection,
    Reshape,
    Spread,
    SumPool2D,
    View,
)
from snncc.ir.pixels import pixel_range
from snncc.ir.raw import BYTES, byte_pixels
from snncc.ir.shapes import Shapes, late_sources, population_shapes, projection_shape, sources, view_shape
from snncc.neurons import INTEGRATE_AND_FIRE, SILENT, LeakyIntegrateAndFire, LeakyIntegrator, Relay
from snncc.neurons.leaky import MOST_SPIKES, UNCLAMPED, WHOLE

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
DECIMAL = re.compile(r"[-+]?[0-9]{0,20}[./]?[0-9]{0,40}(e[-+]?[0-9]{1,2})?\Z", re.IGNORECASE)
MAX_NEURONS = 2**27
MAX_CHANNELS = 2**22
LARGEST_SHIFT = 62
MAX_DEPTH = 64
MAX_CHANNELS_IN_ALL = 2**23
PARAMETER_LIMIT = 2**62


def weight_limit(signed_bit: int) -> int:
    """q = 2^(b-1) - 1, the largest |weight| of b signed bits, symmetric."""
    return int(2 ** (signed_bit - 1) - 1)


def weight_dtype(signed_bit: int) -> type[np.int8] | type[np.int16]:
    """Storage type of integer weights."""
    return np.int8 if signed_bit <= 8 else np.int16


def check(network: Network) -> None:
    """Check every invariant of the contract; NetworkError says which one is broken and where."""
    _check_header(network)
    _check_raw(network.input)
    _check_record(network)
    shapes: dict[str, tuple[int, ...]] = {INPUT: network.input.shape}
    for population in network.populations:
        with _within(f"population {population.name!r}"):
            _check_population(network, population, shapes)
        shapes[population.name] = population.shape
    _check_connected(network)
    in_all = sum(len(p.projections) * p.shape[-1] for p in network.populations)
    _require(in_all <= MAX_CHANNELS_IN_ALL, f"its projections have {in_all} channels, more than {MAX_CHANNELS_IN_ALL}")
    if network.is_integer:
        if network.intervals != prove(network):
            raise NetworkError("the stored intervals are not those that the weights prove")
    elif network.intervals:
        raise NetworkError("a float twin (signed_bit=0) has no proved intervals")


def _require(condition: object, message: str) -> None:
    if not condition:
        raise NetworkError(message)


@contextmanager
def _within(where: str) -> Iterator[None]:
    """Put the place in front of the message of what fails inside."""
    try:
        yield
    except NetworkError as error:
        raise NetworkError(f"{where}: {error}") from None


def _is_number(text: str) -> bool:
    """Whether `Fraction` reads it, and in little memory (1e999999999 is ten characters)."""
    try:
        return bool(DECIMAL.match(text)) and Fraction(text) is not None
    except (ValueError, ZeroDivisionError):
        return False


def _check_header(network: Network) -> None:
    source = network.input
    _require(NAME.match(network.name), f"the name {network.name!r} is not an identifier")
    _require(network.signed_bit == 0 or 2 <= network.signed_bit <= 16, "signed_bit must be 0 or 2..16")
    _require(not network.window.fault, network.window.fault)
    _require(network.populations, "a network needs at least one population, its readout")
    _require(
        network.dynamics in network.runs_in,
        "it has no dynamics `count`: leaks, late sources and frames depend on when a charge arrives",
    )
    timed = "count" not in network.runs_in
    _require(network.is_integer or not timed, "a float twin has no leaks, late sources or frames")
    _require(network.spike_ext >= 0 or not timed, "spike_ext -1 exists in `count` only")
    _require(2 <= source.bits <= 16, "input bits must be 2..16")
    _require(source.coding.signed or not source.signed, f"a signed input cannot be {source.encoding}-coded")
    _require(math.isfinite(source.lambda_0) and source.lambda_0 > 0, "lambda_0 must be finite and positive")
    _require(len(source.shape) in (1, 3), f"the input's shape {source.shape} is neither (N,) nor (H, W, C)")
    _require(min(source.shape) >= 1 and math.prod(source.shape) <= MAX_NEURONS, "the input's shape is out of range")
    _require(source.shape[-1] <= MAX_CHANNELS, f"the input has more than {MAX_CHANNELS} channels")
    for name, values in (("gain", source.gain), ("offset", source.offset)):
        _require(values.dtype == np.float64 and np.isfinite(values).all(), f"input {name} must be finite float64")
        _require(values.shape in ((), source.shape[-1:]), f"input {name} must be one number or one per channel")
    _require(
        math.isfinite(network.output_scale) and network.output_scale > 0, "output_scale must be finite and positive"
    )
    _require(all(size >= 1 for size in network.output_shape), "output_shape must be positive")
    _require(_is_number(network.thresholding), "thresholding must be a decimal such as 0.5")
    _require(
        math.prod(network.output_shape) == network.output.neurons,
        "output_shape does not hold the readout's neurons",
    )


def _check_raw(source: Input) -> None:
    """The table of raw bytes: in range, and at most a level and an eighth of a byte from its scale and offset."""
    raw = source.raw_bytes
    if raw is None:
        return
    shapes = ((), source.shape[-1:])
    for name, values in (("scale", raw.scale), ("offset", raw.offset)):
        _require(values.dtype == np.float64 and np.isfinite(values).all(), f"raw bytes: {name} must be finite float64")
        _require(values.shape in shapes, f"raw bytes: {name} must be one number or one per channel")
    channels = source.shape[-1]
    differ = any(values.ndim for values in (raw.scale, raw.offset, source.gain, source.offset))
    allowed = ((channels, BYTES),) if differ else ((BYTES,), (channels, BYTES))
    _require(raw.pixels.dtype == np.int64, "raw bytes: pixels must be int64")
    _require(raw.pixels.shape in allowed, f"raw bytes: a table of shape {raw.pixels.shape} does not fit the input")
    with np.errstate(all="ignore"):
        wanted = byte_pixels(source, raw.scale, raw.offset)
    low, high = pixel_range(source)
    _require(int(raw.pixels.min()) >= low and int(raw.pixels.max()) <= high, "raw bytes: a pixel is out of range")
    step = np.abs(raw.scale * source.gain) * source.levels / source.lambda_0
    near = np.abs(raw.pixels - wanted) <= 1 + np.asarray(step / 8)[..., None]
    _require(near.all(), "raw bytes: the pixels are not those of scale and offset")


def _check_record(network: Network) -> None:
    """The golden images are pixels of this input; the layout of the data is one."""
    own_shape(network)
    golden = network.golden
    if golden is None:
        return
    low, high = pixel_range(network.input)
    lead = golden.ndim - len(network.input.shape)
    _require(golden.dtype == np.int64 and golden.shape[lead:] == network.input.shape, "golden images of another shape")
    if network.input.coding.sequences:
        _require(lead == 2 and 1 <= golden.shape[1] <= network.timesteps, "golden sequences of another length")
    else:
        _require(lead == 1, "golden images of another shape")
    _require(len(golden) >= 1, "no golden images")
    _require(int(golden.min()) >= low and int(golden.max()) <= high, "a golden pixel is out of range")


def _check_population(network: Network, population: Population, shapes: Shapes) -> None:
    _require(NAME.match(population.name), "its name is not an identifier")
    _require(population.name not in shapes, "its name is taken")
    _require(len(population.shape) in (1, 3) and min(population.shape) >= 1, f"bad shape {population.shape}")
    _require(population.neurons <= MAX_NEURONS, f"more than {MAX_NEURONS} neurons")
    _require(population.shape[-1] <= MAX_CHANNELS, f"more than {MAX_CHANNELS} channels")
    _require(population.projections, "no projection reaches it")
    _require(all(map(str.isprintable, population.layers)), "a layer's name is not a line of text")
    silent = population is network.output and network.readout == "potential"
    kind = population.neuron
    if isinstance(kind, Relay):
        _check_relay(network, population, kind)
    elif isinstance(kind, LeakyIntegrateAndFire | LeakyIntegrator):
        _check_leaky(network, population, kind, silent)
    else:
        _require(
            (population.theta is None) == silent,
            "it needs a threshold" if not silent else "a potential readout has no threshold",
        )
    _require(
        population.kind not in (INTEGRATE_AND_FIRE, SILENT),
        "its threshold says which kind its neurons are: leave `kind` out",
    )
    _check_parameter(network, population, "bias", population.bias)
    _check_parameter(network, population, "v0", population.v0)
    if population.theta is not None:
        _check_parameter(network, population, "theta", population.theta)
        _require((population.theta > 0).all(), "every threshold must be positive")
    elif not isinstance(kind, LeakyIntegrator):
        _require(not population.v0.any(), "without a threshold it starts at v0 = 0")
    scale = population.lambda_
    _require(scale.dtype == np.float64 and scale.shape in ((), population.shape[-1:]), "lambda: one or per channel")
    _require(np.isfinite(scale).all() and (scale > 0).all(), "lambda must be finite and positive")
    names: set[str] = set()
    for projection in population.projections:
        with _within(f"projection {projection.name!r}"):
            _require(projection.name and projection.name.isprintable(), "its name is not a line of text")
            _require(projection.name not in names, "its name is taken")
            names.add(projection.name)
            _require(_depth(projection.source) <= MAX_DEPTH, f"its view is nested more than {MAX_DEPTH} deep")
            _check_projection(network, population, projection, shapes)


def _check_relay(network: Network, population: Population, relay: Relay) -> None:
    """No threshold, never last, and shifts in range; `prove` holds its values against the ranges that it states."""
    _require(population is not network.output, "a relay cannot be the readout")
    _require(population.theta is None, "a relay has no threshold")
    _require(not population.saturates, "a relay does not saturate")
    _require(relay.shift.dtype == np.int64, "relay: shift must be int64")
    _require(relay.shift.shape in ((), population.shape[-1:]), "relay: shift must be one number or one per channel")
    _require(((relay.shift >= 0) & (relay.shift <= LARGEST_SHIFT)).all(), "relay: a shift is out of range")
    for least, most in (relay.count, relay.step):
        _require(-PARAMETER_LIMIT < least <= 0 <= most < PARAMETER_LIMIT, "relay: its range must hold 0")
    if not network.is_integer:
        _require(not relay.shift.any(), "a relay of a float twin does not shift")


def _check_leaky(
    network: Network, population: Population, kind: LeakyIntegrateAndFire | LeakyIntegrator, silent: bool
) -> None:
    """Its numbers in their ranges, and a reset that ends below the threshold."""
    _require(not population.saturates, "leaky neurons do not saturate")
    _require(kind.fires != silent, "a leaky readout of potentials is a leaky_integrator, which nothing else is")
    _require((population.theta is None) != kind.fires, "it needs a threshold where it fires, and has none otherwise")
    numbers = {"leak": kind.leak, "decay": kind.decay, "lowest": kind.lowest}
    if isinstance(kind, LeakyIntegrateAndFire):
        numbers["amount"] = kind.amount
    for name, values in numbers.items():
        _require(values.dtype == np.int64, f"{name} must be int64")
        _require(values.shape in ((), population.shape[-1:]), f"{name} must be one number or one per channel")
        _require((np.abs(values.astype(np.float64)) <= PARAMETER_LIMIT).all(), f"{name} is out of range")
    for name in ("leak", "decay"):
        _require(((numbers[name] >= 0) & (numbers[name] <= WHOLE)).all(), f"{name} must be 0 to {WHOLE}")
    _require(((kind.lowest == UNCLAMPED) | (kind.lowest <= 0)).all(), "lowest must not be above 0")
    if not isinstance(kind, LeakyIntegrateAndFire) or population.theta is None:
        return
    _require(1 <= kind.most <= MOST_SPIKES, f"spikes in a timestep must be 1 to {MOST_SPIKES}")
    if kind.reset == "value":
        _require(kind.most == 1, "several spikes in a timestep need a reset by subtraction")
        _require((kind.amount < population.theta).all(), "the potential after a reset must be below the threshold")
    else:
        _require((kind.amount > 0).all(), "what a reset subtracts must be positive")
    _require(not kind.late_reset or (population.v0 < population.theta).all(), "with a late reset v0 is below theta")


def _check_parameter(network: Network, population: Population, name: str, values: Array) -> None:
    """Type, range and a shape of (), (C,), (H, W, 1) or (H, W, C)."""
    shape = population.shape
    allowed = {(), shape[-1:], (*shape[:-1], 1), shape} if len(shape) == 3 else {(), shape}
    _require(values.shape in allowed, f"{name} of shape {values.shape} does not fit {shape}")
    if network.is_integer:
        _require(values.dtype == np.int64, f"{name} must be int64")
        _require((np.abs(values.astype(np.float64)) < PARAMETER_LIMIT).all(), f"{name} is out of range")
    else:
        _require(values.dtype == np.float64 and np.isfinite(values).all(), f"{name} must be finite float64")


def _check_projection(network: Network, population: Population, projection: Projection, shapes: Shapes) -> None:
    everywhere = population_shapes(network)
    shape = projection_shape(projection, view_shape(projection.source, shapes, everywhere))
    for name in late_sources(projection.source):
        _require(network[name].hands_on, f"{name!r} hands on nothing that can be read a timestep later")
        _require(name in shapes or not network[name].relay, f"{name!r} is a relay, which only later ones read late")
    _require(shape == population.shape, f"it makes {shape}, its population is {population.shape}")
    _require(0 <= projection.shift <= LARGEST_SHIFT, f"shift {projection.shift} is out of range")
    if isinstance(projection, SumPool2D):
        _require(len(population.projections) == 1, "sum_pool2d must be alone in its population")
        return
    weights = projection.weights
    if not network.is_integer:
        _require(weights.dtype == np.float32 and np.isfinite(weights).all(), "weights must be finite float32")
        return
    limit = weight_limit(network.signed_bit)
    _require(
        weights.dtype == weight_dtype(network.signed_bit),
        f"weights must be {weight_dtype(network.signed_bit).__name__}",
    )
    _require(
        not weights.size or (int(weights.max()) <= limit and int(weights.min()) >= -limit),
        f"a weight is outside -{limit}..{limit} ({network.signed_bit} bits)",
    )
    _require(weights.size or isinstance(projection, Identity), "no weights")


def _depth(view: View) -> int:
    """Views inside one another; counted level by level, since what counts by recursion ends before this does."""
    depth, level = 0, [view]
    while level:
        depth += 1
        inner: list[View] = []
        for one in level:
            match one:
                case Concat(views=views):
                    inner += views
                case Reshape(view=deeper) | Pad(view=deeper) | MaxPool(view=deeper) | Spread(view=deeper):
                    inner.append(deeper)
        level = inner
    return depth


def _check_connected(network: Network) -> None:
    """Every population but the readout is read by a later one, and so is the input."""
    views = [projection.source for population in network.populations for projection in population.projections]
    read = {name for view in views for name in (*sources(view), *late_sources(view))}
    unread = {INPUT, *(p.name for p in network.populations[:-1])} - read
    _require(not unread, f"nothing reads {', '.join(sorted(unread))}")
