"""`verify` must find what is wrong: mutations of the generated C, tools that are missing, folders that hold nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from snncc import ir
from snncc.backends.c.emit import memory
from snncc.backends.vectors import golden
from snncc.cli import cli
from snncc.errors import DataError, TargetError
from snncc.verification import digest, verify
from snncc.verification.report import Outcome, Report
from tests.backends.c_folder import compiled
from tests.networks import network, population, residual, weights

Edit = Callable[[str], str]


def edited(file: Path, edit: Edit) -> None:
    before = file.read_text()
    after = edit(before)
    assert after != before, "the mutation changed nothing"
    file.write_text(after)


def flip(name: str, index: int = 0) -> Edit:
    """The lowest bit of one weight of a table."""

    def edit(text: str) -> str:
        opening = f".w_{name} = {{\n"
        start = text.index(opening) + len(opening)
        end = text.index("},", start)
        values = text[start:end].replace("\n", "").rstrip(",").split(",")
        values[index] = str(int(values[index]) ^ 1)
        return text[:start] + ",".join(values) + "\n" + text[end:]

    return edit


def ties(dynamics: str) -> ir.Network:
    """Potentials that meet their threshold exactly."""
    one = np.array([[1]], np.int8)
    theta = 2 if dynamics == "step" else 8
    first = population("first", (1,), ir.Dense(name="a", source=ir.Source("input"), weights=one), theta=theta, bias=1)
    last = population("last", (1,), ir.Dense(name="b", source=ir.Source("first"), weights=one), theta=None)
    return network(first, last, shape=(1,), source={"bits": 2}, timesteps=4, dynamics=dynamics)


def outcome(folder: Path, pixels: np.ndarray | None = None) -> Outcome:
    report = verify(folder, pixels=pixels, targets=["c-host"], variants=["gcc -O0"], strict=False)
    (host,) = report.outcomes
    assert report.ok == (host.status == "pass")
    return host


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("name", ["first", "deep", "added_0", "added_2", "last_0"])
def test_one_weight_bit(tmp_path: Path, dynamics: str, name: str) -> None:
    network = residual(dynamics=dynamics)
    folder = compiled(network, tmp_path / "net")
    index = 0
    if name == "last_0" and dynamics == "count":  # a weight of a neuron that fires
        pixels, result = golden(network, None)
        index = int(result.counts["pooled"].reshape(len(pixels), -1).any(axis=0).argmax())
    edited(folder / "c" / "net_weights.h", flip(name, index))
    found = outcome(folder)
    assert found.status == "fail" and found.mismatches > 0 and found.first_mismatch is not None
    where = found.first_mismatch.population
    assert where == name.split("_")[0] or (name == "last_0" and where == "the readout")


def test_comparison_made_strict(tmp_path: Path) -> None:
    for dynamics, old, new in (("step", ">= level", "> level"), ("count", "u < theta", "u <= theta")):
        folder = compiled(ties(dynamics), tmp_path / "net")
        file = folder / "c" / ("net.c" if dynamics == "step" else "net_kernels.h")
        assert outcome(folder).status == "pass"
        edited(file, lambda text, old=old, new=new: text.replace(old, new))
        found = outcome(folder).first_mismatch
        assert found is not None and found.population == "first"
        assert found.expected == found.got + 1 and "spike" in found.quantity


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_bias_dropped(tmp_path: Path, dynamics: str) -> None:
    folder = compiled(residual(dynamics=dynamics), tmp_path / "net")
    edited(folder / "c" / "net.c", lambda text: text.replace("net_tables.bias_first[c]", "0"))
    found = outcome(folder).first_mismatch
    assert found is not None and found.population == "first"


def test_report(tmp_path: Path) -> None:
    """All targets, the stored vectors, the JSON, the table."""
    network = residual(dynamics="step")
    folder = compiled(network, tmp_path / "net", pixels=np.zeros((3, 8, 8, 3), np.int64))
    report = verify(folder, strict=True)
    assert report.ok and {o.images for o in report.outcomes} == {3}
    assert {o.target for o in report.outcomes} == {"c-host", "c-cortex-m4", "c-cortex-m55", "c-rv32", "c-aarch64"}
    said = json.loads(report.to_json())
    assert said["ok"] and set(said["targets"][0]) >= {
        "target", "status", "images", "values", "mismatches", "first_mismatch", "seconds"
    }  # fmt: skip
    neurons = sum(p.neurons for p in network.populations[:-1])
    assert said["targets"][0]["values"] == 3 * (192 + network.timesteps * (2 * neurons + 192) + 10 + 1)
    assert [len(row) for row in report.rows()] == [len(report.HEADER)] * len(report.outcomes)
    assert set(said["versions"]) == {
        "snncc",
        "python",
        "numpy",
        *(tool for o in said["targets"] for tool in o["tools"]),
    }
    for program in {"gcc", "qemu-system-arm", "riscv64-unknown-elf-gcc"}:  # they say it themselves
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        assert said["versions"][program] == told.splitlines()[0]
    used = {o["target"]: o["tools"] for o in said["targets"]}
    assert used["c-rv32"] == ["riscv64-unknown-elf-gcc", "qemu-system-riscv32"]
    assert said["files"] == {"c": digest(folder / "c")}
    edited(folder / "c" / "Makefile", lambda text: text + "\n")
    assert said["files"] != {"c": digest(folder / "c")}


def test_more_images_than_vectors(tmp_path: Path) -> None:
    folder = compiled(residual(), tmp_path / "net")
    report = verify(folder, images=7, timesteps=5, targets=["c-host"], variants=["gcc -O3"], strict=False)
    assert {o.images for o in report.outcomes if o.status != "not run"} == {7}
    with pytest.raises(DataError, match="at least 1"):
        verify(folder, images=0)
    for steps in (0, residual().timesteps + 1):
        with pytest.raises(DataError, match=f"T = {steps}"):
            verify(folder, timesteps=steps)
    with pytest.raises(DataError, match="reads"):
        verify(folder, pixels=np.zeros((1, 2), np.int64))


def test_a_missing_tool_is_said_and_never_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = compiled(residual(), tmp_path / "net")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    for ci in ("", "true"):
        monkeypatch.setenv("CI", ci)
        report = verify(folder)
        assert {o.status for o in report.outcomes} == {"not run"} and not report.ok
        assert any("install gcc-arm-none-eabi" in o.reason for o in report.outcomes)
    some = (Outcome("a", "", "pass"), Outcome("b", "", "not run"))
    assert Report(some).ok and not Report(some, strict=True).ok


def test_a_board_that_is_too_small_is_said_in_the_folders_own_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed weights may fit where the same unpacked do not; what is too large is not run, and no tool is missing."""
    hidden = ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 64, 64, bits=2))
    out = ir.Dense(name="b", source=ir.Source("hidden"), weights=weights(2, 64, 10, bits=2))
    last = population("last", (10,), out, theta=None)
    net = network(population("hidden", (64,), hidden, theta=5), last, shape=(64,), signed_bit=2)
    plain, packed = memory(net), memory(net, pack=True)
    data = [sizes.state + 2 * 2 * 64 for sizes in (plain, packed)]  # the largest population, in 16 bits, twice
    monkeypatch.setattr("snncc.backends.c.run.CortexM4.room", plain.const - 1)
    assert packed.const < plain.const - 1 and max(data) < plain.const - 1
    reasons = []
    for pack in (False, True):
        folder = compiled(net, tmp_path / "net", pack=pack)
        report = verify(folder, images=1, targets=["c-cortex-m4"], variants=["-Os"])
        reasons.append(report.outcomes[0].reason)
        assert report.outcomes[0].status == ("pass" if pack else "not run") and not report.outcomes[0].tool_missing
        assert report.exit_status == (0 if pack else 1)
    assert f"{plain.const:,} bytes of const data and {data[0]:,} of state and images are needed" in reasons[0]
    assert f"{plain.const - 1:,} of each are there" in reasons[0] and not reasons[1]
    header = tmp_path / "net" / "c" / "net.h"
    header.write_text(header.read_text().replace("CONST_BYTES", "CONST_OCTETS"))
    assert "does not state its bytes" in verify(tmp_path / "net", targets=["c-cortex-m4"]).outcomes[0].reason


def test_nothing_to_verify(tmp_path: Path) -> None:
    folder = compiled(residual(), tmp_path / "net")
    with pytest.raises(TargetError, match="choose from"):
        verify(folder, targets=["c-pdp11"])
    (folder / "c").rename(folder / "d")
    with pytest.raises(TargetError, match="no target"):
        verify(folder)


def test_a_broken_program_fails(tmp_path: Path) -> None:
    folder = compiled(residual(), tmp_path / "net")
    edited(folder / "c" / "net.c", lambda text: text.replace("return NET_OK;", "return NET_ERROR_SIZE;"))
    assert "status 4" in outcome(folder).reason
    edited(folder / "c" / "net.c", lambda text: text + "\n#error broken\n")
    assert "broken" in outcome(folder).reason


def test_command(tmp_path: Path) -> None:
    """`snncc verify` and the options of `snncc export`, as a user types them."""
    folder = compiled(residual(signed_bit=4), tmp_path / "net")
    runner = CliRunner()
    told = json.loads(runner.invoke(cli, ["inspect", str(folder), "--json"]).output)["c"]
    assert f"NET_STATE_BYTES {told['state_bytes']}U" in (folder / "c" / "net.h").read_text()
    assert f"NET_CONST_BYTES {told['const_bytes']}U" in (folder / "c" / "net.h").read_text()
    done = runner.invoke(cli, ["export", str(folder), "--target", "c", "--pack", "--prefix", "tiny"])
    assert done.exit_code == 0, done.output
    assert (folder / "c" / "tiny.h").is_file() and not (folder / "c" / "net.h").exists()
    done = runner.invoke(cli, ["verify", str(folder), "--target", "c-host", "--images", "2", "--json"])
    assert done.exit_code == 0 and json.loads(done.output)["targets"][0]["images"] == 2
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).random((3, 8, 8, 3)))
    done = runner.invoke(cli, ["verify", str(folder), str(tmp_path / "data.npz"), "--target", "c-host"])
    assert done.exit_code == 0 and "values compared" in done.output, done.output
    edited(folder / "c" / "tiny.c", lambda text: text.replace("tiny_tables.bias_first[c]", "0"))
    done = runner.invoke(cli, ["verify", str(folder), "--target", "c-host"])
    assert done.exit_code == 1 and "of first" in done.output
    assert runner.invoke(cli, ["export", str(folder), "--target", "c", "--prefix", "a-b"]).exit_code != 0
