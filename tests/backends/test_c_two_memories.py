"""The state in two memories: the same integers, sizes as stated, and what goes where."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from snncc import store
from snncc.backends.c.emit import memory
from snncc.backends.c.layout import Buffer, hottest
from snncc.backends.c.plan import plan
from snncc.backends.c.run import CortexM4, stated_bytes
from snncc.cli import cli
from snncc.errors import TargetError
from snncc.ir import Network
from tests.backends.c_folder import agree, compiled
from tests.networks import grown, residual

NETS = {"count": residual(dynamics="count"), "step": residual(dynamics="step"), "grown": grown()}


def half(net: Network) -> int:
    return memory(net).state // 2


@pytest.mark.parametrize("variant", ["gcc sanitizers", "-O3"])
@pytest.mark.parametrize("name", list(NETS))
def test_the_integers_are_the_same(tmp_path: Path, name: str, variant: str) -> None:
    net = NETS[name]
    pixels = np.random.default_rng(3).integers(0, net.input.levels + 1, (2, *net.input.shape))
    folder = compiled(net, tmp_path / "net", fast_bytes=half(net))
    agree(folder, net, pixels, net.timesteps, variant, CortexM4() if variant == "-O3" else None)


def test_a_buffer_at_a_wrong_place_is_noticed(tmp_path: Path) -> None:
    """Mutation control: one buffer of the faster memory moved onto another one."""
    net = NETS["count"]
    folder = compiled(net, tmp_path / "net", fast_bytes=half(net))
    source = folder / "c" / "net.c"
    text = source.read_text()
    places = re.findall(r"fast->memory \+ (\d+)", text)
    moved = next(at for at in places if at != "0")
    source.write_text(text.replace(f"fast->memory + {moved};", "fast->memory + 0;"))
    pixels = np.random.default_rng(3).integers(0, 256, (2, *net.input.shape))
    with pytest.raises(AssertionError):
        agree(folder, net, pixels, net.timesteps, "gcc -O0")


@pytest.mark.parametrize("name", list(NETS))
def test_sizes_are_those_that_the_compiler_sees(tmp_path: Path, name: str) -> None:
    net = NETS[name]
    needed = memory(net, fast_bytes=half(net))
    assert 0 < needed.fast <= half(net)
    folder = compiled(net, tmp_path / "net", fast_bytes=half(net))
    program = f"""
        #include "net.c"
        typedef char exact[sizeof(net_state_t) == {needed.state} && sizeof(net_fast_t) == {needed.fast} ? 1 : -1];
        typedef char stated[NET_STATE_BYTES == {needed.state} && NET_FAST_BYTES == {needed.fast} ? 1 : -1];
    """
    command = ["gcc", "-std=c99", "-x", "c", "-I", str(folder / "c"), "-c", "-o", "/dev/null", "-"]
    subprocess.run(command, input=program, text=True, check=True)
    assert stated_bytes(folder)[1] == needed.state


def test_scratch_goes_first_and_then_what_is_read_most() -> None:
    made = plan(NETS["count"], fast=half(NETS["count"]))
    assert set(made.scratch) <= made.fast
    buffers = [Buffer("cold", "uint8_t", 8, "", 0, 1), Buffer("hot", "uint8_t", 8, "", 1, 2)]
    heat: dict[str, float] = {"cold": 1, "hot": 9}
    assert hottest(buffers, lambda b: heat[b.name], 4, 8) == {"hot"}
    assert hottest(buffers, lambda b: heat[b.name], 4, 7) == set()
    later = [*buffers, Buffer("later", "uint8_t", 8, "", 3, 3)]
    assert hottest(later, lambda b: heat.get(b.name, 0), 4, 8) == {"hot", "later"}  # not needed at the same time


@pytest.mark.parametrize("name", list(NETS))
def test_what_cannot_be_divided_is_refused(name: str) -> None:
    net = NETS[name]
    whole = memory(net).state
    with pytest.raises(TargetError, match=f"the whole state, {whole:,} bytes, fits the faster memory"):
        memory(net, fast_bytes=whole)
    with pytest.raises(TargetError, match="no part of the state fits 1 bytes"):
        memory(net, fast_bytes=1)


def test_the_self_test_and_a_package_pass(tmp_path: Path) -> None:
    net = NETS["count"]
    store.write(net, tmp_path / "net", {})
    options = ["--target", "c", "--fast-bytes", str(half(net)), "--package", "platformio"]
    made = CliRunner().invoke(cli, ["export", str(tmp_path / "net"), *options])
    assert made.exit_code == 0, made.output
    said = CliRunner().invoke(cli, ["inspect", str(tmp_path / "net")]).output
    needed = memory(net, fast_bytes=half(net))
    assert f"{needed.state:,} of state and {needed.fast:,} in faster memory" in " ".join(said.split())
    folder = tmp_path / "net" / "c"
    strict: Any = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-DNET_SELFTEST", "-lm"]
    package = folder / "platformio" / "net"
    builds = [
        [str(folder / "test" / "main.c"), *map(str, folder.glob("*.c")), "-I", str(folder)],
        [str(package / "examples" / "selftest" / "main.c"), *map(str, (package / "src").glob("*.c")),
         "-I", str(package / "include"), "-I", str(package / "src")],
    ]  # fmt: skip
    for sources in builds:
        subprocess.run(["gcc", *sources, *strict, "-o", str(tmp_path / "test")], check=True)
        assert subprocess.run([str(tmp_path / "test")], capture_output=True, text=True).stdout.startswith("PASS")
