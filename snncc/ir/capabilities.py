"""What a network uses, and who cannot do it: the one table that every refusal derives from.

A feature is a name with a sentence (FEATURES). `features` says which of them a network uses, and where. Whoever runs
or exports networks names the features that it refuses, each with the reason and the way out; `refuse` raises that.
docs/reference/support.md is written from both, and tests cross it with the networks that the parity tests run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from snncc.errors import SnnccError
from snncc.ir.network import INPUT, MaxPool, Network, Pads, Population, Projection, Spread, SumPool2D
from snncc.ir.walk import fold
from snncc.ir.window import Dynamics

Refusals: TypeAlias = Mapping[str, str]
"""Feature -> reason and way out; `{where}` becomes the place."""

FEATURES = {
    "count": "dynamics `count`",
    "step": "dynamics `step`",
    "float twin": "signed_bit = 0: real weights, thresholds and potentials",
    "wide weights": "weights of more than 8 bits",
    "rate": "rate-coded input",
    "current": "constant input current",
    "frames": "a sequence of frames, one a timestep",
    "frames in count": "a sequence of frames, in `count`",
    "signed": "negative pixels",
    "integrate_and_fire": "integrate-and-fire neurons, reset by subtraction",
    "leaky_integrate_and_fire": "leaky integrate-and-fire neurons: leak, synaptic current, any reset, several spikes",
    "leaky_integrator": "a readout of potentials that leaks",
    "leaky in count": "leaky neurons, in `count`",
    "silent": "a readout of potentials",
    "relay": "relays: linear layers that hand on values",
    "spikes readout": "a readout that fires",
    "saturates": "a relu with a max_value",
    "spike_ext": "timesteps after T",
    "no upper clip": "spike_ext = -1: counts without an upper end",
    "no upper clip in step": "spike_ext = -1 in `step`",
    "parameters per position": "theta, bias or v0 that differ between positions of a map",
    "several projections": "an Add: several projections into one population",
    "conv2d": "Conv2D",
    "depthwise_conv2d": "DepthwiseConv2D",
    "dense": "Dense",
    "sum_pool2d": "SumPool2D, an average pool that fires",
    "identity": "Identity, one weight per channel",
    "strides": "windows with strides",
    "dilation": "windows with dilation",
    "reshape": "a view that reshapes",
    "pad": "a view that pads",
    "concat": "a view that concatenates",
    "spread": "a view that spreads or repeats the elements of a map",
    "late": "recurrent projections and delays: a view of what a population handed on a timestep before",
    "timed in float": "leaks, late sources or frames in a float twin",
    "late in count": "recurrent projections and delays, in `count`",
    "max_pool": "a view that takes a maximum",
    "max_pool in step": "a view that takes a maximum, in `step`",
    "max_pool of the input and values in step": "a view that takes a maximum over the input and other populations, one "
    "of them a current or a relay, in `step`",
    "max_pool of late values": "a view that takes a maximum over values, some of them of the timestep before",
}

TIMED = {"leaky_integrate_and_fire": "leaky", "leaky_integrator": "leaky", "late": "late", "frames": "frames"}
"""Features that are of `step` alone, and what their use in `count` is called."""

NO_MEANING: Refusals = {
    "no upper clip in step": "spike_ext = -1 (no upper clip) exists in `count` only",
    "frames in count": "its input is a sequence of frames, which `count` would sum up: use dynamics `step`",
    "leaky in count": "{where} has leaky neurons, whose spikes depend on when a charge arrives: use dynamics `step`",
    "late in count": "{where} reads a timestep that has passed, which `count` has not: use dynamics `step`",
    "timed in float": "leaks, late sources and frames are of integers: use `signed_bit` of 2..16",
}
"""What nobody can do."""
NO_HARDWARE: Refusals = {
    "float twin": "signed_bit=0 is the float twin, which no hardware runs: compile with `signed_bit` of 2..16",
    "no upper clip": "spike_ext=-1 (no upper clip) exists in the simulator only: compile with `spike_ext` >= 0",
    **NO_MEANING,
}
"""What no target can do."""


class _Kinds:
    """The kinds of a view, in the order of the walk."""

    def source(self, name: str) -> list[str]:
        return []

    def late(self, name: str) -> list[str]:
        return ["late"]

    def reshape(self, inner: list[str], shape: tuple[int, ...]) -> list[str]:
        return [*inner, "reshape"]

    def pad(self, inner: list[str], pads: Pads) -> list[str]:
        return [*inner, "pad"]

    def concat(self, parts: list[list[str]]) -> list[str]:
        return [*(kind for part in parts for kind in part), "concat"]

    def max_pool(self, inner: list[str], pool: MaxPool) -> list[str]:
        return [*inner, "max_pool"]

    def spread(self, inner: list[str], spread: Spread) -> list[str]:
        return [*inner, "spread"]


def features(network: Network, dynamics: Dynamics | None = None) -> dict[str, str]:
    """Feature -> the first population that uses it, in words; "" for what belongs to the whole network."""
    found: dict[str, str] = {}
    for feature in _of_network(network, dynamics or network.dynamics):
        found.setdefault(feature, "")
    for population in network.populations:
        for feature in _of_population(population):
            found.setdefault(feature, f"population {population.name!r}")
    for kind, word in TIMED.items():
        if kind in found and "count" in found:
            found.setdefault(f"{word} in count", found[kind])
        if kind in found and "float twin" in found:
            found.setdefault("timed in float", found[kind])
    if {"step", "max_pool"} <= found.keys():
        found |= _pooled_values(network)
    if "step" in found and "max_pool" in found:
        found["max_pool in step"] = found["max_pool"]
    return found


def _pooled_values(network: Network) -> dict[str, str]:
    """Where a maximum takes values besides other things: the input and others, or some a timestep late."""
    values = {p.name for p in network.populations if p.relay or p.neuron.output(False, None, 0, 1)[1] > 1}
    values |= set() if network.input.coding.spiking else {INPUT}
    found: dict[str, str] = {}
    for population in network.populations:
        where = f"population {population.name!r}"
        for projection in population.projections:
            for names, late in fold(projection.source, _Pooled()).maxima:
                if INPUT in names and len(names) > 1 and names & values:
                    found.setdefault("max_pool of the input and values in step", where)
                if late and names & values:
                    found.setdefault("max_pool of late values", where)
    return found


@dataclass(frozen=True)
class _Read:
    """The sources of a view, whether some are read late, and both of each of its max-pools."""

    names: frozenset[str]
    late: bool = False
    maxima: tuple[tuple[frozenset[str], bool], ...] = ()


class _Pooled:
    """A visitor: what each max-pool of a view reads."""

    def source(self, name: str) -> _Read:
        return _Read(frozenset((name,)))

    def late(self, name: str) -> _Read:
        return _Read(frozenset((name,)), late=True)

    def reshape(self, inner: _Read, shape: tuple[int, ...]) -> _Read:
        return inner

    def pad(self, inner: _Read, pads: Pads) -> _Read:
        return inner

    def concat(self, parts: list[_Read]) -> _Read:
        names: frozenset[str] = frozenset().union(*(part.names for part in parts))
        late = any(part.late for part in parts)
        return _Read(names, late, tuple(maximum for part in parts for maximum in part.maxima))

    def max_pool(self, inner: _Read, pool: MaxPool) -> _Read:
        return _Read(inner.names, inner.late, (*inner.maxima, (inner.names, inner.late)))

    def spread(self, inner: _Read, spread: Spread) -> _Read:
        return inner


def _of_network(network: Network, dynamics: Dynamics) -> Iterator[str]:
    window, source = network.over(dynamics=dynamics), network.input
    yield window.dynamics
    yield source.encoding
    if source.signed:
        yield "signed"
    if not network.is_integer:
        yield "float twin"
    if network.signed_bit > 8:
        yield "wide weights"
    if network.output.fires:
        yield "spikes readout"
    if window.extra:
        yield "spike_ext"
    if window.spike_ext < 0:
        yield "no upper clip"
        if window.stepping:
            yield "no upper clip in step"


def _of_population(population: Population) -> Iterator[str]:
    yield str(type(population.neuron).__struct_config__.tag)
    if population.saturates:
        yield "saturates"
    if any(v is not None and v.ndim == 3 for v in (population.theta, population.bias, population.v0)):
        yield "parameters per position"
    if len(population.projections) > 1:
        yield "several projections"
    for projection in population.projections:
        yield str(type(projection).__struct_config__.tag)
        yield from _of_window(projection)
        yield from fold(projection.source, _Kinds())


def _of_window(projection: Projection) -> Iterator[str]:
    if getattr(projection, "strides", (1, 1)) != (1, 1) and not isinstance(projection, SumPool2D):
        yield "strides"
    if getattr(projection, "dilation", (1, 1)) != (1, 1):
        yield "dilation"


def refuse(network: Network, dynamics: Dynamics, refusals: Refusals, error: type[SnnccError]) -> None:
    """Raise `error` for the first feature that the network uses and the refusals name."""
    used = features(network, dynamics)
    for feature, text in refusals.items():
        if feature in used:
            raise error(text.format(where=used[feature]))
