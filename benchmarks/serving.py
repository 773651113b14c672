"""Starts a Streamlit server and a headless Chromium, and says when a picture is on the screen."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, overload

from playwright.async_api import Locator as AsyncLocator
from playwright.async_api import Page as AsyncPage
from playwright.sync_api import Locator, Page, sync_playwright

__all__ = [
    "ARGUMENTS",
    "CHROMIUM",
    "ROOT",
    "browser_page",
    "free_port",
    "layer_row",
    "server",
    "start_server",
    "stop_server",
    "wait_until_it_answers",
    "wait_until_painted",
]

ROOT: Final = Path(__file__).parent.parent
CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# A picture counts as painted when it is decoded and two frames have passed; what Streamlit greys out is the old one.
# On the page that is the picture of the layer: thumbnails of samples stand above it, and are there earlier.
PAINTED: Final = """
(previous) => new Promise((resolve, reject) => {
  const fresh = (element) => !element.closest('[data-stale="true"]');
  const source = () => {
    const isPage = document.querySelector('.st-key-strip');
    const place = isPage ? document.querySelector('.st-key-picture_place') : document;
    if (!place) return null;
    const charts = [...place.querySelectorAll('[data-testid="stVegaLiteChart"] svg')].filter(fresh);
    for (const chart of charts.reverse()) {
      const image = chart.querySelector('image');
      // The texts too: a normalization on maps that are scaled on their own changes the title and nothing else.
      const source = image && (image.getAttribute('href') || image.getAttribute('xlink:href'));
      if (source) return [source, chart.textContent];
    }
    const image = [...place.querySelectorAll('[data-testid="stImage"] img')].filter(fresh).pop();
    return image && image.complete && image.naturalWidth ? [image.src, ''] : null;
  };
  const started = performance.now();
  const look = () => {
    const found = source();
    if (found && found.join() !== previous) {
      const image = new Image();
      image.src = found[0];
      image.decode().then(() => requestAnimationFrame(() => requestAnimationFrame(
        () => resolve({source: found.join(), at: performance.now()}))), () => requestAnimationFrame(look));
    } else if (performance.now() - started > 60000) {
      reject(new Error("nothing was painted within a minute"));
    } else requestAnimationFrame(look);
  };
  look();
})
"""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(script: Path, port: int, settings: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start ``streamlit run`` and return its process at once.

    Args:
        script: What it serves.
        port: Port to listen on.
        settings: Variables of its environment, besides those of this process.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    return subprocess.Popen(
        [*command, "--server.address", "127.0.0.1", "--server.port", str(port)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT), **(settings or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server that was started here."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_it_answers(port: int, seconds: float = 60) -> None:
    """Return as soon as the server answers.

    Raises:
        TimeoutError: If it does not in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise TimeoutError(f"the server on port {port} did not answer within {seconds} s")


@contextmanager
def server(script: Path) -> Iterator[str]:
    """Start a server for the time of the block and give its address."""
    port = free_port()
    process = start_server(script, port)
    try:
        wait_until_it_answers(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop_server(process)


@contextmanager
def browser_page() -> Iterator[Page]:
    """Give a page of a headless Chromium for the time of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page(viewport={"width": 1400, "height": 1400})
        browser.close()


@overload
def layer_row(page: Page, name: str) -> Locator: ...
@overload
def layer_row(page: AsyncPage, name: str) -> AsyncLocator: ...
def layer_row(page: Page | AsyncPage, name: str) -> Locator | AsyncLocator:
    """Return the row of an entry in the list of layers, as a screen reader finds it: its name begins with that."""
    return page.get_by_role("treeitem", name=re.compile(rf"^{re.escape(name)}(, |$)"))


def wait_until_painted(page: Page, previous: str | None = None) -> dict[str, Any]:
    """Wait for a picture other than ``previous``; return its ``source``, and ``at``: when it was there, in ms."""
    return page.evaluate(PAINTED, previous)
