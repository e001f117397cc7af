"""network.snn put together by hand, well or badly: the schema as JSON, the tensors, the container around them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from snncc import ir

TYPES = {"int8": "I8", "int16": "I16", "int64": "I64", "float32": "F32", "float64": "F64", "uint8": "U8",
         "int32": "I32", "uint64": "U64", "float16": "F16", "bool": "BOOL", "complex64": "C64"}  # fmt: skip
Schema = dict[str, Any]
Tensors = dict[str, np.ndarray]


class Raw(str):
    """Text that stands in JSON as it is."""


def dumped(value: Any) -> str:
    """JSON with raw text where a `Raw` stands."""
    raws: list[str] = []

    def marked(part: Any) -> Any:
        if isinstance(part, Raw):
            raws.append(str(part))
            return f"\x01{len(raws) - 1}\x01"
        if isinstance(part, dict):
            return {key: marked(inner) for key, inner in part.items()}
        return [marked(inner) for inner in part] if isinstance(part, list) else part

    text = json.dumps(marked(value))
    for i, raw in enumerate(raws):
        text = text.replace(f'"\\u0001{i}\\u0001"', raw)
    return text


def container(
    schema: str, tensors: Tensors, change: Callable[[dict[str, Any]], Any] = lambda entries: entries
) -> bytes:
    """A safetensors file; `change` may alter the header's entries, or make the header's text itself."""
    entries: dict[str, Any] = {"__metadata__": {"snncc": schema}}
    body = b""
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        entries[name] = {
            "dtype": TYPES[tensor.dtype.name], "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }  # fmt: skip
        body += raw
    header = change(entries)
    text = (header if isinstance(header, str) else dumped(header)).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a JSON document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*here, key)
        yield from places(inner, (*here, key))


def taken_apart(network: ir.Network) -> tuple[Schema, Tensors]:
    """(schema, tensors) as `save` numbers them."""
    tensors: Tensors = {}

    def number(value: Any) -> Any:
        tensors[str(len(tensors))] = np.asarray(value)
        return {"tensor": len(tensors) - 1}

    body = msgspec.to_builtins(network, enc_hook=number)
    return {"format": "snncc-network", "version": 2, "network": body}, tensors


def put_together(schema: Schema, tensors: Tensors) -> ir.Network:
    """The network of a schema, decoded and not verified."""

    def hook(kind: Any, value: Any) -> np.ndarray:
        return tensors[str(value["tensor"])]

    return msgspec.json.decode(dumped(schema["network"]), type=ir.Network, dec_hook=hook)
