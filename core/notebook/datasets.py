"""A dataset as Python opens it: files that plugins read are read too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.inputs import datasets
from core.inputs.datasets import Dataset
from core.inputs.model_output import ModelOutput
from core.inputs.preparation import Preparation
from core.inputs.spec import InputSpec
from core.plugins.registry import get_registry

__all__ = ["open_dataset"]


def open_dataset(
    path: Path,
    specs: Sequence[InputSpec],
    preparation: Preparation | None = None,
    class_names: tuple[str, ...] = (),
    output: ModelOutput | None = None,
) -> Dataset:
    """Return a dataset from a file or folder.

    Args:
        path: ``.npy`` or ``.npz``, which are not read into memory; a folder or zip archive of images or sounds; a CSV
            or text file; or a file that a plugin reads, such as NIfTI.
        specs: What the model expects.
        preparation: How images become numbers; by default pixels / 255.
        class_names: Names of the model's classes, if known.
        output: What the model answers, which labels are set against; None if that is not known.

    Raises:
        InputRejected: If it does not exist, cannot be read, or does not fit.
    """
    return datasets.open_dataset(path, specs, preparation, class_names, output, get_registry().readers)
