"""Texts that are no network: refused with the line and the reason; whatever the text, little memory."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir
from snncc.errors import FileFormatError
from snncc.ir.text import dump, parse
from tests.ir.changes import same
from tests.ir.text_samples import TEXT, equal, whole
from tests.networks import every_kind
from tests.support import examples

MEGABYTE = 2**20


# Strict: what is wrong is named with its line.


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
    "unknown view": (lambda: edited("pad(pool", "roll(pool"), "source: 'roll' is none of source, late, reshape, pad"),
    "view lacks": (lambda: edited("max_pool(conv, 2x2, 2x2)", "max_pool(conv, 2x2)"), "max_pool lacks strides"),
    "view has more": (lambda: edited("1 0 0 1)", "1 0 0 1, 3)"), "source: '3'? ?"),
    "open view": (lambda: edited("2x2), 16))", "2x2), 16)"), "source: "),
    "after a view": (lambda: edited("source input", "source input conv"), "source: 'conv' after its end"),
    "open string": (lambda: edited("source input", 'source "input'), "a string does not end"),
    "unknown source": (lambda: edited("source input", "source nothing"), "nothing"),
    "unknown kind": (
        lambda: edited("kind silent", "kind loud"),
        "'loud' is none of integrate_and_fire, leaky_integrate_and_fire, silent",
    ),
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
