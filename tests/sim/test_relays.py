"""Relays by hand, and what the verifier refuses of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snncc import ir, sim
from snncc.errors import NetworkError
from tests import networks


def one(shift: Any, bias: int = 0, timesteps: int = 4, **options: Any) -> ir.Network:
    """A current of one pixel -> times 5 -> relay -> times 1 -> readout."""
    first = ir.Dense(name="a", source=ir.Source("input"), weights=np.array([[5]], np.int8))
    second = ir.Dense(name="b", source=ir.Source("relay"), weights=np.array([[1]], np.int8))
    return networks.network(
        networks.relay("relay", (1,), first, shift=shift, bias=bias),
        networks.population("last", (1,), second, theta=None), shape=(1,), source=networks.SIGNED,
        timesteps=timesteps, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pixel", "shift", "bias", "step", "count"),
    [
        (3, 0, 0, 4 * 15, 60),
        (3, 2, 0, 4 * 4, 15),  # 15 / 4 = 3.75 -> 4 four times; 60 / 4 = 15
        (-3, 2, 0, 4 * -4, -15),
        (2, 2, 0, 4 * 3, 10),  # 2.5 -> 3: halves upwards
        (-2, 2, 0, 4 * -2, -10),  # -2.5 -> -2
        (-2, 2, 1, 4 * -2, -9),  # -9 / 4 = -2.25 -> -2; -36 / 4 = -9
        (3, 3, -7, 4 * 1, 4),  # 8 / 8; 32 / 8
    ],
)
def test_by_hand(pixel: int, shift: int, bias: int, step: int, count: int) -> None:
    network = one(shift, bias)
    for dynamics, wanted in (("step", step), ("count", count)):
        result = sim.run(network, np.array([[pixel]]), 4, dynamics, trace=True)
        assert result.values.tolist() == [[wanted]], dynamics
        assert result.counts["relay"].tolist() == [[wanted]]
    assert result.trace is not None
    assert result.trace.potentials["relay"].tolist() == [[5 * pixel * 4 + bias * 4]]


def test_after_t_neither_input_nor_bias() -> None:
    stepped = sim.run(one(0, 7, spike_ext=2), np.array([[1]]), 3, "step", trace=True)
    assert stepped.trace is not None
    assert stepped.trace.spikes["relay"].ravel().tolist() == [12, 12, 12, 0, 0]


def test_ranges_by_hand() -> None:
    """|p| <= 15, times 5 plus a bias of 3: step u + 4 in -72..82 and y = floor(. / 8); count four times as much."""
    kind = one(3, 3)["relay"].relay
    assert kind is not None
    assert (kind.step, kind.count) == ((-9, 10), (-37, 39))
    longer = ir.proven(ir.replace(one(3, 3), timesteps=40))["relay"].relay
    assert longer is not None
    assert (longer.step, longer.count) == ((-9, 10), (-375, 390))


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"count": (-36, 39)}, "states -36..39"),
        ({"step": (-9, 9)}, "states -9..9"),
        ({"count": (1, 39)}, "must hold 0"),
        ({"shift": np.array(63)}, "out of range"),
        ({"shift": np.array(-1)}, "out of range"),
        ({"shift": np.array([3, 3])}, "one number or one per channel"),
        ({"shift": np.array(3.0)}, "must be int64"),
    ],
)
def test_what_the_verifier_refuses(fields: dict[str, Any], wrong: str) -> None:
    network = one(3, 3)
    kind = ir.replace(network["relay"].relay, **fields)
    with pytest.raises(NetworkError, match=wrong):
        ir.check(networks.change(network, "relay", kind=kind))


def test_wider_ranges_are_allowed_and_count_for_the_readers() -> None:
    network = one(3, 3)
    kind = ir.replace(network["relay"].relay, count=(-100, 100), step=(-50, 50))
    wider = networks.change(network, "relay", kind=kind)
    wider = ir.replace(wider, intervals=ir.prove(wider))
    ir.check(wider)
    assert wider.intervals["count"]["last"] == (-100, 100)
    assert wider.intervals["step"]["last"] == (-200, 200)


@pytest.mark.parametrize(
    ("which", "fields", "wrong"),
    [
        ("relay", {"theta": np.array(4)}, "a relay has no threshold"),
        ("relay", {"v0": np.array(4)}, "v0 = 0"),
        ("relay", {"saturates": True}, "does not saturate"),
        ("last", {"kind": ir.Relay(shift=np.array(0))}, "cannot be the readout"),
    ],
)
def test_what_a_relay_cannot_have(which: str, fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(NetworkError, match=wrong):
        ir.check(networks.change(one(3, 3), which, **fields))
