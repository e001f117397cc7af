"""What some small networks become, as it stands in tests/golden/text: the lowered network, its C and its Verilog.

The expected text is our own output. It proves nothing; it shows in review what a change does to what is written. Other
tests say whether that is right. `make golden` writes it anew. Weights and samples are fractions of powers of two, so
that every sum is exact in float32, whatever adds it up.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from snncc import ir, store
from snncc.graph import (
    Add,
    AveragePool,
    Concatenate,
    Conv,
    Dense,
    Depthwise,
    Graph,
    Head,
    Input,
    MaxPool,
    Node,
    Op,
    Pad,
    Relu,
    Reshape,
    same_pads,
)
from snncc.ir.text import dump, parse
from snncc.lower import Options, lower

GOLDEN = Path(__file__).parent / "golden" / "text"
LIMIT = 420_000
Shape = tuple[int, ...]


class Build:
    """A graph, node by node; each method returns the name of what it added."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.nodes = [Node("x", "x", Input(), (), shape)]
        self.seed = 0

    def add(self, name: str, op: Op, *inputs: str, shape: Shape | None = None) -> str:
        shapes = {node.name: node.shape for node in self.nodes}
        self.nodes.append(Node(name, name, op, inputs, shape or shapes[inputs[0]]))
        return name

    def numbers(self, *shape: int) -> np.ndarray:
        """Sixteenths between -1/2 and 7/8, the same every time, others in every layer."""
        self.seed += 1
        count = int(np.prod(shape))
        return ((np.arange(count) * (6 + self.seed) ** 2 + 5 * self.seed) % 23 - 8).reshape(shape) / 16

    def conv(self, name: str, source: str, channels: Shape, shape: Shape, stride: int = 1, kernel: int = 3) -> str:
        """`same`, with a bias."""
        before = next(node.shape for node in self.nodes if node.name == source)
        size, strides = (kernel, kernel), (stride, stride)
        pads = same_pads(before, size, strides)
        op = Conv(self.numbers(*size, *channels), self.numbers(channels[1]), strides, (1, 1), pads)
        return self.add(name, op, source, shape=shape)

    def dense(self, name: str, source: str, inputs: int, outputs: int) -> str:
        return self.add(name, Dense(self.numbers(inputs, outputs), self.numbers(outputs)), source, shape=(outputs,))

    def relu(self, source: str, max_value: float | None = None) -> str:
        return self.add(f"{source}_relu", Relu(max_value), source)

    def flat(self, source: str, size: int) -> str:
        return self.add("flat", Reshape(), source, shape=(size,))

    @property
    def graph(self) -> Graph:
        return Graph(self.name, tuple(self.nodes))


def plain() -> Graph:
    """Convolution, dense; raw bytes are known."""
    b = Build("plain", (4, 4, 1))
    conv = b.relu(b.conv("conv", "x", (1, 3), (2, 2, 3), stride=2))
    b.add("softmax", Head("softmax"), b.dense("dense", b.flat(conv, 12), 12, 3))
    return b.graph


def residual() -> Graph:
    """A shortcut with a convolution of its own and one without, an average pool that fires."""
    b = Build("residual", (6, 6, 2))
    first = b.relu(b.conv("first", "x", (2, 4), (6, 6, 4)))
    main = b.conv("main", first, (4, 4), (3, 3, 4), stride=2)
    short = b.conv("short", first, (4, 4), (3, 3, 4), stride=2, kernel=1)
    joined = b.relu(b.add("joined", Add(), main, short))
    again = b.relu(b.add("again", Add(), b.conv("second", joined, (4, 4), (3, 3, 4)), joined))
    pool = b.add("pool", AveragePool((2, 2), (1, 1), (0, 0, 0, 0)), again, shape=(2, 2, 4))
    b.dense("dense", b.flat(pool, 16), 16, 4)
    return b.graph


def views() -> Graph:
    """Depthwise, padding, concatenation, max-pool, a relu with a max_value: `count` only."""
    b = Build("views", (5, 5, 2))
    deep = Depthwise(b.numbers(3, 3, 2, 2), b.numbers(4), (1, 1), (2, 2), (2, 2, 2, 2))
    left = b.relu(b.add("deep", deep, "x", shape=(5, 5, 4)), max_value=1.5)
    right = b.relu(b.conv("side", "x", (2, 2), (5, 5, 2)))
    both = b.add("both", Concatenate(), left, right, shape=(5, 5, 6))
    padded = b.add("padded", Pad((1, 0, 0, 1)), both, shape=(6, 6, 6))
    pooled = b.add("pooled", MaxPool((3, 3), (3, 3), (0, 0, 0, 0)), padded, shape=(2, 2, 6))
    b.dense("dense", b.flat(pooled, 24), 24, 2)
    return b.graph


def vector() -> Graph:
    """Dense after dense."""
    b = Build("vector", (10,))
    b.dense("third", b.relu(b.dense("second", b.relu(b.dense("first", "x", 10, 20)), 20, 6)), 6, 1)
    return b.graph


GRAPHS: dict[str, tuple[Callable[[], Graph], Options]] = {
    "plain": (plain, Options(timesteps=8, bytes_scale=2.0**-8, bytes_offset=0.0)),
    "residual": (residual, Options(timesteps=6, signed_bit=5, encoding="current", readout="spikes", spike_ext=2)),
    "views": (views, Options(timesteps=16, signed_bit=4, lambda_per_channel=True)),
    "vector": (vector, Options(timesteps=12, signed_bit=12, input_bits=4)),
    "twin": (plain, Options(timesteps=8, signed_bit=0)),
}
TARGETS = [("plain", "count"), ("plain", "step"), ("residual", "count"), ("residual", "step"), ("views", "count")]


def network(name: str, dynamics: ir.Dynamics = "count", nudge: bool = False) -> ir.Network:
    """The lowered network; `nudge`: with one weight of the graph changed. No version of a package is in it."""
    make, options = GRAPHS[name]
    graph = make()
    if nudge:
        kernel = next(node.op.kernel for node in graph.nodes if isinstance(node.op, Conv | Depthwise | Dense))
        kernel.flat[1] += 0.25
    samples = np.arange(6 * int(np.prod(graph.input_shape))) * 29 % 33 / 32
    chosen = {**vars(options), "dynamics": dynamics, "calibrate": "none", "name": name}
    made = lower(graph, samples.reshape(6, *graph.input_shape), Options(**chosen))
    assert made.record
    made = ir.replace(made, record=ir.replace(made.record, versions={}))
    ir.check(made)
    return made


def exported(made: ir.Network, folder: Path) -> dict[str, str]:
    """Both targets' main files, and the weights of the first layer as a ROM."""
    store.write(made, folder, {"c": {}, "verilog": {"max_lanes": 4}})
    first = made.populations[0].name
    kept = [f"c/{made.name}{end}" for end in (".h", ".c", "_kernels.h", "_weights.h")]
    kept += ["verilog/snn_top.v", "verilog/manifest.json"]
    kept += [f"verilog/{path.name}" for path in sorted((folder / "verilog").glob(f"*{first}*_weights.mem"))]
    return {path: (folder / path).read_text(encoding="utf-8") for path in kept}


def compare(found: dict[str, str]) -> None:
    """Every text against its file; written first where SNNCC_REFRESH is set."""
    for name, text in found.items():
        path = GOLDEN / name
        if os.environ.get("SNNCC_REFRESH"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        wanted = path.read_text(encoding="utf-8") if path.exists() else ""
        changes = list(difflib.unified_diff(wanted.splitlines(), text.splitlines(), name, "now", lineterm="", n=1))
        shown = "\n".join(changes[:40])
        assert text == wanted, f"if this should change, run `make golden` and commit {name}\n{shown}"


@pytest.mark.parametrize("name", GRAPHS)
def test_the_lowered_network(name: str) -> None:
    text = dump(network(name))
    assert ir.content_hash(parse(text)) == ir.content_hash(network(name))
    compare({f"{name}.txt": text})


@pytest.mark.parametrize(("name", "dynamics"), TARGETS)
def test_what_the_targets_write(name: str, dynamics: ir.Dynamics, tmp_path: Path) -> None:
    written = exported(network(name, dynamics), tmp_path / name)
    compare({f"{name}-{dynamics}/{path}": text for path, text in written.items()})


def test_a_changed_weight_is_noticed(tmp_path: Path) -> None:
    """In the text, in the C's weights and in the ROM."""
    made = network("plain", nudge=True)
    assert dump(made) != (GOLDEN / "plain.txt").read_text(encoding="utf-8")
    for path, text in exported(made, tmp_path / "plain").items():
        same = text == (GOLDEN / "plain-count" / path).read_text(encoding="utf-8")
        assert not (same and path.endswith(("_weights.h", "_weights.mem"))), path
    if not os.environ.get("SNNCC_REFRESH"):
        with pytest.raises(AssertionError, match="make golden"):
            compare({"plain.txt": dump(made)})


def test_nothing_is_left_over_and_all_is_small() -> None:
    paths = [path for path in GOLDEN.rglob("*") if path.is_file()]
    first = {path.relative_to(GOLDEN).parts[0] for path in paths}
    assert first == {f"{name}.txt" for name in GRAPHS} | {f"{name}-{dynamics}" for name, dynamics in TARGETS}
    assert sum(path.stat().st_size for path in paths) < LIMIT
