"""Const data and state as predicted, to the byte, read from linked firmware of two processors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from snncc import ir, store
from snncc.backends.c.emit import memory
from snncc.backends.c.layout import Lifetime, Member, place, struct_bytes
from snncc.cli import cli
from tests.backends.c_folder import compiled, network, population, residual, weights
from tests.backends.test_c_clean import NETWORKS

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


def test_buffers_share_the_arena_when_their_lives_do_not_meet() -> None:
    chain = [Lifetime("a", 100, 0, 1), Lifetime("b", 80, 1, 2), Lifetime("c", 60, 2, 3), Lifetime("d", 10, 3, 4)]
    offsets, length = place(chain)
    assert length == 180
    for one in chain:
        for other in chain:
            if one is not other and not (one.dies < other.born or other.dies < one.born):
                a, b = offsets[one.name], offsets[other.name]
                assert a + one.length <= b or b + other.length <= a


def test_a_residual_keeps_its_source_alive() -> None:
    """`first` is read by `added` as well: nothing that lives until then may lie on it."""
    offsets, length = place([Lifetime("first", 8, 0, 3), Lifetime("deep", 8, 1, 2), Lifetime("added", 8, 3, 4)])
    assert offsets["first"] not in (offsets["deep"], offsets["added"])
    assert offsets["deep"] == offsets["added"] and length == 16
