"""Engines: whatever runs a network, its integers are the simulator's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snncc
from snncc import engines
from snncc.backends.c import panels
from snncc.cli import parameters
from snncc.engines import native
from snncc.engines.native import Native
from snncc.errors import DataError, NetworkError, SnnccWarning, TargetError, warn_once
from snncc.evaluation import evaluate
from snncc.ir import Array
from snncc.keras_layers.outputs import Counted, Twin
from snncc.sim.run import ready
from tests.networks import residual
from tests.strategies import Case, cases, timed_cases
from tests.support import examples


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNCC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def same(case: Case, changes: bool) -> None:
    net, timesteps = case.network, case.timesteps
    try:
        made = Native().ready(net, timesteps, net.dynamics, changes)
    except TargetError:  # what C refuses, by name: tests/backends has those
        return
    outputs, trace = made.run(case.pixels)
    expected, all_of_it = ready(net, timesteps, net.dynamics, changes=changes).run(case.pixels)
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values)
    for name, train in trace.spikes.items():
        np.testing.assert_array_equal(train, all_of_it.spikes[name])
    if changes and net.window.stepping:
        for population in net.populations:
            if population.fires:
                assert trace.changes[population.name] == all_of_it.changes[population.name]


@examples(6)
@given(st.one_of(cases(dynamics="count"), cases(dynamics="step")), st.booleans())
def test_native_equals_the_simulator(case: Case, changes: bool) -> None:
    same(case, changes)


@examples(6)
@given(timed_cases(), st.booleans())
def test_native_equals_the_simulator_where_time_matters(case: Case, changes: bool) -> None:
    """Leaky neurons, late sources and frames."""
    same(case, changes)


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_evaluations_are_equal(dynamics: str) -> None:
    net = residual(dynamics=dynamics)
    rng = np.random.default_rng(5)
    pixels, y = rng.integers(0, 256, (70, *net.input.shape)), rng.integers(0, 3, 70)
    numpy, native = (
        evaluate(net, pixels, y, [3, net.timesteps], dynamics, engine=name) for name in ("numpy", "native")
    )
    assert [found.engine for found in (*numpy, *native)] == ["numpy"] * 2 + ["native"] * 2
    assert numpy == native


def test_keras_equals_the_simulator() -> None:
    net = residual(dynamics="count")
    rng = np.random.default_rng(6)
    pixels, y = rng.integers(0, 256, (300, *net.input.shape)), rng.integers(0, 3, 300)  # a batch, and a part of one
    numpy, keras = (evaluate(net, pixels, y, [5], "count", engine=name) for name in ("numpy", "keras"))
    assert numpy == keras and keras[0].engine == "keras"


def test_keras_stops_where_it_differs_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    net = residual(dynamics="count")
    pixels = np.random.default_rng(6).integers(0, 256, (3, *net.input.shape))
    right = Twin.outputs

    def wrong(twin: Twin, counts: Array) -> dict[str, Array]:
        made = right(twin, counts)
        made["added"] = made["added"].copy()
        made["added"][:, 1, 2, 3] += 1
        return made

    monkeypatch.setattr(Twin, "outputs", wrong)
    with pytest.raises(NetworkError, match=r"not exact on this device: population 'added', neuron \(1, 2, 3\)"):
        evaluate(net, pixels, None, [5], "count", engine="keras")


def test_keras_stops_where_its_sums_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    net = residual(dynamics="count")
    pixels = np.random.default_rng(6).integers(0, 256, (256, *net.input.shape))
    right = Counted.total

    def wrong(chunk: Counted, name: str) -> Array:
        return right(chunk, name) + (name == "added")

    monkeypatch.setattr(Counted, "total", wrong)
    with pytest.raises(NetworkError, match="does not sum exactly on this device: population 'added'"):
        evaluate(net, pixels, None, [5], "count", engine="keras")


def test_keras_has_no_step() -> None:
    with pytest.raises(NetworkError, match="runs `count` alone"):
        engines.choose("keras", residual(dynamics="step"), 5, "step", 1)


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_a_run_has_the_same_result(dynamics: Any) -> None:
    network = snncc.Network(residual(dynamics=dynamics))
    x = np.random.default_rng(6).random((3, *network.ir.input.shape))
    numpy, native = (network.run(x, engine=name) for name in ("numpy", "native"))
    for field in ("classes", "values", "outputs"):
        np.testing.assert_array_equal(getattr(numpy, field), getattr(native, field))
    assert numpy.counts.keys() == native.counts.keys()
    for name, counts in numpy.counts.items():
        np.testing.assert_array_equal(counts, native.counts[name])
        assert counts.dtype == native.counts[name].dtype
    with pytest.raises(DataError, match="traces and `noneloss` come from the engine `numpy`"):
        network.run(x, trace=True, engine="native")


MORE = "_mm512_cvtepi32_epi8(_mm512_add_epi32(spikes, _mm512_set1_epi32(1)))"
FAULTS = {
    "count: a spike more": {"(spikes < limit ? spikes : limit)": "(spikes + 1U)", "_mm512_cvtepi32_epi8(spikes)": MORE},
    "count: a neighbour's sum": {"end->apart + o,": "end->apart + o + 1,"},
    "count: quotients as they are cut": {
        "add_epi32(q, more,": "add_epi32(q, 0,",
        "(less, _mm256_set1_epi32(1))": "(less, less)",
    },
    "count: a column too old": {"x1 = x2;": "x1 = x0;"},
    "count: parts without what came before": {"parts, s == 0,": "parts, 1,"},
    "count: a row too far down": {"row = maps[++m];": "row = maps[++m] + 1;"},
    "count: four elements too few": {"k < 4 * fours": "k < 4 * fours - 4"},
    "count: no frame": {"memset(frames, 0,": "memset(frames, 1,"},
    "step: a higher threshold": {"u >= theta[i]": "u > theta[i] + 300"},
    "step: rows too few": {"return (length + 3) & ~3;": "return length & ~3;"},
    "step: sums without a sign": {"(uint32_t)(int16_t)part[i]": "(uint32_t)part[i]"},
    "step: an element too few": {"entries[n] = first + (uint32_t)c;": "entries[n] = first;"},
    "step: charges after T": {"t0 + t < steps": "t0 + t <= steps"},
    "step: depthwise without a tap": {"const int32_t x0 =": "const int32_t x0 = 1 +"},
}
"""What is replaced in the library, on processors that have a path of hosts."""


@pytest.fixture
def small_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a first cache held few weights, so that those of small networks pass in parts."""
    monkeypatch.setattr(panels, "NEAR", 0)
    monkeypatch.setattr(panels, "PART", 512)
    monkeypatch.setitem(panels.TOGETHER, "near", 512)


@pytest.mark.usefixtures("small_cache")
def test_weights_in_parts() -> None:
    net = residual(dynamics="count")
    pixels = np.random.default_rng(7).integers(0, 256, (11, *net.input.shape))
    outputs, expected = (e.ready(net, net.timesteps, "count").run(pixels)[0] for e in (Native(), engines.Numpy()))
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values)


@pytest.mark.usefixtures("small_cache")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_changed_kernel_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dynamics = fault.partition(":")[0]
    net = residual(dynamics=dynamics, spike_ext=int(dynamics == "step"))
    pixels = np.random.default_rng(5).integers(0, 256, (4, *net.input.shape))
    right = ready(net, net.timesteps, net.dynamics).run(pixels)[0]
    built = native.built

    def wrong(texts: dict[str, str]) -> Path:
        for found, planted in FAULTS[fault].items():
            changed = {name: text.replace(found, planted) for name, text in texts.items()}
            assert changed != texts
            texts = changed
        return built(texts)

    monkeypatch.setattr(native, "built", wrong)
    faulty = Native().ready(net, net.timesteps, net.dynamics).run(pixels)[0]
    assert any((faulty[name] != right[name]).any() for name in right)


def test_auto_without_a_compiler_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net = residual(dynamics="count")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    warn_once.cache_clear()
    with pytest.warns(SnnccWarning, match="needs a C compiler") as said:
        names = [engines.choose("auto", net, 8, "count", 10**9)[0] for _ in range(2)]
    assert names == ["numpy", "numpy"] and len(said) == 1


def test_auto_takes_numpy_where_little_is_to_do() -> None:
    net = residual(dynamics="count")
    assert engines.choose("auto", net, 8, "count", 1)[0] == "numpy"
    assert engines.choose("auto", net, 8, "count", 10**7)[0] == "native"


def test_the_command_line_names_all() -> None:
    assert parameters.ENGINES == engines.NAMES


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(DataError, match="no engine 'fast': there are auto, numpy, native, keras"):
        engines.choose("fast", residual(dynamics="count"), 8, "count", 1)
