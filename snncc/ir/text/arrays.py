"""Arrays as text, and back: `int8[3x3x2x4]`, then their numbers row by row, exactly.

Rows begin at places that the shape and the type alone decide, so that a changed number changes its own row. Four or
more equal numbers are `7*16`, eight or more that count up by one `0..15`; rows that go on like that are one row.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from snncc.ir.network import Array

LONGEST = 256
"""Numbers in one run, at most: what a text makes of arrays stays in proportion to the text."""
SHORTEST = {0: 4, 1: 8}
"""Numbers in a run that is written as one, at least, by its step."""
COLUMNS = 104
INTEGER = "-?[0-9]{1,19}"
FLOAT = r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[-+]?[0-9]{1,3})?"
HEAD = re.compile(r"(int8|int16|int64|float32|float64)(?:\[((?:[0-9]{1,9}x){0,3}[0-9]{1,9})\])?(?: (.+))?")
ROW = re.compile(r"\[([0-9]{1,9}(?:,[0-9]{1,9}){0,3})\] (.+)")
INTEGER_RUN = re.compile(rf"({INTEGER})(?:\*([0-9]{{1,3}})|\.\.({INTEGER}))?")
FLOAT_RUN = re.compile(rf"({FLOAT})(?:\*([0-9]{{1,3}}))?")


def head(array: Array) -> str:
    """Type and shape: `int8[3x3x2x4]`, `int64` for a single number."""
    shape = "x".join(map(str, array.shape))
    return f"{array.dtype.name}[{shape}]" if shape else array.dtype.name


def summary(array: Array) -> str:
    """What stands for elided numbers: type, shape, range and the start of their SHA-256."""
    content = np.array(array, dtype=array.dtype.newbyteorder("<"), order="C").tobytes()
    reach = f" {array.min()}..{array.max()}," if array.size else ""
    return f"{head(array)} elided,{reach} sha256 {hashlib.sha256(content).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Run:
    """Numbers one after the other: all equal (`step` 0) or counting up (1); a single one has no step yet."""

    first: Any
    step: int | None = None
    count: int = 1

    def joined(self, other: Run) -> Run | None:
        """Both as one run, where they are one."""
        for step in (0, 1) if isinstance(self.first, int) else (0,):
            follows = other.first == (self.first + self.count if step else self.first)
            if follows and self.step in (None, step) and other.step in (None, step):
                count = self.count + other.count
                return Run(self.first, step, count) if count <= LONGEST else None
        return None

    def __str__(self) -> str:
        if self.step is None or self.count < SHORTEST[self.step]:
            return " ".join(str(self.first + i if self.step else self.first) for i in range(self.count))
        return f"{self.first}..{self.first + self.count - 1}" if self.step else f"{self.first}*{self.count}"


def rows(array: Array) -> list[str]:
    """The numbers; each row begins with the place of its first one (`[0,2] `) unless there is one row only."""
    numbers = array.ravel().tolist() if array.dtype.kind == "i" else [_float(value) for value in array.ravel()]
    found: list[tuple[int, list[Run]]] = []
    merged, cuts = _cuts(array)
    for start, stop in cuts:
        runs = _runs(numbers[start:stop])
        if found and len(found[-1][1]) == len(runs) == 1 and (longer := found[-1][1][0].joined(runs[0])):
            found[-1] = found[-1][0], [longer]
        else:
            found.append((start, runs))
    texts = [" ".join(map(str, runs)) for _, runs in found]
    if len(texts) == 1:
        return texts
    axes = array.ndim - merged
    places = (np.unravel_index(start, array.shape)[:axes] for start, _ in found)
    return [f"[{','.join(map(str, place))}] {text}" for place, text in zip(places, texts, strict=True)]


def line(array: Array) -> str:
    """An array in one line, however long."""
    numbers = array.ravel().tolist() if array.dtype.kind == "i" else [_float(value) for value in array.ravel()]
    return f"{head(array)} {' '.join(map(str, _runs(numbers)))}"


def read_line(text: str) -> Array:
    """The array that `line` wrote; ValueError where it is none."""
    dtype, shape, numbers = read_head(text)
    return made(read_numbers(numbers, dtype), dtype, shape)


def _runs(numbers: list[Any]) -> list[Run]:
    runs: list[Run] = []
    for number in numbers:
        run = Run(number)
        longer = runs[-1].joined(run) if runs else None
        if longer:
            runs[-1] = longer
        else:
            runs.append(run)
    return runs


def _cuts(array: Array) -> tuple[int, Iterator[tuple[int, int]]]:
    """(last axes that lie whole in a row, start and stop of every row)."""
    fit, row, merged = _fit(array), 1, 0
    for axis in reversed(array.shape):
        if row * axis > fit:
            break
        row, merged = row * axis, merged + 1
    block = row * array.shape[-1 - merged] if merged < array.ndim else row
    merged, step = (merged, row) if row > 1 else (0, fit)
    return merged, (
        (start, min(start + step, base + block))
        for base in range(0, array.size, max(1, block))
        for start in range(base, base + block, step)
    )


def _fit(array: Array) -> int:
    """Numbers that fit into a row: by the type; of int64 by the widest number, roughly, so that this rarely changes."""
    if array.dtype.kind != "i":
        return 6 if array.dtype.itemsize == 4 else 4
    if array.dtype.itemsize == 8:
        most = max(abs(int(array.min())), abs(int(array.max()))) if array.size else 0
        width = next((digits for digits in (3, 6, 11) if most < 10**digits), 19)
    else:
        width = 3 if array.dtype.itemsize == 1 else 5
    return COLUMNS // (width + 2)


def _float(value: Any) -> str:
    """The shortest text that is read as this very number."""
    short = str(value)
    return short if value.dtype.type(float(short)) == value else repr(float(value))


def read_head(text: str) -> tuple[np.dtype[Any], tuple[int, ...], str]:
    """(type, shape, the rest) of an array's first line."""
    match = HEAD.fullmatch(text)
    if match is None:
        raise ValueError(f"{_short(text)} is no array such as `int8[3x3x2x4]` and its numbers")
    if (match[3] or "").startswith("elided"):
        raise ValueError("its numbers are elided: only a text with them is a network (dump with weights=True)")
    return np.dtype(match[1]), tuple(map(int, match[2].split("x"))) if match[2] else (), match[3] or ""


def read_row(text: str, shape: tuple[int, ...], at: int) -> str:
    """The numbers of a row, which begins with the place of number `at`."""
    match = ROW.fullmatch(text)
    place = list(map(int, match[1].split(","))) if match else []
    flat = 0
    for index, axis in zip(place + [0] * (len(shape) - len(place)), shape, strict=False):
        flat = flat * axis + index
    if match is None or len(place) > len(shape) or flat != at:
        raise ValueError(f"{_short(text)} is not the row of number {at:,} (from 0) of {'x'.join(map(str, shape))}")
    return match[2]


def read_numbers(text: str, dtype: np.dtype[Any]) -> list[Any]:
    """The numbers of a row, its runs written out."""
    numbers: list[Any] = []
    for token in text.split():
        match = (INTEGER_RUN if dtype.kind == "i" else FLOAT_RUN).fullmatch(token)
        if match is None:
            raise ValueError(f"{_short(token)} is no number of type {dtype.name}, nor a run of them")
        whole = dtype.kind == "i"
        first: Any = int(match[1]) if whole else float(match[1])
        last = int(match[3]) if whole and match[3] else None
        count = int(match[2] or 1) if last is None else last - first + 1
        if not 1 <= count <= LONGEST:
            raise ValueError(f"the run {token} is not of 1 to {LONGEST} numbers")
        numbers += [first] * count if last is None else range(first, last + 1)
    return numbers


def made(numbers: list[Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """The array; ValueError where the numbers do not fill the shape or the type does not hold them."""
    if len(numbers) != math.prod(shape):
        raise ValueError(f"{len(numbers):,} numbers do not fill the shape {'x'.join(map(str, shape)) or '()'}")
    try:
        with np.errstate(over="ignore"):
            array: Array = np.array(numbers, dtype).reshape(shape)
    except OverflowError:
        raise ValueError(f"a number is too large for {dtype.name}") from None
    return array


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
