"""Options: every number has a range and its refusal names it; no option states two defaults."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

import snncc
from snncc.backends.options import options_of
from snncc.backends.verilog.drafts import MAX_LANES
from snncc.backends.verilog.target import VerilogOptions
from snncc.cli import cli, parameters
from snncc.cli.targets import parameters_of
from snncc.errors import CalibrationError, NetworkError
from snncc.ir import MAX_TIMESTEPS
from snncc.lower import Options
from tests.backends.c_folder import residual

OPTIONS = [
    (name, option)
    for name, command in sorted(cli.commands.items())
    for option in parameters_of(command)
    if isinstance(option, click.Option)
]


def test_every_number_has_a_range() -> None:
    numbers = [
        (name, o) for name, o in OPTIONS if isinstance(o.type, click.types.IntParamType | click.types.FloatParamType)
    ]
    assert len(numbers) >= 15
    for name, option in numbers:
        ranged = isinstance(option.type, click.IntRange | parameters.Finite)
        assert ranged or option.callback is not None, f"{name} {option.opts[-1]} takes any number"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("compile --signed-bit 1", "1 is not in the range 0 (float twin) or 2<=x<=16"),
        ("compile --signed-bit -3", "-3 is not in the range"),
        ("compile --timesteps 0", "0 is not in the range 1<=x<=65535"),
        ("compile --percentile 0", "0.0 is not in the range 0<x<=100"),
        ("compile --percentile nan", "nan is not a finite number"),
        ("compile --thresholding 1.5", "thresholding must lie in -1..1"),
        ("compile --thresholding half", "thresholding must be a number"),
        ("compile --input-bits 17", "17 is not in the range 2<=x<=16"),
        ("compile --input-range 2 1", "LO must be below HI: 2 is not below 1"),
        ("compile --input-range -2 -1", "HI must be above 0, not -1"),
        ("compile --input-range 0 inf", "LO and HI must be finite, not 0 and inf"),
        ("compile --spike-ext -2", "-2 is not in the range -1<=x<=65534"),
        ("compile --seed -1", "-1 is not in the range x>=0"),
        ("export --target-fps 0", "0.0 is not in the range x>0"),
        ("export --target-fps inf", "inf is not a finite number"),
        ("export --clock-mhz nan", "nan is not a finite number"),
        ("export --max-lanes 257", "257 is not in the range 1<=x<=256"),
        ("export --lanes conv=0", "0 is not in the range 1<=x<=256"),
        ("export --lanes conv", "'conv' is not LAYER=N"),
        ("evaluate -T 0", "0 is not in the range 1<=x<=65535"),
        ("evaluate -T 65536", "65536 is not in the range 1<=x<=65535"),
        ("diagnose --images -1", "-1 is not in the range x>=1"),
        ("diagnose --images 0", "0 is not in the range x>=1"),
        ("diagnose -T 0", "0 is not in the range"),
        ("verify --images -1", "-1 is not in the range x>=1"),
        ("verify -T 0", "0 is not in the range"),
    ],
)
def test_a_number_out_of_its_range_is_wrong_usage(arguments: str, said: str) -> None:
    done = CliRunner().invoke(cli, arguments.split())
    assert done.exit_code == 2 and said in done.stderr, done.output
    assert arguments.split()[1].strip("-") in done.stderr or "-T" in arguments


def test_the_ranges_are_those_of_the_network() -> None:
    assert (parameters.TIMESTEPS.min, parameters.TIMESTEPS.max) == (1, MAX_TIMESTEPS)
    asked = options_of(VerilogOptions)
    assert {(asked[name].low, asked[name].high) for name in ("lanes", "max_lanes")} == {(1, MAX_LANES)}
    assert (parameters.SPIKE_EXT.min, parameters.SPIKE_EXT.max) == (-1, MAX_TIMESTEPS - 1)


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_states_one_default(name: str, option: click.Option) -> None:
    context = click.Context(cli.commands[name], info_name=name, **cli.context_settings)
    record = option.get_help_record(context)
    assert record is not None and record[1].count("[default") <= 1, f"{name} {record}"
    assert 'default: ""' not in record[1]
    assert "[" not in (option.help or "") and (option.help or "").endswith("."), f"{name} {option.opts}: a sentence"


def test_messages_name_the_sum_that_is_too_large() -> None:
    with pytest.raises(CalibrationError, match=r"at most 65,535, not 65,530 \+ 7 = 65,537"):
        Options(timesteps=65_530, spike_ext=7)
    with pytest.raises(CalibrationError, match=r"at most 65,535, not 65,536 \+ 0 = 65,536"):
        Options(timesteps=65_536, spike_ext=-1)
    assert Options(timesteps=65_528, spike_ext=7).timesteps == 65_528
    network = snncc.Network(residual(spike_ext=7))
    with pytest.raises(NetworkError, match=r"timesteps \+ spike_ext must be at most 65,535, not 65,530 \+ 7 = 65,537"):
        network.with_(timesteps=65_530)
    for factor in (float("inf"), 0, float("nan")):
        with pytest.raises(CalibrationError, match="positive and finite"):
            network.with_(scaling_factor=factor)
