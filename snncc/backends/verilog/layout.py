"""How a source's elements lie in the words of a bank: word (d0, d1, block), lane along d2."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from snncc.backends.verilog.leaves import Shape, as_map
from snncc.ir import Array

INPUT_LANES = 8


@dataclass(frozen=True)
class Layout:
    """A frame of d0 x d1 x blocks words of `lanes` elements. `on_x`: one channel, the lanes go along x.

    It is sent in `bands` of whole rows.
    """

    shape: Shape
    d0: int
    d1: int
    d2: int
    lanes: int
    on_x: bool = False
    bands: int = 1

    @property
    def blocks(self) -> int:
        return -(-self.d2 // self.lanes)

    @property
    def words(self) -> int:
        return self.d0 * self.d1 * self.blocks

    @property
    def rows(self) -> int:
        return self.d1 if self.on_x else self.d0

    @property
    def band_words(self) -> int:
        return self.words // self.bands

    def elements(self) -> Array:
        """(words * lanes,) flat index of each lane's element, -1 where a lane stands empty."""
        width = math.prod(self.shape) // (self.d0 * self.d1)
        flat = np.arange(math.prod(self.shape)).reshape(self.d0, self.d1, width)
        room = np.full((self.d0, self.d1, self.blocks * self.lanes), -1, np.int64)
        room[:, :, :width] = flat
        return room.reshape(-1)


def input_layout(shape: Shape, lanes: int | None = None, bands: int = 1) -> Layout:
    """The input's words fill in the order in which pixels arrive, so a row holds whole words (or is the only one)."""
    height, width, channels = as_map(shape)
    on_x = len(shape) == 3 and channels == 1
    d0, d1, d2 = (1, height, width) if on_x else (height, width, channels)
    if d0 == d1 == 1:
        return Layout(shape, 1, 1, d2, min(d2, lanes or INPUT_LANES), on_x, bands)
    best = max(n for n in range(1, min(d2, lanes or INPUT_LANES) + 1) if d2 % n == 0)
    return Layout(shape, d0, d1, d2, best, on_x, bands)


def population_layout(shape: Shape, padded: int, lanes: int, bands: int = 1) -> Layout:
    """A population's words: its channels, padded to whole potential words, in parts of `lanes`."""
    height, width, _ = as_map(shape)
    return Layout(shape, height, width, padded, lanes, bands=bands)
