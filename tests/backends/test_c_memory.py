"""Const data and state as predicted, to the byte, read from linked firmware of two processors."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from snncc import ir
from snncc.backends.c import memory
from snncc.backends.c.layout import Lifetime, Member, place, struct_bytes
from tests.backends.c_folder import compiled, network, population, weights
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
