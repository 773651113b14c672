"""Writes ``keras_classes.json`` of ``core.models`` from the installed Keras; run it as a module."""

import inspect
import json
import sys
from pathlib import Path

TARGET = Path(__file__).parents[2] / "core" / "models" / "keras_classes.json"
# Programs of others, Python code, and what is no part of a model.
DENIED = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "Layer", "InputSpec", "Wrapper"}
# They take functions when they are called.
DENIED_OPERATIONS = {"AssociativeScan", "Cond", "ForiLoop", "Map", "Scan", "Switch", "VectorizedMap", "WhileLoop"}
# What Python functions are handed to under these names cannot be judged from a file.
FUNCTIONS = ("fun", "fn", "callable", "body", "func", "branches")


def classes():
    """Return the modules that each class may be named with."""
    import keras
    from keras.src import constraints, initializers, regularizers
    from keras.src.dtype_policies import dtype_policy
    from keras.src.initializers.initializer import Initializer

    found: dict[str, set[str]] = {}

    def add(value, *modules):
        found.setdefault(value.__name__, set()).update({*modules, value.__module__})

    for name, value in vars(keras.layers).items():
        if isinstance(value, type) and value.__name__ not in DENIED:
            add(value, "keras.layers")
            # Some are saved under the name by which they are public.
            found.setdefault(name, set()).add("keras.layers")
    for module, base, public in (
        (initializers, Initializer, "keras.initializers"),
        (regularizers, keras.regularizers.Regularizer, "keras.regularizers"),
        (constraints, keras.constraints.Constraint, "keras.constraints"),
    ):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, base) and value is not base:
                add(value, public)
    for value in vars(dtype_policy).values():
        if isinstance(value, type) and issubclass(value, keras.DTypePolicy):
            add(value, "keras", "keras.dtype_policies")
    add(keras.dtype_policies.DTypePolicyMap, "keras", "keras.dtype_policies")
    for value in vars(keras.quantizers).values():
        if isinstance(value, type):
            add(value, "keras.quantizers")
    add(keras.random.SeedGenerator, "keras.random")
    for value in (keras.Sequential, keras.Model):
        add(value, "keras", "keras.models")
    found["Functional"] = {"keras.src.models.functional", "keras.models", "keras"}
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("keras.src.ops.") and not module_name.endswith("_test"):
            for value in vars(module).values():
                if (
                    isinstance(value, type)
                    and issubclass(value, keras.Operation)
                    and value.__module__ == module_name
                    and not any(
                        word in parameter
                        for parameter in inspect.signature(value.__init__).parameters
                        for word in FUNCTIONS
                    )
                    and value.__name__ not in {"Operation", "Function", *DENIED_OPERATIONS}
                ):
                    add(value)
    return {name: tuple(sorted(modules)) for name, modules in sorted(found.items())}


def names():
    """Return what a string alone may name: activations, and initializers, regularizers and constraints."""
    from keras.src import activations, constraints, initializers, regularizers

    # ReLU6 and the like were dropped, and stand in files of Keras 2.
    functions = {name for name, value in activations.ALL_OBJECTS_DICT.items() if callable(value) and name}
    others = {
        name
        for module in (initializers, regularizers, constraints)
        for name, value in module.ALL_OBJECTS_DICT.items()
        if isinstance(value, type)
    }
    return tuple(sorted(functions)), tuple(sorted(others))


def content():
    """Return what ``core/models/keras_classes.json`` holds."""
    functions, others = names()
    return {"classes": classes(), "activations": functions, "initializers_and_such": others}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(content(), indent=1) + "\n")
