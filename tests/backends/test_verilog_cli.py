"""Hardware on the command line: options, pipeline table, exact cycles of the golden images in the manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snncc import store
from snncc.backends.verilog.target import numbers
from snncc.cli import cli
from snncc.errors import SnnccError
from tests.hw.simulate import compile_bench, measured, run
from tests.networks import dense_chain, recurrent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.write(dense_chain("count"), tmp_path / "m", {})
    return tmp_path / "m"


def snncc(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_export_with_a_goal(folder: Path) -> None:
    done = snncc("export", str(folder), "--target", "verilog", "--target-fps", "1e5", "--clock-mhz", "50",
                 "--memory-format", "coe")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "legal LANES" in done.output and "cannot be met" not in done.output
    assert (folder / "verilog" / "pop_p0_e0_weights.coe").is_file()
    facts = json.loads(snncc("inspect", str(folder), "--cycles", "--json").output)
    assert facts["worst_interval"] <= 500 and [row["layer"] for row in facts["layers"]] == ["p0", "p1"]


def test_an_impossible_goal_gives_the_nearest(folder: Path) -> None:
    done = snncc("export", str(folder), "--target", "verilog", "--target-fps", "1e9", "--clock-mhz", "1")
    assert done.exit_code == 1
    facts = json.loads(snncc("inspect", str(folder), "--cycles", "--json").output)
    assert not facts["goal_met"] and facts["goal_cycles"] == 0.001
    needs = facts["golden_interval"]
    said = " ".join(done.output.split())
    assert f"goal of 0.001 cycles per image cannot be met; the nearest possible design needs {needs:,.0f}." in said


def test_legal_lanes_are_listed_in_ranges(folder: Path) -> None:
    assert numbers([1, 2, 3, 4, 6, 7, 12]) == "1..4, 6, 7, 12" and numbers([1]) == "1"
    done = snncc("export", str(folder), "--target", "verilog")
    assert "1..4, 6, 12" in done.output and "1, 2, 3, 5" not in done.output.split("p1")[0]
    layers = json.loads(snncc("inspect", str(folder), "--cycles", "--json").output)["layers"]
    assert layers[0]["legal"] == [1, 2, 3, 4, 6, 12]


def test_cycles_need_the_target(folder: Path) -> None:
    done = snncc("inspect", str(folder), "--cycles")
    assert isinstance(done.exception, SnnccError) and "export" in str(done.exception)


def test_hardware_options_need_the_target(folder: Path) -> None:
    done = snncc("export", str(folder), "--target", "c", "--max-lanes", "4")
    assert done.exit_code == 2 and "--max-lanes" in done.output
    done = snncc("export", str(folder), "--target", "verilog", "--max-lanes", "0")
    assert done.exit_code == 2 and not (folder / "verilog").exists()


def test_a_layers_lanes_are_chosen_by_name(folder: Path) -> None:
    assert snncc("export", str(folder), "--target", "verilog", "--lanes", "p0=3").exit_code == 0
    layers = json.loads(snncc("inspect", str(folder), "--cycles", "--json").output)["layers"]
    assert [layer["lanes"] for layer in layers if layer["layer"] == "p0"] == [3]
    done = snncc("export", str(folder), "--target", "verilog", "--lanes", "p0=5")
    assert isinstance(done.exception, SnnccError) and "1, 2, 3, 4, 6, 12" in str(done.exception)
    done = snncc("export", str(folder), "--target", "verilog", "--lanes", "p9=1")
    assert isinstance(done.exception, SnnccError) and "there are" in str(done.exception)
    for wrong in ("p1", "=3", "p1=x"):
        done = snncc("export", str(folder), "--target", "verilog", "--lanes", wrong)
        assert done.exit_code == 2 and "LAYER=N" in done.output


def test_the_exported_bench_passes_in_the_predicted_cycles(folder: Path) -> None:
    assert snncc("export", str(folder), "--target", "verilog", "--max-lanes", "4").exit_code == 0
    work = folder / "verilog"
    compile_bench(work)
    said = run(work)
    assert "PASS" in said
    facts = json.loads((work / "manifest.json").read_text())["cycles"]
    assert measured(said) == list(zip(facts["golden_first"], facts["golden_last"], strict=True))


def test_what_is_not_in_the_design_is_said(folder: Path) -> None:
    export = ("export", str(folder), "--target", "verilog", "--weights")
    assert "weights:" not in snncc(*export, "rom").output
    assert "external weights: none, all layers' fit in 2,048 kbit" in snncc(*export, "external").output
    assert "external weights: p0; " in snncc(*export, "external", "--weights-inside", "1").output
    assert "no more registers" not in snncc(*export, "rom", "--pipeline").output
    store.write(recurrent(), folder.parent / "r", {})
    said = snncc("export", str(folder.parent / "r"), "--target", "verilog", "--pipeline").output
    assert "no more registers in hidden, last" in said
    loaded = snncc(*export, "load").output
    size = (folder / "verilog" / "weights.bin").stat().st_size
    assert f"loaded weights: p0, p1; {size:,} bytes in weights.bin" in loaded
