"""Row by row in `count`: turns and rings worked by hand, random maps in Icarus, the room that keeps a design going."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import backends, ir
from snncc.backends.verilog import cycles, vectors
from snncc.backends.verilog.bands import held
from snncc.backends.verilog.plan import Plan
from snncc.errors import TargetError
from tests.hw.simulate import compile_bench, exact, make, mixed_plan, plan_with, run
from tests.networks import network, population, residual, weights
from tests.strategies import Case, cases
from tests.support import examples

MAPS = ("conv2d", "depthwise_conv2d", "sum_pool2d", "identity")


def layer(rows: int, geometry: dict[str, Any]) -> Plan:
    """A map of two columns through one layer; behind it a readout, which holds its whole map."""
    size = geometry.pop("size", None)
    source = ir.Source("input")
    if size is None:
        kernel = geometry.pop("kernel")
        first: ir.Projection = ir.Conv2D(name="a", source=source, weights=weights(1, *kernel, 1, 2), **geometry)
    else:
        first = ir.SumPool2D(name="a", source=source, size=size, **geometry)
    shape = ir.projection_shape(first, (rows, 2, 1))
    last = ir.Identity(name="b", source=ir.Source("map"), weights=weights(2, shape[-1]))
    net = network(
        population("map", shape, first, theta=9), population("last", shape, last, theta=None), shape=(rows, 2, 1)
    )
    return plan_with(net)


@pytest.mark.parametrize(
    ("rows", "geometry", "ring", "turns"),
    [
        (6, {"kernel": (3, 1), "pads": (1, 1, 0, 0)}, 3, [2, 1, 1, 1, 1, 0]),
        (6, {"kernel": (3, 1)}, 3, [3, 1, 1, 1]),
        (8, {"kernel": (3, 1), "strides": (2, 1), "pads": (0, 1, 0, 0)}, 2, [3, 2, 2, 1]),
        (9, {"kernel": (3, 1), "dilation": (2, 1), "pads": (2, 2, 0, 0)}, 5, [3, 1, 1, 1, 1, 1, 1, 0, 0]),
        (8, {"size": (2, 1), "strides": (2, 1)}, 1, [2, 2, 2, 2]),
        (7, {"kernel": (1, 1), "strides": (3, 1)}, 1, [1, 3, 3]),
        (4, {"kernel": (4, 1)}, 1, [4]),
    ],
)
def test_turns_and_rings_worked_by_hand(rows: int, geometry: dict[str, Any], ring: int, turns: list[int]) -> None:
    node, last = layer(rows, dict(geometry)).nodes
    assert (node.schedule.ring, node.turns[:, 0].tolist()) == (ring, turns)
    assert node.words == ring * 2 * node.groups and len(turns) == node.bands
    assert (last.bands, last.turns.tolist()) == (1, [[len(turns)]])


@examples(6)
@given(
    cases(dynamics="count", max_side=9, max_neurons=300, max_populations=5, kinds=MAPS, concat=False),
    st.integers(0, 2**20),
)
def test_random_maps(case: Case, seed: int) -> None:
    try:
        ir.refuse(case.network, "count", backends.target("verilog").refuses, TargetError)
    except TargetError:
        return
    plan = mixed_plan(case.network, seed)
    pixels = np.asarray(case.pixels)
    steps = [random.Random(seed + i).randint(1, case.timesteps) for i in range(len(pixels))]
    with tempfile.TemporaryDirectory() as name:
        exact(Path(name), plan, pixels, steps)
        reset = f"+reset_after={seed % 700}"
        assert "PASS" in run(Path(name), reset), reset


def images(net: ir.Network) -> np.ndarray:
    return np.random.default_rng(3).integers(0, net.input.levels, (3, *net.input.shape), endpoint=True)


def with_room(plan: Plan, room: dict[str, int]) -> Plan:
    """The plan with so many bands in each edge's banks."""
    nodes = (
        replace(node, edges=tuple(replace(edge, banks=room[edge.name]) for edge in node.edges)) for node in plan.nodes
    )
    return replace(plan, nodes=tuple(nodes))


def test_what_is_held_at_least_keeps_a_residual_network_going(tmp_path: Path) -> None:
    """With the bands of `held` and no more everything runs, exactly as predicted; with one less a shortcut blocks."""
    net = residual(timesteps=8)
    plan = plan_with(net, 4)
    room, _ = held({node.name: (node.edges, node.turns) for node in plan.nodes})
    shortcuts = [name for name in room if name.startswith("pop_added") and room[name] > 1]
    assert len(shortcuts) == 2
    golden = exact(tmp_path, with_room(plan, room), images(net), [8, 2, 5])
    for name in shortcuts:
        with pytest.raises(RuntimeError, match="waits for itself"):
            cycles.predict(with_room(plan, room | {name: room[name] - 1}), golden)


def test_layers_overlap_and_hold_rows() -> None:
    """Potentials of fewer rows than the maps have, and an image done before all work and passes one after the other."""
    net = residual(timesteps=8)
    plan = plan_with(net, 4)
    assert sum(node.words for node in plan.nodes) < 0.6 * sum(node.band_words * node.bands for node in plan.nodes)
    timing = cycles.predict(plan, vectors.make(plan, images(net)[:1], [8]))
    work = sum(int(work[0].sum()) for work in timing.work.values())
    passes = sum(node.bands * cycles.pass_cycles(plan, node) for node in plan.nodes)
    assert timing.latency[0] < 0.8 * (work + passes)


@pytest.mark.parametrize("name", ["pop_first", "pop_deep", "pop_added"])
def test_a_pass_before_its_rows_are_complete_is_noticed(tmp_path: Path, name: str) -> None:
    net = residual(timesteps=8)
    make(tmp_path, plan_with(net, 4), images(net), [8, 2, 5])
    assert "PASS" in run(tmp_path)
    table = tmp_path / f"{name}_turns.mem"
    first, second, *rest = (int(word, 16) for word in table.read_text().split())
    table.write_text("\n".join(f"{word:x}" for word in (first - 1, second + 1, *rest)) + "\n")
    compile_bench(tmp_path)
    assert "PASS" not in run(tmp_path)
