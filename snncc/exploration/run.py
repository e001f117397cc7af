"""Jobs on processes of this machine or on a Dask cluster, through the journal; all of them, or halved on few images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed as finished
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from snncc.errors import ToolMissingError
from snncc.exploration import journal
from snncc.exploration.front import on, ranks
from snncc.exploration.measure import Sources, extent, key_of, key_of_synthesis, measure, synthesise
from snncc.exploration.space import Design, Job
from snncc.sim.run import worker_count

EXHAUSTIVE = 48
"""Networks that are all measured exactly; more are first halved on fewer images."""
PART, LEAST = 4, 64
"""A round of halving takes one of so many images and calibration samples, and no fewer than these."""

Points = list[dict[str, Any]]
Progress = Callable[[int, int], object]
Work = Callable[[], Points]


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
    for point, rank in zip(points, ranks([on(point, None) for point in points]), strict=True):
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
    return _resumed([partial(measure, sources, job) for job in work], keys, folder, cluster, processes, progress)


def synthesised(
    sources: Sources,
    designs: Sequence[Design],
    device: str,
    folder: Path,
    cluster: str | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Points:
    """What Yosys makes of each design on a device; what the journals of `folder` hold is not made again."""
    identity = sources.identity
    keys = [[key_of_synthesis(identity, design, device)] for design in designs]
    work = [partial(_alone, sources, design, device) for design in designs]
    return _resumed(work, keys, folder, cluster, processes, progress)


def _alone(sources: Sources, design: Design, device: str) -> Points:
    return [synthesise(sources, design, device)]


def _resumed(
    work: Sequence[Work],
    keys: Sequence[Sequence[str]],
    folder: Path,
    cluster: str | None,
    processes: int | None,
    progress: Progress | None,
) -> Points:
    """The lines of all work, in its order, each piece with its keys: from the journals, or made and written there."""
    known = journal.read(sorted(folder.glob("*.jsonl")))
    missing = [piece for piece, own in zip(work, keys, strict=True) if not known.keys() >= set(own)]
    with journal.appended(folder / journal.JOURNAL) as out:
        if progress:
            progress(len(work) - len(missing), len(work))
        for done, points in enumerate(_done(missing, cluster, processes), 1):
            new = [point for point in points if point["key"] not in known]
            journal.write(out, new)
            known |= {point["key"]: point for point in new}
            if progress:
                progress(len(work) - len(missing) + done, len(work))
    return [known[key] for own in keys for key in own]


def _done(work: Sequence[Work], cluster: str | None, processes: int | None) -> Iterator[Points]:
    """What each piece of work gives, as it is ready."""
    workers = min(processes, len(work)) if processes else worker_count(len(work))
    if cluster is not None:
        yield from _on_cluster(work, cluster)
    elif workers < 2:
        yield from (piece() for piece in work)
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            try:
                for future in finished([pool.submit(piece) for piece in work]):
                    yield future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _on_cluster(work: Sequence[Work], address: str) -> Iterator[Points]:
    """On the workers of a Dask scheduler, who see the same files; what a lost worker had goes to another one."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ToolMissingError("a cluster needs the package distributed: pip install 'snncc[cluster]'") from error
    with distributed.Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        futures = [client.submit(piece, pure=False, retries=3) for piece in work]
        for future in distributed.as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            yield future.result()
