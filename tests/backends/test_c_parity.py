"""Random networks in C against the simulator: every spike, count and potential of every population."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc.backends.c import kernels
from snncc.backends.c.emit import memory
from snncc.backends.c.run import CortexM4, CortexM55, RiscV
from tests.backends.c_folder import agree, compiled
from tests.networks import grown, network, population, proved, residual, weights
from tests.strategies import Case, cases
from tests.support import examples

from snncc import ir, sim  # isort: skip

EXT = st.sampled_from([0, 0, 1, 2, 7])


@pytest.fixture(scope="module", autouse=True)
def small_layers_are_widened() -> Iterator[None]:
    """Layers as small as these take the DSP path of large ones too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "FEWEST", 0)
        yield


def check(case: Case, pack: bool, variant: str, runner: object = None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = compiled(case.network, Path(name) / "net", pack=pack, pixels=case.pixels)
        agree(folder, case.network, case.pixels, case.timesteps, variant, runner)


@examples(24)
@given(cases(dynamics="count", spike_ext=EXT), st.booleans())
def test_count(case: Case, pack: bool) -> None:
    check(case, pack, "gcc -O0")


@examples(24)
@given(cases(dynamics="step", spike_ext=EXT), st.booleans())
def test_step(case: Case, pack: bool) -> None:
    check(case, pack, "gcc -O0")


@examples(8)
@given(
    st.one_of(cases(dynamics="count", spike_ext=EXT), cases(dynamics="step", spike_ext=EXT)),
    st.booleans(),
)
def test_sanitized(case: Case, pack: bool) -> None:
    check(case, pack, "gcc sanitizers")


@examples(10)
@given(
    st.one_of(cases(dynamics="count", spike_ext=EXT), cases(dynamics="step", spike_ext=EXT)),
    st.booleans(),
)
def test_cortex_m4(case: Case, pack: bool) -> None:
    """The DSP extension's path on an emulated target, byte-sized weights and wide ones alike."""
    check(case, pack, "-O3", CortexM4())


@examples(8)
@given(
    st.one_of(
        cases(relays=False, dynamics="count", spike_ext=EXT), cases(relays=False, dynamics="step", spike_ext=EXT)
    ),
    st.booleans(),
)
def test_cortex_m55(case: Case, pack: bool) -> None:
    """Helium's path of the dot products, the DSP extension's of the rest."""
    check(case, pack, "-O3", CortexM55())


@pytest.mark.parametrize(
    ("runner", "bits", "right", "wrong"),
    [
        (CortexM55(), 8, "vctp16q((uint32_t)(length - i))", "vctp16q((uint32_t)(length - i - 1))"),
        (CortexM4(), 8, "*end = patch + ((length + 7) & ~7)", "*end = patch + (length & ~7)"),
        (CortexM4(), 4, "(word << 4) & 0xF0F0F0F0U", "(word << 4) & 0x70F0F0F0U"),
    ],
)
def test_a_fault_in_a_processors_own_path_is_seen(
    tmp_path: Path, runner: object, bits: int, right: str, wrong: str
) -> None:
    """These loops are what the emulated processor runs: a fault in them is a difference there."""
    net = residual(signed_bit=bits)
    pixels = pixels_of(net, 2)
    folder = compiled(net, tmp_path / "net", pack=bits == 4)
    agree(folder, net, pixels, net.timesteps, "-O3", runner)
    kernels = folder / "c" / "net_kernels.h"
    text = kernels.read_text()
    assert right in text
    kernels.write_text(text.replace(right, wrong))
    with pytest.raises(AssertionError):
        agree(folder, net, pixels, net.timesteps, "-O3", runner)


@examples(8)
@given(
    st.one_of(cases(dynamics="count", spike_ext=EXT), cases(dynamics="step", spike_ext=EXT)),
    st.booleans(),
)
def test_rv32(case: Case, pack: bool) -> None:
    check(case, pack, "-Os", RiscV())


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("bits", range(2, 17))
def test_every_width(tmp_path: Path, dynamics: str, bits: int) -> None:
    """A residual network at every weight width, packed where that means something; both encodings."""
    encoding = "current" if (bits + (dynamics == "step")) % 2 else "rate"
    signed = encoding == "current" and bits % 4 < 2
    net = residual(signed_bit=bits, dynamics=dynamics, source={"encoding": encoding, "signed": signed})
    pixels = pixels_of(net, 2)
    folder = compiled(net, tmp_path / "net", pack=bits not in (8, 16), pixels=pixels)
    agree(folder, net, pixels, net.timesteps, "gcc -O0" if bits % 3 else "clang -O0")


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_one_weight_per_channel_of_reshaped_parts_of_one_position_stays_one(tmp_path: Path, dynamics: Any) -> None:
    """DenseNet's last maps: no matrix is made of an Identity over a concatenation that is a vector."""
    image = ir.Source("input")
    first = ir.Conv2D(name="a", source=image, weights=weights(1, 2, 2, 3, 5))
    second = ir.Conv2D(name="b", source=image, weights=weights(2, 2, 2, 3, 4))
    both = ir.Concat((ir.Source("first"), ir.Source("second")))
    scale = ir.Identity(name="c", source=ir.Reshape(both, (9,)), weights=weights(3, 9))
    back = ir.Conv2D(
        name="d", source=ir.Reshape(ir.Concat((ir.Source("third"), ir.Reshape(both, (9,)))), (1, 1, 18)),
        weights=weights(4, 1, 1, 18, 3),
    )  # fmt: skip
    net = network(
        population("first", (1, 1, 5), first, theta=700, v0=300),
        population("second", (1, 1, 4), second, theta=500, v0=200),
        population("third", (9,), scale, theta=40, v0=20),
        population("last", (1, 1, 3), back, theta=None),
        shape=(2, 2, 3), timesteps=9, dynamics=dynamics,
    )  # fmt: skip
    assert memory(net).weights == sum(q.weights.size for p in net.populations for q in p.projections)
    pixels = np.random.default_rng(8).integers(0, 256, (4, 2, 2, 3))
    agree(compiled(net, tmp_path / "net", pixels=pixels), net, pixels, 9, "gcc sanitizers")


@pytest.mark.parametrize("runner", [None, CortexM4()])
def test_a_convolution_after_a_dense_layer(tmp_path: Path, runner: object) -> None:
    """One window and many windows in the same types share a kernel, whose patch is then read as words."""
    dense = ir.Dense(name="d", source=ir.Source("input"), weights=weights(1, 20, 72))
    conv = ir.Conv2D(
        name="c", source=ir.Reshape(ir.Source("first"), (6, 6, 2)), weights=weights(2, 3, 3, 2, 4), pads=(1, 1, 1, 1)
    )
    last = ir.Dense(name="e", source=ir.Reshape(ir.Source("second"), (144,)), weights=weights(3, 144, 3))
    net = network(
        population("first", (72,), dense, theta=900, v0=400),
        population("second", (6, 6, 4), conv, theta=900, v0=400),
        population("last", (3,), last, theta=None),
        shape=(20,),
        timesteps=7,
        dynamics="count",
    )
    pixels = np.random.default_rng(4).integers(0, 256, (4, 20))
    folder = compiled(net, tmp_path / "net", pixels=pixels)
    agree(folder, net, pixels, 7, "-O3" if runner else "gcc -O0", runner)


@pytest.mark.parametrize("runner", [CortexM4(), CortexM55(), RiscV()])
@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("bits", [4, 8, 12])
def test_residual_on_targets(tmp_path: Path, dynamics: str, bits: int, runner: object) -> None:
    net = residual(signed_bit=bits, dynamics=dynamics)
    pixels = pixels_of(net, 2)
    agree(compiled(net, tmp_path / "net", pack=True), net, pixels, 13, "-O3", runner)


@pytest.mark.parametrize("timesteps", [1, 255, 256, 65_535])
@pytest.mark.parametrize("readout", ["potential", "spikes"])
@pytest.mark.parametrize("neurons", [1, 3])
def test_long_runs(tmp_path: Path, timesteps: int, readout: str, neurons: int) -> None:
    """T at its ends, where counts change from 8 to 16 bits; a readout of one neuron has its own class."""
    hidden = population(
        "hidden",
        (6,),
        ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 4, 6)),
        theta=127,
        bias=5,
        v0=63,
    )
    theta = None if readout == "potential" else 90
    last = population(
        "last",
        (neurons,),
        ir.Dense(name="b", source=ir.Source("hidden"), weights=weights(2, 6, neurons)),
        theta=theta,
        bias=-3,
    )
    net = network(hidden, last, shape=(4,), timesteps=timesteps, readout=readout)
    pixels = pixels_of(net, 4)
    agree(compiled(net, tmp_path / "net"), net, pixels, timesteps, "gcc -O3")
    longest = ir.replace(net, dynamics="step")
    if timesteps < 1000:
        agree(compiled(longest, tmp_path / "net"), longest, pixels, timesteps, "gcc -O3")


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_the_class_of_one_output_around_zero(tmp_path: Path, dynamics: str) -> None:
    """Values -2, -1, 0, 1, 2: class 1 above 0 alone."""
    last = population("last", (1,), ir.Dense(name="a", source=ir.Source("input"), weights=np_int8([[1]])), theta=None)
    source = {"bits": 3, "signed": True, "encoding": "current"}
    net = network(last, shape=(1,), source=source, timesteps=1, dynamics=dynamics)
    pixels = np.arange(-2, 3).reshape(5, 1)
    assert sim.run(net, pixels, 1).classes.tolist() == [0, 0, 0, 1, 1]
    agree(compiled(net, tmp_path / "net"), net, pixels, 1, "gcc -O0")


@pytest.mark.parametrize("runner", [None, CortexM4(), CortexM55(), RiscV()])
def test_floor_and_ties(tmp_path: Path, runner: object) -> None:
    """u = -5, a potential equal to the threshold, one below it, and values near the ends of 16 bits."""
    w = np_int8([[-5, 10, 9, 127, -127]])
    first = population("first", (5,), ir.Dense(name="a", source=ir.Source("input"), weights=w), theta=10, v0=0)
    spread = population(
        "spread", (5,), ir.Identity(name="b", source=ir.Source("first"), weights=w[0], shift=7), theta=16_256
    )
    last = population("last", (5,), ir.Identity(name="c", source=ir.Source("spread"), weights=w[0]), theta=None)
    net = network(first, spread, last, shape=(1,), source={"bits": 2}, timesteps=16)
    pixels = np.arange(4).reshape(4, 1)
    variant = "gcc -O3" if runner is None else "-O3"
    for dynamics in ("count", "step"):
        chosen = ir.replace(net, dynamics=dynamics)
        agree(compiled(chosen, tmp_path / "net"), chosen, pixels, 16, variant, runner)


@pytest.mark.parametrize("level", ["-O3", "-Os"])
@pytest.mark.parametrize(
    ("shift", "largest", "tag"),
    [
        (0, 127, "l16"),
        (1, 127, "l16"),
        (3, 127, "l16"),
        (9, 1, "l16"),
        (0, 127, "i32"),
        (6, 127, "i32"),
        (18, 9, "i32"),
    ],
)
def test_shifted_weights_on_cortex_m4(tmp_path: Path, shift: int, largest: int, tag: str, level: str) -> None:
    """Spikes spread shifted weights in pairs of 16 bits or in words; 12 and 15 outputs leave a four and single ones."""
    outputs = 12 if tag == "l16" else 15
    scale = 2**shift
    w = np.clip(weights(2, 6, outputs), -largest, largest).astype(np.int8)
    hidden = population(
        "hidden", (6,), ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 4, 6)), theta=100, bias=40
    )
    spread = population(
        "spread", (outputs,), ir.Dense(name="b", source=ir.Source("hidden"), weights=w, shift=shift),
        theta=largest * scale + 1, bias=0 if shift or tag == "l16" else 10_000, v0=largest * scale,
    )  # fmt: skip
    last = population(
        "last", (3,), ir.Dense(name="c", source=ir.Source("spread"), weights=weights(3, outputs, 3)), theta=None
    )
    net = network(hidden, spread, last, shape=(4,), timesteps=4, dynamics="step")
    pixels = pixels_of(net, 8)
    folder = compiled(net, tmp_path / "net")
    assert f"net_add_{tag}_i8(" in (folder / "c" / "net_kernels.h").read_text()
    agree(folder, net, pixels, 4, level, CortexM4())


@examples(10)
@given(cases(dynamics="step", max_pool=True, spike_ext=EXT), st.booleans())
def test_max_pools_in_step_equal_the_simulator(case: Case, pack: bool) -> None:
    check(case, pack, "gcc sanitizers")


@pytest.mark.parametrize("encoding", ["rate", "current"])
@pytest.mark.parametrize("readout", ["potential", "spikes"])
def test_max_pools_of_the_input_of_spikes_and_of_a_pool(tmp_path: Path, encoding: str, readout: str) -> None:
    """Strided, overlapping and padded windows, one after the other, read by a convolution, a dense layer and a pool."""
    seen = ir.MaxPool(ir.Source("input"), (2, 2), (1, 1), (1, 0, 1, 0))
    first = ir.Conv2D(name="a", source=seen, weights=weights(1, 3, 3, 2, 4), pads=(1, 1, 1, 1))
    twice = ir.MaxPool(ir.MaxPool(ir.Source("one"), (2, 2), (2, 2)), (2, 2), (1, 1))
    second = ir.Conv2D(name="b", source=twice, weights=weights(2, 1, 1, 4, 6))
    flat = ir.Reshape(ir.MaxPool(ir.Pad(ir.Source("two"), (1, 0, 0, 1)), (2, 2), (1, 1)), (24,))
    last = ir.Dense(name="c", source=flat, weights=weights(3, 24, 3))
    net = network(
        population("one", (6, 6, 4), first, theta=900, v0=450),
        population("two", (2, 2, 6), second, theta=70, bias=3, v0=35),
        population("last", (3,), last, theta=800 if readout == "spikes" else None),
        shape=(6, 6, 2), dynamics="step", readout=readout, spike_ext=2, source={"encoding": encoding}, timesteps=9,
    )  # fmt: skip
    folder = compiled(net, tmp_path / "net")
    for variant in ("gcc -O3", "gcc sanitizers"):
        agree(folder, net, pixels_of(net, 4), 9, variant)
    source = folder / "c" / "net.c"
    source.write_text(source.read_text().replace("if (*seen > *most) {", "if (*seen >= *most) {"))
    with pytest.raises(AssertionError):
        agree(folder, net, pixels_of(net, 4), 9, "gcc -O3")


def test_max_pool_in_step_of_one_population(tmp_path: Path) -> None:
    pooled = ir.MaxPool(ir.Source("input"), (2, 2), (2, 2))
    last = population("last", (2, 2, 1), ir.Identity(name="a", source=pooled, weights=np_int8(3)), theta=None)
    net = network(last, shape=(4, 4, 1))
    pixels = pixels_of(net, 3)
    agree(compiled(net, tmp_path / "net"), net, pixels, 9, "gcc -O3")
    stepped = proved(ir.replace(net, dynamics="step"))
    agree(compiled(stepped, tmp_path / "step"), stepped, pixels, 9, "gcc -O3")


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("encoding", ["rate", "current"])
def test_spread_maps(tmp_path: Path, dynamics: str, encoding: str) -> None:
    """Zeros between, repeated; of the input, of a tangled view, in a frame and under a maximum; and a wrong place."""
    net = grown(dynamics=dynamics, source={"encoding": encoding})
    folder = compiled(net, tmp_path / "net")
    for variant in ("gcc -O3", "gcc sanitizers"):
        agree(folder, net, pixels_of(net, 4), 7, variant)
    source = folder / "c" / "net.c"
    text, found = re.subn(r"(y \* \d+ \+ k|at / \d+ \* \d+ \+ k) / ", r"\1 % ", source.read_text())
    assert found
    source.write_text(text)
    with pytest.raises(AssertionError):
        agree(folder, net, pixels_of(net, 4), 7, "gcc -O3")


def pixels_of(net: ir.Network, images: int):  # type: ignore[no-untyped-def]
    from snncc.backends.vectors import random_pixels

    return random_pixels(net, images)


def np_int8(values: object):  # type: ignore[no-untyped-def]
    import numpy as np

    return np.array(values, np.int8)
