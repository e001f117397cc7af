"""Both firing passes over a memory of potentials: what fires, what is left, ties, negatives, the clip, the restart."""

import json
import os
import random

import cocotb
from bench import P, begin, pack, settle, tick, unpack

CASE = json.loads(os.environ.get("SNN_CASE", "{}"))


def fired(v, d, neuron, frame):
    """(output, potential after) of one neuron, straight from the contract."""
    v0, bias, theta = neuron
    if CASE["count"]:
        if P["MAXIMUM"]:
            return max(v, v0), -(2 ** (P["VW"] - 1))
        u = v + bias * frame["timesteps"] + v0
        if P["RELAYS"]:
            return u >> theta, 0
        return (max(0, min(u // theta, frame["timesteps"] + P["CLIP_EXT"])) if P["FIRES"] else u), 0
    s = v + (bias + d if frame["driven"] else 0)
    if P["RELAYS"]:
        return s >> theta, v0
    if P["MAXIMUM"] == 1:
        return max(s, v0) if frame["driven"] else 0, -(2 ** (P["VW"] - 1)) if frame["restart"] else s
    if P["MAXIMUM"] == 2:
        return s % 2, v0 if frame["restart"] else s + s % 2
    spike = int(s >= theta) if P["FIRES"] else s
    return spike, v0 if frame["restart"] else (s - theta * spike if P["FIRES"] else s)


@cocotb.test()
async def every_neuron_fires_once(dut):
    """CASE: count; neurons [v0, bias, theta] in firing order, repeated to the end of the memory; most, a bound of V."""
    rng = random.Random(11)
    lanes, words = P["LANES"], P["WORDS"]
    part = P["FIRE_LANES"] if CASE["count"] else lanes
    size = sum(P[w] for w in ("THW", "BIASW", "V0W"))
    rows = [CASE["neurons"][i : i + part] for i in range(0, len(CASE["neurons"]), part)]
    table = [
        sum((pack([v], P["V0W"]) | pack([b], P["BIASW"]) << P["V0W"] | t << (P["V0W"] + P["BIASW"])) << (i * size)
            for i, (v, b, t) in enumerate(row))
        for row in rows
    ]  # fmt: skip
    inputs = ("timesteps",) if CASE["count"] else ("restart", "driven", "ddata")
    counted = {"last": 0} if CASE["count"] else {}
    await begin(dut, start=0, rdata=0, p_data=0, **counted, **dict.fromkeys(inputs, 0))
    signed = not P["FIRES"] and P["OUT_CW"] > 1
    for _ in range(8):
        most = CASE["most"]
        frame = {"timesteps": rng.choice([1, 2, 7]), "restart": rng.random() < 0.3, "driven": rng.random() < 0.7}
        drive = [rng.randint(-9, 9) if "ddata" in inputs else 0 for _ in range(lanes * words)]
        memory, expected, left = [], [], []
        for i in range(lanes * words):
            neuron = CASE["neurons"][i % len(CASE["neurons"])]
            v0, bias, theta = neuron
            steady = (bias * frame["timesteps"] + v0) if CASE["count"] else (bias + drive[i]) * frame["driven"]
            times = rng.choice([1, 1, 2, frame["timesteps"], frame["timesteps"] + 3]) if CASE["count"] else 1
            tie = theta * times - steady
            memory.append(rng.choice([tie, tie - 1, tie + 1, 0, -5, -most, most, rng.randint(-most, most)]))
            output, after = fired(memory[-1], drive[i], neuron, frame)
            expected.append(output)
            left.append(after)
        held = [pack(memory[i * lanes : (i + 1) * lanes], P["VW"]) for i in range(words)]
        given = [pack(drive[i * lanes : (i + 1) * lanes], P["VW"]) for i in range(words)]
        got, done, asked = [], False, []
        bands = rng.randint(1, P.get("RING", 1))  # a frame may end before the memory does
        for name in inputs[:2]:
            getattr(dut, name).value = int(frame[name]) if name != "ddata" else 0
        passed = 0
        for _ in range(50 + 20 * lanes * words):
            if done or not passed:
                dut.start.value, passed = 1, passed + 1
                if counted:
                    dut.last.value = int(passed == bands)
            await settle()
            addresses = (dut.raddr.value, dut.p_addr.value)  # undefined until the first start
            raddr, paddr = (int(a) if a.is_resolvable else 0 for a in addresses)
            if int(dut.write.value):
                held[int(dut.waddr.value)] = int(dut.wdata.value)
            if int(dut.o_en.value):
                got += unpack(int(dut.o_data.value), P["OUT_CW"], part, signed)
            done = bool(int(dut.done.value))
            await tick(dut)
            dut.start.value = 0
            if counted:
                dut.last.value = 0
            asked.append((raddr % words, paddr % len(table)))
            word, row = asked.pop(0) if len(asked) > P.get("DEEP", 0) else (0, 0)
            dut.rdata.value, dut.p_data.value = held[word], table[row]
            if "ddata" in inputs:
                dut.ddata.value = given[word]
            if done and passed == bands:
                break
        assert done
        fired_now = lanes * words * bands // P.get("RING", 1)
        assert got == expected[:fired_now]
        left[fired_now:] = memory[fired_now:]
        assert [v for word in held for v in unpack(word, P["VW"], lanes, signed=True)] == left
