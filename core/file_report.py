"""What a model's file says, without running anything of it: also of a file that is refused.

Everything is read by the walls that judge a file: archive, configuration and weights each only once they were checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from core import model_map
from core.configurations import parse_configuration, training_of
from core.errors import CodeNeeded, LayerscopeError, MissingObject, ModelRefused
from core.file_layers import layers_of_file
from core.file_weights import StoredWeight, WeightRow, stored_weights
from core.hdf5_files import check_hdf5, open_hdf5
from core.inspection import LocatedModel, ModelFile, inspect_located, located_model
from core.limits import Limits, get_limits
from core.naming import shown
from core.summaries import LayerRow

__all__ = ["FileReport", "MissingClass", "report_file"]

_MOST_IN_A_MAP: Final = 1_500
_KINDS = {
    "keras": ".keras",
    "archive": ".keras",
    "keras_folder": ".keras",
    "hdf5": "HDF5",
    "architecture": "architecture with weights",
    "saved_model": "SavedModel",
}


@dataclass(frozen=True)
class MissingClass:
    """A class or function that a file needs and that is not at hand.

    Attributes:
        name: Its name.
        module: The module that it was defined in; empty where the file does not say.
        registered_name: The name that the file asks for.
        kind: ``"class"`` or ``"function"``.
        layers: Keys of the layers that are of it.
        code: Lines of Python that register it.
    """

    name: str
    module: str
    registered_name: str
    kind: str
    layers: tuple[str, ...]
    code: str


@dataclass(frozen=True)
class FileReport:
    """What a file says.

    Attributes:
        name: What it is called.
        kind: What it is, such as ``".keras"``; empty where it was not found out.
        keras_version: The version that wrote it; empty where it does not say.
        saved: When it was saved, as it says.
        training: How the model was trained, as it says: optimizer and loss.
        refusal: Why it is refused; empty if it is not.
        remedy: What to do about that.
        code: Python that does it.
        missing: Classes and functions that it needs.
        rows: A row per layer.
        map: The layers as a Vega-Lite chart; empty where there is none.
        weights: A row per weight.
        members: Path and bytes of each file in an archive or folder.
        details: What else is known of it: what a SavedModel computes with, labels beside it.
    """

    name: str
    kind: str = ""
    keras_version: str = ""
    saved: str = ""
    training: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    remedy: str = ""
    code: str = ""
    missing: tuple[MissingClass, ...] = ()
    rows: tuple[LayerRow, ...] = ()
    map: dict[str, Any] = field(default_factory=dict)
    weights: tuple[WeightRow, ...] = ()
    members: tuple[tuple[str, int], ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Content:
    config: Mapping[str, Any] = field(default_factory=dict)
    keras_version: str = ""
    saved: str = ""
    training: Mapping[str, str] = field(default_factory=dict)
    weights: tuple[StoredWeight, ...] = ()


def report_file(
    data: bytes | Path, *, name: str = "", limits: Limits | None = None, member: str = "", allowed: Collection[str] = ()
) -> FileReport:
    """Read what a model's file says; whatever cannot be read, or must not be, is left out.

    Args:
        data: The content, or the path of a file or folder.
        name: What to call it; the path's last part if left empty.
        limits: How large it may be; what the environment says by default.
        member: Path of the model that is meant, where there are several.
        allowed: What is at hand beyond Keras, see :func:`core.inspection.inspect_model`.
    """
    limits = limits or get_limits()
    name = shown(name or (data.name if isinstance(data, Path) else "The file"))
    try:
        with located_model(data, name=name, limits=limits, member=member) as located:
            return _report(located, limits, allowed)
    except LayerscopeError as error:
        return _refused(FileReport(name), error, ())


def _report(located: LocatedModel, limits: Limits, allowed: Collection[str]) -> FileReport:
    refusal: LayerscopeError | None = None
    file: ModelFile | None = None
    try:
        file = inspect_located(located, allowed, limits)
    except LayerscopeError as error:
        refusal = error
    content = _content(located, limits)
    rows, weights, inputs = _layers(content)
    report = FileReport(
        located.name,
        _KINDS.get(located.place.kind, ""),
        content.keras_version,
        content.saved,
        dict(content.training),
        rows=rows,
        map=model_map.model_map(rows, inputs, "", frozenset()).to_dict() if _can_be_drawn(rows, content) else {},
        weights=weights,
        members=tuple((shown(path), size) for path, size in sorted(located.tree.sizes.items())[:200]),
        details=_details(file),
    )
    return report if refusal is None else _refused(report, refusal, rows)


def _layers(content: _Content) -> tuple[tuple[LayerRow, ...], tuple[WeightRow, ...], tuple[str, ...]]:
    try:
        return layers_of_file(content.config, content.weights)
    except Exception:
        # A configuration that nobody judged may hold anything; then the weights speak for themselves.
        with suppress(Exception):
            return layers_of_file({}, content.weights)
    return (), (), ()


def _can_be_drawn(rows: tuple[LayerRow, ...], content: _Content) -> bool:
    return bool(content.config) and 0 < len(rows) <= _MOST_IN_A_MAP


def _refused(report: FileReport, error: LayerscopeError, rows: tuple[LayerRow, ...]) -> FileReport:
    missing = error.objects if isinstance(error, CodeNeeded) else ()
    return replace(
        report,
        refusal=error.message,
        remedy=error.remedy,
        code=error.code,
        missing=tuple(_missing(need, rows) for need in missing if need.kind != "name"),
    )


def _missing(need: MissingObject, rows: tuple[LayerRow, ...]) -> MissingClass:
    name = need.name.rpartition(">")[2]
    module = need.module if need.module not in ("", "builtins") else "my_layers"
    registered = need.registered_name or name
    code = f"import keras\nfrom {module} import {name}\nkeras.saving.get_custom_objects()[{registered!r}] = {name}"
    users = tuple(row.key for row in rows if row.type_name == name)
    return MissingClass(name, shown(need.module), shown(registered), need.kind, users, code)


def _details(file: ModelFile | None) -> tuple[str, ...]:
    if file is None or file.graph is None:
        return ()
    return (
        f"signatures: {', '.join(map(shown, file.graph.signatures)) or 'none'}",
        f"operations: {', '.join(map(shown, file.graph.operations))}",
    )


def _content(located: LocatedModel, limits: Limits) -> _Content:
    kind, tree, name = located.place.kind, located.tree, located.name
    content = _Content()
    # What is damaged or hostile in one part leaves the others readable.
    with suppress(LayerscopeError, OSError, ValueError, KeyError, RuntimeError):
        if kind == "keras_folder":
            content = _content_of_keras(located)
        elif kind == "architecture":
            config = parse_configuration(tree.read(located.place.path, name).removeprefix(b"\xef\xbb\xbf"), name)
            content = _Content(config, shown(config.get("keras_version", "")))
    path = {"architecture": located.place.weights, "hdf5": located.place.path}.get(kind, "model.weights.h5")
    tree = tree.below(located.place.path) if kind == "keras_folder" else tree
    with suppress(LayerscopeError, OSError, ValueError, KeyError, RuntimeError, TypeError):
        if path not in tree.sizes:
            return content
        with open_hdf5(tree, path) as file:
            check_hdf5(file, name, limits)
            if kind == "hdf5":
                content = _content_of_hdf5(file, name)
            return replace(content, weights=tuple(stored_weights(file)))
    return content


def _content_of_keras(located: LocatedModel) -> _Content:
    tree, name = located.tree.below(located.place.path), located.name
    config = parse_configuration(tree.read("config.json", name), f"config.json in {name}")
    about: Mapping[str, Any] = {}
    with suppress(ModelRefused, KeyError):
        about = parse_configuration(tree.read("metadata.json", name), f"metadata.json in {name}")
    return _Content(
        config,
        shown(about.get("keras_version", "")),
        shown(about.get("date_saved", "")),
        training_of(config.get("compile_config")),
    )


def _content_of_hdf5(file: Any, name: str) -> _Content:
    version = file.attrs.get("keras_version", "")
    content = _Content(
        keras_version=shown(version.decode("ascii", "replace") if isinstance(version, bytes) else version)
    )
    for attribute in ("model_config", "training_config"):
        text = file.attrs.get(attribute)
        with suppress(ModelRefused):
            if isinstance(text, str | bytes):
                parsed = parse_configuration(text.encode() if isinstance(text, str) else text, f"{attribute} in {name}")
                is_config = attribute == "model_config"
                content = (
                    replace(content, config=parsed) if is_config else replace(content, training=training_of(parsed))
                )
    return content
