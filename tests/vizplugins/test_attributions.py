"""What an answer rests on, class activation maps and ablation, as pictures of the examples."""

import io
import warnings

import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()


@pytest.fixture
def drawn(workspaces):
    """Return a function that draws a layer of an example, and makes sure that it can be painted."""

    def draw(example, layer, visualizer, sample=0, **options):
        result = workspaces(example).chart(layer, visualizer, options, sample)
        assert result.failure is None, result.failure
        assert not result.refusal
        for picture in result.pictures:
            assert vl_convert.vegalite_to_svg(picture.specification).startswith("<svg")
        return result.pictures

    return draw


def rows(picture):
    return max(picture.specification["datasets"].values(), key=len)


def test_a_class_is_explained_over_the_image_with_its_sum(drawn):
    (picture,) = drawn("digits-cnn", "probabilities", "input-attribution")

    assert picture.caption == "Attribution of class 8 by integrated gradients: sample 0 (8)"
    assert picture.specification["title"]["text"] == ["sums to 6.45 of 6.465"]
    # A column of 860 pixels, in which each picture is at least 220 wide.
    assert all(panel["width"] >= 220 for panel in picture.specification["hconcat"])
    assert len(picture.specification["hconcat"]) == 3


@pytest.mark.parametrize("method", ["saliency", "gradient × input", "SmoothGrad", "occlusion"])
def test_a_unit_of_any_layer_is_explained_by_any_method(drawn, method):
    picture, places = drawn("digits-cnn", "conv_2", "input-attribution", unit=25, method=method)

    assert places.caption == "The answer itself: drag over it to explain a region"
    assert picture.caption == f"Attribution of channel 25 of conv_2 by {method}: sample 0 (8)"


def test_a_text_is_the_sentence_itself_with_coloured_words(drawn):
    (picture,) = drawn("reviews-transformer", "probabilities", "input-attribution", sample=3)
    words = rows(picture)

    assert (
        " ".join(row["word"] for row in words)
        == "The principals in this cast are all fine, but Bishop and Stevenson are standouts."
    )
    assert len({(row["line"], row["left"]) for row in words}) == len(words)
    assert all(row["right"] <= 800 for row in words)
    assert [row["place"] for row in words] == list(range(len(words)))


def test_features_timesteps_and_words_are_all_there(drawn):
    (features,) = drawn("digits-dense", "probabilities", "input-attribution", sample=3)
    (steps,) = drawn("vowels-lstm", "probabilities", "input-attribution", method="occlusion")
    (words,) = drawn("reviews-transformer", "probabilities", "input-attribution", sample=3)

    assert [row["feature"] for row in rows(features)] == list(range(64))
    assert [row["time"] for row in rows(steps)] == list(range(29))
    assert {"cast", "fine", "all"} <= {row["token"] for row in rows(words)}
    assert all(row["token"] for row in rows(words))
    assert words.caption == "Attribution of class positive by integrated gradients: sample 3 (positive)"
    assert "Input 'text' is text, by which there is no gradient" in " ".join(words.specification["title"]["text"])


def test_the_test_with_shuffled_weights_says_what_it_found(drawn):
    first, second = drawn("digits-cnn", "probabilities", "input-attribution", method="saliency", check=True)
    maps = drawn("digits-cnn", "conv_2", "class-activation-map", check=True)

    assert second.caption.startswith("With shuffled weights it changes (rank correlation ")
    assert first.specification != second.specification
    assert maps[1].caption.startswith("With shuffled weights ")


@pytest.mark.parametrize("method", ["Grad-CAM", "Grad-CAM++", "Score-CAM"])
def test_a_class_activation_map_lies_over_the_image(drawn, method):
    (picture,) = drawn("digits-cnn", "conv_2", "class-activation-map", method=method, target_class=3)

    assert picture.caption == f"{method} for class 3: sample 0 (8)"
    assert len(picture.specification["hconcat"]) == 3


def test_a_class_activation_map_speaks_for_any_later_unit(drawn, workspaces):
    (picture,) = drawn("digits-cnn", "conv_1", "class-activation-map", explained="dense", explained_unit=5)
    before = workspaces("digits-cnn").chart("conv_2", "class-activation-map", {"explained": "conv_1"}, 0)

    assert picture.caption.startswith("Grad-CAM for unit 5 of dense")
    assert "'conv_1' does not depend on 'conv_2'" in before.refusal


def test_a_unit_is_switched_off_and_a_click_takes_another(drawn):
    answer, later, units = drawn("digits-cnn", "dense", "unit-ablation", unit=17)
    values = {(row["name"], row["unit is"]): row["value"] for row in rows(answer)}

    assert answer.caption == "The answer with unit 17 of dense off: sample 0 (8)"
    assert values["class 8", "as it is"] > 0.9 > values["class 8", "without it"]
    assert [row["layer"] for row in rows(later)] == ["probabilities"]
    assert units.selections == ("unit",)
    assert max(rows(units), key=lambda row: row["value"])["unit"] == 17


def test_a_chosen_unit_is_marked_among_those_that_the_answer_needs_and_all_bear_a_label(drawn):
    *_, units = drawn("digits-cnn", "conv_2", "unit-ablation", unit=8)
    label = units.specification["encoding"]["y"]

    assert [row["name"] for row in rows(units) if row["chosen"]] == ["channel 8"]
    assert label["axis"]["labelOverlap"] is False
    assert units.caption == "Drop of class 8 per unit switched off"


def test_units_are_needed_for_the_chosen_class(drawn):
    *_, answered = drawn("digits-cnn", "dense", "unit-ablation", unit=17)
    *_, units = drawn("digits-cnn", "dense", "unit-ablation", unit=17, target_class=3)

    assert units.caption == "Drop of class 3 per unit switched off"
    assert rows(units) != rows(answered)


def test_all_samples_say_what_the_unit_is_good_for(drawn):
    *_, everything = drawn("digits-cnn", "dense", "unit-ablation", unit=17, all_samples=True)

    assert everything.caption.startswith("All 90 samples: ")
    assert "correct 99 % before, " in everything.caption
    assert len(rows(everything)) == 20


def test_a_unit_fixed_to_its_mean_changes_less_than_one_switched_off(drawn):
    (off, *_), (mean, *_) = (
        drawn("digits-cnn", "dense", "unit-ablation", sample=5, unit=17, to=to) for to in ("zero", "its mean")
    )

    assert "fixed to" in mean.caption
    assert rows(off) != rows(mean)


def test_without_a_gradient_the_layer_is_named_and_occlusion_works():
    given = keras.Input((4,), name="x")
    # The number of the largest feature, as a real number.
    number = keras.layers.Lambda(lambda x: keras.ops.argmax(x, axis=-1, keepdims=True), name="largest")(given)
    real = keras.layers.Lambda(lambda x: keras.ops.cast(x, "float32"), name="answer")(number)
    model = keras.Model(given, real)
    extractor = core.Extractor(model)
    activation = extractor.extract(np.array([[0, 1, 5, 2]], np.float32))["answer"]
    refused = registry.draw("input-attribution", activation, {"method": "saliency"}, extractor=extractor)
    covered = registry.draw("input-attribution", activation, {"method": "occlusion"}, extractor=extractor)

    assert "'largest'" in refused.refusal
    assert "Choose occlusion" in refused.refusal
    assert "Occlusion needs none" in " ".join(covered.pictures[0].specification["title"]["text"])


def test_in_a_notebook_without_the_model_they_say_what_to_give(make_activation):
    activation = make_activation(np.ones((3, 4), np.float32))
    for visualizer in ("input-attribution", "unit-ablation"):
        assert "give extractor=…" in registry.draw(visualizer, activation).refusal


class TestOfAnAnswerWithRows:
    @staticmethod
    def drawn_caption(workspace, layer, **options):
        return workspace.chart(layer, "input-attribution", options, 0).pictures[0].caption

    def workspace_of(self, model, tmp_path, **arrays):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Keras writes weights in a way that NumPy 2 warns of.
            model.save(tmp_path / "model.keras")
        file = io.BytesIO()
        np.savez(file, **arrays)
        workspace = core.Workspace()
        workspace.open_model((tmp_path / "model.keras").read_bytes(), "model.keras")
        name = model.inputs[0].name
        workspace.take_files({name: [("x.npz", file.getvalue())]}, scaling="none", fit="stretch", invert=False)
        return workspace

    def test_of_boxes_the_best_scored_is_explained(self, tmp_path):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((12, 12, 3), name="photo")
        flat = keras.layers.Flatten()(inputs)
        boxes = keras.layers.Dense(20, activation="sigmoid")(flat)
        model = keras.Model(inputs, keras.layers.Reshape((4, 5), name="detections")(boxes))
        photos = np.random.default_rng(0).random((3, 12, 12, 3)).astype(np.float32)
        best = int(model.predict(photos[:1], verbose=0)[0, :, 4].argmax())
        workspace = self.workspace_of(model, tmp_path, x=photos)

        assert f"unit 4 of detections, position {best} by" in self.drawn_caption(workspace, "detections")
        dragged = self.drawn_caption(workspace, "detections", position=(best + 1) % 4)
        assert f"position {(best + 1) % 4} by" in dragged

    def test_at_a_position_it_is_the_unit_that_wins_there(self, tmp_path):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((6,), dtype="int32", name="words")
        found = keras.layers.Embedding(9, 5, mask_zero=True)(inputs)
        model = keras.Model(inputs, keras.layers.Dense(4, activation="softmax", name="tag")(found))
        model.set_weights([9 * weight for weight in model.get_weights()])
        words = np.array([[3, 1, 7, 5, 0, 0], [2, 2, 4, 0, 0, 0]])
        winners = model.predict(words, verbose=0)[0].argmax(axis=1)
        workspace = self.workspace_of(model, tmp_path, x=words)

        assert len(set(winners[:4])) > 1
        for position in range(4):
            caption = self.drawn_caption(workspace, "tag", position=position)
            assert caption.startswith(f"Attribution of class {winners[position]}, position {position} by") or (
                caption.startswith(f"Attribution of unit {winners[position]} of tag, position {position} by")
            )
        assert ", mean over steps by" in self.drawn_caption(workspace, "tag")


def test_inputs_of_few_numbers_stand_together_by_name_on_one_scale():
    size, age = keras.Input((1,), name="size"), keras.Input((1,), name="age")
    place = keras.Input((3,), name="place")
    answer = keras.layers.Dense(1, name="price")(keras.layers.Concatenate()([size, age, place]))
    model = keras.Model([size, age, place], answer)
    kernel = np.array([[2.0], [-3.0], [0.5], [0.0], [1.0]], np.float32)
    model.layers[-1].set_weights([kernel, np.zeros(1, np.float32)])
    inputs = {"size": [[4.0]], "age": [[5.0]], "place": [[1.0, 2.0, 3.0]]}
    inputs = {name: np.array(values, np.float32) for name, values in inputs.items()}
    activation = core.extract(model, inputs)["price"]
    drawing = registry.draw("input-attribution", activation, {"method": "gradient × input"})

    (picture,) = drawing.pictures
    rows = next(rows for rows in picture.specification["datasets"].values() if "feature" in rows[0])
    counted = {row["feature"]: row["value"] for row in rows}
    assert counted == pytest.approx(
        {"size": 8.0, "age": -15.0, "place 0": 0.5, "place 1": 0.0, "place 2": 3.0}, abs=1e-5
    )
