"""Beside a picture stand only the options that change it."""

import numpy as np
import pytest

from core.plugins.options import describe_options
from core.plugins.registry import Registry

registry = Registry()
ONLY_T_SNE, ONLY_UMAP = {"perplexity"}, {"neighbours", "minimum_distance"}


def acting(name, activation, **chosen):
    """Return the options that the page shows of a visualizer."""
    controls = describe_options(registry.get(name), activation)
    values = {control.name: control.default for control in controls} | chosen
    return {control.name for control in controls if control.acts(values)}


@pytest.mark.parametrize(
    ("chosen", "shown", "hidden"),
    [
        ({"method": "PCA"}, set(), ONLY_T_SNE | ONLY_UMAP | {"seed", "unit"}),
        ({"method": "t-SNE"}, ONLY_T_SNE | {"seed"}, ONLY_UMAP),
        ({"method": "UMAP"}, ONLY_UMAP | {"seed"}, ONLY_T_SNE),
        ({"method": "PCA", "beside": "t-SNE"}, ONLY_T_SNE | {"seed"}, ONLY_UMAP),
        ({"colour_by": "unit"}, {"unit"}, {"seed"}),
    ],
)
def test_a_projection(make_activation, chosen, shown, hidden):
    options = acting("projection", make_activation("sample=6 unit=4"), **chosen)

    assert shown <= options
    assert not hidden & options


def test_no_second_plot_until_one_is_chosen(make_activation):
    controls = {
        each.name: each for each in describe_options(registry.get("projection"), make_activation("sample unit"))
    }

    assert (controls["beside"].default, controls["other_layer"].default) == ("none", None)
    assert controls["other_layer"].choice_titles[0] == "none"


def test_an_attribution(make_activation):
    activation = make_activation("sample=2 unit=4")

    always = {"sample", "unit", "versus", "speaks", "method", "curves", "check"}
    assert acting("input-attribution", activation, method="saliency") == always
    assert "patch" not in acting("input-attribution", activation, method="integrated gradients")
    assert {"patch", "nothing"} <= acting("input-attribution", activation, method="occlusion")


def test_a_part_of_an_answer_can_be_asked_for_only_where_it_has_parts(make_activation):
    places = {"position", "region"}
    for visualizer in ("input-attribution", "class-activation-map", "unit-ablation"):
        series, mask = "sample=2 time=4 unit=3", "sample=2 height=4 width=4 channel=3"
        assert places & acting(visualizer, make_activation(series)) == {"position"}
        assert places & acting(visualizer, make_activation(mask)) == {"region"}
        assert not places & acting(visualizer, make_activation("sample=2 unit=3"))


def test_a_class_activation_map_of_a_class_or_of_a_unit_of_another_layer(make_activation):
    activation = make_activation("sample=2 height=4 width=4 channel=3")

    assert "target_class" in acting("class-activation-map", activation)
    assert "explained_unit" in acting("class-activation-map", activation, explained="layer")
    assert "target_class" not in acting("class-activation-map", activation, explained="layer")


@pytest.mark.parametrize(
    ("name", "option", "shape"),
    [
        ("value-table", "slice", (6, 3, 3, 2)),
        ("exciting-samples", "by", (6, 3, 2)),
        ("projection", "pooling", (6, 3, 2)),
    ],
)
def test_what_acts_on_layers_of_places_only(make_activation, name, option, shape):
    assert option in acting(name, make_activation(np.ones(shape)))
    assert option not in acting(name, make_activation(np.ones((6, 4))))
