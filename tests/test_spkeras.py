"""SpKeras's interface: its documented way of working, its options against its own arithmetic, and where it is wrong."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from snncc import errors, ir
from snncc.errors import CalibrationError, DataError, NetworkError, SnnccWarning
from snncc.spkeras import cnn_to_snn
from tests.spkeras_golden import FOLDER, Reference, accuracy, expected, logits, mnist, model

IMAGE = 1 / 300 + 1e-6


@pytest.fixture(scope="module")
def seq() -> cnn_to_snn:
    return cnn_to_snn()(model("seq"), mnist()[0])


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(model("seq"), mnist()[0])


def agreement(snn: cnn_to_snn, name: str, timesteps: int = 256) -> float:
    """Share of test images on which the top count is the CNN's class."""
    _, found = snn.evaluate(mnist()[1], logits(name).argmax(axis=1), timesteps=timesteps)
    return found


# --- the documented way of working ----------------------------------------------------------------------------


def test_the_readme_of_spkeras(tmp_path: Path) -> None:
    """Only the import differs: load, convert, evaluate, count spikes and neurons."""
    from keras.models import load_model

    x_train, x_test, y = mnist()
    y_test = keras.utils.to_categorical(y, 10)
    cnn_model = load_model(FOLDER / "seq.h5", compile=False)

    from snncc.spkeras import cnn_to_snn

    snn_model = cnn_to_snn(signed_bit=0)(cnn_model, x_train)
    _, acc = snn_model.evaluate(x_test, y_test, timesteps=256)
    s_max, s = snn_model.SpikeCounter(x_train, timesteps=256)
    n = snn_model.NeuronNumbers(mode=0)

    assert abs(acc - float(expected("seq")["cnn_accuracy"])) <= IMAGE
    assert len(s_max) == len(s) == len(n[1]) == 6
    assert max(s_max) <= 256
    assert all(total > 0 for total in s)


def functional() -> keras.Model:
    """The residual pattern of SpKeras's README: no activation after the add."""
    inputs = keras.Input((28, 28, 1))
    x = layers.AveragePooling2D(4)(inputs)
    x = layers.Conv2D(6, 3, padding="same")(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    node = layers.Activation("relu")(x)
    x = layers.Conv2D(6, 3, padding="same")(node)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Activation("relu")(x)
    x = layers.add([x, node])
    x = layers.Flatten()(x)
    x = layers.Dense(10)(x)
    return keras.Model(inputs, layers.Activation("softmax")(x))


def test_train_convert_and_evaluate_a_residual_network() -> None:
    keras.utils.set_random_seed(3)
    x_train, x_test, y = mnist()
    labels = model("seq").predict(x_train, verbose=0)  # a teacher: the golden calibration images carry no labels
    cnn = functional()
    cnn.compile(keras.optimizers.Adam(1e-2), "categorical_crossentropy", metrics=["accuracy"])
    cnn.fit(x_train, labels, batch_size=25, epochs=6, verbose=0)
    cnn_accuracy = cnn.evaluate(x_test, np.eye(10)[y], verbose=0, return_dict=True)["accuracy"]
    assert cnn_accuracy > 0.6
    top = cnn.predict(x_test, verbose=0).argmax(axis=1)
    for bits in (0, 8):
        snn = cnn_to_snn(signed_bit=bits)(cnn, x_train)
        assert snn.evaluate(x_test, top, timesteps=256)[1] >= 0.95
        assert abs(snn.evaluate(x_test, np.eye(10)[y], timesteps=256)[1] - cnn_accuracy) <= 0.02


def test_signature() -> None:
    constructor = {n: p.default for n, p in inspect.signature(cnn_to_snn).parameters.items()}
    assert constructor == {
        "timesteps": 256, "thresholding": 0.5, "signed_bit": 0, "scaling_factor": 1, "method": 1, "amp_factor": 100,
        "epsilon": 0.001, "spike_ext": 0, "noneloss": False, "user_define": 0,
    }  # fmt: skip
    evaluate = inspect.signature(cnn_to_snn.evaluate).parameters
    assert list(evaluate)[3:] == [
        "timesteps", "thresholding", "scaling_factor", "spike_ext", "noneloss", "sf", "fix",
    ]  # fmt: skip
    counter = inspect.signature(cnn_to_snn.SpikeCounter).parameters
    assert list(counter)[2:] == [
        "timesteps", "thresholding", "scaling_factor", "spike_ext", "batch_size", "noneloss", "mode",
    ]  # fmt: skip
    assert counter["timesteps"].default == 256


def test_config_and_parameters(seq: cnn_to_snn) -> None:
    config = seq.get_config()
    assert (config["timesteps"], config["signed_bit"], config["use_bias"], config["epsilon"]) == (256, 0, True, 0.001)
    for population, found in zip(seq.network.ir.populations, seq.parameters(), strict=True):
        assert found.name == population.name
        np.testing.assert_array_equal(found.threshold, population.theta)
        np.testing.assert_array_equal(found.bias, population.bias)


def test_integer_parameters_are_those_of_the_neuron() -> None:
    """n = clip(floor((sum W n + b T + v0) / theta), 0, T) from `parameters()` alone, for the last layer."""
    _, x, _ = mnist()
    snn = cnn_to_snn(signed_bit=5, timesteps=20)(model("seq"), mnist()[0])
    counts = snn.network.run(x[:16]).counts
    last = snn.parameters()[-1]
    (weights,) = last.weights.values()
    u = counts["dense"] @ weights + last.bias * 20 + last.start
    np.testing.assert_array_equal(np.clip(u // last.threshold, 0, 20), counts["dense_1"])


# --- options against SpKeras's arithmetic ---------------------------------------------------------------------


def check(ours: list[Any], theirs: list[Any]) -> None:
    """Never off by more than 1 and equal in 99.9 % of the neurons of all layers."""
    differences = [np.abs(a - b) for a, b in zip(ours, theirs, strict=True)]
    assert max(d.max() for d in differences) <= 1
    assert sum((d != 0).sum() for d in differences) <= 0.001 * sum(d.size for d in differences)


def counts(snn: cnn_to_snn, x: Any, timesteps: int, **options: Any) -> list[Any]:
    network = snn.network.with_(**options) if options else snn.network
    found = network.run(x, timesteps).counts
    return [found[p.name] for p in network.ir.populations]


@pytest.mark.parametrize(
    "options",
    [
        {"thresholding": 0.3},
        {"thresholding": -0.2},
        {"scaling_factor": 0.7},
        {"scaling_factor": 1.4, "thresholding": 0.8},
        {"spike_ext": 7},
        {"spike_ext": -1},
    ],
)
def test_options(seq: cnn_to_snn, reference: Reference, options: dict[str, Any]) -> None:
    """spike_ext with the bias window mended: SpKeras integrates the bias T + spike_ext times."""
    x, timesteps = mnist()[1][:48], 24
    theirs = [dict(options), {}]
    theirs[0]["ext"] = theirs[0].pop("spike_ext", 0)
    expected_counts = reference.counts(x, timesteps, window=timesteps, **theirs[0])
    check(counts(seq, x, timesteps, **options), expected_counts)
    _, ours = seq.evaluate(mnist()[1], mnist()[2], timesteps=timesteps, **options)
    found = accuracy(reference.counts(mnist()[1], timesteps, window=timesteps, **theirs[0])[-1])
    assert abs(ours - found) <= IMAGE


@pytest.mark.parametrize("options", [{"fix": 10}, {"fix": 24.0}, {"noneloss": True}, {"noneloss": True, "fix": 24}])
def test_unrounded(seq: cnn_to_snn, reference: Reference, options: dict[str, Any]) -> None:
    x, y = mnist()[1][:100], mnist()[2][:100]
    theirs = reference.counts(x, 24, **options)[-1]
    loss, found = seq.evaluate(x, np.eye(10)[y], timesteps=24, **options)
    assert found == (theirs.argmax(axis=1) == y).mean()
    assert loss == pytest.approx(cross_entropy(theirs, y), rel=2e-3)


def cross_entropy(counts: Any, y: Any) -> float:
    return float(keras.losses.sparse_categorical_crossentropy(y, counts, from_logits=True).numpy().mean())


def test_loss(seq: cnn_to_snn, reference: Reference) -> None:
    """The cross-entropy of softmax(counts), for one-hot labels and for class numbers, and Keras's own."""
    _, x, y = mnist()
    theirs = cross_entropy(reference.counts(x, 256)[-1], y)
    assert seq.evaluate(x, np.eye(10)[y])[0] == pytest.approx(theirs, rel=1e-2)
    assert seq.evaluate(x, np.eye(10)[y]) == seq.evaluate(x, y)
    loss, found = seq.model.evaluate(x, np.eye(10)[y], verbose=0)
    assert (loss, found) == pytest.approx(seq.evaluate(x, y), rel=1e-3)


def test_user_define(reference: Reference) -> None:
    x_train, x, _ = mnist()
    snn = cnn_to_snn(user_define=4)(model("seq"), x_train)
    own = Reference(model("seq"), x_train, user_define=4)
    assert [float(p.lambda_) for p in snn.network.ir.populations[:-1]] == [4.0] * 5
    assert float(snn.network.ir.output.lambda_) == pytest.approx(reference.lambdas[-1], rel=1e-5)
    check(counts(snn, x[:48], 32), own.counts(x[:48], 32))


def test_amp_factor_and_method_change_nothing(seq: cnn_to_snn) -> None:
    with pytest.warns(SnnccWarning, match="method"):
        errors.warn_once.cache_clear()
        other = cnn_to_snn(amp_factor=7, method=0)(model("seq"), mnist()[0])
    assert other.network.hash == seq.network.hash


def test_warnings_come_once(seq: cnn_to_snn) -> None:
    _, x, y = mnist()
    errors.warn_once.cache_clear()
    with pytest.warns(SnnccWarning, match="sf changes nothing") as seen:
        for _ in range(2):
            plain = seq.evaluate(x[:8], y[:8], timesteps=8, sf=[1, 2])
    assert len(seen) == 1
    assert plain == seq.evaluate(x[:8], y[:8], timesteps=8)


def test_spike_counter_is_the_evaluation_of_every_image(seq: cnn_to_snn) -> None:
    """Not of full batches alone; both modes agree with each other and with the counts."""
    x = mnist()[1][:37]
    every = counts(seq, x, 16)
    s_max, totals = seq.SpikeCounter(x, timesteps=16, batch_size=10)
    assert s_max == [c.max() for c in every]
    assert totals == [np.ceil(c.sum() / 37) for c in every]
    _, histograms = seq.SpikeCounter(x, timesteps=16, mode=1)
    assert histograms == [np.bincount(c.astype(int).ravel()).tolist() for c in every]


def test_integers() -> None:
    """signed_bit >= 2: `.network` is the IR, `evaluate` its bit-exact simulation, `.model` the same in Keras."""
    x_train, x, y = mnist()
    snn = cnn_to_snn(signed_bit=4, timesteps=32, thresholding=0.25, spike_ext=2, scaling_factor=0.9)(
        model("seq"), x_train
    )
    network = snn.network.ir
    ir.check(network)
    assert (network.signed_bit, network.timesteps, network.thresholding, network.spike_ext) == (4, 32, "0.25", 2)
    assert network.readout == "spikes"
    result = snn.network.run(x)
    options = {"timesteps": 32, "thresholding": 0.25, "spike_ext": 2, "scaling_factor": 0.9}
    assert snn.evaluate(x, y, **options)[1] == (result.classes == y).mean()
    s_max, _ = snn.SpikeCounter(x, **options)
    assert s_max == [result.counts[p.name].max() for p in network.populations]
    np.testing.assert_array_equal(snn.model.predict(x, verbose=0).argmax(axis=1), result.classes)
    assert snn.evaluate(x, y)[1] >= 0.95


def test_a_pipeline_starts_over_with_another_model(seq: cnn_to_snn) -> None:
    snn = cnn_to_snn(signed_bit=3)
    first = snn(model("seq"), mnist()[0]).network
    second = snn(model("residual"), mnist()[0]).network
    assert first.ir.name != second.ir.name or first.hash != second.hash
    assert snn.network is second


# --- where SpKeras is wrong: agreement with the CNN -----------------------------------------------------------


@pytest.mark.parametrize("bits", [4, 8])
def test_quantised_weights_keep_the_classes(reference: Reference, bits: int) -> None:
    assert accuracy(reference.counts(mnist()[1], 256, signed_bit=bits)[-1]) < 0.2  # SpKeras's own: chance
    assert agreement(cnn_to_snn(signed_bit=bits)(model("seq"), mnist()[0]), "seq") >= 0.97


def test_readme_residual_agrees_with_the_cnn() -> None:
    snn = cnn_to_snn()(model("readme_residual"), mnist()[0])
    assert agreement(snn, "readme_residual") >= 0.95
    assert float(expected("readme_residual")["accuracy_T256_thresholding0.5"]) < 0.61


@pytest.mark.parametrize("factor", [0.5, 2.0, 255.0])
def test_inputs_of_any_range(factor: float) -> None:
    """The same CNN on scaled images: SpKeras takes the largest input for 1."""
    x_train, x, _ = mnist()
    scaled = keras.models.clone_model(model("seq"))
    scaled.set_weights([model("seq").get_weights()[0] / factor, *model("seq").get_weights()[1:]])
    factor = np.float32(factor)
    snn = cnn_to_snn()(scaled, x_train * factor)
    found = snn.evaluate(x * factor, logits("seq").argmax(axis=1))[1]
    assert snn.network.ir.input.lambda_0 == factor
    assert found >= 0.98
    theirs = Reference(scaled, x_train * factor).counts(x * factor, 256)[-1]
    assert (theirs.argmax(axis=1) == logits("seq").argmax(axis=1)).mean() < 0.9


def test_spike_ext_adds_no_bias(seq: cnn_to_snn, reference: Reference) -> None:
    _, x, y = mnist()
    assert accuracy(reference.counts(x, 16, ext=16)[-1]) < 0.6
    assert seq.evaluate(x, y, timesteps=16, spike_ext=16)[1] >= 0.93


def test_every_calibration_sample_counts() -> None:
    x = mnist()[0][:150]
    ours = [float(p.lambda_) for p in cnn_to_snn()(model("seq"), x).network.ir.populations]
    np.testing.assert_allclose(ours, Reference(model("seq"), x).lambdas[1:], rtol=1e-4)
    dropped = Reference(model("seq"), x, drop_partial=True).lambdas[1:]
    assert np.abs(np.array(ours) / dropped - 1).max() > 0.05


def test_epsilon_is_each_layers_own_unless_passed() -> None:
    """SpKeras folds with 0.001 whatever the layers say."""
    x_train, x, _ = mnist()
    config = model("seq").get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "BatchNormalization":
            layer["config"]["epsilon"] = 0.01
    cnn = keras.Sequential.from_config(config)
    cnn.set_weights(model("seq").get_weights())
    top = cnn.predict(x, verbose=0).argmax(axis=1)
    assert cnn_to_snn()(cnn, x_train).evaluate(x, top)[1] >= 0.97
    passed = cnn_to_snn(epsilon=0.001)(cnn, x_train)
    assert passed.evaluate(x, top)[1] < 0.9
    assert passed.evaluate(x, logits("seq").argmax(axis=1))[1] >= 0.97
    assert all(layer.epsilon == 0.01 for layer in cnn.layers if isinstance(layer, layers.BatchNormalization))


def test_layers_that_spkeras_drops() -> None:
    """No bias under a batch normalisation, max-pool, a relu inside the layer, sigmoid at the end."""
    keras.utils.set_random_seed(1)
    cnn = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 3, strides=2, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    x_train, x, _ = mnist()
    top = cnn.predict(x, verbose=0)[:, 0] > 0.5
    snn = cnn_to_snn(timesteps=1024)(cnn, x_train)
    loss, found = snn.evaluate(x, top, timesteps=1024)
    assert found >= 0.95
    assert loss >= 0
    assert snn.NeuronNumbers()[0] == [(3, 3, 1, 4), (3, 3, 4, 4), (4, 1)]


# --- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"signed_bit": 1}, "signed_bit"),
        ({"signed_bit": 17}, "signed_bit"),
        ({"timesteps": 0}, "timesteps"),
        ({"spike_ext": -2}, "spike_ext"),
        ({"thresholding": "much"}, "thresholding"),
        ({"scaling_factor": 0}, "scaling_factor"),
        ({"amp_factor": -1}, "amp_factor"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"user_define": -1}, "user_define"),
        ({"signed_bit": 8, "noneloss": True}, "noneloss"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        cnn_to_snn(**options)


def test_runs_that_cannot_be(seq: cnn_to_snn) -> None:
    x_train, x, y = mnist()
    with pytest.raises(NetworkError, match="nothing is converted"):
        cnn_to_snn().evaluate(x, y)
    snn = cnn_to_snn(signed_bit=8)(model("seq"), x_train)
    with pytest.raises(NetworkError, match="float twin"):
        snn.evaluate(x, y, noneloss=True)
    with pytest.raises(NetworkError, match="float twin"):
        snn.evaluate(x, y, fix=3)
    with pytest.raises(DataError, match="no images"):
        seq.evaluate(x[:0], y[:0])
    with pytest.raises(DataError, match="no images"):
        seq.SpikeCounter(x[:0])
    with pytest.raises(DataError, match="shape"):
        seq.evaluate(x[:, :5], y)
    with pytest.raises(DataError, match="NaN"):
        seq.evaluate(x * np.nan, y)
    with pytest.raises(DataError, match="labels"):
        seq.evaluate(x, y[:3])


def test_nothing_is_printed(seq: cnn_to_snn, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seq.evaluate(mnist()[1][:4], mnist()[2][:4], timesteps=4)
        seq.SpikeCounter(mnist()[1][:4], timesteps=4)
        seq.NeuronNumbers()
    assert capsys.readouterr().out == ""
