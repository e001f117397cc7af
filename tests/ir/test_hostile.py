"""What a fuzzer found in network.snn: deep views, much work in few bytes, foreign types, terminal codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from snncc import ir, sim
from snncc.errors import FileFormatError, NetworkError, SnnccError
from tests.soak.kills import toy
from tests.soak.network_inputs import container, dumped, taken_apart


def nested(depth: int) -> ir.Network:
    """A network whose one view has so many levels."""
    view: ir.View = ir.Source("input")
    for _ in range(depth - 1):
        view = ir.Reshape(view, (2,))
    network = toy(1)
    hidden = network["hidden"]
    deep = ir.replace(hidden.projections[0], source=view)
    populations = (ir.replace(hidden, projections=(deep,)), *network.populations[1:])
    return ir.replace(network, populations=populations)


def saved(network: ir.Network, path: Path) -> Path:
    schema, tensors = taken_apart(network)
    path.write_bytes(container(dumped(schema), tensors))
    return path


def test_views_are_at_most_64_deep(tmp_path: Path) -> None:
    """What is accepted also runs: nothing that walks a view meets Python's recursion limit."""
    network = ir.load(saved(nested(64), tmp_path / "a.snn"))
    pixels = np.array([[3, 1]])
    assert (sim.run(network, pixels, 4).values == sim.run(toy(1), pixels, 4).values).all()
    for depth in (65, 300):
        with pytest.raises(FileFormatError, match="nested more than 64"):
            ir.load(saved(nested(depth), tmp_path / "a.snn"))


def wide(channels: int, populations: int) -> ir.Network:
    """Identity after identity on a vector: as few bytes as there can be for so many channels."""
    one, zero = np.ones(()), np.zeros((), np.int64)
    layers = []
    for i in range(populations):
        source = ir.Source(f"p{i - 1}" if i else "input")
        last = i == populations - 1
        layers.append(
            ir.Population(
                name=f"p{i}", shape=(channels,), theta=None if last else np.array(5), bias=zero, v0=zero, lambda_=one,
                projections=(ir.Identity(name="i", source=source, weights=np.array(1, np.int8)),),
            )
        )  # fmt: skip
    source = ir.Input(
        shape=(channels,), bits=8, signed=False, encoding="rate", lambda_0=1.0, gain=one, offset=np.zeros(())
    )
    return ir.Network(
        name="wide", input=source, populations=tuple(layers), timesteps=4, signed_bit=8, output_shape=(channels,)
    )


def test_channels_in_all_are_bounded() -> None:
    """A file of some kilobytes must not stand for minutes of proof."""
    fits = wide(2**12, 8)
    ir.check(ir.replace(fits, intervals=ir.prove(fits)))
    with pytest.raises(NetworkError, match="have 8388612 channels, more than 8388608"):
        ir.check(wide(2**21 + 1, 4))


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2", "U8", "I32", "BOOL", "F16"])
def test_tensors_of_types_that_are_not_ours(kind: str, tmp_path: Path) -> None:
    """NumPy lacks some of them, and says so in its own words."""
    schema, tensors = taken_apart(toy(1))
    sizes = {"BF16": 2, "F16": 2, "I32": 4}
    tensors["99"] = np.zeros(sizes.get(kind, 1), np.int8)

    def change(entries: dict) -> dict:
        entries["99"] |= {"dtype": kind, "shape": [1]}
        return entries

    (tmp_path / "a.snn").write_bytes(container(json.dumps(schema), tensors, change))
    with pytest.raises(FileFormatError, match=f"tensor '99' is of a foreign type, {kind}"):
        ir.load(tmp_path / "a.snn")
    (tmp_path / "a.snn").write_bytes(container(json.dumps(schema), tensors))
    assert ir.load(tmp_path / "a.snn").name == "toy"


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\x00b", "a\ud800", "\u202eevil", "a\rb"])
def test_no_message_holds_what_a_terminal_obeys(name: str, tmp_path: Path) -> None:
    schema, tensors = taken_apart(toy(1))
    schema["network"]["populations"][0]["theta"] = {"tensor": name}
    (tmp_path / "a.snn").write_bytes(container(json.dumps(schema), tensors))
    with pytest.raises(FileFormatError) as found:
        ir.load(tmp_path / "a.snn")
    assert str(found.value).isprintable()
    said = str(SnnccError(f"first {name}\nsecond é"))
    assert said.splitlines()[1] == "second é" and said.replace("\n", "").isprintable()
