"""Projections, views and both networks as TensorFlow graphs, through which gradients flow.

The same maps as snncc.sim.linear, exact in float32 while every sum stays below 2^24. Only the descent of `calibrate`
full imports this module, and with it TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from snncc.ir import (
    INPUT,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    MaxPool,
    Pads,
    Pair,
    Projection,
    Spread,
    SumPool2D,
    View,
    fold,
    sources,
    view_shape,
)
from snncc.lower.projections import RealPool, RealProjection
from snncc.lower.real import RealNetwork, RealPopulation

Tensor: TypeAlias = Any


def constant(values: Any) -> Tensor:
    """float32."""
    return tf.constant(np.asarray(values, np.float32))


def rounded(values: Tensor) -> Tensor:
    """To the nearest integer; backwards a straight line."""
    return values + tf.stop_gradient(tf.round(values) - values)


class _Read:
    """Tensors (N, *shape) of a batch."""

    def __init__(self, outputs: Mapping[str, Tensor]) -> None:
        self.outputs = outputs

    def source(self, name: str) -> Tensor:
        return self.outputs[name]

    def reshape(self, inner: Tensor, shape: tuple[int, ...]) -> Tensor:
        return tf.reshape(inner, (-1, *shape))

    def pad(self, inner: Tensor, pads: Pads) -> Tensor:
        return pad(inner, pads)

    def concat(self, parts: list[Tensor]) -> Tensor:
        return tf.concat(parts, axis=-1)

    def max_pool(self, inner: Tensor, pool: MaxPool) -> Tensor:
        return tf.nn.max_pool2d(pad(inner, pool.pads, -np.inf), pool.size, pool.strides, "VALID")

    def spread(self, inner: Tensor, spread: Spread) -> Tensor:
        down, across = spread.strides
        made = tf.repeat(tf.repeat(inner, down, axis=1), across, axis=2)
        if spread.repeat:
            return made
        height, width = spread.extent(inner.shape[1], inner.shape[2])
        first = np.zeros((height, width, 1), np.float32)
        first[::down, ::across] = 1
        return made[:, :height, :width] * first


def values_of(view: View, outputs: Mapping[str, Tensor]) -> Tensor:
    """The view of a batch: outputs hold (N, *shape) per population."""
    return fold(view, _Read(outputs))


def growth(view: View, trains: Mapping[str, Tensor]) -> Tensor:
    """What a view hands on, timestep by timestep, of trains (T, N, *shape): as snncc.sim.step.growth."""
    held = {name: tf.cumsum(trains[name], axis=0) for name in set(sources(view))}
    shape = tf.shape(next(iter(held.values())))
    values = values_of(view, {name: tf.reshape(h, (-1, *h.shape[2:])) for name, h in held.items()})
    values = tf.reshape(values, (shape[0], shape[1], *values.shape[1:]))
    return values - tf.concat([tf.zeros_like(values[:1]), values[:-1]], axis=0)


def pad(x: Tensor, pads: Pads, fill: float = 0) -> Tensor:
    """(N, H, W, C) with (top, bottom, left, right) more rows and columns of `fill`."""
    top, bottom, left, right = pads
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=fill) if any(pads) else x


def linear(projection: Projection, weights: Tensor, x: Tensor) -> Tensor:
    """The projection without its shift, with these weights, of a batch (N, *source)."""
    match projection:
        case Dense():
            return tf.matmul(x, weights)
        case Identity():
            return x * weights
        case SumPool2D(size=size, strides=strides, pads=pads):
            return tf.nn.avg_pool2d(pad(x, pads), size, strides, "VALID") * float(size[0] * size[1])
        case Conv2D(strides=strides, dilation=dilation, pads=pads):
            return tf.nn.conv2d(pad(x, pads), _spread(weights, dilation), strides, "VALID")
        case DepthwiseConv2D(strides=(sy, sx), dilation=dilation, pads=pads):
            step = sy if sy == sx else 1  # TensorFlow's strides are equal ones
            out = tf.nn.depthwise_conv2d(pad(x, pads), _spread(weights, dilation), (1, step, step, 1), "VALID")
            return out if sy == sx else out[:, ::sy, ::sx]


def _spread(weights: Tensor, dilation: Pair) -> Tensor:
    """A kernel with the zeros of its dilation between its taps."""
    for axis, step in enumerate(dilation):
        if step > 1:
            shape = list(weights.shape)
            gaps = [[0, 0]] * (len(shape) + 1)
            gaps[axis + 1] = [0, step - 1]
            weights = tf.pad(tf.expand_dims(weights, axis + 1), gaps)
            shape[axis] *= step
            weights = tf.reshape(weights, shape)
            weights = tf.gather(weights, range(shape[axis] - step + 1), axis=axis)
    return weights


def scan(drive: Tensor, theta: Tensor, v0: Tensor) -> Tensor:
    """Spikes (T, N, *shape) of neurons that each timestep's `drive` (bias included) reaches; no gradient."""

    def tick(state: tuple[Tensor, Tensor], charge: Tensor) -> tuple[Tensor, Tensor]:
        potential = state[0] + charge
        fired = tf.cast(potential >= theta, tf.float32)
        return potential - fired * theta, fired

    start = tf.broadcast_to(v0, tf.shape(drive[0]))
    return tf.stop_gradient(tf.scan(tick, drive, (start, tf.zeros_like(drive[0])))[1])


class Teacher:
    """The float network: `teacher(x)` gives every population's activations, the readout's before its head."""

    def __init__(self, real: RealNetwork) -> None:
        self.real = real
        self.synapses = {p.name: [_real(q, real, p.shape) for q in p.projections] for p in real.populations}

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        values = {INPUT: x}
        for population in self.real.populations:
            total = constant(population.bias)
            for projection, weights in self.synapses[population.name]:
                product = linear(projection, weights, values_of(projection.source, values))
                total = total + (product * weights if isinstance(projection, SumPool2D) else product)
            if population is not self.real.populations[-1] and not population.relay:
                total = _activation(population, total)
            values[population.name] = total
        del values[INPUT]
        return values


def _activation(population: RealPopulation, linear: Tensor) -> Tensor:
    """A relu, its upper end, its levels."""
    levels = population.levels
    if levels is None:
        return tf.minimum(tf.nn.relu(linear), np.inf if population.max_value is None else population.max_value)
    raised = tf.floor(linear * constant(levels.levels / levels.scale) + levels.start)
    return tf.clip_by_value(raised, 0.0, float(levels.levels)) * constant(levels.scale / levels.levels)


def _real(p: RealProjection | RealPool, real: RealNetwork, output: tuple[int, ...]) -> tuple[Projection, Tensor]:
    """A projection and its weights; of a pool, the sum and 1/k."""
    if isinstance(p, RealPool):
        return p.projection(), constant(p.share(view_shape(p.source, real.shapes), output))
    return p.projection(p.weights), constant(p.weights)
