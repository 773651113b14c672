import altair as alt
import pandas as pd
import pytest
from altair.utils.schemapi import SchemaValidationError

from core.charts.validation import specification_of

FRAME = pd.DataFrame({"unit": [0, 1], "value": [0.5, 2.0]})


def test_a_valid_chart_is_what_altair_makes_of_it():
    chart = alt.Chart(FRAME).mark_bar().encode(x="unit:Q", y="value:Q")

    assert specification_of(chart) == chart.to_dict()


def test_an_invalid_chart_is_refused_in_altairs_words():
    chart = alt.Chart(FRAME).mark_bar().encode(x="unit:Q")
    # Past the checks that Altair makes where a chart is put together.
    chart.encoding.x._kwds["axis"] = {"tickCount": []}

    with pytest.raises(SchemaValidationError, match="tickCount"):
        specification_of(alt.vconcat(chart))
