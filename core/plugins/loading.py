"""Loads plugins apart from each other, and keeps what they brought and what went wrong.

Import, registration and every call of a hook are guarded: what one plugin raises, or takes too long for, is noted with
its name, package, version and traceback, and the others go on.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pluggy

from core.charts.altair_settings import put_back
from core.common.deprecation import hearing
from core.common.limits import get_limits
from core.common.text import safe_name
from core.extraction.activation import Activations
from core.plugins import hookspecs
from core.plugins.deadlines import Deadline, run_within
from core.plugins.declarations import (
    VERSION_NAME,
    declaration_fault,
    hook_fault,
    place_of,
    registered_classes,
    version_fault,
)
from core.plugins.entries import KINDS, NOUNS, Entry, Kind, noun_of
from core.plugins.forerunners import all_but, forerunners, is_defined_anew, is_same_source
from core.plugins.meanings import MeaningEntry
from core.plugins.plugin import Origin, Plugin, Problem, Stage, left_out_problem, problem_of, replacement_problem
from core.plugins.records import PluginRecords
from core.plugins.shared_libraries import replacements_undone
from core.plugins.sources import (
    ImportClock,
    PluginSettings,
    Source,
    built_ins,
    distribution_sources,
    file_source,
    folder_state,
    identity_of,
    installed_packages,
)
from core.plugins.visualizer import API_VERSION, Visualizer

__all__ = ["LoadedPlugins"]

_Result = TypeVar("_Result")

SLOW_IMPORT_SECONDS: Final = 0.3
"""Imports that take longer are reported, with the package that takes the most of it."""


def _extend(brought: list[Any], hook: Any) -> None:
    brought.extend(hook())


class LoadedPlugins:
    """Every plugin that was found, and what each brought.

    Safe to be shared by threads.

    Args:
        settings: Which folders, and which plugins are allowed.
    """

    def __init__(self, settings: PluginSettings) -> None:
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self._pluggy.add_hookspecs(hookspecs)
        self._settings = settings
        self._brought: dict[str, dict[str, Any]] = {noun: {} for noun in NOUNS}
        self._origins: dict[str, Origin] = {}
        self._files: dict[Path, tuple[int, int]] = {}
        self._lock = threading.RLock()
        self._records = PluginRecords(self._lock)
        self._seconds = get_limits().import_seconds

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Every visualizer by name, as they are now, in the order in which they were found."""
        return self.of("visualizer")

    @property
    def meanings(self) -> Mapping[str, MeaningEntry]:
        """Every meaning of outputs by name, as they are now, in the order in which they were found."""
        return self.of("meaning")

    def of(self, noun: str) -> Mapping[str, Any]:
        """Return every entry of a kind by name, as they are now, in the order in which they were found.

        Args:
            noun: One of :data:`core.plugins.entries.NOUNS`.
        """
        with self._lock:
            return dict(self._brought[noun])

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin found, those that failed or are not allowed included, in the order in which they were found."""
        return self._records.plugins

    def plugin_of(self, entry: Entry) -> Plugin:
        """Return the plugin that brought a visualizer."""
        return self._records.of(entry.origin)

    def has_forerunner(self, brought: Any, origin: Origin) -> bool:
        """Return whether what somebody registers was registered before, as its class was then."""
        with self._lock:
            return any(forerunners(entries, noun, brought, origin) for noun, entries in self._brought.items())

    def discover(self) -> None:
        """Load what ships with Layerscope, what is installed, and what is in the folders."""
        with self._lock:
            for source in built_ins():
                self.load(source)
            if self._settings.enabled:
                for source in installed_packages():
                    self.load(source)
                self._load_folders()

    def refresh(self) -> bool:
        """Look into the folders, load what is new or was saved since, and return whether anything changed."""
        if not self._settings.folders or not self._settings.enabled:
            return False
        with self._lock:
            return self._load_folders()

    def load_file(self, path: Path) -> bool:
        """Load the plugin that a file is; True if nothing went wrong."""
        return self.load(file_source(path.resolve()))

    def load_package(self, name: str) -> bool:
        """Load the plugins of an installed distribution, or else a module by its name; True if nothing went wrong."""
        origin = Origin(name, "package", name.partition(".")[0])
        sources = distribution_sources(name) or (Source(origin, lambda: importlib.import_module(name)),)
        results = [self.load(source) for source in sources]
        return all(results)

    def load(self, source: Source, *, again: bool = False) -> bool:
        """Import a plugin and take it in; True if nothing went wrong.

        Args:
            source: The plugin.
            again: Whether it was loaded before, and has changed.
        """
        origin = source.origin
        with self._lock:
            if origin.source != "built-in" and not self._settings.allows(origin):
                self._records.begin(origin, status="not allowed")
                return False
            if (identity := identity_of(origin)) in self._settings.left_out:
                self._records.begin(origin)
                self._records.add_problem(origin, left_out_problem(origin, self._settings.left_out[identity]))
                return False
            earlier = self._withdraw(origin.key) if again else {}
            self._records.begin(origin, changed_at=time.strftime("%H:%M:%S") if again else "")
            clock = ImportClock()
            modules: list[Any] = []

            def load() -> None:
                with clock.running():
                    modules.append(source.load())

            self.note_problems(origin, "import", load)
            self._note_import(origin, clock)
            is_sound = bool(modules) and self.register(modules[0], origin, earlier)
            if not is_sound:
                self._keep_broken(origin, earlier)
            return is_sound

    def register(self, plugin: Any, origin: Origin, earlier: Mapping[str, Entry] | None = None) -> bool:
        """Take in a plugin that was imported: its hooks, or one thing that they bring; True if nothing went wrong.

        Args:
            plugin: Module or object with hooks; or a Visualizer, Panel, OutputMeaning, InputReader or ModelLoader.
            origin: Where it comes from.
            earlier: What it brought before it changed.
        """
        with self._records.reported() as problems:
            self._records.ensure(origin)
            if noun_of(plugin):
                self._add_alone(plugin, origin)
                return not problems
            earlier = earlier or {name: each for name, each in self.entries.items() if each.origin.key == origin.key}
            if self._take_hooks(plugin, origin):
                self._add_all(plugin, origin, earlier)
            return not problems

    def _add_all(self, plugin: Any, origin: Origin, earlier: Mapping[str, Entry]) -> None:
        """Take in all that the hooks of a plugin bring."""
        version = getattr(plugin, VERSION_NAME, API_VERSION)
        for hook, without in (("visualizers", "it brings no picture"), ("panels", "it brings no panel")):
            for visualizer in self._returned(plugin, hook, without, origin):
                self._add(visualizer, origin, earlier, hook, version)
        for kind in KINDS:
            for brought in self._returned(plugin, kind.hook, kind.without, origin):
                self._add_of(kind, brought, origin)
        if classes := registered_classes(plugin):
            names = ", ".join(map(safe_name, classes))
            self._records.add_notice(
                origin, f"models that use {names} open: it registers that with Keras, as --trust does"
            )

    def announce(self, activations: Activations) -> None:
        """Call the hook ``activations_published`` of each plugin that has it; one that raises stops no other."""
        for implementation in self._pluggy.hook.activations_published.get_hookimpls():
            # As pluggy has it, an implementation may leave out what it does not need.
            call = partial(implementation.function, **dict.fromkeys(implementation.argnames, activations))
            self.note_problems(self._origins[implementation.plugin_name], "hook", call)

    def isolated(
        self, origin: Origin, stage: Stage, seconds: float, timeout_message: str, work: Callable[[Deadline], _Result]
    ) -> _Result:
        """Run a part of a plugin: for so long at most, its warnings heard, what it changed for others put back.

        That is Altair's settings, and what a stranger's plugin replaces in the libraries that all share, which is noted
        among its problems.

        Args:
            origin: The plugin.
            stage: Which part of it runs.
            seconds: How long it may take between two signs of life.
            timeout_message: What to say when it took longer.
            work: Called with the deadline.

        Returns:
            What it returned.

        Raises:
            TimeoutError: If it took longer.
        """
        is_ours = origin.source == "built-in"
        undoing: AbstractContextManager[list[str]] = nullcontext([]) if is_ours else replacements_undone()
        with hearing() as notices, put_back():
            try:
                with undoing as replaced:
                    return run_within(seconds, timeout_message, work)
            finally:
                for notice in notices:
                    self._records.add_notice(origin, notice)
                if replaced:
                    self._records.add_problem(origin, replacement_problem(origin, stage, replaced))

    def _load_folders(self) -> bool:
        states = folder_state(self._settings)
        new_states = {path: state for path, state in states.items() if state != self._files.get(path)}
        removed_files = [path for path in self._files if path not in states]
        for path in removed_files:
            del self._files[path]
            key = file_source(path).origin.key
            self._withdraw(key)
            self._records.remove(key)
        for path, state in new_states.items():
            again = path in self._files
            self._files[path] = state
            self.load(file_source(path), again=again)
        return bool(new_states or removed_files)

    def _take_hooks(self, plugin: Any, origin: Origin) -> bool:
        try:
            fault, function = version_fault(plugin), None
            if not fault:
                fault, function = hook_fault(plugin)
        except Exception as error:
            # Looking at it may run code of its own.
            self._records.add_problem(origin, problem_of(origin, "registration", error))
            return False
        if fault:
            self._records.add_problem(
                origin, problem_of(origin, "registration", TypeError(fault), place_of(function or plugin))
            )
            return False
        if origin.source == "registered" and is_same_source(self._pluggy.get_plugin(origin.key), plugin):
            self._withdraw(origin.key)
            self._records.begin(origin)
        if origin.key in self._origins:
            # The first one stays as it is, and is not marked as failed by what comes after it.
            twin = replace(origin, twin=self._records.namesakes(origin))
            self._records.begin(twin)
            message = f"the name {origin.plugin!r} is taken by a plugin of {origin.in_words}; the first one stays"
            self._records.add_problem(twin, problem_of(twin, "registration", ValueError(message)))
            return False
        try:
            self._pluggy.register(plugin, name=origin.key)
        except Exception as error:
            # pluggy keeps a plugin whose validation failed.
            with suppress(Exception):
                self._pluggy.unregister(name=origin.key)
            self._records.add_problem(origin, problem_of(origin, "registration", error))
            return False
        self._origins[origin.key] = origin
        return True

    def _returned(self, plugin: Any, hook: str, without: str, origin: Origin) -> list[Any]:
        """Return what a hook of a plugin returns; nothing if it has no such hook.

        Args:
            plugin: The plugin.
            hook: Name of the hook.
            without: What it comes to if the hook returns nothing.
            origin: Where the plugin comes from.
        """
        brought: list[Any] = []
        for implementation in getattr(self._pluggy.hook, hook).get_hookimpls():
            if implementation.plugin is plugin:
                self.note_problems(origin, "hook", partial(_extend, brought, implementation.function))
                if not brought and not self._records.of(origin).problems:
                    self._records.add_notice(origin, f"{hook}() returned none, so {without}")
        return brought

    def _is_sound(
        self,
        brought: Any,
        origin: Origin,
        taken: Mapping[str, Any],
        fault_of: Callable[[Any], str],
    ) -> bool:
        """Note what is wrong with the declarations of what a plugin brought; True if nothing is.

        Args:
            brought: The picture, meaning, reader or loader.
            origin: Where it comes from.
            taken: Those that there are, by name.
            fault_of: Returns what is wrong.
        """
        try:
            fault = fault_of(brought)
        except Exception as error:
            # What is declared may be a property, and raise.
            self._records.add_problem(origin, problem_of(origin, "registration", error))
            return False
        if not fault and brought.name in taken:
            # By name, not by class identity: files are loaded again.
            holder = taken[brought.name].origin
            fault = f"the name {brought.name!r} is taken by {holder.plugin} of {holder.in_words}; the first one stays"
        if fault:
            wrong = TypeError(f"{type(brought).__name__}: {fault}")
            self._records.add_problem(origin, problem_of(origin, "registration", wrong, place_of(brought)))
        return not fault

    def _add_alone(self, brought: Any, origin: Origin) -> None:
        """Take in one thing by itself, in the place of what its class was before; that stays if it is not sound."""
        noun = noun_of(brought)
        before, names = self._brought[noun], self._names_of(noun, origin)
        replaced = forerunners(before, noun, brought, origin)
        self._brought[noun] = all_but(before, replaced)
        self._records.update(origin, **{f"{noun}s": tuple(name for name in names if name not in replaced)})
        with self._records.reported() as problems:
            if isinstance(brought, Visualizer):
                self._add(brought, origin, replaced)
            else:
                self._add_of(next(kind for kind in KINDS if kind.noun == noun), brought, origin)
        if problems:
            self._brought[noun] = before
            self._records.update(origin, **{f"{noun}s": names})
        elif is_defined_anew(brought):
            self._records.drop_problems(origin, "registration")

    def _add_of(self, kind: Kind, brought: Any, origin: Origin) -> None:
        if self._is_sound(brought, origin, self._brought[kind.noun], kind.fault_of):
            self._keep(kind.noun, brought.name, kind.entry(brought, origin))

    def _keep(self, noun: str, name: str, entry: Any) -> None:
        self._brought[noun][name] = entry
        self._records.update(entry.origin, **{f"{noun}s": (*self._names_of(noun, entry.origin), name)})

    def _names_of(self, noun: str, origin: Origin) -> tuple[str, ...]:
        names: tuple[str, ...] = getattr(self._records.of(origin), f"{noun}s")
        return names

    def _add(
        self,
        visualizer: Any,
        origin: Origin,
        earlier: Mapping[str, Entry],
        hook: str = "",
        api_version: int = API_VERSION,
    ) -> None:
        fault_of = partial(declaration_fault, hook=hook, may_be_empty=api_version < 2)
        if not self._is_sound(visualizer, origin, self._brought["visualizer"], fault_of):
            return
        if visualizer.handles.is_empty:
            self._records.add_notice(
                origin, f'{visualizer.name}: Handles() is deprecated; use Handles(layer_types=("Layer",))'
            )
        before = earlier.get(visualizer.name)
        self._keep("visualizer", visualizer.name, Entry(visualizer, origin, before.version + 1 if before else 0))

    def _withdraw(self, key: str) -> dict[str, Entry]:
        """Take out a plugin, and return what it had brought."""
        if self._pluggy.get_plugin(key) is not None:
            self._pluggy.unregister(name=key)
        self._origins.pop(key, None)
        withdrawn = {name: entry for name, entry in self.entries.items() if entry.origin.key == key}
        for noun, entries in self._brought.items():
            self._brought[noun] = {name: entry for name, entry in entries.items() if entry.origin.key != key}
        return withdrawn

    def _keep_broken(self, origin: Origin, earlier: Mapping[str, Entry]) -> None:
        """Keep what a file brought before it was broken, so that its tab shows the failure."""
        problems = self._records.of(origin).problems
        entries = self._brought["visualizer"]
        for name, entry in earlier.items():
            if name not in entries and problems:
                entries[name] = Entry(entry.visualizer, entry.origin, entry.version + 1, problems[-1])

    def _note_import(self, origin: Origin, clock: ImportClock) -> None:
        self._records.update(origin, import_seconds=clock.seconds)
        if clock.seconds <= SLOW_IMPORT_SECONDS or self._records.of(origin).problems:
            return
        package, seconds = clock.slowest()
        self._records.update(origin, slowest_import=package)
        self._records.add_notice(
            origin,
            f"importing it took {clock.seconds:.1f} s, of which {package or 'its own code'} {seconds:.1f} s; import "
            "what is slow inside chart()",
        )

    def reported_problems(self) -> AbstractContextManager[list[Problem]]:
        """Collect what goes wrong with plugins in a block."""
        return self._records.reported()

    def add_problem(self, origin: Origin, problem: Problem) -> None:
        """Note what went wrong with a plugin while it was asked."""
        self._records.add_problem(origin, problem)

    def note_problems(self, origin: Origin, stage: Stage, work: Callable[[], Any]) -> str:
        """Run a part of a plugin, note what it raises among its problems, and return that; empty if nothing."""
        try:
            self.isolated(
                origin, stage, self._seconds, f"it took more than {self._seconds:g} seconds", lambda _: work()
            )
        except (Exception, SystemExit) as error:
            problem = problem_of(origin, stage, error)
            self._records.add_problem(origin, problem)
            return problem.message
        return ""
