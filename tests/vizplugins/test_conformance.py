"""Every picture that ships with Layerscope passes the checks that strangers test theirs with."""

import pytest

from core.plugins.registry import get_registry

NAMES = [each.name for each in get_registry().visualizers]


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_passes_every_check(name, check_visualizer):
    check_visualizer(get_registry().get(name))
