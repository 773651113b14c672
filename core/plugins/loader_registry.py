"""The loaders of model files that were found: which one takes a file for its own, and the model that it makes.

A loader can fail at the same boundaries as a visualizer: import, registration and its hook are guarded in
:mod:`core.plugins.loading`, matching and loading here. One that fails is named, and the next one is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.common.limits import get_limits
from core.common.text import did_you_mean, safe_name, sentence
from core.errors import ModelRefused, PluginFailed
from core.models.other_loaders import ModelFileCopy
from core.plugins.loaders import LoaderEntry, ModelLoader
from core.plugins.loading import LoadedPlugins
from core.plugins.plugin import problem_of

__all__ = ["LoaderRegistry"]


class LoaderRegistry:
    """Every loader that was found; called with a file, it is what :func:`core.models.other_loaders.set_loaders` takes.

    Args:
        loaded: What brought them.
    """

    def __init__(self, loaded: LoadedPlugins) -> None:
        self._loaded = loaded

    @property
    def all(self) -> tuple[ModelLoader, ...]:
        """Every loader, in the order in which they are asked: strangers' first."""
        return tuple(entry.loader for entry in self._entries())

    def get(self, name: str) -> ModelLoader:
        """Return a loader by name.

        Raises:
            PluginFailed: If there is none of that name; the message names near ones.
        """
        loaders = self._loaded.loaders
        if name not in loaders:
            raise PluginFailed(
                f"There is no loader {name!r}{did_you_mean(name, loaders)}",
                plugin=name,
                remedy=f"There are: {', '.join(loaders)}.",
            )
        return loaders[name].loader

    def __call__(self, file: ModelFileCopy) -> tuple[Any, str, tuple[str, ...]]:
        """Let the first loader that takes a file for its own make a model of it.

        Returns:
            The model, or None; who made it, in words, empty for what ships with Layerscope; and a sentence for each
            that failed.

        Raises:
            ModelRefused: If a loader refuses the file.
        """
        failures: list[str] = []
        for entry in self._entries():
            origin = entry.origin
            try:
                if (model := self._load(entry, file)) is not None:
                    whose = f"{entry.loader.title} of {origin.in_words or origin.plugin}"
                    return model, "" if origin.source == "built-in" else whose, tuple(failures)
            except ModelRefused:
                raise
            # A plugin may raise anything; other BaseExceptions are left alone, since Streamlit stops a script with one.
            except (Exception, SystemExit) as error:
                problem = problem_of(origin, "hook", error)
                self._loaded.add_problem(origin, problem)
                whence = f" of {origin.in_words}" if origin.in_words else ""
                what = f"{entry.loader.title}, a loader{whence}, failed on {safe_name(file.name)}: {problem.in_words}"
                failures.append(sentence(what))
        return None, "", tuple(failures)

    def _entries(self) -> Sequence[LoaderEntry]:
        return sorted(self._loaded.loaders.values(), key=lambda entry: entry.origin.source == "built-in")

    def _load(self, entry: LoaderEntry, file: ModelFileCopy) -> Any:
        seconds = get_limits().request_seconds
        loader = entry.loader

        def load() -> Any:
            is_its_own = loader.match(file)
            if not isinstance(is_its_own, bool):
                raise TypeError(f"match() returned {type(is_its_own).__name__}, True or False is needed")
            if not is_its_own:
                return None
            import keras

            model = loader.load(file)
            if not isinstance(model, keras.Model):
                raise TypeError(f"load() returned {type(model).__name__}, a keras.Model is needed")
            return model

        return self._loaded.isolated(
            entry.origin, "hook", seconds, f"it took more than {seconds:g} seconds", lambda _: load()
        )
