"""Descent: its forward is the simulator's, its gradient the slope at many timesteps, its result never worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import snncc
from snncc import ir, sim
from snncc.frontend.keras import from_keras
from snncc.ir import (
    INPUT,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    MaxPool,
    Pad,
    Reshape,
    Source,
    Spread,
    SumPool2D,
    Window,
)
from snncc.lower import Options, lower
from snncc.lower.calibrate import scales
from snncc.lower.populate import populate
from snncc.lower.real import activations, real_input
from snncc.lower.tune import EFFORTS, WHOLE, descent, tensors, tuned_network
from snncc.lower.tune.descent import Learner, descend, forward, output_error
from snncc.lower.tune.effort import Effort
from snncc.lower.tune.tensors import Teacher, constant
from snncc.lower.tune.widths import Room
from snncc.sim.encode import to_pixels
from snncc.sim.linear import operator, values_of
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
def test_a_projection_is_the_simulators_and_its_gradient_the_adjoint(projection: Any, shape: tuple[int, ...]) -> None:
    x, direction = integers(4, *shape), integers(4, *shape)
    apply = operator(projection, shape, np.float64)
    out = apply(x)
    pool = isinstance(projection, SumPool2D)
    weights = constant(0 if pool else projection.weights)
    given, gradient = constant(x), integers(*out.shape)
    with tf.GradientTape() as tape:
        tape.watch([given, weights])
        made = tensors.linear(projection, weights, given)
        summed = tf.reduce_sum((tensors.rounded(made) if pool else made) * constant(gradient))
    np.testing.assert_array_equal(np.rint(made) if pool else made, out)
    assert not np.array_equal(made, apply(np.roll(x, 1, axis=-1)))
    back = tape.gradient(summed, [given, weights])
    assert np.rint((back[0] * direction).numpy().sum()) == (gradient * apply(direction)).sum()
    if not pool:
        other = integers(*projection.weights.shape)
        moved = operator(ir.replace(projection, weights=other), shape, np.float64)
        assert np.sum(back[1].numpy() * other) == (gradient * moved(x)).sum()


@pytest.mark.parametrize(
    "view",
    [
        Reshape(Source("a"), (126,)),
        Pad(Source("a"), (1, 0, 2, 1)),
        Concat((Source("a"), Source("b"), Source("a"))),
        MaxPool(Pad(Source("a"), (0, 1, 0, 0)), (2, 3), (2, 1), (1, 0, 0, 2)),
        Spread(Source("a"), (3, 2)),
        Spread(Source("a"), (2, 3), repeat=True),
    ],
    ids=lambda v: type(v).__name__,
)
def test_a_view_is_the_simulators(view: ir.View) -> None:
    values = {"a": RNG.permutation(4 * 126).reshape(4, *MAP) - 200.0, "b": integers(4, 7, 6, 2)}
    made = tensors.values_of(view, {name: constant(value) for name, value in values.items()})
    np.testing.assert_array_equal(made, values_of(view, values))
    assert not np.array_equal(made, values_of(view, values | {"a": np.roll(values["a"], 1)}))


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
    source = descent.input_values(network, x, window)
    parts = [descent.Learned(p, network.output_scale, 5, network.signed_bit) for p in network.populations]
    counts = forward(network, parts, constant(source), window)
    expected = sim.run(network, to_pixels(network.input, x), 5, dynamics)
    for population in network.populations[:-1]:
        np.testing.assert_array_equal(counts[population.name], expected.counts[population.name])
    np.testing.assert_array_equal(counts[network.output.name], expected.values)
    assert not np.array_equal(counts[network.populations[0].name], expected.counts[network.populations[0].name] + 1)


@pytest.mark.parametrize(
    "name", ["add_linear_shortcut", "average_pool_overlapping_same", "relu6", "separable", "norm_shared_conv"]
)
def test_the_teacher_is_the_float_network(name: str) -> None:
    real, _, x = lowered(name, timesteps=5)
    made = Teacher(real)(constant(real_input(real, x)))
    expected = list(activations(real, x))
    for population in real.populations:
        values = np.concatenate([chunk[population.name] for chunk in expected])
        np.testing.assert_allclose(made[population.name], values, rtol=1e-4, atol=1e-5)


def test_the_error_of_the_outputs_is_divergence_and_square() -> None:
    outputs, wanted = RNG.normal(size=(2, 6, 4))
    p, q = (np.exp(v) / np.exp(v).sum(axis=1, keepdims=True) for v in (wanted, outputs))
    expected = (p * np.log(p / q)).sum(axis=1).mean() + np.square(outputs - wanted).mean() / 4
    np.testing.assert_allclose(output_error(constant(outputs), constant(wanted), 2.0), expected, rtol=1e-5)
    assert output_error(constant(wanted), constant(wanted), 2.0) == 0


def test_at_many_timesteps_the_estimated_gradient_is_the_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent, "NEAR", 0.0)
    real, network, x = lowered("conv_valid", timesteps=20_000, signed_bit=8, encoding="current")
    window = Window("count", network.timesteps)
    learner = Learner(real, network, window, x, 1.0)
    moved = learner.parts[0]
    source, prepared = constant(descent.input_values(network, x, window)), constant(real_input(real, x))
    learner.units[network.output.name] *= 1.5  # an error to come back from
    for variable, size in ((moved.bias, 2e5), (moved.factor, 30.0)):
        with tf.GradientTape() as tape:
            error = learner.error(prepared, source)
        gradient = tape.gradient(error, variable).numpy().sum()
        ends = []
        for sign in (1, -1):
            variable.assign_add(tf.fill(variable.shape, sign * size))
            ends.append(float(learner.error(prepared, source)))
            variable.assign_sub(tf.fill(variable.shape, sign * size))
        np.testing.assert_allclose(gradient, (ends[0] - ends[1]) / (2 * size), rtol=0.05)


@pytest.fixture(scope="module")
def residual() -> Any:
    return from_keras(build("add_linear_shortcut"), (6, 7, 3))


def trained(
    graph: Any, dynamics: ir.Dynamics, effort: Effort, less: int | None = None, **options: Any
) -> tuple[ir.Network, ir.Network, float, float]:
    """(uncalibrated, what descent made of it in the room that it takes less `less` bits, E before and after)."""
    x = np.random.default_rng(1).random((400, 6, 7, 3)).astype(np.float32)
    chosen = Options(timesteps=4, dynamics=dynamics, encoding="current", calibrate="none", **options)
    network = lower(graph, x[:320], chosen)
    real = populate(graph, False, True)
    random = np.random.default_rng(0)
    rooms = {p.name: {} if less is None else bits(network, p, less) for p in network.populations}
    return network, *descend(real, network, Window(dynamics, 4), rooms, x[:320], x[320:], effort, random)


def bits(network: ir.Network, population: ir.Population, less: int) -> Room:
    """What a population takes in each of the dynamics, less some bits."""
    top = 0 if population.theta is None else int(population.theta.max())
    found = {d: proved[population.name] for d, proved in ir.prove(network).items()}
    return {d: ir.bits_needed((low, max(high, top))) - less for d, (low, high) in found.items()}


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_descent_gains_on_samples_it_did_not_see_and_repeats_itself(residual: Any, dynamics: ir.Dynamics) -> None:
    effort = Effort(images=4096, multiplications=1e12)
    network, found, before, after = trained(residual, dynamics, effort, signed_bit=4)
    ir.check(found)
    assert after < 0.97 * before
    assert ir.content_hash(trained(residual, dynamics, effort, signed_bit=4)[1]) == ir.content_hash(found)
    assert ir.content_hash(found) != ir.content_hash(network)
    assert found.output.v0.max() == 0
    for given, changed in zip(network.populations, found.populations, strict=True):
        for one, other in zip(given.projections, changed.projections, strict=True):
            if not isinstance(one, SumPool2D):
                assert one.weights.dtype == other.weights.dtype
                assert np.abs(other.weights.astype(int)).max() <= 7


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_what_was_learned_is_made_to_fit_its_room(residual: Any, dynamics: ir.Dynamics) -> None:
    effort = Effort(images=4096, multiplications=1e12)
    network, found, before, after = trained(residual, dynamics, effort, less=2, signed_bit=4)
    ir.check(found)
    assert after < before
    for start, end in zip(network.populations, found.populations, strict=True):
        room = bits(network, start, 2)
        assert all(needed <= room[d] for d, needed in bits(found, end, 0).items())


@pytest.mark.parametrize("rates", [(1e-9, 1e-9), (30.0, 3.0)], ids=["no steps", "harmful steps"])
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
    network, gained = tuned_network(
        real, plain.input, scales(real, x), Options(calibrate="full", timesteps=4), x, lambda *t: told.append(t)
    )
    ir.check(network)
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert told[-1] == (told[0][1], told[0][1])
    assert (gained[-1].population == WHOLE) == (count == 100)
    assert gained[-1].after <= gained[-1].before
    assert INPUT not in [g.population for g in gained]
