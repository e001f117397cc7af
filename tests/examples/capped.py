"""The toy neuron: run it with the snncc that capped.patch makes, in an empty folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import UNSET
from toys import check_file, images, network, population, refused, verified, weights

from snncc import backends, ir, sim, store
from snncc.errors import NetworkError, TargetError
from snncc.neurons import Capped

T, EXT = 12, 2
CAPS = {"hidden": 90, "deep": 400}


def toy() -> ir.Network:
    conv = ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 3, 3, 2, 4), pads=(1, 1, 1, 1))
    dense = ir.Dense(name="b", source=ir.Reshape(ir.Source("hidden"), (64,)), weights=weights(2, 64, 6), shift=1)
    last = ir.Dense(name="c", source=ir.Source("deep"), weights=weights(3, 6, 3))
    hidden = {"theta": [300, 250, 200, 350], "bias": [5, -9, 0, -70], "v0": [150, -300, 3, 1000]}
    return network(
        population("hidden", (4, 4, 4), conv, **hidden, kind=Capped(CAPS["hidden"])),
        population("deep", (6,), dense, theta=700, bias=-3, v0=200, kind=Capped(CAPS["deep"])),
        population("last", (3,), last, bias=2),
        shape=(4, 4, 2), dynamics="step", timesteps=T, spike_ext=EXT,
    )  # fmt: skip


def fire(v: list[int], drive: list[int], cap: int, theta: list[int], bias: list[int]) -> list[int]:
    """One timestep of capped neurons, potential by potential."""
    spikes = []
    for i, charge in enumerate(drive):
        v[i] = (cap if v[i] > cap else v[i]) + charge + bias[i]
        spikes.append(1 if v[i] >= theta[i] else 0)
        v[i] -= theta[i] * spikes[i]
    return spikes


def loops(net: ir.Network, image: list[list[list[int]]], caps: dict[str, int]) -> tuple[dict[str, list], list[int]]:
    """(potentials after the reset by population, a list per timestep; the readout), from plain lists."""
    conv, dense, last = (population.projections[0].weights.tolist() for population in net.populations)
    theta, bias, start = ([int(x) for x in values] * 16 for values in
                          (net["hidden"].theta, net["hidden"].bias, net["hidden"].v0))  # fmt: skip
    v, u, readout = start, [200] * 6, [2 * T] * 3
    seen: dict[str, list] = {"hidden": [], "deep": []}
    pixels = [[[0, 0] for _ in range(4)] for _ in range(4)]
    for t in range(T + EXT):
        live = t < T
        x = [[[0, 0] for _ in range(6)] for _ in range(6)]
        for i in range(4):
            for j in range(4):
                for c in range(2):
                    pixels[i][j][c] += image[i][j][c] if live else 0
                    if live and pixels[i][j][c] >= 255:
                        pixels[i][j][c] -= 255
                        x[i + 1][j + 1][c] = 1
        drive = [
            sum(conv[k][m][c][o] * x[i + k][j + m][c] for k in range(3) for m in range(3) for c in range(2))
            for i in range(4) for j in range(4) for o in range(4)
        ]  # fmt: skip
        s = fire(v, drive, caps["hidden"], theta, [b * live for b in bias])
        drive = [2 * sum(dense[i][o] * s[i] for i in range(64)) for o in range(6)]
        r = fire(u, drive, caps["deep"], [700] * 6, [-3 * live] * 6)
        readout = [y + sum(last[i][o] * r[i] for i in range(6)) for o, y in enumerate(readout)]
        seen["hidden"].append(list(v))
        seen["deep"].append(list(u))
    return seen, readout


def main() -> None:
    net, place = toy(), Path("toy")
    check_file(net, Path())
    pixels = images(net, 3)
    result = sim.run(net, pixels, T, "step", trace=True)
    assert result.trace and all(result.counts[name].any() for name in CAPS), "somebody fires"
    for number, image in enumerate(pixels):
        seen, readout = loops(net, image.tolist(), CAPS)
        for name, potentials in seen.items():
            found = result.trace.potentials[name][:, number].reshape(T + EXT, -1)
            assert found.tolist() == potentials, f"{name} of image {number}"
        assert result.values[number].tolist() == readout
        assert loops(net, image.tolist(), CAPS | {"hidden": 89})[0] != seen, "another cap is noticed"

    longer = ir.prove(ir.replace(net, timesteps=1000))["step"]["hidden"]
    plain = ir.replace(net, populations=tuple(ir.replace(p, kind=UNSET) for p in net.populations), timesteps=1000)
    assert 100 * longer[1] < ir.prove(plain)["step"]["hidden"][1], "what is cut off takes no bits"

    store.write(net, place, {"c": {}})
    assert verified(place).status == "pass"
    source = place / "c" / "toy.c"
    source.write_text(source.read_text().replace("*v > 90 ? 90", "*v > 90 ? 91"))
    assert verified(place).first_mismatch.population == "hidden"

    refused(TargetError, "population 'hidden' has capped neurons", lambda: backends.target("verilog").check(net, {}))
    counting = ir.replace(net, dynamics="count")
    refused(TargetError, "whose spikes depend on when", lambda: backends.target("c").check(counting, {}))
    refused(NetworkError, "population 'hidden' has capped", lambda: sim.run(net, pixels, T, "count"))
    silent = ir.replace(net, populations=(*net.populations[:2], ir.replace(net.output, kind=Capped(2))))
    refused(NetworkError, "need a threshold", lambda: ir.check(silent))
    refused(ValueError, "a cap is from 0", lambda: Capped(-1))
    assert ir.load(place).populations[1].kind == Capped(400) and np.array_equal(ir.load(place)["last"].bias, 2)


main()
