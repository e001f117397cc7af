"""Weights from outside: random networks with external and loaded weights, in exactly the predicted cycles."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from snncc import backends, ir, store
from snncc.backends.verilog import cycles, write
from snncc.backends.verilog.drafts import drafts, legal_columns, legal_lanes
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.backends.verilog.goals import Goal, balance
from snncc.backends.verilog.plan import Choice, Plan, build, external
from snncc.backends.verilog.ports import Ports
from snncc.backends.verilog.tiles import BUSES, Weights
from snncc.errors import FileFormatError, TargetError
from snncc.ir.capabilities import TIMED
from snncc.synth import memories, synthesise
from snncc.verification import verify
from tests.hw.simulate import compile_bench, lint, make, measured, plan_with, run
from tests.networks import dense_chain, mixed_conv, recurrent, residual, tangled, vgg
from tests.strategies import Case, cases, timed_cases
from tests.support import examples

LIMIT = 20_000


def random_plan(network: ir.Network, weights: Weights, rng: random.Random) -> Plan:
    """Any legal lanes; columns where weights are inside, deep nodes where none are external. Few are inside."""
    choices, found = {}, drafts(network)
    for draft in found:
        lanes = rng.choice(legal_lanes(draft))
        fire = rng.choice([n for n in range(1, lanes + 1) if lanes % n == 0])
        columns = rng.choice(legal_columns(draft, lanes))
        choices[draft.name] = Choice(lanes, fire, rng.choice([1, 2, 16]), columns=columns, deep=rng.choice([0, 1]))
    for inside in (0, *(2**n / 64 for n in range(16))):
        try:
            held = Weights(weights.where, weights.bus, inside, weights.latency, weights.period)
            outside = external(network, found, held)
        except TargetError:
            continue
        allowed = dict(choices)
        for draft in found:
            if outside.plain(draft):
                deep = 0 if outside.shallow(draft) else choices[draft.name].deep
                allowed[draft.name] = replace(choices[draft.name], columns=1, deep=deep)
        return plan_with(network, choices=allowed, ports=Ports(weights=held))
    raise AssertionError("nothing fits")


def test_goals_leave_nodes_with_weights_from_outside_one_column() -> None:
    goal = Goal(None, 64, {}, deep=True)
    for where in ("load", "external"):
        network = small_vgg()
        made = build(
            network,
            balance(network, goal, weights=Weights(where, inside=1)).choices,
            Ports(weights=Weights(where, inside=1)),
        )
        fed = {edge.name for edge in made.streamed}
        assert fed
        for node in made.nodes:
            outside = [edge for edge in node.edges if edge.name in fed]
            assert node.deep == (where == "load" or not outside)
            assert node.columns == 1 or not outside
            assert all(edge.taps == edge.pack == 1 and edge.deep == node.deep for edge in outside)


def exact(folder: Path, plan: Plan, pixels: np.ndarray, wanted: list[int], *plusargs: str) -> None:
    """The bench's words are right in exactly the predicted cycles, and right with stalls."""
    golden = make(folder, plan, pixels, wanted)
    said = run(folder)
    assert "PASS" in said, said
    timing = cycles.predict(plan, golden)
    assert measured(said) == list(zip(timing.first, timing.last, strict=True))
    said = run(folder, "+stall_in=30", "+stall_out=40", "+stall_memory=30", *plusargs)
    assert "PASS" in said, said


SMALL = {"max_populations": 3, "max_neurons": 24, "max_side": 4}


@examples(8)
@given(
    st.sampled_from(["count", "step"]).flatmap(lambda d: cases(dynamics=d))
    | timed_cases(**SMALL)
    | timed_cases(only="leaky", **SMALL),
    st.integers(0, 2**20),
)
def test_any_network(case: Case, seed: int) -> None:
    network, rng = case.network, random.Random(seed)
    try:
        ir.refuse(network, network.dynamics, backends.target("verilog").refuses, TargetError)
    except TargetError:
        return
    late = any(leaf.late for draft in drafts(network) for leaf, _ in draft.parts)
    where = "load" if late or network.input.coding.sequences else rng.choice(["external", "external", "load"])
    weights = Weights(where, int(rng.choice(BUSES)), 0, rng.choice([1, 7, 40]), rng.choice([1, 2, 5]))
    plan = random_plan(network, weights, rng)
    event(f"{where}: {len(plan.streamed)} edges{', timed' if ir.features(network).keys() & TIMED else ''}")
    pixels = np.asarray(case.pixels)
    steps = case.timesteps
    if network.dynamics == "step":
        steps = min(steps, max(1, steps * LIMIT // cycles.worst(plan, 2).latency[0]))
    wanted = [steps] * len(pixels)
    wanted[1:2] = [1] * len(wanted[1:2])
    with tempfile.TemporaryDirectory() as name:
        exact(Path(name), plan, pixels, wanted, f"+seed={seed % 1000}", f"+reset_after={rng.randrange(4, 400)}")


def frames() -> ir.Network:
    """Sequences of frames, without late sources."""
    made = recurrent()
    hidden, last = made.populations
    hidden = ir.replace(hidden, projections=hidden.projections[:1])
    return ir.proven(ir.replace(made, populations=(hidden, last), intervals={}))


BLOCKS = [(4, 4), (8, 8), (8,)]
EXTERNAL = Weights("external", 32, 0, 12, 2)
EARLY = {"conv1_1", "conv1_2"}  # fewest weights, largest maps: they stay


def small_vgg(dynamics: str = "count", **options: object) -> ir.Network:
    return vgg(BLOCKS, 8, (10,), timesteps=3, signed_bit=4, dynamics=dynamics, **options)


def tiny_vgg() -> ir.Network:
    return vgg([(4,), (6, 6)], 4, (5,), timesteps=3, signed_bit=4, dynamics="count")


def images(network: ir.Network, number: int = 3) -> np.ndarray:
    return np.random.default_rng(8).integers(0, 256, (number, *network.input.shape))


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_a_small_vgg(tmp_path: Path, dynamics: str) -> None:
    """The first block's weights stay inside; tiles of several channels and of one, words of several beats."""
    network = small_vgg(dynamics)
    for lanes, bus, inside in ((4, 64, 1.4), (8, 32, 1.4)) if dynamics == "count" else ((4, 32, 1.4),):
        folder = tmp_path / f"{lanes}"
        folder.mkdir()
        plan = plan_with(network, lanes, ports=Ports(weights=Weights("external", bus, inside, 12, 2)))
        names = {edge.name.removeprefix("pop_").rpartition("_e")[0] for edge in plan.streamed}
        assert names == {p.name for p in network.populations} - EARLY - {"dense1"}
        assert all(edge.tiles and edge.tiles.room >= edge.tiles.beats_of_tile + 64 for edge in plan.streamed)
        exact(folder, plan, images(network), [3, 1, 2], "+seed=4")


def test_the_memory_that_was_stated_is_the_memory_of_the_prediction(tmp_path: Path) -> None:
    """One design, several memories: the bench's is told to be another, and the prediction with that one holds."""
    network = small_vgg()
    plan = plan_with(network, 8, ports=Ports(weights=EXTERNAL))
    golden = make(tmp_path, plan, images(network), [3, 1, 2])
    seen = set()
    for latency, period in ((1, 1), (12, 6), (400, 6), (5, 9)):
        other = plan_with(network, 8, ports=Ports(weights=Weights("external", 32, 0, latency, period)))
        timing = cycles.predict(other, golden)
        said = run(tmp_path, f"+latency={latency}", f"+period={period}")
        assert "PASS" in said and measured(said) == list(zip(timing.first, timing.last, strict=True))
        seen.add(timing.last)
    assert len(seen) == 4


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What hangs is given up soon."""
    folder = tmp_path_factory.mktemp("external")
    network = vgg([(6,), (16, 24)], 4, (10,), timesteps=3, signed_bit=4, dynamics="count")
    plan = plan_with(network, 12, ports=Ports(weights=Weights("external", 32, 1, 12, 2)))
    assert len(plan.streamed) == 3
    make(folder, plan, images(network), [3, 3, 3])
    bench = folder / "snn_bench.v"
    bench.write_text(re.sub(r"LIMIT = \d+", "LIMIT = 3000", bench.read_text()))
    compile_bench(folder, plan.ports)
    assert "PASS" in run(folder)
    return folder


@pytest.mark.parametrize("fault", ["+bus_swap=5", "+bus_swap=700", "+bus_error=3", "+bus_error=800"])
def test_a_fault_of_the_bus_is_noticed(design: Path, fault: str) -> None:
    said = run(design, fault)
    assert "PASS" not in said
    assert ("error = 100" in said) == ("error" in fault), said


FAULTS = {
    "an edge begins in the page before": ("snn_reader", "{offset_q[31:12] + 1'b1, 12'd0}", "{offset_q[31:12], 12'd0}"),
    "a burst is read twice": (
        "snn_reader",
        "offset_q + (FULL << SIZE)",
        "offset_q + (offset_q == 0 ? 0 : FULL << SIZE)",
    ),
    "the last burst is whole": ("snn_reader", "edge_end ? left_q : FULL", "FULL"),
    "no heed of room": ("snn_reader", "&& |(room & to_q)", ""),
    "rlast is not looked at, nor where it should be": ("snn_reader", "&number[BW-1:0] || deal_last", "&number[BW-1:0]"),
    "a tile is taken before it is whole": ("snn_tiles", "held_q >= WHOLE", "held_q != 0"),
    "beats of a word in the wrong order": ("snn_fill", "{data, held_q}", "{held_q, data}"),
    "every tile from slot 0": ("snn_edge_tiles", "slot_q == LAST_SLOT ? {CHW{1'b0}} : slot_q + STEP", "slot_q"),
    "every frame at one place": ("snn_edge_tiles", "w_frame_q == LAST_FRAME ? {AW{1'b0}} : w_frame_q + A_FRAME", "0"),
    "a band is a frame": ("snn_edge_tiles", "frame_commit = w_commit && band_q == N_END", "frame_commit = w_commit"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_design_is_noticed(design: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(design, tmp_path, dirs_exist_ok=True)
    module, old, new = FAULTS[name]
    text = (tmp_path / f"{module}.v").read_text()
    assert old in text
    (tmp_path / f"{module}.v").write_text(text.replace(old, new))
    compile_bench(tmp_path, Ports(weights=EXTERNAL))
    period = 9 if "before it is whole" in name else 1
    assert "PASS" not in run(tmp_path, "+latency=1", f"+period={period}"), name


def test_a_reset_lets_bursts_end(tmp_path: Path) -> None:
    """rst in any phase of the reading: beats of before are no weights of after."""
    network = dense_chain("count", sizes=(20, 16, 5))
    plan = plan_with(network, 4, ports=Ports(weights=Weights("external", 32, 0, 25, 1)))
    make(tmp_path, plan, np.random.default_rng(4).integers(0, 256, (2, 20)), [8, 8])
    for cycle in (3, 20, 31, 60, 120):
        said = run(tmp_path, f"+reset_after={cycle}", "+stall_memory=50")
        assert "PASS" in said, (cycle, said)
    text = (tmp_path / "snn_reader.v").read_text()
    (tmp_path / "snn_reader.v").write_text(
        text.replace("drain_q <= (rst || drain_q)", "drain_q <= 1'b0 && (rst || drain_q)")
    )
    compile_bench(tmp_path, plan.ports)
    assert "PASS" not in run(tmp_path, "+reset_after=60", "+stall_memory=50")


def test_the_file_holds_every_weight_once() -> None:
    """By an own reading of the layout: edge after edge from a page on, a word in whole beats, lane 0 lowest."""
    network = small_vgg()
    plan = plan_with(network, 5, ports=Ports(weights=EXTERNAL))
    held, at = write.weights(plan), 0
    for edge in plan.streamed:
        at += -at % 4096
        for word in edge.weights:
            beats = -(-5 * 4 // 32) if edge.lanes == 5 else -(-edge.lanes * 4 // 32)
            number = int.from_bytes(held[at : at + 4 * beats], "little")
            lanes = [(number >> 4 * i) & 15 for i in range(8 * beats)]
            assert [n - 16 * (n > 7) for n in lanes[: edge.lanes]] == word.tolist() and not any(lanes[edge.lanes :])
            at += 4 * beats
    assert len(held) == at + -at % 4096


def test_what_cannot_be_external_is_refused_by_name(tmp_path: Path) -> None:
    refused = {
        "'a' \\(it reads the input, which `step` does not send": (mixed_conv("step"), {}),
        "'deep' \\(few weights, of one channel each\\)": (residual(), {}),
        "'.*' \\(its source is reshaped\\)": (tangled("conv2d", dynamics="count"), {}),
    }
    for said, (network, more) in refused.items():
        options = {"weights": "external", "weights_inside": 0.001, **more}
        with pytest.raises(TargetError, match=f"kbit of weights cannot be external: .*{said}.*weights_inside"):
            store.check_targets(network, {"verilog": options})
    for options in ({"weights_inside": 5}, {"weights": "load", "memory_period": 2}, {"weights_bus": "64"}):
        with pytest.raises(TargetError, match="is of weights that are not in the design"):
            store.check_targets(small_vgg(), {"verilog": options})
    for network, why in ((recurrent(), "'hidden' reads the timestep before"), (frames(), "a sequence of frames")):
        with pytest.raises(TargetError, match=f"external weights are not built where .*{why}"):
            store.check_targets(network, {"verilog": {"weights": "external", "weights_inside": 0.001}})


@pytest.mark.parametrize("where", ["external", "load"])
def test_an_export_verifies_and_a_damaged_file_is_noticed(tmp_path: Path, where: str) -> None:
    external = {"weights_inside": 0.5, "memory_latency": 9, "memory_period": 2}
    more = external if where == "external" else {"pipeline": True}
    folder = tmp_path / "m"
    network = tiny_vgg()
    store.write(network, folder, {"verilog": {"weights": where, "weights_bus": "32", "prefix": "net", **more}})
    outcomes = verify(folder, targets=["verilog-icarus"], images=2).outcomes
    assert [o.status for o in outcomes] == ["pass", "pass"], outcomes
    made = folder / "verilog"
    facts = read_manifest(made)
    file = made / "net_weights.bin"
    assert facts["weights"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    held = memories(load_plan(network, made), facts, made)
    kinds = {name.split()[-1] for name in held if not name.endswith(".mem")}
    assert ("tiles" if where == "external" else "weights") in kinds
    total = sum(p.projections[0].weights.size for p in network.populations) * 4
    if where == "load":
        assert sum(memory.size for name, memory in held.items() if name.endswith(" weights")) >= total
        assert not any("weights" in name for name in facts["memories"])
        assert not any("snn_rom" in path.read_text() and "weights" in path.name for path in made.glob("*.mem"))
    damaged = bytearray(file.read_bytes())
    damaged[5] ^= 64
    file.write_bytes(damaged)
    assert [o.status for o in verify(folder, targets=["verilog-icarus"], images=2).outcomes] == ["fail", "fail"]
    with pytest.raises(FileFormatError, match=r"net_weights.bin: is not the file that was written"):
        read_manifest(made)
    file.unlink()
    with pytest.raises(FileFormatError, match=r"net_weights.bin: missing"):
        read_manifest(made)
    text = json.dumps(facts).replace(f'"where": "{where}"', '"where": "cloud"')
    (made / "manifest.json").write_text(text)
    with pytest.raises(FileFormatError, match="missing or damaged"):
        load_plan(network, made)


def test_the_top_has_no_more_ports_than_it_needs(tmp_path: Path) -> None:
    """Small networks stay inside whatever is asked for."""
    store.write(dense_chain("count"), tmp_path / "m", {"verilog": {"weights": "external"}})
    top = (tmp_path / "m" / "verilog" / "snn_top.v").read_text()
    assert not re.search("m_axi_|snn_reader", top) and read_manifest(tmp_path / "m" / "verilog")["weights"] is None


def test_it_maps_to_cells(tmp_path: Path) -> None:
    """The ring of tiles is block RAM."""
    network, options = dense_chain("count", sizes=(20, 8, 3)), {"weights": "external", "weights_inside": 0.3}
    store.write(network, tmp_path / "m", {"verilog": {"max_lanes": 4, **options}})
    found = synthesise(tmp_path / "m", "ecp5-85k", place=False)
    assert found.brams == 1 and not found.too_large


@pytest.mark.parametrize("bus", [32, 512])
@pytest.mark.parametrize("where", ["external", "load"])
def test_lint_is_clean(tmp_path: Path, where: str, bus: int) -> None:
    """Of several edges and of one; words narrower and wider than a beat."""
    for number, network in enumerate((small_vgg("step"), dense_chain("count"))):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        write.sources(folder, plan_with(network, 12, ports=Ports(weights=Weights(where, bus, 1.4))))
        assert not lint(folder)
