"""The target `c`: plain C99 with the weights as const arrays. docs/guide/c.md describes the folder and its API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from snncc.backends.c import emit, instructions, packages
from snncc.backends.c.run import TOOLS, AArch64, CortexM4, CortexM55, Host, RiscV
from snncc.backends.options import PREFIX, TargetOptions, option, shared
from snncc.backends.target import Summary, Target
from snncc.errors import TargetError
from snncc.ir import NO_HARDWARE, Network, Refusals
from snncc.jobs import Runner
from snncc.names import unfit

SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}(?: (?:OR|AND|WITH) [A-Za-z0-9][A-Za-z0-9.+-]{0,63}){0,7}")
"""An identifier, or a few of them joined."""


@dataclass(frozen=True, kw_only=True)
class COptions(TargetOptions):
    """Of the target `c`."""

    pack: bool = option(False, "pack weights of less than 8 bits in flash", "flag")
    state_bytes: int | None = option(
        None, "RAM for the state at most: in `step` the fewest stages that fit", "integer", low=1,
        shown="the smallest, or one stage where that takes less than twice as much",
    )  # fmt: skip
    fast_bytes: int | None = option(
        None, "RAM of a second, faster memory at most, for what is touched most", "integer", low=1,
        shown="no such memory",
    )  # fmt: skip
    prefix: str | None = shared(PREFIX)
    package: str | None = option(None, "a firmware package as well", "choice", choices=packages.KINDS, shown="none")
    license: str = option("Apache-2.0", "the SPDX identifier that the files carry", "text")


class C(Target[COptions]):
    """Plain C99."""

    name = "c"
    writes = "C99 for microcontrollers, with Makefile, CMake target and self-test"
    options = COptions
    tools = TOOLS
    refuses: ClassVar[Refusals] = NO_HARDWARE
    limits = (
        "a max-pool over a reshaped mix of spikes and values (the constant input current, or a relay)",
        "a view that reshapes a concatenation or a padding in front of a windowed projection, where that as a matrix "
        "has more than 2^24 weights",
    )

    def examine(self, network: Network, options: COptions) -> None:
        prefix = options.prefix or network.name
        reason = unfit(prefix)
        if reason:
            raise TargetError(f"{prefix!r} cannot begin C names: {reason}; choose another `prefix`")
        if not SPDX.fullmatch(re.sub("[()]", "", options.license)):
            raise TargetError(
                f"`license` must be an SPDX identifier such as MIT or LicenseRef-Ours, not {options.license!r}"
            )

    def write(self, network: Network, folder: Path, options: COptions) -> None:
        emit.write(
            network, folder, options.prefix, options.pack, options.pixels, options.license, options.package,
            options.state_bytes, options.fast_bytes,
        )  # fmt: skip

    def runners(self) -> Mapping[str, Runner]:
        return {
            "c-host": Host(), "c-cortex-m4": CortexM4(), "c-cortex-m55": CortexM55(), "c-rv32": RiscV(),
            "c-aarch64": AArch64(),
        }  # fmt: skip

    def summary(self, network: Network, folder: Path | None, options: Mapping[str, Any] | None) -> Summary | None:
        """Bytes of const data and of state, exact, in `count` instructions; packed and not where nothing is written."""
        try:
            self.check(network, {"prefix": ANY_PREFIX})
        except TargetError:
            return None
        exported = folder is not None and options is not None
        pack = options is not None and exported and options.get("pack") is True
        limit, fast = (_positive(options, name) if exported else None for name in ("state_bytes", "fast_bytes"))
        try:
            facts: dict[str, Any] = {"exported": exported, "pack": pack, **_bytes(network, pack, limit, fast)}
        except TargetError:
            return None
        if exported:
            return Summary(facts, [f"in C, as exported{' (--pack)' if pack else ''}: {_sizes(facts)}"])
        facts["packed"] = _bytes(network, True)
        packed = facts["packed"]
        other = f"; with --pack: {_sizes(packed)}" if any(packed[name] != facts[name] for name in packed) else ""
        return Summary(facts, [f"if exported to C: {_sizes(facts)}{other}"])


ANY_PREFIX = "net"
"""Sizes do not depend on it."""


def _positive(options: Mapping[str, Any] | None, name: str) -> int | None:
    """An option that was kept, where it is one: a manifest may hold anything."""
    value = (options or {}).get(name)
    return value if isinstance(value, int) and value > 0 else None


def _bytes(network: Network, pack: bool, limit: int | None = None, fast: int | None = None) -> dict[str, int]:
    needed = emit.memory(network, pack=pack, state_bytes=limit, fast_bytes=fast)
    found = {"const_bytes": needed.const, "weight_bytes": needed.weights, "state_bytes": needed.state}
    found |= {"fast_bytes": needed.fast} if needed.fast else {}
    if network.window.stepping:  # there they follow from the spikes of images: `snncc explore`
        return found
    return found | {"instructions": round(instructions.estimate(network, pack=pack, state_bytes=limit))}


def _sizes(memory: Mapping[str, Any]) -> str:
    sizes = f"{memory['const_bytes']:,} bytes of const data, {memory['state_bytes']:,} of state"
    sizes += f" and {memory['fast_bytes']:,} in faster memory" if memory.get("fast_bytes") else ""
    if "instructions" not in memory:
        return sizes
    return f"{sizes}, about {memory['instructions'] / 1e6:.3g} M instructions on a Cortex-M4"


TARGET = C()
