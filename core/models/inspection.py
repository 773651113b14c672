"""Reads a model file without running any of it.

Loading a model runs what the file says. So a file is read here first, as data: what kind of file it is, every class its
configuration names, how large the model would be, and what its archive and its weights really hold. Nothing here
imports Keras or TensorFlow, and nothing here trusts a name: the kind is told by the content, since whoever names a file
``model.h5`` may have put anything into it.
"""

import codecs
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from core.common import file_signatures
from core.common.limits import PREFIX, Limits, get_limits, raised_by
from core.common.text import safe_name
from core.errors import LayerscopeError, ModelRefused
from core.models.archives import PROGRAMS, check_archive, check_assets
from core.models.configuration import (
    BY_HAND,
    check_configuration,
    check_counts,
    parse_configuration,
    training_of,
    without_training,
)
from core.models.file_trees import DOCUMENTS, FileTree, archive_tree, file_entry_tree, folder_tree, is_document
from core.models.foreign_files import WEIGHTS_ALONE, describe_file
from core.models.hdf5 import StoredWeights, check_hdf5, holds_weights, open_hdf5
from core.models.saved_model.check import MAX_GRAPH_BYTES, SavedModelReport, check_frozen_graph, check_saved_model
from core.models.search import (
    ModelPlace,
    choose_model,
    find_models,
    label_files,
)
from core.models.sizes import Sizes, check_sizes
from core.models.tflite.check import check_lite_file, lite_weights
from core.models.tflite.graph import LiteFile
from core.models.tflite.reading import read_lite_file

__all__ = [
    "LocatedModel",
    "ModelFile",
    "inspect_located",
    "inspect_model",
    "located_files",
    "located_model",
    "unpacked_model",
]

_WEIGHTS: Final = "model.weights.h5"
_OF_KERAS: Final = ("config.json", "metadata.json", _WEIGHTS, "model.weights.json")
_MOST_ARCHIVES: Final = 3


@dataclass(frozen=True)
class ModelFile:
    """What a model file says about itself.

    Args:
        kind: ``"keras"`` (.keras archive, or the same as a folder), ``"hdf5"`` (.h5), ``"architecture"`` (JSON, with
            weights apart), ``"saved_model"`` (folder or zip of one), ``"tflite"``, ``"frozen_graph"`` (.pb), or
            ``"other"``, which a plugin opened and of which nothing else is known.
        keras_version: The version that wrote the file, empty where the file does not say.
        class_names: Every class that the configuration names, layers inside layers included, sorted; of TensorFlow
            Lite every operator. Empty for a SavedModel, which holds a graph instead of a configuration.
        config: The configuration as the file holds it, without what only training needs; empty for a SavedModel.
        training: What the file says of how the model was trained, such as ``{"optimizer": "Adam", "loss": "mse"}``.
        label_lists: Content of files beside the model that may name its classes, by their path.
        root: Folder inside the archive or folder that holds ``saved_model.pb``, ``""`` for the top.
        layer_count: Layers in the configuration, nested ones too.
        sizes: Parameters and activations by arithmetic on the configuration; None for a SavedModel.
        stored: What the file stores as weights; None for a SavedModel.
        members: Bytes of each file in the archive or folder, by its path.
        graph: What the graph of a SavedModel holds; None for the others.
        lite: What a TensorFlow Lite file holds; None for the others.
        name: What it is called in messages.
    """

    kind: Literal["keras", "hdf5", "architecture", "saved_model", "tflite", "frozen_graph", "other"]
    keras_version: str = ""
    class_names: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)
    label_lists: Mapping[str, bytes] = field(default_factory=dict)
    root: str = ""
    layer_count: int = 0
    sizes: Sizes | None = None
    stored: StoredWeights | None = None
    members: Mapping[str, int] = field(default_factory=dict)
    graph: SavedModelReport | None = None
    lite: LiteFile | None = None
    name: str = ""

    @property
    def is_legacy(self) -> bool:
        """Whether Keras 2 or older wrote the file, whose configuration Keras 3 reads only in part."""
        return self.keras_version.split(".")[0] in {"0", "1", "2"} or (self.kind == "hdf5" and not self.keras_version)


@dataclass(frozen=True)
class LocatedModel:
    """Where a model is, among the files that a person gave.

    Attributes:
        place: What it is.
        tree: The files that hold it: of a folder, of an archive, or the file alone.
        name: What to call it in messages.
        labels: Content of files that may name its classes, by their path.
        signature: Name of the signature of a SavedModel or a TensorFlow Lite file that is meant; empty where none was
            named.
    """

    place: ModelPlace
    tree: FileTree
    name: str
    labels: Mapping[str, bytes] = field(default_factory=dict)
    signature: str = ""


@contextmanager
def located_model(data: bytes | Path, *, name: str = "", limits: Limits, member: str = "") -> Iterator[LocatedModel]:
    """Find the model in a file, an archive or a folder, at whatever depth; archives are open within the block.

    Args:
        data: The content, or the path of a file or folder.
        name: What to call it in messages; the path's last part if left empty.
        limits: How large it may be.
        member: Path of the model that is meant where there are several.

    Raises:
        SeveralModels: If there are several and none was named.
        ModelRefused: If there is none, or an archive is damaged or not what it says.
    """
    name = safe_name(name or (data.name if isinstance(data, Path) else "The file"))
    with _on_disk(data, name) as (path, folder, stack):
        yield _locate(path, name, limits, member, stack, folder, 1)


@contextmanager
def located_files(data: bytes | Path, *, name: str, limits: Limits) -> Iterator[FileTree]:
    """Return all files of an archive or a folder, or a file alone, whatever they are; open within the block.

    Args:
        data: The content, or the path of a file or folder.
        name: What to call it in messages.
        limits: How large it may be.

    Raises:
        ModelRefused: If it cannot be read, or an archive is damaged or not what it says.
    """
    with _on_disk(data, name) as (path, _, stack):
        yield _files_at(path, name, limits, stack).without_clutter()


@contextmanager
def _on_disk(data: bytes | Path, name: str) -> Iterator[tuple[Path, Path, ExitStack]]:
    with tempfile.TemporaryDirectory(prefix="layerscope-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        path = data if isinstance(data, Path) else Path(folder) / "file"
        if isinstance(data, bytes):
            path.write_bytes(data)
        try:
            yield path, Path(folder), stack
        except OSError as error:
            raise ModelRefused(
                f"{name} cannot be read: {error.strerror or 'the system refused'}.", remedy="Check the path."
            ) from error


def inspect_model(
    data: bytes | Path,
    *,
    allowed: Collection[str] = (),
    name: str = "",
    limits: Limits | None = None,
    member: str = "",
) -> ModelFile:
    """Reads what a model file contains and refuses what cannot, or must not, be loaded.

    Args:
        data: The content, or the path of a file or folder.
        allowed: Names of custom classes and functions that the caller has at hand, as they stand in the file
            (``"MyLayer"``, ``"my_package>MyLayer"``).
        name: What to call the file in messages; the path's last part if left empty.
        limits: How large it may be; what the environment says by default.
        member: Path of the model that is meant, in an archive or folder that holds several.

    Raises:
        SeveralModels: There are several models and none was named.
        ModelRefused: The file is of no known kind, damaged, too large, or opening it could do more than compute.
    """
    limits = limits or get_limits()
    with located_model(data, name=name, limits=limits, member=member) as location:
        return inspect_located(location, allowed, limits)


def unpacked_model(location: LocatedModel, folder: Path) -> LocatedModel:
    """Return a model that is in an archive as files in a folder of our own; one that is on disk stays where it is.

    What is checked is then what is read, and a large archive is unpacked once.

    Args:
        location: The model.
        folder: Where its files go; there is nothing yet.
    """
    tree, place = location.tree, location.place
    if tree.folder is not None:
        return location
    if place.kind in ("keras_folder", "saved_model"):
        tree.below(place.path).copy_all(folder / place.path)
    else:
        for path in filter(None, (place.path, place.weights)):
            tree.copy(path, folder / path)
    return replace(location, tree=folder_tree(folder, location.name))


def inspect_located(location: LocatedModel, allowed: Collection[str], limits: Limits) -> ModelFile:
    """Read what a model that was found contains, see :func:`inspect_model`."""
    place, tree, name = location.place, location.tree, location.name
    try:
        if place.kind == "saved_model":
            file = _inspect_saved_model(tree.below(place.path), place.path, name, limits)
        elif place.kind == "keras_folder":
            file = _inspect_keras(tree.below(place.path), name, allowed, limits)
        elif place.kind == "architecture":
            file = _inspect_apart(location, allowed, limits)
        elif place.kind == "tflite":
            file = _inspect_lite(tree, place.path, name, limits)
        elif place.kind == "frozen_graph":
            file = _inspect_frozen_graph(tree, place.path, name, limits)
        else:
            file = _inspect_hdf5(tree, place.path, name, allowed, limits)
    except OSError as error:
        raise ModelRefused(
            f"{name} cannot be read: {error.strerror or 'the system refused'}.", remedy="Check the path."
        ) from error
    return replace(file, label_lists=location.labels)


def _locate(
    path: Path, name: str, limits: Limits, member: str, stack: ExitStack, folder: Path, depth: int
) -> LocatedModel:
    """Follows archives into archives; what lies in one is unpacked into a folder of ours before it is opened."""
    tree = _files_at(path, name, limits, stack)
    if tree.folder is not None and not path.is_dir():
        head = tree.head(path.name)
        if head.startswith(file_signatures.HDF5):
            return LocatedModel(ModelPlace("hdf5", path.name), tree, name)
        if file_signatures.is_lite(head):
            return LocatedModel(ModelPlace("tflite", path.name), tree, name, signature=member)
        # What is copied for us has another name than the person knows it by.
        if file_signatures.is_frozen_graph(head, name):
            return LocatedModel(ModelPlace("frozen_graph", path.name), tree, name)
        what, remedy, code = describe_file(head, name)
        raise ModelRefused(f"{name} is not a Keras model: {what}.", remedy=remedy, code=code)
    tree = tree.without_clutter()
    place = choose_model(find_models(tree), member, tree, name)
    labels = {label_path: tree.read(label_path, name) for label_path in label_files(tree, place)}
    if place.kind in ("keras", "archive"):
        if depth >= _MOST_ARCHIVES:
            raise ModelRefused(
                f"{name} holds archives within archives.", remedy="Unpack it once and open what is inside."
            )
        inner = folder / f"inner-{depth}"
        tree.copy(place.path, inner)
        inner_location = _locate(inner, _name_within(name, place.path), limits, "", stack, folder, depth + 1)
        return replace(inner_location, labels={**labels, **inner_location.labels})
    signature = member if place.kind in ("saved_model", "tflite") and member != place.path else ""
    name = _name_within(name, place.path) if place.kind in ("hdf5", "tflite", "frozen_graph") else name
    return LocatedModel(place, tree, name, labels, signature)


def _name_within(name: str, path: str) -> str:
    own = path.rpartition("/")[2]
    return name if own in name else safe_name(f"{own} in {name}")


def _files_at(path: Path, name: str, limits: Limits, stack: ExitStack) -> FileTree:
    if path.is_dir():
        return folder_tree(path, name)
    with path.open("rb") as stream:
        is_archive = stream.read(len(file_signatures.ZIP)) == file_signatures.ZIP
    return _opened_archive(path, name, limits, stack) if is_archive else file_entry_tree(path)


def _opened_archive(path: Path, name: str, limits: Limits, stack: ExitStack) -> FileTree:
    with _damage_told(f"{name} is a zip archive that is cut off or damaged."):
        stream = stack.enter_context(path.open("rb"))
        archive = stack.enter_context(zipfile.ZipFile(stream))
        return archive_tree(archive, check_archive(stream, archive, name, limits))


@contextmanager
def _damage_told(message: str) -> Iterator[None]:
    """Turns whatever a reader raises about a damaged file into one sentence."""
    try:
        yield
    except LayerscopeError:
        raise
    except Exception as error:  # what zipfile, zlib and h5py raise about damaged files is not documented
        raise ModelRefused(message, remedy="Copy or download it again.") from error


def _check_files(tree: FileTree, name: str, limits: Limits) -> None:
    """Refuses what must not stand among the files of a model, be it unpacked or not."""
    for path in sorted(tree.links):
        raise ModelRefused(
            f"{path[:80]!r} in {name} is a link or no file.",
            remedy="Copy the folder with what its links point at (cp -rL), and open the copy.",
        )
    for path in sorted(tree.sizes):
        if path.lower().endswith(PROGRAMS):
            raise ModelRefused(
                f"The entry {path[:80]!r} in {name} is a program, which no model needs.",
                remedy="Take it out, and open the model again.",
            )
    check_assets(tree.sizes, name)
    if sum(tree.sizes.values()) > limits.unpacked_bytes:
        raise ModelRefused(f"{name} takes {sum(tree.sizes.values()):,} bytes.", remedy=raised_by("unpacked_bytes"))


def _inspect_saved_model(tree: FileTree, root: str, name: str, limits: Limits) -> ModelFile:
    _refuse_programs(name, "a SavedModel", limits)
    _check_files(tree, name, limits)
    # One byte too many is enough to be refused.
    graph = tree.head("saved_model.pb", MAX_GRAPH_BYTES + 1)
    # Field 1 (schema version, a number) or 2 (the graph, a message) opens every SavedModel that was ever written.
    if graph[:1] not in {b"\x08", b"\x12"}:
        raise ModelRefused(f"saved_model.pb in {name} is empty or damaged.", remedy="Export the model again.")
    members = {path: size for path, size in tree.sizes.items() if not is_document(path)}
    report = check_saved_model(graph, members, name, limits)
    if report.variables and "variables/variables.index" not in members:
        raise ModelRefused(
            f"{name} is a SavedModel without its variables: the folder “variables” is missing.",
            remedy="Take the whole folder that was exported, saved_model.pb with the folders beside it.",
            code='shutil.make_archive("saved_model", "zip", "the folder that holds saved_model.pb")',
        )
    legacy = "2" if "keras_metadata.pb" in members else ""
    return ModelFile("saved_model", legacy, root=root, members=members, graph=report, name=name)


def _inspect_frozen_graph(tree: FileTree, path: str, name: str, limits: Limits) -> ModelFile:
    _refuse_programs(name, "a graph of TensorFlow", limits)
    content = tree.read(path, name, MAX_GRAPH_BYTES)
    return ModelFile("frozen_graph", graph=check_frozen_graph(content, name, limits), name=name)


def _refuse_programs(name: str, what: str, limits: Limits) -> None:
    if not limits.saved_models:
        raise ModelRefused(
            f"{name} is {what}, and this server opens none: their graphs are programs.",
            remedy=f"Save the model with model.save('model.keras'), or set {PREFIX}SAVED_MODELS=1 on the server.",
        )


def _inspect_lite(tree: FileTree, path: str, name: str, limits: Limits) -> ModelFile:
    # Room for all that may be read is taken before any of it is, so no more is asked for than there is.
    content = tree.read(path, name, min(tree.sizes[path], limits.unpacked_bytes))
    lite = read_lite_file(content, name, limits)
    sizes = check_lite_file(lite, name, limits)
    operators = [operator.name for graph in lite.graphs for operator in graph.operators]
    return ModelFile(
        "tflite",
        class_names=tuple(sorted(set(operators))),
        layer_count=len(operators),
        sizes=sizes,
        stored=lite_weights(lite),
        lite=lite,
        name=name,
    )


def _inspect_hdf5(tree: FileTree, path: str, name: str, allowed: Collection[str], limits: Limits) -> ModelFile:
    """Reads the configuration of an .h5 file, and looks at its weights where they are."""
    with _damage_told(f"{name} is an HDF5 file that is cut off or damaged."), open_hdf5(tree, path) as file:
        stored = check_hdf5(file, name, limits)
        text, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
        if text is None:
            what = "holds weights only, no layers" if holds_weights(file) else "is an HDF5 file without a Keras model"
            remedy, code = WEIGHTS_ALONE
            raise ModelRefused(f"{name} {what}.", remedy=remedy, code=code)
        if not isinstance(text, str | bytes) or "model_weights" not in set(file):
            raise ModelRefused(f"{name} lacks its weights or its configuration.", remedy="Save the model again.")
        config = parse_configuration(_as_bytes(text), f"model_config in {name}")
        training = _training_config(file.attrs.get("training_config"), name)
        version = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
        file = ModelFile("hdf5", version[:40], config=config, training=training, stored=stored, name=name)
        return _judge(file, allowed, limits)


def _training_config(text: Any, name: str) -> Mapping[str, str]:
    if not isinstance(text, str | bytes):
        return {}
    try:
        return training_of(parse_configuration(_as_bytes(text), f"training_config in {name}"))
    except ModelRefused:
        # It is not needed to open the model.
        return {}


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _judge(file: ModelFile, allowed: Collection[str], limits: Limits) -> ModelFile:
    """Judges a model by its configuration and its weights; what only training needs is never made, nor judged."""
    stored = file.stored.parameters if file.stored else 0
    training = file.training or training_of(file.config.get("compile_config"))
    config = without_training(file.config)
    return replace(
        file,
        config=config,
        training=training,
        class_names=check_configuration(config, file.name, allowed, legacy=file.is_legacy),
        layer_count=check_counts(config, file.name, limits, legacy=file.is_legacy),
        sizes=check_sizes(config, stored, file.name, limits),
    )


def _inspect_keras(tree: FileTree, name: str, allowed: Collection[str], limits: Limits) -> ModelFile:
    members = tree.sizes
    _check_files(tree, name, limits)
    if "model.weights.npz" in members:
        raise ModelRefused(
            f"{name} holds its weights as NumPy arrays (model.weights.npz), which can hold pickles.",
            remedy="Save the model again, which writes model.weights.h5.",
        )
    for path in members:
        if (
            path not in _OF_KERAS
            and not path.startswith("assets/")
            and not _is_shard(path)
            and not _stands_beside(path)
        ):
            raise ModelRefused(
                f"The entry {path[:80]!r} in {name} is none that Keras writes.", remedy=f"Take it out. {BY_HAND}"
            )
    members = {path: size for path, size in members.items() if not _stands_beside(path)}
    config = parse_configuration(tree.read("config.json", name), f"config.json in {name}")
    metadata: Mapping[str, Any] = {}
    if "metadata.json" in members:
        metadata = parse_configuration(tree.read("metadata.json", name), f"metadata.json in {name}")
    version = str(metadata.get("keras_version", ""))[:40]
    stored = _stored(tree, members, name, limits)
    return _judge(
        ModelFile("keras", version, config=config, stored=stored, members=members, name=name), allowed, limits
    )


def _stands_beside(path: str) -> bool:
    return path not in _OF_KERAS and "/" not in path and (path.lower().startswith(DOCUMENTS) or path.endswith(".md"))


def _is_shard(path: str) -> bool:
    return path.startswith("model_") and path.endswith(".weights.h5") and "/" not in path


def _stored(tree: FileTree, members: Mapping[str, int], name: str, limits: Limits) -> StoredWeights:
    """Looks at every file of weights in a .keras archive."""
    parameters = byte_count = datasets = 0
    for path in (path for path in members if path.endswith(".h5") and not path.startswith("assets/")):
        weights = _stored_in(tree, path, name, limits)
        parameters += weights.parameters
        byte_count += weights.byte_count
        datasets += weights.datasets
    return StoredWeights(parameters, byte_count, datasets)


def _stored_in(tree: FileTree, path: str, name: str, limits: Limits) -> StoredWeights:
    with _damage_told(f"{path} in {name} is an HDF5 file that is cut off or damaged."), open_hdf5(tree, path) as file:
        return check_hdf5(file, f"{path} in {name}", limits)


def _inspect_apart(location: LocatedModel, allowed: Collection[str], limits: Limits) -> ModelFile:
    """Looks at an architecture as ``model.to_json()`` writes it, with its weights in a file of their own."""
    tree, place, name = location.tree, location.place, location.name
    # A byte order mark, which editors of Windows put in front.
    config = parse_configuration(tree.read(place.path, name).removeprefix(codecs.BOM_UTF8), name)
    # Keras 2 says which version it is; Keras 3 says of each class which module it is from.
    version = str(config.get("keras_version", "" if "module" in config else "2"))[:40]
    stored = _stored_in(tree, place.weights, name, limits)
    return _judge(ModelFile("architecture", version, config=config, stored=stored, name=name), allowed, limits)
