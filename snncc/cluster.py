"""Work on the workers of a Dask scheduler; what a lost worker had goes to another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from snncc.errors import ToolMissingError

WINDOW = 512
"""So many calls are submitted and not done at most."""

Tag = TypeVar("Tag")


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address such as tcp://HOST:8786. ToolMissingError without distributed."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ToolMissingError("a cluster needs the package distributed: pip install 'snncc[cluster]'") from error
    with distributed.Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        yield client


def results(client: Any, work: Callable[..., Any], calls: Iterable[tuple[Tag, tuple[Any, ...]]]) -> Iterator[Any]:
    """(tag, what `work` makes of the arguments) for each call once, as they are ready."""
    import distributed

    waiting = distributed.as_completed(loop=client.loop)  # type: ignore[no-untyped-call]
    tags: dict[str, Tag] = {}
    for tag, arguments in calls:
        future = client.submit(work, *arguments, pure=False, retries=3)
        tags[future.key] = tag
        waiting.add(future)  # type: ignore[no-untyped-call]
        if len(tags) == WINDOW:
            done = next(waiting)
            yield tags.pop(done.key), done.result()
    for done in waiting:
        yield tags.pop(done.key), done.result()
