"""`snncc evaluate` and `snncc diagnose`: how good a network is, and which layer hurts."""

from __future__ import annotations

import json
from typing import Any

import click

from snncc.cli import parameters
from snncc.cli.exits import NO_KERAS, Command
from snncc.cli.parameters import AS_COMPILED, AT_LEAST_1, IN_DYNAMICS, JSON, ONE_T, RAW, TIMESTEPS
from snncc.cli.targets import in_flags
from snncc.stderr import held_back
from snncc.terminal import print_table, progress_bar, rate_bar


@click.command(
    "evaluate",
    cls=Command,
    missing="With --engine native a C compiler is missing, or with --cluster distributed.",
    example="snncc evaluate model_snn data.npz -T 8 -T 64 --dynamics step",
)
@parameters.NETWORK
@click.argument("data_file", metavar="DATA[:NAME]")
@click.option(
    "--timesteps",
    "-T",
    multiple=True,
    type=TIMESTEPS,
    show_default=AS_COMPILED,
    help="How many timesteps to run. Can be repeated.",
)
@IN_DYNAMICS
@click.option("--labels", metavar="DATA[:NAME]", show_default="y_test or y of DATA", help="The classes of the images.")
@click.option("--images", type=AT_LEAST_1, show_default="all", help="How many of the first images to take.")
@RAW
@click.option(
    "--energy",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    show_default="45 nm, Horowitz 2014",
    help="A table of energies of operations (TOML), for the model of energy.",
)
@parameters.ENGINE
@click.option(
    "--journal", type=click.Path(dir_okay=False), help="A file to go on from: what it holds is not run again."
)
@click.option("--cluster", metavar="tcp://HOST:PORT", help="A Dask scheduler, whose workers see the same files.")
@JSON
def evaluate(
    folder: str,
    data_file: str,
    timesteps: tuple[int, ...],
    dynamics: Any,
    labels: str | None,
    images: int | None,
    raw: bool,
    energy: str | None,
    engine: str,
    journal: str | None,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Measure accuracy, spikes and operations.

    It runs DATA, a .npz or .npy file or a folder of them, bit-exactly and in bounded memory. The accuracy needs the
    classes of the images. The energy is a model: operations times energies of a table. JSON is a list with one object
    for each T, with NeuroBench's keys in `neurobench`. An interrupt prints the results so far.
    """
    from snncc import api, data, tables
    from snncc.evaluation import Interrupted

    network = api.load(folder)
    source = data.source(data_file, labels, images)
    stopped = None
    try:
        with rate_bar("Evaluating", source.length) as advance:
            found = api.evaluate(
                network, source, None, timesteps or None, dynamics, advance, raw, energy, engine, None, journal, cluster
            )
    except Interrupted as error:
        found, stopped = error.found, error
    if as_json:
        click.echo(json.dumps([e.to_dict() for e in found], indent=2))
    elif found:
        print_table(network.ir.name, found[0].HEADER, [e.cells() for e in found])
        for line in tables.energy_lines(found):
            click.echo(line)
    if stopped:
        raise stopped


@click.command(
    "diagnose",
    cls=Command,
    missing=f"{NO_KERAS} Or, with --plot, matplotlib is.",
    example="snncc diagnose model_snn data.npz --model model.keras",
)
@parameters.NETWORK
@click.argument("data_file", metavar="DATA.npz[:NAME]")
@click.option(
    "--model", required=True, type=click.Path(dir_okay=False), help="The float model that it was compiled from."
)
@ONE_T
@IN_DYNAMICS
@click.option("--images", default=256, type=AT_LEAST_1, help="How many of the first images to take.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Also draw the errors into this image file.")
@parameters.ENGINE
@JSON
def diagnose(
    folder: str,
    data_file: str,
    model: str,
    timesteps: int | None,
    dynamics: Any,
    images: int,
    plot: str | None,
    engine: str,
    as_json: bool,
) -> None:
    """Measure each layer's error, by cause.

    The error is that against the float model. It says in a sentence which layer hurts first, and what helps.
    """
    from snncc import api, data, tables

    network = api.load(folder)
    x = data.array(data_file, data.IMAGES)[:images]
    y = data.optional(data_file, data.LABELS)
    with held_back(), progress_bar("Diagnosing", len(x)) as advance:
        found = api.diagnose(network, model, x, None if y is None else y[:images], timesteps, dynamics, advance, engine)
    if plot:
        found.plot(plot)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    title = f"{network.ir.name}: {found.dynamics}, T = {found.timesteps}, error in % of the activations' rms"
    print_table(title, found.HEADER, found.lines())
    print_table("the same images", tables.STAGE_HEADER, tables.stage_rows(found))
    click.echo(in_flags(found.sentence))
