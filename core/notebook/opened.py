"""A model, and samples for it, as the calls of a notebook take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import InputRejected
from core.extraction.extractor import Extractor
from core.extraction.extractors import extractor_of
from core.extraction.known_layers import known_layers, layers_of
from core.extraction.layers import LayerInfo
from core.extraction.model_output import output_of
from core.inputs.class_names import fitting_names
from core.inputs.datasets import ArrayDataset
from core.inputs.labels import match_labels
from core.inputs.model_inputs import input_specs
from core.inputs.sources import read_samples
from core.inputs.spec import InputSpec
from core.inputs.structure import arrange, to_tensors

__all__ = ["Opened"]


@dataclass(frozen=True)
class Opened:
    """A model, and samples for it, as the page has them.

    Attributes:
        extractor: Holds the model.
        dataset: The samples, with labels as they suit the model.
        specs: What each input is taken for.
        output_layer: Key of the layer that the model answers with; empty where only a pass tells.
    """

    extractor: Extractor
    dataset: ArrayDataset
    specs: tuple[InputSpec, ...]
    output_layer: str

    @classmethod
    def of(cls, model: Any, inputs: Any, labels: Any = None, class_names: Sequence[str] = ()) -> Opened:
        """Open a model, and read samples for it.

        Args:
            model: A Keras model, the path of a model file, or an extractor.
            inputs: What :func:`core.extraction.extractor.extract` takes.
            labels: Class of each sample, shape ``(sample,)``; None takes those that come with the inputs.
            class_names: Name of each class, by number of the output.

        Raises:
            InputRejected: If the inputs, labels or names do not fit.
        """
        extractor = extractor_of(model)
        samples = read_samples(extractor.model, inputs, labels).samples
        arrays = _named_as_built(extractor, samples.arrays)
        output = output_of(extractor.model, known_layers(extractor))
        names, why = fitting_names(class_names, output)
        if why:
            raise InputRejected(why, remedy="Give a name for each class that the model answers.")
        dataset = ArrayDataset(arrays, match_labels(samples.labels, output, names), names=samples.names)
        return cls(extractor, dataset, tuple(input_specs(extractor.model)), output.layer)

    def sample(self, position: int) -> dict[str, np.ndarray]:
        """Return one sample by input name, the sample axis first."""
        return self.dataset.take([position])

    def arranged(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """Return arrays in the structure that the model takes."""
        return arrange(self.extractor.model, arrays)

    def layer(self, key: str) -> LayerInfo:
        """Return a layer that has values; the one that the model answers with for no key.

        Raises:
            InputRejected: If there is none of that key, or it has no values.
        """
        layers = layers_of(self.extractor, self.arranged(self.sample(0)))
        with_values = {each.key: each for each in layers.values() if not each.missing}
        key = key or self.output_layer or next(reversed(with_values), "")
        if key not in layers:
            raise InputRejected(f"There is no layer {key!r}.", remedy=f"There are: {', '.join(with_values)}.")
        if layers[key].missing:
            raise InputRejected(f"{key!r} has no values: {layers[key].missing}", remedy="Choose another layer.")
        return layers[key]


def _named_as_built(extractor: Extractor, arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Return the arrays by the names that the inputs of a model have once it is built, which it is here."""
    model = extractor.model
    extractor.build(to_tensors(model, arrange(model, {name: array[:1] for name, array in arrays.items()})))
    names = [spec.name for spec in input_specs(model)]
    return dict(zip(names, arrays.values(), strict=True)) if names and set(names) != set(arrays) else arrays
