"""The wrapper snn_axi with weights from outside: the drivers bring them, from a memory on the bus or by a stream."""

import ctypes
import importlib.util
import json
import os
from pathlib import Path

import cocotb
import numpy as np
from bench_axi import Fake, System
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiRamRead, AxiReadBus, AxiStreamBus, AxiStreamFrame, AxiStreamSource

CASE = json.loads(os.environ["SNN_CASE"])
FILE = Path(CASE["weights"])
ADDRESS = 0x3_0000_2000
LENGTH, WEIGHTS = 1, 4


class Buffer(np.ndarray):
    """As PYNQ's: at an address; flushed into the memory."""

    device_address = ADDRESS

    def flush(self):
        self.memory(ADDRESS, self.tobytes())


class Outside(System):
    """With a memory on the bus m_axi, or a source of weights."""

    def __init__(self, dut):
        super().__init__(dut)
        clock = (dut.aclk, dut.aresetn, False)
        self.external = hasattr(dut, "m_axi_araddr")
        if self.external:
            self.memory = AxiRamRead(AxiReadBus.from_prefix(dut, "m_axi"), *clock, size=2**34)
        else:
            self.stream = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis_weights"), *clock)

    async def weights(self, held):
        """As the file, on whichever way."""
        if self.external:
            self.memory.write(ADDRESS, held)
        else:
            await self.stream.send(AxiStreamFrame(held))
            await self.stream.wait()
            await ClockCycles(self.dut.aclk, 4)

    def allocate(self, shape, dtype):
        buffer = np.zeros(shape, dtype).view(Buffer)
        buffer.memory = self.memory.write if self.external else None
        return buffer

    async def classifies(self):
        for image in CASE["images"]:
            await self.write("TIMESTEPS", image["timesteps"])
            await self.send(image["pixels"])
            assert await self.receive() == image["beats"]


class Sender:
    """A DMA engine that brings weights."""

    def __init__(self, system):
        self.sendchannel, self.system = self, system
        self.transfer = resume(self._send)

    async def _send(self, buffer):
        await self.system.weights(buffer.tobytes())

    def wait(self):
        pass


@cocotb.test()
async def the_python_driver_brings_them(dut):
    system = await Outside(dut).begin()
    spec = importlib.util.spec_from_file_location("driver", CASE["python"])
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    fake = Fake(system)
    assert await system.read("STATUS") == 0
    system.hesitate(4)

    def drive():
        network = driver.Network(fake, fake, system.allocate)
        more = () if system.external else (Sender(system),)
        damaged = bytearray(FILE.read_bytes())
        damaged[-1] ^= 1
        other = FILE.with_name("other.bin")
        for held in (damaged, damaged[:-1]):
            other.write_bytes(held)
            try:
                network.load_weights(other, *more)
            except ValueError:
                continue
            raise AssertionError("another file must be refused")
        try:
            network.run(CASE["images"][0]["pixels"])
        except RuntimeError:
            network.load_weights(FILE, *more)
        for image in CASE["images"]:
            values, winner = network.run(image["pixels"], image["timesteps"])
            assert [*values, winner] == image["beats"]

    await bridge(drive)()
    assert await system.read("STATUS") == WEIGHTS and await system.read("ERROR") == 0


@cocotb.test()
async def the_c_driver_knows_them(dut):
    system = await Outside(dut).begin()
    fake, library = Fake(system), ctypes.CDLL(CASE["library"])
    read = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)(fake.read)
    write = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)(fake.write)
    library.connect(read, write)
    held = FILE.read_bytes()
    assert library.check_weights(held, len(held)) == 0
    assert library.check_weights(held[1:], len(held) - 1) == -1
    assert library.check_weights(bytes([held[0] ^ 128]) + held[1:], len(held)) == -1
    await system.weights(held)
    if system.external:
        call = bridge(lambda address: library.read_weights(ctypes.c_uint64(address)))
        assert await call(ADDRESS + 8) == -1 and await system.read("WEIGHTS_READ") == 0
        assert await call(ADDRESS) == 0
        assert (await system.read("WEIGHTS_HIGH") << 32) + await system.read("WEIGHTS") == ADDRESS
    assert await system.read("STATUS") == WEIGHTS
    await system.classifies()
    await system.send(CASE["images"][0]["pixels"][:-1])  # a wrong image takes its weights as any other
    await ClockCycles(dut.aclk, 600)
    assert await system.read("ERROR") == LENGTH
    await system.classifies()


@cocotb.test()
async def a_reset_of_the_network_keeps_the_bus(dut):
    """Bursts under way end, and the weights begin anew."""
    system = await Outside(dut).begin()
    for cycles in (0, 3, 17):
        await system.weights(FILE.read_bytes())
        if system.external:
            await system.registers.write_dword(0x38, ADDRESS & 0xFFFFFFFF)
            await system.registers.write_dword(0x3C, ADDRESS >> 32)
            await system.registers.write_dword(0x60, 1)
        await system.classifies()
        await system.send(CASE["images"][0]["pixels"][:3])
        await ClockCycles(dut.aclk, cycles)
        await system.write("CONTROL", 1)
    assert await system.read("ERROR") in (0, LENGTH)


@cocotb.test()
async def a_file_of_another_length_is_noticed(dut):
    """Of a stream; then the right one serves."""
    system = await Outside(dut).begin()
    held, beat = FILE.read_bytes(), CASE["beat"]
    for wrong in (held[:-beat], held + held[:beat], held[:beat]):
        await system.weights(wrong)
        assert await system.read("STATUS") == 0 and await system.read("ERROR") == WEIGHTS
        await system.write("ERROR", WEIGHTS)
    await system.weights(held)
    assert await system.read("STATUS") == WEIGHTS and await system.read("ERROR") == 0
    await system.classifies()
