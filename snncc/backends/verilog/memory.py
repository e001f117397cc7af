"""Memory files: integers packed into words, written as $readmemh (.mem), Xilinx .coe or Intel .mif.

Packing is vectorised: NumPy lays out the bits of a block of words, one bitstring object per block turns them into hex.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from bitstring import Bits

from snncc.errors import TargetError
from snncc.ir import Array

BLOCK_BITS = 2**25
FORMATS = ("mem", "coe", "mif")

Fields = Sequence[tuple[Array, int]]
"""Fields of every lane, lowest bits first: values (words, lanes) and width. Lane 0 is lowest in the word."""


def word_bits(fields: Fields) -> int:
    return int(fields[0][0].shape[1]) * sum(width for _, width in fields)


def _bits(values: Array, width: int) -> Array:
    """(n, k) integers -> (n, k, width) bits, highest first, two's complement."""
    kind = next(t for t in (np.uint8, np.uint16, np.uint32, np.uint64) if np.dtype(t).itemsize * 8 >= width)
    cut = np.ascontiguousarray(values).astype(kind).astype(np.dtype(kind).newbyteorder(">"))
    bits = np.unpackbits(cut.view(np.uint8).reshape(*values.shape, -1), axis=-1)
    return bits[..., bits.shape[-1] - width :]


def packed(fields: Fields) -> Iterator[Array]:
    """Every word as bytes, highest first, (words, bytes) in blocks of bounded memory."""
    total = word_bits(fields)
    row_bytes = -(-total // 8)
    block = max(1, BLOCK_BITS // total)
    for start in range(0, len(fields[0][0]), block):
        parts = [_bits(values[start : start + block], width) for values, width in reversed(fields)]
        lanes = np.concatenate(parts, axis=-1)[:, ::-1].reshape(len(parts[0]), total)
        room = np.zeros((len(lanes), row_bytes * 8), np.uint8)
        room[:, row_bytes * 8 - total :] = lanes
        yield np.packbits(room, axis=1)


def hex_words(fields: Fields) -> Iterator[str]:
    """Every word as hex digits, highest first."""
    digits = -(-word_bits(fields) // 4)
    for words in packed(fields):
        text, step = Bits.from_bytes(words.tobytes()).hex, 2 * words.shape[1]
        yield from (text[i + step - digits : i + step] for i in range(0, len(text), step))


def beats(fields: Fields, bus: int) -> Iterator[bytes]:
    """Every word, lowest byte first, filled up with zeros to whole beats of so many bits."""
    room = -word_bits(fields) // bus * -bus // 8
    for words in packed(fields):
        yield np.pad(words[:, ::-1], ((0, 0), (0, room - words.shape[1]))).tobytes()


def write(path: Path, fields: Fields, form: str = "mem") -> None:
    """One memory file; `path` ends in .mem and the suffix follows `form`."""
    if form not in FORMATS:
        raise TargetError(f"no memory format {form!r}: choose from {', '.join(FORMATS)}")
    words = hex_words(fields)
    if form == "mem":
        path.write_text("\n".join(words) + "\n")
    elif form == "coe":
        text = ",\n".join(words)
        path.with_suffix(".coe").write_text(
            f"memory_initialization_radix=16;\nmemory_initialization_vector=\n{text};\n"
        )
    else:
        lines = "".join(f"{i:X} : {word};\n" for i, word in enumerate(words))
        path.with_suffix(".mif").write_text(
            f"WIDTH={word_bits(fields)};\nDEPTH={len(fields[0][0])};\nADDRESS_RADIX=HEX;\nDATA_RADIX=HEX;\n"
            f"CONTENT BEGIN\n{lines}END;\n"
        )
