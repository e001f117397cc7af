"""A target in a package of its own: dense networks in `count` as a table for a program of thirty lines.

An example of what another package brings, and what the tests install: options, refusals, a summary and a runner.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snncc.backends import Target
from snncc.backends.options import TargetOptions, option
from snncc.backends.target import Summary
from snncc.errors import TargetError
from snncc.ir import FEATURES, NO_HARDWARE, Network, Source
from snncc.jobs import Job, Observation

PROGRAM = """
import json, sys
net, pixels = json.load(open(sys.argv[1])), json.loads(sys.argv[2])
layers = {"input": [p * net["T"] // net["L"] for p in pixels]}
for name, reads, weights, shift, theta, bias in net["layers"]:
    x = layers[reads]
    u = [sum(w * v for w, v in zip(column, x)) * 2**shift + b * net["T"] for column, b in zip(weights, bias)]
    if theta is not None:
        u = [min(max((v + start) // t, 0), net["T"]) for v, (t, start) in zip(u, theta)]
    layers[name] = u
print(json.dumps(layers))
"""
KNOWN = ("count", "rate", "integrate_and_fire", "silent", "dense", "wide weights", "saturates")


@dataclass(frozen=True, kw_only=True)
class PlainOptions(TargetOptions):
    """Of the target `plain`."""

    indent: int = option(0, "how far the table is indented", "integer", low=0, high=8)
    comment: str | None = option(None, "a line to keep in the table", "text", shown="no line")


class Runner:
    """The program, in a process of its own."""

    def variants(self, job: Job) -> list[str]:
        return ["python"]

    @contextmanager
    def run(self, job: Job, variant: str) -> Iterator[Iterator[Observation]]:
        with tempfile.TemporaryDirectory() as name:
            program = Path(name) / "program.py"
            program.write_text(PROGRAM)
            yield (self._one(job, program, image) for image in job.pixels)

    def _one(self, job: Job, program: Path, image: np.ndarray) -> Observation:
        command = [sys.executable, str(program), str(job.folder / "plain" / "net.json"), json.dumps(image.tolist())]
        layers = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        values = np.array(layers.pop(job.network.output.name))
        spikes = {layer: np.array([counts]) for layer, counts in layers.items()}
        return Observation(values, int(values.argmax()), spikes)


class Plain(Target[PlainOptions]):
    """The table."""

    name = "plain"
    writes = "a table of a dense network"
    options = PlainOptions
    refuses = NO_HARDWARE | {
        feature: f"{{where}} uses {words}, which plain has not: choose another target"
        for feature, words in FEATURES.items()
        if feature not in (*KNOWN, *NO_HARDWARE)
    }

    def examine(self, network: Network, options: PlainOptions) -> None:
        if options.comment and "\n" in options.comment:
            raise TargetError("`comment` is one line")

    def write(self, network: Network, folder: Path, options: PlainOptions) -> None:
        layers = []
        for population in network.populations:
            (projection,) = population.projections
            assert isinstance(projection.source, Source)
            wide = lambda values: np.broadcast_to(values, population.shape).tolist()  # noqa: B023, E731
            theta = (
                None if population.theta is None else [*zip(wide(population.theta), wide(population.v0), strict=True)]
            )
            layers.append((population.name, projection.source.population, projection.weights.T.tolist(),
                           projection.shift, theta, wide(population.bias)))  # fmt: skip
        table = {"comment": options.comment, "T": network.timesteps, "L": network.input.levels, "layers": layers}
        (folder / "net.json").write_text(json.dumps(table, indent=options.indent or None))

    def runners(self) -> Mapping[str, Runner]:
        return {"plain-python": Runner()}

    def summary(self, network: Network, folder: Path | None, options: Mapping[str, Any] | None) -> Summary | None:
        if folder is None:
            return None
        size = (folder / "net.json").stat().st_size
        return Summary({"bytes": size}, [f"as a table: {size:,} bytes"])


TARGET = Plain()
