"""Integer arrays as C text, formatted by NumPy a block at a time: 15 million weights take seconds and little memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snncc.backends.c.types import Constant

PER_LINE = 32
BLOCK = PER_LINE * 2**13


def lines(constant: Constant) -> Iterator[str]:
    """The initialisers of an array, a comma after each, some at a time."""
    values = constant.values
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        if values.dtype.itemsize <= 2:
            yield _looked_up(block)
        else:
            yield _one_by_one(block, constant.ctype)


def _looked_up(block: np.ndarray) -> str:
    """Narrow integers through a table of fixed-width words, spaces and NULs squeezed out afterwards."""
    size = block.dtype.itemsize
    distinct, indices = np.unique(block, return_inverse=True) if size == 2 else (_ALL[block.dtype.kind], None)
    words = np.array([f"{v}," for v in distinct.tolist()], "S7")
    where = block.view(np.uint8) if indices is None else indices
    full = np.zeros(-(-len(block) // PER_LINE) * PER_LINE, "S8")
    full[: len(block)] = words[where]
    full[PER_LINE - 1 :: PER_LINE] = np.char.add(full[PER_LINE - 1 :: PER_LINE], b"\n")
    return full.tobytes().replace(b"\0", b"").decode()


def _one_by_one(block: np.ndarray, ctype: str) -> str:
    form = {"int64_t": "INT64_C({}),", "uint64_t": "UINT64_C({}),", "int32_t": "{},", "uint32_t": "{}U,"}[ctype]
    words = ["(-2147483647 - 1)," if ctype == "int32_t" and v == -(2**31) else form.format(v) for v in block.tolist()]
    return "".join("".join(words[i : i + PER_LINE]) + "\n" for i in range(0, len(words), PER_LINE))


_ALL = {
    "i": np.arange(256, dtype=np.uint8).view(np.int8),
    "u": np.arange(256, dtype=np.uint8),
}
