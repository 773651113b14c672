"""The gallery of pictures says what the visualizers declare, and shows each of them."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.serving import ROOT
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from tests.support.documents import document_script

FOLDER = ROOT / "docs" / "pictures"
MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def gallery():
    return document_script("gallery")


@pytest.fixture(scope="module")
def shipped():
    return Registry(settings=PluginSettings(enabled=False))


def test_its_text_is_what_the_visualizers_declare(gallery):
    written = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    assert gallery.pages() == written, "run: python docs/gallery.py, for the text alone with --text"


def test_every_picture_that_ships_is_in_it(gallery, shipped):
    names = {visualizer.name for visualizer in shipped.visualizers}
    assert gallery.SUBJECTS.keys() == names
    images = {path.stem for path in (FOLDER / "images").iterdir()}
    assert images == names | {f"answer-{name}" for name in (*gallery.ANSWERS, *gallery.MADE_UP_ANSWERS)}
    text = "".join(path.read_text() for path in FOLDER.glob("*.md"))
    for visualizer in shipped.visualizers:
        assert visualizer.how_to_read in text
        assert visualizer.limitations in text
    # Words are enough of a text.
    assert {*gallery.ANSWERS, *gallery.MADE_UP_ANSWERS, "text"} == {each.name for each in shipped.meanings.all}
    for meaning in shipped.meanings.all:
        assert f'meaning="{meaning.name}"' in text


def test_its_pictures_show_something_and_are_small():
    images = list((FOLDER / "images").iterdir())
    assert sum(image.stat().st_size for image in images) < MOST_BYTES
    for path in images:
        with Image.open(path) as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 10, path


def test_a_picture_is_drawn_as_it_is_said_to_be(gallery):
    drawn = gallery.picture("histogram", gallery.SUBJECTS["histogram"])
    with Image.open(io.BytesIO(drawn)) as image, Image.open(FOLDER / "images" / "histogram.webp") as stored:
        # Fonts differ from machine to machine.
        assert np.allclose(image.size, stored.size, atol=40)
