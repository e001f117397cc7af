"""Keras model -> IR: a trained model of `to_keras` is read back, as the integers that it acts with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from snncc import ir
from snncc.errors import NetworkError
from snncc.ir import INPUT, Array
from snncc.keras_layers.build import Builder
from snncc.keras_layers.check import compare


def to_network(model: keras.Model, network: Any, *, check: int = 4) -> ir.Network:
    """The network (`snncc.Network` or its IR) with the weights and biases of `model`, which `to_keras` made of it.

    An integer network's model must have been made `trainable`, and T is the model's. Thresholds and start potentials
    stay. Every interval is proved anew, and the model is run once, on `check` images, against the simulator that runs
    what was read: every population must be equal.

    NetworkError: the model is not this network's, its numbers are not integers, a potential would need more than 63
    bits, or the check found a difference.
    """
    whole: ir.Network = getattr(network, "ir", network)
    timesteps = int(_layer(model, INPUT).timesteps)
    builder = Builder(whole, timesteps, trainable=whole.is_integer)
    made: ir.Network = ir.replace(whole, populations=tuple(_read(model, builder, p) for p in whole.populations))
    if made.is_integer:
        made = ir.proven(made)
    ir.check(made)
    if made.is_integer and check:
        compare(made, model, timesteps, check)
    return made


def _layer(model: keras.Model, name: str) -> Any:
    found = [layer for layer in model.layers if layer.name == name]
    if not found:
        raise NetworkError(
            f"model {model.name!r} has no layer {name!r}: it must be what to_keras(network, trainable=True) made"
        )
    return found[0]


def _read(model: keras.Model, builder: Builder, population: ir.Population) -> ir.Population:
    """The population with the numbers of its layers."""
    _same_threshold(_layer(model, population.name), population)
    projections = []
    for number, projection in enumerate(population.projections):
        if hasattr(projection, "weights"):
            layer = _layer(model, builder.synapses[population.name, number])
            projection = ir.replace(projection, weights=numbers_used(layer, "weights_used", projection.weights))
        projections.append(projection)
    bias = population.bias
    if population.name in builder.biases:
        bias = numbers_used(_layer(model, builder.biases[population.name]), "bias_used", bias)
    found: ir.Population = ir.replace(population, projections=tuple(projections), bias=bias)
    return found


def numbers_used(layer: Any, which: str, old: Array) -> Array:
    """What a layer acts with, in the type and shape of the network's."""
    used = getattr(layer, which, None)
    values = np.asarray(used()) if used else None
    if values is None or values.shape != old.shape:
        raise NetworkError(f"layer {layer.name!r} does not hold numbers of shape {old.shape}, as this network's does")
    new = values.astype(old.dtype)
    if np.issubdtype(old.dtype, np.integer) and not np.array_equal(new, values):
        raise NetworkError(f"layer {layer.name!r} holds numbers that are no integers: it must be made trainable=True")
    return new


def _same_threshold(layer: Any, population: ir.Population) -> None:
    for name in ("theta", "v0") if population.fires else ():
        old, now = np.asarray(getattr(population, name), np.float64), np.asarray(getattr(layer, name), np.float64)
        if not np.allclose(np.broadcast_to(old, np.broadcast_shapes(old.shape, now.shape)), now, rtol=1e-6):
            raise NetworkError(f"population {population.name!r}: its {name} changed; only weights and biases may")
