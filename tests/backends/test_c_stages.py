"""`step` in stages: the same integers, memory that is free may hold anything, and the stages are the best ones."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir
from snncc.backends.c import layout, program
from snncc.backends.c.layout import Buffer
from snncc.backends.c.plan import plan, smallest
from snncc.backends.c.program import Program
from snncc.backends.c.run import CortexM4
from snncc.backends.c.stages import Train, cut
from snncc.backends.vectors import random_pixels
from tests.backends.c_folder import agree, compiled
from tests.networks import network, population, residual, weights
from tests.strategies import Case, cases
from tests.support import examples

CASES = cases(dynamics="step", spike_ext=st.sampled_from([0, 0, 1, 2]))


def chain(timesteps: int = 4, **more: object) -> ir.Network:
    """Six convolutions one after the other, so that the smallest state has several stages."""
    made, source, channels = [], "input", 2
    for i in range(6):
        conv = ir.Conv2D(
            name=f"w{i}", source=ir.Source(source), weights=weights(i, 3, 3, channels, 8), pads=(1, 1, 1, 1)
        )
        made.append(population(f"p{i}", (6, 6, 8), conv, theta=300, bias=20, v0=150))
        source, channels = f"p{i}", 8
    last = ir.Dense(name="d", source=ir.Reshape(ir.Source(source), (288,)), weights=weights(9, 288, 3))
    made.append(population("last", (3,), last, theta=None))
    return network(*made, shape=(6, 6, 2), dynamics="step", timesteps=timesteps, **more)


def poisoned(source: str, made: Program) -> str:
    """The program, at the begin of every stage all bytes overwritten that no buffer needs then or keeps for later."""
    offsets, size = made.places
    for stage in made.stages:
        kept = set()
        for b in made.state:
            if b.born < stage.number <= b.dies:
                kept.update(range(offsets[b.name], offsets[b.name] + b.bytes))
        free = [at not in kept for at in range(size)]
        edges = [at for at in range(size + 1) if (at and free[at - 1]) != (at < size and free[at])]
        ranges = zip(edges[::2], edges[1::2], strict=True)
        lines = "".join(f"memset((uint8_t *)state + {at}, 0xA5, {end - at}U);\n" for at, end in ranges)
        source, changed = re.subn(rf"(_stage_{stage.number}\([^;]*?\)\n{{\n)", lambda m: m[1] + lines, source)  # noqa: B023
        assert changed == 1
    return source


@examples(10)
@given(CASES, st.booleans(), st.sampled_from(["gcc -O0", "gcc -O3", "clang -O3", "gcc sanitizers"]))
def test_the_smallest_state_has_the_same_integers(case: Case, pack: bool, variant: str) -> None:
    least = smallest(case.network, pack=pack)
    with tempfile.TemporaryDirectory() as name:
        folder = compiled(case.network, Path(name) / "net", pack=pack, pixels=case.pixels, state_bytes=least.places[1])
        agree(folder, case.network, case.pixels, case.timesteps, variant)
        path = next((folder / "c").glob("*_weights.h")).with_name(f"{case.network.name}.c")
        path.write_text(poisoned(path.read_text(), least))
        agree(folder, case.network, case.pixels, case.timesteps, variant)


@examples(4)
@given(CASES)
def test_on_cortex_m4(case: Case) -> None:
    least = smallest(case.network).places[1]
    with tempfile.TemporaryDirectory() as name:
        folder = compiled(case.network, Path(name) / "net", pixels=case.pixels, state_bytes=least)
        agree(folder, case.network, case.pixels, case.timesteps, "-O3", CortexM4())


@pytest.mark.parametrize("encoding", ["rate", "current"])
@pytest.mark.parametrize("spike_ext", [0, 3])
def test_a_chain_in_stages(tmp_path: Path, encoding: str, spike_ext: int) -> None:
    """Shared memory that is poisoned; the replay of every stage is needed, and so is every bit that it clears."""
    net = chain(source={"encoding": encoding}, spike_ext=spike_ext)
    least, pixels = smallest(net), random_pixels(net, 2)
    assert len(least.stages) >= 3
    folder = compiled(net, tmp_path / "net", state_bytes=least.places[1])
    path = folder / "c" / "net.c"
    path.write_text(poisoned(path.read_text(), least))
    for variant in ("gcc -O3", "gcc sanitizers"):
        agree(folder, net, pixels, 3, variant)
        agree(folder, net, pixels, 4, variant)
    text = path.read_text()
    unset = r"memset\(net_at_train_\w+\(state\), 0, "
    for before, after in ((r"\)t \* ", ")(t / 2) * "), (r"= 32U \* ", "= 31U * "), (unset, "(void)(")):
        mutated, changed = re.subn(before, after, text)
        assert changed
        path.write_text(mutated)
        with pytest.raises(AssertionError):
            agree(folder, net, pixels, 4, "gcc -O3")


def test_a_life_that_ends_too_early_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every train declared dead in the stage that writes it: what is computed later lies upon it."""
    net = chain()

    def short(buffers: list[Buffer], word: int) -> tuple[dict[str, int], int]:
        return layout.place([replace(b, dies=b.born) if b.name.startswith("train") else b for b in buffers], word)

    monkeypatch.setattr(program, "place", short)
    folder = compiled(net, tmp_path / "net")
    with pytest.raises(AssertionError):
        agree(folder, net, random_pixels(net, 2), 4, "gcc -O3")


def test_as_few_stages_as_fit(tmp_path: Path) -> None:
    net = chain()
    sizes = []
    for limit in sorted({smallest(net).places[1], 4000, 5000, 7000, 10**6}):
        made = plan(net, limit=limit)
        assert made.places[1] <= limit
        sizes.append(len(made.stages))
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1] == 1
    assert len(plan(residual(dynamics="step")).stages) == 1  # more would save less than half


STEPS = 6


@examples(150)
@given(
    st.lists(st.integers(0, 50), min_size=STEPS + 1, max_size=STEPS + 1),
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, STEPS)), min_size=STEPS, max_size=STEPS),
    st.sets(st.integers(1, STEPS), max_size=3),
    st.none() | st.integers(0, 200),
)
def test_the_cut_is_the_best_of_all(
    own: list[int], trains: list[tuple[int, int]], joined: set[int], limit: int | None
) -> None:
    """Against every division there is, each stage's bytes added up from what it needs."""
    lasts = [max(at, last) for at, (_, last) in enumerate(trains)]

    def peak(starts: tuple[int, ...]) -> int:
        needs = []
        for start, end in pairwise((0, *starts, STEPS + 1)):
            needed = sum(own[start:end])
            for at, (size, _) in enumerate(trains):
                stored = not (start <= at and lasts[at] < end)
                needed += size if at < end and lasts[at] >= start and stored and lasts[at] > at else 0
            needs.append(needed)
        return max(needs)

    allowed = [at for at in range(1, STEPS + 1) if at not in joined]
    every = [starts for n in range(len(allowed) + 1) for starts in combinations(allowed, n)]
    smallest_peak = min(map(peak, every))
    bound = smallest_peak if limit is None else max(limit, smallest_peak)
    if limit is None and peak(()) < 2 * smallest_peak:
        bound = peak(())
    fewest = min(len(starts) for starts in every if peak(starts) <= bound)
    found = cut(
        [Buffer(str(at), "uint8_t", n, "", at, at) for at, n in enumerate(own)],
        [Train(at, 1, n, lasts[at]) for at, (n, _) in enumerate(trains)],
        joined, STEPS, limit,
    )  # fmt: skip
    starts = tuple(at for at in range(1, STEPS + 1) if found[at] != found[at - 1])
    assert found[0] == 0 and len(found) == STEPS + 1 and not set(starts) & joined
    assert peak(starts) <= bound and len(starts) == fewest
