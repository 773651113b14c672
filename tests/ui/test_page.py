"""The script of the page, run without a browser."""

import threading
from urllib.parse import urlencode

import pytest
from streamlit.testing.v1 import AppTest

from core.examples.catalogue import list_examples
from tests.ui.conftest import opened, page_at
from ui.address import address_of

EXAMPLES = [example.name for example in list_examples()]


def texts(elements):
    return " ".join(str(element.value) for element in elements)


def address(page):
    """Return what the page writes into the address, which it does in the browser."""
    return address_of(page.session_state["session"].choice)


@pytest.fixture
def start():
    """Return a function that opens the page at an address."""

    def run(**query):
        return opened(query)

    return run


def test_the_first_run_opens_an_example(start):
    page = start()
    assert [header.value for header in page.subheader] == ["digits\\-cnn"]
    assert address(page)["example"] == "digits-cnn"
    assert address(page)["layer"] == "conv_1"
    assert not page.error
    assert not page.warning


def test_until_the_engine_is_there_the_page_says_so(monkeypatch):
    from ui import engine

    class Slow:
        started = 0.0
        error = ""
        ready = threading.Event()
        starting_pool = recording = None

        def __init__(self, page_modules=()):
            pass

    class Broken(Slow):
        error = "ImportError: no such thing"
        ready = threading.Event()

    Broken.ready.set()
    monkeypatch.setattr(engine, "_engine", Slow)
    page = page_at()
    threading.Timer(1.0, lambda: monkeypatch.setattr(engine, "_engine", Broken)).start()
    threading.Timer(1.5, Slow.ready.set).start()
    page.run()
    assert not page.exception
    assert "Layerscope" in texts(page.title)
    assert "see what every layer answers" in texts(page.markdown)
    assert "could not start" in texts(page.error)
    assert "no such thing" in texts(page.text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_runs(start, name):
    page = start(example=name)
    assert page.subheader[0].value == name.replace("-", "\\-")
    assert not page.error
    assert page.session_state["session"].choice.example == name
    assert page.session_state["session"].workspace.model.name == name


def test_another_sample_gets_another_answer(start):
    page = start()
    workspace = page.session_state["session"].workspace
    assert f"true: {workspace.sample_labels[0]}" in texts(page.markdown)
    number = next(i for i, label in enumerate(workspace.sample_labels) if label != workspace.sample_labels[0])
    page.number_input(key="sample").set_value(number).run()
    assert not page.exception
    assert f"true: {workspace.sample_labels[number]}" in texts(page.markdown)
    assert address(page)["sample"] == str(number)


def test_a_sample_beyond_the_last_is_the_last(start):
    page = start(sample=100_000)
    assert page.number_input(key="sample").value == 89
    assert "There is no sample 100,000" in texts(page.info)
    assert "sample" in address(page)
    assert not page.error


def test_a_picture_that_a_layer_does_not_have_is_said_once_and_leaves_the_address(start):
    page = start(view="no-such")
    assert "has no picture “no\\-such”" in texts(page.info)
    assert "view" not in address(page)
    page.run()
    assert not page.info


def test_an_unknown_example_is_said_and_the_first_is_open(start):
    page = start(example="no-such")
    assert "There is no example" in texts(page.warning)
    assert page.subheader[0].value == "digits\\-cnn"


def test_an_unknown_layer_is_said_and_another_is_shown(start):
    page = start(layer="nowhere")
    assert "There is no layer" in texts(page.info)
    assert page.session_state["session"].choice.layer == "conv_1"


@pytest.mark.parametrize(
    "query",
    [
        {"sample": "-3"},
        {"sample": "²"},
        {"sample": "9" * 400},
        {"view": "no-such"},
        {"show": "pie"},
        {"o.channel": "many"},
        {"o.channel": "100000"},
        {"o.channel": "-1"},
        {"o.channel": "[1]"},
        {"o.channel": "NaN"},
        {"o.channel": "1e999"},
        {"o.colours": '"no such"'},
        {"o.colours": '{"a": [1]}'},
        {"o.scale_each": '"perhaps"'},
        {"o.sample": "50"},
        {"o.no_such_option": "1"},
        {"path": "/no/such/model.keras"},
        {"example": "<script>alert(1)</script>"},
        {"layer": "*bold* :red[x] $x^2$"},
    ],
    ids=urlencode,
)
def test_a_link_that_somebody_cut_breaks_nothing(start, query):
    page = start(**query)
    if "path" not in query:
        assert page.subheader[0].value == "digits\\-cnn"
        assert not page.error
    assert not page.exception


def test_a_rerun_neither_loads_nor_runs_anything_again(start, monkeypatch):
    from core.extraction.extractor import Extractor

    page = start()
    workspace = page.session_state["session"].workspace
    extractor = workspace.asked_workspace._model.extractor

    def run_again(*_, **__):
        raise AssertionError("the model ran again")

    monkeypatch.setattr(Extractor, "extract", run_again)
    monkeypatch.setattr("core.extraction.extractors.load_model_file", run_again)
    page.run()
    assert not page.exception
    assert page.session_state["session"].workspace is workspace
    assert workspace.asked_workspace._model.extractor is extractor


def test_two_visitors_share_a_model_and_nothing_else(start):
    page, someone_else = start(), start()
    assert someone_else.session_state["session"].workspace is not page.session_state["session"].workspace
    extractors = [
        each.session_state["session"].workspace.asked_workspace._model.extractor for each in (page, someone_else)
    ]
    assert extractors[0] is extractors[1]


def test_another_example_starts_over(start):
    page = start(layer="conv_2", sample=4, view="histogram")
    page.selectbox(key="example").set_value("vowels-lstm").run()
    assert not page.exception
    assert page.subheader[0].value == "vowels\\-lstm"
    assert address(page)["layer"] == "lstm_1"
    assert "sample" not in address(page)
    assert "view" not in address(page)


def test_an_option_stands_in_the_address(start):
    page = start()
    colours = next(box for box in page.selectbox if box.label == "Colours")
    colours.set_value("magma").run()
    assert not page.exception
    assert address(page)["o.colours"] == '"magma"'
    next(button for button in page.button if button.label == "Back to the defaults").click().run()
    assert not page.exception
    assert "o.colours" not in address(page)


def test_a_path_opens_a_model(start, tmp_path):
    import keras

    path = tmp_path / "mine.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="only")]).save(path)
    page = start(path=path)
    assert page.subheader[0].value == "mine\\.keras"
    assert address(page)["path"] == str(path)
    assert address(page)["layer"] == "only"
    assert not page.error


def test_a_link_to_a_part_of_a_layer(start):
    page = start(example="vowels-lstm", layer="lstm_1:cell_state")

    assert page.selectbox(key="part/lstm_1").value == "lstm_1:cell_state"
    assert "cell state of LSTM" in texts(page.markdown)
    page.selectbox(key="part/lstm_1").set_value("lstm_1:forget_gate").run()
    assert address(page)["layer"] == "lstm_1:forget_gate"
    assert "forget gate of LSTM" in texts(page.markdown)
    assert not page.exception


def test_what_the_layers_take_stands_over_all_their_columns(start):
    page = start(example="digits-dense")
    next(button for button in page.button if button.label == "All columns").click().run()

    assert "All layers of 90 samples take" in texts(page.caption)


@pytest.mark.parametrize(("package", "name"), [("vizplugins", "Details"), ("power", "For the author of power 7")])
def test_the_details_of_a_failure_are_folded(package, name):
    def page(package):
        from core.workspace.results import Failure
        from ui.pictures import failure

        failure(
            Failure("It failed.", "Choose another picture.", "Traceback", package, "7" if package == "power" else "")
        )

    shown = AppTest.from_function(page, args=(package,)).run(timeout=30)

    assert [each.label.strip() for each in shown.expander] == [name]


class TestWhatAnInputIs:
    @pytest.fixture
    def path(self, tmp_path):
        import keras

        given = keras.Input((28, 28), name="digit")
        keras.Model(given, keras.layers.Dense(3)(keras.layers.Flatten()(given))).save(tmp_path / "course.keras")
        return tmp_path / "course.keras"

    def test_one_click_takes_it_for_something_else_and_a_reload_shows_the_same(self, start, path):
        page = start(path=path)
        workspace = page.session_state["session"].workspace
        assert workspace.inputs(0)[0].picture is not None
        (control,) = [each for each in page.button_group if "is taken for" in each.label]
        control.set_value("sequence").run()
        assert not page.exception
        assert address(page)["as.digit"] == "sequence"
        assert workspace.inputs(0)[0].picture is None

        again = start(**address(page))
        assert again.session_state["session"].workspace.inputs(0) == workspace.inputs(0)
        (control,) = [each for each in again.button_group if "is taken for" in each.label]
        control.set_value("image").run()
        assert "as.digit" not in address(again)
        assert again.session_state["session"].workspace.inputs(0)[0].picture is not None

    def test_what_it_cannot_be_is_left_out_of_the_address(self, start, path):
        page = start(path=path, **{"as.digit": "text"})
        assert not page.error
        assert "as.digit" not in address(page)

    def test_the_size_of_noise_is_chosen_and_can_be_changed(self, start, tmp_path):
        import keras

        given = keras.Input((None, 4), name="bases")
        cropped = keras.layers.Cropping1D((40, 40))(keras.layers.Conv1D(2, 1)(given))
        keras.Model(given, cropped).save(tmp_path / "cropped.keras")
        page = start(path=tmp_path / "cropped.keras")
        (length,) = [each for each in page.number_input if each.label == "Length"]
        assert length.value == 81
        length.set_value(200).run()
        assert not page.exception
        assert not page.error
        assert address(page)["size.bases"] == "200"
        assert page.session_state["session"].workspace.inputs(0)[0].shape == "200×4"

        again = start(**address(page))
        assert again.session_state["session"].workspace.inputs(0) == page.session_state["session"].workspace.inputs(0)

    def test_a_size_that_the_model_does_not_take_is_said_and_can_be_mended(self, start, tmp_path):
        import keras

        given = keras.Input((None, 4), name="bases")
        keras.Model(given, keras.layers.Cropping1D((40, 40))(given)).save(tmp_path / "cropped.keras")
        page = start(path=tmp_path / "cropped.keras", **{"size.bases": "9"})
        assert "Cropping1D" in texts(page.error)
        (length,) = [each for each in page.number_input if each.label == "Length"]
        length.set_value(90).run()
        assert not page.error
