"""Every invariant of leaky neurons, late views and frames, broken one at a time: an error that names place and rule."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from snncc import ir
from snncc.errors import NetworkError
from tests.networks import change, change_kinds, change_projection, recurrent


def i64(*values: int) -> np.ndarray:
    return np.array(values[0] if len(values) == 1 else values, np.int64)


def kind(**fields: Any) -> ir.Network:
    return change_kinds(recurrent(), **fields)


def golden(*shape: int) -> ir.Network:
    record = ir.Record(options={}, data={}, versions={}, golden=np.zeros(shape, np.int64))
    return ir.replace(recurrent(), record=record)


def late(name: str) -> ir.Network:
    return change_projection(recurrent(), "last", source=ir.Late(name))


INTEGRATOR = recurrent()["last"].kind
RELAY = ir.Relay(shift=i64(0), step=(0, 9000))
BROKEN: dict[str, tuple[ir.Network, str]] = {
    "leak above all": (kind(leak=i64(4097)), "'hidden': leak must be 0 to 4096"),
    "leak negative": (kind(leak=i64(-1)), "leak must be 0 to 4096"),
    "leak type": (kind(leak=np.array(3.0)), "leak must be int64"),
    "leak shape": (kind(leak=i64(1, 2)), "leak must be one number or one per channel"),
    "decay above all": (kind(decay=i64(5000)), "decay must be 0 to 4096"),
    "lowest positive": (kind(lowest=i64(1)), "lowest must not be above 0"),
    "lowest huge": (kind(lowest=i64(-(2**62) - 2**40)), "lowest is out of range"),
    "nothing subtracted": (kind(amount=i64(0)), "what a reset subtracts must be positive"),
    "reset above the threshold": (kind(reset="value", most=1, amount=i64(800)), "must be below the threshold"),
    "several and to a value": (kind(reset="value"), "need a reset by subtraction"),
    "no spike at all": (kind(most=0), "1 to 255"),
    "too many spikes": (kind(most=256), "1 to 255"),
    "begins above": (change(kind(reset="subtract_late"), "hidden", v0=i64(800)), "v0 is below theta"),
    "saturates": (change(recurrent(), "hidden", saturates=True), "leaky neurons do not saturate"),
    "no threshold": (change(recurrent(), "hidden", theta=None), "it needs a threshold where it fires"),
    "a threshold": (change(recurrent(), "last", theta=i64(9)), "has none otherwise"),
    "integrator inside": (change(recurrent(), "hidden", kind=INTEGRATOR, theta=None), "which nothing else"),
    "fires as a readout": (change(recurrent(), "last", kind=recurrent()["hidden"].kind), "is a leaky_integrator"),
    "reads the input late": (late("input"), "'input' was a timestep before, which is no population"),
    "reads nobody late": (late("nobody"), "'nobody' was a timestep before"),
    "reads a readout late": (change_projection(late("last"), "last", weights=np.ones((3, 3), np.int8)), "on nothing"),
    "count": (ir.replace(recurrent(), dynamics="count"), "no dynamics `count`"),
    "float twin": (ir.replace(recurrent(), signed_bit=0, intervals={}), "a float twin has no leaks"),
    "no upper clip": (ir.replace(recurrent(), spike_ext=-1), "spike_ext -1 exists in `count` only"),
    "intervals of count": (
        ir.replace(recurrent(), intervals=recurrent().intervals | {"count": {}}), "stored intervals are not those",
    ),
    "golden images": (golden(2, 12), "golden sequences of another length"),
    "golden too long": (golden(2, 21, 12), "golden sequences of another length"),
    "golden of another shape": (golden(2, 20, 11), "golden images of another shape"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named(case: str) -> None:
    network, message = BROKEN[case]
    with pytest.raises(NetworkError, match=message):
        ir.check(network)


def test_a_later_relay_is_not_read_late() -> None:
    first = ir.Dense(name="x", source=ir.Late("relay"), weights=np.ones((8, 8), np.int8))
    hidden = recurrent()["hidden"]
    hidden = ir.replace(hidden, projections=(hidden.projections[0], first))
    passed = ir.Identity(name="p", source=ir.Source("hidden"), weights=np.array(1, np.int8))
    relay = ir.replace(hidden, name="relay", projections=(passed,), theta=None, v0=i64(0), kind=RELAY)
    last = change_projection(recurrent(), "last", source=ir.Source("relay")).output
    with pytest.raises(NetworkError, match="'relay' is a relay, which only later ones read late"):
        ir.check(ir.replace(recurrent(), populations=(hidden, relay, last)))


def test_the_sample_is_valid_and_fifty_bits_are_the_end() -> None:
    ir.check(recurrent())
    ir.check(golden(2, 20, 12))
    wide = change_projection(recurrent(), "hidden", shift=40)
    with pytest.raises(NetworkError, match=r"population 'hidden': .* bits \(limit 50\)"):
        ir.prove(wide)


def test_a_network_without_time_keeps_its_file() -> None:
    """Version 4 only where something of it is used; the kind of today's neurons is not written."""
    assert recurrent().runs_in == ("step",)
    plain = change(recurrent(), "hidden", kind=msgspec.UNSET)
    assert plain.runs_in == ("step",), "late sources and frames are enough"
