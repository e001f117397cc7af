"""The float twins against the libraries: spike for spike, of every dialect there is a library for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snncc.frontend.nir import read
from snncc.nir import dialects, twin
from tests.nir.golden import CASES, case
from tests.nir.graphs import chain, neuron


@pytest.mark.parametrize("name", CASES)
def test_a_twin_fires_as_its_library(name: str) -> None:
    graph, reading, x, expected = case(name)
    assert not graph.problems and not dialects.faults(graph, reading)
    found = twin.run(graph, reading, x).spikes
    assert found.keys() == expected.keys()
    for node, spikes in expected.items():
        np.testing.assert_array_equal(found[node], spikes, err_msg=node)


FAULTS = {
    "snntorch_leaky_subtract_late": {"reset": "subtract"},
    "snntorch_synaptic_zero_now": {"reset": "subtract-late"},
    "spikingjelly_lif": {"reset": "subtract"},
    "spikingjelly_if": {"reset": "subtract"},
    "norse_cuba": {"gain": "whole"},
    "norse_lifcell": {"dt": 1.1e-3},
    "cnn_sinabs": {"spikes": "one"},
    "sinabs_lif_whole": {"gain": "scaled"},
    "rockpool_cuba": {"dt": 1.02e-3},
}


@pytest.mark.parametrize("name", FAULTS)
def test_another_reading_is_noticed(name: str) -> None:
    graph, reading, x, expected = case(name)
    found = twin.run(graph, replace(reading, **FAULTS[name]), x).spikes
    assert any((found[node] != spikes).any() for node, spikes in expected.items())


def test_the_clamp_is_noticed() -> None:
    graph, reading, x, expected = case("cnn_sinabs")
    found = twin.run(graph, replace(reading, clamp="none"), x).spikes
    assert any((found[node] != spikes).any() for node, spikes in expected.items())


def test_every_dialect_with_a_library_has_golden_spikes() -> None:
    covered = {said["asked"]["dialect"] for said in CASES.values()}
    assert covered == dialects.DIALECTS.keys() - {"spec"}


@pytest.mark.parametrize("kind", ["I", "LI", "CubaLI"])
def test_spec_is_the_paper_s_equations_as_its_timestep_shrinks(kind: str) -> None:
    """dV/dt = r x; tau dV/dt = v_leak - V + r x; tau_syn dI/dt = -I + w_in x: solved by hand for a constant x."""
    slow, fast, r, w, rest, x, end = 0.02, 0.005, 3.0, 2.0, 0.25, 0.5, 0.03
    on = r * x * (w if kind == "CubaLI" else 1)
    gone = np.exp(-end / slow)
    if kind == "CubaLI":
        away = (slow * gone - fast * np.exp(-end / fast)) / (slow - fast)
        solved = rest * (1 - gone) + on * (1 - away)
    else:
        solved = on * end if kind == "I" else (rest + on) * (1 - gone)
    values = {"I": {"r": r}, "LI": {"tau": slow, "r": r, "v_leak": rest},
              "CubaLI": {"tau_syn": fast, "tau_mem": slow, "r": r, "w_in": w, "v_leak": rest}}[kind]  # fmt: skip
    graph = read(chain((1,), neuron(kind, (1,), **values)))
    errors = []
    for steps in (300, 600):
        reading = dialects.settle(graph, dialects.Asked("spec", end / steps))
        errors.append(abs(twin.run(graph, reading, np.full((1, steps, 1), x)).output[-1, 0, 0] - solved))
    assert errors[0] < 0.01 and errors[1] <= 0.51 * errors[0] + 1e-12
