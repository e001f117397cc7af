"""Names: which words may begin those of a generated program, how a long one is cut, and options of the command line.

Standards: C23 and C++20 (keywords), IEEE 1364-2005 and 1800-2017 (Verilog, SystemVerilog), CMake's target names, the
device names of Windows. C guarantees 63 significant characters inside a file; with its longest beginning and end
(`theta_`, `_p1_12`) a layer's name stays below.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

LONGEST = 40
"""Characters of a network's name and of a C prefix."""
LONGEST_LAYER = 48
"""Characters of a population's name."""
HASH_DIGITS = 8
ARGUMENT = re.compile(r"`([a-z]+(?:_[a-z]+)*)`")
"""An argument as the library's messages name it."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


C = _words(
    """asm auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef typeof union unsigned void
    volatile while"""
)
CPP = _words(
    """alignas alignof and and_eq bitand bitor bool catch char16_t char32_t char8_t class co_await co_return co_yield
    compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast explicit export false friend
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public reinterpret_cast
    requires static_assert static_cast template this thread_local throw true try typeid typename using virtual wchar_t
    xor xor_eq"""
)
VERILOG = _words(
    """accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind
    bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
    constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
    else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
    endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
    export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
    highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
    inside instance int integer interconnect interface intersect join join_any join_none large let liblist library
    local localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
    noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
    property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
    randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1
    sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1
    tri tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
    vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor"""
)
HEADERS = _words(
    """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype"""
)
BUILD = _words(
    """all all_build clean edit_cache help install package package_source preinstall rebuild_cache run_tests selftest
    test zero_check"""
)
WINDOWS = frozenset(["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))])


RESERVED = (
    (C, "a reserved word of C"),
    (frozenset(["main"]), "where every C program begins"),
    (CPP, "a reserved word of C++, which may include the header"),
    (HEADERS, "a header of C's library, which would be shadowed"),
    (BUILD, "a target of every CMake or make project"),
    (WINDOWS, "a device on Windows, where no file can be called so"),
    (VERILOG, "a reserved word of Verilog"),
)
"""Words and what they are, in the order in which a name is told."""
FOLDED = (HEADERS, BUILD, WINDOWS)
"""Those that no upper case makes free, as files and targets."""


def unfit(name: str, verilog: bool = False) -> str | None:
    """Why a name cannot begin those of a C program and its files (and of Verilog); None where it can."""
    wrong = sorted(set(re.sub(r"[A-Za-z0-9_]", "", name)))
    if not name:
        return "it is empty"
    if wrong:
        return f"it holds {', '.join(map(repr, wrong))}; letters (a-z, A-Z), digits and _ are allowed"
    if not name[0].isalpha():
        return f"it begins with {name[0]!r}; a letter must come first"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters; {LONGEST} are allowed"
    for words, what in RESERVED:
        if (verilog or words is not VERILOG) and (name.lower() if words in FOLDED else name) in words:
            return f"it is {what}"
    return None


def identifier(name: str, longest: int) -> str:
    """A Keras name as an identifier of C and Verilog; what is too long ends in a hash of the whole name."""
    clean = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "layer"
    clean = clean if not clean[0].isdigit() else f"n{clean}"
    if len(clean) <= longest:
        return clean
    digest = hashlib.sha256(name.encode(errors="backslashreplace")).hexdigest()[:HASH_DIGITS]
    return f"{clean[: longest - HASH_DIGITS - 1]}_{digest}"


def unique(base: str, taken: Container[str], mark: Callable[[int], str] = "_{}".format) -> str:
    """`base`, with a mark where its lower case is taken: the first of mark(1), mark(2), ... that makes it free."""
    name, n = base, 1
    while name.lower() in taken:
        name, n = base + mark(n), n + 1
    return name


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Name -> the stem of its files: itself, unless an earlier one differs in case alone, which files may not."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stems[name] = unique(name, taken, "_".__mul__)
        taken.add(stems[name].lower())
    return stems


def dashed(argument: str) -> str:
    """An argument's name as the command line has it, without the dashes before it."""
    return argument.replace("_", "-")


def flag(argument: str) -> str:
    """The option of the command line that sets an argument."""
    return f"--{dashed(argument)}"


def in_flags(message: str, known: Container[str] | None = None) -> str:
    """A message of the library with the arguments that it names as options; `known`: only these."""
    return ARGUMENT.sub(lambda found: flag(found[1]) if known is None or flag(found[1]) in known else found[0], message)


def arguments(options: Mapping[str, Any]) -> list[str]:
    """What the command line is given for options: nothing for None and False, NAME=N for each entry of a table."""
    given: list[str] = []
    for name, value in options.items():
        if isinstance(value, Mapping):
            given += [part for key, number in value.items() for part in (flag(name), f"{key}={number}")]
        elif value is True:
            given.append(flag(name))
        elif value is not None and value is not False:
            given += [flag(name), str(value)]
    return given
