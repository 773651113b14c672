"""Attributions against what can be worked out by hand, against tf-keras-vis, and on every example."""

import tracemalloc

import keras
import numpy as np
import pytest

import core
from core.analysis.attribution import (
    METHODS,
    NoGradient,
    Target,
    ablate,
    attribute,
    class_activation_map,
    importance_of_units,
    likeness,
    mismatch,
    verdict,
)
from core.analysis.attribution.methods import Look
from core.errors import InputRejected

random = np.random.default_rng(3)
EXAMPLES = [example.name for example in core.list_examples()]


@pytest.fixture(scope="module")
def opened():
    """Return a function that opens an example: its extractor, one sample by input name, its last layer and class."""
    kept = {}

    def give(name):
        if name not in kept:
            example = core.get_example(name)
            extractor = core.Extractor(core.load_model(example.model_path))
            arrays, labels = example.samples()
            one = {key: array[:1] for key, array in arrays.items()}
            # What answers numbers or pixels has no class; its first unit is asked about.
            last = extractor.layers[-1]
            answers_classes = last.output_shape[1:] == (len(example.class_names),)
            kept[name] = extractor, one, last.key, int(labels[0]) if answers_classes else 0
        return kept[name]

    return give


@pytest.fixture(scope="module")
def linear():
    """A linear model, whose weights say what each feature counts."""
    model = keras.Sequential([keras.Input((6,), name="x"), keras.layers.Dense(3, name="answer")])
    return core.Extractor(model), np.asarray(model.get_layer("answer").kernel)


def test_of_a_linear_model_the_weights_come_back(linear):
    extractor, kernel = linear
    x = random.normal(size=(1, 6)).astype(np.float32)
    weights, target = kernel[:, 1], Target("answer", 1)
    found = {method: attribute(extractor, {"x": x}, target, method)[0].values for method in METHODS}

    np.testing.assert_allclose(found["saliency"], np.abs(weights), atol=1e-5)
    np.testing.assert_allclose(found["SmoothGrad"], np.abs(weights), atol=1e-5)
    for method in ("gradient × input", "integrated gradients", "occlusion"):
        np.testing.assert_allclose(found[method], x[0] * weights, atol=1e-5)


def test_what_stands_for_nothing_can_be_chosen(linear):
    extractor, kernel = linear
    x, usual = random.normal(size=(1, 6)).astype(np.float32), np.arange(6, dtype=np.float32)
    for method in ("integrated gradients", "occlusion"):
        found = attribute(extractor, x, Target("answer", 2), method, baseline={"input:x": usual})[0]
        np.testing.assert_allclose(found.values, (x[0] - usual) * kernel[:, 2], atol=1e-4)


@pytest.mark.parametrize("name", EXAMPLES)
def test_integrated_gradients_sum_to_the_difference(opened, name):
    extractor, one, last, label = opened(name)
    (found,) = attribute(extractor, one, Target(last, label), "integrated gradients")

    assert found.completeness_error < 0.01
    assert found.total == pytest.approx(float(found.values.sum()), rel=1e-4)
    assert found.objective != pytest.approx(found.baseline, abs=0.05)


def test_a_jump_at_the_baseline_is_said(opened):
    extractor, one, last, label = opened("vowels-lstm")
    (found,) = attribute(extractor, one, Target(last, label), "integrated gradients")

    assert "as with a mask that hides zeros" in found.note


def test_text_is_explained_by_token_at_the_embedding(opened):
    extractor, one, last, label = opened("reviews-transformer")
    for method in METHODS:
        (found,) = attribute(extractor, one, Target(last, label), method)
        assert found.entry == "word_embedding"
        assert found.values.shape[0] == 32
        assert found.note.startswith("Input 'text' is text, by which there is no gradient.")


def test_occlusion_finds_the_only_place_that_counts():
    given = keras.Input((12, 12, 1), name="image")
    corner = keras.layers.Cropping2D(((1, 9), (7, 3)))(given)
    model = keras.Model(given, keras.layers.Dense(1, name="answer")(keras.layers.Flatten()(corner)))
    model.get_layer("answer").set_weights([np.ones((4, 1)), np.zeros(1)])
    (found,) = attribute(core.Extractor(model), np.ones((1, 12, 12, 1), np.float32), Target("answer", 0), "occlusion")

    assert found.values.shape == (12, 12)
    assert set(zip(*np.nonzero(found.values > 0.5 * found.values.max()), strict=True)) >= {(1, 7), (2, 8)}
    assert not found.values[6:].any()
    assert not found.values[:, :5].any()


def test_covers_of_a_volume_are_made_batch_by_batch():
    """All cubes of a volume at once would take hundreds of times its memory."""
    model = keras.Sequential([keras.Input((32, 32, 32, 1)), keras.layers.GlobalAveragePooling3D()])
    volume = random.random((1, 32, 32, 32, 1)).astype(np.float32)
    extractor, target = core.Extractor(model), Target(model.layers[-1].name, 0)
    attribute(extractor, volume, target, "occlusion", patch=16)
    tracemalloc.start()
    (found,) = attribute(extractor, volume, target, "occlusion", patch=4)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    cubes = volume.reshape(8, 4, 8, 4, 8, 4).sum(axis=(1, 3, 5)) / volume.size
    np.testing.assert_allclose(found.values[::4, ::4, ::4], cubes, rtol=1e-2, atol=1e-5)
    assert most < 512 * volume.nbytes


def test_a_grid_too_fine_to_be_run_is_made_coarser():
    parts = Look(3, "x", ()).parts(np.zeros((256, 256, 1), np.float32), 1)
    assert 3000 < len(parts.slices) <= 4096
    assert parts.note == "A side of 1 would be more than 4,096 copies: 8 is taken."
    covered = sum(parts.covers(start, 64).sum(axis=0) for start in range(0, len(parts.slices), 64))
    assert (covered > 0).all()


def test_images_with_their_channels_first_come_back_with_them_last():
    given = keras.Input((3, 8, 8), name="image")
    model = keras.Model(given, keras.layers.Dense(2, name="answer")(keras.layers.Flatten()(given)))
    extractor, x = core.Extractor(model), random.normal(size=(1, 3, 8, 8)).astype(np.float32)
    kernel = np.asarray(model.get_layer("answer").kernel)[:, 0].reshape(3, 8, 8)
    found = attribute(extractor, x, Target("answer", 0), "gradient × input")[0]
    covered = attribute(extractor, x, Target("answer", 0), "occlusion", patch=1)[0]

    assert [spec.channels_first for spec in core.input_specs(model)] == [True]
    np.testing.assert_allclose(found.values, np.moveaxis(x[0] * kernel, 0, -1), atol=1e-5)
    np.testing.assert_allclose(covered.values, (x[0] * kernel).sum(axis=0), atol=1e-4)


def test_without_a_gradient_occlusion_still_works():
    given = keras.Input((6,), name="x")
    model = keras.Model(given, keras.layers.Lambda(lambda x: keras.ops.argmax(x, axis=-1), name="largest")(given))
    extractor, x = core.Extractor(model), np.array([[0, 1, 5, 0, 2, 0]], np.float32)
    with pytest.raises(NoGradient, match=r"'largest'.*Choose occlusion"):
        attribute(extractor, x, Target("largest", 0), "saliency")
    (found,) = attribute(extractor, x, Target("largest", 0), "occlusion")

    assert np.flatnonzero(found.values).tolist() == [2]


@pytest.mark.filterwarnings("ignore:Please import")  # tf-keras-vis, of SciPy
def test_class_activation_maps_agree_with_tf_keras_vis(opened):
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    extractor, _, last, _ = opened("digits-cnn")
    arrays, labels = core.get_example("digits-cnn").samples()
    for layer in ("conv_1", "conv_2"):
        for method, other in (("Grad-CAM", Gradcam), ("Grad-CAM++", GradcamPlusPlus)):
            theirs = other(extractor.model, ReplaceToLinear(), clone=True)
            for sample in range(3):
                image, label = arrays["image"][[sample]], int(labels[sample])
                found = class_activation_map(extractor, {"image": image}, Target(last, label), layer, method)
                wanted = theirs(
                    CategoricalScore(label),
                    image.astype(np.float32),
                    penultimate_layer=layer,
                    seek_penultimate_conv_layer=False,
                    expand_cam=False,
                )[0]
                scaled = (found - found.min()) / max(float(np.ptp(found)), 1e-7)
                np.testing.assert_allclose(scaled, wanted, atol=1e-3)
                if method == "Grad-CAM":
                    plain = theirs(
                        CategoricalScore(label),
                        image.astype(np.float32),
                        penultimate_layer=layer,
                        seek_penultimate_conv_layer=False,
                        expand_cam=False,
                        normalize_cam=False,
                    )[0]
                    np.testing.assert_allclose(found, plain, atol=1e-3)


def test_score_cam_looks_where_the_class_is():
    given = keras.Input((12, 12, 1), name="image")
    maps = keras.layers.Conv2D(2, 1, use_bias=False, name="maps")(given)
    corner = keras.layers.Cropping2D(((0, 6), (0, 6)))(maps)
    model = keras.Model(given, keras.layers.Dense(1, name="answer")(keras.layers.Flatten()(corner)))
    model.get_layer("maps").set_weights([np.array([1.0, -1.0]).reshape(1, 1, 1, 2)])
    model.get_layer("answer").set_weights([np.tile([[1.0], [0.0]], (36, 1)), np.zeros(1)])
    image = np.zeros((1, 12, 12, 1), np.float32)
    image[0, 2:4, 2:4] = 1
    found = class_activation_map(core.Extractor(model), image, Target("answer", 0), "maps", "Score-CAM")

    assert found[2:4, 2:4].min() > 0
    assert found.sum() == pytest.approx(found[2:4, 2:4].sum())


def test_score_cam_of_an_image_with_its_channels_first():
    given = keras.Input((1, 10, 12), name="image")
    maps = keras.layers.Conv2D(2, 1, use_bias=False, name="maps")(keras.layers.Permute((2, 3, 1))(given))
    model = keras.Model(given, keras.layers.Dense(1, name="answer")(keras.layers.Flatten()(maps)))
    model.get_layer("maps").set_weights([np.array([1.0, -1.0]).reshape(1, 1, 1, 2)])
    model.get_layer("answer").set_weights([np.tile([[1.0], [0.0]], (120, 1)), np.zeros(1)])
    image = np.zeros((1, 1, 10, 12), np.float32)
    image[0, 0, 7, 9] = 1
    found = class_activation_map(core.Extractor(model), image, Target("answer", 0), "maps", "Score-CAM")

    assert np.unravel_index(found.argmax(), found.shape) == (7, 9)


def test_a_target_before_the_layer_is_refused(opened):
    extractor, one, *_ = opened("digits-cnn")
    with pytest.raises(NoGradient, match="'conv_1' does not depend on 'conv_2'"):
        class_activation_map(extractor, one, Target("conv_1", 0), "conv_2")


def test_an_unknown_method_is_refused(opened):
    extractor, one, last, unit = opened("digits-cnn")
    with pytest.raises(InputRejected, match="no method 'gradcam'; did you mean 'Grad-CAM'"):
        class_activation_map(extractor, one, Target(last, unit), "conv_2", "gradcam")


def test_what_a_unit_is_good_for():
    keras.utils.set_random_seed(4)
    given = keras.Input((5,), name="x")
    hidden = keras.layers.Dense(4, name="hidden")(given)
    model = keras.Model(given, keras.layers.Dense(3, name="answer")(hidden))
    kernel = np.array(model.get_layer("answer").kernel)
    kernel[2] = 0  # nobody listens to unit 2
    model.get_layer("answer").set_weights([kernel, np.zeros(3)])
    extractor, x = core.Extractor(model), random.normal(size=(1, 5)).astype(np.float32)
    answers = np.asarray(model.get_layer("hidden")(x))[0]
    falls = importance_of_units(extractor, {"x": x}, Target("answer", 1), "hidden")
    unheard, heard = (ablate(extractor, {"x": x}, "hidden", unit) for unit in (2, 0))

    np.testing.assert_allclose(falls, answers * kernel[:, 1], atol=1e-5)
    assert unheard.changed == {"answer": 0.0}
    np.testing.assert_allclose(heard.before - heard.after, [answers[0] * kernel[0]], atol=1e-5)
    assert heard.changed["answer"] == pytest.approx(
        np.linalg.norm(heard.before - heard.after) / np.linalg.norm(heard.before), rel=1e-4
    )
    assert np.isfinite(importance_of_units(extractor, {"x": x}, Target("answer", 1), "hidden", most=2)).sum() == 2


def test_the_test_with_shuffled_weights_tells_edges_from_what_was_learned(opened):
    extractor, one, last, label = opened("digits-cnn")
    target = Target(last, label)
    learned = [attribute(extractor, one, target, "saliency", shuffled=seed)[0].values for seed in (None, 1)]

    assert abs(likeness(*learned)) < 0.5
    assert "as it should" in verdict(likeness(*learned))
    edges = np.abs(np.diff(one["image"][0, ..., 0], axis=0))  # what any weights would show
    assert likeness(edges, edges) == pytest.approx(1)
    assert "it hardly changes" in verdict(1.0)
    assert "nothing is left" in verdict(likeness(edges, np.zeros_like(edges)))


def test_an_activation_of_another_model_is_refused(opened):
    extractor, one, *_ = opened("digits-cnn")
    dense = opened("digits-dense")[0]
    activations = extractor.extract(core.arrange(extractor.model, one))

    assert mismatch(extractor, activations["conv_1"]) == ""
    assert "give extractor=…" in mismatch(None, activations["conv_1"])
    pixels = opened("digits-dense")[1]
    other = dense.extract(core.arrange(dense.model, pixels))
    assert mismatch(dense, other["dense_1"]) == ""
