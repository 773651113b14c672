"""In one call the numbers that the page shows: the same as its Workspace has, and as NumPy and TensorFlow work out."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

import core
import layerscope
from core.errors import InputRejected

DENSE, CNN = "digits-dense", "digits-cnn"


class Opened:
    """An example on the page, and the same in a notebook."""

    def __init__(self, name):
        example = core.get_example(name)
        self.workspace = core.Workspace()
        self.workspace.open_example(name)
        self.inputs, self.labels = example.samples()
        self.model = core.load_model(example.model_path)
        self.extractor = core.Extractor(self.model)
        self.last = list(self.extractor.layers)[-1].key

    def pictures(self, layer, visualizer, sample=0, **options):
        """Return the pictures of the page, as Vega-Lite."""
        result = self.workspace.chart(layer, visualizer, options, sample)
        assert result.pictures, result
        return [each.specification for each in result.pictures]


@pytest.fixture(scope="module")
def dense():
    return Opened(DENSE)


@pytest.fixture(scope="module")
def cnn():
    return Opened(CNN)


def rows_with(specification, *columns):
    """Return the first table of a chart that has some columns."""
    tables = specification["datasets"].values()
    return pd.DataFrame(next(table for table in tables if set(columns) <= set(table[0])))


class TestAttribute:
    @pytest.mark.parametrize("options", [{"method": "gradient × input"}, {"method": "occlusion", "patch": 1}])
    def test_is_what_the_page_draws(self, dense, options):
        (found,) = layerscope.attribute(dense.extractor, dense.inputs, sample=3, **options)
        (drawn, *_) = dense.pictures(dense.last, "input-attribution", 3, **options)
        bars = rows_with(drawn, "feature", "value").sort_values("feature")

        np.testing.assert_allclose(found.values[bars["feature"]], bars["value"], rtol=1e-4, atol=1e-6)
        assert found.values.shape == found.given.shape == dense.inputs[next(iter(dense.inputs))].shape[1:]

    def test_is_the_gradient_of_the_logit(self, cnn):
        (image,) = (tf.constant(array[3:4]) for array in cnn.inputs.values())
        logits = keras.Model(cnn.model.inputs, cnn.model.layers[-1].input)
        last = cnn.model.layers[-1]
        with tf.GradientTape() as tape:
            tape.watch(image)
            score = (logits(image) @ last.kernel + last.bias)[0, 5]
        (found,) = layerscope.attribute(cnn.extractor, cnn.inputs, sample=3, unit=5, method="saliency")

        np.testing.assert_allclose(found.values, np.abs(tape.gradient(score, image)[0]), rtol=1e-3, atol=1e-6)
        assert found.objective == pytest.approx(float(score), rel=1e-4)

    def test_explains_what_answers_the_most_from_the_mean_where_that_is_asked_for(self, dense):
        (name, array), *_ = dense.inputs.items()
        wanted = layerscope.attribute(
            dense.extractor,
            dense.inputs,
            sample=2,
            unit=int(dense.model(array[2:3]).numpy().argmax()),
            baseline={name: array.mean(axis=0)},
        )[0]
        (found,) = layerscope.attribute(dense.extractor, dense.inputs, sample=2, baseline="mean of the samples")

        np.testing.assert_allclose(found.values, wanted.values)
        assert found.baseline == pytest.approx(wanted.baseline)
        assert found.completeness_error < 0.01

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ({"unit": 10}, "no unit 10. It has units 0 to 9"),
            ({"unit": -1}, "no unit -1"),
            ({"layer": "conv9"}, "no layer 'conv9'. There are: "),
            ({"layer": "conv_1", "unit": 0, "place": (8, 0)}, "no place"),
            ({"layer": "conv_1", "unit": 0, "place": (1,)}, "2 axes of places, not 1"),
            ({"sample": 90}, "sample"),
            ({"method": "gradient x input"}, "no method 'gradient x input'; did you mean 'gradient × input'"),
            ({"baseline": "Mean of samples"}, "no baseline 'Mean of samples'; did you mean 'mean of the samples'"),
            ({"baseline": {"imag": 0.5}}, "no entry 'imag'; did you mean 'image'"),
        ],
    )
    def test_what_is_not_there_is_said(self, cnn, asked, told):
        with pytest.raises(InputRejected, match=told):
            layerscope.attribute(cnn.extractor, cnn.inputs, **asked)


class TestMaximize:
    def test_is_what_the_page_finds(self, cnn):
        settings = layerscope.AscentSettings(starts=2, seed=3)
        found = layerscope.maximize(cnn.extractor, cnn.inputs, unit=3, steps=12, settings=settings)
        report = cnn.workspace.maximize(cnn.last, 3, {"starts": 2, "seed": 3}, 0, 12, 600)

        assert found.history.shape == (12, 2)
        np.testing.assert_allclose(found.objectives, [each.objective for each in report.found], rtol=1e-3)
        assert list(found.objectives) == sorted(found.objectives, reverse=True)

    def test_the_answers_are_those_of_the_model(self, cnn):
        found = layerscope.maximize(cnn.extractor, cnn.inputs, unit=3, steps=8)

        assert found.inputs.shape[1:] == cnn.model.input_shape[1:]
        np.testing.assert_allclose(found.answers, cnn.model(found.inputs), rtol=1e-3, atol=1e-5)


class TestProject:
    def test_pca_is_that_of_scikit_learn_and_of_the_page(self, dense):
        found = layerscope.project(dense.extractor, dense.inputs, layer=dense.last)
        values = core.extract(dense.model, dense.inputs)[dense.last].values
        by_sklearn = PCA(2, svd_solver="full").fit(values.astype(float))
        points = rows_with(dense.pictures(dense.last, "projection")[0], "x", "y").sort_values("sample")

        np.testing.assert_allclose(np.abs(found.points), np.abs(by_sklearn.transform(values)), atol=1e-4)
        np.testing.assert_allclose(found.explained, by_sklearn.explained_variance_ratio_, rtol=1e-4)
        # The picture has no scale: its points fill the plane.
        scale = np.abs(found.points).max() / np.abs(points[["x", "y"]].to_numpy()).max()
        np.testing.assert_allclose(found.points, scale * points[["x", "y"]], atol=1e-3)

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ({"method": "pca"}, "no method 'pca'; did you mean 'PCA'"),
            ({"method": "t-SNE", "metric": "euclidian"}, "no metric 'euclidian'; did you mean 'euclidean'"),
            ({"pooling": "max"}, "no pooling 'max'"),
        ],
    )
    def test_an_unknown_word_is_said(self, dense, asked, told):
        with pytest.raises(InputRejected, match=told):
            layerscope.project(dense.extractor, dense.inputs, **asked)

    def test_too_few_samples_are_said(self, dense):
        with pytest.raises(InputRejected, match="4 samples are too few to be placed"):
            layerscope.project(dense.model, {name: array[:4] for name, array in dense.inputs.items()})


def test_health_is_that_of_the_page(cnn):
    found = layerscope.health(cnn.extractor, cnn.inputs, cnn.labels)
    report = cnn.workspace.health()
    frame = found.to_frame()

    assert found.accuracy == report.accuracy
    assert [(each.layer, each.kind, each.text) for each in report.rows] == [
        (each.layer, each.kind, each.text) for each in found.findings
    ]
    assert list(frame["text"]) == [each.text for each in report.rows]
    answers = cnn.model(next(iter(cnn.inputs.values()))).numpy()
    assert found.accuracy == (answers.argmax(axis=1) == cnn.labels).mean()
    np.testing.assert_allclose(found.statistics[cnn.last].mean, answers.mean(axis=0), rtol=1e-4)


def test_an_answer_that_is_no_number_is_neither_right_nor_wrong_as_on_the_page():
    numbers = keras.Input((3,))
    model = keras.Model(numbers, keras.layers.Softmax()(keras.ops.log(numbers)))
    rows = np.float32([[1, 2, 3], [3, 1, 1], [-1, 1, 1], [1, 5, 1]])

    assert layerscope.health(model, rows, [2, 1, 1, 1]).accuracy == pytest.approx(2 / 3)


def test_names_of_classes_that_do_not_fit_are_said(cnn):
    with pytest.raises(InputRejected, match="2 names"):
        layerscope.health(cnn.extractor, cnn.inputs, cnn.labels, class_names=("a", "b"))


class TestCompare:
    def test_two_models_are_compared_as_on_the_page(self, cnn):
        other = core.load_model(core.get_example(CNN).model_path)
        head = other.layers[-1]
        head.kernel.assign(head.kernel * 2)
        found = layerscope.compare(cnn.extractor, cnn.inputs, other)
        mine, theirs = (model(next(iter(cnn.inputs.values()))).numpy() for model in (cnn.model, other))

        assert found.distances["conv_1"] == 0
        wanted = np.linalg.norm(theirs - mine) / np.linalg.norm(mine)
        assert found.distances[cnn.last] == pytest.approx(wanted, rel=1e-3)
        cnn.workspace.compare_with_example(CNN)
        report = cnn.workspace.comparison()
        same = layerscope.compare(cnn.extractor, cnn.inputs, core.get_example(CNN).model_path)
        assert report.layers == tuple(same.distances) == tuple(found.distances)
        assert same.similarity.shape == (len(same.first_layers), len(same.second_layers))
        assert json.dumps(report.similarity).count(cnn.last)

    def test_two_samples(self, cnn):
        found = layerscope.compare_samples(cnn.extractor, cnn.inputs, 1, 4)
        drawn = rows_with(cnn.workspace.compare_samples(1, 4).distances, "layer", "distance")
        values = core.extract(cnn.model, cnn.inputs)["conv_1"].values[[1, 4]].astype(float)

        assert list(found.index) == list(drawn["layer"])
        np.testing.assert_allclose(found, drawn["distance"], rtol=1e-4)
        wanted = np.linalg.norm(values[1] - values[0]) / np.linalg.norm(values[0])
        assert found["conv_1"] == pytest.approx(wanted, rel=1e-4)
