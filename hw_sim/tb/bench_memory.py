"""snn_ram and snn_rom: contents, and a read that takes one clock."""

import os
import random
from pathlib import Path

import cocotb
from bench import P, begin, settle, tick


@cocotb.test()
async def ram_holds_what_was_written(dut):
    rng = random.Random(1)
    await begin(dut, we=0, waddr=0, wdata=0, raddr=0)
    known = {}
    for address in range(P["DEPTH"]):
        known[address] = rng.getrandbits(P["WIDTH"])
        dut.we.value, dut.waddr.value, dut.wdata.value = 1, address, known[address]
        await tick(dut)
    for _ in range(4 * P["DEPTH"]):
        write, address, value = rng.random() < 0.5, rng.randrange(P["DEPTH"]), rng.getrandbits(P["WIDTH"])
        read = rng.choice([a for a in range(P["DEPTH"]) if a != address or not write] or [0])
        dut.we.value, dut.waddr.value, dut.wdata.value, dut.raddr.value = int(write), address, value, read
        await tick(dut)
        if not (write and read == address):
            assert int(dut.rdata.value) == known[read]
        if write:
            known[address] = value


@cocotb.test()
async def rom_reads_its_file(dut):
    lines = Path(os.environ["SNN_ROM"]).read_text().split()
    await begin(dut, addr=0)
    before = 0
    await tick(dut)
    for address in [*range(P["DEPTH"]), 0, P["DEPTH"] - 1]:
        dut.addr.value = address
        await settle()
        assert int(dut.data.value) == int(lines[before], 16)
        await tick(dut)
        before = address
        assert int(dut.data.value) == int(lines[address], 16)
