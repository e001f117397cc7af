"""Spiking simulators on a CPU: SpikingJelly and snnTorch, the networks of engines_bench.py in `step`, random weights.

    pip install torch spikingjelly snntorch && python benchmarks/spiking_peers.py NETWORK IMAGES TIMESTEPS THREADS

prints the least wall and CPU seconds per run of each as JSON. Integrate-and-fire neurons, reset by subtraction, no
gradient.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

ROUNDS = 3


def vgg16(fire: Callable[[], Any]) -> Any:
    layers: list[Any] = []
    channels = 3
    for count, filters in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), fire()]
            channels = filters
        layers.append(nn.AvgPool2d(2))
    dense = [nn.Linear(512, 512), fire(), nn.Linear(512, 512), fire(), nn.Linear(512, 10)]
    return nn.Sequential(*layers, nn.Flatten(), *dense)


def demo(fire: Callable[[], Any]) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), fire(), nn.AvgPool2d(2), nn.Conv2d(16, 32, 3, padding=1), fire(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1568, 10),
    )  # fmt: skip


class _Residual(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int, fire: Callable[[], Any]) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inside, outside, 3, stride, 1), fire())
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.short = nn.Conv2d(inside, outside, 1, stride) if stride > 1 else nn.Identity()
        self.fire = fire()

    def forward(self, x: Any) -> Any:
        return self.fire(self.second(self.first(x)) + self.short(x))


def image_classification(fire: Callable[[], Any]) -> Any:
    blocks = [_Residual(16, 16, 1, fire), _Residual(16, 32, 2, fire), _Residual(32, 64, 2, fire)]
    first = [nn.Conv2d(3, 16, 3, padding=1), fire()]
    return nn.Sequential(*first, *blocks, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))


def visual_wake_words(fire: Callable[[], Any]) -> Any:
    layers: list[Any] = [nn.Conv2d(3, 8, 3, 2, 1), fire()]
    channels = 8
    shape = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)]
    for filters, stride in shape:
        layers += [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels), fire()]
        layers += [nn.Conv2d(channels, filters, 1), fire()]
        channels = filters
    return nn.Sequential(*layers, nn.AvgPool2d(3), nn.Flatten(), nn.Linear(256, 2))


NETWORKS = {
    "vgg16": (vgg16, (3, 32, 32)),
    "demo": (demo, (1, 28, 28)),
    "image_classification": (image_classification, (3, 32, 32)),
    "visual_wake_words": (visual_wake_words, (3, 96, 96)),
}


def spikingjelly(build: Callable[..., Any], images: Any, timesteps: int) -> Callable[[], Any]:
    """Layers take all timesteps at once, as its documentation advises."""
    from spikingjelly.activation_based import functional, neuron

    net = build(lambda: neuron.IFNode(v_reset=None)).eval()
    functional.set_step_mode(net, "s")

    def run() -> Any:
        functional.reset_net(net)
        return sum(net(images) for _ in range(timesteps))

    return run


def snntorch(build: Callable[..., Any], images: Any, timesteps: int) -> Callable[[], Any]:
    import snntorch as snn
    from snntorch import utils

    net = build(lambda: snn.Leaky(beta=1.0, reset_mechanism="subtract", init_hidden=True)).eval()

    def run() -> Any:
        utils.reset(net)
        return sum(net(images) for _ in range(timesteps))

    return run


def main() -> None:
    """Least seconds of each for all images, in turn."""
    name, count, timesteps, threads = sys.argv[1], *map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    images = torch.rand(count, *shape)
    runs = {peer.__name__: peer(build, images, timesteps) for peer in (spikingjelly, snntorch)}
    clocks = {"wall": time.perf_counter, "cpu": time.process_time}
    seconds: dict[str, dict[str, list[float]]] = {peer: {clock: [] for clock in clocks} for peer in runs}
    with torch.no_grad():
        for _ in range(1 + ROUNDS):
            for peer, run in runs.items():
                starts = {clock: read() for clock, read in clocks.items()}
                run()
                for clock, read in clocks.items():
                    seconds[peer][clock].append(read() - starts[clock])
    print(json.dumps({peer: {clock: min(s[1:]) for clock, s in times.items()} for peer, times in seconds.items()}))


if __name__ == "__main__":
    main()
