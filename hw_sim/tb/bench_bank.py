"""snn_bank: frames come out as they went in, words in a ring in order, never more frames than there are banks."""

import random

import cocotb
from bench import P, begin, tick


@cocotb.test()
async def first_in_first_out(dut):
    rng = random.Random(12)
    await begin(dut, w_en=0, w_commit=0, w_meta=0, r_release=0)
    waiting, written, left, seen_full, seen_empty, frames = [], 0, 0, 0, 0, 0
    for cycle in range(900):
        greed = (0.9, 0.1, 0.5)[cycle // 75 % 3]
        ready, have = int(dut.w_ready.value), int(dut.have.value)
        assert ready == (len(waiting) < P["BANKS"]) and have == bool(waiting)
        assert int(dut.w_addr.value) == written % (P["BANKS"] * P["WORDS"])
        seen_full += not ready
        seen_empty += not have
        if have:
            assert int(dut.r_meta.value) == waiting[0]
        begins = not left and ready and rng.random() < greed
        empty = begins and rng.random() < 0.3
        if begins and not empty:
            left = P["WORDS"]
        write = left > 0 and rng.random() < 0.8
        commit = empty or (write and left == 1)
        read = have and rng.random() < 1 - greed
        meta = rng.randrange(2 ** P["MW"])
        dut.w_en.value, dut.w_commit.value, dut.w_meta.value = int(write), int(commit), meta
        dut.r_release.value = int(read)
        await tick(dut)
        left -= write
        written += write
        if read:
            waiting.pop(0)
        if commit:
            waiting.append(meta)
            frames += 1
    assert seen_full and seen_empty and frames > 3 * P["BANKS"]
