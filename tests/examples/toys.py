"""What the programs of both toys share: small networks by hand, and `snncc verify` of their C."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snncc import ir, sim
from snncc.ir.text import dump, parse
from snncc.verification import report, verify


def weights(seed: int, *shape: int) -> ir.Array:
    return np.random.default_rng(seed).integers(-127, 127, shape, np.int8, endpoint=True)


def population(name: str, shape: tuple[int, ...], *projections: ir.Projection, **values: Any) -> ir.Population:
    """theta, bias and v0 as they are given, else none or 0."""
    numbers = {key: np.asarray(values.pop(key, 0), np.int64) for key in ("theta", "bias", "v0")}
    if not numbers["theta"].any():
        numbers["theta"] = None
    return ir.Population(
        name=name, shape=shape, projections=projections, lambda_=np.ones(()), **(numbers | values)
    )  # fmt: skip


def network(
    *populations: ir.Population, shape: tuple[int, ...], encoding: ir.Encoding = "rate", **options: Any
) -> ir.Network:
    """Proved and checked."""
    source = ir.Input(
        shape=shape, bits=8, signed=False, encoding=encoding, lambda_0=1.0, gain=np.ones(()), offset=np.zeros(())
    )
    made = ir.Network(
        name="toy", input=source, populations=populations, output_shape=populations[-1].shape, signed_bit=8, **options
    )
    made = ir.replace(made, intervals=ir.prove(made))
    ir.check(made)
    return made


def images(net: ir.Network, number: int) -> ir.Array:
    return np.random.default_rng(9).integers(0, 255, (number, *net.input.shape), endpoint=True)


def check_file(net: ir.Network, folder: Path) -> None:
    """File and text give the same network, and the proved intervals hold what the potentials take."""
    loaded = ir.load(ir.save(net, folder / "network.snn"))
    assert ir.content_hash(loaded) == ir.content_hash(parse(dump(net))) == ir.content_hash(net)
    result = sim.run(loaded, images(net, 8), net.timesteps, net.dynamics, trace=True)
    assert result.trace
    for name, values in result.trace.potentials.items():
        low, high = net.intervals[net.dynamics][name]
        assert low <= values.min() and values.max() <= high, name


def verified(folder: Path) -> report.Outcome:
    """The exported C against the simulator."""
    (outcome,) = verify(folder, images=6, targets=["c-host"], variants=["gcc -O3"]).outcomes
    return outcome


def refused(error: type[Exception], words: str, action: Callable[[], object]) -> None:
    """`action` fails with this error, which says these words."""
    try:
        action()
    except error as caught:
        assert words in str(caught), caught
    else:
        raise AssertionError(f"nothing refused: {words}")
