"""Where the places of a layer's answer lie in what went into the model: over which input, and along which of its axes.

A convolution's maps lie over the image that goes into that call of it, those of a volume over its slices, the steps of
a sequence over its series. A vision transformer has its patches in a row: as a grid they lie over the image again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from core.extraction.extractor import Extractor
from core.extraction.known_layers import layers_of
from core.extraction.layers import LayerInfo, input_key, input_name, is_input
from core.inputs import structure
from core.inputs.model_inputs import input_specs
from core.inputs.spec import InputSpec
from core.inputs.structure import in_structure

__all__ = ["MapPlaces", "PlacesKind", "SliceAxis", "inputs_behind", "map_places", "patch_grid", "slice_axis"]

PlacesKind: TypeAlias = Literal["image", "volume", "series", "patches", "alone"]
SliceAxis: TypeAlias = Literal["depth", "time"]
_ONE_BY_ONE: Final = frozenset({"preprocessing", "normalization", "regularization", "activation"})
_MOST_SPECIAL_TOKENS: Final = 8
"""Tokens before the patches: a class token, one of distillation, some registers."""
_SERIES: Final[tuple[str, ...]] = ("sequence", "tokens", "text")


@dataclass(frozen=True)
class MapPlaces:
    """How the places of a layer's answer lie over one input.

    Attributes:
        kind: ``"image"``: rows and columns of an image; ``"volume"``: slices or frames of a volume or film, each an
            image; ``"series"``: steps of a sequence or text; ``"patches"``: as an image, though they come in a row;
            ``"alone"``: over no input that they could be drawn over.
        input: Name of the input; empty where they stand alone.
        grid: Extents as they are drawn: ``(height, width)``, ``(slice, height, width)`` or ``(time,)``.
        special_tokens: How many tokens stand before the patches and are none.
        note: What was assumed, in a sentence; empty for nothing.
        slice_axis: What the first axis of a volume or film is.
    """

    kind: PlacesKind
    input: str
    grid: tuple[int, ...]
    special_tokens: int = 0
    note: str = ""
    slice_axis: SliceAxis = "depth"

    def laid_out(self, values: np.ndarray) -> np.ndarray:
        """Return numbers of a layer's places, shape ``(*places, …)``, as they are drawn: ``(*grid, …)``."""
        if self.kind != "patches":
            return values
        return values[self.special_tokens :].reshape(*self.grid, *values.shape[1:])


def map_places(
    extractor: Extractor, inputs: Any, layer: str, shape: Sequence[int], specs: Sequence[InputSpec] | None = None
) -> tuple[MapPlaces, ...]:
    """Say over which inputs the places of a layer's answer lie, and how.

    Args:
        extractor: Holds the model.
        inputs: One sample, the sample axis first; in the model's own structure, or by input name.
        layer: Key of the layer, or of one call of it.
        shape: What it answers to that sample, ``(*places, unit)``.
        specs: What each input is taken for, by default what the layers say.

    Returns:
        One for each input that goes into that call of the layer and can be drawn under its answer; else a single one
        that stands alone.
    """
    arranged = in_structure(extractor.model, inputs)
    layers = layers_of(extractor, arranged)
    named = structure.named_arrays(extractor.model, arranged)
    known = {spec.name: spec for spec in (input_specs(extractor.model) if specs is None else specs)}
    places = tuple(int(extent) for extent in shape[:-1])
    found = []
    for name in inputs_behind(layers, layer) or tuple(named):
        if name in named:
            array = named[name]
            spec = known.get(name) or InputSpec(name, array.shape[1:], array.dtype.name)
            found += _over(spec, array.shape[1:], places, layers, layer)
    return tuple(found) or (MapPlaces("alone", "", places),)


def inputs_behind(layers: Mapping[str, LayerInfo], key: str) -> tuple[str, ...]:
    """Return the names of the inputs that flow into a layer, or into one call of it; none where that is not known.

    Args:
        layers: All layers by key.
        key: Of the layer.
    """
    names, seen, ahead = [], {key}, [key]
    while ahead:
        current = ahead.pop()
        if is_input(current):
            names.append(input_name(current))
            continue
        before = layers[current].inputs_from if current in layers else ()
        # The first of what goes in is looked at first.
        fresh = [each for each in reversed(before) if each not in seen]
        seen.update(fresh)
        ahead += fresh
    return tuple(dict.fromkeys(names))


def slice_axis(layers: Mapping[str, LayerInfo], entry: str, specs: Sequence[InputSpec] = ()) -> SliceAxis:
    """Return what the first axis of a volume or film is: time where a layer that it goes into takes it for that.

    Layers that change numbers one by one, such as Rescaling, are looked through.

    Args:
        layers: All layers by key.
        entry: Key of the input, or of the layer whose answer it is.
        specs: What each input is taken for.
    """
    if any(input_key(spec.name) == entry and spec.kind == "frames" for spec in specs):
        return "time"
    ahead, seen = [entry], {entry}
    while ahead:
        key = ahead.pop()
        for layer in layers.values():
            if key not in layer.inputs_from or layer.key in seen:
                continue
            if {"RNN", "TimeDistributed"} & set(layer.type_names):
                return "time"
            seen.add(layer.key)
            if layer.kind in _ONE_BY_ONE:
                ahead.append(layer.key)
    return "depth"


def patch_grid(count: int, height: int, width: int) -> tuple[tuple[int, int], int] | None:
    """Return the grid that so many tokens of an image are, and how many stand before it; None where they are none.

    Args:
        count: Of tokens.
        height: Of the image.
        width: Of the image. The grid has the proportions of the image: patches are squares.
    """
    for special in range(min(_MOST_SPECIAL_TOKENS, count - 1) + 1):
        rows = round(((count - special) * height / max(width, 1)) ** 0.5)
        if rows > 1 and (count - special) % rows == 0:
            columns = (count - special) // rows
            if columns > 1 and rows * width == columns * height and height % rows == 0:
                return (rows, columns), special
    return None


def _over(
    spec: InputSpec, shape: Sequence[int], places: tuple[int, ...], layers: Mapping[str, LayerInfo], layer: str
) -> list[MapPlaces]:
    size = _image_size(spec, shape)
    if len(places) == 2 and size:
        return [MapPlaces("image", spec.name, places)]
    if len(places) == 3 and _is_volume(spec, shape):
        return [MapPlaces("volume", spec.name, places, slice_axis=slice_axis(layers, input_key(spec.name), [spec]))]
    if len(places) == 2 and _is_volume(spec, shape):
        note = "The layer answers once for all slices or frames: its map is laid over the last one."
        return [MapPlaces("image", spec.name, places, note=note)]
    if len(places) == 1:
        if size:
            return _patches(spec, size, places[0], layers, layer)
        if spec.kind in _SERIES or len(shape) == 2:
            return [MapPlaces("series", spec.name, places)]
    return []


def _patches(
    spec: InputSpec, size: tuple[int, int], count: int, layers: Mapping[str, LayerInfo], layer: str
) -> list[MapPlaces]:
    """Return the grid of tokens of an image: that of the maps they were made of, or else one of its proportions."""
    maps = _maps_before(layers, layer)
    for rows, columns in maps:
        special = count - rows * columns
        if 0 <= special <= _MOST_SPECIAL_TOKENS:
            return [_grid(spec, (rows, columns), special, f"as in the maps that they were made of, {rows}×{columns}")]
    found = patch_grid(count, *size)
    if found is None:
        return []
    (rows, columns), special = found
    return [_grid(spec, (rows, columns), special, f"in the proportions of the image of {size[0]}×{size[1]}")]


def _grid(spec: InputSpec, grid: tuple[int, int], special: int, why: str) -> MapPlaces:
    count = grid[0] * grid[1]
    first = "" if not special else "The first position is" if special == 1 else f"The first {special} positions are"
    tokens = f"{first} taken for {'a class token' if special == 1 else 'tokens'} of no place. " if special else ""
    note = f"{tokens}The {count:,} patches are taken for a grid of {grid[0]}×{grid[1]}, row by row: {why}."
    return MapPlaces("patches", spec.name, grid, special, note)


def _maps_before(layers: Mapping[str, LayerInfo], key: str) -> list[tuple[int, int]]:
    """Return the extents of maps of images that flow into a layer, the nearest first."""
    found, seen, ahead = [], {key}, [key]
    while ahead:
        current = ahead.pop(0)
        if current not in layers:
            continue
        info = layers[current]
        shape = info.output_shape[1:]
        if info.axes[1:] == ("height", "width", "channel"):
            # An open extent is no evidence.
            rows, columns = int(shape[0] or 0), int(shape[1] or 0)
            found += [(rows, columns)] if min(rows, columns) > 1 else []
        fresh = [each for each in info.inputs_from if each not in seen]
        seen.update(fresh)
        ahead += fresh
    return found


def _image_size(spec: InputSpec, shape: Sequence[int]) -> tuple[int, int] | None:
    if spec.kind != "image" or spec.frame is None or len(shape) != len(spec.shape):
        return None
    height, width, _ = spec.as_images(np.broadcast_to(np.float32(0), (1, *shape))).shape[1:]
    return int(height), int(width)


def _is_volume(spec: InputSpec, shape: Sequence[int]) -> bool:
    return len(shape) == 4 or (spec.kind == "volume" and len(shape) == 3)
