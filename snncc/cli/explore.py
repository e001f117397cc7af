"""`snncc explore`: every design that a user could choose, and the cheapest that meets the goals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snncc.cli import parameters
from snncc.cli.exits import FAILED, NO_KERAS, Command
from snncc.cli.goals import GOALS, Size, goal_options
from snncc.cli.parameters import AT_LEAST_1, JSON
from snncc.stderr import held_back
from snncc.terminal import job_bar, print_table

if TYPE_CHECKING:
    from snncc.exploration import Front

MISSED = "No design meets the goals: the nearest is named."


class Shard(click.ParamType[tuple[int, int]]):
    """I/N, I from 1 to N."""

    name = "I/N"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        number, _, of = value.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            self.fail(f"{value!r} is not I/N with I from 1 to N.", parameter, context)
        return int(number), int(of)


@click.command(
    "explore",
    cls=Command,
    failed=MISSED,
    missing=f"{NO_KERAS} Or, with --cluster, distributed is; with --plot, matplotlib.",
    example="snncc explore model.keras --calibration data.npz --data data.npz -o designs --within 0.5 --max-flash 32k",
)
@click.argument("model", type=click.Path())
@click.option("--calibration", required=True, metavar="DATA.npz[:NAME]", help="The samples to calibrate with.")
@click.option("--data", "test", required=True, metavar="DATA.npz[:NAME]", help="The images to measure accuracy on.")
@click.option("--labels", metavar="DATA.npz:NAME", show_default="y_test or y of DATA.npz", help="Their classes.")
@click.option("-o", "--output", required=True, type=parameters.FOLDER, help="The folder of the journal and the front.")
@click.option("--target", default="c", type=click.Choice(["c", "verilog"]), help="What the designs are made for.")
@click.option(
    "--signed-bit",
    multiple=True,
    type=parameters.SignedBit(),
    help="Bits per weight that are tried: 8 and 4 by default. Repeatable.",
)
@click.option(
    "--timesteps",
    multiple=True,
    type=parameters.TIMESTEPS,
    help="T that are tried: 4, 8, 16 and 64 by default. Repeatable.",
)
@click.option(
    "--dynamics", multiple=True, type=parameters.DYNAMICS, help="Dynamics that are tried: both by default. Repeatable."
)
@click.option(
    "--encoding",
    multiple=True,
    type=click.Choice(["auto", "rate", "current"]),
    help="Codings of the input: auto by default. Repeatable.",
)
@click.option(
    "--average-pools",
    multiple=True,
    type=click.Choice(["auto", "fire", "global", "all"]),
    help="Kinds of average pools: auto by default. Repeatable.",
)
@click.option(
    "--calibrate",
    multiple=True,
    type=click.Choice(["auto", "none", "light", "full"]),
    help="Levels of calibration: auto by default. Repeatable.",
)
@click.option(
    "--max-lanes",
    multiple=True,
    type=click.IntRange(1, 256),
    help="verilog: weights per cycle at most: 1, 4, 16 and 64 by default. Repeatable.",
)
@click.option(
    "--linear",
    multiple=True,
    type=click.Choice(["auto", "compose", "relay"]),
    help="What becomes of linear layers that others read: auto by default. Repeatable.",
)
@click.option("--state-bytes", multiple=True, type=Size(), help="c: RAM for the state at most (64k). Repeatable.")
@click.option("--pack/--no-pack", default=None, show_default="both", help="c: whether weights are packed in flash.")
@click.option("--images", type=AT_LEAST_1, show_default="all", help="How many of the first images to take.")
@goal_options
@click.option("--synth", is_flag=True, help="Run Yosys on the front's designs for --device, instead of the model.")
@parameters.ENGINE
@click.option("--shard", default="1/1", type=Shard(), help="Measure every N-th network alone, for a job array.")
@click.option("--jobs", type=AT_LEAST_1, show_default="one per processor", help="Processes of this machine.")
@click.option("--cluster", metavar="tcp://HOST:PORT", help="A Dask scheduler, whose workers see the same files.")
@click.option("--plot", "picture", type=click.Path(dir_okay=False), help="Also draw the front into this image file.")
@JSON
def explore(model: str, calibration: str, test: str, output: str, as_json: bool, **options: Any) -> None:
    """Compare all designs of a model.

    Each is compiled, evaluated and sized exactly. OUTPUT/journal.jsonl keeps what is measured: a run that was broken
    off goes on there. OUTPUT/front.json is the result, with the command that builds each design.
    """
    from snncc import exploration

    goals = exploration.Goals(**{name: options.pop(name) for name in GOALS})
    picture, pack = options.pop("picture"), options.pop("pack")
    asked = {name: options.pop(name) for name in (*exploration.NETWORK_AXES, "max_lanes", "state_bytes")}
    asked["pack"] = () if pack is None else (pack,)
    axes = {name: values for name, values in asked.items() if values}
    with held_back(), job_bar("Exploring") as progress:
        found = exploration.explore(
            model,
            calibration,
            test,
            output,
            labels=options["labels"],
            target=options["target"],
            axes=axes,
            goals=goals,
            images=options["images"],
            engine=options["engine"],
            synth=options["synth"],
            part=options["shard"],
            cluster=options["cluster"],
            processes=options["jobs"],
            progress=progress,
        )
    if picture:
        found.plot(picture)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found, Path(output))
    if found.missed or (goals.asked and found.chosen is None):
        sys.exit(FAILED)


def _print(found: Front, folder: Path) -> None:
    from snncc.exploration import FRONT, is_measured

    measured = [point for point in found.points if is_measured(point)]
    print_table(found.title, found.header, found.rows())
    for reason in dict.fromkeys(p["refused"] for p in found.points if not is_measured(p)):
        click.echo(f"refused: {reason}")
    _say_models(measured)
    click.echo(f"float: {100 * found.float_accuracy:.2f} %")
    if found.chosen is not None and found.goals.asked:
        point = found.points[found.chosen]
        if found.missed:
            click.echo(f"No design meets the goals; the nearest has {found.shortfall}:")
        else:
            click.echo("The cheapest that meets the goals:")
        click.echo(point["command"])
    click.echo(f"{folder / FRONT}")


def _say_models(measured: list[dict[str, Any]]) -> None:
    """How far the models are off, and of which device the LUTs are."""
    from snncc.backends.c import instructions
    from snncc.synth import DEVICES, area

    for device in dict.fromkeys(point["device"] for point in measured if "device" in point):
        click.echo(f"LUTs of {device} (~: {area.model(DEVICES[device])['luts'].words})")
    if any("instructions" in point for point in measured):
        click.echo(f"instructions on a Cortex-M4 at -O3 (~: {instructions.model().words})")
