"""The firing pass of leaky neurons over its memories, timestep after timestep, against the equation itself."""

import json
import os
import random

import cocotb
from bench import P, begin, pack, settle, tick, unpack

CASE = json.loads(os.environ.get("SNN_CASE", "{}"))
FIELDS = ("v0", "bias", "theta", "amount", "lowest", "leak", "decay")
WIDTHS = ("V0W", "BIASW", "THW", "AMOUNTW", "LOWW", "LEAKW", "DECAYW")


def share(x, part):
    """What decays of x."""
    return x * part // 4096 if not P["ZERO"] else abs(x) * part // 4096 * (1 if x >= 0 else -1)


class Neuron:
    """V, I and what fired last, straight from the contract."""

    def __init__(self, numbers):
        self.__dict__.update(numbers)
        self.restart()

    def restart(self):
        self.v, self.i, self.late = self.v0, 0, 0

    def held(self):
        """(i, v) as the memories hold them for the next timestep."""
        v = self.v - share(self.v, self.leak) - self.late
        if not P["CURRENT"]:
            return v, 0
        return self.i - share(self.i, self.decay), v + (self.i if P["CURRENT"] == 2 else 0)

    def step(self, charge):
        """What is handed on."""
        before, self.i = self.i, self.i - share(self.i, self.decay) + charge
        c = {0: charge, 1: self.i, 2: before}[P["CURRENT"]]
        self.v = max(self.v - share(self.v, self.leak) + c - self.late, self.lowest)
        if not P["FIRES"]:
            return self.v
        spikes = 0
        while spikes < P["MOST"] and self.v >= self.theta + spikes * self.amount:
            spikes += 1
        self.late = self.amount * spikes if P["RESET"] == 1 else 0
        if P["RESET"] == 0:
            self.v -= self.amount * spikes
        elif P["RESET"] == 2 and spikes:
            self.v = self.amount
        return spikes


@cocotb.test()
async def every_timestep_is_the_equation(dut):
    """CASE: neurons, by field; their list is repeated to the end of the memory."""
    rng = random.Random(4)
    lanes, words = P["LANES"], P["WORDS"]
    size = sum(P[w] for w in WIDTHS)
    table = []
    for first in range(0, len(CASE["neurons"]), lanes):
        word = 0
        for i, numbers in enumerate(CASE["neurons"][first : first + lanes]):
            at = i * size
            numbers = numbers | {"v0": numbers["v0"] - share(numbers["v0"], numbers["leak"])}
            for name, width in zip(FIELDS, WIDTHS, strict=True):
                word |= pack([numbers[name]], P[width]) << at if P[width] else 0
                at += P[width]
        table.append(word)
    await begin(dut, start=0, restart=0, driven=0, rdata=0, ddata=0, rest=0, p_data=table[0])
    neurons = [Neuron(CASE["neurons"][i % len(CASE["neurons"])]) for i in range(lanes * words)]
    charged, rest = [0] * words, [0] * words
    for step in range(25):
        restart, driven = step == 0 or rng.random() < 0.15, rng.random() < 0.8
        drive = [rng.randint(-9, 9) for _ in neurons]
        sums = [rng.choice([0, 0, rng.randint(-60, 90)]) for _ in neurons]
        if step:  # until the first restart the memories hold anything
            held = [v for word in charged for v in unpack(word, P["VW"], lanes)]
            charged = [
                pack(
                    [h + s for h, s in zip(held[w * lanes :], sums[w * lanes : (w + 1) * lanes], strict=False)], P["VW"]
                )
                for w in range(words)
            ]
        expected = [n.step(s + (n.bias + d) * driven) for n, s, d in zip(neurons, sums, drive, strict=True)]
        dut.restart.value, dut.driven.value = int(restart), int(driven)
        got, done, started = [], False, False
        for _ in range(40 + words):
            dut.start.value = int(not started)
            started = True
            await settle()
            where, row = dut.raddr.value, dut.p_addr.value
            where, row = (int(a) if a.is_resolvable else 0 for a in (where, row))
            if int(dut.write.value):
                charged[int(dut.waddr.value)] = int(dut.wdata.value)
                rest[int(dut.waddr.value)] = int(dut.rest_wdata.value)
                got += unpack(int(dut.o_data.value), P["OUT_CW"], lanes, signed=not P["FIRES"])
            done = bool(int(dut.done.value))
            await tick(dut)
            where %= words
            dut.rdata.value, dut.rest.value = charged[where], rest[where]
            dut.ddata.value = pack(drive[where * lanes : (where + 1) * lanes], P["VW"])
            dut.p_data.value = table[row % len(table)]
            if done:
                break
        assert done
        if step:
            assert got == expected, step
        for neuron in neurons if restart else ():
            neuron.restart()
        wanted = [n.held() for n in neurons]
        if restart:
            wanted = [(0, v) if P["CURRENT"] else (v, 0) for v in (n.v0 - share(n.v0, n.leak) for n in neurons)]
        left = [v for word in charged for v in unpack(word, P["VW"], lanes, signed=True)]
        assert left == [i for i, _ in wanted], step
        if P["CURRENT"]:
            assert [v for word in rest for v in unpack(word, P["VW"], lanes, signed=True)] == [v for _, v in wanted]
