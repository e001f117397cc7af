"""Views that entangle their axes, and maxima of signed values: parity, exact cycles, faults that are noticed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import ir, store
from snncc.backends.vectors import random_pixels
from snncc.backends.verilog import cycles
from snncc.verification import verify
from tests.hw.simulate import compile_bench, exact, mixed_plan, plan_with, run
from tests.networks import (
    SIGNED,
    grown,
    network,
    population,
    signed_maxima,
    signed_pixels,
    tangled,
    tangled_readout,
    weights,
)

POOLS = signed_maxima()


@pytest.mark.parametrize(
    ("kind", "dynamics", "source"),
    [
        ("conv2d", "count", SIGNED),
        ("conv2d", "step", {}),
        ("depthwise_conv2d", "count", {}),
        ("depthwise_conv2d", "step", SIGNED),
        ("sum_pool2d", "step", {}),
        ("identity", "count", {}),
        ("identity", "step", SIGNED),
        ("max_pool", "count", {}),
        ("max_pool", "count", SIGNED),
    ],
)
def test_a_tangled_view_under_every_projection(
    tmp_path: Path, kind: str, dynamics: str, source: dict[str, Any]
) -> None:
    net = tangled(kind, dynamics=dynamics, source=source)
    plan = mixed_plan(net, len(kind))
    (node,) = (n for n in plan.nodes if "first" in str(n.edges) and n.name not in ("pop_first", "pop_last"))
    assert all(edge.place is not None for edge in node.edges) and len(node.edges) == 2
    exact(tmp_path, plan, random_pixels(net, 3), [2, 5, 1])


@pytest.mark.parametrize("name", POOLS)
def test_the_maximum_of_a_signed_input(tmp_path: Path, name: str) -> None:
    net = POOLS[name]
    pixels = signed_pixels(net)
    golden = exact(tmp_path, mixed_plan(net, len(name)), pixels, [3, 1] * (len(pixels) // 2))
    pooled = [frames for key, frames in golden.frames.items() if key.startswith("max_")]
    lowest = min(int(frame.min()) for frames in pooled for frame in frames)
    assert lowest < 0 or name == "in one window with spikes"


@pytest.mark.parametrize("source", [{}, {"encoding": "current"}], ids=["rate", "current"])
@pytest.mark.parametrize("lanes", [1, 4])
def test_spread_maps(tmp_path: Path, source: dict[str, Any], lanes: int) -> None:
    net = grown(source=source)
    plan = plan_with(net, lanes)
    exact(tmp_path, plan, random_pixels(net, 3), [2, 7, 1])
    repeated = [e for n in plan.nodes if n.name == "pop_third" for e in n.edges if e.source == "input"]
    assert len(repeated) == 2, "one edge per copy"


@pytest.mark.parametrize("repeat", [False, True])
def test_spread_maps_in_step(tmp_path: Path, repeat: bool) -> None:
    """A spike goes to its place, or to all its places; a wrong one is noticed."""
    view = ir.Spread(ir.Pad(ir.Source("input"), (0, 1, 1, 0)), (2, 3), repeat)
    height, width, _ = ir.view_shape(view, {"input": (3, 4, 2)})
    conv = ir.Conv2D(name="a", source=view, weights=weights(1, 3, 3, 2, 3), pads=(1, 1, 1, 1))
    first = population("first", (height, width, 3), conv, theta=150, bias=9, v0=70)
    again = ir.Spread(ir.Source("first"), (1, 2), repeat)
    last = tangled_readout(again, int(np.prod(ir.view_shape(again, {"first": first.shape}))))
    net = network(first, last, shape=(3, 4, 2), timesteps=5, dynamics="step")
    exact(tmp_path, plan_with(net), random_pixels(net, 3), [2, 5, 1])
    table = sorted(tmp_path.glob("pop_first*_y.mem"))[0]
    lines = table.read_text().split()
    assert lines[0] != lines[1]
    table.write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")
    compile_bench(tmp_path)
    assert "PASS" not in run(tmp_path)


def test_a_view_of_any_size(tmp_path: Path) -> None:
    """2,048 elements reach 2,304 neurons: as a matrix it would be 4.7 million weights."""
    view = ir.Reshape(ir.Source("input"), (32, 8, 8))
    conv = ir.Conv2D(name="c", source=view, weights=weights(1, 3, 3, 8, 9), pads=(1, 1, 1, 1))
    middle = population("middle", (32, 8, 9), conv, theta=400, v0=200)
    dense = ir.Dense(name="d", source=ir.Reshape(ir.Source("middle"), (2304,)), weights=weights(2, 2304, 2))
    net = network(middle, population("last", (2,), dense, theta=None), shape=(16, 16, 8), timesteps=2)
    plan = plan_with(net)
    assert sum(e.rom.size for n in plan.nodes for e in n.edges) == 3 * 3 * 8 * 9 + 2304 * 2
    exact(tmp_path, plan, random_pixels(net, 4)[3:], [2])


@pytest.mark.parametrize("name", ["conv2d", "max_pool", "ragged"])
def test_golden_traces_in_c_and_verilog(tmp_path: Path, name: str) -> None:
    """Both targets against the simulator, through `snncc verify`."""
    net = POOLS[name] if name in POOLS else tangled(name, dynamics="count", source=SIGNED)
    store.write(net, tmp_path / "m", {"verilog": {"max_lanes": 3}, "c": {}})
    variants = ["plain bench", "gcc -O0"]
    report = verify(tmp_path / "m", targets=["verilog-icarus", "c-host"], variants=variants, images=3)
    assert [o.status for o in report.outcomes] == ["pass"] * 2, report.outcomes


FAULTS = {
    "a zero is no event": ("snn_top.v", r"\.EVERY\(1\)", ".EVERY(0)"),
    "a maximum restarts at zero": ("snn_fire_count.v", r"BIT << \(VW - 1\)", "0"),
    "the zeros around do not count": ("snn_fire_count.v", r"v_q > v0_q \? v_q : v0_q", "v_q"),
    "the larger is the smaller": ("snn_column.v", r"a > b \? a : b", "a > b ? b : a"),
    "other channels' lanes hold 0": ("snn_lanes.v", "BIT << \\(VW - 1\\)", "0"),
    "values are unsigned": ("snn_top.v", r"\.VALUE_SIGNED\(1\)", ".VALUE_SIGNED(0)"),
}


@pytest.mark.parametrize("fault", [*FAULTS, "a wrong place"])
def test_faults_are_noticed(tmp_path: Path, fault: str) -> None:
    net = POOLS["zeros around"] if fault.startswith("the zeros") else POOLS["of a tangled map"]
    exact(tmp_path, plan_with(net), signed_pixels(net), [3] * 6)
    if fault in FAULTS:
        name, old, new = FAULTS[fault]
        text, count = re.subn(old, new, (tmp_path / name).read_text())
        assert count
        (tmp_path / name).write_text(text)
    else:
        (file,) = tmp_path.glob("max_*_place.mem")
        lines = file.read_text().splitlines()
        lines[7], lines[30] = lines[30], lines[7]
        file.write_text("\n".join(lines) + "\n")
    compile_bench(tmp_path)
    assert "PASS" not in run(tmp_path)


@pytest.mark.parametrize("name", ["conv2d", "of a tangled map", "of a maximum"])
def test_the_worst_case_with_places(name: str) -> None:
    net = POOLS[name] if name in POOLS else tangled(name, dynamics="count")
    for lanes in (1, 4, None):
        plan = plan_with(net, lanes)
        for node in plan.nodes:
            for edge in node.edges:
                every = np.ones((1, edge.layout.words * edge.layout.lanes), bool)
                offset = cycles.offsets(plan, edge.source)
                assert (cycles.full_work(edge, offset) == cycles.edge_work(edge, every, offset)).all()
