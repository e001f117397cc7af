"""The golden data of tests/golden/spkeras, and SpKeras's arithmetic written anew from its published equations.

`Reference` is an oracle for settings that the golden files do not hold; test_golden checks it against them first. It
reproduces SpKeras where it is wrong, too, one switch per defect, so that docs/reference/spkeras.md can say what
each one costs.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "golden" / "spkeras"
BATCH = 100


@cache
def mnist() -> tuple[Any, Any, Any]:
    """(x_calibration, x_test) as float32 in 0..1 and y_test."""
    with np.load(FOLDER / "mnist.npz") as data:
        x = [(data[name] / 255).astype(np.float32) for name in ("x_calibration", "x_test")]
        return x[0], x[1], data["y_test"].astype(np.int64)


@cache
def expected(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}_expected.npz") as data:
        return dict(data)


@cache
def model(name: str) -> Any:
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras 3 about how Keras 2 wrote input shapes
        return keras.models.load_model(FOLDER / f"{name}.h5", compile=False)


@cache
def logits(name: str) -> Any:
    """The float CNN's outputs before softmax, on the test images."""
    import keras

    cnn = model(name)
    return keras.Model(cnn.inputs, cnn.layers[-2].output).predict(mnist()[1], verbose=0)


class Reference:
    """SpKeras on a chain of Conv2D/Dense, BatchNormalization, Activation, AveragePooling2D, Flatten, Dropout.

    n = clip(floor((relu(W n_source + b*window) + start) / theta), 0, T + ext), W = W' * lambda_source / lambda,
    b = b' / lambda, theta = scaling_factor, start = theta * thresholding; pools: W = 1/k, theta = lambda ratio.
    """

    def __init__(self, cnn: Any, x: Any, epsilon: float = 0.001, drop_partial: bool = False, user_define: float = 0):
        import keras

        x = x[: len(x) // BATCH * BATCH] if drop_partial else x
        self.stages: list[tuple[Any, Any, Any]] = []  # (layer, weights, bias), pools included
        outputs = []
        for layer in cnn.layers:
            kind = type(layer).__name__
            if kind in ("Conv2D", "Dense"):
                self.stages.append((layer, *layer.get_weights()))
            elif kind == "BatchNormalization":
                gamma, beta, mean, variance = layer.get_weights()
                gain = gamma / np.sqrt(variance + epsilon)
                conv, weights, bias = self.stages[-1]
                self.stages[-1] = (conv, weights * gain, (bias - mean) * gain + beta)
            elif kind == "AveragePooling2D":
                self.stages.append((layer, None, None))
                outputs.append(layer.output)
            elif kind == "Activation":
                outputs.append(layer.input if layer.activation.__name__ == "softmax" else layer.output)
        values = keras.Model(cnn.inputs, outputs).predict(x, batch_size=BATCH, verbose=0)
        self.lambdas = [float(np.max(x)), *(float(v.max()) for v in values)]
        if user_define:
            self.lambdas[1:-1] = [user_define] * len(self.lambdas[1:-1])

    def counts(
        self,
        x: Any,
        timesteps: int,
        thresholding: float = 0.5,
        scaling_factor: float = 1,
        ext: int = 0,
        window: int | None = None,
        signed_bit: int = 0,
        noneloss: bool = False,
        fix: float = 0,
    ) -> list[Any]:
        """Counts of every spiking layer. `window` (T + ext in SpKeras): timesteps of bias current.

        signed_bit: truncated weights and its threshold, norm where 1 is right.
        """
        from keras import ops

        window = timesteps + ext if window is None else window
        n = (x * fix if fix else np.floor(x * timesteps)).astype(np.float32)
        found = []
        for (layer, weights, bias), source, own in zip(self.stages, self.lambdas, self.lambdas[1:], strict=False):
            theta = np.float32(scaling_factor)
            if weights is None:
                theta = theta * np.float32(own / source)
                u = np.asarray(ops.average_pool(n, layer.pool_size, layer.strides, layer.padding))
            else:
                norm = 1.0
                if signed_bit:
                    norm = float(np.abs(weights).max())
                    levels = 2 ** (signed_bit - 1)
                    weights = (weights * levels / norm).astype(int) / levels
                    theta = theta * np.float32(norm)
                weights = (weights * source / own).astype(np.float32)
                if weights.ndim == 4:
                    u = np.asarray(ops.conv(n, weights, layer.strides, layer.padding))
                else:
                    u = n.reshape(len(n), -1) @ weights
                u = u + np.float32(window) * (bias / own / norm).astype(np.float32)
            u = np.maximum(u, 0)
            n = u / theta if noneloss else np.floor((u + theta * np.float32(thresholding)) / theta)
            n = n if ext < 0 else np.clip(n, 0, timesteps + ext)
            found.append(n)
        return found


def accuracy(counts: Any) -> float:
    """Of readout counts on the test images."""
    return float((counts.argmax(axis=1) == mnist()[2]).mean())
