"""One function per operator of ONNX: what it computes, as operations of the graph.

A function gets a call and returns the value that the call makes; `Refusal` says why it cannot be converted and what to
write instead.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from snncc import graph
from snncc.frontend.builder import Refusal
from snncc.frontend.onnx.advice import ADVICE, NOTHING
from snncc.frontend.onnx.call import Call, Reader
from snncc.frontend.onnx.quantisers import APART, MOVES, QUANTISERS, narrowed
from snncc.frontend.onnx.steps import Floor
from snncc.frontend.onnx.values import Value, plain
from snncc.frontend.onnx.windows import WINDOWS
from snncc.graph import Array


def read(call: Call) -> Value:
    """What one node of READERS or NOTHING makes."""
    if call.kind in NOTHING:
        return call.value()
    whole = None if call.kind in QUANTISERS else _rounded(call)
    if whole is None or whole.rounded is None:
        made = READERS[call.kind](call)
    elif call.kind == "Clip":
        made = narrowed(call, whole.rounded)
    else:
        numbers = replace(call, inputs=(replace(whole, rounded=None), *call.inputs[1:]))
        made = replace(READERS[call.kind](numbers), rounded=whole.rounded)
    same = made.shape == call.shape or math.prod(made.shape) != math.prod(call.shape)  # of [1 - p, p] only p is kept
    return made if same else call.layouts.viewed(made, call.shape)  # a constant of more axes adds axes of one


def _rounded(call: Call) -> Value | None:
    """The input that the model has as integers; Refusal where the operator does more than move them."""
    whole = next((v for v in call.inputs if isinstance(v, Value) and v.rounded is not None), None)
    if whole is not None and call.kind not in (*MOVES, "Clip"):
        raise Refusal(APART)
    return whole


def _affine(call: Call, value: Value, scale: Array | float, shift: Array | float) -> Value:
    """Gain and shift per channel; numbers that broadcast to the tensor."""
    for numbers in (scale, shift):
        value, _ = call.layouts.per_channel(np.asarray(numbers, np.float64), value)
    a, b = (call.layouts.per_channel(np.asarray(v, np.float64), value)[1] for v in (scale, shift))
    return call.each(value, graph.Affine(*map(np.array, np.broadcast_arrays(a, b))))


def _arithmetic(call: Call) -> Value:
    """Add, Sub, Mul and Div: of data and a constant, or a sum of data."""
    constant = next((i for i in (0, 1) if not isinstance(call.inputs[i], Value)), None)
    if constant is None:
        if call.kind in ("Mul", "Div"):
            raise Refusal(ADVICE["product"])
        right = call.value(1)
        return _sum(call, [call.value(0), right if call.kind == "Add" else _affine(call, right, -1, 0)])
    value, c = call.value(1 - constant), np.asarray(call.array(constant, "constant"), np.float64)
    match call.kind, constant:
        case "Add", _:
            return _affine(call, value, 1, c)
        case "Sub", 1:
            return _affine(call, value, 1, -c)
        case "Sub", 0:
            return _affine(call, value, -1, c)
        case "Mul", _:
            return _affine(call, value, c, 0)
        case "Div", 1 if c.all():
            return _affine(call, value, 1 / c, 0)
    raise Refusal("it divides by the data, or by 0; multiply by a constant")


def _sum(call: Call, values: list[Value]) -> Value:
    if any(value.shape != call.shape for value in values):
        raise Refusal(f"it broadcasts {[value.shape for value in values]}; all inputs must have one shape")
    if len(values) == 1:
        return values[0]
    whole = values[0]
    nodes = (whole.node, *(call.layouts.like(value, whole) for value in values[1:]))
    node = call.layouts.add(graph.Add(), nodes, call.layouts.held(whole))
    return Value(node, whole.seen, whole.axes, whole.shape)


def _variadic(call: Call) -> Value:
    whole = _sum(call, [call.value(i) for i in range(len(call.inputs))])
    return whole if call.kind == "Sum" else _affine(call, whole, 1 / len(call.inputs), 0)


def _negative(call: Call) -> Value:
    return _affine(call, call.value(), -1, 0)


def _batch_norm(call: Call) -> Value:
    if call.attributes.get("training_mode"):
        raise Refusal("it is in training mode; export the model after model.eval()")
    value = call.value()
    gamma, beta, mean, variance = (call.array(i, "statistics") for i in range(1, 5))
    variance = variance + call.attributes.get("epsilon", 1e-5)
    if not (variance > 0).all():
        raise Refusal("its variance is not positive: train it again")
    scale = gamma / np.sqrt(variance)
    along = (-1, *(1,) * (len(value.shape) - 1))
    return _affine(call, value, scale.reshape(along), (beta - mean * scale).reshape(along))


def _scaler(call: Call) -> Value:
    """`(x - offset) * scale` of ai.onnx.ml."""
    offset, scale = (np.array(call.attributes.get(name, value)) for name, value in (("offset", 0.0), ("scale", 1.0)))
    return _affine(call, call.value(), scale, -offset * scale)


def _matmul(call: Call) -> Value:
    return _dense(call, call.value(0), call.array(1, "matrix"), None, call.step(1, np.asarray))


def _gemm(call: Call) -> Value:
    """`alpha * A B + beta * C`, A the data."""
    value, matrix = call.value(0), call.array(1, "matrix")
    if call.attributes.get("transA") or matrix.ndim != 2:
        raise Refusal("it multiplies from the left; the data must be its first input, not transposed")
    matrix = (matrix.T if call.attributes.get("transB") else matrix) * call.attributes.get("alpha", 1.0)
    step = call.step(1, lambda grid: grid.T if call.attributes.get("transB") else grid)
    bias = call.maybe(2, "bias")
    if bias is not None:
        bias = np.broadcast_to(bias * call.attributes.get("beta", 1.0), (1, matrix.shape[1]))[0]
    return _dense(call, value, matrix, bias, None if step is None else step * abs(call.attributes.get("alpha", 1.0)))


def _dense(call: Call, value: Value, matrix: Array, bias: Array | None, step: Array | None) -> Value:
    """A matrix on the last axis; that of a flattened map gets its rows in the order of the map."""
    if matrix.ndim != 2:
        raise Refusal(f"a stack of matrices {matrix.shape}; use one")
    if len(matrix) != value.shape[-1]:
        raise Refusal(f"its matrix has {len(matrix)} rows; it reads {value.shape[-1]} numbers")
    if len(value.shape) == 1:
        node = call.layouts.reshaped(value.node, value.shape)
        rows = np.empty_like(matrix)
        rows[value.order()] = matrix
    else:
        node, rows = call.layouts.with_axes(value, tuple(range(len(value.shape)))), matrix
    return plain(call.steps(node, [(graph.Dense(rows, bias, step), call.shape)]), call.shape)


def _relu(call: Call) -> Value:
    return call.each(call.value(), graph.Relu())


def _leaky(call: Call) -> Value:
    return call.each(call.value(), graph.Relu(None, np.array(float(call.attributes.get("alpha", 0.01)))))


def _prelu(call: Call) -> Value:
    value, slope = call.layouts.per_channel(call.array(1, "slope"), call.value())
    return call.each(value, graph.Relu(None, slope))


def _clip(call: Call) -> Value:
    return _between(call, call.value(), call.number(1, "min"), call.number(2, "max"))


def _extreme(call: Call) -> Value:
    """Min or Max of data and one number."""
    for i, other in enumerate(call.inputs):
        if len(call.inputs) == 2 and isinstance(call.inputs[1 - i], Value) and not isinstance(other, Value):
            number = call.number(i, "bound")
            return _between(call, call.value(1 - i), *((number, None) if call.kind == "Max" else (None, number)))
    raise Refusal(ADVICE["extreme"])


def _between(call: Call, value: Value, low: float | None, high: float | None) -> Value:
    """`min(max(x, low), high)` as a relu, shifted where low is not 0, turned around where there is none."""
    low, high = (None if v is None or np.isinf(v) or abs(v) > 1e30 else v for v in (low, high))
    if low is None and high is None:
        return value
    if low is None:
        turned = graph.Affine(np.array(-1.0), np.array(high))
        return call.each(value, turned, graph.Relu(), turned)
    if high is not None and not high > low:
        raise Refusal(f"it clips to [{low}, {high}], which is empty")
    relu = graph.Relu(None if high is None else high - low)
    if low == 0:
        return call.each(value, relu)
    shift, back = (graph.Affine(np.array(1.0), np.array(v)) for v in (-low, low))
    return call.each(value, shift, relu, back)


def _hard_sigmoid(call: Call) -> Value:
    alpha, beta = (float(call.attributes.get(name, value)) for name, value in (("alpha", 0.2), ("beta", 0.5)))
    return call.each(call.value(), graph.Affine(np.array(alpha), np.array(beta)), graph.Relu(1.0))


def _thresholded(call: Call) -> Value:
    if call.attributes.get("alpha", 1.0):
        raise Refusal("its alpha must be 0: a spike train is linear above 0; use Relu")
    return _relu(call)


def _floor(call: Call) -> Value:
    """A floor, or a rounding as a floor: part of an activation of levels, or refused (steps.py)."""
    half = [graph.Affine(np.array(1.0), np.array(0.5))] if call.kind == "Round" else []
    floor: Any = Floor()
    return call.each(call.value(), *half, floor)


def _dropout(call: Call) -> Value:
    if call.number(2, "training_mode"):
        raise Refusal("it is in training mode; export the model after model.eval()")
    return call.value()


def _cast(call: Call) -> Value:
    """To real numbers: nothing."""
    other = call.inputs[1] if call.kind == "CastLike" else None
    if call.attributes.get("to", 1) not in REAL or (isinstance(other, np.ndarray) and other.dtype.kind in "iub"):
        raise Refusal("it cuts numbers down to integers; leave it out")
    return call.value()


def _softmax(call: Call) -> Value:
    value = call.value()
    axis = call.attributes.get("axis", -1 if call.version >= 13 else 1) % (len(value.shape) + 1) - 1
    if axis < 0 or not value.direct or value.axes[axis] != len(value.seen) - 1:
        raise Refusal("its axis must be that of the channels")
    return call.each(value, graph.Head("softmax"))


def _sigmoid(call: Call) -> Value:
    return call.each(call.value(), graph.Head("sigmoid"))


def _both_classes(call: Call, values: list[Value]) -> bool:
    """Whether it is [1 - p, p] of a sigmoid p, as scikit-learn has it: that is left to the host with the sigmoid."""
    if len(values) != 2 or values[0].shape != (1,):
        return False
    other, p = (call.layouts.build.made(value.node) for value in values)
    turned = isinstance(other.op, graph.Affine) and bool(other.op.scale == -1) and bool(other.op.shift == 1)
    return turned and isinstance(p.op, graph.Head) and other.inputs == (p.name,)


def _concat(call: Call) -> Value:
    values = [call.value(i) for i in range(len(call.inputs))]
    if _both_classes(call, values):
        return values[1]
    whole, rank = values[0], len(call.shape)
    axis = call.attributes.get("axis", 1) % (rank + 1) - 1
    nodes = [whole.node, *(call.layouts.with_axes(value, whole.axes) for value in values[1:])]
    if axis < 0 or not whole.direct or whole.axes[axis] != rank - 1 or call.layouts.held(whole) != whole.seen:
        raise Refusal(f"axis {axis + 1}; only the channels can be concatenated (before a flatten, not after it)")
    made = (*whole.seen[:-1], call.shape[axis])
    return Value(call.layouts.add(graph.Concatenate(), tuple(nodes), made), made, whole.axes, call.shape)


def _view(call: Call) -> Value:
    """Reshape, Flatten, Squeeze, Unsqueeze: the same elements in the same order."""
    return call.layouts.viewed(call.value(), call.shape)


def _transpose(call: Call) -> Value:
    value = call.value()
    rank = len(value.shape)
    axes = list(call.attributes.get("perm") or range(rank, -1, -1))
    if axes[0] != 0:
        raise Refusal("it moves the batch axis; leave the first axis alone")
    return call.layouts.transposed(value, tuple(axis - 1 for axis in axes[1:]))


REAL = (1, 10, 11, 16)
"""The types float, float16, double and bfloat16 by their numbers in ONNX."""
READERS: dict[str, Reader] = (
    WINDOWS
    | QUANTISERS
    | {
        "Floor": _floor,
        "Round": _floor,
        "Add": _arithmetic,
        "Sub": _arithmetic,
        "Mul": _arithmetic,
        "Div": _arithmetic,
        "Neg": _negative,
        "Sum": _variadic,
        "Mean": _variadic,
        "BatchNormalization": _batch_norm,
        "ai.onnx.ml.Scaler": _scaler,
        "MatMul": _matmul,
        "Gemm": _gemm,
        "Dropout": _dropout,
        "Cast": _cast,
        "CastLike": _cast,
        "Relu": _relu,
        "LeakyRelu": _leaky,
        "PRelu": _prelu,
        "Clip": _clip,
        "Min": _extreme,
        "Max": _extreme,
        "HardSigmoid": _hard_sigmoid,
        "ThresholdedRelu": _thresholded,
        "Softmax": _softmax,
        "LogSoftmax": _softmax,
        "Sigmoid": _sigmoid,
        "Concat": _concat,
        "Flatten": _view,
        "Reshape": _view,
        "Squeeze": _view,
        "Unsqueeze": _view,
        "Transpose": _transpose,
    }
)
"""Operators by name; those of another domain with it."""
