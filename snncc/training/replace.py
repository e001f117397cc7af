"""A trained Keras model with QCFS in the place of every relu, each lambda chosen on samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from snncc.errors import DataError, UnsupportedLayerError
from snncc.ir import Array
from snncc.keras_layers import QCFS

RELUS = ("relu", "relu6")
IMAGES, VALUES, CANDIDATES = 256, 2**18, 40
"""How many samples and activations of a relu choose its lambda, among how many fractions of the largest."""


def with_qcfs(model: keras.Model, x: Array, levels: int, *, per_channel: bool = False, seed: int = 0) -> keras.Model:
    """A copy of a Sequential or Functional model in which a `QCFS(levels)` stands for every relu.

    A relu in a layer becomes a layer of its own after it, `<layer>_qcfs`; one after the last layer stays. A QCFS that
    is there already keeps its lambda and takes these `levels`. lambda is the one of 40 fractions of the largest
    activation with the least squared error between relu and QCFS, on 256 samples of `x` (N, *input shape) drawn by
    `seed`; one per layer or, `per_channel`, per channel.

    UnsupportedLayerError: a relu with a slope or a threshold, no relu at all, a subclassed model. DataError: no
    samples.
    """
    x = np.asarray(x)
    if not len(x):
        raise DataError("training needs samples, and there are none")
    seen = _Copy(model, _Watched)
    chosen = np.random.default_rng(seed).permutation(len(x))[:IMAGES]
    seen.model(keras.ops.convert_to_tensor(x[np.sort(chosen)]), training=False)  # run as it is, so that values are kept
    scales = {name: least_error(layer.seen, levels, per_channel) for name, layer in seen.made.items()}
    if not seen.made and not seen.kept:
        raise UnsupportedLayerError(f"model {model.name!r} has no relu that QCFS could take the place of")
    made = _Copy(model, partial(QCFS, levels, per_channel=per_channel), levels)
    for name, layer in made.made.items():
        layer.set_weights([np.broadcast_to(scales[name], layer.scale.shape)])
    return made.model


def least_error(values: Array, levels: int, per_channel: bool) -> Array:
    """The lambda with the least squared error between a relu's activations (N, ..., C) and its QCFS; () or (C,)."""
    columns = values.reshape(-1, values.shape[-1] if per_channel else 1).astype(np.float64)
    columns = columns[:: -(-columns.size // VALUES)]
    largest = columns.max(axis=0)
    largest[largest <= 0] = 1.0
    best, error = largest, np.full(largest.shape, np.inf)
    for fraction in np.arange(1, CANDIDATES + 1) / CANDIDATES:
        scale = largest * fraction
        count = np.clip(np.floor(columns * levels / scale + 0.5), 0, levels)
        found = ((columns - count * scale / levels) ** 2).mean(axis=0)
        best, error = np.where(found < error, scale, best), np.minimum(found, error)
    chosen: Array = best if per_channel else best.reshape(())
    return chosen


class _Watched(keras.layers.Layer):  # type: ignore[misc]
    """A relu that keeps what it made."""

    seen: Array | None = None

    def call(self, inputs: Any) -> Any:
        y = keras.ops.relu(inputs)
        self.seen = np.asarray(y) if self.seen is None else np.concatenate([self.seen, np.asarray(y)])
        return y

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape, inputs.dtype)


class _Copy:
    """A copy of a model with its weights. `made`: the layers that stand for relus, by name; `kept`: its QCFS layers."""

    def __init__(self, model: keras.Model, activation: Callable[..., Any], levels: int | None = None) -> None:
        if not getattr(model, "outputs", None) or len(model.outputs) != 1:
            raise UnsupportedLayerError(
                f"model {model.name!r}: fine-tuning needs a Sequential or Functional model with an Input and one output"
            )
        self.activation, self.levels = activation, levels
        self.made: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}
        self.pairs: list[tuple[Any, Any]] = []
        self.after: dict[int, Any] = {}  # a copied layer, by its identity, -> what follows it
        last = model.outputs[0]._keras_history.operation
        self.model = self._copy(model, last)
        for old, new in self.pairs:
            new.set_weights(old.get_weights())

    def _copy(self, model: keras.Model, last: Any) -> keras.Model:
        whole = keras.Model(model.inputs, model.outputs, name=model.name)
        return keras.models.clone_model(whole, clone_function=partial(self._layer, last), call_function=self._call)

    def _layer(self, last: Any, layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return self._copy(layer, last)
        config = layer.get_config()
        relu = layer is not last and _is_relu(layer)
        alone = isinstance(layer, keras.layers.ReLU | keras.layers.Activation)
        if relu and alone:
            self.made[layer.name] = new = self.activation(name=layer.name)
            return new
        if relu:
            config["activation"] = "linear"
        if isinstance(layer, QCFS):
            config["levels"] = self.levels or layer.levels
        new = type(layer).from_config(config)
        self.pairs.append((layer, new))
        if relu:
            self.made[layer.name] = self.after[id(new)] = self.activation(name=f"{layer.name}_qcfs")
        if isinstance(layer, QCFS):
            self.kept[layer.name] = new
        return new

    def _call(self, layer: Any, *inputs: Any, **options: Any) -> Any:
        y = layer(*inputs, **options)
        after = self.after.get(id(layer))
        return y if after is None else after(y)


def _is_relu(layer: Any) -> bool:
    """Whether a layer is or ends with a relu; UnsupportedLayerError where that is one that QCFS cannot stand for."""
    if isinstance(layer, keras.layers.LeakyReLU | keras.layers.PReLU):
        raise UnsupportedLayerError(f"layer {layer.name!r}: QCFS is 0 for values below 0; use ReLU in its place")
    if isinstance(layer, keras.layers.ReLU):
        if layer.threshold or layer.negative_slope:
            raise UnsupportedLayerError(f"layer {layer.name!r}: QCFS has no slope and no threshold; use a plain ReLU")
        return True
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    if name == "leaky_relu":
        raise UnsupportedLayerError(f"layer {layer.name!r}: QCFS is 0 for values below 0; use relu in its place")
    return name in RELUS
