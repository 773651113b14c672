"""What every visitor of this server sees first: the model and the data that it was started with, if any."""

from __future__ import annotations

import os
from pathlib import Path

from core.examples.catalogue import list_examples
from core.workspace.app_command import DATA_VARIABLE, MODEL_VARIABLE
from core.workspace.run_sources import holds_run
from ui.choice import Choice

__all__ = ["holds_pictures", "is_starting_model", "starting_data", "take_start"]


def take_start(choice: Choice) -> bool:
    """Choose the model that the server was started with, where the address names none.

    Returns:
        Whether it is a recorded training, which has a page of its own.
    """
    model = os.environ.get(MODEL_VARIABLE, "")
    is_named = choice.example or choice.path or choice.upload or choice.shown_model or choice.example_run
    if not model or is_named:
        return False
    if _is_example(model):
        choice.come_from({"example": model})
    else:
        choice.come_from({"path": model})
    return holds_run(Path(model))


def starting_data(choice: Choice) -> Path | None:
    """Return the data that the server was started with, while the model that it is for is open; else None."""
    model, data = os.environ.get(MODEL_VARIABLE, ""), os.environ.get(DATA_VARIABLE, "")
    return Path(data) if data and model in (choice.example, choice.path) else None


def is_starting_model(path: str) -> bool:
    """Return whether a path is that of the model that the server was started with."""
    return bool(path) and path == os.environ.get(MODEL_VARIABLE)


def holds_pictures(path: Path) -> bool:
    """Return whether a path is plainly one of pictures."""
    return path.is_dir() or path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".zip")


def _is_example(name: str) -> bool:
    return any(example.name == name for example in list_examples())
