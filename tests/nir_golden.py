"""Writes the golden spikes of NIR's dialects: what each library itself makes of a graph, for anyone to test against.

    pip install torch snntorch==1.0.0 spikingjelly==2.0.0 norse==1.1.0 sinabs==3.1.3 nirtorch
    pip install --no-deps rockpool==3.1.0
    python -m tests.nir_golden

writes tests/golden/nir/NAME.nir (the graph, where it is not one of tests/data/nir), NAME.npz (`x` (N, T, *shape),
channels first, and under each node's name its spikes (T, N, *shape)) and cases.json (how each graph is to be read, and
the versions). The libraries run in float64, so that no order of addition decides (Rockpool cannot: float32); graphs
come from their own exporters where those work, and are written by the exporters' formulas where not. Nothing of snncc
is used here.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch

ROOT = Path(__file__).parent
GOLDEN, DATA = ROOT / "golden" / "nir", ROOT / "data" / "nir"
PACKAGES = ("torch", "nir", "nirtorch", "snntorch", "spikingjelly", "norse", "sinabs", "rockpool")
CASES: dict[str, dict[str, Any]] = {}
Step = Callable[[torch.Tensor], torch.Tensor]


def events(seed: int, *shape: int, rate: float = 0.3, most: int = 1) -> np.ndarray:
    """Events (N, T, *shape): counts of up to `most`."""
    rng = np.random.default_rng(seed)
    return ((rng.random(shape) < rate) * rng.integers(1, most + 1, shape)).astype(np.uint8)


def linear(seed: int, inputs: int, outputs: int, gain: float = 1.0, bias: bool = True) -> torch.nn.Linear:
    """A seeded linear layer, more positive than negative so that what follows fires."""
    torch.manual_seed(seed)
    layer = torch.nn.Linear(inputs, outputs, bias=bias)
    with torch.no_grad():
        layer.weight.copy_((torch.rand_like(layer.weight) - 0.3) * gain)
        if bias:
            layer.bias.copy_((torch.rand_like(layer.bias) - 0.4) * 0.1)
    return layer


def case(name: str, graph: Any, x: np.ndarray, layers: dict[str, list[torch.Tensor]], **asked: Any) -> None:
    """Write one case; `graph`: a NIRGraph, or the name of a file of tests/data/nir. `layers`: spikes by node."""
    file = f"../../data/nir/{graph}" if isinstance(graph, str) else f"{name}.nir"
    if not isinstance(graph, str):
        nir.write(GOLDEN / file, graph)
    spikes = {node: torch.stack(steps).detach().numpy() for node, steps in layers.items()}
    assert all((found == np.rint(found)).all() and found.max() < 256 for found in spikes.values())
    assert all(found.any() for found in spikes.values()), f"{name}: a layer is silent"
    np.savez_compressed(GOLDEN / f"{name}.npz", x=x, **{node: found.astype(np.uint8) for node, found in spikes.items()})
    CASES[name] = {"graph": file, "asked": asked}
    print(name, {node: int(found.sum()) for node, found in spikes.items()})


def walk(x: np.ndarray, *steps: tuple[str, Step]) -> dict[str, list[torch.Tensor]]:
    """Each frame through all steps; what those with a name give."""
    found: dict[str, list[torch.Tensor]] = {name: [] for name, _ in steps if name}
    with torch.no_grad():
        for t in range(x.shape[1]):
            value = torch.tensor(x[:, t], dtype=torch.float64)
            for name, step in steps:
                value = step(value).double()
                if name:
                    found[name].append(value)
    return found


def chain(*nodes: tuple[str, Any], shape: tuple[int, ...]) -> nir.NIRGraph:
    """Nodes one after the other, from an Input of a shape."""
    names = ["input", *(name for name, _ in nodes), "output"]
    whole = {"input": nir.Input(np.array(shape)), **dict(nodes)}
    whole["output"] = nir.Output(None)
    graph = nir.NIRGraph(whole, list(pairwise(names)), type_check=False)
    last = nodes[-1][1]
    whole["output"] = nir.Output(np.array(last.v_threshold.shape))
    return nir.NIRGraph(whole, graph.edges, type_check=False)


def affine(layer: torch.nn.Linear) -> nir.NIRNode:
    """The node of a linear layer."""
    weight = layer.weight.detach().numpy()
    return nir.Linear(weight) if layer.bias is None else nir.Affine(weight, layer.bias.detach().numpy())


def full(size: int, value: float) -> np.ndarray:
    """A parameter that all neurons share."""
    return np.full(size, value)


def snntorch_cases() -> None:
    """Leaky, Synaptic and the recurrent ones, by every reset that has an equal; the two Braille graphs."""
    import snntorch as snn

    dt, x = 1e-4, events(1, 2, 40, 6)
    one, two = linear(1, 6, 8, 1.2), linear(2, 8, 4, 1.5)

    def lif(beta: float, size: int) -> nir.LIF:
        tau = dt / (1 - beta)
        return nir.LIF(full(size, tau), full(size, tau / dt), full(size, 0.0), full(size, 1.0))

    def cuba(alpha: float, beta: float, size: int) -> nir.CubaLIF:
        fast, slow = dt / (1 - alpha), dt / (1 - beta)
        return nir.CubaLIF(full(size, fast), full(size, slow), full(size, slow / dt), full(size, 0.0),
                           full(size, 1.0), w_in=full(size, fast / dt))  # fmt: skip

    leaky = chain(("fc1", affine(one)), ("lif1", lif(0.9, 8)), ("fc2", affine(two)), ("lif2", lif(0.75, 4)), shape=(6,))
    cubas = chain(("fc1", affine(one)), ("lif1", cuba(0.6, 0.9, 8)), ("fc2", affine(two)),
                  ("lif2", cuba(0.3, 0.8, 4)), shape=(6,))  # fmt: skip
    for mechanism, delay, reset in (("subtract", True, "subtract-late"), ("subtract", False, "subtract"),
                                    ("zero", True, "value"), ("zero", False, "value")):  # fmt: skip
        options = {"reset_mechanism": mechanism, "reset_delay": delay, "init_hidden": True}
        how = f"{mechanism}_{'late' if delay else 'now'}"
        cells = [snn.Leaky(beta=b, **options).double() for b in (0.9, 0.75)]
        found = walk(x, ("", one.double()), ("lif1", cells[0]), ("", two.double()), ("lif2", cells[1]))
        case(f"snntorch_leaky_{how}", leaky, x, found, dialect="snntorch", reset=reset)
        if mechanism == "zero" and delay:
            continue  # Synaptic loses a charge there: no equal
        cells = [snn.Synaptic(alpha=a, beta=b, **options).double() for a, b in ((0.6, 0.9), (0.3, 0.8))]
        found = walk(x, ("", one.double()), ("lif1", cells[0]), ("", two.double()), ("lif2", cells[1]))
        case(f"snntorch_synaptic_{how}", cubas, x, found, dialect="snntorch", reset=reset)
    for kind, node, cell in (
        ("rleaky", lif(0.9, 8), snn.RLeaky(beta=0.9, linear_features=8, init_hidden=True)),
        ("rsynaptic", cuba(0.5, 0.8, 8), snn.RSynaptic(alpha=0.5, beta=0.8, linear_features=8, init_hidden=True)),
    ):
        back = linear(5, 8, 8, 0.6)
        back.register_forward_pre_hook(lambda _, given: (given[0].double(),))  # spikes are float32
        cell.recurrent = back
        inner = nir.NIRGraph(
            {
                "input": nir.Input(np.array([8])),
                "lif": node,
                "w_rec": affine(back),
                "output": nir.Output(np.array([8])),
            },
            [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
        )
        graph = nir.NIRGraph(
            {"input": nir.Input(np.array([6])), "fc1": affine(one), "rnn": inner, "output": nir.Output(np.array([8]))},
            [("input", "fc1"), ("fc1", "rnn"), ("rnn", "output")],
        )
        found = walk(x, ("", one.double()), ("rnn.lif", cell.double()))
        case(f"snntorch_{kind}", graph, x, found, dialect="snntorch")
    for file, reset, options in (
        ("braille_noDelay_noBias_subtract.nir", "subtract", {"reset_mechanism": "subtract", "reset_delay": False}),
        ("braille_noDelay_noBias_subtract.nir", "subtract-late", {"reset_mechanism": "subtract", "reset_delay": True}),
        ("braille_noDelay_bias_zero.nir", "value", {"reset_mechanism": "zero", "reset_delay": False}),
    ):
        braille(file, reset, snn, options)


def braille(file: str, reset: str, snn: Any, options: dict[str, Any]) -> None:
    """A Braille graph: `Synaptic` fed with what arrives and with its own spikes of the timestep before."""
    nodes, x = nir.read(DATA / file).nodes, events(7, 4, 120, 12, rate=0.15)

    def of(node: Any) -> torch.nn.Linear:
        layer = torch.nn.Linear(node.weight.shape[1], node.weight.shape[0]).double()
        bias = getattr(node, "bias", np.zeros(len(node.weight)))
        layer.weight.data, layer.bias.data = torch.tensor(node.weight).double(), torch.tensor(bias).double()
        return layer

    def synaptic(node: Any) -> Any:
        alpha, beta = (torch.tensor(1 - 1e-4 / tau) for tau in (node.tau_syn, node.tau_mem))
        return snn.Synaptic(alpha=alpha, beta=beta, init_hidden=True, **options).double()

    first, back, second = synaptic(nodes["lif1.lif"]), of(nodes["lif1.w_rec"]), synaptic(nodes["lif2"])
    last = torch.zeros(len(x), len(nodes["lif1.lif"].r), dtype=torch.float64)

    def recurrent(value: torch.Tensor) -> torch.Tensor:
        nonlocal last
        last = first(value + back(last)).double()
        return last

    found = walk(x, ("", of(nodes["fc1"])), ("lif1.lif", recurrent), ("", of(nodes["fc2"])), ("lif2", second))
    case(f"{Path(file).stem}_{reset.replace('-', '_')}", file, x, found, dialect="snntorch", reset=reset)


def spikingjelly_cases() -> None:
    """IF, LIF by both `decay_input` and a v_reset, and CUBALIF behind a convolution; exported by SpikingJelly."""
    from spikingjelly.activation_based import layer, neuron
    from spikingjelly.activation_based.nir_exchange.to_nir import export_to_nir

    def cells(kind: str) -> list[Any]:
        return {
            "if": [neuron.IFNode(), neuron.IFNode(v_threshold=0.8)],
            "lif": [neuron.LIFNode(tau=4.0), neuron.LIFNode(tau=2.5, decay_input=False)],
            "lif_reset": [
                neuron.LIFNode(tau=3.0, v_reset=-0.2),
                neuron.LIFNode(tau=2.5, v_reset=0.1, decay_input=False),
            ],
            "cuba": [neuron.CUBALIFNode(c_decay=0.5, v_decay=0.8), neuron.CUBALIFNode(c_decay=0.2, v_decay=0.9)],
        }[kind]

    for number, kind in enumerate(("if", "lif", "lif_reset", "cuba")):
        torch.manual_seed(number)
        x = events(20 + number, 2, 30, 2, 8, 8, rate=0.4)
        first, second = cells(kind)
        conv = torch.nn.Conv2d(2, 4, 3, padding=1, stride=2)
        with torch.no_grad():
            conv.weight.copy_((torch.rand_like(conv.weight) - 0.3) * (2.0 if kind == "lif" else 0.8))
        dense = linear(number, 4 * 2 * 2, 5, 2.0)
        net = torch.nn.Sequential(conv, first, layer.AvgPool2d(2), layer.Flatten(), dense, second)
        graph = export_to_nir(net, torch.tensor(x[:, 0]).float())
        net.double()
        found = walk(x, ("", conv), ("_1", first), ("", net[2]), ("", net[3]), ("", dense), ("_5", second))
        case(f"spikingjelly_{kind}", graph, x, found, dialect="spikingjelly")


def norse_cases() -> None:
    """Its LIFBox, IAF and CubaLIF as it reads them, its LIFCell as it writes one."""
    import norse.torch.functional.reset as resets
    from norse.torch.module import iaf, lif, lif_box
    from norse.torch.utils import import_nir

    x, one, two = events(31, 2, 60, 6, rate=0.5), linear(11, 6, 8, 9.0), linear(12, 8, 4, 15.0)
    dt = 1e-3

    def stateful(module: Any) -> Step:
        state = None

        def step(value: torch.Tensor) -> torch.Tensor:
            nonlocal state
            spikes, state = module(value, state)
            return spikes

        return step

    def both(name: str, first: nir.NIRNode, second: nir.NIRNode, makers: list[Any] | None = None, **asked: Any) -> None:
        graph = chain(("0", affine(one)), ("1", first), ("2", affine(two)), ("3", second), shape=(6,))
        made = makers or [vars(import_nir)["_import_norse_module"](node, dt=dt) for node in (first, second)]
        for module in made:
            for part in module.modules():
                if hasattr(part, "p"):
                    part.p = type(part.p)(*(v.double() if isinstance(v, torch.Tensor) else v for v in part.p))
                for name_, value in vars(part).items():
                    if isinstance(value, torch.Tensor):
                        setattr(part, name_, value.double())
        found = walk(x, ("", one.double()), ("1", stateful(made[0])), ("", two.double()), ("3", stateful(made[1])))
        case(f"norse_{name}", graph, x, found, dialect="norse", **asked)

    def box(size: int, tau: float, rest: float, theta: float) -> nir.LIF:
        return nir.LIF(full(size, tau), full(size, 1.0), full(size, rest), full(size, theta))

    both("lif", box(8, 0.0078125, 0.0, 0.5), box(4, 0.015625, 0.125, 0.75))
    both("iaf", nir.IF(full(8, 1.0), full(8, 6.0)), nir.IF(full(4, 1.0), full(4, 9.5)))

    def cuba(size: int, fast: float, slow: float, theta: float) -> nir.CubaLIF:
        return nir.CubaLIF(full(size, fast), full(size, slow), full(size, 1.0), full(size, 0.0), full(size, theta))

    nodes = cuba(8, 0.00390625, 0.0078125, 0.5), cuba(4, 0.0078125, 0.015625, 0.5)
    both("cuba", *nodes)
    cells = []
    for node in nodes:
        values = {"tau_syn_inv": 1 / node.tau_syn[0], "tau_mem_inv": 1 / node.tau_mem[0], "v_th": node.v_threshold[0]}
        cells.append(lif.LIFCell(lif.LIFParameters(**{k: torch.tensor(v) for k, v in values.items()}), dt=dt))
    both("lifcell", *nodes, makers=cells, gain="whole")
    assert resets.reset_value and iaf.IAFCell and lif_box.LIFBoxCell  # what the import makes


def sinabs_cases() -> None:
    """The network of the paper with its real dynamics, and LIF by both readings of its input."""
    import sinabs.layers as sl

    def whole(module: torch.nn.Module) -> Step:
        return lambda value: module(value[:, None])[:, 0]

    nodes = nir.read(DATA / "cnn_sinabs.nir").nodes
    x = events(41, 1, 24, 2, 34, 34, rate=0.02, most=2)
    steps: list[tuple[str, Step]] = []
    for name in map(str, range(13)):
        node = nodes[name]
        match node:
            case nir.Conv2d():
                conv = torch.nn.Conv2d(node.weight.shape[1], node.weight.shape[0], node.weight.shape[2:],
                                       tuple(node.stride), tuple(node.padding))  # fmt: skip
                conv.weight.data, conv.bias.data = (torch.tensor(v).double() for v in (node.weight, node.bias))
                steps.append(("", conv))
            case nir.Affine():
                dense = torch.nn.Linear(node.weight.shape[1], node.weight.shape[0])
                dense.weight.data, dense.bias.data = (torch.tensor(v).double() for v in (node.weight, node.bias))
                steps.append(("", dense))
            case nir.IF():
                theta = torch.tensor(node.v_threshold).double()
                steps.append((name, whole(sl.IAF(spike_threshold=theta, min_v_mem=-theta).double())))
            case nir.SumPool2d():
                steps.append(("", sl.SumPool2d(tuple(node.kernel_size), tuple(node.stride))))
            case nir.Flatten():
                steps.append(("", torch.nn.Flatten(1)))
    case("cnn_sinabs", "cnn_sinabs.nir", x, walk(x, *steps), dialect="sinabs")
    x, one, two = events(42, 2, 40, 6), linear(21, 6, 8, 6.0), linear(22, 8, 4, 6.0)
    for normed in (True, False):
        cells = [sl.LIF(tau_mem=tau, norm_input=normed).double() for tau in (8.0, 3.0)]
        graph = chain(("0", affine(one)), ("1", nir.LIF(full(8, 8.0), full(8, 1.0), full(8, 0.0), full(8, 1.0))),
                      ("2", affine(two)), ("3", nir.LIF(full(4, 3.0), full(4, 1.0), full(4, 0.0), full(4, 1.0))),
                      shape=(6,))  # fmt: skip
        found = walk(x, ("", one.double()), ("1", whole(cells[0])), ("", two.double()), ("3", whole(cells[1])))
        how = "scaled" if normed else "whole"
        case(f"sinabs_lif_{how}", graph, x, found, dialect="sinabs", gain=how)


def rockpool_cases() -> None:
    """LIFTorch and LIFNeuronTorch, as they are exported: dt in r."""
    from rockpool.nn.modules.torch import LIFNeuronTorch, LIFTorch
    from rockpool.nn.modules.torch.nir import _extract_rockpool_module

    x, one, two = events(51, 2, 40, 6), linear(31, 6, 8, 2.0), linear(32, 8, 4, 2.0)
    for kind in ("lif", "cuba"):
        made = []
        for size, tau in ((8, 0.02), (4, 0.01)):
            options: dict[str, Any] = {"tau_mem": torch.full((size,), tau), "bias": torch.zeros(size), "dt": 1e-3}
            if kind == "cuba":
                made.append(LIFTorch((size, size), tau_syn=torch.full((size, 1), 0.005), **options))
            else:
                made.append(LIFNeuronTorch(size, **options))
        nodes = [_extract_rockpool_module(module) for module in made]
        graph = chain(("0", affine(one)), ("1", nodes[0]), ("2", affine(two)), ("3", nodes[1]), shape=(6,))
        found: dict[str, list[torch.Tensor]] = {}
        value = torch.tensor(x, dtype=torch.float32)
        with torch.no_grad():
            for name, dense, module in (("1", one, made[0]), ("3", two, made[1])):
                value, _, _ = module(dense(value))
                found[name] = list(value.swapaxes(0, 1))
        case(f"rockpool_{kind}", graph, x, found, dialect="rockpool")


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for part in (snntorch_cases, spikingjelly_cases, norse_cases, sinabs_cases, rockpool_cases):
        part()
    versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    (GOLDEN / "cases.json").write_text(json.dumps({"versions": versions, "cases": CASES}, indent=2) + "\n")
