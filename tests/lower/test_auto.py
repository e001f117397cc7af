"""`auto`: the cheapest choice near the least error; the network is that of the options it names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snncc
from snncc.frontend.keras import from_keras
from snncc.lower import auto
from snncc.lower import populate as populate_module
from snncc.lower.auto import choose, near_least
from snncc.lower.options import AUTO, Options
from snncc.lower.tune.descent import output_error as descends
from snncc.lower.tune.judge import output_error
from snncc.lower.tune.tensors import constant
from tests.conftest import Run
from tests.keras_models import L, build, keras, randomised, samples
from tests.support import examples


def pooled() -> Any:
    """Two pools, of which one covers the whole map: three different networks."""
    x = pixels = keras.Input((8, 8, 2))
    x = L.AveragePooling2D(2)(L.Conv2D(3, 3, padding="same", activation="relu")(x))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="relu")(x))
    return randomised(keras.Model(pixels, L.Dense(3)(x), name="pooled"))


X = np.random.default_rng(3).random((80, 8, 8, 2)).astype(np.float32)
LEAST = {"linear": "least"}


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6))
def test_the_first_that_is_near_the_least(errors: list[float]) -> None:
    found = near_least(errors)
    near = [e <= min(errors) * 1.1 or e <= min(errors) + 0.001 for e in errors]
    assert near[found] and not any(near[:found])


@examples(20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_the_judge_means_what_the_descent_minimises(seed: int, outputs: int) -> None:
    made, wanted = np.random.default_rng(seed).normal(0, 3, (2, 7, outputs))
    own, tensors = output_error(made, wanted, 2.0), float(descends(constant(made), constant(wanted), 2.0))
    assert own == pytest.approx(tensors, rel=1e-4, abs=1e-6)
    assert output_error(wanted, wanted, 2.0) == 0 < own


def decided(monkeypatch: pytest.MonkeyPatch, errors: dict[Any, float], **options: Any) -> Any:
    """What is chosen where each trial has the error of its encoding, pools and level, or 1.

    Of composed layers: of its encoding, pools, `compose` and samples to tune with.
    """
    tried = []

    def error(self: Any, made: Any, given: Options) -> float:
        key: Any = given.encoding, given.average_pools, given.calibrate
        if given.linear == "compose" or len(made.samples) == len(self.many) > len(self.seen):
            key = *key, given.linear, len(made.samples)
        tried.append(key)
        return errors.get(key, 1.0)

    monkeypatch.setattr(auto.Trials, "error", error)
    found = choose(from_keras(pooled(), (8, 8, 2)), X, Options(timesteps=4, **options))
    assert len(tried) == len(set(tried))
    return found, tried


def test_each_different_network_is_tried_once_and_the_cheapest_near_the_least_is_taken(monkeypatch: Any) -> None:
    least = {
        ("current", "all", "light"): 0.0100,
        ("rate", "all", "light"): 0.0111,
        ("current", "global", "light"): 0.0109,
    }
    found, tried = decided(monkeypatch, least)
    pools = [("current", pools, "light") for pools in auto.POOLS]
    assert tried == [*pools, ("rate", "global", "light"), ("current", "global", "none")]
    chosen = found.options
    assert (chosen.encoding, chosen.average_pools, chosen.calibrate) == ("current", "global", "light")
    assert found.lines["average_pools"].startswith(
        "`average_pools` global: error 1 with fire, 0.011 with global, 0.01 with all, on 16 calibration samples"
    )
    assert set(found.lines) == {"encoding", "average_pools", "calibrate"}  # fine as it is: nothing larger is tried


def test_a_cheaper_encoding_is_tried_with_the_pools_found_and_nothing_beside_what_is_near_any(monkeypatch: Any) -> None:
    near = {("current", "fire", "light"): 0.0105, ("current", "all", "light"): 0.01, ("rate", "fire", "light"): 0.0109}
    found, tried = decided(monkeypatch, near)
    assert (found.options.encoding, found.options.average_pools) == ("rate", "fire") and len(tried) == 5
    found, tried = decided(monkeypatch, {("current", "fire", "light"): 0.001})
    assert tried == [("current", "fire", "light"), ("rate", "fire", "light"), ("current", "fire", "none")]
    assert set(found.lines) == {"encoding", "calibrate"}


def test_larger_kernels_are_composed_where_that_mends_what_is_not_fine(monkeypatch: Any) -> None:
    """The global pool and the readout as one: 210 weights instead of 174. The other pool too would be 534."""
    monkeypatch.setattr(auto, "SEEN", 32)
    least = {("current", "all", "light"): 0.05, ("current", "all", "light", "least", 64): 0.04}

    def with_error(error: float, **options: Any) -> Any:
        return decided(monkeypatch, least | {("current", "global", "light", "compose", 64): error}, **options)

    found, tried = with_error(0.03)
    assert tried[-3:-1] == [("current", "all", "light", "least", 64), ("current", "global", "light", "compose", 64)]
    assert (found.options.linear, found.options.average_pools) == ("compose", "global")
    assert found.lines["linear"].startswith("`linear` compose: error 0.04 with least, 0.03 with compose, on 16")
    assert found.lines["average_pools"].startswith("`average_pools` global: error 0.03 with global, 0.04 with all")
    found, _ = with_error(0.0365)  # near: the cheaper one
    assert (found.options.linear, found.options.average_pools) == ("least", "all")
    assert found.lines["average_pools"].startswith("`average_pools` all: error 1 with fire")
    assert not any("compose" in key for key in with_error(0.03, average_pools="all")[1])
    assert not any("compose" in key for key in with_error(0.03, **LEAST)[1])
    monkeypatch.setattr(auto, "GROWTH", 1.2)
    assert not any("compose" in key for key in with_error(0.03)[1])


def test_what_would_explode_is_not_even_made(monkeypatch: Any) -> None:
    made, then = [], populate_module.then
    monkeypatch.setattr(populate_module, "then", lambda *given: made.append(then(*given)) or made[-1])
    graph = from_keras(pooled(), (8, 8, 2))
    with pytest.raises(populate_module.TooLargeError):
        populate_module.populate(graph, False, True, "all", "compose", most=485)  # 54 + 432: one more
    assert made == []
    populate_module.populate(graph, False, True, "all", "compose", most=534)
    assert {linear.cost.weights for linear in made} == {432, 48}


def test_the_level_follows_the_error_of_light(monkeypatch: Any) -> None:
    fixed = {"encoding": "rate", "average_pools": "fire", **LEAST}
    light, none = ("rate", "fire", "light"), ("rate", "fire", "none")

    def level(**errors: float) -> str:
        found = decided(monkeypatch, {light: errors["light"], none: errors["none"]}, **fixed)[0]
        assert set(found.lines) == {"calibrate"}
        return found.options.calibrate

    assert level(light=0.010, none=0.0109) == "none"
    assert level(light=0.010, none=0.0120) == "light"
    assert level(light=0.051, none=0.1) == "full"
    monkeypatch.setattr(auto, "find_spec", lambda _: None)
    assert level(light=0.051, none=0.1) == "light"


def test_what_is_given_is_not_tried(monkeypatch: Any) -> None:
    given = {"encoding": "rate", "average_pools": "all", "calibrate": "none", **LEAST}
    assert decided(monkeypatch, {}, **given) == (auto.Chosen(Options(timesteps=4, **given)), [])
    found, tried = decided(monkeypatch, {}, calibrate="none")
    assert {level for _, _, level, *_ in tried} == {"none"} and found.options.calibrate == "none"
    assert decided(monkeypatch, {}, signed_bit=0)[1] == decided(monkeypatch, {}, fixed_lambda=1.0)[1] == []


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_the_network_is_that_of_the_options_chosen_and_judged_in_the_simulator(dynamics: Any) -> None:
    model = pooled()
    made = snncc.convert(model, X, timesteps=3, dynamics=dynamics)
    record = made.ir.record
    assert record
    again = {name: record.options[name] for name in AUTO}
    assert "auto" not in again.values()
    assert snncc.convert(model, X, timesteps=3, dynamics=dynamics, **again).hash == made.hash
    assert snncc.convert(model, X, timesteps=3, dynamics=dynamics).hash == made.hash
    assert {"encoding", "average_pools", "calibrate"} <= set(record.data)


def test_a_trial_is_the_lowering_of_some_samples() -> None:
    """Its error, by the public simulator and a formula of the test's own."""
    graph, model = from_keras(pooled(), (8, 8, 2)), pooled()
    options = Options(timesteps=4, encoding="current", average_pools="all", calibrate="light", linear="least")
    trials = auto.Trials(graph, X, options, (float(X.min()), float(X.max())), None)
    given = auto.replace(options, input_range=trials.extremes, bytes="none")
    made = auto.calibrated(graph, trials.seen, given)
    assert len(trials.seen) == 64 and len(trials.unseen) == 16
    assert not {image.tobytes() for image in trials.seen} & {image.tobytes() for image in trials.unseen}
    network = snncc.convert(
        model, trials.seen, timesteps=4, encoding="current", average_pools="all", calibrate="light",
        input_range=trials.extremes, bytes="none",
    )  # fmt: skip
    outputs = network.run(trials.unseen).outputs.reshape(16, 3)
    wanted = np.asarray(model(trials.unseen), np.float64)
    p, q = (np.exp(v) / np.exp(v).sum(1, keepdims=True) for v in (wanted, outputs))
    expected = (p * np.log(p / q)).sum(1).mean() + ((outputs - wanted) ** 2).mean() / (2 * wanted.var())
    assert trials.error(made, options) == pytest.approx(expected, rel=1e-3)


def test_few_or_signed_or_dead_samples() -> None:
    graph = from_keras(pooled(), (8, 8, 2))
    few = choose(graph, X[:63], Options())
    assert (few.options.average_pools, few.options.calibrate) == ("fire", "light")
    assert few.lines["calibrate"] == "`calibrate` light, as 63 calibration samples are too few to try another."
    signed = choose(graph, X - 0.5, Options(timesteps=2, calibrate="none"))
    assert signed.options.encoding == "current" and "encoding" not in signed.lines  # there is nothing else
    dead = choose(graph, X * 0, Options())
    assert (dead.options, dead.lines) == (Options().plain(), {}) and dead.options.linear == "least"


def test_progress_never_goes_back() -> None:
    told: list[tuple[int, int]] = []
    snncc.convert(pooled(), X, timesteps=3, progress=lambda *t: told.append(t))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(done <= total for done, total in told)
    assert told[-1][0] == told[-1][1]


def test_the_command_says_each_choice_in_a_line_and_the_option_that_overrides_it(run: Run, tmp_path: Any) -> None:
    pooled().save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", X)
    compile_ = ("compile", tmp_path / "model.keras", "--calibration", tmp_path / "x.npy")
    code, out, _ = run(*compile_, "-o", tmp_path / "m", "--timesteps", 3)
    assert code == 0
    for option in ("--encoding", "--average-pools", "--calibrate"):
        assert sum(line.startswith(option) for line in out.splitlines()) == 1, out
    code, out, _ = run(*compile_, "-o", tmp_path / "n", "--target", "c", "--encoding", "rate", "--calibrate", "none")
    assert code == 0 and "--timesteps 255" in out and "--encoding rate" not in out
    assert snncc.load(tmp_path / "n").ir.timesteps == 255
    for more in (("--target", "c", "--dynamics", "step"), (), ("--target", "c", "--target", "verilog")):
        run(*compile_, "-o", tmp_path / "o", "--force", *more, "--calibrate", "none", "--average-pools", "fire")
        assert snncc.load(tmp_path / "o").ir.timesteps == 64


def test_a_float_twin_of_a_model_that_was_built_elsewhere_tries_nothing() -> None:
    network = snncc.convert(build("conv_valid"), samples("conv_valid"), signed_bit=0)
    assert network.ir.record and set(network.ir.record.data) == {"sha256", "dtype", "shape", "bytes"}
