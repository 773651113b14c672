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


def layers_and_pictures():
    """What a click on a layer runs again."""
    from ui.explore import _below
    from ui.session import get_session

    session = get_session()
    _below(session.workspace, session.workspace.model, session.choice)


def pictures_alone():
    """What a changed option runs again."""
    from ui.pictures import pictures
    from ui.session import get_session

    session = get_session()
    pictures(session.workspace, session.choice)


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


@pytest.mark.parametrize("shown_as", ["table", "map"])
def test_a_newly_selected_layer_takes_three_questions_at_most(visit, endpoint, shown_as):
    page = visit(layers_and_pictures)
    page.session_state["session"].choice.shown_as = shown_as
    page.run()
    page.session_state["session"].choice.look_at("conv_2")

    assert len(asked(page, endpoint)) <= 3
    assert "conv_2" in page.markdown[0].value.replace("\\", "")
    assert endpoint.questions.count("layer_view") == 1


def test_a_changed_option_takes_two_questions_at_most(visit, endpoint):
    page = visit(pictures_alone)
    select(page, "Colours").set_value("magma")

    assert len(asked(page, endpoint)) <= 2
    assert select(page, "Colours").value == "magma"


def test_another_tab_takes_two_questions_at_most(visit, endpoint):
    page = visit(pictures_alone)
    page.button_group(key="tab/conv_1").set_value("histogram")

    assert len(asked(page, endpoint)) <= 2
    assert page.button_group(key="tab/conv_1").value == "histogram"


def test_a_part_of_a_layer_is_found_without_a_question_of_its_own(visit, endpoint):
    endpoint.opened.open_example("vowels-lstm")
    page = visit(layers_and_pictures, "lstm_1:cell_state")

    assert page.button_group(key="part/lstm_1").value == "lstm_1:cell_state"
    assert len(asked(page, endpoint)) <= 3


@pytest.mark.parametrize(
    ("key", "questions"), [("why_not_others", {"rejections", "plugins"}), ("copy_as_code", {"code"})]
)
def test_what_a_popover_holds_is_asked_for_when_it_is_opened(visit, endpoint, key, questions):
    page = visit(pictures_alone)
    assert not questions & set(asked(page, endpoint))
    page.session_state[key] = True

    assert questions <= set(asked(page, endpoint))
