import threading

import keras
import numpy as np
import pytest

from core.extraction.recorder import recording


def small(name="model", units=3):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units, name="a"), keras.layers.Dense(2, name="b")], name=name
    )


INPUT = np.ones((2, 4), np.float32)


class Raising(keras.layers.Layer):
    def call(self, x):
        raise ValueError("no")


class Around(keras.layers.Layer):
    def __init__(self, inner, **settings):
        super().__init__(**settings)
        self.inner = inner

    def call(self, x):
        return self.inner(x)


class Subclassed(keras.Model):
    def __init__(self, *inner):
        super().__init__()
        self.inner = list(inner)

    def call(self, x):
        for layer in self.inner:
            x = layer(x)
        return x


def test_calls_are_recorded_in_order():
    model = small()
    with recording(model) as recorder:
        answer = model(INPUT)

    assert [call.key for call in recorder.calls] == ["a", "b"]
    assert recorder.calls[1].output is answer
    assert recorder.calls[1].inputs_from == ("a",)


def test_nothing_is_recorded_outside_the_block():
    model = small()
    with recording(model) as recorder:
        pass
    model(INPUT)

    assert recorder.calls == []


def test_another_model_inside_the_block_is_not_recorded():
    model, other = small(), small("other")
    with recording(model) as recorder:
        other(INPUT)
        assert recorder.calls == []
        model(INPUT)

    assert [call.key for call in recorder.calls] == ["a", "b"]


def test_recordings_can_be_nested():
    outer, inner = small("outer"), small("inner")
    with recording(outer) as first:
        with recording(inner) as second:
            inner(INPUT)
        outer(INPUT)

    assert [call.key for call in first.calls] == [call.key for call in second.calls] == ["a", "b"]
    assert first.calls[0].operation is outer.layers[0]
    assert second.calls[0].operation is inner.layers[0]


def test_threads_do_not_see_each_others_passes():
    models = [small(f"model{number}", units=number + 1) for number in range(8)]
    seen = {}
    together = threading.Barrier(len(models))

    def run(number):
        with recording(models[number]) as recorder:
            together.wait()
            models[number](INPUT)
            together.wait()
        seen[number] = [(call.key, call.operation) for call in recorder.calls]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for number, model in enumerate(models):
        assert seen[number] == [("a", model.layers[0]), ("b", model.layers[1])]


def test_a_thread_without_recorder_is_not_recorded():
    model = small()
    with recording(model) as recorder:
        thread = threading.Thread(target=model, args=(INPUT,))
        thread.start()
        thread.join()

    assert recorder.calls == []


def test_the_model_is_not_changed():
    model = small()
    before = [(layer, set(vars(layer)), type(layer).__call__) for layer in (model, *model.layers)]
    with recording(model):
        model(INPUT)
    with recording(model):
        model(INPUT)

    for layer, attributes, _ in before:
        assert set(vars(layer)) == attributes
        assert "__call__" not in vars(layer)
    # Installed once, however many passes are recorded.
    assert keras.Layer.__call__.__wrapped__.__name__ == "__call__"
    assert not hasattr(keras.Layer.__call__.__wrapped__, "_layerscope_wrapped")


def test_the_innermost_layer_that_raised_is_known():
    model = Subclassed(keras.layers.Dense(4, name="fine"), Around(Raising(name="bad"), name="around"))
    with recording(model) as recorder, pytest.raises(ValueError, match="no"):
        model(INPUT)

    assert recorder.failed.key == "around/bad"


def test_the_layer_around_fails_after_its_inner_layers_were_fine():
    class Late(Around):
        def call(self, x):
            super().call(x)
            raise ValueError("late")

    model = Subclassed(Late(keras.layers.Dense(3, name="fine"), name="late"))
    with recording(model) as recorder, pytest.raises(ValueError, match="late"):
        model(INPUT)

    assert recorder.failed.key == "late"


def test_recording_ends_when_the_model_raises():
    model = Subclassed(Raising(name="bad"))
    with pytest.raises(ValueError, match="no"), recording(model) as recorder:
        model(INPUT)
    count = len(recorder.calls)
    small()(INPUT)

    assert len(recorder.calls) == count


def test_an_operation_is_recorded_where_it_is_a_node_of_the_model():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="d")(inputs * 2))
    with recording(model) as recorder:
        model(INPUT)

    assert [type(call.operation).__name__ for call in recorder.calls] == ["Multiply", "Dense"]


def test_operations_that_a_layer_computes_with_are_not_recorded():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.ZeroPadding2D(name="pad")])
    with recording(model) as recorder:
        model(np.ones((1, 4, 4, 1), np.float32))

    assert [(call.key, call.holds_layers) for call in recorder.calls] == [("pad", False)]


def test_the_cell_of_a_recurrent_layer_is_not_recorded():
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.LSTM(2, name="lstm")])
    with recording(model) as recorder:
        model(np.ones((1, 3, 2), np.float32))

    assert [call.key for call in recorder.calls] == ["lstm"]


def test_several_outputs_are_numbered():
    inputs = keras.Input((3, 2))
    model = keras.Model(inputs, keras.layers.LSTM(2, return_state=True, name="lstm")(inputs))
    with recording(model) as recorder:
        model(np.ones((1, 3, 2), np.float32))

    assert [key for key, _, _ in recorder.calls[0].outputs()] == ["lstm[0]", "lstm[1]", "lstm[2]"]
