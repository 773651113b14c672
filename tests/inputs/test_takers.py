"""What an input is taken for: by its shape, by the layers behind it, and by what the person says."""

import io

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image

import core
from core.analysis.attribution import Target, attribute
from core.errors import InputRejected
from core.inputs.checking import check
from core.inputs.images import read_image, takes_images
from core.inputs.model_inputs import input_specs
from core.inputs.spec import InputSpec, drawable
from core.workspace.previews import input_view
from core.workspace.workspace import Workspace

random = np.random.default_rng(0)


def chain(shape, *steps, **settings):
    return keras.Sequential([keras.Input(shape, **settings), *steps])


def graph(shape, made):
    given = keras.Input(shape)
    return keras.Model(given, made(given))


def attended(x):
    x = layers.Dense(16)(x)
    return layers.MultiHeadAttention(2, 4)(x, x)


def flat(*before):
    return [*before, layers.Flatten(), layers.Dense(3)]


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        pytest.param(lambda: chain((28, 28), *flat()), "image", id="the first model of every course"),
        pytest.param(lambda: chain((28, 28), *flat(layers.Rescaling(1 / 255)), dtype="uint8"), "image", id="bytes"),
        pytest.param(lambda: chain((28, 28), layers.LSTM(4)), "sequence", id="rows over time"),
        pytest.param(
            lambda: chain((28, 28), layers.Normalization(mean=0, variance=1), layers.Bidirectional(layers.GRU(4))),
            "sequence",
            id="rows over time behind a normalization",
        ),
        pytest.param(
            lambda: chain((28, 28), chain((28, 28), layers.Rescaling(2)), chain((28, 28), layers.Conv1D(2, 3))),
            "sequence",
            id="through nested models",
        ),
        pytest.param(lambda: graph((28, 28), attended), "sequence", id="attention behind a projection"),
        pytest.param(
            lambda: chain((28, 28), layers.Dense(3), layers.GlobalAveragePooling1D()), "sequence", id="mean over time"
        ),
        pytest.param(lambda: chain((28, 28), layers.Masking(), layers.Dense(2)), "sequence", id="a mask over time"),
        pytest.param(lambda: chain((28, 28), layers.TimeDistributed(layers.Dense(2))), "sequence", id="by timestep"),
        pytest.param(lambda: chain((28, 28), layers.Reshape((784, 1)), layers.LSTM(2)), "image", id="pixel by pixel"),
        pytest.param(lambda: chain((30, 4), *flat()), "sequence", id="too narrow for an image"),
        pytest.param(
            lambda: graph((30, 4), lambda x: layers.Conv2D(2, 3)(ops.expand_dims(x, -1))), "image", id="expand_dims"
        ),
        pytest.param(lambda: chain((64, 48), *flat(layers.Permute((2, 1)))), "image", id="turned"),
        pytest.param(lambda: chain((784,), layers.Dense(3)), "vector", id="784 numbers"),
        pytest.param(lambda: chain((784,), layers.Reshape((28, 28, 1)), layers.Conv2D(2, 3)), "image", id="784 pixels"),
        pytest.param(lambda: chain((784,), layers.Reshape((28, 28)), layers.LSTM(2)), "sequence", id="784 as rows"),
        pytest.param(lambda: chain((187,), layers.Reshape((187, 1)), layers.Conv1D(2, 3)), "sequence", id="a signal"),
        pytest.param(
            lambda: chain((100,), layers.Dense(49), layers.Reshape((7, 7, 1)), layers.Conv2DTranspose(2, 3)),
            "vector",
            id="what a generator starts from",
        ),
        pytest.param(lambda: chain((28, 28, 2), layers.Conv2D(2, 3)), "image", id="two channels"),
        pytest.param(lambda: chain((7, 7, 512), *flat()), "array", id="features"),
        pytest.param(lambda: chain((7, 7, 512), layers.GlobalAveragePooling2D()), "image", id="feature maps"),
        pytest.param(lambda: chain((10, 64, 64), *flat()), "volume", id="grey frames"),
        pytest.param(
            lambda: chain((10, 64, 64), layers.Reshape((10, 64, 64, 1)), layers.ConvLSTM2D(2, 3)),
            "volume",
            id="grey frames over time",
        ),
        pytest.param(
            lambda: chain((20, 17, 3), layers.TimeDistributed(layers.Flatten()), layers.LSTM(3)), "array", id="joints"
        ),
        pytest.param(
            lambda: graph((28, 28, 3), lambda x: layers.Conv1D(3, 3)(ops.reshape(x, (-1, 784, 3)))),
            "image",
            id="patches of an image",
        ),
        pytest.param(
            lambda: chain((10, 20), layers.Embedding(50, 4), *flat(), dtype="int32"), "tokens", id="rows of tokens"
        ),
    ],
)
def test_the_layers_behind_an_input_say_what_it_is(model, kind):
    (spec,) = input_specs(model())

    assert spec.kind == kind
    assert kind in spec.kinds


def test_a_layer_says_where_the_channels_are():
    (said,) = input_specs(chain((3, 32, 32), layers.Conv2D(2, 1)))
    (guessed,) = input_specs(chain((3, 32, 32), *flat()))

    assert not said.channels_first
    assert guessed.channels_first


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (InputSpec("x", (9, 8), "float32"), (9, 8, 1)),
        (InputSpec("x", (9, 8, 3), "float32"), (9, 8, 3)),
        (InputSpec("x", (3, 9, 8), "float32"), (9, 8, 3)),
        (InputSpec("x", (192,), "float32", taken_for="image"), (8, 8, 3)),
        (InputSpec("x", (72,), "float32", reshaped=(9, 8, 1)), (9, 8, 1)),
        (InputSpec("x", (72,), "float32", reshaped=(1, 9, 8)), (9, 8, 1)),
        (InputSpec("x", (9, 24), "float32", reshaped=(9, 8, 3)), (9, 8, 3)),
    ],
)
def test_samples_are_pictures_and_back(spec, size):
    samples = random.normal(size=(2, *spec.shape)).astype(np.float32)
    images = spec.as_images(samples)

    assert images.shape == (2, *size)
    np.testing.assert_array_equal(spec.from_images(images), samples)


def test_what_are_no_colours_is_drawn_as_their_mean_and_that_is_said():
    spec = InputSpec("x", (8, 9, 5), "float32", taken_for="image")
    array = random.normal(size=(2, 8, 9, 5)).astype(np.float32)

    mean = array.mean(axis=-1)
    shares = (mean - mean.min()) / (mean.max() - mean.min())
    np.testing.assert_allclose(drawable({"x": array}, [spec])["x"][..., 0], 255 * shares, atol=0.51)
    assert input_view(spec, array, 0).note == "the mean of 5 channels is drawn"


def test_grey_images_without_a_channel_are_read_from_files_and_drawn():
    pixels = random.integers(0, 255, (28, 28)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    (spec,) = input_specs(chain((28, 28), *flat()))
    sample = read_image(file.getvalue(), "digit.png", spec)

    np.testing.assert_allclose(sample, pixels / 255, rtol=1e-6)
    assert input_view(spec, sample[None], 0).picture is not None
    assert not takes_images(InputSpec("x", (10, 64, 64), "float32"))


def test_grey_images_lose_a_channel_that_is_not_wanted():
    spec = InputSpec("x", (28, 28), "float32")

    assert check(np.zeros((5, 28, 28, 1), np.float32), spec).shape == (5, 28, 28)
    with pytest.raises(InputRejected, match="28×28×3") as caught:
        check(np.zeros((5, 28, 28, 3), np.float32), spec)
    assert "array.mean(axis=-1)" in caught.value.remedy


def test_a_volume_is_drawn_as_slices():
    view = input_view(InputSpec("x", (40, 9, 9), "float32"), random.normal(size=(1, 40, 9, 9)), 0)

    assert view.picture is not None
    assert view.note == "slices at depth 20, height 4, width 4"


@pytest.mark.parametrize("method", ["saliency", "integrated gradients", "occlusion"])
@pytest.mark.parametrize("shape", [(28, 28), (784,)])
def test_an_image_of_any_axes_is_explained_as_an_image(shape, method):
    model = chain(shape, layers.Reshape((28, 28, 1)), layers.Flatten(), layers.Dense(2, name="answer"))
    kernel = np.asarray(model.get_layer("answer").kernel)[:, 0].reshape(28, 28)
    x = random.uniform(0.5, 1, size=(1, *shape)).astype(np.float32)
    (found,) = attribute(core.Extractor(model), x, Target("answer", 0), method, patch=1)
    values = found.values if found.values.ndim == 2 else found.values[..., 0]

    assert found.given.shape == (28, 28, 1)
    expected = np.abs(kernel) if method == "saliency" else kernel * x.reshape(28, 28)
    np.testing.assert_allclose(values, expected, atol=1e-4)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file with the first model of every course, for images of 28 by 28."""
    path = tmp_path_factory.mktemp("models") / "course.keras"
    keras.Sequential(
        [
            keras.Input((28, 28), name="image"),
            layers.Flatten(name="flatten"),
            layers.Dense(8, activation="relu"),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    ).save(path)
    return path


class TestTakingAnInputForSomethingElse:
    def test_it_is_drawn_explained_and_searched_for_as_that(self, path):
        workspace = Workspace()
        opened = workspace.open_model(path)
        workspace.take_noise(4, 0)
        assert [(each.kind, each.likeliest, each.kinds) for each in opened.inputs] == [
            ("image", "image", ("image", "sequence"))
        ]

        def drawn():
            explained = workspace.chart("answer", "input-attribution", {"method": "occlusion"}, 0)
            assert not explained.failure
            found = workspace.maximize("answer", 0, {}, 0, 4, 5.0).found[0]
            return workspace.inputs(0)[0].picture, "hconcat" in explained.pictures[0].specification, found.picture

        assert all(drawn())
        assert workspace.take_input_as("image", "sequence").inputs[0].kind == "sequence"
        assert not any(drawn())
        assert workspace.inputs(0)[0].minimum < 0, "noise for a sequence is not that for an image"

    def test_data_stays_as_it_is(self, path):
        workspace = Workspace()
        workspace.open_model(path)
        file = io.BytesIO()
        values = random.uniform(size=(3, 28, 28)).astype(np.float32)
        np.savez(file, image=values, labels=np.arange(3))
        workspace.take_files({"image": [("a.npz", file.getvalue())]}, scaling="0–1", fit="stretch", invert=False)
        before = workspace.inputs_file(), workspace.sample_names, workspace.sample_labels
        workspace.take_input_as("image", "sequence")

        assert (workspace.inputs_file(), workspace.sample_names, workspace.sample_labels) == before

    def test_what_it_cannot_be_is_refused_with_what_it_can_be(self, path):
        workspace = Workspace()
        workspace.open_model(path)
        with pytest.raises(InputRejected, match="cannot be taken for 'volume'") as caught:
            workspace.take_input_as("image", "volume")
        assert "image, sequence" in caught.value.remedy
        with pytest.raises(InputRejected, match="no input 'other'"):
            workspace.take_input_as("other", "image")

    def test_the_code_for_a_notebook_takes_it_for_the_same(self, path, monkeypatch):
        workspace = Workspace()
        workspace.open_model(path)
        workspace.take_noise(3, 0)
        workspace.take_input_as("image", "sequence")
        code = workspace.code("answer", "input-attribution", {}, 0)
        monkeypatch.chdir(path.parent)
        (path.parent / "inputs.npz").write_bytes(workspace.inputs_file())
        *lines, last = code.strip().splitlines()
        names: dict[str, object] = {}
        exec("\n".join(lines), names)
        assert [spec.kind for spec in names["activations"]["answer"].context.specs] == ["sequence"]
        chart = eval(last, names)

        assert "vconcat" in str(chart.to_dict())


def test_what_is_flattened_is_told_by_the_places_of_an_image(path):
    workspace = Workspace()
    workspace.open_model(path)
    workspace.take_noise(2, 0)

    def said():
        return str(workspace.chart("flatten", "rearranged", {}, 0).pictures[0].specification["title"])

    assert "time" not in said()
    workspace.take_input_as("image", "sequence")
    assert "time" in said()
