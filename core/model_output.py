"""What a model answers with its first output, as far as that is known before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.layers import LayerInfo

__all__ = ["ModelOutput", "output_of"]

_BETWEEN_0_AND_1: Final = frozenset({"sigmoid", "hard_sigmoid"})


@dataclass(frozen=True)
class ModelOutput:
    """The first output of a model.

    Attributes:
        count: How many numbers it has for each sample; None where they are no list of a known length.
        function: Activation function of the layer that it comes from; empty if it has none, or that is not known.
        layer: Key of that layer; empty if that is not known.
        name: What the output is called; empty if that is not known.
        is_text: Whether it is text, as behind a StringLookup.
    """

    count: int | None = None
    function: str = ""
    layer: str = ""
    name: str = ""
    is_text: bool = False

    @property
    def class_count(self) -> int | None:
        """Between how many classes it could tell: a single number tells two apart. None if it is no list of numbers."""
        return 2 if self.count == 1 else self.count

    @property
    def is_one_probability(self) -> bool:
        """Whether it is a single number from 0 to 1, as of a sigmoid."""
        return self.count == 1 and self.function in _BETWEEN_0_AND_1

    @property
    def is_one_number(self) -> bool:
        """Whether it is a single number of any size, as of a regression."""
        return self.count == 1 and not self.is_one_probability


def output_of(model: Any, layers: Sequence[LayerInfo]) -> ModelOutput:
    """Return what the first output of a Keras model is.

    Args:
        model: The model; one that does not say what it answers has an output of which nothing is known.
        layers: Its layers in call order, as far as they are known.
    """
    outputs = getattr(model, "outputs", None) or ()
    if not outputs:
        return ModelOutput()
    output = outputs[0]
    shape = tuple(output.shape)[1:]
    layer = _layer_behind(output, layers)
    return ModelOutput(
        shape[0] if len(shape) == 1 else None,
        layer.activation_function if layer else "",
        layer.key if layer else "",
        _name_of(model, layer),
        # Keras does not say of a StringLookup that it answers text; what was traced does.
        "string" in (str(output.dtype), layer.dtype if layer else ""),
    )


def _layer_behind(output: Any, layers: Sequence[LayerInfo]) -> LayerInfo | None:
    history = getattr(output, "_keras_history", None)
    name = getattr(getattr(history, "operation", None), "name", None)
    layer = next((each for each in reversed(layers) if each.name == name and not each.depth), None)
    while layer is not None and layer.holds_layers:
        # A model inside the model answers what its last layer does.
        inner = [each for each in layers if each.parent == layer.call_key]
        if not inner or inner[-1].output_shape != layer.output_shape:
            break
        layer = inner[-1]
    return layer


def _name_of(model: Any, layer: LayerInfo | None) -> str:
    names = getattr(model, "output_names", None) or ()
    return str(names[0]) if names else layer.name if layer else ""
