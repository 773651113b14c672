"""What the page of plugins shows before anything is drawn, and what it shows of what strangers add."""

import io

import numpy as np
import pytest
from PIL import Image

import core
from core.common.cache import OnceCache
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.workspace.stored_thumbnails import FOLDER, stored_thumbnail
from core.workspace.thumbnails import THUMBNAIL_SIZE, thumbnail, write_thumbnails
from tests.support.broken_plugins import write_plugins

BUILT_IN = [each.name for each in Registry(settings=PluginSettings(enabled=False)).visualizers]


def pixels(content):
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"), float)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_visualizer_that_ships_has_one_with_something_in_it(name):
    content = stored_thumbnail(name)
    picture = pixels(content)

    assert len(content) <= 10_000
    assert picture.shape == (2 * THUMBNAIL_SIZE[1], 2 * THUMBNAIL_SIZE[0], 3)
    # Marks, text and axes: more than a frame or a sentence on white.
    assert (picture.min(axis=2) < 200).mean() > 0.01
    assert len(np.unique(picture.round(-1).reshape(-1, 3), axis=0)) > 10


def test_none_is_kept_of_what_does_not_ship_and_all_are_small():
    files = list(FOLDER.glob("*.webp"))

    assert {file.stem for file in files} == set(BUILT_IN)
    assert sum(file.stat().st_size for file in files) <= 300_000


def test_the_script_makes_the_pictures_that_are_stored(tmp_path):
    write_thumbnails(tmp_path)

    # Fonts differ from machine to machine.
    apart = {
        name: np.abs(pixels((tmp_path / f"{name}.webp").read_bytes()) - pixels(stored_thumbnail(name))).mean()
        for name in BUILT_IN
    }
    assert {name: round(mean, 1) for name, mean in apart.items() if mean > 8} == {}


def test_what_is_added_is_drawn(tmp_path):
    write_plugins(tmp_path)
    registry = Registry(settings=PluginSettings((tmp_path,)))
    content = thumbnail(registry, OnceCache(8), "good")

    assert pixels(content).shape == (2 * THUMBNAIL_SIZE[1], 2 * THUMBNAIL_SIZE[0], 3)
    with pytest.raises(core.PluginFailed, match="no visualizer"):
        thumbnail(registry, OnceCache(8), "nowhere")
