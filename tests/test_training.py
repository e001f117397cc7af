"""QCFS against NumPy and the neuron of `count`; the recipe; the way back from the Keras form to the integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snncc
from snncc import ir, sim
from snncc.errors import CalibrationError, DataError, NetworkError, UnsupportedLayerError
from snncc.keras_layers import to_keras, to_network
from snncc.training import QCFS, fine_tune, fine_tune_network, with_qcfs
from snncc.training.replace import least_error
from tests import networks, strategies
from tests.keras_counts import counts, differences, images
from tests.keras_models import randomised
from tests.support import examples

L = keras.layers


def qcfs(x: np.ndarray, scale: Any, levels: int) -> np.ndarray:
    """Bu et al. 2022, equation 9 with phi = 1/2, in float64."""
    return np.asarray(scale) * np.clip(np.floor(x * levels / scale + 0.5) / levels, 0, 1)


def activated(x: np.ndarray, scale: Any, levels: int, per_channel: bool = False) -> np.ndarray:
    layer = QCFS(levels, per_channel=per_channel, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([np.broadcast_to(scale, layer.scale.shape)])
    return np.asarray(layer(x))


# --- the activation ----------------------------------------------------------------------------------------


@examples(60)
@given(st.integers(1, 40), st.floats(0.01, 50), st.integers(0, 2**32 - 1))
def test_the_activation_is_its_formula(levels: int, scale: float, seed: int) -> None:
    x = np.random.default_rng(seed).normal(0, scale, (40, 3))
    np.testing.assert_allclose(activated(x, scale, levels), qcfs(x, scale, levels), rtol=1e-12)
    assert (activated(x, scale * 1.3, levels) != qcfs(x, scale, levels)).any()


def test_a_scale_per_channel() -> None:
    x, scales = np.random.default_rng(0).normal(0, 2, (50, 4, 3)), np.array([0.5, 1.0, 3.0])
    np.testing.assert_allclose(activated(x, scales, 4, per_channel=True), qcfs(x, scales, 4), rtol=1e-12)


def neuron_and_activation(levels: int, theta: int, v0: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The counts of integrate-and-fire neurons in `count`, and n of QCFS with lambda = theta on the same drive."""
    weights = np.random.default_rng(seed).integers(-127, 128, (3, 50))
    dense = ir.Dense(name="w", source=ir.Source("input"), weights=weights.astype(np.int8))
    same = ir.Identity(name="o", source=ir.Source("fire"), weights=np.ones((), np.int8))
    neuron = networks.population("fire", (50,), dense, theta=theta, v0=v0)
    readout = networks.population("out", (50,), same, theta=None)
    source = {"encoding": "current", "bits": 4}
    network = networks.network(neuron, readout, shape=(3,), source=source, timesteps=levels)
    pixels = np.random.default_rng(seed + 1).integers(0, 15, (4, 3))
    fired = sim.run(network, pixels, levels, "count").counts["fire"]
    y = activated((pixels @ weights).astype(np.float64), theta, levels)
    return fired, (y * levels / theta).round(9)


@examples(60)
@given(st.integers(1, 12), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_the_activation_counts_as_the_neuron_does(levels: int, half: int, seed: int) -> None:
    """theta = lambda, v0 = theta/2, T = levels: the same n whatever the integer charge, ties included."""
    np.testing.assert_array_equal(*neuron_and_activation(levels, 2 * half, half, seed))


@pytest.mark.parametrize("v0", [0, 900, 1100])
def test_another_start_potential_counts_otherwise(v0: int) -> None:
    fired, n = neuron_and_activation(8, 2000, v0, 1)
    assert (fired != n).any()


def test_gradients_pass_straight_through() -> None:
    import tensorflow as tf

    layer = QCFS(4, initial=2.0)
    x = tf.constant([[-1.0, 0.1, 0.7, 1.9, 5.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    np.testing.assert_allclose(y, [[0, 0, 0.5, 2, 2]])
    np.testing.assert_array_equal(tape.gradient(y, x), [[0, 1, 1, 1, 0]])
    with tf.GradientTape() as tape:
        y = layer(x)
    slopes = np.asarray(tape.jacobian(y, layer.scale.value))[0]
    np.testing.assert_allclose(slopes, [0, 0 - 0.05, 0.25 - 0.35, 1 - 0.95, 1], atol=1e-6)


def test_lambda_stays_positive_and_wrong_numbers_are_refused() -> None:
    model = keras.Sequential([keras.Input((3,)), QCFS(2, initial=0.01)])
    model.compile(keras.optimizers.SGD(100.0), "mse")
    model.fit(np.full((8, 3), 5.0), np.full((8, 3), -9.0), verbose=0)
    assert 0 < float(model.layers[-1].scale) <= 1e-6
    for wrong in ({"levels": 0}, {"levels": 4, "initial": 0.0}, {"levels": 4, "initial": float("nan")}):
        with pytest.raises(CalibrationError, match="QCFS needs"):
            QCFS(**wrong)


# --- in the place of relus ---------------------------------------------------------------------------------


def branched() -> Any:
    """A relu in a layer, one of its own after an Add, one in a nested model, and a shared layer."""
    inner = keras.Sequential([keras.Input((5, 5, 4)), L.Conv2D(4, 1, activation="relu", name="deep")], name="nested")
    x = keras.Input((6, 6, 2))
    first = L.Conv2D(4, 2, activation="relu", name="first")(x)
    shared = L.Conv2D(4, 3, padding="same", name="shared")
    joined = L.ReLU(name="joined")(L.Add()([shared(first), shared(inner(first))]))
    out = L.Dense(3, activation="softmax")(L.Dense(8, activation="relu", name="hidden")(L.Flatten()(joined)))
    return randomised(keras.Model(x, out, name="branched"))


def qcfs_layers(model: Any) -> dict[str, Any]:
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= qcfs_layers(layer)
        elif isinstance(layer, QCFS):
            found[layer.name] = layer
    return found


def test_every_relu_becomes_qcfs_and_the_rest_stays() -> None:
    model, x = branched(), np.random.default_rng(0).random((20, 6, 6, 2))
    made = with_qcfs(model, x, 2**14)
    assert set(qcfs_layers(made)) == {"first_qcfs", "deep_qcfs", "joined", "hidden_qcfs"}
    assert not qcfs_layers(model)
    np.testing.assert_allclose(made.predict(x, verbose=0), model.predict(x, verbose=0), atol=2e-3)  # 2^14 levels
    coarse = with_qcfs(model, x, 1)
    assert np.abs(coarse.predict(x, verbose=0) - model.predict(x, verbose=0)).max() > 1e-2
    again = with_qcfs(made, x, 3)  # those that are there keep their lambda and take the new levels
    for name, layer in qcfs_layers(again).items():
        assert layer.levels == 3
        np.testing.assert_array_equal(layer.scale, qcfs_layers(made)[name].scale)


def test_lambda_has_the_least_error() -> None:
    """Against every one of 4,000 candidates, per layer and per channel."""
    values = np.maximum(np.random.default_rng(0).normal(0, [1.0, 4.0], (3000, 2)), 0)
    for columns, found in ((values.reshape(-1, 1), least_error(values, 2, per_channel=False)[None]),
                           (values, least_error(values, 2, per_channel=True))):  # fmt: skip
        for column, scale in zip(columns.T, found, strict=True):
            errors = {
                c: ((column - qcfs(column, c, 2)) ** 2).mean() for c in np.linspace(0.001, 1, 4000) * column.max()
            }
            best = min(errors.values())
            assert ((column - qcfs(column, scale, 2)) ** 2).mean() < 1.01 * best
            assert ((column - qcfs(column, column.max(), 2)) ** 2).mean() > 1.5 * best


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([L.Dense(4), L.LeakyReLU(name="leaky")], "'leaky'.*use ReLU"),
        ([L.Dense(4, activation="leaky_relu", name="sloped")], "'sloped'.*use relu"),
        ([L.Dense(4), L.ReLU(negative_slope=0.1, name="slope")], "'slope'.*plain ReLU"),
        ([L.Dense(4)], "has no relu"),
    ],
)
def test_what_qcfs_cannot_stand_for_is_refused(layers: list[Any], said: str) -> None:
    model = keras.Sequential([keras.Input((3,)), *layers, L.Dense(2)])
    with pytest.raises(UnsupportedLayerError, match=said):
        with_qcfs(model, np.ones((4, 3)), 4)


# --- the recipe --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return (x[order].reshape(-1, 8, 8, 1) / 16).astype(np.float32), y[order]


@pytest.fixture(scope="module")
def trained(digits: tuple[np.ndarray, np.ndarray]) -> Any:
    """A small float CNN on 8x8 digits, with a softmax."""
    x, y = digits
    keras.utils.set_random_seed(1)
    layers = [L.Conv2D(8, 3, activation="relu", name="conv"), L.AveragePooling2D(2), L.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers, L.Dense(24, activation="relu", name="hidden"),
                              L.Dense(10, activation="softmax", name="out")], name="tiny")  # fmt: skip
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(x[:1200], y[:1200], epochs=8, batch_size=64, verbose=0)
    return model


def accuracy(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    return float((model.predict(x, verbose=0).argmax(1) == y).mean())


def test_fine_tuning_without_labels_learns_at_one_timestep(trained: Any, digits: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = digits
    before = [w.copy() for w in trained.get_weights()]
    untuned = with_qcfs(trained, x[:1200], 1)
    tuned = fine_tune(trained, x[:1200], timesteps=1, epochs=6, learning_rate=5e-3)
    assert accuracy(tuned, x[1200:], y[1200:]) > accuracy(untuned, x[1200:], y[1200:]) + 0.03
    assert all(layer.levels == 1 for layer in qcfs_layers(tuned).values())
    for old, new in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_tuned_model_converts_to_the_counts_of_its_activations(
    trained: Any, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    """At 12 bits the rounding of weights moves hardly a count; another lambda moves many."""
    images = (np.rint(digits[0] * 255) / 255).astype(np.float32)  # as fine as pixels
    x = images[1200:1400]
    model = with_qcfs(trained, images[:300], 3)
    options: Any = {"signed_bit": 12, "encoding": "current", "calibrate": "none"}
    network = snncc.convert(model, images[:300], timesteps=3, average_pools="all", **options)
    layers = qcfs_layers(model)
    made = keras.Model(model.input, {name: layer.output for name, layer in layers.items()}).predict(x, verbose=0)
    counts = network.run(x, 3).counts
    populations = [p.name for p in network.ir.populations if p.saturates]
    for (name, layer), population in zip(layers.items(), populations, strict=True):
        n = np.asarray(made[name]) * 3 / float(layer.scale)
        assert (counts[population] == n.round()).mean() > 0.998, name
        assert (counts[population] == (n * 0.6).round()).mean() < 0.95, name


def test_the_same_seed_gives_the_same_model_and_a_file_does_as_well(
    trained: Any, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    x, y = digits[0][:128], digits[1][:128]
    trained.save(tmp_path / "tiny.keras")
    one, other = (fine_tune(m, x, y, timesteps=2, epochs=1, seed=3).get_weights()
                  for m in (trained, tmp_path / "tiny.keras"))  # fmt: skip
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    untuned = with_qcfs(trained, x, 2, seed=3).get_weights()
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(one, untuned, strict=True))


def test_wrong_data_are_refused(trained: Any, digits: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = digits
    with pytest.raises(DataError, match="20 images and 19 labels"):
        fine_tune(trained, x[:20], y[:19], timesteps=2)
    with pytest.raises(DataError, match="one-hot rows"):
        fine_tune(trained, x[:20], np.ones((20, 3)), timesteps=2)
    with pytest.raises(DataError, match="there are none"):
        fine_tune(trained, x[:0], y[:0], timesteps=2)
    regression = keras.Sequential([keras.Input((3,)), L.Dense(4, activation="relu"), L.Dense(1)])
    with pytest.raises(DataError, match="give `loss`"):
        fine_tune(regression, np.ones((4, 3)), np.ones(4), timesteps=2)


# --- and back ----------------------------------------------------------------------------------------------


def rounded(values: np.ndarray, most: float = np.inf) -> np.ndarray:
    """The nearest integers, halves upwards."""
    return np.clip(np.ceil(np.floor(2 * values) / 2), -most, most).astype(np.int64)


def trainable(network: ir.Network, timesteps: int) -> keras.Model:
    try:
        return to_keras(network, timesteps, trainable=True)
    except NetworkError as error:
        import hypothesis

        assert "53 bits" in str(error) or "63" in str(error)
        hypothesis.reject()


@examples(8)
@given(strategies.cases(dynamics="count", extreme=False), st.integers(0, 2**32 - 1))
def test_the_integers_of_a_changed_model_come_back(case: strategies.Case, seed: int) -> None:
    """Random real weights in the Keras form: the network read back has the nearest integers and the same counts."""
    network, pixels, timesteps = case
    x = images(network.input, pixels)
    model = trainable(network, timesteps)
    assert not differences(network, x, timesteps, counts(network, model, x))
    same = to_network(model, network)
    assert ir.content_hash(same) == ir.content_hash(network)
    random, most = np.random.default_rng(seed), 2 ** (network.signed_bit - 1) - 1
    wanted = {}
    for layer in model.layers:
        if layer.name.endswith(("_synapses",)) or "_synapses_" in layer.name:
            for weight in layer.weights:
                real = random.uniform(-most, most, weight.shape)
                weight.assign(real)
                wanted[layer.name] = rounded(np.asarray(weight, np.float64), most)
    back = to_network(model, network, check=0)
    found = {f"{p.name}_synapses": q.weights for p in back.populations for q in p.projections if len(p.projections) == 1
             and not isinstance(q, ir.SumPool2D)}  # fmt: skip
    for name in found.keys() & wanted.keys():
        np.testing.assert_array_equal(found[name], wanted[name])
    assert not differences(back, x, timesteps, counts(back, model, x))
    ir.check(back)


@pytest.fixture(scope="module")
def network(trained: Any, digits: tuple[np.ndarray, np.ndarray]) -> snncc.Network:
    return snncc.convert(trained, digits[0][:300], timesteps=1, calibrate="none", encoding="current",
                         average_pools="all")  # fmt: skip


def test_a_tuned_network_is_better_and_says_what_was_done(
    network: snncc.Network, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    x, y = digits
    tuned = fine_tune_network(network, x[:1200], y[:1200], epochs=3, learning_rate=2e-3)
    before, after = (snncc.evaluate(n, x[1200:], y[1200:])[0].accuracy for n in (network, tuned))
    assert after > before + 0.02
    assert tuned.hash != network.hash
    for old, new in zip(network.ir.populations, tuned.ir.populations, strict=True):
        assert old.theta is None or np.array_equal(old.theta, new.theta)
        assert all(a.shift == b.shift for a, b in zip(old.projections, new.projections, strict=True))
        assert old.theta is None or (old.bias != new.bias).any()
    assert "fine_tuned(epochs=3" in tuned.ir.record.data["changed"]
    assert snncc.load(tuned.save(tmp_path / "tuned.snn")).hash == tuned.hash


def test_a_twin_that_fit_trained_comes_back_saved_or_not(
    network: snncc.Network, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    """Keras's own `fit`: every count of the network read back is the trained twin's, and few are the old network's."""
    x, y = digits[0][:256], digits[1][:256]
    model = to_keras(network, trainable=True)
    model.compile(keras.optimizers.Adam(0.5), keras.losses.SparseCategoricalCrossentropy())
    model.fit(x, y, batch_size=32, epochs=1, verbose=0)
    back = to_network(model, network, check=0)
    found = counts(network.ir, model, x[:40])
    assert not differences(back, x[:40], 1, found)
    assert len(differences(network.ir, x[:40], 1, found)) == len(found), "the old network counts otherwise"
    model.save(tmp_path / "twin.keras")
    loaded = keras.models.load_model(tmp_path / "twin.keras")
    assert ir.content_hash(to_network(loaded, network)) == ir.content_hash(back) != network.hash


def test_a_wrong_integer_is_noticed(network: snncc.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: rounding otherwise than the model does is found by the check, and named."""
    import snncc.keras_layers.back as back

    model = to_keras(network, trainable=True)
    right = back.numbers_used
    monkeypatch.setattr(back, "numbers_used", lambda layer, which, old: np.roll(right(layer, which, old), 1))
    with pytest.raises(NetworkError, match="population 'conv'"):
        to_network(model, network)


def test_models_of_others_are_refused(network: snncc.Network, trained: Any) -> None:
    with pytest.raises(NetworkError, match="has no layer 'input'"):
        to_network(trained, network)
    plain = to_keras(network)
    plain.get_layer("conv_synapses").kernel.assign(np.asarray(plain.get_layer("conv_synapses").kernel) + 0.5)
    with pytest.raises(NetworkError, match=r"no integers|has no layer"):
        to_network(plain, network)
    moved = to_keras(network, trainable=True)
    moved.get_layer("conv").theta.assign(np.asarray(moved.get_layer("conv").theta) * 1.5)
    with pytest.raises(NetworkError, match="'conv': its theta changed"):
        to_network(moved, network)
    twin = snncc.Network(ir.replace(network.ir, signed_bit=0))
    with pytest.raises(DataError, match="float twin"):
        fine_tune_network(twin, np.ones((2, 8, 8, 1)), np.ones(2))


def test_a_float_twin_comes_back(trained: Any, digits: tuple[np.ndarray, np.ndarray]) -> None:
    twin = snncc.convert(trained, digits[0][:100], signed_bit=0, timesteps=4)
    model = to_keras(twin)
    assert ir.content_hash(to_network(model, twin)) == twin.hash
    kernel = model.get_layer("conv_synapses").kernel
    kernel.assign(np.asarray(kernel) * 0.5)
    back = to_network(model, twin)
    np.testing.assert_array_equal(back["conv"].projections[0].weights, twin.ir["conv"].projections[0].weights * 0.5)


# --- the images that the page's figures are of -------------------------------------------------------------


def test_patches_for_training_and_for_testing_share_no_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photograph whose values are the places of its pixels, cut by benchmarks/colours.py."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import colours

    places, random = np.arange(300 * 451).reshape(300, 451, 1), np.random.default_rng(0)
    training, testing = colours.blocks(places, random)
    one, again, other = (colours.patches(places, corners, 400, random) for corners in (training, training, testing))
    assert one.shape == (400, 32, 32, 1) and np.isin(one, again).mean() > 0.9
    assert not np.isin(one, other).any()
    apart = np.abs(training[:, None] - testing).max(axis=2)
    assert apart.min() == colours.BLOCK + colours.GAP
