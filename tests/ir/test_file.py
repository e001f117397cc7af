"""network.snn: round trip, hash, saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from snncc import ir
from snncc.errors import FileFormatError, NetworkError, OutputError
from tests import strategies
from tests.ir.changes import CHANGES, arrays, same
from tests.networks import change, change_projection, every_kind, grown, separable
from tests.support import examples


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "network.snn"


@examples(60)
@given(network=st.one_of(strategies.networks(), strategies.networks(dynamics="count")))
def test_round_trip(network: ir.Network, scratch: Path) -> None:
    ir.save(network, scratch)
    loaded = ir.load(scratch)
    assert same(network, loaded)
    assert loaded.intervals == network.intervals
    first = scratch.read_bytes()
    ir.save(loaded, scratch)
    assert scratch.read_bytes() == first


def test_a_folder_is_read_by_its_file(tmp_path: Path) -> None:
    ir.save(every_kind(), tmp_path / "network.snn")
    assert same(ir.load(tmp_path), every_kind())


@pytest.mark.parametrize(("network", "version"), [(every_kind(), 1), (separable(), 3), (grown(), 3)])
def test_a_file_has_the_oldest_version_that_holds_it(network: ir.Network, version: int, tmp_path: Path) -> None:
    with safe_open(ir.save(network, tmp_path / "network.snn"), "numpy") as archive:
        (schema,) = archive.metadata().values()
    assert msgspec.json.decode(schema)["version"] == version


# The hash.


def test_hash_knows_every_field() -> None:
    """Each field changed alone gives another hash; the table above names every field but the tool's version
    and the record."""
    network = every_kind()
    hashes = {ir.content_hash(network)} | {ir.content_hash(alter(network)) for alter in CHANGES.values()}
    assert len(hashes) == len(CHANGES) + 1
    named = {name.partition(".")[2] for name in CHANGES if name.startswith("network.")}
    assert named | {"input", "populations", "tool_version", "record"} == set(ir.Network.__struct_fields__)
    for kind, prefix in ((ir.Input, "input."), (ir.Population, "population."), (ir.Conv2D, "projection.")):
        fields = {name.removeprefix(prefix) for name in CHANGES if name.startswith(prefix)}
        assert fields == set(kind.__struct_fields__)


def test_hash_ignores_tool_version_and_memory_layout() -> None:
    network = every_kind()
    assert ir.content_hash(ir.replace(network, tool_version="9")) == ir.content_hash(network)
    golden = np.zeros((1, *network.input.shape), np.int64)
    record = ir.Record(options={"seed": 1}, data={}, versions={}, golden=golden)
    assert ir.content_hash(ir.replace(network, record=record)) == ir.content_hash(network)
    weights = network["conv"].projections[0].weights
    fortran = change_projection(network, "conv", weights=np.asfortranarray(weights))
    swapped = change(fortran, "conv", theta=network["conv"].theta.astype(">i8"))
    assert ir.content_hash(swapped) == ir.content_hash(network)


@examples(60)
@given(network=strategies.networks(), data=st.data())
def test_hash_knows_every_element(network: ir.Network, data: st.DataObject) -> None:
    """One bit of one element of any tensor changes the hash."""
    target = data.draw(st.integers(0, sum(1 for _ in arrays(network)) - 1))
    before = ir.content_hash(network)
    count = 0

    def rebuilt(value: Any) -> Any:
        nonlocal count
        if isinstance(value, np.ndarray | np.generic):
            count += 1
            if count - 1 == target:
                raw = bytearray(np.asarray(value).tobytes())
                raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
                return np.frombuffer(bytes(raw), np.asarray(value).dtype).reshape(np.shape(value))
        if isinstance(value, msgspec.Struct):
            return ir.replace(value, **{f: rebuilt(getattr(value, f)) for f in value.__struct_fields__})
        return tuple(map(rebuilt, value)) if isinstance(value, tuple) else value

    assert ir.content_hash(rebuilt(network)) != before
    assert count > target


# Saving.


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ir.save(every_kind(), tmp_path / "network.snn")
    before = path.read_bytes()
    invalid = ir.replace(every_kind(), intervals={})
    with pytest.raises(NetworkError):
        ir.save(invalid, path)
    assert path.read_bytes() == before

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"network\.snn.*No space left"):
        ir.save(every_kind(spikes=True), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["network.snn"]


def test_a_save_into_nowhere(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        ir.save(every_kind(), tmp_path / "nowhere" / "network.snn")
    with pytest.raises(FileFormatError, match="no such file"):
        ir.load(tmp_path / "nowhere")
