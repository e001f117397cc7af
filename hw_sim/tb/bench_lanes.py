"""snn_lanes: 2^SHIFT * weight * value per lane; lanes of other channels add nothing, or with MAXIMUM stay lowest."""

import os
import random
from pathlib import Path

import cocotb
from bench import P, begin, settle, tick, unpack

PACK, TAPS = P.get("PACK", 1), P.get("TAPS", 1)
DATA_AFTER = 1  # cycles from o_valid to its o_data: the read of the potential that it is added to


def products(word, value, block):
    weights = unpack(word, P["WB"], P["LANES"] * TAPS, signed=True)
    values = unpack(value, P["CW"], PACK, signed=bool(P["VALUE_SIGNED"]))
    if not P["VALUES"] and PACK == 1:
        values = [1]
    lanes, width = [], P["LANES_PER_CHANNEL"]
    for number, weight in enumerate(weights):
        lane = number % P["LANES"]
        if width and lane // (width * PACK) != block:
            lanes.append(-(2 ** (P["VW"] - 1)) if P["MAXIMUM"] else 0)
        else:
            lanes.append((1 if P["ONES"] else weight) * values[lane // width % PACK if width else 0] * 2 ** P["SHIFT"])
    return lanes


@cocotb.test()
async def every_product(dut):
    rng = random.Random(10)
    words = [int(line, 16) for line in Path(os.environ["SNN_WEIGHTS"]).read_text().split()]
    await begin(dut, i_valid=0, i_waddr=0, i_vaddr=0, i_mask=0, i_value=0, i_block=0)
    blocks = P["LANES"] // (P["LANES_PER_CHANNEL"] * PACK) if P["LANES_PER_CHANNEL"] else 1
    bits = P["CW"] * PACK
    ends = [1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1]
    sent = [
        (rng.randrange(len(words)), rng.randrange(2 ** P["VAW"]), rng.choice([*ends, rng.randrange(2**bits)]),
         rng.randrange(blocks), rng.randrange(2**TAPS))
        for _ in range(200)
    ]  # fmt: skip
    addresses, data, due, left, idle = [], [], [], list(sent), 0
    while idle < 8:
        offer = bool(left) and rng.random() < 0.7
        dut.i_valid.value = int(offer)
        if offer:
            dut.i_waddr.value, dut.i_vaddr.value, dut.i_value.value, dut.i_block.value, dut.i_mask.value = left.pop(0)
        await settle()
        if due and due.pop(0):
            data.append(unpack(int(dut.o_data.value), P["VW"], P["LANES"] * TAPS, signed=True))
        while len(due) < DATA_AFTER - 1:
            due.append(False)
        due.append(bool(int(dut.o_valid.value)))
        if due[-1]:
            addresses.append((int(dut.o_vaddr.value), int(dut.o_mask.value)))
        idle = idle + 1 if not left and not int(dut.busy.value) else 0
        await tick(dut)
    assert addresses == [(vaddr, mask) for _, vaddr, _, _, mask in sent]
    assert data == [products(words[waddr], value, block) for waddr, _, value, block, _ in sent]
