"""snn_layer alone: events straight in, edge by edge, against a population in plain Python."""

import json
import os
import random

import cocotb
from bench import P, begin, pack, settle, tick, unpack

CASE = json.loads(os.environ.get("SNN_CASE", "{}"))
DATA_AFTER = 1  # cycles from e_valid to its e_data
PAUSE = 4 + 2 * P.get("DEEP", 0)  # cycles between an edge's last event and its done, more than its pipeline has stages
FINAL, DRIVEN, EMPTY = 1, 2, 4
RING = P.get("RING", 1)
SLOTS = P.get("SLOTS", 1)
TURNS = CASE.get("turns") or [[1] * P["EDGES"]]


class Population:
    """Potentials of one population. Neuron i: (v0, bias, theta) = CASE["neurons"][i % their number].

    With BANDS a frame's passes fire one band after the other, from a memory of RING bands.
    """

    def __init__(self):
        self.size = P["LANES"] * P["WORDS"]
        neurons = CASE["neurons"]
        self.neurons = [neurons[i % len(neurons)] for i in range(self.size)]
        self.restart()

    def restart(self):
        lowest = -(2 ** (P["VW"] - 1)) if P["MAXIMUM"] else 0
        self.v = [lowest if P["COUNT"] or P["MAXIMUM"] == 1 else v0 for v0, _, _ in self.neurons]
        self.d = [0] * self.size

    def add(self, edge, word, lanes):
        store = self.d if (P["DRIVE_EDGES"] >> edge) & 1 else self.v
        for lane, value in enumerate(lanes):
            i = word * P["LANES"] + lane
            store[i] = max(store[i], value) if P["MAXIMUM"] else store[i] + value

    def fire(self, steps, driven, final, band=0):
        out, size = [], self.size // RING
        first = band % RING * size
        for i in range(first, first + size):
            v0, bias, theta = CASE["neurons"][(band * size + i - first) % len(CASE["neurons"])]
            if P["COUNT"]:
                u = max(self.v[i], v0) if P["MAXIMUM"] else self.v[i] + bias * steps + v0
                u = u >> theta if P["RELAYS"] else u
                out.append(max(0, min(u // theta, steps + P["CLIP_EXT"])) if P["FIRES"] else u)
                continue
            self.v[i] += bias + self.d[i] if driven else 0
            if P["RELAYS"]:
                out.append(self.v[i] >> theta)
                self.v[i] = v0
                continue
            if P["MAXIMUM"]:
                grown = self.v[i] % 2 if P["MAXIMUM"] == 2 else 0
                out.append(grown if P["MAXIMUM"] == 2 else max(self.v[i], v0) if driven else 0)
                self.v[i] += grown
                continue
            out.append(int(self.v[i] >= theta) if P["FIRES"] else self.v[i])
            self.v[i] -= theta * out[-1] if P["FIRES"] else 0
        if P["COUNT"] and not P["MAXIMUM"]:
            self.v[first : first + size] = [0] * size
        elif P["COUNT"] or final:
            self.restart()
        return out


def adds(rng, edge, population, left):
    """Accesses of one edge's turn, (word, mask, lanes of each slot): often the same again, often just to a threshold.

    Slot j is the word j positions before the first.
    """
    made, word = [], 0
    for _ in range(rng.choice([0, 1, 3, 12])):
        stay = CASE["same_word"] and rng.random() < 0.5
        word = word if stay else (word + rng.randrange(1, P["WORDS"])) % P["WORDS"] if P["WORDS"] > 1 else 0
        if SLOTS > 1:
            groups = P.get("GROUPS", 1)
            reach = [j for j in range(SLOTS) if word - j * groups >= 0]
            mask = sum(1 << j for j in reach if rng.random() < 0.7)
            slots = [[rng.randint(-30, 30) for _ in range(P["LANES"])] for _ in range(SLOTS)]
            for j in reach:
                if mask >> j & 1:
                    population.add(edge, word - j * groups, slots[j])
            made.append((word, mask, [value for slot in slots for value in slot]))
            continue
        lanes = [rng.choice([0, 1, -5, rng.randint(-30, 30)]) for _ in range(P["LANES"])]
        if rng.random() < 0.3 and not P["MAXIMUM"] and not (P["DRIVE_EDGES"] >> edge) & 1:
            for lane in range(P["LANES"]):
                i = word * P["LANES"] + lane
                v0, bias, theta = population.neurons[i]
                tie = theta - population.v[i] - (bias * left + v0 if P["COUNT"] else bias + population.d[i])
                lanes[lane] = tie if abs(tie) < 100 else lanes[lane]
        population.add(edge, word, lanes)
        made.append((word, 1, lanes))
    return made


async def listen(dut, frames, rng, blocked):
    """Frames that the layer emits: (elements in order, meta)."""
    part, made = P["FIRE_LANES"] * P.get("PARTS", 1) if P["COUNT"] else P["LANES"], []
    while True:
        dut.o_ready.value = int(rng.random() >= blocked)
        await settle()
        if int(dut.o_en.value):
            data = int(dut.o_data.value)
            made += unpack(data, P["OUT_CW"], part, not P["FIRES"] and P["OUT_CW"] > 1)
        if int(dut.o_commit.value):
            frames.append((made, int(dut.o_meta.value)))
            made = []
        await tick(dut)


@cocotb.test()
async def a_population(dut):
    rng = random.Random(13)
    edges, lanes, vw = P["EDGES"], P["LANES"], P["VW"]
    inputs = ("e_done", "e_meta", "e_valid", "e_vaddr", "e_data", "o_ready")
    await begin(dut, e_mask=0, **dict.fromkeys(inputs, 0))
    population, got, expected = Population(), [], []
    cocotb.start_soon(listen(dut, got, rng, 0.4))

    async def turn(edge):
        for _ in range(2000):
            await settle()
            turns = int(dut.e_turn.value)
            await tick(dut)
            if turns:
                assert turns == 1 << edge
                return
        raise AssertionError(f"edge {edge} never gets its turn")

    async def feed(edge, events, meta):
        slots = [event if event is None else [event] for event in events]
        pending = []
        for slot in [*slots, *[None] * (DATA_AFTER + PAUSE)]:
            dut.e_valid.value = 0 if slot is None else 1 << edge
            dut.e_vaddr.value = 0 if slot is None else slot[0][0] << (edge * P["VAW"])
            dut.e_mask.value = 0 if slot is None else slot[0][1] << (edge * SLOTS)
            pending.append(None if slot is None else slot[0][2])
            due = pending.pop(0) if len(pending) > DATA_AFTER else None
            dut.e_data.value = 0 if due is None else pack(due, vw) << (edge * SLOTS * lanes * vw)
            await tick(dut)
        dut.e_done.value, dut.e_meta.value = 1 << edge, meta
        await tick(dut)
        dut.e_done.value = 0

    for _ in range(5):
        steps = rng.choice([1, 2, 5])
        frames = 1 if P["COUNT"] else steps + CASE["ext"]
        for k in range(frames):
            final, driven = k == frames - 1, bool(P["COUNT"]) or k < steps
            meta = steps << 3 | (FINAL if final else 0) | (DRIVEN if driven else 0)
            for band, turns in enumerate(TURNS):
                for edge in (e for e in range(edges) for _ in range(turns[e])):
                    constant = (P["DRIVE_EDGES"] >> edge) & 1
                    events = [] if constant and k else adds(rng, edge, population, steps)
                    gaps = rng.random() < 0.5
                    spaced = [
                        x for event in events for x in ([event, None] if gaps and rng.random() < 0.5 else [event])
                    ]
                    await turn(edge)
                    # as an edge that has no events: only edge 0's meta counts, and "empty" is not passed on
                    await feed(edge, spaced, (meta | (0 if events else EMPTY)) if edge == 0 else 0)
                output = population.fire(steps, driven, final, band)
                if final or not P["READOUT"]:
                    expected.append((output, meta))
    for _ in range(4000):
        if len(got) >= len(expected):
            break
        await tick(dut)
    assert got == expected
    spikes = [n for output, _ in expected for n in output]
    assert len(set(spikes)) > 1
