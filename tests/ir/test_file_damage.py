"""Damaged or hostile network.snn: the very network that was saved, or one FileFormatError; little memory, no crash."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir
from snncc.errors import FileFormatError
from tests.ir.changes import same
from tests.networks import every_kind, population, unproved
from tests.support import examples

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return ir.save(every_kind(), tmp_path_factory.mktemp("file") / "network.snn").read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "network.snn"


def read(path: Path, content: bytes, limit: int = 64 * MEGABYTE) -> ir.Network | None:
    """Load some bytes; None for a FileFormatError that names the file. Peak memory stays under the limit."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        return ir.load(path)
    except FileFormatError as error:
        assert str(path) in str(error)
        return None
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < limit, f"{peak} bytes were allocated"


@examples(150)
@given(data=st.data())
def test_truncated(data: st.DataObject, saved: bytes, scratch: Path) -> None:
    assert read(scratch, saved[: data.draw(st.integers(0, len(saved) - 1))]) is None


@examples(300)
@given(data=st.data())
def test_flipped_bits(data: st.DataObject, saved: bytes, scratch: Path) -> None:
    """A flipped bit may give another valid network (a weight), never another exception."""
    content = bytearray(saved)
    header = struct.unpack("<Q", saved[:8])[0] + 8
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.one_of(st.integers(0, len(saved) - 1), st.integers(0, header - 1), st.integers(0, 15)))
        content[index] ^= 1 << data.draw(st.integers(0, 7))
    network = read(scratch, bytes(content))
    if network is not None:
        ir.check(network)


@examples(150)
@given(content=st.binary(max_size=400), framed=st.booleans())
def test_random_bytes(content: bytes, framed: bool, scratch: Path) -> None:
    assert read(scratch, struct.pack("<Q", len(content)) + content if framed else content) is None


@examples(100)
@given(data=st.data())
def test_extra_or_swapped_bytes(data: st.DataObject, saved: bytes, scratch: Path) -> None:
    start = data.draw(st.integers(0, len(saved)))
    end = data.draw(st.integers(start, min(len(saved), start + 40)))
    content = saved[:start] + data.draw(st.binary(max_size=40)) + saved[end:]
    network = read(scratch, content)
    if network is not None:
        ir.check(network)


def archive(schema: Any, tensors: dict[str, np.ndarray], **header: Any) -> bytes:
    """A safetensors file made by hand, so that it can hold what the library would refuse to write."""
    names = {"int8": "I8", "int16": "I16", "int64": "I64", "float32": "F32", "float64": "F64", "uint8": "U8"}
    entries: dict[str, Any] = {"__metadata__": {"snncc": schema if isinstance(schema, str) else json.dumps(schema)}}
    body = b""
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        entries[name] = {
            "dtype": names[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(entries | header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def taken_apart(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(schema, tensors) of a saved file, to be changed and put together again."""
    (length,) = struct.unpack("<Q", content[:8])
    entries = json.loads(content[8 : 8 + length])
    schema = json.loads(entries.pop("__metadata__")["snncc"])
    types = {"I8": np.int8, "I16": np.int16, "I64": np.int64, "F32": np.float32, "F64": np.float64}
    body = content[8 + length :]
    tensors = {
        name: np.frombuffer(body[slice(*e["data_offsets"])], types[e["dtype"]]).reshape(e["shape"])
        for name, e in entries.items()
    }
    return schema, tensors


def test_the_hand_made_archive_is_read(saved: bytes, scratch: Path) -> None:
    """What follows fails for its own reason, not because the archive is wrong."""
    network = read(scratch, archive(*taken_apart(saved)))
    assert network is not None
    assert same(network, every_kind())


@pytest.mark.parametrize("length", [0, 1, 2**20, 2**27, 2**32, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1])
def test_header_length_lies(length: int, saved: bytes, scratch: Path) -> None:
    assert read(scratch, struct.pack("<Q", length) + saved[8:]) is None


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON document."""
    yield here
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*here, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of a JSON document with another value at one place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**20, 2**31, 2**40, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63), 10**400]),
    st.sampled_from([0.5, 1e300, -0.0]),
    st.sampled_from(["", "x", "input", "conv", "0", "NaN", "\x00", "x" * 5000, "*/ int main(void) {", "\ud7ff"]),
    st.lists(st.sampled_from([0, -1, 2**20, 2**40, 10**30, "x", None]), max_size=5),
    st.dictionaries(
        st.sampled_from(["tensor", "type", "name", "x"]), st.sampled_from([0, -1, 99, 10**30, "0", [], {}])
    ),
)


@examples(400)
@given(data=st.data())
def test_wrong_values_in_the_schema(data: st.DataObject, saved: bytes, scratch: Path) -> None:
    """Any value of the schema replaced: refused, or a network that verifies."""
    schema, tensors = taken_apart(saved)
    for _ in range(data.draw(st.integers(1, 2))):
        schema = put(schema, data.draw(st.sampled_from(list(paths(schema))[1:])), data.draw(WRONG))
        if not isinstance(schema.get("network"), dict):
            break
    network = read(scratch, archive(schema, tensors))
    if network is not None:
        ir.check(network)


def test_a_field_more_is_refused(saved: bytes, scratch: Path) -> None:
    """An unknown field is refused wherever an object stands, so nothing that a file says is dropped silently."""
    schema, tensors = taken_apart(saved)
    added = 0
    for path in paths(schema):
        value = schema
        for key in path:
            value = value[key]
        if isinstance(value, dict) and path[-1:] != ("intervals",) and "intervals" not in path[-2:-1]:
            assert read(scratch, archive(put(schema, path, value | {"surprise": 1}), tensors)) is None, path
            added += 1
    assert added > 20


@pytest.mark.parametrize("version", [0, 5, 99, 10**30, -1, "1", None, 1.5])
def test_another_version(version: Any, saved: bytes, scratch: Path) -> None:
    schema, tensors = taken_apart(saved)
    assert read(scratch, archive(schema | {"version": version}, tensors)) is None


def test_newer_version_says_so_before_its_schema_is_read(scratch: Path) -> None:
    scratch.write_bytes(archive({"format": "snncc-network", "version": 5, "cells": []}, {}))
    with pytest.raises(FileFormatError, match="version 5"):
        ir.load(scratch)


def test_a_foreign_safetensors_file(scratch: Path) -> None:
    assert read(scratch, archive({"format": "other", "version": 1}, {"0": np.zeros(3, np.int8)})) is None
    assert read(scratch, archive("", {})) is None
    assert read(scratch, archive({}, {}, __metadata__={"other": "x"})) is None


@pytest.mark.parametrize("depth", [100, 1_000, 100_000, 2_000_000])
@pytest.mark.parametrize("kind", ["list", "object", "view"])
def test_deep_nesting(kind: str, depth: int, saved: bytes, scratch: Path) -> None:
    if kind == "view":
        schema, tensors = taken_apart(saved)
        depth = min(depth, 100_000)
        path = ("network", "populations", 0, "projections", 0, "source")
        text = json.dumps(put(schema, path, "HERE"))
        opened = '{"type":"pad","pads":[0,0,0,0],"view":' * depth
        view = opened + '{"type":"source","population":"input"}' + "}" * depth
        network = read(scratch, archive(text.replace('"HERE"', view), tensors))
        assert network is None or depth == 100
        return
    opened, closed = ("[", "]") if kind == "list" else ('{"a":', "}")
    text = f'{{"format":"snncc-network","version":1,"network":{opened * depth}1{closed * depth}}}'
    assert read(scratch, archive(text, {})) is None


HUGE: dict[str, tuple[tuple[Any, ...], Any]] = {
    "input shape": (("network", "input", "shape"), [2**13, 2**13, 2]),
    "population shape": (("network", "populations", 0, "shape"), [2**13, 2**13, 2]),
    "reshape": (("network", "populations", 0, "projections", 0, "source"), {
        "type": "reshape", "view": {"type": "source", "population": "input"}, "shape": [2**30, 2**30, 1],
    }),
    "pads of a convolution": (("network", "populations", 0, "projections", 0, "pads"), [2**40, 1, 2**40, 1]),
    "output shape": (("network", "output_shape"), [-1, -3]),
    "shift": (("network", "populations", 0, "projections", 0, "shift"), 10**9),
    "timesteps": (("network", "timesteps"), 10**12),
    "thresholding": (("network", "thresholding"), "1e999999999"),
}  # fmt: skip


@pytest.mark.parametrize("case", HUGE)
def test_huge_numbers(case: str, saved: bytes, scratch: Path) -> None:
    schema, tensors = taken_apart(saved)
    assert read(scratch, archive(put(schema, *HUGE[case]), tensors)) is None


def tiny(*projections: ir.Projection, shape: tuple[int, ...], **fields: Any) -> ir.Network:
    """One silent population on a 1x1x1 input, not proved."""
    last = population("out", shape, *projections, theta=None, **fields)
    return unproved(last, name="tiny", shape=(1, 1, 1), timesteps=1)


PIXEL = ir.Source("input")
EDGE = 2**16
SMALL_BUT_HUGE = {
    "a view of 2^80 elements under a stride": tiny(
        ir.SumPool2D(name="a", source=ir.Pad(PIXEL, (2**40, 0, 2**40, 0)), size=(1, 1), strides=(2**40, 2**40)),
        shape=(2, 2, 1),
    ),
    "a pixel of 2^80 copies under a stride": tiny(
        ir.SumPool2D(
            name="a", source=ir.Spread(PIXEL, (2**40, 2**40), repeat=True), size=(1, 1), strides=(2**40, 2**40)
        ),
        shape=(1, 1, 1),
    ),
    "a window of 2^32 elements": tiny(
        ir.SumPool2D(name="a", source=PIXEL, size=(EDGE, EDGE), strides=(1, 1), pads=(EDGE - 1, 0, EDGE - 1, 0)),
        shape=(1, 1, 1),
    ),
    "a max-pool of 2^32 elements": tiny(
        ir.Identity(
            name="a",
            source=ir.MaxPool(PIXEL, (EDGE, EDGE), (1, 1), (EDGE - 1, 0, EDGE - 1, 0)),
            weights=np.array(1, np.int8),
        ),
        shape=(1, 1, 1),
    ),
    "positions times channels": tiny(
        ir.Identity(name="a", source=ir.Pad(PIXEL, (0, 2**9 - 1, 0, 2**9 - 1)), weights=np.array(1, np.int8)),
        ir.Conv2D(
            name="b",
            source=ir.Pad(PIXEL, (0, 2**9 - 1, 0, 2**9 - 1)),
            weights=np.ones((1, 1, 1, 2**9), np.int8),
        ),
        shape=(2**9, 2**9, 2**9),
        bias=np.zeros((2**9, 2**9, 1), np.int64),
    ),
    "positions of many channels": tiny(
        ir.Conv2D(
            name="b",
            source=ir.Pad(PIXEL, (0, 2**6 - 1, 0, 2**6 - 1)),
            weights=np.ones((1, 1, 1, 2**11), np.int8),
        ),
        shape=(2**6, 2**6, 2**11),
        bias=np.arange(2**12).reshape(2**6, 2**6, 1),
    ),
}


@pytest.mark.parametrize("case", SMALL_BUT_HUGE)
def test_a_small_file_that_stands_for_much(case: str, scratch: Path) -> None:
    """Refused or accepted, the network is read in little memory."""
    schema, tensors = taken_apart_network(SMALL_BUT_HUGE[case])
    content = archive(schema, tensors)
    assert len(content) < 4 * MEGABYTE
    read(scratch, content, 256 * MEGABYTE)


def taken_apart_network(network: ir.Network) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(schema, tensors) of a network that `save` might refuse."""
    tensors: dict[str, np.ndarray] = {}

    def number(value: Any) -> Any:
        tensors[str(len(tensors))] = np.asarray(value)
        return {"tensor": len(tensors) - 1}

    body = msgspec.to_builtins(network, enc_hook=number)
    return {"format": "snncc-network", "version": 1, "network": body}, tensors


def test_tensors_of_foreign_types(saved: bytes, scratch: Path) -> None:
    schema, tensors = taken_apart(saved)
    for name in tensors:
        other = tensors | {name: tensors[name].astype(np.uint8)}
        assert read(scratch, archive(schema, other)) is None
        assert read(scratch, archive(schema, {k: v for k, v in tensors.items() if k != name})) is None
