"""What a NIR graph needs on the command line: its options, `snncc check` and `snncc fidelity`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from snncc.cli import parameters
from snncc.cli.exits import FAILED, Command
from snncc.cli.parameters import JSON
from snncc.terminal import print_table

F = TypeVar("F", bound=Callable[..., Any])

DIALECTS = ("snntorch", "spikingjelly", "norse", "sinabs", "rockpool", "lava", "spec")
SAMPLES = 32
"""On how many samples compile says how far the integers are from the float network."""
SHARED = ("signed_bit", "input_bits", "timesteps", "name")
"""Options of compile that a NIR graph has too."""
NEUTRAL = ("model", "calibration", "output", "targets", "force", "as_json", "dynamics")

_OPTIONS = (
    click.option(
        "--nir-dialect",
        type=click.Choice(DIALECTS),
        help="A NIR graph: the library that wrote it, or whose way of stepping it is meant; docs/guide/nir.md.",
    ),
    click.option(
        "--nir-dt",
        type=parameters.POSITIVE,
        show_default="the dialect's",
        help="A NIR graph: how long a timestep is, in the unit of its time constants.",
    ),
    click.option(
        "--nir-reset",
        type=click.Choice(["subtract", "subtract-late", "value"]),
        show_default="the dialect's",
        help="A NIR graph: what a spike leaves: the threshold less, at once or at the next timestep, or v_reset.",
    ),
    click.option(
        "--nir-compare",
        type=click.Choice(["above", "reached"]),
        show_default="the dialect's",
        help="A NIR graph: whether a neuron fires above its threshold or when it is reached.",
    ),
    click.option(
        "--nir-spikes",
        type=click.Choice(["one", "many"]),
        show_default="the dialect's",
        help="A NIR graph: how many spikes a timestep may have.",
    ),
    click.option(
        "--nir-clamp",
        type=click.Choice(["none", "threshold"]),
        show_default="the dialect's",
        help="A NIR graph: the lower end of a potential: none, or minus the threshold.",
    ),
    click.option(
        "--nir-gain",
        type=click.Choice(["scaled", "whole"]),
        show_default="the dialect's",
        help="A NIR graph: whether what arrives is scaled by r dt/tau or taken whole.",
    ),
)


def nir_options(command: F) -> F:
    """Adds the options that say what a NIR graph means."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(model: str, options: dict[str, Any], goals: bool) -> dict[str, Any]:
    """The options of `convert` for a model: a NIR graph takes its own and a few others, any other model none of those.

    UsageError names an option that is given but means nothing here.
    """
    from snncc.frontend import nir

    given = click.get_current_context()

    def said(name: str) -> bool:
        return given.get_parameter_source(name) is ParameterSource.COMMANDLINE

    own = {name: value for name, value in options.items() if name.startswith("nir_")}
    if not nir.accepts(model):
        wrong = next((name for name, value in own.items() if value is not None), None)
        if wrong:
            raise click.UsageError(f"--{wrong.replace('_', '-')} is for NIR graphs (.nir); {model} is none")
        return {name: value for name, value in options.items() if name not in own}
    wrong = next((name for name in options if name not in (*own, *SHARED, *NEUTRAL) and said(name)), None)
    if wrong or goals:
        name = "goal" if goals else str(wrong).replace("_", "-")
        raise click.UsageError(f"--{name} is not for NIR graphs: they are spiking networks already")
    if said("dynamics") and options["dynamics"] != "step":
        raise click.UsageError("a NIR graph runs in `step` alone: leave --dynamics out")
    return {name: value for name, value in own.items() if value is not None} | {
        name: options[name] for name in SHARED if options[name] not in (None, "")
    }


@click.command("check", cls=Command, example="snncc check graph.nir --nir-dialect snntorch",
               failed="The graph cannot be compiled in that dialect, or in any.")  # fmt: skip
@click.argument("graph", type=click.Path(dir_okay=False), metavar="GRAPH.nir")
@nir_options
@click.option(
    "--data",
    metavar="DATA.npz[:NAME]",
    help="Sequences (N, T, ...), channels first: count on the first of them how often the last neurons fire.",
)
@JSON
def check(graph: str, data: str | None, as_json: bool, **options: Any) -> None:
    """List what keeps a NIR graph from being compiled.

    Every problem at once, for the dialect given or for each there is; what a node of the graph has no equal for is
    named with the way out.
    """
    from snncc import data as arrays
    from snncc.frontend import nir
    from snncc.nir import NirOptions
    from snncc.nir.survey import survey

    if Path(graph).exists() and not nir.accepts(graph):
        raise click.UsageError(
            f"{graph} is no NIR graph (.nir); of other models `snncc compile` names every such layer"
        )
    x = arrays.array(data, arrays.CALIBRATION) if data else None
    found = survey(graph, NirOptions(**options), x)
    if as_json:
        click.echo(json.dumps(found.facts, indent=2))
    else:
        click.echo(f"{found.name}: " + ", ".join(f"{number} {kind}" for kind, number in found.nodes.items()))
        for source, reader in found.late:
            click.echo(f"recurrent: {reader!r} reads {source!r} of the timestep before")
        for problem in found.problems:
            click.echo(problem)
        rows = [
            [name, reading.partition(": ")[2] or "open", str(len(problems) or "none"), str(found.spikes.get(name, ""))]
            for name, (reading, problems) in found.dialects.items()
        ]
        if rows:
            print_table("dialects", ["dialect", "how it is read", "problems", "spikes"], rows)
        for name, (_, problems) in found.dialects.items():
            for problem in problems:
                click.echo(f"{name}: {problem}")
    if found.problems or all(problems for _, problems in found.dialects.values()):
        click.get_current_context().exit(FAILED)


@click.command("fidelity", cls=Command, example="snncc fidelity graph_snn graph.nir --data events.npz")
@parameters.NETWORK
@click.argument("graph", type=click.Path(dir_okay=False), metavar="GRAPH.nir")
@click.option("--data", required=True, metavar="DATA.npz[:NAME]", help="Sequences (N, T, ...), channels first.")
@JSON
def fidelity(folder: str, graph: str, data: str, as_json: bool) -> None:
    """Compare a network with the float network of its NIR graph.

    Spikes of every neuron and timestep, the first that differs, potentials and classes.
    """
    from snncc import api
    from snncc import data as arrays

    found = api.fidelity(api.load(folder), graph, arrays.array(data, arrays.IMAGES))
    if as_json:
        click.echo(json.dumps(found.facts, indent=2))
        return
    click.echo(found.reading)
    rows = [[one.node, str(one.float_spikes), str(one.integer_spikes), f"{100 * one.share:.3g} %",
             "" if one.first is None else f"{one.first[1]}", f"{one.drift:.3g}"] for one in found.layers]  # fmt: skip
    print_table("layers", ["layer", "spikes, float", "integer", "differ", "first at timestep", "drift/threshold"], rows)
    click.echo(found.sentence)
