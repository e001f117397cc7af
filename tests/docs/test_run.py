"""Every block of every page runs, and of every README that an export writes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.docs.pages import PAGES, ROOT, Fence, parse, read, text
from tests.docs.running import compile_c, not_printed, run_line, run_page
from tests.nir.golden import DATA, digits_events

PRINTED = {
    "README.md": [r" \(16, 5, 6, 6, 8\)$", r"^8 [\d.]+ [\d.]+$", r"network\.snn"],
    "docs/reference/ir.md": [r"^\[\[3\]\]$"],
    "docs/guide/quantised.md": [r"^True$"],
    "docs/guide/nir.md": [r"neurons and timesteps differ", r"^accuracy (0\.9|1\.0)"],
    "docs/guide/onnx.md": [r"^ +count +8 +(9\d|100)\.\d+ %"],
}
"""What a page's comments say that its blocks print."""
OURS = re.compile(r"(from snncc|snncc\.|snn_model\.|cnn_to_snn\(|model = )")
TOOL = re.compile(r"(make|iverilog|verilator) ")
FILE = re.compile(r"[\w*./]+(\.(v|f|mem|tcl|xdc|sdc|vlt|json|c|h|npz|svh?|py)|/)")


def given(name: str) -> dict[str, Any]:
    """The names that a page takes for granted."""
    data = np.load("data.npz")
    if name in ("docs/guide/calibration.md", "docs/guide/training.md"):
        import snncc
        from snncc.frontend.keras import load_model

        return {"snncc": snncc, "model": load_model("model.keras"), "x": data["x_calibration"][:60]}
    if name in ("docs/guide/onnx.md", "docs/guide/pytorch-to-esp32.md"):
        _digits_of_torch()
    if name == "docs/guide/quantised.md":
        for file in ("brevitas.onnx", "brevitas.npz"):
            shutil.copyfile(ROOT / "tests" / "golden" / "quantised" / file, file)
    if name in ("docs/guide/nir.md", "docs/guide/snntorch-to-verilog.md"):
        _digits_of_snntorch()
    if "spkeras" in name:
        x, y = data["x_test"], np.eye(10)[data["y_test"]]
        return {"cnn_model": _spkeras_model(), "x_train": x, "y_train": y, "x_test": x, "y_test": y}
    return {}


def _digits_of_torch() -> None:
    """What the guide's train.py leaves behind: tests/data/onnx/make.py has run it."""
    from sklearn.datasets import load_digits

    shutil.copyfile(ROOT / "tests" / "data" / "onnx" / "torch_digits.onnx", "own.onnx")
    digits = load_digits()
    raw = digits.images.astype(np.uint8)[:, None]
    x = raw.astype(np.float32) / 16
    np.savez("own.npz", x_calibration=x[:300], x_test=x[300:400], y_test=digits.target[300:400])
    np.savez("raw.npz", x_test=raw[300:400], y_test=digits.target[300:400])


def _digits_of_snntorch() -> None:
    """What the guide's train.py leaves behind, with fewer samples: it has run."""
    shutil.copyfile(DATA / "digits_snntorch.nir", "own.nir")
    x, y = digits_events()
    np.savez("events.npz", x_calibration=x[:40], x_test=x[1300:1360], y_test=y[1300:1360])


def _spkeras_model() -> Any:
    """A network as SpKeras wants it: every activation in a layer of its own."""
    from tests.keras_models import L, keras

    layers = [L.Conv2D(4, 3), L.BatchNormalization(), L.Activation("relu"), L.AveragePooling2D(2), L.Flatten()]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, L.Dense(10), L.Activation("softmax")])


@pytest.mark.parametrize(
    "name", [name for name in PAGES if {"python", "sh", "c"} & {fence.language for fence in read(name).fences}]
)
def test_every_block_runs(name: str, desk: Path, exported: dict[str, Path]) -> None:
    compiled = {"docs/guide/c.md": exported["bytes"] / "c", "docs/guide/pytorch-to-esp32.md": desk / "own" / "c"}
    said = run_page(read(name), given(name), "digits", compiled.get(name, desk), exported["frames"] / "c")
    for wanted in PRINTED.get(name, []):
        assert re.search(wanted, said, re.MULTILINE), f"{wanted} is not in\n{said}"


def test_every_call_of_the_migration_table_runs(desk: Path) -> None:
    import snncc.keras_layers
    from snncc.spkeras import cnn_to_snn

    name = "docs/guide/migrating-from-spkeras.md"
    names = {**given(name), "snncc": snncc, "folder": "out", "target": "c", "timesteps": 64}
    snn_model = cnn_to_snn(signed_bit=8)(names["cnn_model"], names["x_train"])
    names |= {"snn_model": snn_model, "network": snn_model.network, "x": names["x_test"]}
    calls = [code for code in read(name).codes if OURS.match(code)]
    for code in calls:
        exec(code, names)  # noqa: S102 (it is the test)
    assert len(calls) >= 12 and (desk / "out" / "c").is_dir() and names["snncc"].load("net.snn")


@pytest.mark.parametrize("kind", ["bytes", "numbers"])
@pytest.mark.parametrize("target", ["c", "verilog"])
def test_every_line_of_an_exports_readme_is_true(
    target: str, kind: str, exported: dict[str, Path], tmp_path: Path
) -> None:
    """Its blocks compile, its commands run and say what it says that they say, and the files that it names exist."""
    folder = tmp_path / target
    shutil.copytree(exported[kind] / target, folder)
    written = (folder / "README.md").read_text(encoding="utf-8")
    page = parse(written)
    assert {fence.language for fence in page.fences} <= {"c", "sh", "text"}
    assert len(page.fences) >= (target == "c")
    run_page(page, {}, exported=folder)
    lines = [code for code in page.codes if TOOL.match(code)]
    assert any(line.startswith("make test" if target == "c" else "iverilog") for line in lines)
    for line in lines:
        if line.startswith("make ") and line != "make test":
            assert f"\n{line.split()[1]}:" in (folder / "Makefile").read_text()
            continue
        status, said = run_line(line, folder)
        assert status == 0, f"{line}\n{said}"
        after = " ".join(written.split()).partition(f"`{line}`")[2]
        if after.startswith(" prints PASS"):
            assert "PASS" in said
        elif after.startswith(" finds nothing"):
            assert "%Warning" not in said
    named = [code for code in page.codes if FILE.fullmatch(code)]
    assert named and [code for code in named if not list(folder.glob(code.strip("/")))] == []


def test_text_after_commands_is_what_they_print() -> None:
    printed = "  c-host   gcc -O0   4   14,932   pass\nown/network.snn  774c1e066d64b1ba\n"
    right = Fence("text", "c-host  gcc -O3  12   9 pass\n...\nown/network.snn  00c1e066d64b1ba0\nc-host ... pass\n", 1)
    wrong = Fence("text", "c-host  gcc -O3  12   9 fail\nown/network.snn\nc-host clang ... pass\n", 1)
    assert not_printed(right, printed) == []
    assert not_printed(wrong, printed) == ["c-host  gcc -O3  12   9 fail", "c-host clang ... pass"]
    with pytest.raises(AssertionError):
        run_page(parse("```sh\nsnncc --version\n```\n\n```text\nsnncc of another name\n```\n"), {})


def test_blocks_that_are_wrong_are_found(desk: Path, exported: dict[str, Path]) -> None:
    assert run_page(parse("```sh\nsnncc inspect nowhere  # status 1\n```"), {}).startswith("error: ")
    for wrong in ("```sh\nsnncc inspect nowhere\n```", "```sh\nls\n```", "```python\nassert 1 == 2\n```"):
        with pytest.raises(AssertionError):
            run_page(parse(wrong), {})
    snippets = [fence for fence in read("docs/guide/c.md").fences if fence.language == "c"]
    for snippet, folder in zip(snippets, ("bytes", "frames"), strict=True):
        broken = Fence("c", snippet.text.replace("&result", "result"), 1)
        with pytest.raises(AssertionError, match="result"):
            compile_c(broken, exported[folder] / "c", "digits")


def test_the_command_line_is_a_program_too(demo: Path, desk: Path) -> None:
    (line,) = [line for fence in read("README.md").fences for line in fence.text.splitlines() if "inspect" in line]
    words = line.partition("#")[0].replace("digits_snn", str(demo / "digits")).split()
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "populations" in done.stdout and done.stderr == ""


def test_the_demo_names_commands_that_run(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.parents[1])
    said = Path("said.txt").read_text()
    lines = re.findall(r"^ +\.venv/bin/(snncc .*)$", said, re.MULTILINE)
    assert len(lines) == 2
    assert [run_line(line, demo)[0] for line in lines] == [0, 0]


def test_every_name_on_the_c_page_is_in_an_export(exported: dict[str, Path], tmp_path: Path) -> None:
    import snncc

    network = snncc.load(exported["bytes"] / "network.snn")
    network.export(tmp_path / "fast", "c", prefix="digits", fast_bytes=300)
    paths = [
        path
        for folder in (exported["bytes"], exported["frames"], tmp_path / "fast")
        for path in (folder / "c").rglob("*.[ch]")
    ]
    words = set(re.findall(r"\w+", "\n".join(f"{path} {path.read_text()}" for path in paths)))
    named = set(re.findall(r"NAME_\w+", text("docs/guide/c.md")))
    assert len(named) > 15
    missing = {name for name in named if not words & {name.replace("NAME", "digits"), name.replace("NAME", "DIGITS")}}
    assert missing == set()
