"""C types for proved intervals, constant tables, and how many bytes they take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snncc import ir
from snncc.ir import Array, Interval

SIGNED = {8: "int8_t", 16: "int16_t", 32: "int32_t", 64: "int64_t"}
UNSIGNED = {8: "uint8_t", 16: "uint16_t", 32: "uint32_t", 64: "uint64_t"}
SIZES = {name: bits // 8 for table in (SIGNED, UNSIGNED) for bits, name in table.items()}
TAGS = {name: ("u" if name.startswith("u") else "i") + str(8 * size) for name, size in SIZES.items()}
DTYPES = {name: np.dtype(name.removesuffix("_t")).newbyteorder("<") for name in SIZES}


def signed(interval: Interval, least: int = 8) -> str:
    """The smallest signed C type of at least `least` bits that holds the interval."""
    needed = ir.bits_needed(interval)
    return next(name for bits, name in SIGNED.items() if bits >= max(needed, least))


def unsigned(most: int) -> str:
    """The smallest unsigned C type that holds 0..most."""
    return next(name for bits, name in UNSIGNED.items() if most < 2**bits)


def span(*values: Array | int | None) -> Interval:
    """[min, max] over arrays and numbers, 0 included."""
    flat = [0] + [int(e) for v in values if v is not None for e in (np.min(v), np.max(v))]
    return min(flat), max(flat)


@dataclass(frozen=True)
class Constant:
    """A const array of the program."""

    name: str
    ctype: str
    values: Array
    note: str

    @property
    def bytes(self) -> int:
        return int(self.values.size) * SIZES[self.ctype]

    @property
    def length(self) -> int:
        return int(self.values.size)


@dataclass(frozen=True)
class Weights:
    """How one edge's weights lie in memory: rows of `length` weights, packed rows begin on a byte."""

    constant: Constant
    length: int
    tag: str
    element: str
    bits: int
    packed: bool

    @property
    def element_tag(self) -> str:
        return TAGS[self.element]

    @property
    def nibble(self) -> bool:
        """Two packed weights to a byte: kernels of `count` read them as they lie."""
        return self.packed and self.bits == 4

    @property
    def lanes(self) -> str:
        """How the DSP path loads a group of them."""
        return self.tag if self.nibble else self.element_tag


def lay_weights(name: str, rows: Array, bits: int, pack: bool, note: str) -> Weights:
    """Rows (R, length) of weights as they are or, under `pack`, as a little-endian stream of `bits` bits each."""
    element = "int8_t" if bits <= 8 else "int16_t"
    length = int(rows.shape[1])
    if not pack or bits in (8, 16):
        values = np.ascontiguousarray(rows, DTYPES[element]).reshape(-1)
        return Weights(Constant(name, element, values, note), length, TAGS[element], element, bits, False)
    return Weights(Constant(name, "uint8_t", pack_rows(rows, bits), note), length, f"p{bits}", element, bits, True)


def pack_rows(rows: Array, bits: int) -> Array:
    """Two's complement of `bits` bits, least significant first, each row padded to whole bytes; a block at a time."""
    width = (rows.shape[1] * bits + 7) // 8
    packed = np.zeros((rows.shape[0], width), np.uint8)
    block = max(1, 2**22 // max(1, rows.shape[1] * bits))
    for start in range(0, rows.shape[0], block):
        part = rows[start : start + block].astype(np.int32)
        stream = (part[..., None] >> np.arange(bits)) & 1
        packed[start : start + block] = np.packbits(
            stream.reshape(len(part), -1).astype(np.uint8), axis=1, bitorder="little"
        )
    return packed.reshape(-1)
