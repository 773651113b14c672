"""Finds the models among files: at the top or at any depth, whole or as architecture and weights apart.

A file is judged by its content. Only where no content can tell, as between an HDF5 file of weights and one of a model
that is too large to be looked into twice, its name does.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from core.common import file_signatures
from core.common.file_signatures import beginning_of_text
from core.common.text import list_names, safe_name
from core.errors import ModelRefused, SeveralModels
from core.models.configuration import MAXIMUM_BYTES
from core.models.file_names import names_classes
from core.models.file_trees import FileTree
from core.models.foreign_files import describe_files
from core.models.hdf5 import holds_weights, open_hdf5

__all__ = [
    "ModelPlace",
    "choose_model",
    "find_models",
    "is_architecture",
    "label_files",
    "model_files",
]

PlaceKind = Literal["keras", "keras_folder", "hdf5", "saved_model", "tflite", "frozen_graph", "architecture", "archive"]

_MODEL_WEIGHTS: Final = ("model.weights.h5", "model.weights.npz", "model.weights.json")
_HDF5_ENDINGS: Final = (".h5", ".hdf5", ".hdf", ".he5", ".h5py", ".keras")
_LITE_ENDINGS: Final = (".tflite", ".lite")
_MAXIMUM_LABEL_BYTES: Final = 4 << 20
_LISTED: Final = 50


@dataclass(frozen=True)
class ModelPlace:
    """Where a model is among files.

    Attributes:
        kind: ``"keras"`` for a ``.keras`` file, ``"keras_folder"`` for the same unpacked, ``"hdf5"``,
            ``"saved_model"`` for its folder, ``"tflite"`` for TensorFlow Lite,
            ``"frozen_graph"`` for a graph of TensorFlow 1, ``"architecture"`` for JSON with weights
            beside it, ``"archive"`` for a zip that has to be looked into.
        path: Of the file or folder; empty for the top.
        weights: Path of the weights of an architecture; empty otherwise.
    """

    kind: PlaceKind
    path: str
    weights: str = ""

    @property
    def member(self) -> str:
        """How a person chooses it among several."""
        return f"{self.path} + {self.weights}" if self.weights else self.path


def find_models(tree: FileTree, *, looks_inside: bool = True) -> list[ModelPlace]:
    """Return every model among files, in the order of their paths.

    Args:
        tree: The files, without clutter.
        looks_inside: Whether HDF5 files are opened to tell models from weights; else their names tell.
    """
    folders = _model_folders(tree)
    inside = tuple(f"{place.path}/" if place.path else "" for place in folders)
    paths = [path for path in sorted(tree.sizes) if not path.startswith(inside)] if inside else sorted(tree.sizes)
    files, weights = _models_and_weights(tree, paths, looks_inside)
    architectures = [path for path in paths if _is_architecture_file(tree, path)]
    lite = [ModelPlace("tflite", path) for path in paths if _is_lite(tree, path)]
    frozen = [ModelPlace("frozen_graph", path) for path in paths if _is_frozen_graph(tree, path)]
    places = [*folders, *files, *lite, *frozen, *_pairs(architectures, weights)]
    if not places:
        places = [ModelPlace("archive", path) for path in paths if path.lower().endswith(".zip")]
    return sorted(places, key=lambda place: (place.path, place.weights))


def choose_model(places: Sequence[ModelPlace], member: str, tree: FileTree, name: str) -> ModelPlace:
    """Return the one model that there is, or the one that is meant.

    Args:
        places: What :func:`find_models` returned.
        member: Path of the one that is meant; empty where nothing was said.
        tree: The files.
        name: What to call them in messages.

    Raises:
        SeveralModels: If there is more than one and none was named.
        ModelRefused: If there is none, or not the one that was named.
    """
    if member:
        chosen = next((place for place in places if member in (place.member, place.path)), None)
        if chosen is None and len(places) == 1 and places[0].kind in ("saved_model", "tflite"):
            # What is meant may be a signature of it.
            return places[0]
        if chosen is None:
            models = list_names(place.member or "one at its top" for place in places)
            raise ModelRefused(
                f"{name} holds no model {safe_name(member)!r}.", remedy=f"It holds: {models or 'no model at all'}."
            )
        return chosen
    if len(places) == 1:
        return places[0]
    if places:
        choices = [place.member for place in places[:_LISTED]]
        kind = "SavedModels" if {place.kind for place in places} == {"saved_model"} else "models"
        raise SeveralModels(
            f"{name} holds several {kind}: {', '.join(safe_name(choice or 'at its top') for choice in choices[:5])}"
            f"{', …' if len(places) > 5 else ''}.",
            choices=choices,
            remedy="Choose one of them.",
            code="" if " + " in name else f"layerscope.load_model({name!r}, member={choices[0]!r})",
        )
    if tree.links and not tree.sizes:
        raise ModelRefused(
            f"{name} holds nothing but links, which are not followed: {list_names(sorted(tree.links), 3)}.",
            remedy="Give the path of the file that they lead to, or copy the folder with cp -rL.",
        )
    what, remedy, code = describe_files(tree)
    raise ModelRefused(f"{name} {what}.", remedy=remedy, code=code)


def is_architecture(tree: FileTree, path: str) -> bool:
    """Return whether a file is what ``model.to_json()`` writes."""
    if tree.sizes[path] > MAXIMUM_BYTES or not beginning_of_text(tree.head(path, 64)).startswith(b"{"):
        return False
    try:
        config = json.loads(tree.head(path, MAXIMUM_BYTES).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return isinstance(config, dict) and isinstance(config.get("class_name"), str) and "config" in config


def label_files(tree: FileTree, place: ModelPlace) -> tuple[str, ...]:
    """Return the paths of files that may name a model's classes: beside the model, or at the top."""
    return _label_files_in(tree, {"", _parent(place.path), place.path})


def model_files(tree: FileTree, member: str = "") -> tuple[str, ...]:
    """Return the paths of all files that may belong to models, and of those that may name their classes.

    Nothing but the names is asked, and the first bytes: what parses the files of strangers runs elsewhere.

    Args:
        tree: The files, without clutter.
        member: Path of the model that is meant; empty takes those of all.
    """
    folders = [place.path for place in _model_folders(tree)]
    every = (*tree.sizes, *tree.links)
    paths = {path for path in every for folder in folders if path == folder or _is_below(path, folder)}
    endings = (*_HDF5_ENDINGS, *_LITE_ENDINGS)
    paths |= {path for path in tree.sizes if path.lower().endswith(endings) or _is_architecture_file(tree, path)}
    paths = paths or {path for path in tree.sizes if path.lower().endswith(".zip")}
    parts = member.split(" + ")
    chosen = {path for path in paths if any(path == part or _is_below(path, part) for part in parts)}
    paths = (chosen if member else paths) or paths
    return tuple(sorted(paths.union(_label_files_in(tree, {"", *map(_parent, paths)}))))


def _label_files_in(tree: FileTree, folders: Collection[str]) -> tuple[str, ...]:
    return tuple(
        path
        for path in sorted(tree.sizes)
        if _parent(path) in folders and names_classes(path) and tree.sizes[path] <= _MAXIMUM_LABEL_BYTES
    )


def _is_architecture_file(tree: FileTree, path: str) -> bool:
    return path.lower().endswith(".json") and is_architecture(tree, path)


def _is_lite(tree: FileTree, path: str) -> bool:
    return path.lower().endswith(_LITE_ENDINGS) and file_signatures.is_lite(tree.head(path, 8))


def _is_frozen_graph(tree: FileTree, path: str) -> bool:
    return path.lower().endswith(".pb") and file_signatures.is_frozen_graph(tree.head(path, 8), path)


def _model_folders(tree: FileTree) -> list[ModelPlace]:
    places = []
    for path in sorted(tree.sizes):
        folder, name = _parent(path), PurePosixPath(path).name
        if name == "saved_model.pb":
            places.append(ModelPlace("saved_model", folder))
        elif name == "config.json" and any(_joined(folder, each) in tree.sizes for each in _MODEL_WEIGHTS):
            places.append(ModelPlace("keras_folder", folder))
    # A model in the folder of another, as one in the assets of a SavedModel, is a part of it.
    return [
        place
        for place in places
        if not any(other is not place and _is_below(place.path, other.path) for other in places)
    ]


def _models_and_weights(tree: FileTree, paths: Sequence[str], looks_inside: bool) -> tuple[list[ModelPlace], list[str]]:
    places: list[ModelPlace] = []
    weights: list[str] = []
    for path in paths:
        if not path.lower().endswith(_HDF5_ENDINGS):
            continue
        head = tree.head(path, len(file_signatures.HDF5))
        if head.startswith(file_signatures.ZIP):
            places.append(ModelPlace("keras", path))
        elif head == file_signatures.HDF5:
            named = "weights" if path.lower().endswith(".weights.h5") else "model"
            content = _hdf5_content(tree, path) if looks_inside else named
            if content == "model":
                places.append(ModelPlace("hdf5", path))
            elif content == "weights":
                weights.append(path)
    return places, weights


def _hdf5_content(tree: FileTree, path: str) -> Literal["model", "weights", "other"]:
    try:
        with open_hdf5(tree, path) as file:
            if "model_config" in file.attrs:
                return "model"
            return "weights" if holds_weights(file) else "other"
    except Exception:  # what h5py raises about damaged files is not documented
        # Who opens it says what is wrong with it.
        return "model"


def _pairs(architectures: Sequence[str], weights: Sequence[str]) -> list[ModelPlace]:
    """Each architecture with the weights of its own name, else with those in its folder, else with all there are."""
    pairs = []
    for path in architectures:
        stem = PurePosixPath(path).name.split(".")[0]
        beside = [each for each in weights if _parent(each) == _parent(path)]
        named_alike = [each for each in beside if PurePosixPath(each).name.split(".")[0] == stem]
        pairs += [ModelPlace("architecture", path, each) for each in named_alike or beside or weights]
    return pairs


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _is_below(path: str, folder: str) -> bool:
    return path != folder and (not folder or path.startswith(f"{folder}/"))
