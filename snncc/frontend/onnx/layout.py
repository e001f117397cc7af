"""In which order a sample's axes are read: channels last, by what the first layers of the model take for channels."""

from __future__ import annotations

from typing import Any

from snncc.frontend.onnx.windows import WINDOWS

CHANNELS_FIRST = frozenset(WINDOWS) - {"Pad", "ReduceMean", "ReduceMax"} | {"BatchNormalization", "PRelu"}
"""Operators whose channels are the axis behind the batch."""
ANY = frozenset(
    ("Add", "Cast", "Clip", "Div", "Dropout", "HardSigmoid", "Identity", "LeakyRelu", "Max", "Min", "Mul", "Neg", "Pad",
     "Relu", "Sub")
)  # fmt: skip
"""Operators to which every order of axes is the same."""


def orders(name: str, shape: tuple[int, ...], nodes: list[Any]) -> list[tuple[int, ...]]:
    """Orders in which the axes of a sample may be read, the likeliest first: one that moves nothing is taken."""
    same = tuple(range(len(shape)))
    channels_first = (*same[1:], *same[:1])
    found = (_likeliest(name, len(shape), nodes), channels_first, same)
    return list(dict.fromkeys(found if len(shape) in (2, 3) else (same,)))


def _likeliest(name: str, rank: int, nodes: list[Any]) -> tuple[int, ...]:
    """By the first operator that has channels."""
    same: tuple[int, ...] = tuple(range(rank))
    known: dict[str, tuple[int, ...]] = {name: same}
    for node in nodes:
        reads = [other for other in node.input[:2] if other in known]
        if not reads:
            continue
        order = known[reads[0]]
        if node.op_type in CHANNELS_FIRST:
            return *order[1:], order[0]
        if node.op_type == "Transpose":
            axes: Any = next((a.ints for a in node.attribute if a.name == "perm"), [])
            if len(axes) != rank + 1 or axes[0] != 0:
                return same
            known[node.output[0]] = tuple(order[axis - 1] for axis in axes[1:])
        elif node.op_type in ANY:
            known[node.output[0]] = order
    return same
