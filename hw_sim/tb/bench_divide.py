"""snn_divide: floor, clip at both ends, ties, one division every PERIOD cycles."""

import random

import cocotb
from bench import P, begin, settle, tick


@cocotb.test()
async def quotients(dut):
    rng = random.Random(2)
    top = 2 ** (P["STAGES"] * P["PERIOD"]) - 1
    low, high = -(2 ** (P["UW"] - 1)), 2 ** (P["UW"] - 1) - 1
    cases = [
        (low, 1),
        (high, 1),
        (-1, 1),
        (0, 1),
        (0, 2 ** P["DW"] - 1),
        (high, 2 ** P["DW"] - 1),
        (-5, min(3, 2 ** P["DW"] - 1)),
    ]
    for _ in range(200):
        divisor = rng.randrange(1, 2 ** rng.randint(1, P["DW"]))
        for dividend in (rng.randint(low, high), divisor * rng.randint(0, top), divisor * rng.randint(1, top + 1) - 1):
            cases.append((max(low, min(high, dividend)), divisor))
    await begin(dut, i_valid=0, i_dividend=0, i_divisor=1)
    expected, got = [max(0, min(top, u // d)) for u, d in cases], []
    waiting, sent_at = list(cases), []
    got_at = []
    for cycle in range(2 * len(cases) * (P["PERIOD"] + 1) + P["STAGES"] * P["PERIOD"]):
        if waiting and (not sent_at or cycle - sent_at[-1] >= P["PERIOD"] + (rng.random() < 0.2)):
            dut.i_valid.value = 1
            dut.i_dividend.value = waiting[0][0] & (2 ** P["UW"] - 1)
            dut.i_divisor.value = waiting.pop(0)[1]
            sent_at.append(cycle)
        else:
            dut.i_valid.value = 0
        await settle()
        if int(dut.o_valid.value):
            got.append(int(dut.o_quotient.value))
            got_at.append(cycle)
        await tick(dut)
    assert got == expected
    assert [b - a for a, b in zip(sent_at, got_at, strict=True)] == [P["STAGES"] * P["PERIOD"]] * len(cases)
