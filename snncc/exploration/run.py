"""Jobs on processes of this machine or on a Dask cluster, through the journal; all of them, or halved on few images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed as finished
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from snncc.errors import ToolMissingError
from snncc.exploration import journal
from snncc.exploration.front import ranks
from snncc.exploration.measure import Sources, extent, key_of, measure
from snncc.exploration.space import Job
from snncc.sim.run import worker_count

EXHAUSTIVE = 48
"""Networks that are all measured exactly; more are first halved on fewer images."""
PART, LEAST = 4, 64
"""A round of halving takes one of so many images and calibration samples, and no fewer than these."""

Points = list[dict[str, Any]]
Progress = Callable[[int, int], object]


def shard(work: Sequence[Job], number: int, of: int) -> list[Job]:
    """Every `of`-th job, from the `number`-th on (1 to `of`)."""
    return list(work[number - 1 :: of])


def explore_jobs(
    sources: Sources,
    work: Sequence[Job],
    folder: Path,
    cluster: str | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Points:
    """The points of all jobs, in their order; those that the journals of `folder` hold are not measured again.

    More than EXHAUSTIVE jobs are halved on one of PART of the images and calibration samples until so many are
    left; these are measured on all.
    """
    work, part = list(work), PART
    while part > 1 and len(work) > EXHAUSTIVE:
        images, samples = extent(sources)
        few = replace(sources, images=max(LEAST, images // part), seen=max(LEAST, samples // part))
        work, part = _better(few, work, _through_journal(few, work, folder, cluster, processes, progress)), part // 2
    return _through_journal(sources, work, folder, cluster, processes, progress)


def _better(sources: Sources, work: list[Job], points: Points) -> list[Job]:
    """The better half of the jobs, by the rank of their best points, or EXHAUSTIVE of them; in their order."""
    identity = sources.identity
    owner = {key_of(identity, design): i for i, job in enumerate(work) for design in job.designs}
    best = [len(points)] * len(work)
    for point, rank in zip(points, ranks(points), strict=True):
        best[owner[point["key"]]] = min(rank, best[owner[point["key"]]])
    order = sorted(range(len(work)), key=lambda i: (best[i], i))
    return [work[i] for i in sorted(order[: max(EXHAUSTIVE, len(work) // 2)])]


def _through_journal(
    sources: Sources,
    work: Sequence[Job],
    folder: Path,
    cluster: str | None,
    processes: int | None,
    progress: Progress | None,
) -> Points:
    identity = sources.identity
    keys = [[key_of(identity, design) for design in job.designs] for job in work]
    known = journal.read(sorted(folder.glob("*.jsonl")))
    missing = [job for job, own in zip(work, keys, strict=True) if not known.keys() >= set(own)]
    with journal.appended(folder / journal.JOURNAL) as out:
        if progress:
            progress(len(work) - len(missing), len(work))
        for done, points in enumerate(_measured(sources, missing, cluster, processes), 1):
            new = [point for point in points if point["key"] not in known]
            journal.write(out, new)
            known |= {point["key"]: point for point in new}
            if progress:
                progress(len(work) - len(missing) + done, len(work))
    return [known[key] for own in keys for key in own]


def _measured(sources: Sources, work: Sequence[Job], cluster: str | None, processes: int | None) -> Iterator[Points]:
    """Each job's points, as they are ready."""
    workers = min(processes, len(work)) if processes else worker_count(len(work))
    if cluster is not None:
        yield from _on_cluster(sources, work, cluster)
    elif workers < 2:
        yield from (measure(sources, job) for job in work)
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            try:
                for future in finished([pool.submit(measure, sources, job) for job in work]):
                    yield future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _on_cluster(sources: Sources, work: Sequence[Job], address: str) -> Iterator[Points]:
    """On the workers of a Dask scheduler, who see the same files; what a lost worker had goes to another one."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ToolMissingError("a cluster needs the package distributed: pip install 'snncc[cluster]'") from error
    with distributed.Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        futures = [client.submit(measure, sources, job, pure=False, retries=3) for job in work]
        for future in distributed.as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            yield future.result()
