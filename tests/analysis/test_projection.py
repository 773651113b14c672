import subprocess
import sys

import numpy as np
import pytest
import zarr
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score

import core
from core.analysis.landmarks import blocks_of_rows
from core.analysis.neighbours import nearest_others
from core.analysis.projection import features_of, nearest, project, why_no_place


@pytest.fixture(scope="module")
def digits():
    """What the last hidden layer of the digits example answers, and the true classes."""
    example = core.get_example("digits-cnn")
    model = core.load_model(example.model_path)
    arrays, labels = example.samples()
    return core.extract(model, core.arrange(model, arrays), layers=["dense"])["dense"].values, labels


def purity(points, labels, count=5):
    """Return the share of each point's nearest others that are of its class."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1)[:, :count]
    return float((labels[near] == labels[:, None]).mean())


def test_the_last_hidden_layer_tells_classes_apart_better_than_the_pixels_do(digits):
    values, labels = digits
    example = core.get_example("digits-cnn")
    (pixels,) = example.samples()[0].values()
    hidden, given = (project(each, "t-SNE", 2, perplexity=15).points for each in (values, pixels.reshape(90, -1)))

    assert silhouette_score(hidden, labels) > 0.5
    assert silhouette_score(hidden, labels) > silhouette_score(given, labels) + 0.1
    assert purity(hidden, labels) > 0.85


@pytest.mark.parametrize("dimensions", [2, 3])
def test_pca_is_that_of_a_singular_value_decomposition(digits, dimensions):
    values, _ = digits
    placed = project(values, "PCA", dimensions)
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)

    np.testing.assert_allclose(np.abs(placed.points), np.abs(left * singular)[:, :dimensions], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(placed.explained, (singular**2 / (singular**2).sum())[:dimensions], rtol=1e-6)


def test_pca_of_very_many_features_is_the_same(digits):
    values, _ = digits
    wide = np.pad(values, ((0, 0), (0, 25_000)))
    few, many = project(values, "PCA", 3), project(wide, "PCA", 3)

    np.testing.assert_allclose(np.abs(few.points), np.abs(many.points), atol=1e-3)
    np.testing.assert_allclose(few.explained, many.explained, rtol=1e-4)


@pytest.mark.parametrize("method", ["t-SNE", "UMAP"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_classes_separate_and_the_same_seed_gives_the_same(digits, method, dimensions):
    values, labels = digits
    one, same, other = (project(values, method, dimensions, perplexity=15, seed=seed) for seed in (0, 0, 1))

    assert one.points.shape == (len(values), dimensions)
    np.testing.assert_array_equal(one.points, same.points)
    assert not np.allclose(one.points, other.points)
    # By chance a tenth of the neighbours would be of the same class.
    assert purity(one.points, labels) > 0.85
    assert one.trustworthiness == pytest.approx(trustworthiness(values, one.points, n_neighbors=5))
    assert one.trustworthiness > 0.95


@pytest.mark.parametrize("metric", ["cosine", "manhattan"])
@pytest.mark.parametrize("method", ["t-SNE", "UMAP"])
def test_another_distance(digits, method, metric):
    values, labels = digits
    assert purity(project(values, method, metric=metric, perplexity=15).points, labels) > 0.85


def test_nothing_is_compiled():
    check = (
        "import sys, numpy as np; from core.analysis.projection import project; "
        "values = np.random.default_rng(0).normal(size=(1200, 4)); project(values, 'UMAP'); project(values, 't-SNE'); "
        "sys.exit(bool({'numba', 'pynndescent'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.fixture(scope="module")
def written_digits():
    """1,797 pictures of digits, a number per pixel."""
    return load_digits().data.astype(np.float32), load_digits().target


def test_umap_of_many_samples(written_digits):
    values, labels = written_digits
    placed = project(values, "UMAP")

    # What umap-learn 0.5.12 comes to: 0.988 and 0.98.
    assert placed.trustworthiness > 0.985
    assert purity(placed.points, labels) > 0.97


def test_points_of_umap_keep_the_minimum_distance_on_the_whole(written_digits):
    values = written_digits[0][:600]
    near, far = (
        nearest_others(project(values, "UMAP", minimum_distance=least).points, 1, "euclidean")[1] for least in (0, 0.8)
    )
    assert np.median(far) > 4 * np.median(near)


class TestVeryManySamples:
    @pytest.mark.parametrize("method", ["t-SNE", "UMAP"])
    def test_the_others_lie_among_landmarks(self, written_digits, method):
        values, labels = written_digits
        told = []
        placed = project(values, method, landmarks=500, progress=lambda fraction, text: told.append(fraction))

        assert placed.landmarks == 500
        assert placed.points.shape == (len(values), 2)
        assert purity(placed.points, labels) > 0.9
        assert placed.trustworthiness > 0.95
        assert told == sorted(told)
        np.testing.assert_array_equal(placed.points, project(values, method, landmarks=500).points)

    def test_all_are_placed_where_there_are_no_more(self, written_digits):
        values = written_digits[0][:50]
        assert project(values, "UMAP", landmarks=50).landmarks is None

    @pytest.mark.parametrize("method", ["PCA", "UMAP"])
    def test_what_is_read_from_a_disk_is_placed_as_an_array_is(self, written_digits, tmp_path, method):
        values = np.tile(written_digits[0], (1, 8))[:1000]  # (sample, feature), of several blocks
        stored = zarr.create_array(tmp_path / "values.zarr", data=values, chunks=(100, values.shape[1]))
        assert len(list(blocks_of_rows(np.empty((200_000, values.shape[1]))))) > 1

        read, held = (project(rows, method, landmarks=200) for rows in (stored, values))
        np.testing.assert_allclose(read.points, held.points, atol=1e-6)

    @pytest.mark.parametrize("dimensions", [2, 3])
    def test_pca_is_that_of_a_singular_value_decomposition(self, written_digits, dimensions):
        values = written_digits[0]
        placed = project(values, "PCA", dimensions)
        fitted = PCA(n_components=dimensions, svd_solver="full").fit(values.astype(np.float64))

        np.testing.assert_allclose(np.abs(placed.points), np.abs(fitted.transform(values)), atol=1e-4)
        np.testing.assert_allclose(placed.explained, fitted.explained_variance_ratio_, rtol=1e-6)

    def test_a_value_that_is_no_number_is_found_wherever_it_is(self):
        values = np.zeros((300_000, 40), np.float32)
        values[0, 0] = 1
        assert why_no_place(values) == ""
        values[-1, -1] = np.nan
        assert why_no_place(values).startswith("Some values are NaN")


def test_a_perplexity_that_is_too_large_is_fitted(digits):
    values, _ = digits
    assert project(values[:10], "t-SNE", perplexity=100).perplexity == 3


@pytest.mark.parametrize("method", ["PCA", "t-SNE", "UMAP"])
def test_few_samples_few_features_and_constants(method):
    random = np.random.default_rng(0)
    twice = np.repeat(random.normal(size=(2, 4)), 20, axis=0)
    for features in (random.normal(size=(5, 4)), random.normal(size=(9, 1)), twice):
        placed = project(features.astype(np.float32), method, 3)
        assert placed.points.shape == (len(features), 3)
        assert np.isfinite(placed.points).all()
    with pytest.raises(ValueError, match="4 samples are too few"):
        project(np.zeros((4, 3), np.float32), method)
    with pytest.raises(ValueError, match="answers the same to all"):
        project(np.ones((6, 3), np.float32), method)


def test_it_says_how_far_it_is(digits):
    told = []
    project(digits[0], "t-SNE", progress=lambda fraction, text: told.append((fraction, text)))
    fractions = [fraction for fraction, _ in told]

    assert len(told) > 20
    assert fractions == sorted(fractions)
    assert told[-1][1] == "comparing neighbours"


def test_the_nearest_are_those_in_the_layer():
    features = np.array([[0.0, 0], [3, 4], [0, 1], [6, 8]])
    order, distances = nearest(features, 0, 2, "euclidean")

    assert order.tolist() == [2, 1]
    assert distances.tolist() == [1, 5]
    assert nearest(features, 1, 1, "cosine")[0].tolist() == [3]


class TestFeatures:
    def test_flattened_and_pooled_over_space(self, make_activation):
        values = np.arange(2 * 3 * 3 * 2, dtype=np.float32).reshape(2, 3, 3, 2)
        activation = make_activation(values, bases=("Conv2D", "Layer"))

        assert features_of(activation, "flatten").shape == (2, 18)
        np.testing.assert_allclose(features_of(activation, "mean"), values.mean(axis=(1, 2)))
        np.testing.assert_allclose(features_of(activation, "maximum"), values.max(axis=(1, 2)))

    def test_padding_is_left_out(self, make_activation):
        values = np.array([[[1.0], [3], [100]]])
        activation = make_activation(values, bases=("LSTM", "RNN", "Layer"), mask=np.array([[True, True, False]]))

        assert features_of(activation, "mean").tolist() == [[2]]
        assert features_of(activation, "maximum").tolist() == [[3]]
