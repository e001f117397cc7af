"""The public API: convert, run, with_, save, load, and what importing it costs."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.errors import CalibrationError, DataError, FileFormatError, NetworkError
from snncc.lower.options import Choices, Options
from tests.conftest import Digits


@pytest.fixture(scope="module")
def network(digits: Digits) -> snncc.Network:
    return snncc.load(digits.folder)


def test_importing_snncc_loads_nothing_heavy() -> None:
    code = "import sys, snncc; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert "snncc" in found
    assert not {"numpy", "tensorflow", "keras", "h5py", "rich", "jinja2", "click"} & set(found)


def test_the_api_without_keras(digits: Digits) -> None:
    """Loading, running and evaluating need no Keras; the command line's help needs no NumPy."""
    code = (
        "import sys, numpy, snncc\n"
        f"n = snncc.load({str(digits.folder)!r}); d = numpy.load({str(digits.data)!r})\n"
        "snncc.evaluate(n, d['x_test'], d['y_test'])\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys\nfrom snncc import cli\nassert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_public_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compile'"):
        snncc.compile  # noqa: B018


def test_run_shapes_and_defaults(network: snncc.Network, digits: Digits) -> None:
    result = network.run(digits.x, trace=True)
    assert (result.timesteps, result.dynamics) == (16, "count")
    assert result.classes.shape == (30,) and result.values.shape == (30, 4) and result.outputs.shape == (30, 4)
    assert set(result.counts) == {"input", *(p.name for p in network.ir.populations[:-1])}
    assert result.trace is not None
    for population in network.ir.populations[:-1]:
        u = result.trace.potentials[population.name]
        np.testing.assert_array_equal(np.clip(u // population.theta, 0, 16), result.counts[population.name])
    step = network.run(digits.x[:5], timesteps=3, dynamics="step", trace=True)
    assert step.trace is not None
    for name, spikes in step.trace.spikes.items():
        assert spikes.shape[:2] == (3, 5)
        np.testing.assert_array_equal(spikes.sum(axis=0, dtype=np.int64), step.counts[name])
    np.testing.assert_allclose(result.outputs, result.values / (network.ir.output_scale * 16))
    np.testing.assert_array_equal(result.classes, result.values.argmax(axis=1))


def test_no_images(network: snncc.Network, digits: Digits) -> None:
    result = network.run(digits.x[:0])
    assert result.classes.shape == (0,) and result.outputs.shape == (0, 4)


@pytest.mark.parametrize(
    "x", [np.zeros((3, 6, 6)), np.zeros((2, 6, 7, 1)), np.full((1, 6, 6, 1), "a"), np.full((1, 6, 6, 1), np.nan), 3.0]
)
def test_images_that_cannot_be_run(network: snncc.Network, x: Any) -> None:
    with pytest.raises(DataError):
        network.run(x)


def test_save_and_load(network: snncc.Network, digits: Digits, tmp_path: Path) -> None:
    path = network.save(tmp_path / "n.snn")
    again = snncc.load(path)
    assert again.hash == network.hash and repr(again) == repr(network)
    np.testing.assert_array_equal(again.run(digits.x).values, network.run(digits.x).values)
    assert [p.name for p in tmp_path.iterdir()] == ["n.snn"]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError):
        snncc.load(path)


def test_convert_is_repeatable_and_every_sample_counts(digits: Digits) -> None:
    x = np.load(digits.data)["x_train"]
    assert snncc.convert(digits.model, x).hash == snncc.convert(str(digits.model), x).hash
    brighter = np.concatenate([x, np.random.default_rng(1).integers(0, 2, (50, 6, 6, 1)).astype(np.float32)])
    assert snncc.convert(digits.model, x).hash != snncc.convert(digits.model, brighter).hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 8}, "unknown option.*bits"),
        ({"signed_bit": 1}, "signed_bit"),
        ({"percentile": 0}, "percentile"),
        ({"thresholding": "x"}, "thresholding"),
        ({"timesteps": -1}, "timesteps"),
    ],
)
def test_options_that_are_none(digits: Digits, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        snncc.convert(digits.model, digits.x, **options)


def test_the_typed_choices_are_the_options() -> None:
    """What a type checker lets pass is what `Options` has, each field but the one that snncc sets itself."""
    fields = {field.name for field in dataclasses.fields(Options)} - {"tool_version"}
    assert set(Choices.__annotations__) == fields


def test_names_are_identifiers(digits: Digits) -> None:
    for name in ("two words", "9lives", "a-b", "naïve"):
        with pytest.raises(NetworkError, match=f"'{name}' cannot name a network: it (holds|begins with) '[ 9ï-]'"):
            snncc.convert(digits.model, digits.x, name=name)


def test_calibration_must_be_a_batch(digits: Digits) -> None:
    for x in (3.0, np.zeros(4), digits.x[0], digits.x[:0], np.full((2, 6, 6, 1), np.inf)):
        with pytest.raises(CalibrationError):
            snncc.convert(digits.model, x)


def test_with_makes_a_new_network(network: snncc.Network, digits: Digits) -> None:
    other = network.with_(thresholding="0.3", scaling_factor=1.5, timesteps=9, dynamics="step", name="other")
    other.check()
    assert other.hash != network.hash and network.ir.timesteps == 16
    for new, old in zip(other.ir.populations[:-1], network.ir.populations[:-1], strict=True):
        thetas = [max(1, round(int(t) * 3 / 2)) for t in old.theta.ravel()]
        assert new.theta.ravel().tolist() == thetas
        assert new.v0.ravel().tolist() == [t * 3 // 10 for t in thetas]
    assert other.ir.output.theta is None
    assert network.with_().hash == network.hash
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(CalibrationError, match="scaling_factor"):
            network.with_(scaling_factor=bad)
    with pytest.raises((CalibrationError, NetworkError), match="timesteps"):
        network.with_(timesteps=0)


def test_a_broken_network_does_not_verify(network: snncc.Network) -> None:
    first = network.ir.populations[0]
    broken = ir.replace(first, theta=first.theta * 0)
    with pytest.raises(NetworkError, match=r"'conv'.*positive"):
        snncc.Network(ir.replace(network.ir, populations=(broken, *network.ir.populations[1:]))).check()
