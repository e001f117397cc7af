"""The C backend on an emulated Cortex-M4: instructions, flash, RAM and stack per inference, beside published engines.

Instructions under QEMU (mps2-an386, -icount shift=6: CMSDK timer0 ticks * 40/64), averaged over the first 20 test
images as the peers' figures are. Instructions are not cycles.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench import write

import snncc
from snncc import ir, sim, store
from snncc.backends.c.emit import memory
from snncc.backends.vectors import random_pixels

MODEL = Path(__file__).parents[1] / "tests" / "golden" / "cortex_m_anchor" / "digits28.keras"
IMAGES = 20
TIMESTEPS = 16
ARM = [
    "arm-none-eabi-gcc",
    "-mcpu=cortex-m4",
    "-mthumb",
    "--specs=nano.specs",
    "--specs=rdimon.specs",
    "-ffunction-sections",
    "-I.",
    "-DNET_SELFTEST",
]
QEMU = [
    "qemu-system-arm",
    "-M",
    "mps2-an386",
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "none",
    "-icount",
    "shift=6,sleep=off",
]
SEMIHOSTING = ["-semihosting-config", "enable=on,target=native", "-kernel"]
PEERS = {  # accuracy %, instructions at -O3 and -Os, flash kB, RAM kB: measured once, GCC 12.2, same network and images
    "CMSIS-NN int8 CNN": (95.8, 1_194_680, 1_529_600, 15.2, 15.9),
    "qualia int8 CNN": (95.6, 739_640, 2_714_040, 6.3, 10.7),
    "NNoM int8 CNN": (95.6, 2_906_040, 6_373_200, 13.6, 33.7),
    "onnx2c float CNN": (96.4, 698_040, 2_585_280, 22.4, 46.4),
    "qualia int8 SNN, T=16": (96.1, 14_189_400, 45_817_280, 6.7, 22.2),
}
MAIN = """#include <stdio.h>
#include "test/net_vectors.h"
#define TIMER ((volatile uint32_t *)0x40000000)
#define PAINTED 16384 /* words of stack below main's frame */
#define PAINT 0xA5A5A5A5U
static net_state_t state;
static net_result_t result;
int main(void)
{
    uint64_t ticks = 0;
    int wrong = 0;
    int unused = 0;
    volatile uint32_t *stack;
    __asm volatile("mov %0, sp" : "=r"(stack));
    stack -= PAINTED;
    for (int i = 0; i < PAINTED; i++) {
        stack[i] = PAINT;
    }
    TIMER[2] = 0xFFFFFFFFU;
    TIMER[1] = 0xFFFFFFFFU;
    TIMER[0] = 1U;
    for (int v = 0; v < NET_VECTORS; v++) {
        const uint32_t start = TIMER[1];
        net_infer(&state, net_vector_images + v * NET_PIXELS, NET_T_MAX, &result);
        ticks += start - TIMER[1];
        for (int i = 0; i < NET_OUTPUTS; i++) {
            wrong += result.values[i] != net_vector_values[v * NET_OUTPUTS + i];
        }
    }
    while (unused < PAINTED && stack[unused] == PAINT) {
        unused++;
    }
    printf("%d %lu %d\\n", wrong, (unsigned long)(ticks * 40U / 64U / NET_VECTORS), 4 * (PAINTED - unused));
    return 0;
}
"""


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(256 calibration images, 360 test images, their labels)."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = np.stack([np.pad(np.kron(i / 16, np.ones((3, 3))), 2) for i in digits.images])[..., None]
    x, x_test, _, y_test = train_test_split(
        images.astype(np.float32), digits.target, test_size=360, random_state=0, stratify=digits.target
    )
    return x[:256], x_test, y_test


def firmware(
    work: Path, compiler: list[str], script: str = "port/cortex_m.ld", emulator: list[str] = QEMU
) -> dict[str, int]:
    """What a folder's program takes: instructions per image, code and flash of net.c, stack below main's frame."""
    link = ["-nostartfiles", "-T", script, "-Wl,--gc-sections", "-o", "bench.elf"]
    subprocess.run([*compiler, "bench_main.c", "net.c", "port/cortex_m_startup.c", *link], cwd=work, check=True)
    said = subprocess.run([*emulator, *SEMIHOSTING, "bench.elf"], cwd=work, check=True, capture_output=True, text=True)
    wrong, instructions, stack = map(int, said.stdout.split())
    if wrong:
        sys.exit(f"{wrong} values differ from the simulator's")
    subprocess.run([*compiler, "-c", "net.c", "-o", "net.o"], cwd=work, check=True)
    listed = subprocess.run(["arm-none-eabi-size", "-A", "net.o"], cwd=work, check=True, capture_output=True, text=True)
    sections = [line.split()[:2] for line in listed.stdout.splitlines() if line.startswith((".text", ".rodata"))]
    code = sum(int(size) for name, size in sections if name.startswith(".text"))
    flash = sum(int(size) for _, size in sections)
    return {"instructions": instructions, "code_bytes": code, "flash_bytes": flash, "stack_bytes": stack}


def measure(
    network: ir.Network, pixels: np.ndarray, levels: Sequence[str] = ("-O3", "-Os"), **options: Any
) -> dict[str, Any]:
    """Instructions, flash, stack, const and state of one network at some levels of optimisation."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "net"
        store.write(ir.replace(network, name="net"), folder, {"c": {"pixels": pixels} | options})
        work = folder / "c"
        (work / "bench_main.c").write_text(MAIN)
        for level in levels:
            found[level] = firmware(work, [*ARM, level])
    needed = memory(network, **options)
    return found | {"const_bytes": needed.const, "state_bytes": needed.state}


def anchor() -> list[dict[str, Any]]:
    """The anchor network in both dynamics and encodings, and packed at 4 bits, accuracy beside each.

    Uncalibrated at T = 16, as the peers' SNN, and with `light` calibration, which needs fewer timesteps.
    """
    calibration, x_test, y_test = data()
    rows = []
    for dynamics, encoding, bits, pack, timesteps, calibrate in (
        ("count", "rate", 8, False, 16, "none"), ("count", "current", 8, False, 16, "none"),
        ("count", "rate", 4, True, 16, "none"), ("step", "rate", 8, False, 16, "none"),
        ("step", "current", 8, False, 16, "none"), ("count", "rate", 8, False, 8, "light"),
        ("step", "rate", 8, False, 8, "light"), ("step", "current", 8, False, 8, "light"),
        ("step", "current", 8, False, 4, "light"),
        ("step", "rate", 8, False, 16, "light"),
    ):  # fmt: skip
        network = snncc.convert(
            str(MODEL),
            calibration,
            timesteps=timesteps,
            dynamics=dynamics,
            encoding=encoding,
            signed_bit=bits,
            calibrate=calibrate,
            average_pools="fire",
        )
        pixels = network.pixels(x_test).astype(np.int64)
        classes = sim.run(network.ir, pixels, timesteps, dynamics).classes
        row = {"dynamics": dynamics, "encoding": encoding, "bits": bits, "pack": pack, "timesteps": timesteps,
               "calibrate": calibrate, "accuracy": round(100 * float((classes == y_test).mean()), 2)}  # fmt: skip
        rows.append(row | measure(network.ir, pixels[:IMAGES], pack=pack))
        print(rows[-1])
    return rows


def linearity() -> list[dict[str, Any]]:
    """One convolution of three sizes: instructions grow with MACs."""
    rows = []
    for side in (8, 16, 32):
        w = np.random.default_rng(1).integers(-127, 127, (3, 3, 16, 16), endpoint=True).astype(np.int8)
        zeros = np.zeros((), np.int64)
        last = ir.Population(
            name="last", shape=(side, side, 16), theta=zeros + 9000, bias=zeros, v0=zeros, lambda_=np.ones(()),
            projections=(ir.Conv2D(name="conv", source=ir.Source("input"), weights=w, pads=(1, 1, 1, 1)),),
        )  # fmt: skip
        source = ir.Input(
            shape=(side, side, 16), bits=8, signed=False, encoding="rate", lambda_0=1.0, gain=np.ones(()),
            offset=np.zeros(()),
        )  # fmt: skip
        network = ir.Network(
            name="net", input=source, populations=(last,), timesteps=TIMESTEPS, signed_bit=8, readout="spikes",
            output_shape=last.shape,
        )  # fmt: skip
        network = ir.replace(network, intervals=ir.prove(network))
        macs = side * side * 9 * 16 * 16
        found = measure(network, random_pixels(network, 2))["-O3"]["instructions"]
        rows.append({"macs": macs, "instructions": found, "per_mac": round(found / macs, 3)})
        print(rows[-1])
    return rows


def main() -> None:
    """Measure, print and write benchmarks/results/c_cortex_m4.json."""
    write("c_cortex_m4", {"anchor": anchor(), "linearity": linearity(), "peers": PEERS})


if __name__ == "__main__":
    main()
