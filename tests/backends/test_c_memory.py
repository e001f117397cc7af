"""Const data and state as predicted, to the byte, read from linked firmware of two processors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from snncc import backends, ir, store
from snncc.backends.c.emit import memory
from snncc.backends.c.layout import Buffer, Member, check, place, struct_bytes
from snncc.backends.c.plan import smallest
from snncc.cli import cli
from snncc.errors import SnnccError, TargetError
from tests.backends.c_folder import compiled
from tests.backends.c_variants import NETWORKS
from tests.networks import network, population, residual, weights
from tests.support import examples

COMMANDS = {"cortex-m4": "arm-none-eabi-nm", "rv32": "riscv64-unknown-elf-nm"}


def symbols(folder: Path, target: str) -> dict[str, tuple[str, int]]:
    """name -> (kind, bytes) of the linked self-test."""
    subprocess.run(["make", f"{target}.elf", "CFLAGS=-Os"], cwd=folder, check=True, capture_output=True)
    listed = subprocess.run(
        [COMMANDS[target], "-S", f"{target}.elf"], cwd=folder, check=True, capture_output=True, text=True
    )
    found = re.findall(r"^[0-9a-f]+ ([0-9a-f]+) (\w) (\S+)$", listed.stdout, re.M)
    return {name: (kind, int(size, 16)) for size, kind, name in found}


@pytest.mark.parametrize("target", list(COMMANDS))
@pytest.mark.parametrize("name", list(NETWORKS))
def test_prediction_is_exact(tmp_path: Path, name: str, target: str) -> None:
    chosen, options = NETWORKS[name]
    folder = compiled(chosen, tmp_path / "net", **options) / "c"
    predicted = memory(chosen, **options)
    linked = symbols(folder, target)
    assert linked["net_tables"][1] == predicted.const
    assert linked["state"][1] == predicted.state
    header = (folder / "net.h").read_text()
    assert f"#define NET_STATE_BYTES {predicted.state}U" in header
    assert f"#define NET_CONST_BYTES {predicted.const}U" in header


def measured(folder: Path, prefix: str) -> tuple[int, int]:
    """(sizeof the const tables, sizeof the state) of a program compiled here."""
    program = f"""
        #include <stdio.h>
        #include "{prefix}.c"
        int main(void) {{ printf("%zu %zu", sizeof({prefix}_tables), sizeof({prefix}_state_t)); return 0; }}
    """
    command = ["gcc", "-x", "c", "-I", str(folder), "-o", str(folder / "sizes"), "-"]
    subprocess.run(command, input=program, text=True, check=True, capture_output=True)
    said = subprocess.run([str(folder / "sizes")], check=True, capture_output=True, text=True).stdout.split()
    return int(said[0]), int(said[1])


def printed(text: str) -> list[int]:
    """Every `N bytes of const data, M of state` in a text, one after the other."""
    found = re.findall(r"([\d,]+) bytes of const data, ([\d,]+) of state", text)
    return [int(number.replace(",", "")) for pair in found for number in pair]


def test_inspect_prints_the_sizes_of_what_is_exported(tmp_path: Path) -> None:
    """4-bit weights, so that packing matters: as the header says and as a compiler measures."""
    folder, inspect = tmp_path / "net", ["inspect", str(tmp_path / "net")]
    store.write(residual(signed_bit=4), folder, {})
    said = CliRunner().invoke(cli, inspect).output
    assert "if exported to C: " in said and "; with --pack: " in said
    assert "--pack" not in backends.target("c").summary(residual(), None, None).lines[0], "8 bits: the same"
    foretold = printed(said)
    sizes = []
    for options in (["--prefix", "tiny"], ["--pack", "--prefix", "tiny"]):
        assert CliRunner().invoke(cli, ["export", str(folder), "--target", "c", *options]).exit_code == 0
        said = CliRunner().invoke(cli, inspect).output
        assert ("in C, as exported (--pack): " in said) == ("--pack" in options) and "if exported" not in said
        header = (folder / "c" / "tiny.h").read_text()
        stated = [int(n) for n in re.findall(r"#define TINY_(?:CONST|STATE)_BYTES (\d+)U", header)][::-1]
        assert printed(said) == stated == list(measured(folder / "c", "tiny"))
        facts = json.loads(CliRunner().invoke(cli, [*inspect, "--json"]).output)["c"]
        assert [facts["const_bytes"], facts["state_bytes"]] == stated and facts["exported"]
        assert facts["pack"] == ("--pack" in options)
        sizes += stated
    assert foretold == sizes and sizes[0] > sizes[2]
    assert json.loads((folder / "manifest.json").read_text())["targets"] == {"c": {"pack": True, "prefix": "tiny"}}
    shutil.rmtree(folder / "c")
    assert printed(CliRunner().invoke(cli, inspect).output) == foretold


def test_where_the_options_are_not_known_both_sizes_are_said(tmp_path: Path) -> None:
    """A folder of an earlier snncc, whose manifest lists its targets only, or a manifest that is none."""
    folder = compiled(residual(signed_bit=4), tmp_path / "net", pack=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    for targets in (["c"], {"c": None}, {"c": 3}, 7, None, [4, {}]):
        (folder / "manifest.json").write_text(json.dumps(manifest | {"targets": targets}))
        assert "if exported to C: " in CliRunner().invoke(cli, ["inspect", str(folder)]).output
    (folder / "manifest.json").write_text("[" * 100_000)
    assert "if exported to C: " in CliRunner().invoke(cli, ["inspect", str(folder)]).output


def test_packing_shrinks_flash_in_proportion() -> None:
    for bits in (2, 3, 4, 5, 6, 7, 12):
        dense = ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 16, 10, bits=bits))
        last = population("last", (10,), dense, theta=None)
        net = network(last, shape=(16,), signed_bit=bits)
        assert memory(net, pack=True).weights == 160 * bits // 8
        assert memory(net).weights == 160 * (1 if bits <= 8 else 2)


def test_struct_bytes() -> None:
    assert struct_bytes([]) == 0
    assert struct_bytes([Member("a", "int32_t", 3, ""), Member("b", "uint8_t", 1, "")]) == 16
    assert struct_bytes([Member("a", "int64_t", 1, ""), Member("b", "int16_t", 3, "")]) == 16


LIVES = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted)
BUFFERS = st.lists(st.tuples(st.sampled_from(["uint8_t", "int16_t", "int32_t", "int64_t"]), st.integers(1, 40), LIVES))


@examples(200)
@given(BUFFERS)
def test_no_two_buffers_share_a_byte_while_both_are_needed(drawn: list[Any]) -> None:
    """At every time the bytes of those needed then, one by one; the whole is at least the largest of these times."""
    buffers = [Buffer(str(i), ctype, n, "", *life) for i, (ctype, n, life) in enumerate(drawn)]
    offsets, size = place(buffers, 8)
    assert size % 8 == 0 and all(offset % 8 == 0 for offset in offsets.values())
    for time in range(10):
        taken: set[int] = set()
        for buffer in (b for b in buffers if b.born <= time <= b.dies):
            own = set(range(offsets[buffer.name], offsets[buffer.name] + buffer.bytes))
            assert not own & taken and max(own) < size
            taken |= own


def test_an_overlap_is_refused() -> None:
    pair = [Buffer("a", "uint8_t", 5, "", 0, 1), Buffer("b", "uint8_t", 5, "", 1, 2)]
    check(pair, {"a": 0, "b": 8}, 4)
    with pytest.raises(SnnccError, match="a overlap"):
        check(pair, {"a": 0, "b": 4}, 4)
    with pytest.raises(SnnccError, match="aligned"):
        check(pair, {"a": 0, "b": 6}, 4)
    check([pair[0], replace(pair[1], born=2)], {"a": 0, "b": 0}, 4)


def test_a_chain_needs_two_of_its_buffers_at_a_time() -> None:
    chain = [
        Buffer(name, "uint8_t", n, "", i, i + 1)
        for i, (name, n) in enumerate(zip("abcd", (100, 80, 60, 10), strict=True))
    ]
    assert place(chain, 4)[1] == 180


def test_a_residual_keeps_its_source_alive() -> None:
    """`first` is read by `added` as well: nothing that lives until then may lie on it."""
    lives = {"first": (0, 3), "deep": (1, 2), "added": (3, 4)}
    offsets, length = place([Buffer(name, "uint8_t", 8, "", *life) for name, life in lives.items()], 4)
    assert offsets["first"] not in (offsets["deep"], offsets["added"])
    assert offsets["deep"] == offsets["added"] and length == 16


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_a_state_that_is_too_small_is_refused_and_says_how_much_it_needs(tmp_path: Path, dynamics: str) -> None:
    net = residual(dynamics=dynamics)
    least = smallest(net).places[1]
    assert memory(net, state_bytes=least).state == least
    with pytest.raises(TargetError, match=f"needs {least:,} bytes, and may take {least - 1:,} "):
        memory(net, state_bytes=least - 1)
    store.write(net, tmp_path / "net", {})
    command = ["export", str(tmp_path / "net"), "--target", "c", "--state-bytes"]
    assert CliRunner().invoke(cli, [*command, str(least - 1)]).exit_code == 1
    assert CliRunner().invoke(cli, [*command, str(least)]).exit_code == 0
    assert printed(CliRunner().invoke(cli, ["inspect", str(tmp_path / "net")]).output)[1] == least


@pytest.mark.parametrize("name", list(NETWORKS))
def test_memory_of_the_stated_size_and_alignment_is_enough(tmp_path: Path, name: str) -> None:
    """`infer_sized` takes memory at STATE_ALIGN, what its type asks for, and refuses one byte beside it."""
    chosen, options = NETWORKS[name]
    folder = compiled(chosen, tmp_path / "net", **options) / "c"
    program = """
        #include <stdio.h>
        #include <stdlib.h>
        #include "net.c"
        static net_pixel_t image[NET_PIXELS];
        int main(void) {
            char *memory = malloc(NET_STATE_BYTES + 2U * NET_STATE_ALIGN);
            net_result_t result;
            char *at = memory + (NET_STATE_ALIGN - (uintptr_t)memory % NET_STATE_ALIGN) % NET_STATE_ALIGN;
            int odd = (uintptr_t)(at + NET_STATE_ALIGN) % (2U * NET_STATE_ALIGN) == 0U ? 0 : (int)NET_STATE_ALIGN;
            int good = net_infer_sized(at + odd, NET_STATE_BYTES, image, NET_PIXELS, 1U, &result) == NET_OK
                && net_infer_sized(at + 1, NET_STATE_BYTES, image, NET_PIXELS, 1U, &result) == NET_ERROR_SIZE
                && net_infer_sized(at, NET_STATE_BYTES - 1U, image, NET_PIXELS, 1U, &result) == NET_ERROR_SIZE
                && __alignof__(net_state_t) == NET_STATE_ALIGN;
            free(memory);
            return !good;
        }
    """
    command = ["gcc", "-fsanitize=address,undefined", "-x", "c", "-I", str(folder), "-o", str(folder / "sized"), "-"]
    subprocess.run(command, input=program, text=True, check=True, capture_output=True)
    subprocess.run([str(folder / "sized")], check=True)
