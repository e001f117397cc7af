"""The command line. Each command parses, calls the API and prints; nothing else happens here."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from snncc import parameters
from snncc.errors import SnnccError, SnnccWarning, ToolMissingError
from snncc.exits import FAILED, TOOL_MISSING, Commands
from snncc.parameters import AT_LEAST_0, AT_LEAST_1, TIMESTEPS, requested, target_options
from snncc.stderr import held_back
from snncc.terminal import calibration_bar, drop_output, never_refuse, print_table, progress_bar, say, status

if TYPE_CHECKING:
    from snncc.api import Network

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}
DYNAMICS = click.Choice(["count", "step"])
AS_COMPILED = "as compiled"
FEW_TIMESTEPS = 16
RAW = click.option("--raw", is_flag=True, help="DATA are raw bytes, as a device gets them, not inputs of the model.")
FOLDER = click.Path(file_okay=False)
GOAL_MISSED = "The goal of --target-fps is missed: the nearest design was written."
NO_KERAS = "Keras or TensorFlow is missing, or cannot be loaded."


def _print_balance(folder: str, targets: Sequence[str]) -> bool:
    """The LANES that were chosen, and whether a goal was met (true where there is none)."""
    if "verilog" not in targets:
        return True
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
    return bool(facts["goal_met"])


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(package_name="snncc", prog_name="snncc")
def cli() -> None:
    """Compile trained Keras CNNs into exact integer spiking networks for microcontrollers and FPGAs."""


@cli.command("compile", failed=GOAL_MISSED, missing=NO_KERAS)
@click.argument("model", type=click.Path(dir_okay=False))
@click.option(
    "--calibration",
    required=True,
    metavar="DATA.npz[:NAME]",
    help="The samples to calibrate with, as one would feed them to model.predict.",
)
@click.option("-o", "--output", required=True, type=FOLDER, help="The folder to write.")
@click.option("--signed-bit", default=8, type=parameters.SignedBit(), help="Bits per weight; 0 is the float twin.")
@click.option(
    "--timesteps",
    default=64,
    type=TIMESTEPS,
    help="The largest T it may run with, and the T that calibration tunes it for.",
)
@click.option("--dynamics", default="count", type=DYNAMICS, help="The dynamics that it is run in by default.")
@click.option(
    "--encoding", default="auto", type=click.Choice(["auto", "rate", "current"]), help="How pixels are coded in time."
)
@click.option(
    "--thresholding",
    default="0.5",
    callback=parameters.thresholding,
    metavar="DECIMAL",
    help="The start potential as a part of the threshold, -1 to 1.",
)
@click.option(
    "--percentile",
    default=100.0,
    type=parameters.PERCENTILE,
    help="Which percentile of its positive activations is a layer's scale.",
)
@click.option("--per-channel/--per-tensor", default=True, help="Whether each channel's weights have their own scale.")
@click.option("--lambda-per-channel", is_flag=True, help="Give each channel's activations their own scale.")
@click.option("--input-bits", default=8, type=parameters.INPUT_BITS, help="Bits per input pixel.")
@click.option(
    "--input-range",
    nargs=2,
    type=float,
    metavar="LO HI",
    callback=parameters.input_range,
    show_default="that of the calibration data",
    help="The range of the input, after a leading normalisation.",
)
@click.option(
    "--readout", default="potential", type=click.Choice(["potential", "spikes"]), help="What the last layer gives."
)
@click.option(
    "--spike-ext",
    default=0,
    type=parameters.SPIKE_EXT,
    help="Further timesteps without input; -1 lifts the upper clip of counts (count, simulator only).",
)
@click.option(
    "--calibrate",
    default="light",
    type=click.Choice(["none", "light", "full"]),
    help="How much the integers are tuned for this T, these dynamics and bits.",
)
@click.option(
    "--calibrate-widths",
    default="keep",
    type=click.Choice(["keep", "free"]),
    help="Whether calibration keeps each potential within a bit of its width without calibration.",
)
@click.option("--seed", default=0, type=AT_LEAST_0, help="The seed of the samples that calibration takes.")
@click.option(
    "--average-pools",
    default="fire",
    type=click.Choice(["fire", "global", "all"]),
    help="Which average pools are composed into their readers: none (fire), those over the whole map, or all.",
)
@click.option(
    "--bytes",
    default="auto",
    metavar="KIND",
    help="How a raw byte x becomes an input of the model: auto (recognised from the calibration data), none, x, x/255, "
    "x/256, x/127.5-1, x/128-1, x/255-0.5, x/16, x-128, imagenet or imagenet-bgr.",
)
@click.option(
    "--bytes-scale",
    callback=parameters.numbers,
    metavar="S[,S...]",
    help="With --bytes-offset, instead: an input is byte*S + O, with one number or one per channel.",
)
@click.option("--bytes-offset", callback=parameters.numbers, metavar="O[,O...]", help="See --bytes-scale.")
@click.option("--name", default="", show_default="the model's name", help="What the network is called.")
@click.option("--target", "targets", multiple=True, help="A target to export to as well. Can be repeated.")
@target_options
@click.option("--force", is_flag=True, help="Replace the folder, if it holds a manifest of ours.")
def compile_(model: str, calibration: str, output: str, targets: tuple[str, ...], force: bool, **options: Any) -> None:
    """Convert MODEL (.keras or .h5) and write OUTPUT/network.snn and one folder per target."""
    from snncc import api, backends, data, store

    requests = requested(targets, options)
    for name in targets:
        backends.target(name)
    store.check_free(Path(output), force)
    x = data.array(calibration, data.CALIBRATION)
    with held_back(), calibration_bar() as progress:
        network = api.convert(model, x, progress=progress, **options)
    with status("Writing"):
        network.write(output, requests, force)
    _print_network(network, requests.get("c"))
    if network.ir.record:
        click.echo(network.ir.record.data["bytes"])
    if network.ir.input.encoding == "rate" and network.ir.timesteps < FEW_TIMESTEPS:
        click.echo(
            f"Rate-coded input has {network.ir.timesteps + 1} levels per pixel at T = {network.ir.timesteps}; "
            f"--encoding current keeps all {network.ir.input.levels + 1}."
        )
    met = _print_balance(output, targets)
    click.echo(f"{output}/network.snn  {network.hash[:16]}")
    if not met:
        sys.exit(FAILED)


@cli.command(failed=GOAL_MISSED)
@click.argument("folder", type=FOLDER)
@click.option("--target", "targets", multiple=True, required=True, help="A target to add. Can be repeated.")
@target_options
def export(folder: str, targets: tuple[str, ...], **options: Any) -> None:
    """Add targets to a compiled FOLDER, from its network.snn alone."""
    from snncc import api

    requests = requested(targets, options)
    with status("Writing"):
        api.export(folder, requests)
    met = _print_balance(folder, targets)
    for name in targets:
        click.echo(f"{folder}/{name}")
    if not met:
        sys.exit(FAILED)


@cli.command()
@click.argument("folder", type=click.Path())
@click.argument("data_file", metavar="DATA.npz[:NAME]")
@click.option(
    "--timesteps",
    "-T",
    multiple=True,
    type=TIMESTEPS,
    show_default=AS_COMPILED,
    help="How many timesteps to run. Can be repeated.",
)
@click.option("--dynamics", type=DYNAMICS, show_default=AS_COMPILED, help="The dynamics to run in.")
@click.option(
    "--labels", metavar="DATA.npz:NAME", show_default="y_test or y of DATA.npz", help="The classes of the images."
)
@RAW
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, one object per T.")
def evaluate(
    folder: str, data_file: str, timesteps: tuple[int, ...], dynamics: Any, labels: str | None, raw: bool, as_json: bool
) -> None:
    """Accuracy, spikes and synaptic operations of a compiled FOLDER on DATA.npz, bit-exactly."""
    from snncc import api, data, tables

    network = api.load(folder)
    x = data.array(data_file, data.IMAGES)
    y = data.array(labels, data.LABELS) if labels else data.optional(data_file, data.LABELS)
    wanted = list(timesteps) or [network.ir.timesteps]
    with progress_bar("Evaluating", len(x) * len(wanted)) as advance:
        found = api.evaluate(network, x, y, wanted, dynamics, advance, raw)
    if as_json:
        click.echo(json.dumps([e.to_dict() for e in found], indent=2))
        return
    print_table(network.ir.name, tables.EVALUATION_HEADER, [tables.evaluation_row(network.ir, e) for e in found])


@cli.command(missing=f"{NO_KERAS} Or, with --plot, matplotlib is.")
@click.argument("folder", type=click.Path())
@click.argument("data_file", metavar="DATA.npz[:NAME]")
@click.option(
    "--model", required=True, type=click.Path(dir_okay=False), help="The float model that it was compiled from."
)
@click.option("--timesteps", "-T", type=TIMESTEPS, show_default=AS_COMPILED, help="How many timesteps to run.")
@click.option("--dynamics", type=DYNAMICS, show_default=AS_COMPILED, help="The dynamics to run in.")
@click.option("--images", default=256, type=AT_LEAST_1, help="How many of the first images to take.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Also draw the errors into this image file.")
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
    with held_back(), progress_bar("Diagnosing", len(x)) as advance:
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
@click.option("--cycles", is_flag=True, help="Print the clock cycles of the exported hardware instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(folder: str, cycles: bool, as_json: bool) -> None:
    """Populations and projections of a compiled FOLDER: shapes, thresholds, proved widths, bytes, sparsity."""
    from snncc import api, store, tables

    if cycles:
        if as_json:
            click.echo(json.dumps(api.hardware(folder), indent=2))
        else:
            _print_balance(folder, ["verilog"])
        return
    network = api.load(folder)
    exported = store.read_targets(Path(folder)).get("c") if Path(folder, "c").is_dir() else None
    if as_json:
        click.echo(json.dumps(tables.summary(network.ir, exported), indent=2))
    else:
        _print_network(network, exported)


@cli.command(
    failed="A target differs from the simulator, cannot be built, or is too large for the board that would run it.",
    missing="Nothing could be run, for want of compilers or simulators. With --strict: not everything could.",
)
@click.argument("folder", type=FOLDER)
@click.argument("data_file", metavar="[DATA.npz[:NAME]]", required=False)
@click.option(
    "--images",
    type=AT_LEAST_1,
    show_default="all of DATA, or those that are stored",
    help="How many images to run: the first, and random ones where there are fewer.",
)
@click.option("--timesteps", "-T", type=TIMESTEPS, show_default=AS_COMPILED, help="How many timesteps to run.")
@click.option("--target", "targets", multiple=True, help="Verify only this one. Can be repeated.")
@click.option(
    "--strict/--no-strict",
    default=None,
    show_default="strict where the environment variable CI is true",
    help="Whether it is a failure that something could not be run, for want of a tool or of room.",
)
@RAW
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    folder: str,
    data_file: str | None,
    images: int | None,
    timesteps: int | None,
    targets: tuple[str, ...],
    strict: bool | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Build and run every target in FOLDER and compare every spike with the simulator."""
    from snncc import data
    from snncc.verify import verify as run

    given = None if data_file is None else data.array(data_file, data.IMAGES)[:images]
    x, bytes_ = (None, given) if raw else (given, None)
    with status("Verifying"):
        report = run(folder, x=x, data=bytes_, images=images, timesteps=timesteps, targets=targets or None,
                     strict=strict)  # fmt: skip
    if as_json:
        click.echo(report.to_json())
    else:
        print_table("verified against the simulator", report.HEADER, report.rows())
        click.echo(report.sentence)
    sys.exit(report.exit_status)


@cli.command(failed="The design does not fit the device.", missing="Yosys or nextpnr is missing.")
@click.argument("folder", type=FOLDER)
@click.option("--device", required=True, help="ecp5-25k, ecp5-85k, ice40-up5k, ice40-hx8k or xc7.")
@click.option(
    "--dsp",
    default="auto",
    callback=parameters.dsp,
    metavar="auto|N|none",
    help="auto: multipliers of more than 4 by 4 bits become DSPs, the largest first, while there are any; "
    "N: the largest, of any size, at most N DSPs; none: all multipliers in LUTs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def synth(folder: str, device: str, dsp: int | Literal["auto", "none"], as_json: bool) -> None:
    """Synthesise the exported hardware of a compiled FOLDER with Yosys and nextpnr."""
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
        sys.exit(FAILED)


def _print_network(network: Network, exported: Mapping[str, Any] | None) -> None:
    """`exported`: the options of the C program that its folder holds, if there is one."""
    from snncc import tables

    facts = tables.summary(network.ir, exported)
    click.echo("\n".join(tables.summary_lines(facts)))
    print_table("populations", tables.POPULATION_HEADER, [tables.population_cells(r) for r in facts["populations"]])
    print_table("projections", tables.PROJECTION_HEADER, [tables.projection_cells(r) for r in facts["projections"]])


def main() -> None:
    """Run the command line: errors meant for people are one message; snncc/exits.py says which status is what."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if isinstance(message, SnnccWarning):
            say(f"warning: {message}")

    warnings.showwarning = show
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up notes are not for our users
    never_refuse()
    try:
        cli()
    except SnnccError as error:
        say(f"error: {error}")
        sys.exit(TOOL_MISSING if isinstance(error, ToolMissingError) else FAILED)
    except MemoryError as error:
        say(f"error: there is not enough memory: {error}")
        sys.exit(FAILED)
    except OSError as error:
        drop_output()
        say(f"error: {error.filename or 'the output'}: {error.strerror or error}")
        sys.exit(FAILED)
