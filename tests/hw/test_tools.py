"""Promises 6 and 7: Verilator's lint and compiled bench, Yosys's mapping, nextpnr's report."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from snncc import backends, ir, store, synth
from snncc.backends.verilog import write
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.backends.verilog.layout import INPUT_LANES
from snncc.backends.verilog.plan import Choice
from snncc.backends.verilog.run import verilator
from snncc.cli import cli
from snncc.errors import FileFormatError, OutputError, TargetError, ToolMissingError
from snncc.resources import resource
from snncc.synth import memories, run_yosys, synthesise
from snncc.synth.blockram import Memory
from snncc.verification import verify
from tests.hw.area import near_enough
from tests.hw.simulate import lint, plan_with
from tests.networks import crossed, dense_chain, max_pooled, mixed_conv, separable, tangled
from tests.strategies import Case, cases, timed_cases
from tests.support import examples


def entangled(dynamics: str) -> ir.Network:
    """A projection that reads two reshaped maps through a table of places."""
    return tangled("conv2d", dynamics=dynamics)


def relayed(dynamics: str) -> ir.Network:
    """Relays that are read by convolutions, a pool and a readout."""
    return separable(dynamics=dynamics, timesteps=3)


def pooled(dynamics: str) -> ir.Network:
    """Max-pools of spikes."""
    return max_pooled(dynamics=dynamics)


def timed(dynamics: str) -> ir.Network:
    """Leaky neurons, late sources and frames, which `step` alone has."""
    return crossed()


def refused(network: ir.Network) -> bool:
    """Whether the target refuses it."""
    return not set(backends.target("verilog").refuses).isdisjoint(ir.features(network))


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("make", [dense_chain, mixed_conv, entangled, relayed, pooled])
def test_lint_is_clean(tmp_path: Path, dynamics: str, make) -> None:
    store.write(make(dynamics), tmp_path / "m", {"verilog": {}})
    folder = tmp_path / "m" / "verilog"
    readme = (folder / "README.md").read_text()
    own = next(part for part in readme.split("`") if part.startswith("verilator --lint-only")).split()
    tool, environment = verilator()
    assert not subprocess.run([tool, *own[1:]], cwd=folder, env=environment, capture_output=True, check=True).stderr
    assert not lint(folder)
    file = folder / "snn_ram.v"
    file.write_text(file.read_text().replace("endmodule", "    wire [3:0] unread = wdata;\nendmodule"))
    assert "WIDTH" in lint(folder) and "'unread'" in lint(folder)


@examples(12)
@given(
    st.sampled_from(["count", "step"])
    .flatmap(lambda dynamics: cases(dynamics=dynamics, spike_ext=st.just(1)) | timed_cases())
    .filter(lambda case: not refused(case.network)),
    st.integers(1, INPUT_LANES),
)
def test_lint_is_clean_in_any_configuration(case: Case, pixels: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        write.sources(Path(name), plan_with(case.network, 3, {ir.INPUT: Choice(pixels)}))
        assert not lint(Path(name))


@pytest.mark.parametrize(("make", "images"), [(mixed_conv, 12), (relayed, 4), (pooled, 4), (timed, 3)])
def test_compiled_bench_of_verilator(tmp_path: Path, make, images: int) -> None:
    store.write(make("step"), tmp_path / "m", {"verilog": {"max_lanes": 4}})
    report = verify(tmp_path / "m", targets=["verilog-icarus", "verilog-verilator"], images=images)
    assert [o.status for o in report.outcomes] == ["pass"] * 3, report.outcomes
    assert all(o.images == images for o in report.outcomes)


def test_a_short_memory_fails_in_a_simulator_without_undefined_bits(tmp_path: Path) -> None:
    store.write(dense_chain("step", sizes=(3, 2, 2)), tmp_path / "m", {"verilog": {"max_lanes": 1}})
    weights = tmp_path / "m" / "verilog" / "pop_p1_e0_weights.mem"
    *lines, _ = weights.read_text().split()
    weights.write_text("\n".join(lines) + "\n")
    (short,) = verify(tmp_path / "m", targets=["verilog-verilator"], images=2).outcomes
    assert short.status == "fail" and f"{weights.name}: short or damaged: 3 words instead of 4" in short.reason


def test_yosys_maps_deep_roms_to_block_ram(tmp_path: Path) -> None:
    """200 weight words: block RAM; a missing memory stops it."""
    network = dense_chain("step", sizes=(200, 6, 3))
    store.write(network, tmp_path / "m", {"verilog": {"max_lanes": 6}})
    found = synthesise(tmp_path / "m", "ecp5-25k", place=False)
    assert found.cells > 0 and found.luts > 0 and found.ffs > 0
    assert found.brams >= 1
    assert not found.too_large and near_enough(tmp_path / "m", found) == []
    folder = tmp_path / "m" / "verilog"
    (folder / "pop_p0_e0_weights.mem").unlink()
    with pytest.raises(FileFormatError, match="missing"):
        synthesise(tmp_path / "m", "ecp5-25k", place=False)
    files = (folder / "snn_top.f").read_text().replace("\n", " ")
    with pytest.raises(OutputError, match="weights"):
        run_yosys(folder, f"read_verilog -defer {files}\nhierarchy -top snn_top\n")


def latches(folder: Path, network: ir.Network) -> int:
    """Latch cells of the design, by Yosys's count before they are mapped to anything."""
    plan = plan_with(network, 3)
    built = write.sources(folder, plan)
    files = " ".join(["snn_top.v", *(f"{name}.v" for name in write.modules(plan, built))])
    count = "tee -q -o stat.json stat -json"
    said = run_yosys(folder, f"read_verilog -defer {files}\nhierarchy -top snn_top\nproc\nflatten\nopt\n{count}\n")
    cells = json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]
    assert any("dff" in kind for kind in cells)
    number = sum(n for kind, n in cells.items() if "latch" in kind.lower())
    assert ("Latch inferred" in said) == (number > 0)
    return number


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_no_latch(tmp_path: Path, dynamics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = [dense_chain(dynamics), mixed_conv(dynamics), tangled("conv2d", dynamics=dynamics)]
    for network in networks:
        assert latches(tmp_path, network) == 0
    hw = tmp_path / "hw_sim"
    shutil.copytree(resource("hw_sim"), hw)
    scanner = hw / "rtl" / "snn_scan.v"
    scanner.write_text(scanner.read_text().replace("        lane = 0;\n", ""))
    monkeypatch.setattr(write, "resource", lambda name: tmp_path / name)
    assert latches(tmp_path, networks[0]) > 0


def test_place_and_route_through_the_command_line(tmp_path: Path) -> None:
    store.write(dense_chain("step", sizes=(6, 4, 2)), tmp_path / "m", {"verilog": {"max_lanes": 2}})
    done = CliRunner().invoke(cli, ["synth", str(tmp_path / "m"), "--device", "ice40-hx8k", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output[done.output.index("{") :])
    assert facts["fmax_mhz"] > 10 and facts["luts"] > 0
    assert facts["images_per_second"] == pytest.approx(facts["fmax_mhz"] * 1e6 / facts["cycles_per_image"])
    assert facts["cycles_per_image"] < facts["worst_cycles_per_image"] < facts["worst_latency_cycles"]


def test_what_yosys_counts_beyond_the_device_is_said() -> None:
    used = synth.resources_of({"SB_LUT4": 6000, "SB_DFFE": 10, "SB_RAM40_4K": 31, "SB_MAC16": 8})
    held = {"a": Memory(4500, 2), "b": Memory(3, 3)}
    assert synth.beyond(used, synth.DEVICES["ice40-up5k"], held) == [
        "LUT: 6000 of 5280 (720 too many)", "block RAM: 31 of 30 (1 too many)",
        "  a: 4,500 words of 2 bits, at least 3 of them",
    ]  # fmt: skip
    assert not synth.beyond(used, synth.DEVICES["xc7"], {})


def test_missing_tools_are_named_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(dense_chain("step", sizes=(6, 4, 2)), tmp_path / "m", {"verilog": {}})
    monkeypatch.setattr(synth.shutil, "which", lambda _: None)
    monkeypatch.setattr(synth.sys, "executable", "/nowhere/python")
    with monkeypatch.context() as patch, pytest.raises(ToolMissingError, match=r"nextpnr-ice40.*snncc\[hw\]"):
        patch.setattr(synth, "run_yosys", lambda *_: pytest.fail("Yosys ran"))
        synthesise(tmp_path / "m", "ice40-hx8k")
    monkeypatch.setattr(synth.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissingError, match=r"Yosys.*snncc\[hw\]"):
        synthesise(tmp_path / "m", "xc7")


@pytest.mark.parametrize(
    ("make", "dynamics", "options"),
    [
        *((make, dynamics, {}) for make in (dense_chain, mixed_conv) for dynamics in ("count", "step")),
        (dense_chain, "count", {"weights": "external", "weights_inside": 0.1}),
        (mixed_conv, "step", {"weights": "load"}),
    ],
)
def test_the_listed_memories_are_all_that_there_are(tmp_path: Path, make, dynamics: str, options: dict) -> None:
    """Their bits are Yosys's own count, encoder, drives and readout, weights from outside included."""
    network = make(dynamics)
    store.write(network, tmp_path / "m", {"verilog": {"max_lanes": 3, **options}})
    folder = tmp_path / "m" / "verilog"
    listed = memories(load_plan(network, folder), read_manifest(folder), folder)
    files = (folder / "snn_top.f").read_text().replace("\n", " ")
    count = "tee -q -o stat.json stat -json"
    run_yosys(folder, f"read_verilog -defer {files}\nhierarchy -top snn_top\nproc\nflatten\n{count}\n")
    assert json.loads((folder / "stat.json").read_text())["design"]["num_memory_bits"] == sum(
        m.size for m in listed.values()
    )


def test_no_such_device(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="ecp5-25k"):
        synthesise(tmp_path, "virtex-9")
    with pytest.raises(TargetError, match="export"):
        synthesise(tmp_path, "xc7")
