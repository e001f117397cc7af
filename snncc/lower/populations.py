"""The populations that a graph becomes, while they are being formed."""

from __future__ import annotations

from snncc.graph import ClipFloor
from snncc.ir import INPUT, Array, sources
from snncc.lower.emit import emit_terms
from snncc.lower.projections import RealPool, RealProjection
from snncc.lower.real import RealPopulation
from snncc.lower.values import Part, Pending, Signal, index, index_shape, source
from snncc.names import unique


class Populations:
    """Populations in topological order. A linear map fires once per upper end, however many layers read it.

    And it is relayed once.
    """

    def __init__(self) -> None:
        self.made: list[RealPopulation] = []
        self.weights = 0  # of all of them
        self.firing: dict[tuple[int, float | int | None], Signal] = {}
        self.relays: dict[int, Signal] = {}
        self.kept: list[object] = []  # keeps the identities in `firing` and `relays` alive

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        projections: tuple[RealProjection | RealPool, ...],
        bias: Array,
        limit: float | ClipFloor | None,
        layers: tuple[str, ...],
        nonnegative: bool = True,
        relay: bool = False,
    ) -> Signal:
        """One more, under a name of its own."""
        taken = {p.name.lower() for p in self.made} | {INPUT}
        own = unique(name, taken, "_p{}".format)
        self.weights += sum(p.weights.size for p in projections if isinstance(p, RealProjection))
        max_value, levels = (None, limit) if isinstance(limit, ClipFloor) else (limit, None)
        self.made.append(RealPopulation(own, shape, projections, bias, max_value, layers, relay, levels))
        return source(own, shape, nonnegative, relay)

    def fire(self, part: Part, limit: float | ClipFloor | None) -> Signal:
        """The population of a linear map, made once, seen through the index operations after it.

        `limit`: a relu's upper end, or its levels.
        """
        if isinstance(part, Signal):
            return part
        linear, key = part.linear, (id(part.linear), id(limit) if isinstance(limit, ClipFloor) else limit)
        if key not in self.firing:
            self.kept += [linear, limit]
            projections, shape = emit_terms(linear)
            self.firing[key] = self.add(part.name, shape, projections, linear.bias, limit, linear.layers)
        return _seen_through(self.firing[key], part)

    def relay(self, part: Pending) -> Signal:
        """The relay of a linear map, made once, seen through the index operations after it."""
        linear, key = part.linear, id(part.linear)
        if key not in self.relays:
            self.kept.append(linear)
            projections, shape = ((linear.pool,), linear.shape) if linear.pool else emit_terms(linear)
            self.relays[key] = self.add(
                part.name, shape, projections, linear.bias, None, linear.layers, linear.nonnegative, relay=True
            )
        return _seen_through(self.relays[key], part)

    def alive(self) -> tuple[RealPopulation, ...]:
        """Those that the last one, the readout, depends on."""
        needed = {self.made[-1].name}
        kept = []
        for population in reversed(self.made):
            if population.name in needed:
                needed.update(name for p in population.projections for name in sources(p.source))
                kept.append(population)
        return tuple(kept[::-1])


def _seen_through(signal: Signal, part: Pending) -> Signal:
    """A population's signal after the index operations of what it was made of."""
    shape = signal.shape
    for operation in part.operations:
        shape = index_shape(shape, operation)
        signal = index(signal, operation, shape)
    return signal
