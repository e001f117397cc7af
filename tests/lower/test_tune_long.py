"""Long windows of `step`: few images must not cost more than many timesteps gain."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import graph
from snncc.graph import Graph, Node
from snncc.ir import Window
from snncc.lower import Options, calibrated, finish, tune
from snncc.lower.tune.judge import Judge

SHAPE = (8, 8, 8)


def deep(random: np.random.Generator) -> Graph:
    """Three convolutions with relu, a global average pool and a dense layer, all random."""
    ops: list[tuple[graph.Op, tuple[int, ...]]] = [(graph.Input(), (8, 8, 2))]
    for channels in (2, 8, 8):
        kernel = random.normal(0, np.sqrt(2 / (9 * channels)), (3, 3, channels, 8))
        ops.append((graph.Conv(kernel, random.normal(0, 0.1, 8), (1, 1), (1, 1), (1, 1, 1, 1)), SHAPE))
        ops.append((graph.Relu(None, None), SHAPE))
    ops.append((graph.AveragePool((8, 8), (8, 8), (0, 0, 0, 0)), (1, 1, 8)))
    ops.append((graph.Reshape(), (8,)))
    ops.append((graph.Dense(random.normal(0, 1, (8, 6)), None), (6,)))
    names = [f"l{i}" for i in range(len(ops))]
    nodes = [
        Node(n, n, op, tuple(names[:i][-1:]), shape) for i, (n, (op, shape)) in enumerate(zip(names, ops, strict=True))
    ]
    return Graph("deep", tuple(nodes))


def test_a_long_window_is_as_accurate_as_a_shorter_one_where_memory_holds_few_images(monkeypatch: Any) -> None:
    """Error of the integers beside the float network: at T = 200 not much above that at T = 64."""
    random = np.random.default_rng(0)
    network = deep(random)
    fine, coarse = np.random.default_rng(1).random((384, 8, 8, 2)), random.random((384, 2, 2, 2))
    x = np.float32(0.2 * fine + 0.8 * np.kron(coarse, np.ones((1, 4, 4, 1))))
    monkeypatch.setattr(tune, "MEMORY", 8 * 128 * int(np.prod(SHAPE)))  # 8 images of 128 timesteps
    options = {"dynamics": "step", "encoding": "current", "average_pools": "global", "calibrate": "light", "seed": 1}

    def error(timesteps: int) -> float:
        chosen = Options(timesteps=timesteps, **options)  # type: ignore[arg-type]
        made = calibrated(network, x[96:], chosen)
        return Judge(made.real, Window("step", timesteps), x[:40])(finish(made, chosen))

    assert error(200) <= 3 * error(64)
    monkeypatch.setattr(tune, "LONGEST", 128)
    assert error(200) > 6 * error(64), "the test would not notice"
