"""The figures in sentences of README and of the pages, from benchmarks/results, are those that were measured."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from typing import Any

import pytest

from tests.docs.figures import (
    MILLION,
    NETWORKS,
    SYNTHESES,
    anchor,
    closeness,
    errors,
    hardware,
    logic,
    mlperf,
    peer,
    percent,
    results,
    says,
    wrong,
)
from tests.docs.pages import text

AIMS = (("step", 8), ("step", 4), ("count", 4), ("count", 2))


def instructions(*choice: Any) -> float:
    return float(anchor(*choice)["-O3"]["instructions"])


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
