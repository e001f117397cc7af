"""The textual form of a network: round trip, one line per change, and hostile texts: one FileFormatError, no crash."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
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
from tests.ir.samples import change, change_projection, every_kind
from tests.ir.test_file import CHANGES, arrays, same
from tests.ir.test_hostile import nested
from tests.support import examples

MEGABYTE = 2**20


def whole() -> ir.Network:
    """Every kind of projection and view, raw bytes and a record with every type of option."""
    network = every_kind()
    scale, offset = np.array([1 / 255, 2 / 255]), np.array([0.0, -0.1])
    pixels = ir.byte_pixels(network.input, scale, offset)
    golden = np.random.default_rng(0).integers(0, 255, (2, 4, 4, 2), dtype=np.int64, endpoint=True)
    record = ir.Record(
        options={
            "calibrate": "none", "seed": 3, "percentile": 99.9, "per_channel": True, "fixed_lambda": None,
            "bytes_scale": (0.1, 1e-300), "an odd name": 'a "quoted"  text, (with\n everything) ' + "long " * 60,
        },
        data={"sha256": "0" * 64, "shape": "8x4x4x2"},
        versions={"numpy": "2.0", "tensorflow-cpu": "2.18"},
        golden=golden,
    )  # fmt: skip
    raw = ir.RawBytes(scale=scale, offset=offset, pixels=pixels)
    return ir.replace(network, record=record, input=ir.replace(network.input, raw=raw))


def twin() -> ir.Network:
    """A float twin: float32 weights and float64 parameters with long, tiny and negative zero values."""
    network = every_kind()
    random = np.random.default_rng(1)

    def real(projection: ir.Projection) -> ir.Projection:
        if not hasattr(projection, "weights"):
            return projection
        weights = random.normal(size=projection.weights.shape).astype(np.float32)
        weights.ravel()[:3] = -0.0, 1.1754944e-38, 3.4028235e38
        return ir.replace(projection, weights=weights)

    populations = tuple(
        ir.replace(
            p,
            projections=tuple(map(real, p.projections)),
            theta=None if p.theta is None else p.theta / 7,
            bias=random.normal(size=p.bias.shape),
            v0=p.v0 / 3,
        )
        for p in network.populations
    )
    return ir.replace(network, signed_bit=0, populations=populations, intervals={})


SAMPLES = {
    "every kind": every_kind,
    "spikes": lambda: every_kind(spikes=True),
    "record and raw bytes": whole,
    "float twin": twin,
}


def records_equal(left: ir.Network, right: ir.Network) -> bool:
    """The record is no part of the hash."""
    if not left.record or not right.record:
        return bool(left.record) == bool(right.record)
    a, b = left.record, right.record
    return (
        msgspec.to_builtins((a.options, a.data, a.versions)) == msgspec.to_builtins((b.options, b.data, b.versions))
        and list(map(type, a.options.values())) == [type(b.options[name]) for name in a.options]
        and np.array_equal(a.golden, b.golden)
        and a.golden.dtype == b.golden.dtype
    )


def equal(left: ir.Network, right: ir.Network) -> bool:
    """All of it: what the hash covers, and the record, the tool's version and the proved intervals."""
    return (
        same(left, right)
        and records_equal(left, right)
        and (left.tool_version, left.intervals) == (right.tool_version, right.intervals)
    )


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
    long = ir.replace(network, intervals=ir.prove(network))
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


# Strict: what is wrong is named with its line.

TEXT = dump(whole())


def edited(old: str, new: str, text: str = TEXT) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


WRONG: dict[str, tuple[Callable[[], str], str]] = {
    "empty": (lambda: "", "line 1: .*begins with"),
    "foreign": (lambda: "module main;", "line 1: .*begins with"),
    "newer": (lambda: edited("-text 1", "-text 2"), "line 1: version 2"),
    "elided": (lambda: dump(every_kind(), weights=False), r"line \d+: weights: .*elided"),
    "unknown field": (lambda: edited("timesteps 16", "timestep 16"), "line 3: 'timestep' is nothing that a network"),
    "twice": (lambda: edited("timesteps 16", "timesteps 16\ntimesteps 16"), "line 4: timesteps stands twice"),
    "lacking": (lambda: edited("  bits 8\n", ""), "an input lacks bits"),
    "no number": (lambda: edited("timesteps 16", "timesteps sixteen"), "line 3: timesteps: "),
    "half a number": (lambda: edited("timesteps 16", "timesteps 16.5"), "line 3: timesteps: "),
    "two numbers": (lambda: edited("timesteps 16", "timesteps 16 17"), "line 3: timesteps: "),
    "other word": (lambda: edited("dynamics count", "dynamics both"), "line 5: dynamics: "),
    "shape": (lambda: edited("shape 4x4x2", "shape 4x4,2"), "shape: '4x4,2' is not whole numbers"),
    "pads": (lambda: edited("pads 1 1 1 1", "pads 1 1 1"), "pads: "),
    "indented": (lambda: edited("timesteps", "   timesteps"), "line 3: its indentation"),
    "too deep": (lambda: edited("signed_bit", "    signed_bit"), "line 4: its indentation"),
    "below a number": (lambda: edited("  v0 int64 450", "  v0 int64 450\n    [0] 1"), "v0: numbers in its line and"),
    "unknown view": (lambda: edited("pad(pool", "roll(pool"), "source: 'roll' is none of source, reshape, pad"),
    "view lacks": (lambda: edited("max_pool(conv, 2x2, 2x2)", "max_pool(conv, 2x2)"), "max_pool lacks strides"),
    "view has more": (lambda: edited("1 0 0 1)", "1 0 0 1, 3)"), "source: '3'? ?"),
    "open view": (lambda: edited("2x2), 16))", "2x2), 16)"), "source: "),
    "after a view": (lambda: edited("source input", "source input conv"), "source: 'conv' after its end"),
    "open string": (lambda: edited("source input", 'source "input'), "a string does not end"),
    "unknown source": (lambda: edited("source input", "source nothing"), "nothing"),
    "unknown kind": (lambda: edited("kind silent", "kind loud"), "'loud' is none of integrate_and_fire, silent"),
    "row": (lambda: edited("[0,1] -86", "[0,2] -86"), "weights: .* is not the row of number 8 "),
    "short row": (lambda: edited("[0,1] -86", "[0,1]"), "weights: .* is not the row of number 15 "),
    "too few": (lambda: edited("theta int64[4] 700", "theta int64[4]"), "theta: 3 numbers do not fill the shape 4"),
    "too large": (lambda: edited("[0,1] -86", "[0,1] -129"), "weights: a number is too large for int8"),
    "foreign type": (lambda: edited("theta int64[4]", "theta uint8[4]"), "theta: .* is no array"),
    "foreign number": (lambda: edited("theta int64[4] 700", "theta int64[4] 0x7"), "theta: '0x7' is no number"),
    "nan": (lambda: edited("float64 1.0", "float64 nan"), "lambda: 'nan' is no number"),
    "interval": (lambda: edited("intervals count", "intervals count 0..1, count"), "intervals: .*second one"),
    "wrong interval": (lambda: edited("count -45404", "count -45405"), "not those that the weights prove"),
    "no interval": (lambda: re.sub("intervals.*", "intervals", TEXT, count=1), "intervals: '' is no interval"),
    "option": (lambda: edited('calibrate "none"', "calibrate none"), "calibrate: "),
    "raw twice": (lambda: edited("  raw\n", "  raw x\n"), "raw: nothing follows"),
    "invariant": (lambda: edited("shift 7", "shift 63"), "invalid network: population 'pool'.*shift 63"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str) -> None:
    make, message = WRONG[case]
    with pytest.raises(FileFormatError, match=message):
        parse(make())


def test_the_text_that_is_edited_is_valid() -> None:
    assert equal(parse(TEXT), whole())
    assert equal(parse(TEXT.replace("\n\n", "\n")), whole()), "empty lines say nothing"


def test_the_order_of_fields_is_free() -> None:
    moved = edited("timesteps 16\nsigned_bit 8\n", "signed_bit 8\ntimesteps 16\n")
    assert equal(parse(moved), whole())


# Hostile texts: refused, or a valid network; little memory.


def read(text: str, limit: int = 64 * MEGABYTE) -> ir.Network | None:
    tracemalloc.start()
    try:
        return parse(text)
    except FileFormatError:
        return None
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < limit, f"{peak} bytes were allocated"


TOKENS = re.findall(r"\s+|\w+|.", TEXT)
ODD = st.sampled_from(
    [*'()[]{}*-x0,"', "", " ", "\n", "\n  ", "..", "-1", "1e999", "nan", "9" * 30, "\x00", "\u2028", "\ud800"]
)
WORDS = st.sampled_from(["input", "conv", "none", "elided", "pad(", "__import__", "7*256", "*999"])


@examples(400)
@given(data=st.data())
def test_tokens_deleted_doubled_or_altered(data: st.DataObject) -> None:
    tokens = list(TOKENS)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tokens) - 1))
        match data.draw(st.sampled_from(["delete", "double", "alter", "swap"])):
            case "delete":
                del tokens[at]
            case "double":
                tokens.insert(at, tokens[at])
            case "alter":
                tokens[at] = data.draw(ODD | WORDS)
            case "swap":
                other = data.draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
    network = read("".join(tokens))
    if network is not None:
        ir.check(network)


@examples(150)
@given(data=st.data())
def test_lines_deleted_doubled_or_moved(data: st.DataObject) -> None:
    lines = TEXT.split("\n")
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = lines[at] if data.draw(st.booleans()) else lines.pop(at)
        lines.insert(data.draw(st.integers(0, len(lines))), line)
    network = read("\n".join(lines))
    if network is not None:
        ir.check(network)


@examples(150)
@given(text=st.text(max_size=300), titled=st.booleans())
def test_any_text(text: str, titled: bool) -> None:
    assert read("snncc-network-text 1\n" + text if titled else text) is None


HUGE = {
    "shape of an array": edited("int8[3x3x2x4]", "int8[999999999x999999999x2x4]"),
    "many axes": edited("int8[3x3x2x4]", f"int8[{'1x' * 100_000}4]"),
    "population": edited("shape 4x4x4", "shape 8192x8192x2"),
    "pads": edited("pads 1 1 1 1", f"pads {2**40} 1 {2**40} 1"),
    "long number": edited("timesteps 16", "timesteps " + "9" * 100_000),
    "long float": edited("lambda_0 1.0", "lambda_0 1." + "0" * 100_000 + "e"),
    "open parentheses": edited("source input", "source " + "pad(" * 20_000),
    "deep view": edited("source input", "source " + "pad(" * 20_000 + "input" + ", 0 0 0 0)" * 20_000),
    "commas": edited("source input", "source concat(" + "input, " * 20_000),
    "quotes": edited("source input", "source " + '"' * 100_001),
    "backslashes": edited("source input", 'source "' + "\\" * 100_001),
    "brackets": edited("seed 3", "seed " + "[" * 100_000),
    "stairs": TEXT + "".join("  " * i + "a\n" for i in range(500)),
    "empty lines": TEXT + "\n" * 300_000 + "x",
    "spaces": edited("timesteps 16", "timesteps " + " " * 300_000 + "x"),
    "intervals": edited("intervals count", "intervals " + "count 0..1, " * 20_000 + "count"),
    "thresholding": edited('thresholding "0.5"', 'thresholding "1e999999999"'),
}


@pytest.mark.parametrize("case", HUGE)
def test_huge_or_deep(case: str) -> None:
    assert read(HUGE[case]) is None


def test_runs_cost_memory_in_proportion_to_the_text() -> None:
    """A million numbers take kilobytes of text, not a few characters."""
    text = edited("weights int8[3x3x2x4]", f"weights int8[1000x1000] {'0*256 ' * 3_900}")
    assert read(text) is None
    network = read(edited("v0 int64 450", "v0 int64 450*1"))
    assert network is not None
    assert same(network, whole())


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
