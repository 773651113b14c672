"""A training is recorded as it was, and is the same to the last bit as one that is not."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import zarr

import layerscope
from core.errors import InputRejected
from core.extraction.extractor import extract
from tests.support.kinds_of_models import KINDS

from .small_training import BATCHES, AtStep, data, fit, model, remembering_model

ROOT = Path(__file__).parents[2]
LAYERS = ("first", "scaled", "dropped", "second", "third", "answer")


def record(path, **options):
    inputs, labels = data()
    return layerscope.Record(inputs[:16], labels[:16], path, **({"every": 5} | options))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A training of two epochs with validation, what it trained, and its run."""
    path = tmp_path_factory.mktemp("recorded") / "run.layerscope"
    trained = model()
    history = fit(trained, [record(path, activations=["second"], class_names=["no", "yes"])], validation_data=data())
    return trained, history.history, layerscope.open_run(path)


def test_what_is_recorded_of_a_training(recorded):
    _, history, run = recorded

    assert run.complete
    assert run.steps.tolist() == list(range(0, 2 * BATCHES + 1, 5))
    assert run.epochs[[0, 3, 4, -1]].tolist() == [0, 0, 1, 2]
    assert run.layers == LAYERS
    assert run.layer_types[:2] == ("Dense", "BatchNormalization")
    assert run.unit_counts == (8, 8, 8, 5, 4, 2)
    assert run.logs["loss"][2 * BATCHES] == pytest.approx(history["loss"][-1])
    assert run.logs["val_accuracy"][BATCHES] == pytest.approx(history["val_accuracy"][0])
    assert run.logs["val_loss"].notna().sum() == 2
    assert run.class_names == ("no", "yes")
    assert run.alarms == ()
    assert run.notes == ()
    assert run.samples["x"].tolist() == data()[0][:16].tolist()


def test_numbers_of_layers_are_those_of_their_answers(recorded):
    trained, _, run = recorded
    activations = extract(trained, data()[0][:16])

    for layer, key in enumerate(run.layers):
        values = activations[key].values
        for name, value in {
            "mean": values.mean(),
            "std": values.std(),
            "min": values.min(),
            "max": values.max(),
            "zeros": (values == 0).mean(),
        }.items():
            assert run.measure(name)[-1, layer] == pytest.approx(value, rel=1e-4, abs=1e-6), (name, key)
        assert run.unit_values("mean", key)[-1] == pytest.approx(values.mean(axis=0), rel=1e-4, abs=1e-6)
    dead = (activations["first"].values.max(axis=0) <= 0).mean()
    assert run.measure("dead")[-1, 0] == pytest.approx(dead)
    # Nobody knows of a layer without a ReLU which units are dead, nor of one without bounds which are saturated.
    assert np.isnan(run.measure("dead")[:, run.layers.index("third")]).all()
    assert np.isfinite(run.measure("saturated")[0]).tolist() == [key == "third" for key in run.layers]


def test_numbers_of_weights(recorded):
    trained, _, run = recorded
    kernel, bias = trained.get_layer("second").get_weights()
    at = run.layers.index("second")

    assert run.measure("weight_norm")[-1, at] == pytest.approx(np.sqrt((kernel**2).sum() + (bias**2).sum()), rel=1e-5)
    # The moving statistics of a normalization are trained by nobody.
    gamma, beta = trained.get_layer("scaled").get_weights()[:2]
    norm = np.sqrt((gamma**2).sum() + (beta**2).sum())
    assert run.measure("weight_norm")[-1, run.layers.index("scaled")] == pytest.approx(norm, rel=1e-5)
    ratios = run.measure("update_ratio")
    assert np.isnan(ratios[0]).all()
    assert (ratios[1:, at] > 0).all()
    assert np.isnan(ratios[:, run.layers.index("dropped")]).all()


def test_weights_at_kept_steps_make_the_model_as_it_was(recorded):
    trained, _, run = recorded
    assert run.kept_steps == (0, BATCHES, 2 * BATCHES)
    for own, kept in zip(trained.get_weights(), run.weights(2 * BATCHES).values(), strict=True):
        assert own.tolist() == kept.tolist()
    began = model()
    for own, kept in zip(began.get_weights(), run.weights(0).values(), strict=True):
        assert own.tolist() == kept.tolist()

    reopened = layerscope.load_model(run.model_path)
    assert not reopened.compiled
    reopened.set_weights(list(run.weights(2 * BATCHES).values()))
    assert reopened.predict(data()[0], verbose=0).tolist() == trained.predict(data()[0], verbose=0).tolist()


def test_gradients_are_those_of_the_loss_of_the_samples(recorded):
    trained, _, run = recorded
    inputs, labels = (array[:16] for array in data())
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, trained(inputs, training=False)))
    layer = trained.get_layer("second")
    norm = tf.linalg.global_norm(tape.gradient(loss, [weight.value for weight in layer.trainable_weights]))

    assert run.measure("gradient_norm")[-1, run.layers.index("second")] == pytest.approx(float(norm), rel=1e-4)
    assert run.logs["samples_loss"][2 * BATCHES] == pytest.approx(float(loss), rel=1e-5)


def test_how_far_the_input_of_a_layer_moved(recorded):
    _, _, run = recorded
    means, spreads = (run.unit_values(name, "dropped") for name in ("mean", "std"))
    drift = np.sqrt(((means[-1] - means[0]) ** 2).sum() / (spreads[0] ** 2).sum())

    assert run.measure("input_drift")[-1, run.layers.index("second")] == pytest.approx(drift, rel=1e-4)
    assert run.measure("input_drift")[0, run.layers.index("second")] == 0


def test_whole_answers_and_how_alike_they_are(recorded):
    trained, _, run = recorded
    activation = run.activation("second")

    assert run.activation_steps == (0, BATCHES, 2 * BATCHES)
    assert activation.axes == ("step", "sample", "unit")
    expected = extract(trained, data()[0][:16])["second"].values
    assert activation.values[-1] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert run.similarity("second").diagonal() == pytest.approx([1, 1, 1])


def test_a_run_is_ordinary_zarr(recorded):
    _, _, run = recorded
    group = zarr.open_group(run.path, mode="r")

    assert group["moments"][: len(run.steps), 0].tolist() == run.steps.tolist()
    assert group["layers"].shape[1:] == (6, 16)


def state(trained, history):
    return (
        [np.asarray(variable).tolist() for variable in (*trained.variables, *trained.optimizer.variables)],
        [np.asarray(variable).tolist() for variable in trained.metrics_variables],
        history.history,
        np.random.default_rng(0).random(),
        np.asarray(keras.random.normal((2,))).tolist(),
        tf.random.uniform(()).numpy(),
    )


@pytest.mark.parametrize("jit", [False, True])
def test_a_training_is_the_same_to_the_last_bit(tmp_path, jit):
    states, traced = [], []
    inputs, labels = (array[:16] for array in data())
    recorder = layerscope.Record(inputs, [labels, labels], tmp_path / "run", 3, activations=["second"])
    validation = (data()[0], [data()[1]] * 2)
    for callbacks in ([], [recorder]):
        trained = remembering_model(jit)
        own_step, traces = trained.train_step, []
        trained.train_step = lambda batch, step=own_step, traces=traces: (traces.append(0), step(batch))[1]
        states.append(state(trained, fit(trained, callbacks, validation_data=validation)))
        traced.append(len(traces))

    assert states[0] == states[1]
    # What Keras compiled is not compiled again.
    assert traced[0] == traced[1]
    run = layerscope.open_run(tmp_path / "run")
    assert len(run.steps) > 10
    assert run.notes == ()


def test_a_layer_that_is_made_to_die(tmp_path):
    def kill(trained):
        kernel, bias = trained.get_layer("second").get_weights()
        trained.get_layer("second").set_weights([kernel, bias - 100])

    fit(model(), [AtStep(23, kill), record(tmp_path / "run", every=1)])
    run = layerscope.open_run(tmp_path / "run")

    deaths = [(alarm.step, alarm.layer) for alarm in run.alarms if alarm.kind == "dead"]
    assert deaths == [(23, "second")]
    text = next(alarm.text for alarm in run.alarms if alarm.kind == "dead")
    assert text.startswith("second died at step 23; at step 22 ")
    assert "dead, and its weights moved by" in text
    at = run.layers.index("second")
    assert run.measure("died")[23, at] == 5 * (1 - run.measure("dead")[22, at])
    # Nothing goes back through it from then on.
    assert (run.measure("gradient_norm")[23:, at] == 0).all()


def test_a_layer_that_dies_of_what_goes_in(tmp_path):
    def push(trained):
        kernel, bias = trained.get_layer("second").get_weights()
        trained.get_layer("second").set_weights([-np.abs(kernel), bias])
        scaled = trained.get_layer("scaled").get_weights()
        trained.get_layer("scaled").set_weights([scaled[0], scaled[1] + 50, *scaled[2:]])

    fit(model(), [AtStep(20, push), record(tmp_path / "run", every=10)])

    alarm = next(alarm for alarm in layerscope.open_run(tmp_path / "run").alarms if alarm.kind == "dead")
    assert (alarm.step, alarm.layer) == (20, "second")
    assert "its input’s mean moved by" in alarm.text
    assert "since step 10" in alarm.text


def test_nan_that_is_planted(tmp_path):
    def plant(trained):
        kernel, bias = trained.get_layer("third").get_weights()
        kernel[2, 1] = np.nan
        trained.get_layer("third").set_weights([kernel, bias])

    fit(model(), [AtStep(10, plant), record(tmp_path / "run", every=5)])
    run = layerscope.open_run(tmp_path / "run")

    assert [(alarm.step, alarm.layer, alarm.kind) for alarm in run.alarms] == [
        (10, "third", "not finite"),
        # Found at the batch at which the loss is none any more, though that is no step that is due.
        (11, "", "loss not finite"),
    ]
    assert run.alarms[0].text.startswith("NaN or infinite first in third at step 10, in its weights; at step 5 all")
    at = run.layers.index("third")
    assert run.measure("weights_not_finite")[run.steps == 10, at] == [1]
    assert run.measure("not_finite")[run.steps == 10, at] == pytest.approx([0.25])


def test_labels_that_are_missing(tmp_path):
    fit(model(), [layerscope.Record(data()[0][:16], path=tmp_path / "run", every=10)], epochs=1)
    run = layerscope.open_run(tmp_path / "run")

    assert run.notes == ("Gradients are not recorded: the labels of the samples are missing.",)
    assert np.isnan(run.measure("gradient_norm")).all()
    assert run.labels is None


def test_a_dataset_brings_samples_and_labels(tmp_path):
    inputs, labels = data()
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(16)
    fit(model(), [layerscope.Record(dataset.take(1), path=tmp_path / "run", every=10)], epochs=1)
    run = layerscope.open_run(tmp_path / "run")

    assert run.samples["x"].tolist() == inputs[:16].tolist()
    assert run.labels.tolist() == labels[:16].tolist()
    assert np.isfinite(run.measure("gradient_norm")[:, 0]).all()


class Subclassed(keras.Model):
    """A model without a configuration of its own, which decides in Python."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.first = keras.layers.Dense(4, activation="relu", name="first")
        self.answer = keras.layers.Dense(2, activation="softmax", name="answer")

    def call(self, inputs):
        hidden = self.first(inputs)
        return self.answer(hidden if keras.ops.shape(inputs)[0] else inputs)


def test_a_subclassed_model_that_is_not_built_before(tmp_path):
    weights = []
    for recorder in ([], [record(tmp_path / "run")]):
        keras.utils.set_random_seed(1)
        trained = Subclassed()
        trained.compile("sgd", "sparse_categorical_crossentropy")
        fit(trained, recorder, epochs=1)
        weights.append([weight.tolist() for weight in trained.get_weights()])
    run = layerscope.open_run(tmp_path / "run")
    assert weights[0] == weights[1]

    assert run.layers == ("first", "answer")
    # Before the first batch there is nothing to look at.
    assert run.steps.tolist() == [1, 5, 10, 15, 20]
    assert run.kept_steps == (1, 20)
    assert np.isfinite(run.measure("gradient_norm")).all()
    assert [array.shape for array in run.weights(20).values()] == [(6, 4), (4,), (4, 2), (2,)]


def test_a_loop_of_ones_own(tmp_path):
    inputs, labels = data()
    trained, optimizer = model(), keras.optimizers.SGD(0.1)
    loss_function = keras.losses.SparseCategoricalCrossentropy()
    with layerscope.Record(inputs[:16], labels[:16], tmp_path / "run", every=4, loss=loss_function) as recorder:
        for number in range(20):
            batch = slice(number % 10 * 8, number % 10 * 8 + 8)
            with tf.GradientTape() as tape:
                loss = loss_function(labels[batch], trained(inputs[batch], training=True))
            weights = trained.trainable_weights
            optimizer.apply(tape.gradient(loss, weights), weights)
            recorder.step(trained, {"loss": loss}, epoch=(number + 1) // 10)
    run = layerscope.open_run(tmp_path / "run")

    assert run.complete
    assert run.steps.tolist() == [1, 4, 8, 10, 12, 16, 20]
    assert run.epochs.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert run.kept_steps == (1, 10, 20)
    assert run.logs["loss"].notna().all()
    assert np.isfinite(run.measure("gradient_norm")[:, 0]).all()


def test_a_loop_that_ends_in_an_error_is_not_complete(tmp_path):
    with pytest.raises(ZeroDivisionError), record(tmp_path / "run") as recorder:  # noqa: PT012
        recorder.step(model())
        _ = 1 / 0

    assert not layerscope.open_run(tmp_path / "run").complete


def test_text_goes_in(tmp_path):
    texts = np.array([["a b"], ["b c"], ["a"], ["größer b"]])
    vectorize = keras.layers.TextVectorization(max_tokens=8, output_sequence_length=3, name="tokens")
    vectorize.adapt(texts)
    layers = [keras.Input((1,), dtype="string", name="text"), vectorize, keras.layers.Embedding(8, 3, name="embedded")]
    trained = keras.Sequential([*layers, keras.layers.Flatten(name="flat"), keras.layers.Dense(1, name="answer")])
    trained.compile("sgd", "mse")
    targets = np.arange(4, dtype=np.float32)
    recorder = layerscope.Record(tf.constant(texts), targets, tmp_path / "run", 1)
    trained.fit(tf.constant(texts), targets, callbacks=[recorder], verbose=0)
    run = layerscope.open_run(tmp_path / "run")

    assert run.samples["text"].tolist() == texts.tolist()
    assert run.layers[-3:] == ("embedded", "flat", "answer")
    assert np.isfinite(run.measure("gradient_norm")[-1, run.layers.index("embedded")])


@pytest.mark.parametrize(
    "kind", ["loops by its values", "masked tokens", "one for all", "no axis", "every precision", "nested"]
)
def test_models_of_every_kind(tmp_path, kind):
    build, inputs = KINDS[kind].build, KINDS[kind].inputs(9)
    trained = build()
    activations = extract(trained, inputs)
    recorder = layerscope.Record(
        inputs, np.zeros(9), tmp_path / "run", 1, loss=lambda labels, answer: tf.reduce_sum(answer**2)
    )
    with recorder:
        recorder.step(trained)
        recorder.step(trained)
    run = layerscope.open_run(tmp_path / "run")

    assert set(activations) <= set(run.layers)
    for key, activation in activations.items():
        expected = activation.values[activation.shown].astype(np.float64).mean()
        mean = run.measure("mean")[-1, run.layers.index(key)]
        assert mean == pytest.approx(expected, rel=1e-3, abs=1e-5), key
    trainable = sum(len(weight.shape) > 0 for weight in trained.trainable_weights)
    assert np.isfinite(run.measure("gradient_norm")[-1]).any() == (trainable > 0)


def test_an_error_while_recording_is_told_once_and_ends_nothing(tmp_path, caplog, monkeypatch):
    from core.training.watched_pass import WatchedPass

    def broken(self):
        raise RuntimeError("no memory for that")

    expected = fit(model(), []).history
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(WatchedPass, "run", broken)
        assert fit(model(), [record(tmp_path / "run")]).history == expected
    run = layerscope.open_run(tmp_path / "run")

    assert [each.getMessage() for each in caplog.records] == [
        "The samples could not be run through small (no memory for that). The training goes on; the run lacks this."
    ]
    assert np.isnan(run.measure("mean")).all()
    assert run.logs["loss"].notna().sum() == len(run.steps) - 1
    assert np.isfinite(run.measure("weight_norm")[:, 0]).all()


def test_a_disk_that_is_full_ends_the_recording_and_not_the_training(tmp_path, caplog, monkeypatch):
    from core.training import chunk_files

    def full(path, content):
        raise OSError(28, "No space left on device")

    recorder = record(tmp_path / "run")
    with caplog.at_level(logging.WARNING):
        history = fit(model(), [AtStep(7, lambda _: monkeypatch.setattr(chunk_files, "_replace", full)), recorder])

    assert len(history.history["loss"]) == 2
    assert len(caplog.records) == 1
    assert "not recorded any further, and goes on: [Errno 28]" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activations": ["secnd"]}, "no layer secnd; did you mean 'second'"),
        ({"samples": np.zeros((4, 7), np.float32)}, "7"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_batch(tmp_path, options, message):
    inputs, labels = data()
    trained = model()
    recorder = layerscope.Record(**({"samples": inputs[:4], "labels": labels[:4], "path": tmp_path / "run"} | options))

    with pytest.raises(InputRejected, match=message):
        fit(trained, [recorder])
    assert trained.optimizer.iterations == 0


def test_a_run_of_something_else_is_not_written_over(recorded, tmp_path):
    _, _, run = recorded
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    other = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, activation="softmax", name="alone")])
    other.compile("sgd", "sparse_categorical_crossentropy")
    inputs, labels = data()

    for trained, recorder, message in (
        (other, record(run.path), "recorded training of another model"),
        (model(), layerscope.Record(inputs[:9], labels[:9], run.path), "with other samples or labels"),
        (model(), record(run.path), "came to its end, and this model does not go on from there"),
        (model(), record(tmp_path / "notes", overwrite=True), "is there and is no recorded training"),
    ):
        with pytest.raises(InputRejected, match=message):
            fit(trained, [recorder])
    assert (tmp_path / "notes" / "a.txt").read_text() == "mine"
    assert not run.refresh()


def test_written_over_where_that_is_said(tmp_path):
    for seed in (1, 2):
        fit(model(seed), [record(tmp_path / "run", overwrite=True)], epochs=seed)

    assert layerscope.open_run(tmp_path / "run").steps[-1] == 2 * BATCHES


def test_one_training_in_several_calls_of_fit(tmp_path):
    trained = model()
    recorder = record(tmp_path / "run")
    fit(trained, [recorder], epochs=1)
    fit(trained, [recorder], epochs=2, initial_epoch=1)
    # And by another callback, as in another process: the model comes from there.
    fit(trained, [record(tmp_path / "run")], epochs=3, initial_epoch=2)
    run = layerscope.open_run(tmp_path / "run")

    assert run.complete
    assert run.steps.tolist() == list(range(0, 3 * BATCHES + 1, 5))
    assert run.epochs[-1] == 3
    assert run.resumed == (2 * BATCHES,)
    assert run.kept_steps == (0, BATCHES, 2 * BATCHES, 3 * BATCHES)
    assert np.isfinite(run.measure("update_ratio")[1:, 0]).all()


def test_layers_that_are_frozen_and_trained_later(tmp_path):
    trained = model()
    trained.get_layer("first").trainable = False
    trained.compile("sgd", "sparse_categorical_crossentropy")
    recorder = record(tmp_path / "run", every=10)
    fit(trained, [recorder], epochs=1)
    trained.get_layer("first").trainable = True
    trained.compile("sgd", "sparse_categorical_crossentropy")
    fit(trained, [recorder], epochs=1)
    run = layerscope.open_run(tmp_path / "run")

    gradients, ratios = run.measure("gradient_norm")[:, 0], run.measure("update_ratio")[1:, 0]
    assert np.isfinite(gradients).tolist() == [False, False, False, True, True]
    assert (ratios > 0).tolist() == [False, False, True, True]
    assert np.isfinite(run.measure("gradient_norm")[:, run.layers.index("second")]).all()


def killed(path):
    """Train in a process of its own, for ever, and kill it when some steps are on the disk."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.training.test_record import record, fit, model\n"
        "from core.training import writer; writer.FLUSH_SECONDS = 0.2\n"
        f"fit(model(), [record({str(path)!r})], epochs=100_000)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=ROOT)
    try:
        end = time.monotonic() + 120
        run = None
        while time.monotonic() < end and (run is None or len(run.steps) < 20):
            assert process.poll() is None
            time.sleep(0.05)
            try:
                run = layerscope.open_run(path) if run is None else run
                run.refresh()
            except InputRejected:
                continue
            # Whenever one looks, all rows are whole.
            assert np.isfinite(run.measure("mean")).all()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_a_training_that_is_killed_and_goes_on(tmp_path):
    path = tmp_path / "run"
    killed(path)
    run = layerscope.open_run(path)
    assert not run.complete
    last = int(run.steps[-1])
    assert len(run.steps) >= 20
    assert run.kept_steps[-1] <= last

    trained = layerscope.load_model(run.model_path)
    trained.set_weights(list(run.weights(run.kept_steps[-1]).values()))
    trained.compile("sgd", "sparse_categorical_crossentropy")
    fit(trained, [record(path)], epochs=1)

    assert run.refresh()
    assert run.complete
    assert run.resumed == (last,)
    assert run.steps[-1] == last + BATCHES
    assert (np.diff(run.steps) > 0).all()
    assert np.isfinite(run.measure("mean")).all()


MIRRORED = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
import layerscope
from tests.training.test_record import record, fit, model
weights = []
for recorder in ([], [record(sys.argv[1], activations=["second"])]):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        trained = model()
    fit(trained, recorder)
    weights.append([np.asarray(weight) for weight in trained.weights])
assert strategy.num_replicas_in_sync == 2
assert all(np.array_equal(*pair) for pair in zip(*weights))

# A loop that is not closed: what was gathered is written where the process ends.
recorder, trained = record(sys.argv[2], every=1), model()
for _ in range(3):
    recorder.step(trained)
"""


def test_a_training_on_several_devices_and_a_process_that_ends(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    script = tmp_path / "script.py"
    script.write_text(MIRRORED)
    paths = [str(tmp_path / name) for name in ("run", "ended")]
    subprocess.run([sys.executable, str(script), *paths], env=environment, cwd=ROOT, check=True)
    run = layerscope.open_run(tmp_path / "run")

    assert run.complete
    assert run.notes == ()
    assert run.steps.tolist() == list(range(0, 2 * BATCHES + 1, 5))
    assert np.isfinite(run.measure("gradient_norm")[:, 0]).all()
    assert run.kept_steps == (0, BATCHES, 2 * BATCHES)
    assert run.activation("second").shape == (3, 16, 5)
    ended = layerscope.open_run(tmp_path / "ended")
    assert ended.steps.tolist() == [1, 2, 3]
    assert not ended.complete


def test_several_batches_in_one_execution(tmp_path):
    trained = model()
    trained.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=4)
    fit(trained, [record(tmp_path / "run", every=5)], epochs=1)

    assert layerscope.open_run(tmp_path / "run").steps.tolist() == [0, 8, 12, 16, 20]
