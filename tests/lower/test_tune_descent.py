"""Descent: its forward is the simulator's, its backward the adjoint, its result never worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir, sim
from snncc.frontend import from_keras
from snncc.ir import INPUT, Concat, Conv2D, Dense, DepthwiseConv2D, Identity, MaxPool, Pad, Reshape, Source, SumPool2D
from snncc.lower import Options, lower
from snncc.lower.calibrate import scales
from snncc.lower.populate import populate
from snncc.lower.tune import EFFORTS, WHOLE, calibrated, descent
from snncc.lower.tune.adjoint import through_projection, through_view
from snncc.lower.tune.descent import Effort, Learner, descend, forward, output_error
from snncc.lower.tune.firing import Window
from snncc.sim.encode import quantise
from snncc.sim.linear import operator, read
from tests.keras_models import build, samples

BRIEF = Effort(images=2048, multiplications=1e12)
RNG = np.random.default_rng(0)
MAP, VECTOR, X = (7, 6, 3), (11,), Source("x")


def integers(*shape: int) -> np.ndarray:
    """Small ones: sums of their products are exact in float64."""
    return RNG.integers(-5, 6, shape).astype(np.float64)


PROJECTIONS: list[tuple[Any, tuple[int, ...]]] = [
    (Conv2D(name="a", source=X, weights=integers(3, 2, 3, 4), pads=(1, 0, 0, 1)), MAP),
    (Conv2D(name="b", source=X, weights=integers(2, 3, 3, 2), strides=(2, 1), dilation=(2, 1)), MAP),
    (DepthwiseConv2D(name="c", source=X, weights=integers(3, 2, 3, 2), strides=(2, 2), pads=(1, 1, 0, 2)), MAP),
    (Identity(name="d", source=X, weights=integers(3)), MAP),
    (Identity(name="e", source=X, weights=integers()), VECTOR),
    (Dense(name="f", source=X, weights=integers(11, 5)), VECTOR),
    (SumPool2D(name="g", source=X, size=(3, 2), strides=(2, 2), pads=(1, 0, 0, 1)), MAP),
]  # fmt: skip


@pytest.mark.parametrize(("projection", "shape"), PROJECTIONS, ids=lambda v: getattr(v, "name", None))
def test_backwards_through_a_projection_is_its_adjoint(projection: Any, shape: tuple[int, ...]) -> None:
    x, direction = integers(4, *shape), integers(4, *shape)
    out = operator(projection, shape, np.float64)(x)
    gradient = integers(*out.shape)
    own, source = through_projection(projection, x, gradient, True)
    assert source is not None
    assert (source * direction).sum() == (gradient * operator(projection, shape, np.float64)(direction)).sum()
    assert (np.roll(source, 1, axis=-1) * direction).sum() != (source * direction).sum()
    if not isinstance(projection, SumPool2D):
        other = ir.replace(projection, weights=integers(*projection.weights.shape))
        assert (own * other.weights).sum() == (gradient * operator(other, shape, np.float64)(x)).sum()


@pytest.mark.parametrize(
    "view",
    [
        Reshape(Source("a"), (126,)),
        Pad(Source("a"), (1, 0, 2, 1)),
        Concat((Source("a"), Source("b"), Source("a"))),
        MaxPool(Pad(Source("a"), (0, 1, 0, 0)), (2, 3), (2, 1), (1, 0, 0, 2)),
    ],
    ids=lambda v: type(v).__name__,
)
def test_backwards_through_a_view_gives_every_source_its_share(view: ir.View) -> None:
    values = {"a": RNG.permutation(4 * 126).reshape(4, *MAP) - 200.0, "b": integers(4, 7, 6, 2)}
    gradient = integers(*read(view, values).shape)
    totals: dict[str, np.ndarray] = {}
    through_view(view, gradient, values, totals)
    for name, found in totals.items():
        direction = integers(*values[name].shape) / 64  # too small to change which element is the largest
        moved = values | {name: values[name] + direction}
        assert (found * direction).sum() == (gradient * (read(view, moved) - read(view, values))).sum()


def lowered(name: str, **options: Any) -> tuple[Any, ir.Network, np.ndarray]:
    model, x = build(name), samples(name)
    graph = from_keras(model, x.shape[1:])
    network = lower(graph, x, Options(calibrate="none", **options))
    return populate(graph, network.input.signed, network.input.encoding == "current"), network, x


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("encoding", ["rate", "current"])
@pytest.mark.parametrize("name", ["add_linear_shortcut", "average_pool_overlapping_same", "relu6", "separable"])
def test_forward_makes_the_counts_of_the_simulator(name: str, dynamics: ir.Dynamics, encoding: str) -> None:
    _, network, x = lowered(name, timesteps=5, dynamics=dynamics, spike_ext=2, encoding=encoding)
    window = Window(dynamics, 5, 2)
    source = descent._source(network, x, window)
    counts, reached = forward(network, list(network.populations), source, window)
    expected = sim.run(network, quantise(network.input, x), 5, dynamics)
    for population in network.populations[:-1]:
        np.testing.assert_array_equal(counts[population.name], expected.counts[population.name])
    np.testing.assert_array_equal(reached[network.output.name], expected.values)


def test_the_gradient_of_the_outputs_is_the_slope() -> None:
    outputs, wanted, direction = RNG.normal(size=(3, 6, 4))
    _, gradient = output_error(outputs, wanted, 2.0)
    ahead, behind = (output_error(outputs + d * direction, wanted, 2.0)[0] for d in (1e-5, -1e-5))
    np.testing.assert_allclose((gradient * direction).sum(), (ahead - behind) / 2e-5, rtol=1e-6)
    assert output_error(wanted, wanted, 2.0)[0] == 0


def test_at_many_timesteps_the_estimated_gradient_is_the_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "NEAR", 0.0)
    real, network, x = lowered("conv_valid", timesteps=20_000, signed_bit=8, encoding="current")
    window = Window("count", network.timesteps)
    wanted = descent.float_outputs(real, x) * 1.3 + 0.1
    learner = Learner(real, network, window, x, 1.0)
    seen: list[list[np.ndarray]] = []
    monkeypatch.setattr(learner.adam, "step", lambda gradients, rates: seen.append(gradients))
    learner.step(x, wanted, 1.0)

    def error() -> float:
        outputs = sim.run(learner.network(), quantise(network.input, x), network.timesteps, "count").outputs
        return output_error(outputs.reshape(wanted.shape), wanted, 1.0)[0]

    hidden = learner.parts[0]
    for number, size in ((len(hidden.values) - 3, 200.0), (len(hidden.values) - 1, 0.01)):
        ends = []
        for sign in (1, -1):
            hidden.values[number] += np.float32(sign * size)
            ends.append(error())
            hidden.values[number] -= np.float32(sign * size)
        slope = (ends[0] - ends[1]) / (2 * size)
        np.testing.assert_allclose(seen[0][number].sum(), slope, rtol=0.05)


@pytest.fixture(scope="module")
def residual() -> Any:
    return from_keras(build("add_linear_shortcut"), (6, 7, 3))


def trained(
    graph: Any, dynamics: ir.Dynamics, effort: Effort, **options: Any
) -> tuple[ir.Network, ir.Network, float, float]:
    """(uncalibrated, what descent made of it, E before and after)."""
    x = np.random.default_rng(1).random((400, 6, 7, 3)).astype(np.float32)
    chosen = Options(timesteps=4, dynamics=dynamics, encoding="current", calibrate="none", **options)
    network = lower(graph, x[:320], chosen)
    real = populate(graph, False, True)
    random = np.random.default_rng(0)
    return network, *descend(real, [network], Window(dynamics, 4), x[:320], x[320:], effort, random)


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_descent_gains_on_samples_it_did_not_see_and_repeats_itself(residual: Any, dynamics: ir.Dynamics) -> None:
    effort = Effort(images=4096, multiplications=1e12)
    network, found, before, after = trained(residual, dynamics, effort, signed_bit=4)
    ir.verify(found)
    assert after < 0.97 * before
    assert ir.content_hash(trained(residual, dynamics, effort, signed_bit=4)[1]) == ir.content_hash(found)
    assert ir.content_hash(found) != ir.content_hash(network)
    assert found.output.v0.max() == 0
    for given, changed in zip(network.populations, found.populations, strict=True):
        for one, other in zip(given.projections, changed.projections, strict=True):
            if not isinstance(one, SumPool2D):
                assert one.weights.dtype == other.weights.dtype
                assert np.abs(other.weights.astype(int)).max() <= 7


@pytest.mark.parametrize("rates", [(0.0, 0.0), (30.0, 3.0)], ids=["no steps", "harmful steps"])
def test_without_a_gain_the_network_stays_as_it_was(
    residual: Any, rates: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descent, "WEIGHTS", rates[0])
    monkeypatch.setattr(descent, "REST", rates[1])
    network, found, before, after = trained(residual, "count", BRIEF)
    assert ir.content_hash(found) == ir.content_hash(network)
    assert before == after


def test_too_little_effort_does_nothing(residual: Any) -> None:
    network, found, _, _ = trained(residual, "step", Effort(images=4096, multiplications=1e6))
    assert found is network


def test_a_firing_readout_keeps_one_threshold_and_its_start_through_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EFFORTS, "full", BRIEF)
    x = np.random.default_rng(1).random((100, 6, 7, 3)).astype(np.float32)
    network = snncc.convert(build("conv_valid"), x, timesteps=8, readout="spikes", calibrate="full").ir
    assert network.output.theta is not None
    assert network.output.theta.shape == ()
    assert network.output.v0 == network.output.theta // 2


@pytest.mark.parametrize("count", [40, 100])
def test_full_tells_its_progress_and_holds_samples_out_where_there_are_enough(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EFFORTS, "full", BRIEF)
    model = build("conv_valid")
    x = np.random.default_rng(1).random((count, 6, 7, 3)).astype(np.float32)
    graph = from_keras(model, x.shape[1:])
    plain = lower(graph, x, Options(calibrate="none", timesteps=4))
    real = populate(graph, False, False)
    told: list[tuple[int, int]] = []
    network, gained = calibrated(
        real, plain.input, scales(real, x), Options(calibrate="full", timesteps=4), x, lambda *t: told.append(t)
    )
    ir.verify(network)
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert told[-1] == (told[0][1], told[0][1])
    assert (gained[-1].population == WHOLE) == (count == 100)
    assert gained[-1].after <= gained[-1].before
    assert INPUT not in [g.population for g in gained]
