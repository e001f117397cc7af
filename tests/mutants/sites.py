"""A mutant is one replacement in one file. Which ones are taken follows from a hash of their text alone.

So the choice is the same on every machine, and an edit elsewhere in a file does not change it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Edit = tuple[int, int, str]
"""text[start:stop] becomes this."""


@dataclass(frozen=True)
class Mutant:
    """`file` with text[start:stop] replaced by `new`. before, after: the line (or lines), stripped.

    number: which of the mutants of one file that read the same, from 0. where: what the runner should know of the
    place (for C the processor whose code it is).
    """

    file: str
    operator: str
    start: int = field(compare=False)
    stop: int = field(compare=False)
    new: str = field(compare=False)
    before: str = ""
    after: str = ""
    number: int = 0
    where: str = ""

    @property
    def key(self) -> str:
        """Eight digits that name this mutant as long as its line reads the same."""
        said = "\0".join((self.file, self.operator, self.before, self.after, str(self.number)))
        return hashlib.sha256(said.encode()).hexdigest()[:8]

    def apply(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.stop :]

    def line(self, text: str) -> int:
        return text.count("\n", 0, self.start) + 1


def mutants(file: str, text: str, found: Iterable[tuple[str, Edit, str]]) -> list[Mutant]:
    """(operator, edit, where) as mutants of a file; those that change nothing are left out."""
    made: list[Mutant] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for operator, (start, stop, new), where in found:
        if text[start:stop] == new:
            continue
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", stop)
        last = len(text) if last < 0 else last
        before = " ".join(text[first:last].split())
        after = " ".join((text[first:start] + new + text[stop:last]).split())
        same = (operator, before, after)
        made.append(Mutant(file, operator, start, stop, new, before, after, seen[same], where))
        seen[same] += 1
    return made


def choose(candidates: Sequence[Mutant], count: int, seed: str) -> list[Mutant]:
    """`count` of them, spread over files first, then over operators; within those by the hash of seed and key."""
    groups: dict[str, dict[str, list[Mutant]]] = defaultdict(lambda: defaultdict(list))
    for mutant in sorted(candidates, key=lambda m: _rank(seed, m.key)):
        groups[mutant.file][mutant.operator].append(mutant)
    queues = {file: _in_turn(list(groups[file].values())) for file in sorted(groups)}
    chosen = list(_in_turn_of(queues))
    return chosen[:count]


def _rank(seed: str, key: str) -> str:
    return hashlib.sha256(f"{seed}{key}".encode()).hexdigest()


def _in_turn(lists: list[list[Mutant]]) -> Iterator[Mutant]:
    for index in range(max(map(len, lists))):
        yield from (items[index] for items in lists if index < len(items))


def _in_turn_of(queues: dict[str, Iterator[Mutant]]) -> Iterator[Mutant]:
    waiting = dict(queues)
    while waiting:
        for file in list(waiting):
            mutant = next(waiting[file], None)
            if mutant is None:
                del waiting[file]
            else:
                yield mutant
