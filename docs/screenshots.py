"""Takes the pictures that the README and documents show, from the app of the day: ``python docs/screenshots.py``."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.serving import CHROMIUM, server  # noqa: E402

IMAGES: Final = ROOT / "docs" / "images"
COLOURS: Final = 255
WIDTH: Final = 1440

READY: Final = {"": "How to read it", "health": "Units by classes", "maximize": "256 of 256 steps"}
"""By page, the text that stands there once everything is drawn."""
# File, height in pixels, theme, page, and what stands in the address.
PICTURES: Final[tuple[tuple[str, int, str, str, dict[str, str]], ...]] = (
    ("explore", 1250, "light", "", {"example": "digits-cnn", "layer": "conv_2", "sample": "12"}),
    ("explore-dark", 1250, "dark", "", {"example": "digits-cnn", "layer": "conv_2", "sample": "12"}),
    ("recurrent", 1250, "light", "", {"example": "vowels-lstm", "layer": "lstm_1", "o.compare": "[40]"}),
    ("gates", 1900, "light", "", {"example": "vowels-lstm", "layer": "lstm_2", "unit": "2"}),
    ("attention", 1750, "dark", "", {"example": "reviews-transformer", "layer": "attention"}),
    ("map", 800, "light", "", {"example": "reviews-transformer", "show": "map"}),
    (
        "projection",
        1900,
        "light",
        "",
        {"example": "digits-cnn", "layer": "dense", "view": "projection", "o.method": '"t-SNE"'},
    ),
    (
        "attribution",
        1500,
        "light",
        "",
        {"example": "digits-cnn", "layer": "probabilities", "view": "input-attribution", "o.check": "true"},
    ),
    ("maximize", 1330, "light", "maximize", {"example": "digits-cnn", "layer": "probabilities", "unit": "3"}),
    ("health", 1060, "light", "health", {"example": "digits-cnn"}),
)


def main() -> None:
    """Take every picture."""
    IMAGES.mkdir(exist_ok=True)
    with server(ROOT / "streamlit_app.py") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, height, theme, place, query in PICTURES:
            png = _small(_taken(browser, f"{address}/{place}?{urlencode(query)}", height, theme, READY[place]))
            path = IMAGES / f"{name}.png"
            path.write_bytes(png)
            print(f"{path.relative_to(ROOT)}: {len(png) / 1000:.0f} KB")
        browser.close()
    os.environ["LAYERSCOPE_PLUGINS"] = str(ROOT / "examples" / "layerscope-power-spectrum")
    with server(ROOT / "streamlit_app.py") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        (IMAGES / "plugins.png").write_bytes(_small(_plugins(browser, address)))
        browser.close()


def _plugins(browser: Browser, address: str) -> bytes:
    page = browser.new_page(viewport={"width": WIDTH, "height": 1100})
    page.goto(address)
    page.get_by_text("How to read it").wait_for(timeout=180_000)
    page.get_by_role("link", name="Plugins").click()
    page.get_by_test_id("stMain").locator("img").nth(17).wait_for(timeout=60_000)
    taken = page.screenshot()
    page.close()
    return taken


def _taken(browser: Browser, address: str, height: int, theme: str, ready: str) -> bytes:
    page = browser.new_page(
        viewport={"width": WIDTH, "height": height}, color_scheme="dark" if theme == "dark" else "light"
    )
    page.goto(address)
    page.get_by_text(ready).wait_for(timeout=180_000)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    everything = page.get_by_role("button", name="Look for all")
    if everything.count():
        everything.click()
        page.get_by_text(re.compile(r"^(\d+) of \1 ")).last.wait_for()
        page.get_by_text("Click one to look for it alone").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # charts are laid out once more when their column has its width
    taken = page.screenshot()
    page.close()
    return taken


def _small(png: bytes) -> bytes:
    """Return a PNG with a palette: a page of flat colours looks the same, at a third of the size."""
    with Image.open(io.BytesIO(png)) as image:
        fewer = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    fewer.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
