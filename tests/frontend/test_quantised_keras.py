"""Quantised Keras models: Keras's own int8 and int4, and activations of levels (QCFS)."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import frontend
from snncc.errors import SnnccWarning, UnsupportedLayerError
from snncc.frontend.keras.load import vet
from snncc.graph import ClipFloor, Dense
from tests.keras_models import L, keras

X = np.random.default_rng(0).integers(0, 256, (80, 6, 6, 2)).astype("float32") / 255


def _stand_in() -> Any:
    """The layer as its name and weight are agreed on, where snncc does not bring its own."""

    @keras.saving.register_keras_serializable(package="snncc", name="QCFS")
    class QCFS(L.Layer):  # type: ignore[misc,name-defined]
        def __init__(self, levels: int = 4, initial: float = 1.0, per_channel: bool = False, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.levels, self.initial, self.per_channel = levels, initial, per_channel

        def build(self, shape: Any) -> None:
            size = tuple(shape[-1:]) if self.per_channel else ()
            self.scale = self.add_weight(
                name="scale", shape=size, initializer=keras.initializers.Constant(self.initial)
            )

        def call(self, x: Any) -> Any:
            n = keras.ops.floor(x * self.levels / self.scale + 0.5)
            return keras.ops.clip(n, 0, self.levels) * self.scale / self.levels

        def get_config(self) -> dict[str, Any]:
            own = {"levels": self.levels, "initial": self.initial, "per_channel": self.per_channel}
            return {**super().get_config(), **own}

    QCFS.__module__ = "snncc.training"
    return QCFS


QCFS: Any = import_module("snncc.training").QCFS if find_spec("snncc.training") else _stand_in()


def on_grids(model: Any, bits: int) -> dict[str, np.ndarray]:
    """Put integers of so many bits times a number into every kernel; the integers."""
    random, found = np.random.default_rng(1), {}
    most = 2 ** (bits - 1) - 1
    for layer in model.layers:
        if layer.weights and hasattr(layer, "kernel"):
            w = random.integers(-most, most + 1, layer.kernel.shape)
            step = np.float32(random.uniform(1.5, 2.5) / np.sqrt(np.prod(w.shape[:-1])) / most)
            layer.kernel.assign(w.astype(np.float32) * step)
            layer.bias.assign(random.normal(0, 0.1, layer.bias.shape))
            found[layer.name] = w
    return found


def network(per_channel: bool = False) -> Any:
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            L.Conv2D(4, 3, padding="same", name="first"),
            QCFS(5, 0.8, per_channel),
            L.MaxPooling2D(2),
            L.Conv2D(5, 2, name="second"),
            QCFS(5, 1.1),
            L.Flatten(),
            L.Dense(4, name="last"),
        ]
    )


@pytest.mark.parametrize("calibrate", ["none", "light"])
def test_qcfs_counts_are_the_models(tmp_path: Path, calibrate: str) -> None:
    """Weights that lie on a grid, though nothing says so; T is the levels: Keras's classes are the network's."""
    model = network()
    integers = on_grids(model, 4)
    model.save(tmp_path / "qcfs.keras")
    source = tmp_path / "qcfs.keras" if find_spec("snncc.training") else model
    made = snncc.convert(source, X, signed_bit=4, timesteps=5, encoding="current", calibrate=calibrate)
    for population, name in zip(made.ir.populations, integers, strict=True):
        held = population.projections[0].weights
        assert np.array_equal(held.reshape(integers[name].shape), integers[name]), name
    found, wanted = made.run(X), model.predict(X, verbose=0)
    np.testing.assert_allclose(found.outputs, wanted, rtol=0, atol=1e-4)
    assert np.array_equal(found.classes, wanted.argmax(1))
    inner = keras.Model(model.inputs, model.layers[1].output).predict(X, verbose=0)
    assert np.array_equal(found.counts[made.ir.populations[0].name], np.rint(inner * 5 / np.float32(0.8)))


def test_a_scale_per_channel_is_read() -> None:
    model = network(per_channel=True)
    scale = np.array([0.5, 0.75, 1.0, 1.25], np.float32)
    model.layers[1].scale.assign(scale)
    first, second = (node.op for node in frontend.read(model).nodes if isinstance(node.op, ClipFloor))
    assert np.array_equal(first.scale, scale) and second.scale.shape == () and first.levels == second.levels == 5
    model.layers[1].scale.assign(scale * 0)
    with pytest.raises(UnsupportedLayerError, match=r"QCFS layer '\w+': its scale is not positive: train it again"):
        frontend.read(model)


def dense() -> Any:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [keras.Input((20,)), L.Dense(16, activation="relu"), L.Dense(12, activation="relu"), L.Dense(3)]
    )


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not")
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_integers_of_keras_arrive_unchanged(tmp_path: Path, mode: str) -> None:
    """All but the readout's, which has a scale per class: a warning names it."""
    model, x = dense(), X.reshape(80, -1)[:, :20]
    wanted = model.predict(x, verbose=0)
    if mode == "int8":
        model.quantize("int8")
    else:
        model.quantize(config=keras.quantizers.Int4QuantizationConfig(block_size=None))
    model.save(tmp_path / "model.keras")
    with pytest.warns(SnnccWarning, match=f"layer '{model.layers[-1].name}' has weights that are integers"):
        made = snncc.convert(tmp_path / "model.keras", x, timesteps=64)
    for layer, population in list(zip(model.layers, made.ir.populations, strict=True))[:2]:
        assert np.array_equal(population.projections[0].weights, np.asarray(layer.kernel))
    ops = [node.op for node in frontend.read(model).nodes if isinstance(node.op, Dense)]
    for op, layer in zip(ops, model.layers, strict=True):
        assert np.array_equal(op.step, 1 / np.asarray(layer.kernel_scale, np.float64))
    assert np.abs(made.run(x).outputs - wanted).max() < (0.1 if mode == "int8" else 0.5) * np.ptp(wanted)


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not")
@pytest.mark.parametrize("mode", ["int4", "float8"])
def test_other_quantisation_of_keras_is_refused(mode: str) -> None:
    model = dense()
    model.quantize(mode)
    with pytest.raises(UnsupportedLayerError, match=r"Dense layer 'dense\w*': quantised as '.*'; use model.quantize\("):
        frontend.read(model)


def test_qkeras_is_refused_with_its_way_out(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "qkeras.h5", "w") as file:
        file.attrs["model_config"] = (
            '{"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": "QDense", "config": '
            '{"name": "q", "units": 3, "kernel_quantizer": {"class_name": "quantized_bits", "config": {"bits": 4}}}}]}}'
        )
    with pytest.raises(UnsupportedLayerError) as caught:
        vet(tmp_path / "qkeras.h5")
    assert re.search("QDense layer 'q': of QKeras, .*model_save_quantized_weights into .*or export", str(caught.value))
