"""`make demo`: trains a small CNN on real digits, compiles it at 8 bits, saves it and evaluates it bit-exactly."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import digits
import numpy as np

import snncc
from snncc.evaluation import Evaluation
from snncc.terminal import make_table

TIMESTEPS = (4, 8, 16, 32, 64)


def main(folder: Path) -> None:
    """Everything, with what it took."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    folder.mkdir(parents=True, exist_ok=True)
    data = digits.load()
    start = time.monotonic()
    model = digits.small_cnn()
    console.print(f"training {model.count_params():,} parameters on {len(data.x_train):,} handwritten digits ...")
    accuracy = digits.train(model, data)
    console.print(f"float network: {100 * accuracy:.2f} % of {len(data.x_test):,} test digits ({_since(start)})")
    model.save(folder / "digits.keras")
    np.savez(folder / "digits.npz", x_calibration=data.x_train[:1000], x_test=data.x_test, y_test=data.y_test)

    start = time.monotonic()
    network = snncc.convert(model, data.x_train[:1000], signed_bit=8, timesteps=max(TIMESTEPS))
    network.write(folder / "digits", force=True)
    console.print(f"compiled to {folder}/digits/network.snn, 8 bits ({_since(start)}), {network.hash[:16]}")

    start = time.monotonic()
    network = snncc.load(folder / "digits")
    rows = [["float", "-", f"{100 * accuracy:.2f} %", "-", "-", "-", "-"]]
    for dynamics in ("count", "step"):
        for found in snncc.evaluate(network, data.x_test, data.y_test, TIMESTEPS, dynamics):
            rows.append([*found.cells(), _compiled_for(found.timesteps, dynamics, model, data)])
    header = [*Evaluation.HEADER, "compiled for this T"]
    console.print(make_table("bit-exact integers, 8-bit weights, compiled once for T = 64", header, rows))
    console.print("The last column: accuracy of a network compiled for that T and dynamics, its input a current.")
    console.print(f"{len(data.x_test):,} images at each T ({_since(start)}). Now try:")
    console.print(f"  .venv/bin/snncc inspect {folder}/digits")
    console.print(f"  .venv/bin/snncc evaluate {folder}/digits {folder}/digits.npz -T 8 -T 16 --dynamics step")


def _compiled_for(timesteps: int, dynamics: str, model: Any, data: digits.Digits) -> str:
    """Accuracy of a network whose thresholds are chosen for one small T."""
    if timesteps > 16:
        return "-"
    own = snncc.convert(model, data.x_train[:1000], timesteps=timesteps, dynamics=dynamics, encoding="current")
    return f"{100 * snncc.evaluate(own, data.x_test, data.y_test)[0].accuracy:.2f} %"


def _since(start: float) -> str:
    return f"{time.monotonic() - start:.1f} s"


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo"))
