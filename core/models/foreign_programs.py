"""Layers that hold a program of another framework: which one it is, why it is not opened, and how to go on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["FOREIGN_PROGRAMS", "help_with_program", "why_no_program"]

FOREIGN_PROGRAMS: Final = frozenset({"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
_PLAIN: Final = re.compile(r"[\w/ .-]{1,100}\Z", re.ASCII)
_RUNS: Final = "and opening it would run that program"


class _Program(NamedTuple):
    """Why a layer is not opened, what the person can do, and Python that does it."""

    reason: str
    remedy: str
    code: str


_PART_BEFORE: Final = (
    'layer = model.get_layer("{name}")\n'
    "before = keras.Sequential([keras.Input(shape), *model.layers[: model.layers.index(layer)]])\n"
    "# or, of a functional model: keras.Model(model.inputs, layer.input)\n"
    'before.save("before.keras")'
)
_OF_JAX: Final = _Program(
    f"brings a program of another framework, a function of JAX, {_RUNS}",
    "Load it in Python on Keras' TensorFlow backend, which runs it where JAX is installed, and pass the model to "
    "layerscope.show; or save the part of the model before it, which opens here.",
    "# where the layer's own functions or classes are imported, and JAX is installed\n"
    'os.environ["KERAS_BACKEND"] = "tensorflow"\n'
    'model = keras.saving.load_model("model.keras", safe_mode=False)\n'
    "layerscope.show(model, inputs)",
)
_PROGRAMS: Final[Mapping[str, _Program]] = {
    "TorchModuleWrapper": _Program(
        f"brings a program of another framework, a pickled PyTorch module, {_RUNS}",
        "Save the part of the model before it, which opens here; or put layers of Keras in its place.",
        'os.environ["KERAS_BACKEND"] = "torch"\n'
        'model = keras.saving.load_model("model.keras", safe_mode=False)\n' + _PART_BEFORE,
    ),
    "JaxLayer": _OF_JAX,
    "FlaxLayer": _OF_JAX,
}


def why_no_program(names: frozenset[str]) -> str:
    """Return why a layer of such a class is not opened; empty if it holds no program of another framework.

    Args:
        names: What the class is called, without the package that it is registered under.
    """
    if not names & FOREIGN_PROGRAMS:
        return ""
    program = _program_of(names)
    return program.reason if program else f"brings a program of another framework, {_RUNS}"


def help_with_program(names: frozenset[str], own_name: str) -> tuple[str, str] | None:
    """Return what a person can do where :func:`why_no_program` speaks, and Python that does it; None for others.

    Args:
        names: What the class is called.
        own_name: Name of the layer in the model, as the file says it.
    """
    program = _program_of(names)
    if program is None:
        return None
    name = own_name if _PLAIN.match(own_name) else "its name"
    return program.remedy, program.code.format(name=name)


def _program_of(names: frozenset[str]) -> _Program | None:
    return next((_PROGRAMS[name] for name in sorted(names) if name in _PROGRAMS), None)
