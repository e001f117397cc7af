"""ONNX nodes that cannot be converted: one message names each with its operator and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from snncc import frontend
from snncc.errors import UnsupportedLayerError
from snncc.frontend.onnx.advice import ADVICE, NOTHING
from snncc.frontend.onnx.layers import READERS
from tests.onnx_models import Make


def message(model: Any) -> str:
    with pytest.raises(UnsupportedLayerError) as caught:
        frontend.read(model)
    return str(caught.value)


def around(middle: Callable[[Make, str], str], channels: int = 6) -> Any:
    m = Make()
    y = middle(m, m.start())
    return m.model(m.pooled(m.conv(y, 4, (2, 2), channels), 4))


MIDDLE: dict[str, tuple[Callable[[Make, str], str], str]] = {
    "tanh": (lambda m, x: m.op("Tanh", x), "Tanh node 'Tanh_2': it is curved; use Relu"),
    "sigmoid inside": (lambda m, x: m.op("Sigmoid", x), "sigmoid inside the network; .* use Relu"),
    "gate": (lambda m, x: m.op("Mul", x, m.op("HardSigmoid", x)), "Mul node 'Mul_3': a product of two tensors"),
    "quotient": (lambda m, x: m.op("Div", m.constant(1.0), x), "'Div_2': it divides by the data"),
    "by zero": (lambda m, x: m.op("Div", x, m.constant(0.0)), "'Div_2': it divides by the data, or by 0"),
    "lstm": (lambda m, x: m.op("Transpose", m.op("LRN", x, size=3), perm=[0, 1, 3, 2]), "LRN node 'LRN_2'"),
    "moved": (lambda m, x: m.op("Transpose", x, perm=[0, 1, 3, 2]), "'Conv_3': it would move the data"),
    "batch moved": (lambda m, x: m.op("Transpose", x, perm=[1, 0, 2, 3]), "'Transpose_2': .* is not the batch$"),
    "shuffled": (
        lambda m, x: m.op(
            "Reshape",
            m.op("Transpose", m.op("Reshape", x, m.constant([1, 2, 3, 7, 6], np.int64)), perm=[0, 2, 1, 3, 4]),
            m.constant([1, 6, 7, 6], np.int64),
        ),
        "'Transpose_3': it would move the data",
    ),
    "dilated pool": (
        lambda m, x: m.op("MaxPool", x, kernel_shape=[2, 2], dilations=[2, 2]),
        r"MaxPool node 'MaxPool_2': dilations \(2, 2\); use strides",
    ),
    "indices": (
        lambda m, x: m.op("Add", x, m.op("Cast", m.nodes[m.nodes.append(helper.make_node(
            "MaxPool", [x], ["most", "where"], name="most", kernel_shape=[1, 1])) or -1].output[1], to=1)),
        "MaxPool node 'most': its outputs beside the first are used",
    ),
    "cropped": (
        lambda m, x: m.op("Pad", x, m.constant([0, 0, -1, 0, 0, 0, 0, 0], np.int64)),
        "'Pad_2': it cuts off",
    ),
    "reflected": (
        lambda m, x: m.op("Pad", x, m.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="reflect"),
        "'Pad_2': it pads with 'reflect'; pad with zeros",
    ),
    "padded channels": (
        lambda m, x: m.op("Pad", x, m.constant([0, 0, 0, 0, 0, 1, 0, 0], np.int64)),
        "'Pad_2': it pads the batch or the channels",
    ),
    "bilinear": (
        lambda m, x: m.op("Resize", x, "", m.constant([1, 1, 2, 2]), mode="linear"),
        "'Resize_2': mode 'linear'; use 'nearest'",
    ),
    "nearest, but not repeated": (
        lambda m, x: m.op("Resize", x, "", m.constant([1, 1, 2, 2]), coordinate_transformation_mode="align_corners"),
        "'Resize_2': align_corners with round_prefer_floor does not repeat",
    ),
    "one and a half": (
        lambda m, x: m.op("Resize", x, "", m.constant([1, 1, 1, 1.5])), "'Resize_2': it makes .* whole number of times"
    ),
    "broadcast sum": (
        lambda m, x: m.op("Add", x, m.op("GlobalAveragePool", x)), "'Add_3': it broadcasts .* must have one shape"
    ),
    "another axis": (
        lambda m, x: m.op("Concat", x, x, axis=2), "'Concat_2': axis 2; only the channels can be concatenated"
    ),
    "place by place": (
        lambda m, x: m.op("Add", x, m.weights(7, 6)), r"'Add_2': numbers of shape \(7, 6\) that differ between places"
    ),
    "reduced rows": (
        lambda m, x: m.op("ReduceMean", x, m.constant([2], np.int64)), "'ReduceMean_2': it reduces other axes"
    ),
    "training": (
        lambda m, x: m.op("BatchNormalization", x, *(m.constant(np.ones(6)) for _ in range(4)), training_mode=1,
                          outputs=3),
        r"'BatchNormalization_2': it is in training mode; .*model\.eval",
    ),
    "no variance": (
        lambda m, x: m.op("BatchNormalization", x, *(m.constant(np.full(6, v)) for v in (1, 0, 0, -1))),
        "'BatchNormalization_2': its variance is not positive",
    ),
    "a bound that is no number": (lambda m, x: m.op("Clip", x, m.constant(np.nan)), "'Clip_2': its min is NaN"),
    "weights from the data": (
        lambda m, x: m.op("Conv", x, m.op("Reshape", x, m.constant([6, 7, 6, 1], np.int64))),
        "Reshape_2|'Conv_3': its kernel depends on the data",
    ),
    "not a number": (
        lambda m, x: m.op("Conv", x, m.constant(np.full((6, 6, 1, 1), np.nan))), "'Conv_2': its kernel holds NaN"
    ),
    "whole numbers": (lambda m, x: m.op("Cast", m.op("Cast", x, to=7), to=1), "'Cast_2': it cuts numbers down"),
    "dropout in training": (
        lambda m, x: m.op("Dropout", x, "", m.constant(True, bool)), r"'Dropout_2': it is in training mode"
    ),
    "softmax of rows": (lambda m, x: m.op("Softmax", x, axis=2), "'Softmax_2': its axis must be that of the channels"),
    "another domain": (lambda m, x: m.op("FusedConv", x, domain="com.microsoft"), "com.microsoft.FusedConv node"),
    "leaky threshold": (lambda m, x: m.op("ThresholdedRelu", x, alpha=0.5), "'ThresholdedRelu_2': its alpha must be 0"),
    "empty clip": (lambda m, x: m.op("Clip", x, m.constant(1.0), m.constant(0.5)), "'Clip_2': it clips to .* empty"),
    "maximum": (lambda m, x: m.op("Max", x, m.conv(x, 6, (1, 1), 6)), "'Max_3': of two tensors"),
    "gathered": (lambda m, x: m.op("Gather", x, m.constant([0, 1], np.int64), axis=1), "Gather node .* takes parts"),
}  # fmt: skip


@pytest.mark.parametrize("name", MIDDLE)
def test_refused_by_name_with_a_way_out(name: str) -> None:
    middle, said = MIDDLE[name]
    assert re.search(said, message(around(middle)), re.DOTALL)


def test_all_nodes_come_in_one_message() -> None:
    text = message(
        around(
            lambda m, x: m.op("Erf", m.op("MaxPool", m.op("Selu", m.op("Slice", x, *(m.constant([v], np.int64) for v in
                   (0, 6, 2)))), kernel_shape=[1, 1], dilations=[2, 2]))
        )
    )  # fmt: skip
    assert all(name in text for name in ("Slice_2", "Selu_3", "MaxPool_4", "Erf_5")), text
    assert text.count("\n") == 4, "and no other"


def test_every_operator_of_onnx_is_read_left_out_or_refused_with_a_reason() -> None:
    """Those that the advice does not name say where the list is."""
    kinds = {schema.name for schema in onnx.defs.get_all_schemas()}
    named = {kind for kind in (*READERS, *ADVICE, *NOTHING) if "." not in kind} - {"product", "extreme"}
    assert named <= kinds
    assert not set(READERS) & set(ADVICE) and not set(READERS) & set(NOTHING)


def test_ends_that_are_not_one_image_and_one_readout() -> None:
    m = Make(batch=4)
    assert "fixed batch of 4" in message(m.model(m.pooled(m.start(), 6)))
    m = Make()
    model = m.model(m.pooled(m.start(), 6))
    model.graph.output.append(helper.make_tensor_value_info(m.nodes[1].output[0], TensorProto.FLOAT, None))
    assert "2 outputs of real numbers" in message(model)
    m = Make()
    model = m.model(m.op("Add", m.start(), "other"))
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["n", 6, 7, 6]))
    assert "2 inputs ('x', 'other')" in message(model)
    m = Make()
    assert "flatten of a channels-first map" in message(m.model(m.op("Flatten", m.start())))
    assert "one class per image: end with GlobalAveragePool" in _lowered(lambda m: m.op("Softmax", m.start(), axis=1))


def _lowered(made: Callable[[Make], str]) -> str:
    import snncc

    m = Make()
    with pytest.raises(UnsupportedLayerError) as caught:
        snncc.convert(m.model(made(m)), np.random.default_rng(0).random((2, *m.shape)))
    return str(caught.value)


def test_an_open_size_is_that_of_the_data() -> None:
    m = Make()
    model = m.model(m.pooled(m.start(), 6))
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_param = "size"
    assert "has the open shape" in message(model)
    assert frontend.read(model, (4, 9, 8)).sample_shape == (4, 9, 8)
