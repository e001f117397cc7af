"""Terms become the plainest projection that computes the same: kinds, shapes and values, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from snncc import ir
from snncc.lower.compose import Kernel, Linear, Term, apply
from snncc.lower.emit import emit_terms
from snncc.lower.projections import RealProjection
from snncc.sim.linear import values_of


def emitted(shape: tuple[int, int, int], *kernels: Kernel) -> tuple[tuple[RealProjection, ...], tuple[int, ...]]:
    """Kernels on a whole map of `shape`, added up."""
    terms = tuple(Term(ir.Source("x"), shape, kernel, "layer") for kernel in kernels)
    made = kernels[0].output(shape)
    return emit_terms(Linear(terms, np.zeros(made[2]), made, ("layer",), True))


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + shape[-1]).integers(1, 9, shape).astype(np.float64)


VECTOR, MAP = (1, 1, 4), (3, 4, 2)
CASES: dict[str, tuple[tuple[int, int, int], Kernel, type, tuple[int, ...]]] = {
    "a scale per element": (VECTOR, Kernel(weights(1, 1, 4, 1), True), ir.Identity, (4,)),
    "each element into three": (VECTOR, Kernel(weights(1, 1, 4, 3), True), ir.Dense, (12,)),
    "a matrix": (VECTOR, Kernel(weights(1, 1, 4, 5)), ir.Dense, (5,)),
    "a kernel as large as the map": (MAP, Kernel(weights(3, 4, 2, 5)), ir.Dense, (5,)),
    "depthwise over the map": (MAP, Kernel(weights(3, 4, 2, 1), True), ir.DepthwiseConv2D, (1, 1, 2)),
    "a scale per channel": (MAP, Kernel(weights(1, 1, 2, 1), True), ir.Identity, MAP),
    "each channel into two": (MAP, Kernel(weights(1, 1, 2, 2), True), ir.DepthwiseConv2D, (3, 4, 4)),
    "scaled and strided": (MAP, Kernel(weights(1, 1, 2, 1), True, (2, 2)), ir.DepthwiseConv2D, (2, 2, 2)),
    "pointwise": (MAP, Kernel(weights(1, 1, 2, 3)), ir.Conv2D, (3, 4, 3)),
    "a kernel as large as the map, padded": (MAP, Kernel(weights(3, 4, 2, 5), pads=(0, 1, 0, 0)), ir.Conv2D, (2, 1, 5)),
    "dilated over the map": (MAP, Kernel(weights(2, 2, 2, 3), dilation=(2, 3)), ir.Conv2D, (1, 1, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_kind_shape_and_values(name: str) -> None:
    shape, kernel, kind, target = CASES[name]
    (projection,), made = emitted(shape, kernel)
    assert projection.kind is kind and made == target
    x = np.random.default_rng(0).random((2, *shape))
    view = values_of(projection.source, {"x": x})
    got = projection.operator(view.shape[1:], target, np.float64)(view)
    assert got.shape == (2, *target)
    assert np.allclose(got.reshape(-1), apply(kernel, x).reshape(-1), rtol=1e-12)


def test_a_sum_is_a_vector_only_where_every_term_can_be() -> None:
    matrix, depthwise = Kernel(weights(3, 4, 2, 2)), Kernel(weights(3, 4, 2, 1), True)
    both, shape = emitted(MAP, matrix, matrix)
    assert [p.kind for p in both] == [ir.Dense, ir.Dense] and shape == (2,)
    assert [p.name for p in both] == ["layer", "layer_1"]
    mixed, shape = emitted(MAP, matrix, depthwise, matrix)
    assert [p.kind for p in mixed] == [ir.Conv2D, ir.DepthwiseConv2D, ir.Conv2D] and shape == (1, 1, 2)
    assert [p.name for p in mixed] == ["layer", "layer_1", "layer_2"]
