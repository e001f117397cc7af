"""The target `nir`: an integer network as a graph of the standard, its weights our integers, and how to run it exactly.

The standard has no reset by subtraction, no timestep and no rounding. So a network goes out where its neurons do not
leak and all of them fire alike; README.md says what the file cannot. What the standard has no word for is refused.
Leaks go out as real numbers where that is asked for: then nothing is exact, and README.md says so first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from snncc.backends.options import TargetOptions, option
from snncc.backends.target import Summary, Target
from snncc.frontend.nir import read
from snncc.ir import NO_HARDWARE, Network, Refusals, content_hash, pixel_range
from snncc.jobs import Job, NoToolError, NotRunError, Observation, Runner
from snncc.neurons.leaky import MOST_SPIKES
from snncc.nir import twin
from snncc.nir.dialects import Reading, settle
from snncc.nir.peers import INEXACT, PEERS, PeerRunner, frames, observation
from snncc.nir.written import FILE, Array, Graph, inexact, write_file

README = """# {name} as a NIR graph

{warning}`{file}` is the network {hash}: its weights, thresholds and biases are the integers of the network, as floats.
A `.nir` file does not say how neurons are stepped; this one {ran}:

- A timestep is 1. {charge} V starts at 0.
- {fires}
- {resets}
- {clamps}
- Recurrent edges carry what fired at the timestep before.

Input values are integers in {low}..{high}, {input}.{whole}

The package nir reads the file with `nir.read("{file}", type_check=False)`: its check takes every kernel for square and
for one group. snncc reads it as it is meant with

    snncc compile {file} {flags}
"""


WARNING = """**Not exact.** The network rounds what leaks at each timestep; a .nir file's time constants are real
numbers. So no program runs this file spike for spike as the network, and nothing verifies it: C and Verilog of the
network are exact, this file is not. By rounding alone a potential comes to lie at most so many thresholds from the
network's, and from there spikes differ: {rounded}.

"""


SUM = "`r` is 1 too: V = V + x, what arrives is taken whole."
EULER = "By Euler's method: V = V + (r x - V)/tau, and a current likewise before."
WHOLE_NUMBERS = " All potentials are whole numbers below\n2^53, so 64-bit floats hold them exactly."


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
    leaks = ", ".join(f"{name!r}: {lost:.2g}" for name, lost in graph.rounded.items())
    gain = "scaled" if leaks else "whole"
    flags = (f"--nir-dialect spec --nir-dt 1 --nir-gain {gain} --nir-reset {reset} --nir-compare {compare} "
             f"--nir-spikes {spikes} --nir-clamp {clamp}")  # fmt: skip
    return README.format(
        name=network.name, file=FILE, hash=content_hash(network)[:16], fires=f"A neuron whose V {over} fires {many}.",
        resets=resets[reset], low=low, high=high, flags=flags, warning=WARNING.format(rounded=leaks) if leaks else "",
        ran="is meant like this" if leaks else "runs exactly as here", charge=EULER if leaks else SUM,
        clamps="V is never below minus the threshold." if clamp == "threshold" else "V has no lower end.",
        input="a frame a timestep" if network.input.coding.sequences else "the same at every timestep",
        whole="" if leaks else WHOLE_NUMBERS,
    )  # fmt: skip


class FloatRunner:
    """The file as the package `nir` reads it, in the float twin: a program of the standard's text."""

    def unasked(self, job: Job) -> bool:
        """Where the file is exact."""
        return not inexact(job.network)

    def variants(self, job: Job) -> list[str]:
        """One."""
        return ["float64"]

    @contextmanager
    def run(self, job: Job, variant: str) -> Iterator[Iterator[Observation]]:
        """An observation per image: spikes and potentials of every neuron at every timestep."""
        if inexact(job.network):
            raise NotRunError(INEXACT)
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


@dataclass(frozen=True, kw_only=True)
class NirOptions(TargetOptions):
    """What the target `nir` can be asked for."""

    leaks: str = option("exact", "leaks as real numbers, which is not exact, or refused", "choice",
                        choices=("exact", "real"))  # fmt: skip


class Nir(Target[NirOptions]):
    """The graph and its README."""

    name: ClassVar[str] = "nir"
    writes: ClassVar[str] = "a NIR graph with the network's integers"
    options: ClassVar[type[NirOptions]] = NirOptions
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
        "neurons that leak (a .nir file's leak is a real number, not rounded at each timestep; with `leaks` real they "
        "are written, and not exact), that start at a potential, or that fire in different ways",
        "relays that round, padding of a dilated kernel that differs between two sides by no multiple of the dilation, "
        "a bias that stands at no weights, potentials of more than 53 bits",
    )

    def examine(self, network: Network, options: NirOptions) -> None:
        """What the standard cannot say."""
        Graph(network, options.leaks == "real")

    def write(self, network: Network, folder: Path, options: NirOptions) -> None:
        """network.nir and README.md."""
        graph = Graph(network, options.leaks == "real")
        write_file(graph, folder / FILE)
        (folder / "README.md").write_text(readme(network, graph), encoding="utf-8")

    def runners(self) -> Mapping[str, Runner]:
        """The package `nir` and a float program; other simulators, where they are installed."""
        return {"nir-float": FloatRunner(), **{f"nir-{peer.name}": PeerRunner(peer) for peer in PEERS}}

    def summary(self, network: Network, folder: Path | None, options: Mapping[str, Any] | None) -> Summary | None:
        """A plain warning, where what was written is not exact."""
        if folder is None or not inexact(network):
            return None
        rounded = Graph(network, True).rounded
        line = (f"in NIR: NOT EXACT, for {len(rounded)} populations leak, in the file as real numbers that no reader "
                "rounds at each timestep; nir/README.md says how far that leads")  # fmt: skip
        return Summary({"exact": False, "rounded": rounded}, [line])


TARGET = Nir()
