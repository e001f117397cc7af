"""Real populations of a NIR graph -> the integer network: weights of `signed_bit` bits, leaks of 12, everything scaled.

A neuron that leaks linearly does not change when its charges, threshold, reset and lower end are multiplied by one
factor s: so s is chosen per channel as docs/contract.md, 3, chooses it for integrate-and-fire, and dt and r of the
graph are in the weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snncc.errors import CalibrationError, SnnccWarning, UnsupportedLayerError
from snncc.ir import (
    INPUT,
    Identity,
    Input,
    LeakyIntegrateAndFire,
    LeakyIntegrator,
    Network,
    Population,
    Projection,
    Record,
    Relay,
    late_sources,
    proven,
    sources,
    weight_dtype,
    weight_limit,
)
from snncc.lower.projections import RealPool, RealProjection, ScaledProjection
from snncc.neurons.leaky import MOST_SPIKES, UNCLAMPED, WHOLE
from snncc.nir.dialects import Cell, Reading
from snncc.nir.populations import RealCells

Array: TypeAlias = NDArray[Any]

LEAST_THETA, LEAKY_THETA = 2**12, 2**14
"""A threshold's least size: in a neuron that leaks, what rounding a leak loses each timestep adds up to 1/leak LSB."""
MAX_SCALE = 2**20
"""No common scale makes a threshold larger."""
SHIFT_CAP = 100
FEW = 64
"""A layer whose largest weight is below this keeps fewer than 7 bits of its weights: worth a warning."""


def quantised_input(x: Array, bits: int, shape: tuple[int, ...]) -> Input:
    """Frames of what the calibration data hold: counts as they are, anything else in steps of the largest / L.

    CalibrationError where counts do not fit the bits.
    """
    signed = bool((x < 0).any())
    levels = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    largest = float(np.abs(x).max()) if x.size else 0.0
    counts = bool((x == np.rint(x)).all())
    if counts and largest > levels:
        raise CalibrationError(
            f"the calibration data count up to {largest:g}; {bits} bits hold {levels}: raise `input_bits`"
        )
    lambda_0 = float(levels) if counts else largest or 1.0
    return Input(shape=shape, bits=bits, signed=signed, encoding="frames", lambda_0=lambda_0, gain=np.ones(()),
                 offset=np.zeros(()))  # fmt: skip


def network_of(
    cells: Sequence[RealCells],
    source: Input,
    reading: Reading,
    signed_bit: int,
    timesteps: int,
    name: str,
    record: Record,
    version: str,
) -> Network:
    """The integer network of populations; intervals proved."""
    lambdas = {INPUT: float(source.lambda_.flat[0])}
    populations, scale = [], np.ones(())
    for real in cells:
        quantiser = _Quantiser(real, lambdas, reading, signed_bit, readout=real is cells[-1])
        population, scale = quantiser.population()
        lambdas[population.name] = float(population.lambda_.flat[0])
        populations.append(population)
    final = cells[-1]
    whole = timesteps if final.cell is not None else 1  # the value of a leaking readout is its last potential
    return proven(
        Network(
            name=name,
            input=source,
            populations=tuple(populations),
            timesteps=timesteps,
            signed_bit=signed_bit,
            dynamics="step",
            readout="spikes" if final.fires else "potential",
            output_scale=1.0 if final.fires else float(scale.flat[0]) / whole,
            output_shape=final.shape,
            thresholding="0",
            tool_version=version,
            record=record,
        )
    )


class _Quantiser:
    """One population: W'' from the scales of what it reads, then s, F, W_int and everything that s multiplies."""

    def __init__(
        self, real: RealCells, lambdas: Mapping[str, float], reading: Reading, signed_bit: int, readout: bool
    ) -> None:
        self.real, self.lambdas, self.reading, self.signed_bit = real, lambdas, reading, signed_bit
        self.readout = readout

    def population(self) -> tuple[Population, Array]:
        """(the population, s)."""
        real = self.real
        if real.cell is None and not self.readout:
            return self._relay(), np.ones(())
        weighted = [self._weighted(p) for p in real.projections if isinstance(p, RealProjection)]
        s = self._scale(weighted)
        cell, zero = real.cell, np.zeros(())
        shared: dict[str, Any] = {
            "name": real.name,
            "shape": real.shape,
            "projections": self._integers(weighted, s),
            "lambda_": np.ones(()),
            "layers": (real.node,),
        }
        if cell is None:
            bias = _whole(s * real.bias)
            return Population(theta=None, bias=bias, v0=_whole(zero), **shared), s
        cell, bias = _from_rest(real, cell, real.bias * self._gain(), self.reading.reset == "value")
        lowest = np.full((), UNCLAMPED) if cell.lowest is None else _whole(s * cell.lowest)
        numbers: dict[str, Any] = {"leak": self._part(cell.leak), "decay": self._part(cell.decay), "lowest": lowest}
        start = _whole(s * cell.start)
        if not real.fires:
            kind: Any = LeakyIntegrator(**numbers)
            return Population(theta=None, bias=_whole(s * bias), v0=start, kind=kind, **shared), s
        theta, reset = _whole(s * cell.theta), self.reading.reset
        amount = _whole(s * cell.amount)
        kind = LeakyIntegrateAndFire(
            **numbers,
            amount=amount,
            reset="subtract_late" if reset == "subtract-late" else reset,
            most=MOST_SPIKES if self.reading.spikes == "many" else 1,
        )
        strict = self.reading.compare == "above"
        return Population(theta=theta + strict, bias=_whole(s * bias), v0=start, kind=kind, **shared), s

    def _weighted(self, projection: RealProjection) -> ScaledProjection:
        """W'' = W lambda of the source times the neuron's gain."""
        name = next(iter((*sources(projection.source), *late_sources(projection.source))))
        shape = () if projection.kind is Identity else (_inputs(projection),)
        scaled = projection.scaled(np.full(shape, self.lambdas.get(name, 1.0)))
        weights = scaled.weights * scaled.per_output(self._gain())
        kind = projection.kind
        return ScaledProjection(
            kind, projection.name, projection.source, weights, projection.strides, projection.dilation, projection.pads
        )

    def _gain(self) -> Array:
        """What an input adds; with the rounded decay of a synaptic current as much in the end as with its own."""
        cell = self.real.cell
        if cell is None:
            return np.ones(())
        return np.asarray(cell.gain * self._part(cell.decay) / (cell.decay * WHOLE))

    def _scale(self, weighted: list[ScaledProjection]) -> Array:
        """s, (C,) or (): `2^e q / m`, e the smallest with which thresholds are fine enough and no branch is lost."""
        q, channels, cell = weight_limit(self.signed_bit), self.real.shape[-1], self.real.cell
        peaks = [np.abs(p.columns(channels)).max(axis=0) for p in weighted]
        if not self.real.fires:
            peaks = [peak.max(keepdims=True) for peak in peaks]
        m = np.max(peaks, axis=0)
        m = np.where(m > 0, m, m.max() or 1.0)
        leaks = cell is not None and bool((cell.leak > 0).any() or (cell.decay < 1).any())
        theta = np.ones(()) if cell is None or not self.real.fires else cell.theta
        theta = theta if self.real.fires else m  # a readout's potential: fine against its own charges
        least = LEAKY_THETA if leaks else LEAST_THETA
        for e in range(SHIFT_CAP):
            lost = any(2**e * (peak / m).max() <= 0.5 for peak in peaks if peak.any())
            if (2**e * q * theta / m >= least).all() and not lost:
                break
        s = np.minimum(2.0**e * q / m, MAX_SCALE / theta)
        used = float(max((peak * s).max() for peak in peaks))
        if 0 < used < min(q / 4, FEW):
            warnings.warn(
                f"population {self.real.name!r}: its largest weight is {round(used)} of {q}, because its threshold "
                f"may not pass {MAX_SCALE}: its inputs are much smaller than its threshold",
                SnnccWarning,
                stacklevel=2,
            )
        return np.asarray(s[0] if (s == s[0]).all() else s)

    def _integers(self, weighted: list[ScaledProjection], s: Array) -> tuple[Projection, ...]:
        q, made = weight_limit(self.signed_bit), []
        for projection in weighted:
            weights = projection.weights * projection.per_output(s)
            largest = float(np.abs(weights).max()) if weights.size else 0.0
            shift = next(f for f in range(SHIFT_CAP) if np.rint(largest / 2**f) <= q)
            integers = rounded(projection, weights / 2**shift, self.real.shape[-1], q)
            made.append(projection.projection(integers.astype(weight_dtype(self.signed_bit)), shift))
        return tuple(made)

    def _part(self, share: Array) -> Array:
        """A leak in 4096ths. UnsupportedLayerError where it would vanish."""
        part: Array = np.rint(np.asarray(share, np.float64) * WHOLE).astype(np.int64)
        if ((part == 0) & (share > 0)).any():
            raise UnsupportedLayerError(
                f"node {self.real.node!r}: it loses {float(np.min(share)):.2g} of its potential in a timestep, less "
                f"than the 1/{2 * WHOLE} that 12 bits hold: take a longer timestep with `nir_dt`"
            )
        return part

    def _relay(self) -> Population:
        """A pool of sums, or a timestep of delay."""
        real = self.real
        projection = real.projections[0]
        name = next(iter((*sources(projection.source), *late_sources(projection.source))))
        made: Projection
        if isinstance(projection, RealPool):
            made = projection.projection()
        else:
            made = projection.projection(np.ones((), weight_dtype(self.signed_bit)))
        zero = np.zeros((), np.int64)
        return Population(
            name=real.name,
            shape=real.shape,
            projections=(made,),
            theta=None,
            bias=zero,
            v0=zero,
            lambda_=np.asarray(self.lambdas[name] * real.share),
            layers=(real.node,),
            kind=Relay(shift=zero),
        )


def rounded(projection: ScaledProjection, weights: Array, channels: int, q: int) -> Array:
    """Integers near weights, at most q, whose sum over what each output reads is as near as can be to theirs.

    What an output gets when all that it reads fires alike is then right, where errors of rounding would add up.
    """
    if projection.kind is Identity:
        return np.asarray(np.rint(weights))
    columns = weights.reshape(-1, channels).T  # a depthwise kernel's channels are its last two axes
    whole = np.rint(columns)
    missing = np.rint((columns - whole).sum(axis=1)).astype(int)
    for made, wanted, count in zip(whole, columns, missing, strict=True):
        step = np.sign(count)
        gain = np.where(np.abs(made + step) <= q, (wanted - made) * step, -np.inf)
        chosen = np.argsort(-gain, kind="stable")[: abs(count)]
        made[chosen[gain[chosen] > 0]] += step
    return np.asarray(whole.T.reshape(weights.shape))


def _inputs(projection: RealProjection) -> int:
    """Channels that a projection reads."""
    return int(projection.weights.shape[0 if projection.weights.ndim == 2 else 2])


def _whole(values: Array) -> Array:
    return np.asarray(np.rint(np.asarray(values, np.float64)).astype(np.int64))


def resting(real: RealCells) -> Array:
    """Where its potentials are counted from: 0, or where it rests behind a synaptic current.

    A drift towards a rest is a bias; but a bias goes through a synaptic current and a drift does not, so behind one the
    origin is moved.
    """
    cell = real.cell
    if cell is None or not cell.drift.any() or (cell.decay == 1).all():
        return np.zeros(())
    return np.asarray(cell.drift / cell.leak)


def _from_rest(real: RealCells, cell: Cell, bias: Array, to_value: bool) -> tuple[Cell, Array]:
    """The neuron without drift, and its bias. UnsupportedLayerError where the origin cannot be moved."""
    rest = resting(real)
    if not rest.any():
        return cell, bias + cell.drift
    lowest = None if cell.lowest is None else cell.lowest - rest
    if real.fires and ((cell.theta <= rest).any() or (lowest is not None and (lowest > 0).any())):
        raise UnsupportedLayerError(
            f"node {real.node!r}: v_leak is not below the threshold, and behind a synaptic current potentials are "
            "counted from there: lower it"
        )
    amount = cell.amount - rest if to_value else cell.amount
    theta, start = cell.theta - rest, cell.start - rest
    return Cell(cell.leak, cell.decay, cell.gain, np.zeros(()), start, theta, amount, lowest), bias
