"""How often the page asks a worker: each question is a round trip that the visitor waits for."""

import pytest
from streamlit.testing.v1 import AppTest

from core.common.limits import Limits
from core.workspace.workers.endpoints import Endpoint
from core.workspace.workers.remote import RemoteWorkspace
from core.workspace.workers.serving import answer
from core.workspace.workspace import Workspace

SECONDS = 120


class CountingEndpoint(Endpoint):
    """Answers in this process, and notes what it is asked."""

    process_id = 0

    def __init__(self, folder):
        super().__init__(folder)
        self.pipe = self
        self.workspace = Workspace()
        self.questions = []

    def poll(self, seconds):
        return False

    def send(self, request):
        self.questions.append(request.name)
        self.message = answer(self.workspace, request, lambda fraction, text: None)

    def receive(self, maximum, seconds):
        return self.message

    def look(self):
        pass

    def why_it_ended(self):
        return "ended"

    def end(self):
        pass


class OneEndpoint:
    """A pool that has one endpoint."""

    is_confined = True

    def __init__(self, endpoint):
        self.limits = Limits()
        self.endpoint = endpoint

    def acquire(self, tell):
        return self.endpoint

    def release(self, endpoint):
        pass


def page_of_layers():
    """What a click on a layer runs again."""
    import streamlit as st

    from ui.explore import page
    from ui.frame import list_and_thumbnails, strip_of_sample
    from ui.session import get_session

    get_session().place_above = st.empty()
    rest = strip_of_sample(get_session())
    page()
    list_and_thumbnails(get_session(), rest, st.container())


def pictures_alone():
    """What a changed option runs again."""
    from ui.pictures import pictures
    from ui.session import get_session

    session = get_session()
    pictures(session.workspace, session.choice)


def page_of_plugins():
    """The page that says why a picture does not suit a layer, where that is opened."""
    from ui.plugins import page

    page()


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    """What answers, with the first example open and nothing asked yet."""
    endpoint = CountingEndpoint(tmp_path)
    workspace = RemoteWorkspace(OneEndpoint(endpoint))
    workspace.open_example("digits-cnn")
    endpoint.opened = workspace
    monkeypatch.setattr("ui.engine.new_workspace", lambda: workspace)
    endpoint.questions.clear()
    return endpoint


@pytest.fixture
def visit(endpoint):
    """Return a function that runs a part of the page."""

    def visit(part, layer="conv_1"):
        page = AppTest.from_function(part, default_timeout=SECONDS)
        page.query_params["layer"] = layer
        page.run()
        assert not page.exception
        assert not page.error
        return page

    return visit


def asked(page, endpoint):
    """Run a page again and return what it asks."""
    endpoint.questions.clear()
    page.run()
    assert not page.exception
    assert not page.error
    return endpoint.questions


def select(page, label):
    return next(box for box in page.selectbox if box.label == label)


@pytest.mark.parametrize("shown_as", ["list", "map"])
def test_a_newly_selected_layer_takes_two_questions_at_most(visit, endpoint, shown_as):
    page = visit(page_of_layers)
    page.session_state["session"].choice.shown_as = shown_as
    page.run()
    page.session_state["session"].choice.select_layer("conv_2")

    assert len(asked(page, endpoint)) <= 2
    assert any("conv_2" in each.value.replace("\\", "") for each in page.markdown)
    assert endpoint.questions.count("layer_view") == 1


def test_a_changed_option_takes_two_questions_at_most(visit, endpoint):
    page = visit(pictures_alone)
    select(page, "Colours").set_value("magma")

    assert len(asked(page, endpoint)) <= 2
    assert select(page, "Colours").value == "magma"


def test_another_tab_takes_two_questions_at_most(visit, endpoint):
    page = visit(pictures_alone)
    page.button_group(key="group/conv_1").set_value("numbers")

    assert len(asked(page, endpoint)) <= 2
    assert page.button_group(key="tab/conv_1/numbers").value


def test_a_part_of_a_layer_is_found_without_a_question_of_its_own(visit, endpoint):
    endpoint.opened.open_example("vowels-lstm")
    page = visit(page_of_layers, "lstm_1:cell_state")

    assert page.selectbox(key="part/lstm_1").value == "lstm_1:cell_state"
    assert len(asked(page, endpoint)) <= 3


def test_what_a_popover_holds_is_asked_for_when_it_is_opened(visit, endpoint):
    page = visit(pictures_alone)
    assert "code" not in asked(page, endpoint)
    page.session_state["copy_as_code"] = True

    assert "code" in asked(page, endpoint)


def test_why_a_picture_does_not_suit_is_asked_for_when_that_is_opened(visit, endpoint):
    page = visit(page_of_plugins)
    page.session_state["session"].choice.sample = 10_000
    assert not {"layers", "rejections"} & set(asked(page, endpoint))
    page.session_state["plugins/rejections"] = True

    assert {"layers", "rejections"} <= set(asked(page, endpoint))
    assert select(page, "Layer").value == "conv_1"


def test_what_an_output_can_mean_is_asked_for_when_that_is_opened(visit, endpoint):
    page = visit(page_of_plugins)
    page.session_state["session"].choice.sample = 10_000
    assert "meanings" not in asked(page, endpoint)
    page.session_state["plugins/meanings"] = True

    assert "meanings" in asked(page, endpoint)
    said = dict(zip(page.dataframe[0].value["meaning"], page.dataframe[0].value["score, or why not"], strict=True))
    assert said["Class probabilities"] == "0.90"
    assert said["Forecast"].startswith("needs ")
