"""Makes the .onnx files beside it, as exporters write them: small networks with random weights, a few kB each.

Not run by the tests, which need none of these packages: `versions.txt` says with which the files were made.
    pip install torch onnxscript tf2onnx tensorflow skl2onnx scikit-learn markdown-it-py
    python tests/data/onnx/make.py
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))
from tests.docs.pages import read  # noqa: E402 (after the path to it)

PACKAGES = ("torch", "onnxscript", "onnx", "tf2onnx", "tensorflow-cpu", "keras", "skl2onnx", "scikit-learn")


class Residual(nn.Module):
    """Two convolutions and a shortcut, which is a convolution where the size changes."""

    def __init__(self, inner: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.short = nn.Sequential()
        if stride > 1:
            self.short = nn.Sequential(nn.Conv2d(inner, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Any) -> Any:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.short(x))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 5, 3, 1, 1, bias=False), nn.BatchNorm2d(5), nn.ReLU())
        self.layer1, self.layer2 = Residual(5, 5, 1), Residual(5, 8, 2)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 4)

    def forward(self, x: Any) -> Any:
        return self.fc(torch.flatten(self.pool(self.layer2(self.layer1(self.stem(x)))), 1))


class Inverted(nn.Module):
    """MobileNetV2's block: expand, depthwise, project, which is linear."""

    def __init__(self, inner: int, out: int, stride: int, times: int = 2) -> None:
        super().__init__()
        wide = inner * times
        self.conv = nn.Sequential(
            nn.Conv2d(inner, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(),
            nn.Conv2d(wide, out, 1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.joins = stride == 1 and inner == out

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.joins else self.conv(x)


class MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU6(), Inverted(4, 4, 1), Inverted(4, 6, 2), nn.Conv2d(6, 8, 1), nn.ReLU6()
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 4))

    def forward(self, x: Any) -> Any:
        return self.classifier(nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1)).reshape(x.shape[0], -1))


def vgg() -> nn.Module:
    """Convolutions with batch normalisation, a flatten of a map that is not square."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(), nn.Linear(6 * 2 * 3, 10), nn.ReLU(), nn.Dropout(), nn.Linear(10, 4), nn.Softmax(dim=1),
    )  # fmt: skip


def keyword() -> nn.Module:
    """A sequence of 3 features over 20 steps."""
    return nn.Sequential(
        nn.BatchNorm1d(3), nn.Conv1d(3, 6, 4, padding=2), nn.LeakyReLU(0.1), nn.MaxPool1d(2),
        nn.Conv1d(6, 6, 3, groups=6), nn.PReLU(6), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 4),
    )  # fmt: skip


def autoencoder() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.Hardsigmoid(),
        nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(4, 1, 2, stride=2),
    )  # fmt: skip


def randomised(module: nn.Module) -> nn.Module:
    """With statistics in its normalisations as after a training."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.3, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.2, 0.2)
    return module


def from_torch(name: str, module: nn.Module, shape: tuple[int, ...], newer: bool, open_batch: bool = False) -> None:
    module = randomised(module)
    example = torch.rand(1, *shape)
    if newer:
        # the exporter specialises batches of 1
        batch = ({0: torch.export.Dim("n")},) if open_batch else None
        example = torch.rand(2, *shape) if open_batch else example
        program = torch.onnx.export(module.eval(), (example,), dynamo=True, dynamic_shapes=batch, verbose=False)
        lean(program.model_proto, name)
    else:
        batch = {"x": {0: "n"}} if open_batch else None
        path = HERE / f"{name}.onnx"
        torch.onnx.export(module.eval(), (example,), path, dynamo=False, input_names=["x"], dynamic_axes=batch)


def from_keras() -> None:
    """Channels last: tf2onnx puts transposes around convolutions."""
    import keras
    import tensorflow as tf
    import tf2onnx

    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((9, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(5, 3, strides=2, padding="same"),
        layers.BatchNormalization(), layers.ReLU(6.0), layers.DepthwiseConv2D(3, padding="same"),
        layers.LeakyReLU(negative_slope=0.2), layers.Conv2D(6, 1, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dense(4, activation="softmax"),
    ])  # fmt: skip
    signature = [tf.TensorSpec((None, 9, 8, 3), tf.float32, name="x")]
    tf2onnx.convert.from_function(
        tf.function(model.call, input_signature=signature), signature, opset=15, output_path=str(HERE / "tf2onnx.onnx")
    )


def from_sklearn() -> None:
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    x = random.random((200, 6)).astype(np.float32)
    score = x @ random.normal(size=(6, 3))
    common = {"hidden_layer_sizes": (8, 7), "max_iter": 30, "random_state": 0}
    models = {
        "sklearn_classifier": make_pipeline(StandardScaler(), MLPClassifier(**common)).fit(x, score.argmax(1)),
        "sklearn_binary": MLPClassifier(**common).fit(x, score[:, 0] > score[:, 1]),
        "sklearn_regressor": MLPRegressor(**common).fit(x, score[:, 0]),
    }
    for name, model in models.items():
        made = to_onnx(model, x[:1], target_opset=18)
        (HERE / f"{name}.onnx").write_bytes(made.SerializeToString())


def from_the_guide() -> None:
    """What docs/guide/onnx.md trains on scikit-learn's digits, run as it is written there."""
    (block,) = (fence.text for fence in read("docs/guide/onnx.md").fences if fence.text.startswith("# train.py"))
    with TemporaryDirectory() as folder:
        (Path(folder) / "train.py").write_text(block)
        subprocess.run([sys.executable, "train.py"], cwd=folder, check=True)
        lean(onnx.load(Path(folder) / "own.onnx"), "torch_digits")


def lean(model: Any, name: str) -> None:
    """Write a model without the stack that made each node: paths, and most of the file."""
    for node in model.graph.node:
        del node.metadata_props[:]
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def main() -> None:
    """Write every file."""
    torch.manual_seed(0)
    from_torch("torch_resnet_legacy", ResNet(), (3, 8, 10), newer=False, open_batch=True)
    from_torch("torch_resnet", ResNet(), (3, 8, 10), newer=True, open_batch=True)
    from_torch("torch_mobilenet", MobileNet(), (3, 12, 10), newer=True)
    from_torch("torch_mobilenet_legacy", MobileNet(), (3, 12, 10), newer=False, open_batch=True)
    from_torch("torch_vgg", vgg(), (3, 8, 10), newer=True)
    from_torch("torch_keyword", keyword(), (3, 20), newer=True)
    from_torch("torch_keyword_legacy", keyword(), (3, 20), newer=False)
    from_torch("torch_autoencoder", autoencoder(), (1, 8, 8), newer=True)
    from_keras()
    from_sklearn()
    from_the_guide()
    said = [f"python {sys.version.split()[0]}", *(f"{name} {version(name)}" for name in PACKAGES)]
    (HERE / "versions.txt").write_text("\n".join(said) + "\n")


if __name__ == "__main__":
    main()
