"""The public API: `convert` a trained model, then `run`, `evaluate`, `save` and `export` the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Unpack, get_args

import numpy as np

from snncc import diagnosis, engines, evaluation, frontend, ir, nir, sim, store, tables
from snncc.diagnosis import Diagnosis
from snncc.errors import CalibrationError, DataError, NetworkError
from snncc.evaluation import Evaluations
from snncc.frontend import nir as nir_graphs
from snncc.ir.text import dump
from snncc.lower import Options, lower
from snncc.lower.options import AveragePools, Choices, LinearLayers
from snncc.lower.populate import populate
from snncc.lower.quantise import check_thresholding, start_potential
from snncc.lower.real import RealNetwork
from snncc.metrics import load_energies
from snncc.names import unfit
from snncc.nir.fidelity import Fidelity
from snncc.nir.fidelity import fidelity as nir_fidelity
from snncc.resources import tool_version as tool_version
from snncc.shown import html
from snncc.sim.encode import bytes_to_pixels, to_pixels


class AllChoices(Choices, nir.NirChoices, total=False):
    """The options of `convert`: of a model, and of a NIR graph."""


CHANGED = "changed"
"""Under which a record says how `with_` changed what was compiled."""


class Network:
    """An exact integer spiking network. `.ir` is its data (populations, views, projections)."""

    def __init__(self, network: ir.Network) -> None:
        self.ir = network

    def __repr__(self) -> str:
        return (
            f"<snncc.Network {self.ir.name!r}: {len(self.ir.populations)} populations, "
            f"{sum(p.neurons for p in self.ir.populations)} neurons, {self.ir.signed_bit} bits, "
            f"T <= {self.ir.timesteps}, {self.ir.dynamics}>"
        )

    def _repr_html_(self) -> str:
        """The populations as a table, for Jupyter."""
        facts = tables.summary(self.ir)
        rows = [tables.population_cells(row) for row in facts["populations"]]
        return html(" ".join(tables.summary_lines(facts)), tables.POPULATION_HEADER, rows)

    @property
    def hash(self) -> str:
        """SHA-256 of the content: what firmware and bitstream carry. The tool's version does not count."""
        return ir.content_hash(self.ir)

    def pixels(self, x: Any, raw: bool = False) -> ir.Array:
        """The host's quantiser: images as fed to `model.predict`, or `raw` bytes, -> integer pixels (N, *shape).

        Images are in the layout of the model, or channels last as devices get them. Raw bytes are looked up in the
        network's table; DataError where it has none.
        """
        return (bytes_to_pixels if raw else to_pixels)(self.ir.input, ir.as_read(self.ir, x))

    @property
    def raw_bytes(self) -> str | None:
        """How a raw byte becomes an input of the model, in words (`byte/255`); None where it is not known."""
        raw = self.ir.input.raw_bytes
        return None if raw is None else ir.describe_bytes(raw)

    def run(
        self,
        x: Any,
        timesteps: int | None = None,
        dynamics: ir.Dynamics | None = None,
        trace: bool = False,
        noneloss: bool = False,
        raw: bool = False,
        engine: str = engines.AUTO,
    ) -> sim.Result:
        """Run images (`raw`: bytes) bit-exactly; T and dynamics default to what the network was compiled for.

        Of a network of frames x are sequences (N, T, *shape); T is the number of frames, where that is less.

        Returns classes (N,), values (readout in its LSB), outputs (real units), counts per population and, with
        `trace`, every population's spikes and potentials. `noneloss` (float twin, `count`): nothing is rounded.
        `engine`: "auto"|"numpy"|"native"|"keras", the same integers; traces and `noneloss` come from numpy alone.
        DataError, NetworkError say what cannot be run.
        """
        pixels = self.pixels(x, raw)
        timesteps, dynamics = self._window(pixels) if timesteps is None else timesteps, dynamics or self.ir.dynamics
        if trace or noneloss:
            if engine not in (engines.AUTO, "numpy"):
                raise DataError(f"traces and `noneloss` come from the engine `numpy`, not from {engine!r}")
            return sim.run(self.ir, pixels, timesteps, dynamics, trace, noneloss)
        sim.check(self.ir, pixels, timesteps, dynamics)
        _, made = engines.choose(engine, self.ir, timesteps, dynamics, len(pixels))
        return sim.run(self.ir, pixels, timesteps, dynamics, made=made)

    def go_on(
        self, x: Any, timesteps: int | None = None, memory: sim.Memory | None = None, trace: bool = False
    ) -> sim.Result:
        """Run sequences (N, T, *shape) of a network of frames, and keep its state for the next window.

        `memory`: that of the window before (`Result.memory`); None: every state is that of the start. Bit for bit what
        one longer window does: potentials, currents and what is read late go on, counts are the window's own.
        DataError, NetworkError say what cannot be run.
        """
        pixels = self.pixels(x)
        return sim.go_on(self.ir, pixels, self._window(pixels) if timesteps is None else timesteps, memory, trace)

    def _window(self, pixels: ir.Array) -> int:
        """T where none is given: what the network was compiled for, or all frames of the data if these are fewer."""
        sequences = self.ir.input.coding.sequences
        return min(self.ir.timesteps, pixels.shape[1]) if sequences else self.ir.timesteps

    def check(self) -> None:
        """Check every invariant of the contract; NetworkError names what is broken."""
        ir.check(self.ir)

    def save(self, path: str | Path) -> Path:
        """Write one `.snn` file, whole or not at all."""
        return ir.save(self.ir, path)

    def write(self, folder: str | Path, targets: Sequence[str] | store.Requests = (), force: bool = False) -> None:
        """Write a compiled folder: network.snn, manifest.json and one folder per target."""
        store.write(self.ir, Path(folder), _requests(targets), force)

    def export(self, folder: str | Path, target: str, force: bool = False, **options: Any) -> None:
        """Write a compiled folder with one target and its options."""
        store.write(self.ir, Path(folder), {target: options}, force)

    def with_(
        self,
        *,
        timesteps: int | None = None,
        dynamics: ir.Dynamics | None = None,
        thresholding: float | str | None = None,
        scaling_factor: float = 1,
        spike_ext: int | None = None,
        name: str | None = None,
    ) -> Network:
        """The same weights under other compile-time choices: a new network with a new hash.

        `theta' = max(1, rint(theta*scaling_factor))`, `v0' = floor(theta'*thresholding)`; intervals proved anew.
        """
        old = self.ir
        if (thresholding is not None or scaling_factor != 1) and "count" not in old.runs_in:
            raise NetworkError("thresholding and scaling_factor are of integrate-and-fire neurons in both dynamics")
        thresholding_ = check_thresholding(old.thresholding if thresholding is None else thresholding)
        populations = old.populations
        if thresholding is not None or scaling_factor != 1:
            if not (np.isfinite(scaling_factor) and scaling_factor > 0):
                raise CalibrationError(f"scaling_factor must be positive and finite, not {scaling_factor}")
            populations = tuple(_rescaled(p, scaling_factor, thresholding_) for p in populations)
        new = ir.replace(
            old,
            populations=populations,
            timesteps=old.timesteps if timesteps is None else timesteps,
            dynamics=dynamics or old.dynamics,
            thresholding=thresholding_,
            spike_ext=old.spike_ext if spike_ext is None else spike_ext,
            name=name or old.name,
        )
        if new.is_integer:
            new = ir.proven(new)
        if new.record:
            options = {key: getattr(new, key) for key in new.record.options if hasattr(new, key)}
            asked = {"timesteps": timesteps, "dynamics": dynamics, "thresholding": thresholding, "spike_ext": spike_ext,
                     "scaling_factor": None if scaling_factor == 1 else scaling_factor}  # fmt: skip
            words = ", ".join(f"{key}={value!r}" for key, value in asked.items() if value is not None)
            data = dict(new.record.data)
            if words:
                data[CHANGED] = f"{data.get(CHANGED, '')}.with_({words})"
            new = ir.replace(new, record=ir.replace(new.record, options=new.record.options | options, data=data))
        ir.check(new)
        return Network(new)


def _rescaled(population: ir.Population, factor: float, thresholding: str) -> ir.Population:
    if population.theta is None:
        return population
    theta = population.theta * factor
    if np.issubdtype(population.theta.dtype, np.integer):
        exact = Fraction(str(factor))
        scaled = [round(Fraction(int(t)) * exact) for t in population.theta.ravel()]
        theta = np.maximum(1, np.array(scaled, np.int64)).reshape(population.theta.shape)
    changed: ir.Population = ir.replace(population, theta=theta, v0=start_potential(theta, thresholding))
    return changed


def convert(
    model: Any,
    x_calibration: Any,
    *,
    progress: Callable[[int, int], object] | None = None,
    **options: Unpack[AllChoices],
) -> Network:
    """Convert a trained model of Keras, PyTorch or ONNX (or the path of a file) into an exact integer spiking network.

    `x_calibration` (N, *input shape) is what one would feed to the model; every sample counts. Options, as
    keywords: signed_bit=8 (0: float twin), timesteps=64, dynamics="count"|"step", encoding="auto"|"rate"|"current",
    thresholding=0.5, percentile=100, per_channel=True, lambda_per_channel=False, input_bits=8, input_range=(lo, hi),
    readout="potential"|"spikes", spike_ext=0, average_pools="auto"|"fire"|"global"|"all" (docs/adr/0007),
    linear="auto"|"least"|"compose"|"relay" (docs/adr/0016), calibrate="auto"|"none"|"light"|"full",
    calibrate_widths="keep"|"free" (docs/guide/calibration.md), seed=0, name,
    bytes="auto"|"none"|"x/255"|... or bytes_scale=, bytes_offset= (how a raw byte becomes an input of the model;
    docs/contract.md, 2). `auto` is the cheapest choice whose error is near the least on samples held out
    (docs/adr/0018); the network's record says why. `progress(done, total)` is called while it calibrates.

    A NIR graph (a `.nir` file, or an object of the package `nir`) is a spiking network already. `x_calibration` are
    then sequences (N, T, *input shape), channels first, and the options: signed_bit, input_bits, timesteps (by default
    the frames of the data), name, and what a graph leaves open: nir_dialect="snntorch"|"spikingjelly"|"norse"|
    "sinabs"|"rockpool"|"lava"|"spec", nir_dt, nir_reset="subtract"|"subtract-late"|"value",
    nir_compare="above"|"reached", nir_spikes="one"|"many", nir_clamp="none"|"threshold", nir_gain="scaled"|"whole"
    (docs/guide/nir.md).
    UnsupportedLayerError, CalibrationError say what cannot be done.
    """
    name = options.get("name")
    reason = unfit(name, verilog=True) if name else None
    if reason:
        raise NetworkError(f"{name!r} cannot name a network: {reason}; choose another `name`")
    x = np.asarray(x_calibration)
    try:
        if nir_graphs.accepts(model):
            meant = nir.NirOptions(**dict(options))  # type: ignore[arg-type]
            return Network(nir.convert(model, x, meant, tool_version()))
        chosen = Options(**dict(options), tool_version=tool_version())  # type: ignore[arg-type]
    except TypeError as error:
        raise CalibrationError(f"unknown option: {error}") from None
    if x.ndim < 2:
        raise CalibrationError(f"calibration data must be a batch of samples (N, ...), not of shape {x.shape}")
    network = lower(frontend.read(model, x.shape[1:]), x, chosen, progress)
    ir.check(network)
    return Network(network)


def load(path: str | Path) -> Network:
    """Read a `.snn` file or a compiled folder. FileFormatError for anything else; nothing in it is executed."""
    return Network(ir.load(path))


def explain(network: Network | str | Path, *, weights: bool = True) -> str:
    """The whole network (or that of a file or compiled folder) as text that a person reads, population by population.

    `snncc.ir.text.parse` makes an equal network of it. `weights=False` leaves out the weights: their shape, range and
    a short hash stay, and the text does not parse back. docs/reference/ir.md has the grammar.
    """
    return dump(network.ir if isinstance(network, Network) else ir.load(network), weights)


def evaluate(
    network: Network,
    x: Any,
    y: Any = None,
    timesteps: int | Sequence[int] | None = None,
    dynamics: ir.Dynamics | None = None,
    progress: Callable[[int], object] | None = None,
    raw: bool = False,
    energy: str | Path | None = None,
    engine: str = engines.AUTO,
    images: int | None = None,
    journal: str | Path | None = None,
    cluster: str | None = None,
) -> Evaluations:
    """Accuracy, spikes, operations and NeuroBench's metrics at each T, bit-exactly; `raw`: x are bytes.

    `x`: an array; the path of a `.npy` or `.npz` file (FILE.npz:NAME) or of a folder of them; or an iterable of batches
    x or (x, y), read once. `y`: labels, an array or a path; by default those in the file or with the batches.
    `images`: take only so many of the first. Memory is bounded whatever their number: docs/guide/engines.md.
    `energy`: a table of energies of operations, for the model of energy; docs/guide/metrics.md has the built-in one.
    `engine`: "auto"|"numpy"|"native"|"keras", what runs the network: the same integers.
    `journal`: a file; what it holds of a run that was broken off is not run again. `cluster`: the address of a Dask
    scheduler, whose workers read x from the same paths. `progress(n)` is called when n more images are done.
    DataError; on Ctrl-C `snncc.evaluation.Interrupted`, a KeyboardInterrupt with the results so far in `found`.
    A notebook shows the list as a table; its `.plot(path)` draws accuracy against T, one's own the confusion matrix.
    """
    if timesteps is None:
        timesteps = network.ir.timesteps
    wanted = [timesteps] if isinstance(timesteps, int) else list(timesteps)
    energies = load_energies(energy) if energy else None
    return evaluation.evaluate(
        network.ir,
        x,
        y,
        wanted,
        dynamics or network.ir.dynamics,
        progress,
        energies,
        engine,
        reading="bytes" if raw else "images",
        images=images,
        kept=journal,
        version=tool_version(),
        cluster=cluster,
    )


def diagnose(
    network: Network,
    model: Any,
    x: Any,
    y: Any = None,
    timesteps: int | None = None,
    dynamics: ir.Dynamics | None = None,
    progress: Callable[[int], object] | None = None,
    engine: str = engines.AUTO,
) -> Diagnosis:
    """Each layer's error against the float model (or the path of one) that the network was converted from.

    Split into clipping, weight rounding, finite T and, in `step`, uneven timing; `.sentence` names the layer that
    hurts first, `.plot(path)` draws it. `engine`: what runs the integers. DataError where model and
    network do not belong together.
    """
    x = np.asarray(x)
    if reading(network):
        raise DataError("a network of a NIR graph has no relu model behind it: compare the two with `snncc fidelity`")
    real = float_network(network, model, x.shape[1:])
    return diagnosis.diagnose(network.ir, real, ir.as_read(network.ir, x), y, timesteps, dynamics, progress, engine)


def float_network(network: Network, model: Any, sample_shape: tuple[int, ...]) -> RealNetwork:
    """The float model (or the path of one) in the shape of the network that was converted from it.

    DataError where the network does not say how that was done.
    """
    record = network.ir.record
    if not record:
        raise DataError("the network does not say how it was compiled (it is of an earlier snncc): compile it again")
    source = network.ir.input
    pools: AveragePools = _recorded(record, "average_pools", AveragePools)
    linear: LinearLayers = _recorded(record, "linear", LinearLayers, before={None: "compose", "auto": "least"})
    return populate(frontend.read(model, sample_shape), source.signed, not source.coding.spiking, pools, linear)


def _recorded(record: ir.Record, option: str, kind: Any, before: Mapping[Any, str] = MappingProxyType({})) -> Any:
    """What a network was compiled with; `before`: what an earlier snncc's word for it (None: it had none) means."""
    named = record.options.get(option)
    named = before.get(named, named)
    if named not in get_args(kind):
        raise DataError(f"the network was compiled with {option}={named!r}, which this snncc does not know")
    return named


def fidelity(network: Network, graph: Any, x: Any, progress: Callable[[int], object] | None = None) -> Fidelity:
    """How far a network is from the float network of the NIR graph (a path or object) that it was compiled from.

    x: sequences (N, T, *input shape), channels first. Per layer the spikes that differ, by timestep, the first of them,
    and the drift of potentials; `.sentence` says it in a line. DataError where the two do not belong together.
    """
    return nir_fidelity(network.ir, graph, np.asarray(x), progress)


def reading(network: Network) -> str:
    """How the NIR graph that a network was compiled from was read, in a line; empty where it was none."""
    record = network.ir.record
    return record.data.get(nir.READING, "") if record else ""


def export(folder: str | Path, targets: Sequence[str] | store.Requests) -> None:
    """Add targets to a compiled folder from its network.snn alone; no Keras needed."""
    store.export(Path(folder), _requests(targets))


def _requests(targets: Sequence[str] | store.Requests) -> store.Requests:
    if isinstance(targets, str):
        return {targets: {}}
    return dict(targets) if isinstance(targets, dict) else {name: {} for name in targets}
