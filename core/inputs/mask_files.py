"""Pictures that lie beside masks of the same names: which is which, and what a model that answers masks is to answer.

Nothing says of a file that it is a mask but where it lies and what it is called. Where that is plain, it is no photo.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from core.common.text import count_text, list_names, plain_name, safe_name
from core.errors import InputRejected
from core.inputs.model_output import BETWEEN_0_AND_1, ModelOutput
from core.inputs.picture_files import PictureFiles, some_of

__all__ = ["MaskedPictures", "as_targets", "masks_in_array", "taken_by", "with_masks"]

_PICTURES: Final = frozenset({"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "jpegimages"})
_MASKS: Final = frozenset(
    {"mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "segmentations"}
    | {"seg", "segs", "segmentationclass", "gt", "groundtruth"}
)
_SUFFIX: Final = re.compile(r"[-_. ](?:masks?|segs?|segmentations?|labels?|gt|annotations?)$", re.IGNORECASE)
_LIGHTEST: Final = 255
_NEARLY: Final = 32
_SHARE: Final = 0.95


@dataclass(frozen=True)
class MaskedPictures:
    """Pictures, and the mask of each.

    Attributes:
        pictures: The pictures.
        masks: The mask of each of them, in the same order.
        remark: Where they were found, in a sentence.
    """

    pictures: PictureFiles
    masks: PictureFiles
    remark: str


def with_masks(files: PictureFiles, holder: str) -> MaskedPictures | None:
    """Return pictures with the mask of each, where some of the files are plainly masks of the others; else None.

    They lie in folders such as ``images`` and ``masks`` under the same names, or beside one another as ``a.png`` and
    ``a_mask.png``.

    Args:
        files: Image files; none is read.
        holder: What they lie in, for messages.

    Raises:
        InputRejected: If some pictures have a mask and others have none.
    """
    folders = [_role_of_folder(name) for name in files.names]
    pictures = {at: key for at, (role, key) in enumerate(folders) if role == "picture"}
    masks = {at: key for at, (role, key) in enumerate(folders) if role == "mask"}
    if pictures and masks:
        where = f"in the folder '{safe_name(_folder_of(files.names[next(iter(masks))]))}'"
        others = {at: _bare(name) for at, name in enumerate(files.names) if at not in pictures and at not in masks}
        return _paired(files, holder, pictures | others, masks, where)
    bare = {at: _bare(name) for at, name in enumerate(files.names)}
    known = set(bare.values())
    masks = {at: stem for at, key in bare.items() if (stem := _SUFFIX.sub("", key)) != key and stem in known}
    if not masks:
        return None
    where = f"beside it, such as '{safe_name(PurePosixPath(files.names[next(iter(masks))]).name)}'"
    return _paired(files, holder, {at: key for at, key in bare.items() if at not in masks}, masks, where)


def _paired(
    files: PictureFiles, holder: str, pictures: Mapping[int, str], masks: Mapping[int, str], where: str
) -> MaskedPictures:
    of_picture = _by_key(pictures, masks)
    if any(len(of_picture[at]) != 1 for at in pictures):
        holder = safe_name(holder)
        several = [files.names[at] for at in pictures if len(of_picture[at]) > 1]
        without = [files.names[at] for at in pictures if not of_picture[at]]
        told = (
            f"{len(several):,} of {count_text(len(pictures), 'image')} have several masks"
            if several
            else f"{len(without):,} of {count_text(len(pictures), 'image')} have no mask of their name"
        )
        raise InputRejected(
            f"{holder} holds images and masks, and {told}: {list_names(several or without, 3)}.",
            remedy="Name one mask like each image; or take the masks out, and the images alone are read.",
        )
    chosen = [of_picture[at][0] for at in pictures]
    left = len(masks) - len(set(chosen))
    remark = f"Each image has a mask {where}."
    remark += f" {count_text(left, 'mask')} of no image left out." if left else ""
    return MaskedPictures(some_of(files, list(pictures)), some_of(files, chosen), remark)


def _by_key(pictures: Mapping[int, str], masks: Mapping[int, str]) -> dict[int, list[int]]:
    """Return the masks of each picture: those of the same path, else those of the same name where names are unique."""
    found = _equal(pictures, masks)
    names = {at: PurePosixPath(key).name for at, key in pictures.items()}
    if all(found.values()) or max(Counter(names.values()).values()) > 1:
        return found
    by_name = _equal(names, {at: PurePosixPath(key).name for at, key in masks.items()})
    return {at: found[at] or by_name[at] for at in pictures}


def _equal(pictures: Mapping[int, str], masks: Mapping[int, str]) -> dict[int, list[int]]:
    by_key: dict[str, list[int]] = {}
    for at, key in masks.items():
        by_key.setdefault(key, []).append(at)
    return {at: by_key.get(key, []) for at, key in pictures.items()}


def _role_of_folder(path: str) -> tuple[str, str]:
    """Return what a file is by the innermost folder that says it, and its path without that folder and its ending."""
    parts = list(PurePosixPath(path).parts)
    for at in reversed(range(len(parts) - 1)):
        plain = plain_name(parts[at])
        if plain in _PICTURES | _MASKS:
            rest = _bare(str(PurePosixPath(*parts[:at], *parts[at + 1 :])))
            return ("mask", _SUFFIX.sub("", rest)) if plain in _MASKS else ("picture", rest)
    return "", _bare(path)


def _folder_of(path: str) -> str:
    return next(part for part in reversed(PurePosixPath(path).parts[:-1]) if plain_name(part) in _MASKS)


def _bare(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def as_targets(masks: np.ndarray, output: ModelOutput) -> tuple[np.ndarray | None, str]:
    """Return masks as the numbers that an output is to answer, and what was done to them, or why they are not used.

    Args:
        masks: ``(sample, height, width)`` or ``(sample, height, width, 1)``, whole numbers as they are in the files.
        output: One that :func:`taken_by` returned.

    Returns:
        Numbers of classes at each place, 0 and 1 for an output of one number there; None where it is not plain which.
    """
    shape = output.shape or ()
    classes = shape[2] if len(shape) == 3 else 1
    assert isinstance(classes, int)
    most = 2 if classes == 1 else classes
    values = np.unique(masks)
    if classes > 1 and output.function in BETWEEN_0_AND_1:
        return None, f"The masks are left out: the model answers {classes:,} numbers at each place, of no one class."
    if values[-1] < most and values[0] >= 0:
        return masks, ""
    if most == 2 and len(values) <= 2 and values[0] in (0, values[-1]):
        return (masks > 0).astype(np.uint8), f"Their values 0 and {values[-1]:,} became 0 and 1."
    nearly = (masks < _NEARLY) | (masks > _LIGHTEST - _NEARLY)
    if most == 2 and values[-1] <= _LIGHTEST and nearly.mean() >= _SHARE:
        return (masks >= (_LIGHTEST + 1) // 2).astype(np.uint8), "Their values from 128 on became 1, others 0."
    told = f"The masks are left out: their values run to {values[-1]:,}"
    return (
        None,
        f"{told}, and the classes of the model from 0 to {most - 1:,}. Write the number of the class in each place.",
    )


def masks_in_array(labels: np.ndarray, output: ModelOutput) -> tuple[np.ndarray, str]:
    """Return labels from an array, and what was done to them: masks of 0 and 255 become 0 and 1 for a single sigmoid.

    Args:
        labels: Shape ``(sample, …)``.
        output: The output that they are for.
    """
    shape = output.shape or ()
    is_sigmoid = len(shape) == 3 and shape[2] == 1 and output.function in BETWEEN_0_AND_1
    if not is_sigmoid or labels.dtype.kind not in "iu" or not labels.size or labels.shape[3:] not in ((), (1,)):
        return labels, ""
    if labels.ndim < 3 or not _is_of_size(
        labels.shape[1:3], (shape[0] or labels.shape[1], shape[1] or labels.shape[2])
    ):
        return labels, ""
    targets, remark = as_targets(labels, output)
    return (labels, "") if targets is None else (targets, remark)


def taken_by(outputs: Sequence[ModelOutput], size: tuple[int, int]) -> ModelOutput | None:
    """Return the first output that may be a mask of a picture; None where the model answers none.

    Args:
        outputs: What the model answers.
        size: Height and width of the picture as it goes in. A mask is as large, or smaller by one whole number.
    """
    return next((output for output in outputs if _is_of_size(output.shape or (), size)), None)


def _is_of_size(shape: tuple[int | None, ...], size: tuple[int, int]) -> bool:
    if len(shape) == 3 and shape[2]:
        own = [extent or whole for extent, whole in zip(shape[:2], size, strict=True)]
        times = {divmod(whole, extent) for extent, whole in zip(own, size, strict=True)}
        return len(times) == 1 and next(iter(times))[1] == 0
    return shape == size
