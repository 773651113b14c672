"""Ways in which people open files, and what they get."""

import io
import re
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

import core
from core.workspace.workspace import Workspace
from tests.support.model_files.builders import ModelFiles

__all__ = ["alike", "drop", "give_inputs", "load", "recorded_names", "same_output"]


def load(files: ModelFiles) -> Any:
    """Open the files in Python."""
    paths = [path for path in files.paths if path.name not in ("labels.txt", "class_names.json")]
    if len(paths) == 1:
        return core.load_model(paths[0], member=files.member) if files.member else core.load_model(paths[0])
    architecture = next(path for path in paths if path.suffix == ".json")
    weights = next(path for path in paths if path.suffix in (".h5", ".hdf5"))
    return core.load_model(architecture, weights=weights)


def drop(files: ModelFiles, workspace: Workspace, *, member: str = "") -> Any:
    """Open the files in a workspace: by the path of a folder, else dropped, which takes the content only."""
    if any(path.is_dir() for path in files.paths):
        return workspace.open_model(files.paths[0], files.paths[0].name, member=member)
    return workspace.open_files([(path.name, path.read_bytes()) for path in files.paths], member=member)


def give_inputs(workspace: Workspace, inputs: Any) -> None:
    """Give a model that is open its samples, as files of arrays or as text."""
    names = [each.name for each in workspace.model.inputs]
    if isinstance(inputs, dict):
        arrays = inputs
    else:
        arrays = dict(zip(names, inputs if isinstance(inputs, list) else [inputs], strict=True))
    if len(arrays) == 1 and arrays[names[0]].dtype.kind == "U":
        workspace.take_text("\n".join(arrays[names[0]].ravel()))
    else:
        contents = {name: [_file(name, array)] for name, array in arrays.items()}
        workspace.take_files(contents, scaling="0–255", fit="stretch", invert=False)


def same_output(answer: Any, files: ModelFiles) -> None:
    """Assert that a model answers what Keras said, output by output."""
    answers, expected = keras.tree.flatten(answer), keras.tree.flatten(files.output)
    assert len(answers) == len(expected)
    for one, other in zip(answers, expected, strict=True):
        assert alike(np.asarray(one), other, files.tolerance), f"{np.asarray(one)[:2]} instead of {other[:2]}"


def alike(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    """Return whether two outputs have one shape and the same values."""
    if one.shape != other.shape:
        return False
    if other.dtype.kind == "U":
        return bool((one.astype(str) == other).all())
    return np.allclose(one.astype("float64"), other.astype("float64"), atol=tolerance, rtol=1e-3)


def recorded_names(keys: Iterable[str]) -> set[str]:
    """Return the names of layers that keys are of: without call, output and part."""
    return {re.split(r"[#~\[]", key)[0] for key in keys}


def _file(name: str, array: np.ndarray) -> tuple[str, bytes]:
    if array.dtype.kind == "U":
        return f"{name}.txt", "\n".join(array.ravel()).encode()
    stream = io.BytesIO()
    np.save(stream, array)
    return f"{name}.npy", stream.getvalue()
