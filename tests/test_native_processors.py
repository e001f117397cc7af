"""The engine `native` on processors and compilers that are not this one's: their integers are the simulator's."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc.backends.c.run import AArch64
from snncc.backends.vectors import random_pixels
from snncc.engines import native
from snncc.engines.native import Native
from snncc.ir import Network
from snncc.sim.run import ready
from tests.networks import grown, max_pooled, residual, shortcuts

MAIN = Path(__file__).with_name("native_main.c")
SHARED = ("-std=c99", "-O1", "-shared", "-fPIC")
HERE = {"gcc, nothing": ("gcc",), "gcc, AVX2": ("gcc", "-mavx2"), "clang": ("clang", "-march=native")}
NEON = {variant: AArch64().command(variant, Path()) for variant in AArch64().variants(None)}  # type: ignore[arg-type]
NETWORKS = {
    "count": residual(dynamics="count"),
    "maxima": max_pooled(dynamics="count"),
    "wide": residual(dynamics="count", signed_bit=12, timesteps=300),
    "step": residual(dynamics="step", timesteps=37),
    "shortcuts": shortcuts(dynamics="step"),
    "step of maxima": max_pooled(dynamics="step"),
    "step of spread maps": grown(dynamics="step"),
}


def equal(net: Network, changes: bool) -> None:
    pixels = random_pixels(net, 11)
    outputs, trace = Native().ready(net, net.timesteps, net.dynamics, changes).run(pixels)
    expected, whole = ready(net, net.timesteps, net.dynamics, changes=changes).run(pixels)
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values)
    for population in net.populations:
        if changes and net.window.stepping and population.fires:
            assert trace.changes[population.name] == whole.changes[population.name]


@pytest.mark.parametrize(
    ("processor", "name"),
    [("gcc, AVX2", name) for name in NETWORKS] + [(p, n) for p in ("gcc, nothing", "clang") for n in ("count", "step")],
)
def test_other_compilers(processor: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program, *flags = HERE[processor]
    monkeypatch.setenv("SNNCC_CACHE", str(tmp_path))
    monkeypatch.setattr(native, "compiler", lambda: shutil.which(program))
    monkeypatch.setattr(native, "FLAGS", (*SHARED, *flags))
    equal(NETWORKS[name], changes=True)


class Emulated:
    """A library as a program of another processor: what engine_run reads and writes goes through files."""

    def __init__(self, library: Path, runner: list[str]) -> None:
        self.library, self.runner = library, runner

    def engine_table_bytes(self) -> int:
        return 0

    def engine_panel_bytes(self) -> int:
        return 0

    def engine_lay(self, *_: Any) -> None:
        """The program does it."""

    def engine_run(self, tables: Any, _: Any, image: Any, images: int, timesteps: int, *made: Any) -> int:
        sizes = [array.strides[0] * array.shape[0] for array in (tables, image, *made)]
        read, written = self.library.with_suffix(".in"), self.library.with_suffix(".out")
        with read.open("wb") as out:
            out.write(np.array([images, timesteps, *sizes], np.uint64).tobytes())
            for array, size in zip((tables, image, *made), sizes, strict=True):
                out.write(ctypes.string_at(array.data, size))
        status = subprocess.run([*self.runner, str(self.library), str(read), str(written)], check=False).returncode
        data = written.read_bytes()
        for array, size in zip(made, sizes[2:], strict=True):
            ctypes.memmove(array.data, data[:size], size)
            data = data[size:]
        return status


@pytest.mark.parametrize("name", ["count", "shortcuts"])
@pytest.mark.parametrize("variant", NEON)
def test_neon(variant: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (program, *flags), runner = NEON[variant]
    monkeypatch.setenv("SNNCC_CACHE", str(tmp_path))
    monkeypatch.setattr(native, "compiler", lambda: program)
    monkeypatch.setattr(native, "FLAGS", ("-std=c11", "-O1", *flags, str(MAIN)))
    monkeypatch.setattr(native, "loaded", lambda path: Emulated(path, runner))
    equal(NETWORKS[name], changes=False)
