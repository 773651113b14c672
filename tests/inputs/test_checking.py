import subprocess
import sys

import keras
import numpy as np
import pytest

from core.errors import InputRejected
from core.inputs.checking import check
from core.inputs.model_inputs import input_specs
from core.inputs.noise import noise
from core.inputs.remedies import shape_text
from core.inputs.spec import InputSpec
from core.inputs.structure import arrange
from core.workspace.previews import value_range

IMAGE = InputSpec("image", (28, 28, 1), "float32")
COLOUR = InputSpec("photo", (32, 32, 3), "float32")
SEQUENCE = InputSpec("series", (50, 3), "float32")
VECTOR = InputSpec("flower", (4,), "float32")
TOKENS = InputSpec("words", (10,), "float32", vocabulary_size=50)
TEXT = InputSpec("review", (1,), "string")


class TwoEmbeddings(keras.layers.Layer):
    """Token and position embedding in one layer, as Keras' Transformer example has it."""

    def __init__(self):
        super().__init__()
        self.position = keras.layers.Embedding(10, 4)
        self.token = keras.layers.Embedding(7, 4)

    def call(self, x):
        return self.token(x) + self.position(keras.ops.arange(10))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def rejected(array, spec, source=""):
    with pytest.raises(InputRejected) as caught:
        check(np.asarray(array), spec, source)
    return caught.value


@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [
        ((28, 28, 1), "float32", "image"),
        ((None, None, 3), "float32", "image"),
        ((64, 64, None), "float32", "image"),
        ((32, 32, 4), "uint8", "image"),
        ((3, 32, 32), "float32", "image"),
        ((7, 7, 512), "float32", "array"),
        ((4,), "float32", "vector"),
        ((None,), "int32", "tokens"),
        ((), "int64", "tokens"),
        ((), "float32", "array"),
        ((50, 3), "float32", "sequence"),
        ((28, 28), "uint8", "image"),
        ((30, 4), "float32", "sequence"),
        ((200, 30), "float32", "sequence"),
        ((None, 6), "float32", "sequence"),
        ((28, 28, 2), "float32", "image"),
        ((10, 64, 64), "float32", "volume"),
        ((8, 32, 32, 3), "float32", "volume"),
        ((), "string", "text"),
        ((28, 28, 1), "string", "text"),
    ],
)
def test_kind_follows_type_and_shape(shape, dtype, kind):
    assert InputSpec("x", shape, dtype).kind == kind


def test_channels_first():
    assert InputSpec("x", (3, 32, 32), "float32").channels_first
    assert InputSpec("x", (1, None, None), "float32").channels_first
    assert not InputSpec("x", (3, 3, 3), "float32").channels_first
    assert not InputSpec("x", (32, 32, 3), "float32").channels_first


def test_specs_of_a_sequential():
    model = keras.Sequential([keras.Input((28, 28, 1), name="picture"), keras.layers.Conv2D(2, 3)])
    assert input_specs(model) == (InputSpec("picture", (28, 28, 1), "float32"),)


def test_specs_after_a_call_have_no_fixed_sample_axis():
    model = keras.Sequential([keras.layers.Dense(2)])
    assert input_specs(model) == ()
    model(np.zeros((5, 3), "float32"))
    assert [spec.shape for spec in input_specs(model)] == [(3,)]


def test_specs_of_several_inputs_keep_their_order():
    left, right = keras.Input((4,), name="right"), keras.Input((None, 2), name="left")
    model = keras.Model([left, right], [left, right])
    assert [spec.name for spec in input_specs(model)] == ["right", "left"]


def test_specs_of_a_subclassed_model_are_unknown():
    model = Subclassed()
    model(np.zeros((1, 3), "float32"))
    assert input_specs(model) == ()


def test_tokens_are_known_by_the_embedding_that_takes_them():
    model = keras.Sequential([keras.Input((10,)), keras.layers.Embedding(50, 4)])
    (spec,) = input_specs(model)
    assert spec.kind == "tokens"
    assert spec.vocabulary_size == 50


def test_tokens_are_known_inside_a_nested_model_and_a_composite_layer():
    inner = keras.Sequential([keras.Input((10,)), keras.layers.Embedding(20, 4)])
    outer = keras.Input((10,), name="nested")
    composite = keras.Input((10,), name="composite")
    model = keras.Model([outer, composite], [inner(outer), TwoEmbeddings()(composite)])
    assert [spec.vocabulary_size for spec in input_specs(model)] == [20, 7]


def test_numbers_are_no_tokens():
    inputs = keras.Input((10,))
    hidden = keras.layers.Dense(4)(inputs)
    assert input_specs(keras.Model(inputs, hidden))[0].kind == "vector"


def test_a_fitting_array_is_handed_on():
    array = np.zeros((5, 28, 28, 1), "float32")
    assert check(array, IMAGE) is array


@pytest.mark.parametrize(
    ("given", "spec", "mended"),
    [
        ((28, 28, 1), IMAGE, (1, 28, 28, 1)),
        ((10, 28, 28), IMAGE, (10, 28, 28, 1)),
        ((28, 28), IMAGE, (1, 28, 28, 1)),
        ((4,), VECTOR, (1, 4)),
        ((50, 3), SEQUENCE, (1, 50, 3)),
        ((6, 20), InputSpec("x", (None, 1), "float32"), (6, 20, 1)),
        ((20, 1), InputSpec("x", (None, 1), "float32"), (1, 20, 1)),
        ((6,), InputSpec("x", (1,), "float32"), (6, 1)),
        ((6, 1), InputSpec("x", (), "float32"), (6,)),
    ],
)
def test_axes_that_can_only_be_missing_are_added(given, spec, mended):
    assert check(np.zeros(given), spec).shape == mended


def test_the_message_has_both_shapes_and_the_source():
    error = rejected(np.zeros((10, 30, 30)), IMAGE, "digits.npy")
    assert error.message == (
        "digits.npy holds 10×30×30, the input 'image' expects ?×28×28×1 (the first axis counts samples)."
    )


@pytest.mark.parametrize(
    ("given", "spec", "hint"),
    [
        ((5, 3, 32, 32), COLOUR, "np.moveaxis(array, 1, -1)"),
        ((5, 32, 32, 3), InputSpec("x", (3, 32, 32), "float32"), "np.moveaxis(array, -1, 1)"),
        ((5, 3, 50), SEQUENCE, "np.swapaxes(array, 1, 2)"),
        ((4, 150), VECTOR, "np.transpose(array, (1, 0))"),
        ((32, 32, 3, 5), COLOUR, "np.transpose(array, (3, 0, 1, 2))"),
        ((5, 4, 2, 3), InputSpec("x", (2, 3, 4, 9), "float32"), "axes"),
        ((5, 32, 32, 1), COLOUR, "np.repeat(array, 3, axis=-1)"),
        ((5, 32, 32), COLOUR, "np.stack([array] * 3, axis=-1)"),
        ((5, 32, 32, 4), COLOUR, "array[..., :3]"),
        ((5, 28, 28, 3), IMAGE, "array.mean(axis=-1"),
        ((5, 32, 32, 2), COLOUR, "3 channels, not 2"),
        ((5, 1, 32, 32), InputSpec("x", (3, 32, 32), "float32"), "np.repeat(array, 3, axis=1)"),
        ((5, 784), IMAGE, "array.reshape(5, 28, 28, 1)"),
        ((784,), IMAGE, "array.reshape(1, 28, 28, 1)"),
        ((5, 28, 28), InputSpec("x", (784,), "float32"), "array.reshape(5, 784)"),
        ((5, 30, 30, 1), IMAGE, "Resize"),
        ((5, 50, 4), SEQUENCE, "3 features per time step, not 4"),
        ((5, 60, 3), SEQUENCE, "50 time steps"),
        ((5, 12), TOKENS, "10 time steps"),
        ((5, 6), VECTOR, "4 features per sample, not 6"),
        ((5, 5), VECTOR, "index or the class"),
        ((5, 2, 2, 2, 2), InputSpec("x", (3, 3, 3, 3), "float32"), "3×3×3×3"),
    ],
)
def test_the_remedy_names_the_likely_mend(given, spec, hint):
    assert hint in rejected(np.zeros(given), spec).remedy


def test_numbers_are_converted():
    assert check(np.zeros((2, 4), "uint8"), VECTOR).dtype == np.float32
    whole = InputSpec("x", (2,), "uint8")
    assert check(np.array([[0.0, 255.0]]), whole).tolist() == [[0, 255]]
    assert check(np.array([[1, 0]]), InputSpec("x", (2,), "bool")).tolist() == [[True, False]]
    assert check(np.zeros((2, 4)), InputSpec("x", (4,), "bfloat16")).dtype == np.float32


def test_non_finite_values_stay():
    array = np.array([[np.nan, np.inf, -np.inf, 0.0]])
    np.testing.assert_array_equal(check(array, VECTOR), array.astype("float32"))


@pytest.mark.parametrize(
    ("array", "spec", "words"),
    [
        ([[0.5, 1.0]], InputSpec("x", (2,), "int32"), "0.5"),
        ([[np.nan, 1.0]], InputSpec("x", (2,), "int32"), "nan"),
        ([[0, 256]], InputSpec("x", (2,), "uint8"), "256"),
        ([[-1, 0]], InputSpec("x", (2,), "uint8"), "-1"),
        ([[0, 2]], InputSpec("x", (2,), "bool"), "2"),
        ([[0.0, 1e39, 0.0, 0.0]], VECTOR, "1e+39"),
        ([[0.0, 1e6]], InputSpec("x", (2,), "float16"), "1000000"),
        ([["a", "b", "c", "d"]], VECTOR, "holds text"),
        ([[1]], TEXT, "holds numbers"),
        (np.array([[1, "a"]], dtype=object), VECTOR, "object"),
        (np.zeros((1, 4), complex), VECTOR, "complex"),
        (np.zeros((0, 4)), VECTOR, "empty"),
        (np.zeros((3, 0, 3)), InputSpec("x", (None, 3), "float32"), "empty"),
        ([[-1] * 10], TOKENS, "-1"),
        ([[50] * 10], TOKENS, "0 to 49"),
        ([[0.5] * 10], TOKENS, "0.5"),
        ([[np.nan] * 10], TOKENS, "nan"),
    ],
)
def test_values_that_the_model_cannot_take_are_refused(array, spec, words):
    error = rejected(array, spec)
    assert words in error.message
    assert error.remedy


def test_text_is_taken_as_strings():
    assert check(np.array(["good", "bad"]), TEXT).tolist() == [["good"], ["bad"]]
    assert check(np.array(["schön".encode()]), InputSpec("x", (), "string")).tolist() == ["schön"]


def test_arrange_one_input():
    array = np.zeros((2, 3), "float32")
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    assert arrange(model, {"x": array}) is array
    assert arrange(Subclassed(), {"anything": array}) is array


def test_arrange_follows_the_structure_of_the_model():
    a, b, c = (keras.Input((size,), name=name) for size, name in ((1, "a"), (2, "b"), (3, "c")))
    arrays = {name: np.zeros((2, size), "float32") for name, size in (("c", 3), ("b", 2), ("a", 1))}
    models = [
        (keras.Model([b, a], [a, b]), [(2, 2), (2, 1)]),
        (keras.Model({"b": b, "a": a}, [a, b]), {"a": (2, 1), "b": (2, 2)}),
        (keras.Model([c, {"b": b, "a": a}], [a, b, c]), [(2, 3), {"a": (2, 1), "b": (2, 2)}]),
    ]
    for model, shapes in models:
        given = {spec.name: arrays[spec.name] for spec in input_specs(model)}
        arranged = arrange(model, given)
        assert keras.tree.map_structure(lambda array: array.shape, arranged) == shapes
        model(arranged)


def test_arrange_refuses_what_does_not_belong_together():
    a, b = keras.Input((1,), name="a"), keras.Input((2,), name="b")
    model = keras.Model([a, b], [a, b])
    with pytest.raises(InputRejected, match="'a' has 2, 'b' has 3"):
        arrange(model, {"a": np.zeros((2, 1)), "b": np.zeros((3, 2))})
    with pytest.raises(InputRejected, match="takes 'a', 'b'; given were 'a'"):
        arrange(model, {"a": np.zeros((2, 1))})


@pytest.mark.parametrize(
    "spec",
    [
        IMAGE,
        COLOUR,
        SEQUENCE,
        VECTOR,
        TOKENS,
        TEXT,
        InputSpec("x", (None, None, None), "uint8"),
        InputSpec("x", (3, None, None), "float32"),
        InputSpec("x", (None, None), "float32"),
        InputSpec("x", (None, None, None, 1), "float16"),
        InputSpec("x", (None,), "int32"),
        InputSpec("x", (), "float32"),
        InputSpec("x", (2,), "bool"),
        InputSpec("x", (1, 2, 3, 4, None), "float32"),
        InputSpec("x", (5,), "float32", vocabulary_size=1),
    ],
)
def test_noise_fits_its_input_and_repeats_itself(spec):
    samples = noise(spec, 3, seed=1)
    assert len(samples) == 3
    np.testing.assert_array_equal(check(samples, spec), samples)
    np.testing.assert_array_equal(noise(spec, 3, seed=1), samples)


def test_noise_has_the_range_of_its_kind():
    image = noise(COLOUR, 2, seed=0)
    assert 0 <= image.min() < 0.1
    assert 0.9 < image.max() <= 1
    assert noise(SEQUENCE, 2, seed=0).min() < -1
    tokens = noise(TOKENS, 100, seed=0)
    assert (tokens.min(), tokens.max()) == (1, 49)
    assert noise(InputSpec("x", (9, 9, 3), "uint8"), 9, seed=0).max() > 200


def test_noise_of_a_huge_input_is_refused():
    with pytest.raises(InputRejected, match="memory"):
        noise(InputSpec("x", (100_000, 100_000, 3), "float32"), 1, seed=0)


def test_value_range_counts_what_is_not_finite():
    told = value_range(np.array([[1.0, np.nan], [3.0, np.inf]]))
    assert (told.minimum, told.maximum, told.mean, told.non_finite) == (1.0, 3.0, 2.0, 2)
    nothing = value_range(np.array([np.nan]))
    assert np.isnan(nothing.mean)
    assert nothing.non_finite == 1
    assert np.isnan(value_range(np.array(["a"])).minimum)


def test_many_axes_are_told_apart_within_a_second():
    spec = InputSpec("x", (*range(2, 13), 1), "float32")
    with pytest.raises(InputRejected, match="expects") as caught:
        check(np.ones((1,) * 12 + (2,)), spec)
    assert caught.value.remedy


def test_what_a_conversion_needs_is_known_before():
    samples = np.broadcast_to(np.zeros((1, 1), np.uint8), (200_000_000, 2))
    with pytest.raises(InputRejected, match=r"data\.npy as the input 'x' takes it \(float32\) needs more than 1 GB"):
        check(samples, InputSpec("x", (2,), "float32"), "data.npy")


def test_a_type_that_numpy_lacks_is_given_as_float32():
    assert check(np.ones((1, 2)), InputSpec("x", (2,), "float8_e4m3fn")).dtype == np.float32


def test_shape_text():
    assert shape_text((None, 28, 28, 1)) == "?×28×28×1"
    assert shape_text(()) == "a single value"


def test_knowing_what_an_input_is_needs_no_keras():
    modules = "core.inputs.checking, core.inputs.files"
    code = f"import sys, {modules}; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
