"""Which outputs a source position reaches through a window, as the small tables of hw_sim/rtl/snn_walk.v.

Along one axis, position v reaches output o by tap k where `v + before - k*dilation = o*stride`. The taps that fit form
an arithmetic progression: k rises by stride/gcd and o falls by dilation/gcd, so (how many, first k, first o) say all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from snncc.ir import Array


@dataclass(frozen=True)
class Axis:
    """Window geometry along one axis: `size` inputs, `out` outputs."""

    kernel: int
    stride: int
    dilation: int
    before: int
    out: int

    @property
    def tap_step(self) -> int:
        return self.stride // math.gcd(self.stride, self.dilation)

    @property
    def out_step(self) -> int:
        return -(self.dilation // math.gcd(self.stride, self.dilation))

    def reach(self, positions: Array) -> tuple[Array, Array, Array]:
        """(count, first tap, first output) for each view position; zeros where no output is reached."""
        taps = np.arange(self.kernel)
        scaled = np.asarray(positions)[:, None] + self.before - taps * self.dilation
        fits = (scaled >= 0) & (scaled % self.stride == 0) & (scaled < self.out * self.stride)
        count = fits.sum(axis=1)
        first = np.where(count > 0, fits.argmax(axis=1), 0)
        target = np.where(count > 0, scaled[np.arange(len(first)), first] // self.stride, 0)
        return count, first, target

    def columns(self, columns: int) -> int:
        """Outputs that an access reaches where they lie in so many memories in turn: they must be neighbours."""
        most = -(-self.kernel // self.tap_step)
        return min(columns, most, self.out) if self.out_step == -1 else 1


@dataclass(frozen=True)
class Accesses:
    """How a window's taps along an axis lie in words of `taps`: a source position needs each one's outputs at once.

    The taps of a position are tap_step apart, from one of the first tap_step on, its residue. `words` (number, taps):
    the taps of each word, -1 for none; those of a residue are neighbours, and position o's tap is beside o - 1's.
    """

    axis: Axis
    taps: int
    words: Array

    def table(self, positions: Array) -> Array:
        """(positions, 5): accesses, first word, output of its first slot, masks of the slots of the first and last one.

        An output may lie beyond the last one where the first slot's is masked.
        """
        count, tap, target = self.axis.reach(positions)
        residue, slot = tap % self.axis.tap_step, tap // self.axis.tap_step
        first, last = slot // self.taps, (slot + np.maximum(count, 1) - 1) // self.taps
        skipped, end = slot % self.taps, (slot + np.maximum(count, 1) - 1) % self.taps
        begin = np.array(
            [np.flatnonzero(self.words[:, 0] == r)[0] for r in range(min(self.axis.tap_step, self.axis.kernel))]
        )
        masks = 2**self.taps - 2**skipped, 2 ** (end + 1) - 1
        return np.stack(
            [np.where(count > 0, last - first + 1, 0), begin[residue] + first, target + skipped, *masks], axis=-1
        )


def accesses(axis: Axis, taps: int) -> Accesses:
    """The words of an axis of which an access takes `taps` taps."""
    words = []
    for residue in range(min(axis.tap_step, axis.kernel)):
        own = np.arange(residue, axis.kernel, axis.tap_step)
        words.append(np.pad(own, (0, -len(own) % taps), constant_values=-1).reshape(-1, taps))
    return Accesses(axis, taps, np.concatenate(words))


POINT = Axis(1, 1, 1, 0, 1)
"""An axis with one position and no window."""
