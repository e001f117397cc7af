"""The kernels of `count` on three MLPerf Tiny networks: instructions and code at -O3, -O2 and -Os.

On an emulated Cortex-M4 as in c_bench.py, and on a Cortex-M55 (mps3-an547, -icount shift=0: SysTick at 32 MHz, 31.25
instructions to a tick) with Helium, with the DSP extension alone, and portable. Instructions are not cycles.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mlperf_tiny
import numpy as np
from bench import write
from c_bench import ARM, MAIN, QEMU, firmware

import snncc
from snncc import ir, store
from snncc.resources import resource

LEVELS = ("-O3", "-O2", "-Os")
TIMESTEPS = (16,)
IMAGES = 2  # no instruction depends on the image but the divisions of neurons that fire
GOALS = {  # millions of instructions: aimed at, at -O3, -O2 and -Os; CMSIS-NN's int8 kernels, measured once, GCC 12.2
    ("image_classification", 8): ((22, 22, None), 29.7),
    ("keyword_spotting", 8): ((6.5, None, None), 7.7),
    ("visual_wake_words", 8): ((19, None, None), 24.2),
    ("keyword_spotting", 4): ((9.5, 10.5, 12), None),
}
M55 = [word if word != "-mcpu=cortex-m4" else "-mcpu=cortex-m55" for word in ARM] + ["-mfloat-abi=hard"]
M55_QEMU = ["mps3-an547" if word == "mps2-an386" else word for word in QEMU[:-1]] + ["shift=0,sleep=off"]
M55_PATHS = {"helium": [], "dsp": ["-DNET_NO_MVE"], "portable": ["-DNET_NO_DSP"]}
M55_MAIN = (
    MAIN.replace("0x40000000", "0xE000E010")
    .replace("TIMER[2] = 0xFFFFFFFFU;\n    TIMER[1] = 0xFFFFFFFFU;\n    TIMER[0] = 1U;",
             "TIMER[1] = 0xFFFFFFU;\n    TIMER[2] = 0U;\n    TIMER[0] = 5U;")
    .replace("start = TIMER[1]", "start = TIMER[2]")
    .replace("start - TIMER[1]", "(start - TIMER[2]) & 0xFFFFFFU")
    .replace("ticks * 40U / 64U", "ticks * 125U / 4U")
)  # fmt: skip


def measure(network: ir.Network, pixels: Any, pack: bool) -> dict[str, Any]:
    """Instructions and code of a network, on both processors."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "net"
        store.write(ir.replace(network, name="net"), folder, {"c": {"pixels": pixels, "pack": pack}})
        work = folder / "c"
        (work / "bench_main.c").write_text(MAIN)
        for level in LEVELS:
            found[level] = firmware(work, [*ARM, level])
        (work / "bench_main.c").write_text(M55_MAIN)
        script = str(resource("templates") / "verify" / "mps3_an547.ld")
        for path, flags in M55_PATHS.items():
            found[f"m55_{path}"] = firmware(work, [*M55, "-O3", *flags], script, M55_QEMU)["instructions"]
    return found


def kernels() -> list[dict[str, Any]]:
    """One row per network and width, beside what was aimed at and CMSIS-NN's kernels."""
    models = mlperf_tiny.models()
    rows = []
    for (name, bits), (goal, cmsis) in GOALS.items():
        data = mlperf_tiny.images_of(models[name])
        calibration = data[: mlperf_tiny.CALIBRATION]
        for timesteps in TIMESTEPS:
            network = snncc.convert(
                models[name], calibration, signed_bit=bits, timesteps=timesteps, dynamics="count", calibrate="none",
                average_pools="fire", encoding="current" if (calibration < 0).any() else "rate",
            )  # fmt: skip
            pixels = network.pixels(data[mlperf_tiny.CALIBRATION :][:IMAGES]).astype(np.int64)
            row = {"network": name, "bits": bits, "pack": bits < 8, "T": timesteps}
            rows.append(row | measure(network.ir, pixels, bits < 8) | {"goal_M": goal, "cmsis_nn_M": cmsis})
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, print and write benchmarks/results/c_kernels.json."""
    write("c_kernels", {"kernels": kernels()})


if __name__ == "__main__":
    main()
