"""Every invariant of a network, broken one at a time: a NetworkError that names the place and the rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snncc import ir
from snncc.errors import NetworkError
from snncc.neurons import INTEGRATE_AND_FIRE, SILENT
from tests import strategies
from tests.networks import change, change_projection, every_kind

Break = Callable[[ir.Network], ir.Network]


def header(**changes: Any) -> Break:
    return lambda n: ir.replace(n, **changes)


def source(**changes: Any) -> Break:
    return lambda n: ir.replace(n, input=ir.replace(n.input, **changes))


def population(which: str, /, **changes: Any) -> Break:
    return lambda n: change(n, which, **changes)


def projection(which: str, /, **changes: Any) -> Break:
    return lambda n: change_projection(n, which, **changes)


def i64(*values: Any) -> np.ndarray:
    return np.array(values[0] if len(values) == 1 else values, np.int64)


def i8(*shape: int) -> np.ndarray:
    return np.ones(shape, np.int8)


INPUT = ir.Source("input")
HEADER: dict[str, tuple[Break, str]] = {
    "name": (header(name="2 words"), "2 words"),
    "empty name": (header(name=""), "not an identifier"),
    "signed_bit 1": (header(signed_bit=1), "signed_bit"),
    "signed_bit 17": (header(signed_bit=17), "signed_bit"),
    "spike_ext": (header(spike_ext=-2), "spike_ext"),
    "no timesteps": (header(timesteps=0), "timesteps"),
    "too many timesteps": (header(timesteps=65_535), "at most 65,535, not 65,535 + 1 = 65,536"),
    "no populations": (header(populations=()), "at least one population"),
    "input bits 1": (source(bits=1), "input bits"),
    "input bits 17": (source(bits=17), "input bits"),
    "signed rate": (source(signed=True), "rate"),
    "lambda_0 zero": (source(lambda_0=0.0), "lambda_0"),
    "lambda_0 nan": (source(lambda_0=float("nan")), "lambda_0"),
    "lambda_0 inf": (source(lambda_0=float("inf")), "lambda_0"),
    "input rank": (source(shape=(4, 8)), "neither"),
    "input without shape": (source(shape=()), "neither"),
    "input empty": (source(shape=(4, 0, 2)), "out of range"),
    "input negative": (source(shape=(-4, -4, 2)), "out of range"),
    "input huge": (source(shape=(2**20, 2**20, 2)), "out of range"),
    "input channels": (source(shape=(2**23,), gain=np.ones(())), "channels"),
    "gain type": (source(gain=np.ones(2, np.float32)), "gain"),
    "gain nan": (source(gain=np.array([1.0, np.nan])), "gain"),
    "gain shape": (source(gain=np.ones(3)), "gain"),
    "offset inf": (source(offset=np.array(np.inf)), "offset"),
    "offset shape": (source(offset=np.zeros((4, 4, 2))), "offset"),
    "output_scale": (header(output_scale=0.0), "output_scale"),
    "output_scale nan": (header(output_scale=float("nan")), "output_scale"),
    "output_shape": (header(output_shape=(4,)), "output_shape"),
    "output_shape negative": (header(output_shape=(-1, -3)), "output_shape"),
    "thresholding word": (header(thresholding="half"), "thresholding"),
    "thresholding empty": (header(thresholding=""), "thresholding"),
    "thresholding over zero": (header(thresholding="1/0"), "thresholding"),
    "thresholding without end": (header(thresholding="1e999999999"), "thresholding"),
    "intervals of another network": (population("conv", bias=i64(-4)), "intervals"),
    "no intervals": (header(intervals={}), "intervals"),
    "a wider interval": (
        lambda n: ir.replace(n, intervals=n.intervals | {"count": n.intervals["count"] | {"out": (-(10**9), 10**9)}}),
        "intervals",
    ),
}

POPULATION: dict[str, tuple[str, Break, str]] = {
    "name": ("a-b", population("pool", name="a-b"), "not an identifier"),
    "name taken": ("conv", population("both", name="conv"), "taken"),
    "name of the input": ("input", population("both", name="input"), "taken"),
    "rank": ("both", population("both", shape=(16, 4)), "bad shape"),
    "empty": ("both", population("both", shape=(4, 0, 4)), "bad shape"),
    "neurons": ("both", population("both", shape=(2**14, 2**14, 4)), "neurons"),
    "channels": ("both", population("both", shape=(2**23,)), "channels"),
    "no projection": ("both", population("both", projections=()), "no projection"),
    "hidden without threshold": ("both", population("both", theta=None), "needs a threshold"),
    "readout with threshold": ("out", population("out", theta=i64(5)), "no threshold"),
    "kind said twice": ("both", population("both", kind=INTEGRATE_AND_FIRE), "leave `kind` out"),
    "kind that does not fire": ("both", population("both", kind=SILENT), "leave `kind` out"),
    "readout with v0": ("out", population("out", v0=i64(1)), "v0 = 0"),
    "theta zero": ("both", population("both", theta=i64(0)), "positive"),
    "theta negative": ("both", population("both", theta=i64(-1)), "positive"),
    "one theta zero": ("conv", population("conv", theta=i64(700, 800, 0, 900)), "positive"),
    "theta type": ("both", population("both", theta=np.array(900, np.int32)), "int64"),
    "theta float": ("both", population("both", theta=np.array(900.0)), "int64"),
    "theta shape": ("both", population("both", theta=i64(1, 2)), "does not fit"),
    "theta per row": ("both", population("both", theta=np.ones((4, 1, 1), np.int64)), "does not fit"),
    "theta too large": ("both", population("both", theta=i64(2**62)), "out of range"),
    "bias type": ("both", population("both", bias=np.array(0.5)), "int64"),
    "bias shape": ("out", population("out", bias=np.zeros((1, 3), np.int64)), "does not fit"),
    "bias too large": ("both", population("both", bias=i64(-(2**62))), "out of range"),
    "bias at the type's end": ("both", population("both", bias=i64(-(2**63))), "out of range"),
    "v0 type": ("both", population("both", v0=np.array(1, np.uint64)), "int64"),
    "v0 shape": ("both", population("both", v0=np.zeros((4, 4), np.int64)), "does not fit"),
    "v0 too large": ("both", population("both", v0=i64(2**62)), "out of range"),
    "lambda type": ("both", population("both", lambda_=np.ones((), np.float32)), "lambda"),
    "lambda shape": ("both", population("both", lambda_=np.ones(3)), "lambda"),
    "lambda zero": ("both", population("both", lambda_=np.zeros(())), "lambda"),
    "lambda nan": ("both", population("both", lambda_=np.array(np.nan)), "lambda"),
    "unread": (
        "pool",
        projection("out", source=ir.Reshape(ir.Source("conv"), (64,)), weights=i8(64, 3)),
        "nothing reads",
    ),
    "more than 63 bits": ("conv", population("conv", bias=i64(2**61)), "63"),
}

PROJECTION: dict[str, tuple[str, Break, str]] = {
    "later population": ("conv", projection("conv", source=ir.Source("both")), "earlier population"),
    "itself": ("conv", projection("conv", source=ir.Source("conv")), "earlier population"),
    "unknown population": ("conv", projection("conv", source=ir.Source("nobody")), "nobody"),
    "shift negative": ("conv", projection("conv", shift=-1), "shift"),
    "shift 63": ("conv", projection("conv", shift=63), "shift"),
    "weight type": ("conv", projection("conv", weights=np.ones((3, 3, 2, 4), np.int16)), "int8"),
    "weight float": ("conv", projection("conv", weights=np.ones((3, 3, 2, 4), np.float32)), "int8"),
    "weight -128": ("conv", projection("conv", weights=np.full((3, 3, 2, 4), -128, np.int8)), "outside"),
    "target shape": ("conv", projection("conv", weights=i8(3, 3, 2, 5)), "its population"),
    "kernel rank": ("conv", projection("conv", weights=i8(3, 3, 8)), "do not fit"),
    "kernel channels": ("conv", projection("conv", weights=i8(3, 3, 3, 4)), "do not fit"),
    "empty kernel": ("conv", projection("conv", weights=i8(0, 3, 2, 4)), "do not fit"),
    "no output channels": ("conv", projection("conv", weights=i8(3, 3, 2, 0)), "do not fit"),
    "stride zero": ("conv", projection("conv", strides=(0, 1)), "at least 1"),
    "dilation zero": ("conv", projection("conv", dilation=(1, 0)), "at least 1"),
    "pads negative": ("conv", projection("conv", pads=(-1, 1, 1, 1)), "at least 0"),
    "window too large": ("conv", projection("conv", dilation=(9, 9)), "does not fit"),
    "flat source": ("conv", projection("conv", source=ir.Reshape(INPUT, (32,))), "do not fit"),
    "depthwise channels": ("both", projection("both", weights=i8(3, 3, 2, 2)), "do not fit"),
    "pool in company": ("pool", lambda n: change(n, "pool", projections=n["pool"].projections * 2), "alone"),
    "pool size zero": ("pool", projection("pool", size=(0, 2)), "at least 1"),
    "pool of a flat view": ("pool", projection("pool", source=ir.Reshape(ir.Source("both"), (64,))), "(H, W, C)"),
    "dense rank": ("out", projection("out", weights=i8(52)), "do not fit"),
    "dense inputs": ("out", projection("out", weights=i8(51, 3)), "do not fit"),
    "dense without outputs": ("out", projection("out", weights=i8(52, 0)), "do not fit"),
    "dense of a map": ("out", projection("out", source=ir.Source("conv")), "do not fit"),
    "reshape": ("conv", projection("conv", source=ir.Reshape(INPUT, (4, 4, 3))), "reshape"),
    "reshape rank": ("conv", projection("conv", source=ir.Reshape(INPUT, (16, 2))), "reshape"),
    "reshape to nothing": ("conv", projection("conv", source=ir.Reshape(INPUT, ())), "reshape"),
    "reshape negative": ("conv", projection("conv", source=ir.Reshape(INPUT, (-4, -4, 2))), "reshape"),
    "pad of a flat view": ("conv", projection("conv", source=ir.Pad(ir.Reshape(INPUT, (32,)), (0, 0, 0, 0))), "pad"),
    "pad negative": ("conv", projection("conv", source=ir.Pad(INPUT, (-1, 1, 0, 0))), "pad"),
    "spread of a flat view": ("conv", projection("conv", source=ir.Spread(ir.Reshape(INPUT, (32,)), (1, 1))), "spread"),
    "spread by nothing": ("conv", projection("conv", source=ir.Spread(INPUT, (1, 0))), "spread"),
    "spread too large": (
        "conv",
        projection("conv", source=ir.Spread(ir.Reshape(INPUT, (1, 1, 32)), (2**30, 1))),
        "elements",
    ),
    "spread in another shape": ("conv", projection("conv", source=ir.Spread(INPUT, (1, 2))), "its population is"),
    "concat of nothing": ("conv", projection("conv", source=ir.Concat(())), "concatenate"),
    "concat heights": (
        "conv",
        projection("conv", source=ir.Concat((INPUT, ir.Pad(INPUT, (1, 0, 0, 0))))),
        "concatenate",
    ),
    "max-pool of padding": (
        "conv",
        projection("conv", source=ir.MaxPool(INPUT, (2, 2), (1, 1), (2, 0, 0, 0))),
        "pads < size",
    ),
    "max-pool pads negative": (
        "conv",
        projection("conv", source=ir.MaxPool(INPUT, (1, 1), (1, 1), (-1, 0, 0, 0))),
        "at least 0",
    ),
    "max-pool stride": ("conv", projection("conv", source=ir.MaxPool(INPUT, (1, 1), (0, 1))), "at least 1"),
    "max-pool too large": ("conv", projection("conv", source=ir.MaxPool(INPUT, (5, 5), (1, 1))), "does not fit"),
    "max-pool of a flat view": (
        "conv",
        projection("conv", source=ir.MaxPool(ir.Reshape(INPUT, (32,)), (1, 1), (1, 1))),
        "(H, W, C)",
    ),
    "projection name of two lines": ("conv", projection("conv", name="conv\n#include"), "not a line of text"),
    "projection without a name": ("conv", projection("conv", name=""), "not a line of text"),
    "projection name taken": ("both", projection("both", name="both_1"), "taken"),
    "view too large": ("conv", projection("conv", source=ir.Pad(INPUT, (2**30, 0, 0, 0))), "elements"),
    "pads too large": ("conv", projection("conv", pads=(2**30, 1, 1, 1)), "elements"),
    "wide concat": (
        "conv",
        projection("conv", source=ir.Concat((ir.Pad(ir.Reshape(INPUT, (1, 1, 32)), (2**21, 0, 0, 0)),) * 3)),
        "elements",
    ),
}


def second(weights: np.ndarray) -> Break:
    """Other weights for the identity projection, the second of its population."""
    return lambda n: change(
        n, "both", projections=(n["both"].projections[0], ir.replace(n["both"].projections[1], weights=weights))
    )


IDENTITY = {
    "channels": (second(i8(3)), "do not fit"),
    "rank": (second(i8(1, 4)), "do not fit"),
    "type": (second(np.ones((), np.int64)), "int8"),
    "range": (second(np.array(-128, np.int8)), "outside"),
}


@pytest.mark.parametrize("spikes", [False, True])
def test_the_sample_is_valid(spikes: bool) -> None:
    ir.check(every_kind(spikes))


@pytest.mark.parametrize("case", HEADER)
def test_header(case: str) -> None:
    broken, says = HEADER[case]
    with pytest.raises(NetworkError) as caught:
        ir.check(broken(every_kind()))
    assert says in str(caught.value)


@pytest.mark.parametrize("case", POPULATION)
def test_population(case: str) -> None:
    name, broken, says = POPULATION[case]
    with pytest.raises(NetworkError) as caught:
        ir.check(broken(every_kind()))
    assert name in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("case", PROJECTION)
def test_projection(case: str) -> None:
    name, broken, says = PROJECTION[case]
    with pytest.raises(NetworkError) as caught:
        ir.check(broken(every_kind()))
    assert f"population '{name}'" in str(caught.value)
    assert "projection" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("case", IDENTITY)
def test_identity(case: str) -> None:
    broken, says = IDENTITY[case]
    with pytest.raises(NetworkError) as caught:
        ir.check(broken(every_kind()))
    assert "'both'" in str(caught.value)
    assert "'both_1'" in str(caught.value)
    assert says in str(caught.value)


def test_spikes_readout_needs_a_threshold() -> None:
    with pytest.raises(NetworkError, match=r"population 'out'.*needs a threshold"):
        ir.check(change(every_kind(spikes=True), "out", theta=None))


def test_order_of_populations_is_topological() -> None:
    network = every_kind()
    a, b, *rest = network.populations
    with pytest.raises(NetworkError, match=r"'both'.*'conv', which is not an earlier population"):
        ir.check(ir.replace(network, populations=(b, a, *rest)))


@pytest.mark.parametrize("text", ["0.5", ".5", "0", "-0.25", "1e-05", "1/3"])
def test_every_way_to_write_thresholding(text: str) -> None:
    ir.check(ir.replace(every_kind(), thresholding=text))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.networks(), st.data())
def test_one_interval_off_by_one_is_refused(network: ir.Network, data: st.DataObject) -> None:
    """Whatever the network, a stored interval that differs by one LSB is not accepted."""
    dynamics = data.draw(st.sampled_from(["count", "step"]))
    name = data.draw(st.sampled_from([p.name for p in network.populations]))
    low, high = network.intervals[dynamics][name]
    wrong = data.draw(st.sampled_from([(low - 1, high), (low, high + 1), (low + 1, high), (low, high - 1)]))
    stored = network.intervals | {dynamics: network.intervals[dynamics] | {name: wrong}}
    with pytest.raises(NetworkError, match="intervals"):
        ir.check(ir.replace(network, intervals=stored))
