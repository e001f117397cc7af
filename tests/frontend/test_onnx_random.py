"""Random graphs that change between channels first and last, reshape and join, against onnxruntime."""

from __future__ import annotations

import random

import numpy as np

from tests.frontend.onnx_oracle import agreed
from tests.onnx_models import Make, samples

GRAPHS = 120


class Drawn:
    """A graph as it grows: tensors with their shape (C, H, W) and whether they have their channels last."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        height, width = self.dice.randint(4, 7), self.dice.randint(4, 7)
        self.last = self.dice.random() < 0.3
        shape = (height, width, 3) if self.last else (3, height, width)
        self.m = Make(shape, opset=self.dice.choice((13, 17, 20)), seed=seed)
        self.tensors = [("x", (3, height, width), self.last)]

    def graph(self) -> None:
        """A few operators, then the end of a classifier."""
        for _ in range(self.dice.randint(2, 7)):
            self.tensors.append(getattr(self, self.dice.choice(
                ("conv", "conv", "conv", "relu", "turn", "pool", "mean", "joined", "stacked", "scaled", "viewed")
            ))())  # fmt: skip

    def put(self, wanted: bool | None = None) -> tuple[str, tuple[int, int, int]]:
        """One of the newest tensors, transposed where it must have its channels last (or first)."""
        name, shape, last = self.dice.choice(self.tensors[-2:])
        if wanted is not None and last != wanted:
            name = self.m.op("Transpose", name, perm=[0, 2, 3, 1] if wanted else [0, 3, 1, 2])
        return name, shape

    def conv(self) -> tuple[str, tuple[int, int, int], bool]:
        name, (c, h, w) = self.put(False)
        out = self.dice.randint(2, 5)
        k = (self.dice.randint(1, min(3, h)), self.dice.randint(1, min(3, w)))
        pads = [0, self.dice.randint(0, k[1] - 1), 0, 0]
        made = self.m.conv(name, out, k, c, pads=pads)
        return self.m.relu(made), (out, h - k[0] + 1, w + pads[1] - k[1] + 1), False

    def relu(self) -> tuple[str, tuple[int, int, int], bool]:
        name, shape, last = self.tensors[-1]
        return self.m.relu(name), shape, last

    def turn(self) -> tuple[str, tuple[int, int, int], bool]:
        last = self.dice.random() < 0.5
        name, shape = self.put(last)
        return name, shape, last

    def pool(self) -> tuple[str, tuple[int, int, int], bool]:
        name, (c, h, w) = self.put(False)
        if min(h, w) < 2:
            return self.relu()
        return self.m.op("MaxPool", name, kernel_shape=[2, 2]), (c, h - 1, w - 1), False

    def mean(self) -> tuple[str, tuple[int, int, int], bool]:
        last = self.dice.random() < 0.5
        name, (c, _, _) = self.put(last)
        return self.m.op("ReduceMean", name, axes=[1, 2] if last else [2, 3]) if self.m.opset < 18 else self.m.op(
            "ReduceMean", name, self.m.constant([1, 2] if last else [2, 3], np.int64)
        ), (c, 1, 1), last  # fmt: skip

    def joined(self) -> tuple[str, tuple[int, int, int], bool]:
        last = self.dice.random() < 0.5
        name, shape = self.put(last)
        more = self.m.op("Mul", name, self.m.constant(0.5))
        return self.m.op("Add", name, more), shape, last

    def stacked(self) -> tuple[str, tuple[int, int, int], bool]:
        last = self.dice.random() < 0.5
        name, (c, h, w) = self.put(last)
        return self.m.op("Concat", name, self.m.relu(name), axis=3 if last else 1), (2 * c, h, w), last

    def scaled(self) -> tuple[str, tuple[int, int, int], bool]:
        """Numbers per channel, in either layout."""
        last = self.dice.random() < 0.5
        name, shape = self.put(last)
        numbers = self.m.random.uniform(0.2, 1, shape[0]).reshape((-1,) if last else (-1, 1, 1))
        return self.m.op("Mul", name, self.m.constant(numbers)), shape, last

    def viewed(self) -> tuple[str, tuple[int, int, int], bool]:
        """Flat, and a map again."""
        name, shape, last = self.tensors[-1]
        c, h, w = shape
        flat = self.m.op("Flatten", name)
        return (
            self.m.op("Reshape", flat, self.m.constant([-1, h, w, c] if last else [-1, c, h, w], np.int64)),
            shape,
            last,
        )

    def end(self) -> str:
        name, shape = self.put(self.dice.random() < 0.5)
        flat = self.m.op("Flatten", self.m.relu(name))
        made = self.m.op("Gemm", flat, self.m.weights(int(np.prod(shape)), 4))
        return self.m.op("Gemm", self.m.relu(made), self.m.weights(4, 3))


def test_random_graphs_are_onnxruntimes_whatever_their_layouts() -> None:
    for seed in range(GRAPHS):
        drawn = Drawn(seed)
        drawn.graph()
        model = drawn.m.model(drawn.end())
        agreed(model, samples(drawn.m.shape, 3), integers=False)
