"""Who can do what: the table of features against simulators and targets, from the one place that refusals come from."""

from __future__ import annotations

from collections.abc import Iterable

from snncc import backends
from snncc.frontend.onnx.advice import GROUPS, NOTHING
from snncc.frontend.onnx.layers import READERS
from snncc.ir import FEATURES, NO_MEANING, Refusals

KERAS: Refusals = {
    "step": "the Keras twin runs `count`: a Keras layer has no timesteps",
    **NO_MEANING,
}
"""What the Keras twin (snncc.keras_layers) cannot do."""


def refusals() -> dict[str, Refusals]:
    """Column -> feature -> why not and what instead."""
    columns: dict[str, Refusals] = {"simulator": NO_MEANING, "Keras twin": KERAS}
    return columns | {name: backends.target(name).refuses for name in backends.TARGETS}


def page() -> str:
    """docs/reference/support.md."""
    columns = refusals()
    lines = [
        "# What is supported where",
        "",
        "Written by `make golden` from `snncc/ir/capabilities.py` and the targets' own refusals; a test holds it, and "
        "crosses it with the networks that the parity tests run.",
        "",
        f"| feature | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    notes: dict[str, int] = {}
    for feature, words in FEATURES.items():
        cells = [_cell(refused.get(feature), notes) for refused in columns.values()]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    lines += ["", *(f"{number}. {_sentence(text)}" for text, number in notes.items())]
    lines += ["", "Beyond these, a target refuses by name, before it writes anything:", ""]
    lines += [f"- `{name}`: {limit}." for name in backends.TARGETS for limit in backends.target(name).limits]
    return "\n".join([*lines, "", *_operators()]) + "\n"


def _operators() -> list[str]:
    """What becomes of each operator of ONNX, from the readers and the advice."""
    lines = [
        "## Operators of ONNX",
        "",
        "Operator sets 11 to the newest that the installed onnx knows; [the guide](../guide/onnx.md) says how.",
        "",
        f"Read: {_names(READERS)}.",
        "",
        f"Left out: {_names(NOTHING)}.",
        "",
        "| refused | why, and what to write instead |",
        "|---|---|",
    ]
    return lines + [f"| {_names(kinds.split())} | {reason} |" for reason, kinds in GROUPS.items()]


def _names(kinds: Iterable[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in sorted(kinds))


def _cell(refusal: str | None, notes: dict[str, int]) -> str:
    if refusal is None:
        return "yes"
    return f"no ({notes.setdefault(refusal, len(notes) + 1)})"


def _sentence(refusal: str) -> str:
    text = refusal.format(where="a population that")
    return text.replace("a population that reads", "a population reads") + "."


__all__ = ["page", "refusals"]
