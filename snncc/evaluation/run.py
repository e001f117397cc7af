"""Runs a data set block by block: what a journal knows is not run again, and what comes out is the same integers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from snncc import data, engines, journal
from snncc.errors import DataError
from snncc.evaluation import sums
from snncc.evaluation.cluster import on_cluster
from snncc.evaluation.plan import One, Plan, Reading, here
from snncc.evaluation.result import Evaluation, Evaluations, Interrupted
from snncc.evaluation.sums import Sums
from snncc.ir import INPUT, Dynamics, Network
from snncc.metrics import Energies, energy_model, load_energies, neurobench
from snncc.sim.encode import warn_of_bytes, warn_of_faint, warn_of_outside
from snncc.sim.run import worker_count

Progress = Callable[[int], object]
Wanted = tuple[tuple[int, list[str]], data.Block, list[int]]


def evaluate(
    network: Network,
    x: Any,
    y: Any,
    timesteps: Sequence[int],
    dynamics: Dynamics,
    progress: Progress | None = None,
    energies: Energies | None = None,
    engine: str = engines.AUTO,
    reading: Reading = "pixels",
    images: int | None = None,
    kept: str | Path | None = None,
    version: str = "",
    cluster: str | None = None,
) -> Evaluations:
    """One Evaluation per T on data as snncc/data takes them; `progress(n)` is called when n more images are done.

    `engine`: what runs the network (snncc/engines); the integers do not depend on it. `kept`: a journal, in which
    blocks are known by their contents, the network and `version`. `cluster`: the address of a Dask scheduler.
    Interrupted, a KeyboardInterrupt, has what is done so far.
    """
    source = data.source(x, y, images)
    roughly = math.inf if source.length is None else source.length
    plan = Plan(network, tuple(timesteps), dynamics, engine, reading, roughly)
    plan.check()
    if isinstance(source, data.Stored):
        source = plan.checked(source)
        if reading == "images":
            warn_of_bytes(network.input, source.x.dtype)
    if cluster is not None and (isinstance(source, data.Batches) or source.paths is None):
        raise DataError("a cluster reads files that its workers see too: give the path of a file or folder")
    tally = _Tally(plan, progress)
    try:
        with journal.appended(Path(kept)) if kept else nullcontext() as out:
            known = journal.read([Path(kept)]) if kept else {}
            wanted = tally.missing(source, known, version, named=bool(kept or cluster))
            if cluster is not None and isinstance(source, data.Stored) and source.paths:
                measured = on_cluster(cluster, plan, source, wanted)
            else:
                measured = here(plan, wanted, _workers(plan, source))
            with closing(measured):
                for (size, keys), found in measured:
                    if out is not None:
                        journal.write(out, [sums.written(keys[i], one) for i, one in found.items()])
                    tally.add(size, found)
    except KeyboardInterrupt:
        raise Interrupted(tally.evaluations(energies), tally.images, source.length) from None
    if not tally.images:
        raise DataError("there are no images to evaluate")
    return tally.evaluations(energies)


def _workers(plan: Plan, source: data.Source) -> int:
    """One per processor, at most one per piece of work, and no more than an engine takes."""
    made = [run.chosen[1] for run in plan.runs]
    pieces = 2**31 if source.length is None else sum(-(-source.length // one.size) for one in made)
    return min(worker_count(pieces), *(one.workers or pieces for one in made))


class _Tally:
    """The sums so far, for each T."""

    def __init__(self, plan: Plan, progress: Progress | None) -> None:
        self.plan, self.progress = plan, progress
        self.images = 0
        self.sums: list[Sums | None] = [None] * len(plan.timesteps)

    def add(self, images: int, found: dict[int, Sums]) -> None:
        """A block is done."""
        self._sum(found)
        self.images += images
        if self.progress:
            self.progress(images)

    def _sum(self, found: dict[int, Sums]) -> None:
        for number, one in found.items():
            before = self.sums[number]
            self.sums[number] = one if before is None else before + one

    def missing(
        self, source: data.Source, known: dict[str, dict[str, Any]], version: str, named: bool
    ) -> Iterator[Wanted]:
        """The blocks that some T lacks, with these; what is known is taken as it is."""
        for block in source.blocks():
            keys = self.plan.keys(block, version) if named else []
            found = {i: one for i, key in enumerate(keys) if (one := self._read(i, known.get(key))) is not None}
            lacking = [i for i in range(len(self.plan.timesteps)) if i not in found]
            if lacking:
                self._sum(found)
                yield (len(block.x), keys), block, lacking
            else:
                self.add(len(block.x), found)

    def _read(self, number: int, line: dict[str, Any] | None) -> Sums | None:
        run = self.plan.runs[number]
        return None if line is None else sums.read(line, run.meter, run.cost.spiking)

    def evaluations(self, energies: Energies | None) -> Evaluations:
        """Of those T that have seen an image."""
        table = energies or load_energies()
        found = [(run, one) for run, one in zip(self.plan.runs, self.sums, strict=True) if one is not None]
        if found:
            values = found[0][1].images * math.prod(self.plan.network.input.shape)
            warn_of_outside(self.plan.network.input, found[0][1].outside, values)
            warn_of_faint(self.plan.network.input, found[0][1].outside)
        return Evaluations(_evaluation(run, one, table) for run, one in found)


def _evaluation(run: One, one: Sums, energies: Energies) -> Evaluation:
    """Everything divided by the images."""
    cost, meter, seen = run.cost, run.meter, one.images
    per_image = {name: one.spikes[name] / seen for name in cost.spiking}
    total = sum(one.spikes[name] for name in cost.spiking if name != INPUT)
    pairs = one.pairs or {}
    work = Counter[str]()
    for (population, _), operations in zip(meter.projections, one.work.operations, strict=True):
        work[population.name] += int(operations.sum())
    return Evaluation(
        accuracy=None if one.pairs is None else sum(n for (a, b), n in pairs.items() if a == b) / seen,
        images=seen,
        timesteps=meter.window.timesteps,
        dynamics=meter.window.dynamics,
        spikes_per_image={**per_image, "total": total / seen},
        synaptic_operations_per_image=one.operations / seen,
        input_macs_per_image=float(cost.macs),
        relay_macs_per_image=float(cost.relayed * meter.window.passes),
        neurobench=neurobench(meter, one.work),
        energy_model=energy_model(meter, one.work, energies),
        work_per_image={name: operations / seen for name, operations in work.items()},
        confusion=tuple((*pair, pairs[pair]) for pair in sorted(pairs)),
        engine=one.engine,
    )
