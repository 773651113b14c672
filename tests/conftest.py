import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.activation import SampleContext

# What strangers get from the installed package; here it also works where the package is not installed.
from core.testing_fixtures import check_visualizer, empty_registry, make_activation, small_activations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["check_visualizer", "chromium", "empty_registry", "make_activation", "make_context", "small_activations"]


@pytest.fixture
def make_context():
    """Return a function that says what is known about the samples: labels, class names, the first one's number."""
    return SampleContext


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """The browser, one for all tests: Playwright runs once in a thread."""
    from playwright.sync_api import sync_playwright

    from benchmarks.serving import ARGUMENTS, CHROMIUM

    if not Path(CHROMIUM).exists():
        reason = f"{CHROMIUM} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
