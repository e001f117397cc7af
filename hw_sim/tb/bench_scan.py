"""snn_scan: every non-zero element (EVERY: every one) once, in ascending order; cycles of empty words; stalls.

The words lie in a ring; the scanner may follow a writer and must never take a word that is not written yet.
"""

import random

import cocotb
from bench import P, begin, pack, settle, tick

UNWRITTEN = 2 ** (P["LANES"] * P["CW"]) - 1
EVERY = bool(P.get("EVERY"))


async def scan(dut, words, first, patience, pace):
    """Events (d0, d1, d2, value) of one band from ring address `first`, and the cycles it was busy.

    `pace` is the chance that the writer writes a word in a cycle; None: the whole band is there from the start.
    """
    rng = random.Random(3)
    written = 0 if pace is not None else len(words)
    memory = dict.fromkeys(range(P["DEPTH"]), UNWRITTEN)
    memory |= {(first + i) % P["DEPTH"]: word for i, word in enumerate(words[:written])}
    events, cycles, started, data = [], 0, False, UNWRITTEN
    for _ in range(100 + 50 * P["LANES"] * len(words)):
        ready = rng.random() < patience
        dut.w_addr.value, dut.whole.value = (first + written) % P["DEPTH"], int(written == len(words))
        dut.rdata.value, dut.ev_ready.value, dut.start.value = data, int(ready), 0
        await settle()
        if not started and int(dut.ready.value):
            await tick(dut)
            dut.start.value = 1
            await settle()
            started = True
        elif started:
            if not int(dut.busy.value):
                await tick(dut)
                return events, cycles
            cycles += 1
            if ready and int(dut.ev_valid.value):
                events.append(tuple(int(getattr(dut, f"ev_{n}").value) for n in ("d0", "d1", "d2", "value")))
        data = memory[int(dut.raddr.value)]
        if written < len(words) and rng.random() < pace:
            memory[(first + written) % P["DEPTH"]] = words[written]
            written += 1
        await tick(dut)
    raise AssertionError("the scan does not end")


@cocotb.test()
async def every_event_once(dut):
    rng = random.Random(4)
    await begin(dut, start=0, w_addr=0, whole=0, ev_ready=0, rdata=0)
    size, first = P["D0"] * P["D1"] * P["BLOCKS"], 0
    for density in (0.0, 0.02, 0.3, 1.0):
        for patience, pace in ((1.0, None), (1.0, 1.0), (1.0, 0.2), (0.4, None), (0.4, 0.5)):
            values = [
                [rng.randrange(1, 2 ** P["CW"]) if rng.random() < density else 0 for _ in range(P["LANES"])]
                for _ in range(size)
            ]
            expected = []
            for word, lanes in enumerate(values):
                block, rest = word % P["BLOCKS"], word // P["BLOCKS"]
                for lane, value in enumerate(lanes):
                    if value or EVERY:
                        expected.append((rest // P["D1"], rest % P["D1"], block * P["LANES"] + lane, value))
            found, step = [], size // P.get("BANDS", 1)
            for band in (values[i : i + step] for i in range(0, size, step)):
                events, cycles = await scan(dut, [pack(lanes, P["CW"]) for lanes in band], first, patience, pace)
                found += events
                if patience == 1.0 and pace in (None, 1.0):
                    assert cycles == 1 + sum(max(1, sum(v != 0 or EVERY for v in lanes)) for lanes in band)
                first = (first + step) % P["DEPTH"]
                await tick(dut)
            assert found == expected
