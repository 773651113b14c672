"""The real app in a real browser: one server for all tests, a fresh visitor for each."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import Error as PlaywrightError

from benchmarks.processes import fork_servers_and_workers
from benchmarks.serving import ROOT, free_port, stop_server, wait_until_it_answers

STARTING_SECONDS = 180
"""TensorFlow is imported first, which takes long on a machine that has just been made."""
PATIENCE = 15_000
"""Milliseconds that a step may take before its test fails; most take less than one second."""


@dataclass
class App:
    """The server: where it is, what it has said so far, and which processes work for it."""

    url: str
    log: Path
    process_id: int = 0

    def tracebacks(self, start: int = 0) -> list[str]:
        """Return what was raised since the log had ``start`` characters, but for visitors who left in the middle."""
        _, *blocks = self.log.read_text(errors="replace")[start:].split("Traceback (most recent call last):")
        left = ("WebSocketClosedError", "StreamClosedError", "WebSocketDisconnect", "ClientDisconnect")
        return [block for block in blocks if not any(name in block for name in left)]

    def workers(self) -> set[int]:
        """Return the processes that work for visitors, the one that waits for the next among them."""
        return fork_servers_and_workers(self.process_id)[1]


class Explorer:
    """What a visitor does on the page, and what they see there."""

    def __init__(self, page: Page, app: App) -> None:
        self.page = page
        self.app = app
        self.asked: set[str] = set()

    def open(self, path: str = "", **query: Any) -> None:
        """Go to an address, and wait until the first chart is painted."""
        self.visit(path, **query)
        self.painted()

    def visit(self, path: str = "", **query: Any) -> None:
        """Go to an address, whatever stands there."""
        self.page.goto(f"{self.app.url}/{path}" + (f"?{urlencode(query)}" if query else ""))

    @property
    def chart(self) -> Locator:
        """The picture of the selected layer."""
        return self.chart_beside("How to read it.")

    @property
    def answer(self) -> Locator:
        """The chart of what the model answers."""
        return self.chart_beside("What the model answers")

    @property
    def input(self) -> Locator:
        """The chart of what went in, where that is no picture."""
        return self.chart_beside("the model sees")

    @property
    def map(self) -> Locator:
        """The map of the model."""
        return self.page.locator(".st-key-map").get_by_test_id("stVegaLiteChart")

    def chart_beside(self, text: str) -> Locator:
        """Return the chart in the column that holds a text."""
        return self.main.get_by_test_id("stColumn").filter(has_text=text).get_by_test_id("stVegaLiteChart")

    @property
    def main(self) -> Locator:
        """The page without its sidebar."""
        return self.page.get_by_test_id("stMain")

    @property
    def sidebar(self) -> Locator:
        """The sidebar."""
        return self.page.get_by_test_id("stSidebar")

    def settle(self) -> None:
        """Wait until the script has run and nothing is left on the page that the next run would replace."""
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator('[data-stale="true"]')).to_have_count(0)

    def shot(self, place: Locator | None = None) -> bytes:
        """Return a PNG of a chart, of several in a picture the first, once two in a row are the same."""
        place = self.chart.first if place is None else place
        before = b""
        for _ in range(40):
            self.settle()
            expect(place.locator("svg.marks")).to_be_visible()
            try:
                now = place.screenshot()
            except PlaywrightError:
                continue  # the page replaced the chart in that moment
            if now == before:
                return now
            before = now
            self.page.wait_for_timeout(100)
        raise AssertionError("The chart never comes to rest")

    def painted(self, place: Locator | None = None, colours: int = 25) -> bytes:
        """Assert that a chart has marks in it that can be seen: many colours, not one area; return its PNG."""
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            picture = self.shot(place)
            found = colour_count(picture)
            if found >= colours:
                return picture
            assert time.monotonic() < deadline, f"The chart is blank: {found} colours"

    def changed(self, before: bytes) -> bytes:
        """Assert that the picture of the layer becomes another one than before; return it."""
        deadline = time.monotonic() + PATIENCE / 1000
        while (now := self.shot()) == before:
            assert time.monotonic() < deadline, "The chart stays as it was"
        return now

    def has_title(self, text: str) -> None:
        """Wait until a title in the picture of the layer holds a text, as a run may not have begun yet."""
        expect(self.chart.locator("svg .role-title text").filter(has_text=text)).not_to_have_count(0)

    def cell(self, column: int, text: str) -> Locator:
        """Return the cell of the table of layers that holds a text."""
        cells = self.page.locator(f'[data-testid="stDataFrame"] [data-testid^="glide-cell-{column}-"]')
        return cells.filter(has=self.page.get_by_text(text, exact=True)).or_(cells.get_by_text(text, exact=True))

    def layer_names(self) -> list[str]:
        """Return the layers that the table lists."""
        return self.page.locator('[data-testid^="glide-cell-2-"]').all_text_contents()

    def selected_layer(self) -> str:
        """Return the layer whose row is marked."""
        return self.page.locator('tr[aria-selected="true"] [data-testid^="glide-cell-2-"]').text_content() or ""

    def pick_layer(self, name: str) -> None:
        """Click the box at the start of a layer's row, and wait until the page shows that layer."""
        expect(self.page.get_by_test_id("data-grid-canvas")).to_be_visible()
        self.settle()
        deadline = time.monotonic() + PATIENCE / 1000
        while name not in (names := self.layer_names()):
            assert time.monotonic() < deadline, f"{name} is not among {names}"
            self.page.wait_for_timeout(100)
        row = names.index(name)
        # The grid takes its clicks with a transparent element over the canvas.
        self.page.locator(".dvn-scroller").click(position={"x": 16, "y": 36 + 35 * row + 17})
        self.shows_layer(name)

    def shows_layer(self, name: str) -> None:
        """Wait until a layer's name stands over its pictures."""
        expect(self.main.locator("p > strong").get_by_text(name, exact=True)).to_be_visible()
        self.settle()

    def pick_view(self, title: str) -> None:
        """Choose a picture by its tab."""
        tab = self.tab(title)
        tab.click()
        expect(tab).to_have_attribute("aria-checked", "true")
        self.settle()

    def tab(self, title: str) -> Locator:
        """Return the tab of a picture."""
        return self.page.get_by_role("radiogroup", name="Picture").get_by_role("radio", name=title, exact=True)

    def select(self, label: str, value: str) -> None:
        """Choose from a list."""
        self.settle()
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.click()
        self.page.get_by_role("option", name=value, exact=True).click()
        expect(box).to_have_value(value)
        self.settle()

    def switch(self, label: str) -> None:
        """Turn a switch."""
        self.page.get_by_test_id("stCheckbox").get_by_text(label, exact=True).click()
        self.settle()

    def click_channel(self, number: int) -> None:
        """Click one map of the gallery."""
        self.settle()
        self.chart.locator(f'path[aria-label*="channel: {number};"]').click()
        expect(self.chart.get_by_text(f"Channel {number}", exact=True)).to_be_visible()
        self.settle()

    def give_model(self, name: str, content: bytes, *, settle: bool = True) -> None:
        """Upload a model file, and wait until the page has come to rest, which it does not where a model never ends."""
        self.sidebar.get_by_role("radio", name="Your file", exact=True).click()
        self.page.locator(".st-key-model_file input[type=file]").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )
        if settle:
            self.settle()

    def give_data(self, name: str, content: bytes, kind: str = "application/octet-stream") -> None:
        """Upload data for the model."""
        self.settle()
        self.sidebar.get_by_role("radio", name="Your data", exact=True).click()
        self.page.locator('[class*="st-key-data-"] input[type=file]').set_input_files(
            {"name": name, "mimeType": kind, "buffer": content}
        )
        self.settle()


def colour_count(picture: bytes) -> int:
    """Return how many colours a PNG holds, antialiasing left aside."""
    with Image.open(io.BytesIO(picture)) as image:
        coarse = image.convert("RGB").point(lambda value: value & 0xF8)
        counted = coarse.getcolors(maxcolors=coarse.width * coarse.height) or []
    return sum(count >= 3 for count, _ in counted)


@contextmanager
def served(folder: Path, arguments: Sequence[str] = (), **environment: str) -> Iterator[App]:
    """Start the app as a person starts it, with arguments and an environment; its log is in the folder."""
    port = free_port()
    log = folder / "log.txt"
    options = {"--server.port": str(port), "--server.address": "127.0.0.1", "--server.headless": "true"}
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "streamlit_app.py",
        *sum(options.items(), ()),
        "--",
        *arguments,
    ]
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env={**os.environ, **environment}) as server,
    ):
        try:
            wait_until_it_answers(port, STARTING_SECONDS)
            yield App(f"http://127.0.0.1:{port}", log, server.pid)
        finally:
            stop_server(server)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app, as it is without any variable set."""
    with served(tmp_path_factory.mktemp("server")) as app:
        yield app


def warm_up(app: App, chromium: Browser) -> App:
    """Return the app once its engine has started, so that no single test waits for TensorFlow."""
    with chromium.new_context() as context, context.new_page() as page:
        page.goto(app.url)
        expect(page.get_by_text("How to read it.")).to_be_visible(timeout=STARTING_SECONDS * 1000)
    return app


@pytest.fixture(scope="session")
def warm(app: App, chromium: Browser) -> App:
    """The app once its engine has started."""
    return warm_up(app, chromium)


@contextmanager
def visitors(app: App, chromium: Browser) -> Iterator[Callable[..., Explorer]]:
    """Give a function that lets another visitor in; afterwards nothing must have been raised anywhere."""
    expect.set_options(timeout=PATIENCE)
    said = len(app.log.read_text(errors="replace"))
    explorers: list[Explorer] = []
    raised: list[str] = []

    def enter(**options: Any) -> Explorer:
        given = {"viewport": {"width": 1400, "height": 1400}, "accept_downloads": True, "color_scheme": "light"}
        page = chromium.new_context(**{**given, **options}).new_page()
        page.set_default_timeout(PATIENCE)
        explorer = Explorer(page, app)
        page.on("pageerror", lambda error: raised.append(str(error)))
        page.on("request", lambda request: explorer.asked.add(urlsplit(request.url).netloc))
        explorers.append(explorer)
        return explorer

    yield enter
    for explorer in explorers:
        if explorer.page.is_closed():
            continue
        exceptions = explorer.page.get_by_test_id("stException").all_inner_texts()
        explorer.page.context.close()
        assert not exceptions, "\n".join(exceptions)
    assert not raised, "\n".join(raised)
    tracebacks = app.tracebacks(said)
    assert not tracebacks, "\n".join(tracebacks)


@pytest.fixture
def visitor(warm: App, chromium: Browser) -> Iterator[Callable[..., Explorer]]:
    """Return a function that lets another visitor in."""
    with visitors(warm, chromium) as enter:
        yield enter


@pytest.fixture
def explorer(visitor: Callable[..., Explorer]) -> Explorer:
    """A visitor with an ordinary window."""
    return visitor()


@pytest.fixture
def page(explorer: Explorer) -> Page:
    """The tab of that visitor."""
    return explorer.page
