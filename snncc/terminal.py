"""Tables, spinners and progress bars, all of rich; bars and spinners only where a person looks on."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from snncc import stderr

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn
    from rich.table import Table


def never_refuse() -> None:
    """From here on what a stream's encoding lacks is printed as a question mark. (click writes UTF-8 to ASCII ones.)"""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop_output() -> None:
    """Nobody takes what is still to be written to standard output: let the interpreter not try it again at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(line: str) -> None:
    """One line of ours on standard error, above a bar where there is one; dropped where nobody takes it."""
    import click

    with suppress(OSError):
        if _live is not None:
            _live.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line, file=stderr.own())


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output: as wide as the terminal, 200 columns in a pipe."""
    import click
    from rich.console import Console

    console = Console(width=None if sys.stdout is not None and sys.stdout.isatty() else 200)
    with console.capture() as drawn:  # rich ends the program by itself where a pipe is closed
        console.print(make_table(title, header, rows))
    click.echo(drawn.get(), nl=False)


def make_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A rich table: words to the left, numbers to the right."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for i, name in enumerate(header):
        words = any(cell and cell[0].isalpha() for cell in (row[i] for row in rows))
        table.add_column(name, justify="left" if words else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


@contextmanager
def status(text: str) -> Iterator[None]:
    """A spinner on a terminal, nothing in a pipe."""
    with _console() as console:
        if console is None:
            yield
        else:
            with console.status(text):
                yield


@contextmanager
def progress_bar(text: str, total: int) -> Iterator[Callable[[int], object]]:
    """A progress bar told how much more is done."""
    with _bar(text, total) as update:
        yield lambda n: update(advance=n)


@contextmanager
def rate_bar(text: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """A progress bar of images, told how many more are done: how many a second, how long still."""
    with _bar(text, total, images=True) as update:
        yield lambda n: update(advance=n)


@contextmanager
def calibration_bar() -> Iterator[Callable[[int, int], object]]:
    """A progress bar told how much is done, and of how much."""
    with job_bar("Loading the model and calibrating") as told:
        yield told


@contextmanager
def job_bar(text: str) -> Iterator[Callable[[int, int], object]]:
    """A progress bar told how many jobs are done, and of how many."""
    with _bar(text, None) as update:
        yield lambda done, total: update(completed=done, total=total)


@contextmanager
def _bar(text: str, total: int | None, images: bool = False) -> Iterator[Callable[..., object]]:
    """What updates a bar of rich on a terminal; nothing in a pipe."""
    with _console() as console:
        if console is None:
            yield lambda **_: None
            return
        from rich.progress import Progress

        columns: list[ProgressColumn] = [*Progress.get_default_columns(), *([_rate_column()] if images else [])]
        with Progress(*columns, console=console, transient=True, redirect_stderr=False) as bar:
            yield partial(bar.update, bar.add_task(text, total=total))


def _rate_column() -> ProgressColumn:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        """Images done, of how many, and how many in a second."""

        def render(self, task: Task) -> Text:
            done = f"{task.completed:,.0f}" + ("" if task.total is None else f" of {task.total:,.0f}")
            return Text(f"{done} images" + ("" if task.speed is None else f", {task.speed:,.0f} a second"))

    return Rate()


_live: Console | None = None
"""The console whose bar or spinner stands on the terminal."""


@contextmanager
def _console() -> Iterator[Console | None]:
    """Standard error as a console of rich, where it is a terminal."""
    global _live
    stream = stderr.own()
    if stream is None or not stream.isatty():
        yield None
        return
    from rich.console import Console

    _live = Console(file=stream)
    try:
        yield _live
    finally:
        _live = None
