"""Calibration: one float run over all samples; the scale of every population from its largest activations.

`lambda_l` = the largest activation over all samples (a percentile of the strictly positive ones on request,
linear interpolation, exact); per layer or per channel. A dead population takes 1, with a warning.
Source: docs/contract.md, 2; Wu, Yi, Huang 2022, doi 10.3389/fnins.2022.759900.
"""

from __future__ import annotations

import math
import threading
import warnings
from dataclasses import dataclass, field

import numpy as np

from snncc.errors import CalibrationError, SnnccWarning
from snncc.ir import Array, way_out
from snncc.lower.real import RealNetwork, RealPopulation, activations

SNAPS = ((0.9, 1.0), (230.0, 255.0))


def check_samples(x: Array, shape: tuple[int, ...]) -> Array:
    """The calibration array as numbers of the right shape, finite; CalibrationError otherwise."""
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise CalibrationError(f"calibration data must be numbers, not {x.dtype}")
    if x.ndim < 1 or x.shape[1:] != shape:
        raise CalibrationError(
            f"calibration samples have shape {x.shape[1:]}; the model's input is {shape}{way_out(x, shape)}"
        )
    if not len(x):
        raise CalibrationError("the calibration array is empty")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise CalibrationError("the calibration array holds NaN or infinity")
    return x


def input_extremes(x: Array, gain: Array, offset: Array) -> tuple[float, float]:
    """(smallest, largest) of `x*gain + offset`, from per-channel extremes."""
    axes = tuple(range(x.ndim - 1)) if gain.ndim or offset.ndim else None
    ends = [np.asarray(f(x, axis=axes), np.float64) * gain + offset for f in (np.min, np.max)]
    return float(np.min(ends)), float(np.max(ends))


def snap(largest: float, signed: bool) -> float:
    """lambda_0: raw unit data stay unit data and raw bytes stay raw bytes. A dead input takes 1."""
    for low, value in SNAPS if not signed else SNAPS[:1]:
        if low < largest <= value * (1 + 1e-6):
            return value
    return largest if largest > 0 else 1.0


@dataclass
class _Scale:
    """Running statistics of one population: its maximum, or the top of its positive values for a percentile."""

    keep: int
    channels: bool
    top: list[Array] = field(default_factory=list)
    positives: Array | int = 0

    def add(self, values: Array) -> None:
        columns = values.reshape(-1, values.shape[-1] if self.channels else 1)
        self.positives = self.positives + (columns > 0).sum(axis=0)
        self.top.append(self._largest(columns))
        if len(self.top) > 8:
            self.top = [self._largest(np.concatenate(self.top))]

    def _largest(self, columns: Array) -> Array:
        if self.keep == 1:
            largest: Array = columns.max(axis=0, keepdims=True)
            return largest
        if len(columns) <= self.keep:
            return columns.copy()
        return np.partition(columns, len(columns) - self.keep, axis=0)[-self.keep :]

    def value(self, percentile: float) -> Array:
        """Exact linear percentile of the positive values of each column; 0 where there are none, NaN where one is."""
        top = np.sort(np.concatenate(self.top).astype(np.float64), axis=0)[::-1]
        if not np.isfinite(top).all():
            return np.full_like(top[0] if self.channels else np.zeros(()), np.nan)
        result = np.zeros(top.shape[1])
        for c, count in enumerate(np.broadcast_to(self.positives, result.shape)):
            if count:
                below = (1 - percentile / 100) * (int(count) - 1)
                first = min(math.floor(below), len(top) - 1)
                second = min(first + 1, int(count) - 1, len(top) - 1)
                result[c] = top[first, c] + (top[second, c] - top[first, c]) * (below - first)
        return result if self.channels else result.reshape(())


def scales(
    network: RealNetwork, x: Array, percentile: float = 100.0, per_channel: bool = False, fixed: float | None = None
) -> dict[str, Array]:
    """lambda of every population, float64 () or (C,). The readout's and a relay's are the largest magnitude.

    `fixed` is the lambda of every population but the readout, whatever the samples say. Levels
    have a scale of their own.
    """
    if not 0 < percentile <= 100:
        raise CalibrationError(f"percentile must be in (0, 100], not {percentile}")
    if fixed is not None and not (math.isfinite(fixed) and fixed > 0):
        raise CalibrationError(f"fixed_lambda must be positive and finite, not {fixed}")
    readout = network.populations[-1]
    magnitudes = {p.name for p in network.populations if p is readout or p.relay}
    found: dict[str, _Scale] = {}
    for population in network.populations:
        columns = len(x) * int(np.prod(population.shape)) // (population.shape[-1] if per_channel else 1)
        keep = 1 if percentile == 100 else math.ceil((1 - percentile / 100) * columns) + 2
        signed = population.name in magnitudes
        found[population.name] = _Scale(1 if signed else keep, per_channel and not signed)
    largest_logit = _Scale(1, False)
    lock = threading.Lock()

    def visit(population: RealPopulation, values: Array) -> None:
        with lock:
            if population is readout:
                largest_logit.add(values)
            found[population.name].add(np.abs(values) if population.name in magnitudes else values)

    for _ in activations(network, x, visit):
        pass
    result = {}
    for population in network.populations:
        signed = population.name in magnitudes
        largest = found[population.name].value(100 if signed else percentile)
        if fixed is not None and population is not readout:
            largest = np.full_like(largest, fixed)
        if population.levels is not None:
            largest = np.asarray(population.levels.scale, np.float64)
        result[population.name] = _cap(population, largest, signed)
    result[LARGEST_LOGIT] = np.maximum(largest_logit.value(100), 0)
    return result


LARGEST_LOGIT = "(largest logit)"
"""Key of the readout's scale where it fires; 0 where no output is ever positive."""


def _cap(population: RealPopulation, scale: Array, signed: bool) -> Array:
    if population.max_value is not None:
        scale = np.minimum(scale, population.max_value)
    if not np.isfinite(scale).all():
        raise CalibrationError(
            f"population {population.name!r}: its activations on the calibration data are no finite numbers: the "
            "model's weights hold NaN or infinity, or the data are too large for them"
        )
    dead = scale <= 0
    if dead.any():
        which = "its largest output is 0" if signed else "it never fires on the calibration data"
        if scale.ndim == 0:
            warnings.warn(f"population {population.name!r} is dead: {which}", SnnccWarning, stacklevel=2)
        else:
            warnings.warn(
                f"population {population.name!r}: {int(dead.sum())} of {dead.size} channels never fire on the "
                "calibration data",
                SnnccWarning,
                stacklevel=2,
            )
    return np.where(dead, 1.0, scale)
