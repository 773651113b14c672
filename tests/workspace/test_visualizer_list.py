"""What the page is told of the pictures that there are."""

import pytest

from core.common.cache import OnceCache
from core.plugins.registry import get_registry
from core.workspace.thumbnails import thumbnail
from core.workspace.visualizer_list import offer, plugins

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
    groups = {each.name: each.group for each in offer(get_registry(), make_activation("sample=6 unit=4")).suited}

    assert groups["histogram"] == "numbers"
    assert groups["strongest-units"] == "units"


def test_what_needs_more_samples_is_unavailable_and_what_does_not_suit_is_not(make_activation):
    unavailable = offer(get_registry(), make_activation("sample=1 unit=4")).unavailable
    missing = {each.name: (each.group, each.reason) for each in unavailable}

    assert missing["projection"] == ("samples", "needs at least 5 samples")
    assert missing["exciting-samples"] == ("units", "needs at least 3 samples")
    assert missing["sample-distribution"] == ("samples", "needs at least 2 samples")
    assert "feature-maps" not in missing
    assert offer(get_registry(), make_activation("sample=6 unit=4")).unavailable == ()


def test_a_picture_that_compares_samples_has_a_thumbnail():
    assert thumbnail(get_registry(), OnceCache(1), "projection").startswith((b"\x89PNG", b"RIFF"))
