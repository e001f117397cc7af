"""`snncc inspect` and `snncc targets`: what a network is made of, what its targets take, what they need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snncc.cli import parameters
from snncc.cli.exits import Command
from snncc.cli.parameters import JSON
from snncc.cli.printing import network_facts, print_network
from snncc.cli.targets import print_reports, summaries
from snncc.terminal import print_table

if TYPE_CHECKING:
    from snncc.backends import Target


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
        hardware: Any = backends.target("verilog").summary(network.ir, Path(folder) / "verilog", None)
        if as_json:
            click.echo(json.dumps(hardware.facts, indent=2))
        else:
            print_reports({"verilog": hardware})
        return
    found = summaries(network.ir, Path(folder))
    if as_json:
        click.echo(json.dumps(network_facts(network.ir, found), indent=2))
    else:
        print_network(network.ir, found)


@click.command("targets", cls=Command, example="snncc targets")
@JSON
def targets(as_json: bool) -> None:
    """List the targets and their tools.

    What each target writes, how `snncc verify` runs it, and which programs that needs: where they are, or what to
    install.
    """
    from snncc import backends

    known = {name: backends.target(name) for name in backends.names()}
    if as_json:
        click.echo(json.dumps({name: _target_facts(target) for name, target in known.items()}, indent=2))
        return
    print_table("targets", ["target", "writes", "run by"],
                [[name, target.writes, ", ".join(target.runners())] for name, target in known.items()])  # fmt: skip
    rows = [[name, tool.program, tool.path or f"install {tool.package}"] for name, target in known.items()
            for tool in target.tools]  # fmt: skip
    print_table("tools of the runners", ["target", "program", "where"], rows)


def _target_facts(target: Target[Any]) -> dict[str, Any]:
    tools = [{"program": tool.program, "package": tool.package, "path": tool.path} for tool in target.tools]
    return {"writes": target.writes, "runners": list(target.runners()), "tools": tools}
