"""Small pictures of what a visualizer draws, made from the examples that ship with Layerscope.

``python -m core.workspace.thumbnails`` makes those of the visualizers that ship anew, which are kept as files.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.charts.export import chart_file
from core.charts.specifications import has_own_width
from core.common.cache import OnceCache
from core.errors import PluginFailed
from core.examples.catalogue import list_examples
from core.examples.recorded_training import EXAMPLE_RUN
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.extraction.extractors import ModelSource
from core.inputs.structure import arrange
from core.models.trust import NO_TRUST
from core.plugins.plugin import BUILT_IN_PACKAGE
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.plugins.visualizer import Visualizer
from core.training.run import open_run
from core.workspace.made_up_models import MADE_UP_MODELS, MadeUpModel
from core.workspace.open_run import OpenRun
from core.workspace.run_views import RunViews
from core.workspace.stored_thumbnails import FOLDER, stored_thumbnail

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["THUMBNAIL_SIZE", "thumbnail", "upper_part", "webp_within", "write_thumbnails"]

THUMBNAIL_SIZE: Final = (260, 170)
"""Width and height on the screen; the picture has twice as many pixels."""
# Some pictures compare samples, and draw none of a few.
_SAMPLES: Final = 48
_CANDIDATES: Final = 3
_QUALITIES: Final = (60, 45, 30, 15)
_MOST_BYTES: Final = 10_000


def thumbnail(registry: Registry, models: OnceCache[Extractor], visualizer: str) -> bytes:
    """Return a visualizer's thumbnail: the one that ships with it, or drawn of the layer that it suits best.

    Args:
        registry: Where the visualizer is.
        models: Where opened models are shared.
        visualizer: Its name.

    Returns:
        A WebP; empty if no example has a layer that it draws.

    Raises:
        PluginFailed: If there is no such visualizer, or it fails on every layer that it says it suits.
    """
    if registry.plugin_of(visualizer).package == BUILT_IN_PACKAGE and (stored := stored_thumbnail(visualizer)):
        return stored
    return _draw(registry, models, visualizer)


def write_thumbnails(folder: Path = FOLDER) -> None:
    """Draw every visualizer that ships and write the pictures.

    Args:
        folder: Where to write them; files of visualizers that are no more are removed.
    """
    registry, models = Registry(settings=PluginSettings(enabled=False)), OnceCache[Extractor](len(list_examples()))
    folder.mkdir(exist_ok=True)
    names = [name for plugin in registry.plugins for name in plugin.visualizers]
    for name in names:
        (folder / f"{name}.webp").write_bytes(_draw(registry, models, name))
    for path in folder.glob("*.webp"):
        if path.stem not in names:
            path.unlink()


def _draw(registry: Registry, models: OnceCache[Extractor], visualizer: str) -> bytes:
    failure: PluginFailed | None = None
    for activation, extractor in islice(_layers_that_suit(registry, models, visualizer), _CANDIDATES):
        try:
            drawing = registry.draw(visualizer, activation, extractor=extractor)
        except PluginFailed as error:
            failure = error
        else:
            if drawing.pictures:
                return _framed(chart_file(_low(drawing.pictures[0].specification), "png", width=THUMBNAIL_SIZE[0]))
    if failure:
        raise failure
    return b""


def _layers_that_suit(
    registry: Registry, models: OnceCache[Extractor], visualizer: str
) -> Iterator[tuple[Activation, Extractor | None]]:
    wanted = registry.get(visualizer)
    if wanted.handles.is_over_steps:
        yield from _layers_over_steps(registry, wanted)
        return
    for activations, extractor in _passes(models, inside="internals" in wanted.needs):
        ranked = ((registry.publish(each), each) for each in activations.values())
        suited = [(offered.index(wanted), each) for offered, each in ranked if wanted in offered]
        # What it is best at, before what it can draw too.
        for _, activation in sorted(suited, key=lambda each: each[0]):
            yield activation, extractor


def _layers_over_steps(registry: Registry, wanted: Visualizer) -> Iterator[tuple[Activation, None]]:
    """Yield what suits a picture over the steps of a training, of the one that ships."""
    opened = OpenRun(open_run(EXAMPLE_RUN), NO_TRUST)
    opened.open_model()
    views = RunViews(registry, opened)
    for layer in opened.run.layers:
        for part in views.parts(layer):
            activation = views.activation(layer, part.key)
            if wanted in registry.publish(activation):
                yield activation, None


def _passes(models: OnceCache[Extractor], *, inside: bool) -> Iterator[tuple[Activations, Extractor]]:
    for example in list_examples():
        extractor = ModelSource(example.model_path, example.name).extractor_in(models)
        arrays, labels = example.samples()
        inputs = arrange(extractor.model, {name: array[:_SAMPLES] for name, array in arrays.items()})
        yield (
            extractor.extract(inputs, internals=inside, labels=labels[:_SAMPLES], class_names=example.class_names),
            extractor,
        )
    for name, made_up in MADE_UP_MODELS.items():
        extractor = models.get(name, partial(_extractor_of, made_up))
        yield extractor.extract(made_up.samples(_SAMPLES)), extractor


def _extractor_of(made_up: MadeUpModel) -> Extractor:
    return Extractor(made_up.model())


def _low(specification: dict[str, Any]) -> dict[str, Any]:
    # A chart that fits itself to the page fits itself to a thumbnail too.
    height = specification.get("height", THUMBNAIL_SIZE[1])
    if has_own_width(specification) or not isinstance(height, int | float):
        return specification
    return {**specification, "height": min(height, round(0.7 * THUMBNAIL_SIZE[1]))}


def _framed(picture: bytes) -> bytes:
    from PIL import ImageOps

    frame = (2 * THUMBNAIL_SIZE[0], 2 * THUMBNAIL_SIZE[1])
    return webp_within(ImageOps.pad(upper_part(picture, 1.2), frame, color="white"), _MOST_BYTES, _QUALITIES)


def upper_part(picture: bytes, tallest: float) -> Image.Image:
    """Return a picture that is much higher than wide without its lower part.

    Args:
        picture: A PNG.
        tallest: How many times as high as wide it may be.
    """
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as drawn:
        return drawn.crop((0, 0, drawn.width, min(drawn.height, round(tallest * drawn.width)))).convert("RGB")


def webp_within(picture: Image.Image, most_bytes: int, qualities: Sequence[int]) -> bytes:
    """Return a picture as a WebP of the first quality that takes no more bytes; of the last one, whatever it takes."""
    content = io.BytesIO()
    for quality in qualities:
        content = io.BytesIO()
        picture.save(content, "WEBP", quality=quality, method=6)
        if content.tell() <= most_bytes:
            break
    return content.getvalue()


if __name__ == "__main__":
    write_thumbnails()
