"""Evaluation of more data than memory holds: the same integers from every source, in bounded memory, and resumed."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import snncc
from snncc import ir
from snncc.data import blocks
from snncc.errors import DataError, OutputError, SnnccWarning
from snncc.evaluation import Evaluation, Interrupted
from snncc.terminal import rate_bar
from tests import networks
from tests.conftest import Run
from tests.dask import cluster

REAL_BLOCK = blocks.BLOCK_IMAGES
IMAGES, BLOCK = 75, 32
TIMES = [2, 5]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_IMAGES", BLOCK)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> snncc.Network:
    """Of 8x8 pixels of three channels, whose data are the pixels."""
    made = snncc.Network(networks.residual(dynamics="step"))
    made.write(tmp_path_factory.mktemp("large") / "net")
    return made


@pytest.fixture(scope="module")
def x(network: snncc.Network) -> np.ndarray:
    return (np.random.default_rng(3).random((IMAGES, *network.ir.input.shape)) * network.ir.input.lambda_0).astype("f4")


Y = np.random.default_rng(4).integers(0, 3, IMAGES)


@pytest.fixture(scope="module")
def whole(network: snncc.Network, x: np.ndarray) -> list[Evaluation]:
    found = snncc.evaluate(network, x, Y, TIMES, engine="numpy")
    for one in found:
        result = network.run(x, timesteps=one.timesteps)
        assert one.accuracy == (result.classes == Y).mean()
        assert one.spikes_per_image["first"] == result.counts["first"].sum() / IMAGES
    return found


class Tensor:
    """What is no array but becomes one, as torch's."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.values, dtype)


class Loader:
    """As torch's DataLoader: its length is in batches, which are lists of tensors."""

    def __init__(self, x: np.ndarray, y: np.ndarray, size: int) -> None:
        self.x, self.y, self.size = x, y, size

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[list[Tensor]]:
        for i in range(0, len(self.x), self.size):
            yield [Tensor(self.x[i : i + self.size]), Tensor(self.y[i : i + self.size])]


def files(folder: Path, x: np.ndarray) -> Iterator[tuple[Path, Path | None]]:
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", Y)
    yield folder / "x.npy", folder / "y.npy"
    for name, save in (("s.npz", np.savez), ("c.npz", np.savez_compressed)):
        save(folder / name, x_test=x, y_test=np.eye(10)[Y])
        yield folder / name, None
    (folder / "shards").mkdir()
    for i, start in enumerate((0, 7, 50)):
        part = slice(start, (7, 50, IMAGES)[i])
        np.savez(folder / "shards" / f"{i}.npz", x=x[part], y=Y[part])
    yield folder / "shards", None


def test_every_source_gives_the_same(
    network: snncc.Network, x: np.ndarray, whole: list[Evaluation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, labels in files(tmp_path, x):
        assert snncc.evaluate(network, data, labels, TIMES, engine="numpy") == whole
    streams: list[Callable[[], Any]] = [
        lambda: ((x[i : i + 9], Y[i : i + 9]) for i in range(0, IMAGES, 9)),
        lambda: Loader(x, Y, 20),
        lambda: tf.data.Dataset.from_tensor_slices((x, Y)).batch(40),
    ]
    for stream in streams:
        assert snncc.evaluate(network, stream(), None, TIMES, engine="native") == whole
    monkeypatch.setattr(blocks, "BLOCK_IMAGES", 7)
    assert snncc.evaluate(network, streams[0](), None, TIMES, engine="numpy") == whole
    first = snncc.evaluate(network, x[:40], Y[:40], TIMES)
    assert snncc.evaluate(network, tmp_path / "s.npz", None, TIMES, images=40) == first
    assert snncc.evaluate(network, streams[0](), None, TIMES, images=40) == first != whole
    assert snncc.evaluate(network, iter([x[:9]]), None, 2)[0].accuracy is None


def test_wrong_data_are_refused_before_any_is_run(network: snncc.Network, x: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", x[:, :4])
    wrong: tuple[tuple[Any, Any, str], ...] = (
        (tmp_path / "x.npy", None, r"images of shape \(4, 8, 3\)"),
        (x, Y / 2, "labels must be"),
        (iter([(x, Y / 2)]), None, "labels must be"),
        (iter([]), None, "no images"),
        (iter([x[:, :4]]), None, r"images of shape \(4, 8, 3\)"),
    )
    for data, labels, said in wrong:
        with pytest.raises(DataError, match=said):
            snncc.evaluate(network, data, labels, 2, progress=lambda _: pytest.fail("something was run"))
    with pytest.raises(DataError, match="a cluster reads files"):
        snncc.evaluate(network, x, None, 2, cluster="tcp://127.0.0.1:1")
    before = (tmp_path / "x.npy").read_bytes()
    with pytest.raises(OutputError, match="not a journal"):
        snncc.evaluate(network, x, None, 2, journal=tmp_path / "x.npy")
    assert (tmp_path / "x.npy").read_bytes() == before


def test_values_outside_are_counted_over_all_of_it(network: snncc.Network, x: np.ndarray) -> None:
    spoilt = x.copy()
    spoilt[[3, 40, 74], 0, 0, 0] = -1
    with pytest.warns(SnnccWarning, match=f"^3 of {x.size} input values are negative") as said:
        snncc.evaluate(network, spoilt, None, 2)
    assert len(said) == 1
    for scale, what in ((255, "are over 4 times as large"), (1 / 255, "so that the pixels, .* are at most")):
        with pytest.warns(SnnccWarning, match=what) as said:
            snncc.evaluate(network, np.abs(x) * scale, None, 2)
        assert len(said) == 1


@pytest.mark.parametrize("kind", ["batches", "mapped"])
def test_memory_is_bounded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """96 MiB of images, and at its height a small part of them in memory, however many there are."""
    monkeypatch.setattr(blocks, "BLOCK_IMAGES", REAL_BLOCK)
    monkeypatch.setattr("snncc.evaluation.run.worker_count", lambda _: 2)
    shape, images, batch = (32, 32, 6), 4096, 128
    view = ir.Reshape(ir.Source("input"), (6144,))
    dense = ir.Dense(name="d", source=view, weights=networks.weights(1, 6144, 4))
    network = snncc.Network(networks.network(networks.population("out", (4,), dense, theta=None), shape=shape))
    source: Any = (np.full((batch, *shape), i / 32, np.float32) for i in range(images // batch))
    if kind == "mapped":
        source = tmp_path / "x.npy"
        np.lib.format.open_memmap(source, "w+", np.float32, (images, *shape)).flush()
    tracemalloc.start()
    try:
        (found,) = snncc.evaluate(network, source, None, engine="numpy")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.images == images
    print(peak / 2**20)
    assert peak < images * 6144 * 4 / 2, f"{peak / 2**20:.0f} MiB"


def test_an_interrupt_has_the_results_so_far(network: snncc.Network, x: np.ndarray) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        snncc.evaluate(network, x, Y, TIMES, progress=stop)
    assert isinstance(stopped.value, Interrupted) and str(stopped.value) == "after 32 of 75 images"
    assert stopped.value.found == snncc.evaluate(network, x[:32], Y[:32], TIMES)
    with pytest.raises(Interrupted, match="after 32 images") as stopped:
        snncc.evaluate(network, iter([x]), None, 2, progress=stop)
    assert stopped.value.found[0].images == 32


def test_the_command_ends_with_the_results_so_far(
    network: snncc.Network, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real process, a real SIGINT, in the middle of a million images."""
    monkeypatch.setattr(blocks, "BLOCK_IMAGES", REAL_BLOCK)
    network.write(tmp_path / "net")
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (10**6, *network.ir.input.shape)).flush()
    arguments = ["evaluate", str(tmp_path / "net"), str(tmp_path / "x.npy"), "--json"]
    journal = tmp_path / "journal.jsonl"
    command = [sys.executable, "-m", "snncc", *arguments, "--journal", str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        while child.poll() is None and not (journal.exists() and journal.stat().st_size):
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
    (found,) = json.loads(out)
    assert child.returncode == 130 and 0 < found["images"] < 10**6
    assert err.splitlines()[-1] == f"interrupted after {found['images']:,} of 1,000,000 images"
    (same,) = json.loads(run(*arguments, "--images", found["images"], "--journal", journal)[1])
    (fresh,) = json.loads(run(*arguments, "--images", found["images"])[1])
    assert {**same, "engine": ""} == {**found, "engine": ""} == {**fresh, "engine": ""}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("total", "said"), [(1000, "500 of 1,000 images"), (None, "500 images")])
def test_the_bar_says_how_many_images(total: int | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("snncc.stderr.own", lambda: screen)
    monkeypatch.setenv("COLUMNS", "120")
    with rate_bar("Evaluating", total) as advance:
        advance(200)
        time.sleep(0.01)
        advance(300)
    assert re.search(rf"{said}, [\d,]+ a second", screen.getvalue())


KILLED = """
import os, signal, sys
import snncc
from snncc import journal
from snncc.data import blocks
blocks.BLOCK_IMAGES = 32
write, lines = journal.write, []
def written(out, new):
    write(out, new)
    lines.extend(new)
    if len(lines) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
journal.write = written
snncc.evaluate(snncc.load(sys.argv[1]), sys.argv[2], None, [2, 5], journal=sys.argv[3])
"""


def test_a_killed_run_goes_on_where_it_was(
    network: snncc.Network, x: np.ndarray, whole: list[Evaluation], tmp_path: Path
) -> None:
    network.write(tmp_path / "net")
    np.savez(tmp_path / "d.npz", x=x, y=Y)
    journal = tmp_path / "j.jsonl"
    command = [sys.executable, "-c", KILLED, *map(str, (tmp_path / "net", tmp_path / "d.npz", journal))]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    before = journal.read_text().splitlines()
    assert [json.loads(line)["images"] for line in before] == [32, 32]
    journal.write_text(journal.read_text() + before[0][:50])  # and a line that was broken off

    def resumed(times: list[int], **data: Any) -> tuple[list[Evaluation], int]:
        """What it gives, and how many lines are new: one for each block and T."""
        old = len(journal.read_text().splitlines())
        source = data.get("data", tmp_path / "d.npz")
        return snncc.evaluate(network, source, None, times, journal=journal), len(
            journal.read_text().splitlines()
        ) - old

    assert resumed(TIMES) == (whole, 4)
    assert resumed(TIMES) == (whole, 0)
    assert resumed([*TIMES, 3])[1] == 3
    assert resumed(TIMES, data=((x[i : i + 10], Y[i : i + 10]) for i in range(0, IMAGES, 10))) == (whole, 0)
    assert resumed(TIMES, data=iter([(np.concatenate([x[:33], x[32:-1]]), Y)]))[1] == 4, "the first block is known"
    keys = [json.loads(line).get("key") for line in journal.read_text().splitlines() if line.endswith("}")]
    assert len(keys) == len(set(keys)) == 2 + 4 + 3 + 4
    lines = [json.loads(line) for line in journal.read_text().splitlines() if line.endswith("}")]
    for spoilt in ({"spikes": {}}, {"effective": []}, {"right": "many"}, {"operations": -1}, {"images": 2**80}):
        journal.write_text("".join(json.dumps(line | spoilt) + "\n" for line in lines))
        assert resumed(TIMES) == (whole, 6), "what is no line of ours counts for nothing"


def test_a_cluster_that_loses_a_worker_loses_nothing(
    network: snncc.Network, x: np.ndarray, whole: list[Evaluation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = list(files(tmp_path, x))[-1][0]
    journal = tmp_path / "j.jsonl"
    done: list[int] = []
    monkeypatch.setattr(blocks, "BLOCK_IMAGES", 8)
    with cluster(tmp_path) as workers:

        def progress(images: int) -> None:
            done.append(images)
            if len(done) == 3:
                workers.kill_one()

        found = snncc.evaluate(network, shards, None, TIMES, None, progress, journal=journal, cluster=workers.address)
    assert found == whole and workers.lost_one()
    assert sorted(done) == [IMAGES % 8, *[8] * (IMAGES // 8)]
    keys = [json.loads(line)["key"] for line in journal.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 2 * len(done)
