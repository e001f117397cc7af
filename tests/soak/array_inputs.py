"""Hostile .npz and .npy: containers, headers, types and values; and what is done with the arrays that are taken."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from snncc import api, data
from snncc.api import Network
from snncc.errors import DataError
from tests.networks import every_kind
from tests.soak.judge import Finding

SHAPE = (4, 4, 2)
MEMBERS = ("x", "x_test", "x_train", "y", "y_test", "../../evil", "/etc/evil", "a" * 10_000, "", ".", "x\0y", "é")
TYPES = (
    "<f4",
    "<f8",
    ">f8",
    "<f2",
    "<f16",
    "<i1",
    "<u8",
    ">i4",
    "?",
    "<c16",
    "<U4",
    "S3",
    "<M8[s]",
    "<m8[D]",
    "V3",
    "O",
)
DESCRIPTIONS = (
    "'O'", "'|V0'", "'<f16'", "'<i3'", "[('a', '<f4')]", "[('a', 'O')]", "__import__('os').system('touch pwned')", "1",
    "None", "('<f4', (1000000, 1000000))", "'<f4,<f4'", "[" * 200 + "]" * 200, "(" * 20_000,
    "'<U999999999'", "'<M8[as]'",
)  # fmt: skip
SHAPES = (
    "()", "(0,)", "(2, 4, 4, 2)", "(0, 4, 4, 2)", "(2, 0, 4, 2)", "(-1,)", "(-1, 4, 4, 2)", "(1099511627776,)",
    "(2**40,)", "(9223372036854775807, 2)", "(18446744073709551616,)", "(4.0,)", "4", "None", "(True,)", "(1,) * 100",
    "[2, 32]",
    "(" + "1, " * 70 + ")", "(3000000000, 3000000000)", "(2, 4, 4, 200000000)",
)  # fmt: skip
METHODS = (0, 8, 12, 14, 93, 99)


class Canary:
    """Unpickled, it leaves a file."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("pwned"),))


def npy(array: np.ndarray) -> bytes:
    """The bytes of a .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


def header(description: str, shape: str, dice: random.Random, body: bytes) -> bytes:
    """A .npy file whose header says what one wants."""
    fields = [
        f"'descr': {description}",
        f"'fortran_order': {dice.choice(('False', 'True', '1', 'None'))}",
        f"'shape': {shape}",
    ]
    if dice.random() < 0.2:
        fields = dice.choice((fields[:2], [*fields, "'more': 1"], [*fields, fields[0]]))
    text = "{" + ", ".join(fields) + "}\n"
    version = dice.choice(((1, 0), (1, 0), (2, 0), (3, 0), (9, 9)))
    length = len(text) if dice.random() < 0.9 else dice.choice((0, 1, 2**16 - 1, 2**31))
    size = struct.pack("<H", length % 2**16) if version[0] == 1 else struct.pack("<I", length)
    return b"\x93NUMPY" + bytes(version) + size + text.encode() + body


def archive(members: list[tuple[str, bytes]], dice: random.Random) -> bytes:
    """A zip of them, packed or not."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as made:
        for name, content in members:
            made.writestr(zipfile.ZipInfo(f"{name}{dice.choice(('.npy', '.npy', '.npy', ''))}"), content)
    return file.getvalue()


def lied(content: bytes, dice: random.Random) -> bytes:
    """Fields of the zip's directory that say what is not true: sizes, method, flags, offsets."""
    changed = bytearray(content)
    for mark, fields in (
        (b"PK\x01\x02", (8, 10, 20, 24, 42)),
        (b"PK\x03\x04", (6, 8, 18, 22, 26)),
        (b"PK\x05\x06", (8, 12, 16)),
    ):
        at = changed.find(mark)
        if at >= 0 and dice.random() < 0.6:
            field = at + dice.choice(fields)
            value = dice.choice((0, 1, 2**31 - 1, 2**32 - 1, dice.choice(METHODS), dice.randrange(2**16)))
            changed[field : field + 4] = struct.pack("<I", value)
    return bytes(changed)


def flipped(content: bytes, dice: random.Random) -> bytes:
    """Some bytes otherwise, or the end missing."""
    if dice.random() < 0.3:
        return content[: dice.randrange(len(content) + 1)]
    changed = bytearray(content)
    for _ in range(dice.choice((1, 2, 8))):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


class ArrayInputs:
    """The kind `arrays`: a file is read by its usual names, quantised and evaluated, as the command line does."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.network = Network(every_kind())
        self.bomb = archive([("x", npy(np.zeros((2**17, *SHAPE), np.uint8)))], random.Random(3))

    def attempt(self, dice: random.Random) -> str:
        """One input and its outcome."""
        content, suffix = self._content(dice)
        file = self.scratch / f"data{suffix}"
        file.write_bytes(content)
        argument = f"{file}:{dice.choice(MEMBERS)}" if suffix == ".npz" and dice.random() < 0.2 else str(file)
        stored = _in_pieces(argument)
        x = data.array(argument, data.IMAGES)
        if stored is not None and (stored.dtype, stored.tobytes()) != (x.dtype, x[: len(stored)].tobytes()):
            raise Finding("in pieces the file is another array")
        if type(x) is not np.ndarray or x.dtype.hasobject:
            raise Finding(f"{x!r} was taken for an array of numbers")
        y = data.optional(argument, data.LABELS) if argument == str(file) else None
        pixels = self.network.pixels(x)
        if pixels.shape != (len(x), *SHAPE) or (pixels.size and not 0 <= pixels.min() <= pixels.max() <= 255):
            raise Finding(f"pixels of shape {pixels.shape}, or out of range")
        if len(x) > 1_000:
            return "accepted (too many images to run)"
        api.evaluate(self.network, x, y, [dice.randint(1, 16)], dice.choice(("count", "count", "count", "step")))
        return "accepted"

    def tidy(self) -> None:
        """Between inputs."""
        for suffix in (".npz", ".npy"):
            (self.scratch / f"data{suffix}").unlink(missing_ok=True)

    def _content(self, dice: random.Random) -> tuple[bytes, str]:
        one = self._npy(dice)
        if dice.random() < 0.25:
            return one, ".npy"
        members = [(dice.choice((*("x", "x_test") * 10, *MEMBERS)), one)]
        members += [(dice.choice(("y", *MEMBERS)), self._npy(dice)) for _ in range(dice.choice((0, 1, 1, 2)))]
        content = archive(members, dice)
        match dice.randrange(8):
            case 0:
                content = flipped(content, dice)
            case 1:
                content = lied(content, dice)
            case 2 if dice.random() < 0.05:
                content = self.bomb
        return content, dice.choice((".npz", ".npz", ".npz", ".npy"))

    def _npy(self, dice: random.Random) -> bytes:
        match dice.randrange(12):
            case 0:
                return header(dice.choice((*DESCRIPTIONS, "'<f4'", "'<f4'")), dice.choice(SHAPES), dice, bytes(256))
            case 1:
                return header("'<f4'", dice.choice(SHAPES), dice, bytes(dice.choice((0, 1, 256, 300))))
            case 2:
                return pickle.dumps(Canary())
            case 3:
                return npy(np.array([Canary()] * 2, object))
            case 4:
                return flipped(npy(_array(dice)), dice)
            case 5:
                return bytes(dice.randrange(256) for _ in range(dice.choice((0, 6, 100))))
            case _:
                return npy(_array(dice))


def _in_pieces(argument: str) -> np.ndarray | None:
    """The first of what is stored, as evaluate reads it; None where it is refused."""
    try:
        found = data.rows(argument, data.IMAGES)
        return found.read(0, min(1000, found.shape[0]))
    except DataError:
        return None


def _array(dice: random.Random) -> np.ndarray:
    """Images, labels or neither, of any type and with any values."""
    images = dice.choice((0, 1, 2, 3))
    shape = dice.choice(
        ((images, *SHAPE),) * 20 + ((images,), (), (images, 32), (images, 4, 4), (images, 0, 4, 2), (1,) * 32, (0,))
    )  # fmt: skip
    with np.errstate(all="ignore"):
        values = np.array([dice.choice((0.0, 1.0, 0.5, dice.random())) for _ in range(int(np.prod(shape)))]).reshape(
            shape
        )
        kind = dice.choice((*TYPES[:9] * 4, *TYPES))
        if kind in ("<M8[s]", "<m8[D]", "V3", "O"):
            return np.zeros(shape, kind)
        array = values.astype(kind)
        if array.size and array.dtype.kind in "fiu":
            for _ in range(dice.choice((0, 0, 1, 3))):
                ends = np.finfo(array.dtype) if array.dtype.kind == "f" else np.iinfo(array.dtype)
                special = [ends.min, ends.max, 0]
                if array.dtype.kind == "f":
                    special += [np.nan, np.inf, -np.inf, -0.0, np.finfo(array.dtype).smallest_subnormal]
                array.reshape(-1)[dice.randrange(array.size)] = dice.choice(special)
    return array
