"""`snncc report`: one page that shows what was built."""

from __future__ import annotations

import click

from snncc.cli import parameters
from snncc.cli.exits import NO_KERAS, Command
from snncc.stderr import held_back
from snncc.terminal import status


@click.command("report", cls=Command, missing=NO_KERAS, example="snncc report model_snn data.npz --model model.keras")
@click.argument("folder", type=parameters.FOLDER)
@click.argument("data_file", metavar="[DATA.npz[:NAME]]", required=False)
@click.option(
    "--labels", metavar="DATA.npz:NAME", show_default="y_test or y of DATA.npz", help="The classes of the images."
)
@click.option("--model", type=click.Path(), help="The float model, for its activations and each layer's error.")
@click.option(
    "--images", default=200, type=parameters.AT_LEAST_1, help="How many of the first images to measure, at most."
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), show_default="FOLDER/report.html", help="The file to write."
)
def report(
    folder: str, data_file: str | None, labels: str | None, model: str | None, images: int, output: str | None
) -> None:
    """Show what was built, on one page.

    The page is one HTML file that needs no network: populations, widths, how it was made; what verify, synth and
    explore have left in FOLDER; with DATA accuracy against T, spikes, classes, work and energy; with the model the
    float activations beside the spikes, and each layer's error.
    """
    from snncc import data
    from snncc.reporting import report as write

    if data_file is None and (labels or model):
        raise click.UsageError("--labels and --model need DATA.npz")
    x = None if data_file is None else data.array(data_file, data.IMAGES)
    named = labels or data_file
    y = None if named is None else data.array(named, data.LABELS) if labels else data.optional(named, data.LABELS)
    with held_back(), status("Measuring"):
        path = write(folder, x, y, model, output, images)
    click.echo(str(path))
