"""Images and their classes, block by block: what is stored can be read anywhere, batches come once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snncc.data.arrays import IMAGES, LABELS
from snncc.data.stored import Held, Rows, optional_rows, rows
from snncc.errors import DataError

Array = NDArray[Any]
Batch = tuple[Array, Array | None]
BLOCK_IMAGES, BLOCK_ELEMENTS = 256, 2**23
"""A block has so many images, fewer where these have more elements together."""


@dataclass(frozen=True)
class Block:
    """Some images (N, ...) from number `start` on, and their labels (N, ...) where there are any."""

    start: int
    x: Array
    y: Array | None

    @property
    def digest(self) -> str:
        """SHA-256 of the values, their types and shapes; not of the place."""
        found = hashlib.sha256()
        for part in (self.x, self.y):
            values = np.empty(0) if part is None else np.ascontiguousarray(part)
            found.update(f"{values.dtype.str}{values.shape}".encode())
            found.update(values.reshape(-1).view(np.uint8).data)
        return found.hexdigest()


@dataclass(frozen=True)
class Stored:
    """Images and labels that can be read anywhere; `paths`, (images, labels), where others can open them too."""

    x: Rows
    y: Rows | None = None
    images: int | None = None
    paths: tuple[str, str | None] | None = None

    def __post_init__(self) -> None:
        if self.y is not None and self.y.shape[0] != self.x.shape[0]:
            raise DataError(f"{self.x.shape[0]} images but {self.y.shape[0]} labels")

    @property
    def length(self) -> int:
        return min(self.x.shape[0], self.x.shape[0] if self.images is None else self.images)

    def block(self, start: int, stop: int) -> Block:
        return Block(start, self.x.read(start, stop), None if self.y is None else self.y.read(start, stop))

    def blocks(self) -> Iterator[Block]:
        """All of it, in order."""
        size = block_size(self.x.shape[1:])
        for start in range(0, self.length, size):
            yield self.block(start, min(start + size, self.length))


class Batches:
    """An iterable of batches, x or (x, y), of any size: of NumPy, a torch DataLoader, a tf.data.Dataset, a generator.

    It is read once, and as far as it is needed.
    """

    length = None

    def __init__(self, batches: Iterable[Any], images: int | None = None) -> None:
        self.batches, self.images = batches, images

    def blocks(self) -> Iterator[Block]:
        """All of it, in order, cut anew. DataError where labels come with some batches alone, or shapes differ."""
        held: list[Batch] = []
        start = waiting = size = 0
        first: Batch | None = None
        for number, batch in enumerate(self.batches):
            x, y = _pair(batch, number)
            if self.images is not None:
                left = self.images - start - waiting
                x, y = x[:left], None if y is None else y[:left]
            if first is None:
                first, size = (x[:0], None if y is None else y[:0]), block_size(x.shape[1:])
            _alike(first, (x, y), number)
            held.append((x, y))
            waiting += len(x)
            while waiting >= size:
                block, held = _cut(start, held, size)
                yield block
                start, waiting = start + size, waiting - size
            if self.images is not None and start + waiting >= self.images:
                break
        if waiting:
            yield _cut(start, held, waiting)[0]


Source = Stored | Batches


def source(x: Any, y: Any = None, images: int | None = None) -> Source:
    """Images as users give them: an array, or what becomes one; a path of a file or folder; an iterable of batches.

    `y`: labels likewise; those of a file or folder lie in it by their usual names, those of batches come with them.
    """
    if isinstance(x, Stored | Batches):
        return x
    if isinstance(x, str | Path):
        labels = y if y is None or isinstance(y, str | Path) else np.asarray(y)
        read = optional_rows(str(x), LABELS) if labels is None else _rows(labels, LABELS)
        paths = None if isinstance(labels, np.ndarray) else (str(x), None if labels is None else str(labels))
        return Stored(rows(str(x), IMAGES), read, images, paths)
    if isinstance(x, Iterable) and not isinstance(x, list | tuple) and not hasattr(x, "__array__"):
        if y is not None:
            raise DataError("the labels of batches come with them: give batches of (x, y)")
        return Batches(x, images)
    try:
        given = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise DataError(f"no array of images: {error}; a list of batches is given as iter(list)") from error
    if not given.ndim:
        raise DataError(f"{x!r:.80} is neither images nor a file, a folder or batches of them")
    return Stored(Held(given), None if y is None else _rows(y, LABELS), images)


def block_size(sample: tuple[int, ...]) -> int:
    """Images of a block, by the shape of one: a power of two."""
    most = BLOCK_ELEMENTS // max(1, math.prod(sample))
    return min(BLOCK_IMAGES, 1 << max(0, most.bit_length() - 1))


def _rows(y: Any, names: tuple[str, ...]) -> Rows:
    if isinstance(y, str | Path):
        return rows(str(y), names)
    labels = np.asarray(y)
    if not labels.ndim:
        raise DataError("labels must be class numbers (N,) or one-hot (N, classes)")
    return Held(labels)


def _pair(batch: Any, number: int) -> Batch:
    """(x, y or None) of a batch. DataError for anything else."""
    parts = list(batch) if isinstance(batch, tuple | list) else [batch]
    try:
        x, *more = [np.asarray(part) for part in parts]
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"batch {number}: not arrays x or (x, y): {error}") from error
    if len(more) > 1 or x.ndim < 2 or x.dtype.kind == "O":
        raise DataError(f"batch {number}: batches are x or (x, y), x an array (N, ...) of numbers")
    if more and more[0].shape[:1] != x.shape[:1]:
        raise DataError(f"batch {number}: {len(x)} images but labels of shape {more[0].shape}")
    return x, more[0] if more else None


def _alike(first: Batch, batch: Batch, number: int) -> None:
    """Whether batches can be one. DataError."""
    for a, b in zip(first, batch, strict=True):
        if (a is None) != (b is None):
            raise DataError(f"batch {number}: some batches have labels and others have none")
        if a is not None and b is not None and a.shape[1:] != b.shape[1:]:
            raise DataError(f"batch {number}: samples of shape {b.shape[1:]}, before of shape {a.shape[1:]}")


def _cut(start: int, held: list[Batch], size: int) -> tuple[Block, list[Batch]]:
    """The first `size` images of batches as a block, and the rest."""
    sizes = np.cumsum([len(x) for x, _ in held])
    number = int(np.searchsorted(sizes, size))
    over = int(sizes[number]) - size
    x, y = held[number]
    taken = [*held[:number], (x[: len(x) - over], None if y is None else y[: len(y) - over])]
    rest = [(x[len(x) - over :], None if y is None else y[len(y) - over :])] if over else []
    labels = None if y is None else np.concatenate([part for _, part in taken if part is not None])
    return Block(start, np.concatenate([part for part, _ in taken]), labels), [*rest, *held[number + 1 :]]
