"""The table of front ends: by suffix, by object, and one of another package, from file to network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import frontend
from snncc.errors import FileFormatError, UnsupportedLayerError
from snncc.graph import Graph

PACKAGE = Path(__file__).parents[1] / "examples" / "plain_frontend"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, installed in a folder of its own."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "plain_frontend", raising=False)
    return site


def description() -> dict[str, Any]:
    random = np.random.default_rng(0)
    sizes = ((6, 12), (12, 5))
    return {
        "inputs": 6,
        "layers": [
            {
                "name": f"layer{i}",
                "kernel": random.normal(0, size[0] ** -0.5, size).tolist(),
                "bias": random.normal(0, 0.1, size[1]).tolist(),
                "relu": i == 0,
            }
            for i, size in enumerate(sizes)
        ],
    }


def outputs(model: dict[str, Any], x: Any) -> Any:
    for layer in model["layers"]:
        x = x @ np.array(layer["kernel"]) + np.array(layer["bias"])
        x = np.maximum(x, 0) if layer["relu"] else x
    return x


@pytest.mark.usefixtures("package")
def test_another_package_reads_its_files_and_its_objects(tmp_path: Path) -> None:
    x = np.random.default_rng(1).random((200, 6))
    model, path = description(), tmp_path / "net.plain.json"
    path.write_text(json.dumps(model))
    network = snncc.convert(path, x, timesteps=256)
    assert [p.name for p in network.ir.populations] == ["layer0", "layer1"]
    wanted = outputs(model, x)
    found = network.run(x).outputs
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
    model["layers"][0]["bias"][0] += 1
    assert np.abs(found - outputs(model, x)).max() > 0.05 * np.abs(wanted).max(), "another network is noticed"

    from plain_frontend import Model  # type: ignore[import-not-found]

    assert snncc.convert(str(path), x, timesteps=256).hash == network.hash
    assert snncc.convert(Model(description()), x, timesteps=256).hash == network.hash


def test_another_front_end_needs_no_keras(package: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.plain.json"
    path.write_text(json.dumps(description()))
    code = (
        "import sys, numpy, snncc; "
        f"print(snncc.convert({str(path)!r}, numpy.random.default_rng(0).random((99, 6)), calibrate='none').hash); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    path_code = f"import sys; sys.path.insert(0, {str(package)!r}); {code}"
    done = subprocess.run([sys.executable, "-c", path_code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and len(done.stdout.strip()) == 64, done.stderr


@pytest.mark.usefixtures("package")
def test_an_unknown_suffix_lists_those_there_are(tmp_path: Path) -> None:
    for name in ("net.pt", "plain.json", "net"):
        (tmp_path / name).write_text("{}")
        with pytest.raises(FileFormatError, match=re.escape(name)) as caught:
            snncc.convert(tmp_path / name, np.zeros((3, 2)))
        for known in (".keras, .h5, .hdf5 (keras); .onnx (onnx)", ".plain.json (plain)"):
            assert known in str(caught.value) and "torch" not in str(caught.value)
    with pytest.raises(FileFormatError, match="no such file"):
        frontend.read(str(tmp_path / "none.pt"))


def test_an_object_of_no_library_is_refused() -> None:
    with pytest.raises(UnsupportedLayerError, match=r"object.*keras"):
        snncc.convert(object(), np.zeros((3, 2)))


def test_ours_come_first(monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    """Another package can neither take a name of ours nor a suffix."""
    points, module = package / "plain_frontend-1.0.dist-info" / "entry_points.txt", package / "plain_frontend.py"
    module.write_text(module.read_text().replace('".plain.json"', '".keras"'))
    points.write_text(points.read_text() + "keras = nowhere\n")
    assert [name for name, _ in frontend.frontends()] == [*frontend.FRONTENDS, "plain"]
    assert frontend.frontend_of("net.keras").read.__module__ == "snncc.frontend.keras"

    class Own:
        SUFFIXES = (".own",)

        def accepts(self, source: object) -> bool:
            return source == 3

        def read(self, source: Any, sample_shape: tuple[int, ...] | None = None) -> Graph:
            return Graph(str(source), ())

    own = Own()
    monkeypatch.setattr(frontend, "frontends", lambda: iter([("own", own)]))
    assert frontend.read(3).name == "3" and frontend.read("a.own").name == "a.own"
