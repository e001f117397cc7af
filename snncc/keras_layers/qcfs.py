"""A relu of a few steps, with which a network is trained for the timesteps that it will run with."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from snncc.errors import CalibrationError
from snncc.keras_layers.straight import PACKAGE, floor_through

LEAST = 1e-6
"""lambda stays above it."""


def _above_zero(scale: Any) -> Any:
    return ops.clip(scale, LEAST, float("inf"))


@keras.saving.register_keras_serializable(package=PACKAGE)
class QCFS(keras.layers.Layer):  # type: ignore[misc]
    """Quantisation, clip, floor, shift: `y = lambda * n / T`, `n = clip(floor(x*T / lambda + 1/2), 0, T)`.

    T = `levels`. n is what an integrate-and-fire neuron counts of a constant drive x in T timesteps, with theta =
    lambda and v0 = theta/2: `count` dynamics with those integers make the same n. `scale` (a weight) is lambda > 0, of
    shape () or, `per_channel`, (C,); at first `initial`. Gradients pass straight through the floor: by x it is 1
    where 0 < x < lambda, by lambda n/T - x/lambda there, 1 above and 0 below.

    Source: Bu et al. 2022, "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural
    networks", ICLR. CalibrationError: levels or initial that are not positive.
    """

    def __init__(self, levels: int = 4, initial: float = 1.0, per_channel: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels, self.initial, self.per_channel = int(levels), float(initial), bool(per_channel)
        if self.levels < 1 or not LEAST <= self.initial < float("inf"):
            raise CalibrationError(f"QCFS needs levels >= 1 and initial > 0, not {levels} and {initial}")

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(
            name="scale",
            shape=tuple(input_shape[-1:]) if self.per_channel else (),
            initializer=keras.initializers.Constant(self.initial),
            constraint=_above_zero,
        )

    def call(self, inputs: Any) -> Any:
        scale = ops.convert_to_tensor(self.scale)
        charge = ops.clip(inputs * self.levels / scale, 0, self.levels)
        return floor_through(charge + 0.5) * scale / self.levels

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"levels": self.levels, "initial": self.initial, "per_channel": self.per_channel}
        return {**super().get_config(), **own}
