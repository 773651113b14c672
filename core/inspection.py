"""Reads a model file without running any of it.

Loading a model runs what the file says. So a file is read here first, as data: what kind of file it is, every class its
configuration names, how large the model would be, and what its archive and its weights really hold. Nothing here
imports Keras or TensorFlow, and nothing here trusts a name: the kind is told by the content, since whoever names a file
``model.h5`` may have put anything into it.
"""

import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final, Literal

from core.archives import check_archive, describe_archive, read_entry
from core.configurations import BY_HAND, check_configuration, check_counts, parse_configuration
from core.errors import LayerscopeError, ModelRefused
from core.hdf5_files import StoredWeights, check_hdf5
from core.limits import PREFIX, Limits, get_limits, raised_by
from core.model_sizes import Sizes, check_sizes
from core.naming import shown
from core.saved_models import MAX_GRAPH_BYTES, SavedModelReport, check_saved_model

__all__ = ["ModelFile", "inspect_model"]

HDF5_MAGIC: Final = b"\x89HDF\r\n\x1a\n"
_WEIGHTS: Final = "model.weights.h5"
_OF_KERAS: Final = ("config.json", "metadata.json", _WEIGHTS, "model.weights.json")


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
        layer_count: Layers in the configuration, nested ones too.
        sizes: Parameters and activations by arithmetic on the configuration; None for a SavedModel.
        stored: What the file stores as weights; None for a SavedModel.
        members: Bytes of each file in the archive or folder, by its path.
        graph: What the graph of a SavedModel holds; None for the others.
        name: What it is called in messages.
    """

    kind: Literal["keras", "hdf5", "saved_model"]
    keras_version: str = ""
    class_names: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    root: str = ""
    layer_count: int = 0
    sizes: Sizes | None = None
    stored: StoredWeights | None = None
    members: Mapping[str, int] = field(default_factory=dict)
    graph: SavedModelReport | None = None
    name: str = ""

    @property
    def is_legacy(self) -> bool:
        """Whether Keras 2 or older wrote the file, whose configuration Keras 3 reads only in part."""
        return self.keras_version.split(".")[0] in {"0", "1", "2"} or (self.kind == "hdf5" and not self.keras_version)


def inspect_model(
    data: bytes | Path, *, allowed: Collection[str] = (), name: str = "", limits: Limits | None = None
) -> ModelFile:
    """Reads what a model file contains and refuses what cannot, or must not, be loaded.

    Args:
        data: The content, or the path of a file or folder.
        allowed: Names of custom classes and functions that the caller has at hand, as they stand in the file
            (``"MyLayer"``, ``"my_package>MyLayer"``).
        name: What to call the file in messages; the path's last part if left empty.
        limits: How large it may be; what the environment says by default.

    Raises:
        ModelRefused: The file is of no known kind, damaged, too large, or opening it could do more than compute.
    """
    name = shown(name or (data.name if isinstance(data, Path) else "The file"))
    limits = limits or get_limits()
    try:
        if isinstance(data, Path) and data.is_dir():
            return _inspect_folder(data, name, limits)
        with open(data, "rb") if isinstance(data, Path) else io.BytesIO(data) as stream:
            head = stream.read(4096)
            stream.seek(0)
            if head.startswith(HDF5_MAGIC):
                return _inspect_hdf5(stream, name, allowed, limits)
            if head.startswith(b"PK"):
                return _inspect_zip(stream, name, allowed, limits)
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


def _inspect_folder(folder: Path, name: str, limits: Limits) -> ModelFile:
    """Finds the SavedModel in a folder, at its top or one folder below."""
    roots = [""] if (folder / "saved_model.pb").is_file() else []
    roots = roots or sorted(path.parent.name for path in folder.glob("*/saved_model.pb") if path.is_file())
    if not roots:
        raise ModelRefused(
            f"The folder {name} is not a Keras model: it holds no saved_model.pb.",
            remedy="Choose the folder that model.export() wrote, or a .keras or .h5 file.",
        )
    root = _only_root(roots, name)
    members = _files_in(folder / root, name, limits)
    with (folder / root / "saved_model.pb").open("rb") as stream:
        # One byte too many is enough to be refused.
        graph = stream.read(MAX_GRAPH_BYTES + 1)
    return _saved_model(graph, members, root, name, limits)


def _files_in(folder: Path, name: str, limits: Limits) -> dict[str, int]:
    members: dict[str, int] = {}
    for parent, folders, files in os.walk(folder):
        for each in (*folders, *files):
            path = Path(parent) / each
            relative = path.relative_to(folder).as_posix()
            info = path.lstat()
            if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
                raise ModelRefused(f"{relative[:80]!r} in {name} is a link or no file.", remedy=BY_HAND)
            if stat.S_ISREG(info.st_mode):
                members[relative] = info.st_size
    if sum(members.values()) > limits.unpacked_bytes:
        raise ModelRefused(f"{name} takes {sum(members.values()):,} bytes.", remedy=raised_by("unpacked_bytes"))
    return members


def _only_root(roots: list[str], name: str) -> str:
    if len(roots) > 1:
        raise ModelRefused(
            f"{name} holds several SavedModels: {', '.join(roots[:5])}.", remedy="Open one of these folders."
        )
    return roots[0]


def _saved_model(graph: bytes, members: Mapping[str, int], root: str, name: str, limits: Limits) -> ModelFile:
    if not limits.saved_models:
        raise ModelRefused(
            f"{name} is a SavedModel, and this server opens none: their graphs are programs.",
            remedy=f"Save the model with model.save('model.keras'), or set {PREFIX}SAVED_MODELS=1 on the server.",
        )
    # Field 1 (schema version, a number) or 2 (the graph, a message) opens every SavedModel that was ever written.
    if graph[:1] not in {b"\x08", b"\x12"}:
        raise ModelRefused(f"saved_model.pb in {name} is empty or damaged.", remedy="Export the model again.")
    report = check_saved_model(graph, members, name, limits)
    legacy = "2" if "keras_metadata.pb" in members else ""
    return ModelFile("saved_model", legacy, root=root, members=members, graph=report, name=name)


@contextmanager
def _damage_told(message: str) -> Iterator[None]:
    """Turns whatever a reader raises about a damaged file into one sentence."""
    try:
        yield
    except LayerscopeError:
        raise
    except Exception as error:  # what zipfile, zlib and h5py raise about damaged files is not documented
        raise ModelRefused(message, remedy="Copy or download it again.") from error


def _inspect_hdf5(stream: IO[bytes], name: str, allowed: Collection[str], limits: Limits) -> ModelFile:
    """Reads the configuration of an .h5 file, and looks at its weights where they are."""
    import h5py

    with _damage_told(f"{name} is an HDF5 file that is cut off or damaged."), h5py.File(stream, "r") as file:
        stored = check_hdf5(file, name, limits)
        text, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
        members = set(file)
        is_weights = "layer_names" in file.attrs or bool(members & {"layers", "_layer_checkpoint_dependencies", "vars"})
        if text is None:
            what = "holds weights only, no layers" if is_weights else "is an HDF5 file without a Keras model"
            raise ModelRefused(
                f"{name} {what}.",
                remedy="Build the model in Python, call load_weights, and pass it to core.extract or save it whole.",
            )
        if not isinstance(text, str | bytes) or "model_weights" not in members:
            raise ModelRefused(f"{name} lacks its weights or its configuration.", remedy="Save the model again.")
        config = parse_configuration(text.encode() if isinstance(text, str) else text, f"model_config in {name}")
        version = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
        file = ModelFile("hdf5", version[:40], config=config, stored=stored, name=name)
        return _judged(file, allowed, limits)


def _judged(file: ModelFile, allowed: Collection[str], limits: Limits) -> ModelFile:
    """Judges a model by its configuration and its weights."""
    stored = file.stored.parameters if file.stored else 0
    return replace(
        file,
        class_names=check_configuration(file.config, file.name, allowed, legacy=file.is_legacy),
        layer_count=check_counts(file.config, file.name, limits, legacy=file.is_legacy),
        sizes=check_sizes(file.config, stored, file.name, limits),
    )


def _inspect_zip(stream: IO[bytes], name: str, allowed: Collection[str], limits: Limits) -> ModelFile:
    """Tells .keras archives, zipped SavedModels and everything else apart."""
    damaged = f"{name} is a zip archive that is cut off or damaged."
    with _damage_told(damaged), zipfile.ZipFile(stream) as archive:
        members = check_archive(stream, archive, name, limits)
        if "config.json" in members:
            return _inspect_keras(archive, members, name, allowed, limits)
        roots = sorted(
            path.removesuffix("saved_model.pb").rstrip("/")
            for path in members
            if path.rpartition("/")[2] == "saved_model.pb"
            and path.count("/") <= 1
            # macOS puts a shadow of every file into this folder.
            and not path.startswith("__MACOSX/")
        )
        if not roots:
            raise ModelRefused(f"{name} is {describe_archive(members)}.", remedy=BY_HAND)
        root = _only_root(roots, name)
        prefix = f"{root}/" if root else ""
        inside = {path.removeprefix(prefix): size for path, size in members.items() if path.startswith(prefix)}
        if not prefix:
            inside = {path: size for path, size in inside.items() if not path.startswith("__MACOSX/")}
        graph = read_entry(archive, f"{prefix}saved_model.pb", name, MAX_GRAPH_BYTES)
        return _saved_model(graph, inside, root, name, limits)


def _inspect_keras(
    archive: zipfile.ZipFile, members: Mapping[str, int], name: str, allowed: Collection[str], limits: Limits
) -> ModelFile:
    if "model.weights.npz" in members:
        raise ModelRefused(
            f"{name} holds its weights as NumPy arrays (model.weights.npz), which can hold pickles.",
            remedy="Save the model again, which writes model.weights.h5.",
        )
    if not any(path.startswith("model.weights") for path in members):
        raise ModelRefused(f"{name} lacks its weights ({_WEIGHTS}).", remedy="Save the model again.")
    for path in members:
        if path not in _OF_KERAS and not path.startswith("assets/") and not _is_shard(path):
            raise ModelRefused(f"The entry {path[:80]!r} in {name} is none that Keras writes.", remedy=BY_HAND)
    config = parse_configuration(read_entry(archive, "config.json", name), f"config.json in {name}")
    metadata: Mapping[str, Any] = {}
    if "metadata.json" in members:
        metadata = parse_configuration(read_entry(archive, "metadata.json", name), f"metadata.json in {name}")
    version = str(metadata.get("keras_version", ""))[:40]
    stored = _stored(archive, members, name, limits)
    return _judged(
        ModelFile("keras", version, config=config, stored=stored, members=members, name=name), allowed, limits
    )


def _is_shard(path: str) -> bool:
    return path.startswith("model_") and path.endswith(".weights.h5") and "/" not in path


def _stored(archive: zipfile.ZipFile, members: Mapping[str, int], name: str, limits: Limits) -> StoredWeights:
    """Looks at every file of weights in a .keras archive."""
    import h5py

    parameters = byte_count = datasets = 0
    for path in (path for path in members if path.endswith(".h5") and not path.startswith("assets/")):
        # A packed stream cannot be read from any place, and seeking back in it would unpack it again and again.
        with archive.open(path) as packed, tempfile.SpooledTemporaryFile(max_size=64 << 20) as unpacked:
            shutil.copyfileobj(packed, unpacked)
            damaged = f"{path} in {name} is an HDF5 file that is cut off or damaged."
            with _damage_told(damaged), h5py.File(unpacked, "r") as file:
                found = check_hdf5(file, f"{path} in {name}", limits)
        parameters += found.parameters
        byte_count += found.byte_count
        datasets += found.datasets
    return StoredWeights(parameters, byte_count, datasets)
