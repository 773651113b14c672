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
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Request, ViewportSize, expect
from playwright.sync_api import Error as PlaywrightError

from benchmarks.processes import fork_servers_and_workers
from benchmarks.serving import ROOT, free_port, layer_row, stop_server, wait_until_it_answers

STARTING_SECONDS = 180
"""TensorFlow is imported first, which takes long on a machine that has just been made."""
NOTHING = "about:blank"
PATIENCE = 30_000
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

    def open(self, place: str = "", /, **query: Any) -> None:
        """Go to an address, and wait until the first chart is painted."""
        self.visit(place, **query)
        self.painted()

    def visit(self, place: str = "", /, **query: Any) -> None:
        """Go to an address, whatever stands there."""
        self.page.goto(f"{self.app.url}/{place}" + (f"?{urlencode(query)}" if query else ""))

    def note_request(self, request: Request) -> None:
        """Note whom the page asks for something."""
        self.asked.add(urlsplit(request.url).netloc)

    def leave(self) -> None:
        """Close all that this visitor has open."""
        context = self.page.context
        if context.browser is None or context != context.browser.contexts[0]:
            context.close()
            return
        # The tab that the browser began with stays, for the next one.
        first, *others = context.pages
        for page in others:
            page.close()
        first.goto(NOTHING)

    @property
    def chart(self) -> Locator:
        """The picture of the selected layer."""
        return self.page.locator(".st-key-picture_place").get_by_test_id("stVegaLiteChart")

    @property
    def answer(self) -> Locator:
        """The chart of what the model answers."""
        return self.strip_part("answer").get_by_test_id("stVegaLiteChart")

    @property
    def input(self) -> Locator:
        """The chart of what went in, where that is no picture."""
        return self.strip_part("input").get_by_test_id("stVegaLiteChart")

    @property
    def thumbnails(self) -> Locator:
        """The chart of the samples beside the one that is looked at."""
        return self.strip_part("samples").get_by_test_id("stVegaLiteChart")

    @property
    def map(self) -> Locator:
        """The map of the model."""
        return self.page.locator(".st-key-map").get_by_test_id("stVegaLiteChart")

    @property
    def options(self) -> Locator:
        """What stands beside the picture."""
        return self.page.locator(".st-key-options_place")

    @property
    def layer_line(self) -> Locator:
        """The line of the selected layer, over its pictures."""
        return self.page.locator(".st-key-layer_line")

    @property
    def sample(self) -> Locator:
        """The field with the number of the sample."""
        return self.page.locator(".st-key-sample").get_by_role("spinbutton")

    def strip_part(self, name: str) -> Locator:
        """Return a part of the strip: ``"input"``, ``"answer"`` or ``"samples"``."""
        return self.page.locator(f".st-key-strip_{name}")

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

    def reload(self) -> None:
        """Load the page anew, as it is once all that was clicked stands in its address."""
        self.settle()
        self.page.reload()

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

    def has_samples(self, count: int) -> None:
        """Wait until one can choose among so many samples."""
        expect(self.page.get_by_role("spinbutton", name=f"Sample, 0 to {count - 1:,}", exact=True)).to_be_visible()

    def address(self) -> dict[str, str]:
        """Return what stands in the address."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def has_address(self, **parts: str | None) -> None:
        """Wait until each of these stands in the address as it is here; None: until it does not stand there."""
        deadline = time.monotonic() + PATIENCE / 1000
        while any((address := self.address()).get(name) != value for name, value in parts.items()):
            assert time.monotonic() < deadline, f"{address} is not {parts}"
            self.page.wait_for_timeout(50)

    def cell(self, column: int, text: str) -> Locator:
        """Return the cell of a table in a dialog that holds a text."""
        cells = self.page.get_by_role("dialog").locator(f'[data-testid^="glide-cell-{column}-"]')
        return cells.filter(has=self.page.get_by_text(text, exact=True)).or_(cells.get_by_text(text, exact=True))

    @property
    def layer_rows(self) -> Locator:
        """The rows of the list of layers, those that are scrolled out of sight too."""
        return self.sidebar.get_by_role("tree", name="Layers").get_by_role("treeitem")

    def layer_row(self, name: str) -> Locator:
        """Return the row of an entry of the list of layers."""
        return layer_row(self.page, name)

    def layer_names(self) -> list[str]:
        """Return the entries of the list of layers, without their marks."""
        expect(self.layer_rows).not_to_have_count(0)
        return self.layer_rows.locator(".title").all_text_contents()

    def selected_layer(self) -> str:
        """Return the layer whose row is marked."""
        return self.layer_rows.and_(self.page.locator('[aria-selected="true"]')).locator(".title").text_content() or ""

    def pick_layer(self, name: str) -> None:
        """Click an entry of the list of layers, and wait until the page shows that layer."""
        self.settle()
        self.click_entry(name)
        self.shows_layer(name)

    def click_entry(self, name: str) -> None:
        """Click an entry of the list of layers."""
        self.close_panels()
        self.layer_row(name).click()

    def shows_layer(self, name: str) -> None:
        """Wait until a layer's name stands over its pictures."""
        expect(self.layer_line.locator("p > strong").get_by_text(name, exact=True)).to_be_visible()
        self.settle()

    def pick_view(self, title: str) -> None:
        """Choose a picture, in whichever group it stands."""
        expect(self.tabs).not_to_have_count(0)
        self.settle()
        groups = self.groups.all_inner_texts()
        while not self.tab(title).count():
            assert groups, f"No group has a picture “{title}”"
            self.pick_group(groups.pop(0))
        tab = self.tab(title)
        tab.click()
        expect(tab).to_have_attribute("aria-checked", "true")
        self.settle()

    @property
    def groups(self) -> Locator:
        """The groups of pictures."""
        return self.page.get_by_role("radiogroup", name="Kind of picture", exact=True).get_by_role("radio")

    @property
    def tabs(self) -> Locator:
        """The pictures of the group."""
        return self.page.get_by_role("radiogroup", name="Picture", exact=True).get_by_role("radio")

    def pick_group(self, title: str) -> None:
        """Choose a group of pictures."""
        group = self.page.get_by_role("radiogroup", name="Kind of picture", exact=True).get_by_role("radio", name=title)
        if group.get_attribute("aria-checked") == "true":
            return
        before = self.tabs.first.inner_text()
        group.click()
        expect(group).to_have_attribute("aria-checked", "true")
        expect(self.tabs.first).not_to_have_text(before)
        self.settle()

    def tab(self, title: str) -> Locator:
        """Return what chooses a picture of the group."""
        return self.page.get_by_role("radiogroup", name="Picture", exact=True).get_by_role(
            "radio", name=title, exact=True
        )

    def next_sample(self) -> None:
        """Go to the next sample with the button of the strip."""
        self.settle()
        self.page.locator(".st-key-sample_after button").first.click()
        self.settle()

    def go_to_sample(self, number: int) -> None:
        """Type the number of a sample."""
        self.settle()
        self.sample.fill(str(number))
        self.sample.press("Enter")
        self.has_address(sample=str(number))
        self.settle()

    def model_panel(self) -> Locator:
        """Open what asks where the model is from, unless it is open; return it."""
        return self._panel("model_popover", '[class*="st-key-model_kind"]')

    def samples_panel(self) -> Locator:
        """Open what asks where the samples are from and what they are taken for, unless it is open; return it."""
        return self._panel("samples_popover", '[class*="st-key-input_kind"]')

    def filter_panel(self) -> Locator:
        """Open what asks which samples the strip offers, unless it is open; return it."""
        return self._panel("strip", '[class*="st-key-sample_text"]')

    def _panel(self, button: str, content: str) -> Locator:
        body = self.page.get_by_test_id("stPopoverBody").filter(has=self.page.locator(content))
        if not body.count():
            self.close_panels()
            self.page.locator(f".st-key-{button}").get_by_test_id("stPopover").get_by_role("button").first.click()
        expect(body).to_be_visible()
        self.settle()
        return body

    def close_panels(self) -> None:
        """Close what a button has opened over the page."""
        bodies = self.page.get_by_test_id("stPopoverBody")
        while count := bodies.count():
            self.page.keyboard.press("Escape")
            expect(bodies).not_to_have_count(count)

    def select(self, label: str, value: str, place: Locator | None = None) -> None:
        """Choose from a list, in a place of the page where it has several of that label."""
        self.settle()
        box = (place or self.page).get_by_role("combobox", name=label, exact=True)
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

    def choose_example(self, title: str) -> None:
        """Choose an example from the list by its title."""
        self.model_panel().get_by_role("radio", name="Example", exact=True).click()
        self.page.get_by_role("combobox", name="Example", exact=True).click()
        self.page.get_by_role("option", name=title).click()
        self.settle()
        self.close_panels()

    def give_model(self, name: str, content: bytes, *, settle: bool = True) -> None:
        """Upload a model file, and wait until the page has come to rest, which it does not where a model never ends."""
        upload = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.give_model_files(upload, settle=settle)

    def give_model_files(self, files: Any, *, settle: bool = True) -> None:
        """Upload files that are a model together, as Playwright takes files."""
        self.model_panel().get_by_role("radio", name="Your file", exact=True).click()
        # That it is there may be drawn after the run that opens it, which goes on for long where a model never ends.
        with self.page.expect_response(lambda response: "upload_file" in response.url):
            self.page.locator(".st-key-model_file input[type=file]").set_input_files(files)
        if settle:
            expect(self.page.locator(".st-key-model_file").get_by_role("button", name="Remove")).not_to_have_count(0)
            self.settle()
        self.close_panels()

    def remove_model_file(self) -> None:
        """Take back the model file that was uploaded."""
        self.model_panel()
        self.page.locator(".st-key-model_file").get_by_role("button", name="Remove").click()
        self.settle()

    def give_path(self, path: str) -> None:
        """Type the path of a model on the server's machine."""
        self.model_panel().get_by_role("radio", name="Your file", exact=True).click()
        box = self.page.get_by_role("textbox", name="or a path on this machine")
        box.fill(path)
        box.press("Enter")
        self.settle()
        self.close_panels()

    def give_data(self, name: str, content: bytes, kind: str = "application/octet-stream") -> None:
        """Upload data for the model."""
        self.settle()
        self.take_samples_from("Your data")
        self.page.locator('[class*="st-key-data-"] input[type=file]').set_input_files(
            {"name": name, "mimeType": kind, "buffer": content}
        )
        expect(self.page.locator('[class*="st-key-data-"]').get_by_role("button", name="Remove")).not_to_have_count(0)
        self.settle()
        self.close_panels()

    def take_samples_from(self, source: str) -> Locator:
        """Choose where the samples are from; return what asks for the rest."""
        panel = self.samples_panel()
        panel.get_by_role("radio", name=source, exact=True).click()
        expect(panel.get_by_role("radio", name=source, exact=True)).to_have_attribute("aria-checked", "true")
        return panel


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
        patience = STARTING_SECONDS * 1000
        expect(page.get_by_text("How to read it")).to_be_visible(timeout=patience)
        # What is on the page may be recorded until then, and says so at the end of its first run.
        script = page.get_by_test_id("stApp")
        expect(script).to_have_attribute("data-test-script-state", "notRunning", timeout=patience)
        expect(page.locator(".st-key-live p")).to_have_count(0, timeout=patience)
        expect(script).to_have_attribute("data-test-script-state", "notRunning", timeout=patience)
    return app


@pytest.fixture(scope="session")
def warm(app: App, chromium: Browser) -> App:
    """The app once its engine has started."""
    return warm_up(app, chromium)


def back_again(app: App, chromium: Browser, viewport: ViewportSize, color_scheme: Any) -> Page:
    """Return the tab of who has been here before: of that the browser has the page's code, and nothing else.

    To load and compile it takes a quarter of the time in which a page opens, and to make a tab a third of the rest.
    """
    context = chromium.contexts[0]
    context.set_offline(False)
    page = context.pages[0] if context.pages[0].url == NOTHING else context.new_page()
    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=color_scheme)
    session = context.new_cdp_session(page)
    stored = "cookies,local_storage,indexeddb,service_workers,cache_storage"
    session.send("Storage.clearDataForOrigin", {"origin": app.url, "storageTypes": stored})
    session.detach()
    return page


@contextmanager
def visitors(app: App, chromium: Browser) -> Iterator[Callable[..., Explorer]]:
    """Give a function that lets another visitor in; afterwards nothing must have been raised anywhere."""
    expect.set_options(timeout=PATIENCE)
    said = len(app.log.read_text(errors="replace"))
    explorers: list[Explorer] = []
    raised: list[str] = []

    def note_error(error: PlaywrightError) -> None:
        raised.append(str(error))

    def enter(**options: Any) -> Explorer:
        given = {"viewport": {"width": 1400, "height": 1400}, "color_scheme": "light", **options}
        is_ordinary = not explorers and given.keys() == {"viewport", "color_scheme"}
        page = back_again(app, chromium, **given) if is_ordinary else chromium.new_context(**given).new_page()
        page.set_default_timeout(PATIENCE)
        explorer = Explorer(page, app)
        page.on("pageerror", note_error)
        page.on("request", explorer.note_request)
        explorers.append(explorer)
        return explorer

    yield enter
    exceptions = []
    for explorer in explorers:
        if not explorer.page.is_closed():
            exceptions += explorer.page.get_by_test_id("stException").all_inner_texts()
            explorer.page.remove_listener("pageerror", note_error)
            explorer.page.remove_listener("request", explorer.note_request)
        explorer.leave()
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
