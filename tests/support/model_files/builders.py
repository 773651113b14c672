"""What the builders share: a case of the corpus, what it leaves on the disk, and how a model is fit."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras

__all__ = [
    "CLASSES",
    "Case",
    "Failure",
    "ModelFiles",
    "Recipe",
    "arrays_of",
    "case_of",
    "quiet",
    "random",
    "refusal_of",
    "saved",
    "settled",
    "trained",
    "with_content",
]

CLASSES = 3
"""How many classes the classifiers of the corpus tell apart."""

Recipe = Callable[[], tuple[Any, Any, Any, str]]
"""Returns a model, its inputs, its targets (None where it is not to be fit) and its loss."""

# What the libraries tell the person who trains or saves, each by its own words.
_ADVICE = (
    (UserWarning, "You are saving your model as an HDF5 file"),
    (UserWarning, r"Layer .* does not have a `quantize` method"),
    (UserWarning, "The object being serialized includes a `lambda`"),
    (UserWarning, r"Layer .* was passed an input with a mask attached to it"),
    # Keras 3 reads its own variables in NumPy 1's way when it writes .h5.
    (DeprecationWarning, "__array__ implementation doesn't accept a copy keyword"),
)


@dataclass(frozen=True)
class ModelFiles:
    """What a person has in front of them, and what Keras answers with it.

    Attributes:
        paths: What they give: a file, a folder, or several files together.
        inputs: What goes in, as the model itself takes it: an array, a list, or a dict of arrays.
        output: What the model answered before it was saved, in its own structure, as NumPy arrays.
        layer_names: Names of its layers at the top, without inputs; empty where a file does not keep them.
        member: Which of several models is meant; empty where there is one.
        tolerance: How far an answer may be from Keras' own.
    """

    paths: tuple[Path, ...]
    inputs: Any = None
    output: Any = None
    layer_names: tuple[str, ...] = ()
    member: str = ""
    tolerance: float = 1e-4

    def at(self, *paths: Path, member: str = "") -> "ModelFiles":
        """Return the same model in other files."""
        return replace(self, paths=paths, member=member)


@dataclass(frozen=True)
class Case:
    """A file of the corpus that opens.

    Attributes:
        name: What it is, unique.
        build: Makes it in a folder.
        choices: The models that are listed where the files hold several and none is meant.
    """

    name: str
    build: Callable[[Path], ModelFiles]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A file of the corpus that is no model that could open.

    Attributes:
        name: What it is, unique.
        build: Makes it in a folder; returns what a person gives.
        says: Regular expression that the message has to contain: what the file is.
        remedy: Regular expression that the remedy has to contain: what to do instead.
    """

    name: str
    build: Callable[[Path], ModelFiles]
    says: str
    remedy: str


def case_of(build: Callable[[Path], ModelFiles], *, choices: tuple[str, ...] = ()) -> Case:
    """Return a case that is called as its builder is."""
    return Case(build.__name__.replace("_", " "), build, choices)


def refusal_of(build: Callable[[Path], Path], says: str, remedy: str) -> Failure:
    """Return a failure that is called as its builder is."""
    return Failure(build.__name__.replace("_", " "), lambda folder: ModelFiles((build(folder),)), says, remedy)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leave out what Keras and TensorFlow advise whoever trains or saves a model."""
    with warnings.catch_warnings():
        for category, message in _ADVICE:
            warnings.filterwarnings("ignore", message, category)
        yield


def random(*shape: int, seed: int = 0) -> np.ndarray:
    """Return float32 numbers from 0 to 1, the same ones for the same shape and seed."""
    return np.random.default_rng(seed).random(shape, "float32")


def trained(
    model: Any,
    inputs: Any,
    targets: Any,
    loss: Any = "mse",
    optimizer: Any = "adam",
    **settings: Any,
) -> Any:
    """Compile a model and fit it for one epoch, in batches of 8; return it."""
    model.compile(optimizer, loss, **settings)
    model.fit(inputs, targets, batch_size=8, epochs=1, verbose=0)
    return model


def saved(model: Any, inputs: Any, path: Path, *, tolerance: float = 1e-4, **settings: Any) -> ModelFiles:
    """Save a model at a path, and say what it answers."""
    answers = settled(model, inputs, path, tolerance=tolerance)
    model.save(path, **settings)
    return answers


def settled(model: Any, inputs: Any, *paths: Path, tolerance: float = 1e-4) -> ModelFiles:
    """Say what a model answers to inputs, of files that hold it."""
    kinds = (keras.layers.InputLayer, tf_keras.layers.InputLayer)
    names = tuple(layer.name for layer in model.layers if not isinstance(layer, kinds))
    return ModelFiles(paths, inputs, arrays_of(model(_tensors(inputs), training=False)), names, tolerance=tolerance)


def with_content(name: str, content: bytes, folder: Path) -> Path:
    """Write a file; return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def arrays_of(value: Any) -> Any:
    """Return tensors as NumPy arrays, in the structure that they come in; text as ``str``."""
    return keras.tree.map_structure(_array, value)


def _array(tensor: Any) -> np.ndarray:
    array = np.asarray(tensor.numpy() if tf.is_tensor(tensor) else tensor)
    return array.astype(str) if array.dtype == object else array


def _tensors(value: Any) -> Any:
    return keras.tree.map_structure(tf.convert_to_tensor, value)
