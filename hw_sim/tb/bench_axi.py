"""The wrapper snn_axi as a processor sees it: registers over AXI4-Lite, images over AXI4-Stream, the drivers on top."""

import ctypes
import importlib.util
import itertools
import json
import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)  # fmt: skip

CASE = json.loads(os.environ["SNN_CASE"])
MAP = CASE["map"]
WATCHED = [f"{bus}_{signal}" for bus in ("s_axis", "m_axis") for signal in ("tvalid", "tready", "tlast")]


class System:
    """The design with a master at its registers, a source of images and a sink of results."""

    def __init__(self, dut):
        self.dut = dut
        clock = (dut.aclk, dut.aresetn, False)
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *clock)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *clock)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *clock)

    async def begin(self):
        cocotb.start_soon(Clock(self.dut.aclk, 10, unit="ns").start())
        cocotb.start_soon(self._watch())
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 3)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, CASE["settle"])
        return self

    async def _watch(self):
        """`latency`: cycles from an image's first beat to its result's last one, counted on the streams."""
        dut, cycle, began, inside = self.dut, 0, 0, False
        while True:
            await RisingEdge(dut.aclk)
            await ReadOnly()
            cycle += 1
            seen = {n: str(getattr(dut, n).value) == "1" for n in WATCHED}
            await FallingEdge(dut.aclk)
            if seen["s_axis_tvalid"] and seen["s_axis_tready"]:
                began = began if inside else cycle
                inside = not seen["s_axis_tlast"]
            if seen["m_axis_tvalid"] and seen["m_axis_tready"] and seen["m_axis_tlast"]:
                self.latency = cycle - began + 1

    async def read(self, name):
        return await self.registers.read_dword(MAP[name])

    async def write(self, name, word):
        await self.registers.write_dword(MAP[name], word)

    async def send(self, pixels):
        data = np.array(pixels, CASE["pixel"]).tobytes()
        await self.source.send(AxiStreamFrame(data))

    async def receive(self):
        frame = await with_timeout(self.sink.recv(), 1, "ms")
        return np.frombuffer(bytes(frame.tdata), CASE["result"]).tolist()

    def hesitate(self, seed):
        """The bus waits at random on either side."""
        rng = random.Random(seed)
        channels = self.registers.write_if, self.registers.read_if
        ends = [channels[0].aw_channel, channels[0].w_channel, channels[0].b_channel, channels[1].ar_channel,
                channels[1].r_channel, self.source, self.sink]  # fmt: skip
        for end in ends:
            end.set_pause_generator(itertools.cycle([rng.random() < 0.4 for _ in range(97)]))


@cocotb.test()
async def registers_do_what_the_map_says(dut):
    system = await System(dut).begin()
    assert await system.read("ID") == 0x534E4E31
    words = [await system.read(f"HASH{i}") for i in range(8)]
    assert "".join(f"{word:08x}" for word in words) == CASE["hash"]
    found = {name: await system.read(name) for name in ("T_MAX", "PIXELS", "VALUES", "TIMESTEPS")}
    assert found == {name: CASE[name] for name in ("T_MAX", "PIXELS", "VALUES")} | {"TIMESTEPS": CASE["T_MAX"]}
    system.hesitate(3)
    await system.write("TIMESTEPS", 0xABCD1234)
    assert await system.read("TIMESTEPS") == 0x1234
    await system.registers.write(MAP["TIMESTEPS"] + 1, b"\x56")
    assert await system.read("TIMESTEPS") == 0x5634
    await system.registers.write(MAP["TIMESTEPS"], b"\x78")
    assert await system.read("TIMESTEPS") == 0x5678
    for name in ("WEIGHTS", "WEIGHTS_HIGH"):
        await system.write(name, 0xABCD1234)
        await system.registers.write(MAP[name] + 2, b"\x56")
        assert await system.read(name) == 0xAB561234
    for name in ("WEIGHTS_READ", "KEEP"):
        await system.registers.write(MAP[name], b"\xff\xff\xff\xff")
        assert await system.read(name) == 1
    for name in ("ID", "IMAGES", "HASH3", "T_MAX", "CONTROL", "STATUS", "BEGUN"):
        before = 0 if name == "CONTROL" else await system.read(name)
        await system.registers.write(MAP[name], b"\xfe\xff\xff\xff")
        assert await system.read(name) == before
    await system.registers.write(MAP["IRQ_ENABLE"], b"\xff\xff\xff\xff")
    assert await system.read("IRQ_ENABLE") == 3
    for hole in (0x68, 0x7C):
        assert (await system.registers.read(hole, 4)).resp == AxiResp.SLVERR
        assert (await system.registers.write(hole, bytes(4))).resp == AxiResp.SLVERR
    first, then = await system.read("CYCLES"), await system.read("CYCLES")
    assert 0 < then - first < 100


@cocotb.test()
async def images_are_answered_and_counted(dut):
    system = await System(dut).begin()
    for number, image in enumerate(CASE["images"]):
        await system.write("TIMESTEPS", image["timesteps"])
        assert await system.read("IMAGES") == number and await system.read("STATUS") == 1 << 2
        await system.send(image["pixels"])
        assert await system.receive() == image["beats"]
        assert await system.read("ENDED") - await system.read("BEGUN") + 1 == system.latency
    assert await system.read("ERROR") == 0 and not int(dut.irq.value)
    await system.write("TIMESTEPS", CASE["images"][0]["timesteps"])
    system.hesitate(5)
    for _ in range(3):
        await system.send(CASE["images"][0]["pixels"])
    assert [await system.receive() for _ in range(3)] == [CASE["images"][0]["beats"]] * 3


@cocotb.test()
async def errors_and_interrupts_stay_until_they_are_cleared(dut):
    system = await System(dut).begin()
    good = CASE["images"][0]
    await system.send(good["pixels"][:-1])  # T is T_MAX after reset
    await system.write("IRQ_ENABLE", 1 << 1)
    await ClockCycles(dut.aclk, 200)
    assert await system.read("ERROR") == 1 and await system.read("IRQ_STATUS") == 2 and int(dut.irq.value)
    await system.write("IRQ_STATUS", 1)
    await system.write("IRQ_ENABLE", 3)
    assert await system.read("IRQ_STATUS") == 2
    await system.write("IRQ_STATUS", 2)
    assert await system.read("IRQ_STATUS") == 0 and not int(dut.irq.value)
    await system.write("TIMESTEPS", CASE["T_MAX"] + 1)
    await system.send(good["pixels"])
    await ClockCycles(dut.aclk, 200)
    assert await system.read("ERROR") == 3
    await system.write("ERROR", 1)
    assert await system.read("ERROR") == 2
    await system.write("ERROR", 2)
    await system.write("IRQ_STATUS", 3)
    await system.write("TIMESTEPS", good["timesteps"])
    await system.write("IRQ_ENABLE", 1)
    await system.send(good["pixels"])
    await with_timeout(RisingEdge(dut.irq), 1, "ms")
    assert await system.receive() == good["beats"]
    assert await system.read("IRQ_STATUS") == 1 and await system.read("ERROR") == 0
    assert await system.read("IMAGES") == 1


@cocotb.test()
async def a_reset_drops_what_is_under_way(dut):
    system = await System(dut).begin()
    first, good = CASE["images"][1], CASE["images"][0]
    await system.write("TIMESTEPS", good["timesteps"])
    system.sink.pause = True
    await system.send(first["pixels"])
    while await system.read("STATUS") != 1 << 2 | 1 << 1:
        pass
    await system.write("CONTROL", 1)
    await ClockCycles(dut.aclk, CASE["settle"])
    assert await system.read("IMAGES") == 0 and await system.read("STATUS") == 1 << 2
    assert await system.read("TIMESTEPS") == good["timesteps"]
    system.sink.pause = False
    await system.send(good["pixels"])
    assert await system.receive() == good["beats"]
    assert await system.read("IMAGES") == 1


class Fake:
    """MMIO, DMA and buffers of a processor, which forward to the simulation."""

    def __init__(self, system):
        self.system = system
        self.read, self.write = resume(self._read), resume(self._write)
        self.sendchannel, self.recvchannel = self, _Receiver(system)
        self.transfer, self.wait = resume(self._send), resume(self.system.source.wait)

    async def _read(self, offset):
        return await self.system.registers.read_dword(offset)

    async def _write(self, offset, word):
        await self.system.registers.write_dword(offset, word)

    async def _send(self, buffer):
        await self.system.source.send(AxiStreamFrame(buffer.tobytes()))


class _Receiver:
    def __init__(self, system):
        self.wait = resume(self._wait)
        self.system = system

    def transfer(self, buffer):
        self.buffer = buffer

    async def _wait(self):
        self.buffer[:] = await self.system.receive()


@cocotb.test()
async def the_python_driver_classifies(dut):
    system = await System(dut).begin()
    spec = importlib.util.spec_from_file_location("driver", CASE["python"])
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    fake = Fake(system)

    def drive():
        network = driver.Network(fake, fake, lambda shape, dtype: np.zeros(shape, dtype))

        def answers(image, **more):
            values, winner = network.run(np.reshape(image["pixels"], (-1, CASE["PIXELS"])), image["timesteps"], **more)
            return [*values, winner] == image["beats"]

        fake.transfer(np.array(CASE["images"][0]["pixels"][:-1], CASE["pixel"]))
        fake.wait()
        assert fake.read(MAP["ERROR"]) == 1  # no matter of the next image
        for image in CASE["images"]:
            assert answers(image) and network.latency() == system.latency
        if CASE["frames"]:
            assert answers(CASE["images"][0], keep=True)
            try:
                answers(CASE["images"][1])
            except RuntimeError:
                assert answers(CASE["images"][1])
            else:
                raise AssertionError("more than T_MAX frames must be refused")
        for pixels, timesteps in (
            (CASE["images"][0]["pixels"][1:], 1), (CASE["images"][0]["pixels"], CASE["T_MAX"] + 1),
            ([[CASE["most"] + 1] * CASE["PIXELS"]], 1), ([[0.5] * CASE["PIXELS"]], 1),
        ):  # fmt: skip
            try:
                network.run(pixels, timesteps)
            except ValueError:
                continue
            raise AssertionError("must be refused")
        network.reset()
        return network.take_errors()

    assert await bridge(drive)() == 0
    driver.NETWORK_HASH = "0" * 64
    try:
        await bridge(lambda: driver.Network(fake))()
    except RuntimeError:
        return
    raise AssertionError("another network must be refused")


@cocotb.test()
async def the_c_driver_drives(dut):
    system = await System(dut).begin()
    fake, library = Fake(system), ctypes.CDLL(CASE["library"])
    read = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)(fake.read)
    write = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)(fake.write)
    library.connect(read, write)
    good = CASE["images"][1]

    def call(name, *arguments):
        return bridge(lambda: getattr(library, name)(*arguments))()

    assert await call("check") == 0
    assert await call("set_timesteps", 0) == -1 and await call("set_timesteps", CASE["T_MAX"] + 1) == -1
    assert await call("set_timesteps", good["timesteps"]) == 0
    assert await system.read("TIMESTEPS") == good["timesteps"]
    await call("enable_irq", 1)
    await system.send(good["pixels"])
    await with_timeout(RisingEdge(dut.irq), 1, "ms")
    assert await system.receive() == good["beats"]
    assert await call("take_irq") == 1 and await call("take_irq") == 0 and not int(dut.irq.value)
    assert await call("latency") == system.latency
    await system.send(good["pixels"] + good["pixels"][:1])
    await ClockCycles(dut.aclk, 400)
    assert await call("take_errors") == 1 and await call("take_errors") == 0
    await call("reset")
    assert await system.read("IMAGES") == 0
