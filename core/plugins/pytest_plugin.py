"""The kit as pytest fixtures, which pytest finds wherever Layerscope is installed.

Nothing is imported before a test asks for it, so that other projects' tests start as fast as without. That is why they
are not with the kit: what is in ``vizplugins`` brings Altair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.plugins.registry import Registry

__all__ = [
    "check_loader",
    "check_meaning",
    "check_memory",
    "check_reader",
    "check_visualizer",
    "empty_registry",
    "make_activation",
    "screenshot",
    "small_activations",
    "small_activations_over_steps",
]


@pytest.fixture
def make_activation() -> Callable[..., Any]:
    """Return :func:`vizplugins.testing.make_activation`."""
    from core.plugins.testing import make_activation

    return make_activation


@pytest.fixture
def small_activations() -> Callable[..., Any]:
    """Return :func:`vizplugins.testing.small_activations`."""
    from core.plugins.testing import small_activations

    return small_activations


@pytest.fixture
def small_activations_over_steps() -> Callable[..., Any]:
    """Return :func:`vizplugins.testing.small_activations_over_steps`."""
    from core.plugins.testing import small_activations_over_steps

    return small_activations_over_steps


@pytest.fixture
def empty_registry() -> Registry:
    """Return a registry that discovers nothing."""
    from core.plugins.testing import empty_registry

    return empty_registry()


@pytest.fixture
def check_visualizer() -> Callable[[Any], None]:
    """Return :func:`vizplugins.testing.check_visualizer`."""
    from core.plugins.testing import check_visualizer

    return check_visualizer


@pytest.fixture
def check_memory() -> Callable[[Any], None]:
    """Return :func:`vizplugins.testing.check_memory`."""
    from core.plugins.testing import check_memory

    return check_memory


@pytest.fixture
def check_meaning() -> Callable[..., None]:
    """Return :func:`vizplugins.testing.check_meaning`."""
    from core.plugins.testing import check_meaning

    return check_meaning


@pytest.fixture
def check_loader() -> Callable[..., None]:
    """Return :func:`vizplugins.testing.check_loader`."""
    from core.plugins.testing import check_loader

    return check_loader


@pytest.fixture
def check_reader() -> Callable[..., None]:
    """Return :func:`vizplugins.testing.check_reader`."""
    from core.plugins.testing import check_reader

    return check_reader


@pytest.fixture
def screenshot() -> Callable[..., Any]:
    """Return :func:`vizplugins.testing.screenshot`."""
    from core.plugins.testing import screenshot

    return screenshot
