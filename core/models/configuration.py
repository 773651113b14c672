"""Judges the configuration in a model file: everything that Keras would make of it must be Keras' own, or allowed.

Nothing is trusted but exact pairs of module and class from a list. A deny-list has been got round again and again
(CVE-2024-3660, CVE-2025-1550, -8747, -9905, -9906), for whatever a name can be imported from is a function to somebody.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.common.limits import Limits, raised_by
from core.common.text import safe_name
from core.errors import MissingObject, ModelRefused
from core.models.code_needs import LAMBDA, CodeNeeds
from core.models.connections import calls_of, in_order, own_name
from core.models.foreign_programs import FOREIGN_PROGRAMS, help_with_program, why_no_program
from core.models.keras2 import MODELS, REPLACED
from core.models.keras2_operations import OPERATIONS
from core.models.lambda_code import LAMBDA_CODE, functions_in, is_lambda_value, named_functions

__all__ = [
    "BY_HAND",
    "check_configuration",
    "check_counts",
    "foreign_objects",
    "keras_layer_names",
    "keras_layer_package",
    "parse_configuration",
    "training_of",
    "without_training",
]

BY_HAND: Final = "Load it in Python yourself and pass the model to layerscope.show."
SAVE_AGAIN: Final = "Save the model again."
MAXIMUM_BYTES: Final = 32 << 20
MAXIMUM_NODES: Final = 2_000_000
MAXIMUM_DEPTH: Final = 200

_CODE: Final = frozenset({"Lambda", LAMBDA_CODE})
_LAMBDA_MODULES: Final = (None, "keras.layers", "keras.src.layers.core.lambda_layer", "builtins")
# How Keras writes values that JSON has no word for. Not __typespec__, which names a class to import.
_VALUES: Final = frozenset({"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"})
_TUPLE: Final = "__tuple__"
_COMPILED: Final = "compile_config"
# Where versions before Keras 3 kept the classes of models.
_FORMER_MODULES: Final = re.compile(r"(tf_keras|keras)\.(src\.)?(engine|models)(\.(functional|sequential|training))?\Z")
_OPERATION_MODULES: Final = re.compile(r"(tf_keras|keras)\.(src\.)?layers\.core\.tf_op_layer\Z")
_OF_KERAS_2: Final = frozenset({"Policy", *OPERATIONS, *REPLACED})
_FOREIGN_CLASS: Final = "is a class that did not come with Keras"
_FOREIGN_FUNCTION: Final = "is a function that did not come with Keras"
_NO_ACTIVATION: Final = "names no activation of Keras"
_FILES: Final = frozenset({"vocabulary", "idf_weights", "filepath", "file_path", "filename", "path", "weights", "url"})


@dataclass(frozen=True)
class _Known:
    classes: Mapping[str, frozenset[str]]
    activations: frozenset[str]
    initializers_and_such: frozenset[str]


@cache
def _known() -> _Known:
    # tests/support/keras_classes_of_today.py writes it; a test says when another Keras has other classes.
    data = json.loads((Path(__file__).parent / "keras_classes.json").read_text())
    classes = {name: frozenset(modules) for name, modules in data["classes"].items()}
    return _Known(classes, frozenset(data["activations"]), frozenset(data["initializers_and_such"]))


@cache
def keras_layer_names() -> frozenset[str]:
    """Return the class names of all layers that come with Keras, without importing it."""
    layers = ("keras.layers", "keras.src.layers.")
    return frozenset(name for name, modules in _known().classes.items() if any(m.startswith(layers) for m in modules))


@cache
def keras_layer_package(class_name: str) -> str:
    """Return the part of Keras that a layer's class is in, such as ``"pooling"``; empty for what is no layer of it."""
    modules = _known().classes.get(class_name, frozenset())
    parts = next((module.split(".") for module in sorted(modules) if module.startswith("keras.src.layers.")), [])
    return parts[3] if len(parts) > 3 else ""


def foreign_objects(
    config: Mapping[str, Any], name: str, allowed: Collection[str] = (), *, legacy: bool = False
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield every class and function that a configuration asks for and that did not come with Keras.

    Code that the file itself holds, such as a Lambda's, is none of these.

    Args:
        config: The configuration, parsed.
        name: What to call the file in messages.
        allowed: Names that the caller has at hand, see :func:`check_configuration`.
        legacy: Whether Keras 2 wrote it.

    Returns:
        What describes it in the configuration, and the name of the layer around it; for a function that is named in an
        option, a description of the same form.

    Raises:
        ModelRefused: If the configuration is too large.
    """
    for node, place in _walk(config, name):
        if isinstance(node.get("class_name"), str) and "config" in node:
            if _why_not(node, allowed, legacy) in (_FOREIGN_CLASS, _FOREIGN_FUNCTION):
                yield node, place
            continue
        for key, value in node.items():
            if _why_not_named(key, value, allowed) == _NO_ACTIVATION:
                yield {"class_name": "function", "config": value, "registered_name": value}, place


def parse_configuration(content: bytes, where: str) -> dict[str, Any]:
    """Parse JSON strictly: what one parser reads in two ways, two parsers read differently.

    Args:
        content: The JSON, as UTF-8.
        where: What to call it in messages, such as ``"config.json in model.keras"``.

    Raises:
        ModelRefused: If it is too large, nested too deeply, not UTF-8, no JSON object, or names a key twice.
    """
    if len(content) > MAXIMUM_BYTES:
        raise ModelRefused(f"{where} is larger than {MAXIMUM_BYTES:,} bytes.", remedy=BY_HAND)
    # The parser's recursion would end at some depth of the interpreter's; this says so first, and at one depth.
    if _depth(content) > MAXIMUM_DEPTH:
        raise ModelRefused(f"{where} is too deeply nested.", remedy=BY_HAND)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = dict(pairs)
        if len(keys) != len(pairs):
            raise ModelRefused(f"{where} names a key twice.", remedy=SAVE_AGAIN)
        return keys

    try:
        # json.loads would guess UTF-16 from bytes; Keras' other reader would not.
        config = json.loads(content.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"{where} is not readable as JSON.", remedy=SAVE_AGAIN) from error
    if not isinstance(config, dict):
        raise ModelRefused(f"{where} is not a JSON object.", remedy=SAVE_AGAIN)
    return config


def without_training(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what only training needs: how the model, and any model in it, was compiled.

    Keras compiles a nested model again as it reads it, whatever the caller asks for. Optimizers, losses and metrics,
    which may be functions of their owner's, are so never looked up, and need not be judged.
    """
    return {key: _without_training(value) for key, value in config.items() if key != _COMPILED}


def _without_training(value: Any) -> Any:
    if isinstance(value, dict):
        is_object = "class_name" in value and "config" in value
        return {key: _without_training(inner) for key, inner in value.items() if not (is_object and key == _COMPILED)}
    return [_without_training(inner) for inner in value] if isinstance(value, list) else value


def training_of(compiled: Any) -> dict[str, str]:
    """Return what a configuration says of how a model was trained: optimizer and loss by name, as far as it says.

    Args:
        compiled: What Keras 3 writes as ``compile_config``, Keras 2 as ``training_config``.
    """
    if not isinstance(compiled, dict):
        return {}
    optimizer = compiled.get("optimizer", compiled.get("optimizer_config"))
    wrapped = optimizer.get("config") if isinstance(optimizer, dict) else None
    inner = wrapped.get("inner_optimizer") if isinstance(wrapped, dict) else None
    names = {"optimizer": _names_in(inner or optimizer), "loss": _names_in(compiled.get("loss"))}
    return {key: name for key, name in names.items() if name}


def _names_in(value: Any) -> str:
    """Names of what a configuration describes, however it is written: a word, an object, one for each output."""
    if isinstance(value, str):
        return safe_name(value)
    if isinstance(value, list):
        return ", ".join(filter(None, map(_names_in, value[:8])))
    if not isinstance(value, dict):
        return ""
    if "class_name" in value:
        own = value.get("config")
        is_function = value["class_name"] == "function" and isinstance(own, str)
        return safe_name(own if is_function else value.get("registered_name") or value["class_name"])
    return ", ".join(f"{safe_name(key)}: {name}" for key, item in list(value.items())[:8] if (name := _names_in(item)))


def check_configuration(
    config: Mapping[str, Any], name: str, allowed: Collection[str], *, legacy: bool = False
) -> tuple[str, ...]:
    """Judge every object that Keras would make of a configuration.

    Args:
        config: The configuration, parsed.
        name: What to call the file in messages.
        allowed: Names of custom classes and functions that the caller has at hand, as they stand in the file; and
            ``"lambda"`` if Python code in the file may run.
        legacy: Whether Keras 2 wrote it; then ``core.models.keras2`` translates it, and refuses layers that it does not
            know.

    Returns:
        The names of all classes, sorted.

    Raises:
        CodeNeeded: If all that is not on the list of what Keras has, and not allowed, is somebody's own code.
        ModelRefused: If anything else in it is not.
    """
    if not isinstance(config.get("class_name"), str) or not isinstance(config.get("config"), dict | list):
        raise ModelRefused(f"The configuration in {name} describes no model.", remedy=SAVE_AGAIN)
    class_names = set()
    needs = CodeNeeds(name)
    for node, place in _walk(config, name):
        # Keras makes an object of what has a class and a configuration; anything else is a dict by those names.
        if isinstance(node.get("class_name"), str) or ("class_name" in node and "config" in node):
            _judge_object(node, place, allowed, legacy, needs)
            class_names.add(str(node["class_name"]))
        _judge_options(node, place, allowed, needs)
    needs.check()
    return tuple(sorted(class_names))


def _judge_object(
    node: Mapping[str, Any], place: str, allowed: Collection[str], legacy: bool, needs: CodeNeeds
) -> None:
    if reason := _why_not(node, allowed, legacy):
        message = f"{_called(node)} in {needs.name} {reason}{_at(place)}."
        if not needs.add(_needed(node, place), message):
            remedy, code = help_with_program(_plain_names(node), own_name(node)) or (BY_HAND, "")
            raise ModelRefused(message, remedy=remedy, code=code)
    for function in named_functions(node):
        if function not in allowed and function not in _known().activations:
            message = f"The Lambda layer {_short(own_name(node))} in {needs.name} runs the function {_short(function)}."
            if not needs.add(MissingObject(function, "", function, "function"), message):
                raise ModelRefused(message, remedy=BY_HAND)


def _judge_options(node: Mapping[str, Any], place: str, allowed: Collection[str], needs: CodeNeeds) -> None:
    for key, value in node.items():
        if reason := _why_not_named(key, value, allowed):
            option = f"{key}={_short(value)}" if isinstance(value, str) else key
            message = f"The option {option} in {needs.name} {reason}{_at(place)}."
            if not needs.add(_needed_by_option(key, value, str(node.get("name") or place)), message):
                raise ModelRefused(message, remedy=BY_HAND)


def check_counts(config: Mapping[str, Any], name: str, limits: Limits, *, legacy: bool = False) -> int:
    """Return how many layers a configuration has, nested ones too, and check how they are connected.

    Keras 2 counts the calls of nested models otherwise, so the order of its layers is checked when they are translated.

    Raises:
        ModelRefused: If there are more than the limit, if two layers of a model share a name, if a layer takes what is
            not there, or if layers wait for each other.
    """
    count = 0
    for node, _ in _walk(config, name):
        layers = node.get("layers")
        if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
            continue
        count += len(layers)
        if count > limits.layers:
            raise ModelRefused(
                f"{name} has more than {limits.layers:,} layers.",
                remedy=f"{BY_HAND} {raised_by('layers')}",
            )
        if "input_layers" in node:
            _check_connections(layers, name, ordered=not legacy)
    return count


def _depth(content: bytes) -> int:
    depth = deepest = 0
    # Strings are left out, as they may hold brackets.
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', content, re.DOTALL):
        mark = token[0][:1]
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in b"]}":
            depth -= 1
    return deepest


def _walk(config: Mapping[str, Any], name: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yields every dict and the name of the layer around it, outermost first, without recursion."""
    stack: list[tuple[Any, int, str]] = [(config, 0, "")]
    count = 0
    while stack:
        value, depth, place = stack.pop()
        count += 1
        if count > MAXIMUM_NODES or depth > MAXIMUM_DEPTH:
            raise ModelRefused(f"The configuration in {name} is too large or too deeply nested.", remedy=BY_HAND)
        if isinstance(value, dict):
            yield value, place
            own = value.get("name")
            place = own if isinstance(own, str) else place
            stack.extend((item, depth + 1, place) for item in reversed(value.values()) if isinstance(item, dict | list))
        elif isinstance(value, list):
            stack.extend((item, depth + 1, place) for item in reversed(value) if isinstance(item, dict | list))
            count += len(value)


def _why_not(node: Mapping[str, Any], allowed: Collection[str], legacy: bool) -> str:
    """Says why an object of the configuration must not be made; empty if it may be."""
    class_name, module, registered = node.get("class_name"), node.get("module"), node.get("registered_name")
    # A wrong type is no spelling that Keras writes, and a test by equality would pass it by.
    if not isinstance(class_name, str) or any(
        value is not None and not isinstance(value, str) for value in (module, registered)
    ):
        return "is not described in a way that Keras writes"
    names = _plain_names(node)
    if names & _CODE:
        is_named = _is_lambda(node) and functions_in(node.get("config")) is not None
        is_trusted = _is_lambda(node) and LAMBDA in allowed
        # The functions that it names are judged where they stand.
        return "" if is_named or is_trusted else "holds Python code, and opening it would run that code"
    if reason := why_no_program(names):
        return reason
    if class_name == "function":
        return _why_not_function(node.get("config"), module, allowed)
    if class_name in _VALUES and module in (None, "builtins"):
        return ""
    if class_name == _TUPLE and module is None:
        return ""
    if {class_name, registered} & set(allowed) and (registered in allowed or registered is None):
        # What the caller registered is found by that name, whatever the module says.
        return ""
    return "" if _is_of_keras(node, class_name, module, registered, legacy) else _FOREIGN_CLASS


def _plain_names(node: Mapping[str, Any]) -> frozenset[str]:
    """What the class of an object is called, without the package that it is registered under."""
    names = (node.get("class_name"), node.get("registered_name"))
    return frozenset(name.rpartition(">")[2] for name in names if isinstance(name, str) and name)


def _is_lambda(node: Mapping[str, Any]) -> bool:
    """Whether it is spelled as Keras spells a Lambda layer, or the code in one."""
    names = (node.get("class_name"), node.get("registered_name"))
    return (
        isinstance(names[0], str)
        and names[0] in _CODE
        and names[1] in (None, names[0])
        and node.get("module") in _LAMBDA_MODULES
    )


def _needed(node: Mapping[str, Any], place: str) -> MissingObject | str | None:
    """What would have to be trusted for a node that is refused: an object, or code in a layer by its name."""
    class_name, module, registered = node.get("class_name"), node.get("module"), node.get("registered_name")
    config = node.get("config")
    is_spelled = all(text is None or isinstance(text, str) for text in (module, registered))
    if not isinstance(class_name, str) or not is_spelled:
        return None
    if class_name in _CODE:
        own = config.get("name") if isinstance(config, dict) else None
        return (own if isinstance(own, str) else place or "lambda") if _is_lambda(node) else None
    if class_name == "function":
        return MissingObject(config, module or "", config, "function") if isinstance(config, str) else None
    if _plain_names(node) & (_CODE | FOREIGN_PROGRAMS):
        return None
    return MissingObject(class_name.rpartition(">")[2], module or "", registered or class_name, "class")


def _needed_by_option(key: str, value: Any, place: str) -> MissingObject | str | None:
    if is_lambda_value(value):
        return place or "lambda"
    is_activation = key == "activation" or key.endswith("_activation")
    return MissingObject(value, "", value, "function") if is_activation else None


def _is_of_keras(
    node: Mapping[str, Any], class_name: str, module: str | None, registered: str | None, legacy: bool
) -> bool:
    # Keras' own are registered under their own name or not at all.
    if registered not in (None, class_name):
        return False
    if legacy and class_name in _OF_KERAS_2 and (module is None or module.startswith("keras.")):
        return True
    if legacy and class_name in OPERATIONS and _OPERATION_MODULES.match(module or ""):
        # These are never looked up: core.models.keras2_operations writes others in their place, or refuses.
        return True
    if module is None:
        # Keras 2 and .h5 files name a class and nothing else.
        is_named = isinstance(node.get("config"), dict) and "name" in node["config"]
        return class_name in _known().classes or (legacy and is_named and class_name.isidentifier())
    if class_name in MODELS and _FORMER_MODULES.match(module):
        return True
    return module in _known().classes.get(class_name, ())


def _why_not_function(function: Any, module: str | None, allowed: Collection[str]) -> str:
    if not isinstance(function, str):
        return "is not described in a way that Keras writes"
    is_activation = function in _known().activations and module in (None, "builtins", "keras.activations")
    return "" if is_activation or function in allowed else _FOREIGN_FUNCTION


def _why_not_named(key: str, value: Any, allowed: Collection[str]) -> str:
    """Says why an option must not hold a string that Keras would look up as a name, or open as a file."""
    is_activation = key == "activation" or key.endswith("_activation")
    if is_lambda_value(value) and LAMBDA not in allowed:
        return "holds Python code, and opening it would run that code"
    if not isinstance(value, str) or value in allowed:
        return ""
    if is_activation:
        return "" if value in _known().activations else _NO_ACTIVATION
    if key.endswith(("_initializer", "_regularizer", "_constraint")) or key in ("initializer", "regularizer"):
        return "" if value in _known().initializers_and_such else "names nothing that Keras has for that"
    if key in _FILES:
        return "names a file; a model may only hold what it needs itself"
    return ""


def _check_connections(layers: Sequence[Mapping[str, Any]], name: str, *, ordered: bool) -> None:
    """Refuses a graph in which a layer is missing, or there twice, or waits for its own answer."""
    counts = Counter(str(layer.get("name", "")) for layer in layers)
    own, times = counts.most_common(1)[0] if counts else ("", 1)
    if times > 1:
        raise ModelRefused(f"Two layers in {name} are called {own[:80]!r}.", remedy=SAVE_AGAIN)
    calls = calls_of(layers)
    for (layer, _), tensors in calls.items():
        absent_source = next((source for source, _, _ in tensors if source not in counts), None)
        if absent_source is not None:
            raise ModelRefused(
                f"The layer {layer[:80]!r} in {name} takes the output of {absent_source[:80]!r}, which is not there.",
                remedy=SAVE_AGAIN,
            )
    free = set(in_order(calls)) if ordered else calls.keys()
    waiting_call = next((call for call in calls if call not in free), None)
    if waiting_call is not None:
        raise ModelRefused(f"The layer {waiting_call[0][:80]!r} in {name} waits for its own answer.", remedy=SAVE_AGAIN)


def _called(node: Mapping[str, Any]) -> str:
    """Names an object for a message: its class, and its own name where it has one."""
    config = node.get("config")
    if node.get("class_name") == "function":
        return f"The function {_short(config)}"
    title = str(node.get("registered_name") or node.get("class_name"))[:80]
    own = config.get("name") if isinstance(config, dict) else None
    return f"The {title} layer {_short(own)}" if own else f"The class {title}"


def _at(place: str) -> str:
    return f" (in {_short(place)})" if place else ""


def _short(value: Any) -> str:
    return repr(str(value)[:80])
