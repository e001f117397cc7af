"""For the tests of the command line and the API: a small model, its data and its compiled folder; the command line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import cli

signal.signal(signal.SIGINT, signal.default_int_handler)  # `nohup make test &` ignores it, and so would every child

Run = Callable[..., tuple[int, str, str]]
"""`snncc ARGUMENTS`: (exit status, stdout, stderr)."""


@dataclass(frozen=True)
class Digits:
    """Paths of a model, a data file and a compiled folder (read only), and the arrays in the file."""

    model: Path
    data: Path
    folder: Path
    x: np.ndarray
    y: np.ndarray


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    import snncc
    from tests.keras_models import L, keras, randomised

    folder = tmp_path_factory.mktemp("digits")
    pixels = keras.Input((6, 6, 1))
    x = L.AveragePooling2D(2)(L.Conv2D(3, 3, activation="relu", name="conv", padding="same")(pixels))
    model = randomised(keras.Model(pixels, L.Dense(4, activation="softmax", name="out")(L.Flatten()(x)), name="digits"))
    model.save(folder / "model.keras")
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "x_train": rng.random((40, 6, 6, 1)).astype(np.float32),
        "x_test": rng.random((30, 6, 6, 1)).astype(np.float32),
        "y_test": rng.integers(0, 4, 30),
        "few": rng.random((3, 6, 6, 1)),
    }
    arrays["one_hot"] = np.eye(4)[arrays["y_test"]]
    np.savez_compressed(folder / "data.npz", **arrays)
    snncc.convert(model, arrays["x_train"], timesteps=16).write(folder / "compiled")
    return Digits(folder / "model.keras", folder / "data.npz", folder / "compiled", arrays["x_test"], arrays["y_test"])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """(exit status, stdout, stderr) of `snncc ARGUMENTS`."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["snncc", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(left.value.code or 0), out, err

    return call
