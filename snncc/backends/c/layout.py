"""Where things lie: the members of the const struct, and the state's buffers, that share one memory by lifetime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from snncc.backends.c.types import SIZES
from snncc.errors import SnnccError

WORD = 4


@dataclass(frozen=True)
class Member:
    """One array of the const struct."""

    name: str
    ctype: str
    length: int
    note: str

    @property
    def bytes(self) -> int:
        return self.length * SIZES[self.ctype]


def order(members: list[Member]) -> list[Member]:
    """Widest type first, so that padding is at the end only; then whole words, so that they stay on words."""
    return sorted((m for m in members if m.length), key=lambda m: (-SIZES[m.ctype], m.bytes % WORD != 0))


def struct_bytes(members: list[Member]) -> int:
    """sizeof the struct of these members in this order, every type aligned to its own size."""
    end, widest = 0, 1
    for member in members:
        size = SIZES[member.ctype]
        end = -(-end // size) * size + member.bytes
        widest = max(widest, size)
    return -(-end // widest) * widest


@dataclass(frozen=True)
class Buffer:
    """An array of the state, needed from time `born` to time `dies`, both included. `zero`: it begins as zeros."""

    name: str
    ctype: str
    length: int
    note: str
    born: int = 0
    dies: int = 0
    zero: bool = False

    @property
    def bytes(self) -> int:
        return self.length * SIZES[self.ctype]

    def meets(self, other: Buffer) -> bool:
        """Whether both are needed at some time."""
        return self.born <= other.dies and other.born <= self.dies


ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.bytes, b.born),
    lambda b: (b.born - b.dies, -b.bytes),
    lambda b: (b.born, -b.bytes),
)
"""Largest first, longest lived first, earliest first."""


def place(buffers: Iterable[Buffer], word: int) -> tuple[dict[str, int], int]:
    """(offset of each buffer in bytes, bytes of all), the smallest of three orders, the first of equals.

    In each order, every buffer goes to the lowest place, a multiple of `word`, that is free for its whole life.
    """
    chosen = [buffer for buffer in buffers if buffer.length]
    found = [_place(sorted(chosen, key=key), word) for key in ORDERS]
    offsets, end = min(found, key=lambda placing: placing[1])
    check(chosen, offsets, word)
    return offsets, -(-end // word) * word


def hottest(buffers: Iterable[Buffer], heat: Callable[[Buffer], float], word: int, most: int) -> frozenset[str]:
    """Names of the buffers that go to a faster memory of `most` bytes: the hottest that fit, beside hotter ones.

    `heat`: how often an element is touched in an inference. Equally hot ones: the smallest first.
    """
    chosen: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda b: (-heat(b), b.bytes, b.name)):
        if place([*chosen, buffer], word)[1] <= most:
            chosen.append(buffer)
    return frozenset(buffer.name for buffer in chosen)


def _place(buffers: Sequence[Buffer], word: int) -> tuple[dict[str, int], int]:
    placed: list[tuple[Buffer, int]] = []
    for buffer in buffers:
        offset = 0
        for start, end in sorted((at, at + other.bytes) for other, at in placed if other.meets(buffer)):
            if offset + buffer.bytes <= start:
                break
            offset = max(offset, -(-end // word) * word)
        placed.append((buffer, offset))
    return {b.name: at for b, at in placed}, max((at + b.bytes for b, at in placed), default=0)


def check(buffers: Sequence[Buffer], offsets: dict[str, int], word: int) -> None:
    """SnnccError where two buffers that are needed at the same time overlap, or one is not aligned."""
    for i, one in enumerate(buffers):
        at = offsets[one.name]
        if at % word:
            raise SnnccError(f"C state: {one.name} at byte {at} is not aligned")
        for other in buffers[:i]:
            start = offsets[other.name]
            if one.meets(other) and at < start + other.bytes and start < at + one.bytes:
                raise SnnccError(f"C state: {one.name} and {other.name} overlap while both are needed")
