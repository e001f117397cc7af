"""Small NIR graphs for tests, made with the package `nir` itself."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np

Shape = tuple[int, ...]


def chain(shape: Shape, *nodes: nir.NIRNode, extra: Any = (), edges: Any = ()) -> nir.NIRGraph:
    """Nodes n0, n1, ... one after the other from an Input of a shape; `extra` nodes by name and more edges."""
    names = ["input", *(f"n{i}" for i in range(len(nodes))), "output"]
    whole = {"input": nir.Input(np.array(shape)), **dict(zip(names[1:-1], nodes, strict=True)), **dict(extra)}
    whole["output"] = nir.Output(np.array([1]))
    return nir.NIRGraph(whole, [*pairwise(names), *edges], type_check=False)


def written(graph: nir.NIRGraph, folder: Path, name: str = "graph") -> Path:
    """The file of a graph."""
    path = folder / f"{name}.nir"
    nir.write(path, graph)
    return path


def neuron(kind: str, shape: Shape, **values: Any) -> nir.NIRNode:
    """A neuron of one kind whose parameters all of a shape share; its usual ones where nothing is said."""
    usual = {
        "IF": {"r": 1.0, "v_threshold": 1.0},
        "LIF": {"tau": 4e-4, "r": 4.0, "v_leak": 0.0, "v_threshold": 1.0},
        "LI": {"tau": 4e-4, "r": 4.0, "v_leak": 0.0},
        "I": {"r": 1.0},
        "CubaLIF": {"tau_syn": 2e-4, "tau_mem": 4e-4, "r": 4.0, "w_in": 2.0, "v_leak": 0.0, "v_threshold": 1.0},
        "CubaLI": {"tau_syn": 2e-4, "tau_mem": 4e-4, "r": 4.0, "w_in": 2.0, "v_leak": 0.0},
        "Threshold": {"threshold": 1.0},
    }[kind]
    return getattr(nir, kind)(**{name: np.full(shape, value) for name, value in (usual | values).items()})


def dyadic(rng: np.random.Generator, *shape: int, bits: int = 8) -> np.ndarray:
    """Weights in 64ths that `bits` bits hold exactly: the largest of each output (the first axis) is q/64."""
    q = 2 ** (bits - 1) - 1
    weights = rng.integers(-q, q, shape, endpoint=True) / 64
    weights.reshape(len(weights), -1)[:, 0] = q / 64
    return weights


def conv(rng: np.random.Generator, outputs: int, inputs: int, size: int = 3, **values: Any) -> nir.Conv2d:
    """A convolution of dyadic weights."""
    usual = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1, "bias": np.zeros(outputs)}
    inner = inputs // (usual | values)["groups"]
    return nir.Conv2d(None, dyadic(rng, outputs, inner, size, size), **usual | values)


def events(rng: np.random.Generator, *shape: int, rate: float = 0.3, most: int = 1) -> np.ndarray:
    """Events (N, T, *shape): counts of up to `most`."""
    return ((rng.random(shape) < rate) * rng.integers(1, most + 1, shape)).astype(np.uint8)


def nodes(name: str) -> tuple[nir.NIRGraph, np.ndarray]:
    """A graph of IF neurons with one of each linear node, and events for it."""
    r = np.random.default_rng(len(name))
    flat = nir.Flatten(None, 0, -1)
    x = events(r, 2, 8, 2, 6, 5, most=3)
    match name:
        case "conv same":
            middle = [conv(r, 3, 2, padding="same"), neuron("IF", (3, 6, 5)), flat, nir.Linear(dyadic(r, 4, 90))]
        case "conv strides":
            one = conv(r, 3, 2, 2, stride=(2, 1), padding=(0, 1), dilation=(1, 2))
            middle = [one, neuron("IF", (3, 3, 5)), flat, nir.Linear(dyadic(r, 4, 45))]
        case "groups":
            two = conv(r, 4, 2, groups=2), conv(r, 4, 4, groups=2)
            middle = [two[0], neuron("IF", (4, 6, 5)), two[1], neuron("IF", (4, 6, 5)), flat,
                      nir.Linear(dyadic(r, 4, 120))]  # fmt: skip
        case "sum pool":
            pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 1]), np.array([1, 0]))
            middle = [conv(r, 3, 2), neuron("IF", (3, 6, 5)), pool, flat, nir.Affine(dyadic(r, 4, 48), np.ones(4) / 2)]
        case "average pool":
            pool = nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 1]))
            middle = [conv(r, 3, 2), neuron("IF", (3, 6, 5)), pool, conv(r, 2, 3), neuron("IF", (2, 3, 3)), flat,
                      nir.Linear(dyadic(r, 4, 18))]  # fmt: skip
        case "pool behind conv":
            pool = nir.SumPool2d(np.array([2, 1]), np.array([2, 1]), np.array([0, 0]))
            kernel = nir.Conv2d(None, np.full((1, 2, 2, 2), 127 / 64), (1, 1), (1, 0), (2, 1), 1, np.zeros(1))
            middle = [kernel, pool, neuron("IF", (1, 3, 4)), flat, nir.Linear(dyadic(r, 4, 12))]
        case "scale":
            middle = [conv(r, 3, 2), nir.Scale(np.array([2.0, 1.0, 4.0])[:, None, None] * np.ones((3, 6, 5))),
                      neuron("IF", (3, 6, 5), v_threshold=2.0), flat, nir.Linear(dyadic(r, 4, 90))]  # fmt: skip
        case "pool alone":
            pool = nir.SumPool2d(np.array([3, 3]), np.array([3, 2]), np.array([0, 0]))
            middle = [pool, neuron("IF", (2, 2, 2), v_threshold=4.0), flat, nir.Linear(dyadic(r, 4, 8))]
        case "line":
            x = events(r, 2, 8, 2, 9, most=2)
            one = nir.Conv1d(None, dyadic(r, 3, 2, 3), 2, 1, 1, 1, np.zeros(3))
            middle = [one, neuron("IF", (3, 5)), flat, nir.Linear(dyadic(r, 4, 15))]
        case "threshold":
            x = events(r, 2, 8, 6, most=2)
            middle = [
                nir.Linear(dyadic(r, 5, 6)),
                neuron("Threshold", (5,), threshold=2.0),
                nir.Linear(dyadic(r, 4, 5)),
            ]
        case "delay":
            x = events(r, 2, 8, 6, most=2)
            middle = [nir.Delay(np.full(6, 2.0)), nir.Linear(dyadic(r, 5, 6)), neuron("IF", (5,)),
                      nir.Delay(np.full(5, 3.0)), nir.Linear(dyadic(r, 4, 5))]  # fmt: skip
        case _:
            raise ValueError(name)
    return chain(x.shape[2:], *middle, neuron("IF", (4,), v_threshold=8.0)), x


NODES = ("conv same", "conv strides", "groups", "sum pool", "average pool", "pool behind conv", "scale", "pool alone",
         "line", "threshold", "delay")  # fmt: skip
