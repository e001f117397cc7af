"""A front end in a package of its own: models that are a list of dense layers, objects or JSON files.

    {"inputs": N, "layers": [{"name": ..., "kernel": [[...]], "bias": [...], "relu": true}]}

An example of what another package brings, and what the tests install.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from snncc import graph

SUFFIXES = (".plain.json",)


class Model:
    """A model of this library."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description


def accepts(source: Any) -> bool:
    """Whether it is a model of this library."""
    return isinstance(source, Model)


def read(source: Model | Path, sample_shape: tuple[int, ...] | None = None) -> graph.Graph:
    """The graph of a model, or of a file."""
    description = source.description if isinstance(source, Model) else json.loads(source.read_text())
    nodes = [graph.Node("input", "input", graph.Input(), (), (description["inputs"],))]
    for layer in description["layers"]:
        kernel, bias = np.array(layer["kernel"], np.float64), np.array(layer["bias"], np.float64)
        ops = [graph.Dense(kernel, bias)] + ([graph.Relu()] if layer["relu"] else [])
        for i, op in enumerate(ops):
            name = layer["name"] + ("_relu" if i else "")
            nodes.append(graph.Node(name, layer["name"], op, (nodes[-1].name,), bias.shape))
    return graph.Graph("plain", tuple(nodes))
