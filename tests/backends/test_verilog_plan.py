"""Memory packing, tables, legal lanes, goals and refusals."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from snncc import backends, ir, store
from snncc.backends.vectors import random_pixels
from snncc.backends.verilog import cycles, goals, memory, vectors
from snncc.backends.verilog.choose import GROUPS, activity, choose
from snncc.backends.verilog.drafts import drafts, legal_lanes
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.backends.verilog.plan import build
from snncc.backends.verilog.window import Axis
from snncc.errors import DataError, TargetError
from tests.hw.simulate import plan_with
from tests.networks import (
    SIGNED,
    dense_chain,
    max_pooled,
    mixed_conv,
    population,
    residual,
    separable,
    unproved,
    weights,
    with_intervals,
)
from tests.networks import network as network_of


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 13, 16, 33, 63])
@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_words_hold_every_lane(width: int, lanes: int) -> None:
    rng = np.random.default_rng(width)
    values = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), (17, lanes), dtype=np.int64)
    words = list(memory.hex_words([(values, width), (values[:, ::-1] & 1, 2)]))
    total = lanes * (width + 2)
    assert {len(w) for w in words} == {-(-total // 4)}
    for word, row in zip(words, values, strict=True):
        number = int(word, 16)
        for lane in range(lanes):
            part = number >> (lane * (width + 2))
            assert part & (2**width - 1) == int(row[lane]) % 2**width
            assert (part >> width) & 3 == int(row[lanes - 1 - lane]) & 1
        assert number < 2**total


def test_formats_hold_the_same_words(tmp_path: Path) -> None:
    fields = [(np.arange(40).reshape(10, 4), 6)]
    for form in memory.FORMATS:
        memory.write(tmp_path / "x.mem", fields, form)
    words = (tmp_path / "x.mem").read_text().split()
    coe = (tmp_path / "x.coe").read_text()
    mif = (tmp_path / "x.mif").read_text()
    assert re.findall(r"^([0-9a-f]+)[,;]$", coe, re.M) == words and coe.startswith("memory_initialization_radix=16;")
    assert re.findall(r" : ([0-9a-f]+);", mif) == words and "DEPTH=10;" in mif and "WIDTH=24;" in mif
    with pytest.raises(TargetError, match="mem, coe, mif"):
        memory.write(tmp_path / "x.mem", fields, "bin")


def test_window_tables_against_every_tap() -> None:
    for kernel in (1, 2, 3, 5):
        for stride in (1, 2, 3):
            for dilation in (1, 2, 3):
                for before in (0, 1, 2):
                    size = 9
                    out = (size + before - ((kernel - 1) * dilation + 1)) // stride + 1
                    if out < 1:
                        continue
                    axis = Axis(kernel, stride, dilation, before, out)
                    count, first, target = axis.reach(np.arange(size))
                    for v in range(size):
                        taps = [
                            (k, o) for k in range(kernel) for o in range(out) if o * stride + k * dilation - before == v
                        ]
                        made = [(first[v] + i * axis.tap_step, target[v] + i * axis.out_step) for i in range(count[v])]
                        assert made == taps


@pytest.mark.parametrize("channels", [1, 7, 10, 16])
def test_legal_lanes_waste_no_word(channels: int) -> None:
    draft = drafts(dense_chain("count", sizes=(4, channels)))[0]
    legal = legal_lanes(draft)
    assert legal[0] == 1 and legal[-1] == channels
    for lanes in legal:
        groups = -(-channels // lanes)
        assert lanes == 1 or -(-channels // (lanes - 1)) > groups


def test_lanes_asked_for_are_checked() -> None:
    network = dense_chain("count", sizes=(4, 10))
    with pytest.raises(TargetError, match="1, 2, 3, 4, 5, 10"):
        backends.target("verilog").check(network, {"lanes": {"p0": 7}})
    with pytest.raises(TargetError, match="no such layer"):
        backends.target("verilog").check(network, {"lanes": {"q": 5}})
    with pytest.raises(TargetError, match="go together"):
        backends.target("verilog").check(network, {"target_fps": 5.0})
    for bad in (0, -3, 1000):
        with pytest.raises(TargetError, match="max_lanes"):
            backends.target("verilog").check(network, {"max_lanes": bad})
    with pytest.raises(TargetError, match="no option"):
        backends.target("verilog").check(network, {"lane": 1})


def test_goals() -> None:
    network = mixed_conv("count")

    def reached(**options: object) -> goals.Balance:
        whole = {"target_fps": None, "clock_mhz": None, "max_lanes": None, "lanes": {}, **options}
        return goals.balance(network, goals.goal_of(**whole))

    fast, slow = reached(max_lanes=16), reached(max_lanes=1)
    assert fast.reached < slow.reached and fast.met and slow.met
    easy = reached(target_fps=10.0, clock_mhz=10.0)
    assert easy.met and all(c.lanes == 1 for c in easy.choices.values())
    tight = reached(target_fps=1e5, clock_mhz=100.0, max_lanes=16)
    assert tight.met == (tight.reached <= 1000)
    impossible = reached(target_fps=1e7, clock_mhz=1.0)
    assert not impossible.met and impossible.reached >= 0.1
    build(network, impossible.choices)


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("sizes", [(400, 6, 3), (6, 5, 150)])
def test_no_goal_is_met_that_the_input_or_the_readout_misses(dynamics: str, sizes: tuple[int, ...]) -> None:
    """They take a pixel, and give a value, a cycle: with few events they are the slowest, whatever LANES are."""
    network = dense_chain(dynamics, sizes=sizes, timesteps=4)
    pixels = np.zeros((4, sizes[0]), np.int64)
    pixels[:, ::20] = 255
    seen = activity(network, pixels)
    whole = {"clock_mhz": 1.0, "max_lanes": None, "lanes": {}}
    for cycles_wanted in (60, 5000):
        goal = goals.goal_of(**{**whole, "target_fps": 1e6 / cycles_wanted})
        found = goals.balance(network, goal, seen)
        plan = build(network, found.choices)
        timing = cycles.predict(plan, vectors.make(plan, pixels, [4] * 4))
        assert found.met == (cycles_wanted == 5000)
        assert goals.interval(timing) == (found.reached if not found.met else pytest.approx(found.reached, rel=0.03))


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("sizes", [(5, 30, 4), (30, 5, 4)])
def test_stages_are_exact_where_every_element_is_an_event(dynamics: str, sizes: tuple[int, ...]) -> None:
    network = dense_chain(dynamics, sizes=sizes, timesteps=4)
    goal = goals.goal_of(**{"target_fps": None, "clock_mhz": None, "max_lanes": 2, "lanes": {}})
    found = goals.balance(network, goal)
    assert found.reached == goals.interval(cycles.worst(build(network, found.choices)))


@pytest.mark.parametrize(("wanted", "lanes"), [(1528, 8), (1552, 7), (2000, 6), (3000, 4), (12000, 1)])
def test_the_input_has_the_fewest_pixels_a_word_that_keep_up(wanted: int, lanes: int) -> None:
    """A frame's scan takes at most a quarter of the goal, and its words without a spike must not cost the goal itself:
    8 timesteps of 160 spikes and 20 words of 8 or 23 of 7 pixels without any, 1 potential word and 10 cycles more."""
    network = dense_chain("step", sizes=(320, 6, 3), timesteps=8)
    pixels = np.repeat([[255, 0]], 160, axis=1).reshape(1, 320)
    goal = goals.goal_of(**{"clock_mhz": 1.0, "target_fps": 1e6 / wanted, "max_lanes": None, "lanes": {"p0": 6}})
    found = goals.balance(network, goal, activity(network, pixels))
    assert found.met and found.choices[ir.INPUT].lanes == lanes
    plan = build(network, found.choices)
    timing = cycles.predict(plan, vectors.make(plan, pixels[[0, 0, 0, 0]], [8] * 4))
    assert goals.interval(timing) <= wanted


def test_a_layer_keeps_up_in_every_image() -> None:
    """One that is silent in every other image has a low mean; it must not be slower than the slowest for that."""
    ones = ir.Conv2D(name="a", source=ir.Source("input"), weights=np.ones((1, 1, 20, 8), np.int8))
    mixed = ir.Conv2D(name="b", source=ir.Source("busy"), weights=weights(1, 1, 1, 8, 8))
    total = ir.SumPool2D(name="c", source=ir.Source("seldom"), size=(6, 8), strides=(1, 1))
    net = network_of(
        population("busy", (6, 8, 8), ones, theta=160, v0=0),
        population("seldom", (6, 8, 8), mixed, theta=60),
        population("out", (1, 1, 8), total, theta=None),
        shape=(6, 8, 20), timesteps=8,
    )  # fmt: skip
    pixels = np.broadcast_to(np.array([32, 255] * 4).reshape(8, 1, 1, 1), (8, 6, 8, 20))
    seen, goal = activity(net, pixels), goals.goal_of(None, None, 8, {})
    assert seen["input"].all() and seen["pop_busy"][1::2].all() and not seen["pop_busy"][::2].any()
    blind = {name: events.mean(axis=0, keepdims=True) for name, events in seen.items()}

    def timed(given: dict[str, np.ndarray]) -> tuple[float, float]:
        """The interval, and what the first layer works for an image."""
        plan = build(net, goals.balance(net, goal, given).choices)
        made = vectors.make(plan, pixels, [8] * 8)
        last = cycles.predict(plan, made).last
        return (last[-1] - last[1]) / 6, cycles.node_cycles(plan, made)["pop_busy"]

    interval, busiest = timed(seen)
    assert interval == busiest == timed(blind)[1] < timed(blind)[0]
    wanted = goals.goal_of(1e6 / 5000, 1.0, 8, {})
    assert goals.balance(net, wanted, seen) == goals.balance(net, wanted, blind)


def test_without_a_goal_in_cycles_firing_passes_are_short_too() -> None:
    """The same LANES and interval, within 5 %, at a lower latency than what is cheapest for that interval."""
    network = dense_chain("count", sizes=(64, 32, 48, 10))
    pixels = np.random.default_rng(3).integers(0, 256, (3, 64))
    seen = activity(network, pixels)
    whole = {"target_fps": None, "clock_mhz": None, "max_lanes": 8, "lanes": {}}
    quick = goals.balance(network, goals.goal_of(**whole), seen)
    lanes = {name.removeprefix("pop_"): c.lanes for name, c in quick.choices.items() if name != ir.INPUT}
    aim = whole | {"clock_mhz": 1.0, "target_fps": 1e6 / (quick.reached * goals.SLACK), "lanes": lanes}
    cheap = goals.balance(network, goals.goal_of(**aim), seen)

    def timing(found: goals.Balance) -> cycles.Timing:
        plan = build(network, found.choices)
        return cycles.predict(plan, vectors.make(plan, pixels, [network.timesteps] * 3))

    assert timing(quick).latency[0] < timing(cheap).latency[0]
    assert goals.interval(timing(quick)) <= goals.SLACK * goals.interval(timing(cheap))


def test_golden_images_run_at_the_largest_t_but_the_last(tmp_path: Path) -> None:
    """So their mean interval is that of T_max; a single image runs three times."""
    network = dense_chain("step")
    for images in (5, 1):
        folder = tmp_path / str(images)
        pixels = np.random.default_rng(1).integers(0, 256, (images, 20))
        store.write(network, folder, {"verilog": {"pixels": pixels}})
        plan = load_plan(network, folder / "verilog")
        facts = read_manifest(folder / "verilog")["cycles"]
        same = pixels[:4] if images == 5 else pixels[[0, 0]]
        timing = cycles.predict(plan, vectors.make(plan, same, [8] * len(same)))
        assert facts["golden_timesteps"] == [8] * len(same) + [1]
        assert facts["golden_interval"] == (timing.last[-1] - timing.last[0]) / (len(same) - 1)
        assert facts["golden_latency"][0] == timing.latency[0] > facts["golden_interval"]


def test_a_goal_is_met_by_exact_cycles() -> None:
    """Bursts of spikes that the means do not see: the balance alone promises too much."""
    network = dense_chain("step", sizes=(16, 40, 300), timesteps=16)
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 256, (3, 16)) * (rng.random((3, 16)) < 0.05)
    whole = {"clock_mhz": 1.0, "max_lanes": None, "lanes": {}}
    wanted = 2000
    goal = goals.goal_of(**{**whole, "target_fps": 1e6 / wanted})
    alone = goals.balance(network, goal, activity(network, pixels))
    plan = build(network, alone.choices)
    timing = cycles.predict(plan, vectors.make(plan, pixels, [16, 16, 1]))
    assert alone.met and timing.last[1] - timing.last[0] > wanted
    made = choose(network, goal, pixels)
    assert made.met and wanted / 2 < made.interval <= wanted


def pooled(dynamics: str, signed: bool) -> ir.Network:
    source = {"signed": signed, "encoding": "current" if signed else "rate"}
    view = ir.Reshape(ir.MaxPool(ir.Source("input"), (2, 2), (2, 2)), (4,))
    last = population("out", (2,), ir.Dense(name="d", source=view, weights=np.ones((4, 2), np.int8)), theta=None)
    return with_intervals(unproved(last, name="pooled", shape=(4, 4, 1), source=source, timesteps=4, dynamics=dynamics))


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_activity_is_the_events_of_each_image(dynamics: str) -> None:
    """Of every source, max-pools included: what the recurrence counts as busy, summed over an image."""
    made = [mixed_conv(dynamics), dense_chain(dynamics), *([pooled("count", False)] if dynamics == "count" else [])]
    for network in made:
        pixels = random_pixels(network, 5)
        plan, steps = plan_with(network), network.timesteps
        golden = vectors.make(plan, pixels, [steps] * 5)
        seen = activity(network, pixels)
        for name in {edge.source for node in plan.nodes for edge in node.edges}:
            busy = cycles.busy(plan, golden, name).reshape(5, -1).sum(axis=1)
            assert seen[name].reshape(5, -1).sum(axis=1) == pytest.approx(busy) and busy.any()
        many = activity(network, np.repeat(pixels, 6, axis=0))
        assert all(len(events) == GROUPS for events in many.values())
        assert all(many[name].mean() == pytest.approx(seen[name].mean(), rel=0.05) for name in seen)


def test_refusals_by_name(tmp_path: Path) -> None:
    check = backends.target("verilog").check
    check(pooled("count", False), {})
    check(pooled("step", False), {})
    check(separable(maximum=True, dynamics="step"), {})
    with pytest.raises(TargetError, match=r"'mixed'.*max-pool over the input and other layers"):
        check(max_pooled(dynamics="step", source=SIGNED), {})
    check(pooled("count", True), {})
    with pytest.raises(TargetError, match="spike_ext"):
        check(ir.replace(dense_chain("count"), spike_ext=-1), {})
    folder = tmp_path / "m"
    with pytest.raises(TargetError):
        store.write(max_pooled(dynamics="step", source=SIGNED), folder, {"verilog": {}})
    assert not folder.exists()


def test_a_plan_of_another_network_is_refused(tmp_path: Path) -> None:
    store.write(dense_chain("count"), tmp_path / "m", {"verilog": {}})
    with pytest.raises(DataError, match="another network"):
        load_plan(dense_chain("count", seed=1), tmp_path / "m" / "verilog")


def test_banks_follow_the_longest_path() -> None:
    plan = plan_with(mixed_conv("step"))
    banks = {edge.name: edge.banks for node in plan.nodes for edge in node.edges}
    assert banks == {"pop_a_e0": 2, "pop_b_e0": 2, "pop_c_e0": 2, "pop_out_e0": 4, "pop_out_e1": 2}


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_the_worst_case_is_the_recurrence_with_every_event(dynamics: str) -> None:
    for lanes in (1, 4, None):
        plan = plan_with(mixed_conv(dynamics), lanes)
        for node in plan.nodes:
            for edge in node.edges:
                every = np.ones((1, edge.layout.words * edge.layout.lanes), bool)
                offset = cycles.offsets(plan, edge.source)
                assert (cycles.full_work(edge, offset) == cycles.edge_work(edge, every, offset)).all()


def test_fifteen_million_weights_are_packed_block_by_block(tmp_path: Path) -> None:
    """No object per weight: a million weights are a handful of blocks, and come back unchanged."""
    values = np.random.default_rng(0).integers(-16, 16, (2**16, 16)).astype(np.int16)
    memory.write(tmp_path / "x.mem", [(values, 5)])
    words = (tmp_path / "x.mem").read_text().split()
    bits = np.unpackbits(np.frombuffer(bytes.fromhex("".join(words)), np.uint8)).reshape(2**16, 16, 5)
    back = (bits[:, ::-1] * np.array([16, 8, 4, 2, 1])).sum(axis=-1)
    assert (back == values % 32).all()


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize(
    ("network", "waits"),
    [(dense_chain("count"), False), (mixed_conv("count"), False), (residual(dynamics="step"), False),
     (separable(dynamics="step"), False), (mixed_conv("step"), True)],
)  # fmt: skip
def test_the_busiest_layer_sets_the_interval(network: ir.Network, waits: bool, lanes: int) -> None:
    """Fed the same image for ever, a layer that never waits takes from one result to the next what it works."""
    plan = build(network, goals.balance(network, goals.goal_of(None, None, lanes, {})).choices)
    given = vectors.make(plan, np.repeat(random_pixels(network, 1), 8, axis=0), [network.timesteps] * 8)
    busiest = max(cycles.node_cycles(plan, given).values())
    interval = goals.interval(cycles.predict(plan, given))
    assert busiest < interval if waits else busiest == interval
