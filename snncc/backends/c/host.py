"""What stands between a user's data and the integers: the table of raw bytes, and numbers in and out."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir
from snncc.backends.c.program import Program
from snncc.backends.c.types import Constant


def _quantiser(program: Program, raw: ir.RawBytes | None) -> tuple[Constant | None, str]:
    """(256-entry table per channel or None where bytes are the pixels, the C expression of pixel i)."""
    ctype = program.pixel.ctype
    if raw is None:
        return None, ""
    table = raw.pixels.reshape(-1, ir.BYTES)
    if (table == table[0]).all():
        table = table[:1]
    if len(table) == 1 and np.array_equal(table[0], np.arange(ir.BYTES)):
        return None, f"({ctype})bytes[i]"
    constant = Constant(f"{program.p}_byte_table", ctype, table.astype(ctype.removesuffix("_t")).reshape(-1), "")
    index = "bytes[i]" if len(table) == 1 else f"(i % {len(table)}U) * 256U + bytes[i]"
    return constant, f"{constant.name}[{index}]"


def bytes_context(program: Program) -> dict[str, Any]:
    """The quantiser of raw bytes, and what is said of it."""
    source = program.network.input
    raw = source.raw_bytes
    table, entry = _quantiser(program, raw)
    said = (
        "How a raw byte becomes an input of the model is not known, so there is no quantiser of bytes."
        if raw is None
        else f"Raw bytes: an input of the model is {ir.describe_bytes(raw)}."
    )
    return {
        "raw": raw is not None, "raw_line": said, "table": table, "entry": entry,
        "channels": 1 if table is None else table.length // ir.BYTES,
        "byte_table_bytes": 0 if table is None else table.bytes,
    }  # fmt: skip


QUANTISERS = (
    ("float", "float", "", "(double)features[i]"),
    ("double", "double", "", "features[i]"),
    ("int8", "int8_t", "double scale, int32_t zero_point, ", "scale * ((double)features[i] - zero_point)"),
    ("int16", "int16_t", "double scale, int32_t zero_point, ", "scale * ((double)features[i] - zero_point)"),
)
"""Of NAME_host.c: name, type of a feature, further parameters, the model input."""


def host_context(program: Program) -> dict[str, Any]:
    """The numbers that the optional file computes with, every digit of each."""
    source, network = program.network.input, program.network
    gains, offsets = np.broadcast_arrays(np.atleast_1d(source.gain), np.atleast_1d(source.offset))
    words = [", ".join(f"{v:.9g}" for v in values[:4]) + (", ..." if len(values) > 4 else "") for values in
             (gains, offsets)]  # fmt: skip
    return {
        "quantisers": QUANTISERS, "fires": network.output.fires, "lambda_0": _double(source.lambda_0),
        "gains": [_double(v) for v in gains], "offsets": [_double(v) for v in offsets],
        "plain": bool((gains == 1).all() and (offsets == 0).all()),
        "gain_words": words[0], "offset_words": words[1],
        "output_lambda": _double(network.output.lambda_.flat[0]), "output_scale": _double(network.output_scale),
    }  # fmt: skip


def _double(value: float) -> str:
    """A C constant that is read back as the very same double."""
    text = repr(float(value))
    return text if "." in text or "e" in text else f"{text}.0"
