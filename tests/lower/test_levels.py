"""Thresholds of an activation of T levels: every integer drive fires as often as the activation says, in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from snncc.graph import ClipFloor
from snncc.lower.levels import Rungs, rungs
from tests.support import examples

LARGEST = 2**20


def wanted(op: ClipFloor, drive: int, shift: int, s: float, scale: float, bias: float) -> int:
    """clip(floor(z*T/lambda + start), 0, T) of z = drive*2^F / (s*T) + b, exactly."""
    levels = op.levels
    z = Fraction(drive) * 2**shift / (Fraction(s) * levels) + Fraction(bias)
    return max(0, min(levels, floor(z * levels / Fraction(scale) + Fraction(op.start))))


def counted(found: Rungs, drive: int, shift: int, levels: int, channel: int) -> int:
    """The contract's `count`."""
    theta = int(np.broadcast_to(found.theta, found.bias.shape)[channel])
    u = drive * 2 ** (shift + found.more) + int(found.bias[channel]) * levels + int(found.v0[channel])
    return max(0, min(levels, u // theta))


@st.composite
def populations(draw: st.DrawFn) -> tuple[ClipFloor, np.ndarray, np.ndarray, int]:
    """(levels, s, b, F): scales of all kinds, or powers of two, where every tie is met."""
    levels, channels = draw(st.sampled_from([1, 2, 3, 4, 7, 8, 16])), draw(st.integers(1, 3))
    real = st.floats(0.0625, 16, width=32)
    power = st.integers(-3, 4).map(lambda e: 2.0**e)
    number = power if draw(st.booleans()) else real
    scale = np.array(draw(st.lists(number, min_size=channels, max_size=channels)))
    scale = scale if draw(st.booleans()) else scale[:1].reshape(())
    s = np.array([8 * draw(number) for _ in range(channels)])
    bias = np.array([draw(st.integers(-40, 40)) / 16 * draw(number) for _ in range(channels)])
    return ClipFloor(levels, scale, draw(st.sampled_from([0.5, 0.0]))), s, bias, draw(st.integers(0, 3))


@examples(60)
@given(populations())
def test_every_drive_counts_as_the_activation(given_: tuple[ClipFloor, np.ndarray, np.ndarray, int]) -> None:
    op, s, bias, shift = given_
    found = rungs(op, s, bias, shift, LARGEST)
    if found is None:  # finer thresholds than any that is allowed: what the caller rounds
        assert op.levels > 4
        return
    scales = np.broadcast_to(op.scale, s.shape)
    wrong = 0
    for c in range(len(s)):
        middle = int(-bias[c] * s[c] * op.levels / 2**shift)
        reach = int(s[c] * scales[c] / 2**shift * op.levels) + 3
        for drive in range(middle - 3, middle + reach, max(1, reach // 300)):
            exact = wanted(op, drive, shift, s[c], scales[c], bias[c])
            near = wanted(op, drive, shift, s[c] * (1 + 1e-8), scales[c], bias[c] * (1 + 1e-8))
            near = max(near, wanted(op, drive, shift, s[c] * (1 - 1e-8), scales[c] * (1 - 1e-8), bias[c]))
            assert counted(found, drive, shift, op.levels, c) in (exact, near)
            wrong += counted(found, drive, shift, op.levels, c) != exact
    assert wrong <= op.levels * len(s)  # ties that are none in 24 bits


def test_powers_of_two_meet_every_tie() -> None:
    op, s, bias = ClipFloor(4, np.array(2.0)), np.array([8.0, 16.0]), np.array([0.25, -0.125])
    found = rungs(op, s, bias, 0, LARGEST)
    assert found is not None and found.more == 0
    for c in range(2):
        for drive in range(-100, 300):
            assert counted(found, drive, 0, 4, c) == wanted(op, drive, 0, s[c], 2.0, bias[c])


def test_a_threshold_beside_it_is_noticed() -> None:
    """The control: a v0 that is one unit of the drive off counts another way somewhere."""
    op, s, bias = ClipFloor(4, np.array(1.3)), np.array([10.0]), np.array([0.3])
    found = rungs(op, s, bias, 0, LARGEST)
    assert found is not None
    off = Rungs(found.more, found.theta, found.bias, found.v0 + 2**found.more)
    drives = range(-20, 80)
    assert all(counted(found, d, 0, 4, 0) == wanted(op, d, 0, 10.0, 1.3, 0.3) for d in drives)
    assert any(counted(off, d, 0, 4, 0) != wanted(op, d, 0, 10.0, 1.3, 0.3) for d in drives)


def test_positions_have_starts_of_their_own() -> None:
    op, s, bias = ClipFloor(3, np.array(0.9)), np.array([7.0, 9.0]), np.linspace(-1, 1, 12).reshape(2, 3, 2)
    found = rungs(op, s, bias, 1, LARGEST)
    assert found is not None and found.theta.shape == (2,) and found.v0.shape == bias.shape
    for place in np.ndindex(bias.shape):
        c = place[-1]
        for drive in range(-60, 60):
            u = drive * 2 ** (1 + found.more) + int(found.bias[place]) * 3 + int(found.v0[place])
            assert max(0, min(3, u // int(found.theta[c]))) == wanted(op, drive, 1, s[c], 0.9, bias[place])


def test_too_fine_levels_are_left_to_rounding() -> None:
    random = np.random.default_rng(0)
    op = ClipFloor(255, np.array(1.0))
    assert rungs(op, random.uniform(3000, 4000, 50), random.normal(0, 1, 50), 0, 2**12) is None
