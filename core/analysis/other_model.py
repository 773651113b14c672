"""The second model that is open beside the first, as pictures are given it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from core.analysis.comparison import arranged
from core.analysis.matching_layers import layer_most_alike
from core.errors import InputRejected
from core.extraction.activation import Activation
from core.extraction.extractor import Extractor
from core.extraction.extractors import extractor_of
from core.extraction.lite_models import is_lite_model

__all__ = ["OtherModel", "other_model_of"]

_AT_ONCE: Final = 16


@dataclass(frozen=True)
class OtherModel:
    """A second model that takes the same inputs, such as another checkpoint of the first.

    Attributes:
        name: What the person knows it by, such as ``"digits-cnn after 1 epoch"``.
        extractor: Holds it, an :class:`core.extraction.extractor.Extractor`.
    """

    name: str
    extractor: Extractor

    def layer_like(self, activation: Activation) -> Activation | None:
        """Return what its layer of the same key answers to the same samples, with the weights of that.

        Of a converted file it is the layer that answers the most alike, as its layers bear other names.

        Args:
            activation: Of the first model; what the samples are is taken from its context.

        Returns:
            The activation, of a shape of its own if the layers differ; None where it has no such layer.

        Raises:
            InputRejected: If it does not take these samples, or it is not known which they are.
            ExtractionFailed: If it raises.
        """
        context = activation.context
        if not context.inputs:
            raise InputRejected(
                f"What went into {activation.key} is not known.", remedy="Draw an activation that a model answered."
            )
        try:
            given = arranged(self.extractor, context.inputs)
            is_converted = is_lite_model(self.extractor.model)
            answers = self.extractor.extract(
                given,
                layers=None if is_converted else [activation.key],
                batch_size=_AT_ONCE,
                first=context.first,
                known=context,
            )
        except KeyError:
            return None
        if is_converted:
            return layer_most_alike(activation, answers)
        found: Activation = answers[activation.key]
        return found


def other_model_of(model: Any) -> OtherModel:
    """Return a second model as pictures are given it.

    Args:
        model: A Keras model, an extractor, a path or the content of a model file.

    Raises:
        ModelRefused: If the file cannot be opened.
    """
    if isinstance(model, OtherModel):
        return model
    extractor = extractor_of(model)
    return OtherModel(str(extractor.model.name), extractor)
