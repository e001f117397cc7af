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


POINT = Axis(1, 1, 1, 0, 1)
"""An axis with one position and no window."""
