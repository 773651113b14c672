"""How an array that does not fit was most likely meant, as a sentence with the NumPy code that mends it."""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, Final

from core.common.text import format_shape

if TYPE_CHECKING:
    from core.inputs.spec import InputSpec

__all__ = ["fits", "shape_text", "suggest_remedy"]

_MOST_AXES: Final = 6  # there are 40 million orders of eleven axes


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Return a shape in a sentence, see :func:`core.common.text.format_shape`; without axes it is a single value."""
    return format_shape(shape) or "a single value"


def fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Return whether a shape has as many axes as wanted, each of the wanted extent; None is any extent."""
    return len(shape) == len(wanted) and all(
        want is None or extent == want for extent, want in zip(shape, wanted, strict=True)
    )


def suggest_remedy(given: tuple[int, ...], spec: InputSpec) -> str:
    """Return the likeliest way from a shape that does not fit to the one that an input expects.

    Args:
        given: The array's shape, all axes.
        spec: What the input expects.
    """
    wanted = spec.shape
    full: tuple[int | None, ...] = (None, *wanted)
    if fits(given, wanted):
        return "This is one sample without the axis that counts samples: array[np.newaxis]."
    if len(given) == len(full) <= _MOST_AXES:
        orders = permutations(range(len(given)))
        order = next((order for order in orders if fits(tuple(given[axis] for axis in order), full)), None)
        if order:
            return _reorder(order, spec)
    colour = _recolour(given, spec)
    if colour:
        return colour
    if None not in wanted:
        size = math.prod(extent for extent in wanted if extent is not None)
        if math.prod(given[1:]) == size:
            return f"Reshape each sample: array.reshape({', '.join(map(str, (given[0], *wanted)))})."
        if math.prod(given) == size:
            return f"Reshape the single sample: array.reshape({', '.join(map(str, (1, *wanted)))})."
    if len(given) != len(full):
        return f"Give an array of {len(full)} axes, not {len(given)}, the samples along the first."
    return _resize(given, spec)


def _reorder(order: tuple[int, ...], spec: InputSpec) -> str:
    if order[0] != 0:
        return f"The samples seem to lie along axis {order[0]}: np.transpose(array, {order})."
    if spec.kind == "image" and order == (0, 2, 3, 1):
        return "The channels come first, the model wants them last: np.moveaxis(array, 1, -1)."
    if spec.kind == "image" and order == (0, 3, 1, 2):
        return "The channels come last, the model wants them first: np.moveaxis(array, -1, 1)."
    if spec.kind == "image" and order == (0, 2, 1):
        return "Height and width seem to be swapped: np.swapaxes(array, 1, 2)."
    if spec.kind == "sequence" and order == (0, 2, 1):
        return "Time and features seem to be swapped: np.swapaxes(array, 1, 2)."
    return f"The axes seem to be in another order: np.transpose(array, {order})."


def _recolour(given: tuple[int, ...], spec: InputSpec) -> str:
    """Return the mend for pictures of the right size and the wrong number of channels, else an empty string."""
    if spec.kind == "image" and len(spec.shape) == 2 and len(given) == 4 and fits(given[1:3], spec.shape):
        return "The pictures are coloured, the model wants them gray: array.mean(axis=-1)."
    if spec.kind != "image" or len(spec.shape) != 3:
        return ""
    axis = 1 if spec.channels_first else -1
    channels = spec.shape[0] if spec.channels_first else spec.shape[2]
    size = spec.shape[1:] if spec.channels_first else spec.shape[:2]
    if len(given) == 3 and fits(given[1:], size) and channels == 3:
        return f"The pictures are gray, the model wants red, green and blue: np.stack([array] * 3, axis={axis})."
    if len(given) == 3 and fits(given[1:], size) and channels == 1:
        return f"Add the axis of the single channel: np.expand_dims(array, {axis})."
    if len(given) != 4:
        return ""
    found = given[axis]
    if not fits(given[2:] if spec.channels_first else given[1:3], size) or found == channels:
        return ""
    if channels == 3 and found == 1:
        return f"The pictures are gray, the model wants red, green and blue: np.repeat(array, 3, axis={axis})."
    if channels == 3 and found == 4:
        cut = "array[:, :3]" if spec.channels_first else "array[..., :3]"
        return f"The pictures have an alpha channel, the model wants none: {cut}."
    if channels == 1:
        return f"The pictures are coloured, the model wants one channel: array.mean(axis={axis}, keepdims=True)."
    return f"Give pictures of {channels} channels, not {found}."


def _resize(given: tuple[int, ...], spec: InputSpec) -> str:
    wanted = spec.shape
    if spec.kind == "image":
        return "Resize the pictures, or give image files (PNG, JPEG, WebP): those are resized for you."
    if spec.kind == "sequence" and len(wanted) == 2 and wanted[1] not in (None, given[2]):
        return f"Give {wanted[1]} features per time step, not {given[2]}, in the order that the model was trained with."
    if spec.kind in ("sequence", "tokens") and wanted:
        return f"Cut or pad every sample to {wanted[0]} time steps, the way the model was trained."
    if spec.kind == "vector" and len(wanted) == 1:
        extra = " Is an index or the class among them?" if given[1] == (wanted[0] or 0) + 1 else ""
        return f"Give {wanted[0]} features per sample, not {given[1]}.{extra}"
    return f"Bring every sample to {shape_text(wanted)}."
