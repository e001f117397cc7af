"""Operators with a window: convolutions, pools, padding; over maps, and over sequences as maps of one row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from snncc import graph
from snncc.frontend.builder import Refusal, Shape
from snncc.frontend.onnx.call import Call, Reader
from snncc.frontend.onnx.values import Value, first
from snncc.graph import Array, Pads, Pair, same_pads, whole_kernel

LARGEST_KERNEL = 2**26


def _rows(shape: Shape) -> Shape:
    """A sequence (L, C) as the map (1, L, C)."""
    return (1, *shape)[-3:]


def _pair(numbers: Sequence[int], fill: int = 1) -> Pair:
    """A number per axis of a map; a sequence is a map of one row."""
    height, width = (fill, *numbers)[-2:]
    return int(height), int(width)


def _four(before: Pair, after: Pair) -> Pads:
    return before[0], after[0], before[1], after[1]


def _listed(call: Call, name: str, rank: int, default: int) -> Sequence[int]:
    """An attribute with a number per axis in space."""
    found = call.attributes.get(name) or [default] * rank
    if len(found) != rank or any(number < default for number in found):
        raise Refusal(f"{name} {list(found)}; it must be {rank} numbers of at least {default}")
    return list(found)


def _pads(call: Call, held: Shape, size: Pair, strides: Pair, dilation: Pair) -> Pads:
    """Zeros around a T (H, W, C), by `pads` or by `auto_pad`."""
    rank, way = len(held) - 1, call.attributes.get("auto_pad", "NOTSET")
    if way == "VALID":
        return 0, 0, 0, 0
    if way in ("SAME_UPPER", "SAME_LOWER"):
        top, bottom, left, right = same_pads(_rows(held), size, strides, dilation)
        return (top, bottom, left, right) if way == "SAME_UPPER" else (bottom, top, right, left)
    numbers = _listed(call, "pads", 2 * rank, 0)
    return _four(_pair(numbers[:rank], 0), _pair(numbers[rank:], 0))


def _taps(kernel: Array) -> Array:
    """A kernel (out, in, [KH,] KW) as (KH, KW, in, out)."""
    whole = kernel if kernel.ndim == 4 else kernel[:, :, None]
    return whole.transpose(2, 3, 1, 0)


def _made(call: Call) -> Shape:
    """The output (C, [H,] W), channels last."""
    return (*call.shape[1:], call.shape[0])


def _fit(read: tuple[int, int], out: int, bias: Array | None, groups: int) -> None:
    """Refusal where a kernel is of another number of channels, or a bias of another number of outputs."""
    if read[0] != read[1] or groups < 1 or out % groups or (bias is not None and bias.shape != (out,)):
        raise Refusal(f"its kernel is for {read[0]} channels and {out} outputs in {groups} groups; it reads {read[1]}")


def _whole(kernel: Array, groups: int) -> Array:
    """A grouped kernel as one."""
    if groups > 1 and kernel.size * groups > LARGEST_KERNEL:
        raise Refusal(f"its {groups} groups as one kernel have {kernel.size * groups:,} weights; use fewer groups")
    return whole_kernel(kernel, groups)


def _conv(call: Call) -> Value:
    node = call.layouts.map(call.value())
    held = call.layouts.build.shapes[node]
    kernel, bias, step = _taps(call.array(1, "kernel")), call.maybe(2, "bias"), call.step(1, _taps)
    rank, groups = len(held) - 1, int(call.attributes.get("group", 1))
    strides, dilation = (_pair(_listed(call, name, rank, 1)) for name in ("strides", "dilations"))
    pads = _pads(call, held, kernel.shape[:2], strides, dilation)
    _fit((kernel.shape[2] * groups, held[-1]), kernel.shape[3], bias, groups)
    if groups == held[-1] and kernel.shape[2] == 1 and groups > 1:
        height, width, _, out = kernel.shape
        depth = kernel.reshape(height, width, groups, out // groups)
        op: graph.Op = graph.Depthwise(depth, bias, strides, dilation, pads, step)
    else:
        op = graph.Conv(_whole(kernel, groups), bias, strides, dilation, pads, step)
    made = _made(call)
    return first(call.steps(node, [(op, made)]), made)


def _transposed(call: Call) -> Value:
    """The kernel turned around over a map with zeros between its elements."""
    node = call.layouts.map(call.value())
    held, made = call.layouts.build.shapes[node], _made(call)
    kernel, bias = call.array(1, "kernel"), call.maybe(2, "bias")
    rank, groups = len(held) - 1, int(call.attributes.get("group", 1))
    _fit((kernel.shape[0], held[-1]), kernel.shape[1] * groups, bias, groups)
    whole, step = _whole(_turned(kernel, groups), groups), call.step(1, lambda grid: _turned(grid, groups))
    strides, dilation = (_pair(_listed(call, name, rank, 1)) for name in ("strides", "dilations"))
    spread = _pair([(size - 1) * stride + 1 for size, stride in zip(held, strides[-rank:], strict=False)])
    reach = _pair([(size - 1) * step for size, step in zip(whole.shape[:2], dilation, strict=True)])
    before = _cut(call, rank, spread, reach, _rows(made))
    pads = [(reach[a] - before[a], _rows(made)[a] - spread[a] + before[a]) for a in (0, 1)]
    if min(pads[0] + pads[1]) < 0:
        raise Refusal("its pads are larger than its kernel reaches; use smaller ones")
    wide = (*spread, held[-1])[-len(held) :]
    steps: list[tuple[graph.Op, Shape]] = [] if strides == (1, 1) else [(graph.Spread(strides, repeat=False), wide)]
    steps += [(graph.Conv(whole, bias, (1, 1), dilation, (*pads[0], *pads[1]), step), made)]
    return first(call.steps(node, steps), made)


def _turned(kernel: Array, groups: int) -> Array:
    """A transposed convolution's kernel (in, out/groups, [KH,] KW) as that of the convolution, grouped."""
    return np.concatenate([_taps(part)[::-1, ::-1].swapaxes(2, 3) for part in np.split(kernel, groups)], axis=3)


def _cut(call: Call, rank: int, spread: Pair, reach: Pair, made: Shape) -> Pair:
    """How much is cut off before each axis of a transposed convolution's whole output."""
    way = call.attributes.get("auto_pad", "NOTSET")
    if way == "VALID":
        return 0, 0
    if way == "NOTSET" and "output_shape" not in call.attributes:
        return _pair(_listed(call, "pads", 2 * rank, 0)[:rank], 0)
    more = _pair(_listed(call, "output_padding", rank, 0), 0)
    total = [max(spread[a] + reach[a] + more[a] - made[a], 0) for a in (0, 1)]
    up = way == "SAME_UPPER"
    return _pair([cut // 2 if up else cut - cut // 2 for cut in total])


def _window(call: Call) -> tuple[str, Shape, Pair, Pair, Pads]:
    """(T, its output, size, strides, pads as given) of a pool."""
    node = call.layouts.map(call.value())
    held = call.layouts.build.shapes[node]
    rank = len(held) - 1
    size, strides, dilation = (_pair(_listed(call, name, rank, 1)) for name in ("kernel_shape", "strides", "dilations"))
    if dilation != (1, 1):
        raise Refusal(f"dilations {dilation}; use strides, or a dilated Conv")
    return node, held, size, strides, _pads(call, held, size, strides, dilation)


def _rounded_up(call: Call, held: Shape, size: Pair, strides: Pair, pads: Pads) -> Pads:
    """The pads with what `ceil_mode` adds at the bottom and the right."""
    made, before = _rows(_made(call)), (pads[0], pads[2])
    after = [max((made[a] - 1) * strides[a] + size[a] - before[a] - _rows(held)[a], pads[2 * a + 1]) for a in (0, 1)]
    if any((made[a] - 1) * strides[a] - before[a] >= _rows(held)[a] for a in (0, 1)):
        raise Refusal("with ceil_mode a window lies outside the map; leave ceil_mode out")
    return _four(before, _pair(after, 0)) if call.attributes.get("ceil_mode") else pads


def _max_pool(call: Call) -> Value:
    node, held, size, strides, pads = _window(call)
    pool = graph.MaxPool(size, strides, _rounded_up(call, held, size, strides, pads))
    made = _made(call)
    return first(call.steps(node, [(pool, made)]), made)


def _average_pool(call: Call) -> Value:
    node, held, size, strides, pads = _window(call)
    whole, made = _rounded_up(call, held, size, strides, pads), _made(call)
    if not call.attributes.get("count_include_pad") or not any(pads):
        return first(call.steps(node, [(graph.AveragePool(size, strides, whole), made)]), made)
    rows, columns, channels = _rows(held)
    padded = (rows + pads[0] + pads[1], columns + pads[2] + pads[3], channels)[-len(held) :]
    rest = tuple(a - b for a, b in zip_longest(whole, pads))
    pool = graph.AveragePool(size, strides, (rest[0], rest[1], rest[2], rest[3]))
    return first(call.steps(node, [(graph.Pad(pads), padded), (pool, made)]), made)


def over_space(pool: type[graph.AveragePool | graph.MaxPool]) -> Reader:
    """The reader of a mean or maximum over the whole map: a global pool, or a reduction over all axes in space."""

    def reader(call: Call) -> Value:
        value = call.value()
        rank = len(value.shape)
        if call.kind.startswith("Global"):
            node, axes, keep = call.layouts.map(value), list(range(1, rank)), True
        else:
            axes = call.axes(1, rank) or list(range(rank))
            channel = [axis for axis in range(rank) if axis not in axes]
            if len(channel) != 1 or rank not in (2, 3):
                raise Refusal("it reduces other axes than the two in space; take the mean or maximum over both of them")
            node = call.layouts.with_axes(value, tuple(rank - 1 if a == channel[0] else axes.index(a)
                                                       for a in range(rank)))  # fmt: skip
            keep = bool(call.attributes.get("keepdims", 1))
        held = call.layouts.build.shapes[node]
        height, width, channels = _rows(held)
        whole = pool((height, width), (height, width), (0, 0, 0, 0))
        one = (1,) * (rank - 1) + (channels,)
        made = call.steps(node, [(whole, one)])
        if not keep:
            return Value(call.layouts.reshaped(made, (channels,)), (channels,), (0,), (channels,))
        places = tuple(rank - 1 if a not in axes else axes.index(a) for a in range(rank))
        return Value(made, one, places, call.shape)

    return reader


def _pad(call: Call) -> Value:
    value = call.value()
    rank = len(value.shape)
    mode, fill = call.attributes.get("mode", "constant"), call.number(2, "value")
    numbers = call.integers(1, "pads") or []
    if mode != "constant" or fill:
        raise Refusal(f"it pads with {fill or mode!r}; pad with zeros")
    axes = call.integers(3, "axes") or list(range(rank + 1))
    around = {axis % (rank + 1): ends for axis, ends in zip(axes, zip(numbers[: len(axes)], numbers[len(axes) :],
                                                                    strict=True), strict=True)}  # fmt: skip
    if min(numbers, default=0) < 0:
        raise Refusal("it cuts off (negative pads); use a smaller pad in the layer before it")
    if not value.direct or len(value.shape) not in (2, 3):
        raise Refusal("it pads what is no map")
    held = call.layouts.held(value)
    ends = [around.get(1 + value.axes.index(axis), (0, 0)) for axis in range(rank)]
    if any(around.get(0, (0, 0))) or any(ends[-1]) or held != value.seen:
        raise Refusal("it pads the batch or the channels; pad height and width alone")
    (top, bottom), (left, right) = ((0, 0), *ends[:-1])[-2:]
    made = (*(size + sum(end) for size, end in zip(held, ends, strict=True)),)
    node = call.steps(value.node, [(graph.Pad((top, bottom, left, right)), made)])
    return Value(node, made, value.axes, call.shape)


def _resize(call: Call) -> Value:
    node = call.layouts.map(call.value())
    held, made = call.layouts.build.shapes[node], _made(call)
    mode = call.attributes.get("mode", "nearest")
    if mode != "nearest":
        raise Refusal(f"mode {mode!r}; use 'nearest', or ConvTranspose, and fine-tune")
    factors = [new // old for new, old in zip(made, held, strict=True)]
    if any(new != old * factor for new, old, factor in zip(made, held, factors, strict=True)) or factors[-1] != 1:
        raise Refusal(f"it makes {made} of {held} (channels last); repeat height and width a whole number of times")
    way = call.attributes.get("coordinate_transformation_mode", "half_pixel")
    rounding = call.attributes.get("nearest_mode", "round_prefer_floor")
    if not _repeats(max(factors), way, rounding):
        raise Refusal(f"{way} with {rounding} does not repeat each element; use asymmetric with floor")
    return first(call.steps(node, [(graph.Spread(_pair(factors[:-1]), repeat=True), made)]), made)


def _repeats(factor: int, way: str, rounding: str) -> bool:
    """Whether the nearest neighbour of output i is element `i // factor`, by ONNX's formulas."""
    offset = {"half_pixel": 0.5, "pytorch_half_pixel": 0.5, "half_pixel_symmetric": 0.5, "asymmetric": 0.0}.get(way)
    if factor == 1:
        return True
    if offset is None:
        return False
    places = [(i + offset) / factor - offset for i in range(2 * factor)]
    rounds = {
        "floor": math.floor,
        "ceil": math.ceil,
        "round_prefer_floor": lambda x: math.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: math.floor(x + 0.5),
    }
    nearest = rounds.get(rounding)
    return nearest is not None and all(max(nearest(x), 0) == i // factor for i, x in enumerate(places))


WINDOWS: dict[str, Reader] = {
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalMaxPool": over_space(graph.MaxPool),
    "GlobalAveragePool": over_space(graph.AveragePool),
    "ReduceMean": over_space(graph.AveragePool),
    "ReduceMax": over_space(graph.MaxPool),
    "Pad": _pad,
    "Resize": _resize,
}
"""Operators with a window."""
