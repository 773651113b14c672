"""What tests of the built-in visualizers share."""

import pytest

import core
from core.plugins.registry import Registry


@pytest.fixture(scope="module")
def workspaces():
    """Return a function that opens an example, once."""
    kept = {}

    def give(name):
        if name not in kept:
            kept[name] = core.Workspace(Registry())
            kept[name].open_example(name)
        return kept[name]

    return give
