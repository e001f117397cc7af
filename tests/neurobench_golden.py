"""NeuroBench's own figures: a network as a PyTorch module, run by the package `neurobench`.

The second implementation that tests/test_neurobench.py compares with. torch and neurobench take more than a gigabyte,
so the tests read what this file wrote into tests/golden/neurobench; to write it again, in an environment with both and
with snncc (Keras is not needed):

    pip install "neurobench==2.3.*" torch && python -m tests.neurobench_golden
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snncc import ir
from snncc.backends.vectors import random_pixels
from tests import networks

FOLDER = Path(__file__).parent / "golden" / "neurobench"
EXPECTED = FOLDER / "expected.json"
IMAGES = 4
"""A power of two: NeuroBench multiplies a batch's sparsity by its images and divides again."""


@dataclass(frozen=True)
class Case:
    """A network, its pixels, and how it is run."""

    network: ir.Network
    pixels: np.ndarray
    timesteps: int
    dynamics: ir.Dynamics


def _three_of_160(**options: Any) -> ir.Network:
    """A dense layer of pixels -1, 0, 1 with 3 zeros among 160 weights: 3/160 rounds up in float32, down in float64."""
    matrix = np.full((16, 10), 3, np.int8)
    matrix[5, :3] = 0
    source = {"bits": 2, "signed": True, "encoding": "current"}
    hidden = networks.population(
        "hidden", (10,), ir.Dense(name="a", source=ir.Source("input"), weights=matrix), theta=5, bias=1
    )
    pool = ir.SumPool2D(name="b", source=ir.Reshape(ir.Source("hidden"), (5, 2, 1)), size=(2, 1), strides=(1, 1))
    return networks.network(
        hidden, networks.population("last", (4, 2, 1), pool, theta=3), readout="spikes", shape=(16,), source=source,
        timesteps=4, **options,
    )  # fmt: skip


NETWORKS: dict[str, Callable[[], ir.Network]] = {
    "cnn": lambda: ir.load(FOLDER / "cnn.snn"),
    "every_kind": networks.every_kind,
    "residual": networks.residual,
    "shortcuts": networks.shortcuts,
    "max_pooled": networks.max_pooled,
    "grown": networks.grown,
    "relays": networks.separable,
    "maximum_of_relays": lambda: networks.separable(maximum=True),
    "current": lambda: networks.mixed_conv("step"),
    "current_beside_spikes": lambda: networks.tangled("conv2d", source=networks.SIGNED),
    "maximum_of_both": lambda: networks.signed_maxima()["in one window with spikes"],
    "three_of_160": _three_of_160,
    "wide": lambda: networks.shortcuts(signed_bit=12),
}


def cases() -> Iterator[tuple[str, Case]]:
    """Every network in both dynamics that it can run in, at its own T and below."""
    for name, make in NETWORKS.items():
        network = make()
        for dynamics in ir.DYNAMICS:
            for timesteps in sorted({1, min(5, network.timesteps)}):
                yield (
                    f"{name} {dynamics} {timesteps}",
                    Case(network, random_pixels(network, IMAGES), timesteps, dynamics),
                )


def measure(case: Case) -> dict[str, Any]:
    """NeuroBench's metrics of one case; AssertionError where the module's readout is not the simulator's."""
    import torch
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.static import ConnectionSparsity, Footprint
    from neurobench.metrics.workload import ActivationSparsity, MembraneUpdates, SynapticOperations
    from neurobench.models import SNNTorchModel
    from torch.utils.data import DataLoader, TensorDataset

    from snncc.sim import run
    from tests.neurobench_torch import Module, encode

    module = Module(case.network, case.timesteps, case.dynamics)
    train = torch.from_numpy(encode(case.network, case.pixels, case.timesteps, case.dynamics))
    loader = DataLoader(TensorDataset(train, torch.zeros(len(train))), batch_size=len(train))
    metrics = [[Footprint, ConnectionSparsity], [ActivationSparsity, SynapticOperations, MembraneUpdates]]
    found = dict(Benchmark(SNNTorchModel(module, custom_forward=True), loader, [], [], metrics).run(quiet=True))
    simulated = run(case.network, case.pixels, case.timesteps, case.dynamics).values
    np.testing.assert_array_equal(module.values.numpy(), simulated)
    return found


def convert_cnn() -> None:
    """A small Keras CNN, converted, as the network that is kept."""
    import snncc
    from tests.keras_models import L, keras, randomised

    pixels = keras.Input((8, 8, 1))
    x = L.MaxPooling2D(2)(L.Conv2D(4, 3, padding="same", activation="relu", name="first")(pixels))
    x = L.AveragePooling2D(2)(L.Conv2D(6, 3, padding="same", strides=1, activation="relu", name="second")(x))
    model = randomised(keras.Model(pixels, L.Dense(5, activation="softmax", name="out")(L.Flatten()(x)), name="cnn"))
    snncc.convert(model, np.random.default_rng(0).random((40, 8, 8, 1)), timesteps=8).save(FOLDER / "cnn.snn")


def main() -> None:
    """Write the golden file."""
    found = {name: {"hash": ir.content_hash(case.network), "metrics": measure(case)} for name, case in cases()}
    EXPECTED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    convert_cnn() if sys.argv[1:] == ["cnn"] else main()
