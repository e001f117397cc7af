"""How many block RAMs a memory needs at least, from the shapes that a family's primitives can take.

A primitive of 2^a addresses of its narrowest word can also hold 2^(a-k) words of its k-th width. A memory of `words`
words of `bits` bits cut to such pieces is n = ceil(words / 2^(a-k)) slices deep, and slices lie beside each other in a
primitive's word, those of a RAM on whole bytes, which it writes separately: ceil(n*bits / width) primitives. The least
of these over all widths is what no mapping goes below.

Small memories become LUTs. Yosys weighs them by cost (`memory_libmap`): a primitive's, half a LUT for each bit that
chooses between slices, a LUT for each 16 bits of a ROM (LUT6: 64) or each bit of a RAM in registers. The bound counts
only memories for which even the dearest block RAM mapping is below the cheapest mapping to LUTs. For Intel it asks
instead that a block RAM be 5 % full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Memory:
    """One memory of a design. `used`: bits of a word that are not the same in every word of a ROM."""

    words: int
    bits: int
    rom: bool = False
    used: int | None = None

    @property
    def size(self) -> int:
        return self.words * self.bits

    @property
    def live(self) -> int:
        """Bits of a word that need storage."""
        return self.bits if self.used is None else self.used


@dataclass(frozen=True)
class Primitive:
    """`widths[k]`: bits of a word at 2^(address_bits - k) words. `share`: of the device's unit of block RAM.

    `byte`: bits that can be written alone. `wide`: a cost of its own for the bits in use (LUT RAM that is trimmed).
    """

    address_bits: int
    widths: tuple[int, ...]
    cost: float
    byte: int
    share: float = 1
    wide: float = 0

    def shapes(self, memory: Memory) -> list[tuple[int, float]]:
        """(primitives, cost) for each width."""
        found = []
        for k, width in enumerate(self.widths):
            slices = math.ceil(memory.words / 2 ** (self.address_bits - k))
            byte = 1 if memory.rom else min(self.byte, width)
            number = math.ceil(slices * math.ceil(memory.live / byte) * byte / width)
            choosing = 0.5 * ((slices - 1) * memory.live + (slices if slices > 1 and not memory.rom else 0))
            found.append((number, self.cost * number + self.wide * (slices * memory.live // width) + choosing))
        return found


@dataclass(frozen=True)
class Family:
    """The primitives of a family: block RAM, and LUT RAM where it has one. `lut`: bits of a ROM that a LUT holds.

    `full`: instead of costs, the share of its bits that a block RAM must hold to be one (`memory_bram`).
    """

    blocks: tuple[Primitive, ...]
    lut_rams: tuple[Primitive, ...] = ()
    lut: int = 16
    full: float = 0

    def least(self, memory: Memory) -> float:
        """Block RAMs that the memory needs at least; 0 where it may become LUTs."""
        if not memory.live:
            return 0
        if self.full:
            return self._filled(memory)
        logic = memory.words * memory.live * (1 / self.lut if memory.rom else 1)
        others = [logic] + [c for p in self.lut_rams if not memory.rom for _, c in p.shapes(memory)]
        shapes = [(number * p.share, cost) for p in self.blocks for number, cost in p.shapes(memory)]
        if min(cost for _, cost in shapes) + EMULATION >= min(others):
            return 0
        return min(number for number, _ in shapes)

    def _filled(self, memory: Memory) -> float:
        """Block RAMs where any shape is as full as it must be."""
        (block,) = self.blocks
        rooms = [width << (block.address_bits - k) for k, width in enumerate(block.widths)]
        numbers = [number for number, _ in block.shapes(memory)]
        held = memory.words * memory.live
        fits = any(held >= self.full * number * room for number, room in zip(numbers, rooms, strict=True))
        return min(numbers) if fits else 0


EMULATION = 14.0
"""What Yosys adds to a block RAM's cost at most, where it must imitate how a read meets a write of the same word."""

ECP5 = Family((Primitive(14, (1, 2, 4, 9, 18, 36), 128, 9),), (Primitive(4, (4,), 4, 4),))
ICE40 = Family((Primitive(11, (2, 4, 8, 16), 64, 1),))
GOWIN_18K = Family((Primitive(14, (1, 2, 4, 9, 18, 36), 128, 9),), (Primitive(4, (4,), 4, 4),))
CYCLONE_V = Family((Primitive(13, (1, 2, 5, 10, 20, 40), 0, 1),), full=0.05)
XC7 = Family(
    (Primitive(14, (1, 2, 4, 9, 18, 36), 129, 9, share=0.5), Primitive(15, (1, 2, 4, 9, 18, 36, 72), 257, 9)),
    (Primitive(5, (6,), 1, 6, wide=7), Primitive(6, (3,), 1, 3, wide=7)),
    lut=64,
)
