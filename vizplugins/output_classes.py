"""An output that tells classes apart: probabilities or logits, the strongest on top; and one that is text."""

from collections import Counter

import numpy as np
import pandas as pd

from vizplugins import (
    CERTAIN,
    LEAST_PROBABILITY,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    answered_classes,
    charts,
    hookimpl,
    is_distribution,
    probabilities_of_classes,
)

_UNIFORM = 0.05


class ClassProbabilities(OutputMeaning):
    """One of several classes: the likeliest, and how sure the model is."""

    name = "classes"
    title = "Class probabilities"
    takes = "a row of probabilities or logits of classes"
    tells_classes = True
    loss_name = "cross-entropy"

    def match(self, output: OutputContext) -> float | str:
        """Take what is known to tell classes apart, and offer itself for any row of numbers."""
        if not output.is_numeric or output.values.ndim != 1 or not output.values.size:
            return "needs one number for each class"
        if _best(output) is not None:
            return CERTAIN
        return POSSIBLE if output.values.size > 1 else "needs more than one number"

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw a bar for each of the strongest classes, and for the true one."""
        values = output.values.astype(np.float32)
        # The logit of a class that a model rules out may be minus infinity.
        broken = np.isnan(values) | np.isposinf(values)
        if broken.any():
            told = f"{int(broken.sum()):,} of its {values.size:,} numbers are NaN or infinite"
            return MeaningAnswer(charts.NO_CLASS, note=told, alt="The model answers no class.")
        chosen = _best(output)
        best = int(np.nan_to_num(values, nan=-np.inf).argmax()) if chosen is None else chosen
        shares = _shares(output)
        are_probabilities = output.rule == "half" if len(values) == 1 else is_distribution(values)
        are_shares = shares is not None and (are_probabilities or len(values) == 1)
        drawn = shares if shares is not None and are_shares else values
        name = output.class_called(best)
        probability = float(shares[best]) if shares is not None and are_probabilities else None
        notes = []
        if shares is not None and not are_probabilities:
            how = "sigmoid of the logit" if len(values) == 1 else "softmax of the logits"
            notes.append(f"{how}: {charts.percent(float(shares[best]))}")
        if shares is not None and _nearly_uniform(shares):
            each = charts.percent(1 / len(shares))
            notes.append(f"practically uniform: each of {len(shares):,} classes has about {each}")
        frame = _top_classes(drawn, output, charts.bar_rows(height), are_shares)
        others = "; ".join(f"{row.name} {row.label}" for row in frame.itertuples(index=False) if row.number != best)
        own = frame.loc[frame["number"] == best, "label"]
        spoken = f"The model answers {name}{f' with {own.iloc[0]}' if len(own) else ''}"
        what, reach = ("Probability", charts.PROBABILITIES) if are_shares else ("Output", None)
        return MeaningAnswer(
            name,
            charts.answer_bars(frame, what, height, reach=reach, rows_are="class" if are_shares else "output"),
            "; ".join(notes),
            f"{spoken}{f', then {others}' if others else ''}.",
            is_class=True,
            probability=probability,
            right=None if output.true_class is None else best == output.true_class,
        )

    def loss(self, output: OutputContext) -> float | None:
        """Return the cross-entropy of the true class."""
        shares, true = _shares(output), output.true_class
        if shares is None or true is None or true >= len(shares):
            return None
        return float(-np.log(np.clip(shares[true], LEAST_PROBABILITY, 1)))


class Text(OutputMeaning):
    """What the model writes."""

    name = "text"
    title = "Text"
    takes = "text"
    tells_classes = True

    def match(self, output: OutputContext) -> float | str:
        """Take what is no number."""
        return "needs text" if output.is_numeric else CERTAIN

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Say it as it stands."""
        texts = [
            each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in output.values.flat
        ]
        text = " ".join(texts)
        best = answered_classes(output.values[np.newaxis], output.rule, output.class_names)
        right = None if output.true_class is None or best is None else bool(int(best[0]) == output.true_class)
        return MeaningAnswer(text, alt=f"The model answers {text}.", right=right, is_text=True)


def _best(output: OutputContext) -> int | None:
    chosen = answered_classes(output.values[np.newaxis], output.rule, output.class_names)
    return None if chosen is None else int(chosen[0])


def _shares(output: OutputContext) -> np.ndarray | None:
    """Return the probability of each class, shape ``(class,)``; None where the output does not tell it."""
    rule = output.rule
    if _best(output) is None:
        rule = "largest"  # a person takes them for classes
    found = probabilities_of_classes(output.values[np.newaxis], rule, output.function)
    return None if found is None or not np.isfinite(found).all() else found[0]


def _nearly_uniform(probabilities: np.ndarray) -> bool:
    """Return whether no class stands out: the largest is within 5 % of one by the number of classes."""
    return len(probabilities) > 1 and float(probabilities.max()) * len(probabilities) <= 1 + _UNIFORM


def _top_classes(values: np.ndarray, output: OutputContext, rows: int, are_probabilities: bool) -> pd.DataFrame:
    """Return a row for each of the strongest classes, the strongest first, and one for the true class."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    shown = order if len(order) <= rows else order[: rows - 1]
    true = output.true_class
    if true is not None and true < len(values) and true not in shown:
        shown = np.append(shown, true)
    frame = pd.DataFrame({"number": shown, "value": values[shown].astype(np.float64)})
    called = [output.class_called(int(number)) for number in shown]
    # Bars of the same name would be drawn as one.
    times = Counter(called)
    frame["name"] = [
        name if times[name] == 1 else f"{name} ({number})" for name, number in zip(called, shown, strict=True)
    ]
    written = charts.percent if are_probabilities else charts.number_text
    frame["label"] = [written(value) if np.isfinite(value) else charts.number_text(value) for value in frame["value"]]
    frame["true"] = frame["number"] == (-1 if true is None else true)
    return frame


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [ClassProbabilities(), Text()]
