"""`make trial`: a newcomer's path, from raw bytes of digits to the last answer, three ways that must agree.

A small CNN is trained on what a script makes of the bytes. Then the bytes, untouched, go through `snncc evaluate`,
through the exported C by the very lines of its README, and some through the exported RTL by the bench of its README.
Every class must be the same. Exit status 1 says that one is not.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import digits
import numpy as np
from numpy.typing import NDArray

SCRIPTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "x/255": lambda data: data.astype(np.float32) / 255,
    "x/127.5-1": lambda data: data.astype(np.float32) / np.float32(127.5) - 1,
    "standardised": lambda data: (data - np.float32(33.3)) / np.float32(78.6),
}
"""What training scripts make of bytes."""

MAIN = """
#include <stdio.h>
int main(void)
{
    static uint8_t bytes[DIGITS_PIXELS];
    while (fread(bytes, sizeof bytes, 1, stdin) == 1) {
        printf("%u\\n", classify(bytes));
    }
    return 0;
}
"""
IMAGES = 4  # through the RTL: as many as its bench holds


def main(folder: Path) -> int:
    """Every script's trial; how many did not agree."""
    from rich.console import Console

    from snncc.terminal import make_table

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    loaded = digits.load()
    made = {name: np.rint(getattr(loaded, name) * 255).astype(np.uint8) for name in ("x_train", "x_test")}
    rows, wrong = [], 0
    for name, script in SCRIPTS.items():
        start = time.monotonic()
        place = folder / re.sub(r"\W+", "_", name)
        place.mkdir()
        floats = digits.Digits(script(made["x_train"]), loaded.y_train, script(made["x_test"]), loaded.y_test)
        model = digits.small_cnn()
        accuracy = digits.train(model, floats, epochs=5)
        model.save(place / "digits.keras")
        np.savez(place / "digits.npz", x_calibration=floats.x_train[:1000], x_test=floats.x_test, y_test=floats.y_test)
        np.savez(place / "raw.npz", x_test=made["x_test"], y_test=floats.y_test)
        said = snncc(place, "compile digits.keras --calibration digits.npz -o out --timesteps 8 "
                            "--target c --target verilog --max-lanes 16")  # fmt: skip
        line = next(line for line in said.splitlines() if line.startswith("Raw bytes"))
        simulated = json.loads(snncc(place, "evaluate out raw.npz --raw --json"))[0]["accuracy"]
        in_floats = json.loads(snncc(place, "evaluate out digits.npz --json"))[0]["accuracy"]
        classes = by_c_readme(place / "out" / "c", made["x_test"])
        in_c = float((classes == floats.y_test).mean())
        in_rtl = by_verilog_readme(place / "out" / "verilog", made["x_test"][:IMAGES])
        same = in_c == simulated == in_floats and np.array_equal(in_rtl, classes[:IMAGES])
        wrong += not same
        cells = [f"{100 * a:.2f} %" for a in (accuracy, in_floats, simulated, in_c)]
        rows.append([name, *cells, "equal" if same else "DIFFERENT", f"{time.monotonic() - start:.0f} s"])
        print(line, flush=True)
    header = ["trained on", "float", "evaluate", "evaluate --raw", "C by its README", f"and {IMAGES} in RTL", "took"]
    Console(width=120).print(make_table("raw bytes of 1,000 digits, all the way", header, rows))
    return wrong


def snncc(place: Path, arguments: str) -> str:
    """What a command of ours prints."""
    return run([str(Path(sys.executable).parent / "snncc"), *arguments.split()], place).decode()


def run(command: list[str], place: Path, given: bytes = b"") -> bytes:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, cwd=place, input=given, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr.decode()}{done.stdout.decode()}")
    return done.stdout


def by_c_readme(folder: Path, data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The classes that `classify` of the exported README gives, compiled as the README says."""
    readme = (folder / "README.md").read_text()
    found = re.search(r"```c\n(.*?)```", readme, re.S)
    if found is None or "Compile `digits.c` and `digits_quantise.c`" not in readme:
        raise SystemExit(f"{folder}/README.md: no program that takes raw bytes")
    (folder / "mine.c").write_text(found[1] + MAIN)
    run(["cc", "-std=c99", "-O2", "-Wall", "-Werror", "mine.c", "digits.c", "digits_quantise.c", "-o", "mine"], folder)
    return np.array(run(["./mine"], folder, data.tobytes()).split(), np.int64)


def by_verilog_readme(folder: Path, data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The classes of the exported bench, fed with the bytes' pixels out of the exported table."""
    table = (folder / "byte_table.mem").read_text().split()
    (folder / "golden_pixels.mem").write_text("\n".join(table[byte] for byte in data.reshape(-1)) + "\n")
    (folder / "golden_timesteps.mem").write_text("0008\n" * len(data))
    command = re.search(r"`(iverilog [^`]*?) && (vvp [^`]*)`", (folder / "README.md").read_text())
    if command is None:
        raise SystemExit(f"{folder}/README.md: no line that runs the bench")
    run(command[1].split(), folder)
    run([*command[2].split(), "+log"], folder)
    beats = [int(line, 16) for line in (folder / "results.log").read_text().split()]
    return np.array(beats, np.int64).reshape(len(data), -1)[:, -1]


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/trial")) else 0)
