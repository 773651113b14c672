"""Python code that a configuration holds: of Lambda layers, and of activations that are lambdas.

Keras marshals a lambda's bytecode into the file. Who trusts it gets functions made of it, under names that stand in the
configuration in its place; Keras itself would run it in a module where nothing is known that such code uses.
"""

from __future__ import annotations

import base64
import builtins
import dis
import importlib
import marshal
import sys
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from core.common.text import list_names, safe_name
from core.errors import MissingObject, ModelRefused
from core.models.code_needs import code_needed

__all__ = ["LAMBDA_CODE", "functions_in", "functions_of_lambdas", "is_lambda_value", "named_functions"]

LAMBDA_CODE: Final = "__lambda__"
_FUNCTIONS: Final = ("function", "output_shape", "mask")
_NAME: Final = "layerscope_lambda_"
# What the cells and scripts that lambdas come from call these.
_USUAL_NAMES: Final[Mapping[str, str]] = {
    "K": "tensorflow.keras.backend",
    "backend": "tensorflow.keras.backend",
    # With the functions of Keras 2 besides, which older code calls.
    "keras": "tensorflow.keras",
    "layers": "keras.layers",
    "math": "math",
    "np": "numpy",
    "numpy": "numpy",
    "ops": "keras.ops",
    "tensorflow": "tensorflow",
    "tf": "tensorflow",
}


def is_lambda_value(value: Any) -> bool:
    """Return whether the value of an option is marshalled code, as Keras 3 writes an activation that is a lambda."""
    return isinstance(value, Mapping) and set(value) == {"value"} and _is_marshalled(value["value"])


def functions_in(config: Any) -> tuple[str, ...] | None:
    """Return the functions that a Lambda layer names; None if its configuration holds code, or names none.

    Args:
        config: The layer's configuration.
    """
    if not isinstance(config, Mapping) or config.get("arguments"):
        # A function that is called with what the file says is as good as code in it.
        return None
    values = [(config.get(option), config.get(f"{option}_type")) for option in _FUNCTIONS]
    names = [_named_function(value, kind) for value, kind in values if _may_be_code(value, kind)]
    if None in names or not _may_be_code(config.get("function"), config.get("function_type")):
        return None
    return tuple(filter(None, names))


def named_functions(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the functions that a Lambda layer of Keras 2 names in plain strings; none for any other node."""
    config = node.get("config")
    if node.get("class_name") != "Lambda" or not isinstance(config, Mapping):
        return ()
    values = [config.get(option) for option in _FUNCTIONS if config.get(f"{option}_type") == "function"]
    return tuple(value for value in values if isinstance(value, str))


def functions_of_lambdas(
    config: Mapping[str, Any], file: str, objects: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a configuration with names in the place of code, and the functions of those names; nothing is run yet.

    Lambda layers of Keras 2 are translated too.

    Args:
        config: The configuration, checked: if it holds code, that is trusted.
        file: What to call the file in messages.
        objects: What the code may use by name, beside the usual libraries.

    Raises:
        CodeNeeded: If the code uses a name that is not known.
        ModelRefused: If code cannot be read, as where another version of Python wrote it.
    """
    functions: dict[str, Any] = {}
    translated = _without_code(config, "", functions)
    known = {**_usual_globals(), **objects}
    missing: dict[str, None] = {}
    for function in functions.values():
        function.__globals__.update(known)
        names = _global_names(function.__code__)
        missing |= dict.fromkeys(name for name in names if name not in known and not hasattr(builtins, name))
    if missing:
        raise code_needed(
            file,
            f"The code in {file} uses {list_names(missing)}, which the file does not hold.",
            tuple(MissingObject(name, "", name, "name") for name in missing),
        )
    return translated, functions


def _without_code(value: Any, layer: str, functions: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_without_code(item, layer, functions) for item in value]
    if not isinstance(value, Mapping):
        return value
    own = value.get("name")
    layer = own if isinstance(own, str) else layer
    if value.get("class_name") == LAMBDA_CODE:
        return _named(value.get("config"), layer, functions)
    if is_lambda_value(value):
        return _named(value, layer, functions)
    if value.get("class_name") == "Lambda" and isinstance(value.get("config"), Mapping):
        value = {**value, "config": _of_keras_3(value["config"], functions)}
    return {key: _without_code(item, layer, functions) for key, item in value.items()}


def _of_keras_3(config: Mapping[str, Any], functions: dict[str, Any]) -> dict[str, Any]:
    """Translates the options of a Lambda layer of Keras 2, which says beside each value what it is."""
    options = dict(config)
    layer = str(config.get("name", ""))
    for option in _FUNCTIONS:
        kind = options.pop(f"{option}_type", None)
        options.pop("module" if option == "function" else f"{option}_module", None)
        if kind == "lambda":
            options[option] = _named(options.get(option), layer, functions)
        elif kind == "function":
            options[option] = _reference(str(options.get(option)))
    return options


def _named(code: Any, layer: str, functions: dict[str, Any]) -> dict[str, Any]:
    name = f"{_NAME}{len(functions)}"
    functions[name] = _function(code, layer)
    return _reference(name)


def _reference(name: str) -> dict[str, Any]:
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def _function(code: Any, layer: str) -> types.FunctionType:
    """Makes a function of marshalled code, as ``keras.src.utils.python_utils.func_load`` does."""
    if isinstance(code, Mapping):
        code = code["value"] if "value" in code else [code.get(part) for part in ("code", "defaults", "closure")]
    try:
        text, defaults, closure = code
        content = marshal.loads(base64.b64decode(text))
        cells = None if closure is None else tuple(map(types.CellType, closure))
        return types.FunctionType(content, {}, "lambda", None if defaults is None else tuple(defaults), cells)
    except (ValueError, TypeError, EOFError) as error:
        version = ".".join(map(str, sys.version_info[:2]))
        raise ModelRefused(
            f"The code in the layer '{safe_name(layer)}' cannot be read by Python {version}: another version saved it, "
            "or it is damaged.",
            remedy="Run Layerscope with the version of Python that saved the model.",
        ) from error


@cache
def _usual_globals() -> dict[str, Any]:
    names: dict[str, Any] = {"__builtins__": builtins}
    for name, module in _USUAL_NAMES.items():
        parent, _, attribute = module.rpartition(".")
        names[name] = getattr(importlib.import_module(parent), attribute) if parent else importlib.import_module(module)
    return names


def _global_names(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _is_marshalled(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _may_be_code(value: Any, kind: Any) -> bool:
    """Whether an option holds a function in some form, and not a shape, or nothing."""
    return isinstance(value, Mapping | str) or kind in ("lambda", "function") or _is_marshalled(value)


def _named_function(value: Any, kind: Any) -> str | None:
    if isinstance(value, str) and kind == "function":
        return value
    if isinstance(value, Mapping) and value.get("class_name") == "function" and isinstance(value.get("config"), str):
        return str(value["config"])
    return None
