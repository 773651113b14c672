"""Reads a model file without running any of it.

Loading a model runs what the file says. So a file is read here first, as data: what kind of file it is, and every
class its configuration names. Nothing here imports Keras or TensorFlow, and nothing here trusts a name: the kind is
told by the content, since whoever names a file ``model.h5`` may have put anything into it.
"""

import io
import json
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

from core.errors import ModelRefused

__all__ = ["ModelFile", "inspect_model"]

HDF5_MAGIC: Final = b"\x89HDF\r\n\x1a\n"
MAX_CONFIG_BYTES: Final = 32 << 20
MAX_TOTAL_BYTES: Final = 8 << 30
MAX_MEMBERS: Final = 5_000
MAX_CONFIG_NODES: Final = 1_000_000
MAX_CONFIG_DEPTH: Final = 200

BY_HAND: Final = "Load it in Python yourself and pass the model to core.extract."
CODE_CLASSES: Final = frozenset({"Lambda", "__lambda__"})
FOREIGN_CLASSES: Final = frozenset({"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
# Functions of Keras that are a mathematical activation and nothing else.
# fmt: off
ACTIVATIONS: Final = frozenset({
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
})
# fmt: on


@dataclass(frozen=True)
class ModelFile:
    """What a model file says about itself.

    Args:
        kind: ``"keras"`` (.keras archive), ``"hdf5"`` (.h5) or ``"saved_model"`` (folder or zip of one).
        keras_version: The version that wrote the file, empty where the file does not say.
        class_names: Every class that the configuration names, layers inside layers included, sorted.
            Empty for a SavedModel, which holds a graph instead of a configuration.
        config: The configuration as the file holds it; empty for a SavedModel.
        root: Folder inside the archive or folder that holds ``saved_model.pb``, ``""`` for the top.
    """

    kind: Literal["keras", "hdf5", "saved_model"]
    keras_version: str = ""
    class_names: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    root: str = ""

    @property
    def is_legacy(self) -> bool:
        """Whether Keras 2 or older wrote the file, whose configuration Keras 3 reads only in part."""
        return self.keras_version.split(".")[0] in {"0", "1", "2"} or (self.kind == "hdf5" and not self.keras_version)


def inspect_model(data: bytes | Path, *, allowed: Collection[str] = (), name: str = "") -> ModelFile:
    """Reads what a model file contains and refuses what cannot, or must not, be loaded.

    Args:
        data: The content, or the path of a file or folder.
        allowed: Names of custom classes and functions that the caller has at hand, as they stand in the file
            (``"MyLayer"``, ``"my_package>MyLayer"``).
        name: What to call the file in messages; the path's last part if left empty.

    Raises:
        ModelRefused: The file is of no known kind, damaged, or its configuration would run code.
    """
    name = name or (data.name if isinstance(data, Path) else "The file")
    if isinstance(data, Path) and data.is_dir():
        return _inspect_folder(data, name)
    try:
        with open(data, "rb") if isinstance(data, Path) else io.BytesIO(data) as stream:
            head = stream.read(4096)
            stream.seek(0)
            if head.startswith(HDF5_MAGIC):
                return _inspect_hdf5(stream, name, allowed)
            if head.startswith(b"PK"):
                return _inspect_zip(stream, name, allowed)
    except OSError as error:
        raise ModelRefused(
            f"{name} cannot be read: {error.strerror or 'the system refused'}.", remedy="Check the path."
        ) from error
    what, remedy = _describe(head)
    raise ModelRefused(f"{name} is not a Keras model: {what}.", remedy=remedy)


def _describe(head: bytes) -> tuple[str, str]:
    """Says what a file that is no model looks like, and what to do about it."""
    resave = "Save the model with model.save('model.keras') and open that."
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "it is empty", "Copy or download it again."
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it looks like a web page", "The download probably ended at a login or error page; download it again."
    if text.startswith(b"version https://git-lfs"):
        return "it looks like a Git LFS pointer to the file", "Run git lfs pull and open the real file."
    if text.startswith((b"{", b"[")):
        return "it looks like JSON, an architecture without weights at best", resave
    if head[4:8] == b"TFL3":
        return "it looks like a TensorFlow Lite model", "Open the Keras model that it was converted from."
    if head[8:10] == b'{"':
        return "it looks like safetensors, which hold weights without layers", resave
    if head.startswith(b"GGUF"):
        return "it looks like GGUF, which holds weights without layers", resave
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return (
            "it looks like a Python pickle, as PyTorch and joblib write them",
            "A pickle runs code; convert it to Keras.",
        )
    if head[:1] == b"\x08" and any(word in head[:512].lower() for word in (b"onnx", b"torch", b"ir_version")):
        return "it looks like an ONNX model", "Open the Keras model that it was converted from."
    if head[:1] == b"\x08" and (b"MetaGraph" in head or b"\x12" in head[2:8]):
        return "it looks like a saved_model.pb alone", "Zip the whole SavedModel folder and open the zip."
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")) or head[257:262] == b"ustar":
        return "it looks like an archive of another kind than zip", "Unpack it and open what is inside."
    if head.startswith(b"\x93NUMPY"):
        return "it looks like a NumPy array", "Open it as data, after a model."
    return "its first bytes belong to no format that Layerscope knows", resave


def _inspect_folder(folder: Path, name: str) -> ModelFile:
    """Finds the SavedModel in a folder, at its top or one folder below."""
    roots = [""] if (folder / "saved_model.pb").is_file() else []
    roots = roots or sorted(path.parent.name for path in folder.glob("*/saved_model.pb") if path.is_file())
    if not roots:
        raise ModelRefused(
            f"The folder {name} is not a Keras model: it holds no saved_model.pb.",
            remedy="Choose the folder that model.export() wrote, or a .keras or .h5 file.",
        )
    root = _only_root(roots, name)
    _check_graph((folder / root / "saved_model.pb").read_bytes()[:4096], name)
    legacy = (folder / root / "keras_metadata.pb").is_file()
    return ModelFile(kind="saved_model", keras_version="2" if legacy else "", root=root)


def _only_root(roots: list[str], name: str) -> str:
    if len(roots) > 1:
        raise ModelRefused(
            f"{name} holds several SavedModels: {', '.join(roots[:5])}.", remedy="Open one of these folders."
        )
    return roots[0]


def _check_graph(head: bytes, name: str) -> None:
    # Field 1 (schema version, a number) or 2 (the graph, a message) opens every SavedModel that was ever written.
    if head[:1] not in {b"\x08", b"\x12"}:
        raise ModelRefused(f"saved_model.pb in {name} is empty or damaged.", remedy="Export the model again.")


def _inspect_hdf5(stream: IO[bytes], name: str, allowed: Collection[str]) -> ModelFile:
    """Reads the configuration of an .h5 file; the weights stay where they are."""
    import h5py

    try:
        with h5py.File(stream, "r") as file:
            text, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
            members = set(file)
            is_weights = "layer_names" in file.attrs or bool(
                members & {"layers", "_layer_checkpoint_dependencies", "vars"}
            )
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise ModelRefused(
            f"{name} is an HDF5 file that is cut off or damaged.", remedy="Copy or download it again."
        ) from error
    if text is None:
        what = "holds weights only, no layers" if is_weights else "is an HDF5 file without a Keras model"
        raise ModelRefused(
            f"{name} {what}.",
            remedy="Build the model in Python, call load_weights, and pass it to core.extract or save it whole.",
        )
    if not isinstance(text, str | bytes) or "model_weights" not in members:
        raise ModelRefused(f"{name} lacks its weights or its configuration.", remedy="Save the model again.")
    config = _parse(text.encode() if isinstance(text, str) else text, f"model_config in {name}")
    version = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
    return ModelFile("hdf5", version, _check_config(config, name, allowed), config)


def _inspect_zip(stream: IO[bytes], name: str, allowed: Collection[str]) -> ModelFile:
    """Tells .keras archives, zipped SavedModels and everything else apart."""
    try:
        with zipfile.ZipFile(stream) as archive:
            names = _check_members(archive, name)
            if "config.json" in names:
                return _inspect_keras(archive, names, name, allowed)
            roots = sorted(
                entry.removesuffix("saved_model.pb").rstrip("/")
                for entry in names
                if entry.rpartition("/")[2] == "saved_model.pb"
                and entry.count("/") <= 1
                # macOS puts a shadow of every file into this folder.
                and not entry.startswith("__MACOSX/")
            )
            if not roots:
                raise ModelRefused(f"{name} is {_describe_zip(names)}.", remedy=BY_HAND)
            root = _only_root(roots, name)
            prefix = f"{root}/" if root else ""
            with archive.open(f"{prefix}saved_model.pb") as graph:
                _check_graph(graph.read(4096), name)
            return ModelFile("saved_model", "2" if f"{prefix}keras_metadata.pb" in names else "", root=root)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ModelRefused(
            f"{name} is a zip archive that is cut off or damaged.", remedy="Copy or download it again."
        ) from error


def _describe_zip(names: Collection[str]) -> str:
    parts = {entry.rpartition("/")[2] for entry in names}
    if "data.pkl" in parts or "constants.pkl" in parts:
        return "a PyTorch model, not a Keras model"
    if "model.weights.h5" in parts:
        return "a zip with Keras weights but without config.json at its top"
    if any(part.endswith(".npy") for part in parts):
        return "a zip of NumPy arrays (.npz), not a Keras model"
    return "a zip archive without a Keras model (neither config.json nor saved_model.pb)"


def _check_members(archive: zipfile.ZipFile, name: str) -> frozenset[str]:
    """Refuses archives that lie about themselves; reads every member to its end, so that damage shows here."""
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise ModelRefused(f"{name} holds {len(entries):,} files; at most {MAX_MEMBERS:,} are allowed.", remedy=BY_HAND)
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise ModelRefused(
            f"{name} unpacks to {total:,} bytes; at most {MAX_TOTAL_BYTES:,} are allowed.", remedy=BY_HAND
        )
    seen: set[str] = set()
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        reason = _why_not_member(entry)
        if entry.filename in seen:
            reason = "is there twice"
        if entry.header_offset < end:
            reason = "overlaps another file of the archive"
        if reason:
            raise ModelRefused(f"The entry {entry.orig_filename[:80]!r} in {name} {reason}.", remedy=BY_HAND)
        seen.add(entry.filename)
        end = entry.header_offset + 30 + len(entry.orig_filename) + entry.compress_size
    total = 0
    for entry in entries:
        with archive.open(entry) as member:
            while chunk := member.read(1 << 20):
                total += len(chunk)
                if total > MAX_TOTAL_BYTES:
                    raise ModelRefused(f"{name} unpacks to more than it declares.", remedy=BY_HAND)
    return frozenset(seen)


def _why_not_member(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a symbolic link"
    # zipfile cuts a name at its first NUL and turns the system's separators into slashes: judge it as written.
    path = entry.orig_filename
    if path.startswith("/") or "\\" in path or "\0" in path or ":" in path or ".." in path.split("/"):
        return "has a path that leads out of the archive"
    return ""


def _inspect_keras(archive: zipfile.ZipFile, names: Collection[str], name: str, allowed: Collection[str]) -> ModelFile:
    if not any(entry.startswith("model.weights") for entry in names):
        raise ModelRefused(f"{name} lacks its weights (model.weights.h5).", remedy="Save the model again.")
    config = _parse(_read_member(archive, "config.json", name), f"config.json in {name}")
    metadata: Mapping[str, Any] = {}
    if "metadata.json" in names:
        metadata = _parse(_read_member(archive, "metadata.json", name), f"metadata.json in {name}")
    version = str(metadata.get("keras_version", ""))[:40]
    return ModelFile("keras", version, _check_config(config, name, allowed), config)


def _read_member(archive: zipfile.ZipFile, entry: str, name: str) -> bytes:
    # The declared size is the file's own word, hence the bound on what is read.
    with archive.open(entry) as member:
        content = member.read(MAX_CONFIG_BYTES + 1)
    if len(content) > MAX_CONFIG_BYTES:
        raise ModelRefused(f"{entry} in {name} is larger than {MAX_CONFIG_BYTES:,} bytes.", remedy=BY_HAND)
    return content


def _parse(content: bytes, where: str) -> dict[str, Any]:
    """Parses JSON strictly: what one parser reads in two ways, two parsers read differently."""
    if len(content) > MAX_CONFIG_BYTES:
        raise ModelRefused(f"{where} is larger than {MAX_CONFIG_BYTES:,} bytes.", remedy=BY_HAND)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = dict(pairs)
        if len(keys) != len(pairs):
            raise ModelRefused(f"{where} names a key twice.", remedy="Save the model again.")
        return keys

    try:
        # json.loads would guess UTF-16 from bytes; Keras' other reader would not.
        config = json.loads(content.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"{where} is not readable as JSON.", remedy="Save the model again.") from error
    if not isinstance(config, dict):
        raise ModelRefused(f"{where} is not a JSON object.", remedy="Save the model again.")
    return config


def _check_config(config: Mapping[str, Any], name: str, allowed: Collection[str]) -> tuple[str, ...]:
    """Judges every object that the configuration would create; returns the names of their classes."""
    if not isinstance(config.get("class_name"), str) or not isinstance(config.get("config"), dict | list):
        raise ModelRefused(f"The configuration in {name} describes no model.", remedy="Save the model again.")
    class_names = set()
    for node in _walk(config, name):
        if reason := _why_not(node, allowed):
            raise ModelRefused(f"{_called(node)} in {name} {reason}.", remedy=BY_HAND)
        class_names.add(str(node["class_name"]))
    return tuple(sorted(class_names))


def _walk(config: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yields every dict that names a class, outermost first. Uses no recursion, which a file could exhaust."""
    stack: list[tuple[Any, int]] = [(config, 0)]
    count = 0
    while stack:
        value, depth = stack.pop()
        count += 1
        if count > MAX_CONFIG_NODES or depth > MAX_CONFIG_DEPTH:
            raise ModelRefused(f"The configuration in {name} is too large or too deeply nested.", remedy=BY_HAND)
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            stack.extend((item, depth + 1) for item in reversed(value.values()))
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in reversed(value))


def _why_not(node: Mapping[str, Any], allowed: Collection[str]) -> str:
    """Says why an object of the configuration must not be created; empty if it may be."""
    class_name, module, registered = node["class_name"], node.get("module"), node.get("registered_name")
    # A wrong type is no spelling that Keras writes, and a test by equality would pass it by.
    if any(value is not None and not isinstance(value, str) for value in (class_name, module, registered)):
        return "is not described in a way that Keras writes"
    names = {str(value).rpartition(">")[2] for value in (class_name, registered)}
    if names & CODE_CLASSES:
        return "holds Python code, and opening it would run that code"
    if names & FOREIGN_CLASSES:
        return "brings a program of another framework, and opening it would run that program"
    if class_name == "function":
        function = node.get("config")
        if not isinstance(function, str):
            return "is not described in a way that Keras writes"
        is_ours = module is None or module == "builtins" or module.startswith("keras.")
        return (
            ""
            if function in allowed or (is_ours and function in ACTIVATIONS)
            else "is a function that did not come with Keras"
        )
    if module is None and registered is None:
        # Keras 2 and .h5 files name a class and nothing else; a package stands before ">" for custom ones.
        return "" if ">" not in str(class_name) or class_name in allowed else "is a class that did not come with Keras"
    if module is not None and (module == "keras" or module.startswith("keras.")):
        return ""
    if module is not None and module.startswith("tf_keras.") and class_name in {"Functional", "Sequential"}:
        return ""
    if module == "builtins" and str(class_name).startswith("__"):
        return ""
    return "" if registered in allowed else "is a class that did not come with Keras"


def _called(node: Mapping[str, Any]) -> str:
    """Names an object for a message: its class, and its own name where it has one."""
    config = node.get("config")
    if node["class_name"] == "function":
        return f"The function {str(config)[:80]!r}"
    title = str(node.get("registered_name") or node["class_name"])[:80]
    own = config.get("name") if isinstance(config, dict) else None
    return f"The {title} layer {str(own)[:80]!r}" if own else f"The class {title}"
