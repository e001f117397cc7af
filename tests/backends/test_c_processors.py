"""The paths of hosts' processors in the exported C: what each computes is what the portable loops compute."""

from __future__ import annotations

import platform
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir
from snncc.backends.c.kernels import Kernels
from snncc.backends.c.run import ARM, AArch64
from snncc.backends.vectors import random_pixels
from tests.backends.c_folder import agree, compiled
from tests.backends.c_variants import NETWORKS
from tests.networks import network, population, residual, weights
from tests.strategies import Case, cases
from tests.support import examples

WANTED = {
    "-mavx2": {"avx2"},
    "-mavx2 -mavxvnni": {"avx_vnni"},
    "-mavx512bw -mavx512vl -mavx512vnni": {"avx512_vnni", "avx512bw", "avx512vl"},
}
"""Flags of GCC, and what /proc/cpuinfo calls what they need."""
NEON, MIXED = AArch64().variants(None)  # type: ignore[arg-type]


def paths() -> list[str]:
    """The paths of this processor: on x86 AVX2 always, others where it has them; elsewhere its own."""
    if platform.machine() != "x86_64":
        return ["-march=native"]
    offered = set(re.findall(r"\w+", Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0]))
    return ["-mavx2", *(flags for flags, needed in WANTED.items() if flags != "-mavx2" and needed <= offered)]


PATHS = paths()
RUNS = [(f"gcc -O1 {flags}", None) for flags in PATHS] + [(NEON, AArch64()), (MIXED, AArch64())]
EXT = st.sampled_from([0, 0, 1, 7])
IDS = [variant for variant, _ in RUNS]


def test_which_paths_ran(capsys: pytest.CaptureFixture[str]) -> None:
    """What this machine cannot run is not tested here: say so."""
    with capsys.disabled():
        print(f"\npaths of hosts' processors: {', '.join(IDS)}")
    assert PATHS


def check(case: Case, pack: bool, variant: str, runner: object = None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = compiled(case.network, Path(name) / "net", pack=pack, pixels=case.pixels)
        agree(folder, case.network, case.pixels, case.timesteps, variant, runner)


@examples(6)
@given(
    st.one_of(cases(dynamics="count", spike_ext=EXT), cases(dynamics="step", spike_ext=EXT)),
    st.booleans(),
    st.sampled_from(PATHS),
)
def test_random_networks(case: Case, pack: bool, flags: str) -> None:
    check(case, pack, f"gcc -O1 {flags}")


@examples(3)
@given(cases(dynamics="count", spike_ext=EXT), st.sampled_from([NEON, MIXED]))
def test_random_networks_on_aarch64(case: Case, variant: str) -> None:
    check(case, False, variant, AArch64())


@pytest.mark.parametrize(("variant", "runner"), RUNS, ids=IDS)
def test_a_residual_network_of_wide_values(tmp_path: Path, variant: str, runner: object) -> None:
    """Weights and pixels that are widened to 16 bits; those of bytes are in the other tests."""
    net, _ = NETWORKS["current"]
    pixels = random_pixels(net, 2)
    agree(compiled(net, tmp_path / "net", pixels=pixels), net, pixels, net.timesteps, variant, runner)


def extreme(timesteps: int) -> ir.Network:
    """Every product has one sign and its largest magnitude: 70 inputs, 5 outputs, each a tail of its kernel."""
    w = np.full((70, 5), 127, np.int8) * np.array([1, -1, 1, -1, 1], np.int8)
    first = ir.Dense(name="a", source=ir.Source("input"), weights=w)
    last = ir.Dense(name="b", source=ir.Source("first"), weights=w[:5])
    return network(
        population("first", (5,), first, theta=8890, v0=[0, 5, 8889, -1, 3]),
        population("last", (5,), last, theta=None),
        shape=(70,), timesteps=timesteps, dynamics="count",
    )  # fmt: skip


@pytest.mark.parametrize("timesteps", [64, 129, 130, 255])
def test_the_largest_products(tmp_path: Path, timesteps: int) -> None:
    """Where two products of bytes no longer fit 16 bits, and a count no longer 7."""
    net = extreme(timesteps)
    pixels = np.stack([np.full(70, 255), np.zeros(70, int), np.arange(70) % 2 * 255])
    folder = compiled(net, tmp_path / "net", pixels=pixels)
    text = (folder / "c" / "net_kernels.h").read_text()
    assert ("NET_MAC_PAIRS\n" in text.split("host_dot", 1)[0]) == (timesteps <= 129)
    for variant in ("gcc -O1 -mavx2" if "-mavx2" in PATHS else f"gcc -O1 {PATHS[0]}",):
        agree(folder, net, pixels, timesteps, variant)


def test_pairs_of_bytes_that_do_not_fit_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Kernels.host_dot
    monkeypatch.setattr(Kernels, "host_dot", lambda self, x, w, largest: right(self, x, w, 1))
    net = extreme(130)
    pixels = np.full((1, 70), 255)
    with pytest.raises(AssertionError):
        agree(compiled(net, tmp_path / "net", pixels=pixels), net, pixels, 130, "gcc -O1 -mavx2")


def test_floors_of_large_potentials(tmp_path: Path) -> None:
    """Potentials at, below and above multiples of their thresholds, to the ends of 32 bits: a row fires as division."""
    rng = np.random.default_rng(3)
    theta = np.concatenate([[1, 2, 3, 2**31 - 1, 2**30], rng.integers(1, 2 ** rng.integers(1, 31, 91))])
    fold = rng.integers(0, np.minimum((2**31 - 2**17) // theta, 65_530), endpoint=True)
    v0 = theta * fold + np.tile([-1, 0, 1, 2**16], 24)
    w = np.ones((2, 96), np.int8)
    first = population("first", (96,), ir.Dense(name="a", source=ir.Source("input"), weights=w), theta=theta, v0=v0)
    last = ir.Dense(name="b", source=ir.Source("first"), weights=weights(1, 96, 2))
    net = network(
        first, population("last", (2,), last, theta=None), shape=(2,), timesteps=65_535, dynamics="count",
        source={"bits": 8},
    )  # fmt: skip
    pixels = np.array([[0, 0], [1, 0], [1, 1]])
    folder = compiled(net, tmp_path / "net", pixels=pixels)
    for timesteps in (65_535, 3):
        agree(folder, net, pixels, timesteps, f"gcc -O3 {PATHS[-1]}")


@pytest.mark.parametrize(
    ("variant", "runner", "right", "wrong"),
    [
        (RUNS[0][0], None, "_mm256_maddubs_epi16(x, w)", "_mm256_maddubs_epi16(w, x)"),
        (RUNS[0][0], None, "memset(patch, 0, (size_t)(n * stride)", "memset(patch, 1, (size_t)(n * stride)"),
        (RUNS[-3][0], None, "(uint32_t)theta + 1U", "(uint32_t)theta"),
        (RUNS[-3][0], None, "net_least(o + 3, last)", "net_least(o + 2, last)"),
        (NEON, AArch64(), "vdotq_s32(sum, x, w)", "vaddq_s32(sum, vdotq_s32(sum, x, w))"),
        (MIXED, AArch64(), "vld1q_s32(acc)", "vdupq_n_s32(0)"),
    ],
)
def test_a_fault_in_a_processors_path_is_seen(
    tmp_path: Path, variant: str, runner: object, right: str, wrong: str
) -> None:
    net = residual(dynamics="count")
    pixels = random_pixels(net, 2)
    folder = compiled(net, tmp_path / "net", pixels=pixels)
    kernels = folder / "c" / "net_kernels.h"
    text = kernels.read_text()
    assert right in text
    kernels.write_text(text.replace(right, wrong))
    with pytest.raises(AssertionError):
        agree(folder, net, pixels, net.timesteps, variant, runner)


def test_no_microcontroller_sees_them(tmp_path: Path) -> None:
    """What a Cortex-M4's compiler reads is the same without the paths, and so is an x86's under NO_HOST."""
    net = residual(dynamics="count")
    source = compiled(net, tmp_path / "net") / "c" / "net.c"

    def read(compiler: str, *flags: str) -> str:
        made = subprocess.run([compiler, "-E", "-P", *flags, str(source)], capture_output=True, text=True, check=True)
        return made.stdout

    arm = read(ARM.require(), "-mcpu=cortex-m4", "-mthumb")
    assert arm == read(ARM.require(), "-mcpu=cortex-m4", "-mthumb", "-DNET_NO_HOST") and "host" not in arm
    if "-mavx2" in PATHS:
        assert read("gcc", "-mavx2", "-DNET_NO_HOST") == read("gcc") != read("gcc", "-mavx2")
