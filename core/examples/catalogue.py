"""The examples that Layerscope opens without any file of the user's.

Each example is a folder beside this module, named like the example: ``model.keras`` (the trained model),
``samples.npz`` (data that the model has not seen in training) and ``card.json`` (what the person should know).
``train.py`` writes all three. Nothing here imports TensorFlow, so that a list of examples costs nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.errors import InputRejected

__all__ = ["Example", "get_example", "list_examples"]

FOLDER: Final = Path(__file__).parent
FIRST: Final = "digits-cnn"  # pictures need the least explanation, so a newcomer meets them first
INPUT_PREFIX: Final = "input:"  # keeps an input called "labels" apart from the labels


@dataclass(frozen=True)
class Example:
    """A trained model with samples that it has not seen.

    Args:
        name: Name of the example and of its folder.
        title: A few words for a list of examples.
        description: One or two sentences for a newcomer.
        class_names: What the model tells apart, in the order of its output units.
        featured_layer: Name of the layer that is worth looking at first.
        input_kind: ``"image"``, ``"vector"``, ``"sequence"`` or ``"text"``.
        accuracy: Share of all held-out samples that the model classifies correctly, 0 to 1.
        held_out_count: Number of held-out samples behind ``accuracy``; the shipped ones are part of them.
        source: Where the data is from.
        license: Terms of the data.
        feature_names: Names of a sequence's channels, in order; empty where they have none.
    """

    name: str
    title: str
    description: str
    class_names: tuple[str, ...]
    featured_layer: str
    input_kind: str
    accuracy: float
    held_out_count: int
    source: str
    license: str
    feature_names: tuple[str, ...] = ()

    @property
    def model_path(self) -> Path:
        """The ``.keras`` file."""
        return FOLDER / self.name / "model.keras"

    def samples(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return held-out samples: inputs by input name, and labels.

        Axes of an input: (sample, *the model's input shape without its batch axis); float32, or unicode for text.
        Labels have the axis (sample); int64, each an index into ``class_names``.
        """
        with np.load(FOLDER / self.name / "samples.npz", allow_pickle=False) as archive:
            inputs = {key.removeprefix(INPUT_PREFIX): archive[key] for key in archive if key.startswith(INPUT_PREFIX)}
            return inputs, archive["labels"]


def list_examples() -> tuple[Example, ...]:
    """Return all examples, the one for newcomers first, the others by name."""
    cards = (_read_card(path) for path in FOLDER.glob("*/card.json"))
    return tuple(sorted(cards, key=lambda example: (example.name != FIRST, example.name)))


def get_example(name: str) -> Example:
    """Return the example called ``name``.

    Raises:
        InputRejected: There is no such example.
    """
    examples = {example.name: example for example in list_examples()}
    try:
        return examples[name]
    except KeyError as error:
        raise InputRejected(
            f"There is no example called {name!r}.", remedy=f"The examples are: {', '.join(examples)}."
        ) from error


def _read_card(path: Path) -> Example:
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    # JSON has no tuples, and a frozen example must not carry lists.
    for key in ("class_names", "feature_names"):
        card[key] = tuple(card.get(key, ()))
    return Example(**card)
