"""The whole design over AXI4-Stream: wrong images raise the right flag and leave the next image right."""

import json
import os
import random

import cocotb
from bench import begin, settle, tick

VECTORS = json.loads(os.environ.get("SNN_VECTORS", "{}"))


async def send(dut, pixels, timesteps, rng, lasts):
    """Pixels with tlast where `lasts` says, in a random rhythm."""
    for i, pixel in enumerate(pixels):
        while rng.random() < 0.3:
            dut.s_axis_tvalid.value = 0
            await tick(dut)
        dut.s_axis_tvalid.value, dut.s_axis_tdata.value = 1, pixel
        dut.s_axis_tlast.value, dut.timesteps.value = int(i in lasts), timesteps
        while True:
            await settle()
            accepted = int(dut.s_axis_tready.value)
            await tick(dut)
            if accepted:
                break
        dut.timesteps.value = 0xFFFF  # only the first pixel's counts
    dut.s_axis_tvalid.value = 0


async def receive(dut, into, rng):
    while True:
        ready = rng.random() < 0.6
        dut.m_axis_tready.value = int(ready)
        await settle()
        if ready and int(dut.m_axis_tvalid.value):
            into.append((int(dut.m_axis_tdata.value), int(dut.m_axis_tlast.value)))
        await tick(dut)


async def clear(dut):
    dut.error_clear.value = 1
    await tick(dut)
    dut.error_clear.value = 0
    await tick(dut)
    assert int(dut.error.value) == 0


@cocotb.test()
async def faults_do_not_spread(dut):
    rng = random.Random(7)
    idle = ("s_axis_tvalid", "s_axis_tdata", "s_axis_tlast", "timesteps", "m_axis_tready", "error_clear")
    await begin(dut, **dict.fromkeys(idle, 0))
    assert f"{int(dut.NETWORK_HASH.value):064x}" == VECTORS["hash"]
    got, expected = [], []
    cocotb.start_soon(receive(dut, got, rng))
    size = len(VECTORS["images"][0]["pixels"])
    good = VECTORS["images"]

    async def right(image):
        await send(dut, image["pixels"], image["timesteps"], rng, {size - 1})
        expected.extend((b, int(i == len(image["beats"]) - 1)) for i, b in enumerate(image["beats"]))

    async def wrong(pixels, timesteps, lasts, flag):
        await send(dut, pixels, timesteps, rng, lasts)
        await tick(dut)
        assert int(dut.error.value) == flag, (int(dut.error.value), flag)
        await clear(dut)

    first = good[0]["pixels"]
    await wrong(first[:7], 2, {6}, 1)  # early, before anything else was there
    await right(good[0])
    assert int(dut.error.value) == 0
    await wrong(first[:5], 2, {4}, 1)  # early
    await wrong(first[:-1], 3, {size - 2}, 1)  # by one
    await right(good[1])
    await wrong(first, 2, set(), 1)  # missing
    await right(good[2])
    await wrong(first + first[:3], 2, {size + 2}, 1)  # late: dropped, and the surplus with it
    await right(good[3])
    await wrong(first, 0, {size - 1}, 2)  # T = 0
    await wrong(first, VECTORS["t_max"] + 1, {size - 1}, 2)  # T above the compiled maximum
    await right(good[0])
    await wrong(first[:1], 0, {0}, 3)
    await right(good[1])
    for _ in range(20_000):
        if len(got) >= len(expected):
            break
        await tick(dut)
    for _ in range(1000):
        await tick(dut)
    assert got == expected
    assert int(dut.error.value) == 0
