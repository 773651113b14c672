"""What a configuration may name, and how its layers may be connected."""

import json

import pytest

from core.common.limits import Limits
from core.errors import ModelRefused
from core.models.configuration import check_configuration, check_counts, parse_configuration
from tests.models.hostile.parts import call, dense, function, functional, node, sequential
from tests.support import keras_classes_of_today

LIMITS = Limits()


def test_the_list_of_classes_is_that_of_the_installed_keras():
    written = json.loads(keras_classes_of_today.TARGET.read_text())
    assert written == json.loads(json.dumps(keras_classes_of_today.content())), (
        "Keras has changed: look at what is new, then run python -m tests.support.keras_classes_of_today"
    )


def test_nothing_that_runs_code_is_on_the_list():
    written = json.loads(keras_classes_of_today.TARGET.read_text())
    assert not {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "Map", "Scan"} & set(
        written["classes"]
    )
    assert not {"eval", "get_file", "load_model", "abs", "map"} & set(written["activations"])


def test_the_names_of_all_classes_are_returned():
    config = sequential(dense(), node("TimeDistributed", name="each", layer=node("LSTM", name="lstm", units=2)))
    assert check_configuration(config, "model.keras", ()) == (
        "Dense",
        "InputLayer",
        "LSTM",
        "Sequential",
        "TimeDistributed",
    )


def test_a_refusal_names_the_layer_in_which_the_culprit_is():
    config = sequential(dense(name="first"), dense(name="second", activation=function("abs", "keras.ops")))
    with pytest.raises(ModelRefused, match=r"The function 'abs' in model\.keras .* \(in 'second'\)") as refused:
        check_configuration(config, "model.keras", ())
    assert "layerscope.show" in refused.value.remedy


@pytest.mark.parametrize("key", ["activation", "recurrent_activation", "kernel_initializer", "bias_regularizer"])
def test_a_name_that_keras_looks_up_must_be_one_of_its_own(key):
    config = sequential(node("LSTM", name="lstm", units=2, **{key: "abs"}))
    with pytest.raises(ModelRefused, match=f"The option {key}='abs'"):
        check_configuration(config, "model.keras", ())
    assert check_configuration(config, "model.keras", {"abs"})


@pytest.mark.parametrize("activation", ["relu", "softmax", "gelu", "hard_silu", "linear"])
@pytest.mark.parametrize("spell", [str, function])
def test_an_activation_in_either_spelling(activation, spell):
    assert check_configuration(sequential(dense(activation=spell(activation))), "model.keras", ())


def test_a_class_must_be_named_with_a_module_that_has_it():
    assert check_configuration(sequential(dense() | {"module": "keras.src.layers.core.dense"}), "m", ())
    for module in ("keras", "keras.models", "keras.src.layers.core", "keras.layersx", "keras.layers.Dense", ""):
        with pytest.raises(ModelRefused, match="did not come with Keras"):
            check_configuration(sequential(dense() | {"module": module}), "m", ())


def test_dicts_that_only_use_such_names_are_no_classes():
    config = sequential(dense(), node("Discretization", name="bins", bin_boundaries=[0.5]))
    config["config"]["layers"][1]["config"]["note"] = {"class_name": ["x", 0, 0], "module": "mine"}
    assert check_configuration(config, "model.keras", ())


def test_layers_are_counted_in_nested_models_too():
    config = sequential(dense(), sequential(dense(), dense(name="other")))
    assert check_counts(config, "model.keras", LIMITS) == 6
    with pytest.raises(ModelRefused, match="more than 5 layers") as refused:
        check_counts(config, "model.keras", Limits(layers=5))
    assert "LAYERSCOPE_LAYERS" in refused.value.remedy


def test_a_layer_may_be_called_on_its_own_answer():
    config = functional([(dense(4, "shared"), [call("input"), call("shared")])])
    assert check_counts(config, "model.keras", LIMITS) == 2


def test_a_circle_is_refused():
    config = functional([(dense(name="a"), [call("b")]), (dense(name="b"), [call("a")])])
    with pytest.raises(ModelRefused, match=r"'a' in model\.keras waits for its own answer|'b'"):
        check_counts(config, "model.keras", LIMITS)


def test_brackets_in_texts_do_not_count():
    text = json.dumps({"class_name": "[" * 500 + '"\\' + "{" * 500, "config": {}})
    assert parse_configuration(text.encode(), "config.json")["config"] == {}


def test_a_genuine_shared_object_id_is_read():
    assert parse_configuration(b'{"shared_object_id": 140000000000000}', "config.json")
