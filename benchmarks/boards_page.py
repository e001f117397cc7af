"""The tables of boards.json as docs/reference/figures-hardware.md has them, between two comments.

Usage: boards_page.py, which replaces them there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reference/figures-hardware.md"
BEGIN, END = "<!-- boards.json -->", "<!-- end of boards.json -->"
TITLES = {
    "image_classification": "ResNet-8", "keyword_spotting": "DS-CNN", "visual_wake_words": "MobileNetV1 0.25",
    "anomaly_detection": "autoencoder", "demo_cnn": "demo CNN", "mlp": "784-128-10", "kws_mlp": "490-256-256-256-12",
}  # fmt: skip
HEAD = ("network on a board", "`--max-lanes`", "bits, T", "beside float", "xc7 LUT + FF", "RAMB36", "DSP", "latency",
        "interval", "ECP5 Fmax", "images/s")  # fmt: skip


def beside_float(row: dict[str, Any]) -> str:
    """Accuracy and the float network's, agreement with it, or the relative error of the output."""
    if "accuracy" in row:
        return f"{100 * row['accuracy']:.1f} % ({100 * row['float_accuracy']:.1f} %)"
    if "agreement" in row:
        return f"agrees in {100 * row['agreement']:.1f} %"
    return f"error {100 * row['relative_error']:.2f} %"


def rows(data: dict[str, Any]) -> Iterator[list[str]]:
    """Every design, after what its network took before."""
    before = dict(data["before"])
    for row in data["rows"]:
        title, xc7 = TITLES[row["network"]], row["xc7"]
        if old := before.pop(row["network"], None):
            yield [f"{title}, before", "", f"{row['signed_bit']}, {row['timesteps']}", "", f"{old['luts']:,} LUT",
                   f"{old['brams']:g}", f"{old['dsps']:g}", f"{old['latency_cycles']:,}",
                   f"{old['interval_cycles']:,}", "", ""]  # fmt: skip
        about = "about " if row["modelled"] else ""
        fmax = row["fmax_mhz"]
        yield [title, str(row["options"]["max_lanes"]), f"{row['signed_bit']}, {row['timesteps']}", beside_float(row),
               f"{about}{xc7['luts']:,.0f} + {xc7['ffs']:,.0f}", f"{xc7['brams']:g}", f"{xc7['dsps']:g}",
               f"{row['latency_cycles']:,.0f}", f"{row['interval_cycles']:,.0f}",
               "not placed" if fmax is None else f"{fmax:.0f} MHz",
               "" if fmax is None else f"{row['images_per_second']:,.0f}"]  # fmt: skip


def published(data: dict[str, Any]) -> Iterator[list[str]]:
    """What others say of theirs."""
    for peer in data["published"]:
        share, rate, area = peer["accuracy"], peer["images_per_second"], peer.get("cells")
        close = f"AUC {peer['auc']}" if share is None else f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"
        yield [peer["name"], peer["network"], peer["board"], close, "" if rate is None else f"{rate:,.0f}",
               "" if area is None else f"{area:,} cells", peer["source"]]  # fmt: skip


def table(head: tuple[str, ...], body: Iterator[list[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def text(data: dict[str, Any]) -> str:
    """Both tables."""
    peers = ("published", "network", "board", "accuracy", "images/s", "area", "source")
    return f"{table(HEAD, rows(data))}\n\n{table(peers, published(data))}"


def main() -> None:
    data = json.loads((ROOT / "benchmarks/results/boards.json").read_text())
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text(data)}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
