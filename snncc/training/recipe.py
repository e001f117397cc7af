"""Fine-tuning by Keras's own `fit`: of a CNN before it is converted, and of a network's integers after that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from snncc import ir
from snncc.api import CHANGED, Network
from snncc.errors import DataError
from snncc.frontend.keras import load_model
from snncc.ir import Array
from snncc.keras_layers import to_keras, to_network
from snncc.training.replace import with_qcfs


def fine_tune(
    model: keras.Model | str | Path,
    x: Array,
    y: Array | None = None,
    *,
    timesteps: int,
    epochs: int = 6,
    batch_size: int = 64,
    learning_rate: float = 4e-3,
    loss: Any = None,
    per_channel: bool = False,
    seed: int = 0,
    **fit: Any,
) -> keras.Model:
    """A trained Keras model (or its file), fine-tuned for few timesteps: a copy with QCFS for every relu (`with_qcfs`).

    `x` (N, *input shape). `y`: classes (N,) or one-hot rows, learned by cross-entropy, or what `loss` wants; None: the
    float network's own outputs on x are the aim (cross-entropy of its softmax, else the squared error), no labels.
    Trained by `fit` with Adam, the rate annealed to 0 by a cosine; `fit`: more of its arguments (validation_data,
    callbacks, verbose). `seed` is set as Keras's own seed, for everything after it too.

    Compile it for the same T, in `count`; docs/guide/training.md. Errors as `with_qcfs`; DataError: no default loss.
    """
    loaded = load_model(model) if isinstance(model, str | Path) else model
    keras.utils.set_random_seed(seed)
    made = with_qcfs(loaded, x, timesteps, per_channel=per_channel, seed=seed)
    last = made.outputs[0]._keras_history.operation
    head = getattr(getattr(last, "activation", None), "__name__", type(last).__name__.lower())
    if y is None:
        y, loss = loaded.predict(x, verbose=0), loss or ("categorical_crossentropy" if head == "softmax" else "mse")
    _fit(made, x, y, loss or _loss(made, np.asarray(y), head), epochs, batch_size, learning_rate, fit)
    return made


def fine_tune_network(
    network: Network,
    x: Array,
    y: Array,
    *,
    epochs: int = 4,
    batch_size: int = 64,
    learning_rate: float = 5e-4,
    loss: Any = None,
    seed: int = 0,
    check: int = 4,
    **fit: Any,
) -> Network:
    """An integer network with weights and biases fine-tuned for its T in `count`: the same shapes and thresholds.

    Its trainable Keras form (`to_keras`) is trained and read back (`to_network`), so the loss is that of the integers
    themselves. `learning_rate` is in parts of the largest weight there can be: Adam moves a weight by about so much per
    batch, at first. Other arguments as `fine_tune`, `check` as `to_network`. The record says that it was tuned.

    DataError, NetworkError as those three.
    """
    if not network.ir.is_integer:
        raise DataError("a float twin has no integers to tune: fine-tune the CNN (snncc.training.fine_tune)")
    keras.utils.set_random_seed(seed)
    model = to_keras(network, trainable=True, check=0)
    loss = loss or _loss(model, np.asarray(y), network.ir.head)
    largest = 2 ** (network.ir.signed_bit - 1) - 1
    _fit(model, ir.as_read(network.ir, x), y, loss, epochs, batch_size, learning_rate * largest, fit)
    made = to_network(model, network, check=check)
    if made.record:
        words = f".fine_tuned(epochs={epochs}, learning_rate={learning_rate}, seed={seed}, images={len(x)})"
        data = {**made.record.data, CHANGED: made.record.data.get(CHANGED, "") + words}
        made = ir.replace(made, record=ir.replace(made.record, data=data))
    return Network(made)


def _loss(model: keras.Model, y: Array, head: str) -> Any:
    """Cross-entropy of classes or one-hot rows, of logits unless a softmax ends the model."""
    if head not in ("linear", "softmax") or len(model.output_shape) != 2 or model.output_shape[-1] < 2:
        raise DataError(f"model {model.name!r} is no classifier with a softmax or logits at its end: give `loss`")
    logits = head == "linear"
    if y.ndim == 1:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    if y.shape[1:] == model.output_shape[1:]:
        return keras.losses.CategoricalCrossentropy(from_logits=logits)
    raise DataError(
        f"labels of shape {y.shape}: give classes (N,), one-hot rows (N, {model.output_shape[-1]}), or `loss`"
    )


def _fit(
    model: keras.Model, x: Array, y: Array, loss: Any, epochs: int, batch: int, rate: float, more: dict[str, Any]
) -> None:
    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y) or not len(x):
        raise DataError(f"{len(x)} images and {len(y)} labels")
    steps = epochs * -(-len(x) // batch)
    annealed = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.Adam(annealed), loss, metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=batch, **{"verbose": 0, **more})
