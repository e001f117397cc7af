"""The figures that pages quote from benchmarks/results are those that were measured.

Tables are compared cell by cell: docs/reference/figures-c.md (c_cortex_m4.json, mlperf_tiny.json),
figures-hardware.md (hw.json, lif.json, external.json, boards.json), figures-accuracy.md (accuracy.json),
figures-applications.md (applications.json), docs/guide/training.md (training.json); docs/guide/nir.md quotes
nir_peers.json; the table of docs/guide/engines.md is made of engines.json.
Sentences of README and of these pages stand in SENTENCES. Not covered:
figures that no file of benchmarks/results holds (docs/reference/spkeras.md has those of a golden comparison,
tests/test_spkeras.py).
"""

from __future__ import annotations

import json
import os
import re
import statistics
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.docs.pages import ROOT, read, text

MILLION = 1e-6
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
NETWORKS = {"demo CNN": "small", "6 convolutions": "six_conv", "residual": "residual"}
AIMS = (("step", 8), ("step", 4), ("count", 4), ("count", 2))


@cache
def results(name: str) -> Any:
    """A file of benchmarks/results."""
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def says(figure: str, value: float) -> bool:
    """Whether a figure as it is written ("1,577", "0.60", "2.1 million" without the word) is the value, rounded."""
    decimals = len(figure.partition(".")[2])
    return abs(float(figure.replace(",", "")) - value) <= 0.5 * 10**-decimals + 1e-9


def numbers(cell: str) -> list[str]:
    return NUMBER.findall(cell)


def wrong(cells: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The (figure as written, value as measured) that differ."""
    return [(figure, value) for figure, value in cells if not says(figure, value)]


# --- C -----------------------------------------------------------------------------------------------------


def anchor(dynamics: str, encoding: str, bits: int, timesteps: int = 16, calibrate: str = "none") -> Any:
    """A row of the Cortex-M4 benchmark."""
    wanted = {"dynamics": dynamics, "encoding": encoding, "bits": bits, "timesteps": timesteps, "calibrate": calibrate}
    (found,) = [row for row in results("c_cortex_m4")["anchor"] if wanted.items() <= row.items()]
    return found


def instructions(*choice: Any) -> float:
    return float(anchor(*choice)["-O3"]["instructions"])


def peer(name: str) -> list[float]:
    """accuracy %, instructions at -O3 and -Os, flash and RAM in kB."""
    found: list[float] = results("c_cortex_m4")["peers"][name]
    return found


def test_the_table_of_c_figures() -> None:
    rows = read("docs/reference/figures-c.md").table("engine")
    assert len(rows) == len(results("c_cortex_m4")["anchor"]) + len(results("c_cortex_m4")["peers"])
    for engine, accuracy, fast, small, flash, ram in rows:
        if not engine.strip("*").startswith("snncc"):
            assert wrong(list(zip([accuracy, fast, small, flash, ram], peer(engine), strict=True))) == []
            continue
        found = re.search(r"snncc (count|step), (rate|current)\b.*?, (\d+) bits(?:.*?T = (\d+))?", engine)
        assert found, engine
        level = "light" if "light" in engine else "none"
        row = anchor(found[1], found[2], int(found[3]), int(found[4] or 16), level)
        assert row["pack"] == ("packed" in engine)
        sizes = [row[level]["flash_bytes"] / 1000 for level in ("-O3", "-Os")]
        measured = [row["accuracy"], row["-O3"]["instructions"], row["-Os"]["instructions"], *sizes]
        written = [accuracy, fast, small, *numbers(flash), ram]
        assert wrong(list(zip(written, [*measured, row["state_bytes"] / 1000], strict=True))) == [], engine


def mlperf(table: str, **wanted: Any) -> Any:
    """A row of the MLPerf Tiny benchmark."""
    (found,) = [row for row in results("mlperf_tiny")[table] if wanted.items() <= row.items()]
    return found


def closeness(row: Any) -> float:
    """Agreement, or relative error, in %."""
    return 100 * float(row["relative_error"] if row["agreement"] is None else row["agreement"])


def test_the_table_of_mlperf_tiny_in_c() -> None:
    rows = read("docs/reference/figures-c.md").table("MLPerf Tiny")
    assert len(rows) * 4 == len(results("mlperf_tiny")["rows"])
    for network, dynamics, bits, *cells in rows:
        chosen = {"network": network.replace(" ", "_"), "dynamics": dynamics.strip("`"), "bits": int(bits)}
        each = [mlperf("rows", **chosen, T=timesteps) for timesteps in (16, 32, 64, 255)]
        first = each[0]
        assert all(
            cell.startswith("error ") == (row["agreement"] is None) for cell, row in zip(cells, each, strict=False)
        )
        measured = [closeness(row) for row in each]
        measured += [MILLION * first[level]["instructions"] for level in ("-Os", "-O2", "-O3")]
        measured += [first[level]["flash_bytes"] / 1000 for level in ("-Os", "-O3")]
        measured += [row["state_bytes"] / 1000 for row in (first, each[-1])]
        measured += [max(first[level]["stack_bytes"] for level in ("-Os", "-O2", "-O3"))]
        written = [n for cell in cells for n in numbers(cell)]
        assert wrong(list(zip(written, measured, strict=True))) == [], chosen


def test_the_table_of_peers_on_mlperf_tiny() -> None:
    rows = read("docs/reference/figures-c.md").table("peers")
    assert len(rows) == len(results("mlperf_tiny")["tflite_micro"])
    for network, *cells in rows:
        name = network.replace(" ", "_")
        row = mlperf("tflite_micro", network=name)
        kernels = results("mlperf_tiny")["cmsis_nn"].get(name)
        measured = [closeness(row), *(row[f"{part}_bytes"] / 1000 for part in ("model", "arena", "tensor"))]
        measured += [kernels] if kernels else []
        assert wrong(list(zip([n for cell in cells for n in numbers(cell)], measured, strict=True))) == [], network


def test_the_table_of_applications() -> None:
    rows = read("docs/reference/figures-applications.md").table("keras.applications")
    measured = {row["model"]: row for row in results("applications")["rows"]}
    assert [row[0] for row in rows] == list(measured)
    for name, size, parameters, converts, ratio, populations, relays, c, verilog, bytes_ in rows:
        row = measured[name]
        assert numbers(size) == [str(side) for side in row["input"][:2]] and says(parameters, row["parameters"])
        if not row["converts"]:
            assert converts == "no: " + ", ".join(f"{times} {layer}" for layer, times in row["refused"].items())
            continue
        assert converts == "yes" and says(ratio, row["weights_over_parameters"])
        assert (int(populations), int(relays)) == (row["populations"], row["relays"])
        for cell, target in ((c, "c"), (verilog, "verilog")):
            assert cell.split(" / ") == ["yes" if row[d][target] == "yes" else "no" for d in ("count", "step")]
        sizes = [MILLION * row["count"]["const_bytes"], *(row[d]["state_bytes"] / 1000 for d in ("count", "step"))]
        assert wrong(list(zip(numbers(bytes_), sizes, strict=True))) == [], name


ENGINE_NETWORKS = {
    "VGG-16": "vgg16", "ResNet-8": "image_classification", "MobileNetV1 0.25": "visual_wake_words",
    "the demo's CNN": "demo",
}  # fmt: skip


def engines_table() -> str:
    """The table of docs/guide/engines.md, from engines.json; `make golden` puts it there."""
    made = results("engines")
    machine = made["machine"]
    head = [
        "network", "processors", "`count`: native", "numpy", "int8, the faster of two", "float, ONNX Runtime",
        "native over int8", "`step`: native", "numpy",
    ]  # fmt: skip
    rows = [head, ["---"] * len(head)]
    for network, name in ENGINE_NETWORKS.items():
        for processors, found in made["networks"][name].items():
            rate = found["images_per_second"]
            keras, spiking = rate["keras float predict"], max(rate["spikingjelly"], rate["snntorch"])
            int8 = max(rate["tflite int8"], rate["onnxruntime int8"])
            shares = [rate[of] / keras for of in ("native count", "numpy count")]
            shares += [int8 / keras, rate["onnxruntime float"] / keras, rate["native count"] / int8]
            shares += [rate[f"{engine} step"] / spiking for engine in ("native", "numpy")]
            rows.append([network, processors, *(f"{share:.2f}" for share in shares)])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines[1] = "|---" * len(head) + "|"
    measured = f"Measured on {machine['date']}, {machine['processor']}, {machine['cores']} cores:"
    return "\n".join([measured, "", *lines, ""])


def test_the_table_of_engines() -> None:
    page = ROOT / "docs" / "guide" / "engines.md"
    written = page.read_text(encoding="utf-8")
    (found,) = re.findall(r"Measured on [^\n]*\n\n(?:\|[^\n]*\n)+", written)
    if os.environ.get("SNNCC_REFRESH"):
        page.write_text(written.replace(found, engines_table()), encoding="utf-8")
    else:
        assert found == engines_table(), "run `make golden` and commit docs/guide/engines.md"


ERRORS = ("median", "nine_of_ten", "most")


def errors(name: str, of: str) -> list[float]:
    """A model's errors in %."""
    return [results(name)["errors_percent"][of][kind] for kind in ERRORS]


def test_the_table_of_the_model_of_instructions() -> None:
    rows = read("docs/reference/figures-c.md").table("model of instructions")
    assert [row[0] for row in rows] == list(results("c_instructions")["errors_percent"])
    for of, networks, *written in rows:
        assert says(networks, results("c_instructions")["errors_percent"][of]["networks"])
        assert wrong(list(zip(written, errors("c_instructions", of), strict=True))) == [], of


def test_the_table_of_the_model_of_area() -> None:
    rows = read("docs/reference/figures-hardware.md").table("model of area")
    assert len(rows) == len(results("area")["errors_percent"])
    for name, designs, *written in rows:
        of = f"{SYNTHESES[name.split()[0]]} {'ffs' if 'flip' in name else 'luts'}"
        found = results("area")["errors_percent"][of]
        assert wrong(list(zip(numbers(designs), [found["networks"]], strict=True))) == [], of
        assert wrong(list(zip(written, errors("area", of), strict=True))) == [], of


SYNTHESES = {"xc7": "synth_xilinx", "ECP5": "synth_ecp5", "iCE40": "synth_ice40"}


# --- hardware ----------------------------------------------------------------------------------------------


def hardware(network: str, dynamics: str, file: str = "hw") -> Any:
    """A row of the hardware benchmark."""
    (found,) = [r for r in results(file)["rows"] if (r["network"], r["dynamics"]) == (network, dynamics)]
    return found


def logic(row: Any) -> float:
    return float(row["xc7"]["luts"] + row["xc7"]["ffs"])


def test_the_table_of_hardware_figures() -> None:
    rows = [row for row in read("docs/reference/figures-hardware.md").table("") if "`" in row[0]]
    assert len(rows) == len(results("hw")["rows"])
    for name, accuracy, timesteps, bits, area, rams, dsps, latency, interval, ecp5 in rows:
        found = re.fullmatch(r"(784-128-10|demo CNN), `(count|step)`", name)
        assert found, name
        row = hardware("mlp" if found[1][0] == "7" else "cnn", found[2])
        xc7, other = row["xc7"], row["ecp5"]
        measured = [100 * row["test_accuracy"], 100 * row["float_test_accuracy"], row["timesteps"], row["signed_bit"],
                    xc7["luts"], xc7["ffs"], logic(row), xc7["brams"], xc7["dsps"],
                    row["latency_cycles"], row["longest_latency_cycles"],
                    row["interval_cycles"], row["longest_interval_cycles"],
                    other["luts"], other["ffs"], other["fmax_mhz"]]  # fmt: skip
        written = [n for cell in (accuracy, timesteps, bits, area, rams, dsps, latency, interval, ecp5)
                   for n in numbers(cell)]  # fmt: skip
        assert wrong(list(zip(written, measured, strict=True))) == [], name


BOARDS = {
    "ResNet-8": "image_classification", "DS-CNN": "keyword_spotting", "MobileNetV1 0.25": "visual_wake_words",
    "autoencoder": "anomaly_detection", "demo CNN": "demo_cnn", "784-128-10": "mlp", "490-256-256-256-12": "kws_mlp",
}  # fmt: skip


def test_the_table_of_boards() -> None:
    data = results("boards")
    written = read("docs/reference/figures-hardware.md").table("network on a board")
    measured = {(row["network"], row["options"]["max_lanes"]): row for row in data["rows"]}
    assert all(row["measured_equals_predicted"] in (True, None) for row in measured.values())
    before = dict(data["before"])
    for name, lanes, compiled, close, area, rams, dsps, latency, interval, fmax, rate in written:
        title, _, then = name.partition(", ")
        if then:
            old = before.pop(BOARDS[title])
            figures = [old[key] for key in ("luts", "brams", "dsps", "latency_cycles", "interval_cycles")]
            assert wrong(list(zip([numbers(area)[0], rams, dsps, latency, interval], figures, strict=True))) == []
            continue
        row = measured.pop((BOARDS[title], int(lanes)))
        beside = [row[key] for key in ("accuracy", "float_accuracy", "agreement", "relative_error") if key in row]
        figures = [row["signed_bit"], row["timesteps"], *(100 * share for share in beside)]
        figures += [row["xc7"][key] for key in ("luts", "ffs", "brams", "dsps")]
        figures += [row["latency_cycles"], row["interval_cycles"]]
        figures += [] if row["fmax_mhz"] is None else [row["fmax_mhz"], 1e6 * row["fmax_mhz"] / row["interval_cycles"]]
        cells = (compiled, close, area, rams, dsps, latency, interval, fmax, rate)
        assert wrong(list(zip([n for cell in cells for n in numbers(cell)], figures, strict=True))) == [], name
        assert ("about" in area) == row["modelled"] and (fmax == "not placed") == (row["fmax_mhz"] is None)
    assert not before and not measured
    peers = {peer["name"]: peer for peer in data["published"]}
    for name, _, board, _, rate, cells, source in read("docs/reference/figures-hardware.md").table("published"):
        peer = peers.pop(name)
        assert (board, source) == (peer["board"], peer["source"])
        figures = [peer[key] for key in ("images_per_second", "cells") if peer.get(key)]
        assert wrong(list(zip(numbers(rate) + numbers(cells), figures, strict=True))) == [], name
    assert not peers


def test_the_table_of_external_weights() -> None:
    rows = read("docs/reference/figures-hardware.md").table("a beat every")
    periods = results("external")["periods"]
    assert [numbers(row[0])[0] for row in rows] == list(periods)
    for every, latency, interval in rows:
        made = periods[numbers(every)[0]]
        assert wrong([(latency, made["latency"]), (interval, made["interval"])]) == []
    run = results("external")
    assert run["passed"] and run["measured"] == run["predicted"]


def test_the_table_of_leaky_neurons() -> None:
    made = results("lif")
    spiker, *rows = read("docs/reference/figures-hardware.md").table("leaky neurons")
    peer = made["spiker_plus"]
    known = [100 * peer["accuracy"], peer["cells"], peer["block_rams"], peer["cycles"], peer["cycles"]]
    assert wrong(list(zip([n for cell in spiker[1:] for n in numbers(cell)], known, strict=True))) == []
    assert len(rows) == len(made["rows"])
    for (_, *cells), row in zip(rows, made["rows"], strict=True):
        xc7, other = row["xc7"], row["ecp5"]
        measured = [100 * made["accuracy"], 100 * made["snntorch"]["accuracy"], made["timesteps"], made["signed_bit"],
                    xc7["luts"], xc7["ffs"], xc7["luts"] + xc7["ffs"], xc7["brams"], xc7["dsps"],
                    row["latency_cycles"], row["longest_latency_cycles"], row["interval_cycles"],
                    other["luts"], other["ffs"]]  # fmt: skip
        assert wrong(list(zip([n for cell in cells for n in numbers(cell)], measured, strict=True))) == []
        assert row["verilator"]["passed"] and row["verilator"]["cycles_as_predicted"]
    assert made["other_classes"] == 0


# --- accuracy ----------------------------------------------------------------------------------------------


@cache
def cells() -> dict[tuple[Any, ...], list[float]]:
    """Accuracies of the trainings of a cell of 8 bits, by (network, dynamics, encoding, pools, level, T)."""
    found: dict[tuple[Any, ...], list[float]] = {}
    for c in results("accuracy")["cells"]:
        if c["bits"] == 8 and c["compiled"] == c["timesteps"]:
            key = (c["network"], c["dynamics"], c["encoding"], c["pools"], c["calibrate"], c["timesteps"])
            found.setdefault(key, []).append(c["accuracy"])
    return found


def percent(values: list[float]) -> float:
    return 100 * sum(values) / len(values)


def below(network: str, dynamics: str, timesteps: int) -> float:
    """Points that `auto` is below float, the mean of three trainings."""
    (found,) = [g["points_below_float"] for g in results("accuracy")["goals"]
                if (g["network"], g["dynamics"], g["timesteps"], g["bits"], g["pools"], g["calibrate"])
                == (network, dynamics, timesteps, 8, "auto", "auto")]  # fmt: skip
    return float(found)


def against_the_best() -> Any:
    """How far `auto` is below the best of the grid, in all cases together."""
    (found,) = [row for row in results("accuracy")["defaults"] if row["dynamics"] == "both"]
    return found


def test_the_table_of_accuracies() -> None:
    page = read("docs/reference/figures-accuracy.md")
    (head,) = [table[0] for table in page.tables if table[0][0] == "network (float)"]
    rows = page.table("network (float)")
    assert len(rows) == 3 * 2 * 6
    for name, dynamics, encoding, pools, level, *accuracies in rows:
        network, _, float_accuracy = name.rstrip(")").partition(" (")
        assert says(float_accuracy, percent(results("accuracy")["float"][NETWORKS[network]]))
        for column, written in zip(head[5:], accuracies, strict=True):
            choice = (encoding, pools, level.strip("*"), int(column.removeprefix("T=")))
            measured = cells()[NETWORKS[network], dynamics.strip("`"), *choice]
            assert len(measured) == 3 and says(written, percent(measured)), (name, dynamics, choice)


TRAINED = ("light", "full", "qcfs", "network")
"""Columns of the table of training."""
TRAININGS = NETWORKS | {"colour patches": "colours"}


def test_the_table_of_training() -> None:
    found = {(r["network"], r["timesteps"], r["method"]): r["accuracy"] for r in results("training")["rows"]}
    rows = read("docs/guide/training.md").table("trained network (float)")
    assert len(rows) == 3 * len(TRAININGS)
    for name, timesteps, *written in rows:
        network, _, float_accuracy = name.rstrip(")").partition(" (")
        assert says(float_accuracy, 100 * results("training")["float"][TRAININGS[network]])
        for method, cell in zip(TRAINED, written, strict=True):
            accuracy = found.pop((TRAININGS[network], int(timesteps), method), None)
            assert cell == "-" if accuracy is None else says(cell.strip("*"), 100 * accuracy), (name, timesteps, method)
    assert not found


def trained(network: str, method: str, timesteps: int = 1) -> float:
    """Accuracy in % of a cell of the training benchmark."""
    wanted = {"network": network, "method": method, "timesteps": timesteps}
    (found,) = [100 * row["accuracy"] for row in results("training")["rows"] if wanted.items() <= row.items()]
    return float(found)


def gained(network: str) -> float:
    """Points that training gains on `light` at T = 1."""
    return max(trained(network, "qcfs"), trained(network, "network")) - trained(network, "light")


# --- sentences ---------------------------------------------------------------------------------------------

F = r"([\d.,]*\d)"
SENTENCES: list[tuple[str, str, Callable[[], list[float]]]] = [
    (
        "README.md",
        rf"takes {F} instructions in `count` \({F} %; CMSIS-NN's int8 CNN of the same network: {F} at {F} %\)",
        lambda: [instructions("count", "rate", 8), anchor("count", "rate", 8)["accuracy"],
                 peer("CMSIS-NN int8 CNN")[1], peer("CMSIS-NN int8 CNN")[0]],
    ),
    (
        "README.md",
        rf"T = 8, {F} million \({F} %, current input\) or {F} million \({F} %, rate input; "
        rf"qualia's SNN at T = 16: {F} million at {F} %\)",
        lambda: [n for encoding in ("current", "rate")
                 for n in (MILLION * instructions("step", encoding, 8, 8, "light"),
                           anchor("step", encoding, 8, 8, "light")["accuracy"])]
                + [MILLION * peer("qualia int8 SNN, T=16")[1], peer("qualia int8 SNN, T=16")[0]],
    ),
    (
        "README.md",
        rf"at T = {F}, {F} bits, mean cycles per image: {F} % in {F} \(`count`\) with {F} LUT \+ FF and {F} block "
        rf"RAMs, {F} % in {F} \(`step`\) with {F} and {F}; Spiker\+, as published: {F} %, {F} cycles, {F} cells, {F}",
        lambda: [hardware("mlp", "count")["timesteps"], hardware("mlp", "count")["signed_bit"],
                 *(n for dynamics in ("count", "step") for row in [hardware("mlp", dynamics)]
                   for n in (100 * row["test_accuracy"], row["latency_cycles"], logic(row), row["xc7"]["brams"])),
                 100 * results("hw")["spiker_plus"]["accuracy"], results("hw")["spiker_plus"]["cycles"],
                 results("hw")["spiker_plus"]["cells"], results("hw")["spiker_plus"]["block_rams"]],
    ),
    (
        "README.md",
        rf"residual network; {F}, {F} and {F} % in float\)",
        lambda: [percent(results("accuracy")["float"][network]) for network in NETWORKS.values()],
    ),
    (
        "README.md",
        rf"three trainings: {F}, {F}, {F} in `step` at T = 8; {F}, {F}, {F} in `step` at T = 4; "
        rf"{F}, {F}, {F} in `count` at T = 4",
        lambda: [max(0.0, below(network, *aim)) for aim in AIMS[:3] for network in NETWORKS.values()],
    ),
    (
        "README.md",
        rf"it is {F} points above the best of five fixed choices in the mean, {F} below at most. Compiling takes {F} "
        rf"seconds of a processor in the median, {F} at most",
        lambda: [-against_the_best()["mean"], against_the_best()["most"],
                 statistics.median(seconds("auto")), max(seconds("auto"))],
    ),
    (
        "README.md",
        rf"on MNIST digits it gains up to {F} points on `light`",
        lambda: [max(map(gained, NETWORKS.values()))],
    ),
    (
        "README.md",
        rf"of ten photographs \({F} % in float\) has {F} % at T = 1 with QCFS, {F} with `light`, {F} with `full`",
        lambda: [100 * results("training")["float"]["colours"],
                 *(trained("colours", method) for method in ("qcfs", "light", "full"))],
    ),
    (
        "docs/reference/figures-c.md",
        rf"{F}, {F} and {F} instructions per MAC for a 3×3×16×16 convolution of {F}, {F} and {F} million MACs",
        lambda: [row["per_mac"] for row in results("c_cortex_m4")["linearity"]]
        + [MILLION * row["macs"] for row in results("c_cortex_m4")["linearity"]],
    ),
    (
        "docs/guide/c.md",
        rf"float network's class: image classification {F} and {F}, {F} and {F} %; keyword spotting {F} and {F}, {F} "
        rf"and {F} %; visual wake words {F} and {F}, {F} and {F} %",
        lambda: [n for network in ("image_classification", "keyword_spotting", "visual_wake_words")
                 for each in [[mlperf("rows", network=network, dynamics="count", bits=8, T=t) for t in (16, 255)]]
                 for n in (*(MILLION * row["-O3"]["instructions"] for row in each), *map(closeness, each))],
    ),
    (
        "docs/guide/explore.md",
        rf"On {F} networks that it was not fitted to it is off by {F} % in the median, {F} % at most in nine of ten, "
        rf"{F} % at worst",
        lambda: [
            results("c_instructions")["errors_percent"]["unseen"]["networks"],
            *errors("c_instructions", "unseen"),
        ],
    ),
    (
        "docs/guide/explore.md",
        rf"were off by at most {F} % \(xc7\), {F} % \(ECP5\) and {F} % \(iCE40\)",
        lambda: [errors("area", f"{command} luts")[2] for command in SYNTHESES.values()],
    ),
    (
        "docs/reference/figures-c.md",
        rf"fits the costs to {F} random networks",
        lambda: [results("c_instructions")["model"]["networks"]],
    ),
    (
        "docs/reference/figures-hardware.md",
        rf"as predicted in {F} of {F} mappings",
        lambda: [results("area")["dsps_exact"], results("area")["mappings"]],
    ),
    (
        "docs/reference/figures-hardware.md",
        rf"\({F} and {F} of them\)",
        lambda: [logic(hardware("mlp", d)) / results("hw")["spiker_plus"]["cells"] for d in ("count", "step")],
    ),
    (
        "docs/reference/figures-hardware.md",
        rf"an image takes {F} us \(`step` {F} us;",
        lambda: [hardware("mlp", d)["latency_us_at_ecp5_fmax"] for d in ("count", "step")],
    ),
    (
        "docs/reference/figures-hardware.md",
        rf"`count` latency {F} and interval {F}; `step` latency {F} and interval {F} times",
        lambda: [hardware("cnn", dynamics)[f"{what}_over_ideal"]
                 for dynamics in ("count", "step") for what in ("latency", "interval")],
    ),
    (
        "docs/reference/figures-hardware.md",
        rf"takes T = {F}, {F}, {F} and {F}\. 784-128-10 is the same in `count` \({F} %\) and has {F} %, {F} cycles and "
        rf"{F} LUT \+ FF in `step`",
        lambda: [row["timesteps"] for row in results("hw_epyc")["rows"]]
        + [100 * hardware("mlp", "count", "hw_epyc")["test_accuracy"],
           100 * hardware("mlp", "step", "hw_epyc")["test_accuracy"],
           hardware("mlp", "step", "hw_epyc")["latency_cycles"], logic(hardware("mlp", "step", "hw_epyc"))],
    ),
    (
        "docs/reference/figures-hardware.md",
        rf"has {F} % \(float {F} %\) on the test images: {F} cycles, {F} of the ideal sum, .*? "
        rf"it has {F} %, {F} cycles, {F}\.",
        lambda: [100 * hardware("cnn", "count", "hw_epyc")["test_accuracy"],
                 100 * hardware("cnn", "count", "hw_epyc")["float_test_accuracy"],
                 *(n for d in ("count", "step") for row in [hardware("cnn", d, "hw_epyc")]
                   for n in ([100 * row["test_accuracy"]] if d == "step" else [])
                   + [row["latency_cycles"], row["latency_over_ideal"]])],
    ),
    (
        "docs/reference/figures-accuracy.md",
        rf"accuracy\.json\), {F} cells\.",
        lambda: [len(results("accuracy")["cells"])],
    ),
    (
        "docs/reference/figures-hardware.md",
        rf"T = 4, {F} random weights of 4 bits.*?first beat comes {F} cycles after.*?kbit: {F} of weights outside "
        rf"and {F} inside, {F} of tiles, {F} of potentials, {F} of banks.*?at a beat every {F} cycles, .*? in "
        rf"exactly the {F} pred",
        lambda: [results("external")["weights"], results("external")["memory"]["latency"],
                 *(results("external")["kbit"][what] for what in
                   ("weights outside", "weights inside", "tiles", "potentials", "banks")),
                 results("external")["memory"]["period"], results("external")["measured"][0][1] + 1],
    ),
    (
        "docs/reference/figures-accuracy.md",
        rf"In each of the {F} cases .*? It is {F} points above it in the mean, .*?, and {F} below at most;",
        lambda: [against_the_best()["networks"], -against_the_best()["mean"], against_the_best()["most"]],
    ),
    (
        "docs/reference/figures-accuracy.md",
        rf"`auto` meets {F} of the 12",
        lambda: [sum(g["met"] for g in results("accuracy")["goals"] if (g["pools"], g["bits"]) == ("auto", 8))],
    ),
    (
        "docs/reference/figures-accuracy.md",
        rf"`auto` takes {F} seconds of a processor in the median, {F} at most; `light` with given options {F}, "
        rf"`full` {F}\.",
        lambda: [statistics.median(seconds("auto")), max(seconds("auto")), statistics.median(seconds("light")),
                 statistics.median(seconds("full"))],
    ),
    (
        "docs/guide/nir.md",
        rf"Measured once: {F} networks, .*?; {F} runs in the three simulators, {F} integers compared, {F} differ\. "
        rf"With one weight of its file changed, each of the {F} differs\.",
        lambda: [len({run["network"] for run in peers_runs()}), len(peers_runs()),
                 sum(run["values"] for run in peers_runs()), sum(run["mismatches"] for run in peers_runs()),
                 sum(run["with_a_fault"] > 0 for run in peers_runs())],
    ),
    (
        "docs/guide/nir.md",
        rf"On the network above {F} of {F} neurons and timesteps differ, on the two Braille networks of the paper "
        rf"{F}\.",
        lambda: [real_leaks()[0]["differ"], real_leaks()[0]["neuron_timesteps"],
                 sum(row["differ"] for row in real_leaks()[1:])],
    ),
]  # fmt: skip
"""(page, pattern, the measured values of its groups)."""


def peers_runs() -> list[dict[str, Any]]:
    """Every network in every simulator."""
    return list(results("nir_peers")["networks"])


def real_leaks() -> list[dict[str, Any]]:
    """Networks whose leaks are real numbers in their files."""
    return list(results("nir_peers")["real_leaks"])


def seconds(level: str) -> list[float]:
    """Processor time of every conversion with this level."""
    return [float(c["convert_cpu_seconds"]) for c in results("accuracy")["cells"] if c["calibrate"] == level]


@pytest.mark.parametrize(("page", "pattern", "measured"), SENTENCES, ids=[s[1][:30] for s in SENTENCES])
def test_a_sentence_quotes_what_was_measured(page: str, pattern: str, measured: Callable[[], list[float]]) -> None:
    found = re.search(pattern, text(page))
    assert found, f"{page} has no sentence like {pattern!r}: change SENTENCES with it"
    assert wrong(list(zip(found.groups(), measured(), strict=True))) == []


def test_a_figure_that_differs_is_found() -> None:
    assert says("1,577", 1577.41) and says("0.60", 0.6) and says("96.1", 96.11) and says("0.0", -0.03)
    assert wrong([("1,577", 1578.0), ("0.60", 0.606), ("96.1", 96.2), ("12", 12.0)]) == [
        ("1,577", 1578.0), ("0.60", 0.606), ("96.1", 96.2),
    ]  # fmt: skip
    assert not says("12", 13.0) and not says("0.61", 0.6)
