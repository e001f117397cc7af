"""What libraries write to standard error is held back at the descriptor; our lines come through, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Digits
from tests.keras_models import L, keras

START = """
import os, signal, sys, threading, time
from snncc.errors import DataError, ToolMissingError
from snncc.stderr import held_back, own

def note(text):
    os.write(2, (text + "\\n").encode())
"""


def run(program: str, **options: object) -> tuple[int, str]:
    """(status, standard error) of a program."""
    command = [sys.executable, "-c", START + textwrap.dedent(program)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **options)  # type: ignore[call-overload]
    return done.returncode, done.stderr


def test_a_block_that_ends_well_is_silent() -> None:
    status, said = run("""
        note("before")
        with held_back():
            note("of a library")
            print("of Python's", file=sys.stderr)
            os.system("echo of a child 1>&2")
            print("ours", file=own())
        note("after")
        print("at the end", file=sys.stderr)
    """)
    assert (status, said) == (0, "before\nours\nafter\nat the end\n")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("ValueError('x')", True),
        ("SystemExit(4)", True),
        ("ToolMissingError('x')", True),
        ("DataError('x')", False),
        ("KeyboardInterrupt()", False),
    ],
)
def test_what_was_held_back_is_printed_where_the_block_fails(error: str, shown: bool) -> None:
    _, said = run(f"""
        try:
            with held_back():
                note("of a library")
                raise {error}
        except BaseException:
            note("caught")
    """)
    assert said == ("of a library\n" if shown else "") + "caught\n"


@pytest.mark.parametrize(("end", "status"), [
    ("os._exit(5)", 5), ("os.abort()", -signal.SIGABRT), ("os.kill(os.getpid(), 9)", -signal.SIGKILL),
])  # fmt: skip
def test_nothing_is_lost_when_the_process_dies_inside(end: str, status: int) -> None:
    found, said = run(f"""
        with held_back():
            note("compiled to use AVX512, which is not available")
            note("x" * 200_000)
            {end}
    """)
    assert found == status and said == "compiled to use AVX512, which is not available\n" + "x" * 200_000 + "\n"


def test_nested_blocks_and_threads_share_one() -> None:
    status, said = run("""
        def work(number):
            for i in range(20):
                with held_back():
                    note(f"{number} {i}")
                    with held_back():
                        note("inner")
                    time.sleep(0.001)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        with held_back():
            try:
                with held_back():
                    note("inside")
                    raise ValueError
            except ValueError:
                pass
        note("after")
    """)
    assert (status, said) == (0, "inside\nafter\n"), "an inner failure is shown when the last has ended"


@pytest.mark.parametrize("kind", ["closed", "no process"])
def test_where_it_cannot_be_held_back_it_is_not(kind: str) -> None:
    broken = "os.close(2)" if kind == "closed" else "sys.executable = '/nowhere/python'"
    status, said = run(f"""
        {broken}
        with held_back():
            print("works")
            if {kind == "no process"}:
                note("through")
    """, stdout=subprocess.DEVNULL)  # fmt: skip
    assert (status, said) == (0, "through\n" if kind == "no process" else "")


PLANTED = """
import os, sys
os.write(2, b"a planted note\\n")
"""
REAL = """
sys.path.remove(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
del sys.modules["tensorflow"]
import tensorflow
"""


def compiling(tmp_path: Path, tensorflow: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`snncc compile` in a process that finds our `tensorflow` first."""
    (tmp_path / "planted" / "tensorflow").mkdir(parents=True)
    (tmp_path / "planted" / "tensorflow" / "__init__.py").write_text(PLANTED + tensorflow)
    places = [str(tmp_path / "planted"), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    env |= {"PYTHONPATH": os.pathsep.join(places), "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-m", "snncc", "compile", *map(str, arguments), "-o", str(tmp_path / "out")]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_compile_prints_our_lines_alone(tmp_path: Path) -> None:
    """TensorFlow's own lines and a planted one are gone, and the warning of a layer that never fires is there."""
    x = keras.Input((4, 4, 1))
    y = L.Conv2D(2, 3, activation="relu", name="silent", bias_initializer=keras.initializers.Constant(-100.0))(x)
    keras.Model(x, L.Dense(3)(L.Flatten()(y)), name="net").save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).random((8, 4, 4, 1)))
    done = compiling(tmp_path, REAL, tmp_path / "model.keras", "--calibration", tmp_path / "data.npz")
    lines = done.stderr.splitlines()
    assert done.returncode == 0 and (tmp_path / "out" / "network.snn").is_file(), done.stderr
    assert lines and all(line.startswith("warning: ") for line in lines), done.stderr
    assert any("'silent'" in line and "never fires" in line for line in lines), done.stderr


@pytest.mark.parametrize(("end", "status"), [
    ("raise ImportError('libcuda.so: cannot open')", 3), ("raise AttributeError('of another version')", 3),
    ("os.abort()", -signal.SIGABRT),
])  # fmt: skip
def test_a_broken_tensorflow_shows_what_it_said(tmp_path: Path, digits: Digits, end: str, status: int) -> None:
    done = compiling(tmp_path, end, digits.model, "--calibration", digits.data)
    assert done.returncode == status and done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first == "a planted note"
    if status == 3:
        assert len(rest) == 1 and rest[0].startswith("error: keras cannot be loaded (")
        assert end.split("'")[1] in rest[0] and "pip install 'snncc[keras]'" in rest[0]
    assert not (tmp_path / "out").exists()


def test_an_error_of_the_users_is_one_line(tmp_path: Path, digits: Digits) -> None:
    (tmp_path / "model.keras").write_text("no model")
    done = compiling(tmp_path, REAL, tmp_path / "model.keras", "--calibration", digits.data)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
