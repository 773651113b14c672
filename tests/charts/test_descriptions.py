"""What a screen reader says of a chart."""

import altair as alt
import numpy as np
import pandas as pd

from core.charts import colour_scale, heatmap, title
from core.charts.descriptions import description_of
from core.charts.gallery import gallery

BARS = pd.DataFrame({"unit": ["a", "b", "c"], "value": [0.25, -3.0, 1.5]})


def bars(**about):
    encoded = alt.Chart(BARS, **about).mark_bar()
    return encoded.encode(x=alt.X("value:Q", title="Activation"), y=alt.Y("unit:N", title="Unit"))


def test_what_its_author_says_is_taken_as_it_is():
    assert description_of(bars(description="Three bars").to_dict()) == "Three bars."


def test_titles_axes_and_key_numbers():
    chart = bars(title=title("3 units of dense", "sample 0"))

    assert description_of(chart.to_dict(), "Above") == (
        "Above. 3 units of dense. Sample 0. Horizontal axis: Activation, vertical axis: Unit. "
        "Activation: 3 values from -3 to 1.5; furthest from zero: -3 at Unit b."
    )


def test_texts_over_bars_are_not_counted_again():
    both = bars() + bars().mark_text().encode(text="value:Q")

    assert "Activation: 3 values" in description_of(both.to_dict())


def test_a_heatmap_says_its_strongest_cell():
    values = np.zeros((4, 6), np.float32)
    values[2, 5] = 7
    chart = heatmap(values, row="unit", column="time", scale=colour_scale(values))

    said = description_of(chart.to_dict())
    assert "Activation: 24 values from 0 to 7; largest: 7 at unit 2, time 5." in said


def test_a_gallery_says_its_strongest_map():
    maps = np.zeros((5, 4, 4), np.float32)
    maps[3] = 2
    said = description_of(gallery(maps, numbers=np.arange(5), title="5 maps").to_dict())

    assert said.startswith("5 maps.")
    assert "5 values from 0 to 2; largest: 2 at channel 3." in said


def test_points_are_counted_and_charts_beside_each_other_told_in_turn():
    points = alt.Chart(BARS, title="Points").mark_circle().encode(x="value:Q", y=alt.Y("value:Q", title="Up"))
    said = description_of((points | bars(title="Bars")).to_dict())

    assert "Vertical axis: Up. 3 points. Bars." in said
    assert said.index("Points.") < said.index("Bars.")


def test_names_alone_are_read_out():
    chart = alt.Chart(BARS).mark_text().encode(text="unit:N")

    assert description_of(chart.to_dict()) == "A, b, c."


def test_nothing_finite_and_nothing_at_all():
    nothing = alt.Chart(BARS.assign(value=np.nan), title="None").mark_bar().encode(x="value:Q", y="unit:N")

    assert description_of(nothing.to_dict()) == "None."
    assert description_of(alt.Chart(alt.InlineData([{}])).mark_rect().to_dict()) == ""


def test_it_stays_short():
    assert len(description_of(bars(title="word " * 1_000).to_dict())) <= 600
