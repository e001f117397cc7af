"""Colour patches of photographs that ship in packages: which of ten photographs is a patch of 32 x 32 pixels from?

Eight photographs of scikit-image (its wheel is downloaded once) and the two of scikit-learn; the largest two are
averaged down by 2. Each is cut into blocks of BLOCK pixels with GAP between them; a third of the blocks, drawn at
random, are for testing alone. A patch lies within one block, anywhere, mirrored or not, so training and test
patches share no pixel and are at least GAP apart. They do share a photograph: what is told apart is colour and texture,
not objects, and patches of one block overlap.

Usage: colours.py, which trains benchmarks/trained/colours_0.keras anew.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import mlperf_tiny
import models
from digits import Digits

SCIKIT_IMAGE = {
    "astronaut.png": 1, "chelsea.png": 1, "coffee.png": 1, "hubble_deep_field.jpg": 2, "ihc.png": 1,
    "motorcycle_left.png": 1, "retina.jpg": 2, "rocket.jpg": 1,
}  # fmt: skip
"""Photographs and how many pixels a side are averaged to one; classes 0 to 7. scikit-learn's are 8 and 9."""
SIZE, BLOCK, GAP = 32, 40, 8


def photographs() -> list[Any]:
    """(H, W, 3) float32, 0..1, one per class."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    images = []
    with mlperf_tiny.wheel("scikit-image", "0.26.0") as package:
        for name, factor in SCIKIT_IMAGE.items():
            image = Image.open(io.BytesIO(package.read(f"skimage/data/{name}"))).convert("RGB")
            images.append(np.asarray(image.reduce(factor)))
    images += [np.asarray(image) for image in load_sample_images().images]
    return [image.astype(np.float32) / 255 for image in images]


def blocks(photograph: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Corners (N, 2) of the blocks for training and of those for testing."""
    step = BLOCK + GAP
    corners = [
        (top, left)
        for top in range(0, photograph.shape[0] - BLOCK + 1, step)
        for left in range(0, photograph.shape[1] - BLOCK + 1, step)
    ]
    drawn = random.permutation(np.array(corners))
    return drawn[len(drawn) // 3 :], drawn[: len(drawn) // 3]


def patches(photograph: Any, corners: Any, count: int, random: np.random.Generator) -> Any:
    """(count, 32, 32, 3), each anywhere in one of the blocks, mirrored at random."""
    out = []
    for corner in corners[random.integers(len(corners), size=count)]:
        top, left = corner + random.integers(BLOCK - SIZE + 1, size=2)
        patch = photograph[top : top + SIZE, left : left + SIZE]
        out.append(patch[:, ::-1] if random.integers(2) else patch)
    return np.stack(out)


def load(train: int = 400, test: int = 100, seed: int = 0) -> Digits:
    """Patches of each class for training and for testing, shuffled."""
    random = np.random.default_rng(seed)
    parts: tuple[list[Any], list[Any]] = ([], [])
    for photograph in photographs():
        for part, corners, count in zip(parts, blocks(photograph, random), (train, test), strict=True):
            part.append(patches(photograph, corners, count, random))
    made = []
    for part, count in zip(parts, (train, test), strict=True):
        order = random.permutation(len(part) * count)
        made += [np.concatenate(part)[order], np.repeat(np.arange(len(part)), count)[order]]
    return Digits(*made)


def main() -> None:
    """18 epochs of Adam, the rate annealed, about a minute of a processor."""
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    data = load()
    model = models.six_conv((SIZE, SIZE, 3))
    rate = keras.optimizers.schedules.CosineDecay(4e-3, 18 * -(-len(data.x_train) // 64))
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data.x_train, data.y_train, batch_size=64, epochs=18, verbose=0)
    plain = keras.Model(model.inputs, model.outputs, name="colours")
    plain.save(models.TRAINED / "colours_0.keras")
    print(f"colours: {(plain.predict(data.x_test, verbose=0).argmax(1) == data.y_test).mean():.3f}")


if __name__ == "__main__":
    main()
