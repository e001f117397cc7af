"""The command line. Each command parses, calls the API and prints; nothing else happens here."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from snncc.errors import SnnccError, SnnccWarning
from snncc.terminal import calibration_bar, print_table, progress_bar, status

if TYPE_CHECKING:
    from snncc.api import Network

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}
DYNAMICS = click.Choice(["count", "step"])
FEW_TIMESTEPS = 16
GOLDEN = 4  # calibration images that choose LANES and become the bench's
FOLDER = click.Path(file_okay=False)
TARGET_OPTIONS = {
    "c": ("pack", "prefix"),
    "verilog": ("memory_format", "target_fps", "clock_mhz", "max_lanes", "lanes"),
}


def _lanes(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, int] | None:
    """LAYER=N, any number of times, as a table; None where there is none."""
    table = {}
    for text in given:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal():
            raise click.BadParameter(f"{text!r} is not LAYER=N")
        table[name] = int(number)
    return table or None


def _dsp(context: click.Context, parameter: click.Parameter, given: str) -> int | str:
    """auto, none or a number."""
    if given in ("auto", "none"):
        return given
    if not given.isdecimal():
        raise click.BadParameter(f"{given!r} is not auto, none or a number")
    return int(given)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What single targets can be asked for; each is None when not given."""
    formats = click.Choice(["mem", "coe", "mif"])
    for option in (
        click.option(
            "--lanes",
            multiple=True,
            metavar="LAYER=N",
            callback=_lanes,
            help="verilog: the LANES of one layer by name.",
        ),
        click.option("--max-lanes", type=int, help="verilog: most weights a layer may read per cycle."),
        click.option("--clock-mhz", type=float, help="verilog: the clock that --target-fps counts with."),
        click.option("--target-fps", type=float, help="verilog: images per second to reach, with --clock-mhz."),
        click.option("--memory-format", type=formats, help="verilog: also write Xilinx .coe or Intel .mif files."),
        click.option("--prefix", help="c: what every name begins with [default: the network's name]."),
        click.option("--pack", is_flag=True, default=None, help="c: weights of less than 8 bits packed in flash."),
    ):
        command = option(command)
    return command


def _requests(targets: Sequence[str], options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Target -> its options, taken out of `options`; UsageError where one is given for a target that is not."""
    requests: dict[str, dict[str, Any]] = {name: {} for name in targets}
    for target, names in TARGET_OPTIONS.items():
        for name in names:
            value = options.pop(name)
            if value is None:
                continue
            if target not in requests:
                raise click.UsageError(f"--{name.replace('_', '-')} is an option of the target {target}")
            requests[target][name] = value
    return requests


def _print_balance(folder: str, targets: Sequence[str]) -> None:
    """The LANES that were chosen, and whether a goal was met."""
    if "verilog" not in targets:
        return
    from snncc import api, tables

    facts = api.hardware(folder)
    rows = [
        [row["layer"], str(row["lanes"]), tables.numbers(row["legal"]), f"{row['cycles']:,.0f}"]
        for row in facts["layers"]
    ]
    rows.insert(0, ["input", "-", "-", f"{facts['input_cycles']:,.0f}"])
    print_table("pipeline", ["layer", "LANES", "legal LANES", "cycles per image"], rows)
    if not facts["goal_met"]:
        click.echo(
            f"The goal of {facts['goal_cycles']:,.4g} cycles per image cannot be met; the nearest possible design "
            f"needs {facts['golden_interval']:,.0f}."
        )
    click.echo(
        f"golden images: {facts['golden_latency'][0]:,} cycles from first pixel to result, one result every "
        f"{facts['golden_interval']:,.0f}\n"
        f"any image: at most {facts['worst_latency']:,} and {facts['worst_interval']:,}"
    )


@click.group(context_settings=HELP)
@click.version_option(package_name="snncc", prog_name="snncc")
def cli() -> None:
    """Compile trained Keras CNNs into exact integer spiking networks for microcontrollers and FPGAs."""


@cli.command("compile")
@click.argument("model", type=click.Path(dir_okay=False))
@click.option("--calibration", required=True, metavar="DATA.npz[:NAME]", help="Samples as fed to model.predict.")
@click.option("-o", "--output", required=True, type=FOLDER, help="Folder to write.")
@click.option("--signed-bit", default=8, help="Bits per weight, 2..16; 0: float twin.")
@click.option("--timesteps", default=64, help="Largest T that the network may run with.")
@click.option("--dynamics", default="count", type=DYNAMICS, help="Default at run time.")
@click.option("--encoding", default="auto", type=click.Choice(["auto", "rate", "current"]), help="Input coding.")
@click.option("--thresholding", default="0.5", help="Start potential as a part of the threshold.")
@click.option("--percentile", default=100.0, help="Of the positive activations, for the scale of a layer.")
@click.option("--per-channel/--per-tensor", default=True, help="Weight scales.")
@click.option("--lambda-per-channel", is_flag=True, help="Activation scales per channel.")
@click.option("--input-bits", default=8, help="Bits per input pixel, 2..16.")
@click.option("--input-range", nargs=2, type=float, metavar="LO HI", help="Instead of the calibration's.")
@click.option("--readout", default="potential", type=click.Choice(["potential", "spikes"]), help="Of the last layer.")
@click.option("--spike-ext", default=0, help="Further timesteps without input; -1: no upper clip (count, simulator).")
@click.option("--calibrate", default="light", type=click.Choice(["none", "light", "full"]), help="For this T and bits.")
@click.option("--seed", default=0, help="Of the samples that calibration takes.")
@click.option(
    "--average-pools", default="fire", type=click.Choice(["fire", "global", "all"]), help="Composed into their readers."
)
@click.option("--name", default="", help="Identifier for what is generated [default: the model's name].")
@click.option("--target", "targets", multiple=True, help="Also export to this target; repeatable.")
@target_options
@click.option("--force", is_flag=True, help="Replace the folder, if it holds a manifest of ours.")
def compile_(model: str, calibration: str, output: str, targets: tuple[str, ...], force: bool, **options: Any) -> None:
    """Convert MODEL (.keras or .h5) and write OUTPUT/network.snn and one folder per target."""
    from snncc import api, backends, data, store

    requests = _requests(targets, options)
    for name in targets:
        backends.target(name)
    store.check_free(Path(output), force)
    x = data.array(calibration, data.CALIBRATION)
    with calibration_bar() as progress:
        network = api.convert(model, x, progress=progress, **options)
    if "verilog" in requests:
        requests["verilog"]["pixels"] = network.pixels(x[:: max(1, len(x) // GOLDEN)][:GOLDEN])
    with status("Writing"):
        network.write(output, requests, force)
    _print_network(network)
    if network.ir.input.encoding == "rate" and network.ir.timesteps < FEW_TIMESTEPS:
        click.echo(
            f"Rate-coded input has {network.ir.timesteps + 1} levels per pixel at T = {network.ir.timesteps}; "
            f"--encoding current keeps all {network.ir.input.levels + 1}."
        )
    _print_balance(output, targets)
    click.echo(f"{output}/network.snn  {network.hash[:16]}")


@cli.command()
@click.argument("folder", type=FOLDER)
@click.option("--target", "targets", multiple=True, required=True, help="Target to add; repeatable.")
@target_options
def export(folder: str, targets: tuple[str, ...], **options: Any) -> None:
    """Add targets to a compiled FOLDER, from its network.snn alone."""
    from snncc import api

    requests = _requests(targets, options)
    with status("Writing"):
        api.export(folder, requests)
    _print_balance(folder, targets)
    for name in targets:
        click.echo(f"{folder}/{name}")


@cli.command()
@click.argument("folder", type=click.Path())
@click.argument("data_file", metavar="DATA.npz[:NAME]")
@click.option("--timesteps", "-T", multiple=True, type=int, help="Repeatable [default: as compiled].")
@click.option("--dynamics", type=DYNAMICS, help="[default: as compiled]")
@click.option("--labels", metavar="DATA.npz:NAME", help="Labels [default: y_test or y of DATA.npz].")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, one object per T.")
def evaluate(
    folder: str, data_file: str, timesteps: tuple[int, ...], dynamics: Any, labels: str | None, as_json: bool
) -> None:
    """Accuracy, spikes and synaptic operations of a compiled FOLDER on DATA.npz, bit-exactly."""
    from snncc import api, data, tables

    network = api.load(folder)
    x = data.array(data_file, data.IMAGES)
    y = data.array(labels, data.LABELS) if labels else data.optional(data_file, data.LABELS)
    wanted = list(timesteps) or [network.ir.timesteps]
    with progress_bar("Evaluating", len(x) * len(wanted)) as advance:
        found = api.evaluate(network, x, y, wanted, dynamics, advance)
    if as_json:
        click.echo(json.dumps([e.to_dict() for e in found], indent=2))
        return
    print_table(network.ir.name, tables.EVALUATION_HEADER, [tables.evaluation_row(network.ir, e) for e in found])


@cli.command()
@click.argument("folder", type=click.Path())
@click.argument("data_file", metavar="DATA.npz[:NAME]")
@click.option("--model", required=True, type=click.Path(dir_okay=False), help="The float model it was compiled from.")
@click.option("--timesteps", "-T", type=int, help="[default: as compiled]")
@click.option("--dynamics", type=DYNAMICS, help="[default: as compiled]")
@click.option("--images", default=256, help="How many of the first images.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Also draw it into this image file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diagnose(
    folder: str,
    data_file: str,
    model: str,
    timesteps: int | None,
    dynamics: Any,
    images: int,
    plot: str | None,
    as_json: bool,
) -> None:
    """Each layer's error of a compiled FOLDER against its float model, by cause; the layer that hurts first."""
    from snncc import api, data, tables

    network = api.load(folder)
    x = data.array(data_file, data.IMAGES)[:images]
    y = data.optional(data_file, data.LABELS)
    with progress_bar("Diagnosing", len(x)) as advance:
        found = api.diagnose(network, model, x, None if y is None else y[:images], timesteps, dynamics, advance)
    if plot:
        found.plot(plot)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    title = f"{network.ir.name}: {found.dynamics}, T = {found.timesteps}, error in % of the activations' rms"
    print_table(title, tables.DIAGNOSIS_HEADER, [tables.diagnosis_row(row) for row in found.rows])
    print_table("the same images", tables.STAGE_HEADER, tables.stage_rows(found))
    click.echo(found.sentence)


@cli.command()
@click.argument("folder", type=click.Path())
@click.option("--cycles", is_flag=True, help="Clock cycles of the exported hardware instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(folder: str, cycles: bool, as_json: bool) -> None:
    """Populations and projections of a compiled FOLDER: shapes, thresholds, proved widths, bytes, sparsity."""
    from snncc import api, tables

    if cycles:
        if as_json:
            click.echo(json.dumps(api.hardware(folder), indent=2))
        else:
            _print_balance(folder, ["verilog"])
        return
    network = api.load(folder)
    if as_json:
        click.echo(json.dumps(tables.summary(network.ir), indent=2))
    else:
        _print_network(network)


@cli.command()
@click.argument("folder", type=FOLDER)
@click.argument("data_file", metavar="[DATA.npz[:NAME]]", required=False)
@click.option("--images", type=int, help="At most so many; random ones fill up [default: all of DATA, or the stored].")
@click.option("--timesteps", "-T", type=int, help="[default: as compiled]")
@click.option("--target", "targets", multiple=True, help="Verify only this one; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    folder: str,
    data_file: str | None,
    images: int | None,
    timesteps: int | None,
    targets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Build and run every target in FOLDER and compare every spike with the simulator; status 1 on any difference."""
    from snncc import api, data
    from snncc.verify import verify as run

    pixels = None
    if data_file is not None:
        pixels = api.load(folder).pixels(data.array(data_file, data.IMAGES)[:images])
    with status("Verifying"):
        report = run(folder, pixels=pixels, images=images, timesteps=timesteps, targets=targets or None)
    if as_json:
        click.echo(report.to_json())
    else:
        print_table("verified against the simulator", report.HEADER, report.rows())
    if not report.ok:
        sys.exit(1)


@cli.command()
@click.argument("folder", type=FOLDER)
@click.option("--device", required=True, help="ecp5-25k, ecp5-85k, ice40-up5k, ice40-hx8k or xc7.")
@click.option(
    "--dsp",
    default="auto",
    callback=_dsp,
    metavar="auto|N|none",
    help="auto: multipliers of more than 4 by 4 bits become DSPs, the largest first, while there are any; "
    "N: the largest, of any size, at most N DSPs; none: all multipliers in LUTs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def synth(folder: str, device: str, dsp: int | Literal["auto", "none"], as_json: bool) -> None:
    """Synthesise the exported hardware of a compiled FOLDER with Yosys and nextpnr.

    Status 0: it fits. 1: it does not fit the device, or an error, which is said. 2: wrong usage. 3: a tool is missing.
    """
    from snncc.synth import synthesise

    with status(f"Synthesising for {device}"):
        found = synthesise(folder, device, dsp=dsp)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        header = ["device", "LUT", "FF", "block RAM", "DSP", "Fmax MHz", "cycles/image", "images/s", "at worst cycles"]
        clock = (found.fmax_mhz, found.cycles_per_image, found.images_per_second, found.worst_cycles_per_image)
        cells = ["-" if v is None else f"{v:,}" for v in (found.luts, found.ffs, found.brams, found.dsps)]
        cells += ["-" if v is None else f"{v:,.1f}" for v in clock]
        print_table("synthesis", header, [[device, *cells]])
    for line in found.too_large:
        click.echo(f"too large: {line}", err=True)
    if found.too_large:
        sys.exit(1)


def _print_network(network: Network) -> None:
    from snncc import tables

    facts = tables.summary(network.ir)
    click.echo("\n".join(tables.summary_lines(facts)))
    print_table("populations", tables.POPULATION_HEADER, [tables.population_cells(r) for r in facts["populations"]])
    print_table("projections", tables.PROJECTION_HEADER, [tables.projection_cells(r) for r in facts["projections"]])


def main() -> None:
    """Run the command line: errors meant for people are one message and exit status 1."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if isinstance(message, SnnccWarning):
            click.echo(f"warning: {message}", err=True)

    warnings.showwarning = show
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up notes are not for our users
    try:
        cli(standalone_mode=True)
    except SnnccError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
