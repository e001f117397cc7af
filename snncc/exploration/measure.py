"""One job: compile a network, evaluate it, and size every design that is made of it. Exact, all of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from snncc import api, backends, data, frontend, resources, store, synth
from snncc.backends.c import instructions
from snncc.backends.c.emit import memory
from snncc.backends.c.target import ANY_PREFIX
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.errors import DataError, SnnccError
from snncc.evaluation import Evaluation, labels
from snncc.exploration.space import Design, Job, digest
from snncc.ir import Array, Network
from snncc.lower.options import AUTO
from snncc.lower.populate import populate
from snncc.lower.tune.judge import float_outputs
from snncc.names import unfit
from snncc.sim.run import classify
from snncc.synth import area

RUN = 64
"""Images whose spikes instructions are estimated from."""


@dataclass(frozen=True)
class Sources:
    """Where the model and the data are: a path, and files as the command line names them (FILE.npz:NAME).

    `images`: how many of the first test images are taken; `seen`: of the calibration samples; None: all. `engine`: what
    runs the networks, on which no measurement depends.
    """

    model: str
    calibration: str
    data: str
    labels: str | None = None
    images: int | None = None
    seen: int | None = None
    engine: str = "auto"

    @property
    def identity(self) -> str:
        """SHA-256 over the contents of all, and the version of snncc: what a measurement depends on."""
        files = {name: _hash(data.split(name)[0]) for name in filter(None, (self.calibration, self.data, self.labels))}
        rest = [_hash(Path(self.model)), self.labels, self.images, self.seen, resources.tool_version()]
        return digest([sorted(files.items()), self.calibration, self.data, *rest])


def _hash(path: Path) -> str:
    if path.is_dir():
        return digest({str(file.relative_to(path)): _hash(file) for file in sorted(path.rglob("*")) if file.is_file()})
    try:
        return _hash_file(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


@cache
def _hash_file(path: Path, _: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _loaded(sources: Sources) -> tuple[Array, Array, Array]:
    """(calibration samples, test images, their labels); once for all jobs of a process."""
    x, images = data.array(sources.calibration, data.CALIBRATION), data.array(sources.data, data.IMAGES)
    named = sources.labels or sources.data
    y = data.array(named, data.LABELS)
    if len(y) != len(images):
        raise DataError(f"{len(images)} images but {len(y)} labels")
    return x[: sources.seen], images[: sources.images], y[: sources.images]


def extent(sources: Sources) -> tuple[int, int]:
    """How many test images and calibration samples there are."""
    x, images, _ = _loaded(sources)
    return len(images), len(x)


def float_accuracy(sources: Sources) -> float:
    """The accuracy of the float network on the test images."""
    x, images, y = _loaded(sources)
    graph = frontend.read(sources.model, x.shape[1:])
    real = populate(graph, bool(images.min() < 0), True)
    images = graph.channels_last(images) if images.shape[1:] == graph.sample_shape else images
    outputs = float_outputs(real, images)
    return float((classify(outputs) == labels(y, len(images), outputs.shape[1])).mean())


def key_of(sources: str, design: Design) -> str:
    """What a point is known by in the journal."""
    return digest([sources, design.network, design.target, design.options])


def measure(sources: Sources, job: Job) -> list[dict[str, Any]]:
    """A point for each design of a job; one that is refused says why."""
    identity = sources.identity
    x, images, y = _loaded(sources)
    try:
        network = api.convert(sources.model, x, **job.network)
        pixels = network.pixels(images[:RUN])
        shared = _of_network(network, api.evaluate(network, images, y, engine=sources.engine)[0])
    except SnnccError as error:
        return [_named(identity, sources, design) | {"refused": str(error)} for design in job.designs]
    more = ("--prefix", ANY_PREFIX) if unfit(network.ir.name) else ()  # a name that begins no C program
    points = []
    for design in job.designs:
        try:
            cost = COST[design.target](network.ir, design.options, pixels)
        except SnnccError as error:
            cost = {"refused": str(error)}
        points.append(_named(identity, sources, design, *(more if design.target == "c" else ())) | shared | cost)
    return points


def _named(identity: str, sources: Sources, design: Design, *more: str) -> dict[str, Any]:
    """What a point is of, and how it is built."""
    return {
        "key": key_of(identity, design),
        "options": {**design.network, **design.options},
        "target": design.target,
        "command": design.command(sources.model, sources.calibration, *more),
    }


def _of_network(network: api.Network, found: Evaluation) -> dict[str, Any]:
    """What is the same for all designs of a network."""
    record = network.ir.record
    return {
        "hash": network.hash,
        "chosen": {name: record.options[name] for name in AUTO} if record else {},
        "accuracy": found.accuracy,
        "images": found.images,
        "spikes": found.spikes_per_image["total"],
        "synaptic_operations": found.synaptic_operations_per_image + found.relay_macs_per_image,
    }


def _of_c(network: Network, options: Mapping[str, Any], pixels: Array) -> dict[str, Any]:
    """Bytes of const data and of state, as the export has them, and about how many instructions an image takes."""
    backends.target("c").check(network, {**options, "prefix": ANY_PREFIX})
    needed = memory(network, **options)
    return {
        "flash_bytes": needed.const,
        "state_bytes": needed.state,
        "instructions": round(instructions.estimate(network, pixels, **options)),
    }


def _of_verilog(network: Network, options: Mapping[str, Any], pixels: Array) -> dict[str, Any]:
    """Exact cycles of the golden images, every memory, and what a device must hold: block RAM at least, the rest about.

    `pixels` are not needed: what hardware takes does not depend on them.
    """
    with tempfile.TemporaryDirectory(prefix="snncc-explore-") as name:
        folder = Path(name) / "m"
        store.write(network, folder, {"verilog": options})
        source = folder / "verilog"
        manifest = read_manifest(source)
        plan = load_plan(network, source)
        held = synth.memories(plan, manifest, source)
    return {
        "cycles": manifest["cycles"]["golden_interval"],
        "latency_cycles": manifest["cycles"]["golden_latency"][0],
        "memory_bits": sum(memory.size for memory in held.values()),
        "weights_per_cycle": sum(node.lanes for node in plan.nodes),
        "area": {
            name: area.estimate(plan, held.values(), chip) for name, chip in synth.DEVICES.items() if area.known(chip)
        },
    }


def synthesise(sources: Sources, design: Design, device: str) -> dict[str, Any]:
    """What Yosys makes of a design of hardware on a device: a line of the journal, by `key_of_synthesis`."""
    network = api.convert(sources.model, _loaded(sources)[0], **design.network)
    with tempfile.TemporaryDirectory(prefix="snncc-explore-") as name:
        folder = Path(name) / "m"
        store.write(network.ir, folder, {design.target: design.options})
        found = synth.synthesise(folder, device, place=False).to_dict()
    made = {name: found[name] for name in synth.COUNTED if found[name] is not None}
    return {"key": key_of_synthesis(sources.identity, design, device), "device": device, "made": made}


def key_of_synthesis(sources: str, design: Design, device: str) -> str:
    """What a synthesis is known by in the journal."""
    return digest([key_of(sources, design), "synthesis", device])


COST = {"c": _of_c, "verilog": _of_verilog}
"""By target what a design costs."""
