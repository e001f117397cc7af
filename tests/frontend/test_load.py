"""Model files: both formats load, damaged ones are one clear error, and nothing in them is ever run."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import snncc
from snncc import frontend
from snncc.errors import FileFormatError, UnsupportedLayerError
from snncc.frontend.keras import load_model
from tests.keras_models import keras, randomised

L = keras.layers


def small() -> Any:
    x = keras.Input((6, 6, 2))
    y = L.DepthwiseConv2D(3, activation="relu", name="deep")(x)
    return randomised(keras.Model(x, L.Dense(3)(L.Flatten()(y)), name="small"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    model = small()
    paths = {suffix: folder / f"model.{suffix}" for suffix in ("keras", "h5")}
    for path in paths.values():
        model.save(path)
    return paths


def test_both_formats_convert_to_the_same_network(saved: dict[str, Path]) -> None:
    x = np.random.default_rng(0).random((10, 6, 6, 2))
    hashes = {snncc.convert(path, x, name="same").hash for path in saved.values()}
    assert len(hashes) == 1


def test_depthwise_of_keras_2(saved: dict[str, Path], tmp_path: Path) -> None:
    """Keras 2 wrote `groups` into DepthwiseConv2D's configuration."""
    path = tmp_path / "old.h5"
    path.write_bytes(saved["h5"].read_bytes())
    with h5py.File(path, "r+") as archive:
        config = json.loads(archive.attrs["model_config"])
        (deep,) = [layer for layer in config["config"]["layers"] if layer["class_name"] == "DepthwiseConv2D"]
        deep["config"]["groups"] = 1
        archive.attrs["model_config"] = json.dumps(config)
    x = np.random.default_rng(0).random((10, 6, 6, 2))
    assert snncc.convert(path, x, name="same").hash == snncc.convert(saved["h5"], x, name="same").hash


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("part", [0, 1, 8, 100, 0.3, 0.7, 0.95])
def test_truncated_files(saved: dict[str, Path], tmp_path: Path, suffix: str, part: float) -> None:
    whole = saved[suffix].read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: int(part * len(whole)) if isinstance(part, float) else part])
    with pytest.raises(FileFormatError, match="cut"):
        load_model(path)


@pytest.mark.parametrize("name", ["model.txt", "model", "model.onnx", "other.keras", "other.h5"])
def test_files_that_are_no_models(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("not a model")
    with pytest.raises(FileFormatError, match=name):
        load_model(path)


def test_missing_file_folder_and_mere_weights(saved: dict[str, Path], tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.keras", "no such file"), (tmp_path, r"is a folder: .*model\.save")):
        with pytest.raises(FileFormatError, match=said):
            load_model(path)
    with pytest.raises(FileFormatError, match=r"is a folder: of TensorFlow's SavedModel .*model\.save.*tf2onnx"):
        frontend.read(tmp_path)
    with h5py.File(tmp_path / "weights.h5", "w") as archive:
        archive["kernel"] = np.zeros(3)
    with pytest.raises(FileFormatError, match="weights but no model"):
        load_model(tmp_path / "weights.h5")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("other.json", "{}")
    with pytest.raises(FileFormatError, match="not a Keras model"):
        load_model(tmp_path / "empty.keras")


def _code(marker: Path) -> Any:
    """A model whose Lambda leaves a trace when it is run."""
    name = str(marker)
    x = keras.Input((3,))
    lam = L.Lambda(lambda t: (open(name, "w").close(), t)[1], output_shape=(3,), name="evil")  # noqa: PTH123
    return keras.Model(x, L.Dense(2)(lam(x)))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_lambda_is_refused_and_never_run(tmp_path: Path, suffix: str) -> None:
    marker, path = tmp_path / "run", tmp_path / f"model.{suffix}"
    _code(marker).save(path)
    marker.unlink(missing_ok=True)
    with pytest.raises(UnsupportedLayerError, match=r"'evil'.*never run"):
        load_model(path)
    assert not marker.exists()
    if suffix == "h5":  # control: the same file does run its code for who trusts it
        keras.models.load_model(path, safe_mode=False, compile=False)(np.zeros((1, 3)))
        assert marker.exists()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_what_is_vetted_is_what_is_loaded(saved: dict[str, Path], tmp_path: Path, suffix: str) -> None:
    """A harmless archive of the other format glued to the file does not stand in for it."""
    marker, path = tmp_path / "run", tmp_path / f"model.{suffix}"
    _code(marker).save(path)
    marker.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "a") as archive, zipfile.ZipFile(saved["keras"]) as harmless:
        if suffix == "h5":
            for name in harmless.namelist():
                archive.writestr(name, harmless.read(name))
    with pytest.raises(UnsupportedLayerError, match="'evil'"):
        load_model(path)
    assert not marker.exists()


def _edited(saved: Path, path: Path, change: Any) -> Path:
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(name, data)
    return path


def test_classes_from_elsewhere(saved: dict[str, Path], tmp_path: Path) -> None:
    def foreign(config: Any) -> None:
        config["config"]["layers"][1]["module"] = "evil_package"

    def spelled(config: Any) -> None:
        config["config"]["layers"][1]["class_name"] = "keras.layers>Lambda"

    with pytest.raises(UnsupportedLayerError, match="evil_package"):
        load_model(_edited(saved["keras"], tmp_path / "a.keras", foreign))
    with pytest.raises(UnsupportedLayerError, match="Lambda"):
        load_model(_edited(saved["keras"], tmp_path / "b.keras", spelled))


def test_qcfs_loads_without_an_import_and_layers_of_a_converted_network_do_not(tmp_path: Path) -> None:
    """In a process that knows nothing of snncc.training; a registered name of ours brings no other class with it."""
    from snncc.keras_layers import QCFS, CurrentBias

    model = keras.Sequential([keras.Input((3,)), L.Dense(4), QCFS(4, initial=2.5, name="few")])
    for suffix in ("keras", "h5"):
        path = tmp_path / f"few.{suffix}"
        model.save(path)
        code = "import sys, snncc.frontend.keras as k; print(float(k.load_model(sys.argv[1]).layers[-1].scale))"
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        assert done.stdout.split()[-1] == "2.5"
    keras.Sequential([keras.Input((3,)), CurrentBias(name="current")]).save(tmp_path / "twin.keras")
    with pytest.raises(UnsupportedLayerError, match="'current': of a network that is converted already"):
        load_model(tmp_path / "twin.keras")

    def disguised(config: Any) -> None:
        config["config"]["layers"][1] |= {"module": "os", "class_name": "system", "registered_name": "snncc>QCFS"}

    def renamed(config: Any) -> None:
        config["config"]["layers"][1] |= {"module": "os", "class_name": "QCFS", "registered_name": "snncc>system"}

    for change in (disguised, renamed):
        with pytest.raises(UnsupportedLayerError):
            load_model(_edited(tmp_path / "few.keras", tmp_path / "a.keras", change))

    def hostile(config: Any) -> None:
        config["config"]["layers"][-1]["config"]["levels"] = "many"

    with pytest.raises(FileFormatError, match="cannot load it"):
        load_model(_edited(tmp_path / "few.keras", tmp_path / "b.keras", hostile))


def test_a_description_nested_without_end(saved: dict[str, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "deep.keras", "w") as archive:
        archive.writestr("config.json", "[" * 900 + "]" * 900)
    with pytest.raises(FileFormatError, match="deep"):
        load_model(tmp_path / "deep.keras")
