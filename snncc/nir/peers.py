"""`snncc verify` in other simulators: SpikingJelly, snnTorch and Sinabs load the written graph and run it.

Each runs in a process of its own (peer_program.py), since all need PyTorch: with the Python that the environment
variable SNNCC_NIR_PYTHON names, else with this one. So they run unasked only where there is such a Python, and where
the simulator's neurons are those of the network; asked by name they say what is missing, or which node they lack.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snncc import tools
from snncc.ir import LeakyIntegrator, Network
from snncc.jobs import Job, NoToolError, NotRunError, Observation, Tool, used
from snncc.nir.written import FILE, Array, Graph, inexact

PYTHON = "SNNCC_NIR_PYTHON"
PROGRAM = Path(__file__).with_name("peer_program.py")
TIMEOUT = 3600
INEXACT = "its leaks are real numbers in the file, which is not exact"
"""Why nothing runs a graph of real leaks."""


def frames(job: Job) -> Array:
    """What the input node gets of each image, (N, T, *shape), channels first."""
    network = job.network
    train = job.pixels
    if not network.input.coding.sequences:
        train = np.repeat(train[:, None], job.timesteps, axis=1)
    train = train[:, : job.timesteps]
    return np.moveaxis(train, -1, 2) if len(network.input.shape) == 3 else train


def rows(values: Array) -> Array:
    """Whole numbers (T, *shape), channels first, as (T, neurons) in the IR's order."""
    whole = np.rint(values).astype(np.int64)
    return (np.moveaxis(whole, 1, -1) if whole.ndim == 4 else whole).reshape(len(whole), -1)


def observation(network: Network, spikes: dict[str, Array], potentials: dict[str, Array], output: Array) -> Observation:
    """What ran, by population (T, *shape), channels first; the readout from what the last node handed on."""
    last = rows(output)
    values = last[-1] if isinstance(network.output.kind, LeakyIntegrator) else last.sum(axis=0)
    index = int(values.argmax()) if values.size > 1 else int(values[0] > 0)
    seen = {name: rows(found) for name, found in spikes.items() if network[name].neuron.fires}
    return Observation(values, index, seen, {name: rows(found) for name, found in potentials.items()})


@dataclass(frozen=True)
class Peer:
    """A simulator. `neuron`: its integrate-and-fire."""

    name: str
    library: str
    neuron: str

    def lack(self, graph: Graph) -> str:
        """What of a graph it has no equal for, by node; nothing where it runs it."""
        reset, compare, spikes, clamp = graph.way
        for name, node in graph.nodes.items():
            if node["type"] == "Threshold":
                return f"node {name!r} (Threshold) has no memory; {self.neuron} keeps a potential"
        first = next(iter(graph.ways), "")
        where = f"node {first!r} (IF)"
        if self.name == "sinabs":
            if compare == "above":
                return f"{where} fires above its threshold; {self.neuron} when it is reached"
            silent = next((name for name, node in graph.nodes.items() if node["type"] == "I"), None)
            if silent is not None:
                return f"node {silent!r} (I) integrates and never fires, which {self.library} has no layer for"
        elif spikes == "many":
            return f"{where} fires many times in a timestep; {self.neuron} once"
        elif clamp != "none":
            return f"{where} has a lower end; {self.neuron} has none"
        if self.name != "spikingjelly" and reset == "value":
            for name in graph.ways:
                if np.any(graph.nodes[name]["v_reset"]):
                    return f"node {name!r} (IF) resets to a value; {self.neuron} to 0"
        for name in graph.late:
            if np.any(graph.nodes[name].get("bias", 0)):
                return f"node {name!r} feeds back with a bias, which nirtorch hands on a timestep late"
        return ""

    @property
    def python(self) -> str | None:
        """The Python that has it; None: not known of one."""
        named = os.environ.get(PYTHON)
        needed = ("torch", "nir", "nirtorch", self.name)
        return named or (sys.executable if all(map(importlib.util.find_spec, needed)) else None)


class PeerRunner:
    """A graph in another simulator: spikes and potentials of every neuron at every timestep."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def unasked(self, job: Job) -> bool:
        """Whether there is a Python for it, and the network has an equal there."""
        network = job.network
        return self.peer.python is not None and not inexact(network) and not self.peer.lack(Graph(network))

    def variants(self, job: Job) -> list[str]:
        """One."""
        return ["float64"]

    @contextmanager
    def run(self, job: Job, variant: str) -> Iterator[Iterator[Observation]]:
        """All images at once; NotRunError names the node that the simulator lacks."""
        peer = self.peer
        if inexact(job.network):
            raise NotRunError(INEXACT)
        lack = peer.lack(Graph(job.network))
        if lack:
            raise NotRunError(f"{peer.library} cannot run it: {lack}")
        if peer.python is None:
            raise NoToolError(f"name in {PYTHON} a Python with torch, nir, nirtorch and {peer.name}")
        with tempfile.TemporaryDirectory(prefix="snncc-verify-") as name:
            asked = request(job, peer.name, Path(name))
            command = [peer.python, str(PROGRAM), str(asked)]
            tools.run(command, Path(name), f"running the graph in {peer.library}", TIMEOUT)
            yield observations(job, asked)


def request(job: Job, simulator: str, work: Path) -> Path:
    """The file that asks peer_program.py for a run, in a folder that gets its input and its answer too."""
    graph, x = Graph(job.network), work / "x.npy"
    np.save(x, frames(job).swapaxes(0, 1))
    way = dict(zip(("reset", "compare", "spikes", "clamp"), graph.way, strict=True))
    asked = {"simulator": simulator, "graph": str(job.folder / "nir" / FILE), "order": list(graph.nodes),
             "x": str(x), "answer": str(work / "answer.npz"), **way}  # fmt: skip
    path = work / "request.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    return path


def observations(job: Job, asked: Path) -> Iterator[Observation]:
    """An observation per image, of the answer to a request."""
    said = json.loads(asked.read_text(encoding="utf-8"))
    with np.load(said["answer"]) as found:
        arrays = dict(found)
    for program, version in json.loads(str(arrays.pop("said")))["versions"].items():
        used(Tool(program, program, module=program, said=version))
    for number in range(len(job.pixels)):
        seen: dict[str, dict[str, Array]] = {"spikes": {}, "potentials": {}, "output": {}}
        for key, values in arrays.items():
            kind, _, place = key.partition("_")
            seen[kind][said["order"][int(place)] if place else ""] = values[:, number]
        yield observation(job.network, seen["spikes"], seen["potentials"], seen["output"][""])


PEERS = (
    Peer("spikingjelly", "SpikingJelly", "IFNode"),
    Peer("snntorch", "snnTorch", "Leaky"),
    Peer("sinabs", "Sinabs", "IAF"),
)
