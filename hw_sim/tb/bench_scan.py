"""snn_scan: every non-zero element once, in ascending order, with its position; cycles of empty words; stalls."""

import random

import cocotb
from bench import P, begin, pack, settle, tick


async def scan(dut, words, patience):
    """Events (d0, d1, d2, value) of one bank, and the cycles it was busy."""
    rng = random.Random(3)
    dut.start.value, dut.ev_ready.value = 1, 0
    await settle()
    address = int(dut.raddr.value)
    await tick(dut)
    dut.start.value = 0
    events, cycles = [], 0
    while True:
        ready = rng.random() < patience
        dut.rdata.value = words[address] if address < len(words) else 0
        dut.ev_ready.value = int(ready)
        await settle()
        if not int(dut.busy.value):
            await tick(dut)
            return events, cycles
        cycles += 1
        if ready and int(dut.ev_valid.value):
            events.append(tuple(int(getattr(dut, f"ev_{n}").value) for n in ("d0", "d1", "d2", "value")))
        address = int(dut.raddr.value)
        await tick(dut)


@cocotb.test()
async def every_event_once(dut):
    rng = random.Random(4)
    await begin(dut, start=0, base=0, ev_ready=0, rdata=0)
    size = P["D0"] * P["D1"] * P["BLOCKS"]
    for density in (0.0, 0.02, 0.3, 1.0):
        for patience in (1.0, 0.4):
            values = [
                [rng.randrange(1, 2 ** P["CW"]) if rng.random() < density else 0 for _ in range(P["LANES"])]
                for _ in range(size)
            ]
            expected = []
            for word, lanes in enumerate(values):
                block, rest = word % P["BLOCKS"], word // P["BLOCKS"]
                for lane, value in enumerate(lanes):
                    if value:
                        expected.append((rest // P["D1"], rest % P["D1"], block * P["LANES"] + lane, value))
            events, cycles = await scan(dut, [pack(lanes, P["CW"]) for lanes in values], patience)
            assert events == expected
            if patience == 1.0:
                assert cycles == 1 + sum(max(1, sum(v != 0 for v in lanes)) for lanes in values)
            await tick(dut)
