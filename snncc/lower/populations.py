"""The populations that a graph becomes, while they are being formed."""

from __future__ import annotations

from snncc.ir import INPUT, Array, sources
from snncc.lower.compose import Linear
from snncc.lower.emit import emit_terms
from snncc.lower.projections import RealPool, RealProjection
from snncc.lower.real import RealPopulation
from snncc.lower.values import Part, Signal, index, index_shape, source


class Populations:
    """Populations in topological order. A linear map fires once per max_value, however many layers read it."""

    def __init__(self) -> None:
        self.made: list[RealPopulation] = []
        self.firing: dict[tuple[int, float | None], Signal] = {}
        self.kept: list[Linear] = []  # keeps the identities in `firing` alive

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        projections: tuple[RealProjection | RealPool, ...],
        bias: Array,
        max_value: float | None,
        layers: tuple[str, ...],
    ) -> Signal:
        """One more, under a name of its own."""
        taken = {p.name.lower() for p in self.made} | {INPUT}
        unique, n = name, 1
        while unique.lower() in taken:
            unique, n = f"{name}_p{n}", n + 1
        self.made.append(RealPopulation(unique, shape, projections, bias, max_value, layers))
        return source(unique, shape)

    def fire(self, part: Part, max_value: float | None) -> Signal:
        """The population of a linear map, made once, seen through the index operations after it."""
        if isinstance(part, Signal):
            return part
        linear, key = part.linear, (id(part.linear), max_value)
        if key not in self.firing:
            self.kept.append(linear)
            projections, shape = emit_terms(linear)
            self.firing[key] = self.add(part.name, shape, projections, linear.bias, max_value, linear.layers)
        signal = self.firing[key]
        shape3 = signal.shape
        for operation in part.operations:
            shape3 = index_shape(shape3, operation)
            signal = index(signal, operation, shape3)
        return signal

    def alive(self) -> tuple[RealPopulation, ...]:
        """Those that the last one, the readout, depends on."""
        needed = {self.made[-1].name}
        kept = []
        for population in reversed(self.made):
            if population.name in needed:
                needed.update(name for p in population.projections for name in sources(p.source))
                kept.append(population)
        return tuple(kept[::-1])
