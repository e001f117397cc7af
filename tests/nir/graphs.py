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
