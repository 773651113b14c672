"""The loaders of model files that were found: which one takes a file for its own, and the model that it makes."""

from __future__ import annotations

from typing import Any

from core.common.limits import get_limits
from core.errors import ModelRefused
from core.models.other_loaders import ModelFileCopy
from core.plugins.file_registry import FileRegistry
from core.plugins.loaders import LoaderEntry, ModelLoader
from core.plugins.loading import LoadedPlugins

__all__ = ["LoaderRegistry"]


class LoaderRegistry(FileRegistry[ModelLoader]):
    """Every loader that was found; called with a file, it is what :func:`core.models.other_loaders.set_loaders` takes.

    Args:
        loaded: What brought them.
    """

    def __init__(self, loaded: LoadedPlugins) -> None:
        super().__init__(loaded, "loader", ModelRefused)

    def __call__(self, file: ModelFileCopy) -> tuple[Any, str, tuple[str, ...]]:
        """Let the first loader that takes a file for its own make a model of it.

        Returns:
            The model, or None; who made it, in words, empty for what ships with Layerscope; and a sentence for each
            that failed.

        Raises:
            ModelRefused: If a loader refuses the file.
        """
        entry, model, failures = self._first_result(file.name, lambda entry: self._load(entry, file))
        if entry is None or entry.origin.source == "built-in":
            return model, "", failures
        return model, f"{entry.loader.title} of {entry.origin.in_words or entry.origin.plugin}", failures

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
