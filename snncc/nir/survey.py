"""Everything that keeps a NIR graph from being compiled, by every dialect, at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from numpy.typing import NDArray

from snncc.errors import UnsupportedLayerError
from snncc.frontend.nir import NirGraph, read
from snncc.nir.convert import NirOptions, samples, spikes_by_dialect
from snncc.nir.dialects import DIALECTS, faults, settle
from snncc.nir.populations import Populations

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Survey:
    """What was found. `problems`: whatever the dialect. `dialects[name]`: how it reads the graph, and its problems.

    `spikes[name]`: of the last neurons on the first samples, as that dialect steps them.
    """

    name: str
    nodes: Mapping[str, int]
    late: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    dialects: Mapping[str, tuple[str, tuple[str, ...]]]
    spikes: Mapping[str, int]

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, for JSON."""
        dialects = {name: {"reading": reading, "problems": list(problems), "spikes": self.spikes.get(name)}
                    for name, (reading, problems) in self.dialects.items()}  # fmt: skip
        return {"name": self.name, "nodes": dict(self.nodes), "recurrent": [list(edge) for edge in self.late],
                "problems": list(self.problems), "dialects": dialects}  # fmt: skip


def survey(source: Any, options: NirOptions | None = None, x: Array | None = None) -> Survey:
    """All problems of a graph by the dialect that the options name, or by each; x: samples to count spikes on."""
    options, graph = options or NirOptions(), read(source)
    kinds: dict[str, int] = {}
    for node in graph.nodes.values():
        kinds[node.kind] = kinds.get(node.kind, 0) + 1
    if graph.problems:
        return Survey(graph.name, kinds, (), tuple(graph.problems), {}, {})
    names = [options.nir_dialect] if options.nir_dialect else list(DIALECTS)
    found = {}
    for name in names:
        reading, problems = _read_as(graph, replace(options, nir_dialect=name))
        found[name] = reading, tuple(problems)
    spikes = {} if x is None else spikes_by_dialect(graph, options, samples(graph, x))
    return Survey(graph.name, kinds, tuple(graph.late), (), found, spikes)


def _read_as(graph: NirGraph, options: NirOptions) -> tuple[str, list[str]]:
    try:
        reading = settle(graph, options.asked)
    except UnsupportedLayerError as error:
        return "", [str(error)]
    found = faults(graph, reading)
    populations = Populations(graph, reading)
    if not found:
        try:
            populations.made()
        except UnsupportedLayerError:
            found = populations.problems
    return reading.words(), found
