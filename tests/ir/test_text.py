"""The textual form of a network: round trip, one line per change."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir
from snncc.errors import FileFormatError, NetworkError
from snncc.ir.text import dump, parse
from snncc.ir.text.arrays import LONGEST, head, made, read_head, read_numbers, read_row, rows
from snncc.neurons import INTEGRATE_AND_FIRE
from tests import strategies
from tests.ir.changes import CHANGES, arrays, same
from tests.ir.text_samples import SAMPLES, equal, records_equal, whole
from tests.networks import change, change_projection, every_kind, nested, with_intervals
from tests.support import examples

# Round trip.


@pytest.mark.parametrize("name", SAMPLES)
def test_round_trip_of_samples(name: str) -> None:
    network = SAMPLES[name]()
    ir.check(network)
    text = dump(network)
    assert equal(parse(text), network)
    assert dump(parse(text)) == text
    assert max(map(len, text.splitlines())) <= 120 or name == "record and raw bytes"


@examples(100)
@given(network=st.one_of(strategies.networks(), strategies.networks(dynamics="count")))
def test_round_trip(network: ir.Network) -> None:
    text = dump(network)
    assert equal(parse(text), network)
    assert text == dump(network) == dump(parse(text))
    assert max(map(len, text.splitlines())) <= 120


def test_the_comparison_can_fail() -> None:
    network = whole()
    assert network.record
    for other in (
        ir.replace(network, record=ir.replace(network.record, options=network.record.options | {"seed": 3.0})),
        ir.replace(network, record=ir.replace(network.record, golden=network.record.golden + 1)),
        ir.replace(network, tool_version="x"),
        change(network, "out", v0=np.array(0.0)),
    ):
        assert not equal(network, other)
    assert not records_equal(network, ir.replace(network, record=msgspec.UNSET))


def test_what_a_person_reads() -> None:
    """The words that docs/reference/ir.md promises."""
    lines = [line.strip() for line in dump(whole()).splitlines()]
    for wanted in (
        "population pool",
        "kind integrate_and_fire",
        "kind silent",
        "source concat(reshape(pad(pool, 1 0 0 1), 36), reshape(max_pool(conv, 2x2, 2x2), 16))",
        "theta int64[4] 700 800 900 1000",
        "bias int64[4x4x1] -3*16",
        "lambda float64[4] 1.0 2.0 3.0 4.0",
        "pads 2 2 2 2",
        "weights int8[3x3x2x4]",
        "[0,1] -86 -49 -12 25 62 99 -119 -82",
    ):
        assert wanted in lines, wanted
    assert any(line.startswith("intervals count ") for line in lines)


def test_a_view_too_long_for_a_line_is_continued() -> None:
    network = nested(64)
    long = with_intervals(network)
    text = dump(long)
    assert max(map(len, text.splitlines())) <= 120
    assert equal(parse(text), long)
    with pytest.raises(FileFormatError, match=r"line .*nested more than 64"):
        parse(dump(nested(65)))


def test_a_kind_that_theta_does_not_tell_is_kept_as_it_is() -> None:
    """No such network is valid yet; its text is not that of the valid one."""
    text = dump(every_kind())
    with pytest.raises(FileFormatError, match="out"):
        parse(text.replace("kind silent", "kind integrate_and_fire"))
    assert same(parse(re.sub(" +kind .*\n", "", text)), every_kind())
    assert same(parse(dump(change(every_kind(), "conv", kind=INTEGRATE_AND_FIRE))), every_kind())


# One change, one line.


def test_every_field_is_shown() -> None:
    """The table of test_file.py, which names every field: each change alone changes the text."""
    texts = {dump(every_kind())} | {dump(alter(every_kind())) for name, alter in CHANGES.items() if "kind" not in name}
    assert len(texts) == len(CHANGES)


@examples(100)
@given(network=strategies.networks(), data=st.data())
def test_every_element_is_shown(network: ir.Network, data: st.DataObject) -> None:
    """One bit of one element of any tensor changes the text."""
    target = data.draw(st.integers(0, sum(1 for _ in arrays(network)) - 1))
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

    assert dump(rebuilt(network)) != dump(network)


def different(left: str, right: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in zip(left.splitlines(), right.splitlines(), strict=True) if a != b]


@pytest.mark.parametrize("where", ["conv", "both", "out"])
def test_one_changed_weight_changes_one_line(where: str) -> None:
    network = every_kind()
    for index in (0, 5, 17, 35):
        weights = network[where].projections[0].weights.copy()
        weights.ravel()[index] = 1 if weights.ravel()[index] == 0 else 0
        changed = change_projection(network, where, weights=weights)
        ((before, after),) = different(dump(network), dump(changed))
        assert len(before.split()) == len(after.split())
        (line,) = different(dump(network, weights=False), dump(changed, weights=False))
        assert "elided" in line[0], "the short hash knows it"


# Arrays.


@examples(200)
@given(data=st.data())
def test_arrays(data: st.DataObject) -> None:
    """Any array: equal bits, rows at fixed places, no line too long."""
    dtype = np.dtype(data.draw(st.sampled_from(["int8", "int16", "int64", "float32", "float64"])))
    sides = [
        *data.draw(st.lists(st.integers(0, 5), max_size=3)),
        *data.draw(st.sampled_from([(), (1,), (17,), (300,)])),
    ]
    shape = tuple(data.draw(st.permutations(sides)))
    random = np.random.default_rng(data.draw(st.integers(0, 999)))
    kind = data.draw(st.sampled_from(["any", "few", "equal", "count"]))
    size = int(np.prod(shape))
    if kind == "any" and dtype.kind == "i":
        end = min(2 ** (8 * dtype.itemsize - 1), 2**62)
        values = random.integers(-end, end, size)
    elif kind == "any":
        values = random.normal(size=size) * 10.0 ** random.integers(-30, 30, size)
    else:
        values = {"few": random.integers(0, 2, size), "equal": np.full(size, -7), "count": np.arange(size) % 120}[kind]
    array = values.astype(dtype).reshape(shape)
    text = rows(array)
    assert all(len(row) <= 112 for row in text)
    found, found_shape, _ = read_head(head(array))
    numbers: list[Any] = []
    for row in text:
        numbers += read_numbers(read_row(row, shape, len(numbers)) if len(text) > 1 else row, found)
    again = made(numbers, found, found_shape)
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert again.tobytes() == array.tobytes()


def test_runs_are_short_and_bounded() -> None:
    assert rows(np.arange(256)) == ["0..255"]
    assert rows(np.zeros((16, 16), np.int8)) == ["0*256"]
    assert rows(np.zeros((16, 32), np.int8)) == ["[0,0] 0*256", "[8,0] 0*256"]
    assert rows(np.array([1, 1, 1, 2, 9, 9, 9, 9])) == ["1 1 1 2 9*4"]
    assert rows(np.array([0.0, -0.0, 0.0])) == ["0.0 -0.0 0.0"]
    for token in (f"7*{LONGEST + 1}", "7*0", f"0..{LONGEST}", "3..2", "0*1000", "0..9223372036854775807"):
        with pytest.raises(ValueError, match=r"run|number"):
            read_numbers(token, np.dtype("int64"))


def test_the_twin_of_a_subnormal_and_of_every_float32_width() -> None:
    """Whatever NumPy prints, what is read is the same float32."""
    bits = np.random.default_rng(2).integers(0, 2**32, 4000, dtype=np.uint32)
    array = bits.view(np.float32)
    array = array[np.isfinite(array)]
    numbers = [n for row in rows(array) for n in read_numbers(row.partition("] ")[2], np.dtype("float32"))]
    assert made(numbers, np.dtype("float32"), array.shape).tobytes() == array.tobytes()


def test_nothing_of_a_valid_network_is_refused_by_name() -> None:
    """Names that are also words of the notation."""
    network = every_kind()
    conv = network["conv"].projections[0]
    odd = change(network, "conv", projections=(replace_name(conv, 'population "x", (y) \\ \u00e9 \U0001f600'),))
    assert equal(parse(dump(odd)), odd)
    with pytest.raises(NetworkError, match="not a line"):
        ir.check(change(network, "conv", projections=(replace_name(conv, "\n"),)))


def replace_name(projection: ir.Projection, name: str) -> ir.Projection:
    changed: ir.Projection = ir.replace(projection, name=name)
    return changed
