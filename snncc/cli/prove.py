"""`snncc verify` and `snncc synth`: whether the targets are what the simulator says, and what hardware they take."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

import click

from snncc.cli import parameters
from snncc.cli.exits import FAILED, Command
from snncc.cli.parameters import AT_LEAST_1, JSON, ONE_T, RAW
from snncc.terminal import print_table, status


@click.command(
    "verify",
    cls=Command,
    failed="A target differs from the simulator, cannot be built, or is too large for the board that would run it.",
    missing="Nothing could be run, for want of compilers or simulators. With --strict: not everything could.",
    example="snncc verify model_snn data.npz --images 10 --target c",
)
@click.argument("folder", type=parameters.FOLDER)
@click.argument("data_file", metavar="[DATA.npz[:NAME]]", required=False)
@click.option(
    "--images",
    type=AT_LEAST_1,
    show_default="all of DATA, or those that are stored",
    help="How many images to run: the first, and random ones where there are fewer.",
)
@ONE_T
@click.option(
    "--target",
    "targets",
    multiple=True,
    help="Verify only this target, or this way of running one: c, c-host, verilog-icarus. Can be repeated.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    help="Build only this variant, as the table names it (gcc -O3). Can be repeated.",
)
@click.option(
    "--strict/--no-strict",
    default=None,
    show_default="strict where the environment variable CI is true",
    help="Whether it is a failure that something could not be run, for want of a tool or of room.",
)
@RAW
@JSON
def verify(
    folder: str,
    data_file: str | None,
    images: int | None,
    timesteps: int | None,
    targets: tuple[str, ...],
    variants: tuple[str, ...],
    strict: bool | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Compare every target with the simulator.

    It builds and runs every target in FOLDER and compares every integer. Without DATA it runs the images that the
    targets ship, then random ones.
    """
    from snncc import data, store
    from snncc.verification import verify as run

    given = None if data_file is None else data.array(data_file, data.IMAGES)[:images]
    x, bytes_ = (None, given) if raw else (given, None)
    with status("Verifying"):
        report = run(folder, x=x, data=bytes_, images=images, timesteps=timesteps, targets=targets or None,
                     variants=variants or None, strict=strict)  # fmt: skip
    if report.ran:
        store.leave(Path(folder), store.CERTIFICATE, report.certificate())
    if as_json:
        click.echo(report.to_json())
    else:
        print_table("verified against the simulator", report.HEADER, report.rows())
        click.echo(report.sentence)
    sys.exit(report.exit_status)


@click.command(
    "synth",
    cls=Command,
    failed="The design does not fit the device.",
    missing="Yosys or nextpnr is missing.",
    example="snncc synth model_snn --device ecp5-25k",
)
@click.argument("folder", type=parameters.FOLDER)
@click.option(
    "--device",
    required=True,
    help="The device: ecp5-25k, ecp5-85k, ice40-up5k, ice40-hx8k, gowin-gw1nr9, gowin-gw2ar18, cyclonev or xc7.",
)
@click.option(
    "--dsp",
    default="auto",
    callback=parameters.dsp,
    metavar="auto|N|none",
    help="auto: multipliers of more than 4 by 4 bits become DSPs, the largest first, while there are any; "
    "N: the largest, of any size, at most N DSPs; none: all multipliers in LUTs.",
)
@JSON
def synth(folder: str, device: str, dsp: int | Literal["auto", "none"], as_json: bool) -> None:
    """Synthesise the exported hardware.

    Yosys and nextpnr run on FOLDER/verilog, after every memory has been weighed. It says what the design takes of the
    device and how fast it is.
    """
    from snncc import store
    from snncc.synth import synthesise

    with status(f"Synthesising for {device}"):
        found = synthesise(folder, device, dsp=dsp)
    store.leave(Path(folder), store.SYNTHESIS, found.to_dict())
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        header = ["device", "LUT", "FF", "block RAM", "DSP", "Fmax MHz", "cycles/image", "images/s", "at worst cycles"]
        clock = (found.fmax_mhz, found.cycles_per_image, found.images_per_second, found.worst_cycles_per_image)
        cells = ["-" if v is None else f"{v:,}" for v in (found.luts, found.ffs, found.brams, found.dsps)]
        cells += ["-" if v is None else f"{v:,.1f}" for v in clock]
        print_table("synthesis", header, [[device, *cells]])
        if found.critical_path:
            click.echo(f"critical path: {found.critical_path}")
    for line in found.too_large:
        click.echo(f"too large: {line}", err=True)
    if found.too_large:
        sys.exit(FAILED)
