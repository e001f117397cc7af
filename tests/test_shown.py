"""Results as tables for a notebook and as pictures: the figures that they hold, and names that are only text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc.diagnosis import Diagnosis, LayerError
from snncc.errors import DataError, OutputError, ToolMissingError
from snncc.evaluation import Evaluations
from snncc.exploration import Front, Goals
from snncc.verification.report import Outcome, Report
from tests.networks import dense_chain

HOSTILE = "<script>x</script>"
Y = np.arange(30) % 5


@pytest.fixture(scope="module")
def found() -> tuple[Evaluations, np.ndarray]:
    """Evaluations in both dynamics, and the classes of the second, T = 8 in `count`."""
    network = snncc.Network(dense_chain("count"))
    x = network.ir.input.lambda_0 * np.random.default_rng(1).random((30, 20)) ** 3
    runs = [snncc.evaluate(network, x, Y, [1, 8, 3], d) for d in ("count", "step")]  # type: ignore[arg-type]
    return Evaluations([*runs[0], *runs[1]]), network.run(x, 8).classes


def front() -> Front:
    options = {"dynamics": "step", "timesteps": 4, "signed_bit": 8}
    chosen = {"encoding": "rate", "average_pools": "fire", "linear": "least", "calibrate": HOSTILE}
    points: list[dict[str, Any]] = [
        {"target": "c", "accuracy": accuracy, "flash_bytes": size, "state_bytes": 7, "instructions": 9,
         "options": options, "chosen": chosen}
        for accuracy, size in ((0.5, 1_000), (0.75, 50_000), (0.25, 60_000))
    ]  # fmt: skip
    return Front("c", 0.9, [*points, {"target": "c", "refused": "no"}], [0, 1], Goals(), None, {})


def diagnosis() -> Diagnosis:
    row = LayerError(HOSTILE, (), 1.0, 0.01, 0.02, 0.125, 0.0, 0.13, -0.0)
    return Diagnosis(8, "step", 30, (row,), {"float": 1.0}, {}, HOSTILE)


def test_each_is_a_table(found: tuple[Evaluations, np.ndarray]) -> None:
    evaluations, _ = found
    shown = evaluations._repr_html_()
    assert "30 images" in shown and all(f"<td>{cell}</td>" in shown for one in evaluations for cell in one.cells())
    assert evaluations[0]._repr_html_().count("<tr>") == 2 and "no evaluation" in Evaluations()._repr_html_()
    for words, cells in (
        (front()._repr_html_(), ["75.00 %", "50,000", "1,000"]),
        (diagnosis()._repr_html_(), ["12.5", "13.0", "0.0", "finite T"]),
        (Report((Outcome(HOSTILE, "gcc", "pass", 3, 1_234),))._repr_html_(), ["gcc", "1,234", "pass"]),
    ):
        assert all(f"<td>{cell}</td>" in words for cell in cells)
        assert "<script>" not in words and "&lt;script&gt;" in words and "-0.0" not in words
    assert "25.00 %" not in front()._repr_html_() and "2 of 3 designs" in front()._repr_html_()


def test_confusion(found: tuple[Evaluations, np.ndarray]) -> None:
    evaluations, classes = found
    wanted = [[int(((truth == Y) & (classes == taken)).sum()) for taken in range(5)] for truth in range(5)]
    assert evaluations[1].confusion_matrix.tolist() == wanted and len({*classes.tolist()}) > 2
    assert evaluations[1].accuracy == np.trace(np.array(wanted)) / 30
    picture = evaluations[1].figure()
    assert picture.axes[0].images[0].get_array().tolist() == wanted
    assert sorted(int(t.get_text()) for t in picture.axes[0].texts) == sorted(n for row in wanted for n in row if n)


def test_pictures_hold_the_figures(found: tuple[Evaluations, np.ndarray], tmp_path: Path) -> None:
    evaluations, _ = found
    count, step = evaluations.figure().axes[0].lines
    assert count.get_xydata().tolist() == [[e.timesteps, 100 * (e.accuracy or 0)] for e in sorted_by_t(evaluations[:3])]
    assert step.get_xydata().tolist() == [[e.timesteps, 100 * (e.accuracy or 0)] for e in sorted_by_t(evaluations[3:])]
    assert front().figure().axes[0].lines[0].get_xydata().tolist() == [[1_000, 50], [50_000, 75]]
    for result in (evaluations, evaluations[0], front(), diagnosis()):
        path = result.plot(tmp_path / f"{type(result).__name__}.png")
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(OutputError, match="cannot be written"):
        evaluations.plot(tmp_path / "a.words")
    assert len(list(tmp_path.iterdir())) == 4


def sorted_by_t(evaluations: list[Any]) -> list[Any]:
    return sorted(evaluations, key=lambda e: e.timesteps)


def test_without_classes_or_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare = snncc.evaluate(snncc.Network(dense_chain("count")), np.zeros((2, 20)), timesteps=[1, 2])
    assert bare[0].confusion == () and bare[0].confusion_matrix.shape == (0, 0)
    for result in (bare, bare[0], Evaluations()):
        with pytest.raises(DataError, match="labels"):
            result.plot(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ToolMissingError, match=r"snncc\[plot\]"):
        front().plot(tmp_path / "a.png")
