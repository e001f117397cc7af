"""The objective of calibration against plain loops over integers, and the search that may not make it worse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snncc.ir import Window
from snncc.lower.tune.firing import Choice, Sample, error, search, spikes


def counts_by_hand(drive: list[int], bias: int, theta: int, v0: int, window: Window, limit: int) -> int:
    """One neuron, in integers, as docs/contract.md says it."""
    if window.dynamics == "count":
        return max(0, min(limit, (drive[0] + bias * window.timesteps + v0) // theta))
    potential, fired = v0, 0
    for t, charge in enumerate(drive):
        potential += charge + (bias if t < window.timesteps else 0)
        if potential >= theta:
            potential -= theta
            fired += 1
    return fired


def sample(window: Window, samples: int = 60, channels: int = 3, seed: int = 0, limit: int | None = None) -> Sample:
    """Drives of small integers, which float32 holds exactly, and targets."""
    rng = np.random.default_rng(seed)
    shape = (samples, channels) if window.dynamics == "count" else (window.length, samples, channels)
    drive = rng.integers(-20, 40, shape).astype(np.float32) * (4 if window.dynamics == "count" else 1)
    linear = drive.reshape(-1, samples, channels).sum(axis=0) / window.timesteps + 3
    target = np.maximum(linear + rng.normal(0, 4, linear.shape), 0).astype(np.float32)
    top = window.length if limit is None else limit
    least = np.zeros(channels)
    return Sample(drive, np.full(channels, 3, np.float32), target, linear.astype(np.float32), top, least)


WINDOWS = [Window("count", 4), Window("count", 4, 2), Window("step", 5), Window("step", 4, 3), Window("step", 1)]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_spikes_are_those_of_the_contract(window: Window) -> None:
    given = sample(window, limit=window.timesteps if window.extra else None)
    threshold = np.array([16, 32, 64], np.float32)  # powers of two: v0/threshold is exact
    start = np.array([0.5, 0.25, -0.125], np.float32)
    shift = np.array([0, 2, -3], np.float32)
    found = spikes(given, window, threshold, shift, start)
    drive = given.drive.reshape(-1, *found.shape).astype(int)
    for m, c in np.ndindex(found.shape):
        wanted = counts_by_hand(
            [int(v) for v in drive[:, m, c]],
            3 + int(shift[c]),
            int(threshold[c]),
            int(start[c] * threshold[c]),
            window,
            given.limit or 0,
        )
        assert found[m, c] == wanted
    again = error(given, window, threshold, shift, start)
    by_hand = ((found.astype(float) * threshold / window.timesteps - given.target) ** 2).mean(axis=0)
    np.testing.assert_allclose(again, by_hand, rtol=1e-5)


def first_choice(given: Sample, window: Window) -> Choice:
    threshold = np.full(given.target.shape[1], float(given.target.max()))
    zero, half = np.zeros_like(threshold), np.full_like(threshold, 0.5)
    return Choice(threshold, zero, half, error(given, window, threshold, zero, half))


@pytest.mark.parametrize("channelwise", [True, False])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_the_search_lowers_the_error_and_reports_it_truly(window: Window, channelwise: bool) -> None:
    given = sample(window, seed=1)
    first = first_choice(given, window)
    found = search(given, window, first, 2, channelwise)
    np.testing.assert_allclose(found.error, error(given, window, found.threshold, found.shift, found.start), rtol=1e-6)
    assert found.error.sum() < (0.9 if channelwise else 0.95) * first.error.sum()
    if channelwise:
        assert (found.error <= first.error).all()
    else:
        assert len(set(found.threshold.tolist())) == 1
    again = search(given, window, first, 2, channelwise)
    for name in Choice.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))


def test_a_channel_is_calibrated_alone_whatever_stands_beside_it() -> None:
    window = Window("step", 4)
    given = sample(window, channels=4, seed=2)
    whole = search(given, window, first_choice(given, window), 2, True)
    for c in range(4):
        part = given.channels(slice(c, c + 1))
        first = first_choice(given, window)
        alone = search(part, window, Choice(*(getattr(first, n)[c : c + 1] for n in first.__dict__)), 2, True)
        assert alone.threshold[0] == whole.threshold[c]
        assert alone.start[0] == whole.start[c]


def test_a_dead_channel_keeps_its_threshold() -> None:
    window = Window("count", 4)
    given = sample(window)
    silent = replace(given, drive=np.full_like(given.drive, -50), target=np.zeros_like(given.target))
    first = Choice(np.ones(3), np.zeros(3), np.full(3, 0.5), np.zeros(3))
    found = search(silent, window, first, 2, True)
    np.testing.assert_array_equal(found.threshold, 1)
    np.testing.assert_array_equal(found.error, 0)
