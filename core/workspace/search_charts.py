"""Found inputs against samples, as a chart that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from core import charts
from core.charts.validation import specification_of
from core.common.text import number_text
from core.workspace.results import ChartPicture
from core.workspace.search_results import ExcitedReport, FoundInput

__all__ = ["answers_chart", "is_weaker"]

_SAMPLE_COLOUR: Final = "#8f94a3"


def is_weaker(found: Sequence[FoundInput], strongest: ExcitedReport) -> bool:
    """Return whether the best that was found answers less than a sample does, by more than is written of a number.

    Args:
        found: What was found, the strongest first.
        strongest: The samples that excite the same.
    """
    if not found or not strongest.samples:
        return False
    best = found[0].objective
    return best < strongest.largest and number_text(best) != number_text(strongest.largest)


def answers_chart(found: Sequence[FoundInput], strongest: ExcitedReport) -> ChartPicture:
    """Return what the best input that was found and the strongest sample answer, as two bars on one scale.

    Args:
        found: What was found, the strongest first.
        strongest: The samples that excite the same.
    """
    answers = [found[0].objective, strongest.largest]
    names = ["found input", f"strongest sample, {strongest.strongest:,}"]
    # In the names: only text of axes follows the page from light to dark.
    labels = [f"{name}: {number_text(answer)}" for name, answer in zip(names, answers, strict=True)]
    frame = pd.DataFrame({"of": labels, "answer": answers})
    chart = (
        alt.Chart(frame, height=alt.Step(20), view=charts.FRAMELESS)
        .mark_bar()
        .encode(
            alt.X("answer:Q", axis=None, scale=alt.Scale(zero=True)),
            alt.Y(
                "of:N",
                # A domain that is said: the labels change with every step, and the browser keeps what it had.
                scale=alt.Scale(domain=labels),
                title=None,
                axis=alt.Axis(labelLimit=240, labelOverlap=False, labelBound=False, labelFlush=False, ticks=False),
            ),
            color=alt.Color(
                "of:N", scale=alt.Scale(domain=labels, range=[charts.MARK_COLOUR, _SAMPLE_COLOUR]), legend=None
            ),
            tooltip=[alt.Tooltip("of:N", title="of"), alt.Tooltip("answer:Q", format=".4~g")],
        )
    )
    told = (
        f"The found input answers {number_text(answers[0])}, the strongest of {strongest.sample_count:,} samples "
        f"{number_text(answers[1])}."
    )
    return ChartPicture(specification_of(chart), alt=told)
