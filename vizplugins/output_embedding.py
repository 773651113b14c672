"""An output that is a place among others: an embedding, said by the samples that lie nearest to it."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    charts,
    hookimpl,
    sample_pictures,
)

_NAMES = (
    "embed",
    "embeds",
    "embedded",
    "embedding",
    "embeddings",
    "latent",
    "latents",
    "code",
    "codes",
    "feature",
    "features",
    "encode",
    "encoded",
    "encoder",
    "encoding",
    "encodings",
    "representation",
    "representations",
    "bottleneck",
)
_NEAREST = 5
_TILE = 66
_LENGTH = 1e-3


class Embedding(OutputMeaning):
    """A place among the samples that are open: those nearest to it, by the cosine of the angle between them."""

    name = "embedding"
    title = "Embedding"
    takes = "a row of numbers, where other samples are open"

    def match(self, output: OutputContext) -> float | str:
        """Take a row of numbers that is no answer by itself, where there are other samples."""
        if not output.is_numeric or output.values.ndim != 1 or output.values.size < 2:
            return "needs a row of numbers"
        if output.samples is None:
            return "needs other samples"
        if output.function == "softmax" or output.is_sigmoid or len(output.class_names) == output.values.size:
            return POSSIBLE
        is_unit = abs(float(np.linalg.norm(output.values.astype(np.float64))) - 1) < _LENGTH
        if is_unit and output.sounds_like(*_NAMES):
            return CERTAIN + 0.05  # labels tell what the samples are, and are no units of it
        if output.rule == "largest" or output.true_class is not None:
            return POSSIBLE
        if output.truth is not None:
            return POSSIBLE
        if output.sounds_like(*_NAMES):
            return CERTAIN
        if is_unit:
            return LIKELY + 0.1
        return POSSIBLE  # logits of a classifier or the worth of actions are rows of numbers too

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw the nearest samples, each with its similarity."""
        words = f"{output.values.size:,} numbers"
        broken = int((~np.isfinite(output.values)).sum())
        if broken:
            some = f"{broken:,} of {words}" if broken < output.values.size else f"all {words}"
            note = f"{some} are NaN or infinite: nothing lies near to that"
            return MeaningAnswer(words, None, note, f"The model answers an embedding of {words}.")
        length = float(np.linalg.norm(output.values.astype(np.float64)))
        spoken = f"The model answers an embedding of {words}, its length is {charts.number_text(length)}."
        answers = np.empty((0, 0)) if output.samples is None else output.samples.answers()
        if output.samples is None or answers.ndim != 2 or answers.shape[1] != output.values.size or len(answers) < 2:
            return MeaningAnswer(words, None, "needs at least two samples: open more of them", spoken)
        similarity = _cosine(answers.astype(np.float32, copy=False), output.values.astype(np.float32))
        if output.samples.position < len(similarity):
            similarity[output.samples.position] = -np.inf
        rows = _NEAREST if height < 200 else 3 * _NEAREST
        nearest = np.argsort(-similarity, kind="stable")[:rows]
        nearest = nearest[np.isfinite(similarity[nearest])]
        if not len(nearest):
            return MeaningAnswer(words, None, "no other sample has an embedding that is a number", spoken)
        numbers = [int(number) for number in nearest]
        frame = pd.DataFrame({"sample": numbers, "name": [output.samples.name_of(number) for number in numbers]})
        frame["class"] = ""
        frame["similarity"] = similarity[nearest]
        frame = sample_pictures.with_pictures(frame, output.samples.drawable(numbers))
        told = "; ".join(
            f"{name} {near:.3f}" for name, near in zip(frame["name"][:3], frame["similarity"][:3], strict=True)
        )
        note = f"nearest of {len(answers):,} samples by cosine similarity; length {charts.number_text(length)}"
        return MeaningAnswer(words, _tiles(frame, height), note, f"{spoken} Nearest: {told}.")


def _cosine(rows: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Return the cosine of the angle between each row, ``(sample, number)``, and one; −∞ where it is no number."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows)) * np.linalg.norm(one)
    cosine = rows @ one / np.where(lengths > 0, lengths, 1)
    return np.where(np.isfinite(cosine), cosine, -np.inf)


def _tiles(frame: pd.DataFrame, height: int) -> alt.LayerChart | alt.Chart:
    """Draw the samples in rows of five, each with its name and similarity under it."""
    step = _TILE + 34
    frame = frame.assign(number=range(len(frame)))
    frame["left"], frame["top"] = frame["number"] % _NEAREST * (_TILE + 8), frame["number"] // _NEAREST * step
    frame["said"] = [charts.cut_in_the_middle(str(name), 13) for name in frame["name"]]
    frame["near"] = [f"{value:.3f}" for value in frame["similarity"]]
    width = _NEAREST * (_TILE + 8)
    drawn = min(height, (int(frame["number"].max()) // _NEAREST + 1) * step)
    across = alt.X("left:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False))
    down = alt.Y("top:Q", axis=None, scale=alt.Scale(domain=[0, drawn], nice=False, reverse=True))
    tooltip = [alt.Tooltip("name:N", title="sample"), alt.Tooltip("similarity:Q", format=".4f")]
    base = alt.Chart(frame).encode(x=across, y=down, tooltip=tooltip)
    if "image" in frame:
        shown = base.mark_image(width=_TILE, height=_TILE, align="left", baseline="top", aspect=True).encode(
            url="image:N"
        )
    else:
        text = "text:N" if "text" in frame else "name:N"
        shown = base.mark_text(align="left", baseline="top", limit=_TILE, color=charts.MUTED_TEXT).encode(text=text)
    words = [
        base.mark_text(align="left", baseline="top", dy=_TILE + shift, fontSize=10, color=charts.MUTED_TEXT).encode(
            text=f"{column}:N"
        )
        for column, shift in (("said", 3), ("near", 17))
    ]
    return alt.LayerChart(layer=[shown, *words], width=width, height=drawn, view=charts.FRAMELESS)


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [Embedding()]
