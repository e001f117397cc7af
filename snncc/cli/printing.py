"""What `compile` and `inspect` print of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from snncc.terminal import print_table

if TYPE_CHECKING:
    from snncc import ir
    from snncc.backends.target import Summary


def network_facts(network: ir.Network, targets: Mapping[str, Summary]) -> dict[str, Any]:
    """All of it, for JSON: what the targets say stands under their names; null under `c` where C cannot express it."""
    from snncc import tables

    return tables.summary(network) | {"c": None} | {name: dict(found.facts) for name, found in targets.items()}


def print_network(network: ir.Network, targets: Mapping[str, Summary]) -> None:
    """The network in words and tables; targets that have tables of their own print themselves."""
    from snncc import tables

    facts = tables.summary(network)
    short = [line for found in targets.values() if not found.tables for line in found.lines]
    click.echo("\n".join([*tables.summary_lines(facts), *short]))
    print_table("populations", tables.POPULATION_HEADER, [tables.population_cells(r) for r in facts["populations"]])
    print_table("projections", tables.PROJECTION_HEADER, [tables.projection_cells(r) for r in facts["projections"]])
