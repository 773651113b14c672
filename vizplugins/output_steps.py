"""An output that tells classes apart at each step: of a word, a moment, a base of DNA."""

import json

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import (
    CERTAIN,
    LEAST_PROBABILITY,
    LIKELY,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    are_distributions,
    are_sound,
    charts,
    hookimpl,
    is_distribution,
    probabilities_of_classes,
)

_MOST_TRACKS = 6
_BUCKETS = 300
_TOLD = 3
_GAP = 0.12
_BAND = 0.8


class ClassesPerStep(OutputMeaning):
    """A class at each step of a sequence: a track of its probability for each, and above them the one that wins."""

    name = "classes-per-step"
    title = "Classes per step"
    takes = "probabilities or logits of classes at each step of a sequence"
    loss_name = "cross-entropy per step"

    def match(self, output: OutputContext) -> float | str:
        """Take probabilities of shape (time, class), or (time, 1) of a sigmoid."""
        if not output.is_numeric or output.values.ndim != 2 or not output.values.size:
            return "needs two axes, time and class"
        if len(output.values) < 2:
            return "needs more than one step"
        if output.shape[1] == 1:
            if not output.is_sigmoid:
                return "needs more than one class"
            return CERTAIN if _is_set_against_classes(output) else CERTAIN - 0.2
        if output.function == "softmax" or are_distributions(output.values, are_sound(output.values)):
            return CERTAIN
        if _true_steps(output) is not None:
            return LIKELY
        return POSSIBLE

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw a band of the classes that win, and a track of each class's probability."""
        shares = _shares(output)
        shown, true = output.shown_steps, _true_steps(output)
        finite = are_sound(output.values)
        sound = finite & shown
        winner = np.where(sound, shares.argmax(axis=1), -1)
        count = shares.shape[1]
        names = [output.class_called(number) for number in range(count)]
        of_them = max(1, int(sound.sum()))
        steps_won = np.bincount(winner[sound], minlength=count) / of_them
        # The classes that win somewhere, and of the others those that come nearest to it.
        tracks = sorted(
            np.lexsort((-shares.max(axis=0, initial=0, where=sound[:, np.newaxis]), -steps_won))[:_MOST_TRACKS].tolist()
        )
        said = [f"{names[number]} {charts.percent(float(steps_won[number]))}" for number in np.argsort(-steps_won)]
        notes = [f"wins at: {', '.join(said[:_TOLD])}{', …' if count > _TOLD else ''}"] if sound.any() else []
        if true is not None and sound.any():
            right = float((winner == true)[sound].mean())
            notes.insert(0, f"{charts.percent(right, 1)} of the steps are right")
        missing = int((shown & ~finite).sum())
        if missing:
            of_all = charts.count_text(int(shown.sum()), "step")
            notes.append(f"{missing:,} of {of_all} {'is' if missing == 1 else 'are'} NaN or infinite: no class")
        if count > len(tracks):
            notes.append(f"{len(tracks)} of {count:,} classes are drawn")
        if output.padding_note:
            notes.append(output.padding_note)
        bands = [("wins", winner)] + ([("true", true)] if true is not None else [])
        chart = _chart(np.where(shown[:, np.newaxis], shares, np.nan), names, tracks, bands, height, output)
        words = f"{count:,} classes at {charts.count_text(int(shown.sum()), 'step')}"
        return MeaningAnswer(words, chart, "; ".join(notes), f"The model answers {words}.")

    def loss(self, output: OutputContext) -> float | None:
        """Return the mean cross-entropy of the steps."""
        true = _true_steps(output)
        if true is None:
            return None
        shares = _shares(output)
        own = shares[np.arange(len(true)), true][are_sound(output.values) & output.shown_steps]
        return float(-np.log(np.clip(own, LEAST_PROBABILITY, 1)).mean()) if len(own) else None


def _is_set_against_classes(output: OutputContext) -> bool:
    """Return whether true classes are known of the steps, and are something else than what went in."""
    return _true_steps(output) is not None and not output.is_to_answer_what_went_in


def _shares(output: OutputContext) -> np.ndarray:
    """Return the probability of each class at each step, shape ``(time, class)``; of logits by their softmax.

    Where the numbers of a step are NaN or infinite, its probabilities are NaN.
    """
    values = output.values.astype(np.float64)
    if values.shape[1] > 1 and (output.function == "softmax" or output.is_sigmoid):
        return np.where(are_sound(values)[:, np.newaxis], values, np.nan)
    shares = probabilities_of_classes(values, "half" if values.shape[1] == 1 else "largest")
    return values if shares is None else shares  # without any step there are none


def _true_steps(output: OutputContext) -> np.ndarray | None:
    """Return the true class of each step, shape ``(time,)``; None where it is not known."""
    value = output.true_value
    if value is None:
        return None
    count = max(2, output.shape[1])
    if output.shape[1] > 1 and value.shape == output.shape and is_distribution(value):
        return np.asarray(value.argmax(axis=1))
    flat = value.reshape(-1)
    is_whole = flat.size == len(output.values) and np.isin(flat, np.arange(count)).all()
    return flat.astype(np.int64) if is_whole else None


def _chart(
    shares: np.ndarray,
    names: list[str],
    tracks: list[int],
    bands: list[tuple[str, np.ndarray]],
    height: int,
    output: OutputContext,
) -> alt.LayerChart:
    """Draw tracks from the top down, a row each, all along one axis of steps, and padding in grey."""
    count, ruler = len(shares), output.ruler
    rows = [*(name for name, _ in bands), *(names[number] for number in tracks)]
    colours = dict(zip(tracks, charts.class_colours(len(tracks)), strict=True))
    steps = charts.StepAxis(None, ruler)
    scale, axis = charts.positions_scale(count), steps.axis(grid=False)
    title = None if ruler is None else ruler.title
    labels = alt.Axis(
        values=[row + 0.5 for row in range(len(rows))],
        labelExpr=f"{json.dumps(rows)}[floor(datum.value)]",
        grid=False,
        ticks=False,
        domain=False,
        labelLimit=110,
        labelOverlap=False,
    )
    down = alt.Scale(domain=[0, len(rows)], reverse=True, nice=False)
    shown = output.shown_steps
    runs = pd.concat([_runs(winner, shown, row, names, tracks, colours) for row, (_, winner) in enumerate(bands)])
    blocks = (
        alt.Chart(runs)
        .mark_rect()
        .encode(
            x=alt.X("left:Q", title=title, scale=scale, axis=axis),
            x2="right:Q",
            y=alt.Y("top:Q", scale=down, axis=labels, title=None),
            y2="bottom:Q",
            color=alt.Color("colour:N", scale=None),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("first:Q", title="from"), alt.Tooltip("last:Q", title="to")],
        )
    )
    frames = []
    for row, number in enumerate(tracks, start=len(bands)):
        kept = charts.thin(shares[:, number], buckets=_BUCKETS)
        value = shares[kept, number]
        bottom = row + 1 - _GAP / 2
        top = bottom - value * (1 - _GAP)
        frames.append(
            pd.DataFrame({"step": kept, "probability": value, "top": top, "bottom": bottom, "class": names[number]})
        )
    areas = [
        alt.Chart(steps.with_seconds(frame, "step"))
        .mark_area(color=colours[number], opacity=0.85, line={"color": colours[number], "strokeWidth": 1})
        .encode(
            x=alt.X("step:Q", title=title, scale=scale, axis=axis),
            y=alt.Y("top:Q", scale=down, axis=labels, title=None),
            y2="bottom:Q",
            tooltip=[
                alt.Tooltip("class:N"),
                alt.Tooltip("step:Q"),
                *steps.tooltip,
                alt.Tooltip("probability:Q", format=".4~g"),
            ],
        )
        for number, frame in zip(tracks, frames, strict=True)
    ]
    layers = [blocks, *areas]
    if not shown.all():
        layers.append(charts.masked_bands(shown, title, translucent=True))
    return alt.LayerChart(layer=layers, height=height, view=charts.FRAMELESS, autosize=charts.FIT)


def _runs(
    classes: np.ndarray,
    shown: np.ndarray,
    row: int,
    names: list[str],
    tracks: list[int],
    colours: dict[int, str],
) -> pd.DataFrame:
    """Return a block for each run of one class, none where there is padding.

    Where there are more steps than the screen shows, some stand together as the rarest class among them: a single
    step among thousands is what one looks for.
    """
    size = -(-len(classes) // (2 * _BUCKETS))
    nothing, padding = len(names), len(names) + 1
    classes = np.where(shown, np.where(classes >= 0, classes, nothing), padding)
    called = [*names, charts.NO_CLASS, ""]
    colours = {**colours, nothing: charts.NO_CLASS_COLOUR}
    often = np.bincount(classes)
    starts = np.arange(0, len(classes), size)
    shown = np.array([min(set(classes[at : at + size].tolist()), key=lambda each: often[each]) for at in starts])
    first = np.flatnonzero(np.concatenate([[True], shown[1:] != shown[:-1]]))
    begins = starts[first]
    ends = np.append(begins[1:], len(classes))
    numbers = shown[first]
    frame = pd.DataFrame(
        {
            "left": begins - 0.5,
            "right": ends - 0.5,
            "first": begins,
            "last": ends - 1,
            "top": row + (1 - _BAND) / 2,
            "bottom": row + (1 + _BAND) / 2,
            "class": [called[number] for number in numbers],
            "colour": [colours.get(number, charts.MUTED_COLOUR) for number in numbers],
        }
    )
    return frame[numbers != padding]


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [ClassesPerStep()]
