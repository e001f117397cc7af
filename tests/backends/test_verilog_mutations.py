"""Promise 5 and loud failure: each fault, one at a time, must make the parity bench fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snncc import ir, store
from snncc.backends.verilog.emit import read_manifest
from snncc.errors import FileFormatError
from snncc.verification import verify
from tests.hw.simulate import compile_bench, make, plan_with, run
from tests.networks import dense_chain, dense_skip, with_intervals


@pytest.fixture(params=["count", "step"])
def design(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A design whose neurons sit on ties: thresholds equal to weights."""
    network = dense_chain(request.param, sizes=(6, 4, 3))
    first = network.populations[0]
    weights = np.full((6, 4), 50, np.int8)
    weights[::2] = 25
    tied = ir.replace(
        first,
        projections=(ir.replace(first.projections[0], weights=weights),),
        theta=np.full(4, 50, np.int64),
        bias=np.full(4, 25, np.int64),
        v0=np.zeros(4, np.int64),
    )
    network = ir.replace(network, populations=(tied, *network.populations[1:]))
    network = with_intervals(network)
    pixels = np.array([[255, 0, 0, 0, 0, 0], [0, 255, 255, 60, 0, 255]])
    make(tmp_path, plan_with(network), pixels, [8, 8])
    assert "PASS" in run(tmp_path)
    return tmp_path


def _fails(folder: Path) -> None:
    compile_bench(folder)
    said = run(folder)
    assert "PASS" not in said, said


def _flip(path: Path, bit: int) -> None:
    lines = path.read_text().splitlines()
    word = int(lines[0], 16) ^ (1 << bit)
    lines[0] = f"{word:0{len(lines[0])}x}"
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("bit", [0, 8, 15, 24])
def test_a_flipped_weight_bit(design: Path, bit: int) -> None:
    _flip(design / "pop_p0_e0_weights.mem", bit)
    _fails(design)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_greater_instead_of_greater_or_equal(design: Path) -> None:
    if (design / "snn_divide.v").exists():
        _edit(design / "snn_divide.v", "rest_q >= scaled_q", "rest_q > scaled_q")
    else:
        _edit(design / "snn_fire_step.v", "fire = !less[VW]", "fire = !less[VW] && less != 0")
    _fails(design)


def test_a_dropped_bias(design: Path) -> None:
    if (design / "snn_fire_count.v").exists():
        _edit(design / "snn_fire_count.v", "(v <<< SCALE) + bt + v0_q", "(v <<< SCALE) + v0_q")
    else:
        _edit(design / "snn_fire_step.v", ": b + d;", ": d;")
    _fails(design)


@pytest.fixture(params=["count", "step"])
def busy_design(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One potential word per layer, so events in a row meet it again, and an input that arrives slowly."""
    network = dense_skip(request.param)
    rng = np.random.default_rng(6)
    pixels = rng.integers(-20, 21, (2, 20)) * (rng.random((2, 20)) < 0.4)
    make(tmp_path, plan_with(network), pixels, [8, 8])
    assert "PASS" in run(tmp_path)
    return tmp_path


def test_no_bypass_in_the_scatter(busy_design: Path) -> None:
    """The read-modify-write hazard is real: without the bypass the same bench fails."""
    _edit(busy_design / "snn_column.v", "BYPASS != 0 && again_q ? sum_q : ", "")
    _fails(busy_design)


def test_a_reader_that_does_not_wait_for_its_writer(busy_design: Path) -> None:
    _edit(busy_design / "snn_scan.v", "!last_q && read_q", "!last_q")
    _fails(busy_design)


@pytest.mark.parametrize(
    ("file", "old", "new", "plusargs"),
    [
        ("snn_bank.v", "w_ready = level_q != BANKS", "w_ready = 1'b1", ["+stall_out=97"]),
        ("snn_pixels.v", "fill_q || s_axis_tvalid", "1'b1", ["+stall_in=20"]),
        ("snn_readout.v", "state_q == VALUE && sent && end_word", "state_q == VALUE && end_word", ["+stall_out=50"]),
        ("snn_pixels.v", "count_q <= 0;", "if (count_q === {NW{1'bx}}) count_q <= 0;", ["+reset_after=9"]),
        ("snn_bank.v", "w_addr_q <= 0;", "if (w_addr_q === {AW{1'bx}}) w_addr_q <= 0;", ["+reset_after=30"]),
        ("snn_encoder_direct.v", "if (rst || o_en)", "if (rst && lane_q === {LW{1'bx}} || o_en)", ["+reset_after=9"]),
    ],
)
def test_what_only_stalls_or_a_reset_show(tmp_path: Path, file: str, old: str, new: str, plusargs: list[str]) -> None:
    pixels = np.random.default_rng(6).integers(-20, 21, (6, 20))
    make(tmp_path, plan_with(dense_skip("count"), 3), pixels, [8, 1, 8, 8, 2, 8])
    assert "PASS" in run(tmp_path, *plusargs)
    _edit(tmp_path / file, old, new)
    compile_bench(tmp_path)
    if "reset" in plusargs[0]:  # the first reset still works
        assert "PASS" in run(tmp_path)
    assert "PASS" not in run(tmp_path, *plusargs)


def test_potentials_that_keep_an_image(design: Path) -> None:
    if (design / "snn_fire_step.v").exists():
        _edit(design / "snn_fire_step.v", "restart ? v0_q : (fire", "1'b0 ? v0_q : (fire")
    else:
        _edit(design / "snn_column.v", "clear ? {LANES*VW{1'b0}} : BYPASS", "BYPASS")
    _fails(design)


def test_a_potential_in_the_wrong_unit(design: Path) -> None:
    """`count` keeps V / 2^shift and scales it back when it fires; `step` shifts what arrives."""
    if (design / "snn_fire_count.v").exists():
        _edit(design / "snn_fire_count.v", "(v <<< SCALE) + bt", "v + bt")
    else:
        _edit(design / "snn_lanes.v", "amount <<< SHIFT", "amount")
    _fails(design)


@pytest.mark.parametrize("name", ["pop_p0_e0_weights.mem", "pop_p1_parameters.mem"])
def test_a_missing_or_short_memory_is_fatal(design: Path, name: str) -> None:
    text = (design / name).read_text()
    (design / name).write_text("\n".join(text.splitlines()[:-1]) + "\n")
    compile_bench(design)
    said = run(design)
    assert "FATAL" in said and name in said and "PASS" not in said
    (design / name).unlink()
    said = run(design)
    assert "FATAL" in said and name in said and "PASS" not in said


def test_verify_and_manifest_notice(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    store.write(dense_chain("count"), folder, {"verilog": {}})
    report = verify(folder, targets=["verilog-icarus"], images=3)
    assert [o.status for o in report.outcomes] == ["pass", "pass"]
    assert all(o.values > 3 * (20 + 12 + 5) for o in report.outcomes)
    weights = folder / "verilog" / "pop_p0_e0_weights.mem"
    lines = weights.read_text().splitlines()
    weights.write_text("\n".join(["0" * len(line) for line in lines]) + "\n")
    report = verify(folder, targets=["verilog-icarus"], images=3)
    assert [o.status for o in report.outcomes] == ["fail", "fail"]
    assert report.outcomes[0].first_mismatch is not None
    with pytest.raises(FileFormatError, match="is not the file"):
        read_manifest(folder / "verilog")
    manifest = folder / "verilog" / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"format": 6,', '"format": 5,'))
    with pytest.raises(FileFormatError, match="another version"):
        read_manifest(folder / "verilog")
    manifest.write_text(text)
    weights.unlink()
    assert "FATAL" in verify(folder, targets=["verilog-icarus"], images=3).outcomes[0].reason
    with pytest.raises(FileFormatError, match="missing"):
        read_manifest(folder / "verilog")
