"""Weights on a grid arrive unchanged, levels count as the float network does; against plain NumPy in float64."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir
from snncc.errors import SnnccWarning
from snncc.graph import (
    Add,
    Affine,
    AveragePool,
    ClipFloor,
    Conv,
    Dense,
    Depthwise,
    Graph,
    Input,
    Node,
    Op,
    Relu,
    Reshape,
)
from snncc.ir import Window
from snncc.lower import Options, calibrated, lower
from snncc.lower.tune.descent import Learner
from snncc.lower.tune.effort import EFFORTS, Effort
from snncc.sim import run
from snncc.sim.encode import to_pixels
from tests.support import examples

SHAPE = (5, 4, 2)
X = np.random.default_rng(2).integers(0, 256, (70, *SHAPE)) / 255


class Net:
    """A graph as it is written down; each call adds a node and gives its name."""

    def __init__(self) -> None:
        self.nodes = [Node("input", "input", Input(), (), SHAPE)]

    def __call__(self, name: str, op: Op, shape: tuple[int, ...], *inputs: str) -> str:
        self.nodes.append(Node(name, name, op, inputs or (self.nodes[-1].name,), shape))
        return name

    @property
    def graph(self) -> Graph:
        return Graph("net", tuple(self.nodes))


@dataclass(frozen=True)
class Drawn:
    """A convolution, a normalisation, levels, a matrix; w of both layers."""

    graph: Graph
    conv: np.ndarray
    matrix: np.ndarray
    gain: np.ndarray
    levels: int


def drawn(seed: int, bits: int, levels: int, per_channel: bool, powers: bool) -> Drawn:
    random = np.random.default_rng(seed)
    most = 2 ** (bits - 1) - 1
    conv = random.integers(-most, most + 1, (3, 3, 2, 3))
    matrix = random.integers(-most, most + 1, (60, 4))

    def scales(*shape: int) -> np.ndarray:
        return 2.0 ** random.integers(-6, -3, shape) if powers else random.uniform(0.01, 0.1, shape)

    step, gain = scales(3) if per_channel else scales(), scales(3) * 20 * random.choice([-1, 1], 3)
    last = scales()
    net = Net()
    net("conv", Conv(conv * step, scales(3), (1, 1), (1, 1), (1, 1, 1, 1), step), (5, 4, 3))
    net("norm", Affine(gain, scales(3)), (5, 4, 3))
    net("levels", ClipFloor(levels, np.asarray(scales() * 20)), (5, 4, 3))
    net("flat", Reshape(), (60,))
    net("out", Dense(matrix * last, scales(4), last), (4,))
    return Drawn(net.graph, conv, matrix, gain, levels)


def in_float(made: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """(counts, outputs) of the network, float64, without snncc."""
    conv, norm, levels, _, out = (node.op for node in made.graph.nodes[1:])
    padded = np.pad(X, [(0, 0), (1, 1), (1, 1), (0, 0)])
    z = np.zeros((len(X), 5, 4, 3))
    for i in range(3):
        for j in range(3):
            z += padded[:, i : i + 5, j : j + 4] @ conv.kernel[i, j]
    z = (z + conv.bias) * norm.scale + norm.shift
    n = np.clip(np.floor(z * levels.levels / levels.scale + 0.5), 0, levels.levels)
    return n, (n * (levels.scale / levels.levels)).reshape(len(X), -1) @ out.kernel + out.bias


def compiled(graph: Graph, **options: Any) -> ir.Network:
    return lower(graph, X, Options(**{"encoding": "current", "average_pools": "fire", "linear": "least", **options}))


@examples(12)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 4, 8]),
    st.sampled_from([1, 3, 4, 8]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["none", "light"]),
)
def test_integers_arrive_and_counts_are_the_float_networks(
    seed: int, bits: int, levels: int, per_channel: bool, powers: bool, calibrate: str
) -> None:
    made = drawn(seed, bits, levels, per_channel, powers)
    network = compiled(made.graph, signed_bit=bits, timesteps=levels, calibrate=calibrate)
    firing, readout = network.populations
    assert np.array_equal(firing.projections[0].weights, made.conv * np.sign(made.gain))
    assert np.array_equal(readout.projections[0].weights, made.matrix)
    assert firing.saturates and firing.lambda_ == made.graph.nodes[3].op.scale
    wanted, outputs = in_float(made)
    found = run(network, to_pixels(network.input, X), levels, "count")
    assert np.array_equal(found.counts[firing.name], wanted)
    order = np.sort(outputs, axis=1)
    clear = order[:, -1] - order[:, -2] > 1e-4 * np.ptp(outputs)  # no tie of the readout
    assert np.array_equal(found.classes[clear], outputs.argmax(1)[clear])


def test_a_planted_fault_is_noticed() -> None:
    """The control: a weight or a threshold beside its own changes counts that the test compares."""
    made = drawn(3, 4, 4, True, False)
    network = compiled(made.graph, signed_bit=4, timesteps=4, calibrate="none")
    wanted, _ = in_float(made)
    firing = network.populations[0]
    weights = firing.projections[0].weights.copy()
    weights[1, 1, 0, 0] += 1
    for fault in (
        {"theta": firing.theta + firing.theta // 50},
        {"v0": firing.v0 * 0},
        {"projections": (ir.replace(firing.projections[0], weights=weights),)},
    ):
        broken = ir.replace(network, populations=(ir.replace(firing, **fault), network.populations[1]))
        found = run(broken, to_pixels(broken.input, X), 4, "count")
        assert not np.array_equal(found.counts[firing.name], wanted)


@pytest.mark.parametrize(
    ("calibrate", "dynamics", "timesteps"),
    [("none", "step", 4), ("auto", "count", 16), ("light", "count", 16), ("light", "step", 4), ("full", "step", 4)],
)
def test_calibration_keeps_the_integers_and_says_so(
    monkeypatch: pytest.MonkeyPatch, calibrate: str, dynamics: Any, timesteps: int
) -> None:
    monkeypatch.setitem(EFFORTS, "full", Effort(images=2**11, multiplications=2**37))
    made = drawn(5, 4, 4, True, False)
    network = compiled(made.graph, signed_bit=8, timesteps=timesteps, dynamics=dynamics, calibrate=calibrate)
    firing, readout = network.populations
    assert np.array_equal(firing.projections[0].weights, made.conv * np.sign(made.gain))
    assert np.array_equal(readout.projections[0].weights, made.matrix)
    said = network.record.data["weights"]
    assert said.startswith("Weights of 'conv', 'out' are the model's own integers")
    if calibrate in ("light", "full"):
        assert said.endswith("; calibration chose no more than thresholds, biases and starts.")


def pooled_pair(ratio: float) -> tuple[Net, np.ndarray, np.ndarray]:
    """Two convolutions that add up, the second one's step `ratio` times the first one's."""
    random = np.random.default_rng(1)
    first, second = random.integers(-7, 8, (2, 1, 1, 2, 3))
    net = Net()
    a = net("a", Conv(first * 0.03, None, (1, 1), (1, 1), (0, 0, 0, 0), np.array(0.03)), (5, 4, 3), "input")
    b = net(
        "b", Conv(second * 0.03 * ratio, None, (1, 1), (1, 1), (0, 0, 0, 0), np.array(0.03 * ratio)), (5, 4, 3), "input"
    )
    net("sum", Add(), (5, 4, 3), a, b)
    net("relu", Relu(), (5, 4, 3))
    return net, first, second


def ended(net: Net, shape: tuple[int, ...] = (5, 4, 3)) -> Graph:
    random = np.random.default_rng(9)
    size = int(np.prod(shape))
    net("flat", Reshape(), (size,))
    net("out", Dense(random.normal(0, 1, (size, 3)), None), (3,))
    return net.graph


@pytest.mark.parametrize("ratio", [1.0, 4.0, 0.125])
@pytest.mark.parametrize("calibrate", ["none", "light"])
def test_branches_of_powers_of_two_are_both_kept(ratio: float, calibrate: str) -> None:
    net, first, second = pooled_pair(ratio)
    network = compiled(ended(net), signed_bit=4, timesteps=8, calibrate=calibrate)
    a, b = network.populations[0].projections
    assert np.array_equal(a.weights, first) and np.array_equal(b.weights, second)
    assert 2.0 ** (b.shift - a.shift) == ratio


def deep() -> Graph:
    """A depthwise convolution that is composed with the one after it."""
    net = Net()
    net("deep", Depthwise(np.full((1, 1, 2, 1), -0.5), None, (1, 1), (1, 1), (0,) * 4, np.array(0.25)), SHAPE)
    net("point", Conv(np.ones((1, 1, 2, 3)), None, (1, 1), (1, 1), (0,) * 4), (5, 4, 3))
    net("relu", Relu(), (5, 4, 3))
    return ended(net)


def with_op(made: Drawn, place: int, op: Op) -> Graph:
    nodes = list(made.graph.nodes)
    nodes[place] = replace(nodes[place], op=op)
    return replace(made.graph, nodes=tuple(nodes))


STEPS = np.array([0.01, 0.02, 0.03, 0.05])
LOST: dict[str, tuple[Graph, dict[str, Any], str]] = {
    "no power of two": (ended(pooled_pair(1.5)[0]), {}, "layer 'b' .*: another layer .* no power of two"),
    "more bits": (
        with_op(drawn(1, 8, 4, True, False), 5, Dense(np.ones((60, 4)), None)),
        {"signed_bit": 4},
        "layer 'conv' .*: its integers reach 1.., and 4 bits hold those up to 7: use a larger signed_bit",
    ),
    "scales of channels": (
        with_op(drawn(1, 4, 4, True, False), 3, ClipFloor(4, np.array([0.5, 0.6, 0.7]))),
        {},
        "layer 'out' .*: the channels that it reads have scales of their own: use one scale per layer",
    ),
    "composed": (deep(), {"linear": "compose"}, "layer 'deep' .*: it is composed with another linear layer"),
    "readout": (
        with_op(drawn(1, 8, 4, False, False), 5, Dense(np.ones((60, 4)) * STEPS, None, STEPS)),
        {},
        "layer 'out' .*: its channels have grids of their own, and they must share one scale",
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_what_breaks_a_grid_is_one_line_that_names_the_layer(case: str) -> None:
    graph, options, said = LOST[case]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compiled(graph, timesteps=8, calibrate="none", **options)
    (line,) = [w for w in caught if "quantised anew" in str(w.message)]
    assert re.fullmatch(said + "[^\n]*", str(line.message)) and issubclass(line.category, SnnccWarning)


def test_one_scale_per_tensor_and_one_per_channel_keep_the_same() -> None:
    random = np.random.default_rng(11)
    w = random.integers(-7, 8, (1, 1, 2, 3))
    net = Net()
    net("conv", Conv(w * 0.04, random.uniform(0, 0.2, 3), (1, 1), (1, 1), (0,) * 4, np.array(0.04)), (5, 4, 3))
    net("levels", ClipFloor(5, np.array(0.3)), (5, 4, 3))
    graph = ended(net)
    networks = [compiled(graph, timesteps=5, calibrate="none", per_channel=own) for own in (True, False)]
    assert all(np.array_equal(n.populations[0].projections[0].weights, w) for n in networks)
    assert networks[1].populations[0].theta.shape == ()
    first, second = (run(n, to_pixels(n.input, X), 5, "count").counts["conv"] for n in networks)
    assert np.array_equal(first, second)


def test_the_descent_moves_no_weight_that_is_kept_and_nothing_that_is_exact() -> None:
    made = drawn(5, 4, 4, True, False)
    source = made.graph
    x = source.channels_last(X)
    for timesteps, moving in ((4, 0), (8, 3)):
        options = Options(signed_bit=4, timesteps=timesteps, encoding="current", calibrate="none")
        real = calibrated(source, x, options).real
        network = lower(source, X, options)
        part = Learner(real, network, Window("count", timesteps), x, 1.0).parts[0]
        assert part.held == [True] and part.free == [] and len(part.moving) == moving


def test_auto_takes_no_choice_that_loses_a_grid() -> None:
    """A pool before a convolution could be composed into it, and its weights would not be kept."""
    random = np.random.default_rng(4)
    w = random.integers(-7, 8, (3, 3, 3, 4))
    net = Net()
    net("first", Conv(random.normal(0, 1, (1, 1, 2, 3)), None, (1, 1), (1, 1), (0,) * 4), (5, 4, 3))
    net("relu", Relu(), (5, 4, 3))
    net("pool", AveragePool((2, 2), (1, 1), (0,) * 4), (4, 3, 3))
    net("conv", Conv(w * 0.05, None, (1, 1), (1, 1), (0,) * 4, np.array(0.05)), (2, 1, 4))
    net("again", Relu(), (2, 1, 4))
    graph = ended(net, (2, 1, 4))
    network = lower(graph, np.tile(X, (2, 1, 1, 1)), Options(signed_bit=4, timesteps=2))
    kept = next(p for p in network.populations if "conv" in p.layers)
    assert np.array_equal(kept.projections[0].weights, w)


def test_fixed_thresholds_keep_levels_of_other_timesteps() -> None:
    """At T that is not its levels, v0 is half of theta and lambda still the model's, without calibration."""
    made = drawn(7, 4, 4, False, False)
    firing = compiled(made.graph, signed_bit=4, timesteps=32, calibrate="none", thresholding="0.25").populations[0]
    assert firing.lambda_ == made.graph.nodes[3].op.scale and np.array_equal(firing.v0, firing.theta // 2)
