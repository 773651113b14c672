"""What a person changes of one sample, as small records: pixels, features, a stretch of a series, words; or a unit.

A record says what is done and not what comes out, so it fits in an address, can be taken back, and is done again to the
sample in another process. Nothing here runs a model.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

__all__ = [
    "ClampEdit",
    "Edit",
    "FeatureEdit",
    "PaintEdit",
    "RectangleEdit",
    "StretchEdit",
    "Variant",
    "WordEdit",
    "clamp_of",
    "edits_from_text",
    "input_edits",
    "text_of_edits",
    "variants_from_text",
    "with_edit",
    "without_edit",
]

_MOST_BYTES: Final = 1 << 18
_Name: TypeAlias = Annotated[str, Field(max_length=1000)]
_Count: TypeAlias = Annotated[int, Field(ge=0, le=1 << 31)]
_Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
_Pixel: TypeAlias = Annotated[tuple[_Number, ...], Field(min_length=1, max_length=64)]


@dataclass(frozen=True)
class PaintEdit:
    """A stroke of a round brush over a picture.

    Attributes:
        input: Name of the input.
        points: Where it goes, as rows and columns of the picture: ``((row, column), …)``, joined by straight lines.
        size: Diameter of the brush in pixels; 1 paints the pixels themselves.
        value: What the pixels become, as the model sees them: one number for all channels, or one for each.
    """

    input: _Name
    points: tuple[tuple[_Count, _Count], ...]
    size: Annotated[int, Field(ge=1, le=4096)]
    value: _Pixel
    kind: Literal["paint"] = "paint"


@dataclass(frozen=True)
class RectangleEdit:
    """A rectangle of a picture, filled.

    Attributes:
        input: Name of the input.
        top: First row.
        left: First column.
        bottom: Row behind the last one.
        right: Column behind the last one.
        value: As for :class:`PaintEdit`.
    """

    input: _Name
    top: _Count
    left: _Count
    bottom: _Count
    right: _Count
    value: _Pixel
    kind: Literal["rectangle"] = "rectangle"


@dataclass(frozen=True)
class FeatureEdit:
    """One number of an input, set.

    Attributes:
        input: Name of the input.
        feature: Its position among the numbers of a sample.
        value: What it becomes.
    """

    input: _Name
    feature: _Count
    value: _Number
    kind: Literal["feature"] = "feature"


@dataclass(frozen=True)
class StretchEdit:
    """Some steps of a series, frames of a film or slices of a volume, one after another, made empty.

    Attributes:
        input: Name of the input.
        first: First of them, on the first axis of a sample.
        end: The one behind the last.
        channel: Which position of the last axis; None takes all.
        to: ``"zero"``, or ``"mean"``: what the channel is on average over all steps of this sample.
    """

    input: _Name
    first: _Count
    end: _Count
    channel: _Count | None = None
    to: Literal["zero", "mean"] = "zero"
    kind: Literal["stretch"] = "stretch"


@dataclass(frozen=True)
class WordEdit:
    """A word of a text, or a token of a row of whole numbers, replaced or removed.

    Attributes:
        input: Name of the input.
        position: Which word of the text as it was, before any of them was edited.
        text: What stands there instead; empty removes it.
    """

    input: _Name
    position: _Count
    text: Annotated[str, Field(max_length=1000)]
    kind: Literal["word"] = "word"


@dataclass(frozen=True)
class ClampEdit:
    """A unit that is set to a value while the model runs.

    Attributes:
        layer: Key of its layer.
        unit: Its number: a position on the layer's last axis.
        value: What it is set to.
    """

    layer: _Name
    unit: _Count
    value: _Number
    kind: Literal["clamp"] = "clamp"


Edit: TypeAlias = PaintEdit | RectangleEdit | FeatureEdit | StretchEdit | WordEdit | ClampEdit
"""One thing that is changed."""


@dataclass(frozen=True)
class Variant:
    """A sample that was edited and is kept beside the original.

    Attributes:
        sample: Number of the original, which may be a variant before this one.
        name: What it is called.
        edits: What was changed of its inputs.
    """

    sample: _Count
    name: Annotated[str, Field(max_length=200)]
    edits: tuple[Annotated[Edit, Field(discriminator="kind")], ...]


_EDITS: Final = TypeAdapter(tuple[Annotated[Edit, Field(discriminator="kind")], ...])
_VARIANTS: Final = TypeAdapter(tuple[Variant, ...])


def with_edit(edits: Sequence[Edit], edit: Edit) -> tuple[Edit, ...]:
    """Return edits with another one; of a feature, a word and a unit the last one alone stays."""
    return (*without_edit(edits, edit), edit)


def without_edit(edits: Sequence[Edit], edit: Edit) -> tuple[Edit, ...]:
    """Return edits without those of the same feature, word or unit as one; strokes and stretches stay."""
    return tuple(each for each in edits if _target(each) is None or _target(each) != _target(edit))


def input_edits(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return those of them that change what goes in."""
    return tuple(each for each in edits if not isinstance(each, ClampEdit))


def clamp_of(edits: Iterable[Edit]) -> dict[str, dict[int, float]]:
    """Return the units that edits set, as :meth:`core.extraction.extractor.Extractor.extract` takes them."""
    clamp: dict[str, dict[int, float]] = {}
    for each in edits:
        if isinstance(each, ClampEdit):
            clamp.setdefault(each.layer, {})[each.unit] = each.value
    return clamp


def text_of_edits(edits: Sequence[Edit] | Sequence[Variant]) -> str:
    """Return edits, or variants, as a short text of letters, digits, ``-`` and ``_`` for an address; empty for none."""
    if not edits:
        return ""
    adapter: TypeAdapter[Any] = _VARIANTS if isinstance(edits[0], Variant) else _EDITS
    packed = zlib.compress(adapter.dump_json(tuple[Any, ...](edits)), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def edits_from_text(text: str) -> tuple[Edit, ...]:
    """Return the edits that :func:`text_of_edits` wrote; none where the text is no such one, as of a cut link."""
    found: tuple[Edit, ...] = _read(text, _EDITS)
    return found


def variants_from_text(text: str) -> tuple[Variant, ...]:
    """Return the variants that :func:`text_of_edits` wrote, likewise."""
    found: tuple[Variant, ...] = _read(text, _VARIANTS)
    return found


def _read(text: str, adapter: TypeAdapter[Any]) -> Any:
    try:
        packed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        # A few bytes could unpack to all the memory there is.
        return adapter.validate_json(zlib.decompressobj().decompress(packed, _MOST_BYTES)) if text else ()
    except (ValueError, binascii.Error, zlib.error, ValidationError, RecursionError):
        return ()


def _target(edit: Edit) -> tuple[Any, ...] | None:
    match edit:
        case FeatureEdit():
            return edit.kind, edit.input, edit.feature
        case WordEdit():
            return edit.kind, edit.input, edit.position
        case ClampEdit():
            return edit.kind, edit.layer, edit.unit
        case _:
            return None
