"""A sample before and after it is edited, and variants that every page treats as samples."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from core.errors import InputRejected
from core.examples.catalogue import get_example
from core.inputs.edits import ClampEdit, FeatureEdit, RectangleEdit, StretchEdit, Variant, WordEdit
from core.models.loading import load_model
from core.workspace.workspace import Workspace

UPPER_HALF = RectangleEdit("image", 0, 0, 4, 8, (0.0,))


def opened(name):
    workspace = Workspace()
    workspace.open_example(name)
    return workspace


@pytest.fixture(scope="module")
def digits():
    return opened("digits-cnn")


def layer_answers(model, x):
    """Return what each layer of a chain answers, one after the other."""
    answers = {}
    for layer in model.layers[1:]:
        x = layer(x)
        answers[layer.name] = np.asarray(x)
    return answers


def test_every_layer_moves_as_far_as_the_model_says(digits):
    view = digits.edit_view(5, (UPPER_HALF,))
    example = get_example("digits-cnn")
    arrays, _ = example.samples()
    model, image = load_model(example.model_path), arrays["image"][5:6]
    edited = image.copy()
    edited[0, :4] = 0
    before, after = layer_answers(model, image), layer_answers(model, edited)

    for key, change in view.changes.items():
        expected = np.linalg.norm(after[key] - before[key]) / np.linalg.norm(before[key])
        assert change == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert list(view.changes) == [each.key for each in digits.layers(5)]
    assert view.largest == max(view.changes, key=view.changes.get)
    names = example.class_names
    assert view.before.best == names[int(before["probabilities"].argmax())]
    assert view.after.best == names[int(after["probabilities"].argmax())]
    bars = {(row["name"], row["when"]): row["value"] for table in view.answers["datasets"].values() for row in table}
    best = int(after["probabilities"].argmax())
    assert bars[names[best], "after"] == pytest.approx(after["probabilities"][0, best], abs=1e-5)
    assert bars[names[best], "before"] == pytest.approx(before["probabilities"][0, best], abs=1e-5)


def test_nothing_moves_where_nothing_is_edited_and_the_sample_stays_as_it_was(digits):
    digits.edit_view(5, (UPPER_HALF,))
    view = digits.edit_view(5, ())

    assert set(view.changes.values()) == {0.0}
    assert view.largest == ""
    assert view.before == view.after
    assert digits.inputs(5)[0].picture == view.inputs[0].view.picture


def test_a_clamped_unit_moves_what_comes_after_and_nothing_before(digits):
    view = digits.edit_view(5, (ClampEdit("conv_2", 3, 2.0),))
    layer = digits.edited_layer(5, (ClampEdit("conv_2", 3, 2.0),), "conv_2", 3)

    assert view.changes["conv_1"] == 0
    assert view.changes["conv_2"] > 0
    assert view.changes["probabilities"] > 0
    assert layer.unit_count == len(layer.lows) == 32
    assert "channel 3 of 32" in str(layer.specification["title"])
    with pytest.raises(InputRejected, match="no unit 32"):
        digits.edit_view(5, (ClampEdit("conv_2", 32, 2.0),))


def test_a_picture_is_handed_out_pixel_by_pixel_on_the_scale_of_all_samples(digits):
    (shown,) = digits.edit_view(5, (RectangleEdit("image", 0, 0, 1, 3, (1.0,)),)).inputs
    pixels = np.asarray(Image.open(io.BytesIO(shown.picture)))

    assert shown.tool == "picture"
    assert shown.size == (8, 8, 1)
    assert (shown.lows, shown.highs) == ((0.0,), (1.0,))
    assert pixels.shape == (8, 8)
    assert (pixels[0, :3] == 255).all()


@pytest.mark.parametrize(
    ("name", "edit", "tool"),
    [
        ("diabetes-regression", FeatureEdit("measurements", 2, 0.1), "features"),
        ("motions-conv1d", StretchEdit("motion", 10, 40, 2, "mean"), "series"),
        ("reviews-transformer", WordEdit("text", 0, "terrible"), "words"),
        ("clips-lstm", StretchEdit("clip", 0, 3), "series"),
        ("digits-autoencoder", UPPER_HALF, "picture"),
    ],
)
def test_each_kind_of_input_has_its_tool_and_the_answer_moves(name, edit, tool):
    view = opened(name).edit_view(0, (edit,))

    assert view.inputs[0].tool == tool
    assert view.note == ""
    assert list(view.changes.values())[-1] > 0
    assert view.alt.startswith("Before: ")
    if tool == "words":
        assert view.inputs[0].edited_words[0] == "terrible"
        assert view.inputs[0].edited_words[1:] == view.inputs[0].words[1:]
    if tool == "features":
        assert view.inputs[0].values[2] == pytest.approx(0.1)
        assert view.inputs[0].lows[2] < view.inputs[0].highs[2]


def test_a_variant_is_a_sample_like_the_others():
    workspace = opened("digits-cnn")
    count, label = len(workspace.sample_names), workspace.sample_labels[5]
    expected = workspace.edit_view(5, (UPPER_HALF,)).after
    workspace.set_variants([Variant(5, "5, lower half", (UPPER_HALF,))])

    assert workspace.sample_names[count:] == ("5, lower half",)
    assert workspace.sample_labels[count] == label
    answer = workspace.answer(count)
    assert (answer.best, answer.right) == (expected.best, expected.right)
    assert answer.probability == pytest.approx(expected.probability, abs=1e-5)
    assert workspace.sample_rows()[count].name == "5, lower half"
    assert workspace.health().sample_count == count + 1
    # What is kept about the others stays in its place, and a variant can be edited again.
    assert workspace.sample_names[:2] == ("0", "1")
    assert workspace.edit_view(count, ()).before.best == expected.best

    workspace.set_class_names("a\nb\nc\nd\ne\nf\ng\nh\ni\nj")
    assert workspace.sample_names[count:] == ("5, lower half",)
    with pytest.raises(InputRejected, match="sample 900"):
        workspace.set_variants([Variant(900, "none", ())])
    assert len(workspace.sample_names) == count + 1
    workspace.set_variants([])
    assert len(workspace.sample_names) == count


def test_other_samples_let_the_variants_go():
    workspace = opened("digits-cnn")
    workspace.set_variants([Variant(5, "5, lower half", (UPPER_HALF,))])
    workspace.take_noise(3, 0)
    assert len(workspace.sample_names) == 3

    workspace.set_variants([Variant(1, "noise with a hole", (UPPER_HALF,))])
    workspace.take_input_as("image", "array")
    assert workspace.sample_names[3:] == ("noise with a hole",)


def test_a_layer_whose_answer_has_another_shape_now_is_left_out(tmp_path):
    words = keras.layers.TextVectorization(name="words")
    words.adapt(["a good film", "bad"])
    model = keras.Sequential(
        [
            keras.Input((), dtype="string", name="text"),
            words,
            keras.layers.Embedding(10, 3, name="embedding"),
            keras.layers.GlobalAveragePooling1D(name="mean"),
        ]
    )
    model.save(tmp_path / "words.keras")
    workspace = Workspace()
    workspace.open_model(tmp_path / "words.keras")
    workspace.take_text("a good film")
    view = workspace.edit_view(0, (WordEdit("text", 1, ""),))

    assert list(view.changes) == ["mean"]
    assert "3×3 here and 2×3 there" in workspace.edited_layer(0, (WordEdit("text", 1, ""),), "embedding").note


def test_an_answer_that_is_no_number_is_not_drawn_as_zero(tmp_path):
    model = keras.Sequential([keras.Input((3,), name="row"), keras.layers.Dense(2, name="dense")])
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "row.npy", np.array([[1, np.nan, 2], [1, 2, 3]], np.float32))
    workspace = Workspace()
    workspace.open_model(tmp_path / "model.keras")
    files = {"row": [("row.npy", (tmp_path / "row.npy").read_bytes())]}
    workspace.take_files(files, scaling="none", fit="stretch", invert=False)
    view = workspace.edit_view(0, (FeatureEdit("row", 1, 0.5),))

    (rows,) = view.answers["datasets"].values()
    assert {row["label"] for row in rows if row["when"] == "before"} == {"NaN"}
    assert "NaN" not in {row["label"] for row in rows if row["when"] == "after"}


@pytest.mark.parametrize("shade", [0.5, 0.0, -0.5])
def test_a_picture_of_one_shade_can_be_painted_with_another(tmp_path, shade):
    model = keras.Sequential([keras.Input((6, 6, 1), name="image"), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "image.npy", np.full((2, 6, 6, 1), shade, np.float32))
    workspace = Workspace()
    workspace.open_model(tmp_path / "model.keras")
    files = {"image": [("image.npy", (tmp_path / "image.npy").read_bytes())]}
    workspace.take_files(files, scaling="none", fit="stretch", invert=False)
    (shown,) = workspace.edit_view(0, ()).inputs

    assert shown.lows[0] < shown.highs[0]


@pytest.mark.parametrize("count", [1, 4])
def test_a_model_that_keeps_states_for_so_many_samples_answers_for_one(tmp_path, count):
    inputs = keras.Input(batch_shape=(count, 6, 3), name="series")
    states = keras.layers.LSTM(4, stateful=True, name="states")(inputs)
    keras.Model(inputs, keras.layers.Dense(1, name="answer")(states)).save(tmp_path / "model.keras")
    workspace = Workspace()
    workspace.open_model(tmp_path / "model.keras")
    workspace.take_noise(count, 0)
    edit = StretchEdit("series", 0, 6)
    view = workspace.edit_view(count - 1, (edit,))

    assert view.before.value == workspace.answer(count - 1).value != ""
    assert view.after.value == "0"
    assert view.changes["states"] == pytest.approx(1)
    assert not workspace.edited_layer(count - 1, (edit,), "states").note
    if count > 1:
        assert workspace.compare_samples(0, 1).largest
