"""What came of running layers again: which were reproduced, and of the others why not, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from core.common.text import count_text, number_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Outcome", "Verification", "VerifiedLayer", "joined_verifications"]

Outcome: TypeAlias = Literal["exact", "close", "differs", "random", "stateful", "not checked"]
_MOST_NAMED: Final = 4
_SEVERITY: Final = ("exact", "close", "not checked", "stateful", "random", "differs")


@dataclass(frozen=True)
class VerifiedLayer:
    """What came of one layer's call, or of the model itself.

    Attributes:
        key: Key of the call; of the model its name.
        type_name: Class of the layer.
        outcome: ``"exact"``: every number is the same. ``"close"``: the largest difference is within ``tolerance``.
            ``"differs"``: it is not. ``"random"``: it draws random numbers, and answers otherwise by another seed.
            ``"stateful"``: it answers otherwise to the same input when it is called once more. ``"not checked"``: it
            was not run again, or not compared, for the reason in ``note``.
        difference: The largest difference between a number and what was recorded, in units of the largest number that
            was recorded; None where nothing was compared.
        tolerance: The largest difference that counts as rounding, for the type of numbers that the layer works in.
        note: Why, or what else is known; empty where nothing is to be said.
    """

    key: str
    type_name: str
    outcome: Outcome
    difference: float | None = None
    tolerance: float = 0.0
    note: str = ""

    @property
    def is_reproduced(self) -> bool:
        """Whether it was run again and gave what was recorded, exactly or within the tolerance."""
        return self.outcome in ("exact", "close")


@dataclass(frozen=True)
class Verification:
    """What came of running every layer of a pass again, and the model without recording.

    Attributes:
        layers: One per call whose answer is kept, in call order, and those that have no values.
        model: What the compiled model answered without recording, against what was recorded.
        sample_count: How many samples each layer was called with again.
        parts: Keys of what layers keep to themselves, such as states: worked out beside the answer, and not checked.
    """

    layers: tuple[VerifiedLayer, ...]
    model: VerifiedLayer
    sample_count: int
    parts: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[VerifiedLayer, ...]:
        """The layers that did not give what was recorded, and the model if it did not."""
        return tuple(each for each in (*self.layers, self.model) if each.outcome == "differs")

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs, and at least one layer or the model itself was reproduced."""
        return not self.differing and any(each.is_reproduced for each in (*self.layers, self.model))

    @property
    def text(self) -> str:
        """All of it in a few sentences."""
        return f"{self.text_of_layers} {self.text_of_model}"

    @property
    def text_of_layers(self) -> str:
        """How many layers were reproduced, and which were not and why, in a sentence."""
        exact = self._of("exact")
        said = [f"{len(exact):,} of {count_text(len(self.layers), 'layer')} reproduced exactly"]
        for outcome, words in _WORDS.items():
            found = self._of(outcome)
            said += [words(found)] if found else []
        kept = f" What layers keep to themselves ({_listed(self.parts)}) was not checked." if self.parts else ""
        return f"{', '.join(said)}.{kept}"

    @property
    def text_of_model(self) -> str:
        """What the model answered without recording, in a sentence."""
        model = self.model
        without = "Without recording the model"
        if model.outcome == "exact":
            return f"{without} answers exactly the same."
        if model.outcome in ("close", "differs"):
            but = "the same but for rounding" if model.outcome == "close" else "something else"
            note = f" ({model.note})" if model.note else ""
            return f"{without} answers {but}: largest relative difference {number_text(model.difference or 0)}{note}."
        if model.outcome == "not checked":
            return f"The model without recording was not checked: {model.note}."
        return f"{without} cannot be compared: it is {model.outcome} ({model.note})."

    def to_frame(self) -> pd.DataFrame:
        """Return a row per layer, and the model as the last: layer, type, outcome, difference, tolerance, note."""
        import pandas as pd

        rows = [*self.layers, self.model]
        columns = ("key", "type_name", "outcome", "difference", "tolerance", "note")
        frame = pd.DataFrame({column: [getattr(row, column) for row in rows] for column in columns})
        return frame.rename(columns={"key": "layer", "type_name": "type"})

    def __str__(self) -> str:
        return self.text

    def _of(self, outcome: str) -> list[VerifiedLayer]:
        return [layer for layer in self.layers if layer.outcome == outcome]


def joined_verifications(parts: Sequence[Verification]) -> Verification:
    """Return what came of some layers, and of others of the same model, as one; at least one part."""
    by_key: dict[str, VerifiedLayer] = {}
    for layer in (layer for part in parts for layer in part.layers):
        by_key.setdefault(layer.key, layer)
    internals = dict.fromkeys(key for part in parts for key in part.parts)
    # The worst of what was seen of the model: it was run with each part.
    model = max((part.model for part in parts), key=lambda model: _SEVERITY.index(model.outcome))
    return Verification(tuple(by_key.values()), model, parts[0].sample_count, tuple(internals))


def _close(layers: Sequence[VerifiedLayer]) -> str:
    largest = max(layer.difference or 0.0 for layer in layers)
    return f"{len(layers):,} but for rounding (largest relative difference {number_text(largest)})"


def _differ(layers: Sequence[VerifiedLayer]) -> str:
    notes = {layer.key: f", {layer.note}" if layer.note else "" for layer in layers}
    named = [f"{layer.key} by {_amount(layer.difference)}{notes[layer.key]}" for layer in layers]
    return f"{len(layers):,} {'differs' if len(layers) == 1 else 'differ'} ({_listed(named)})"


def _random(layers: Sequence[VerifiedLayer]) -> str:
    types = list(dict.fromkeys(layer.type_name for layer in layers))
    return f"{len(layers):,} {_is(layers)} random ({_listed(types)})"


def _stateful(layers: Sequence[VerifiedLayer]) -> str:
    return f"{len(layers):,} {_is(layers)} stateful ({_listed([layer.key for layer in layers])})"


def _not_checked(layers: Sequence[VerifiedLayer]) -> str:
    reasons = list(dict.fromkeys(layer.note for layer in layers))
    named = _listed([layer.key for layer in layers])
    why = f"{named}: {reasons[0]}" if len(reasons) == 1 else named
    return f"{len(layers):,} {'was' if len(layers) == 1 else 'were'} not checked ({why})"


_WORDS: Final[dict[str, Callable[[Sequence[VerifiedLayer]], str]]] = {
    "close": _close,
    "differs": _differ,
    "random": _random,
    "stateful": _stateful,
    "not checked": _not_checked,
}


def _is(layers: Sequence[VerifiedLayer]) -> str:
    return "is" if len(layers) == 1 else "are"


def _amount(difference: float | None) -> str:
    return "another shape or text" if difference is None else f"{number_text(difference)} of its largest number"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
