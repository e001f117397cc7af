"""`snncc compile` and `snncc export`: from a model to a compiled folder, and from that to targets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from snncc.cli import nir as nir_graphs
from snncc.cli import parameters
from snncc.cli.exits import NO_KERAS
from snncc.cli.parameters import FORCE, JSON
from snncc.cli.printing import network_facts, print_network
from snncc.cli.targets import TargetCommand, fail_where_missed, in_flags, print_reports, requested, summaries
from snncc.stderr import held_back
from snncc.terminal import calibration_bar, status

if TYPE_CHECKING:
    from snncc import ir

FEW_TIMESTEPS = 16
TIMESTEPS, IN_A_BYTE = 64, 255
"""T by default, and the largest whose counts are bytes."""
GOAL_MISSED = "The goal of --target-fps is missed: the nearest design was written."


@click.command(
    "compile",
    cls=TargetCommand,
    failed=GOAL_MISSED,
    missing=NO_KERAS,
    example="snncc compile model.keras --calibration data.npz -o model_snn --target c",
)
@click.argument("model", type=click.Path())
@click.option(
    "--calibration",
    required=True,
    metavar="DATA.npz[:NAME]",
    help="The samples to calibrate with, as one would feed them to model.predict.",
)
@click.option("-o", "--output", required=True, type=parameters.FOLDER, help="The folder to write.")
@click.option("--signed-bit", default=8, type=parameters.SignedBit(), help="Bits per weight; 0 is the float twin.")
@click.option(
    "--timesteps",
    default=None,
    show_default="64; 255 with --dynamics count and c the only target",
    type=parameters.TIMESTEPS,
    help="The largest T it may run with, and the T that calibration tunes it for.",
)
@click.option(
    "--dynamics", default="count", type=parameters.DYNAMICS, help="The dynamics that it is run in by default."
)
@click.option(
    "--encoding",
    default="auto",
    type=click.Choice(["auto", "rate", "current"]),
    help="How pixels are coded in time; auto: the cheapest whose error is near the least on samples held out.",
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
    default="auto",
    type=click.Choice(["auto", "none", "light", "full"]),
    help="How much the integers are tuned for this T, these dynamics and bits; auto: the least that suffices, full "
    "where light leaves an error.",
)
@click.option(
    "--calibrate-widths",
    default="keep",
    type=click.Choice(["keep", "free"]),
    help="Whether calibration keeps each potential within a bit of its width without calibration.",
)
@click.option("--seed", default=0, type=parameters.AT_LEAST_0, help="The seed of the samples that calibration takes.")
@click.option(
    "--average-pools",
    default="auto",
    type=click.Choice(["auto", "fire", "global", "all"]),
    help="Which average pools do not fire but are kept exact: none (fire), those over the whole map, or all; auto: the "
    "fewest with which the error is near the least.",
)
@click.option(
    "--linear",
    default="auto",
    type=click.Choice(["auto", "least", "compose", "relay"]),
    help="What becomes of a linear layer that another reads: one kernel of both (compose), a layer of its own that "
    "hands on values (relay), or the one that is smaller (least); auto: least, or compose where its error is smaller "
    "and its weights at most twice as many.",
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
@click.option(
    "--goal",
    "goals",
    multiple=True,
    metavar="GOAL=VALUE",
    help="Instead of choosing: explore designs of the one --target and build the cheapest that meets the goal: "
    "within=0.5, max-flash=64k, min-fps=100 and the like, as snncc explore has them; what is given otherwise stays. "
    "Needs --data. Can be repeated.",
)
@click.option("--data", "test", metavar="DATA.npz[:NAME]", help="With --goal: the images to measure accuracy on.")
@nir_graphs.nir_options
@FORCE
@JSON
def compile_(
    model: str,
    calibration: str,
    output: str,
    targets: tuple[str, ...],
    goals: tuple[str, ...],
    test: str | None,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Convert a trained model.

    MODEL becomes an integer spiking network. It writes OUTPUT/network.snn, OUTPUT/manifest.json and one folder for
    each target.
    """
    from snncc import api, data, store

    requests = requested(targets, options)
    store.check_free(Path(output), force)
    options = nir_graphs.chosen(model, options, bool(goals or test))
    spiking = "dynamics" not in options
    if goals or test:
        from snncc.cli.goals import chosen

        context = click.get_current_context()
        fixed = {name: value for name, value in options.items()
                 if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}  # fmt: skip
        asked = requests[targets[0]] if targets else {}
        network_options, own = chosen(model, calibration, test, targets, goals, fixed, asked)
        options, requests = options | network_options, {targets[0]: {**requests[targets[0]], **own}}
    x = data.array(calibration, data.CALIBRATION)
    why = ""
    if not spiking:
        options["timesteps"], why = _timesteps(options, requests)
    with held_back(), calibration_bar() as progress:
        network = api.convert(model, x, progress=progress, **options)
    with status("Writing"):
        network.write(output, requests, force)
    found = summaries(network.ir, Path(output))
    near = api.fidelity(network, model, x[: nir_graphs.SAMPLES]) if spiking else None
    if as_json:
        facts = network_facts(network.ir, found)
        click.echo(json.dumps(facts | ({"fidelity": near.facts} if near else {}), indent=2))
    else:
        print_network(network.ir, found)
        _say_choices(network.ir, why)
        _say_timesteps(network.ir, targets)
        if near:
            click.echo(f"Read as {near.reading}")
            click.echo(near.sentence)
        print_reports(found)
        click.echo(f"{output}/network.snn  {network.hash[:16]}")
    fail_where_missed(found)


def _timesteps(options: dict[str, Any], targets: Iterable[str]) -> tuple[int, str]:
    """T as given, or by default with the line that says why: in C a timestep of `count` costs nothing."""
    given, held = options["timesteps"], max(0, options["spike_ext"])
    if given is not None:
        return given, ""
    if options["dynamics"] == "count" and list(targets) == ["c"] and held < IN_A_BYTE:
        return IN_A_BYTE - held, f"--timesteps {IN_A_BYTE - held}: in C `count` takes as long at any T, up to a byte."
    return TIMESTEPS, ""


def _say_choices(network: ir.Network, timesteps: str) -> None:
    """One line for each choice that was made, and what rate coding leaves of a pixel where it was asked for."""
    from snncc import ir
    from snncc.lower.options import AUTO, WEIGHTS

    found, own = network.record.data if network.record else {}, ir.own_shape(network)
    layout = own and f"Data keep the model's layout {own[0]}; a device gets {network.input.shape}, channels last."
    for line in filter(None, (found.get("bytes"), layout, timesteps, *(found.get(name) for name in (WEIGHTS, *AUTO)))):
        click.echo(in_flags(line))
    if network.input.coding.spiking and network.timesteps < FEW_TIMESTEPS and "encoding" not in found:
        click.echo(
            f"Rate-coded input has {network.timesteps + 1} levels per pixel at T = {network.timesteps}; "
            f"--encoding current keeps all {network.input.levels + 1}."
        )


def _say_timesteps(network: ir.Network, targets: tuple[str, ...]) -> None:
    """That in `count` C has nothing to gain from a small T."""
    if "c" in targets and network.dynamics == "count" and not network.spike_ext and network.timesteps < IN_A_BYTE:
        click.echo(
            f"In `count` C takes about as many instructions at T = {IN_A_BYTE} as at T = {network.timesteps}, and as "
            f"much state: --timesteps {IN_A_BYTE} has {IN_A_BYTE + 1} levels."
        )


@click.command(
    "export",
    cls=TargetCommand,
    failed=GOAL_MISSED,
    example="snncc export model_snn --target verilog --target-fps 1000 --clock-mhz 50",
)
@parameters.NETWORK
@click.option("--target", "targets", multiple=True, required=True, help="A target to add. Can be repeated.")
@click.option(
    "-o",
    "--output",
    type=parameters.FOLDER,
    show_default="FOLDER itself",
    help="The compiled folder to write, where FOLDER is a .snn file.",
)
@FORCE
@JSON
def export(
    folder: str, targets: tuple[str, ...], output: str | None, force: bool, as_json: bool, **options: Any
) -> None:
    """Add targets to a compiled folder.

    It needs FOLDER/network.snn alone, and no Keras. From a .snn file it makes a compiled folder, which --output names.
    """
    from snncc import api

    requests = requested(targets, options)
    place = _write(folder, output, requests, force)
    network = api.load(place).ir
    found = summaries(network, Path(place), requests)
    if as_json:
        click.echo(json.dumps({name: dict(summary.facts) for name, summary in found.items()}, indent=2))
    else:
        print_reports(found)
        for name in targets:
            click.echo(f"{place}/{name}")
    fail_where_missed(found)


def _write(folder: str, output: str | None, requests: dict[str, dict[str, Any]], force: bool) -> str:
    """Where the targets are now."""
    from snncc import api

    whole = Path(folder).is_dir() or not Path(folder).exists()
    if whole and output is not None:
        raise click.UsageError("--output is for a .snn file: the targets of a compiled folder are written into it")
    if not whole and output is None:
        raise click.UsageError(f"{folder} is a file: name the folder to write with --output")
    with status("Writing"):
        if output is None:
            api.export(folder, requests)
            return folder
        api.load(folder).write(output, requests, force)
        return output
