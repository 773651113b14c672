"""Two charts on one scale: what Vega says of their axes, for charts that say how far they reach and for others."""

import re

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from core import charts
from core.charts import gallery
from core.charts.colour_ranges import ColourRanges, are_same, ranges_of_drawing, united
from core.charts.one_scale import on_one_scale, wide_enough
from tests.support.chart_pictures import pictures_in


def reaches(specification):
    """Return what Vega itself says of each axis and legend: from where to where it reaches."""
    drawn = vl_convert.vegalite_to_svg({"width": 300, **specification})
    return re.findall(r"for an? (?:linear|log)[\w ]* with values from (.*?)[\"&]", drawn)


def brought_together(*pair):
    (first, *_), (second, *_), apart = on_one_scale(*([each.to_dict()] for each in pair))
    return first, second, apart


def bars(values, **scale):
    frame = pd.DataFrame({"unit": range(len(values)), "value": values})
    x = alt.X("value:Q", scale=alt.Scale(**scale)) if scale else alt.X("value:Q")
    return alt.Chart(frame).mark_bar().encode(x, alt.Y("unit:N"))


def test_axes_that_are_left_to_the_browser_reach_over_the_data_of_both():
    one, other = bars([1, 2, 3]), bars([-40, 8])
    assert reaches(one.to_dict()) != reaches(other.to_dict())
    first, second, apart = brought_together(one, other)

    assert apart == []
    assert reaches(first) == reaches(second) == ["−40 to 10"]
    # Zero is where bars begin, and stays in sight.
    assert reaches(brought_together(bars([3, 4]), bars([5, 6]))[0]) == ["0 to 6"]


def test_what_was_said_of_an_axis_is_united():
    first, second, apart = brought_together(bars([1], domain=[0, 5]), bars([1], domain=[-2, 1]))

    assert apart == []
    assert reaches(first) == reaches(second) == ["−2 to 5"]


def test_bars_on_one_another_are_added_up():
    frame = pd.DataFrame({"at": ["a", "a", "b"], "of": ["x", "y", "x"], "value": [2.0, 5.0, 1.0]})
    stacked = alt.Chart(frame).mark_bar().encode(alt.X("at:N"), alt.Y("value:Q"), alt.Color("of:N"))
    small = alt.Chart(frame.assign(value=0.5)).mark_bar().encode(alt.X("at:N"), alt.Y("value:Q"), alt.Color("of:N"))
    first, second, _ = brought_together(stacked, small)

    assert reaches(first) == reaches(second) == ["0 to 7"]


def test_the_same_name_has_the_same_colour():
    def points(names):
        frame = pd.DataFrame({"at": range(len(names)), "of": names})
        return alt.Chart(frame).mark_point().encode(alt.X("at:Q"), alt.Color("of:N"))

    first, second, apart = brought_together(points(["cat", "dog"]), points(["dog", "owl", "eel"]))

    assert apart == []
    domains = [each["encoding"]["color"]["scale"]["domain"] for each in (first, second)]
    assert domains[0] == domains[1] == ["cat", "dog", "eel", "owl"]


def test_what_the_browser_works_out_is_said_to_be_apart():
    frame = pd.DataFrame({"value": [1, 2, 2, 3]})
    counted = alt.Chart(frame).mark_bar().encode(alt.X("value:Q"), alt.Y("count()", title="How many"))
    computed = alt.Chart(frame).transform_calculate(twice="datum.value * 2").mark_point().encode(alt.X("twice:Q"))

    assert brought_together(counted, counted)[2] == ["How many"]
    assert brought_together(computed, computed)[2] == ["twice"]


def test_panels_and_layers_with_scales_of_their_own_keep_them():
    def panels(height):
        two = alt.layer(bars([1]).mark_point(), bars([height]).mark_line()).resolve_scale(x="independent")
        return alt.hconcat(bars([height]), two)

    first, second, apart = brought_together(panels(10), panels(20))

    assert apart == []
    assert reaches(first) == reaches(second)
    assert first["hconcat"][1]["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1]
    assert first["hconcat"][1]["layer"][1]["encoding"]["x"]["scale"]["domain"] == [0, 20]


def test_what_lies_over_an_image_stays_in_its_place():
    def heatmap(columns):
        values = np.arange(2.0 * columns).reshape(2, columns)
        return charts.heatmap(values, row="row", column="column", scale=charts.colour_scale(values))

    first, second, apart = brought_together(heatmap(3), heatmap(5))

    assert "Column" in apart
    assert first["layer"][1]["encoding"]["x"]["scale"]["domain"] == [-0.5, 2.5]
    assert second["layer"][1]["encoding"]["x"]["scale"]["domain"] == [-0.5, 4.5]


def test_the_charts_that_were_given_stay_as_they_are():
    one, other = bars([1]).to_dict(), bars([9]).to_dict()
    on_one_scale([one], [other])

    assert one == bars([1]).to_dict()
    assert other == bars([9]).to_dict()


def test_a_scale_for_probabilities_is_widened_for_their_differences():
    narrow = bars([-0.5, 0.25], domain=[0, 1]).to_dict()

    assert reaches(wide_enough(narrow)) == ["−0.6 to 1.0"]
    assert wide_enough(bars([0.25], domain=[0, 1]).to_dict()) == bars([0.25], domain=[0, 1]).to_dict()


def gallery_of(maps, **settings):
    return gallery.gallery(maps, numbers=np.arange(len(maps)), **settings).to_dict()


@pytest.mark.parametrize("scale_each", [True, False])
def test_images_are_drawn_again_in_colours_for_both(scale_each):
    weak = np.array([[[0.0, 1.0]], [[0.0, 4.0]]])  # (map, height, width)
    strong = np.array([[[1.0, 2.0]], [[0.0, 8.0]]])
    asked = []
    for maps in (weak, strong):
        with ranges_of_drawing(ColourRanges()) as ranges:
            gallery_of(maps, scale_each=scale_each)
        asked.append(ranges.asked)
    drawn = []
    for maps in (weak, strong):
        with ranges_of_drawing(ColourRanges(united(*asked))):
            drawn.append(gallery_of(maps, scale_each=scale_each))
    pixels = [np.asarray(pictures_in(each)[0].convert("RGB")).reshape(-1, 3) for each in drawn]

    brightest, half = charts.colour_scale(np.array([0.0, 1.0])).palette()[[253, 126]].tolist()
    assert (pixels[1] == brightest).all(axis=1).any()
    # Half of the most that either answers, of the map that answers it.
    assert not (pixels[0] == brightest).all(axis=1).any()
    assert (np.abs(pixels[0].astype(int) - half).max(axis=1) <= 3).any()


def test_drawings_of_other_parts_have_no_ranges_in_common():
    numbers, maps = (0.0, 1.0), (np.zeros(3), np.ones(3))

    assert united([numbers], [(2.0, 5.0)]) == [(0.0, 5.0)]
    assert united([None], [numbers]) == [numbers]
    assert united([numbers], [numbers, numbers]) is None
    assert united([numbers], [maps]) is None
    low, high = united([maps], [(np.full(3, np.nan), np.array([0.5, 2.0, np.nan]))])[0]
    assert low.tolist() == [0, 0, 0]
    assert high.tolist() == [1, 2, 1]


def test_colours_of_differences_are_centred_on_zero():
    with ranges_of_drawing(ColourRanges(are_differences=True)):
        scales = [charts.colour_scale(np.array([1.0, 4.0]), "magma"), charts.magnitude_scale(np.array([-2.0, 1.0]))]

    assert [(each.low, each.high, each.scheme) for each in scales] == [(-4, 4, "blueorange"), (-2, 2, "blueorange")]


def test_ranges_of_many_maps_are_the_same_only_where_each_is():
    low, high = np.zeros(2000), np.ones(2000)
    other = high.copy()
    other[1000] = 2

    assert are_same((low, high), (low, high.copy()))
    assert not are_same((low, high), (low, other))
    assert are_same((0.0, 1.0), (np.float32(0), np.float32(1)))
    assert are_same(None, None)
    assert not are_same(None, (0.0, 1.0))
