"""Attribution, class activation maps and ablation of every shape of input and answer, as a person opens them."""

import io

import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry
from tests.support.chart_pictures import pictures_in

layers = keras.layers
random = np.random.default_rng(2)
CAM, ATTRIBUTION, ABLATION, ROLLOUT = "class-activation-map", "input-attribution", "unit-ablation", "attention-rollout"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return a function that opens a model with samples and draws one of its layers, each model once."""
    kept = {}

    def draw(build, layer, visualizer, **options):
        if build not in kept:
            keras.utils.set_random_seed(1)
            model, samples = build()
            path = tmp_path_factory.mktemp("models") / "model.keras"
            model.save(path)
            workspace = core.Workspace(Registry())
            workspace.open_model(str(path))
            content = io.BytesIO()
            np.savez(content, **samples)
            first = next(iter(samples))
            files = {first: [("samples.npz", content.getvalue())]}
            workspace.take_files(files, scaling="0–1", fit="stretch", invert=False)
            kept[build] = workspace
        result = kept[build].chart(layer, visualizer, options, 0)
        assert result.failure is None, result.failure
        for picture in result.pictures:
            assert vl_convert.vegalite_to_svg(picture.specification).startswith("<svg")
        return result

    return draw


def twins():
    base = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3, padding="same", name="conv")], name="base")
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    merged = layers.Concatenate()([layers.Flatten()(base(left)), layers.Flatten()(base(right))])
    model = keras.Model([left, right], layers.Dense(2, activation="softmax", name="answer")(merged))
    images = {"left": np.zeros((2, 8, 8, 1), np.float32), "right": np.zeros((2, 8, 8, 1), np.float32)}
    images["left"][:, :4], images["right"][:, :, :4] = 1, 1
    return model, images


def test_each_call_of_a_shared_base_is_drawn_over_its_own_picture(drawn):
    # Which of the two calls Keras makes first is its own choice.
    drawings = [drawn(twins, key, CAM).pictures[0] for key in ("base/conv", "base#2/conv")]
    seen = {each.caption.rpartition("(")[2]: pictures_in(each.specification)[0].convert("L") for each in drawings}
    left, right = np.asarray(seen["left)"]), np.asarray(seen["right)"])

    assert left[0].all()
    assert not left[-1].any()
    assert right[:, 0].all()
    assert not right[:, -1].any()


def test_all_inputs_are_drawn_each_on_its_own_scale(drawn):
    pictures = drawn(twins, "answer", ATTRIBUTION, method="occlusion").pictures

    assert [each.caption.rpartition(" (")[2] for each in pictures] == ["left)", "right)"]


def picture_and_words():
    image, words = keras.Input((8, 8, 1), name="image"), keras.Input((5,), dtype="int32", name="words")
    seen = layers.Flatten()(layers.Conv2D(2, 3)(image))
    read = layers.Flatten()(layers.Embedding(9, 3, name="embedding")(words))
    model = keras.Model([image, words], layers.Dense(2, name="answer")(layers.Concatenate()([seen, read])))
    return model, {"image": random.random((2, 8, 8, 1)).astype(np.float32), "words": random.integers(1, 9, (2, 5))}


@pytest.mark.parametrize("method", ["integrated gradients", "occlusion"])
def test_words_beside_an_image_are_explained_too(drawn, method):
    image, words = drawn(picture_and_words, "answer", ATTRIBUTION, method=method).pictures

    assert image.caption.endswith("(image)")
    assert words.caption.endswith("(embedding)")
    assert "What 'embedding' makes of it is explained instead" in " ".join(words.specification["title"]["text"])


def volumes():
    model = keras.Sequential(
        [
            keras.Input((4, 8, 8, 1), name="volume"),
            layers.Conv3D(3, 2, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    return model, {"volume": random.random((2, 4, 8, 8, 1)).astype(np.float32)}


def films():
    model = keras.Sequential(
        [
            keras.Input((5, 8, 8, 1), name="film"),
            layers.Rescaling(2.0),
            layers.ConvLSTM2D(2, 2, return_sequences=True, name="frames"),
            layers.ConvLSTM2D(2, 2, name="last"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    return model, {"film": random.random((2, 5, 8, 8, 1)).astype(np.float32)}


@pytest.mark.parametrize(
    ("build", "layer", "count", "axis"), [(volumes, "conv", 3, "depth"), (films, "frames", 5, "time")]
)
def test_volumes_and_films_are_drawn_slice_by_slice(drawn, build, layer, count, axis):
    (cam,) = drawn(build, layer, CAM).pictures
    for method in ("integrated gradients", "occlusion"):
        (attribution,) = drawn(build, "answer", ATTRIBUTION, method=method).pictures
        assert [row["title"]["text"] for row in attribution.specification["vconcat"]][:2] == ["Input", "Laid over it"]
    *_, maps = cam.specification["vconcat"]

    assert maps["title"]["text"] == f"Map, a picture for each {'frame' if axis == 'time' else 'position in depth'}"
    tiles = next(rows for rows in cam.specification["datasets"].values() if {axis, "maximum"} <= rows[0].keys())
    assert [row[axis] for row in tiles] == list(range(count))


def test_one_map_of_a_whole_film_says_which_frame_it_lies_over(drawn):
    (picture,) = drawn(films, "last", CAM).pictures

    assert "its map is laid over the last one" in picture.specification["title"]["text"][0]


def series():
    model = keras.Sequential(
        [
            keras.Input((20, 2), name="series"),
            layers.Conv1D(3, 3, padding="same", name="conv"),
            layers.MaxPooling1D(2, name="pool"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    return model, {"series": random.normal(size=(2, 20, 2)).astype(np.float32)}


def test_a_pooled_series_lies_under_the_steps_that_it_stands_for(drawn):
    (picture,) = drawn(series, "pool", CAM).pictures
    bars = next(rows for rows in picture.specification["datasets"].values() if "start" in rows[0])

    assert len(bars) == 10
    assert [(row["start"] + row["end"]) / 2 for row in bars] == pytest.approx([2 * place + 0.5 for place in range(10)])


def transformer():
    image = keras.Input((8, 12, 1), name="image")
    tokens = layers.Reshape((6, 4))(layers.Conv2D(4, 4, 4, name="patches")(image))
    tokens = layers.Concatenate(axis=1, name="tokens")([layers.GlobalAveragePooling1D(keepdims=True)(tokens), tokens])
    mixed = layers.Add(name="mixed")([tokens, layers.MultiHeadAttention(2, 2, name="attention")(tokens, tokens)])
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="answer")(mixed[:, 0]))
    return model, {"image": random.random((2, 8, 12, 1)).astype(np.float32)}


def test_patches_of_a_transformer_lie_over_the_image_with_what_was_assumed(drawn):
    cam = drawn(transformer, "tokens", CAM).pictures[0]
    rollout, matrix = drawn(transformer, "attention", ROLLOUT).pictures

    for picture in (cam, rollout):
        *_, map_alone = pictures_in(picture.specification)
        assert map_alone.size == (3, 2)
        assert "The 6 patches are taken for a grid of 2×3" in " ".join(picture.specification["title"]["text"])
    assert rollout.caption == "Attention rollout of the class token through 1 layer up to attention: sample 0"
    assert pictures_in(matrix.specification)[0].size == (7, 7)


def pooled_attention():
    series = keras.Input((8, 4), name="series")
    wide = layers.MultiHeadAttention(1, 2, name="wide")(series, series)
    pooled = layers.MaxPooling1D(2)(wide)
    left, right = (layers.MultiHeadAttention(1, 2, name=name)(pooled, pooled) for name in ("left", "right"))
    mixed = layers.Add()([left, right])
    model = keras.Model(series, layers.MultiHeadAttention(1, 2, name="last")(mixed, mixed))
    return model, {"series": random.random((2, 8, 4)).astype(np.float32)}


def test_rollout_says_what_it_leaves_out_and_what_it_takes_for_one_after_another(drawn):
    (rollout, _) = drawn(pooled_attention, "last", ROLLOUT).pictures
    assert "through 3 layers (1 earlier layer looks at another number of positions: left out)" in rollout.caption
    assert "(branches beside each other taken for one after another)" in rollout.caption


def words():
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    hidden = layers.Conv1D(3, 3, padding="same", name="conv")(layers.Embedding(9, 4)(tokens))
    model = keras.Model(tokens, layers.Dense(2, activation="softmax")(layers.GlobalMaxPooling1D()(hidden)))
    return model, {"tokens": random.integers(1, 9, (2, 6)).astype(np.int32)}


def test_where_nothing_can_be_taken_away_it_is_said(drawn):
    (picture,) = drawn(words, "conv", CAM, curves=True).pictures
    assert "no deletion and insertion: the map lies over no input of real numbers" in picture.caption


def planted():
    """A mask whose first channel is the image itself and whose second is its negative."""
    image = keras.Input((6, 6, 1), name="image")
    model = keras.Model(image, layers.Conv2D(2, 1, name="mask")(layers.Conv2D(1, 1, name="copy")(image)))
    model.get_layer("copy").set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    model.get_layer("mask").set_weights([np.array([[[[1.0, -1.0]]]]), np.zeros(2)])
    return model, {"image": 0.5 + random.random((2, 6, 6, 1)).astype(np.float32) / 2}


def test_a_region_that_is_dragged_over_a_mask_is_what_is_explained(drawn):
    asked = {"unit": 0, "region": (0.6, 2.4, 3.2, 3.4), "method": "gradient × input"}
    picture, answer = drawn(planted, "mask", ATTRIBUTION, **asked).pictures
    elsewhere = drawn(planted, "mask", ATTRIBUTION, **(asked | {"region": None})).pictures[0]
    values = [row["value"] for row in max(picture.specification["datasets"].values(), key=len)]

    assert picture.caption.startswith("Attribution of channel 0 of mask, row 3, columns 1–2 by gradient × input")
    assert np.flatnonzero(values).tolist() == [3 * 6 + 1, 3 * 6 + 2]
    assert np.count_nonzero([row["value"] for row in max(elsewhere.specification["datasets"].values(), key=len)]) == 36
    assert answer.selections == ("region",)
    marks = answer.specification["params"]
    assert [each["select"]["type"] for each in marks if each["name"] == "region"] == ["interval"]


def test_an_attribution_of_nothing_says_so(drawn):
    model_without_signal = {"unit": 0, "method": "gradient × input", "versus": 1, "region": (0, 0, 0, 0)}
    picture = drawn(silent, "maps", ATTRIBUTION, **model_without_signal).pictures[0]

    assert picture.specification["title"]["text"] == ["nothing here counts: the attribution is 0 everywhere"]


def silent():
    """A layer whose units are all silent."""
    model = keras.Sequential(
        [keras.Input((8, 8, 1), name="image"), layers.Conv2D(2, 3, activation="relu", name="maps")]
    )
    model.get_layer("maps").set_weights([np.zeros((3, 3, 1, 2)), np.full(2, -1.0)])
    return model, {"image": random.random((2, 8, 8, 1)).astype(np.float32)}


def test_a_map_with_nothing_in_it_says_so_and_offers_what_speaks_against_it(drawn):
    nothing, *_ = drawn(planted, "copy", CAM, explained="mask", explained_unit=1).pictures
    against, *_ = drawn(planted, "copy", CAM, explained="mask", explained_unit=1, speaks="against it").pictures

    assert nothing.caption.endswith("nothing in this layer speaks for it; choose “against it” to see what does not")
    assert against.caption.startswith("Grad-CAM for not channel 1 of mask: sample 0")
    assert "nothing" not in against.caption


def test_units_are_ablated_for_a_region_and_the_answer_is_that_of_the_region(drawn):
    asked = {"target_class": 0, "versus": 1, "region": (1, 2, 3, 3)}
    answer, _, drop, _ = drawn(planted, "copy", ABLATION, **asked).pictures

    assert drop.caption == "Drop of channel 0 of mask minus channel 1 of mask, row 3, columns 1–2 per unit switched off"
    assert answer.specification["encoding"]["x"]["title"] == "Answer, mean over the places asked about"


@pytest.mark.parametrize(("build", "layer", "visualizer"), [
    (volumes, "conv", CAM), (series, "answer", ATTRIBUTION), (twins, "base#2/conv", CAM), (transformer, "tokens", CAM)
])  # fmt: skip
def test_methods_can_be_compared_by_the_areas_under_curves(drawn, build, layer, visualizer):
    *_, curves = drawn(build, layer, visualizer, curves=True).pictures

    assert curves.caption.startswith("Area under the curves: deletion ")
    rows = max(curves.specification["datasets"].values(), key=len)
    assert {(row["curve"], row["order"]) for row in rows} == {
        (curve, order) for curve in ("deletion", "insertion") for order in ("by importance", "by chance")
    }


def one_number():
    model = keras.Sequential([keras.Input((), name="age"), layers.Reshape((1,)), layers.Dense(2, name="answer")])
    return model, {"age": np.array([3.0, 4.0], np.float32)}


def test_an_input_that_is_one_number_for_each_sample_is_explained(drawn):
    assert drawn(one_number, "answer", ATTRIBUTION).pictures
