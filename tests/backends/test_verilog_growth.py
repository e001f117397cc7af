"""Max-pools in `step`: what the largest count, or sum of values, has grown by; parity, exact cycles, faults noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from snncc import ir, store
from snncc.backends.vectors import random_pixels
from snncc.verification import verify
from tests.hw.simulate import compile_bench, exact, mixed_plan, plan_with, run
from tests.networks import (
    SIGNED,
    max_pooled,
    network,
    population,
    relay,
    separable,
    signed_maxima,
    signed_pixels,
    tangled_readout,
    weights,
)

POOLS = signed_maxima()


def of_maxima() -> ir.Network:
    """A maximum over a maximum of spikes and those spikes, padded; what reads it fires and is read out."""
    source = ir.Source("first")
    conv = ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 3, 3, 2, 3), pads=(1, 1, 1, 1))
    inner = ir.MaxPool(source, (2, 2), (1, 1), (1, 0, 0, 1))  # (6, 5, 3) as it was
    outer = ir.MaxPool(ir.Concat((inner, source)), (2, 3), (2, 2), (0, 0, 1, 0))  # (3, 2, 6)
    dense = ir.Dense(name="b", source=ir.Reshape(outer, (36,)), weights=weights(2, 36, 4))
    return network(
        population("first", (6, 5, 3), conv, theta=400, v0=200),
        population("last", (4,), dense, theta=300, v0=150),
        shape=(6, 5, 2), timesteps=8, spike_ext=2, dynamics="step", readout="spikes",
    )  # fmt: skip


def single(length: int) -> ir.Network:
    """The input's maximum over windows of one word each, so that one word is counted frame after frame."""
    view = ir.MaxPool(ir.Reshape(ir.Source("input"), (1, 1, 4)), (1, 1), (1, 1))
    return network(tangled_readout(view, 4), shape=(4,), timesteps=length, dynamics="step")


def current(name: str, **options: object) -> ir.Network:
    """A maximum of the input current in `step`, with timesteps after T."""
    made = ir.replace(POOLS[name], dynamics="step", spike_ext=2)
    return ir.proven(ir.replace(made, input=ir.replace(made.input, **options)))


def of_sums() -> ir.Network:
    """Maxima of relays' sums: padded, with spikes, and of the maxima again; relays of one sign and of both."""
    first = ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 3, 3, 2, 3), pads=(1, 1, 1, 1))
    below = ir.Identity(name="b", source=ir.Source("fires"), weights=-np.arange(1, 4).astype(np.int8))
    both = ir.Concat((ir.Source("below"), ir.Source("fires"), ir.Source("relay")))  # (6, 5, 9)
    inner = ir.MaxPool(ir.Pad(both, (0, 0, 0, 1)), (2, 2), (2, 2))  # (3, 3, 9)
    below_alone = ir.MaxPool(ir.Source("below"), (2, 3), (2, 1))  # (3, 3, 3)
    outer = ir.MaxPool(ir.Concat((inner, below_alone)), (2, 2), (1, 1))  # (2, 2, 12)
    return network(
        relay("relay", (6, 5, 3), first, shift=[0, 2, 5], bias=[0, 7, -90]),
        population("fires", (6, 5, 3), ir.Identity(name="c", source=ir.Source("relay"), weights=weights(4, 3)),
                   theta=300, v0=150),
        relay("below", (6, 5, 3), below, shift=0, bias=-1),
        population("last", (4,), ir.Dense(name="d", source=ir.Reshape(outer, (48,)), weights=weights(2, 48, 4)),
                   theta=None, bias=[1, 2, -3, 4]),
        shape=(6, 5, 2), source=SIGNED, timesteps=3, spike_ext=1, dynamics="step",
    )  # fmt: skip


GROWN = {
    "of sums": of_sums(),
    "of sums of one sign": separable(maximum=True, dynamics="step", timesteps=2),
    "of spikes": max_pooled(dynamics="step"),
    "of maxima": of_maxima(),
    "of one word": single(5),
    "of one timestep": single(1),
    "of a current that is not negative": current("ragged", signed=False),
    **{f"of a current, {name}": current(name) for name in POOLS if "spikes" not in name},
}


def stimulus(net: ir.Network) -> tuple[np.ndarray, list[int]]:
    pixels = signed_pixels(net) if net.input.signed else random_pixels(net, 6)
    longest = net.timesteps
    return pixels, [longest, 1, longest, max(1, longest // 2), longest, longest]


@pytest.mark.parametrize("name", GROWN)
def test_every_word_and_cycle(tmp_path: Path, name: str) -> None:
    net = GROWN[name]
    golden = exact(tmp_path, mixed_plan(net, len(name)), *stimulus(net))
    pooled = [frames for key, frames in golden.frames.items() if key.startswith("max_")]
    assert any(frame.any() for frames in pooled for frame in frames)
    assert "PASS" in run(tmp_path, "+reset_after=90")


def test_verify_reads_what_the_export_sends(tmp_path: Path) -> None:
    store.write(GROWN["of maxima"], tmp_path / "m", {"verilog": {}, "c": {}})
    report = verify(tmp_path / "m", targets=["verilog-icarus", "c-host"], variants=["plain bench", "gcc -O0"], images=3)
    assert [o.status for o in report.outcomes] == ["pass"] * 2, report.outcomes


SPIKES, CURRENT, SUMS = "of maxima", "of a current, ragged", "of sums"
FAULTS = {
    "counts go on from image to image": (SPIKES, "snn_tally.v", "first_q ? {TALLY{1'b0}} : held", "held"),
    "an equal count rises again": (SPIKES, "snn_fire_step.v", "s_q + {{(VW-1){1'b0}}", "s_q - {{(VW-1){1'b0}}"),
    "spikes are not counted": (SPIKES, "snn_tally.v", "? {fired, 1'b1}", "? {{TALLY{1'b0}}, 1'b1}"),
    "the maximum goes on": (SPIKES, "snn_fire_step.v", "restart ? v0_q : s_q + {", "1'b0 ? v0_q : s_q + {"),
    "a rise that stays": (SPIKES, "snn_fire_step.v", "s_q + {{(VW-1){1'b0}}, s_q[0]}", "s_q"),
    "words out of step": (SPIKES, "snn_tally.v", ".raddr(load ? next : word_q)", ".raddr(word_q)"),
    "the larger is the smaller": (SPIKES, "snn_column.v", "a > b ? a : b", "a > b ? b : a"),
    "sums go on from image to image": (SUMS, "snn_tally.v", "first_q ? {TALLY{1'b0}} : held", "held"),
    "sums without sign": (SUMS, "snn_tally.v", "SIGNED != 0 && element[CW-1]", "1'b0"),
    "the maximum so far for that of now": (
        SUMS,
        "snn_fire_step.v",
        "wdata[i*VW +: VW] = LOWEST",
        "wdata[i*VW +: VW] = s_q",
    ),
    "all of it each time": (SUMS, "snn_fire_step.v", "most - last_q", "most"),
    "the last image's maximum": (SUMS, "snn_fire_step.v", "restart ? {VW{1'b0}} : most", "most"),
    "a padded zero is left out": (
        SUMS,
        "snn_fire_step.v",
        "last_q : s_q > v0_q ? s_q : v0_q;\n                assign wdata[i*VW +: VW] = LOWEST",
        "last_q : s_q;\n                assign wdata[i*VW +: VW] = LOWEST",
    ),
    "sums that rest are not sent": (SUMS, "snn_top.v", ".EVERY(1)", ".EVERY(0)"),
    "a current after T": (CURRENT, "snn_fire_step.v", "driven ? most : {VW{1'b0}}", "most"),
    "a maximum restarts at zero": (CURRENT, "snn_fire_step.v", "restart ? LOWEST", "restart ? {VW{1'b0}}"),
    "a zero is no event": (CURRENT, "snn_top.v", ".EVERY(1)", ".EVERY(0)"),
}


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a design that passes, by the network's name: made once, and to be copied."""

    @cache
    def made(which: str) -> Path:
        folder, net = tmp_path_factory.mktemp("proved"), GROWN[which]
        pixels, steps = stimulus(net)
        exact(folder, plan_with(net, 3), pixels[:3], steps[:3])
        return folder

    return made


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_noticed(tmp_path: Path, proved: Callable[[str], Path], fault: str) -> None:
    which, name, old, new = FAULTS[fault]
    faulty = shutil.copytree(proved(which), tmp_path / "faulty")
    text = (faulty / name).read_text()
    assert old in text
    (faulty / name).write_text(text.replace(old, new))
    compile_bench(faulty)
    assert "PASS" not in run(faulty)
