"""snn_readout: values in order, first of the largest, back-pressure, resets; one value: its sign."""

import itertools
import random

import cocotb
from bench import P, begin, pack, settle, tick

IDLE = {"w_en": 0, "w_data": 0, "w_commit": 0, "m_axis_tready": 0}


async def write(dut, choose):
    """Write the words of one image whose values `choose` makes; the beats that must follow."""
    values, words = [], []
    for word in range(P["WORDS"]):
        lanes = [choose() for _ in range(P["LANES"])]
        last = word % P["GROUPS"] == P["GROUPS"] - 1
        values += lanes[: P["LAST_LANES"] if last else P["LANES"]]
        words.append(pack(lanes, P["VW"]))
    for address, word in enumerate(words):
        dut.w_en.value, dut.w_data.value = 1, word
        dut.w_commit.value = int(address == len(words) - 1)
        await settle()
        assert int(dut.w_ready.value) == 1
        await tick(dut)
    dut.w_en.value = dut.w_commit.value = 0
    best = int(values[0] > 0) if len(values) == 1 else values.index(max(values))
    return [(v % 2 ** P["DW"], 0) for v in values] + [(best, 1)]


async def take(dut, count, ready_at=lambda: True):
    """`count` beats, or as many as come in time; taken where ready_at() says so."""
    got, held = [], None
    for _ in range(50 + 20 * count):
        if len(got) == count:
            break
        ready = ready_at()
        dut.m_axis_tready.value = int(ready)
        await settle()
        assert int(dut.w_ready.value) == 0
        beat = (int(dut.m_axis_tdata.value), int(dut.m_axis_tlast.value)) if int(dut.m_axis_tvalid.value) else None
        assert held is None or beat == held  # a beat stays until it is taken
        held = None if ready else beat
        if ready and beat is not None:
            got.append(beat)
        await tick(dut)
    dut.m_axis_tready.value = 0
    return got


@cocotb.test()
async def values_and_class(dut):
    rng = random.Random(5)
    await begin(dut, **IDLE)
    low, high = -(2 ** (P["VW"] - 1)), 2 ** (P["VW"] - 1) - 1
    for image in range(12):
        expected = await write(dut, lambda: rng.choice([low, high, 0, -1, 1, rng.randint(low, high)]))
        got = await take(dut, len(expected), lambda image=image: image == 0 or rng.random() < 0.5)
        assert got == expected


@cocotb.test()
async def a_reset_leaves_nothing(dut):
    """After reset, and after a reset at any beat of an image whose last value wins, negative values give class 0."""
    await begin(dut, **IDLE)
    beats = len(expected := await write(dut, lambda: -1))
    assert await take(dut, beats) == expected
    for taken in range(beats):
        rising = itertools.count(1)
        expected = await write(dut, lambda rising=rising: next(rising))
        assert await take(dut, taken) == expected[:taken]
        dut.rst.value = 1
        await tick(dut)
        dut.rst.value = 0
        expected = await write(dut, lambda: -1)
        assert await take(dut, beats) == expected
