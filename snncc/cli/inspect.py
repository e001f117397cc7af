"""`snncc inspect`: what a network is made of, and what its targets take."""

from __future__ import annotations

import json
from pathlib import Path

import click

from snncc.cli import parameters
from snncc.cli.exits import Command
from snncc.cli.parameters import JSON
from snncc.cli.printing import network_facts, print_network
from snncc.cli.targets import print_reports, summaries


@click.command("inspect", cls=Command, example="snncc inspect model_snn --json")
@parameters.NETWORK
@click.option("--cycles", is_flag=True, help="Print the clock cycles of the exported hardware instead.")
@click.option("--text", is_flag=True, help="Print the whole network as text, which snncc.ir.text.parse reads back.")
@click.option("--weights/--no-weights", default=True, help="Whether --text has the weights.")
@JSON
def inspect(folder: str, cycles: bool, text: bool, weights: bool, as_json: bool) -> None:
    """Print what a network is made of.

    Its populations and projections: shapes, thresholds, proved widths, bytes, sparsity; and what its targets take.
    """
    from snncc import api, backends

    network = api.load(folder)
    if text:
        click.echo(api.explain(network, weights=weights), nl=False)
        return
    if cycles:
        hardware = backends.target("verilog").summary(network.ir, Path(folder) / "verilog", None)
        found = {} if hardware is None else {"verilog": hardware}
        if as_json:
            click.echo(json.dumps(dict(found["verilog"].facts), indent=2))
        else:
            print_reports(found)
        return
    found = summaries(network.ir, Path(folder))
    if as_json:
        click.echo(json.dumps(network_facts(network.ir, found), indent=2))
    else:
        print_network(network.ir, found)
