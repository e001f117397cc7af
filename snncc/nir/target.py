"""The target `nir`: an integer network as a graph of the standard, its weights our integers, and how to run it exactly.

The standard has no reset by subtraction, no timestep and no rounding. So a network goes out where its neurons do not
leak and all of them fire alike; README.md says what the file cannot. What the standard has no word for is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from snncc.backends.options import TargetOptions
from snncc.backends.target import Target
from snncc.frontend.nir import read
from snncc.ir import NO_HARDWARE, Network, Refusals, content_hash, pixel_range
from snncc.jobs import Job, NoToolError, Observation, Runner
from snncc.neurons.leaky import MOST_SPIKES
from snncc.nir import twin
from snncc.nir.dialects import Reading, settle
from snncc.nir.peers import PEERS, PeerRunner, frames, observation
from snncc.nir.written import FILE, Array, Graph, write_file

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


class FloatRunner:
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
        yield (self._observed(job, graph, reading, x) for x in frames(job))

    def _observed(self, job: Job, graph: Any, reading: Reading, x: Array) -> Observation:
        found = twin.run(graph, reading, x[None])
        known = [population.name for population in job.network.populations if population.name in found.spikes]
        spikes, potentials = ({name: kind[name][:, 0] for name in known} for kind in (found.spikes, found.potentials))
        return observation(job.network, spikes, potentials, found.output[:, 0])


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
        "relays that round, padding of a dilated kernel that differs between two sides by no multiple of the dilation, "
        "a bias that stands at no weights, potentials of more than 53 bits",
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
        """The package `nir` and a float program; other simulators, where they are installed."""
        return {"nir-float": FloatRunner(), **{f"nir-{peer.name}": PeerRunner(peer) for peer in PEERS}}


TARGET = Nir()
