"""The health page, run without a browser: what it says where there is little to say, and what its links lead to."""

import keras
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.workspace.health_results import HealthRow
from ui import keys
from ui.choice import Choice
from ui.health import _is_chosen


def row(layer, kind="dead"):
    return HealthRow(layer, "Dense", kind, "text", (3,), 1, 8, 5)


def health_page(model, data):
    from ui.health import page
    from ui.session import get_session

    workspace = get_session().workspace
    if workspace.model is None:
        workspace.open_model(model)
        name = workspace.model.inputs[0].name
        workspace.take_files({name: [("data.npz", data.read_bytes())]}, scaling="0–1", fit="stretch", invert=False)
    page(None, None)


def test_a_model_without_layers_has_nothing_to_show_by_class(tmp_path):
    inputs = keras.Input((4,), name="numbers")
    keras.Model(inputs, inputs).save(tmp_path / "empty.keras")
    np.savez(tmp_path / "data.npz", numbers=np.eye(4, dtype=np.float32), labels=np.array([0, 1, 2, 3]))
    page = AppTest.from_function(health_page, args=(tmp_path / "empty.keras", tmp_path / "data.npz"))
    page.run(timeout=120)

    assert not page.exception
    assert "This model has no layers with values." in [each.value for each in page.caption]


def test_layers_are_run_again_where_that_is_asked_for(tmp_path):
    keras.Sequential([keras.Input((4,), name="numbers"), keras.layers.Dense(2, name="dense")]).save(
        tmp_path / "m.keras"
    )
    np.savez(tmp_path / "data.npz", numbers=np.eye(4, dtype=np.float32))
    page = AppTest.from_function(health_page, args=(tmp_path / "m.keras", tmp_path / "data.npz"))
    page.run(timeout=120)
    said = [each.value for each in page.success]
    page.button(key=keys.VERIFY).click().run(timeout=120)

    assert not page.exception
    assert not any("reproduced" in each for each in said)
    assert any("1 of 1 layer reproduced exactly" in each.value for each in page.success)


@pytest.mark.parametrize(
    ("changed", "is_chosen"),
    [({}, True), ({"layer": "other"}, False), ({"unit": 4}, False), ({"sample": 6}, False)],
    ids=["as clicked", "another layer", "another unit", "another sample"],
)
def test_a_finding_is_opened_while_it_is_what_is_selected(changed, is_chosen):
    choice = Choice(**({"layer": "first", "unit": 3, "sample": 5} | changed))

    assert _is_chosen(row("first"), choice) == is_chosen


def test_a_finding_that_selects_no_unit_or_layer_is_opened_whatever_they_are():
    assert _is_chosen(row("first", "not finite"), Choice(layer="first", unit=7, sample=5))
    assert _is_chosen(row("input:numbers", "not finite"), Choice(layer="first", sample=5))


def test_what_is_selected_belongs_to_its_model_and_samples():
    first, second = ("a model", "samples"), ("a model", "other samples")

    assert keys.findings(first) != keys.findings(second)
    assert len({keys.confusion(first, 0), keys.confusion(second, 0), keys.confusion(first, 1)}) == 3
    assert len({keys.class_means(first, "dense", *selected) for selected in ((None, None), (3, None), (3, 5))}) == 3
