"""What starting costs: `import snncc` beside `import numpy`, `snncc --help` beside a bare Python that imports NumPy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench import in_turn, ratio, write

PYTHON = sys.executable
SNNCC = str(Path(PYTHON).with_name("snncc"))


def run(*command: str) -> None:
    """One whole process; its output is thrown away."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure, print and write benchmarks/results/startup.json."""
    seconds = in_turn(
        {
            "import numpy": lambda: run(PYTHON, "-c", "import numpy"),
            "import snncc": lambda: run(PYTHON, "-c", "import snncc"),
            "use snncc.load": lambda: run(PYTHON, "-c", "import snncc; snncc.load"),
            "snncc --help": lambda: run(SNNCC, "--help"),
        },
        rounds=9,
    )
    goals = {"import snncc": 2.0, "snncc --help": 5.0}
    ratios = {name: ratio(seconds, name, "import numpy") for name in seconds}
    for name, s in seconds.items():
        goal = f"   goal: at most {goals[name]:.0f}" if name in goals else ""
        print(f"{name:16} {1000 * s['median']:7.0f} ms   {ratios[name]:.2f} x import numpy{goal}")
    write("startup", {"seconds": seconds, "of_import_numpy": ratios, "goals": goals})


if __name__ == "__main__":
    main()
