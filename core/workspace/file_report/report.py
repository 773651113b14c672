"""What a model file says, whether it is opened or refused: read as data, and nothing of it run.

The walls are those of ``core.models.inspection``: what an archive, an HDF5 file or a configuration has to pass before a
model is made of it, it has to pass before it is read here. What does not is left out, and the report says so.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.charts.validation import specification_of
from core.common import file_signatures
from core.common.file_signatures import beginning_of_text
from core.common.limits import Limits, get_limits
from core.common.text import safe_name
from core.errors import LayerscopeError, ModelRefused, SeveralModels
from core.models.configuration import parse_configuration, training_of, without_training
from core.models.file_trees import FileTree
from core.models.hdf5 import check_hdf5, open_hdf5
from core.models.inspection import (
    LocatedModel,
    ModelFile,
    inspect_located,
    located_files,
    located_model,
)
from core.models.keras2 import MODELS
from core.workspace.file_report.layers import LayerOutline, layers_of
from core.workspace.file_report.lite_layers import lite_layers
from core.workspace.file_report.missing_classes import missing_classes_of
from core.workspace.file_report.results import FileInput, FileReport, MissingClass, Refusal
from core.workspace.file_report.rows import add_stored_layers, layer_rows, parameters_in_all, weight_rows
from core.workspace.file_report.weights import WeightGroup, read_weights
from core.workspace.model_map import model_map
from core.workspace.results import LayerRow

__all__ = ["report_file"]

_MOST_ROWS: Final = 5_000
_MOST_PARTS: Final = 20
_MOST_BOXES: Final = 1_000
_MOST_LINES: Final = 10_000
_BOXES_UNFOLDED: Final = 60
_HDF5_ENDINGS: Final = (".h5", ".hdf5", ".hdf")


@dataclass
class _Content:
    """What was read of a file so far."""

    kind: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    keras_version: str = ""
    date_saved: str = ""
    training: Mapping[str, str] = field(default_factory=dict)
    weights: WeightGroup = field(default_factory=WeightGroup)
    arrays: int = 0
    arrays_left_out: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_legacy(self) -> bool:
        """Whether Keras 2 or older wrote it."""
        return ModelFile("hdf5" if self.kind == "hdf5" else "keras", self.keras_version).is_legacy


def report_file(
    data: bytes | Path,
    *,
    name: str = "",
    limits: Limits | None = None,
    member: str = "",
    allowed: Collection[str] = (),
) -> FileReport:
    """Say what a model file holds, without making anything of it; a file that is refused is reported like any other.

    Args:
        data: The content, or the path of a file or folder.
        name: What to call the file in messages; the path's last part if left empty.
        limits: How large it may be; what the environment says by default.
        member: Path of the model that is meant, in an archive or folder that holds several.
        allowed: Names of custom classes and functions that are at hand, as they stand in the file.

    Returns:
        What could be read; ``refusal`` says why it is not opened, if it is not.

    Raises:
        SeveralModels: There are several models and none was named.
    """
    limits = limits or get_limits()
    called = safe_name(name or (data.name if isinstance(data, Path) else "The file"))
    try:
        with located_model(data, name=name, limits=limits, member=member) as located:
            return _report_located(located, called, allowed, limits)
    except SeveralModels:
        raise
    except LayerscopeError as error:
        # There is no model in it; there may be parts of one.
        return _report(_parts_alone(data, called, limits), called, _refusal(error), None, allowed)


def _report_located(located: LocatedModel, name: str, allowed: Collection[str], limits: Limits) -> FileReport:
    refusal, file = None, None
    try:
        file = inspect_located(located, allowed, limits)
    except SeveralModels:
        raise
    except LayerscopeError as error:
        refusal = _refusal(error)
    return _report(_content(located, limits), name, refusal, file, allowed)


def _refusal(error: LayerscopeError) -> Refusal:
    return Refusal(error.message, error.remedy, error.code)


def _report(
    content: _Content, name: str, refusal: Refusal | None, file: ModelFile | None, allowed: Collection[str]
) -> FileReport:
    missing: tuple[MissingClass, ...] = ()
    outline, notes = LayerOutline(), content.notes
    if content.config:
        try:
            missing = missing_classes_of(content.config, name, allowed, legacy=content.is_legacy)
            outline = layers_of(content.config, _MOST_ROWS)
        except LayerscopeError as error:
            notes.append(error.message)
    class_name = content.config.get("class_name")
    type_name = class_name if isinstance(class_name, str) else ""
    is_own = type_name not in MODELS
    if file is not None and file.lite is not None:
        outline = lite_layers(file.lite, name)
    described = len(outline.layers)
    left_out = add_stored_layers(outline.layers, content.weights, _MOST_ROWS, is_own=is_own)
    if len(outline.layers) > described:
        notes.append("Layers that stand in no configuration are told by the weights alone, and not in their order.")
    if left_out or outline.left_out:
        notes.append(f"Only the first {_MOST_ROWS:,} layers are listed.")
    if content.arrays_left_out:
        notes.append(f"Only the first {content.arrays:,} arrays of weights are listed.")
    rows = layer_rows(outline.layers, missing, _MOST_ROWS)
    inputs = tuple(outline.inputs) or _inputs_of(content.weights)
    graph = file.graph if file else None
    return FileReport(
        name=name,
        kind=content.kind,
        type_name=safe_name(type_name.rpartition(">")[2]),
        keras_version=safe_name(content.keras_version),
        date_saved=safe_name(content.date_saved),
        training=dict(content.training),
        refusal=refusal,
        parameter_count=None if content.arrays_left_out else parameters_in_all(outline.layers, content.weights),
        inputs=inputs,
        rows=rows,
        map=_map(rows, inputs),
        weights=weight_rows(outline.layers, content.weights),
        missing_classes=missing,
        signatures=graph.signatures if graph else (),
        operations=graph.operations if graph else (),
        assets=graph.assets if graph else (),
        notes=tuple(dict.fromkeys(notes)),
    )


def _inputs_of(weights: WeightGroup) -> tuple[FileInput, ...]:
    return tuple(FileInput(child.name or child.part, "", "") for child in weights.children.values() if child.is_input)


def _map(rows: Sequence[LayerRow], inputs: Sequence[FileInput]) -> dict[str, Any]:
    lines = sum(len(row.inputs_from) for row in rows)
    connected = [row for row in rows if row.inputs_from]
    if not connected or lines > _MOST_LINES:
        return {}
    # A layer whose parts are not known to be connected is one box.
    parents = {row.parent for row in connected if row.parent}
    whole = {row.key for row in rows if row.holds_layers and row.key not in parents}
    boxes = [row for row in rows if row.parent not in whole]
    opened = frozenset(parents) if len(boxes) <= _BOXES_UNFOLDED else frozenset[str]()
    if len(boxes if opened else [row for row in rows if not row.parent]) > _MOST_BOXES:
        return {}
    return specification_of(model_map(rows, [each.name for each in inputs], "", opened))


def _content(located: LocatedModel, limits: Limits) -> _Content:
    tree, place, name = located.tree, located.place, located.name
    try:
        if place.kind in ("saved_model", "tflite", "frozen_graph"):
            return _Content(place.kind)
        if place.kind == "keras_folder":
            return _of_keras(tree.below(place.path), name, limits)
        if place.kind == "architecture":
            content = _of_architecture(tree, place.path, name)
            _read_weights(tree, place.weights, name, limits, content)
            return content
        return _of_hdf5(tree, place.path, name, limits)
    except OSError as error:
        return _Content(notes=[f"{name} cannot be read: {error.strerror or 'the system refused'}."])


def _of_keras(tree: FileTree, name: str, limits: Limits) -> _Content:
    content = _Content("keras")
    config = _parsed(tree, "config.json", name, content)
    content.training, content.config = training_of(config.get("compile_config")), without_training(config)
    metadata = _parsed(tree, "metadata.json", name, content) if "metadata.json" in tree.sizes else {}
    content.keras_version = str(metadata.get("keras_version", ""))
    content.date_saved = str(metadata.get("date_saved", "")).replace("@", " ")
    for path in sorted(tree.sizes):
        if path.lower().endswith(_HDF5_ENDINGS) and "/" not in path:
            _read_weights(tree, path, name, limits, content)
    if "model.weights.npz" in tree.sizes:
        content.notes.append("Its weights (model.weights.npz) were not read: such a file can hold pickles.")
    return content


def _of_hdf5(tree: FileTree, path: str, name: str, limits: Limits) -> _Content:
    content = _Content("hdf5")
    attributes = _read_weights(tree, path, name, limits, content)
    text, training = attributes.get("model_config"), attributes.get("training_config")
    version = attributes.get("keras_version", "")
    content.keras_version = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
    if text is None:
        content.kind = "weights" if content.arrays else ""
        return content
    content.config = without_training(_parsed_text(text, f"model_config in {name}", content))
    if training is not None:
        content.training = training_of(_parsed_text(training, f"training_config in {name}", content))
    return content


def _of_architecture(tree: FileTree, path: str, name: str) -> _Content:
    content = _Content("architecture")
    config = _parsed(tree, path, name, content)
    content.training, content.config = training_of(config.get("compile_config")), without_training(config)
    content.keras_version = str(config.get("keras_version", "" if "module" in config else "2"))
    return content


def _parts_alone(data: bytes | Path, name: str, limits: Limits) -> _Content:
    """Read what there is where there is no whole model: an architecture, or weights, alone or in an archive."""
    try:
        with located_files(data, name=name, limits=limits) as tree:
            content = _Content()
            for path in _likely_parts(tree):
                if tree.head(path, len(file_signatures.HDF5)) == file_signatures.HDF5:
                    _read_weights(tree, path, name, limits, content)
                    content.kind = content.kind or ("weights" if content.arrays else "")
                elif _is_object(tree, path) and not content.config:
                    described = _of_architecture(tree, path, name)
                    if isinstance(described.config.get("class_name"), str):
                        content.config, content.keras_version = described.config, described.keras_version
                        content.training, content.kind = described.training, described.kind
            return content
    except (LayerscopeError, OSError):
        return _Content()


def _likely_parts(tree: FileTree) -> list[str]:
    if len(tree.sizes) == 1:
        return list(tree.sizes)
    return [path for path in sorted(tree.sizes) if path.lower().endswith((".json", *_HDF5_ENDINGS))][:_MOST_PARTS]


def _is_object(tree: FileTree, path: str) -> bool:
    return beginning_of_text(tree.head(path, 64)).startswith(b"{")


def _parsed(tree: FileTree, path: str, name: str, content: _Content) -> dict[str, Any]:
    if path not in tree.sizes:
        content.notes.append(f"{safe_name(path)} is not there.")
        return {}
    try:
        return _parsed_text(
            tree.read(path, name).removeprefix(codecs.BOM_UTF8), f"{safe_name(path)} in {name}", content
        )
    except LayerscopeError as error:
        content.notes.append(error.message)
        return {}


def _parsed_text(text: Any, where: str, content: _Content) -> dict[str, Any]:
    try:
        return parse_configuration(text.encode() if isinstance(text, str) else bytes(text), where)
    except ModelRefused as error:
        content.notes.append(error.message)
    except (TypeError, ValueError):
        content.notes.append(f"{where} is no text.")
    return {}


def _read_weights(tree: FileTree, path: str, name: str, limits: Limits, content: _Content) -> Mapping[str, Any]:
    """Add what an HDF5 file stores, and return its attributes; a file that must not be read adds a note instead."""
    where = f"{safe_name(path)} in {name}" if safe_name(path) != name else name
    try:
        with open_hdf5(tree, path) as file:
            stored = check_hdf5(file, where, limits)
            left_out = read_weights(file, content.weights, _MOST_ROWS - content.arrays)
            content.arrays += stored.datasets - left_out
            content.arrays_left_out += left_out
            return {
                key: file.attrs[key]
                for key in ("model_config", "training_config", "keras_version")
                if key in file.attrs
            }
    except LayerscopeError as error:
        content.notes.append(f"Its weights were not read. {error.message}")
    except Exception:  # what h5py raises about damaged files is not documented
        content.notes.append(f"Its weights were not read. {where} is an HDF5 file that is cut off or damaged.")
    return {}
