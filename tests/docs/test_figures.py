"""The tables that pages quote from benchmarks/results are those that were measured, cell by cell.

docs/reference/figures-c.md (c_cortex_m4.json, mlperf_tiny.json), figures-hardware.md (hw.json, lif.json, external.json,
boards.json), figures-accuracy.md (accuracy.json), figures-applications.md (applications.json), docs/guide/training.md
(training.json); the table of docs/guide/engines.md is made of engines.json. Not covered: figures that no file of
benchmarks/results holds (docs/reference/spkeras.md has those of a golden comparison, tests/test_spkeras.py).
"""

from __future__ import annotations

import os
import re

from tests.docs.figures import (
    MILLION,
    NETWORKS,
    SYNTHESES,
    anchor,
    closeness,
    errors,
    grid,
    hardware,
    logic,
    mlperf,
    peer,
    percent,
    results,
    says,
    wrong,
)
from tests.docs.pages import ROOT, read

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def numbers(cell: str) -> list[str]:
    return NUMBER.findall(cell)


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
            measured = grid()[NETWORKS[network], dynamics.strip("`"), *choice]
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
