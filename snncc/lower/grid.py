"""Weights that are integers in the model already: the grid on which they lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from snncc.ir import Array


@dataclass(frozen=True)
class Grid:
    """Weights of `layer` are integers times `step` (C_out,), float64."""

    layer: str
    step: Array

    def scaled(self, scale: Array) -> Grid:
        """After a gain per output channel: a negative one turns the integers' signs around."""
        return replace(self, step=self.step * np.where(scale == 0, 1, np.abs(scale)))

    def part(self, channels: slice) -> Grid:
        """Of some of the output channels."""
        return replace(self, step=self.step[channels])
