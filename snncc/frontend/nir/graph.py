"""A NIR graph, flat and checked: nodes by name, edges, shapes channels first, and which edges feed back.

Names of nodes in a nested graph are `outer.inner`. What is wrong is collected, node by node, before anything is
refused. Source of the nodes: the package `nir` 1.0.8, module `nir.ir`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snncc.errors import FileFormatError, UnsupportedLayerError
from snncc.frontend.nir.load import Tree

Array = NDArray[Any]
Shape = tuple[int, ...]
Edge = tuple[str, str]

FIRING = ("IF", "LIF", "CubaLIF", "Threshold")
INTEGRATING = ("LI", "CubaLI", "I")
"""Their value is a potential."""
LINEAR = ("Affine", "Linear", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten")
KINDS = (*FIRING, *INTEGRATING, *LINEAR, "Delay", "Input", "Output")
PARAMETERS = {
    "Affine": ("weight", "bias"), "Linear": ("weight",), "Scale": ("scale",),
    "Conv1d": ("weight", "bias", "stride", "padding", "dilation", "groups"),
    "Conv2d": ("weight", "bias", "stride", "padding", "dilation", "groups"),
    "SumPool2d": ("kernel_size", "stride", "padding"), "AvgPool2d": ("kernel_size", "stride", "padding"),
    "Flatten": ("start_dim", "end_dim"), "Delay": ("delay",), "Threshold": ("threshold",),
    "IF": ("r", "v_threshold"), "LIF": ("tau", "r", "v_leak", "v_threshold"), "LI": ("tau", "r", "v_leak"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak"),
    "I": ("r",), "Input": ("shape",), "Output": ("shape",),
}  # fmt: skip
"""What a node of each kind must have; v_reset is 0 and w_in is 1 where they are left out."""


@dataclass(frozen=True)
class Node:
    """One node: its name in the flat graph, its kind, and its values by the standard's names."""

    name: str
    kind: str
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Array:
        """A value as float64 (or as the integers that it is)."""
        value = np.asarray(self.values[name])
        return value.astype(np.float64) if value.dtype.kind == "f" else value

    def number(self, name: str) -> Array:
        """A parameter of neurons as float64: v_reset is 0 and w_in 1 where the file has none."""
        if name == "v_reset" and name not in self.values:
            return np.zeros_like(self.number("v_threshold"))
        if name == "w_in" and name not in self.values:
            return np.ones_like(self.number("tau_syn"))
        return np.asarray(self.values[name], np.float64)

    def pair(self, name: str) -> tuple[int, int]:
        """A stride, padding or the like along both axes."""
        found = [int(v) for v in np.ravel(self.values[name])]
        return (found[0], found[-1]) if len(found) <= 2 else (-1, -1)

    @property
    def fires(self) -> bool:
        """Whether it hands on spikes."""
        return self.kind in FIRING

    @property
    def keeps(self) -> bool:
        """Whether it is a neuron: what it hands on is not a map of what arrives."""
        return self.kind in FIRING + INTEGRATING


@dataclass
class NirGraph:
    """`nodes` in the order in which they are computed; `edges` of the same timestep; `late` ones of the one before.

    `shapes[name]`: of what a node hands on, channels first and without batch and time. `problems`: what keeps it from
    being converted whatever the dialect, each a sentence that names its node.
    """

    name: str
    nodes: dict[str, Node]
    edges: list[Edge]
    late: list[Edge] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def sources(self, name: str, late: bool = False) -> list[str]:
        """Names of the nodes that a node reads: at this timestep, or as they were at the one before."""
        return [a for a, b in (self.late if late else self.edges) if b == name]

    def readers(self, name: str) -> list[str]:
        """Names of the nodes that read a node, late or not."""
        return [b for a, b in self.edges + self.late if a == name]

    @property
    def neurons(self) -> list[Node]:
        """Its neurons, in order."""
        return [node for node in self.nodes.values() if node.keeps]

    def only(self, kind: str) -> Node:
        """The Input or the Output."""
        return next(node for node in self.nodes.values() if node.kind == kind)

    def require(self) -> None:
        """UnsupportedLayerError lists every problem."""
        refuse(self.name, self.problems)


def refuse(name: str, problems: Iterable[str]) -> None:
    """UnsupportedLayerError with one problem a line, where there are any."""
    lines = list(problems)
    if lines:
        raise UnsupportedLayerError(f"{name} cannot be converted:\n" + "\n".join(f"  {line}" for line in lines))


def flat_graph(tree: Tree, name: str) -> NirGraph:
    """The flat graph of a file's outermost node. FileFormatError where it is no graph at all."""
    if tree.get("type") != "NIRGraph":
        raise FileFormatError(f"{name}: its outermost node is a {tree.get('type')!r:.40}, not a NIRGraph")
    graph = NirGraph(name, {}, [])
    inner: list[str] = []
    _flatten(graph, tree, "", inner)
    for check in (_bridge(inner), _check_ends, _order, _infer):
        if not graph.problems:
            check(graph)
    return graph


def _flatten(graph: NirGraph, tree: Tree, inside: str, inner: list[str]) -> None:
    """Add the nodes and edges of a graph; `inner` gets the Inputs and Outputs at which a nested one ends."""
    nodes, edges = tree.get("nodes"), tree.get("edges")
    where = f"graph {inside[:-1]!r}" if inside else "the graph"
    if not isinstance(nodes, dict) or not isinstance(edges, np.ndarray) or edges.ndim != 2 or edges.shape[1:] != (2,):
        raise FileFormatError(f"{graph.name}: {where} has no nodes, or no edges in pairs")
    said = [(str(a), str(b)) for a, b in edges]
    missing = sorted({end for edge in said for end in edge} - nodes.keys())
    if missing:
        alone = sorted(nodes.keys() - {end for edge in said for end in edge})
        graph.problems.append(
            f"{where}: an edge names {missing[0]!r}, which is no node of it"
            + (f"; {alone[0]!r} has no edge: rename one of the two" if alone else ": export it again")
        )
        return
    twice = next((edge for edge in said if said.count(edge) > 1), None) if len(set(said)) < len(said) else None
    if twice:
        graph.problems.append(f"{where}: the edge {twice[0]!r} to {twice[1]!r} is there twice: remove one")
        return
    ends: dict[str, tuple[str, str]] = {}
    for own, node in nodes.items():
        full = inside + own
        kind = node.get("type") if isinstance(node, dict) else None
        if kind == "NIRGraph":
            parts = node.get("nodes")
            found = [
                [name for name, part in (parts.items() if isinstance(parts, dict) else ())
                 if isinstance(part, dict) and part.get("type") == end]
                for end in ("Input", "Output")
            ]  # fmt: skip
            if [len(names) for names in found] != [1, 1]:
                graph.problems.append(f"node {full!r}: a nested graph needs one Input and one Output")
                continue
            ends[own] = f"{full}.{found[0][0]}", f"{full}.{found[1][0]}"
            inner += ends[own]
            _flatten(graph, node, f"{full}.", inner)
            continue
        ends[own] = full, full
        if kind not in KINDS:
            graph.problems.append(
                f"node {full!r}: {kind!r:.40} is no kind of node that snncc knows: {', '.join(KINDS)}"
            )
            continue
        lacking = [p for p in PARAMETERS[kind] if p not in node]
        values = {k: v for k, v in node.items() if k not in ("type", "metadata", "input_type", "output_type")}
        broken = [k for k, v in values.items() if _is_broken(v)]
        if lacking or broken:
            what = f"it has no {lacking[0]!r}" if lacking else f"its {broken[0]!r} is no finite number"
            graph.problems.append(f"node {full!r} ({kind}): {what}")
            continue
        graph.nodes[full] = Node(full, kind, values)
    graph.edges += [(ends[a][1], ends[b][0]) for a, b in said if a in ends and b in ends]


def _is_broken(value: Any) -> bool:
    value = np.asarray(value)
    if value.dtype.kind == "U":
        return value.item() not in ("same", "valid") if value.ndim == 0 else True
    return value.dtype.kind not in "biuf" or not np.isfinite(value).all()


def _bridge(inner: list[str]) -> Callable[[NirGraph], None]:
    """Joins what comes before the Input or Output of a nested graph to what comes after."""

    def bridge(graph: NirGraph) -> None:
        for gone in inner:
            into, out = graph.sources(gone), graph.readers(gone)
            graph.edges = [edge for edge in graph.edges if gone not in edge] + [(a, b) for a in into for b in out]
            del graph.nodes[gone]

    return bridge


def _check_ends(graph: NirGraph) -> None:
    """One Input, one Output that reads one node, and every node between the two."""
    for kind in ("Input", "Output"):
        found = [name for name, node in graph.nodes.items() if node.kind == kind]
        if len(found) != 1:
            graph.problems.append(f"it has {len(found)} nodes of kind {kind} ({', '.join(found)}); one is needed")
            return
    entry, end = graph.only("Input").name, graph.only("Output").name
    if graph.sources(entry) or graph.readers(end) or len(graph.sources(end)) != 1:
        graph.problems.append("its Input must read nothing and its Output one node, which nothing reads")
    for name in graph.nodes.keys() - _reached(graph, entry, graph.readers):
        graph.problems.append(f"node {name!r}: nothing that comes from the input reaches it: remove it")
    for name in graph.nodes.keys() - _reached(graph, end, graph.sources):
        graph.problems.append(f"node {name!r}: the output does not depend on it: remove it")
    graph.problems.sort()


def _reached(graph: NirGraph, start: str, step: Callable[[str], list[str]]) -> dict[str, int]:
    """Every node reached from one, with how many steps it takes."""
    found, waiting = {start: 0}, deque([start])
    while waiting:
        name = waiting.popleft()
        for other in step(name):
            if other not in found:
                found[other] = found[name] + 1
                waiting.append(other)
    return found


def _order(graph: NirGraph) -> None:
    """Take out what feeds back, as late edges, and put the nodes in the order in which they are computed.

    Where a path leads back, what a neuron on it handed on at the timestep before is read: the edge out of the last
    neuron before the path closes is late.
    """
    depth = _reached(graph, graph.only("Input").name, graph.readers)
    while (back := _back_edge(graph, depth)) is not None:
        late = _late_edges(graph, *back)
        if not late:
            graph.problems.append(f"node {back[1]!r}: a path leads back to it without a neuron on it")
            return
        graph.edges = [edge for edge in graph.edges if edge not in late]
        graph.late += late
    order: list[str] = []
    waiting = sorted(graph.nodes, key=lambda name: (depth[name], name))
    while waiting:
        ready = next(name for name in waiting if all(source in order for source in graph.sources(name)))
        waiting.remove(ready)
        order.append(ready)
    graph.nodes = {name: graph.nodes[name] for name in order}


def _back_edge(graph: NirGraph, depth: dict[str, int]) -> Edge | None:
    """The first edge that closes a path, walking from the input and to the nearest node first."""
    entry = graph.only("Input").name
    done: set[str] = set()
    starts = [entry, *sorted(graph.nodes, key=lambda name: (depth[name], name))]
    out: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for a, b in graph.edges:
        out[a].append(b)
    for start in starts:
        if start in done:
            continue
        path = {start: iter(sorted(out[start], key=lambda name: (depth[name], name)))}
        while path:
            name = next(reversed(path))
            other = next(path[name], None)
            if other is None:
                done.add(name)
                del path[name]
            elif other in path:
                return name, other
            elif other not in done:
                path[other] = iter(sorted(out[other], key=lambda name: (depth[name], name)))
    return None


def _late_edges(graph: NirGraph, last: str, first: str) -> list[Edge]:
    """The edges out of neurons through which the path from `first` to `last` comes back."""
    if graph.nodes[last].keeps:
        return [(last, first)]
    onwards = _reached(graph, first, graph.readers)
    found: list[Edge] = []
    waiting, seen = [last], {last}
    while waiting:
        name = waiting.pop()
        for source in graph.sources(name):
            if source in onwards and graph.nodes[source].keeps:
                found.append((source, name))
            elif source in onwards and source not in seen:
                seen.add(source)
                waiting.append(source)
    return found


def _infer(graph: NirGraph) -> None:
    """The shape of what every node hands on, and whether what it reads fits it."""
    for _ in graph.nodes:
        for name, node in graph.nodes.items():
            known = [graph.shapes[s] for s in graph.sources(name) + graph.sources(name, True) if s in graph.shapes]
            if name not in graph.shapes and (known or node.kind == "Input"):
                shape = _shape(graph, node, known[0] if known else ())
                if shape is None:
                    return
                graph.shapes[name] = shape
    for name, node in graph.nodes.items():
        read = {s: graph.shapes[s] for s in graph.sources(name) + graph.sources(name, True)}
        if len(set(read.values())) > 1:
            said = ", ".join(f"{s!r} {shape}" for s, shape in read.items())
            graph.problems.append(f"node {name!r} ({node.kind}): what it reads differs in shape: {said}")


def _shape(graph: NirGraph, node: Node, read: Shape) -> Shape | None:
    """What a node makes of a shape; None where that is a problem, which is added."""
    try:
        return _made(node, read)
    except ValueError as error:
        graph.problems.append(f"node {node.name!r} ({node.kind}): {error}")
        return None


def _made(node: Node, read: Shape) -> Shape:
    match node.kind:
        case "Input":
            shape = tuple(int(n) for n in np.ravel(node.values["shape"]))
            if not 1 <= len(shape) <= 3 or min(shape) < 1:
                raise ValueError(f"shape {shape} is none of (N,), (C, L) and (C, H, W)")
            return shape
        case "Output":
            return read
        case "Affine" | "Linear":
            return _dense_shape(node, read)
        case "Conv1d" | "Conv2d":
            return _conv_shape(node, read)
        case "SumPool2d" | "AvgPool2d":
            if len(read) != 3:
                raise ValueError(f"it reads {read}, not (C, H, W)")
            return read[0], *_windows(read[1:], node.pair("kernel_size"), node, (1, 1))
        case "Flatten":
            return _flat_shape(node, read)
        case _:
            for name in node.values:
                if name != "shape" and not _fits(np.shape(node.values[name]), read):
                    raise ValueError(f"{name} of shape {np.shape(node.values[name])} does not fit {read}")
            return read


def _fits(own: Shape, whole: Shape) -> bool:
    """Whether parameters of a shape are one number, or broadcast to the neurons'."""
    if len(own) > len(whole):
        return int(np.prod(own)) == 1
    return all(a in (1, b) for a, b in zip(own[::-1], whole[::-1], strict=False))


def _dense_shape(node: Node, read: Shape) -> Shape:
    weight: Shape = np.shape(node.values["weight"])
    if len(weight) != 2:
        raise ValueError(f"its weight has shape {weight}; it must be (outputs, inputs)")
    if read != weight[1:]:
        raise ValueError(f"it reads {read}, its weight takes ({weight[1]},): put a Flatten before it")
    if node.kind == "Affine" and np.shape(node.values["bias"]) != weight[:1]:
        raise ValueError(f"its bias has shape {np.shape(node.values['bias'])}, not {weight[:1]}")
    return weight[:1]


def _conv_shape(node: Node, read: Shape) -> Shape:
    weight, axes = np.shape(node.values["weight"]), 2 if node.kind == "Conv2d" else 1
    if len(weight) != axes + 2 or len(read) != axes + 1:
        raise ValueError(f"it reads {read} with a weight of shape {weight}")
    groups = int(np.ravel(node.values["groups"])[0])
    if groups < 1 or weight[1] * groups != read[0] or weight[0] % groups:
        raise ValueError(f"it reads {read[0]} channels, its weight {weight} in {groups} groups takes others")
    if np.shape(node.values["bias"]) != weight[:1]:
        raise ValueError(f"its bias has shape {np.shape(node.values['bias'])}, not {weight[:1]}")
    dilation = node.pair("dilation")
    if axes == 1:
        return weight[0], _windows((1, read[1]), (1, weight[2]), node, (1, dilation[1]), line=True)[1]
    return weight[0], *_windows(read[1:], weight[2:], node, dilation)


def pads_of(node: Node, kernel: tuple[int, int], dilation: tuple[int, int], line: bool = False) -> tuple[int, ...]:
    """(top, bottom, left, right) of a window; `same` puts the odd one at the bottom or right, as torch does."""
    padding = node.values["padding"]
    if isinstance(padding, str) or np.asarray(padding).dtype.kind == "U":
        whole = [(k - 1) * d if str(padding) == "same" else 0 for k, d in zip(kernel, dilation, strict=True)]
        return whole[0] // 2, whole[0] - whole[0] // 2, whole[1] // 2, whole[1] - whole[1] // 2
    down, across = node.pair("padding")
    return (0, 0, across, across) if line else (down, down, across, across)


def _windows(size: Shape, kernel: Shape, node: Node, dilation: tuple[int, int], line: bool = False) -> tuple[int, int]:
    """Positions of a window along both axes; `line`: along the second alone."""
    (kh, kw), (sh, sw) = kernel, node.pair("stride")
    if min(kh, kw, sh, sw, *dilation) < 1:
        raise ValueError("kernel, stride and dilation must be at least 1")
    pads = pads_of(node, (kh, kw), dilation, line)
    if min(pads) < 0:
        raise ValueError("its padding must not be negative")
    if isinstance(node.values["padding"], str) and node.values["padding"] == "same" and (sh, sw) != (1, 1):
        raise ValueError("padding `same` needs a stride of 1")
    down = (size[0] + pads[0] + pads[1] - (kh - 1) * dilation[0] - 1) // (1 if line else sh) + 1
    across = (size[1] + pads[2] + pads[3] - (kw - 1) * dilation[1] - 1) // sw + 1
    if min(down, across) < 1:
        raise ValueError(f"its window does not fit {tuple(size)}")
    return down, across


def _flat_shape(node: Node, read: Shape) -> Shape:
    start, end = (int(np.ravel(node.values[name])[0]) for name in ("start_dim", "end_dim"))
    start, end = (d + len(read) if d < 0 else d for d in (start, end))
    if not 0 <= start <= end < len(read):
        raise ValueError(f"start_dim and end_dim are no axes of {read}")
    return *read[:start], int(np.prod(read[start : end + 1])), *read[end + 1 :]
