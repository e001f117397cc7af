"""Emission: names, options, errors that leave nothing behind, tables as text, several networks in one program."""

from __future__ import annotations

import re
import resource
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from snncc import backends, ir, store
from snncc.backends.c.arrays import lines
from snncc.backends.c.run import STRICT
from snncc.backends.c.types import DTYPES, Constant, pack_rows
from snncc.errors import OutputError, SnnccError, TargetError
from snncc.sim.encode import to_pixels
from tests.backends.c_folder import compiled, residual


@pytest.mark.parametrize("prefix", ["2nd", "a-b", "", " x", "int", "main", "é", "x" * 41, "a b", "a;", "_x"])
def test_a_prefix_that_is_no_name_is_refused(tmp_path: Path, prefix: str) -> None:
    if prefix == "":
        assert (compiled(residual(), tmp_path / "net", prefix=prefix) / "c" / "net.h").is_file()
        return
    with pytest.raises(TargetError, match="prefix"):
        compiled(residual(), tmp_path / "net", prefix=prefix)
    assert not (tmp_path / "net").exists()


def test_unknown_target_and_option(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"choose from.*c"):
        backends.target("fortran")
    with pytest.raises(TargetError, match=r"'packed'.*pack"):
        compiled(residual(), tmp_path / "net", packed=True)
    assert not (tmp_path / "net").exists()


def test_every_target_loads() -> None:
    for name in backends.names():
        target = backends.target(name)
        assert callable(target.check) and callable(target.emit)


@pytest.mark.parametrize("limit", [0, 3000, 6000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, limit: int) -> None:
    network = residual()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(SnnccError, match=r"cannot be written|too large"):
            store.write(network, tmp_path / "net", {"c": {}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        backends.target("c").emit(residual(), tmp_path / "none", {})


@pytest.mark.parametrize("ctype", [name for name in DTYPES if name != "uint64_t"])
def test_tables_read_back(ctype: str) -> None:
    """Every value of narrow types, the ends of wide ones, and lengths around a block of lines."""
    dtype = DTYPES[ctype]
    info = np.iinfo(dtype)
    ends = np.array([info.min, info.min + 1, 0, 1, info.max - 1, info.max], dtype)
    every = np.arange(info.min, info.max + 1).astype(dtype) if dtype.itemsize <= 2 else ends
    for values in (every, ends[:1], np.tile(ends, 6)[:33]):
        text = "".join(lines(Constant("x", ctype, values, "")))
        plain = re.sub(r"U?INT64_C\((-?\d+)\)", r"\1", text).replace("(-2147483647 - 1)", "-2147483648")
        assert [int(v.rstrip("U")) for v in plain.replace("\n", "").rstrip(",").split(",")] == values.tolist()


@pytest.mark.parametrize("bits", range(2, 16))
def test_packed_rows_unpack(bits: int) -> None:
    q = 2 ** (bits - 1) - 1
    rows = np.random.default_rng(bits).integers(-q, q, (7, 13), endpoint=True)
    packed = pack_rows(rows, bits).reshape(7, -1)
    for row, stored in zip(rows, packed, strict=True):
        stream = int.from_bytes(stored.tobytes(), "little")
        got = [(stream >> (bits * i)) & (2**bits - 1) for i in range(13)]
        assert [v - 2**bits if v > q else v for v in got] == row.tolist()


def test_tables_take_bounded_memory() -> None:
    weights = np.random.default_rng(0).integers(-127, 127, 4_000_000).astype(np.int8)
    tracemalloc.start()
    characters = sum(map(len, lines(Constant("w", "int8_t", weights, ""))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert characters > 10_000_000
    assert peak < 40_000_000


def test_several_networks_in_one_program(tmp_path: Path) -> None:
    """Three networks, their sources even in one translation unit."""
    names = {"one": residual(), "two": residual(dynamics="step"), "three": residual(signed_bit=4)}
    body, includes = [], []
    for name, network in names.items():
        folder = compiled(network, tmp_path / name, prefix=name, pack=name == "three") / "c"
        includes.append(f'#include "{folder}/{name}.c"\n#include "{folder}/test/{name}_vectors.h"\n')
        upper = name.upper()
        body.append(
            f"static {name}_state_t {name}_state; static int try_{name}(void) {{ {name}_result_t r; int bad = 0;"
            f"for (int v = 0; v < {upper}_VECTORS; v++) {{"
            f"const {name}_pixel_t *image = {name}_vector_images + v * {upper}_PIXELS;"
            f"const {name}_value_t *want = {name}_vector_values + v * {upper}_OUTPUTS;"
            f"bad += {name}_infer(&{name}_state, image, {upper}_T_MAX, &r) != {upper}_OK;"
            f"for (int i = 0; i < {upper}_OUTPUTS; i++) bad += r.values[i] != want[i];"
            "} return bad; }"
        )
    calls = " + ".join(f"try_{name}()" for name in names)
    (tmp_path / "main.c").write_text("".join(includes) + "\n".join(body) + f"\nint main(void) {{ return {calls}; }}\n")
    subprocess.run(
        ["gcc", *STRICT, "-O1", "main.c", "-o", "all", *(f"-I{tmp_path}/{name}/c" for name in names)],
        cwd=tmp_path,
        check=True,
    )
    assert subprocess.run([tmp_path / "all"]).returncode == 0


QUANTISERS = {
    "raw": {"lambda_0": 255.0},
    "rescaled": {"gain": np.array(1 / 255)},
    "centred": {"gain": np.array(1 / 127.5), "offset": np.array(-1.0), "signed": True, "encoding": "current"},
    "normalised": {"gain": np.array([0.01, 0.02, 0.03]), "offset": np.array([-1.0, -2.0, -0.5]), "signed": True,
                   "encoding": "current", "lambda_0": 4.5, "bits": 12},
    "five_bits": {"lambda_0": 200.0, "bits": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", list(QUANTISERS))
def test_bytes_are_quantised_as_the_host_does(tmp_path: Path, name: str) -> None:
    network = residual()
    source = ir.replace(network.input, **QUANTISERS[name])
    one, zero = np.ones(()), np.zeros(())
    raw = ir.RawBytes(scale=one, offset=zero, pixels=ir.byte_pixels(source, one, zero))
    network = ir.replace(network, input=ir.replace(source, raw=raw))
    network = ir.replace(network, intervals=ir.prove(network))
    folder = compiled(network, tmp_path / "net") / "c"
    images = np.concatenate([np.arange(256), np.arange(128)]).reshape(2, 8, 8, 3).astype(np.uint8)
    images = np.stack([images[0], images[1], 255 - images[0]])
    main = """#include <stdio.h>
    #include "net.h"
    static unsigned char b[NET_PIXELS]; static net_pixel_t p[NET_PIXELS];
    int main(void) { while (fread(b, 1, sizeof b, stdin) == sizeof b) { if (net_quantise(b, sizeof b, p)) return 1;
    for (int i = 0; i < NET_PIXELS; i++) printf("%d ", p[i]); }
    return net_quantise(NULL, 1, p) == NET_ERROR_NULL ? 0 : 2; }"""
    (folder / "q.c").write_text(main)
    subprocess.run(["gcc", "q.c", "net_quantise.c", "-o", "q"], cwd=folder, check=True)
    done = subprocess.run([folder / "q"], input=images.tobytes(), capture_output=True, check=True)
    expected = to_pixels(network.input, images)
    assert [int(v) for v in done.stdout.split()] == expected.reshape(-1).tolist()


@pytest.mark.parametrize(
    ("bits", "signed", "bad"), [(5, False, 32), (8, True, -128), (12, True, 2048), (9, False, 512)]
)
def test_a_pixel_out_of_range_gets_a_status(tmp_path: Path, bits: int, signed: bool, bad: int) -> None:
    network = residual(source={"bits": bits, "signed": signed, "encoding": "current"})
    folder = compiled(network, tmp_path / "net") / "c"
    main = f"""#include "net.h"
    static net_pixel_t p[NET_PIXELS]; static net_state_t s; static net_result_t r;
    int main(void) {{ if (net_infer(&s, p, 1, &r) != NET_OK) return 1; p[NET_PIXELS - 1] = {bad};
    return net_infer(&s, p, 1, &r) == NET_ERROR_PIXEL ? 0 : 2; }}"""
    (folder / "p.c").write_text(main)
    subprocess.run(["gcc", "p.c", "net.c", "-o", "p"], cwd=folder, check=True)
    assert subprocess.run([folder / "p"]).returncode == 0
