"""A target of another package, as it is installed: its options, its help, its refusals, its runner, its summary."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from snncc import backends, ir, store
from snncc.cli import cli
from snncc.errors import TargetError
from snncc.verification import verify
from tests.networks import network, population, residual, weights

PACKAGE = Path(__file__).parents[1] / "examples" / "plain_target"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, installed in a folder of its own."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "plain_target", raising=False)
    return site


def dense() -> ir.Network:
    hidden = ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 12, 9), shift=2)
    out = ir.Dense(name="b", source=ir.Source("hidden"), weights=weights(2, 9, 4))
    return network(
        population("hidden", (9,), hidden, theta=700, bias=np.arange(9) - 4, v0=350),
        population("last", (4,), out, theta=None, bias=7),
        shape=(12,),
        timesteps=9,
        name="net",
    )


@pytest.fixture
def folder(package: Path, tmp_path: Path) -> Path:
    place = tmp_path / "net"
    store.write(dense(), place, {})
    return place


def snncc(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_it_is_in_the_table_and_in_the_help(package: Path) -> None:
    assert "plain" in backends.names() and backends.target("plain").name == "plain"
    said = " ".join(snncc("export", "--help").output.split())
    assert "plain: how far the table is indented. [0<=x<=8]" in said and "plain: a line to keep" in said
    assert snncc("export", ".", "--target", "c", "--indent", 9).exit_code == 2


def test_without_the_package_there_is_no_such_option() -> None:
    assert "--indent" not in snncc("export", "--help").output
    with pytest.raises(TargetError, match="there is no target 'plain': choose from c, nir, verilog"):
        backends.target("plain")


def test_export_verify_inspect(folder: Path) -> None:
    done = snncc("export", folder, "--target", "plain", "--indent", 2, "--comment", "hello")
    assert done.exit_code == 0, done.output
    text = (folder / "plain" / "net.json").read_text()
    assert text.startswith('{\n  "comment": "hello"')
    assert json.loads((folder / "manifest.json").read_text())["targets"] == {"plain": {"comment": "hello", "indent": 2}}
    report = verify(folder, images=5)
    (outcome,) = report.outcomes
    assert (outcome.target, outcome.variant, outcome.status, outcome.images) == ("plain-python", "python", "pass", 5)
    assert outcome.values == 5 * (12 + 9 + 4 + 1)
    assert f"as a table: {len(text):,} bytes" in snncc("inspect", folder).output
    assert json.loads(snncc("inspect", folder, "--json").output)["plain"] == {"bytes": len(text)}


def test_a_fault_in_what_it_wrote_is_named(folder: Path) -> None:
    store.export(folder, {"plain": {}})
    table = json.loads((folder / "plain" / "net.json").read_text())
    table["layers"][1][2][3][5] += 1
    (folder / "plain" / "net.json").write_text(json.dumps(table))
    done = snncc("verify", folder, "--target", "plain", "--images", 8)
    assert done.exit_code == 1 and "1 of 1 ran: 1 failed." in done.output
    (outcome,) = verify(folder, images=8).outcomes
    assert outcome.first_mismatch and outcome.first_mismatch.population == "the readout"


def test_its_refusals_and_its_faults_are_said(folder: Path) -> None:
    with pytest.raises(TargetError, match=r"population 'added' uses an Add: .*, which plain has not"):
        backends.target("plain").check(residual(), {})
    with pytest.raises(TargetError, match=r"'plain' has no option 'ident': choose from comment, indent, pixels"):
        store.export(folder, {"plain": {"ident": 2}})
    with pytest.raises(TargetError, match=r"`indent` must be 0..8, not 9"):
        store.export(folder, {"plain": {"indent": 9}})
    with pytest.raises(TargetError, match="`comment` is one line"):
        store.export(folder, {"plain": {"comment": "a\nb"}})
    assert not (folder / "plain").exists()


def test_a_package_that_names_no_target(package: Path) -> None:
    (package / "plain_target.py").write_text("TARGET = 3\n")
    with pytest.raises(TargetError, match=r"plain_target:TARGET is no snncc\.backends\.Target"):
        backends.target("plain")
    done = snncc("export", "--help")
    assert done.exit_code == 0 and "warning: target 'plain' cannot be loaded" in done.stderr


def test_a_package_that_cannot_be_imported(package: Path, tmp_path: Path) -> None:
    """One line, said once, and the other targets' work goes on."""
    (package / "plain_target.py").write_text("import no_such_module\n")
    with pytest.raises(TargetError, match=r"'plain' cannot be loaded: ModuleNotFoundError: .*no_such_module"):
        backends.target("plain")
    store.write(dense(), tmp_path / "net", {})
    done = snncc("export", tmp_path / "net", "--target", "c")
    assert done.exit_code == 0 and (tmp_path / "net" / "c").is_dir(), done.output
    assert done.stderr.count("cannot be loaded") == 1
