"""The vendors' project scripts, run by tclsh on stubs that record every call and know no other command.

Neither vendor's tool is here; what can be checked is that the script runs, names files that exist and asks for a build
that needs no pin per port.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from snncc import store
from snncc.synth import run_yosys
from tests.hw.scripts import calls
from tests.networks import dense_chain, mixed_conv

VIVADO = (
    "create_project", "add_files", "set_property", "get_property", "current_fileset", "get_runs", "launch_runs",
    "wait_on_run", "open_run", "report_utilization", "report_timing_summary",
)  # fmt: skip
VIVADO_XDC = ("create_clock", "set_property", "get_ports")
QUARTUS = ("load_package", "project_new", "set_global_assignment", "execute_flow", "project_close")
QUARTUS_SDC = ("create_clock", "get_ports")


@pytest.fixture(scope="module", params=[dense_chain, mixed_conv])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "m"
    options = {"max_lanes": 3, "target_fps": 1000, "clock_mhz": 50}
    store.write(request.param("count"), folder, {"verilog": options})
    return folder / "verilog"


def needed(folder: Path) -> set[str]:
    """Every file of the design that is not empty where SYNTHESIS is defined, every memory file that snn_top names."""
    top = (folder / "snn_top.v").read_text()
    files = (folder / "snn_top.f").read_text().split()
    skipped = re.compile(r"`ifndef SYNTHESIS.*?`endif", re.DOTALL)
    files = [name for name in files if "module" in skipped.sub("", (folder / name).read_text())]
    assert "snn_words.v" not in files
    return set(files) | set(re.findall(r'"(\w+\.mem)"', top))


def test_vivado_builds_out_of_context(folder: Path) -> None:
    made = calls(folder / "vivado.tcl", VIVADO)
    files = [words[-1] for words in made if words[0] == "add_files" and "-fileset" not in words]
    assert sorted(files) == sorted(needed(folder)) and all((folder / name).is_file() for name in files)
    (constraints,) = [words[-1].split() for words in made if words[:2] == ["add_files", "-fileset"]]
    assert constraints == ["snn_top.xdc", "snn_alone.xdc"]
    properties = [words[1:] for words in made if words[0] == "set_property"]
    assert ["top", "snn_top", "<current_fileset >"] in properties
    assert ["verilog_define", "SYNTHESIS=1", "<current_fileset >"] in properties
    assert ["-name", "STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS", "-value", "-mode out_of_context", "-objects",
            "<get_runs synth_1>"] in properties  # fmt: skip
    order = [words[:2] for words in made if words[0] in ("launch_runs", "open_run", "report_timing_summary")]
    assert order == [["launch_runs", "synth_1"], ["launch_runs", "impl_1"], ["open_run", "impl_1"],
                     ["report_timing_summary", "-file"]]  # fmt: skip
    clock = calls(folder / "snn_top.xdc", VIVADO_XDC)
    assert clock[-1] == ["create_clock", "-period", "20.000", "-name", "clk", "<get_ports clk>"]
    assert calls(folder / "snn_alone.xdc", VIVADO_XDC)[-1][:2] == ["set_property", "HD.CLK_SRC"]
    with pytest.raises(AssertionError, match="synth_1 failed"):
        calls(folder / "vivado.tcl", VIVADO, progress="40%")


def test_quartus_builds_a_top_of_four_pins(folder: Path) -> None:
    made = calls(folder / "quartus.tcl", QUARTUS)
    assigned = [tuple(words[2:]) for words in made if words[0] == "set_global_assignment"]
    assert ("VERILOG_MACRO", "SYNTHESIS=1") in assigned
    assert ("TOP_LEVEL_ENTITY", "snn_pins") in assigned and ("SDC_FILE", "snn_top.sdc") in assigned
    files = [value for key, value in assigned if key in ("VERILOG_FILE", "MISC_FILE")]
    assert sorted(files) == sorted({"snn_pins.v"} | needed(folder)) and all((folder / name).is_file() for name in files)
    assert [words[0] for words in made[-2:]] == ["execute_flow", "project_close"]
    assert calls(folder / "snn_top.sdc", QUARTUS_SDC)[-1][0] == "create_clock"
    pins = folder / "pins.json"
    run_yosys(folder, f"read_verilog -defer -DSYNTHESIS {' '.join(f for f in files if f.endswith('.v'))}\n"
                      f"hierarchy -check -top snn_pins\nproc\nwrite_json {pins.name}\n")  # fmt: skip
    ports = json.loads(pins.read_text())["modules"]["snn_pins"]["ports"]
    assert {name: len(port["bits"]) for name, port in ports.items()} == {"clk": 1, "rst": 1, "si": 1, "so": 1}


def _without(old: str, new: str = "") -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize("damage", [
    _without("SYNTHESIS=1"), _without("snn_bank.v", "snn_bonk.v"), _without("snn_pins", "snn_top"),
    _without("project_close", "project_shut"), _without("pop_p0_e0_weights.mem", "pop_p0_e0_weight.mem"),
])  # fmt: skip
def test_a_fault_in_a_script_is_noticed(tmp_path: Path, damage: Callable[[str], str]) -> None:
    store.write(dense_chain("count"), tmp_path / "m", {"verilog": {"max_lanes": 3}})
    script = tmp_path / "m" / "verilog" / "quartus.tcl"
    assert script.read_text() != damage(script.read_text())
    script.write_text(damage(script.read_text()))
    with pytest.raises(AssertionError):
        test_quartus_builds_a_top_of_four_pins(script.parent)


def test_the_network_is_named_in_the_netlist_and_on_no_port(folder: Path) -> None:
    files = " ".join((folder / "snn_top.f").read_text().split())
    run_yosys(folder, f"read_verilog -defer {files}\nhierarchy -top snn_top\nproc\nflatten\nwrite_json top.json\n")
    top = json.loads((folder / "top.json").read_text())["modules"]["snn_top"]
    assert top["attributes"]["network_hash"] == json.loads((folder / "manifest.json").read_text())["hash"]
    assert "network_hash" not in top["ports"] and len(top["ports"]) == 13
