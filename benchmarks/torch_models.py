"""PyTorch modules through `snncc.convert`, with torch itself, by both of its exporters. `make bench` has no torch:

    pip install torch onnxscript onnx && python benchmarks/torch_models.py

The networks are those of tests/data/onnx/make.py. Written are the largest difference of the float network's outputs
from torch's, of the largest output, and the part of images whose class the integer network has too.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from bench import write

sys.path.insert(0, str(Path(__file__).parents[1]))

import snncc
from snncc import frontend
from snncc.lower.populate import populate
from tests.data.onnx import make
from tests.lower.bounds import apply_head, float_activations

NETWORKS = {
    "resnet": (make.ResNet, (3, 8, 10)),
    "mobilenet": (make.MobileNet, (3, 12, 10)),
    "vgg": (make.vgg, (3, 8, 10)),
    "keyword": (make.keyword, (3, 20)),
    "autoencoder": (make.autoencoder, (1, 8, 8)),
}


def measured(module: Any, x: np.ndarray) -> dict[str, float]:
    """Of a module in training mode, as a user may leave it."""
    wanted = module.eval()(torch.tensor(x)).detach().numpy().astype(np.float64)
    wanted = np.moveaxis(wanted, 1, -1) if wanted.ndim > 2 else wanted
    module.train()
    graph = frontend.read(module, x.shape[1:])
    real = populate(graph, signed_input=False)
    values = float_activations(real, graph.channels_last(x))[real.populations[-1].name]
    found = apply_head(real.head, values.reshape(wanted.shape))
    if not module.training:
        raise RuntimeError("the module was changed")
    off = {"float_error": float(f"{np.abs(found - wanted).max() / np.abs(wanted).max():.1e}")}
    classes = snncc.convert(module, x).run(x).classes
    return off if wanted.ndim > 2 else off | {"classes_at_64": float((classes == wanted.argmax(1)).mean())}


def main() -> None:
    """Measure, print and write benchmarks/results/torch.json."""
    results: dict[str, dict[str, float]] = {}
    for name, (build, shape) in NETWORKS.items():
        torch.manual_seed(1)
        module = make.randomised(build())
        x = np.random.default_rng(0).random((200, *shape)).astype(np.float32)
        results[f"{name}, dynamo"] = measured(module, x)
        with mock.patch("snncc.frontend.torch.find_spec", return_value=None):
            results[f"{name}, legacy"] = measured(module, x)
    for name, found in results.items():
        print(name, found)
    write("torch", {"torch": version("torch"), "onnxscript": version("onnxscript"), "networks": results})


if __name__ == "__main__":
    main()
