import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.charts.altair_shortcuts import make_charts_only
from core.inputs.sample_context import SampleContext

# What strangers get from the installed package; here it also works where the package is not installed.
from core.plugins.pytest_plugin import check_visualizer, empty_registry, make_activation, small_activations
from tests.support.example_datasets import digits, motions, reviews

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = [
    "check_visualizer",
    "chromium",
    "digits",
    "empty_registry",
    "make_activation",
    "make_context",
    "motions",
    "reviews",
    "small_activations",
]


BROWSER = "tests/browser/"
LONGEST_FILES = (
    "browser/test_reliability.py",
    "browser/test_same_after_reload.py",
    "browser/test_files.py",
    "browser/test_appearance.py",
    "vizplugins/test_conformance.py",
    "vizplugins/test_kinds_of_models.py",
    "models/ordinary/test_ordinary_files.py",
    "model_kinds/test_applications.py",
    "workspace/test_workspace.py",
    "plugins/packages/test_new_package.py",
    "models/trusted/test_packages.py",
)
"""What takes minutes, the longest first."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each file to one of the processes, for what its tests share: the browser's to the first while others last.

    The app is started where a file of the browser's is run, and both processes end at about the same time.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _assign_work_unit(self, node):
            is_first = node == self.nodes[0]
            suited = (file for file in self.workqueue if file.startswith(BROWSER) == is_first)
            self.workqueue.move_to_end(next(suited, next(iter(self.workqueue))), last=False)
            super()._assign_work_unit(node)

    # As they were collected and sorted.
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_configure():
    """Make charts as a worker makes them, which is what people see, and takes half the time."""
    make_charts_only()


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that at the end no process waits for another."""
    order = {f"tests/{file}": place for place, file in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: order.get(item.nodeid.partition("::")[0], len(order)))


@pytest.fixture
def make_context():
    """Return a function that says what is known about the samples: labels, class names, the first one's number."""
    return SampleContext


@pytest.fixture(scope="session")
def chromium(tmp_path_factory) -> "Iterator[Browser]":
    """The browser, one for all tests, as Playwright runs once in a thread; its first context keeps what was loaded."""
    from playwright.sync_api import sync_playwright

    from benchmarks.serving import ARGUMENTS, CHROMIUM

    if not Path(CHROMIUM).exists():
        reason = f"{CHROMIUM} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        folder = tmp_path_factory.mktemp("chromium")
        with playwright.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=ARGUMENTS) as context:
            assert context.browser
            yield context.browser


@pytest.fixture
def planted_model():
    """Return a function that makes a model with faults: a dead unit, two alike, one that answers NaN."""
    import keras
    import numpy as np

    def make(faults):
        keras.utils.set_random_seed(5)
        given = keras.Input((10,), name="numbers")
        hidden = keras.layers.Dense(16, activation="relu", name="first")(given)
        hidden = keras.layers.Dense(12, activation="tanh", name="second")(hidden)
        answer = keras.layers.Dense(3, activation="softmax", name="answer")(hidden)
        model = keras.Model(given, answer)
        kernel, bias = (np.array(each) for each in model.get_layer("first").get_weights())
        if "dead" in faults:
            kernel[:, 3], bias[3] = 0, -1
        if "alike" in faults:
            kernel[:, 7], bias[7] = 2 * kernel[:, 5], 2 * bias[5]
        model.get_layer("first").set_weights([kernel, bias])
        kernel, bias = (np.array(each) for each in model.get_layer("second").get_weights())
        if "nan" in faults:
            bias[2] = np.nan
        if "saturated" in faults:
            bias[4] = 5
        model.get_layer("second").set_weights([kernel, bias])
        return model

    return make


@pytest.fixture
def numbers():
    """Samples for the planted models."""
    import numpy as np

    import core

    random = np.random.default_rng(0)
    return core.ArrayDataset({"numbers": random.normal(size=(300, 10)).astype(np.float32)}, np.arange(300) % 3)
