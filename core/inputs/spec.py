"""What one input of a model expects, what it is taken for, and its samples as pictures. No Keras is needed for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from core.common.text import safe_name

__all__ = ["COLOUR_CHANNELS", "InputKind", "InputSpec", "as_colours", "as_pixels", "drawable", "value_count"]

InputKind: TypeAlias = Literal["image", "vector", "sequence", "text", "tokens", "volume", "frames", "array"]
COLOUR_CHANNELS: Final = (1, 3, 4)
_SMALLEST_SIDE: Final = 8
_MOST_UNEQUAL: Final = 1.5
_ALL_LEVELS: Final = (0.0, 255.0)


@dataclass(frozen=True)
class InputSpec:
    """What one input of a model expects.

    Attributes:
        name: Name of the input, unique within the model.
        shape: Extent of each axis without the sample axis; None where any size will do.
        dtype: ``"float32"``, ``"int32"``, ``"string"``, …, as Keras names it.
        vocabulary_size: Largest token id plus one, where an Embedding takes this input; else None.
        taken_for: What the layers behind it, or the person, say that it is; None where its shape decides.
        reshaped: The shape that the model itself brings a sample to before a layer looks at it, such as ``(28, 28, 1)``
            of 784 pixels in a row; empty where it does not.
        data_format: ``"channels_first"`` or ``"channels_last"`` where a layer says so; else empty.
        sampling_rate: How many steps of time are a second, where that is known of the samples; else 0.
        letters: What the places of the last axis stand for where each step is one letter (one-hot), such as ``"ACGT"``;
            empty where they do not, or nobody said so.
        value_range: Between which numbers all samples lie, where that is known: their pictures are drawn on that scale.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    vocabulary_size: int | None = None
    taken_for: InputKind | None = None
    reshaped: tuple[int, ...] = ()
    data_format: str = ""
    sampling_rate: int = 0
    letters: str = ""
    value_range: tuple[float, float] | None = None

    @property
    def kind(self) -> InputKind:
        """What the input is taken for.

        What the person says comes first, then what the layers behind it say (:mod:`core.inputs.takers`), then its type
        and shape: text is text; whole numbers in a row, and what an Embedding takes, are tokens. Two axes are a grey
        image where both are at least 8 long and none is longer than one and a half times the other, else a sequence.
        Three axes are an image where the last one, or else the first, can be colours (1, 3 or 4), or where two channels
        come last; slices of a volume where the last two are equal and image-like; else an array. Four are a volume, or
        frames where a layer takes them one after another.
        """
        return self.taken_for or self.kind_by_shape

    @property
    def kind_by_shape(self) -> InputKind:
        """What the type and the shape alone say."""
        if self.dtype == "string":
            return "text"
        layout = self.layout
        if self.vocabulary_size is not None or (len(layout) <= 1 and self.is_integer):
            return "tokens"
        if len(layout) == 2:
            return "image" if _like_sides(*layout) else "sequence"
        if len(layout) == 3:
            return self._kind_of_three_axes()
        kinds: dict[int, InputKind] = {1: "vector", 4: "volume"}
        return kinds.get(len(layout), "array")

    @property
    def kinds(self) -> tuple[InputKind, ...]:
        """What an input of this type and shape can be taken for; one alone where nothing else is possible."""
        if self.dtype == "string":
            return ("text",)
        if self.vocabulary_size is not None:
            return ("tokens",)
        if value_count(self.shape) == 1 and None not in self.shape:
            return (self.kind_by_shape,)
        as_image: tuple[InputKind, ...] = ("image",) if self.frame else ()
        rank = len(self.layout)
        if rank == 1:
            as_numbers: tuple[InputKind, ...] = ("tokens", "vector") if self.is_integer else ("vector", "sequence")
            return (*as_image, *as_numbers)
        if len(self.shape) == 1:
            return (*as_image, "sequence", "vector")
        if rank == 2:
            return (*as_image, "sequence")
        if rank == 3:
            return (*as_image, "volume", "array")
        return ("volume", "frames", "array") if rank == 4 else (self.kind,)

    @property
    def layout(self) -> tuple[int | None, ...]:
        """Extents of the axes that a sample is looked at along: those that the model brings it to, or its own."""
        return self.reshaped or self.shape

    @property
    def frame(self) -> tuple[int | None, int | None, int | None] | None:
        """Height, width and channels of a sample as a picture; None where it cannot be one."""
        layout = self.layout
        if self.dtype == "string" or self.vocabulary_size is not None:
            return None
        if len(layout) == 3:
            return (layout[1], layout[2], layout[0]) if self.channels_first else (layout[0], layout[1], layout[2])
        if len(layout) == 2:
            return (layout[0], layout[1], 1) if 1 not in layout else None
        if len(layout) == 1 and layout[0]:
            # No number is a square and three times a square, so the size tells gray from coloured.
            for channels in (1, 3):
                side = isqrt(layout[0] // channels)
                if side > 1 and side * side * channels == layout[0]:
                    return side, side, channels
        return None

    @property
    def channels_first(self) -> bool:
        """True for ``(channel, height, width)``: a layer says so, or the first axis can be colours, not the last."""
        layout = self.layout
        if len(layout) != 3:
            return False
        if self.data_format:
            return self.data_format == "channels_first"
        if layout[0] in COLOUR_CHANNELS:
            # (3, None, None): a picture that is three pixels high and of any width is not what anybody means.
            return layout[-1] not in (*COLOUR_CHANNELS, None) or layout[1:] == (None, None)
        return layout[-1] not in (*COLOUR_CHANNELS, None) and self._holds_slices

    @property
    def is_integer(self) -> bool:
        """True where the model takes whole numbers."""
        return self.dtype.startswith(("int", "uint"))

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The NumPy type that the model is given; bfloat16 and float8, which NumPy lacks, are given as float32."""
        if self.dtype.startswith(("bfloat16", "float8")):
            return np.dtype("float32")
        return np.dtype("str" if self.dtype == "string" else self.dtype)

    @property
    def shown_name(self) -> str:
        """The name as it may stand in a message; who made the model may have given it thousands of characters."""
        return safe_name(self.name)

    @property
    def open_axes(self) -> tuple[int, ...]:
        """Positions in :attr:`shape` of the axes that may be of any size; none for text, where each sample is one."""
        if self.dtype == "string":
            return ()
        return tuple(position for position, extent in enumerate(self.shape) if extent is None)

    @property
    def axis_names(self) -> tuple[str, ...]:
        """What each axis of :attr:`shape` is called, in the words of who looks at it as :attr:`kind`."""
        rank = len(self.shape)
        if self.kind == "image" and rank == 3:
            return ("channels", "height", "width") if self.channels_first else ("height", "width", "channels")
        if self.kind == "image" and rank == 2:
            return ("height", "width")
        if self.kind == "volume":
            return ("depth", "height", "width", "channels")[:rank]
        if self.kind == "frames":
            return ("length", "height", "width", "channels")[:rank]
        if rank == 1:
            return ("features",) if self.kind == "vector" else ("length",)
        if rank == 2:
            return ("length", "features")
        return tuple(f"axis {number}" for number in range(1, rank + 1))

    def laid_out(self, samples: np.ndarray) -> np.ndarray:
        """Return samples in the axes of :attr:`layout`: ``(sample, *shape)`` becomes ``(sample, *layout)``."""
        return samples.reshape(len(samples), *self.reshaped) if self.reshaped else samples

    def as_images(self, samples: np.ndarray) -> np.ndarray:
        """Return samples as pictures: ``(sample, *shape)`` becomes ``(sample, height, width, channel)``.

        Raises:
            ValueError: If a sample is no picture, see :attr:`frame`.
        """
        if self.frame is None:
            raise ValueError(f"{self.name!r} of shape {self.shape} is no picture")
        array = self.laid_out(samples)
        if len(self.layout) == 1:
            return array.reshape(len(array), *(extent or 1 for extent in self.frame))
        if len(self.layout) == 2:
            return array[..., np.newaxis]
        return np.moveaxis(array, 1, -1) if self.channels_first else array

    def from_images(self, images: np.ndarray) -> np.ndarray:
        """Return pictures as the model takes them, the inverse of :meth:`as_images`.

        Args:
            images: ``(sample, height, width, channel)``; a single channel stands for all.

        Raises:
            ValueError: If a sample is no picture.
        """
        if self.frame is None:
            raise ValueError(f"{self.name!r} of shape {self.shape} is no picture")
        channels = self.frame[2] or images.shape[-1]
        if self.reshaped or len(self.shape) == 1:
            images = np.broadcast_to(images, (*images.shape[:-1], channels))
        array = np.moveaxis(images, -1, 1) if self.channels_first else images
        if len(self.layout) == 2:
            array = array[..., 0]
        if self.reshaped or len(self.shape) == 1:
            array = array.reshape(len(array), *(extent or -1 for extent in self.shape))
        return np.ascontiguousarray(array)

    @property
    def _holds_slices(self) -> bool:
        layout = self.layout
        return _like_sides(layout[1], layout[2]) and layout[1] == layout[2] != layout[0]

    def _kind_of_three_axes(self) -> InputKind:
        layout = self.layout
        colours = layout[0] if self.channels_first else layout[-1]
        if colours in (*COLOUR_CHANNELS, None) or (layout[-1] == 2 and _like_sides(layout[0], layout[1])):
            return "image"
        return "volume" if self._holds_slices else "array"


def drawable(inputs: Mapping[str, np.ndarray], specs: Iterable[InputSpec]) -> dict[str, np.ndarray]:
    """Return what went into a model as it is drawn: images with their channels last, grey or coloured.

    Args:
        inputs: By input name, the sample axis first.
        specs: What each input is taken for; one without stays as it is.

    Returns:
        In the order of ``inputs``. An image is ``(sample, height, width, 1)`` or ``(sample, height, width, 3)``, uint8:
        an alpha channel is left out, and of other channels than colours the mean is drawn. All samples are on one
        scale, that of the spec's ``value_range``, or else of those that are given.
    """
    known = {spec.name: spec for spec in specs}
    found = {}
    for name, array in inputs.items():
        spec = known.get(name)
        is_image = spec is not None and spec.kind == "image" and spec.frame and array.dtype.kind in "biuf"
        fits = spec is not None and array.ndim == len(spec.shape) + 1
        if spec is not None and is_image and fits:
            array = as_pixels(as_colours(spec.as_images(array)), spec.value_range)
        found[name] = array
    return found


def as_pixels(images: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    """Return pictures of any range as uint8, all on one scale.

    Args:
        images: Of any shape.
        value_range: What becomes 0 and 255; None takes the range of all of them. What lies outside is cut off.
    """
    if images.dtype == np.uint8 and value_range == _ALL_LEVELS:
        return images
    values = images.astype(np.float32)
    if value_range is None:
        finite = values[np.isfinite(values)]
        value_range = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    low, high = value_range
    values = np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    values -= low
    values *= 255 / ((high - low) or 1.0)
    return np.rint(np.clip(values, 0, 255, out=values), out=values).astype(np.uint8)


def as_colours(images: np.ndarray) -> np.ndarray:
    """Return pictures ``(…, channel)`` with 1 or 3 channels: without alpha, and the mean of what are no colours."""
    channels = images.shape[-1]
    if channels in (1, 3):
        return images
    return images[..., :3] if channels == 4 else images.mean(axis=-1, keepdims=True)


def _like_sides(height: int | None, width: int | None) -> bool:
    if height is None or width is None:
        return False
    return min(height, width) >= _SMALLEST_SIDE and max(height, width) <= _MOST_UNEQUAL * min(height, width)


def value_count(shape: Iterable[int | None]) -> int:
    """Return how many values a sample of a shape holds, an open extent counted as one."""
    return math.prod(1 if extent is None else extent for extent in shape)
