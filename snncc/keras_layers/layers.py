"""Keras layers that hold counts, as `count` dynamics does: one pass, a spike train travels as its count.

Registered and serialisable; they run on every Keras backend. Source: docs/contract.md, 4.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from snncc import ir
from snncc.encodings import ENCODINGS
from snncc.errors import CalibrationError
from snncc.keras_layers.straight import PACKAGE, floor, floor_divide, floor_through
from snncc.keras_layers.synapses import Kernel
from snncc.sim.encode import steps


def _window(timesteps: int, spike_ext: int = 0) -> tuple[int, int]:
    window = ir.Window("count", int(timesteps), int(spike_ext))
    if window.fault:
        raise CalibrationError(window.fault)
    return window.timesteps, window.spike_ext


def at_least(values: ir.Array, dtype: str) -> ir.Array:
    """The values in the type, rounded up: `x >= value` is the same for every x of the type."""
    rounded = values.astype(dtype)
    return np.where(rounded < values, np.nextafter(rounded, np.asarray(np.inf, dtype)), rounded)


@keras.saving.register_keras_serializable(package=PACKAGE)
class CurrentBias(keras.layers.Layer):  # type: ignore[misc]
    """A constant current: `y = x + bias * T`, the bias of T timesteps at once.

    `bias` (a weight) is what flows in per timestep, in the unit of the potential; `shape` () or (C,) or one that
    broadcasts to the map, by default one per channel. `unit` > 0: the weight is the bias in this unit, and what flows
    in the nearest whole number of the potential's (`bias_used`), gradients straight through.
    """

    def __init__(
        self, timesteps: int = 256, shape: tuple[int, ...] | None = None, unit: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.timesteps, _ = _window(timesteps)
        self.unit = float(unit)
        self.shape = None if shape is None else tuple(int(n) for n in shape)

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape[-1:]) if self.shape is None else self.shape
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def bias_used(self) -> Any:
        """What flows in per timestep."""
        bias = ops.convert_to_tensor(self.bias)
        return floor_through(bias * self.unit + 0.5) if self.unit else bias

    def call(self, inputs: Any) -> Any:
        return inputs + self.bias_used() * self.timesteps

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "timesteps": self.timesteps, "shape": self.shape, "unit": self.unit}


@keras.saving.register_keras_serializable(package=PACKAGE)
class SpikeForward(keras.layers.Layer):  # type: ignore[misc]
    """Integrate-and-fire neurons over a whole window: `n = clip(floor((u + v0) / theta), 0, T + spike_ext)`.

    Weights (not trainable): `theta` > 0, at first 1, and `v0`, at first thresholding * theta. `spike_ext = -1`: no
    upper clip. `saturates`: under a relu with a max_value, clipped at T. `noneloss`: neither floor nor v0. The
    gradient is 1/theta where n is not clipped (straight through the floor), so that a model can be fine-tuned.
    """

    def __init__(
        self,
        timesteps: int = 256,
        thresholding: float = 0.5,
        spike_ext: int = 0,
        noneloss: bool = False,
        saturates: bool = False,
        shape: tuple[int, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.timesteps, self.spike_ext = _window(timesteps, spike_ext)
        self.thresholding, self.noneloss, self.saturates = float(thresholding), bool(noneloss), bool(saturates)
        self.shape = tuple(int(n) for n in shape)

    def build(self, input_shape: Any) -> None:
        start = keras.initializers.Constant(self.thresholding)
        self.theta = self.add_weight(name="theta", shape=self.shape, initializer="ones", trainable=False)
        self.v0 = self.add_weight(name="v0", shape=self.shape, initializer=start, trainable=False)

    @property
    def limit(self) -> int | None:
        """The most spikes that a neuron can fire; None: as many as its charge makes."""
        return ir.Window("count", self.timesteps, self.spike_ext).limit(self.saturates)

    def call(self, inputs: Any) -> Any:
        theta = ops.convert_to_tensor(self.theta)
        n = inputs / theta if self.noneloss else floor_divide(inputs + self.v0, theta)
        return ops.clip(n, 0, np.inf if self.limit is None else self.limit)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "timesteps": self.timesteps,
            "thresholding": self.thresholding,
            "spike_ext": self.spike_ext,
            "noneloss": self.noneloss,
            "saturates": self.saturates,
            "shape": self.shape,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class RelayForward(keras.layers.Layer):  # type: ignore[misc]
    """A relay over a whole window: `y = floor((u + h) / 2^shift)`, h = floor(2^shift / 2).

    Weight (not trainable): `step` = 2^shift, at first 1, of the shape `shape`: () or (C,). `rounds=False` (the float
    twin): y = u. The gradient is 1 / 2^shift.
    """

    def __init__(self, shape: tuple[int, ...] = (), rounds: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape, self.rounds = tuple(int(n) for n in shape), bool(rounds)

    def build(self, input_shape: Any) -> None:
        self.step = self.add_weight(name="step", shape=self.shape, initializer="ones", trainable=False)

    def call(self, inputs: Any) -> Any:
        if not self.rounds:
            return inputs
        step = ops.convert_to_tensor(self.step)
        return floor_through((inputs + floor(step / 2)) / step)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape, "rounds": self.rounds}


@keras.saving.register_keras_serializable(package=PACKAGE)
class InputSpikes(keras.layers.Layer):  # type: ignore[misc]
    """Images as fed to the CNN -> what the input hands on in T timesteps. L = `levels`, 0: without pixels.

    pixels:  p = clip(rint((x*gain + offset)*L / lambda_0), -L if signed else 0, L)
    rate:    n = floor(p*T / L), without pixels clip(floor((x*gain + offset)*T / lambda_0), 0, T)
    current: n = p*T * unit,     without pixels (x*gain + offset)*T / lambda_0 * unit

    p is the host's quantiser's to the last tie: a compiler may fuse the product with the sum and divide by multiplying
    with 1/lambda_0, so p is only estimated so, and then moved by comparing x with the quantiser's own steps.
    """

    def __init__(
        self,
        timesteps: int = 256,
        levels: int = 0,
        signed: bool = False,
        encoding: str = "rate",
        lambda_0: float = 1.0,
        gain: Any = 1.0,
        offset: Any = 0.0,
        unit: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.timesteps, _ = _window(timesteps)
        self.levels, self.signed, self.encoding = int(levels), bool(signed), str(encoding)
        self.spiking = ENCODINGS[self.encoding].spiking
        self.lambda_0, self.unit = float(lambda_0), float(unit)
        self.gain, self.offset = np.asarray(gain, np.float64), np.asarray(offset, np.float64)

    def build(self, input_shape: Any) -> None:
        if self.levels:
            source = ir.Input(
                shape=tuple(input_shape[1:]),
                bits=self.levels.bit_length() + self.signed,
                signed=self.signed,
                encoding="current",
                lambda_0=self.lambda_0,
                gain=self.gain,
                offset=self.offset,
            )
            self.steps = at_least(steps(source), self.compute_dtype)

    def _pixels(self, x: Any, estimate: Any) -> Any:
        """The pixel whose steps x lies between, at most one from the estimate."""
        low = -self.levels if self.signed else 0
        p = ops.clip(ops.round(estimate), low, self.levels)
        rows, entries = self.steps.shape
        index = ops.cast(p, "int32") + (entries * np.arange(rows) - low).astype(np.int32)
        flat = ops.convert_to_tensor(self.steps.reshape(-1), dtype=x.dtype)
        along = x * ops.cast(np.sign(self.gain), x.dtype)
        up, down = along >= ops.take(flat, index + 1), along < ops.take(flat, index)
        return p + ops.cast(up, p.dtype) - ops.cast(down, p.dtype)

    def call(self, inputs: Any) -> Any:
        x = inputs
        if self.gain.ndim or self.offset.ndim or self.gain != 1 or self.offset != 0:
            x = x * ops.cast(self.gain, x.dtype) + ops.cast(self.offset, x.dtype)
        if self.levels:
            p = self._pixels(inputs, x * self.levels / self.lambda_0)
            if not self.spiking:
                return p * self.timesteps * self.unit
            return floor_divide(p * self.timesteps, ops.full_like(p, self.levels))
        x = x * self.timesteps
        if self.lambda_0 != 1:
            x = x / self.lambda_0
        return ops.clip(floor(x), 0, self.timesteps) if self.spiking else x * self.unit

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "timesteps": self.timesteps,
            "levels": self.levels,
            "signed": self.signed,
            "encoding": self.encoding,
            "lambda_0": self.lambda_0,
            "gain": self.gain.tolist(),
            "offset": self.offset.tolist(),
            "unit": self.unit,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class ChannelWeights(Kernel):
    """`y[..., c] = w[c] * x[..., c]`, one weight per channel or, with shape (), one for all: an `identity`."""

    def __init__(self, shape: tuple[int, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = tuple(int(n) for n in shape)

    def build(self, input_shape: Any) -> None:
        self.add_kernel(self.shape, initializer="ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.weights_used()

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable(package=PACKAGE)
class SumPooling2D(keras.layers.Layer):  # type: ignore[misc]
    """`y[i, j, c] = sum of the window's elements of channel c`, no padding: rows first, then columns, both exact."""

    def __init__(self, pool_size: tuple[int, int], strides: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = int(pool_size[0]), int(pool_size[1])
        self.strides = int(strides[0]), int(strides[1])

    def call(self, inputs: Any) -> Any:
        _, height, width, _ = self.compute_output_shape(inputs.shape)
        (kh, kw), (sy, sx) = self.pool_size, self.strides
        rows = sum(inputs[:, k : k + (height - 1) * sy + 1 : sy] for k in range(kh))
        return sum(rows[:, :, k : k + (width - 1) * sx + 1 : sx] for k in range(kw))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, height, width, channels = input_shape
        (kh, kw), (sy, sx) = self.pool_size, self.strides
        return batch, (height - kh) // sy + 1, (width - kw) // sx + 1, channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides}
