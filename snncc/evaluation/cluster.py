"""Blocks of a file or folder on the workers of a Dask cluster, who see the same files under the same paths."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

from snncc import data
from snncc.cluster import connected, results
from snncc.errors import DataError
from snncc.evaluation.plan import Plan, here
from snncc.evaluation.sums import Sums
from snncc.ir import Network, content_hash

Tag = TypeVar("Tag")


def on_cluster(
    address: str, plan: Plan, source: data.Stored, wanted: Iterable[tuple[Tag, data.Block, list[int]]]
) -> Generator[tuple[Tag, dict[int, Sums]], None, None]:
    """As `here`, in whatever order the blocks are ready."""
    rest = (plan.timesteps, plan.dynamics, plan.engine, plan.reading, plan.images)
    key = (content_hash(plan.network), rest)
    with connected(address) as client, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # the weights, once
        network = client.submit(_itself, plan.network, pure=False)

        def calls() -> Iterator[tuple[Tag, tuple[Any, ...]]]:
            for tag, block, lacking in wanted:
                place = (source.paths, block.start, block.start + len(block.x), block.digest)
                yield tag, (network, key, place, lacking)

        yield from results(client, _block, calls())


def _itself(network: Network) -> Network:
    return network


_mine = threading.local()
"""What a thread of a worker has ready: the last plan and its data, of which packed files are read forwards."""


def _block(network: Network, key: Any, place: Any, lacking: list[int]) -> dict[int, Sums]:
    """The sums of one block, on one thread. DataError where this worker sees other data than the caller."""
    paths, start, stop, digest = place
    if getattr(_mine, "key", None) != (key, paths):
        _mine.plan = Plan(network, *key[1])
        _mine.source = _mine.plan.checked(data.source(*paths))
        _mine.key = key, paths
    block = _mine.source.block(start, stop)
    if block.digest != digest:
        raise DataError(f"{paths[0]}: a worker of the cluster sees other data there")
    ((_, found),) = here(_mine.plan, [(None, block, lacking)], workers=1)
    return found
