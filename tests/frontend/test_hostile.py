"""Model files that would read other files, grow without end or run code: refused before Keras is asked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import snncc
from snncc.errors import CalibrationError, FileFormatError, UnsupportedLayerError
from snncc.frontend.keras import load_model
from snncc.frontend.keras.load import vet
from tests.keras_models import L, keras, randomised

SHAPE = (3, 3, 2, 4)
Change = Callable[[h5py.File, str], None]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    x = keras.Input((6, 6, 2))
    y = L.Conv2D(4, 3, activation="relu", name="conv")(x)
    model = randomised(keras.Model(x, L.Dense(3, name="out")(L.Flatten()(y)), name="small"))
    paths = {suffix: folder / f"model.{suffix}" for suffix in ("keras", "h5")}
    for path in paths.values():
        model.save(path)
    with h5py.File(folder / "secret.h5", "w") as secret:
        secret["secret"] = np.full(SHAPE, 7, np.float32)
    return paths | {"secret": folder / "secret.h5"}


def changed(saved: dict[str, Path], path: Path, change: Change) -> Path:
    """A model file whose convolution's kernel is something else."""
    whole = io.BytesIO(saved["h5"].read_bytes())
    if path.suffix == ".keras":
        with zipfile.ZipFile(saved["keras"]) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        whole = io.BytesIO(members["model.weights.h5"])
    with h5py.File(whole, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, data: names.append(name) if getattr(data, "shape", None) == SHAPE else None)
        del file[names[0]]
        change(file, names[0])
    if path.suffix == ".h5":
        path.write_bytes(whole.getvalue())
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (members | {"model.weights.h5": whole.getvalue()}).items():
                archive.writestr(name, content)
    return path


def _virtual(secret: Path) -> Change:
    def change(file: h5py.File, name: str) -> None:
        layout = h5py.VirtualLayout(SHAPE, np.float32)
        layout[...] = h5py.VirtualSource(str(secret), "secret", shape=SHAPE)
        file.create_virtual_dataset(name, layout)

    return change


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("link", "lies in another file"),
        ("external", "lie in another file"),
        ("virtual", "lie in another file"),
        ("objects", "plain numbers"),
        ("bomb", "stands for 68,719,476,736 bytes"),
    ],
)
def test_weights_that_are_not_in_the_file(
    saved: dict[str, Path], tmp_path: Path, suffix: str, what: str, said: str
) -> None:
    secret = saved["secret"]
    size = int(np.prod(SHAPE)) * 4
    changes: dict[str, Change] = {
        "link": lambda file, name: file.__setitem__(name, h5py.ExternalLink(str(secret), "secret")),
        "external": lambda file, name: file.create_dataset(name, SHAPE, "f4", external=[(str(secret), 0, size)]),
        "virtual": _virtual(secret),
        "objects": lambda file, name: file.create_dataset(name, SHAPE, h5py.string_dtype()),
        "bomb": lambda file, name: file.create_dataset(name, (2**20, 2**14), "f4", chunks=(64, 64), compression=9),
    }
    with pytest.raises(FileFormatError, match=said):
        load_model(changed(saved, tmp_path / f"a.{suffix}", changes[what]))
    same: Change = lambda file, name: file.create_dataset(name, SHAPE, "f4", data=np.ones(SHAPE))  # noqa: E731
    model = load_model(changed(saved, tmp_path / f"b.{suffix}", same))
    assert (np.asarray(model.get_layer("conv").kernel) == 1).all(), "the control: the same place with data of its own"


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "assets/../../evil"])
def test_members_outside_the_archive(saved: dict[str, Path], tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(saved["keras"].read_bytes())
    vet(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "evil")
    with pytest.raises(FileFormatError, match="outside the archive"):
        load_model(path)


def test_a_member_that_grows(saved: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(saved["keras"].read_bytes())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(2**26 + 1))
    with pytest.raises(FileFormatError, match=r"assets/zeros.*stands for 67,108,865 bytes"):
        load_model(path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("TFSMLayer", "carries code"),
        ("TorchModuleWrapper", "carries code"),
        ("JaxLayer", "carries code"),
        ("keras.layers>FlaxLayer", "carries code"),
        ("TextVectorization", "reads other files"),
        ("StringLookup", "reads other files"),
    ],
)
def test_layers_that_run_code_or_read_files(saved: dict[str, Path], tmp_path: Path, kind: str, said: str) -> None:
    def members(path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    found = members(saved["keras"])
    config: Any = json.loads(found["config.json"])
    config["config"]["layers"][1] |= {"class_name": kind, "module": "keras.layers"}
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        for name, content in (found | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, content)
    with pytest.raises(UnsupportedLayerError, match=said):
        load_model(tmp_path / "a.keras")


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e38])
@pytest.mark.parametrize("channels", [False, True])
def test_weights_that_are_no_numbers_are_named(number: float, channels: bool) -> None:
    """A NaN in one channel that is not the largest, and a weight whose products overflow, too."""
    x = keras.Input((6, 6, 2))
    model = randomised(keras.Model(x, L.Dense(3)(L.Flatten()(L.Conv2D(4, 3, activation="relu", name="conv")(x)))))
    data = np.random.default_rng(0).random((5, 6, 6, 2))
    assert snncc.convert(model, data, lambda_per_channel=channels).ir.is_integer
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 1] = number
    model.get_layer("conv").set_weights([kernel, bias])
    with pytest.raises(CalibrationError, match=r"population 'conv'.*no finite numbers"):
        snncc.convert(model, data, lambda_per_channel=channels)
