"""Which runs have a second form for the processors of hosts, and how many positions that form takes together.

There a block of positions keeps its windows in one piece each while the weights pass once, so that both come from the
caches. Its room is on the stack: the state's size is that of every processor. Source: docs/design/c.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from snncc.backends.c.calls import Call, Hosted
from snncc.backends.c.kernels import MOST_TOGETHER, Accumulator, Value
from snncc.backends.c.types import SIZES, Weights

STACK = 112 * 2**10
"""Bytes of a block, at most."""
NEAR, FAR = 20 * 2**10, 2**20
"""Bytes: windows that stay in a first cache beside a few outputs' weights, and weights that do not stay in a second."""
LINE, OUTPUTS = 64, 4
"""Elements that a window is filled up to, and outputs that a row of sums is filled up to."""


def fits(x: Value, w: Weights, a: Accumulator) -> bool:
    """Whether there is a kernel: factors of 16 bits that are not packed, sums of 32."""
    return bool(x.pairs) and not w.packed and a.tag == "i32"


def hosted(calls: Sequence[Call], a: Accumulator, positions: int, channels: int) -> Hosted | None:
    """The block of a run; None where a dot product has no kernel, sums have 64 bits, or one position needs too much."""
    dots = [call for call in calls if call.kind == "dot"]
    if a.tag != "i32" or not all(call.host_kernel for call in dots):
        return None
    lengths: dict[str, int] = {}
    for call in dots:
        lengths[call.x.ctype] = max(lengths.get(call.x.ctype, 0), -(-call.length // LINE) * LINE)
    row = -(-channels // OUTPUTS) * OUTPUTS
    windows = sum(SIZES[ctype] * length for ctype, length in lengths.items())
    block = min(MOST_TOGETHER, positions, STACK // (4 * row + windows))
    if windows and all(call.w and call.w.constant.bytes <= FAR for call in dots):
        block = min(block, max(4, NEAR // windows))
    if not block:
        return None
    whole = block // 4 * 4 or block
    return Hosted(whole, row, {ctype: whole * length for ctype, length in lengths.items()})
