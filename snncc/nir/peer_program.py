"""Runs a written graph in another simulator: a program of its own, for an interpreter that has PyTorch.

    python peer_program.py REQUEST.json...

with `torch`, `nir`, `nirtorch` and the simulator; nothing of snncc, which never imports this file. A request:

    simulator   spikingjelly, snntorch or sinabs
    graph       the .nir file; `order`: its nodes, each behind those that it reads within a timestep
    reset, compare, spikes, clamp   what the file cannot say
    x           a .npy file, (T, N, *shape of the input), channels first
    answer      the .npz file to write

The answer has `spikes_I` (T, N, *shape) of each IF and `potentials_I` of each IF and I, I its place in `order`, the
`output` (T, N, *shape) and `said`: JSON with `versions` and `route`. The route is the simulator's own importer where
that reads every node of the graph; else nirtorch builds the same graph with the simulator's neurons, and the route says
why. All runs in float64, where whole numbers are exact.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nir
import nirtorch
import numpy as np
import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import conv2d

MOST = 255
"""Spikes in a timestep."""


# --- linear nodes, exact -------------------------------------------------------------------------------------


class Scale(Module):
    """x times a factor of each element."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(node.scale))

    def forward(self, x: Tensor) -> Tensor:
        """x (N, *shape)."""
        return x * self.scale


class Delay(Module):
    """What arrived a timestep before, 0 at first."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        if not (node.delay == 1).all():
            raise ValueError("a delay is not one timestep")
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x (N, *shape)."""
        last, self.last = self.last, x
        return torch.zeros_like(x) if last is None else last


class SumPool(Module):
    """Sums over windows: a convolution with ones. (nirtorch's own form divides, multiplies and leaves out padding.)"""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self.size, self.stride, self.padding = (
            tuple(map(int, v)) for v in (node.kernel_size, node.stride, node.padding)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W)."""
        ones = torch.ones(x.shape[1], 1, *self.size, dtype=x.dtype)
        return conv2d(x, ones, None, self.stride, self.padding, 1, x.shape[1])


def linear(node: Any) -> Module:
    """Affine or Linear."""
    made = torch.nn.Linear(node.weight.shape[1], node.weight.shape[0], bias=hasattr(node, "bias"))
    made.weight.data = torch.tensor(node.weight)
    if hasattr(node, "bias"):
        made.bias.data = torch.tensor(node.bias)
    return made


def convolution(node: Any) -> Module:
    """Conv2d."""
    pairs = {name: tuple(map(int, getattr(node, name))) for name in ("stride", "padding", "dilation")}
    outputs, inner, *size = node.weight.shape
    groups = int(node.groups)
    made = torch.nn.Conv2d(inner * groups, outputs, tuple(size), groups=groups, **pairs)
    made.weight.data, made.bias.data = torch.tensor(node.weight), torch.tensor(node.bias)
    return made


LINEAR: dict[Any, Callable[[Any], Module]] = {
    nir.Input: lambda node: torch.nn.Identity(),
    nir.Output: lambda node: torch.nn.Identity(),
    nir.Affine: linear,
    nir.Linear: linear,
    nir.Conv2d: convolution,
    nir.SumPool2d: SumPool,
    nir.Scale: Scale,
    nir.Delay: Delay,
    nir.Flatten: lambda node: torch.nn.Flatten(1),
}


# --- simulators ----------------------------------------------------------------------------------------------


class Fires(Module):
    """1 above 0, or at 0 too: in the place of a surrogate's forward."""

    def __init__(self, above: bool) -> None:
        super().__init__()
        self.above = above

    def forward(self, x: Tensor) -> Tensor:
        """V - theta."""
        return (x > 0 if self.above else x >= 0).to(x)


class Simulator:
    """A simulator's neurons. `way`: reset, compare, spikes, clamp."""

    def __init__(self, way: dict[str, str]) -> None:
        self.reset, self.above = way["reset"], way["compare"] == "above"
        self.many, self.clamped = way["spikes"] == "many", way["clamp"] == "threshold"

    def neuron(self, node: Any) -> Module:
        """Its module of an IF."""
        raise NotImplementedError

    def integrator(self, node: Any) -> Module:
        """Its module of an I."""
        raise ValueError(f"{type(self).__name__} has no I")

    def potential(self, module: Module, spikes: Tensor) -> Tensor:
        """V at the end of a timestep, after the spikes it gave."""
        raise NotImplementedError

    def imported(self, graph: Any, images: int) -> Module:
        """What its own importer makes of a graph, its neurons told what the file cannot say; ValueError: nothing."""
        raise ValueError("its importer reads no IF as one")


class SpikingJelly(Simulator):
    """IFNode: v = v + x, fires at v >= v_threshold, then v - v_threshold (v_reset None) or v_reset.

    Its importer always makes the latter, from one threshold for all neurons of a node.
    """

    def neuron(self, node: Any) -> Module:
        """An IFNode."""
        from spikingjelly.activation_based import neuron

        return self._told(neuron.IFNode(), torch.tensor(node.v_threshold), node)

    def _told(self, cell: Any, threshold: Any, node: Any) -> Any:
        cell.v_threshold = threshold
        cell.v_reset = torch.tensor(node.v_reset) if self.reset == "value" else None
        cell.set_reset_value("v", 0.0)
        cell.reset()
        cell.surrogate_function = Fires(self.above)
        return cell

    def integrator(self, node: Any) -> Module:
        """A NonSpikingIFNode."""
        from spikingjelly.activation_based import neuron

        return neuron.NonSpikingIFNode()

    def potential(self, module: Any, spikes: Tensor) -> Tensor:
        """v; of a reset at the next timestep before it."""
        cell = getattr(module, "module", module)
        return cell.v + spikes * cell.v_threshold if self.reset == "subtract-late" else cell.v

    def imported(self, graph: Any, images: int) -> Module:
        """By `import_from_nir` with dt = 1."""
        from spikingjelly.activation_based.nir_exchange.from_nir import import_from_nir

        if any(type(node) is nir.SumPool2d for node in graph.nodes.values()):
            raise ValueError("its importer leaves SumPool2d to nirtorch, whose sums are rounded")
        made = import_from_nir(graph, dt=1.0, dtype=torch.float64)
        for name, node in graph.nodes.items():
            if type(node) is nir.IF:
                wrapped = getattr(made, name)
                wrapped.forward = _stateless(self._told(wrapped.module, wrapped.module.v_threshold, node))
        return made


class SnnTorch(Simulator):
    """Leaky with beta 1: a spike takes the threshold off at the next timestep, which without a leak is the same spikes.

    Its importer reads an IF as Leaky with beta 0.9.
    """

    def neuron(self, node: Any) -> Module:
        """A Leaky."""
        import snntorch

        mechanism = "zero" if self.reset == "value" else "subtract"
        return snntorch.Leaky(
            beta=1.0, threshold=torch.tensor(node.v_threshold), reset_mechanism=mechanism, init_hidden=True,
            reset_delay=mechanism == "subtract", spike_grad=Fires(self.above),
        )  # fmt: skip

    def integrator(self, node: Any) -> Module:
        """A Leaky that never fires, and hands on its potential."""
        import snntorch

        class Integrator(snntorch.Leaky):
            def forward(self, x: Tensor) -> Tensor:
                super().forward(x)
                return self.mem

        return Integrator(beta=1.0, reset_mechanism="none", init_hidden=True)

    def potential(self, module: Any, spikes: Tensor) -> Tensor:
        """mem, less what comes off at the next timestep where it is meant to come off at once."""
        return module.mem - spikes * module.threshold if self.reset == "subtract" else module.mem


class Sinabs(Simulator):
    """IAF: MaxSpike or SingleSpike, MembraneSubtract or MembraneReset, clamped at min_v_mem.

    Its importer makes many spikes, subtraction and a clamp of every IF.
    """

    def neuron(self, node: Any) -> Module:
        """An IAF, which sees one timestep at a time."""
        import sinabs.layers

        class OneStep(sinabs.layers.IAF):
            def forward(self, x: Tensor) -> Tensor:
                return super().forward(x[:, None])[:, 0]

        return self._told(OneStep(spike_threshold=torch.tensor(node.v_threshold)))

    def _told(self, cell: Any) -> Any:
        from sinabs.activation import MaxSpike, MembraneReset, MembraneSubtract, SingleSpike

        cell.spike_fn = MaxSpike(MOST) if self.many else SingleSpike
        cell.reset_fn = MembraneReset() if self.reset == "value" else MembraneSubtract()
        if not self.clamped:
            cell.min_v_mem = None
        elif cell.min_v_mem is None:
            cell.min_v_mem = -cell.spike_threshold
        cell.register_forward_hook(lambda module, given, spikes: spikes.double())
        return cell

    def potential(self, module: Any, spikes: Tensor) -> Tensor:
        """v_mem; of a reset at the next timestep before it."""
        v = module.v_mem
        return v + spikes * module.spike_threshold if self.reset == "subtract-late" else v

    def imported(self, graph: Any, images: int) -> Module:
        """By `from_nir`, for a batch and a timestep at a time."""
        from sinabs.nir import from_nir

        kinds = {type(node) for node in graph.nodes.values()}
        unread = kinds - {nir.Input, nir.Output, nir.Affine, nir.Conv2d, nir.IF, nir.SumPool2d, nir.Flatten}
        if unread:
            raise ValueError(f"its importer reads no {', '.join(sorted(kind.__name__ for kind in unread))}")
        if any(type(node) is nir.SumPool2d and np.any(node.padding) for node in graph.nodes.values()):
            raise ValueError("its importer leaves out the padding of SumPool2d")
        if len({reader for _, reader in graph.edges}) < len(graph.edges):
            raise ValueError("its importer's executor runs chains")
        for node in graph.nodes.values():
            if type(node) is nir.IF:
                node.v_threshold = torch.tensor(node.v_threshold)
        made = from_nir(graph, batch_size=images, num_timesteps=1).double()
        for name, node in graph.nodes.items():
            if type(node) is nir.IF:
                self._told(getattr(made, name))
        return made


SIMULATORS = {"spikingjelly": SpikingJelly, "snntorch": SnnTorch, "sinabs": Sinabs}


# --- the run -------------------------------------------------------------------------------------------------


def _stateless(cell: Module) -> Callable[..., Any]:
    """The form of a stateful module that nirtorch calls, around a cell that keeps its own state."""
    return lambda x, state=None: (cell(x), ())


def loaded(said: dict[str, Any], simulator: Simulator, images: int) -> tuple[Module, Any, str]:
    """(what runs, the graph with its nodes as n0, n1, ... in their order, the route)."""

    def graph() -> Any:
        read = nir.read(said["graph"], type_check=False)
        short = {name: f"n{number}" for number, name in enumerate(said["order"])}
        if short.keys() != read.nodes.keys():
            raise ValueError("the order names other nodes than the graph has")
        edges = [(short[a], short[b]) for a, b in read.edges]
        return nir.NIRGraph({short[name]: read.nodes[name] for name in said["order"]}, edges, type_check=False)

    try:
        return simulator.imported(graph(), images), graph(), "importer"
    except (ValueError, NotImplementedError) as error:
        why = str(error)
    nodes = {**LINEAR, nir.IF: simulator.neuron, nir.I: simulator.integrator}
    made = graph()
    return nirtorch.nir_to_torch(made, nodes, default_map={}, dtype=torch.float64), made, f"nirtorch: {why}"


def run(said: dict[str, Any]) -> dict[str, Any]:
    """The answer's arrays."""
    x = torch.tensor(np.load(said["x"]), dtype=torch.float64)
    simulator = SIMULATORS[said["simulator"]](said)
    made, graph, route = loaded(said, simulator, x.shape[1])
    seen: dict[str, list[Tensor]] = {}

    def watch(name: str, fires: bool) -> Callable[..., None]:
        def hook(module: Module, given: Any, found: Any) -> None:
            spikes = found[0] if isinstance(found, tuple) else found
            if fires:
                seen.setdefault(f"spikes_{name}", []).append(spikes.clone())
            potential = simulator.potential(module, spikes) if fires else spikes
            seen.setdefault(f"potentials_{name}", []).append(potential.clone())

        return hook

    for name, node in graph.nodes.items():
        if type(node) in (nir.IF, nir.I):
            getattr(made, name).register_forward_hook(watch(name[1:], type(node) is nir.IF))
    state, outputs = None, []
    with torch.no_grad():
        for frame in x:
            given = made(frame) if state is None else made(frame, state)
            output, state = given if isinstance(given, tuple) else (given, None)
            outputs.append(output.clone())
    versions = {name: version(name) for name in ("torch", "nir", "nirtorch", said["simulator"])}
    facts = {"versions": {"python": platform.python_version(), **versions}, "route": route}
    arrays = {name: torch.stack(steps).numpy() for name, steps in seen.items()}
    return {**arrays, "output": torch.stack(outputs).numpy(), "said": json.dumps(facts)}


if __name__ == "__main__":
    for path in sys.argv[1:]:
        request = json.loads(Path(path).read_text(encoding="utf-8"))
        np.savez_compressed(request["answer"], **run(request))
