"""Imports what a person trusts, and gives a model file the classes and functions of it that it names.

Only what a trusted module registers with Keras or holds itself can be used, and of that only what the file names: what
else Python could import stays out of reach.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
import threading
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from core.common.text import list_names, safe_name
from core.errors import CodeNeeded, InputRejected, LayerscopeError, MissingObject, ModelRefused
from core.models.code_needs import LAMBDA
from core.models.trust import CodeBundle, Trust, code_files, importable, is_installed

__all__ = ["TrustedObjects"]

_Result = TypeVar("_Result")

# Names that a trusted module may have from these, and give on.
_LIBRARIES: Final = frozenset({"keras", "numpy", "tensorflow"})
_BUNDLES: Final = "layerscope-code-"
_OWN_NAME: Final = "layerscope_trusted_"
_OURS: Final = frozenset({"core", "layerscope", "ui", "vizplugins"})
# Trusted code may itself open a model.
_lock = threading.RLock()
_stamps: dict[Path, dict[Path, int]] = {}
"""When the files of what is trusted by its path were saved, as they were imported last."""
_from_trust: dict[str, Any] = {}
"""What trusted code registered with Keras in this process, which is allowed to those who trust it and nobody else."""


class TrustedObjects:
    """The classes and functions that a model file may use beyond those of Keras.

    Args:
        custom_objects: Those that the caller brings, by the name in the file.
        trust: Where others are looked for, as far as the file names them.

    Attributes:
        by_name: All that are at hand, by the name in the file.
        supplied: What of it the file needed, and got.
        used: The same in words, such as ``"TCN of tcn"``.
    """

    def __init__(self, custom_objects: Mapping[str, Any], trust: Trust) -> None:
        self.by_name: dict[str, Any] = dict(custom_objects)
        self.supplied: dict[MissingObject, Any] = {}
        self.used: list[str] = []
        self._trust = trust
        self._modules: dict[str, types.ModuleType] | None = None
        self._failures: list[InputRejected] = []

    @property
    def allowed(self) -> frozenset[str]:
        """The names that a configuration may hold, those that are registered with Keras among them."""
        names = {*self.by_name, *_registered_by_the_owner()} - {LAMBDA}
        return frozenset({*names, LAMBDA} if self._trust.lambdas else names)

    def supply(self, step: Callable[[], _Result]) -> _Result:
        """Do what reads a configuration, again and again as long as what it needs can be supplied.

        Raises:
            CodeNeeded: If something that it needs is not trusted, not there, or cannot be imported.
        """
        while True:
            try:
                return step()
            except CodeNeeded as needed:
                objects = {need: self._object(need) for need in needed.objects if need not in self.supplied}
                missing = [need for need, value in objects.items() if value is None]
                if needed.lambdas or missing or not objects:
                    raise self._still_needed(needed, missing) from needed.__cause__
                for need, value in objects.items():
                    self._refuse_a_second_one(need, value)
                    self.supplied[need] = value
                    self.by_name[need.registered_name] = value
                    if need.kind != "name":
                        self.used.append(f"{need.name} of {_root(value).removeprefix(_OWN_NAME)}")

    def _refuse_a_second_one(self, need: MissingObject, value: Any) -> None:
        """Keras finds what a file names by that name alone, and would take one for the other."""
        for other, earlier in self.supplied.items():
            if other.registered_name == need.registered_name and earlier is not value:
                raise ModelRefused(
                    f"The file needs two classes called '{safe_name(need.registered_name)}', of {other.module} and "
                    f"{need.module}, which Keras cannot tell apart.",
                    remedy="Register each under a name of its own, @keras.saving.register_keras_serializable(name=…), "
                    "and save the model again.",
                )

    def _object(self, need: MissingObject) -> Any:
        if self._modules is None:
            self._modules = {}
            for load in _imports(self._trust):
                # What the file needs may be in another one.
                with _lock, _registrations_noted():
                    try:
                        self._modules |= {_root(module): module for module in load()}
                    except InputRejected as error:
                        self._failures.append(error)
        roots = self._modules
        return next((value for value in _candidates(need, roots) if _may_be_used(value, need, roots)), None)

    def _still_needed(self, needed: CodeNeeded, missing: list[MissingObject]) -> CodeNeeded:
        if not missing or not (self._trust.modules or self._trust.bundles):
            return needed
        if self._failures:
            told, remedy = self._failures[0].message, self._failures[0].remedy
            return CodeNeeded(
                f"{needed.message} {told}", objects=missing, lambdas=needed.lambdas, remedy=remedy, code=needed.code
            )
        holders = [*self._trust.modules, *(name for bundle in self._trust.bundles for name in bundle.modules)]
        return CodeNeeded(
            f"{needed.message} {list_names(each.name for each in missing)} is not in what is trusted: "
            f"{list_names(Path(each).name for each in holders)}.",
            objects=missing,
            lambdas=needed.lambdas,
            remedy=needed.remedy,
            code=needed.code,
        )


def _root(value: Any) -> str:
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return str(name or "").partition(".")[0]


def _registered_by_the_owner() -> set[str]:
    """What is registered with Keras, but for what came with trusted code: that holds for who trusts it."""
    import keras

    return {name for name, value in keras.saving.get_custom_objects().items() if _from_trust.get(name) is not value}


def _candidates(need: MissingObject, roots: Mapping[str, types.ModuleType]) -> Iterator[Any]:
    """Yields what may be meant: what the module itself has, what those inside it have, what it registered."""
    import keras

    name = need.name.rpartition(">")[2]
    own_root = need.module.partition(".")[0]
    # Two versions of a file may be imported in one process; this one may not be the one that goes by its name.
    is_here = own_root in roots and sys.modules.get(own_root) is roots[own_root]
    if is_here and (need.module == own_root or hasattr(roots[own_root], "__path__")):
        # The file may be of another version of the package, which keeps the class elsewhere.
        with suppress(Exception):
            yield vars(importlib.import_module(need.module)).get(name)
    for root, module in roots.items():
        yield vars(module).get(name)
        for inner, content in list(sys.modules.items()):
            if inner.startswith(f"{root}.") and _is_inside(content, module):
                value = vars(content).get(name)
                if getattr(value, "__module__", None) == inner:
                    yield value
    # A module that was imported before registers nothing again.
    for registry in (keras.saving.get_custom_objects(), _from_trust):
        registered = registry.get(need.registered_name)
        if _root(registered) in roots:
            yield registered


def _is_inside(content: Any, package: types.ModuleType) -> bool:
    paths = [Path(path) for path in getattr(package, "__path__", ())]
    return content is not None and any(_is_in(content, path) for path in paths)


def _may_be_used(value: Any, need: MissingObject, roots: Collection[str]) -> bool:
    if need.kind == "name":
        return value is not None
    if need.kind == "function":
        return callable(value) and not isinstance(value, type) and _root(value) in {*roots, *_LIBRARIES}
    # What has a configuration is made to be saved and opened again.
    return isinstance(value, type) and hasattr(value, "get_config") and _root(value) in roots


@contextmanager
def _registrations_noted() -> Iterator[None]:
    import keras

    registered = keras.saving.get_custom_objects()
    before = dict(registered)
    try:
        yield
    finally:
        _from_trust.update({name: value for name, value in registered.items() if before.get(name) is not value})


def _imports(trust: Trust) -> Iterator[Callable[[], Iterable[types.ModuleType]]]:
    """Yields what imports each thing that is trusted, and returns it with what was imported from beside it."""
    for name in trust.modules:
        if os.path.isabs(name):
            yield partial(_imported_from_path, Path(name))
        else:
            yield partial(_imported_by_name, name)
    for bundle in trust.bundles:
        for module in bundle.modules:
            yield partial(_imported_from_bundle, bundle, module)


def _imported_by_name(name: str) -> list[types.ModuleType]:
    return [_said(name, partial(importlib.import_module, name))]


def _imported_from_path(path: Path) -> list[types.ModuleType]:
    base, module = importable(path)
    with _bytecode_not_written():
        _forget_what_changed(path)
        own = _said(path.name, partial(_from_folder, base, module))
        return list(_with_its_neighbours(own, frozenset(code_files(path))))


@contextmanager
def _bytecode_not_written() -> Iterator[None]:
    # It is told apart by whole seconds, and people save twice in one.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _forget_what_changed(path: Path) -> None:
    """Lets files be imported anew that trust imported before and that were saved since."""
    files = {file: file.stat().st_mtime_ns for file in code_files(path)}
    earlier = _stamps.get(path)
    _stamps[path] = files
    if earlier is None or earlier == files:
        return
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).resolve() in earlier:
            sys.modules.pop(name)


def _imported_from_bundle(bundle: CodeBundle, module: str) -> list[types.ModuleType]:
    folder = _folder_of(bundle)
    for path, content in bundle.files:
        target = folder / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    with _earlier_versions_hidden(folder, bundle):
        own = _said(bundle.title(module), partial(_from_folder, folder, module))
        return list(_with_its_neighbours(own, frozenset(folder / path for path, _ in bundle.files)))


def _with_its_neighbours(module: types.ModuleType, files: Collection[Path]) -> Iterator[types.ModuleType]:
    """Yields a module, and of the files that it belongs with those that it imported."""
    yield module
    for name, other in list(sys.modules.items()):
        file = getattr(other, "__file__", None)
        if "." not in name and other is not module and file and Path(file).resolve() in files:
            yield other


def _said(name: str, load: Callable[[], types.ModuleType]) -> types.ModuleType:
    """Says in a sentence why code cannot be imported; what it is told by is its own, whatever it raises."""
    try:
        return load()
    except LayerscopeError:
        raise
    except (Exception, SystemExit) as error:
        raise InputRejected(
            f"{safe_name(name)}, which is trusted, could not be imported: {type(error).__name__}: {safe_name(error)}",
            remedy="Try to import it in Python; a file of classes alone is best. In the app it has no network, and "
            "sees no files but installed packages and what belongs to it.",
        ) from error


def _folder_of(bundle: CodeBundle) -> Path:
    return Path(tempfile.gettempdir()) / f"{_BUNDLES}{bundle.key[:16]}"


@contextmanager
def _earlier_versions_hidden(folder: Path, bundle: CodeBundle) -> Iterator[None]:
    """Lets files that were changed and are trusted again not meet what was imported of them before."""
    names = {path.partition("/")[0].removesuffix(".py") for path, _ in bundle.files}
    earlier = {
        name: module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in names - _OURS and (file := getattr(module, "__file__", None))
        if not is_installed(Path(file)) and not _is_in(module, folder)
    }
    for name in earlier:
        sys.modules.pop(name)
    try:
        yield
    finally:
        sys.modules.update({name: module for name, module in earlier.items() if _BUNDLES not in str(module.__file__)})


def _from_folder(folder: Path, module: str) -> types.ModuleType:
    loaded = sys.modules.get(module)
    if loaded is not None and _is_in(loaded, folder):
        return loaded
    importlib.invalidate_caches()
    place = str(folder)
    # First while it is imported, so that what stands beside it is what it means; then last, so that it hides nothing.
    sys.path.insert(0, place)
    try:
        if loaded is None and module.partition(".")[0] not in sys.modules:
            return importlib.import_module(module)
        return _under_a_name_of_its_own(folder, module)
    finally:
        sys.path.remove(place)
        if place not in sys.path:
            sys.path.append(place)


def _under_a_name_of_its_own(folder: Path, module: str) -> types.ModuleType:
    """A module whose name is taken by another one, such as a file that is called ``layers.py`` or ``core.py``."""
    path = folder.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    name = f"{_OWN_NAME}{module.replace('.', '_')}"
    locations = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file")
    content = importlib.util.module_from_spec(spec)
    sys.modules[name] = content
    try:
        spec.loader.exec_module(content)
    except BaseException:
        sys.modules.pop(name)
        raise
    return content


def _is_in(module: types.ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and Path(str(file)).resolve().is_relative_to(folder.resolve())
