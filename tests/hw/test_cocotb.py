"""Unit benches per module, swept over parameters, and the whole network's protocol, under cocotb and Icarus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from snncc import ir
from snncc.backends.verilog import vectors, write
from snncc.ir import content_hash
from tests.hw.cocotb_bench import bench
from tests.hw.simulate import dense_network, plan_with, skip_network


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (5, 3), (40, 130)])
def test_ram(tmp_path: Path, width: int, depth: int) -> None:
    parameters = {"WIDTH": width, "DEPTH": depth, "AW": max(1, (depth - 1).bit_length())}
    bench(
        tmp_path, "snn_ram", "bench_memory", parameters, {}, modules=["snn_ram"], testcase="ram_holds_what_was_written"
    )


@pytest.mark.parametrize(("width", "depth"), [(3, 1), (12, 7), (64, 200)])
def test_rom(tmp_path: Path, width: int, depth: int) -> None:
    rng = np.random.default_rng(1)
    file = tmp_path / "rom.mem"
    digits = -(-width // 4)
    file.write_text("\n".join(f"{int(rng.integers(0, 2 ** min(width, 62))):0{digits}x}" for _ in range(depth)) + "\n")
    parameters = {"WIDTH": width, "DEPTH": depth, "AW": max(1, (depth - 1).bit_length()), "FILE": f'"{file}"'}
    env = {"SNN_ROM": str(file)}
    bench(tmp_path, "snn_rom", "bench_memory", parameters, env, modules=["snn_rom"], testcase="rom_reads_its_file")


@pytest.mark.parametrize(
    ("uw", "dw", "stages", "period"), [(2, 2, 1, 1), (12, 7, 1, 4), (12, 12, 3, 2), (9, 20, 5, 1), (50, 21, 2, 9)]
)
def test_divide(tmp_path: Path, uw: int, dw: int, stages: int, period: int) -> None:
    parameters = {"UW": uw, "DW": dw, "STAGES": stages, "PERIOD": period}
    bench(tmp_path, "snn_divide", "bench_divide", parameters, {}, modules=["snn_divide"])


@pytest.mark.parametrize(
    ("lanes", "cw", "d0", "d1", "blocks"),
    [(1, 1, 1, 1, 1), (4, 1, 3, 2, 2), (3, 5, 2, 3, 1), (8, 2, 1, 1, 7), (1, 9, 4, 1, 3)],
)
def test_scan(tmp_path: Path, lanes: int, cw: int, d0: int, d1: int, blocks: int) -> None:
    def bits(n: int) -> int:
        return max(1, (n - 1).bit_length())

    parameters = {
        "LANES": lanes, "CW": cw, "D0": d0, "D1": d1, "BLOCKS": blocks, "D0W": bits(d0), "D1W": bits(d1),
        "D2W": bits(lanes * blocks), "DEPTH": 3 * d0 * d1 * blocks, "AW": bits(3 * d0 * d1 * blocks),
    }  # fmt: skip
    bench(tmp_path, "snn_scan", "bench_scan", parameters, {}, modules=["snn_scan"])


@pytest.mark.parametrize(
    ("lanes", "groups", "positions", "last", "vw"),
    [(1, 1, 1, 1, 7), (4, 2, 1, 3, 12), (3, 1, 4, 3, 8), (5, 2, 3, 1, 33)],
)
def test_readout(tmp_path: Path, lanes: int, groups: int, positions: int, last: int, vw: int) -> None:
    words, values = groups * positions, positions * ((groups - 1) * lanes + last)
    parameters = {
        "LANES": lanes, "VW": vw, "WORDS": words, "SAW": max(1, (words - 1).bit_length()), "GROUPS": groups,
        "LAST_LANES": last, "DW": 8 * -(-vw // 8), "CLASSW": max(1, (values - 1).bit_length()),
        "SINGLE": int(values == 1),
    }  # fmt: skip
    bench(tmp_path, "snn_readout", "bench_readout", parameters, {}, modules=["snn_readout", "snn_ram"])


@pytest.mark.parametrize(("lanes", "pixels", "bits", "ext"), [(1, 1, 2, 0), (4, 10, 8, 0), (3, 9, 5, 2)])
def test_encoder_step(tmp_path: Path, lanes: int, pixels: int, bits: int, ext: int) -> None:
    words, tw = -(-pixels // lanes), 5
    parameters = {
        "LANES": lanes, "PB": bits, "WORDS": words, "SAW": max(1, (words - 1).bit_length()), "TW": tw, "MW": tw + 3,
        "EXT": ext, "LAST_LANES": (pixels - 1) % lanes + 1,
    }  # fmt: skip
    _encoder(tmp_path, "snn_encoder_step", parameters, pixels, ["snn_encoder_step", "snn_ram"])


@pytest.mark.parametrize(
    ("rate", "by_t", "signed", "lanes", "pixels", "bits", "ext"),
    [
        (1, 1, 0, 4, 10, 8, 0),
        (1, 1, 0, 1, 3, 2, 1),
        (0, 1, 1, 3, 9, 6, 0),
        (0, 0, 1, 4, 7, 8, 2),
        (0, 0, 0, 1, 1, 4, 0),
    ],
)
def test_encoder_direct(
    tmp_path: Path, rate: int, by_t: int, signed: int, lanes: int, pixels: int, bits: int, ext: int
) -> None:
    tw = 5
    cw = tw if rate else (bits + tw if by_t else bits)
    parameters = {
        "LANES": lanes, "PB": bits, "SIGNED": signed, "RATE": rate, "BY_T": by_t, "FOLDS": 4, "CW": cw,
        "TW": tw, "MW": tw + 3, "EXT": ext, "LAST_LANES": (pixels - 1) % lanes + 1,
    }  # fmt: skip
    _encoder(tmp_path, "snn_encoder_direct", parameters, pixels, ["snn_encoder_direct"])


def _encoder(folder: Path, top: str, parameters: dict[str, int], pixels: int, modules: list[str]) -> None:
    env = {"SNN_PARAMETERS": json.dumps({**parameters, "PIXELS": pixels})}
    bench(folder, top, "bench_encoder", parameters, env, modules=modules)


def _faults(
    folder: Path, network: ir.Network, edit: tuple[str, str, str] | None = None, simulator: str = "icarus"
) -> None:
    """Run the protocol bench; `edit`: (module, text, other text) makes a fault."""
    plan = plan_with(network, 4)
    write.sources(folder, plan)
    if edit is not None:
        text = (folder / edit[0]).read_text()
        assert edit[1] in text
        (folder / edit[0]).write_text(text.replace(edit[1], edit[2]))
    bits = network.input.bits
    low, high = (1 - 2 ** (bits - 1), 2 ** (bits - 1)) if network.input.signed else (0, 2**bits)
    pixels = np.random.default_rng(5).integers(low, high, (4, 20))
    steps = [8, 2, 1, 5]
    golden = vectors.make(plan, pixels, steps)
    width = write.output_width(plan)
    images = [
        {
            "pixels": (pixels[i] % 256).tolist(),
            "timesteps": steps[i],
            "beats": [int(v) % 2**width for v in golden.values[i]] + [int(golden.classes[i])],
        }
        for i in range(4)
    ]
    env = {"SNN_VECTORS": json.dumps({"images": images, "t_max": 8, "hash": content_hash(network)})}
    sources = sorted(folder.glob("*.v"))
    bench(folder, "snn_top", "bench_network", {}, env, sources=sources, simulator=simulator)


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize(("kind", "simulator"), [("chain", "icarus"), ("skip", "icarus"), ("chain", "verilator")])
def test_network_faults(tmp_path: Path, dynamics: str, kind: str, simulator: str) -> None:
    """Early, missing and late tlast and a wrong T, with the readers already at work on the wrong image."""
    network = dense_network(dynamics, spike_ext=1) if kind == "chain" else skip_network(dynamics)
    _faults(tmp_path, network, simulator=simulator)


FAULTS = {
    "a wrong image is answered": ("snn_layer.v", "(meta_q[FINAL] && meta_q[MW-1 -: TW] != 0)", "meta_q[FINAL]"),
    "a short image is not filled up": ("snn_pixels.v", "fill_q <= !complete &&", "fill_q <= 1'b0 &&"),
    "a wrong T is believed": ("snn_pixels.v", "bad_t ? {TW{1'b0}} : timesteps[TW-1:0]", "timesteps[TW-1:0]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_protocol_bench_notices(tmp_path: Path, fault: str) -> None:
    with pytest.raises(AssertionError):
        _faults(tmp_path, skip_network("count"), FAULTS[fault])
