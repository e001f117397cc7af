"""What a target is: a name, its options, what it refuses, what it writes, and how that is run and described."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from snncc.backends.options import TargetOptions
from snncc.errors import TargetError
from snncc.ir import NO_HARDWARE, Network, Refusals, refuse
from snncc.jobs import Runner

O = TypeVar("O", bound=TargetOptions)  # noqa: E741 (options)


@dataclass(frozen=True)
class Table:
    """Rows for people."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Summary:
    """What a target says of itself: `facts` for JSON, `lines` and `tables` for people.

    `missed`: the goal that was asked for and is not met, or nothing.
    """

    facts: Mapping[str, Any]
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    missed: str = ""


class Target(ABC, Generic[O]):
    """A target. One instance, in the table of `snncc/backends/__init__.py` or an entry point of `snncc.targets`.

    `writes`: what it makes, for the help. `refuses`: features of networks (snncc/ir/capabilities.py) that it cannot
    express, each with reason and way out. `limits`: what else `examine` may refuse, a sentence each, for docs.
    """

    name: ClassVar[str]
    writes: ClassVar[str]
    options: ClassVar[type[Any]] = TargetOptions
    refuses: ClassVar[Refusals] = NO_HARDWARE
    limits: ClassVar[Sequence[str]] = ()

    def parse(self, given: Mapping[str, Any] | TargetOptions) -> O:
        """The options, checked; TargetError names one that there is not or whose value cannot be."""
        if isinstance(given, TargetOptions):
            return cast(O, given)
        known = [field.name for field in fields(self.options) if field.init]
        unknown = sorted(set(given) - set(known))
        if unknown:
            choose = ", ".join(sorted(known))
            raise TargetError(f"target {self.name!r} has no option {unknown[0]!r}: choose from {choose}")
        return cast(O, self.options(**given))

    def check(self, network: Network, given: Mapping[str, Any] | TargetOptions) -> None:
        """Refuse, by a TargetError that names the place and the way out, before anything is written."""
        chosen = self.parse(given)
        refuse(network, network.dynamics, self.refuses, TargetError)
        self.examine(network, chosen)

    def emit(self, network: Network, folder: Path, given: Mapping[str, Any] | TargetOptions) -> None:
        """Write the network's files into `folder`, which exists and is empty. Errors as `check`; OutputError."""
        chosen = self.parse(given)
        self.check(network, chosen)
        self.write(network, folder, chosen)

    def examine(self, network: Network, options: O) -> None:
        """What else this target refuses of a network, or of options for it: a TargetError."""

    @abstractmethod
    def write(self, network: Network, folder: Path, options: O) -> None:
        """Write the files of a network that `check` let pass."""

    def runners(self) -> Mapping[str, Runner]:
        """How `snncc verify` runs what was written, by name; names begin with the target's."""
        return {}

    def summary(self, network: Network, folder: Path | None, options: Mapping[str, Any] | None) -> Summary | None:
        """What the target takes of a device, or None.

        `folder`: where it was written, with these options (None where an earlier snncc did not keep them); without a
        folder, what it would take, if that can be said of the network alone.
        """
        return None
