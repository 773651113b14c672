import io

import numpy as np
import pytest
import vl_convert
from PIL import Image

from core.inputs.sample_context import SampleContext
from core.plugins.registry import get_registry

CONV = ("Conv2D", "BaseConv", "Layer")
RANDOM = np.random.default_rng(0)


@pytest.fixture
def activation(make_activation):
    values = RANDOM.uniform(0.1, 1, size=(2, 6, 5, 4)).astype(np.float32)
    values[:, ..., 2] *= 9
    context = SampleContext({"x": RANDOM.uniform(size=(2, 12, 10, 3)).astype(np.float32)})
    return make_activation(values, key="conv", bases=CONV, context=context)


def drawn(activation, **options):
    specification = get_registry().draw("feature-maps", activation, options).specification
    pixels = np.asarray(Image.open(io.BytesIO(vl_convert.vegalite_to_png(specification))).convert("L"))
    assert pixels.std() > 0
    return specification


def tiles(specification):
    (found,) = [rows for rows in specification["datasets"].values() if rows and "zeros" in rows[0]]
    return found


def titles(chart):
    title = chart.get("title")
    found = [title if isinstance(title, str) else title["text"]] if title else []
    for name in ("hconcat", "vconcat", "layer"):
        for part in chart.get(name, ()):
            found += titles(part)
    return found


def test_a_tile_per_channel(activation):
    rows = tiles(drawn(activation, sample=1))

    assert [row["channel"] for row in rows] == [0, 1, 2, 3]
    for row in rows:
        assert row["mean"] == pytest.approx(activation.values[1, ..., row["channel"]].mean(), rel=1e-3)


def test_the_strongest_is_shown_large_unless_another_is_chosen(activation):
    assert "Channel 2, the strongest" in titles(drawn(activation))
    specification = drawn(activation, channel=3)
    assert "Channel 3" in titles(specification)
    assert [row["channel"] for row in tiles(specification) if row["chosen"]] == [3]


def test_the_large_one_has_the_values_of_the_channel(activation):
    specification = drawn(activation, channel=1, sample=1)
    (cells,) = [rows for rows in specification["datasets"].values() if rows and "value" in rows[0]]

    for cell in cells:
        assert cell["value"] == pytest.approx(activation.values[1, cell["height"], cell["width"], 1])


def test_sorted_by_strength(activation):
    rows = tiles(drawn(activation, order="strength"))

    assert rows[0]["channel"] == 2
    means = [row["mean"] for row in rows]
    assert means == sorted(means, reverse=True)


def test_one_scale_for_all_is_another_picture(activation):
    assert drawn(activation, scale_each=True) != drawn(activation, scale_each=False)
    assert "all on one scale" in str(drawn(activation, scale_each=False))


def test_the_input_stands_beside_it_where_there_is_one(activation, make_activation):
    assert {"Input", "Laid over it"} <= set(titles(drawn(activation)))
    alone = make_activation(activation.values, key="conv", bases=CONV)
    assert not {"Input", "Laid over it"} & set(titles(drawn(alone)))


def test_a_click_on_a_map_is_the_channel_option(activation):
    assert "channel" in [param["name"] for param in drawn(activation)["params"] if "select" in param]


@pytest.mark.parametrize("dtype", [np.float16, np.int32])
def test_other_types(make_activation, dtype):
    assert drawn(make_activation((RANDOM.uniform(size=(1, 4, 4, 3)) * 9).astype(dtype), bases=CONV))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0])
def test_what_is_not_a_number_is_told(make_activation, value):
    values = RANDOM.uniform(size=(1, 4, 4, 3)).astype(np.float32)
    values[..., 0] = value
    text = str(drawn(make_activation(values, bases=CONV)))

    assert ("16 of 48 values are NaN or infinite" in text) is (value != 0)


def test_a_single_pixel_and_a_single_channel(make_activation):
    assert len(tiles(drawn(make_activation(np.ones((1, 1, 1, 600)), bases=CONV)))) == 600
    assert len(tiles(drawn(make_activation(RANDOM.normal(size=(1, 30, 3, 1)), bases=CONV)))) == 1
