"""snn_walk and snn_place: every target of every event once, in the events' order, whatever the gaps between events."""

import json
import os
import random

import cocotb
from bench import P, begin, settle, tick

CASE = json.loads(os.environ.get("SNN_CASE", "{}"))


@cocotb.test()
async def every_target_once(dut):
    """CASE: events [d0, d1, d2] and per event its [weight word, potential word, block, slot] in any order; weights:
    whether there are any (a pool has none, and its weight addresses mean nothing)."""
    rng = random.Random(8)
    await begin(dut, ev_valid=0, ev_d0=0, ev_d1=0, ev_d2=0, ev_value=0)
    for eagerness in (1.0, 0.3):
        first = 0 if CASE["weights"] else 1
        expected = [sorted(tuple(target[first:]) for target in targets) for targets in CASE["targets"]]
        got = [[] for _ in expected]
        order, sent, quiet = [], 0, 0
        while quiet < 8:
            offer = sent < len(CASE["events"]) and rng.random() < eagerness
            if offer:
                dut.ev_d0.value, dut.ev_d1.value, dut.ev_d2.value = CASE["events"][sent]
                dut.ev_value.value = sent
            dut.ev_valid.value = int(offer)
            await settle()
            if int(dut.o_valid.value):
                event = int(dut.o_value.value)
                order.append(event)
                word, at, block, mask = (int(getattr(dut, f"o_{n}").value) for n in ("waddr", "vaddr", "block", "mask"))
                for slot in range(P.get("TAPS", 1)):
                    target = (word, (at - slot * P["GROUPS"]) % 2 ** P["VAW"], block, slot)
                    got[event] += [target[first:]] * (mask >> slot & 1)
            sent += int(offer and int(dut.ev_ready.value))
            idle = sent == len(CASE["events"]) and not int(dut.busy.value) and not int(dut.o_valid.value)
            quiet = quiet + 1 if idle else 0
            await tick(dut)
        assert order == sorted(order)
        assert [sorted(targets) for targets in got] == expected


@cocotb.test()
async def every_place_once(dut):
    """CASE: places, the table's [y, x, c] per element."""
    rng = random.Random(9)
    await begin(dut, i_valid=0, i_element=0, i_value=0, o_ready=0)
    for eagerness, patience in ((1.0, 1.0), (0.5, 1.0), (1.0, 0.4), (0.5, 0.5)):
        elements = [rng.randrange(len(CASE["places"])) for _ in range(40)]
        got, sent = [], 0
        for _ in range(1000):
            if len(got) == len(elements):
                break
            offer, ready = sent < len(elements) and rng.random() < eagerness, rng.random() < patience
            dut.i_valid.value, dut.o_ready.value = int(offer), int(ready)
            if offer:
                dut.i_element.value, dut.i_value.value = elements[sent], sent
            await settle()
            if ready and int(dut.o_valid.value):
                got.append(tuple(int(getattr(dut, f"o_{n}").value) for n in ("y", "x", "c", "value")))
            sent += int(offer and int(dut.i_ready.value))
            await tick(dut)
        assert got == [(*CASE["places"][e], i) for i, e in enumerate(elements)]
        dut.i_valid.value = 0
        await settle()
        assert not int(dut.o_valid.value)
        await tick(dut)
