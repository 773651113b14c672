"""Where plugins come from: this package, installed packages, and folders of files."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import linecache
import os
import pkgutil
import re
import sys
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from core.common.limits import PREFIX
from core.common.plugin_permission import (
    ALLOWED_VARIABLE,
    NONE_VARIABLE,
    allowed_names,
    are_plugins_enabled,
    is_named,
)
from core.plugins.plugin import BUILT_IN_PACKAGE, PROJECT_NAME, Origin

__all__ = [
    "ALLOWED_VARIABLE",
    "FOLDERS_VARIABLE",
    "LEFT_OUT_VARIABLE",
    "NONE_VARIABLE",
    "ImportClock",
    "PluginSettings",
    "Source",
    "add_folders_to_environment",
    "built_ins",
    "distribution_sources",
    "file_source",
    "folder_state",
    "get_plugin_settings",
    "identity_of",
    "installed_packages",
    "may_have_plugins",
    "plugin_files",
]

FOLDERS_VARIABLE: Final = f"{PREFIX}PLUGINS"
LEFT_OUT_VARIABLE: Final = f"{PREFIX}LEFT_OUT_PLUGINS"
_KIT: Final = "testing"


@dataclass(frozen=True)
class PluginSettings:
    """Which plugins of strangers are loaded.

    Attributes:
        folders: Folders whose files are plugins.
        allowed: Names of distributions, entry points or files; None allows all.
        enabled: Whether any are, beside those that ship with Layerscope.
        left_out: Those that ended every process that they were loaded in, by :func:`identity_of`, and how.
    """

    folders: tuple[Path, ...] = ()
    allowed: frozenset[str] | None = None
    enabled: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)

    def allows(self, origin: Origin) -> bool:
        """Return whether a plugin may be loaded."""
        return is_named((origin.package, origin.plugin), self.allowed)


@dataclass(frozen=True)
class Source:
    """A plugin that can be loaded; ``load`` imports it and returns its module or object."""

    origin: Origin
    load: Callable[[], Any] = field(compare=False)


def get_plugin_settings() -> PluginSettings:
    """Return the settings as the environment says: ``LAYERSCOPE_PLUGINS`` and those beside it."""
    folders = [folder for folder in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if folder.strip()]
    paths = tuple(Path(folder).expanduser().resolve() for folder in folders)
    return PluginSettings(
        paths, allowed_names(), are_plugins_enabled(), json.loads(os.environ.get(LEFT_OUT_VARIABLE, "{}"))
    )


def add_folders_to_environment(folders: Iterable[str]) -> None:
    """Add folders of plugins to those that the environment names, where the processes that models run in find them."""
    earlier = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    # A worker has another working directory.
    paths = [os.path.abspath(os.path.expanduser(folder)) for folder in (*earlier, *folders) if folder]
    if paths:
        os.environ[FOLDERS_VARIABLE] = os.pathsep.join(dict.fromkeys(paths))


def built_ins() -> Iterator[Source]:
    """Yield the visualizers that ship with Layerscope, one file each."""
    package = importlib.import_module(BUILT_IN_PACKAGE)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != _KIT:
            origin = Origin(module.name, "built-in", BUILT_IN_PACKAGE)
            yield Source(origin, partial(importlib.import_module, f"{BUILT_IN_PACKAGE}.{module.name}"))


def installed_packages() -> Iterator[Source]:
    """Yield the plugins of installed packages: their entry points in the group ``layerscope``."""
    # pluggy's load_setuptools_entrypoints would let one plugin that fails to import stop all others.
    for entry_point in sorted(importlib.metadata.entry_points(group=PROJECT_NAME), key=lambda each: each.name):
        yield _entry_point_source(entry_point)


def may_have_plugins(settings: PluginSettings) -> bool:
    """Return whether there may be plugins of strangers, without loading any."""
    return settings.enabled and bool(settings.folders or _entry_point_count())


@cache
def _entry_point_count() -> int:
    return len(importlib.metadata.entry_points(group=PROJECT_NAME))


def distribution_sources(name: str) -> tuple[Source, ...]:
    """Return the plugins of one installed distribution; empty if there is none of that name."""
    return tuple(
        _entry_point_source(each)
        for each in importlib.metadata.entry_points(group=PROJECT_NAME)
        if each.dist is not None and _normal(each.dist.name) == _normal(name)
    )


def plugin_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that are plugins, by name; those that begin with ``_`` or ``.`` are none."""
    try:
        found = [path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "_."]
    except OSError:
        return ()
    return tuple(sorted(found))


def folder_state(settings: PluginSettings) -> dict[Path, tuple[int, int]]:
    """Return when each plugin file was changed last and how large it is: what differs was saved since."""
    state = {}
    for folder in settings.folders if settings.enabled else ():
        for path in plugin_files(folder):
            with suppress(OSError):
                about = path.stat()
                state[path] = (about.st_mtime_ns, about.st_size)
    return state


def file_source(path: Path) -> Source:
    """Return the plugin that a file is; each time it is loaded, the file is read anew."""
    return Source(Origin(path.name, "file", path.name, path=str(path)), lambda: _load_file(path))


def identity_of(origin: Origin) -> str:
    """Return what tells a plugin from every other one, and a file from what it was before it was saved again."""
    try:
        about = os.stat(origin.path) if origin.path else None
    except OSError:
        about = None
    return f"{origin.key} {about.st_mtime_ns} {about.st_size}" if about else origin.key


class ImportClock:
    """Measures which package takes the time of an import: what is imported first is looked for first.

    A finder that finds nothing notes when each module is looked for; the time until the next one is looked for counts
    for the former's package.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._thread = threading.get_ident()
        self._looked_for: list[tuple[float, str]] = []

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Note that a module is looked for; part of the protocol of ``sys.meta_path``."""
        if threading.get_ident() == self._thread:
            self._looked_for.append((time.perf_counter(), name.partition(".")[0]))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure the imports of the block."""
        started = time.perf_counter()
        self._looked_for.append((started, ""))
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            ended = time.perf_counter()
            self.seconds = ended - started
            self._looked_for.append((ended, ""))

    def slowest(self) -> tuple[str, float]:
        """Return the package that took the most time, and its seconds; empty where it is the plugin's own code."""
        taken: dict[str, float] = defaultdict(float)
        for (start, package), (end, _) in zip(self._looked_for, self._looked_for[1:], strict=False):
            taken[package] += end - start
        return max(taken.items(), key=lambda each: each[1], default=("", 0.0))


class _AlwaysFromSource(importlib.machinery.SourceFileLoader):
    """Compiles the file as it is now: compiled files are told apart by whole seconds, and people save twice in one."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _load_file(path: Path) -> ModuleType:
    # Two folders may have files of the same name, and none may stand in the way of a package.
    stem = re.sub(r"\W", "_", path.stem)
    name = f"layerscope_plugin_{zlib.crc32(str(path).encode()):08x}_{stem}"
    loader = _AlwaysFromSource(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    linecache.checkcache(str(path))
    before = sys.modules.get(name)
    # Dataclasses and pydantic look up their own module while they are made.
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise
    return module


def _entry_point_source(entry_point: importlib.metadata.EntryPoint) -> Source:
    distribution = entry_point.dist
    if distribution is None:
        return Source(Origin(entry_point.name, "package"), entry_point.load)
    # Read once: each look at it reads and parses the file again.
    about = distribution.metadata
    origin = Origin(entry_point.name, "package", about["Name"], about["Version"], report_to=_where_to_report(about))
    return Source(origin, entry_point.load)


def _where_to_report(metadata: Any) -> str:
    addresses = {}
    for line in metadata.get_all("Project-URL") or ():
        label, _, address = line.partition(",")
        addresses[re.sub(r"\W", "", label).lower()] = address.strip()
    for label in ("issues", "issuetracker", "bugtracker", "bugs", "bugreports", "tracker", "support"):
        if label in addresses:
            return str(addresses[label])
    found = metadata.get("Home-page") or addresses.get("homepage") or addresses.get("repository")
    return str(found or metadata.get("Author-email") or metadata.get("Author") or "")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
