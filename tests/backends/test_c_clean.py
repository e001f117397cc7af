"""What embedded engineers check first: warnings, static analysis, symbols, float, writable globals."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from snncc import ir
from snncc.backends.c.run import STRICT
from tests.backends.c_folder import compiled
from tests.backends.c_variants import NETWORKS
from tests.networks import recurrent, with_bytes

UNDEFINED = {"memcpy", "memset", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}


ALL = NETWORKS | {"recurrent": (recurrent(), {})}


@pytest.fixture(scope="module", params=list(ALL))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    network, options = ALL[request.param]
    network = with_bytes(network)
    return compiled(network, tmp_path_factory.mktemp("c") / "net", **options) / "c"


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout + done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-Os"])
def test_no_warnings(folder: Path, compiler: str, level: str) -> None:
    for source in ("net.c", "net_quantise.c", "net_host.c", "test/main.c"):
        run(folder, compiler, *STRICT, "-I.", "-DNET_SELFTEST", level, "-c", source, "-o", "/dev/null")


def test_a_build_of_every_source_keeps_its_own_main(folder: Path, tmp_path: Path) -> None:
    """Arduino, Keil, a recursive glob: all sources together, in any folder, without a main() or vectors of ours."""
    sources = [str(path) for path in folder.rglob("*.c")]
    assert len(sources) == 5
    (tmp_path / "own.c").write_text("int main(void) { return 0; }\n")
    run(folder, "gcc", *STRICT, "-I.", "-O1", *sources, str(tmp_path / "own.c"), "-o", str(tmp_path / "all"), "-lm")
    run(folder, str(tmp_path / "all"))


def test_as_cpp_header(folder: Path) -> None:
    for header in ("net.h", "net_host.h"):
        run(folder, "gcc", "-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", header)


def test_cppcheck(folder: Path) -> None:
    run(
        folder, "cppcheck", "--std=c99", "--enable=warning,style,performance,portability", "--error-exitcode=1",
        "--inline-suppr", "--suppress=missingIncludeSystem", "--quiet", "-I.", "-DNET_SELFTEST",
        "net.c", "net_quantise.c", "net_host.c", "test/main.c",
    )  # fmt: skip


@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_symbols(folder: Path, level: str) -> None:
    """Every symbol begins with the prefix, nothing is writable, only memcpy and memset come from outside."""
    run(folder, "gcc", level, "-c", "net.c", "-o", "net.o")
    for line in run(folder, "nm", "net.o").splitlines():
        kind, name = line.split()[-2:]
        if kind in "Uw":
            assert name in UNDEFINED
            continue
        assert kind in "TtRr", line  # nothing writable
        assert name.startswith("net_") or name.startswith("."), line


def test_no_float(folder: Path) -> None:
    """Without an FPU a float would call a helper; and the sources name no such type."""
    run(folder, "arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-c", "net.c", "-o", "m3.o")
    undefined = re.findall(r" U (\S+)", run(folder, "arm-none-eabi-nm", "m3.o"))
    assert not [name for name in undefined if re.match(r"__aeabi_([fd]|\w*2[fd])", name)]
    for source in folder.glob("net*.[ch]"):
        if source.stem == "net_host":
            continue  # optional, and says so
        code = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.S)
        assert not re.search(r"\b(float|double|malloc|free)\b", code), source.name


def test_make_and_cmake(folder: Path) -> None:
    assert "PASS" in run(folder, "make", "test", "CFLAGS=-O1")
    assert "PASS" in run(folder, "make", "test-cortex-m4", "CFLAGS=-Os")
    assert "PASS" in run(folder, "make", "test-rv32", "CFLAGS=-Os")
    run(folder, "cmake", "-S", ".", "-B", "build", "-DCMAKE_BUILD_TYPE=Release")
    run(folder, "cmake", "--build", "build")
    assert "1 tests passed" in run(folder, "ctest", "--test-dir", "build").replace(
        "100% tests passed, 0 tests failed out of 1", "1 tests passed"
    )


def test_hash_is_the_networks(folder: Path) -> None:
    found = re.search(r'"([0-9a-f]{64})"', (folder / "net_weights.h").read_text())
    assert found is not None and found[1] == ir.content_hash(ir.load(folder.parent))
