"""What is open is refused with its readings; `snncc check`, `compile` and `fidelity` of NIR graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import snncc
from snncc.cli import cli
from snncc.cli.nir import DIALECTS as SAID
from snncc.errors import DataError, SnnccWarning, UnsupportedLayerError
from snncc.frontend.nir import read
from snncc.nir import dialects
from snncc.nir.dialects import DIALECTS, OPEN, Asked, settle
from tests.nir.golden import DATA
from tests.nir.graphs import events

BRAILLE = DATA / "braille_noDelay_bias_zero.nir"
WAY = ["--nir-dialect", "snntorch", "--nir-reset", "value"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nir") / "events.npz"
    np.savez(path, x=events(np.random.default_rng(0), 3, 40, 12, rate=0.2))
    return path


def snncc_(*arguments: Any) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [str(one) for one in arguments], prog_name="snncc")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_the_command_line_knows_every_dialect() -> None:
    assert tuple(DIALECTS) == SAID


def test_what_is_open_is_refused_with_its_readings_and_what_they_change(data: Path) -> None:
    with pytest.raises(UnsupportedLayerError) as caught:
        snncc.convert(BRAILLE, np.load(data)["x"])
    said = str(caught.value)
    assert all(f"  {name}: " in said for name in OPEN) and all(name in said for name in DIALECTS)
    assert "the last neurons fire this often: snntorch " in said and "spikingjelly " in said
    with pytest.raises(UnsupportedLayerError) as caught:
        settle(read(BRAILLE), Asked(dt=1e-4, reset="value", spikes="one"))
    assert "  compare: " in str(caught.value) and "  reset: " not in str(caught.value)
    reading = settle(read(BRAILLE), Asked(dt=1e-4, reset="value", spikes="one", compare="above"))
    assert reading.dialect is DIALECTS["spec"] and reading.dt == 1e-4


@pytest.mark.parametrize(
    ("name", "dialect", "words"),
    [
        ("two_lif_neurons", "spec", "say `nir_dt`"),
        ("two_lif_neurons", "sinabs", "say `nir_gain`"),
        ("cnn_sinabs", "rockpool", "say `nir_dt`"),
    ],
)
def test_a_dialect_that_leaves_something_open_asks(name: str, dialect: str, words: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=words):
        settle(read(DATA / f"{name}.nir"), Asked(dialect=dialect))


@pytest.mark.parametrize(
    ("name", "dialect", "words"),
    [
        ("cnn_sinabs", "snntorch", "snnTorch has no IF"),
        ("cnn_sinabs", "spikingjelly", "r is not 1/dt = 10000"),
        ("two_lif_neurons", "snntorch", "v_leak is not 0"),
        ("lif_rockpool", "norse", "r is not 1"),
        ("braille_noDelay_bias_zero", "sinabs", "Sinabs reads no CubaLIF"),
    ],
)
def test_a_dialect_refuses_what_its_library_cannot_mean(name: str, dialect: str, words: str) -> None:
    graph = read(DATA / f"{name}.nir")
    found = dialects.faults(graph, settle(graph, Asked(dialect=dialect, dt=None, gain="whole")))
    assert any(words in one for one in found), found


def test_snntorch_s_reset_at_once_is_warned_of(data: Path) -> None:
    with pytest.warns(SnnccWarning, match="above two thresholds"):
        snncc.convert(BRAILLE, np.load(data)["x"], nir_dialect="snntorch", nir_reset="subtract")


def test_rockpool_s_timestep_is_the_one_that_it_wrote() -> None:
    reading = settle(read(DATA / "lif_rockpool.nir"), Asked(dialect="rockpool"))
    assert reading.dt == pytest.approx(1e-4, rel=1e-6)


def test_check_lists_everything(data: Path) -> None:
    status, out = snncc_("check", BRAILLE, "--data", data, "--json")
    facts = json.loads(out)
    assert status == 0 and facts["recurrent"] == [["lif1.lif", "lif1.w_rec"]] and facts["nodes"]["CubaLIF"] == 2
    assert not facts["dialects"]["snntorch"]["problems"] and facts["dialects"]["snntorch"]["spikes"] > 0
    assert len(facts["dialects"]["norse"]["problems"]) == 4
    status, out = snncc_("check", BRAILLE, "--nir-dialect", "norse")
    assert status == 1 and out.count("norse: node ") == 4
    status, out = snncc_("check", DATA / "braille_noDelay_bias_zero_subgraph.nir")
    assert status == 1 and "'lif1' has no edge" in out


def test_compile_and_fidelity(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "one_snn"
    status, out = snncc_("compile", BRAILLE, "--calibration", data, "-o", folder, "--signed-bit", 16, *WAY)
    assert status == 0 and "Read as snntorch: dt 0.0001, reset value" in out and "the same class on 3 of 3" in out
    again = tmp_path / "two_snn"
    status, out = snncc_("compile", BRAILLE, "--calibration", data, "-o", again, "--signed-bit", 16, *WAY, "--json")
    assert status == 0 and json.loads(out)["fidelity"]["same_class"] == 3
    status, out = snncc_("fidelity", folder, BRAILLE, "--data", data, "--json")
    facts = json.loads(out)
    assert status == 0 and facts["share"] < 1e-3 and facts["same_class"] == 3
    assert [one["node"] for one in facts["layers"]] == ["lif1.lif", "lif2"]
    status, out = snncc_("fidelity", folder, BRAILLE, "--data", data)
    assert status == 0 and "drift/threshold" in out
    network = snncc.load(folder)
    assert network.ir.record and network.ir.record.options["nir_reset"] == "value" and network.ir.timesteps == 40
    with pytest.raises(DataError, match="not the graph that"):
        snncc.fidelity(network, DATA / "braille_noDelay_noBias_subtract.nir", np.load(data)["x"])
    with pytest.raises(DataError, match="no relu model behind it"):
        snncc.diagnose(network, BRAILLE, np.load(data)["x"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--percentile", "99"], "--percentile is not for NIR graphs"),
        (["--dynamics", "count"], "`step` alone"),
        (["--goal", "within=1"], "--goal is not for NIR graphs"),
    ],
)
def test_options_that_mean_nothing_are_refused(data: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    status, out = snncc_("compile", BRAILLE, "--calibration", data, "-o", tmp_path / "a", *WAY, *arguments)
    assert status == 2 and words in out


def test_nir_options_are_for_nir_graphs(data: Path, tmp_path: Path) -> None:
    status, out = snncc_("compile", "model.keras", "--calibration", data, "-o", tmp_path / "a", *WAY)
    assert status == 2 and "--nir-dialect is for NIR graphs" in out
    status, out = snncc_("check", data)
    assert status == 2 and "is no NIR graph" in out and "snncc compile" in out
