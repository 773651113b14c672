"""Numbers, shapes and long names as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from core.layers import LayerInfo

__all__ = [
    "answers_classes",
    "class_name",
    "cut_in_the_middle",
    "explained_as",
    "format_shape",
    "percent",
    "sample_with_class",
    "unit_kind",
    "unit_name",
]


def class_name(number: int, names: Sequence[str]) -> str:
    """Return what a class is called: by its number where it has no name."""
    return names[number] if 0 <= number < len(names) else f"class {number}"


def answers_classes(layer: LayerInfo, class_names: Sequence[str], class_layer: str = "") -> bool:
    """Return whether the units of a layer are the classes.

    It is the layer that is known to answer them, or ends in a softmax or sigmoid and has as many units as there are
    classes; where no classes are known, a softmax over several units is taken for them.

    Args:
        layer: The layer.
        class_names: Name of each class; empty if unknown.
        class_layer: Key of the layer that answers the classes, where that is known.
    """
    if layer.axes != ("sample", "unit"):
        return False
    if class_layer and layer.key == class_layer:
        return layer.output_shape[-1] != 1
    if not class_names:
        return layer.activation_function == "softmax" and layer.output_shape[-1] != 1
    return layer.activation_function in ("softmax", "sigmoid") and len(class_names) == layer.output_shape[-1]


def explained_as(layer: LayerInfo) -> str:
    """Return what of a layer's answer is explained: ``"the logit, before the softmax"``; empty for the answer itself.

    Where the softmax cannot be looked behind, it says so.
    """
    function = layer.activation_function
    if layer.has_logits:
        return f"the logit, before the {function or 'softmax'}"
    if function in ("softmax", "sigmoid"):
        return f"the probability itself: what goes into its {function} could not be found"
    return ""


def unit_kind(layer: LayerInfo) -> str:
    """Return what the last axis of a layer's answer counts: ``"channel"`` or ``"unit"``."""
    return "channel" if layer.axes[-1] == "channel" else "unit"


def unit_name(layer: LayerInfo, unit: int, class_names: Sequence[str], class_layer: str = "") -> str:
    """Return what a person knows a unit of a layer by: its class where it is known to answer the classes."""
    if not answers_classes(layer, class_names, class_layer):
        return f"{unit_kind(layer)} {unit} of {layer.key}"
    name = class_name(unit, class_names)
    if not class_names:
        return name
    # A bare number says nothing of what it counts.
    return f"class {name}" if name.isdigit() else f"“{name}”"


def sample_with_class(number: int, of_class: str) -> str:
    """Write what a person knows a sample by where there is little room: ``12 (cat)``, or ``12`` of unknown class."""
    return f"{number} ({of_class})" if of_class else str(number)


def cut_in_the_middle(text: str, length: int) -> str:
    """Return a text of at most so many characters: its beginning, an ellipsis, its end."""
    if len(text) <= length:
        return text
    ending = (length - 1) // 2
    return f"{text[: length - 1 - ending]}…{text[-ending:]}"


def format_shape(extents: Sequence[int | None]) -> str:
    """Write a shape as ``28×28×16``; ``?`` where a size is not fixed."""
    return "×".join("?" if extent is None else f"{extent:,}" for extent in extents)


def percent(share: float, decimals: int = 0) -> str:
    """Write a share as ``40 %``."""
    return f"{share:.{decimals}%}".replace("%", " %")
