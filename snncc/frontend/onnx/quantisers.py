"""Nodes that round numbers to a grid: QuantizeLinear and DequantizeLinear of ONNX, Quant of QONNX and Brevitas.

    q = clip(round(x / scale) + zero, low, high);   y = (q - zero) * scale

and BipolarQuant, `y = scale` where x >= 0, else `-scale`. Of a constant, y and its grid are computed where they are met
(`constant`). Data that cannot be negative, or that the range cuts off at 0, become an activation of so many levels; a
range of few levels (FEW) around 0 does too, shifted to begin at 0 and back: its cutting off may be all that makes the
network more than linear. Other data stay x: no layer here rounds them, and a note says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from snncc import graph
from snncc.frontend.builder import Builder, Refusal
from snncc.frontend.onnx.call import Call, Reader
from snncc.frontend.onnx.rounding import ROUNDINGS, Constant, Quantiser
from snncc.frontend.onnx.values import Value
from snncc.graph import Array, Node

DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas")
"""Of QONNX's operators."""
QUANT = tuple(f"{domain}.{kind}" for domain in DOMAINS for kind in ("Quant", "IntQuant"))
BIPOLAR = tuple(f"{domain}.BipolarQuant" for domain in DOMAINS)
CONSTANT = ("QuantizeLinear", "DequantizeLinear", *QUANT, *BIPOLAR)
"""What is computed where all that it reads is constant."""
MOVES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "MaxPool")
"""Operators that do the same to integers as to the numbers that they stand for."""
RANGES: dict[str, tuple[float, float]] = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "uint4": (0, 15),
    "int4": (-8, 7),
    "uint2": (0, 3),
    "int2": (-2, 1),
}
STARTS = {"ROUND": 0.5, "HALF_EVEN": 0.5, "HALF_UP": 0.5, "FLOOR": 0.0, "ROUND_TO_ZERO": 0.0, "DOWN": 0.0}
"""What is added before the floor, of numbers that are not negative; a tie goes upwards. CEIL has none."""
LEVELS = 2**16 - 1
"""More levels than any number of timesteps."""
HALF = 0.5
FEW, AROUND_0 = 15, ("ROUND", "HALF_EVEN", "HALF_UP", "FLOOR")
"""Levels of 4 bits: no more of a signed quantiser become spikes; and the roundings with which numbers below 0 can."""
SAME, SLACK = 1e-6, 1e-2
"""Relative difference of scales that are the same, which are float32; and in steps, of numbers of steps."""
APART = "it computes with the integers of a quantised model; keep QuantizeLinear and DequantizeLinear together"


def _along(numbers: Array, axis: int, rank: int) -> Array:
    """A number for each place of an axis, so that it broadcasts to so many axes."""
    if numbers.size == 1:
        return numbers.reshape(())
    if numbers.ndim != 1 or not -rank <= axis < rank:
        raise Refusal(f"scales of shape {numbers.shape}; give one, or one per channel")
    return numbers.reshape([-1 if a == axis % rank else 1 for a in range(rank)])


def _linear(call: Call, rank: int, kind: str) -> Quantiser:
    """Of QuantizeLinear or DequantizeLinear, whose integers are of the type `kind`."""
    if call.attributes.get("block_size"):
        raise Refusal("scales of blocks; give one scale, or one per channel")
    if kind not in RANGES:
        raise Refusal(f"integers of the type {kind}; use int8, uint8 or fewer bits")
    axis = int(call.attributes.get("axis", 1))
    scale, zero = np.asarray(call.array(1, "scale"), np.float64), call.maybe(2, "zero point")
    whole = np.zeros(()) if zero is None else np.asarray(zero, np.float64)
    return Quantiser(_along(scale, axis, rank), _along(whole, axis, rank), *RANGES[kind])


def _quant(call: Call) -> Quantiser:
    """Of QONNX's Quant."""
    scale, zero = (np.asarray(call.array(i, what), np.float64) for i, what in ((1, "scale"), (2, "zero point")))
    bits = call.number(3, "bit width") or 0.0
    if bits != round(bits) or not 1 <= bits <= 32:
        raise Refusal(f"{bits:g} bits; use a whole number of them")
    signed, narrow = (bool(call.attributes.get(name, default)) for name, default in (("signed", 1), ("narrow", 0)))
    rounding = str(call.attributes.get("rounding_mode", "ROUND")).upper()
    if rounding not in ROUNDINGS:
        raise Refusal(f"rounding_mode {rounding!r}; use ROUND or FLOOR")
    low, high = (-(2.0 ** (bits - 1)) + narrow, 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1 - narrow)
    return Quantiser(scale, zero, low, high, rounding)


def _type(call: Call, zero: Array | None) -> Any:
    """The type of a QuantizeLinear's integers."""
    return np.dtype(np.uint8) if zero is None else zero.dtype


def constant(call: Call) -> Constant:
    """What a node of CONSTANT makes of a constant."""
    numbers = call.array(0, "constant")
    if call.kind in BIPOLAR:
        scale = _bipolar(call)
        return Constant(np.where(numbers >= 0, scale, -scale).astype(np.float32), np.broadcast_to(scale, numbers.shape))
    if call.kind in QUANT:
        quantiser = _quant(call)
        if quantiser.zero.any():
            return quantiser.numbers(numbers)
        return quantiser.numbers(quantiser.integers(numbers))
    if call.kind == "DequantizeLinear":
        kind = str(numbers.dtype)
        return _linear(call, numbers.ndim, kind).numbers(np.asarray(numbers, np.float64))
    zero = call.maybe(2, "zero point")
    kind = _type(call, zero)
    return Constant(_linear(call, numbers.ndim, str(kind)).integers(numbers).astype(kind))


def _rounded(call: Call, value: Value, quantiser: Quantiser) -> Value:
    """Data after a quantiser."""
    build = call.layouts.build
    value, step = call.layouts.per_channel(quantiser.scale, value)
    if quantiser.zero.size != 1:
        raise Refusal("a zero point per channel; use one")
    zero = float(quantiser.zero.reshape(()))
    top, bottom = quantiser.high - zero, quantiser.low - zero
    start = STARTS.get(quantiser.rounding)
    node = build.made(value.node)
    found = _makers(build, node)
    makers = [maker.op for maker in found]
    if all(isinstance(op, graph.Input) for op in makers) and top - bottom > FEW:
        if step.size == 1 and STARTS.get(quantiser.rounding) == HALF and top > 0:
            build.rounded = graph.Rounded(value.node, float(step), int(top))
        return value  # the host rounds the input, to this grid where it can
    if all(_again(build, maker, step, top, bottom) for maker in found):
        return value
    positive = all(
        isinstance(op, graph.ClipFloor) or (isinstance(op, graph.Relu) and op.slope is None) for op in makers
    )
    cut = bottom == 0 or (positive and bottom < 0)
    apart = any(isinstance(op, graph.AveragePool | graph.Head) for op in makers)
    if start is None or not cut or apart or not 1 <= top <= LEVELS:
        if bottom < 0 < top and top - bottom <= FEW and quantiser.rounding in AROUND_0 and not apart:
            levels = graph.ClipFloor(int(top - bottom), step * (top - bottom), start or 0.0)
            return _around_0(call, value, levels, step * bottom)
        build.notes.append(call.layouts.layer)
        return value
    if isinstance(node.op, graph.Relu) and positive:
        if node.op.max_value is not None:
            top = min(top, float(np.floor(node.op.max_value / step.max() + start)))
        value = replace(value, node=node.inputs[0])
    return call.each(value, graph.ClipFloor(int(top), step * top, start))


def _makers(build: Builder, node: Node) -> list[Node]:
    """What made the numbers of a node, seen through what only moves them, and through the input's own scaling."""
    if isinstance(node.op, graph.MaxPool | graph.Reshape | graph.Pad | graph.Spread | graph.Concatenate):
        return [maker for name in node.inputs for maker in _makers(build, build.made(name))]
    if isinstance(node.op, graph.Affine):
        found = _makers(build, build.made(node.inputs[0]))
        return found if all(isinstance(maker.op, graph.Input) for maker in found) else [node]
    return [node]


def _again(build: Builder, node: Node, step: Array, top: float, bottom: float) -> bool:
    """Whether a quantiser finds the numbers of a node rounded so already."""
    op, first = node.op, 0.0
    if isinstance(op, graph.Affine) and bool(np.all(op.scale == 1)):  # the way back of numbers around 0
        first, op = float(np.max(op.shift / step)), build.made(node.inputs[0]).op
    if not isinstance(op, graph.ClipFloor):
        return False
    near = (np.abs(op.scale / op.levels - step) <= SAME * step).all()
    return bottom - SLACK <= first and first + op.levels <= top + SLACK and bool(near)


def _around_0(call: Call, value: Value, op: graph.ClipFloor, lowest: Array) -> Value:
    """Levels from `lowest`, below 0, on: x is shifted up by that much, and back."""
    one = np.ones(())
    return call.each(value, graph.Affine(one, -lowest), op, graph.Affine(one, lowest))


def _quantize(call: Call) -> Value:
    """Data that are to be rounded."""
    value, zero = call.value(), call.maybe(2, "zero point")
    return replace(value, rounded=_linear(call, len(value.shape) + 1, str(_type(call, zero))))


def narrowed(call: Call, given: Quantiser) -> Value:
    """A Clip of integers, before they are numbers again."""
    low, high = call.number(1, "min"), call.number(2, "max")
    given = replace(given, low=given.low if low is None else low, high=given.high if high is None else high)
    return replace(call.value(), rounded=given)


def _dequantize(call: Call) -> Value:
    value, zero = call.value(), call.maybe(2, "zero point")
    own = _linear(call, len(value.shape) + 1, "uint8" if zero is None else str(zero.dtype))
    given = value.rounded
    if given is None or not (np.array_equal(given.scale, own.scale) and np.array_equal(given.zero, own.zero)):
        raise Refusal(APART)
    return _rounded(call, replace(value, rounded=None), given)


def _of_data(call: Call) -> Value:
    return _rounded(call, call.value(), _quant(call))


def _bipolar(call: Call) -> Array:
    """The scale of a BipolarQuant."""
    scale = np.asarray(call.array(1, "scale"), np.float64)
    if not (scale > 0).all():
        raise Refusal("its scale is not positive: train it again")
    return scale


def _signs(call: Call) -> Value:
    """`scale` where x >= 0, else `-scale`: one level, reached at 0."""
    value, scale = call.layouts.per_channel(_bipolar(call), call.value())
    build = call.layouts.build
    if all(_again(build, maker, 2 * scale, 0.5, -0.5) for maker in _makers(build, build.made(value.node))):
        return value
    return call.each(value, graph.ClipFloor(1, 2 * scale, 1.0), graph.Affine(np.ones(()), -scale))


QUANTISERS: dict[str, Reader] = {"QuantizeLinear": _quantize, "DequantizeLinear": _dequantize}
QUANTISERS |= dict.fromkeys(QUANT, _of_data) | dict.fromkeys(BIPOLAR, _signs)
"""Of data, by operator."""
