"""What the page is told of the pictures that there are."""

import pytest

from core.plugins.registry import get_registry
from core.workspace.visualizer_list import plugins, suited

GROUPS = {
    "feature-maps": "look",
    "unit-lines": "look",
    "attention-heads": "look",
    "before-and-after": "look",
    "input-attribution": "explain",
    "unit-ablation": "explain",
    "exciting-samples": "units",
    "projection": "samples",
    "histogram": "numbers",
    "embedding-rows": "weights",
}


@pytest.mark.parametrize(("name", "group"), GROUPS.items())
def test_a_built_in_stands_in_the_group_that_a_person_looks_for_it_in(name, group):
    listed = {each.name: each.group for plugin in plugins(get_registry()) for each in plugin.visualizers}

    assert listed[name] == group


def test_a_picture_that_suits_says_its_group(make_activation):
    groups = {each.name: each.group for each in suited(get_registry(), make_activation("sample=6 unit=4"))}

    assert groups["histogram"] == "numbers"
    assert groups["strongest-units"] == "units"
