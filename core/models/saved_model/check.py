"""Decides whether a SavedModel may be loaded: without running it, and without TensorFlow.

A SavedModel is a program. TensorFlow runs parts of it while it loads (tables are filled, resources made) and the rest
when it is called, and its operations can read and write any file. So every operation, in the graph and in each function
of its library, has to be on a list of those that only compute. Three need more than a name:

- What reads and writes the variables is in every SavedModel, since TensorFlow writes a function for each. TensorFlow's
  Python loader never calls these. They are allowed where only the saver's own nodes lead to them, and refused where a
  signature, an object of the model, or any other function does.
- A table of words is filled from a file when the model is loaded. The file's name is followed back to where it comes
  from, which must be an asset of the SavedModel.
- A constant, or a shape in front of an operation such as Fill, can declare more memory than the file is long.

Only what TensorFlow 2 writes is read: TensorFlow 1 restores by running the graph.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from core.common.limits import Limits, format_limit, raised_by
from core.errors import ModelRefused
from core.models.archives import PROGRAMS
from core.models.saved_model.graph import Body, SavedGraph, read_frozen_graph, read_nodes, read_saved_graph
from core.models.saved_model.lookup_tables import AssetNames
from core.models.saved_model.nodes import Node
from core.models.saved_model.operations import ALLOWED, SAVER_OPERATIONS, SIZED_BY, TEXT_TABLE, describe_refused
from core.models.saved_model.protobuf import ProtobufReader

__all__ = ["MAX_GRAPH_BYTES", "SavedModelReport", "check_frozen_graph", "check_saved_model"]

MAX_GRAPH_BYTES: Final = 512 << 20
MAX_STEPS: Final = 3_000_000
# More than TensorFlow writes for an operation; what is made of nothing but entries takes a second or two to be refused.
STEPS_PER_NODE: Final = 200
MAX_NODES: Final = 250_000
MAX_FUNCTIONS: Final = 20_000
# How many operations there are when each call is replaced by what it calls, as TensorFlow does.
MAX_UNROLLED_NODES: Final = 20_000_000
MAX_NAME_LENGTH: Final = 1_000
# In constants and the like, which no model fills with what its layers answer.
MAX_DECLARED_VALUES: Final = 500_000_000
BY_HAND: Final = "If you trust whoever made it, load it in Python yourself and pass the model to layerscope.show."
AGAIN: Final = "Save it again with model.export() under TensorFlow 2."

_LOCAL_DEVICE: Final = re.compile(
    r"(/job:localhost)?(/replica:0)?(/task:0)?(/(device:)?(cpu|gpu|tpu)(:(\d{1,3}|\*))?)?", re.IGNORECASE
)
_MEMBER: Final = re.compile(
    r"saved_model\.pb|keras_metadata\.pb|fingerprint\.pb|variables/variables\.(index|data-\d{5}-of-\d{5})"
    r"|assets/.+|assets\.extra/.+|debug/saved_model_debug_info\.pb"
)
_CODE: Final = (*PROGRAMS, ".pkl", ".pickle")
_INITIALIZER_SIGNATURE: Final = "__saved_model_init_op"


@dataclass(frozen=True)
class SavedModelReport:
    """What the graph of a SavedModel holds.

    Args:
        signatures: Names of the signatures that can be called, sorted.
        operations: Every type of operation, in the graph and in its functions, sorted.
        assets: Paths of the files that the graph reads while it is loaded, such as ``"assets/vocabulary.txt"``.
        variables: How many variables it has, whose values are in files of their own.
    """

    signatures: tuple[str, ...]
    operations: tuple[str, ...]
    assets: tuple[str, ...]
    variables: int = 0


def check_saved_model(graph: bytes, members: Collection[str], name: str, limits: Limits) -> SavedModelReport:
    """Reads a SavedModel's graph and refuses what could do more than compute.

    Args:
        graph: The content of ``saved_model.pb``.
        members: Paths of the SavedModel's files, relative to its root, ``/`` between the parts.
        name: What to call the SavedModel in messages.
        limits: How large it may be.

    Raises:
        ModelRefused: The graph is damaged, too large, or holds what is not on the allow-list of operations.
    """
    _check_members(members, name)
    if len(graph) > MAX_GRAPH_BYTES:
        raise ModelRefused(
            f"saved_model.pb in {name} has {len(graph):,} bytes; Layerscope reads up to {MAX_GRAPH_BYTES:,}.",
            remedy="Save the weights as variables instead of constants, as model.export() does.",
        )
    reader = ProtobufReader(graph, f"saved_model.pb in {name}", MAX_STEPS)
    saved, graphs = read_saved_graph(reader)
    if graphs != 1:
        what = f"holds {graphs} graphs instead of one" if graphs else "was written for TensorFlow 1"
        raise ModelRefused(f"The SavedModel {name} {what}.", remedy=AGAIN)
    if len(saved.functions) > MAX_FUNCTIONS:
        raise ModelRefused(
            f"The SavedModel {name} has {len(saved.functions):,} functions; Layerscope reads {MAX_FUNCTIONS:,}.",
            remedy=BY_HAND,
        )
    _check_objects(saved, name, limits)
    assets = _check_assets(saved, members, name)
    operations = GraphCheck(reader, saved, name, limits).check()
    return SavedModelReport(
        signatures=tuple(sorted(set(saved.signatures) - {_INITIALIZER_SIGNATURE})),
        operations=tuple(sorted(operations)),
        assets=tuple(sorted(assets)),
        variables=sum(item.elements > 0 for item in saved.objects),
    )


def check_frozen_graph(content: bytes, name: str, limits: Limits) -> SavedModelReport:
    """Reads a graph that TensorFlow 1 froze, and refuses what could do more than compute.

    Args:
        content: Of the ``.pb`` file, a ``GraphDef``.
        name: What to call it in messages.
        limits: How large it may be.

    Raises:
        ModelRefused: The graph is damaged, too large, or holds what is not on the allow-list of operations.
    """
    reader = ProtobufReader(content, name, MAX_STEPS)
    saved = read_frozen_graph(reader)
    # There is no saver: what reads or writes files is refused wherever it stands.
    operations = GraphCheck(reader, saved, name, limits, "The graph").check()
    return SavedModelReport((), tuple(sorted(operations)), ())


def _check_members(members: Collection[str], name: str) -> None:
    for member in sorted(members):
        parts = member.split("/")
        is_path = not ({"", ".", ".."} & set(parts) or "\\" in member or ":" in member or not member.isprintable())
        if not (is_path and _MEMBER.fullmatch(member)) or member.lower().endswith(_CODE):
            raise ModelRefused(
                f"The SavedModel {name} holds the file {member[:200]!r}, which does not belong into a SavedModel.",
                remedy="Take it out, or export the model again into an empty folder.",
            )


def _check_assets(saved: SavedGraph, members: Collection[str], name: str) -> set[str]:
    """Paths of the assets; each has to be a file of the SavedModel."""
    assets = set()
    for _, file_name in saved.assets:
        path = f"assets/{file_name}"
        # What _check_members let pass is a plain path; whatever else a name says, it is not among these.
        if path not in members:
            raise ModelRefused(
                f"The SavedModel {name} reads the file {file_name[:200]!r}, which is not in its assets folder.",
                remedy="Export the model again and take the whole folder.",
            )
        assets.add(path)
    return assets


def _check_objects(saved: SavedGraph, name: str, limits: Limits) -> None:
    for item in saved.objects:
        _check_device(item.device, "one of its objects", name)
    objects = saved.objects
    used = {place for bound in saved.bound_inputs.values() for place in bound if place < len(objects)}
    for what, elements, limit in (
        ("parameters", sum(objects[place].elements for place in used), limits.parameters),
        # Keras 3 writes each variable twice, an optimizer of Keras 2 two more for each.
        ("values in its variables", sum(item.elements for item in objects), 4 * limits.parameters),
    ):
        if elements > limit:
            raise ModelRefused(
                f"The SavedModel {name} has {elements:,} {what}; the limit is {limit:,}.",
                remedy=f"{BY_HAND} {raised_by('parameters')}",
            )


def _check_device(device: str, where: str, name: str) -> None:
    if not _LOCAL_DEVICE.fullmatch(device):
        raise ModelRefused(
            f"The SavedModel {name} places {where} on the device {device[:100]!r}, which is not of this machine.",
            remedy=AGAIN,
        )


@dataclass
class _Facts:
    """What one body of the program was found to hold."""

    count: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    mentions: set[str] = field(default_factory=set)
    saver_nodes: list[Node] = field(default_factory=list)
    tables: list[Node] = field(default_factory=list)


class GraphCheck:
    """The graph and its functions, and who calls whom."""

    def __init__(
        self, reader: ProtobufReader, saved: SavedGraph, name: str, limits: Limits, subject: str = "The SavedModel"
    ) -> None:
        self.reader, self.saved, self.name, self.limits = reader, saved, name, limits
        self.subject = f"{subject} {name}"
        self.operations: set[str] = set()
        self.elements = 0
        self.nodes = 0
        self.names_as_bytes = {function.encode(): function for function in saved.functions}
        self.facts: dict[str, _Facts] = {}

    def check(self) -> set[str]:
        """Return the types of all operations, if all may be there."""
        bodies = [self.saved.graph, *self.saved.functions.values()]
        self.facts = {body.name: self._read(body) for body in bodies}
        self._check_unrolled()
        self._check_savers()
        assets = AssetNames(self.reader, self.saved, self._callers())
        for body in bodies:
            for table in self.facts[body.name].tables:
                if not assets.holds(body, _input(table, 1)):
                    raise self._refused(
                        table.name, body, TEXT_TABLE, "reads a file that is not one of the SavedModel's assets"
                    )
        return self.operations

    def _read(self, body: Body) -> _Facts:
        facts = _Facts(calls=Counter(body.functions), mentions=self._mentioned(body.strings))
        shapes: dict[str, tuple[int, ...]] = {}
        sized: list[tuple[Node, str]] = []
        names: set[str] = set()
        for node in read_nodes(self.reader, body):
            facts.count += 1
            if node.name in names or max(len(node.name), len(node.operation)) > MAX_NAME_LENGTH:
                raise self.reader.damaged("two operations have the same name, or a name is endless")
            names.add(node.name)
            self._check_node(node, body)
            facts.calls.update(node.functions)
            facts.mentions |= self._mentioned(node.strings)
            if node.operation in SAVER_OPERATIONS:
                facts.saver_nodes.append(node)
            elif node.operation == TEXT_TABLE:
                facts.tables.append(node)
            elif node.operation == "Const" and node.constants and node.constants[0].values:
                shapes[node.name] = node.constants[0].values
            elif node.operation in SIZED_BY:
                sized.append((node, _input(node, SIZED_BY[node.operation]).partition(":")[0]))
        for node, shape in sized:
            elements = 1
            for size in shapes.get(shape, ()):
                elements *= max(size, 0)
            self._check_elements(elements, node, body)
        return facts

    def _check_node(self, node: Node, body: Body) -> None:
        operation = node.operation
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise ModelRefused(f"{self.subject} has more than {MAX_NODES:,} operations.", remedy=BY_HAND)
        if operation not in ALLOWED and operation not in SAVER_OPERATIONS and operation != TEXT_TABLE:
            if not operation:
                raise self.reader.damaged("an operation has no type")
            raise self._refused(node.name, body, operation, describe_refused(operation))
        if operation in self.saved.functions:
            # TensorFlow would call the function, which nobody here would know of.
            raise self._refused(node.name, body, operation, "bears the name of one of its functions")
        self.reader.grant(STEPS_PER_NODE)
        self.operations.add(operation)
        _check_device(node.device, f"the operation {node.name[:100]!r}", self.name)
        for constant in node.constants:
            if constant.is_handle:
                raise self._refused(node.name, body, operation, "holds an object of another program instead of numbers")
            self.elements += constant.elements
            self._check_elements(constant.elements, node, body)
            self._check_elements(self.elements, node, body)

    def _check_elements(self, elements: int, node: Node, body: Body) -> None:
        limit = min(self.limits.activation_bytes // 4, MAX_DECLARED_VALUES)
        if elements > limit:
            raise ModelRefused(
                f"{self.subject} declares {elements:,} values at the operation {node.name[:100]!r}"
                f"{_within(body)}; the limit is {format_limit(limit)}.",
                remedy=f"{BY_HAND} {raised_by('activation_bytes')}",
            )

    def _mentioned(self, strings: Iterable[bytes]) -> set[str]:
        return {self.names_as_bytes[text] for text in strings if text in self.names_as_bytes}

    def _refused(self, node: str, body: Body, operation: str, reason: str) -> ModelRefused:
        return ModelRefused(
            f"{self.subject} is refused: its operation {operation[:100]} ({node[:100]!r}{_within(body)}) {reason}.",
            remedy=BY_HAND,
        )

    def _check_unrolled(self) -> None:
        """Refuses functions that call themselves, and calls of calls that multiply without end."""
        calls = {
            name: {called: times for called, times in facts.calls.items() if called in self.facts}
            for name, facts in self.facts.items()
        }
        unrolled: dict[str, int] = {}
        for start in self.facts:
            path = {start: iter(calls[start])} if start not in unrolled else {}
            while path:
                name = next(reversed(path))
                called = next(path[name], None)
                if called is None:
                    path.popitem()
                    unrolled[name] = self.facts[name].count + sum(
                        times * unrolled[call] for call, times in calls[name].items()
                    )
                    if unrolled[name] > MAX_UNROLLED_NODES:
                        raise ModelRefused(
                            f"The functions of the SavedModel {self.name} call each other so often that they would "
                            f"unroll to more than {MAX_UNROLLED_NODES:,} operations.",
                            remedy=BY_HAND,
                        )
                elif called in path:
                    raise ModelRefused(
                        f"{self.subject} is refused: its function {called[:100]!r} calls itself.",
                        remedy=BY_HAND,
                    )
                elif called not in unrolled:
                    path[called] = iter(calls[called])

    def _check_savers(self) -> None:
        saved = self.saved
        roots = set(saved.gradients) | set(saved.bound_inputs) | set(self.facts[""].mentions)
        roots.update(name for item in saved.objects for name in item.functions)
        for node in self._graph_nodes.values():
            if node.name not in saved.savers:
                roots.update(node.functions)
        exposed = self._reached_from(roots)
        called = {name for node in saved.savers & set(self._graph_nodes) for name in self._graph_nodes[node].functions}
        own = self._reached_from(called) - exposed
        for name, facts in self.facts.items():
            body = saved.functions.get(name, saved.graph)
            for node in facts.saver_nodes:
                # The saver is told which file to read; the function does not say it itself.
                place = {"RestoreV2": 0, "MergeV2Checkpoints": 1}.get(node.operation)
                if name not in own or (place is not None and _input(node, place) not in body.arguments):
                    reason = f"{describe_refused(node.operation)}, and is not where only the variables are"
                    raise self._refused(node.name, body, node.operation, reason)
        self._check_saver_is_apart()

    def _check_saver_is_apart(self) -> None:
        """Refuses a signature, or what is run at loading, that waits for the saver."""
        tensors = set().union(*self.saved.signatures.values()) | self.saved.initializers
        waiting = [tensor.partition(":")[0] for tensor in tensors]
        seen = set(waiting)
        while waiting:
            name = waiting.pop()
            if name in self.saved.savers:
                raise ModelRefused(
                    f"{self.subject} is refused: calling it would save or restore files.", remedy=BY_HAND
                )
            inputs = {_source(text) for text in self._graph_nodes[name].inputs} if name in self._graph_nodes else set()
            waiting += inputs - seen
            seen |= inputs

    def _callers(self) -> Mapping[str, set[str]]:
        callers = defaultdict(set)
        for name, facts in self.facts.items():
            for called in facts.calls:
                callers[called].add(name)
        return callers

    @cached_property
    def _graph_nodes(self) -> dict[str, Node]:
        return {node.name: node for node in read_nodes(self.reader, self.saved.graph)}

    def _reached_from(self, names: Iterable[str]) -> set[str]:
        waiting = [name for name in names if name in self.facts]
        seen = set(waiting)
        while waiting:
            facts = self.facts[waiting.pop()]
            reached = {name for name in facts.calls.keys() | facts.mentions if name in self.facts} - seen
            waiting += reached
            seen |= reached
        return seen


def _input(node: Node, place: int) -> str:
    return node.inputs[place] if place < len(node.inputs) else ""


def _source(text: str) -> str:
    """The node that an input names, be it for its value (``"node:0"``) or for its order (``"^node"``)."""
    return text.removeprefix("^").partition(":")[0]


def _within(body: Body) -> str:
    return f" in the function {body.name[:100]!r}" if body.name else ""
