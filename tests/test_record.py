"""What a network keeps of its compilation, and that every later command goes by it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import ir
from snncc.errors import DataError, SnnccWarning
from snncc.lower.options import Options
from snncc.verification import verify
from tests.conftest import Digits
from tests.keras_models import L, build, keras, randomised, samples
from tests.test_cli import Run, everything, run  # noqa: F401 (a fixture)


def bytes_of(count: int = 60, seed: int = 3) -> np.ndarray:
    made = np.random.default_rng(seed).integers(0, 255, (count, 6, 6, 2), endpoint=True)
    return made.astype(np.uint8)


@pytest.fixture(scope="module")
def model() -> Any:
    """Trained, so to say, on bytes over 255; with one relu so that both dynamics differ."""
    pixels = keras.Input((6, 6, 2))
    x = L.Conv2D(4, 3, activation="relu", name="conv")(pixels)
    return randomised(keras.Model(pixels, L.Dense(3, name="out")(L.Flatten()(x)), name="small"))


@pytest.mark.parametrize("options", [[], ["--target-fps", "80000", "--clock-mhz", "100"]])
def test_export_after_compile_writes_the_same_bytes(run: Run, model: Any, tmp_path: Path, options: list[str]) -> None:  # noqa: F811
    """The golden images are those of compile, so the LANES, the vectors and the verdict are."""
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "d.npz", x=bytes_of() / np.float32(255))
    compile_ = ["compile", tmp_path / "m.keras", "--calibration", tmp_path / "d.npz", "--timesteps", "4"]
    targets = ["--target", "c", "--target", "verilog", *options]
    one = run(*compile_, "-o", tmp_path / "at_once", *targets)
    assert run(*compile_, "-o", tmp_path / "later")[0] == 0
    two = run("export", tmp_path / "later", *targets)
    assert one[0] == two[0] and everything(tmp_path / "at_once") == everything(tmp_path / "later")
    verdicts = [[line for line in said.splitlines() if "cycles" in line or "goal" in line] for _, said, _ in (one, two)]
    assert verdicts[0] == verdicts[1] and verdicts[0]


def test_golden_images_are_calibration_samples(model: Any, tmp_path: Path) -> None:
    data = bytes_of()
    network = snncc.convert(model, data / np.float32(255), timesteps=4)
    assert np.array_equal(network.ir.golden, data[[0, 15, 30, 45]])  # by hand: L = 255, lambda_0 = 1
    network.export(tmp_path / "n", "c")
    with np.load(tmp_path / "n" / "c" / "vectors.npz") as vectors:
        assert np.array_equal(vectors["pixels"], data[[0, 15, 30, 45]])
    assert {o.images for o in verify(tmp_path / "n", targets=["c-host"], strict=True).outcomes} == {4}
    assert snncc.load(network.save(tmp_path / "n.snn")).ir.golden is not None


def test_the_record_says_everything(model: Any, tmp_path: Path) -> None:
    x = bytes_of() / np.float32(255)
    network = snncc.convert(model, x, timesteps=4, percentile=99.5, input_range=(0.0, 1.0), seed=7)
    record = network.ir.record
    assert isinstance(record, ir.Record)
    assert set(record.options) == set(Options.__dataclass_fields__) - {"tool_version"}
    assert record.options["percentile"] == 99.5 and record.options["seed"] == 7
    assert record.data["sha256"] == hashlib.sha256(x.tobytes()).hexdigest()
    assert record.data["dtype"] == "float32" and record.data["shape"] == "60x6x6x2"
    assert {"snncc", "python", "numpy", "keras"} <= set(record.versions)
    network.write(tmp_path / "n")
    manifest = json.loads((tmp_path / "n" / "manifest.json").read_text())
    assert manifest["options"]["input_range"] == [0.0, 1.0] and manifest["calibration"] == record.data
    assert snncc.load(tmp_path / "n").ir.record.options == record.options  # type: ignore[union-attr]
    other = network.with_(timesteps=9, dynamics="step")
    assert other.ir.record.options["timesteps"] == 9 and other.ir.record.options["dynamics"] == "step"  # type: ignore[union-attr]


@pytest.mark.parametrize("pools", ["fire", "global", "all"])
def test_diagnose_goes_by_the_pools_it_was_compiled_with(pools: Any) -> None:
    """The names of the populations need not tell: here two choices give the same ones."""
    model, x = build("norm_after_average_pool"), samples("norm_after_average_pool")
    network = snncc.convert(model, x, average_pools=pools, calibrate="none", timesteps=2000, signed_bit=12)
    found = snncc.diagnose(network, model, x)
    assert {row.population for row in found.rows} - {"input"} == {p.name for p in network.ir.populations}
    assert max(row.total for row in found.rows) < 0.05
    bare = snncc.Network(ir.replace(network.ir, record=ir.Network.__struct_defaults__[-1]))
    with pytest.raises(DataError, match="compile it again"):
        snncc.diagnose(bare, model, x)


@pytest.mark.parametrize("timesteps", [17, 128, 65_536])
def test_above_the_compiled_timesteps_nothing_runs(run: Run, digits: Digits, tmp_path: Path, timesteps: int) -> None:  # noqa: F811
    """One rule: simulator, evaluate, diagnose, verify, the Keras twin, on the command line and from Python."""
    from snncc.keras_layers import to_keras

    network = snncc.load(digits.folder)
    message = "at most 16 timesteps" if timesteps < 65_536 else "65,535"
    for refused in (
        lambda: network.run(digits.x, timesteps=timesteps),
        lambda: snncc.evaluate(network, digits.x, digits.y, [4, timesteps]),
        lambda: snncc.diagnose(network, digits.model, digits.x, timesteps=timesteps),
        lambda: to_keras(network, timesteps),
        lambda: verify(digits.folder, timesteps=timesteps),
    ):
        with pytest.raises(DataError, match=message):
            refused()
    for command in (
        ["evaluate", digits.folder, digits.data, "-T", timesteps],
        ["diagnose", digits.folder, digits.data, "--model", digits.model, "-T", timesteps],
        ["verify", digits.folder, "-T", timesteps],
    ):
        code, out, err = run(*command)
        assert code and (message if timesteps < 65_536 else "1<=x<=65535") in err and not out
    if timesteps < 65_536:
        longer = network.with_(timesteps=timesteps)
        assert longer.run(digits.x, timesteps=timesteps).timesteps == timesteps and longer.hash != network.hash


def test_raw_bytes_and_inputs_of_the_model_are_the_same_images(model: Any) -> None:
    data = bytes_of()
    network = snncc.convert(model, data / np.float32(255), timesteps=4)
    assert network.raw_bytes == "byte/255"
    assert np.array_equal(network.run(data, raw=True).values, network.run(data / np.float32(255)).values)
    y = np.arange(len(data)) % 3
    own = snncc.evaluate(network, data, y, raw=True)[0]
    assert own == snncc.evaluate(network, data / np.float32(255), y)[0]
    with pytest.warns(SnnccWarning, match=r"byte/255: say that they are raw bytes"):
        network.run(data)
    assert snncc.convert(model, np.random.default_rng(0).normal(size=(30, 6, 6, 2))).raw_bytes is None


def test_help_and_pages_name_every_kind_of_bytes(run: Run) -> None:  # noqa: F811
    said = " ".join(run("compile", "--help")[1].split())
    page = (Path(__file__).parents[1] / "docs" / "guide" / "c.md").read_text()
    for kind in ir.BYTE_KINDS:
        assert f" {kind}," in said or f" {kind}." in said or f"{kind} or" in said, kind
        assert f"`{kind}`" in page, kind


@pytest.mark.parametrize("scale", [0.5, (0.5, 0.25), [0.5, 0.25], np.array([0.5, 0.25]), np.float64(0.5), (0.5,)])
def test_whatever_numbers_an_option_has_the_file_is_read_again(model: Any, tmp_path: Path, scale: Any) -> None:
    network = snncc.convert(model, bytes_of() / np.float32(255), bytes_scale=scale, percentile=np.float64(99.5))
    again = snncc.load(network.save(tmp_path / "n.snn"))
    assert again.hash == network.hash and again.ir.record.options == network.ir.record.options  # type: ignore[union-attr]
    assert np.array_equal(again.ir.input.raw_bytes.scale, np.squeeze(scale))  # type: ignore[union-attr]


@pytest.mark.parametrize("scale", ["0.5", "0.5,0.25"])
def test_a_scale_from_the_command_line(run: Run, model: Any, tmp_path: Path, scale: str) -> None:  # noqa: F811
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "d.npz", x=bytes_of() / np.float32(255))
    options = ["--bytes-scale", scale, "--bytes-offset", "-1", "--calibrate", "none"]
    code, out, err = run("compile", tmp_path / "m.keras", "--calibration", tmp_path / "d.npz", "-o", tmp_path / "n",
                         *options)  # fmt: skip
    assert not code and "as given" in out, err
    assert run("inspect", tmp_path / "n")[0] == 0
