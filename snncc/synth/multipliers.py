"""Which multipliers become DSPs: the largest, up to a number; the rest are built of LUTs.

Yosys turns every multiplier of 2 by 2 bits or more into a DSP while it knows neither how many there are nor what a LUT
costs. So its own text of the design (RTLIL) is read where all widths are final, the multipliers are ranked by the
product of their operands' widths, and those that are to stay in LUTs are marked; a marked one gets another cell type
while DSPs are mapped.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SOFT = "snncc_soft"
"""The attribute of a multiplier that stays in LUTs."""

SMALL = 16
"""`auto`: a multiplier whose operands' widths have at most this product, 4 by 4 bits, is built of LUTs."""


@dataclass(frozen=True)
class DspSlice:
    """A DSP multiplies `wide` by `narrow` bits; of operands wider than that each further DSP takes `part` bits."""

    wide: int
    narrow: int
    part: int

    def needed(self, a: int, b: int) -> int:
        """DSPs that a multiplier of a by b bits needs at most."""
        a, b = max(a, b), min(a, b)
        return _pieces(a, self.wide, self.part) * _pieces(b, self.narrow, min(self.narrow, self.part))


def _pieces(width: int, whole: int, part: int) -> int:
    return 1 if width <= whole else 1 + math.ceil((width - whole) / part)


@dataclass(frozen=True)
class Multiplier:
    """One `$mul` cell: where its line is, its operands' widths, how often its module occurs in the design."""

    line: int
    a: int
    b: int
    times: int

    @property
    def size(self) -> int:
        return self.a * self.b


def find(lines: list[str], top: str) -> list[Multiplier]:
    """Every multiplier of the design `top` in RTLIL."""
    module, cells = "", []
    instances: dict[str, Counter[str]] = defaultdict(Counter)
    for number, line in enumerate(lines):
        words = line.split()
        if line.startswith("module "):
            module = words[1]
        elif words[:1] == ["cell"]:
            instances[module][words[1]] += 1
            if words[1] == "$mul":
                cells.append((module, number))
    times = _times(f"\\{top}", instances)
    return [Multiplier(number, *_widths(lines, number), times[module]) for module, number in cells if times[module]]


def _times(top: str, instances: dict[str, Counter[str]]) -> Counter[str]:
    """How often each module occurs below `top`."""
    found: Counter[str] = Counter()

    def visit(module: str, times: int) -> None:
        found[module] += times
        for kind, number in instances.get(module, {}).items():
            if kind in instances:
                visit(kind, times * number)

    visit(top, 1)
    return found


def _widths(lines: list[str], cell: int) -> tuple[int, int]:
    """A_WIDTH and B_WIDTH of the cell that starts on a line."""
    found = {}
    for line in lines[cell + 1 :]:
        words = line.split()
        if words[0] == "end":
            break
        if words[0] == "parameter":
            found[words[-2]] = words[-1]
    return int(found["\\A_WIDTH"]), int(found["\\B_WIDTH"])


def chosen(multipliers: Iterable[Multiplier], slice_: DspSlice, most: int, small: int = 0) -> list[Multiplier]:
    """Those that become DSPs: larger than `small`, the largest first while `most` DSPs are enough."""
    found = []
    for multiplier in sorted(multipliers, key=lambda m: (-m.size, m.line)):
        needed = multiplier.times * slice_.needed(multiplier.a, multiplier.b)
        if multiplier.size > small and needed <= most:
            found.append(multiplier)
            most -= needed
    return found


def soften(path: Path, top: str, slice_: DspSlice, most: int, small: int) -> tuple[int, int]:
    """Mark in an RTLIL file the multipliers that stay in LUTs; (multipliers, those that become DSPs)."""
    lines = path.read_text().split("\n")
    everything = find(lines, top)
    kept = chosen(everything, slice_, most, small)
    for multiplier in set(everything) - set(kept):
        lines[multiplier.line] = f"  attribute \\{SOFT} 1\n{lines[multiplier.line]}"
    path.write_text("\n".join(lines))
    return sum(m.times for m in everything), sum(m.times for m in kept)
