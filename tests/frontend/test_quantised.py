"""Quantised models: what their own libraries say the integers and the outputs are."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

import snncc
from snncc import frontend, graph
from snncc.errors import SnnccWarning, UnsupportedLayerError
from snncc.frontend.grids import step_of
from snncc.lower.populate import populate
from tests.frontend.onnx_oracle import runtime
from tests.lower.bounds import float_activations
from tests.onnx_models import Make
from tests.support import examples

GOLDEN = Path(__file__).parents[1] / "golden" / "quantised"
QONNX = "qonnx.custom_op.general"
BYTES = np.random.default_rng(5).integers(0, 256, (40, 1, 8, 8)).astype(np.float32) / np.float32(255)


def converted(model: Any, x: np.ndarray, **options: Any) -> snncc.Network:
    return snncc.convert(model, x, **{"encoding": "current", "calibrate": "none", **options})


def held(made: np.ndarray, channels_first: np.ndarray) -> bool:
    """Whether weights are those of a library that has channels first, turned around per channel at most."""
    if channels_first.ndim == 4:
        wanted = channels_first.transpose(2, 3, 1, 0)
        return np.array_equal(made, wanted)
    return np.array_equal(np.sort(made, axis=0), np.sort(channels_first.T, axis=0))  # rows in the order of the map


@pytest.mark.parametrize("calibrate", ["none", "light"])
@pytest.mark.parametrize("name", ["brevitas", "brevitas_channels"])
@pytest.mark.parametrize("suffix", ["", "_qcdq"])
def test_a_network_of_brevitas_keeps_its_integers_and_its_counts(name: str, suffix: str, calibrate: str) -> None:
    """Exported by Brevitas itself, both ways; x, y and the integers are its own. T = 7 = the levels of 3 bits."""
    data = np.load(GOLDEN / f"{name}.npz")
    network = converted(GOLDEN / f"{name}{suffix}.onnx", data["x"], signed_bit=4, timesteps=7, calibrate=calibrate)
    for population, layer in zip(network.ir.populations, ("stem.0", "middle.0", "end"), strict=True):
        assert held(population.projections[0].weights, data[layer]), layer
    found = network.run(data["x"])
    np.testing.assert_allclose(found.outputs, data["y"], rtol=0, atol=1e-4)
    assert (found.classes == data["y"].argmax(1)).all()
    assert "are the model's own integers" in network.ir.record.data["weights"]
    assert ("calibration chose" in network.ir.record.data["weights"]) == (calibrate == "light")


@pytest.mark.parametrize("name", ["qcfs", "qcfs_legacy"])
def test_qcfs_as_torch_writes_it(name: str) -> None:
    """Its float network is torch's; at T = its levels the integer one is, up to the rounding of weights."""
    data = np.load(GOLDEN / "qcfs.npz")
    read = frontend.read(GOLDEN / f"{name}.onnx")
    ops = [node.op for node in read.nodes if isinstance(node.op, graph.ClipFloor)]
    assert [(op.levels, op.start, round(float(op.scale), 5)) for op in ops] == [(4, 0.5, 0.9), (4, 0.5, 1.3)]
    real = populate(read, signed_input=False)
    values = float_activations(real, read.channels_last(data["x"]))[real.populations[-1].name]
    np.testing.assert_allclose(values, data["y"], rtol=0, atol=1e-5)
    found = converted(GOLDEN / f"{name}.onnx", data["x"], signed_bit=16, timesteps=4).run(data["x"])
    same = np.abs(found.outputs - data["y"]).max(axis=1) < 1e-4  # where no rounded weight moves a drive over a step
    assert same.mean() > 0.95 and (found.classes == data["y"].argmax(1))[same].all()


SPELLINGS: dict[str, Callable[[Make, str, float, int], str]] = {
    "clip last": lambda m, x, up, t: m.op("Mul", m.op("Clip", m.op("Div", m.op("Floor", m.op("Add", m.op(
        "Div", m.op("Mul", x, m.constant(float(t))), m.constant(up)), m.constant(0.5))), m.constant(float(t))),
        m.constant(0.0), m.constant(1.0)), m.constant(up)),
    "gain first": lambda m, x, up, t: m.op("Mul", m.op("Clip", m.op("Floor", m.op("Add", m.op(
        "Mul", x, m.constant(t / up)), m.constant(0.5))), m.constant(0.0), m.constant(float(t))), m.constant(up / t)),
    "relu first": lambda m, x, up, t: m.op("Mul", m.op("Min", m.op("Floor", m.op("Add", m.op(
        "Mul", m.op("Relu", x), m.constant(t / up)), m.constant(0.5))), m.constant(float(t))), m.constant(up / t)),
    "round": lambda m, x, up, t: m.op("Mul", m.op("Clip", m.op("Round", m.op("Mul", x, m.constant(t / up))),
        m.constant(0.0), m.constant(float(t))), m.constant(up / t)),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("levels", [1, 4])
def test_every_spelling_of_levels_is_one_activation(spelling: str, levels: int) -> None:
    m = Make((1, 8, 8))
    y = m.conv("x", 4, (3, 3), 1, pads=[1] * 4)
    y = SPELLINGS[spelling](m, m.op("Mul", y, m.constant(1.25)), 0.7, levels)
    model = m.model(m.end(y, 256))
    read = frontend.read(model)
    (op,) = [node.op for node in read.nodes if isinstance(node.op, graph.ClipFloor)]
    assert (op.levels, op.start, round(float(op.scale), 6)) == (levels, 0.5, 0.7)
    real = populate(read, signed_input=False)
    values = float_activations(real, read.channels_last(BYTES))[real.populations[-1].name]
    np.testing.assert_allclose(values, runtime(model, BYTES), rtol=0, atol=1e-4)


def test_other_floors_are_refused() -> None:
    m = Make((1, 8, 8))
    y = m.op("Floor", m.conv("x", 4, (3, 3), 1, pads=[1] * 4))
    with pytest.raises(UnsupportedLayerError, match=r"Floor of layer .*: it rounds what .* use scale \* clip\(floor"):
        frontend.read(m.model(m.end(y, 256)))


def qdq_network() -> Any:
    m = Make((1, 8, 8), opset=17)
    first = m.op("MaxPool", m.start(), kernel_shape=[2, 2], strides=[2, 2])
    y = m.op("Add", m.relu(m.conv(first, 4, (3, 3), 6, pads=[1] * 4)), m.conv(first, 4, (1, 1), 6))
    return m.model(m.end(m.relu(y), 64, 5))


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_network_that_onnxruntime_quantised(tmp_path: Path, per_channel: bool) -> None:
    """Every weight is the int8 of its file; the outputs are nearly onnxruntime's, which rounds linear tensors too."""
    from onnxruntime import quantization as ort

    onnx.save(qdq_network(), tmp_path / "float.onnx")
    feed = iter([{"x": one[None]} for one in BYTES])
    reader = type("Reader", (ort.CalibrationDataReader,), {"get_next": lambda _: next(feed, None)})()
    ort.quantize_static(
        tmp_path / "float.onnx",
        tmp_path / "qdq.onnx",
        reader,
        quant_format=ort.QuantFormat.QDQ,
        per_channel=per_channel,
    )
    model = onnx.load(tmp_path / "qdq.onnx")
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    with pytest.warns(
        SnnccWarning, match="the rounding of 'conv.*' is left out: no layer here rounds numbers that may"
    ):
        network = converted(tmp_path / "qdq.onnx", BYTES, timesteps=255)
    kernels = [v for name, v in stored.items() if v.dtype == np.int8 and v.ndim == 4]
    made = [p.weights for q in network.ir.populations for p in q.projections if p.weights.ndim == 4]
    assert len(kernels) == len(made) == 3
    assert all(any(held(weights, kernel) for kernel in kernels) for weights in made)
    wanted = runtime(tmp_path / "qdq.onnx", BYTES)
    assert np.abs(network.run(BYTES).outputs - wanted).max() < 0.02 * np.ptp(wanted)


def quant(m: Make, x: str, scale: Any, bits: float, zero: Any = 0.0, domain: str = QONNX, **attributes: Any) -> str:
    given = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **attributes}
    return m.op("Quant", x, m.constant(scale), m.constant(zero), m.constant(bits), domain=domain, **given)


def around(middle: Callable[[Make, str], str]) -> Any:
    m = Make((1, 8, 8))
    y = middle(m, m.conv("x", 4, (3, 3), 1, pads=[1] * 4))
    return m.model(m.end(y, 256))


@pytest.mark.parametrize(
    ("middle", "levels", "scale", "start"),
    [
        (lambda m, x: quant(m, m.relu(x), 0.25, 3.0, signed=0), 7, 1.75, 0.5),
        (lambda m, x: quant(m, m.relu(x), 0.25, 3.0, signed=0, domain="onnx.brevitas"), 7, 1.75, 0.5),
        (lambda m, x: quant(m, m.relu(x), 0.25, 4.0), 7, 1.75, 0.5),
        (lambda m, x: quant(m, x, 0.5, 2.0, signed=0, narrow=1), 2, 1.0, 0.5),
        (lambda m, x: quant(m, x, 0.5, 2.0, signed=0, rounding_mode="FLOOR"), 3, 1.5, 0.0),
        (lambda m, x: quant(m, x, 0.5, 4.0, zero=-8.0), 15, 7.5, 0.5),
        (lambda m, x: quant(m, m.op("Clip", x, m.constant(0.0), m.constant(1.0)), 0.25, 3.0, signed=0), 4, 1.0, 0.5),
        (lambda m, x: quant(m, quant(m, m.relu(x), 0.25, 3.0, signed=0), 0.25, 8.0), 7, 1.75, 0.5),
    ],
)
def test_rounded_data_are_levels(middle: Callable[[Make, str], str], levels: int, scale: float, start: float) -> None:
    ops = [node.op for node in frontend.read(around(middle)).nodes if isinstance(node.op, graph.ClipFloor)]
    assert [(op.levels, float(op.scale), op.start) for op in ops] == [(levels, scale, start)]


def test_the_relu_before_levels_is_no_population_of_its_own() -> None:
    read = frontend.read(around(lambda m, x: quant(m, m.relu(x), 0.25, 3.0, signed=0)))
    assert len(populate(read, signed_input=False).populations) == 2


class Quant(OpRun):  # type: ignore[misc]
    """QONNX's formula, for onnx's own evaluator."""

    op_domain = QONNX

    def _run(self, x: Any, scale: Any, zero: Any, bits: Any, signed: int, narrow: int, rounding_mode: str) -> Any:
        low, high = (-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1 - narrow)
        return (np.clip(np.rint(x / scale + zero), low, high).astype(np.float32) - zero) * scale,  # fmt: skip


class BipolarQuant(OpRun):  # type: ignore[misc]
    op_domain = QONNX

    def _run(self, x: Any, scale: Any) -> Any:
        return (np.where(x >= 0, scale, -scale).astype(np.float32),)


def bipolar(m: Make, x: str, scale: float) -> str:
    return m.op("BipolarQuant", x, m.constant(scale), domain=QONNX)


@pytest.mark.parametrize(
    ("levels", "rounded", "first", "own"),
    [
        (1, bipolar, lambda m, x: bipolar(m, x, 0.3), 1),
        (2, lambda m, x, scale: quant(m, x, scale, 2.0, narrow=1), lambda m, _: quant(m, "x", 1 / 128, 8.0), 0),
        (15, lambda m, x, scale: quant(m, x, scale / 4, 4.0), lambda m, x: quant(m, x, 1 / 200, 8.0), 0),
    ],
)
def test_numbers_around_0_that_no_relu_follows(levels: int, rounded: Any, first: Any, own: int) -> None:
    """As Brevitas's TFC and CNV: the quantisers alone keep it from being linear. Behind zero padding and pools.

    The input is rounded as in the model: to few levels by a population of its `own`, else by the host, to 7 bits where
    the model cuts off 1.0 at 127/128, or to 8 with a sign.
    """
    m = Make((1, 8, 8))
    x = first(m, m.op("Sub", "x", m.constant(0.5)))
    for inner in (1, 6):
        kernel = rounded(m, m.weights(6, inner, 3, 3), 0.23)
        x = m.op("Conv", x, kernel, m.constant(m.random.normal(-0.3, 0.2, 6)), pads=[1] * 4)
        x = m.op("MaxPool", rounded(m, x, 0.4), kernel_shape=[2, 2], strides=[2, 2])
        x = rounded(m, x, 0.4)  # once more: nothing is left to do
    model = m.model(m.op("Gemm", m.op("Flatten", x), rounded(m, m.weights(24, 3), 0.1), m.weights(3)))
    network = converted(model, BYTES, timesteps=levels, signed_bit=5, linear="least")
    assert len(network.ir.populations) == 3 + own
    assert "Conv" in network.ir.record.data["weights"] and "Gemm" in network.ir.record.data["weights"]
    wanted = ReferenceEvaluator(model, new_ops=[Quant, BipolarQuant]).run(None, {"x": BYTES})[0]
    found = network.run(BYTES)
    np.testing.assert_allclose(found.outputs, wanted, rtol=0, atol=1e-4)
    assert (found.classes == wanted.argmax(1)).all() and np.ptp(wanted, axis=0).min() > 0


REFUSED: dict[str, tuple[Callable[[Make, str], str], str]] = {
    "asymmetric weights": (
        lambda m, x: m.op("Conv", x, quant(m, m.weights(4, 4, 1, 1), 0.1, 4.0, zero=3.0)),
        r"Quant node 'Quant_\d': weights with a zero point; quantise weights symmetrically",
    ),
    "asymmetric weights, QDQ": (
        lambda m, x: m.op("Conv", x, m.op("DequantizeLinear", m.constant(np.ones((4, 4, 1, 1)), np.uint8),
                                          m.constant(0.1), m.constant(128, np.uint8))),
        "DequantizeLinear node .*: weights with a zero point",
    ),
    "bipolar": (
        lambda m, x: m.op("BipolarQuant", x, m.constant(0.0), domain=QONNX),
        "BipolarQuant node .*: its scale is not positive",
    ),
    "truncated": (
        lambda m, x: m.op("Trunc", x, m.constant(0.5), m.constant(0.0), m.constant(8.0), m.constant(4.0), domain=QONNX),
        "Trunc node .*: its numbers are no multiples of one step; use Quant",
    ),
    "half a bit": (lambda m, x: quant(m, m.relu(x), 0.25, 2.5), "Quant node .*: 2.5 bits; use a whole number"),
    "no scale": (lambda m, x: quant(m, m.relu(x), -1.0, 4.0), "Quant node .*: its scale is not positive"),
    "rounding": (lambda m, x: quant(m, x, 1.0, 4.0, rounding_mode="SOME"), "'SOME'; use ROUND or FLOOR"),
    "zero per channel": (
        lambda m, x: quant(m, x, 1.0, 4.0, zero=[[[[0.0]], [[1.0]], [[0.0]], [[0.0]]]]),
        "a zero point per channel; use one",
    ),
    "blocks": (
        lambda m, x: m.op("Conv", x, m.op("DequantizeLinear", m.constant(np.ones((4, 4, 1, 1)), np.int8),
                                          m.constant(np.ones((4, 2, 1, 1))), block_size=2, axis=1)),
        "DequantizeLinear node .*: scales of blocks; give one scale",
    ),
    "integers": (
        lambda m, x: m.op("DequantizeLinear", m.op("QuantizeLinear", x, m.constant(0.5), m.constant(0, np.int8)),
                          m.constant(0.25), m.constant(0, np.int8)),
        "DequantizeLinear node .*: it computes with the integers .* keep QuantizeLinear and DequantizeLinear together",
    ),
    "runtime's": (
        lambda m, x: m.op("DequantizeLinear", m.op("ConvInteger", m.op("QuantizeLinear", x, m.constant(0.5)),
                          m.constant(np.ones((4, 4, 1, 1)), np.uint8)), m.constant(1.0)),
        "ConvInteger node .*: integers of a runtime's own; export the model in QDQ form",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_kept_is_refused_by_name(case: str) -> None:
    middle, said = REFUSED[case]
    with pytest.raises(UnsupportedLayerError) as caught:
        frontend.read(around(middle))
    assert re.search(said, str(caught.value)), str(caught.value)


@examples(15)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.sampled_from([2, 4, 8]))
def test_quantised_constants_are_what_the_formula_says(seed: int, per_channel: bool, moved: bool, bits: int) -> None:
    """Of a matrix behind Quant, also behind a transpose: its numbers and its step, by QONNX's formula in float64."""
    random = np.random.default_rng(seed)
    m = Make((5,))
    scale = random.uniform(0.01, 0.2, (1, 3) if per_channel else ()).astype(np.float32)
    weights = random.normal(0, 1, (5, 3)).astype(np.float32)
    wanted = np.clip(np.rint(weights / scale.astype(np.float64)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if moved:
        q = quant(m, m.constant(weights.T), scale.T, float(bits))
        y = m.op("MatMul", "x", m.op("Transpose", q, perm=[1, 0]))
    else:
        y = m.op("MatMul", "x", quant(m, m.constant(weights), scale, float(bits)))
    (op,) = [node.op for node in frontend.read(m.model(y)).nodes if isinstance(node.op, graph.Dense)]
    assert np.array_equal(np.broadcast_to(op.step, (3,)), np.broadcast_to(scale.astype(np.float64), (1, 3))[0])
    assert np.array_equal(np.rint(op.kernel / op.step), wanted)


@examples(40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 4, 8]), st.booleans(), st.booleans())
def test_grids_are_found_and_chance_is_none(seed: int, bits: int, per_channel: bool, shaken: bool) -> None:
    random = np.random.default_rng(seed)
    most = 2 ** (bits - 1) - 1
    wanted = random.integers(-most, most + 1, (3, 3, 4, 6))
    wanted[0, 0, 0], wanted[0, 0, 1] = most, 1  # no common divisor
    step = random.uniform(0.001, 0.3, 6 if per_channel else ()).astype(np.float32)
    kernel = (wanted * step).astype(np.float32)
    if shaken:
        kernel[1, 1, 1, 3] += step.flat[0] * np.float32(0.3217)
    found = step_of(graph.Conv(kernel.astype(np.float64), None, (1, 1), (1, 1), (0, 0, 0, 0)))
    if shaken:
        assert found is None
    else:
        assert found is not None and found.shape == step.shape
        assert np.array_equal(np.rint(kernel / found), wanted)


@examples(40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 30))
def test_real_weights_are_on_no_grid(seed: int, rows: int, columns: int) -> None:
    kernel = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    assert step_of(graph.Dense(kernel.astype(np.float64), None)) is None
    assert step_of(graph.Dense(np.ones((rows, columns)), None)) is None


def test_no_warning_where_nothing_is_left_out() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frontend.read(around(lambda m, x: quant(m, m.relu(x), 0.25, 3.0, signed=0)))
