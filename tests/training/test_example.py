"""The recorded training that ships: small, with something to find in it, and what its script records."""

import numpy as np
import pytest

import layerscope
from core.examples.recorded_training import EXAMPLE_RUN
from core.training import example


@pytest.fixture(scope="module")
def shipped():
    return layerscope.open_run(EXAMPLE_RUN)


def test_it_is_small_and_has_something_to_find(shipped):
    assert EXAMPLE_RUN.stat().st_size <= 500_000
    assert shipped.name == "digits-training"
    assert shipped.complete
    assert {(alarm.step, alarm.layer, alarm.kind) for alarm in shipped.alarms} == {
        (420, "conv_2", "dead"),
        (420, "conv_3", "dead"),
    }
    # Behind the batches at which the learning rate slips, and not long.
    assert example.SLIP_STEPS.start < 420 <= example.SLIP_STEPS.stop + example.EVERY
    assert shipped.logs["val_accuracy"].max() > 0.9
    assert shipped.class_names == tuple(map(str, range(10)))


def test_its_model_opens_at_steps_that_are_kept(shipped):
    model = layerscope.load_model(shipped.model_content())
    accuracies = []
    for step in (0, 387, 516):
        model.set_weights(list(shipped.weights(step).values()))
        answers = np.asarray(model(shipped.samples["image"]))
        accuracies.append((answers.argmax(axis=1) == shipped.labels).mean())

    assert [accuracy > 0.9 for accuracy in accuracies] == [False, True, False]


def test_what_layers_answer_is_alike_until_they_die(shipped):
    alike = shipped.similarity("mean_over_places")

    assert alike.shape == (13, 13)
    assert alike[8, 9] > 0.9
    assert not alike[9, 11] > 0.9


def test_the_script_records_it(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(example, "EPOCHS", 1)
    example.record_example(tmp_path / "run")
    run = layerscope.open_run(tmp_path / "run")

    rows = len(run.steps)
    assert run.steps.tolist() == shipped.steps[:rows].tolist()
    for measure in ("mean", "dead", "weight_norm", "gradient_norm"):
        np.testing.assert_allclose(run.measure(measure)[0], shipped.measure(measure)[0], rtol=1e-3, atol=1e-5)
    # Each batch makes more of what another processor rounds otherwise.
    np.testing.assert_allclose(run.measure("weight_norm"), shipped.measure("weight_norm")[:rows], rtol=0.1)
