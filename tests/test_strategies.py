"""The strategies themselves: every option gives valid networks, and together they reach everything they promise."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snncc import ir
from tests import reference, strategies

OPTIONS: list[dict[str, Any]] = [
    {},
    {"dynamics": "step", "encoding": "rate", "readout": "spikes"},
    {"dynamics": "count", "max_pool": True},
    {"dynamics": "count", "kinds": ("conv2d",), "concat": False},
    {"kinds": ("sum_pool2d", "identity"), "concat": False, "signed": True},
    {"kinds": ("depthwise_conv2d", "dense"), "signed_bits": st.just(4), "max_populations": 2},
    {"extreme": False, "saturates": False, "spike_ext": st.just(0), "max_side": 1, "timesteps": st.just(3)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o) or "all")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_options_hold(options: dict[str, Any], data: st.DataObject) -> None:
    case = data.draw(strategies.cases(**options))
    network = case.network
    ir.check(network)
    assert case.pixels.shape[1:] == network.input.shape
    assert 1 <= case.timesteps <= network.timesteps
    views = [ir.has_max_pool(q.source) for p in network.populations for q in p.projections]
    if options.get("dynamics") != "count":
        assert network.spike_ext >= 0
    if options.get("max_pool") and len(network.input.shape) == 3:
        assert any(views)
    if options.get("signed"):
        assert network.input.signed
    assert len(network.populations) <= options.get("max_populations", 4)
    if options.get("readout"):
        assert network.readout == options["readout"]


def _views(view: ir.View) -> list[str]:
    """Kinds of all nodes of a view."""
    inner = view.views if isinstance(view, ir.Concat) else [] if isinstance(view, ir.Source) else [view.view]
    return [type(view).__name__] + [name for v in inner for name in _views(v)]


def test_everything_is_reached() -> None:
    """Kinds, views, parameter shapes, encodings, readouts, and neurons that are silent, active and saturated."""
    seen: Counter[str] = Counter()

    @settings(max_examples=200, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=strategies.cases(dynamics="count"))
    def collect(case: strategies.Case) -> None:
        network = case.network
        seen.update([network.input.encoding, network.readout, f"signed {network.input.signed}"])
        seen[f"spike_ext {network.spike_ext}"] += 1
        result = reference.count(network, case.pixels[0], case.timesteps)
        for population in network.populations:
            seen["several projections"] += len(population.projections) > 1
            seen["single neuron"] += population.neurons == 1
            seen["saturates"] += population.saturates
            for projection in population.projections:
                seen[type(projection).__name__] += 1
                seen.update(_views(projection.source))
            if population.theta is None:
                continue
            for values in (population.theta, population.bias, population.v0):
                one_each = values.ndim == 3 and values.shape[2] == 1 < population.shape[2]
                seen["position parameter" if one_each else f"rank {values.ndim} parameter"] += 1
            for i, u in enumerate(result.u[population.name]):
                theta = reference.parameter(population.theta, population.shape, i)
                seen["tie"] += u > 0 and u % theta == 0 and theta > 1
            fired = result.n[population.name]
            top = max(fired)
            seen["silent" if top == 0 else "saturated" if min(fired) >= case.timesteps else "active"] += 1
            seen["negative u"] += min(result.u[population.name]) < 0

    collect()
    rare = [
        name
        for name in (
            *("Conv2D", "DepthwiseConv2D", "Dense", "SumPool2D", "Identity", "several projections", "single neuron"),
            *("Source", "Reshape", "Pad", "Concat", "MaxPool", "Spread", "tie", "negative u", "saturates"),
            *("rate", "current", "potential", "spikes", "signed True", "spike_ext -1", "spike_ext 7"),
            *("position parameter", "rank 0 parameter", "rank 1 parameter", "rank 3 parameter"),
            *("silent", "active", "saturated"),
        )
        if seen[name] < 5
    ]
    assert not rare, (rare, seen)
