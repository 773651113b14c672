"""Every picture of one unit, or of several, reads one option for it, and says and marks which one it is."""

import json

import pytest

from core.plugins.options import describe_options
from core.plugins.registry import Registry

registry = Registry()
# Example, layer and visualizer: each takes the unit of the page, in layers of units and of channels.
PICTURES = [
    ("digits-cnn", "dense", "activation-line"),
    ("digits-cnn", "dense", "strongest-units"),
    ("digits-cnn", "probabilities", "class-probabilities"),
    ("digits-cnn", "dense", "exciting-samples"),
    ("digits-cnn", "conv_2", "exciting-samples"),
    ("digits-cnn", "dense", "input-attribution"),
    ("digits-cnn", "conv_2", "input-attribution"),
    ("digits-cnn", "dense", "unit-ablation"),
    ("digits-cnn", "conv_2", "unit-ablation"),
    ("digits-cnn", "dense", "value-table"),
    ("digits-cnn", "conv_2", "value-table"),
    ("motions-conv1d", "conv_1", "unit-heatmap"),
    ("vowels-lstm", "lstm_1", "unit-lines"),
    ("vowels-lstm", "lstm_1", "gates"),
    ("vowels-lstm", "lstm_1", "gate-heatmaps"),
    ("vowels-lstm", "dropout", "before-and-after"),
    ("reviews-transformer", "word_embedding", "embedding-rows"),
]
CLICKED = {
    "exciting-samples": ("sample",),
    "input-attribution": (),
    # What is answered in places can be dragged over.
    ("conv_2", "input-attribution"): ("region",),
    "gates": (),
    "value-table": (),
    "before-and-after": ("channel",),
}


@pytest.mark.parametrize("visualizer", registry.visualizers, ids=lambda visualizer: visualizer.name)
def test_at_most_one_option_is_the_unit_of_the_page(visualizer, make_activation):
    activation = make_activation("sample=2 unit=4")
    following = [each.name for each in describe_options(visualizer, activation) if each.follows == "unit"]

    assert len(following) <= 1 or visualizer.name == "rgb-composite"
    assert following in ([], ["unit"], ["channel"]) or visualizer.name == "rgb-composite"


@pytest.mark.parametrize(("example", "layer", "visualizer"), PICTURES)
def test_it_says_which_unit_it_is_and_a_click_takes_another(workspaces, example, layer, visualizer):
    workspace = workspaces(example)
    option = "channel" if visualizer == "before-and-after" else "unit"
    drawing = workspace.chart(layer, visualizer, {option: 3}, 0)
    said = " ".join(
        f"{picture.caption} {json.dumps(picture.specification.get('title', ''))}" for picture in drawing.pictures
    )

    assert drawing.failure is None, drawing.failure
    assert not drawing.notes
    assert any(name in said for name in ("unit 3", "Unit 3", "channel 3", "class 3", "speaker 3")), said
    assert {name for picture in drawing.pictures for name in picture.selections} == set(
        CLICKED.get((layer, visualizer), CLICKED.get(visualizer, ("unit",)))
    )
