"""The toy projection: run it with the snncc that upsample.patch makes, in an empty folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from toys import check_file, images, network, population, refused, verified, weights

from snncc import backends, ir, sim, store
from snncc.errors import NetworkError, TargetError
from snncc.sim.fanout import fan_out

T, SIZE = 9, (2, 3)
VIEW = ir.Concat((ir.Source("input"), ir.Source("input")))


def toy(dynamics: ir.Dynamics, encoding: ir.Encoding = "rate") -> ir.Network:
    """(2, 3, 2) -> conv (2, 3, 4) -> upsampled, and the input twice upsampled, (4, 9, 4) -> dense readout of 3."""
    conv = ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 1, 1, 2, 4))
    blocks = ir.Upsample2D(name="b", source=ir.Source("small"), weights=weights(2, 4), size=SIZE, shift=1)
    others = ir.Upsample2D(name="c", source=VIEW, weights=np.array(-19, np.int8), size=SIZE)
    last = ir.Dense(name="d", source=ir.Reshape(ir.Source("large"), (144,)), weights=weights(3, 144, 3))
    return network(
        population("small", (2, 3, 4), conv, theta=90, bias=[9, 7, -5, 30], v0=45),
        population("large", (4, 9, 4), blocks, others, theta=[150, 140, 130, 120], bias=11, v0=70),
        population("last", (3,), last),
        shape=(2, 3, 2), dynamics=dynamics, encoding=encoding, timesteps=T,
    )  # fmt: skip


def loops(net: ir.Network, image: list, factor: int = 1) -> dict[str, list[int]]:
    """Counts of the firing populations and the readout, from plain lists; `factor`: on what `b` brings."""
    small, blocks, _, last = (q.weights.tolist() for p in net.populations for q in p.projections)
    theta = [150, 140, 130, 120]

    def drives(x: list, s: list) -> list[int]:
        """What one pass brings to `large`: x (2, 3, 2), s (2, 3, 4)."""
        return [
            2 * factor * blocks[c] * s[i // 2][j // 3][c] - 19 * x[i // 2][j // 3][c % 2]
            for i in range(4) for j in range(9) for c in range(4)
        ]  # fmt: skip

    def conv(x: list) -> list[int]:
        return [sum(small[0][0][k][o] * x[i][j][k] for k in range(2))
                for i in range(2) for j in range(3) for o in range(4)]  # fmt: skip

    def mapped(flat: list[int], channels: int) -> list:
        rows = [flat[at : at + channels] for at in range(0, len(flat), channels)]
        return [rows[:3], rows[3:]]

    if net.dynamics == "count":
        x = [[[p * T // 255 for p in pixel] for pixel in row] for row in image]
        u = [d + b * T + 45 for d, b in zip(conv(x), [9, 7, -5, 30] * 6, strict=True)]
        n = [min(max(v // 90, 0), T) for v in u]
        u = [d + 11 * T + 70 for d in drives(x, mapped(n, 4))]
        m = [min(max(v // t, 0), T) for v, t in zip(u, theta * 36, strict=True)]
    else:
        pixels, v, u = [[[0, 0] for _ in range(3)] for _ in range(2)], [45] * 24, [70] * 144
        n, m = [0] * 24, [0] * 144
        for _ in range(T):
            pixels = [[[v + p for v, p in zip(a, b, strict=True)] for a, b in zip(r, q, strict=True)]
                      for r, q in zip(pixels, image, strict=True)]  # fmt: skip
            x = [[[int(value >= 255) for value in pixel] for pixel in row] for row in pixels]
            pixels = [[[value - 255 * (value >= 255) for value in pixel] for pixel in row] for row in pixels]
            v = [a + d + b for a, d, b in zip(v, conv(x), [9, 7, -5, 30] * 6, strict=True)]
            s = [int(a >= 90) for a in v]
            v = [a - 90 * k for a, k in zip(v, s, strict=True)]
            u = [a + d + 11 for a, d in zip(u, drives(x, mapped(s, 4)), strict=True)]
            r = [int(a >= t) for a, t in zip(u, theta * 36, strict=True)]
            u = [a - t * k for a, t, k in zip(u, theta * 36, r, strict=True)]
            n, m = [a + k for a, k in zip(n, s, strict=True)], [a + k for a, k in zip(m, r, strict=True)]
    readout = [sum(last[i][o] * m[i] for i in range(144)) for o in range(3)]
    return {"small": n, "large": m, "last": readout}


def main() -> None:
    for dynamics in ir.DYNAMICS:
        net = toy(dynamics)
        place = Path(dynamics)
        place.mkdir()
        check_file(net, place)
        pixels = images(net, 3)
        result = sim.run(net, pixels, T, dynamics)
        assert result.counts["large"].any() and (result.counts["large"] < T).any(), "some fire"
        for number, image in enumerate(pixels):
            wanted = loops(net, image.tolist())
            found = result.counts | {"last": result.values}
            for name, values in wanted.items():
                assert found[name][number].ravel().tolist() == values, f"{name} in {dynamics}"
        assert any(loops(net, i.tolist(), 2) != loops(net, i.tolist()) for i in pixels), "another weight is noticed"

        for encoding in ("current", "rate"):
            store.write(toy(dynamics, encoding), place / encoding, {"c": {}})
            assert verified(place / encoding).status == "pass"
        weights_file = next((place / "rate" / "c").glob("*_weights.h"))
        weights_file.write_text(weights_file.read_text().replace("-19", "-20"))
        assert verified(place / "rate").first_mismatch.population == "large"

    refused(TargetError, "population 'large' upsamples", lambda: backends.target("verilog").check(toy("step"), {}))
    upsample = net["large"].projections[0]
    assert fan_out(upsample, (2, 3, 4)).tolist() == [[[6] * 4] * 3] * 2
    wrong = ir.replace(net["large"], projections=(ir.replace(upsample, size=(2, 2)),))
    wrong = ir.replace(net, populations=(net["small"], wrong, net["last"]))
    refused(NetworkError, "population 'large'", lambda: ir.check(wrong))

    from snncc.keras_layers import to_keras
    from snncc.lower.tune.tensors import linear

    x = np.random.default_rng(0).integers(-9, 9, (5, 2, 3, 4)).astype(np.float32)
    expected = sim.linear.operator(upsample, (2, 3, 4), np.float32)(x)
    assert expected.shape == (5, 4, 9, 4)
    assert np.array_equal(linear(upsample, upsample.weights.astype(np.float32), x), expected)
    to_keras(toy("count"))  # compares every population with the simulator


main()
