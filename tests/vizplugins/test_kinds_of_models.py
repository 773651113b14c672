"""Every picture that ships, over every kind of model, with 1, 3 and 9 samples: it draws or refuses, and never fails.

As on the page: by block, with all samples and the model at hand. Of each kind a picture is drawn of one layer that it
suits, another for each number of samples; what runs the model again, of one layer, since each is compiled.
"""

import keras
import numpy as np
import pytest

from core.errors import PluginFailed
from core.extraction.blocks import SampleBlocks
from core.extraction.extractor import Extractor
from core.inputs import structure
from core.inputs.datasets import ArrayDataset
from core.inputs.model_inputs import input_specs
from core.inputs.sample_context import SampleContext
from core.plugins.declarations import chart_arguments
from core.plugins.registry import get_registry
from core.workspace.layer_charts import ChartRequest, LayerCharts
from tests.support.kinds_of_models import KINDS

REGISTRY = get_registry()


class OnThePage:
    """So many samples of a kind, as a page draws them."""

    def __init__(self, extractor, inputs, count):
        labels = np.arange(count) % 2
        arrays = structure.named_arrays(extractor.model, inputs)
        context = SampleContext(labels=labels, specs=tuple(input_specs(extractor.model)))
        self.last = count - 1
        self.blocks = SampleBlocks(extractor, arrays, context, lambda activations: None)
        self.charts = LayerCharts(REGISTRY, self.blocks, ArrayDataset(arrays, labels))

    def activations(self):
        return {key: self.blocks.activation(key, self.last)[0] for key in self.blocks.block_of(self.last)[0]}

    def draw(self, layer, visualizer):
        """Return how many pictures there are, the refusal, and what failed."""
        result = self.charts.result(ChartRequest(layer, visualizer, self.last))
        return len(result.pictures), result.refusal, result.failure and result.failure.message


class InANotebook:
    """So many samples of a kind, as ``activation.chart`` draws them."""

    def __init__(self, extractor, inputs, count):
        self.last = count - 1
        self.found = extractor.extract(inputs, internals=True, labels=np.arange(count) % 2)

    def activations(self):
        return self.found

    def draw(self, layer, visualizer):
        activation = self.found[layer]
        options = {"sample": self.last} if "sample" in REGISTRY.get(visualizer).Options.model_fields else {}
        try:
            drawing = REGISTRY.draw(visualizer, activation, options)
        except PluginFailed as error:
            return 0, "", error.message
        return len(drawing.pictures), drawing.refusal, None


def layers_to_draw(activations, count):
    """Return a layer for each visualizer that suits some."""
    suited = {}
    for key, activation in activations.items():
        for visualizer in REGISTRY.publish(activation):
            suited.setdefault(visualizer.name, []).append(key)
    for name, keys in suited.items():
        is_compiled = {"extractor", "dataset"} & set(chart_arguments(REGISTRY.get(name)))
        yield keys[-1 if is_compiled else count % len(keys)], name


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_draws_or_refuses(kind):
    keras.utils.set_random_seed(7)
    extractor, each = Extractor(KINDS[kind].build()), KINDS[kind]
    failed, drawn = [], 0
    for count in each.counts:
        inputs = each.inputs(count)
        extractor.build(structure.to_tensors(extractor.model, inputs))
        opened = (OnThePage if each.fits_page else InANotebook)(extractor, inputs, count)
        for layer, name in layers_to_draw(opened.activations(), count):
            pictures, refusal, failure = opened.draw(layer, name)
            drawn += pictures
            if failure or not (pictures or refusal.endswith((".", "?"))):
                failed.append(f"{name} of {layer}, {count} samples: {failure or refusal}")

    assert failed == []
    assert drawn > 3 * len(each.counts)
