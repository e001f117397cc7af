"""Real populations and their scales -> the integer network (or, for signed_bit = 0, the float twin).

For drive `sum_p W''_p n_p + b' T` against threshold lambda, with `W''_p = W'_p * lambda_p`, a common factor s
per neuron changes nothing: it is how scales disappear. Source: docs/contract.md, 3.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from snncc.errors import CalibrationError, NetworkError, SnnccWarning
from snncc.ir import (
    INPUT,
    Array,
    Input,
    Network,
    Population,
    Projection,
    Relay,
    Window,
    proven,
    replace,
    sources,
    view_shape,
    weight_dtype,
    weight_limit,
)
from snncc.lower.calibrate import LARGEST_LOGIT
from snncc.lower.kept import Kept, keep
from snncc.lower.levels import Rungs, rungs
from snncc.lower.options import Options
from snncc.lower.projections import RealPool, RealProjection, ScaledProjection, pool_counts
from snncc.lower.real import RealNetwork, RealPopulation
from snncc.lower.relays import relay_bits, relay_scale, with_shift
from snncc.sim.linear import values_of

MIN_THETA = 512
"""Scales and shifts are chosen so that thresholds do not fall below it: then rounding them is negligible."""
MAX_SCALE = 2**20
"""No common scale makes a threshold larger."""
READOUT_SCALE = 2**16
"""The largest output of a readout that keeps its weights, in units of its potential, at least: finer than its biases.
"""
SHIFT_CAP = 40
"""No larger F, and no larger power of two in a common scale, is chosen; a file may hold more."""
FEW = 64
"""A layer whose largest weight is below this keeps fewer than 7 bits of its weights: worth a warning."""


def quantised_network(real: RealNetwork, source: Input, scales: dict[str, Array], options: Options) -> Network:
    """The network of populations, thresholds and weights; intervals proved."""
    readout = real.populations[-1]
    fires = options.readout == "spikes"
    lambdas = {INPUT: source.lambda_} | {p.name: scales[p.name] for p in real.populations}
    if fires:
        lambdas[readout.name] = scales[LARGEST_LOGIT]
        if not lambdas[readout.name]:
            warnings.warn(
                f"population {readout.name!r} never fires: no output is positive on the calibration data; use the "
                "potential readout",
                SnnccWarning,
                stacklevel=2,
            )
            lambdas[readout.name] = np.ones(())
    populations: list[Population] = []
    output_scale = 1.0
    for population in real.populations:
        quantiser = Quantiser(real, population, lambdas, options)
        quantised, scale = quantiser.run(silent=population.relay or (population is readout and not fires))
        if population.relay:
            part = partial(real, source, populations, quantised, options)
            quantised = quantiser.relayed(part, quantised, scale)
            lambdas[population.name] = quantised.lambda_
        populations.append(quantised)
        if population is readout and not fires:
            output_scale = float(scale)
    return network_of(real, source, populations, output_scale, options)


def network_of(
    real: RealNetwork, source: Input, populations: list[Population], output_scale: float, options: Options
) -> Network:
    """The network of finished populations; intervals proved."""
    network = Network(
        name=options.name or real.name,
        input=source,
        populations=tuple(populations),
        timesteps=options.timesteps,
        signed_bit=options.signed_bit,
        dynamics=options.dynamics,
        readout=options.readout,
        head=real.head,
        output_scale=output_scale,
        output_shape=real.output_shape,
        spike_ext=options.spike_ext,
        thresholding=str(options.thresholding),
        tool_version=options.tool_version,
    )
    return proven(network) if network.is_integer else network


def partial(
    real: RealNetwork, source: Input, populations: Sequence[Population], candidate: Population, options: Options
) -> Network:
    """The populations so far and a candidate for the next, as a network; without proofs."""
    return Network(
        name=real.name,
        input=source,
        populations=(*populations, candidate),
        timesteps=options.timesteps,
        signed_bit=options.signed_bit,
        spike_ext=options.spike_ext,
    )


def start_potential(theta: Array, thresholding: str) -> Array:
    """v0 = floor(theta * thresholding), thresholding an exact decimal."""
    part = Fraction(thresholding)
    if np.issubdtype(theta.dtype, np.integer):
        return np.asarray((theta.astype(object) * part.numerator) // part.denominator).astype(np.int64)
    return np.asarray(theta * float(part), np.float64)


class Quantiser:
    """One population: W'' from the sources' scales, then s, F, W_int, theta, b, v0."""

    def __init__(
        self, real: RealNetwork, population: RealPopulation, lambdas: dict[str, Array], options: Options
    ) -> None:
        self.real, self.population, self.options = real, population, options
        self.lambdas = lambdas
        self.scale = lambdas[population.name]
        alone = not population.relay or channelwise(real, population.name)
        self.channelwise = alone and not (population.relay and read_by_kept(real, population.name, options))
        self.per_tensor = population is real.populations[-1] or not options.per_channel or not self.channelwise
        self.shapes = real.shapes

    @cached_property
    def kept(self) -> Kept:
        """What stays of the integers that the model has for weights."""
        projections = self.population.projections
        scales = [self.source_scale(p) for p in projections]
        return keep(projections, scales, self.options.signed_bit, self.per_tensor)

    def run(self, silent: bool) -> tuple[Population, Array]:
        """(the population, s). `silent`: without threshold, a potential readout (per tensor) or a relay to be."""
        if isinstance(self.population.projections[0], RealPool):
            projections, s, theta, bias = self._pool(self.population.projections[0])
        else:
            weighted = self.weighted()
            s = self.common_scale(weighted)
            projections = self.integers(weighted, s)
            theta, bias = self._round(s * self.scale), self._round(s * self.population.bias)
            exact = None if silent else self._rungs(projections, s)
            if exact:
                finer = [replace(p, shift=p.shift + exact.more) for p in projections]
                return self.assemble(finer, exact.theta, exact.bias, exact.v0), s * 2.0**exact.more
        if self.options.signed_bit:
            theta = np.maximum(theta, 1)
            if not silent and int(theta.min()) < MIN_THETA:
                warnings.warn(
                    f"population {self.population.name!r}: its smallest threshold is {int(theta.min())}, below "
                    f"{MIN_THETA}: its weights differ too much in size for this scaling: use `per_channel` or "
                    "more bits",
                    SnnccWarning,
                    stacklevel=2,
                )
        v0 = np.zeros((), theta.dtype) if silent else start_potential(theta, self.thresholding)
        return self.assemble(projections, None if silent else theta, bias, v0), s

    @property
    def thresholding(self) -> str:
        """v0 in thresholds: that of its levels, or the option."""
        levels = self.population.levels
        return str(self.options.thresholding if levels is None else levels.start)

    def _rungs(self, projections: Sequence[Projection], s: Array) -> Rungs | None:
        """The exact thresholds of an activation of T levels."""
        levels = self.population.levels
        if levels is None or levels.levels != self.options.timesteps or not self.options.signed_bit:
            return None
        return rungs(levels, s, self.population.bias, min(p.shift for p in projections), MAX_SCALE)

    def relayed(self, network: Network, silent: Population, s: Array) -> Population:
        """The relay of a population without threshold whose sources are in `network`: its shift, ranges and lambda.

        `s`: of the potential's LSB per 1 of activation.
        """
        options = self.options
        if not options.signed_bit:
            made: Population = replace(silent, kind=Relay(shift=np.zeros((), np.int64)), lambda_=1 / np.asarray(s))
            return made
        window = Window(options.dynamics, options.timesteps, options.spike_ext)
        bits = relay_bits(self.real, silent.name, window, options.signed_bit)
        made = with_shift(network, silent, bits, options.dynamics, shared=not self.channelwise)
        scale = relay_scale(made.relay, s) if made.relay else made.lambda_
        whole: Population = replace(made, lambda_=scale if self.channelwise else scale.reshape(-1)[0].reshape(()))
        return whole

    def assemble(self, projections: Sequence[Projection], theta: Array | None, bias: Array, v0: Array) -> Population:
        """The population of these integers (or of the float twin's numbers)."""
        return Population(
            name=self.population.name,
            shape=self.population.shape,
            projections=tuple(projections),
            theta=theta,
            bias=bias,
            v0=v0,
            lambda_=np.asarray(self.scale, np.float64),
            saturates=self.population.saturates,
            layers=self.population.layers,
        )

    def _round(self, values: Array) -> Array:
        values = np.asarray(values, np.float64)
        return np.rint(values).astype(np.int64) if self.options.signed_bit else values

    def source_scale(self, projection: RealProjection | RealPool) -> Array:
        """lambda of each channel (last axis) of what the projection reads."""
        return source_scale(projection, self.shapes, self.lambdas)

    def weighted(self) -> list[ScaledProjection]:
        """Its projections with W'' = W' * lambda of each source channel, float64."""
        return [p.scaled(self.source_scale(p)) for p in self.population.projections if not isinstance(p, RealPool)]

    def common_scale(self, weighted: list[ScaledProjection]) -> Array:
        """s of the contract: (C,), or () per tensor. The float twin's is 1."""
        if not self.options.signed_bit:
            return np.ones(())
        peaks, kept = self._peaks(weighted), self.kept
        if kept.unit is not None:
            return self._kept_scale(peaks, kept, kept.unit)
        m = np.max(peaks, axis=0)
        m = np.where(m > 0, m, m.max() or 1.0)
        q = weight_limit(self.options.signed_bit)
        s = self._common_scale(peaks, m, q)
        used = float(max((peak * s).max() for peak in peaks))
        if 0 < used < min(q / 4, FEW):
            warnings.warn(
                f"population {self.population.name!r}: its largest weight is {round(used)} of {q}, because its "
                f"threshold may not pass {MAX_SCALE}: its input is coded much finer than its "
                "weights; use fewer `input_bits`",
                SnnccWarning,
                stacklevel=2,
            )
        return s.reshape(()) if self.per_tensor else s

    def integers(self, weighted: list[ScaledProjection], s: Array) -> list[Projection]:
        """W_int and F of each projection under the common scale s; float32 weights in the float twin."""
        if not self.options.signed_bit:
            return [p.projection(p.weights.astype(np.float32)) for p in weighted]
        out: list[Projection] = []
        kept = self.kept
        for place, (projection, shift) in enumerate(zip(weighted, self.shifts(weighted, s), strict=True)):
            own = self.population.projections[place]
            if place in kept.more and kept.unit is not None and isinstance(own, RealProjection):
                weights: Any = own.integers()
                shift = kept.more[place] + round(math.log2(float((s * kept.unit).flat[0])))
            else:
                weights = np.rint(projection.weights * (projection.per_output(s) / 2**shift))
            out.append(projection.projection(weights.astype(weight_dtype(self.options.signed_bit)), shift))
        return out

    def shifts(self, weighted: list[ScaledProjection], s: Array) -> list[int]:
        """F of each projection: the smallest with which its largest weight fits the bits."""
        q = weight_limit(self.options.signed_bit)
        largest = [(peak * s).max() for peak in self._peaks(weighted)]
        return [next(f for f in range(SHIFT_CAP + 64) if np.rint(peak / 2**f) <= q) for peak in largest]

    def _peaks(self, weighted: list[ScaledProjection]) -> list[Array]:
        peaks = [np.abs(p.columns(self.population.shape[-1])).max(axis=0) for p in weighted]
        return [peak.max(keepdims=True) for peak in peaks] if self.per_tensor else peaks

    def _common_scale(self, peaks: list[Array], m: Array, q: int) -> Array:
        """s[c] = min(2^e q / m[c], 2^20 / lambda[c]), e the smallest that keeps theta and small branches."""
        ratio = q * self.scale / m
        branches = [(peak / m).max() for peak in peaks if peak.any()]
        for e in range(SHIFT_CAP):
            if (2**e * ratio >= MIN_THETA).all() and all(2**e * branch > 0.5 for branch in branches):
                break
        return np.minimum(2.0**e * q / m, (MAX_SCALE / self.scale).min() if m.size == 1 else MAX_SCALE / self.scale)

    def _kept_scale(self, peaks: list[Array], kept: Kept, unit: Array) -> Array:
        """s = 2^e / unit, e the smallest that keeps theta, and the bits of what is rounded beside kept weights."""
        q = weight_limit(self.options.signed_bit)
        silent = self.population is self.real.populations[-1] and self.options.readout == "potential"
        ratio, least = self.scale / unit, READOUT_SCALE if silent else MIN_THETA
        others = [(peak / unit).max() for i, peak in enumerate(peaks) if i not in kept.more and peak.any()]
        e = max(0, *(-more for more in kept.more.values()))
        while e < SHIFT_CAP and (2.0**e * ratio).max() < MAX_SCALE / 2:
            if (2.0**e * ratio >= least).all() and all(2.0**e * other > q / 2 for other in others):
                break
            e += 1
        return np.asarray(2.0**e / unit)

    def _pool(self, projection: RealPool) -> tuple[list[Projection], Array, Array, Array]:
        """Sum pooling: weights 1; theta = rint(k * 2^F * lambda / lambda_src), F the smallest with theta >= 512."""
        source = view_shape(projection.source, self.shapes)
        counts = pool_counts(projection, source, self.population.shape).astype(np.float64)
        lambda_src = self.source_scale(projection)
        if (lambda_src == lambda_src[0]).all():
            lambda_src = lambda_src[0]
        exact: Any = counts * self.scale / lambda_src
        shift = 0
        if self.options.signed_bit:
            while shift < SHIFT_CAP and np.rint(exact * 2**shift).min() < MIN_THETA:
                shift += 1
        if self.population.relay:  # no threshold takes the 1/k: it is in the scale
            return [projection.projection()], np.asarray(counts / lambda_src), self._round(exact), np.zeros((), int)
        theta = self._round(exact * 2**shift)
        s = np.asarray(2**shift / lambda_src)
        return [projection.projection(shift)], s, theta, np.zeros((), theta.dtype)


def channelwise(real: RealNetwork, population: str) -> bool:
    """Whether what a population hands on may stand for something else in each channel: no reader mixes channels."""
    lambdas: dict[str, Array] = {name: np.ones(()) for name in real.shapes}
    lambdas[population] = 1.0 + np.arange(real.shapes[population][-1])
    for reader in real.populations:
        for projection in reader.projections:
            if population in sources(projection.source):
                try:
                    source_scale(projection, real.shapes, lambdas)
                except NetworkError:
                    return False
    return True


def read_by_kept(real: RealNetwork, population: str, options: Options, fewest: int = 1) -> bool:
    """Whether weights that stay the model's own integers sum over its channels: they must share one scale.

    `fewest`: so many such projections reach one reader, whose scales then depend on one another.
    """
    for reader in real.populations:
        if not any(population in sources(p.source) for p in reader.projections):
            continue
        ones = [np.ones(view_shape(p.source, real.shapes)[-1]) for p in reader.projections]
        shared = reader is real.populations[-1] or not options.per_channel
        more = keep(reader.projections, ones, options.signed_bit, shared).more
        sums = [p for i, p in enumerate(reader.projections) if i in more and isinstance(p, RealProjection)]
        if len(more) >= fewest and any(population in sources(p.source) and p.sums_channels for p in sums):
            return True
    return False


def source_scale(
    projection: RealProjection | RealPool, shapes: dict[str, tuple[int, ...]], lambdas: dict[str, Array]
) -> Array:
    """lambda of each channel (last axis) of what the projection reads. NetworkError where a channel has several."""
    whole = {name: np.broadcast_to(lambdas[name], (1, *shapes[name])) for name in set(sources(projection.source))}
    values = values_of(projection.source, whole)[0]
    flat = values.reshape(-1, values.shape[-1])
    most: Array = flat.max(axis=0)
    if ((flat != most) & (flat != 0)).any():  # zeros are padding
        raise NetworkError(
            f"projection {projection.name!r}: a reshape mixes channels of different scale: use a scale per layer"
        )
    return most


def check_thresholding(value: object) -> str:
    """An exact decimal as text; CalibrationError otherwise."""
    try:
        part = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise CalibrationError(f"thresholding must be a number such as 0.5, not {value!r}") from None
    if not math.isfinite(part) or abs(part) > 1:
        raise CalibrationError(f"thresholding must lie in -1..1 (0.5 is the usual), not {value}")
    return str(value)
