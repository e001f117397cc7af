"""Where things lie in the state: the members of the struct, and buffers that share one arena by their lifetimes."""

from __future__ import annotations

from dataclasses import dataclass

from snncc.backends.c.types import SIZES

ALIGN = 4


@dataclass(frozen=True)
class Member:
    """One array of the state struct. `first`: ahead of the others of its type, so that it begins on a word."""

    name: str
    ctype: str
    length: int
    note: str
    first: bool = False

    @property
    def bytes(self) -> int:
        return self.length * SIZES[self.ctype]


def order(members: list[Member]) -> list[Member]:
    """Widest type first, so that padding is at the end only; then whole words, so that they stay on words."""
    return sorted((m for m in members if m.length), key=lambda m: (-SIZES[m.ctype], not m.first, m.bytes % ALIGN != 0))


def struct_bytes(members: list[Member]) -> int:
    """sizeof the struct of these members in this order, every type aligned to its own size."""
    end, widest = 0, 1
    for member in members:
        size = SIZES[member.ctype]
        end = -(-end // size) * size + member.bytes
        widest = max(widest, size)
    return -(-end // widest) * widest


@dataclass(frozen=True)
class Lifetime:
    """A buffer of `length` elements, written at step `born` and last read at step `dies`."""

    name: str
    length: int
    born: int
    dies: int


def place(buffers: list[Lifetime]) -> tuple[dict[str, int], int]:
    """(offset of each buffer, arena length): largest first, each at the lowest place free for its whole life."""
    placed: list[tuple[Lifetime, int]] = []
    for buffer in sorted(buffers, key=lambda b: (-b.length, b.born)):
        rivals = sorted(
            (at, at + other.length)
            for other, at in placed
            if not (other.dies < buffer.born or buffer.dies < other.born)
        )
        offset = 0
        for start, end in rivals:
            if offset + buffer.length <= start:
                break
            offset = max(offset, -(-end // ALIGN) * ALIGN)
        placed.append((buffer, offset))
    return {b.name: at for b, at in placed}, max((at + b.length for b, at in placed), default=0)
