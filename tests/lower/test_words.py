"""Refusals of the lowering speak the words of the front end that made the graph."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from snncc import graph, lower
from snncc.errors import UnsupportedLayerError
from snncc.frontend.keras.walk import WORDS as KERAS
from snncc.graph import Graph, Node, Words
from snncc.lower.populate import populate

OWN = Words(relu="nn.ReLU", shrinking="padding=0", keeping="padding=1", one_position="AdaptiveAvgPool2d(1)")
LOWER = sorted(Path(lower.__file__).parent.rglob("*.py"))
LIBRARY = re.compile(r"\w*(Pooling2D|Padding2D|BatchNorm|Rescaling)|'(same|valid)'|[kK]eras|model\.predict|Flatten")
CONV = graph.Conv(np.ones((3, 3, 2, 2)), None, (1, 1), (1, 1), (1, 1, 1, 1))
POOL = graph.AveragePool((3, 3), (1, 1), (1, 1, 1, 1))
MAX = graph.MaxPool((2, 2), (2, 2), (0, 0, 0, 0))
MAP, HALF = (6, 6, 2), (3, 3, 2)

CASES: dict[str, tuple[list[tuple[graph.Op, tuple[int, ...]]], str]] = {
    "two padded convolutions": (
        [(CONV, MAP), (CONV, MAP)],
        "layer 'l1' pads the output of the linear layer 'l0', which no {0.relu} follows: at the border the two are "
        "not one convolution. Put a {0.relu} after 'l0' or use {0.shrinking}",
    ),
    "a pool at the border": (
        [(POOL, MAP)],
        "layer 'l0' averages over fewer elements at the border ({0.keeping}) of a tensor that is not provably "
        "non-negative, or of the readout: use {0.shrinking} or put a {0.relu} before it",
    ),
    "a class per position": (
        [(CONV, MAP), (graph.Head("softmax"), MAP)],
        "layer 'l1': a softmax over (6, 6, 2) classifies every position; snncc gives one class per image: end with "
        "{0.one_position}",
    ),
    "a maximum between": (
        [(CONV, MAP), (MAX, HALF), (CONV, HALF)],
        "layer 'l2' reads 'l0' through a max-pool with no {0.relu} between: put a {0.relu} after it, or make it "
        "non-negative",
    ),
    "a negative gain": (
        [(CONV, MAP), (MAX, HALF), (graph.Affine(np.array([1.0, -1.0]), np.zeros(())), HALF)],
        "layer 'l2' follows a max-pool of a linear layer and its gain of channel 1 is negative: put the {0.relu} "
        "before the max-pool",
    ),
    "a maximum at the end": (
        [(CONV, MAP), (MAX, HALF)],
        "the model ends with a max-pool of 'l1', which no {0.relu} precedes: put a {0.relu} after it, or make it "
        "non-negative",
    ),
}


def refusal(steps: list[tuple[graph.Op, tuple[int, ...]]], words: Words) -> str:
    nodes = [Node("input", "input", graph.Input(), (), MAP)]
    for i, (op, shape) in enumerate(steps):
        nodes.append(Node(f"l{i}", f"l{i}", op, (nodes[-1].name,), shape))
    with pytest.raises(UnsupportedLayerError) as caught:
        populate(Graph("net", tuple(nodes), words), signed_input=True, linear="compose")
    return str(caught.value)


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_speaks_the_words_of_the_graph(name: str) -> None:
    steps, wanted = CASES[name]
    for words in (KERAS, OWN, Words()):
        assert wanted.format(words) in refusal(steps, words)
    assert not LIBRARY.search(refusal(steps, Words()))


def test_keras_has_its_own() -> None:
    assert "use padding='valid' or put a relu before it" in refusal(CASES["a pool at the border"][0], KERAS)
    assert "end with GlobalAveragePooling2D or Flatten and Dense" in refusal(CASES["a class per position"][0], KERAS)


def said(source: str) -> list[str]:
    """The texts of a module that are no docstrings."""
    tree = ast.parse(source)
    docs = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs
    ]


@pytest.mark.parametrize("path", LOWER, ids=lambda path: path.name)
def test_no_message_of_the_lowering_names_a_library(path: Path) -> None:
    texts = said(path.read_text(encoding="utf-8"))
    if path.name == "record.py":  # versions of what is loaded
        texts.remove("keras")
    if path.parent.name == "tune":  # how to install TensorFlow
        texts = [text for text in texts if "snncc[keras]" not in text]
    assert [text for text in texts if LIBRARY.search(text)] == []
    assert said('"""keras"""\nx = f"use {y} padding=\'valid\'"') == ["use ", " padding='valid'"]
