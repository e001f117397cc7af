"""Which runs have a second form for the processors of hosts, and how many positions that form takes together.

There a block of positions keeps its windows in one piece each while the weights pass once, so that these come from the
caches. Its room is on the stack: the state's size is that of every processor. Source: docs/design/c.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snncc.backends.c.kernels import MOST_TOGETHER, Accumulator, Value
from snncc.backends.c.types import SIZES, Weights

STACK = 112 * 2**10
"""Bytes of a block, at most, where that leaves it a position."""
LINE = 64
"""Elements that a window is filled up to."""


@dataclass(frozen=True)
class Hosted:
    """`block`: positions of a block; `row`: elements of the sums of one. `patches`: ctype -> elements of all windows."""

    block: int
    row: int
    patches: dict[str, int]


def fits(x: Value, w: Weights, a: Accumulator) -> bool:
    """Whether there is a kernel: factors of 16 bits that are not packed, sums of 32."""
    return bool(x.pairs) and not w.packed and a.tag == "i32"


def hosted(windows: Sequence[tuple[Value, int]], positions: int, channels: int) -> Hosted | None:
    """The block of a run that reads windows of these values and lengths; None where one position needs more."""
    row = -(-channels // 4) * 4
    lengths: dict[str, int] = {}
    for x, length in windows:
        lengths[x.ctype] = max(lengths.get(x.ctype, 0), -(-length // LINE) * LINE)
    each = 4 * row + sum(SIZES[ctype] * length for ctype, length in lengths.items())
    block = min(MOST_TOGETHER, positions, STACK // each)
    if not lengths or not block:
        return None
    whole = block // 4 * 4 or block
    return Hosted(whole, row, {ctype: whole * length for ctype, length in lengths.items()})
