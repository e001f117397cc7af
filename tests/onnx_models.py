"""ONNX models made by onnx.helper: one per operator, way to pad, layout and operator set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int, ...]
IMAGE: Shape = (4, 7, 6)
"""Channels first."""


class Make:
    """A model as it is written down: each call adds a node and gives the name of its output."""

    def __init__(self, shape: Shape = IMAGE, opset: int = 21, batch: int | str = "n", seed: int = 0) -> None:
        self.shape, self.opset, self.batch = shape, opset, batch
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.domains = {""}

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        """An initialiser."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def weights(self, *shape: int) -> str:
        """Random ones, scaled by what one output sums."""
        return self.constant(self.random.normal(0, 1.2 / np.sqrt(max(1, np.prod(shape[1:]))), shape))

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> str:
        """A node; the name of its first output."""
        made = [f"{kind.lower()}{len(self.nodes)}_{i}" if i else f"{kind.lower()}{len(self.nodes)}"
                for i in range(outputs)]  # fmt: skip
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, made, name=name, domain=domain, **attributes))
        self.domains.add(domain)
        return made[0]

    def conv(self, x: str, out: int, taps: Shape, inner: int, **attributes: Any) -> str:
        """A convolution with a bias."""
        return self.op("Conv", x, self.weights(out, inner, *taps), self.weights(out), **attributes)

    def relu(self, x: str) -> str:
        return self.op("Relu", x)

    def start(self) -> str:
        """A convolution and a relu on the image: six channels of 7×6."""
        return self.relu(self.conv("x", 6, (3, 3), self.shape[0], pads=[1, 1, 1, 1]))

    def end(self, x: str, inner: int, out: int = 3) -> str:
        """A flatten and a matrix."""
        return self.op("Gemm", self.op("Flatten", x), self.weights(inner, out), self.weights(out))

    def pooled(self, x: str, inner: int) -> str:
        """A global pool and a matrix."""
        return self.end(self.op("GlobalAveragePool", x), inner)

    def model(self, output: str, labels: str = "") -> Any:
        """The whole."""
        graph = helper.make_graph(
            self.nodes,
            "made",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [self.batch, *self.shape])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
            + ([helper.make_tensor_value_info(labels, TensorProto.INT64, None)] if labels else []),
            self.constants,
        )
        opsets = [helper.make_opsetid(domain, self.opset if not domain else 3) for domain in sorted(self.domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=min(10, onnx.IR_VERSION))


def samples(shape: Shape, count: int = 6) -> np.ndarray:
    """Inputs of a model, from 0 to 1."""
    return np.random.default_rng(7).random((count, *shape)).astype(np.float32)


def _after_conv(taps: Shape = (3, 3), **attributes: Any) -> Callable[[Make], str]:
    """A convolution of six channels, a relu, a global pool and a matrix."""

    def made(m: Make) -> str:
        out, inner = 6, m.shape[0] // attributes.get("group", 1)
        if attributes.get("group", 1) > 1:
            out = 2 * m.shape[0]
        return m.pooled(m.relu(m.conv("x", out, taps, inner, **attributes)), out)

    return made


def _after_transposed(taps: Shape = (3, 3), group: int = 1, **attributes: Any) -> Callable[[Make], str]:
    def made(m: Make) -> str:
        weights = m.weights(m.shape[0], 4 // group, *taps)
        y = m.op("ConvTranspose", "x", weights, m.weights(4), group=group, **attributes)
        return m.pooled(m.relu(m.conv(m.relu(y), 5, (2,) * len(taps), 4)), 5)

    return made


def _within(middle: Callable[[Make, str], str], channels: int = 6) -> Callable[[Make], str]:
    """Between a convolution with its relu, and another convolution."""
    return lambda m: m.pooled(m.relu(m.conv(middle(m, m.start()), 5, (2, 2), channels)), 5)


def _activated(middle: Callable[[Make, str], str]) -> Callable[[Make], str]:
    """An activation on a convolution's values of both signs."""
    return lambda m: m.pooled(m.relu(m.conv(middle(m, m.conv("x", 6, (3, 3), 4)), 5, (2, 2), 6)), 5)


def _channels_last(m: Make) -> str:
    """As tf2onnx has it: data (H, W, C), a transpose, its convolutions, a transpose back, a flatten of (H, W, C)."""
    y = m.op("Transpose", m.op("Mul", "x", m.constant(0.5)), perm=[0, 3, 1, 2])
    y = m.relu(m.conv(y, 5, (3, 3), m.shape[-1], strides=[2, 2]))
    y = m.op("Reshape", m.op("Transpose", y, perm=[0, 2, 3, 1]), m.constant([-1, 45], np.int64))
    return m.op("Add", m.op("MatMul", y, m.weights(45, 3)), m.weights(3))


def _computed_shape(m: Make) -> str:
    """As torch wrote `x.view(x.size(0), -1)`: the shape is computed in the graph."""
    y = m.start()
    batch = m.op("Gather", m.op("Shape", y), m.constant(0, np.int64), axis=0)
    rows = m.op("Concat", m.op("Unsqueeze", batch, m.constant([0], np.int64)), m.constant([-1], np.int64), axis=0)
    return m.op("Gemm", m.op("Reshape", y, rows), m.weights(3, 6 * 42), m.weights(3), transB=1, alpha=0.5, beta=2.0)


def _batch_norm(m: Make, x: str, channels: int) -> str:
    positive = m.constant(m.random.uniform(0.4, 2, channels))
    return m.op("BatchNormalization", x, positive, m.weights(channels), m.weights(channels), positive, epsilon=1e-3)


def _norm_after_flatten(m: Make) -> str:
    """A normalisation, and an Add, of 252 features, each with numbers of its own."""
    y = _batch_norm(m, m.op("Flatten", m.start()), 252)
    return m.op("Gemm", m.relu(m.op("Add", y, m.weights(252))), m.weights(252, 3))


def _residual(m: Make) -> str:
    y = m.start()
    z = _batch_norm(m, m.conv(y, 6, (3, 3), 6, pads=[1, 1, 1, 1]), 6)
    return m.pooled(m.relu(m.op("Add", z, y)), 6)


def _labels(m: Make) -> str:
    """As scikit-learn's classifiers: probabilities, and a label that is left to the host."""
    hidden = m.relu(m.op("Add", m.op("MatMul", m.op("Cast", "x", to=1), m.weights(8, 10)), m.weights(10)))
    return m.op("Softmax", m.op("MatMul", hidden, m.weights(10, 4)), axis=1)


def _steps_last(m: Make) -> str:
    """A sequence (L, C), turned to (C, L) for a convolution."""
    y = m.op("Transpose", "x", perm=[0, 2, 1])
    return m.pooled(m.relu(m.conv(y, 5, (3,), m.shape[1], pads=[2, 0])), 5)


def _axes(m: Make, *axes: int) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Axes as an input, or in older operator sets as an attribute."""
    return ((m.constant(axes, np.int64),), {}) if m.opset >= 18 else ((), {"axes": list(axes)})


def _mean(m: Make, x: str, *axes: int, keepdims: int = 0) -> str:
    more, attributes = _axes(m, *axes)
    return m.op("ReduceMean", x, *more, keepdims=keepdims, **attributes)


def _changed_between_versions(m: Make) -> str:
    """Operators whose options moved from attributes to inputs, or whose defaults changed."""
    y = m.op("Clip", _batch_norm(m, m.conv("x", 6, (3, 3), 4), 6), m.constant(0.0), m.constant(0.9))
    y = m.op("Dropout", m.op("Pad", y, m.constant([0, 0, 1, 0, 0, 0, 0, 1], np.int64)))
    roi = "" if m.opset >= 13 else m.constant([])
    y = m.op("Resize", y, roi, m.constant([1, 1, 2, 2]), mode="nearest", coordinate_transformation_mode="asymmetric",
             nearest_mode="floor")  # fmt: skip
    y = _mean(m, m.op("AveragePool", y, kernel_shape=[2, 2]), 2, 3, keepdims=1)
    for kind, axes in (("Squeeze", (2, 3)), ("Unsqueeze", (1,)), ("Squeeze", (1,))):
        inputs, attributes = ((m.constant(axes, np.int64),), {}) if m.opset >= 13 else ((), {"axes": list(axes)})
        y = m.op(kind, y, *inputs, **attributes)
    return m.op("Softmax", m.op("Gemm", y, m.weights(6, 4)), **({} if m.opset >= 13 else {"axis": 1}))


def _stored_otherwise(m: Make) -> str:
    """Weights of half precision with a cast, in a node of their own, turned by a transpose."""
    half = m.op("Cast", m.constant(m.random.normal(0, 0.2, (6, 4, 3, 3)), np.float16), to=TensorProto.FLOAT)
    bias = m.op("Constant", value=numpy_helper.from_array(np.linspace(-0.2, 0.2, 6, dtype=np.float32)))
    y = m.op("Flatten", m.op("GlobalAveragePool", m.relu(m.op("Conv", "x", half, bias))))
    return m.op("MatMul", y, m.op("Transpose", m.weights(3, 6), perm=[1, 0]))


def _branches(m: Make) -> str:
    y = m.start()
    left, right = m.relu(m.conv(y, 3, (1, 1), 6)), m.relu(m.conv(y, 2, (3, 3), 6, pads=[1, 1, 1, 1]))
    return m.end(m.op("MaxPool", m.op("Concat", left, y, right, axis=1), kernel_shape=[2, 2], strides=[2, 2]), 99)


def _resized(way: str, rounding: str, sized: bool = False) -> Callable[[Make], str]:
    def middle(m: Make, x: str) -> str:
        to = m.constant([1, 6, 14, 18], np.int64) if sized else m.constant([1, 1, 2, 3])
        return m.op("Resize", x, "", *(("", to) if sized else (to,)), mode="nearest",
                    coordinate_transformation_mode=way, nearest_mode=rounding)  # fmt: skip

    return _within(middle)


Case = tuple[Callable[[Make], str], dict[str, Any]]
PLAIN: dict[str, Callable[[Make], str]] = {
    "conv": _after_conv(),
    "conv_asymmetric": _after_conv((2, 3), pads=[0, 2, 1, 0], strides=[1, 2]),
    "conv_dilated": _after_conv(dilations=[2, 1], pads=[2, 0, 0, 1]),
    "conv_groups": _after_conv(group=2, pads=[1, 1, 1, 1]),
    "conv_depthwise": _after_conv(group=4),
    "conv_same_upper": _after_conv((2, 4), auto_pad="SAME_UPPER", strides=[2, 1]),
    "conv_same_lower": _after_conv((2, 4), auto_pad="SAME_LOWER", strides=[2, 1]),
    "conv_valid": _after_conv(auto_pad="VALID"),
    "transposed": _after_transposed(strides=[2, 2]),
    "transposed_padded": _after_transposed((4, 3), strides=[3, 2], pads=[1, 0, 2, 1], output_padding=[2, 1]),
    "transposed_groups": _after_transposed(group=2, strides=[1, 2]),
    "transposed_dilated": _after_transposed((2, 3), dilations=[2, 2], strides=[2, 1], pads=[1, 1, 0, 2]),
    "transposed_same": _after_transposed((3, 4), strides=[3, 1], auto_pad="SAME_LOWER"),
    "transposed_to_a_shape": _after_transposed((3, 4), strides=[2, 2], output_shape=[14, 12]),
    "max_pool": _within(lambda m, x: m.op("MaxPool", x, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 0, 1])),
    "max_pool_ceil": _within(lambda m, x: m.op("MaxPool", x, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)),
    "max_pool_same": _within(lambda m, x: m.op("MaxPool", x, kernel_shape=[2, 2], auto_pad="SAME_UPPER")),
    "average_pool": _within(lambda m, x: m.op("AveragePool", x, kernel_shape=[2, 3], strides=[2, 1])),
    "average_pool_border": _within(
        lambda m, x: m.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    ),
    "average_pool_zeros": _within(
        lambda m, x: m.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 0, 1, 1], count_include_pad=1)
    ),
    "average_pool_ceil": _within(
        lambda m, x: m.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    ),
    "average_pool_zeros_ceil": _within(
        lambda m, x: m.op(
            "AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1
        )
    ),
    "global_max": lambda m: m.end(m.op("GlobalMaxPool", m.start()), 6),
    "reduce_mean": lambda m: m.op("Gemm", _mean(m, m.start(), 2, 3), m.weights(6, 3)),
    "reduce_mean_kept": lambda m: m.end(_mean(m, m.start(), -1, -2, keepdims=1), 6),
    "reduce_max": lambda m: m.op(
        "MatMul", m.op("ReduceMax", m.start(), m.constant([3, 2], np.int64), keepdims=0), m.weights(6, 3)
    ),
    "relu6": _activated(lambda m, x: m.op("Clip", x, m.constant(0.0), m.constant(0.7))),
    "clip_below": _activated(lambda m, x: m.op("Clip", x, m.constant(-0.1))),
    "clip_above": _activated(lambda m, x: m.op("Clip", x, "", m.constant(0.3))),
    "clip_both": _activated(lambda m, x: m.op("Clip", x, m.constant(-0.3), m.constant(0.4))),
    "clip_max": _activated(lambda m, x: m.op("Min", m.op("Max", x, m.constant(0.0)), m.constant([0.5]))),
    "leaky": _activated(lambda m, x: m.op("LeakyRelu", x, alpha=0.3)),
    "prelu": _activated(lambda m, x: m.op("PRelu", x, m.constant(np.linspace(0.1, 0.6, 6).reshape(6, 1, 1)))),
    "prelu_shared": _activated(lambda m, x: m.op("PRelu", x, m.constant([0.4]))),
    "hard_sigmoid": _activated(lambda m, x: m.op("HardSigmoid", x, alpha=1.2, beta=0.4)),
    "thresholded": _activated(lambda m, x: m.op("ThresholdedRelu", x, alpha=0.0)),
    "dropout": _activated(lambda m, x: m.op("Identity", m.op("Dropout", m.relu(x)))),
    "batch_norm": _activated(lambda m, x: m.relu(_batch_norm(m, x, 6))),
    "norm_after_flatten": _norm_after_flatten,
    "residual": _residual,
    "difference": _activated(lambda m, x: m.relu(m.op("Sub", m.relu(x), m.op("Neg", x)))),
    "mean_of_three": _within(lambda m, x: m.op("Mean", x, m.relu(m.conv(x, 6, (1, 1), 6)), x)),
    "sum_of_three": _within(lambda m, x: m.op("Sum", x, m.relu(m.conv(x, 6, (1, 1), 6)), x)),
    "branches": _branches,
    "scaled_input": lambda m: m.pooled(
        m.relu(
            m.conv(
                m.op("Div", m.op("Sub", "x", m.constant([[[0.1]], [[0.2]], [[0.0]], [[0.1]]])), m.constant(0.4)),
                6, (3, 3), 4,
            )
        ), 6,
    ),
    "turned_input": lambda m: m.pooled(m.relu(m.conv(m.op("Sub", m.constant(1.0), "x"), 6, (3, 3), 4)), 6),
    "pad": _within(
        lambda m, x: m.op("Pad", x, m.constant([0, 0, 1, 0, 0, 0, 2, 3], np.int64), m.constant(0.0))
    ),
    "pad_axes": _within(
        lambda m, x: m.op("Pad", x, m.constant([1, 2, 0, 1], np.int64), "", m.constant([-1, 2], np.int64))
    ),
    "resize": _resized("asymmetric", "floor"),
    "resize_half_pixel": _resized("half_pixel", "round_prefer_floor", sized=True),
    "computed_shape": _computed_shape,
    "softmax": lambda m: m.op("Softmax", m.pooled(m.start(), 6), axis=-1),
    "log_softmax": lambda m: m.op("LogSoftmax", m.pooled(m.start(), 6), axis=1),
    "sigmoid": lambda m: m.op("Sigmoid", m.pooled(m.start(), 6)),
    "more_axes": lambda m: m.op(
        "MatMul",
        m.op("Flatten", m.op("Mul", m.op("Relu", m.pooled(m.start(), 6)), m.constant([[[2.0]]]))),
        m.weights(3, 3),
    ),
    "squeezed": lambda m: m.op(
        "Gemm", m.op("Squeeze", m.op("GlobalAveragePool", m.start()), m.constant([2, 3], np.int64)), m.weights(6, 3)
    ),
    "map_out": lambda m: m.conv(m.start(), 3, (3, 3), 6),
}  # fmt: skip
CASES: dict[str, Case] = {name: (made, {}) for name, made in PLAIN.items()} | {
    "channels_last": (_channels_last, {"shape": (7, 8, 3)}),
    "batch_of_one": (_computed_shape, {"batch": 1}),
    **{f"opset_{n}": (_changed_between_versions, {"opset": n}) for n in (11, 12, 13, 15, 18, 19, 21, 22, 24, 26)},
    "stored_otherwise": (_stored_otherwise, {}),
    "sequence": (_after_conv((3,), dilations=[2], pads=[2, 1]), {"shape": (3, 12)}),
    "sequence_depthwise": (_after_conv((3,), group=3), {"shape": (3, 12)}),
    "sequence_transposed": (_after_transposed((3,), strides=[2], pads=[1, 0]), {"shape": (3, 9)}),
    "sequence_pooled": (
        lambda m: m.end(m.op("AveragePool", m.relu(m.conv("x", 5, (3,), 3)), kernel_shape=[2], strides=[2]), 25),
        {"shape": (3, 12)},
    ),
    "steps_last": (_steps_last, {"shape": (9, 3)}),
    "labels": (_labels, {"shape": (8,)}),
    "standardised": (
        lambda m: m.op(
            "MatMul",
            m.relu(
                m.op(
                    "MatMul",
                    m.op("Scaler", "x", domain="ai.onnx.ml", offset=[0.1 * i for i in range(8)], scale=[2.0] * 8),
                    m.weights(8, 9),
                )
            ),
            m.weights(9, 3),
        ),
        {"shape": (8,)},
    ),
    "rows_to_map": (
        lambda m: m.pooled(m.relu(m.conv(m.op("Reshape", "x", m.constant([-1, 1, 7, 6], np.int64)), 5, (3, 3), 1)), 5),
        {"shape": (42,)},
    ),
}


def build(name: str) -> tuple[Any, np.ndarray]:
    """(model, samples) of a case."""
    made, options = CASES[name]
    m = Make(**options, seed=len(name))
    return m.model(made(m)), samples(m.shape)
