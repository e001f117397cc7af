"""What the pages say that the reader has: the demo's files, made by the demo itself with a smaller network and data."""

from __future__ import annotations

import contextlib
import functools
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.docs.pages import ROOT
from tests.networks import recurrent


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make demo` leaves behind: `examples/demo.py` on 8×8 digits."""
    from sklearn.datasets import load_digits

    from tests.keras_models import L, keras

    home = tmp_path_factory.mktemp("demo")
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))[:360]
    x, y = (x[order].reshape(-1, 8, 8, 1) / 16).astype(np.float32), y[order]

    def small_cnn() -> Any:
        layers = [L.Conv2D(8, 3, name="conv2d"), L.ReLU(), L.AveragePooling2D(2), L.Flatten(), L.Dense(10)]
        return keras.Sequential([keras.Input((8, 8, 1)), *layers], name="digits")

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "examples"))
        import digits

        patch.setattr(digits, "load", lambda: digits.Digits(x[60:], y[60:], x[:60], y[:60]))
        patch.setattr(digits, "small_cnn", small_cnn)
        patch.setattr(digits, "train", functools.partial(digits.train, epochs=60))
        script = SimpleNamespace(**runpy.run_path(str(ROOT / "examples" / "demo.py")))
        script.main.__globals__["TIMESTEPS"] = (4, 16)
        patch.chdir(home)
        with Path("said.txt").open("w", encoding="utf-8") as said, contextlib.redirect_stdout(said):
            script.main(Path("build/demo"))
    return home / "build" / "demo"


@pytest.fixture(scope="session")
def exported(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Compiled folders: of a network that knows what a raw byte is, of one that does not, of frames."""
    import snncc

    folders: dict[str, Path] = {}
    calibration = np.load(demo / "digits.npz")["x_calibration"]
    for kind, known in (("bytes", "auto"), ("numbers", "none")):
        network = snncc.convert(demo / "digits.keras", calibration, timesteps=4, calibrate="none", bytes=known)
        folders[kind] = tmp_path_factory.mktemp("exported") / kind
        network.write(folders[kind], ["c", "verilog"])
    folders["frames"] = tmp_path_factory.mktemp("exported") / "frames"
    snncc.Network(recurrent()).write(folders["frames"], {"c": {"prefix": "digits"}})
    return folders


@pytest.fixture
def desk(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with the demo's files in it, also under the names that other pages use."""
    for ours, other in (("digits.keras", "model.keras"), ("digits.npz", "data.npz")):
        shutil.copyfile(demo / ours, tmp_path / ours)
        shutil.copyfile(demo / ours, tmp_path / other)
    monkeypatch.chdir(tmp_path)
    return tmp_path
