"""Reads graphs of the Neuromorphic Intermediate Representation: `.nir` files, and objects of the package `nir`.

They are spiking networks already: snncc.nir makes networks of them, not the lowering of relu networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snncc.frontend.nir.graph import NirGraph, Node, flat_graph, refuse
from snncc.frontend.nir.load import load_tree

SUFFIXES = (".nir",)


def accepts(source: object) -> bool:
    """Whether a source is a NIR graph: the path of a `.nir` file, or an object of the package `nir`."""
    if isinstance(source, str | Path):
        return str(source).endswith(SUFFIXES)
    kind = type(source)
    return kind.__module__.split(".")[0] == "nir" and kind.__name__ == "NIRGraph"


def read(source: Any) -> NirGraph:
    """The flat graph of a `.nir` file or object, with its problems; FileFormatError where it is none."""
    return flat_graph(*load_tree(Path(source) if isinstance(source, str) else source))


__all__ = ["SUFFIXES", "NirGraph", "Node", "accepts", "read", "refuse"]
