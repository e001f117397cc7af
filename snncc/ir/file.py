"""network.snn: one safetensors file whose metadata hold the schema; no pickle, no code.

Tensors are stored by number in the order in which the schema names them. docs/reference/ir.md describes the format.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialise

from snncc.errors import FileFormatError, NetworkError, OutputError
from snncc.ir.capabilities import features
from snncc.ir.check import check
from snncc.ir.network import Array, Network, replace
from snncc.staging import staged

FORMAT = "snncc-network"
VERSION = 4
"""The newest version that is read. What is written is 1 where nothing of 2 is in it (raw bytes, a record), nor of 3
(relays, spread maps), nor of 4 (leaks, late sources, frames)."""
SINCE = {
    3: frozenset(("relay", "spread")),
    4: frozenset(("leaky_integrate_and_fire", "leaky_integrator", "late", "frames")),
}
"""Features that a version has and the one before has not."""
MAX_SCHEMA = 2**22
STORED = frozenset(("I8", "I16", "I64", "F32", "F64"))


class Header(msgspec.Struct, frozen=True):
    """First thing read: tells a foreign or a newer file from a broken one."""

    format: str
    version: int


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The schema: the network with every array replaced by the number of its tensor."""

    format: str
    version: int
    network: Network


def _dump(network: Network) -> tuple[bytes, list[Array]]:
    """(JSON with sorted keys, tensors in its order)."""
    tensors: list[Array] = []

    def hook(value: Any) -> Any:
        if not isinstance(value, np.ndarray | np.generic):
            raise TypeError(type(value).__name__)
        array = np.asarray(value)
        tensors.append(np.array(array, dtype=array.dtype.newbyteorder("<"), order="C"))
        return {"tensor": len(tensors) - 1}

    version = 2 if network.record or network.input.raw else 1
    used = features(network).keys()
    version = max([version, *(since for since, new in SINCE.items() if new & used)])
    text = msgspec.json.encode(Document(FORMAT, version, network), enc_hook=hook, order="sorted")
    return text, tensors


def content_hash(network: Network) -> str:
    """SHA-256 over the sorted schema and the little-endian tensors; the tool's version and the record do not count."""
    text, tensors = _dump(replace(network, tool_version="", record=UNSET))
    digest = hashlib.sha256(text)
    for tensor in tensors:
        digest.update(f"{tensor.dtype.str}{tensor.shape}".encode())
        digest.update(tensor.data if tensor.size else b"")
    return digest.hexdigest()


def save(network: Network, path: str | Path) -> Path:
    """Verify and write a network; the file appears whole or not at all."""
    check(network)
    path = Path(path)
    text, tensors = _dump(network)
    content = serialise({f"{i}": t for i, t in enumerate(tensors)}, {"snncc": text.decode()})
    try:
        with staged(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error}") from error
    return path


def load(path: str | Path) -> Network:
    """Read and verify a network; any fault of the file is one FileFormatError. Nothing in it is executed."""
    path = Path(path)
    if path.is_dir():
        path = path / "network.snn"
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file (a compiled folder holds network.snn)")
    try:
        with safe_open(str(path), framework="numpy") as archive:
            text = (archive.metadata() or {}).get("snncc", "")
            if not text or len(text) > MAX_SCHEMA:
                raise FileFormatError(f"{path}: not a snncc network")
            header = msgspec.json.decode(text, type=Header)
            if header.format != FORMAT:
                raise FileFormatError(f"{path}: not a snncc network")
            if not 1 <= header.version <= VERSION:
                raise FileFormatError(
                    f"{path}: format version {header.version}, this snncc reads 1 to {VERSION}: "
                    "update snncc or compile again"
                )
            tensors = {name: _tensor(archive, name) for name in archive.keys()}  # noqa: SIM118 (not a dict)
        network = msgspec.json.decode(text, type=Document, dec_hook=_reader(tensors)).network
        check(network)
    except FileFormatError:
        raise
    except NetworkError as error:
        raise FileFormatError(f"{path}: holds an invalid network: {error}") from error
    except (SafetensorError, msgspec.MsgspecError, OSError, ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"{path}: damaged or not a snncc network: {error}") from error
    except (RecursionError, OverflowError, MemoryError) as error:
        raise FileFormatError(f"{path}: damaged: {type(error).__name__} while reading it") from error
    return network


def _tensor(archive: Any, name: str) -> Array:
    """A tensor of the container, of a type that NumPy has (it lacks some of the container's)."""
    kind = archive.get_slice(name).get_dtype()
    if kind not in STORED:
        raise ValueError(f"tensor {name!r} is of a foreign type, {kind}")
    tensor: Array = archive.get_tensor(name)
    return tensor


def _reader(tensors: dict[str, Array]) -> Any:
    def hook(kind: Any, value: Any) -> Array:
        if not isinstance(value, dict) or set(value) != {"tensor"}:
            raise ValueError("expected a tensor's number")
        tensor = tensors.get(str(value["tensor"]))
        if tensor is None:
            raise ValueError(f"tensor {value['tensor']} is missing")
        return tensor

    return hook
