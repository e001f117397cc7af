"""Leaky neurons, late sources and frames in C against the simulator: every spike, potential and value."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir, sim
from snncc.backends.c import emit, instructions
from snncc.backends.c.plan import plan
from snncc.backends.c.run import STRICT, CortexM4, RiscV
from snncc.errors import TargetError
from snncc.sim.run import go_on
from snncc.verification import verify
from tests import networks, strategies
from tests.backends.c_folder import agree, compiled
from tests.strategies import Case
from tests.support import examples

EXT = st.sampled_from([0, 0, 1, 3])
EVENTS = np.random.default_rng(0).integers(0, 4, (3, 20, 12))


def check(case: Case, pack: bool, variant: str, runner: object = None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = compiled(case.network, Path(name) / "net", pack=pack, pixels=case.pixels)
        agree(folder, case.network, case.pixels, case.timesteps, variant, runner)


@examples(8)
@given(strategies.timed_cases(spike_ext=EXT), st.booleans())
def test_step(case: Case, pack: bool) -> None:
    check(case, pack, "gcc -O0")


@examples(8)
@given(strategies.timed_cases(spike_ext=EXT), st.booleans())
def test_sanitized(case: Case, pack: bool) -> None:
    check(case, pack, "gcc sanitizers")


@examples(5)
@given(strategies.timed_cases(spike_ext=EXT), st.booleans())
def test_cortex_m4(case: Case, pack: bool) -> None:
    check(case, pack, "-O3", CortexM4())


FIELDS: list[dict[str, Any]] = [
    {}, {"rounding": "floor", "leak": np.array(301)}, {"late_current": True}, {"decay": np.array(4096)},
    {"reset": "subtract_late", "leak": np.array(1024), "rounding": "floor"}, {"most": 200, "amount": np.array(3)},
    {"reset": "value", "most": 1, "amount": np.array(-50)},
]  # fmt: skip


@pytest.mark.parametrize(("fields", "runner"), [*((fields, CortexM4()) for fields in FIELDS), (FIELDS[4], RiscV())])
def test_every_dialect_on_processors(tmp_path: Path, fields: dict[str, Any], runner: object) -> None:
    net = ir.proven(networks.recurrent(**fields))
    agree(compiled(net, tmp_path / "net", pixels=EVENTS), net, EVENTS, 20, "-O3", runner)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("? times : 3", "? times : 2"),
        ("net_forget_hidden(state);\n", ";\n"),
        ("net_deliver_late_hidden(state);\n", ";\n"),
        ("? (-900) : u", "? (-901) : u"),
        ("(u, 75, 10)", "(u, 76, 10)"),
        ("(current[i], 125, 9)", "(current[i], 125, 8)"),
        ("+ (live ? 7 : 0)", ""),
        ("(int32_t)n * 4", "(int32_t)n * 2"),
    ],
)
def test_a_fault_in_each_part_is_seen(tmp_path: Path, right: str, wrong: str) -> None:
    net = networks.recurrent()
    folder = compiled(net, tmp_path / "net", pixels=EVENTS)
    source = folder / "c" / "net.c"
    text = source.read_text()
    assert right in text
    source.write_text(text.replace(right, wrong).replace("APART static void", "APART NET_UNUSED static void"))
    with pytest.raises(AssertionError):
        agree(folder, net, EVENTS, 20, "gcc -O0")


def test_a_negative_part_is_rounded_downwards_without_shifting_it(tmp_path: Path) -> None:
    net = ir.proven(networks.recurrent(rounding="floor"))
    folder = compiled(net, tmp_path / "net", pixels=EVENTS)
    kernels = folder / "c" / "net_kernels.h"
    right = "return ((y ^ sign) >> shift) ^ sign;"
    assert right in kernels.read_text()
    kernels.write_text(kernels.read_text().replace(right, "return y / (1 << shift) + 0 * sign;"))
    with pytest.raises(AssertionError):
        agree(folder, net, EVENTS, 20, "gcc -O0")


def test_the_state_is_what_neurons_keep() -> None:
    """8 potentials of 4 bytes, currents where there are any, a byte for a spike that is read late; 3 of 2; the time."""
    for decay, currents in ((1000, 4 * 8), (4096, 0)):
        net = ir.proven(networks.recurrent(decay=np.array(decay)))
        widths = [ir.bits_needed(net.intervals["step"][name]) for name in ("hidden", "last")]
        assert 16 < widths[0] <= 32 and widths[1] <= 16
        assert emit.memory(net).state == 4 * 8 + currents + 8 + (2 * 3 + 2) + 2 * 4


def streamed(folder: Path, network: ir.Network) -> Any:
    """The program as a shared library, and a state for it."""
    library = folder / "net.so"
    command = ["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-o", library, folder / "c" / "net.c"]
    subprocess.run(command, check=True)
    state = (ctypes.c_int64 * (emit.memory(network).state // 8 + 1))(*[-1] * (emit.memory(network).state // 8 + 1))
    return ctypes.CDLL(str(library)), state


@examples(8)
@given(strategies.timed_cases(only="frames", images=st.just(1), spike_ext=st.just(0)))
def test_windows_frame_by_frame_go_on(case: Case) -> None:
    """The readout after every frame, and after every frame of a window that goes on, is the simulator's."""
    network, pixels, timesteps = case
    program = plan(network, "net")
    cut = max(1, timesteps // 2)
    with tempfile.TemporaryDirectory() as name:
        folder = compiled(network, Path(name) / "net", pixels=case.pixels, prefix="net")
        code, state = streamed(folder, network)
        kind = {"int32_t": "<i4", "int64_t": "<i8"}[program.value_type]
        result = np.zeros(network.output.neurons * int(kind[-1]) // 4 + 2, "<i4")

        def value() -> tuple[list[int], int]:
            assert code.net_read(state, result.ctypes) == 0
            size = network.output.neurons * int(kind[-1]) // 4
            return result[:size].view(kind).tolist(), int(result[size])

        frames = np.ascontiguousarray(pixels[0].astype(program.pixel.ctype.removesuffix("_t")))
        assert code.net_begin(state) == 0
        memory = None
        for start, end in ((0, cut), (cut, timesteps)):
            for t in range(start, end):
                assert code.net_step(state, frames[t].ctypes) == 0
                whole = go_on(network, pixels[:, start : t + 1], t + 1 - start, memory)
                assert value() == (whole.values.reshape(-1).tolist(), int(whole.classes[0]))
            if program.restarts is None or start == end:
                break
            memory = whole.memory
            assert code.net_next(state) == 0
        for _ in range(end, network.timesteps):
            assert code.net_step(state, frames[0].ctypes) == 0
        assert code.net_step(state, frames[0].ctypes) == 2, "T_MAX timesteps are over"


def test_verify_takes_sequences(tmp_path: Path) -> None:
    """The golden vectors of a recurrent network on every processor; fewer timesteps; and a fault."""
    net = networks.recurrent()
    folder = compiled(net, tmp_path / "net", pixels=EVENTS)
    subprocess.run(["make", "test", "CFLAGS=-O1"], cwd=folder / "c", check=True, capture_output=True)
    chosen: dict[str, Any] = {"targets": ["c-host", "c-cortex-m4"], "variants": ["gcc -O3", "-Os"], "strict": True}
    assert verify(folder, **chosen).ok
    assert verify(folder, timesteps=7, images=5, targets=["c-host"], variants=["gcc -O0"]).ok
    source = folder / "c" / "net.c"
    source.write_text(source.read_text().replace("+ (size_t)(live ? t : 0)", "+ (size_t)(live && t ? t - 1 : 0)"))
    outcome = verify(folder, targets=["c-host"], variants=["gcc -O0"]).outcomes[0]
    assert outcome.status == "fail" and outcome.first_mismatch and outcome.first_mismatch.population == "hidden"


def test_no_instructions_are_told_of_what_the_model_does_not_know() -> None:
    with pytest.raises(TargetError, match="'hidden': the estimate of instructions has no costs of leaky"):
        instructions.estimate(networks.recurrent())


@pytest.mark.parametrize("encoding", ["frames", "current"])
def test_two_memories(tmp_path: Path, encoding: Any) -> None:
    net = networks.recurrent()
    net = ir.proven(ir.replace(net, input=ir.replace(net.input, encoding=encoding)))
    pixels = EVENTS if encoding == "frames" else EVENTS[:, 0]
    folder = compiled(net, tmp_path / "net", pixels=pixels, fast_bytes=50)
    subprocess.run(["make", "test", "CFLAGS=-O1"], cwd=folder / "c", check=True, capture_output=True)
    agree(folder, net, pixels, 13, "gcc sanitizers")


@pytest.mark.parametrize("rounding", ["floor", "zero"])
def test_what_is_done_with_every_neuron_is_vectorised(tmp_path: Path, rounding: Any) -> None:
    numbers = {"leak": np.arange(100), "decay": np.arange(100) * 40, "lowest": np.array(-900), "amount": np.array(9)}
    kind = ir.LeakyIntegrateAndFire(**numbers, rounding=rounding)
    dense = ir.Dense(name="a", source=ir.Source("input"), weights=networks.weights(1, 12, 100))
    back = ir.Dense(name="b", source=ir.Late("hidden"), weights=networks.weights(2, 100, 100))
    hidden = networks.population("hidden", (100,), dense, back, theta=800, bias=np.arange(100), kind=kind)
    readout = networks.population(
        "last", (3,), ir.Dense(name="c", source=ir.Source("hidden"), weights=networks.weights(3, 100, 3)), theta=None
    )
    net = networks.network(
        hidden, readout, shape=(12,), source={"encoding": "frames", "bits": 3}, dynamics="step", timesteps=20
    )
    source = compiled(net, tmp_path / "net") / "c" / "net.c"
    command = ["gcc", "-O3", "-std=c99", "-c", source, "-o", tmp_path / "net.o", "-fopt-info-vec-optimized"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    lines = source.read_text().splitlines()
    vectorised = {int(line.split(":")[1]) for line in said.splitlines() if "net.c:" in line and "vectorized" in line}
    for function in ("net_forget_hidden", "net_scan_hidden"):
        start = next(i for i, line in enumerate(lines, 1) if f" static void {function}(" in line)
        end = lines.index("}", start)
        assert vectorised & set(range(start, end)), (function, said)


@pytest.mark.parametrize("spike_ext", [0, 2])
@pytest.mark.parametrize("signed", [False, True])
def test_the_example_of_the_readme_is_the_simulator(tmp_path: Path, signed: bool, spike_ext: int) -> None:
    """Its lines in a program of their own: the class after every frame, or of a whole sequence."""
    net = networks.recurrent()
    source = ir.replace(net.input, signed=signed, gain=np.array(2.0))
    net = ir.proven(ir.replace(net, input=source, spike_ext=spike_ext))
    folder = compiled(net, tmp_path / "net", pixels=EVENTS - 2 * signed) / "c"
    example = (folder / "README.md").read_text().split("```c\n")[1].split("```")[0]
    frames = (EVENTS[0] - 2 * signed) / 2 * net.input.lambda_0 / net.input.levels
    numbers = ",\n".join(f"{x:.9f}F" for x in frames.reshape(-1))
    calls = "net_begin(&state);\n" if not spike_ext else ""
    each = 'for (int t = 0; t < 20; t++) printf("%u ", classify(x + 12 * t));'
    calls += each if not spike_ext else 'printf("%u ", classify(x));'
    main = f"#include <stdio.h>\n{example}\nint main(void)\n{{\nstatic const float x[] = {{{numbers}}};\n{calls}\n}}\n"
    (folder / "own.c").write_text(main)
    command = ["gcc", *STRICT, "-Wno-float-conversion", "own.c", "net.c", "net_host.c", "-o", "own", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    said = subprocess.run(["./own"], cwd=folder, check=True, capture_output=True, text=True).stdout.split()
    pixels = EVENTS[:1] - 2 * signed
    lengths = [20] if spike_ext else range(1, 21)
    assert [int(word) for word in said] == [int(sim.run(net, pixels, t, "step").classes[0]) for t in lengths]
