"""The exported bench, built and run by its own README: status 0 with PASS, and another one for whatever is wrong."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from snncc import store
from snncc.backends.verilog.run import UNCONFIGURED, verilator
from tests.networks import dense_chain

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("status") / "m"
    store.write(dense_chain("step", sizes=(6, 4, 3)), folder, {"verilog": {"max_lanes": 2}})
    return folder / "verilog"


def readme_line(folder: Path) -> str:
    """The README's command for Icarus."""
    (line,) = re.findall(r"`(iverilog [^`]*)`", (folder / "README.md").read_text())
    return str(line)


def said_by(command: list[str], folder: Path) -> tuple[int, str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module", params=["icarus", "verilator"])
def bench(request: pytest.FixtureRequest, exported: Path) -> Callable[[], tuple[int, str]]:
    """Runs the bench in the folder as it is; (status, what it says). Only memory files change, so it is built once."""
    command = ["sh", "-c", readme_line(exported)]
    if request.param == "verilator":
        (line,) = re.findall(r"`(verilator --binary [^`]*)`", (exported / "README.md").read_text())
        build, _, program = line.partition(" && ")
        tool, environment = verilator()
        subprocess.run(
            [tool, *UNCONFIGURED, *build.split()[1:]], cwd=exported, env=environment, check=True, capture_output=True
        )
        command = [program]

    def run() -> tuple[int, str]:
        return said_by(command, exported)

    return run


def flip(path: Path) -> None:
    """The lowest bit of the last word."""
    *lines, last = path.read_text().split()
    path.write_text("\n".join([*lines, f"{int(last, 16) ^ 1:0{len(last)}x}"]) + "\n")


def shorten(path: Path) -> None:
    path.write_text("\n".join(path.read_text().split()[:-1]) + "\n")


def lengthen(path: Path) -> None:
    path.write_text(path.read_text() + "0\n")


FILES = (
    "golden_pixels.mem", "golden_timesteps.mem", "golden_results.mem", "golden_pop_p0.mem", "golden_input.mem",
    "pop_p0_e0_weights.mem", "pop_p1_parameters.mem",
)  # fmt: skip


def test_an_intact_folder_ends_with_status_0(bench: Callable[[], tuple[int, str]]) -> None:
    status, said = bench()
    assert status == 0 and "PASS 4 images" in said


@pytest.mark.parametrize("damage", [Path.unlink, shorten, lengthen])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_whole_ends_with_another(
    exported: Path, bench: Callable[[], tuple[int, str]], name: str, damage: Damage
) -> None:
    text = (exported / name).read_text()
    damage(exported / name)
    status, said = bench()
    (exported / name).write_text(text)
    assert status != 0 and name in said and "PASS" not in said
    if damage is not lengthen:  # Verilator's $readmemh stops by itself
        assert f"{name}: {'missing' if damage is Path.unlink else 'short or damaged'}" in said


def test_a_digit_that_is_none_ends_with_another(exported: Path) -> None:
    """Icarus knows undefined bits: a word that $readmemh leaves undefined."""
    weights = exported / "pop_p0_e0_weights.mem"
    text = weights.read_text()
    weights.write_text("x" + text[1:])
    status, said = said_by(["sh", "-c", readme_line(exported)], exported)
    weights.write_text(text)
    assert status != 0 and f"{weights.name}: short or damaged" in said and "PASS" not in said


@pytest.mark.parametrize("name", ["golden_results.mem", "golden_pop_p0.mem", "golden_input.mem", "golden_pop_p1.mem"])
def test_a_wrong_golden_word_ends_with_another(exported: Path, bench: Callable[[], tuple[int, str]], name: str) -> None:
    text = (exported / name).read_text()
    flip(exported / name)
    status, said = bench()
    (exported / name).write_text(text)
    assert status != 0 and "MISMATCH" in said and "FAIL: 4 images" in said


def test_a_design_that_hangs_ends_with_another(exported: Path, tmp_path: Path) -> None:
    for path in exported.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    readout = tmp_path / "snn_readout.v"
    text = readout.read_text()
    assert "assign m_axis_tvalid = " in text
    readout.write_text(text.replace("assign m_axis_tvalid = ", "assign m_axis_tvalid = 1'b0 && "))
    status, said = said_by(["sh", "-c", readme_line(tmp_path)], tmp_path)
    assert status != 0 and "FAIL: nothing more after 0 of 4 images" in said


def test_the_checks_are_not_synthesised(exported: Path) -> None:
    """Where SYNTHESIS is defined nothing of them is left, not even their file's module."""
    for name in ("snn_rom.v", "snn_words.v"):
        done = subprocess.run(
            ["iverilog", "-g2005", "-E", "-DSYNTHESIS", "-o", "/dev/stdout", name],
            cwd=exported, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "snn_words #(" not in done.stdout and "$fatal" not in done.stdout
    assert "snn_words #(" in (exported / "snn_rom.v").read_text()
