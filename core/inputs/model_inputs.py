"""What each input of a Keras model expects, as the model itself says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.remedies import shape_text
from core.inputs.sounds import layer_rates, takes_sound
from core.inputs.spec import InputKind, InputSpec
from core.inputs.takers import as_taken, vocabulary_size

__all__ = ["input_specs", "input_structure", "specs_taken_for"]


def input_specs(model: Any, taken_for: Mapping[str, InputKind] | None = None) -> tuple[InputSpec, ...]:
    """Return what each input of a Keras model expects, in the order of ``model.inputs``.

    Args:
        model: A Keras model.
        taken_for: What inputs are taken for, by name, where that is not what their layers and their shape say.

    Returns:
        Empty for a model that does not say: one that is not built, or a subclass of ``keras.Model``.

    Raises:
        InputRejected: If there is no such input, or it cannot be that.
    """
    specs: list[InputSpec] = []
    for tensor in _input_tensors(model):
        taken = {spec.name for spec in specs}
        candidates = (tensor.name if number == 1 else f"{tensor.name}_{number}" for number in range(1, len(taken) + 2))
        name = next(candidate for candidate in candidates if candidate not in taken)
        shape = tuple(None if extent is None else int(extent) for extent in tensor.shape[1:])
        specs.append(as_taken(tensor, InputSpec(name, shape, str(tensor.dtype), vocabulary_size(tensor, shape))))
    rates = layer_rates(model) if any(map(takes_sound, specs)) else {}
    specs = [
        replace(spec, sampling_rate=rates[position]) if position in rates and takes_sound(spec) else spec
        for position, spec in enumerate(specs)
    ]
    return specs_taken_for(specs, taken_for) if taken_for else tuple(specs)


def specs_taken_for(specs: Sequence[InputSpec], taken_for: Mapping[str, InputKind]) -> tuple[InputSpec, ...]:
    """Return the same inputs, some of them taken for something else.

    Args:
        specs: What they expect.
        taken_for: What to take them for, by name.

    Raises:
        InputRejected: If there is no such input, or it cannot be that.
    """
    known = {spec.name: spec for spec in specs}
    for name, kind in taken_for.items():
        if name not in known:
            raise InputRejected(
                f"The model has no input '{safe_name(name)}'.", remedy=f"Its inputs are: {list_names(known)}."
            )
        spec = known[name]
        if kind not in spec.kinds:
            raise InputRejected(
                f"The input '{spec.shown_name}' of {shape_text(spec.shape)} cannot be taken for {safe_name(kind)!r}.",
                remedy=f"It can be taken for: {', '.join(spec.kinds)}.",
            )
        known[name] = spec if kind == spec.kind else replace(spec, taken_for=kind)
    return tuple(known.values())


def input_structure(model: Any) -> Any:
    """Return the symbolic inputs of a Keras model in the structure that it is called with; None if it does not say."""
    tensors = _input_tensors(model)
    if not tensors:
        return None
    # A Sequential keeps its structure in the functional model inside it, and has exactly one input.
    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        return tensors[0] if len(tensors) == 1 else tensors
    return structure


def _input_tensors(model: Any) -> list[Any]:
    # An unbuilt Sequential raises AttributeError here, a subclassed model has no such attribute.
    return list(getattr(model, "inputs", None) or ())
