"""Names: what may begin C names, each reason said; long and similar names give identifiers and files of their own."""

from __future__ import annotations

import keyword
import string
import subprocess
from pathlib import Path

import numpy as np
import pytest

import snncc
from snncc import ir, names, store
from snncc.errors import NetworkError, TargetError
from snncc.names import LONGEST, LONGEST_LAYER, file_stems, identifier, unfit
from snncc.verification import verify
from tests.backends.c_folder import network, population, weights
from tests.keras_models import L, keras, randomised

REASONS = {
    "": "it is empty",
    "a-b": "it holds '-'",
    "größe net": "it holds ' ', 'ß', 'ö'",
    "a\n": r"it holds '\n'",
    "4bit": "it begins with '4'",
    "_net": "it begins with '_'",
    "n" * 41: "it has 41 characters; 40 are allowed",
    "int": "it is a reserved word of C",
    "main": "it is where every C program begins",
    "class": "it is a reserved word of C++",
    "co_await": "it is a reserved word of C++",
    "string": "it is a header of C's library",
    "Math": "it is a header of C's library",
    "test": "it is a target of every CMake or make project",
    "con": "it is a device on Windows",
    "AUX": "it is a device on Windows",
    "lpt9": "it is a device on Windows",
}


@pytest.mark.parametrize("name", list(REASONS))
def test_each_reason_is_said(name: str) -> None:
    assert (unfit(name) or "").startswith(REASONS[name])
    assert (unfit(name, verilog=True) or "").startswith(REASONS[name])


def test_reserved_words_of_verilog_are_free_in_c() -> None:
    for word in ("module", "wire", "logic", "small", "always_ff"):
        assert unfit(word) is None and unfit(word, verilog=True) == "it is a reserved word of Verilog"


def test_ordinary_names_are_free() -> None:
    for name in ("digits", "resnet_8", "Class", "Int", "n" * 40, "x", "mainframe", "console", "com", "com10"):
        assert unfit(name, verilog=True) is None
    for name in string.ascii_letters:
        assert unfit(name, verilog=True) is None


@pytest.mark.parametrize(("language", "compiler", "words"), [
    ("c", ["gcc", "-std=c17"], names.C - {"asm", "typeof"}), ("c++", ["g++", "-std=c++20"], names.CPP | names.C),
])  # fmt: skip
def test_a_compiler_refuses_every_reserved_word(language: str, compiler: list[str], words: frozenset[str]) -> None:
    """An oracle from outside; and Python's own keywords, which no C compiler reserves, show that it can say yes."""

    def refused(word: str) -> bool:
        source = f"int f(void);\nint f(void) {{ int {word} = 1; return {word}; }}\n"
        command = [*compiler, "-x", language, "-fsyntax-only", "-"]
        return subprocess.run(command, input=source, text=True, capture_output=True, check=False).returncode != 0

    only_c = {"restrict", "typeof"}
    assert not [word for word in sorted(words - only_c) if not refused(word)]
    free = sorted(set(keyword.kwlist) - names.C - names.CPP - {"None", "False", "True"})
    assert free and not [word for word in free if refused(word)]


def test_verilog_reserves_what_we_say(tmp_path: Path) -> None:
    """An oracle from outside, for some words of 1364-2005; `digits` shows that it can say yes."""
    words = """always and assign begin buf case cell config deassign design edge endcase endmodule event force forever
    fork generate genvar initial input integer large library localparam module nand negedge nor output parameter posedge
    primitive real reg release repeat signed small specify strong0 supply0 table task time tran tri use vectored wait
    wand weak0 while wire wor xor digits"""
    for word in words.split():
        (tmp_path / "a.v").write_text(f"module a; reg {word}; endmodule\n")
        command = ["iverilog", "-g2005", "-t", "null", str(tmp_path / "a.v")]
        refused = subprocess.run(command, capture_output=True, check=False).returncode != 0
        assert refused == (word in names.VERILOG), word


def test_the_messages_name_the_word_and_the_way_out() -> None:
    dense = ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 4, 3))
    net = network(population("last", (3,), dense, theta=None), shape=(4,))
    for prefix, said in (
        ("main", "where every C program begins"),
        ("n" * 50, "has 50 characters"),
        ("a b", "holds ' '"),
    ):
        with pytest.raises(TargetError, match=rf"{prefix!r} cannot begin C names: it .*{said}.*`prefix`"):
            store.check_targets(net, {"c": {"prefix": prefix}})
    with pytest.raises(NetworkError, match=r"'module' cannot name a network: it is a reserved word of Verilog.*`name`"):
        snncc.convert(None, None, name="module")


def test_identifiers_of_ordinary_names_stay() -> None:
    cases = {"conv2d": "conv2d", "block-1/conv": "block_1_conv", "4x": "n4x", "Größe": "Gr_e", "???": "layer"}
    assert {name: identifier(name, LONGEST_LAYER) for name in cases} == cases
    assert identifier("x" * 48, LONGEST_LAYER) == "x" * 48


def test_long_names_are_cut_and_stay_apart() -> None:
    long = ["x" * 300, "x" * 299, "x" * 300 + "/", "x" * 300 + "-"]
    cut = [identifier(name, LONGEST_LAYER) for name in long]
    assert len(set(cut)) == 4 and {len(name) for name in cut} == {48}
    assert all(name.startswith("x" * 39 + "_") for name in cut)
    assert cut == [identifier(name, LONGEST_LAYER) for name in long]
    assert identifier("\ud800" * 90 + "a" * 50, LONGEST_LAYER).startswith("a" * 39)


def test_stems_differ_in_more_than_case() -> None:
    stems = file_stems(["Conv", "conv", "CONV", "conv_", "dense"])
    assert stems == {"Conv": "Conv", "conv": "conv_", "CONV": "CONV__", "conv_": "conv___", "dense": "dense"}


def layered(*layer_names: str, name: str = "net") -> keras.Model:
    """A chain of small convolutions with the names given, and a readout."""
    y = x = keras.Input((4, 4, 1))
    for layer_name in layer_names:
        y = L.Conv2D(2, 3, padding="same", activation="relu", name=layer_name)(y)
    return randomised(keras.Model(x, L.Dense(3, name="out")(L.Flatten()(y)), name=name))


X = np.random.default_rng(0).random((12, 4, 4, 1))


def test_layers_that_differ_in_case_alone() -> None:
    """Each layer makes two operations, the convolution and its relu, and each operation a name of its own."""
    found = snncc.convert(layered("conv", "Conv", "CONV"), X, timesteps=4)
    assert [p.name for p in found.ir.populations] == ["conv", "Conv_2", "CONV_4", "out"]
    found = snncc.convert(layered("first", "second"), X, timesteps=4)
    assert [p.name for p in found.ir.populations] == ["first", "second", "out"]


def everything_distinct(folder: Path) -> list[str]:
    files = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    assert len({file.lower() for file in files}) == len(files), sorted(files, key=str.lower)
    return files


def test_long_and_reserved_names_go_through_every_target(tmp_path: Path) -> None:
    long = "a_very_long_name_" * 18
    model = layered(long + "1", long + "2", "con", "aux", "Con", name="deep_" * 60)
    found = snncc.convert(model, X, timesteps=3)
    found.write(tmp_path / "net", ["c", "verilog"])
    assert len(long) > 300 and len(found.ir.name) == LONGEST
    assert [p.layers[0] for p in found.ir.populations[:2]] == [long + "1", long + "2"]
    files = everything_distinct(tmp_path / "net")
    assert max(len(Path(file).name) for file in files) < 100
    stems = {Path(file).name.split(".")[0].lower() for file in files}
    assert not stems & names.WINDOWS
    report = verify(tmp_path / "net", targets=["c-host", "verilog-icarus"], images=2, strict=True)
    assert report.ok, report.rows()


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_populations_of_any_origin_get_files_that_differ_in_more_than_case(tmp_path: Path, dynamics: str) -> None:
    """A network.snn may hold such names; max-pools and edges are named after them too."""

    def conv(name: str, source: str) -> ir.Population:
        view = ir.Source(source)
        if dynamics == "count" and source != "input":
            view = ir.Pad(ir.MaxPool(view, (2, 2), (2, 2)), (1, 1, 1, 1))
        kernel = ir.Conv2D(name="k", source=view, weights=weights(len(name), 3, 3, 2, 2), pads=(1, 1, 1, 1))
        return population(name, (4, 4, 2), kernel, theta=300, v0=150)

    dense = ir.Dense(name="d", source=ir.Reshape(ir.Source("CONV"), (32,)), weights=weights(9, 32, 3))
    net = network(
        conv("Conv", "input"), conv("conv", "Conv"), conv("CONV", "conv"), population("last", (3,), dense, theta=None),
        shape=(4, 4, 2), timesteps=4, dynamics=dynamics,
    )  # fmt: skip
    store.write(net, tmp_path / "net", {"c": {}, "verilog": {"memory_format": "coe"}})
    files = everything_distinct(tmp_path / "net")
    assert "verilog/pop_Conv_parameters.mem" in files and "verilog/pop_conv_parameters.mem" not in files
    report = verify(tmp_path / "net", targets=["c-host", "verilog-icarus"], images=2, strict=True)
    assert report.ok, report.rows()
    memory = tmp_path / "net" / "verilog" / "pop_conv_parameters_.mem"
    memory.write_text(memory.read_text().replace("0", "1"))
    changed = verify(tmp_path / "net", targets=["verilog-icarus"], images=2, strict=True)
    assert not changed.ok, "the renamed file is the one that is read"
