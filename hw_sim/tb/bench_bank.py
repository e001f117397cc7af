"""snn_bank: frames come out as they went in, each from the bank it was written to, never more than there are banks."""

import random

import cocotb
from bench import P, begin, settle, tick


@cocotb.test()
async def first_in_first_out(dut):
    rng = random.Random(12)
    await begin(dut, w_commit=0, w_meta=0, r_release=0)
    waiting, free, seen_full, seen_empty, frames = [], set(range(P["BANKS"])), 0, 0, 0
    for cycle in range(600):
        greed = (0.9, 0.1, 0.5)[cycle // 50 % 3]
        await settle()
        ready, have = int(dut.w_ready.value), int(dut.have.value)
        assert ready == (len(waiting) < P["BANKS"]) and have == bool(waiting)
        seen_full += not ready
        seen_empty += not have
        base = int(dut.w_base.value)
        if have:
            assert (int(dut.r_base.value), int(dut.r_meta.value)) == waiting[0]
        await tick(dut)
        write, read = ready and rng.random() < greed, have and rng.random() < 1 - greed
        meta = rng.randrange(2 ** P["MW"])
        dut.w_commit.value, dut.w_meta.value, dut.r_release.value = int(write), meta, int(read)
        await settle()
        if write:
            assert base % P["WORDS"] == 0 and base // P["WORDS"] in free
            free.remove(base // P["WORDS"])
        if read:
            free.add(waiting.pop(0)[0] // P["WORDS"])
        if write:
            waiting.append((base, meta))
            frames += 1
        await tick(dut)
        dut.w_commit.value = dut.r_release.value = 0
    assert seen_full and seen_empty and frames > 3 * P["BANKS"]
