"""What a configuration asks for that did not come with Keras, and the three lines of Python that register it."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Mapping
from typing import Any, Final

from core.common.text import safe_name
from core.models.configuration import foreign_objects
from core.workspace.file_report.results import MissingClass

__all__ = ["missing_classes_of", "registering_code"]

_MOST: Final = 50
_LAYERS_TOLD: Final = 20
_BASES: Final = {
    "initializer": "keras.initializers.Initializer",
    "regularizer": "keras.regularizers.Regularizer",
    "constraint": "keras.constraints.Constraint",
    "dtype": "keras.DTypePolicy",
}


def missing_classes_of(
    config: Mapping[str, Any], name: str, allowed: Collection[str] = (), *, legacy: bool = False
) -> tuple[MissingClass, ...]:
    """Return the classes and functions that did not come with Keras, in the order in which they are asked for.

    Args:
        config: The configuration of a model, parsed, without what only training needs.
        name: What to call the file in messages.
        allowed: Names that the caller has at hand, as they stand in the file.
        legacy: Whether Keras 2 wrote it.

    Raises:
        ModelRefused: If the configuration is too large.
    """
    bases = _bases(config)
    described: dict[tuple[str, str, bool], Mapping[str, Any]] = {}
    places: dict[tuple[str, str, bool], dict[str, None]] = {}
    for node, place in foreign_objects(config, name, allowed, legacy=legacy):
        is_function = node["class_name"] == "function"
        own = node["config"] if is_function else node["class_name"]
        registered = node.get("registered_name")
        if not isinstance(own, str):
            continue
        key = (own, registered if isinstance(registered, str) and not is_function else own, is_function)
        if key not in described and len(described) == _MOST:
            continue
        described.setdefault(key, node)
        inner = node["config"]
        layer = inner.get("name") if isinstance(inner, dict) else None
        layer = layer if isinstance(layer, str) else place
        if layer and len(places.setdefault(key, {})) < _LAYERS_TOLD:
            places[key][safe_name(layer)] = None
    return tuple(
        _missing(key, node, tuple(places.get(key, ())), bases.get(id(node), "keras.layers.Layer"))
        for key, node in described.items()
    )


def registering_code(registered_name: str, *, base: str = "keras.layers.Layer", module: str = "") -> str:
    """Return three lines of Python that register a class or a function under the name that a file asks for.

    Args:
        registered_name: That name: ``"package>Class"`` where the class was registered when the model was saved,
            ``"Class"`` where it was not.
        base: What the class is made from; empty for a function.
        module: The module that it was from; empty if that is not known.

    Returns:
        The lines; empty where no Python can have such a name.
    """
    package, mark, name = registered_name.rpartition(">")
    if not name.isidentifier() or keyword.iskeyword(name) or safe_name(registered_name) != registered_name:
        return ""
    origin = f"  # yours, from {safe_name(module)}" if module else "  # yours"
    what = f"class {name}({base}): ...{origin}" if base else f"def {name}(x): ...{origin}"
    if mark:
        return f"import keras\n@keras.saving.register_keras_serializable(package={package!r})\n{what}"
    # What was not registered when it was saved is looked up by its bare name, which no decorator gives.
    return f"import keras\n{what}\nkeras.saving.get_custom_objects()[{name!r}] = {name}"


def _missing(key: tuple[str, str, bool], node: Mapping[str, Any], layers: tuple[str, ...], base: str) -> MissingClass:
    own, registered, is_function = key
    module = node.get("module")
    module = module if isinstance(module, str) and module != "builtins" else ""
    code = registering_code(registered, base="" if is_function else base, module=module)
    return MissingClass(safe_name(own.rpartition(">")[2]), safe_name(module), safe_name(registered), layers, code)


def _bases(config: Mapping[str, Any]) -> dict[int, str]:
    """Return what a class is made from, by the object that asks for it: the model, or an option that is no layer."""
    found = {id(config): "keras.Model"}
    stack: list[Any] = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                word = str(key).rpartition("_")[2]
                if isinstance(inner, dict) and word in _BASES:
                    found[id(inner)] = _BASES[word]
        stack.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    return found
