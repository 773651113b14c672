"""What is known of each plugin, kept apart from the loading that finds it out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.plugins.plugin import Origin, Plugin, Problem, Stage

__all__ = ["PluginRecords"]


class PluginRecords:
    """The plugins that were found, in that order, each with its problems and notices.

    Args:
        lock: Whoever loads plugins holds it; what another thread notes or asks for waits until that is done.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._plugins: dict[str, Plugin] = {}
        self._listeners: list[list[Problem]] = []

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin."""
        with self._lock:
            return tuple(self._plugins.values())

    def of(self, origin: Origin) -> Plugin:
        """Return the plugin from an origin, as it is known by now."""
        with self._lock:
            return self._plugins.get(origin.key, origin.plain())

    def begin(self, origin: Origin, **attributes: Any) -> None:
        """Take in a plugin of which nothing else is known yet, or any more."""
        with self._lock:
            self._plugins[origin.key] = origin.plain().but(**attributes)

    def ensure(self, origin: Origin) -> Plugin:
        """Return the plugin from an origin, which is taken in if it is new."""
        with self._lock:
            return self._plugins.setdefault(origin.key, origin.plain())

    def update(self, origin: Origin, **attributes: Any) -> None:
        """Change what is known of a plugin."""
        with self._lock:
            self._plugins[origin.key] = self._plugins[origin.key].but(**attributes)

    def remove(self, key: str) -> None:
        """Forget a plugin whose file is gone."""
        with self._lock:
            self._plugins.pop(key, None)

    def namesakes(self, origin: Origin) -> int:
        """Return how many plugins there are whose origin is told apart by nothing but the number of the twin."""
        with self._lock:
            return sum(key.startswith(origin.key) for key in self._plugins)

    @contextmanager
    def reported(self) -> Iterator[list[Problem]]:
        """Collect what goes wrong in the block, that too which was noted before."""
        with self._lock:
            problems: list[Problem] = []
            self._listeners.append(problems)
            try:
                yield problems
            finally:
                # By identity: two lists that are equal are two.
                self._listeners = [each for each in self._listeners if each is not problems]

    def add_problem(self, origin: Origin, problem: Problem) -> None:
        """Note what went wrong; the plugin counts as failed then."""
        with self._lock:
            for listener in self._listeners:
                listener.append(problem)
            problems = self._plugins[origin.key].problems
            # A hook that fails at every forward pass is one problem.
            if problem not in problems:
                self.update(origin, status="failed", problems=(*problems, problem))

    def drop_problems(self, origin: Origin, stage: Stage) -> None:
        """Forget what went wrong with a plugin at a stage that it has passed by now."""
        with self._lock:
            problems = tuple(problem for problem in self.of(origin).problems if problem.stage != stage)
            self.update(origin, status="failed" if problems else "ready", problems=problems)

    def add_notice(self, origin: Origin, notice: str) -> None:
        """Note what its author should know; a plugin that was removed meanwhile has none."""
        with self._lock:
            plugin = self._plugins.get(origin.key)
            if plugin is not None and notice not in plugin.notices:
                self.update(origin, notices=(*plugin.notices, notice))
