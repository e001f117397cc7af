"""The float twins against the libraries: spike for spike, of every dialect there is a library for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snncc.nir import dialects, twin
from tests.nir.golden import CASES, case


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
