"""The examples that Layerscope opens without any file of the user's.

Each example is a folder beside this module, named like the example: ``model.keras`` (the trained model),
``early.keras`` (what it was after its first epoch), ``samples.npz`` (data that the model has not seen in training) and
``card.json`` (what the person should know). ``train.py`` writes all of them. Nothing here imports TensorFlow, so that a
list of examples costs nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.common.text import count_text
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
        class_names: What the model tells apart, in the order of its output units; empty where it tells none.
        featured_layer: Name of the layer that is worth looking at first.
        input_kind: ``"image"``, ``"vector"``, ``"sequence"`` or ``"text"``.
        quality: What its answers to held-out samples are worth, in a sentence; the shipped ones are some of them.
        source: Where the data is from.
        license: Terms of the data.
        feature_names: Names of a sequence's channels, in order; empty where they have none.
        early_epochs: After how many epochs the model was as :attr:`early_model_path` has it.
        early_quality: What the answers of that to held-out samples are worth, in a sentence.
    """

    name: str
    title: str
    description: str
    class_names: tuple[str, ...]
    featured_layer: str
    input_kind: str
    quality: str
    source: str
    license: str
    feature_names: tuple[str, ...] = ()
    early_epochs: int = 0
    early_quality: str = ""

    @property
    def model_path(self) -> Path:
        """The ``.keras`` file."""
        return FOLDER / self.name / "model.keras"

    @property
    def early_model_path(self) -> Path:
        """The ``.keras`` file of the same model early in a training by the same recipe, from the same seed."""
        return FOLDER / self.name / "early.keras"

    @property
    def early_name(self) -> str:
        """What to call that, such as ``"digits-cnn after 1 epoch"``."""
        return f"{self.name} after {count_text(self.early_epochs, 'epoch')}"

    def samples(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return held-out samples: inputs by input name, and labels.

        Axes of an input: (sample, *the model's input shape without its batch axis); float32, or unicode for text.
        Labels are classes, int64, an index into ``class_names`` for each sample or each of its pixels; or, where there
        are no names, what the model is to answer, float32.
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
