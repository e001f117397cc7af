"""Both encoders: n = floor(p*T / L) in `count`, an evenly firing neuron in `step`; wrong images leave no trace.

Pixels come with gaps and readers are slow: a frame, or with BAND_PIXELS a band, begins only after they had room for it.
"""

import random

import cocotb
from bench import P, begin, settle, tick, unpack
from cocotb.triggers import Timer

FRAME_BITS = 3


async def image(dut, pixels, timesteps, frames, rng, pace, wrong=False):
    """Feed one image; each committed frame's elements, and each frame's meta word. A wrong one ends with T = 0.

    `pace`: the chance that a pixel is there, and that the readers have room, in a cycle.
    """
    out, metas, current, sent, room = [], [], [], 0, False
    width = P.get("CW", 1)
    for _ in range(100 * (len(pixels) + 2) * (frames + 2)):
        if len(out) == frames and sent == len(pixels):
            break
        ready = rng.random() < pace
        dut.o_ready.value = int(ready)
        await Timer(1, "ns")  # `allow` follows o_ready
        feed = sent < len(pixels) and int(dut.allow.value) == 1 and rng.random() < pace
        last = sent == len(pixels) - 1
        dut.p_valid.value, dut.p_timesteps.value = int(feed), 0 if wrong and last else timesteps
        dut.p_data.value = (pixels[sent] if feed else 0) & (2 ** P["PB"] - 1)
        dut.p_end.value = int(last)
        await settle()
        room = room or ready
        assert room or not (int(dut.o_en.value) or int(dut.o_commit.value))
        if int(dut.o_en.value):
            current += unpack(int(dut.o_data.value), width, P["LANES"], bool(P.get("SIGNED")))
        if int(dut.o_commit.value):
            out.append(current)
            metas.append(int(dut.o_meta.value))
            current, room = [], False
        await tick(dut)
        sent += int(feed)
    dut.p_valid.value = 0
    for _ in range(4):
        await settle()
        assert not int(dut.o_commit.value) and not int(dut.o_en.value)
        await tick(dut)
    return out, metas


@cocotb.test()
async def frames_of_images(dut):
    rng = random.Random(6)
    await begin(dut, p_valid=0, p_data=0, p_timesteps=1, p_end=0, o_ready=1)
    levels = 2 ** (P["PB"] - 1) - 1 if P.get("SIGNED") else 2 ** P["PB"] - 1
    most = 2 ** P["TW"] - 1 - P["EXT"]
    count = P["PIXELS"]
    bands = count // (P.get("BAND_PIXELS") or count)
    for trial in range(6):
        pace = 1.0 if trial < 3 else 0.4
        steps = [1, most, rng.randint(1, most)][trial % 3]
        pixels = [rng.choice([0, 1, levels, rng.randint(0, levels)]) for _ in range(count)]
        if P.get("SIGNED"):
            pixels = [p * rng.choice([-1, 1]) for p in pixels]
        if trial % 2:
            out, metas = await image(dut, pixels, steps, bands * int("RATE" in P), rng, pace, wrong=True)
            assert [m >> FRAME_BITS for m in metas] == ([steps] * (bands - 1) + [0])[: len(out)]
            assert all(m & 1 for m in metas)
        expected = reference(pixels, steps, levels)
        out, metas = await image(dut, pixels, steps, bands * len(expected), rng, pace)
        out = [[value for band in out for value in band]] if bands > 1 else out
        cut = [frame[:count] for frame in out]
        assert cut == expected, (cut, expected)
        assert all(not any(frame[count:]) for frame in out)
        assert [m & 1 for m in metas] == [int(bands > 1)] * (len(metas) - 1) + [1]
        assert all(m >> FRAME_BITS == steps for m in metas)


def reference(pixels, steps, levels):
    """Straight from the contract; an empty frame has no elements."""
    if "RATE" not in P:
        seen, frames = [0] * len(pixels), []
        for t in range(1, steps + 1):
            now = [p * t // levels for p in pixels]
            frames.append([b - a for a, b in zip(seen, now, strict=True)])
            seen = now
        return frames + [[]] * P["EXT"]
    if P["RATE"]:
        return [[p * steps // levels for p in pixels]]
    if P["BY_T"]:
        return [[p * steps for p in pixels]]
    return [pixels] + [[]] * (steps + P["EXT"] - 1)
