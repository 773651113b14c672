"""Which operations of a graph are one layer, which layers stand in which scope, and in which order they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import takewhile
from typing import Any, ClassVar, Literal, TypeAlias

from core.models.graph_model.data_flow import DataFlow

__all__ = ["Leaf", "Scope", "scope_tree"]

IsLayer: TypeAlias = Callable[[Sequence[Any], int], bool]
_KEPT_TOGETHER = frozenset({"variant", "resource", "qint8", "quint8", "qint16", "quint16", "qint32"})
"""Types of what passes between operations and is no array, such as the lists that a loop reads and writes."""


@dataclass(frozen=True)
class Leaf:
    """Operations that are one layer.

    Attributes:
        path: Names of the scopes around it, from the outermost on, and its own.
        operations: What computes values in it, each behind those whose results it takes.
        is_scope: Whether its own name is that of a scope, and not of its only operation.
    """

    path: tuple[str, ...]
    operations: tuple[Any, ...]
    is_scope: bool = True

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path[-1]


@dataclass
class Scope:
    """Layers, and scopes with layers, that run one behind the other.

    Attributes:
        name: Its own name; empty for the outermost one.
        parts: What is in it.
    """

    name: str
    parts: list[Leaf | Scope] = field(default_factory=list)
    is_scope: ClassVar[bool] = True


def scope_tree(flow: DataFlow, is_layer: IsLayer) -> Scope:
    """Return the layers of a graph, in the scopes that their names say, in an order in which they can run.

    A scope is left and entered again where what is outside has to run between; it stands there as often.

    Args:
        flow: The graph.
        is_layer: Says whether operations of one scope, with all below it, are one layer; called with these, and with
            how many names the scope's own path has.
    """
    operations = flow.values
    names = _scope_names(operation.name for operation in operations)
    # But for what was put around the model to give it a signature, one scope may be around everything.
    common = _shared_path([_scope_of(operation.name, names) for operation in operations])
    root = _Grouping(operations, names, common, is_layer).leaves()
    leaves = _in_order(_acyclic(_with_lists_whole(root, flow), flow), flow)
    tree = Scope("")
    for leaf in leaves:
        _place(tree, leaf)
    return tree


def _place(tree: Scope, leaf: Leaf) -> None:
    scope = tree
    for name in leaf.path[:-1]:
        last = scope.parts[-1] if scope.parts else None
        if not isinstance(last, Scope) or last.name != name:
            last = Scope(name)
            scope.parts.append(last)
        scope = last
    scope.parts.append(leaf)


def _scope_names(names: Iterable[str]) -> set[str]:
    scopes: set[str] = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]
            scopes.add(name)
    return scopes


def _scope_of(name: str, scopes: set[str]) -> tuple[str, ...]:
    # An operation that bears the name of a scope is the last one of it.
    parts = tuple(name.split("/"))
    return parts if name in scopes else parts[:-1]


def _shared_path(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the scopes that all paths begin with."""
    levels = zip(*paths, strict=False)
    return tuple(names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels))


class _Grouping:
    """Goes down from the outermost scope, and stops where a scope is one layer."""

    def __init__(self, operations: Sequence[Any], scopes: set[str], common: tuple[str, ...], is_layer: IsLayer) -> None:
        self._operations = operations
        self._scopes = scopes
        self._common = common
        self._is_layer = is_layer

    def leaves(self) -> list[Leaf]:
        depth = len(self._common)
        if depth and self._is_layer(self._operations, depth):
            return [Leaf(self._common[-1:], tuple(self._operations))]
        return self._leaves(self._operations, depth, ())

    def _leaves(self, operations: Sequence[Any], depth: int, path: tuple[str, ...]) -> list[Leaf]:
        groups: dict[tuple[str, bool], list[Any]] = defaultdict(list)
        for operation in operations:
            scope = _scope_of(operation.name, self._scopes)
            if len(scope) > depth:
                groups[scope[depth], True].append(operation)
            else:
                groups[operation.name.rpartition("/")[2], False].append(operation)
        leaves: list[Leaf] = []
        for (name, is_scope), inside in groups.items():
            if not is_scope or len(inside) == 1 or self._is_layer(inside, depth + 1):
                leaves.append(Leaf((*path, name), tuple(inside), is_scope))
            else:
                leaves += _without_masks(self._leaves(inside, depth + 1, (*path, name)), (*path, name))
        return leaves


def _without_masks(leaves: list[Leaf], scope: tuple[str, ...]) -> list[Leaf]:
    """Return the leaves of a scope, the mask that a layer of Keras works out beside its answer put beside the layer."""
    masks = [leaf for leaf in leaves if leaf.operations[0].type == "NotEqual" and len(leaf.operations) == 1]
    others = [leaf for leaf in leaves if leaf not in masks]
    if masks and others:
        masks = [replace(leaf, path=(*scope[:-1], f"{scope[-1]}_mask")) for leaf in masks]
    # A scope around a single one says nothing that this one does not say.
    others = [replace(others[0], path=scope, is_scope=True)] if len(others) == 1 else others
    return [*masks, *others]


def _with_lists_whole(leaves: Sequence[Leaf], flow: DataFlow) -> list[Leaf]:
    """Put together what hands something on that is no array, and that nobody can look at."""
    place = _places(leaves)
    handed_on = [
        {
            place[tensor.op.name]
            for operation in leaf.operations
            for tensor in operation.inputs
            if tensor.dtype.name in _KEPT_TOGETHER and tensor.op.name in place
        }
        for leaf in leaves
    ]
    return _merged(leaves, _components(handed_on, "weak"), flow)


def _places(leaves: Sequence[Leaf]) -> dict[str, int]:
    return {operation.name: at for at, leaf in enumerate(leaves) for operation in leaf.operations}


def _merged(leaves: Sequence[Leaf], group_of: Sequence[int], flow: DataFlow) -> list[Leaf]:
    groups: dict[int, list[Leaf]] = defaultdict(list)
    for leaf, group in zip(leaves, group_of, strict=True):
        groups[group].append(leaf)
    place = {operation.name: at for at, operation in enumerate(flow.values)}
    return [group[0] if len(group) == 1 else _one_leaf(group, place) for group in groups.values()]


def _one_leaf(leaves: Sequence[Leaf], place: Mapping[str, int]) -> Leaf:
    together = [operation for leaf in leaves for operation in leaf.operations]
    # The last one says what the layer answers.
    operations = tuple(sorted(together, key=lambda operation: place[operation.name]))
    common = _shared_path([leaf.path for leaf in leaves])
    loop = next((operation for operation in operations if "While" in operation.type), operations[0])
    return Leaf(common or (loop.name.rpartition("/")[2],), operations)


def _acyclic(leaves: list[Leaf], flow: DataFlow) -> list[Leaf]:
    """Put together leaves that wait for each other: what is between two parts of one has to run inside of it."""
    return _merged(leaves, _components(_needed(leaves, flow), "strong"), flow)


def _needed(leaves: Sequence[Leaf], flow: DataFlow) -> list[set[int]]:
    """Return the numbers of the leaves whose values each takes."""
    place = _places(leaves)
    return [
        {
            place[tensor.op.name]
            for operation in leaf.operations
            for tensor in flow.sources(operation)
            if place.get(tensor.op.name, at) != at
        }
        for at, leaf in enumerate(leaves)
    ]


def _components(others: Sequence[set[int]], connection: Literal["weak", "strong"]) -> list[int]:
    """Return for each leaf the number of the group that it is in.

    Args:
        others: For each leaf those that it needs.
        connection: ``"strong"`` for groups of leaves that need each other, ``"weak"`` for all that hang together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = [(at, other) for at, needed in enumerate(others) for other in needed]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(len(others), len(others)))
    _, components = connected_components(graph, directed=True, connection=connection)
    return [int(component) for component in components]


def _in_order(leaves: Sequence[Leaf], flow: DataFlow) -> list[Leaf]:
    """Return leaves such that each stands behind those whose values it takes, staying in a scope as long as it can."""
    needed = _needed(leaves, flow)
    followers: dict[int, list[int]] = defaultdict(list)
    for at, others in enumerate(needed):
        for other in others:
            followers[other].append(at)
    open_counts = [len(others) for others in needed]
    ready = _ReadyLeaves(leaves)
    for at, count in enumerate(open_counts):
        if not count:
            ready.add(at)
    ordered: list[Leaf] = []
    path: tuple[str, ...] = ()
    while (nearest := ready.take(path)) is not None:
        ordered.append(leaves[nearest])
        path = leaves[nearest].path
        for follower in followers[nearest]:
            open_counts[follower] -= 1
            if not open_counts[follower]:
                ready.add(follower)
    return ordered


class _ReadyLeaves:
    """Leaves that can run, by the scopes that they are in."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._leaves = leaves
        self._waiting: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._taken: set[int] = set()

    def add(self, at: int) -> None:
        path = self._leaves[at].path
        for depth in range(len(path) + 1):
            heappush(self._waiting[path[:depth]], at)

    def take(self, path: tuple[str, ...]) -> int | None:
        """Return the first of those that share most scopes with a path; None if there are none."""
        for depth in range(len(path), -1, -1):
            waiting = self._waiting.get(path[:depth], [])
            while waiting:
                at = heappop(waiting)
                if at not in self._taken:
                    self._taken.add(at)
                    return at
        return None
