"""docs/reference/support.md is what the code says, and what it says is so: crossed with the parity tests' networks."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snncc import backends, errors, ir, support
from snncc.errors import NetworkError, SnnccError, TargetError
from tests.docs.pages import ROOT, read
from tests.networks import SIGNED, every_kind, grown, late_maximum, max_pooled, recurrent, separable
from tests.strategies import cases, timed_cases

PAGE = ROOT / "docs" / "reference" / "support.md"


def test_the_page_is_what_the_code_says() -> None:
    if os.environ.get("SNNCC_REFRESH"):
        PAGE.write_text(support.page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == support.page(), "run `make golden` and commit docs/reference/support.md"


def with_feature(feature: str) -> ir.Network:
    """A network that uses a feature which somebody refuses."""
    network = every_kind()
    match feature:
        case "float twin":
            return ir.replace(network, signed_bit=0)
        case "no upper clip":
            return ir.replace(network, spike_ext=-1)
        case "no upper clip in step":
            return ir.replace(network, spike_ext=-1, dynamics="step")
        case "step" | "max_pool in step":
            return ir.replace(network, dynamics="step")
        case "relay":
            return separable()
        case "count" | "rate" | "spike_ext" | "pad" | "concat" | "max_pool":
            return network
        case "spread":
            return grown()
        case "leaky_integrate_and_fire" | "leaky_integrator" | "late" | "frames":
            return recurrent()
        case "leaky in count" | "late in count" | "frames in count":
            return ir.replace(recurrent(), dynamics="count")
        case "timed in float":
            return ir.replace(recurrent(), signed_bit=0)
        case "max_pool of the input and values in step":
            return max_pooled(source=SIGNED, dynamics="step")
        case "max_pool of late values":
            return late_maximum()
        case _:
            raise KeyError(feature)


@pytest.mark.parametrize("name", sorted(backends.TARGETS))
def test_a_target_refuses_every_feature_that_it_says_it_refuses(name: str) -> None:
    target = backends.target(name)
    assert set(target.refuses) <= set(ir.FEATURES)
    for feature, text in target.refuses.items():
        network = with_feature(feature)
        used = ir.features(network)
        assert feature in used
        said = re.escape(text.format(where=used[feature]))
        with pytest.raises(TargetError, match=said):
            ir.refuse(network, network.dynamics, {feature: text}, TargetError)
        with pytest.raises(TargetError):
            target.check(network, {})


def test_the_simulator_refuses_what_has_no_meaning() -> None:
    for feature in ir.NO_MEANING:
        network = with_feature(feature)
        with pytest.raises(NetworkError):
            ir.refuse(network, network.dynamics, ir.NO_MEANING, NetworkError)
    ir.refuse(every_kind(), "count", ir.NO_MEANING, NetworkError)


RARE = {"float twin", "no upper clip", "max_pool of the input and values in step", "max_pool of late values"}
"""What tests of their own run."""
MET: set[str] = set()


@settings(max_examples=300, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(case=st.one_of(cases(dynamics="count"), cases(dynamics="step"), timed_cases()))
def collect(case: object) -> None:
    """Features of the networks from which every parity test draws."""
    MET.update(ir.features(case.network))  # type: ignore[attr-defined]


def test_every_feature_that_a_target_supports_is_met_by_the_parity_tests() -> None:
    """The random networks of tests/strategies.py run through C, Verilog and the second implementation."""
    collect()
    for name, refused in support.refusals().items():
        missing = set(ir.FEATURES) - set(refused) - MET - RARE
        assert not missing, f"{name}: no random network has {sorted(missing)}"
    assert MET - set(ir.FEATURES) == set()


def test_every_error_has_its_code_and_its_section() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SnnccError)]
    codes = {kind.code: kind.__name__ for kind in kinds}
    assert len(codes) == len(kinds) == 9
    codes |= {errors.OUT_OF_MEMORY: "MemoryError", errors.SYSTEM: "OSError"}
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| \[(E\d+)\]\(#e\d+\) \| `(\w+)`", page, re.M)) == codes
    assert re.findall(r"^## (E\d+)$", page, re.M) == sorted(codes)
    assert read("docs/reference/errors.md")
