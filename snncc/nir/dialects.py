"""What a NIR file leaves open, and how each library fills it in: the time step, the reset, when a neuron fires.

A dialect is how one library steps the neurons of a graph that it wrote. Its `charge` is that library's own arithmetic,
in its own order, up to the threshold; firing, reset and lower clamp are `Stepped`'s, in snncc/nir/twin.py. `Cell` has
the same neuron as numbers per timestep, which the quantiser makes integers of.

Read from, and checked by golden spikes against: snnTorch 1.0.0, SpikingJelly 2.0.0, Norse 1.1.0, Sinabs 3.1.3, Rockpool
3.1.0, lava-nc 0.10.0 (tests/golden/nir). `spec` is NIR's text (doi 10.1038/s41467-024-52259-9) with Euler's method,
checked against no program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from snncc.errors import UnsupportedLayerError
from snncc.frontend.nir import NirGraph, Node
from snncc.neurons.leaky import MOST_SPIKES

Array: TypeAlias = NDArray[Any]
Reset: TypeAlias = Literal["subtract", "subtract-late", "value"]
Compare: TypeAlias = Literal["above", "reached"]
Spikes: TypeAlias = Literal["one", "many"]
Clamp: TypeAlias = Literal["none", "threshold"]
Gain: TypeAlias = Literal["scaled", "whole"]
Charge: TypeAlias = Callable[[Array, Array, Array], tuple[Array, Array]]
"""(V, I, x) before the timestep -> (V up to the threshold, I)."""

NEURONS = ("IF", "LIF", "CubaLIF", "LI", "CubaLI", "I")


@dataclass(frozen=True)
class Asked:
    """What the user says of it; None: not said."""

    dialect: str | None = None
    dt: float | None = None
    reset: Reset | None = None
    compare: Compare | None = None
    spikes: Spikes | None = None
    clamp: Clamp | None = None
    gain: Gain | None = None


@dataclass(frozen=True)
class Reading:
    """A graph's meaning, settled. `dt` in the unit of the file's time constants.

    `reset`: `subtract` takes the threshold off at once, `subtract-late` at the next timestep after the leak, `value`
    leaves v_reset. `compare`: a neuron fires `above` its threshold, or when it is `reached`. `spikes` in one timestep:
    `one`, or as `many` as the potential holds thresholds. `clamp`: no lower end, or minus the threshold; None: as the
    dialect has it for each kind. `gain`: what arrives is `scaled` by r dt/tau, or taken `whole`.
    """

    dialect: Dialect
    dt: float
    reset: Reset
    compare: Compare
    spikes: Spikes
    clamp: Clamp | None
    gain: Gain

    def lowest(self, node: Node) -> Array | None:
        """The lower end of a neuron's potential; None: it has none."""
        clamp = self.clamp or self.dialect.clamp(node)
        return -node.number("v_threshold") if clamp == "threshold" and "v_threshold" in node.values else None

    def words(self) -> str:
        """In one line, as compile prints it and the network's record keeps it."""
        clamp = "" if self.clamp is None else f", clamp {self.clamp}"
        return (
            f"{self.dialect.name}: dt {self.dt:g}, reset {self.reset}, fires {self.compare}, {self.spikes} a timestep, "
            f"input {self.gain}{clamp}"
        )


@dataclass(frozen=True)
class Cell:
    """A neuron as real numbers per timestep, each broadcastable to the node's shape.

    I' = (1 - decay) I + gain x;  V = (1 - leak) V + I' + drift;  fires at theta, `strict`ly above it or not. `amount`:
    what a spike takes off, or what V becomes. `start`: V at first. `lowest`: None, or the lower end.
    """

    leak: Array
    decay: Array
    gain: Array
    drift: Array
    start: Array
    theta: Array
    amount: Array
    lowest: Array | None


@dataclass(frozen=True)
class Dialect:
    """One library's way. None in `dt`, `gain`: the file and the library leave it open, so the user has to say."""

    name: str
    library: str
    dt: float | None
    reset: Reset
    compare: Compare
    spikes: Spikes
    gain: Gain | None = "scaled"
    exact: bool = False
    """Whether a leak is exp(-dt/tau), or Euler's 1 - dt/tau."""
    most: float = np.inf
    """Of `many` spikes in a timestep."""

    def clamp(self, node: Node) -> Clamp:
        """The lower end of a neuron's potential where the user says nothing."""
        return "none"

    def faults(self, node: Node, reading: Reading) -> list[str]:
        """What of a neuron the library cannot mean."""
        return []

    def kept(self, tau: Array, dt: float) -> Array:
        """What is left of a potential after a timestep."""
        return np.asarray(np.exp(-dt / tau) if self.exact else 1 - dt / tau)

    def start(self, node: Node) -> Array:
        """The potential before the first timestep."""
        return np.zeros(())

    def gains(self, node: Node, reading: Reading) -> Array:
        """What one unit of input adds to the potential in the end of its own timestep."""
        whole = reading.gain == "whole"
        match node.kind:
            case "IF" | "I":
                return np.asarray(np.ones(()) if whole else node.number("r") * reading.dt)
            case "LIF" | "LI":
                return np.asarray(np.ones(()) if whole else node.number("r") * reading.dt / node.number("tau"))
            case _:
                current, membrane = self.cuba_gains(node, reading)
                return np.asarray(current * membrane)

    def cuba_gains(self, node: Node, reading: Reading) -> tuple[Array, Array]:
        """What x adds to the current, and what the current adds to the potential."""
        if reading.gain == "whole":
            return np.ones(()), np.ones(())
        return (
            node.number("w_in") * (reading.dt / node.number("tau_syn")),
            node.number("r") * (reading.dt / node.number("tau_mem")),
        )

    def cell(self, node: Node, reading: Reading) -> Cell:
        """The neuron as numbers per timestep."""
        leak, decay, rest = np.zeros(()), np.ones(()), np.zeros(())
        if node.kind == "Threshold":
            leak, gain, theta = np.ones(()), np.ones(()), node.number("threshold")
            return Cell(leak, decay, gain, rest, rest, theta, theta, None)
        if node.kind not in ("IF", "I"):
            leak = 1 - self.kept(node.number("tau_mem" if "tau_mem" in node.values else "tau"), reading.dt)
            rest = node.number("v_leak")
        if node.kind in ("CubaLIF", "CubaLI"):
            decay = 1 - self.kept(node.number("tau_syn"), reading.dt)
        theta = node.number("v_threshold") if node.fires else np.ones(())
        amount = node.number("v_reset") if reading.reset == "value" and node.fires else theta
        gains, start = self.gains(node, reading), self.start(node)
        return Cell(leak, decay, gains, leak * rest, start, theta, amount, reading.lowest(node))

    def charge(self, node: Node, reading: Reading) -> Charge:
        """V = V + dt/tau ((v_leak - V) + r x): Euler's method. IF: V = V + dt r x. With a current: I likewise first."""
        dt = reading.dt
        if node.kind in ("IF", "I"):
            gain = self.gains(node, reading)
            return lambda v, i, x: (v + gain * x, i)
        rest = node.number("v_leak")
        if node.kind in ("LIF", "LI"):
            if reading.gain == "whole":
                part = dt / node.number("tau")
                return lambda v, i, x: (v + part * (rest - v) + x, i)
            part, r = dt / node.number("tau"), node.number("r")
            return lambda v, i, x: (v + part * ((rest - v) + r * x), i)
        into, on = self.cuba_gains(node, reading)
        fast, slow = dt / node.number("tau_syn"), dt / node.number("tau_mem")

        def cuba(v: Array, i: Array, x: Array) -> tuple[Array, Array]:
            i = i - fast * i + into * x
            return v + slow * (rest - v) + on * i, i

        return cuba


class SnnTorch(Dialect):
    """beta = 1 - dt/tau, dt = 1e-4: V = beta V + x, minus threshold where it had fired (`Leaky`, `Synaptic`).

    The file never says the reset; snnTorch's default, `subtract`, comes at the next timestep (`reset_delay`). What
    `reset subtract` names is `reset_delay=False`, which takes off at once, but at the next timestep where more than a
    threshold is left. A reset to zero with `reset_delay` is the same spikes as at once in `Leaky`; `Synaptic` and the
    recurrent ones also lose the charge of that timestep, which has no equal here.
    """

    def faults(self, node: Node, reading: Reading) -> list[str]:
        """Rest and reset are 0; there is no IF."""
        if node.kind == "IF":
            return ["snnTorch has no IF (it reads one as Leaky with beta 0.9): say another `nir_dialect`"]
        return _only_zero(node, "v_leak", "v_reset")

    def charge(self, node: Node, reading: Reading) -> Charge:
        """V = beta V + x; with a current I = alpha I + x first."""
        if node.kind not in ("LIF", "LI"):
            if node.kind == "I":
                return super().charge(node, reading)
            alpha = np.clip(self.kept(node.number("tau_syn"), reading.dt), 0, 1)
            slow = np.clip(self.kept(node.number("tau_mem"), reading.dt), 0, 1)
            into, on = self.cuba_gains(node, reading)

            def synaptic(v: Array, i: Array, x: Array) -> tuple[Array, Array]:
                i = alpha * i + into * x
                return slow * v + on * i, i

            return synaptic
        beta, gain = np.clip(self.kept(node.number("tau"), reading.dt), 0, 1), self.gains(node, reading)
        return lambda v, i, x: (beta * v + gain * x, i)


class SpikingJelly(Dialect):
    """V = V + (x - (V - v_reset))/tau (`decay_input`), or V - (V - v_reset)/tau + x; dt = 1e-4; V starts at v_reset."""

    def start(self, node: Node) -> Array:
        """v_reset."""
        return node.number("v_reset") if node.fires and node.kind != "Threshold" else np.zeros(())

    def faults(self, node: Node, reading: Reading) -> list[str]:
        """What its own import refuses."""
        dt = reading.dt
        if node.kind == "IF":
            return [] if np.allclose(node.number("r"), 1 / dt, 1e-6, 0) else [f"r is not 1/dt = {1 / dt:g}"]
        if node.kind == "LIF":
            tau, r = node.number("tau") / dt, node.number("r")
            same = np.allclose(node.number("v_leak"), node.number("v_reset"), 1e-6, 1e-12)
            right = np.all(np.isclose(r, 1, 1e-6, 0) | np.isclose(r, tau, 1e-6, 0)) and np.all(tau > 1)
            return ([] if right else ["r is neither 1 nor tau/dt"]) + ([] if same else ["v_leak is not v_reset"])
        if node.kind == "CubaLIF":
            pairs = (("r", "tau_mem"), ("w_in", "tau_syn"))
            fits = all(np.allclose(node.number(a), node.number(b) / dt, 1e-6, 0) for a, b in pairs)
            return ([] if fits else ["r is not tau_mem/dt, or w_in not tau_syn/dt"]) + _only_zero(node, "v_leak")
        return ["SpikingJelly has no such neuron"]

    def charge(self, node: Node, reading: Reading) -> Charge:
        """As the class says."""
        if node.kind == "LIF":
            tau, rest = node.number("tau") / reading.dt, node.number("v_leak")
            if np.allclose(node.number("r"), 1, 1e-6, 0):
                return lambda v, i, x: (v + (x - (v - rest)) / tau, i)
            return lambda v, i, x: (v - (v - rest) / tau + x, i)
        if node.kind == "CubaLIF":
            fast = self.kept(node.number("tau_syn"), reading.dt)
            slow = self.kept(node.number("tau_mem"), reading.dt)

            def cuba(v: Array, i: Array, x: Array) -> tuple[Array, Array]:
                i = fast * i + x
                return slow * v + i, i

            return cuba
        return lambda v, i, x: (v + x, i)


class Norse(Dialect):
    """V = V + dt/tau (x + v_leak - V), dt = 1e-3; V starts at v_leak; r is not looked at, and neither is v_reset.

    A current: I = I + dt/tau_syn (w_in x - I) as Norse reads a CubaLIF; its own `LIFCell`, of which it writes one, adds
    what arrives whole (`nir_gain` whole), and multiplies by dt/tau_mem all the same. Current comes before potential.
    """

    def start(self, node: Node) -> Array:
        """v_leak."""
        return node.number("v_leak") if "v_leak" in node.values else np.zeros(())

    def faults(self, node: Node, reading: Reading) -> list[str]:
        """r is 1 and v_reset 0, as Norse takes them to be."""
        found = [] if np.allclose(node.number("r"), 1) else ["r is not 1, which Norse does not look at"]
        return found + _only_zero(node, "v_reset", *(["v_leak"] if node.kind.startswith("Cuba") else []))

    def gains(self, node: Node, reading: Reading) -> Array:
        """1 of an IF; dt/tau of all others, whatever the gain of their current."""
        if node.kind in ("LIF", "LI"):
            return np.asarray(reading.dt / node.number("tau"))
        return np.ones(()) if node.kind in ("IF", "I") else super().gains(node, reading)

    def cuba_gains(self, node: Node, reading: Reading) -> tuple[Array, Array]:
        """dt/tau_syn w_in or 1, and dt/tau_mem."""
        scaled = node.number("w_in") * (reading.dt / node.number("tau_syn"))
        return np.ones(()) if reading.gain == "whole" else scaled, reading.dt / node.number("tau_mem")

    def charge(self, node: Node, reading: Reading) -> Charge:
        """As the class says, in Norse's order."""
        if node.kind in ("IF", "I"):
            return lambda v, i, x: (v + x, i)
        dt, rest = reading.dt, node.number("v_leak")
        if node.kind in ("LIF", "LI"):
            rate = dt * (1 / node.number("tau"))
            return lambda v, i, x: (v + rate * (x + rest - v), i)
        fast, slow, win = dt * (1 / node.number("tau_syn")), dt * (1 / node.number("tau_mem")), node.number("w_in")
        jumps = reading.gain == "whole"

        def cuba(v: Array, i: Array, x: Array) -> tuple[Array, Array]:
            i = i - fast * i + x if jumps else i + fast * (win * x - i)
            return v + slow * (i + rest - v), i

        return cuba


class Sinabs(Dialect):
    """alpha = exp(-1/tau), tau in timesteps: V = alpha V + x, or + (1 - alpha) x where `norm_input` was left on.

    The file does not say `norm_input`, on by default in Sinabs's LIF and off where Sinabs reads one. IF has no leak,
    and a lower clamp of minus the threshold as Sinabs reads it; r is not looked at.
    """

    def clamp(self, node: Node) -> Clamp:
        """Minus the threshold of an IF."""
        return "threshold" if node.kind == "IF" else "none"

    def faults(self, node: Node, reading: Reading) -> list[str]:
        """r is 1, rest and reset are 0; there is no current."""
        if node.kind.startswith("Cuba") or node.kind == "I":
            return [f"Sinabs reads no {node.kind}"]
        found = [] if np.allclose(node.number("r"), 1) else ["r is not 1, which Sinabs does not look at"]
        return found + _only_zero(node, "v_leak", "v_reset")

    def gains(self, node: Node, reading: Reading) -> Array:
        """1, or 1 - alpha."""
        if node.kind != "LIF" or reading.gain == "whole":
            return np.ones(())
        return np.asarray(1 - self.kept(node.number("tau"), reading.dt))

    def charge(self, node: Node, reading: Reading) -> Charge:
        """V = alpha V + x."""
        if node.kind == "IF":
            return lambda v, i, x: (v + x, i)
        alpha, gain = self.kept(node.number("tau"), reading.dt), self.gains(node, reading)
        return lambda v, i, x: (alpha * v + gain * x, i)


class Rockpool(Dialect):
    """V = exp(-dt/tau) V + x; a current: I = exp(-dt/tau_syn) (I + x). dt is the one with r = tau/dt exp(-dt/tau).

    That is what it writes; it reads dt as tau/(1 + r), which is 0.1 % off. Its v_leak is a bias, and 0 when written.
    """

    def faults(self, node: Node, reading: Reading) -> list[str]:
        """Rest and reset are 0."""
        if node.kind in ("IF", "I", "LI", "CubaLI"):
            return [f"Rockpool writes no {node.kind} that it steps as this equation"]
        return _only_zero(node, "v_leak", "v_reset")

    def gains(self, node: Node, reading: Reading) -> Array:
        """1; with a current what it keeps."""
        return np.ones(()) if node.kind == "LIF" else np.asarray(self.kept(node.number("tau_syn"), reading.dt))

    def charge(self, node: Node, reading: Reading) -> Charge:
        """As the class says."""
        if node.kind == "LIF":
            alpha = self.kept(node.number("tau"), reading.dt)
            return lambda v, i, x: (v * alpha + x, i)
        fast = self.kept(node.number("tau_syn"), reading.dt)
        slow = self.kept(node.number("tau_mem"), reading.dt)

        def cuba(v: Array, i: Array, x: Array) -> tuple[Array, Array]:
            i = (i + x) * fast
            return v * slow + i, i

        return cuba


def _only_zero(node: Node, *names: str) -> list[str]:
    has = [name for name in names if name in node.values and node.number(name).any()]
    return [f"{name} is not 0, as it always is there" for name in has]


def writers_dt(graph: NirGraph) -> float | None:
    """The dt with which Rockpool wrote a graph: r = tau/dt exp(-dt/tau) in every neuron; None where there is none."""
    found = []
    for node in graph.neurons:
        if node.kind in ("IF", "I", "Threshold"):
            continue
        tau, r = node.number("tau_mem" if "tau_mem" in node.values else "tau"), node.number("r")
        if (r <= 0).any():
            return None
        x = np.ones_like(r)  # e^-x / x = r, by Newton on x + log x + log r
        for _ in range(60):
            x = np.maximum(x - (x + np.log(x) + np.log(r)) / (1 + 1 / x), 1e-12)
        found += [*np.ravel(x * tau)]
    return float(np.mean(found)) if found and np.allclose(found, found[0], 1e-3, 0) else None


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        SnnTorch("snntorch", "snnTorch", 1e-4, "subtract-late", "above", "one"),
        SpikingJelly("spikingjelly", "SpikingJelly", 1e-4, "value", "reached", "one"),
        Norse("norse", "Norse", 1e-3, "value", "above", "one"),
        Sinabs("sinabs", "Sinabs", 1.0, "subtract", "reached", "many", None, True),
        Rockpool("rockpool", "Rockpool", None, "subtract", "reached", "many", "whole", True),
        Dialect("lava", "lava", 1.0, "value", "above", "one", "whole"),
        Dialect("spec", "NIR's text", None, "value", "above", "one", most=MOST_SPIKES),
    )
}

OPTIONS = {"reset": get_args(Reset), "compare": get_args(Compare), "spikes": get_args(Spikes),
           "clamp": get_args(Clamp), "gain": get_args(Gain)}  # fmt: skip
OPEN = {
    "dt": "how long a timestep is, in the unit of its time constants: snnTorch and SpikingJelly 1e-4, Norse 1e-3, "
    "Sinabs 1 (timesteps); it decides every leak and how much an input adds",
    "reset": "what a spike leaves: v_reset (`value`: NIR's text, SpikingJelly, Norse, lava), or the threshold less, at "
    "once (`subtract`: Sinabs, Rockpool) or at the next timestep (`subtract-late`: snnTorch); a reset to a value "
    "forgets what was above the threshold, and fewer spikes follow",
    "compare": "whether a neuron fires `above` its threshold (NIR's text, snnTorch, Norse, lava) or when it is "
    "`reached` (Sinabs, SpikingJelly, Rockpool); it matters where weights and inputs are round numbers",
    "spikes": "how many spikes a timestep may have: `one`, or `many`, as the potential holds thresholds (Sinabs, "
    "Rockpool); strong inputs then lose nothing",
}
"""What no file says, and what each answer changes."""


def settle(graph: NirGraph, asked: Asked) -> Reading:
    """What the graph means. UnsupportedLayerError where that is open, with the readings and what each would change."""
    if asked.dialect is None:
        missing = [name for name in OPEN if getattr(asked, name) is None]
        if missing:
            lines = "\n".join(f"  {name}: {OPEN[name]}" for name in missing)
            raise UnsupportedLayerError(
                f"{graph.name} does not say how its neurons are stepped, and libraries differ:\n{lines}\n"
                f"Say which library wrote it with `nir_dialect` ({', '.join(DIALECTS)}), or each of these with "
                + ", ".join(f"`nir_{name}`" for name in missing)
            )
    dialect = DIALECTS[asked.dialect or "spec"]
    has = {node.kind for node in graph.neurons}
    dt = asked.dt or (writers_dt(graph) if dialect.name == "rockpool" else dialect.dt)
    if dt is None:
        why = "its r tells no dt" if dialect.name == "rockpool" else "NIR's text is continuous"
        raise UnsupportedLayerError(f"{graph.name}: how long is a timestep? {why}: say `nir_dt`")
    gain = asked.gain or dialect.gain
    if gain is None and "LIF" in has:
        raise UnsupportedLayerError(
            f"{graph.name}: {dialect.library} does not write whether a LIF scales its input: say `nir_gain` scaled "
            "(norm_input, its default when it trains) or whole (what it takes a file to mean)"
        )
    return Reading(
        dialect,
        dt,
        asked.reset or dialect.reset,
        asked.compare or dialect.compare,
        asked.spikes or dialect.spikes,
        asked.clamp,
        gain or "whole",
    )


def faults(graph: NirGraph, reading: Reading) -> list[str]:
    """What of the graph its reading cannot mean, a sentence per neuron."""
    found = []
    if reading.spikes == "many" and reading.reset != "subtract":
        found.append(
            "several spikes in a timestep need a reset by subtraction at once: say `nir_reset` subtract, or "
            "`nir_spikes` one"
        )
    for node in graph.neurons:
        if node.kind == "Threshold":
            continue
        where = f"node {node.name!r} ({node.kind})"
        found += [f"{where}: {fault}" for fault in reading.dialect.faults(node, reading)]
        if node.kind not in ("IF", "I"):
            taus = [node.number(name) for name in ("tau", "tau_mem", "tau_syn") if name in node.values]
            if any((tau <= 0).any() for tau in taus):
                found.append(f"{where}: a time constant is not positive")
            elif not reading.dialect.exact and any((reading.dt > tau * (1 + 1e-9)).any() for tau in taus):
                found.append(f"{where}: a timestep of {reading.dt:g} is longer than a time constant: say `nir_dt`")
        if node.fires:
            if (node.number("v_threshold") <= 0).any():
                found.append(f"{where}: a threshold is not positive")
            if reading.reset == "value" and (node.number("v_reset") >= node.number("v_threshold")).any():
                found.append(f"{where}: v_reset is not below the threshold")
    return found
