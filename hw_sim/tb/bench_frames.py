"""Sequences over AXI4-Stream: wrong ones raise the right flag and leave the next right; some go on where one ended."""

import json
import os
import random

import cocotb
from bench import begin, tick
from bench_network import clear, receive, send

CASE = json.loads(os.environ.get("SNN_VECTORS", "{}"))


@cocotb.test()
async def faults_do_not_spread(dut):
    rng = random.Random(3)
    idle = ("s_axis_tvalid", "s_axis_tdata", "s_axis_tlast", "timesteps", "keep", "m_axis_tready", "error_clear")
    await begin(dut, **dict.fromkeys(idle, 0))
    got, expected = [], []
    cocotb.start_soon(receive(dut, got, rng))
    sequences, frame = CASE["sequences"], CASE["frame"]
    pixels, most = sequences[0]["pixels"], CASE["t_max"]

    async def right(number, keep=0):
        one = sequences[number]
        dut.keep.value = keep
        await send(dut, one["pixels"], one["timesteps"], rng, {len(one["pixels"]) - 1})
        expected.extend((b, int(i == len(one["beats"]) - 1)) for i, b in enumerate(one["beats"]))
        await tick(dut)
        assert int(dut.error.value) == 0

    async def wrong(sent, timesteps, lasts, flag, keep=1):
        dut.keep.value = keep
        await send(dut, sent, timesteps, rng, lasts)
        await tick(dut)
        assert int(dut.error.value) == flag, (int(dut.error.value), flag)
        await clear(dut)

    await wrong(pixels[: frame + 3], 3, {frame + 2}, 1)  # early, within a frame
    await right(0)
    await wrong(pixels[: 2 * frame], 3, {2 * frame - 1}, 1)  # early, with a frame's last pixel
    await right(1)
    await wrong(pixels[: 2 * frame], 2, set(), 1)  # missing
    await right(2, keep=1)
    await right(3)
    await wrong(pixels[:frame], 0, {frame - 1}, 2)  # T = 0
    await wrong(pixels[:frame], most + 1, {frame - 1}, 2)
    await wrong(pixels[:1], 0, {0}, 3)
    await right(4, keep=1)
    await wrong(pixels[:frame], most - sequences[4]["timesteps"] + 1, {frame - 1}, 2)  # more than there may be together
    await right(5)
    for _ in range(20_000):
        if len(got) >= len(expected):
            break
        await tick(dut)
    for _ in range(1000):
        await tick(dut)
    assert got == expected
    assert int(dut.error.value) == 0
