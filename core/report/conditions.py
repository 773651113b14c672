"""When a report fails: conditions such as ``dead>20%``, for a job that guards a model with them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.analysis.health import FEWEST_SAMPLES
from core.common.text import did_you_mean, number_text, percent
from core.errors import InputRejected
from core.report.numbers import NAMES_OF_KINDS, SHARES, ReportNumbers

__all__ = ["MEASURES", "Condition", "Verdict", "failures", "judge", "parse_condition"]

Outcome = Literal["held", "failed", "not checked"]

MEASURES: Final[Mapping[str, str]] = {
    "nan": "share of a layer's units that answer NaN or an infinite number to a sample; without a number: any",
    "dead": "share of a layer's units that are ReLUs and zero for every sample; without a number: any",
    "constant": "share of a layer's units that answer the same to every sample; without a number: any",
    "saturated": "share of a layer's units that are nearly always at a bound; without a number: any",
    "alike": "share of a layer's units that correlate with another by more than 0.99; without a number: any",
    "always-on": "share of a layer's units that are ReLUs and never zero; without a number: any",
    "drift": "how many standard deviations of training the mean of what goes into a normalization layer lies from that "
    "of training, in its channel that is furthest off",
    "change": "how far a layer's answers differ from those of the second model, in units of its own",
    "accuracy": "share of the samples with a label that are answered correctly",
    "loss": "how far the answers are off in the mean over the samples",
}
"""What can be asked for, and what it is."""
_KINDS: Final = {name: kind for kind, name in NAMES_OF_KINDS.items()}
_OF_WHOLE: Final = ("accuracy", "loss")
_ARE_SHARES: Final = (*(name for name in MEASURES if _KINDS.get(name, name) in SHARES), "accuracy")
_SIGNS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER: Final = r"\d+\.?\d*(?:e[+-]?\d+)?|\.\d+"
_WRITTEN: Final = re.compile(rf"\s*([a-z][a-z -]*?)\s*(?:(>=|<=|>|<)\s*({_NUMBER})\s*(%?))?\s*", re.IGNORECASE)
_MOST_TOLD: Final = 5


@dataclass(frozen=True)
class Condition:
    """A condition under which a report fails, such as ``dead>20%``.

    Attributes:
        text: As it was written.
        name: Which of :data:`MEASURES`.
        sign: ``">"``, ``">="``, ``"<"`` or ``"<="``.
        limit: What it is compared with; a share is from 0 to 1.
    """

    text: str
    name: str
    sign: str
    limit: float

    def is_met(self, value: float) -> bool:
        """Return whether a number is one with which the report fails; one that is not a number always is."""
        return value != value or _SIGNS[self.sign](value, self.limit)

    def in_words(self, value: float) -> str:
        """Return a number as it is written: a share in per cent, drift in σ."""
        if self.name in _ARE_SHARES:
            return percent(value)
        return f"{number_text(value)} σ" if self.name == "drift" else number_text(value)


@dataclass(frozen=True)
class Verdict:
    """What came of a condition: ``outcome``, and a sentence on it. What could not be checked counts as failed."""

    condition: str
    outcome: Outcome
    text: str

    @property
    def passed(self) -> bool:
        """Whether the report does not fail by it."""
        return self.outcome == "held"


def parse_condition(text: str) -> Condition:
    """Return what a condition says, such as ``"dead>20%"``, ``"nan"``, ``"drift>3"`` or ``"accuracy<0.9"``.

    Raises:
        InputRejected: If it is written in another way, or asks for something that is not known.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise InputRejected(
            f"'{text}' is no condition.", remedy=f"Write a name, and a limit: dead>20%, nan, accuracy<0.9. {_known()}"
        )
    name, sign, number, per_cent = written.groups()
    name = _name(name)
    if name not in MEASURES:
        raise InputRejected(f"There is no measure '{name}'{did_you_mean(name, MEASURES)}", remedy=_known())
    is_share = name in _ARE_SHARES
    if sign is None:
        if not is_share or name in _OF_WHOLE:
            example = {"accuracy": "accuracy<0.9", "drift": "drift>3"}.get(name, f"{name}>0.5")
            raise InputRejected(f"'{text}' says no limit.", remedy=f"Write one, such as {example}.")
        return Condition(text, name, ">", 0.0)
    limit = float(number) / (100 if per_cent else 1)
    if is_share and limit > 1:
        raise InputRejected(
            f"'{text}': this is a share, from 0 to 1 or in per cent.", remedy=f"Write {name}{sign}{number}%."
        )
    if per_cent and not is_share:
        raise InputRejected(f"'{text}': this is no share.", remedy=f"Write a number without %: {MEASURES[name]}.")
    return Condition(text, name, sign, limit)


def judge(condition: Condition, numbers: ReportNumbers) -> Verdict:
    """Return what comes of a condition.

    Args:
        condition: When the report fails.
        numbers: Of the report.
    """
    if condition.name in _OF_WHOLE:
        return _judge_whole(condition, numbers)
    values = _by_layer(condition.name, numbers)
    if not values:
        return _judge_nothing(condition, numbers)
    met = {layer: value for layer, value in values.items() if condition.is_met(value)}
    if not met:
        is_upper = condition.sign.startswith(">")
        at, value = (max if is_upper else min)(values.items(), key=lambda each: each[1])
        most = "most" if is_upper else "least"
        return Verdict(condition.text, "held", f"The {most} is {condition.in_words(value)}, in {at}.")
    worst = sorted(met.items(), key=lambda each: -each[1])
    told = ", ".join(f"{layer} ({condition.in_words(value)})" for layer, value in worst[:_MOST_TOLD])
    more = f" and {len(worst) - _MOST_TOLD:,} more" if len(worst) > _MOST_TOLD else ""
    return Verdict(condition.text, "failed", f"{_subject(condition)} {told}{more}.")


def _judge_whole(condition: Condition, numbers: ReportNumbers) -> Verdict:
    value = numbers.accuracy if condition.name == "accuracy" else numbers.loss
    if value is None:
        return Verdict(
            condition.text, "not checked", "The samples have no labels that the answers could be judged by: give some."
        )
    what = "The accuracy" if condition.name == "accuracy" else f"The {numbers.loss_name or 'loss'}"
    count = numbers.judged_count if condition.name == "accuracy" else numbers.sample_count
    text = f"{what} is {condition.in_words(value)} over {count:,} samples."
    return Verdict(condition.text, "failed" if condition.is_met(value) else "held", text)


def _judge_nothing(condition: Condition, numbers: ReportNumbers) -> Verdict:
    """Return what comes of a condition on layers of which none was checked."""
    if condition.name == "change":
        reason = numbers.comparison_refusal or "There is no second model: give one to compare with."
        return Verdict(condition.text, "not checked", reason)
    if condition.name == "nan" or not numbers.has_enough_samples:
        return Verdict(
            condition.text,
            "not checked",
            f"{numbers.sample_count:,} samples are too few to say anything of units: give {FEWEST_SAMPLES} or more.",
        )
    if condition.name == "drift":
        return Verdict(
            condition.text,
            "not checked",
            "No layer keeps statistics of training that the samples could be compared with: leave the condition out.",
        )
    return Verdict(condition.text, "held", "This model has no layer of which it could be true.")


def _by_layer(name: str, numbers: ReportNumbers) -> dict[str, float]:
    """Return the number of each layer that was checked; of drift, however it goes."""
    values: dict[str, float] = {}
    for layer in numbers.layers:
        if name == "drift":
            value = None if layer.drift is None else abs(layer.drift)
        elif name == "change":
            value = layer.change
        else:
            value = layer.shares.get(_KINDS.get(name, name))
        if value is not None:
            values[layer.layer] = value
    return values


def _subject(condition: Condition) -> str:
    if condition.name == "drift":
        return "What goes in lies elsewhere than in training, in"
    if condition.name == "change":
        return "It differs from the second model, in"
    named = {"nan": "NaN or infinite answers", "alike": "Units that are alike", "always-on": "Units that are always on"}
    return f"{named.get(condition.name, f'{condition.name.capitalize()} units')} in"


def _name(text: str) -> str:
    name = text.strip().lower().replace(" ", "-")
    return {"inf": "nan", "not-finite": "nan"}.get(name, name)


def _known() -> str:
    return f"There are: {', '.join(MEASURES)}."


def failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line for each condition by which a report fails."""
    reasons = {"failed": "", "not checked": "could not be checked. "}
    return [f"{each.condition}: {reasons[each.outcome]}{each.text}" for each in verdicts if not each.passed]
