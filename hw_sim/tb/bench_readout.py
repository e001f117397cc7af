"""snn_readout: values in order, first of the largest, back-pressure; one value: its sign."""

import random

import cocotb
from bench import P, begin, pack, settle, tick


@cocotb.test()
async def values_and_class(dut):
    rng = random.Random(5)
    await begin(dut, w_en=0, w_data=0, w_commit=0, m_axis_tready=0)
    low, high = -(2 ** (P["VW"] - 1)), 2 ** (P["VW"] - 1) - 1
    for image in range(12):
        values, words = [], []
        for word in range(P["WORDS"]):
            lanes = [rng.choice([low, high, 0, -1, 1, rng.randint(low, high)]) for _ in range(P["LANES"])]
            last = word % P["GROUPS"] == P["GROUPS"] - 1
            values += lanes[: P["LAST_LANES"] if last else P["LANES"]]
            words.append(pack(lanes, P["VW"]))
        for address, word in enumerate(words):
            dut.w_en.value, dut.w_data.value = 1, word
            dut.w_commit.value = int(address == len(words) - 1)
            await settle()
            assert int(dut.w_ready.value) == 1
            await tick(dut)
        dut.w_en.value = dut.w_commit.value = 0
        best = int(values[0] > 0) if len(values) == 1 else values.index(max(values))
        expected = [(v % 2 ** P["DW"], 0) for v in values] + [(best, 1)]
        got, held = [], None
        for _ in range(50 + 20 * len(expected)):
            if len(got) == len(expected):
                break
            ready = image == 0 or rng.random() < 0.5
            dut.m_axis_tready.value = int(ready)
            await settle()
            assert int(dut.w_ready.value) == 0
            beat = (int(dut.m_axis_tdata.value), int(dut.m_axis_tlast.value)) if int(dut.m_axis_tvalid.value) else None
            assert held is None or beat == held  # a beat stays until it is taken
            held = None if ready else beat
            if ready and beat is not None:
                got.append(beat)
            await tick(dut)
        assert got == expected
        dut.m_axis_tready.value = 0
