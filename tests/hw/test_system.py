"""Exports inside a larger design: names with a prefix, beats of several pixels, two networks at once."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from snncc import ir, store
from snncc.backends.verilog.ports import WIDTHS, Ports
from snncc.backends.verilog.run import verilator
from snncc.errors import FileFormatError, TargetError
from snncc.synth import synthesise
from snncc.verification import verify
from tests.hw.simulate import exact, plan_with
from tests.networks import dense_chain, dense_skip, mixed_conv
from tests.networks.build import network as net_of
from tests.networks.build import population, weights

BOTH = Path(__file__).with_name("two_networks.v")


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prefixed") / "m"
    options = {"max_lanes": 2, "prefix": "snn_digits", "input_width": "32", "memory_format": "coe"}
    store.write(dense_chain("count", sizes=(7, 4, 2)), folder, {"verilog": options})
    return folder


def test_every_module_and_memory_has_the_prefix(prefixed: Path) -> None:
    folder = prefixed / "verilog"
    own = {"README.md", "manifest.json", "vivado.tcl", "quartus.tcl", "verilator.vlt"}
    assert all(path.name in own or path.name.startswith("snn_digits_") for path in folder.iterdir())
    for path in folder.iterdir():
        text = path.read_text()
        assert not re.search(r"\bsnn_(?!digits)|snn_digits_(snn_)?digits_", text), path.name
        if path.suffix != ".v" or path.stem in ("snn_digits_top", "snn_digits_bench"):  # the others' names are defaults
            assert all(name.startswith("snn_digits_") for name in re.findall(r"\w+\.(?:mem|coe|v)\b", text)), path.name
        if path.suffix == ".v":
            assert re.findall(r"^module (\w+)", text, re.MULTILINE) == [path.stem]


def test_a_prefix_changes_nothing_else(prefixed: Path) -> None:
    """It verifies in both simulators, is clean by its own waivers and maps to cells."""
    report = verify(prefixed, targets=["verilog-icarus", "verilog-verilator"], images=2)
    assert [o.status for o in report.outcomes] == ["pass"] * 3, report.outcomes
    tool, environment = verilator()
    command = [
        tool,
        *["--lint-only", "-Wall", "--top-module", "snn_digits_top", "verilator.vlt", "-f", "snn_digits_top.f"],
    ]
    done = subprocess.run(command, cwd=prefixed / "verilog", env=environment, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr
    pins = [
        "iverilog",
        "-g2005",
        "-s",
        "snn_digits_pins",
        "-o",
        "/dev/null",
        "snn_digits_pins.v",
        "-f",
        "snn_digits_top.f",
    ]
    assert subprocess.run(pins, cwd=prefixed / "verilog", capture_output=True, check=False).returncode == 0
    assert synthesise(prefixed, "ecp5-25k", place=False).cells


def both(folder: Path, networks: list[ir.Network]) -> str:
    """What a simulation of two exports in one design says; all their files lie in one folder."""
    defines = []
    for letter, network in zip("ab", networks, strict=True):
        made = folder / f"{letter}_model"
        store.write(network, made, {"verilog": {"max_lanes": 4, "prefix": letter}})
        for path in (made / "verilog").iterdir():
            assert path.suffix not in (".v", ".mem") or not (folder / path.name).exists()
            shutil.copyfile(path, folder / path.name)
        sizes = {"PIXELS": int(np.prod(network.input.shape)), "VALUES": network.output.neurons}
        defines += [f"-D{letter.upper()}_{what}={size}" for what, size in sizes.items()]
    command = ["iverilog", "-g2012", "-s", "both", *defines, "-o", "both", BOTH, "-f", "a_top.f", "-f", "b_top.f"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return subprocess.run(["vvp", "-n", "both"], cwd=folder, capture_output=True, text=True, check=False).stdout


def test_two_networks_in_one_design(tmp_path: Path) -> None:
    said = both(tmp_path, [mixed_conv("step"), dense_skip("count")])
    assert "BOTH RIGHT" in said, said
    weights = tmp_path / "b_golden_results.mem"
    weights.write_text(weights.read_text().replace("0", "1", 1))
    again = subprocess.run(["vvp", "-n", "both"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "BOTH RIGHT" not in again.stdout


def tall(dynamics: str) -> ir.Network:
    """A map of one column."""
    conv = ir.Conv2D(name="c", source=ir.Source("input"), weights=weights(1, 3, 1, 1, 9))
    flat = ir.Reshape(ir.Source("a"), (9 * 9,))
    readout = population("b", (2,), ir.Dense(name="d", source=flat, weights=weights(2, 9 * 9, 2)), theta=None)
    hidden = population("a", (9, 1, 9), conv, theta=90)
    return net_of(hidden, readout, shape=(11, 1, 1), source={"bits": 8}, dynamics=dynamics)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_beats_of_several_pixels_take_the_predicted_cycles(tmp_path: Path, width: str, dynamics: str) -> None:
    """9 pixels, so that the last beat is partly filled; rows of one, after which the network may wait within a beat."""
    bits = 8 if width in ("8", "32") else 12
    network = tall(dynamics) if width == "64" else dense_chain(dynamics, sizes=(9, 4, 3), source={"bits": bits})
    plan = plan_with(network, 1, ports=Ports("", int(width)))
    pixels = np.random.default_rng(2).integers(0, network.input.levels, (3, *network.input.shape), endpoint=True)
    exact(tmp_path, plan, pixels, [network.timesteps, 1, 2])


def test_what_no_port_can_be_is_refused(tmp_path: Path) -> None:
    wide = dense_chain("count", source={"bits": 12})
    for network, options, said in (
        (wide, {"input_width": "8"}, "`input_width` 8 is less than a pixel of 12 bits: choose from 16, 32, 64"),
        (wide, {"input_width": "24"}, "must be one of 8, 16, 32, 64"),
        (wide, {"prefix": "endmodule"}, "'endmodule' cannot begin Verilog names: it is a reserved word of Verilog"),
        (wide, {"prefix": "a-b"}, "cannot begin Verilog names"),
    ):
        with pytest.raises(TargetError, match=re.escape(said)):
            store.check_targets(network, {"verilog": options})


def test_a_manifest_with_other_ports_is_damaged(prefixed: Path, tmp_path: Path) -> None:
    for damage in ('"prefix": "a b"', '"prefix": 7', '"prefix": "x", "other": 1'):
        folder = tmp_path / str(len(damage)) / "m"
        shutil.copytree(prefixed, folder)
        manifest = folder / "verilog" / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"prefix": "snn_digits"', damage))
        with pytest.raises(FileFormatError, match="missing or damaged"):
            synthesise(folder, "ecp5-25k", place=False)
