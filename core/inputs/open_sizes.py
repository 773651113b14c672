"""Which sizes to try for inputs that may be of any size: usual ones first, then larger and smaller ones.

Nothing is run here. What is known to be impossible by arithmetic (:mod:`core.models.sizes`) is left out, and where
every usual length is too short, the shortest that is long enough is found between two of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from core.inputs.noise import usual_shape
from core.inputs.spec import InputSpec

__all__ = ["MOST_SECONDS", "Shapes", "is_open", "open_extents", "shape_with", "shapes_to_try", "size_text"]

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""The shape of one sample of each input, by the input's name."""

MOST_SECONDS: Final = 5.0
"""For how long a size is looked for."""
_DOUBLED: Final = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
_HALVED: Final = (16, 8, 4, 2, 1)
_LENGTHS: Final = (
    *(length for pair in zip(_DOUBLED, _HALVED, strict=False) for length in pair),
    *_DOUBLED[len(_HALVED) :],
    *(48, 96, 24, 12, 100, 50, 10, 200, 300, 500, 1000),
)
_PIXELS: Final = (96, 128, 32, 224, 256, 160, 192, 320, 384, 299, 512, 640, 768, 1024, 16, 48, 28, 8, 1536, 2048, 4, 1)
_CUBES: Final = (32, 64, 16, 96, 128, 8, 4, 2, 1)
_EVERY_LENGTH: Final = 512
_SIZED: Final = frozenset({"length", "features", "height", "width", "depth"})


def is_open(spec: InputSpec) -> bool:
    """Return whether an input has an axis of any size that a size has to be chosen for."""
    return bool(spec.open_axes)


def open_extents(spec: InputSpec, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the extents of a sample along the axes that may be of any size."""
    return tuple(shape[position] for position in spec.open_axes)


def shape_with(spec: InputSpec, extents: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a sample with these extents along the axes that may be of any size; others stay usual."""
    shape = list(usual_shape(spec))
    for position, extent in zip(spec.open_axes, extents, strict=False):
        shape[position] = max(1, int(extent))
    return tuple(shape)


def size_text(extents: Sequence[int]) -> str:
    """Return a size as people write it: 10,001, or 224×224."""
    return "×".join(f"{extent:,}" for extent in extents)


def shapes_to_try(
    specs: Sequence[InputSpec],
    is_impossible: Callable[[Shapes], bool],
    *,
    fixed: Shapes | None = None,
    hints: Sequence[int] = (),
    seconds: float = MOST_SECONDS,
) -> Iterator[dict[str, tuple[int, ...]]]:
    """Yield shapes that a model may take, the likeliest first, each once.

    Lengths of all inputs are the same, and so are the sides of images: what belongs together mostly has to agree.

    Args:
        specs: What the inputs expect.
        is_impossible: Says by arithmetic that a model cannot take shapes.
        fixed: Shapes that are not to be changed.
        hints: Lengths that stand somewhere in the model, such as the number of positions that it has a vector for.
        seconds: After how long to stop.
    """
    fixed = fixed or {}
    until = time.monotonic() + seconds
    tried: set[tuple[tuple[int, ...], ...]] = set()
    for sizes in _sizes(specs, is_impossible, fixed, hints):
        if time.monotonic() > until:
            return
        shapes = _shapes(specs, fixed, sizes)
        if tuple(shapes.values()) not in tried:
            tried.add(tuple(shapes.values()))
            if not is_impossible(shapes):
                yield shapes


def _sizes(
    specs: Sequence[InputSpec], is_impossible: Callable[[Shapes], bool], fixed: Shapes, hints: Sequence[int]
) -> Iterator[dict[str, int]]:
    """Yield sizes by the kind of axis, ``"length"``, ``"pixels"`` or ``"cube"``; one that is left out is as usual."""
    yield {}
    kinds = dict.fromkeys(_scale_of(spec) for spec in specs if is_open(spec) and spec.name not in fixed)
    if "length" in kinds:
        others = [extent for spec in specs for extent in (fixed.get(spec.name) or spec.shape)[:1] if extent]
        yield from ({"length": hint} for hint in dict.fromkeys((*others, *sorted(hints, reverse=True))))
        yield from _shortest(specs, is_impossible, fixed)
    listed = {"length": _LENGTHS, "pixels": _PIXELS, "cube": _CUBES}
    for kind in kinds:
        yield from ({kind: size} for size in listed[kind])
    if len(kinds) > 1:
        for at in range(max(map(len, listed.values()))):
            yield {kind: listed[kind][min(at, len(listed[kind]) - 1)] for kind in kinds}
    if "length" in kinds:
        yield from ({"length": size} for size in range(1, _EVERY_LENGTH + 1))


def _shortest(
    specs: Sequence[InputSpec], is_impossible: Callable[[Shapes], bool], fixed: Shapes
) -> Iterator[dict[str, int]]:
    """Yield the shortest length that is not impossible, where the usual one is."""
    if not is_impossible(_shapes(specs, fixed, {})):
        return
    too_short = 32
    for length in _DOUBLED:
        if not is_impossible(_shapes(specs, fixed, {"length": length})):
            enough = length
            while enough - too_short > 1:
                middle = (enough + too_short) // 2
                if is_impossible(_shapes(specs, fixed, {"length": middle})):
                    too_short = middle
                else:
                    enough = middle
            yield {"length": enough}
            return
        too_short = length


def _shapes(specs: Sequence[InputSpec], fixed: Shapes, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    return {spec.name: tuple(fixed.get(spec.name) or _at_size(spec, sizes.get(_scale_of(spec)))) for spec in specs}


def _at_size(spec: InputSpec, size: int | None) -> tuple[int, ...]:
    usual = usual_shape(spec)
    if size is None:
        return usual
    # How many features or channels there are is no matter of size.
    sized = {
        position
        for position in spec.open_axes
        if spec.axis_names[position] in _SIZED and (position == 0 or spec.axis_names[position] != "features")
    }
    return tuple(size if position in sized else extent for position, extent in enumerate(usual))


def _scale_of(spec: InputSpec) -> str:
    if spec.kind == "image" and len(spec.shape) > 1:
        return "pixels"
    return "cube" if spec.kind in ("volume", "frames") else "length"
