"""Makes the files beside it, as the exporters of Brevitas and PyTorch write them: small networks, random weights.

Each `.npz` has samples x (bytes / 255), the library's own outputs y, and what its quantisers say the weights are.
Not run by the tests, which need none of these packages: `versions.txt` says with which the files were made.
    pip install brevitas onnxoptimizer onnxscript && python tests/golden/quantised/make.py
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import onnx
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.quant import Int8WeightPerChannelFloat
from torch import nn

HERE = Path(__file__).parent
PACKAGES = ("torch", "brevitas", "qonnx", "onnx", "onnxscript")
BITS = 3
"""Of activations: 7 levels."""


class QCFS(nn.Module):
    """lambda * clip(floor(x * T / lambda + 1/2) / T, 0, 1), spelled as that code does."""

    def __init__(self, levels: int, up: float) -> None:
        super().__init__()
        self.levels, self.up = levels, nn.Parameter(torch.tensor([up]))

    def forward(self, x: Any) -> Any:
        x = torch.clamp(x / self.up, 0, 1)
        return torch.floor(x * self.levels + 0.5) / self.levels * self.up


class Residual(nn.Module):
    """Two quantised convolutions and a shortcut of the same scale."""

    def __init__(self, per_channel: bool) -> None:
        super().__init__()
        kind = {"weight_quant": Int8WeightPerChannelFloat} if per_channel else {}
        self.stem = nn.Sequential(
            qnn.QuantConv2d(1, 4, 3, padding=1, weight_bit_width=4, **kind),
            nn.BatchNorm2d(4),
            qnn.QuantReLU(bit_width=BITS),
            nn.MaxPool2d(2),
        )
        self.middle = nn.Sequential(
            qnn.QuantConv2d(4, 6, 3, padding=1, weight_bit_width=4, bias=True, **kind), qnn.QuantReLU(bit_width=BITS)
        )
        self.end = qnn.QuantLinear(6 * 4 * 4, 5, bias=True, weight_bit_width=4)

    def forward(self, x: Any) -> Any:
        return self.end(self.middle(self.stem(x)).flatten(1))


def qcfs() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        QCFS(4, 0.9),
        nn.Conv2d(4, 5, 3, stride=2),
        QCFS(4, 1.3),
        nn.Flatten(),
        nn.Linear(45, 5),
    )


def integers(module: nn.Module) -> dict[str, np.ndarray]:
    """The integer weights of each quantised layer, by Brevitas."""
    return {
        name: layer.quant_weight().int().numpy().astype(np.int8)
        for name, layer in module.named_modules()
        if hasattr(layer, "quant_weight")
    }


def plain(path: Path) -> None:
    """One file with its weights in it, and without what the exporters note about the code."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
    onnx.save(model, path, save_as_external_data=False)
    Path(f"{path}.data").unlink(missing_ok=True)


def main() -> None:
    torch.manual_seed(0)
    x = torch.tensor(np.random.default_rng(0).integers(0, 256, (48, 1, 8, 8)).astype(np.float32) / np.float32(255))
    for name, module in {"brevitas": Residual(False), "brevitas_channels": Residual(True), "qcfs": qcfs()}.items():
        module.train()
        for _ in range(4):
            module(x)
        module.eval()
        with torch.no_grad():
            y, weights = module(x).numpy(), integers(module)
        if name == "qcfs":
            for suffix, dynamo in (("", True), ("_legacy", False)):
                torch.onnx.export(module, (x[:1],), HERE / f"{name}{suffix}.onnx", dynamo=dynamo, external_data=False)
        else:
            export_qonnx(module, args=x[:1], export_path=str(HERE / f"{name}.onnx"))
            export_onnx_qcdq(module, args=x[:1], export_path=str(HERE / f"{name}_qcdq.onnx"))
        for path in HERE.glob(f"{name}*.onnx"):
            plain(path)
        np.savez(HERE / f"{name}.npz", x=x.numpy(), y=y, **weights)
    (HERE / "versions.txt").write_text("".join(f"{package} {version(package)}\n" for package in PACKAGES))


if __name__ == "__main__":
    main()
