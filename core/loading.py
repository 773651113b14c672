"""Opens model files: .keras, .h5 of Keras 2 and 3, SavedModel folders and zips.

Every file is read by ``core.inspection`` before Keras sees it, and what is then loaded is written here from the parts
that were checked, so that the one who checks and the one who loads cannot see two different files. Keras is imported
inside the functions: it takes seconds, and whoever only reads a file does not need it.
"""

import hashlib
import io
import json
import math
import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final

from core import legacy
from core.archives import rewrite_keras_archive, unpack
from core.configurations import BY_HAND, check_counts
from core.errors import ModelRefused
from core.inspection import ModelFile, inspect_model
from core.limits import Limits, format_limit, get_limits, raised_by
from core.model_sizes import Sizes, check_limits
from core.naming import shown

if TYPE_CHECKING:
    import keras

__all__ = ["content_key", "copy_model", "load_model"]

CHUNK: Final = 1 << 20

Source = str | os.PathLike[str] | bytes | BinaryIO


def load_model(source: Source, *, name: str = "", custom_objects: Mapping[str, type] | None = None) -> "keras.Model":
    """Opens a model file.

    Args:
        source: Path of a .keras or .h5 file, of a SavedModel folder or of a zip of one; or the content of such a file,
            as bytes or as an open binary file.
        name: What to call it in messages; the last part of its path if left empty.
        custom_objects: Classes and functions that the file names and that did not come with Keras, by name.

    Returns:
        The model, not compiled. A SavedModel comes back as a model with one layer around its serving signature.

    Raises:
        ModelRefused: The file is of no known kind, damaged, or would have to run code to be opened.
    """
    import keras

    objects = dict(custom_objects or {})
    allowed = {*objects, *keras.saving.get_custom_objects()}
    # One scope for all: an inner scope of Keras hides the outer one.
    scope = {**objects, legacy.HARD_SIGMOID: legacy.hard_sigmoid}
    with tempfile.TemporaryDirectory(prefix="layerscope-", ignore_cleanup_errors=True) as folder:
        path, called = _staged(source, Path(folder), get_limits())
        name = shown(name or called)
        file = inspect_model(path, allowed=allowed, name=name)
        build = {"keras": _load_keras, "hdf5": _load_hdf5, "saved_model": _load_saved_model}[file.kind]
        with _in_our_words(name), keras.saving.custom_object_scope(scope), warnings.catch_warnings():
            # Keras advises the author of a model, who is not the one opening it.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"keras\.")
            model: keras.Model = build(path, file, Path(folder), allowed)
            return model


def content_key(source: Source) -> str:
    """SHA-256 of what a source holds: the same for a path, its bytes, and an open file of it.

    Args:
        source: As for ``load_model``. For a folder, the files in it with their relative paths, in sorted order.

    Returns:
        64 hexadecimal digits.

    Raises:
        ModelRefused: The source cannot be read.
    """
    digest = hashlib.sha256()
    with _readable(source):
        _digest(source, digest.update)
    return digest.hexdigest()


def _digest(source: Source, update: Callable[[bytes], Any]) -> None:
    if isinstance(source, str | os.PathLike) and Path(source).is_dir():
        folder = Path(source)
        for path in sorted(entry for entry in folder.rglob("*") if entry.is_file()):
            # Lengths keep one file's end from being read as the next one's beginning.
            update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as stream:
                _copy(stream, update)
    else:
        with _opened(source) as stream:
            _copy(stream, update)


@contextmanager
def _readable(source: Source) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = Path(source).name if isinstance(source, str | os.PathLike) else "The file"
        raise ModelRefused(
            f"{name} cannot be read: {error.strerror or 'the system refused'}.", remedy="Check the path."
        ) from error


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    """The content of a file as a stream; a stream that was given is left where it was."""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as stream:
            yield stream
    elif isinstance(source, bytes | bytearray | memoryview):
        yield io.BytesIO(source)
    else:
        position = source.tell()
        source.seek(0)
        try:
            yield source
        finally:
            source.seek(position)


def _copy(stream: IO[bytes], write: Callable[[bytes], Any]) -> None:
    while chunk := stream.read(CHUNK):
        write(chunk)


def copy_model(source: Path, target: Path, name: str, limits: Limits) -> None:
    """Copy a model's file, or the folder of a SavedModel, so that nobody changes it between two looks at it.

    Args:
        source: The file or folder.
        target: Where the copy goes; there is nothing yet.
        name: What to call it in messages.
        limits: How large it may be.

    Raises:
        ModelRefused: If it is too large, or cannot be read.
    """
    with _readable(source):
        files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
        size = sum(path.stat().st_size for path in files)
        if size > limits.unpacked_bytes:
            raise ModelRefused(
                f"{name} takes {size:,} bytes; at most {format_limit(limits.unpacked_bytes)} are allowed.",
                remedy=f"{BY_HAND} {raised_by('unpacked_bytes')}",
            )
        if source.is_dir():
            # Links are kept as links, and inspection refuses them.
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copyfile(source, target)


def _staged(source: Source, folder: Path, limits: Limits) -> tuple[Path, str]:
    """Copies a source into our own folder; says where, and what to call it in messages."""
    copy = folder / "model"
    if isinstance(source, str | os.PathLike):
        name = Path(source).name
        copy_model(Path(source), copy, name, limits)
        return copy, name
    name = getattr(source, "name", "The file")
    with _readable(source), _opened(source) as stream, copy.open("wb") as target:
        shutil.copyfileobj(stream, target)
    return copy, Path(name).name if isinstance(name, str) else "The file"


@contextmanager
def _in_our_words(name: str) -> Iterator[None]:
    """Turns errors of Keras, which print whole configurations, into one sentence; the original stays as the cause."""
    try:
        yield
    except ModelRefused:
        raise
    except MemoryError as error:
        raise ModelRefused(f"{name} needs more memory than there is.", remedy="Close other programs.") from error
    except Exception as error:
        message = str(error)
        if "Unknown layer" in message or "Could not locate" in message or "cannot be imported" in message:
            what = "names a class that Keras does not know"
            remedy = "Pass the class in custom_objects, or register it with keras.saving.register_keras_serializable."
        elif any(word in message for word in ("mismatch", "expected", "expects", "A total of")):
            what, remedy = "holds weights that do not fit its layers", "Save the model again."
        elif "deserializ" in message or isinstance(error, TypeError | ValueError | KeyError | AttributeError):
            what, remedy = "holds layers that this version of Keras cannot rebuild", BY_HAND
        else:
            what, remedy = f"could not be opened ({type(error).__name__})", BY_HAND
        raise ModelRefused(f"{name} {what}.", remedy=remedy) from error


def _load_keras(path: Path, file: ModelFile, folder: Path, allowed: Collection[str]) -> Any:
    # Keras tells the format by the name.
    target = folder / "model.keras"
    config = _translated(file, allowed) if file.is_legacy else file.config
    rewrite_keras_archive(path, target, config, file.keras_version)
    path.unlink()
    return _load_with_keras(target, file, config)


def _load_hdf5(path: Path, file: ModelFile, folder: Path, allowed: Collection[str]) -> Any:
    import h5py

    target = folder / "model.h5"
    config = _translated(file, allowed) if file.is_legacy else _with_modules(file.config, _operations())
    with h5py.File(path, "r") as old, h5py.File(target, "w") as new:
        # Without the optimizer, which is most of a trained file.
        old.copy("model_weights", new)
        new.attrs["model_config"] = json.dumps(config)
        new.attrs["keras_version"] = file.keras_version
    return _load_with_keras(target, file, config)


def _load_with_keras(path: Path, file: ModelFile, config: Mapping[str, Any]) -> Any:
    import keras

    # An .h5 file names classes without their modules, for which Keras has another reader that cannot be asked alone.
    if file.sizes is not None and not file.sizes.complete and "module" in config:
        check_limits(_size_when_built(config), file.name, get_limits())
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def _size_when_built(config: Mapping[str, Any]) -> Sizes:
    """Builds a model without reserving anything, to learn the sizes that arithmetic could not tell."""
    import keras

    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(dict(config), safe_mode=True)
        if not getattr(model, "inputs", None):
            return Sizes(0, 0, False, "")
        parameters = sum(math.prod(weight.shape) for weight in model.weights)
        layers = getattr(model, "operations", None) or model.layers
        outputs = [tensor for layer in layers for tensor in keras.tree.flatten(layer.output)]
    answered = sum(4 * math.prod(extent or 1 for extent in tensor.shape[1:]) for tensor in outputs)
    return Sizes(parameters, answered, True, "")


def _translated(file: ModelFile, allowed: Collection[str]) -> dict[str, Any]:
    import keras

    known = {name for name, value in vars(keras.layers).items() if isinstance(value, type)}
    translated = legacy.translate_config(file.config, known | legacy.MODELS, custom=allowed)
    check_counts(translated, file.name, get_limits())
    return translated


def _operations() -> dict[str, str]:
    """The classes behind ``x + y``, ``x[:, 0]`` and the like, each with its module."""
    import sys

    import keras

    return {
        name: module
        for module, content in list(sys.modules.items())
        if module.startswith("keras.src.ops.") and not module.endswith("_test")
        for name, value in vars(content).items()
        if isinstance(value, type) and issubclass(value, keras.Operation) and value.__module__ == module
    }


def _with_modules(value: Any, operations: Mapping[str, str]) -> Any:
    """Says of each operation in a Keras 3 .h5 configuration which module it is from.

    The file keeps the class name alone, and Keras takes the ``Add`` of ``x + y`` for the layer of that name, which
    takes its inputs differently. Only layers say whether they are trainable.
    """
    if isinstance(value, list):
        return [_with_modules(item, operations) for item in value]
    if not isinstance(value, dict):
        return value
    name, config = str(value.get("class_name")), value.get("config")
    if "inbound_nodes" in value and name in operations and isinstance(config, dict) and "trainable" not in config:
        return {**value, "module": operations[name], "registered_name": name}
    return {key: _with_modules(item, operations) for key, item in value.items()}


def _load_saved_model(path: Path, file: ModelFile, folder: Path, allowed: Collection[str]) -> Any:
    import keras

    if path.is_file():
        unpacked = folder / "saved_model"
        with zipfile.ZipFile(path) as archive:
            unpack(archive, unpacked)
        path = unpacked
    # TensorFlow reads variables and assets while loading, so the folder may go afterwards.
    layer = _saved_model_layer()(path / file.root, _endpoint(file.graph.signatures if file.graph else ()))
    inputs = {
        name: keras.Input(batch_shape=spec.shape.as_list(), dtype=spec.dtype.name, name=name)
        for name, spec in sorted(layer.signature.items())
    }
    outputs = layer(inputs)
    return keras.Model(
        next(iter(inputs.values())) if len(inputs) == 1 else inputs,
        next(iter(outputs.values())) if len(outputs) == 1 else outputs,
        name="saved_model",
    )


@cache
def _saved_model_layer() -> Any:
    """The class of the layer around a SavedModel; made when first needed, since its base is Keras'."""
    import keras

    class SavedModelLayer(keras.layers.TFSMLayer):
        """Calls the serving signature of a SavedModel: named tensors in, named tensors out."""

        def __init__(self, path: Path, endpoint: str) -> None:
            super().__init__(str(path), call_endpoint=endpoint, name="saved_model", trainable=False)
            # An attribute of the same name would have been preferred, and takes its arguments differently.
            self.call_endpoint_fn = self._reloaded_obj.signatures[endpoint]
            self.signature = self.call_endpoint_fn.structured_input_signature[1]

        def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
            return dict(self.call_endpoint_fn(**inputs))

    return SavedModelLayer


def _endpoint(signatures: Sequence[str]) -> str:
    for name in ("serving_default", "serve"):
        if name in signatures:
            return name
    if len(signatures) == 1:
        return signatures[0]
    found = ", ".join(signatures) or "none"
    raise ModelRefused(
        f"The SavedModel has no serving signature (it has: {found}).",
        remedy="Export it with model.export(), which adds one.",
    )
