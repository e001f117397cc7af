"""Potentials in columns and events of several channels: windows of every kind against the simulator, cycle by cycle."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import ir
from snncc.backends.verilog import instances
from snncc.backends.verilog.cycles import edge_work, full_work
from snncc.backends.verilog.drafts import drafts, legal_columns, legal_lanes
from snncc.backends.verilog.plan import Choice, Plan, build
from snncc.backends.verilog.window import Axis, accesses
from tests.hw.simulate import exact, plan_with
from tests.networks import dense_chain, network, population, weights

KERNELS: dict[str, tuple[str, tuple[int, int, int], dict[str, Any]]] = {
    "3x3": ("conv2d", (4, 7, 2), {"kernel": (3, 3), "pads": (1, 1, 1, 1)}),
    "5 wide, padded on one side": ("conv2d", (3, 6, 1), {"kernel": (2, 5), "pads": (0, 1, 4, 0)}),
    "stride 2": ("conv2d", (5, 9, 2), {"kernel": (3, 3), "strides": (2, 2), "pads": (0, 1, 0, 1)}),
    "stride beyond the kernel": ("conv2d", (3, 9, 2), {"kernel": (2, 3), "strides": (1, 4)}),
    "dilation": ("conv2d", (3, 8, 2), {"kernel": (2, 3), "dilation": (1, 2), "pads": (0, 1, 2, 2)}),
    "dilation within a stride": (
        "conv2d", (4, 9, 2), {"kernel": (2, 5), "strides": (2, 4), "dilation": (2, 2), "pads": (1, 0, 3, 3)},
    ),
    "lanes on x": ("conv2d", (4, 9, 1), {"kernel": (3, 4), "pads": (1, 1, 2, 1)}),
    "depthwise": ("depthwise_conv2d", (4, 6, 4), {"kernel": (3, 3), "pads": (1, 1, 1, 1)}),
    "pool": ("sum_pool2d", (4, 7, 4), {"kernel": (2, 3), "strides": (1, 1)}),
}  # fmt: skip


def maps(name: str, dynamics: str) -> ir.Network:
    """The window over the input, then over its own map and a shortcut, then a readout that adds rows and columns."""
    kind, shape, fields = KERNELS[name]
    options = dict(fields)
    kernel = options.pop("kernel")

    def layer(label: str, source: str, channels: int, **geometry: Any) -> ir.Projection:
        common = {"name": label, "source": ir.Source(source), **geometry}
        if kind == "conv2d":
            return ir.Conv2D(weights=weights(len(label), *kernel, channels, 4), **common)
        if kind == "depthwise_conv2d":
            return ir.DepthwiseConv2D(weights=weights(len(label), *kernel, channels, 1), **common)
        return ir.SumPool2D(size=kernel, **common)

    first = layer("first", "input", shape[2], **options)
    middle = ir.projection_shape(first, shape)
    same = {"kernel": (3, 3), "pads": (1, 1, 1, 1)}
    again = [
        ir.Conv2D(
            name="again", source=ir.Source("a"), weights=weights(5, *same["kernel"], middle[2], 4), pads=same["pads"]
        ),
        ir.Identity(name="skip", source=ir.Source("a"), weights=weights(6, middle[2])),
    ]
    last = ir.SumPool2D(name="last", source=ir.Source("b"), size=(2, 2), strides=(1, 1), pads=(1, 0, 1, 0))
    return network(
        population("a", middle, first, theta=60, v0=20),
        population("b", middle, *again, theta=90, bias=3),
        population("c", ir.projection_shape(last, middle), last, theta=None),
        shape=shape, dynamics=dynamics, timesteps=5,
    )  # fmt: skip


def widest(net: ir.Network, seed: int) -> Plan:
    """As many columns as go with random LANES and parts."""
    rng, choices = random.Random(seed), {}
    for draft in drafts(net):
        lanes = rng.choice([n for n in legal_lanes(draft) if len(legal_columns(draft, n)) > 1] or legal_lanes(draft))
        fire = rng.choice([n for n in range(1, lanes + 1) if lanes % n == 0])
        parts = rng.choice([n for n in range(1, lanes + 1) if lanes % (fire * n) == 0])
        choices[draft.name] = Choice(
            lanes, fire, rng.randint(1, 3), parts, rng.choice(legal_columns(draft, lanes)[-2:]), rng.randint(0, 1)
        )
    return build(net, choices | {ir.INPUT: Choice(rng.randint(1, 8), deep=rng.randint(0, 1))})


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("name", KERNELS)
def test_columns(tmp_path: Path, name: str, dynamics: str) -> None:
    net = maps(name, dynamics)
    plan = widest(net, len(name))
    assert any(node.slots > 1 for node in plan.nodes)
    pixels = np.random.default_rng(1).integers(0, 256, (2, *net.input.shape))
    exact(tmp_path, plan, pixels, [5, 2])


def test_every_tap_is_in_one_slot() -> None:
    for geometry in product((1, 3, 4), (1, 2, 3), (1, 2), (0, 2), (1, 5)):
        for columns in (1, 2, 4):
            one_slot_each(Axis(*geometry), columns)


def one_slot_each(axis: Axis, columns: int) -> None:
    """Each (tap, output) that a position reaches is one slot of one access, and no other slot is let through."""
    kernel, stride, dilation, before, out = axis.kernel, axis.stride, axis.dilation, axis.before, axis.out
    taps = axis.columns(columns)
    made = accesses(axis, taps)
    positions = np.arange(stride * out + kernel * dilation)
    for v, (number, word, first, begins, ends) in zip(positions.tolist(), made.table(positions).tolist(), strict=True):
        found = []
        for access in range(number):
            mask = (begins if access == 0 else -1) & (ends if access == number - 1 else -1)
            slots = [slot for slot in range(taps) if mask >> slot & 1]
            step = taps if taps > 1 else -axis.out_step
            found += [(int(made.words[word + access, slot]), first - access * step - slot) for slot in slots]
        wanted = [
            (tap, (v + before - tap * dilation) // stride)
            for tap in range(kernel)
            if (v + before - tap * dilation) % stride == 0 and 0 <= v + before - tap * dilation < out * stride
        ]
        assert found == wanted


@pytest.mark.parametrize("name", KERNELS)
def test_the_worst_case_in_columns(name: str) -> None:
    plan = widest(maps(name, "count"), 2)
    for node in plan.nodes:
        for edge in node.edges:
            every = np.ones((1, edge.layout.words * edge.layout.lanes), bool)
            offset = np.arange(1 - edge.layout.band_words, 1)
            assert (full_work(edge, offset) == edge_work(edge, every, offset)).all()


def test_a_word_of_channels_is_one_event() -> None:
    """A depthwise row of so many words takes so many events; a dense layer's channels stay one by one."""
    net = maps("depthwise", "step")
    plan = plan_with(net)
    (shortcut,) = (edge for edge in plan.nodes[1].edges if edge.channelwise)
    assert (plan.nodes[0].edges[0].pack, shortcut.pack, plan.nodes[1].edges[0].pack) == (4, 4, 1)
    assert [edge.pack for edge in plan_with(net, 2).nodes[1].edges] == [1, 2]


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_deep_weights_lie_in_blocks(tmp_path: Path, dynamics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a deep node, whose block RAMs are read side by side; the last block is not full."""
    monkeypatch.setattr(instances, "BLOCK", 8)
    net = dense_chain(dynamics)
    choices = {d.name: Choice(legal_lanes(d)[0], deep=1) for d in drafts(net)}
    plan = build(net, choices)
    assert any(i.parameters.get("W_BLOCKS", 1) > 2 for i in instances.design(plan).instances)
    exact(tmp_path, plan, np.random.default_rng(3).integers(0, 256, (2, 20)), [3, 2])
