"""The command line: what it writes, prints and refuses; errors are one message and nothing is half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import backends, ir, store, terminal
from snncc.backends.options import TargetOptions
from snncc.errors import FileFormatError
from snncc.ir.text import parse
from tests.conftest import Digits, Run
from tests.support import everything


def _emit(network: Any, folder: Path, options: Any) -> None:
    (folder / "program.txt").write_text(network.name)


def _fail(network: Any, folder: Path, options: Any) -> None:
    (folder / "half.txt").write_text("half")
    raise OSError(28, "No space left on device")


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two targets that work and one whose disk is full."""
    for called, emitted in (("paper", _emit), ("stone", _emit), ("full", _fail)):

        class Paper(backends.Target[TargetOptions]):
            name, writes, write = called, "a text", staticmethod(emitted)

        monkeypatch.setitem(sys.modules, f"target_{called}", SimpleNamespace(TARGET=Paper()))
        monkeypatch.setitem(backends.TARGETS, called, f"target_{called}")


def test_compile_writes_the_folder(run: Run, digits: Digits, tmp_path: Path, targets: None) -> None:
    out = tmp_path / "new" / "out"
    code, text, err = run("compile", digits.model, "--calibration", digits.data, "-o", out, "--target", "paper")
    assert (code, err) == (0, "")
    assert sorted(everything(out)) == ["manifest.json", "network.snn", "paper/program.txt"]
    network = snncc.load(out)
    assert network.hash[:16] in text and "conv" in text
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["hash"] == network.hash and manifest["targets"] == {"paper": {}}
    assert [p.name for p in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("options", "said"), [("-", False), ("--timesteps 4", True), ("--timesteps 4 --encoding current", False)]
)
def test_compile_says_when_rate_coded_pixels_have_few_levels(
    run: Run, digits: Digits, tmp_path: Path, options: str, said: bool
) -> None:
    given = [] if options == "-" else options.split()
    code, text, _ = run("compile", digits.model, "--calibration", f"{digits.data}:few", "-o", tmp_path / "out", *given)
    assert code == 0
    assert ("5 levels per pixel at T = 4; --encoding current keeps all 256" in " ".join(text.split())) == said


def test_compile_options_reach_the_network(run: Run, digits: Digits, tmp_path: Path) -> None:
    options = (
        "--signed-bit 5 --timesteps 9 --dynamics step --encoding current --thresholding 0.25 --percentile 99 "
        "--per-tensor --lambda-per-channel --input-bits 6 --input-range -2 1.5 --readout spikes --spike-ext 3 --name it"
    )
    code, _, _ = run("compile", digits.model, "--calibration", f"{digits.data}:few", "-o", tmp_path, *options.split())
    assert code == 0
    found = snncc.load(tmp_path).ir
    assert (found.signed_bit, found.timesteps, found.dynamics, found.thresholding) == (5, 9, "step", "0.25")
    assert (found.input.bits, found.input.lambda_0, found.input.signed, found.input.encoding) == (6, 2, True, "current")
    assert (found.readout, found.spike_ext, found.name) == ("spikes", 3, "it")
    assert found.populations[0].lambda_.shape == (3,)
    wanted = snncc.convert(
        digits.model, np.load(digits.data)["few"], signed_bit=5, timesteps=9, dynamics="step", encoding="current",
        thresholding="0.25", percentile=99, per_channel=False, lambda_per_channel=True, input_bits=6,
        input_range=(-2.0, 1.5), readout="spikes", spike_ext=3, name="it",
    )  # fmt: skip
    assert wanted.hash == snncc.load(tmp_path).hash


def test_compile_prints_the_sizes_of_what_it_exports(run: Run, digits: Digits, tmp_path: Path) -> None:
    data = f"{digits.data}:few"
    arguments = ("compile", digits.model, "--calibration", data, "-o", tmp_path / "out", "--signed-bit", 4, "--force")
    for options, said, finest in (
        (("--timesteps", 16), "as exported: ", False), (("--pack",), "as exported (--pack): ", True),
    ):  # fmt: skip
        code, text, _ = run(*arguments, "--target", "c", *options)
        header = (tmp_path / "out" / "c" / "digits.h").read_text()
        const, state = (int(header.split(f"DIGITS_{what}_BYTES ")[1].split("U")[0]) for what in ("CONST", "STATE"))
        assert code == 0 and f"{said}{const:,} bytes of const data, {state:,} of state" in text
        assert ("--timesteps 255 has 256 levels" in " ".join(text.split())) is not finest
    _, text, _ = run(*arguments)
    assert "if exported to C: " in text and "--timesteps 255" not in text


def test_hardware_is_balanced_for_and_tested_with_calibration_images(run: Run, digits: Digits, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, _ = run("compile", digits.model, "--calibration", digits.data, "-o", out, "--target", "verilog")
    assert code == 0 and "golden images: " in text
    golden = [int(line, 16) for line in (out / "verilog" / "golden_pixels.mem").read_text().split()]
    calibration = np.load(digits.data)["x_train"]
    assert golden == snncc.load(out).pixels(calibration[::10]).reshape(-1).tolist()


def test_force_replaces_only_a_folder_of_ours(run: Run, digits: Digits, tmp_path: Path) -> None:
    compile_ = ("compile", digits.model, "--calibration", digits.data, "-o", tmp_path / "out")
    foreign = tmp_path / "out" / "thesis.txt"
    foreign.parent.mkdir()
    assert run(*compile_)[0] == 0, "an empty folder is free"
    code, _, err = run(*compile_)
    assert code == 1 and "not empty" in err and "--force" in err
    (tmp_path / "out" / "stale").write_text("x")
    assert run(*compile_, "--force", "--timesteps", 7)[0] == 0
    assert snncc.load(tmp_path / "out").ir.timesteps == 7
    assert not (tmp_path / "out" / "stale").exists()
    shutil.rmtree(tmp_path / "out")
    foreign.parent.mkdir()
    foreign.write_text("years of work")
    code, _, err = run(*compile_, "--force")
    assert code == 1 and "manifest" in err
    for manifest in ('{"tool": "other"}', "[]", "not json"):
        (foreign.parent / "manifest.json").write_text(manifest)
        assert run(*compile_, "--force")[0] == 1
    assert foreign.read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    assert "is a file" in run(*compile_[:-1], tmp_path / "file", "--force")[2]


def test_the_output_is_asked_for_before_any_work(run: Run, digits: Digits, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    code, _, err = run("compile", tmp_path / "no.keras", "--calibration", "no.npz", "-o", tmp_path)
    assert code == 1 and "not empty" in err
    code, _, err = run("compile", "no.keras", "--calibration", "no.npz", "-o", tmp_path / "o", "--target", "vhdl")
    assert code == 1 and "'vhdl'" in err and all(name in err for name in backends.names())


def test_the_working_folder_is_not_replaced(
    run: Run, digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("compile", digits.model, "--calibration", digits.data, "-o", ".")
    assert code == 1 and "where you are" in err
    assert not list(tmp_path.iterdir())


def test_a_failing_target_leaves_nothing(run: Run, digits: Digits, tmp_path: Path, targets: None) -> None:
    out = tmp_path / "out"
    code, _, err = run("compile", digits.model, "--calibration", digits.data, "-o", out, "--target", "full")
    assert code == 1 and "No space left" in err
    assert not list(tmp_path.iterdir())
    shutil.copytree(digits.folder, out)
    before = everything(out)
    arguments = ("--calibration", digits.data, "-o", out, "--target", "full", "--force")
    assert run("compile", digits.model, *arguments)[0] == 1
    assert everything(out) == before
    code, _, err = run("export", out, "--target", "paper", "--target", "full")
    assert code == 1 and everything(out) == before, "the first target waits for the second"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [RuntimeError("bug in a backend"), KeyboardInterrupt()])
def test_any_failure_leaves_the_old_folder(
    digits: Digits, tmp_path: Path, targets: None, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    out = tmp_path / "out"
    shutil.copytree(digits.folder, out)
    before = everything(out)
    network = snncc.load(out)

    def emit(*_: Any) -> None:
        raise error

    monkeypatch.setattr(sys.modules["target_paper"].TARGET, "emit", emit)
    with pytest.raises(type(error)):
        network.write(out, ["paper"], force=True)
    replace = Path.replace

    def interrupted(self: Path, target: Any) -> Any:
        if target == out and not out.exists():  # the old folder has just been moved away
            raise error
        return replace(self, target)

    with monkeypatch.context() as patch, pytest.raises(type(error)):
        patch.setattr(Path, "replace", interrupted)
        network.write(out, ["stone"], force=True)
    assert everything(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_files_have_the_mode_of_the_umask(digits: Digits, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        snncc.load(digits.folder).write(tmp_path / "out", ["c"])
    finally:
        os.umask(old)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert modes == {0o640}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


def test_a_full_disk_while_saving(run: Run, digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    code, _, err = run("compile", digits.model, "--calibration", digits.data, "-o", tmp_path / "out")
    assert code == 1 and "No space left" in err and not list(tmp_path.iterdir())


def test_export_adds_targets(run: Run, digits: Digits, tmp_path: Path, targets: None) -> None:
    out = tmp_path / "out"
    shutil.copytree(digits.folder, out)
    assert run("export", out, "--target", "paper")[0] == 0
    assert run("export", out, "--target", "stone", "--target", "paper")[0] == 0
    assert store.read_targets(out) == {"paper": {}, "stone": {}}
    assert (out / "paper" / "program.txt").read_text() == "digits"
    (tmp_path / "out" / "full").mkdir()
    code, _, err = run("export", out, "--target", "full")
    assert code == 1 and "not written by snncc" in err
    code, _, err = run("export", out, "--target", "clay")
    assert code == 1 and "'clay'" in err and "paper, stone" in err
    assert run("export", tmp_path / "none", "--target", "paper")[0] == 1


def test_float_twins_are_not_exported(run: Run, digits: Digits, tmp_path: Path, targets: None) -> None:
    arguments = ("compile", digits.model, "--calibration", digits.data, "-o", tmp_path / "o", "--signed-bit", 0)
    code, _, err = run(*arguments, "--target", "paper")
    assert code == 1 and "float twin" in err and not list(tmp_path.iterdir())
    code, out, _ = run(*arguments)
    assert code == 0 and " weights of 32 bits, floats, " in out
    code, _, err = run("export", tmp_path / "o", "--target", "paper")
    assert code == 1 and "float twin" in err


KEYS = {"accuracy", "images", "timesteps", "dynamics", "spikes_per_image", "synaptic_operations_per_image",
        "input_macs_per_image", "relay_macs_per_image", "neurobench", "energy_model",
        "work_per_image", "confusion", "engine"}  # fmt: skip


def test_evaluate_json(run: Run, digits: Digits) -> None:
    code, out, err = run("evaluate", digits.folder, digits.data, "--timesteps", 4, "-T", 16, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [set(one) for one in found] == [KEYS, KEYS]
    assert [(one["timesteps"], one["images"]) for one in found] == [(4, 30), (16, 30)]
    assert {one["dynamics"] for one in found} == {"count"}
    network = snncc.load(digits.folder)
    for one in found:
        result = network.run(digits.x, timesteps=one["timesteps"])
        assert one["accuracy"] == (result.classes == digits.y).mean()
        spikes = {name: counts.sum() / 30 for name, counts in result.counts.items()}
        total = sum(v for name, v in spikes.items() if name != "input")
        assert one["spikes_per_image"] == pytest.approx({**spikes, "total": total})
    (hot,) = json.loads(run("evaluate", digits.folder, digits.data, "-T", 4, "--labels", f"{digits.data}:one_hot",
                            "--json")[1])  # fmt: skip
    assert hot == found[0]
    (few,) = json.loads(run("evaluate", digits.folder, f"{digits.data}:few", "--labels", f"{digits.data}:few", "--json",
                            )[1] or "[0]")  # fmt: skip
    assert few == 0, "images are not labels"


def test_evaluate_table_step_and_default_timesteps(run: Run, digits: Digits) -> None:
    code, out, err = run("evaluate", digits.folder, digits.data, "--dynamics", "step")
    assert (code, err) == (0, "")
    assert "step" in out and "16" in out and "%" in out


def test_labels_from_a_file_of_one_array(run: Run, digits: Digits, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", digits.x)
    np.save(tmp_path / "y.npy", digits.y)
    wanted = json.loads(run("evaluate", digits.folder, digits.data, "--json")[1])
    found = json.loads(run("evaluate", digits.folder, tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--json")[1])
    assert found == wanted and found[0]["accuracy"] is not None
    code, out, _ = run("evaluate", digits.folder, tmp_path / "x.npy", "--json")
    assert code == 0 and json.loads(out)[0]["accuracy"] is None
    code, _, err = run("evaluate", digits.folder, digits.data, "--labels", f"{tmp_path / 'y.npy'}:NAME")
    assert code == 1 and err.startswith("error: ") and "without names" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "{data}:x_train"], "30 images but 40 labels"),
        (["--labels", "{data}:nothing"], "has no array 'nothing'"),
        (["--labels", "{data}.missing:y"], "no such file"),
    ],
)
def test_evaluate_refuses(run: Run, digits: Digits, arguments: list[str], message: str) -> None:
    code, _, err = run("evaluate", digits.folder, digits.data, *[a.format(data=digits.data) for a in arguments])
    assert code == 1 and message in err


def test_inspect(run: Run, digits: Digits) -> None:
    code, out, _ = run("inspect", digits.folder)
    assert code == 0 and all(word in out for word in ("conv", "6×6×3", "SumPool2D", "Dense", "sparsity"))
    facts = json.loads(run("inspect", digits.folder, "--json")[1])
    network = snncc.load(digits.folder).ir
    assert facts["hash"] == snncc.load(digits.folder).hash
    for row, population in zip(facts["populations"], network.populations, strict=True):
        assert row["neurons"] == population.neurons
        assert row["count_interval"] == list(network.intervals["count"][population.name])
        assert -(2 ** (row["step_bits"] - 1)) <= row["step_interval"][0]
        assert row["step_interval"][1] < 2 ** (row["step_bits"] - 1)
    conv = facts["projections"][0]
    assert (conv["weights"], conv["weight_bits"], conv["bytes"], conv["kind"]) == (27, 8, 27, "Conv2D")


@pytest.mark.parametrize("command", ["inspect {f}", "evaluate {f} {d}", "export {f} --target c"])
def test_folders_that_are_none(run: Run, digits: Digits, tmp_path: Path, command: str) -> None:
    for content in (None, b"", b"x" * 100):
        if content is not None:
            (tmp_path / "network.snn").write_bytes(content)
        code, _, err = run(*[part.format(f=tmp_path, d=digits.data) for part in command.split()])
        assert code == 1 and err.startswith("error: ") and "network.snn" in err


def test_tables_show_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """`pip install 'snncc[hw]'` is not markup."""
    terminal.print_table("tools", ["tool", "way"], [["yosys", "pip install 'snncc[hw]'"]])
    assert "'snncc[hw]'" in capsys.readouterr().out


def test_usage_errors(run: Run) -> None:
    assert run("compile")[0] == 2
    assert run("nonsense")[0] == 2
    assert run("compile", "m.keras", "--calibration", "d.npz", "-o", "o", "--dynamics", "fast")[0] == 2
    code, out, _ = run("--help")
    assert code == 0 and all(name in out for name in ("compile", "export", "evaluate", "inspect"))


def test_in_a_pipe_there_is_no_progress_bar(digits: Digits) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snncc", "evaluate", str(digits.folder), str(digits.data), "--json"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == b""
    assert json.loads(done.stdout)[0]["images"] == 30


def test_errors_are_one_message_without_traceback(digits: Digits) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snncc", "inspect", "/nowhere"], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_inspect_prints_a_network_that_reads_back(run: Run, digits: Digits) -> None:
    code, text, err = run("inspect", digits.folder, "--text")
    network = snncc.load(digits.folder)
    assert (code, err) == (0, "") and text == snncc.explain(network) == snncc.explain(digits.folder)
    assert ir.content_hash(parse(text)) == network.hash
    code, short, _ = run("inspect", digits.folder, "--text", "--no-weights")
    assert code == 0 and len(short) < len(text) and short == snncc.explain(network, weights=False)
    with pytest.raises(FileFormatError, match="line"):
        parse(short)


def test_an_error_ends_with_its_code(run: Run, digits: Digits, tmp_path: Path) -> None:
    code, _, err = run("inspect", tmp_path / "none.snn")
    assert code == 1 and err.startswith("error: ") and err.endswith(" [E105]\n")
    code, _, err = run("compile", digits.model, "--calibration", digits.data, "-o", tmp_path / "o", "--name", "a b")
    assert code == 1 and "choose another --name" in err and err.endswith(" [E104]\n")


def test_export_of_a_file_makes_a_folder(run: Run, digits: Digits, tmp_path: Path) -> None:
    alone = snncc.load(digits.folder).save(tmp_path / "net.snn")
    code, _, err = run("export", alone, "--target", "c")
    assert code == 2 and "--output" in err
    code, out, _ = run("export", alone, "--target", "c", "-o", tmp_path / "made", "--json")
    assert code == 0 and json.loads(out)["c"]["exported"]
    assert {p.name for p in (tmp_path / "made").iterdir()} == {"c", "manifest.json", "network.snn"}
    code, _, err = run("export", digits.folder, "--target", "c", "-o", tmp_path / "other")
    assert code == 2 and "for a .snn file" in err


def test_evaluate_takes_the_first_images(run: Run, digits: Digits) -> None:
    code, out, _ = run("evaluate", digits.folder, digits.data, "--images", 7, "--json")
    assert code == 0 and [found["images"] for found in json.loads(out)] == [7]


def test_targets_says_what_there_is_and_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run("targets", "--json")
    found = json.loads(out)
    assert code == 0 and list(found) == backends.names()
    assert found["c"]["runners"] == ["c-host", "c-cortex-m4", "c-cortex-m55", "c-rv32", "c-aarch64"]
    assert all(tool["path"] for facts in found.values() for tool in facts["tools"])
    monkeypatch.setenv("PATH", "/nowhere")
    code, out, _ = run("targets")
    assert code == 0 and "install gcc-arm-none-eabi libnewlib-arm-none-eabi" in out and "install iverilog" in out
