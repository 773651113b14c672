"""The page's script runs in the process of the tests, and so does the engine behind it, which is quick to look into."""

import gc
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

STARTING_SECONDS = 180


def page_at(address: Mapping[str, Any] | None = None) -> AppTest:
    """Return the page at an address, not run yet."""
    page = AppTest.from_file("../../streamlit_app.py", default_timeout=STARTING_SECONDS)
    page.query_params.update({name: str(value) for name, value in (address or {}).items()})
    return page


def opened(address: Mapping[str, Any] | None = None) -> AppTest:
    """Return the page at an address, run once without anything raised."""
    page = page_at(address).run()
    assert not page.exception
    return page


@pytest.fixture(scope="module", autouse=True)
def in_process():
    """Run models in this process; tests/workspace/workers and tests/browser have the other engine."""
    with pytest.MonkeyPatch.context() as patch:
        # Streamlit puts the page's script there, which a process that is started later would run.
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        patch.setenv("LAYERSCOPE_IN_PROCESS", "1")
        # What stands behind the name of the tests' own program is for nobody else.
        patch.setattr(sys, "argv", ["streamlit_app.py"])
        yield


@pytest.fixture(scope="module", autouse=True)
def no_search_through_what_other_tests_left() -> Iterator[None]:
    """Leave what is alive already out of the garbage collection that Streamlit orders after each run of a page.

    Behind some thousands of tests it looks at two million objects each time, three times as long as the page takes.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
