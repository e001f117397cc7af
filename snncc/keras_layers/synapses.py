"""Linear layers that are exact on whatever runs them: copies, elementwise arithmetic and matrix products alone.

A library may compute a convolution by Winograd or FFT, which round in between, and it may round the operands of a
float32 matrix product to 11 bits (TF32) or to 8 (bfloat16) before it adds in float32. So none of these layers calls a
library convolution, and an operand that needs more than 8 bits is multiplied in pieces:

    x = sum of pieces, each of x's sign, no larger than x and of at most 8 significant bits

Every partial sum of the pieces' products then lies in the projection's proved interval, like those of x itself.
`pieces` of a layer: how many pieces its inputs and its kernel are cut into. docs/adr/0303-one-form-for-products.md.

Operators stand for those functions of keras.ops that make float64 float32 on JAX or PyTorch: `@` for matmul, `floor`
of straight.py for floor; clip stands for maximum and minimum.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import keras
from keras import ops

from snncc.keras_layers.straight import PACKAGE, floor, whole

RADIX = 256
"""Integers up to this one have at most 8 significant bits."""


def cut(x: Any, count: int) -> list[Any]:
    """The pieces of x, largest first, exact for integers |x| <= 256^count; gradients pass through the last."""
    found = []
    for power in range(count - 1, 0, -1):
        unit = float(RADIX**power)
        fixed = ops.stop_gradient(x)
        top = ops.sign(fixed) * floor(ops.abs(fixed) / unit) * unit
        found.append(top)
        x = x - top
    return [*found, x]


class Kernel(keras.layers.Layer):  # type: ignore[misc]
    """A layer with a kernel. `most` > 0: it acts as the nearest whole numbers, at most so far from 0 (`weights_used`),
    while what is trained is real and kept within `most`; gradients pass straight through. 0: the kernel as it is.
    """

    def __init__(self, most: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = int(most)

    def add_kernel(self, shape: tuple[int, ...], **kwargs: Any) -> None:
        """The layer's one weight."""
        kept = {"constraint": lambda kernel: ops.clip(kernel, -self.most, self.most)} if self.most else {}
        self.kernel = self.add_weight(name="kernel", shape=shape, **kept, **kwargs)

    def weights_used(self) -> Any:
        """The kernel that the layer acts with."""
        kernel = ops.convert_to_tensor(self.kernel)
        return whole(kernel, self.most) if self.most else kernel

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "most": self.most}


class _InPieces(Kernel):
    def __init__(self, pieces: tuple[int, int] = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pieces = int(pieces[0]), int(pieces[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pieces": self.pieces}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ExactDense(_InPieces):
    """`y[o] = sum_i W[i, o] * x[i]`; `kernel`: (N_in, N_out)."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = int(units)

    def build(self, input_shape: Any) -> None:
        self.add_kernel((input_shape[-1], self.units))

    def call(self, inputs: Any) -> Any:
        kernels = cut(self.weights_used(), self.pieces[1])
        return reduce(add, [x @ kernel for x in cut(inputs, self.pieces[0]) for kernel in kernels])

    def compute_output_shape(self, input_shape: Any) -> Any:
        return *input_shape[:-1], self.units

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class _Windows(keras.layers.Layer):  # type: ignore[misc]
    """Slides a kernel over (N, H, W, C), no padding; strides and dilation may come together and differ by axis."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        strides: tuple[int, int] = (1, 1),
        dilation_rate: tuple[int, int] = (1, 1),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = int(kernel_size[0]), int(kernel_size[1])
        self.strides = int(strides[0]), int(strides[1])
        self.dilation_rate = int(dilation_rate[0]), int(dilation_rate[1])

    def _size(self, length: int, axis: int) -> int:
        extent = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        return (length - extent) // self.strides[axis] + 1

    def _seen(self, x: Any, axis: int, tap: int) -> Any:
        """What one row (axis 0) or column (axis 1) of the kernel sees: a strided slice of the map, a copy."""
        start = tap * self.dilation_rate[axis]
        size, stride = self._size(x.shape[axis + 1], axis), self.strides[axis]
        window = slice(start, start + (size - 1) * stride + 1, stride)
        return x[:, window] if axis == 0 else x[:, :, window]

    def _output_shape(self, input_shape: Any, channels: int) -> Any:
        batch, height, width, _ = input_shape
        return batch, self._size(height, 0), self._size(width, 1), channels

    def get_config(self) -> dict[str, Any]:
        own = {"kernel_size": self.kernel_size, "strides": self.strides, "dilation_rate": self.dilation_rate}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ExactConv2D(_Windows, _InPieces):
    """`y[i, j, o] = sum_{k, l, c} W[k, l, c, o] * x[i*s0 + k*d0, j*s1 + l*d1, c]`; `kernel`: (KH, KW, C_in, C_out).

    What the columns of the kernel see is laid side by side on the channels; then each row of the kernel is one matrix
    product (positions, KW*C_in) x (KW*C_in, C_out), and the rows are added.
    """

    def __init__(self, filters: int, kernel_size: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(kernel_size, **kwargs)
        self.filters = int(filters)

    def build(self, input_shape: Any) -> None:
        self.add_kernel((*self.kernel_size, input_shape[-1], self.filters))

    def call(self, inputs: Any) -> Any:
        rows, columns = self.kernel_size
        _, height, width, _ = self.compute_output_shape(inputs.shape)
        joined = columns * inputs.shape[-1]
        kernels = cut(ops.reshape(self.weights_used(), (rows, joined, self.filters)), self.pieces[1])
        products = []
        for x in cut(inputs, self.pieces[0]):
            wide = [self._seen(x, 1, column) for column in range(columns)]
            side = ops.concatenate(wide, axis=-1) if columns > 1 else wide[0]
            for row in range(rows):
                flat = ops.reshape(self._seen(side, 0, row), (-1, joined))
                products += [flat @ kernel[row] for kernel in kernels]
        return ops.reshape(reduce(add, products), (-1, height, width, self.filters))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ExactDepthwiseConv2D(_Windows, Kernel):
    """As `ExactConv2D`, each channel alone: output channel `c*M + m` reads channel c; `kernel`: (KH, KW, C_in, M).

    One elementwise product per tap, in the layer's own type, which nothing rounds: no pieces.
    """

    def __init__(self, kernel_size: tuple[int, int], depth_multiplier: int = 1, **kwargs: Any) -> None:
        super().__init__(kernel_size, **kwargs)
        self.depth_multiplier = int(depth_multiplier)

    def build(self, input_shape: Any) -> None:
        self.add_kernel((*self.kernel_size, input_shape[-1], self.depth_multiplier))

    def call(self, inputs: Any) -> Any:
        rows, columns = self.kernel_size
        kernel = self.weights_used()
        taps = []
        for row in range(rows):
            seen = self._seen(inputs, 0, row)
            for column in range(columns):
                x = ops.expand_dims(self._seen(seen, 1, column), -1)
                taps.append(x * kernel[row, column])
        return ops.reshape(reduce(add, taps), (-1, *self.compute_output_shape(inputs.shape)[1:]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, input_shape[-1] * self.depth_multiplier)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}
