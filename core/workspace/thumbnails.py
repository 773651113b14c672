"""Small pictures of what a visualizer draws, made from the examples that ship with Layerscope."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from core.charts.building_blocks import has_own_width
from core.charts.export import chart_file
from core.common.cache import OnceCache
from core.errors import PluginFailed
from core.examples.catalogue import list_examples
from core.extraction.activation import Activation
from core.extraction.extractor import Extractor
from core.extraction.extractors import ModelSource
from core.inputs.structure import arrange
from core.plugins.registry import Registry

__all__ = ["THUMBNAIL_SIZE", "thumbnail"]

THUMBNAIL_SIZE: Final = (260, 170)
"""Width and height on the screen; the picture has twice as many pixels."""
# Some pictures compare samples, and draw none of a few.
_SAMPLES: Final = 12
_CANDIDATES: Final = 3


def thumbnail(registry: Registry, models: OnceCache[Extractor], visualizer: str) -> bytes:
    """Draw a visualizer small, of the layer of an example that it suits best.

    Args:
        registry: Where the visualizer is.
        models: Where opened models are shared.
        visualizer: Its name.

    Returns:
        A PNG; empty if no example has a layer that it draws.

    Raises:
        PluginFailed: If there is no such visualizer, or it fails on every layer that it says it suits.
    """
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
) -> Iterator[tuple[Activation, Extractor]]:
    wanted = registry.get(visualizer)
    inside = "internals" in wanted.needs
    for example in list_examples():
        extractor = ModelSource(example.model_path, example.name).extractor_in(models)
        arrays, labels = example.samples()
        given = arrange(extractor.model, {name: array[:_SAMPLES] for name, array in arrays.items()})
        activations = extractor.extract(
            given, internals=inside, labels=labels[:_SAMPLES], class_names=example.class_names
        )
        ranked = ((registry.publish(each), each) for each in activations.values())
        suited = [(offered.index(wanted), each) for offered, each in ranked if wanted in offered]
        # What it is best at, before what it can draw too.
        for _, activation in sorted(suited, key=lambda each: each[0]):
            yield activation, extractor


def _low(specification: dict[str, Any]) -> dict[str, Any]:
    # A chart that fits itself to the page fits itself to a thumbnail too.
    height = specification.get("height", THUMBNAIL_SIZE[1])
    if has_own_width(specification) or not isinstance(height, int | float):
        return specification
    return {**specification, "height": min(height, round(0.7 * THUMBNAIL_SIZE[1]))}


def _framed(picture: bytes) -> bytes:
    from PIL import Image, ImageOps

    frame = (2 * THUMBNAIL_SIZE[0], 2 * THUMBNAIL_SIZE[1])
    with Image.open(io.BytesIO(picture)) as drawn:
        # Pictures that are much higher than wide show their upper part.
        top = drawn.crop((0, 0, drawn.width, min(drawn.height, round(1.2 * drawn.width))))
        framed = ImageOps.pad(top.convert("RGB"), frame, color="white")
    content = io.BytesIO()
    framed.save(content, "PNG", optimize=True)
    return content.getvalue()
