"""Takes the pictures that the README and documents show, from the app of the day: ``python docs/screenshots.py``.

With names of pictures, such as ``explore gates``, only those are taken.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.serving import CHROMIUM, free_port, server, stop_server, wait_until_it_answers  # noqa: E402
from core.inputs.edits import ClampEdit, PaintEdit, text_of_edits  # noqa: E402

# The eight of the first sample with a stroke through it, which is a four then; and a unit that is set to a value.
_CROSSED_OUT: Final = text_of_edits([PaintEdit("image", ((3, 0), (3, 7)), 1, (1.0,))])
_CLAMPED: Final = text_of_edits([ClampEdit("conv_2", 3, 4.0)])
IMAGES: Final = ROOT / "docs" / "images"
COLOURS: Final = 255
WIDTH: Final = 1440
REPORT_WIDTH: Final = 900

READY: Final = {
    "": "How to read it",
    "unit": "64 of 64 steps",
    "health": "Units by classes",
    "edit": "side by side",
    "maximize": "256 of 256 steps",
    "compare": "Largest change",
    "training": "How to read it",
    "plugins": "what a layer answered to one sample",
}
"""By page, the text that stands there once everything is drawn."""
SIZES: Final = ((1440, 900), (1024, 900), (700, 900), (390, 900))
"""Width and height of the windows that every page is shown in."""
# File, height in pixels, theme, page, and what stands in the address.
PICTURES: Final[tuple[tuple[str, int, str, str, dict[str, str]], ...]] = (
    ("explore", 900, "light", "", {"example": "digits-cnn", "layer": "conv_2", "sample": "12"}),
    ("explore-dark", 900, "dark", "", {"example": "digits-cnn", "layer": "conv_2", "sample": "12"}),
    ("recurrent", 900, "light", "", {"example": "vowels-lstm", "layer": "lstm_1", "o.compare": "[40]"}),
    ("gates", 900, "light", "", {"example": "vowels-lstm", "layer": "lstm_2", "unit": "2"}),
    ("attention", 1750, "dark", "", {"example": "reviews-transformer", "layer": "attention"}),
    ("map", 800, "light", "", {"example": "reviews-transformer", "show": "map"}),
    ("mask", 900, "light", "", {"example": "shapes-segmentation", "layer": "mask", "view": "answer", "sample": "3"}),
    ("forecast", 900, "light", "", {"example": "tides-forecaster", "layer": "next_hours", "view": "answer"}),
    ("reconstruction", 900, "dark", "", {"example": "digits-autoencoder", "layer": "reconstruction", "view": "answer"}),
    ("film", 1000, "light", "", {"example": "clips-lstm", "layer": "conv_per_frame", "view": "film-strip"}),
    ("steps", 900, "light", "", {"example": "clips-lstm", "layer": "probabilities", "view": "answer-after-steps"}),
    ("frames", 1000, "dark", "", {"example": "clips-lstm", "layer": "conv_per_frame", "view": "class-activation-map"}),
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
    ("unit", 1500, "light", "unit", {"example": "digits-cnn", "layer": "conv_2", "unit": "5", "sample": "12"}),
    (
        "side-by-side",
        900,
        "light",
        "",
        {"example": "digits-cnn", "layer": "conv_2", "sample": "7", "pins": "sample 1~s:1", "beside": "sample 1"},
    ),
    ("health", 1060, "light", "health", {"example": "digits-cnn"}),
    ("training", 1100, "light", "training", {"run": "example", "measure": "dead", "layer": "conv_2", "step": "387"}),
    ("edit", 900, "light", "edit", {"example": "digits-cnn", "layer": "conv_2", "edits": _CROSSED_OUT}),
    ("edit-map", 900, "dark", "edit", {"example": "digits-cnn", "show": "map", "edits": _CLAMPED}),
)


def main() -> None:
    """Take every picture, or those that are named."""
    IMAGES.mkdir(exist_ok=True)
    names = sys.argv[1:]
    if not names or "report" in names:
        _take_report()
    if not names or "start" in names:
        _take_start()
    if names:
        chosen = [picture for picture in PICTURES if picture[0] in names]
        if chosen:
            _take(chosen, ())
        return
    _take(PICTURES, READY)
    os.environ["LAYERSCOPE_PLUGINS"] = str(ROOT / "examples" / "layerscope-power-spectrum")
    with server(ROOT / "streamlit_app.py") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        (IMAGES / "plugins.png").write_bytes(_small(_plugins(browser, address)))
        browser.close()


def _take_report() -> None:
    """Take the beginning of a report of the digits example, beside a part of it in the dark."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "report.html"
        note = "The digits example as it ships. One eight is taken for a one."
        command = [sys.executable, "-m", "layerscope", "report", "digits-cnn", "-o", str(path), "--note", note]
        subprocess.run(command, cwd=ROOT, check=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        sheet = Image.new("RGB", (2 * REPORT_WIDTH, SIZES[0][1]))
        for place, (theme, anchor) in enumerate((("light", ""), ("dark", "#s5-2"))):
            page = browser.new_page(viewport={"width": REPORT_WIDTH, "height": SIZES[0][1]})
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            page.goto(path.as_uri())
            page.locator("html[data-charts=drawn]").wait_for()
            if anchor:
                page.locator(anchor).evaluate("element => element.scrollIntoView({ behavior: 'instant' })")
            with Image.open(io.BytesIO(page.screenshot())) as image:
                sheet.paste(image, (place * REPORT_WIDTH, 0))
            page.close()
        browser.close()
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    (IMAGES / "report.png").write_bytes(_small(buffer.getvalue()))


def _take_start() -> None:
    """Take the page on the model that ``docs/start.md`` trains, by the code that stands there."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "start.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        # Keras draws its first weights by chance: the same ones each time.
        seeded = f"import keras\nkeras.utils.set_random_seed(0)\n{code[1]}"
        subprocess.run([sys.executable, "-c", seeded], cwd=folder, check=True)
        command = [sys.executable, "-m", "layerscope", "run", "digits.keras", "digits_test.npz", "--headless"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([*command, "--port", str(port)], cwd=folder, env=environment)
        try:
            wait_until_it_answers(port)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            address = f"http://127.0.0.1:{port}/?layer=conv_1"
            (IMAGES / "start.png").write_bytes(_small(_taken(browser, address, SIZES[0][1], "light", READY[""])))
            browser.close()
        finally:
            stop_server(process)


def _take(pictures: Sequence[tuple[str, int, str, str, dict[str, str]]], sheets: Iterable[str]) -> None:
    with server(ROOT / "streamlit_app.py") as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, height, theme, place, query in pictures:
            png = _small(_taken(browser, f"{address}/{place}?{urlencode(query)}", height, theme, READY[place]))
            path = IMAGES / f"{name}.png"
            path.write_bytes(png)
            print(f"{path.relative_to(ROOT)}: {len(png) / 1000:.0f} KB")
        for place in sheets:
            path = IMAGES / f"page-{place or 'explore'}.png"
            path.write_bytes(_sheet(browser, address, place))
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} KB")
        browser.close()


def _sheet(browser: Browser, address: str, place: str) -> bytes:
    """Return one page in windows of every size, light above dark, at half its size, as a PNG."""
    opened = {"run": "example"} if place == "training" else {"example": "digits-cnn"}
    query = urlencode({**opened, "layer": "conv_2", "sample": "12"})
    width, height = sum(width for width, _ in SIZES), SIZES[0][1]
    sheet = Image.new("RGB", (width, 2 * height))
    for row, theme in enumerate(("light", "dark")):
        left = 0
        for size in SIZES:
            png = _taken(browser, f"{address}/{place}?{query}", size[1], theme, READY[place], size[0])
            with Image.open(io.BytesIO(png)) as image:
                sheet.paste(image, (left, row * height))
            left += size[0]
    buffer = io.BytesIO()
    sheet.resize((width // 2, height), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return _small(buffer.getvalue())


def _plugins(browser: Browser, address: str) -> bytes:
    page = browser.new_page(viewport={"width": WIDTH, "height": 1100})
    page.goto(address)
    page.get_by_text("How to read it").wait_for(timeout=180_000)
    page.get_by_role("link", name="Plugins").click()
    page.get_by_test_id("stMain").locator("img").nth(17).wait_for(timeout=60_000)
    taken = page.screenshot()
    page.close()
    return taken


def _taken(browser: Browser, address: str, height: int, theme: str, ready: str, width: int = WIDTH) -> bytes:
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
    )
    page.goto(address)
    page.get_by_text(ready).first.wait_for(timeout=180_000)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    everything = page.get_by_role("button", name="Optimize all")
    if everything.count() and height > SIZES[0][1]:
        everything.click()
        page.get_by_text(re.compile(r"^(\d+) of \1 ")).last.wait_for()
        page.get_by_text("Click one to search for it alone").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # charts are laid out once more when their column has its width
    taken = page.screenshot()
    page.close()
    return taken


def _small(png: bytes) -> bytes:
    """Return a PNG with a palette: a page of flat colours looks the same, at a third of the size."""
    with Image.open(io.BytesIO(png)) as image:
        # With the means of what each colour stands for: a page of many colours turned pink without.
        fewer = image.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
        )
    buffer = io.BytesIO()
    fewer.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
