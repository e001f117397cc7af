"""Diagnosis: the causes add up to the error, each fault made on purpose is named, and a wrong model is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import snncc
from snncc import ir
from snncc.cli import cli
from snncc.diagnosis import CAUSES, Diagnosis, LayerError
from snncc.errors import DataError, OutputError
from snncc.frontend.keras import from_keras
from snncc.lower.populate import populate
from snncc.lower.real import activations
from tests.conftest import Digits
from tests.keras_models import build, samples
from tests.networks import with_intervals

NAME = "add_linear_shortcut"


@pytest.fixture(scope="module")
def model() -> Any:
    return build(NAME)


def compiled(model: Any, **options: Any) -> snncc.Network:
    chosen = {"calibrate": "none", "signed_bit": 10, "timesteps": 4096, "encoding": "current"} | options
    return snncc.convert(model, samples(NAME), **chosen)


def worst_cause(found: Diagnosis) -> str:
    return max(CAUSES, key=lambda cause: max(getattr(row, cause) for row in found.rows))


def test_a_fine_network_at_a_long_time_has_hardly_any_error(model: Any) -> None:
    found = snncc.diagnose(compiled(model), model, samples(NAME))
    assert max(row.total for row in found.rows) < 0.01
    assert found.agreement["float"] == 1.0
    assert found.agreement["count"] > 0.95
    assert set(found.agreement) == {"float", "clipped", "integers", "count"}


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"fixed_lambda": 0.02}, "clipping"),
        ({"signed_bit": 2}, "weights"),
        ({"timesteps": 2}, "timesteps"),
    ],
)
def test_each_fault_is_named(model: Any, fault: dict[str, Any], cause: str) -> None:
    found = snncc.diagnose(compiled(model, **fault), model, samples(NAME))
    assert worst_cause(found) == cause
    assert repr(found.hurts_first) in found.sentence
    assert any(other.added > 0 for other in found.rows)


def test_the_input_has_pixels_and_no_weights() -> None:
    rows = tuple(LayerError(name, (), 1.0, 0.0, 0.3, 0.1, 0.0, 0.3, 0.3) for name in ("input", "dense"))
    assert [row.cells()[-1] for row in rows] == ["pixels", "weights"]
    said = [Diagnosis(8, "count", 3, rows, {}, {}, row.population).sentence for row in rows]
    assert "`input_bits`" in said[0] and "`signed_bit`" not in said[0] and "`signed_bit`" in said[1]


def test_timing_is_the_difference_between_step_and_count(model: Any) -> None:
    network = compiled(model, timesteps=6)
    x = samples(NAME)
    step = snncc.diagnose(network, model, x, dynamics="step")
    count = snncc.diagnose(network, model, x, dynamics="count")
    assert all(row.timing == 0 for row in count.rows)
    assert "step" in step.agreement
    for one, other in zip(step.rows, count.rows, strict=True):
        assert (one.clipping, one.weights, one.timesteps) == (other.clipping, other.weights, other.timesteps)
    name = network.ir.populations[-2].name
    counts = [network.run(x, dynamics=d).counts[name] for d in ("step", "count")]
    wanted = np.sqrt(np.square((counts[0] - counts[1]) * network.ir[name].lambda_ / 6).mean())
    assert step[name].timing * step[name].rms == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("encoding", ["rate", "current"])
def test_the_total_is_the_distance_to_the_float_activations(model: Any, encoding: str) -> None:
    network = compiled(model, timesteps=5, signed_bit=4, encoding=encoding, calibrate="light", dynamics="step")
    x = samples(NAME)
    real = populate(from_keras(model, x.shape[1:]), False, encoding == "current")
    values = {k: v for chunk in activations(real, x) for k, v in chunk.items()}  # one chunk holds all
    result = network.run(x)
    found = snncc.diagnose(network, model, x)
    for row in found.rows[1:]:
        wanted = np.square(values[row.population], dtype=np.float64).mean() ** 0.5
        assert row.rms == pytest.approx(wanted, rel=1e-5)
        if row.population == network.ir.output.name:
            difference = result.outputs.reshape(values[row.population].shape) - values[row.population]
        else:
            lambda_ = network.ir[row.population].lambda_
            difference = result.counts[row.population] * lambda_ / 5 - values[row.population]
        assert row.total == pytest.approx(np.square(difference).mean() ** 0.5 / wanted, rel=1e-4)
    readers = {p.name: {n for q in p.projections for n in ir.sources(q.source)} for p in network.ir.populations}
    for row in found.rows[1:]:
        assert row.added == pytest.approx(row.total - max(found[n].total for n in readers[row.population]))


def test_the_layer_that_hurts_first_is_the_damaged_one(model: Any) -> None:
    network = compiled(model)
    damaged = network.ir.populations[1]
    populations = tuple(
        ir.replace(p, bias=p.bias + np.asarray(p.theta)) if p is damaged else p for p in network.ir.populations
    )
    worse = ir.replace(network.ir, populations=populations)
    worse = with_intervals(worse)
    found = snncc.diagnose(snncc.Network(worse), model, samples(NAME))
    assert found.hurts_first == damaged.name
    assert found[damaged.name].cause == "weights"


def test_a_model_that_does_not_belong_is_refused_by_name(model: Any) -> None:
    with pytest.raises(DataError, match="does not belong"):
        snncc.diagnose(compiled(model), build("conv_valid"), samples("conv_valid"))
    with pytest.raises(DataError, match="no images"):
        snncc.diagnose(compiled(model), model, samples(NAME)[:0])
    with pytest.raises(DataError, match="at least 1, not 0"):
        snncc.diagnose(compiled(model), model, samples(NAME), timesteps=0)


def test_a_max_pool_is_diagnosed_in_both_dynamics() -> None:
    pool, x = build("max_pool"), samples("max_pool")
    network = snncc.convert(pool, x, timesteps=8)
    assert snncc.diagnose(network, pool, x).dynamics == "count"
    assert snncc.diagnose(network, pool, x, dynamics="step").dynamics == "step"


def test_the_command_prints_a_table_json_and_a_plot(digits: Digits, tmp_path: Path) -> None:
    arguments = ["diagnose", str(digits.folder), str(digits.data), "--model", str(digits.model), "-T", "4"]
    shown = CliRunner().invoke(cli, [*arguments, "--dynamics", "step"], catch_exceptions=False)
    assert shown.exit_code == 0
    for word in ("clipping", "weights", "finite T", "timing", "hurts first", "conv"):
        assert word in shown.output
    picture = tmp_path / "errors.png"
    told = CliRunner().invoke(cli, [*arguments, "--json", "--plot", str(picture)], catch_exceptions=False)
    found = json.loads(told.output)
    assert (found["timesteps"], found["dynamics"], found["images"]) == (4, "count", 30)
    assert {row["population"] for row in found["rows"]} >= {"input", found["hurts_first"]}
    assert set(found["accuracy"]) == set(found["agreement"])
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert list(tmp_path.iterdir()) == [picture]


def test_a_plot_that_cannot_be_written_leaves_nothing(model: Any, tmp_path: Path) -> None:
    found = snncc.diagnose(compiled(model, timesteps=4), model, samples(NAME))
    with pytest.raises(OutputError, match="cannot be written"):
        found.plot(tmp_path / "missing" / "a.png")
    with pytest.raises(OutputError, match="cannot be written"):
        found.plot(tmp_path / "a.words")
    assert not list(tmp_path.iterdir())
