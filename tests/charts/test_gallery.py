import io
import json

import numpy as np
import pytest
import vl_convert
from PIL import Image

from core import charts
from core.charts.gallery import gallery, large_map, overlay, sizes
from tests.support.chart_pictures import pictures_in

RANDOM = np.random.default_rng(0)


def drawn(maps, **settings):
    return gallery(maps, numbers=settings.pop("numbers", np.arange(len(maps))), **settings).to_dict()


def rows_with(spec, column):
    (rows,) = {id(rows): rows for rows in spec["datasets"].values() if column in rows[0]}.values()
    return rows


def atlas_of(spec):
    return np.asarray(pictures_in(spec)[0].convert("RGBA"))


def tiles_of(spec):
    """Return the pixels of each tile, cut out of the atlas where the rectangles say that it is."""
    atlas = atlas_of(spec)
    down, across = atlas.shape[0] / spec["height"], atlas.shape[1] / spec["width"]
    tiles = []
    for row in rows_with(spec, "left"):
        top, bottom = round(row["top"] * down), round(row["bottom"] * down)
        left, right = round(row["left"] * across), round(row["right"] * across)
        tiles.append(atlas[top:bottom, left:right])
    return tiles


def rendered(spec):
    picture = Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec))).convert("L")
    return np.asarray(picture)


@pytest.mark.parametrize("shape", [(1, 5, 5), (7, 6, 9), (16, 8, 8), (64, 28, 28), (20, 1, 1), (6, 3, 40)])
@pytest.mark.parametrize("scale_each", [True, False])
def test_every_map_is_a_tile_with_its_own_pixels(shape, scale_each):
    maps = RANDOM.uniform(size=shape).astype(np.float32)
    spec = drawn(maps, scale_each=scale_each)
    scale = charts.colour_scale(maps)
    tiles = tiles_of(spec)

    assert len(tiles) == len(maps)
    for values, tile in zip(maps, tiles, strict=True):
        low, high = (values.min(), values.max()) if scale_each else (scale.low, scale.high)
        colours = scale.palette()[charts.colour_levels(values, low, high)]
        height, width = tile.shape[:2]
        rows, columns = np.arange(height) * shape[1] // height, np.arange(width) * shape[2] // width
        np.testing.assert_array_equal(tile[..., :3], colours[rows[:, None], columns])
        assert (tile[..., 3] == 255).all()
    assert rendered(spec).std() > 0


def test_between_the_tiles_is_nothing():
    atlas = atlas_of(drawn(RANDOM.uniform(size=(4, 8, 8))))

    assert (atlas[..., 3] == 0).any()


def test_maps_larger_than_their_tile_keep_every_pixel():
    maps = RANDOM.uniform(size=(12, 120, 120)).astype(np.float32)
    scale = charts.colour_scale(maps)
    atlas = atlas_of(drawn(maps, scale_each=False))
    expected = scale.palette()[scale.levels(maps[0])]

    found = [
        top
        for top in range(40)
        if atlas.shape[0] >= top + 120 and np.array_equal(atlas[top : top + 120, :120, :3], expected)
    ]
    assert len(found) == 1


def test_tiles_do_not_overlap_and_lie_inside():
    spec = drawn(RANDOM.uniform(size=(37, 14, 14)))
    covered = np.zeros((spec["height"], spec["width"]), int)
    for row in rows_with(spec, "left"):
        assert 0 <= row["left"] < row["right"] <= spec["width"]
        assert 0 <= row["top"] < row["bottom"] <= spec["height"]
        covered[int(row["top"]) : int(row["bottom"]), int(row["left"]) : int(row["right"])] += 1

    assert covered.max() == 1


def test_hovering_tells_the_numbers_of_the_map():
    maps = RANDOM.normal(size=(5, 4, 4)).astype(np.float32)
    maps[2] = 0
    rows = rows_with(drawn(maps, numbers=np.array([4, 2, 0, 1, 3])), "left")

    assert [row["channel"] for row in rows] == [4, 2, 0, 1, 3]
    for row, values in zip(rows, maps, strict=True):
        assert row["minimum"] == pytest.approx(values.min(), rel=1e-4)
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-3)
        assert row["maximum"] == pytest.approx(values.max(), rel=1e-4)
    assert rows[2]["zeros"] == 1


def test_the_chosen_map_is_framed_and_a_click_gives_its_number():
    spec = drawn(RANDOM.uniform(size=(5, 4, 4)), numbers=np.array([4, 2, 0, 1, 3]), chosen=2, select="unit")

    assert [row["unit"] for row in rows_with(spec, "left") if row["chosen"]] == [2]
    (param,) = [param for param in spec["params"] if "select" in param]
    assert param["name"] == "unit"
    assert param["select"]["fields"] == ["unit"]


def test_five_hundred_and_twelve_maps():
    spec = drawn(RANDOM.uniform(size=(512, 14, 14)).astype(np.float32))

    assert len(tiles_of(spec)) == 512
    assert len(json.dumps(spec)) < 500_000
    assert rendered(spec).std() > 0


def test_sixty_four_large_maps_of_noise_take_at_most_a_megabyte():
    maps = RANDOM.normal(size=(64, 112, 112)).astype(np.float32)

    assert len(json.dumps(drawn(maps))) <= 1_000_000


@pytest.mark.parametrize("count", [1, 8, 16, 33, 64, 128])
@pytest.mark.parametrize("shape", [(8, 8), (12, 24), (24, 12)])
def test_a_large_map_and_its_gallery_fit_a_laptop(count, shape):
    maps = RANDOM.uniform(size=(count, *shape)).astype(np.float32)
    side, room = sizes(count, *shape)
    spec = drawn(maps, height=room)
    large = large_map(maps[0], charts.colour_scale(maps), side=side).to_dict()
    tile = rows_with(spec, "left")[0]

    assert large["height"] + spec["height"] <= 345
    assert spec["width"] <= 840
    assert tile["right"] - tile["left"] >= 22
    assert max(large["height"], large["width"]) >= (240 if count <= 64 else 130)


def test_hundreds_of_maps_stay_large_enough_to_be_hit():
    tile = rows_with(drawn(RANDOM.uniform(size=(512, 7, 7)), height=sizes(512, 7, 7)[1]), "left")[0]

    assert tile["right"] - tile["left"] >= 22


def test_one_scale_that_stretches_small_differences_says_so():
    maps = 0.0588 + 0.0004 * RANDOM.uniform(-1, 1, size=(3, 4, 4))

    assert "nearly constant: 0.058" in str(drawn(maps, scale_each=False)["title"])
    assert "nearly constant" in str(large_map(maps[0], charts.colour_scale(maps[0])).to_dict()["title"])
    assert "nearly constant" not in str(drawn(maps + RANDOM.uniform(size=(3, 1, 1)), scale_each=False).get("title"))


def test_what_is_not_a_number_has_a_colour_of_its_own():
    maps = RANDOM.uniform(size=(2, 4, 4)).astype(np.float32)
    maps[1, 0, 0] = np.nan
    tiles = tiles_of(drawn(maps))

    assert tuple(tiles[1][0, 0, :3]) == charts.NOT_A_NUMBER_COLOUR
    assert not (tiles[0][..., :3] == charts.NOT_A_NUMBER_COLOUR).all(axis=-1).any()


@pytest.mark.parametrize("values", [np.zeros((3, 4, 4)), np.full((3, 4, 4), np.nan), np.full((3, 4, 4), -2.0)])
def test_maps_without_any_difference(values):
    spec = drawn(values)

    assert len(tiles_of(spec)) == 3
    assert vl_convert.vegalite_to_svg(spec).startswith("<svg")


def test_zero_is_in_the_middle_of_signed_maps():
    maps = np.array([[[-1.0, 0, 0.5]], [[-4, 0, 0.1]]])
    for tile in tiles_of(drawn(maps)):
        middle = tile[0, tile.shape[1] // 2, :3]
        assert np.abs(middle.astype(int) - (0xF2, 0xF0, 0xEB)).max() <= 2


def test_a_large_map_says_each_value():
    values = RANDOM.normal(size=(6, 9))
    spec = large_map(values, charts.colour_scale(values)).to_dict()

    assert len(rows_with(spec, "value")) == 54
    assert spec["width"] / spec["height"] == pytest.approx(9 / 6, rel=0.05)


def test_the_overlay_shows_the_map_where_it_is_strong():
    picture = np.full((8, 8, 1), 0.5)
    picture[0, 0] = 0
    picture[7, 7] = 1
    values = np.array([[0.0, 0.0], [0.0, 1.0]])
    scale = charts.ColourScale(0, 1, "greys")
    original, mixed = (atlas_of(chart.to_dict())[..., :3] for chart in overlay(values, picture, scale))

    np.testing.assert_array_equal(original, charts.picture_values(picture))
    assert mixed.shape == (8, 8, 3)
    assert mixed[5, 5, 0] - mixed[5, 2, 0] == pytest.approx(0.55 * 255, abs=1)


def test_a_scale_that_is_given_and_more_to_say_of_each_map():
    maps = RANDOM.uniform(0.4, 0.6, size=(3, 4, 4))
    spec = drawn(
        maps,
        scale=charts.ColourScale(0, 1, "viridis"),
        value_title="Score",
        measures={"keys at a time": np.array([1, 2.5, np.pi])},
    )
    encoding = spec["layer"][1]["encoding"]

    assert encoding["color"]["scale"]["domain"] == [0, 1]
    assert encoding["color"]["legend"]["title"] == "Score"
    assert [row["keys at a time"] for row in rows_with(spec, "left")] == [1, 2.5, 3.1416]
    assert "keys at a time" in [each["field"] for each in encoding["tooltip"]]
    assert len(vl_convert.vegalite_to_png(spec)) > 1_000


def test_a_large_photograph_is_not_sent_as_it_is():
    photograph = RANDOM.integers(0, 256, size=(1000, 2000, 3)).astype(np.float32)
    values = RANDOM.uniform(size=(7, 14)).astype(np.float32)
    parts = overlay(values, photograph, charts.colour_scale(values))

    sizes = {picture.size for part in parts for picture in pictures_in(part.to_dict())}
    assert sizes == {(480, 240)}
