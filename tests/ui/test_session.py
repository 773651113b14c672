"""What the page remembers of a visit, and does once for each request though its script runs after every click."""

import pytest

from core.errors import InputRejected
from core.inputs.edits import Variant
from ui.address import address_of
from ui.choice import Choice
from ui.search_run import SearchRun
from ui.session import Session, Step


class Action:
    """Counts how often it is done; what it is refused with can be changed."""

    def __init__(self, error=None):
        self.error, self.count = error, 0

    def __call__(self):
        self.count += 1
        if self.error:
            raise self.error


class TestStep:
    def test_what_is_done_is_not_done_again(self):
        step, action = Step(), Action()

        assert step.attempt(("example", "one"), action)
        assert not step.attempt(("example", "one"), action)
        assert (step.current, action.count) == (("example", "one"), 1)

    def test_what_is_refused_is_not_attempted_again_until_that_is_forgotten(self):
        step, action = Step(), Action(InputRejected("No."))
        for _ in range(2):
            assert not step.attempt(("file",), action)
        assert action.count == 1
        assert str(step.error_for(("file",))) == "No."
        assert step.error_for(("another",)) is None

        step.forget_refusal()
        action.error = None
        assert step.attempt(("file",), action)
        assert step.error_for(("file",)) is None

    def test_what_is_current_stays_when_something_else_is_refused_and_the_refusal_when_one_comes_back_to_it(self):
        step, action = Step(), Action()
        step.attempt(("good",), action)
        step.attempt(("bad",), Action(InputRejected("No.")))
        assert step.current == ("good",)

        assert not step.attempt(("good",), action)
        assert action.count == 1
        assert step.error_for(("bad",))
        step.attempt(("better",), action)
        assert not step.error_for(("bad",))

    def test_what_is_no_refusal_goes_on(self):
        step = Step()
        with pytest.raises(ZeroDivisionError):
            step.attempt(("file",), Action(ZeroDivisionError()))
        assert step == Step()


class TestWhatIsForgotten:
    @pytest.fixture
    def session(self):
        session = Session(
            Choice(example="one", layer="conv_1", sample=3, options={"bins": 2}, unit=2, kinds={"a": "image"})
        )
        session.samples_step.attempt(("noise",), Action())
        return session

    def test_with_another_model(self, session):
        session.forget_replaced("model", stays=False)

        assert session.samples_step == Step()
        choice = session.choice
        assert (choice.layer, choice.sample, choice.unit, choice.options, choice.kinds) == ("", 0, None, {}, {})

    def test_with_the_first_model_or_the_same_one_trained_on(self, session):
        session.forget_replaced("model", stays=True)

        assert session.samples_step == Step()
        assert (session.choice.layer, session.choice.sample) == ("conv_1", 3)

    def test_with_other_samples(self, session):
        session.forget_replaced("samples", stays=False)

        assert session.samples_step.current == ("noise",)
        assert (session.choice.layer, session.choice.sample) == ("conv_1", 0)

    def test_with_the_first_samples(self, session):
        session.forget_replaced("samples", stays=True)

        assert session.choice.sample == 3


class TestSearchRun:
    def test_another_request_is_another_search(self):
        first = SearchRun.of(("unit", 1), None)
        assert SearchRun.of(("unit", 1), first) is first

        second = SearchRun.of(("unit", 2), first, starts=False)
        assert (second.serial, second.is_running, second.steps) == (1, False, 0)

    def test_the_clock_ticks_while_it_runs(self):
        run = SearchRun.of((), None)
        assert run.start_clock()
        assert run.has_clock
        run.stop()
        assert run.start_clock() is None
        assert not run.has_clock

    def test_stopped_before_its_goal_it_goes_on_to_that_and_then_further(self):
        run = SearchRun((), step_goal=256, steps=100)
        run.stop()
        run.extend()
        assert (run.step_goal, run.is_running) == (256, True)

        run.steps = 256
        run.extend()
        assert (run.step_goal, run.is_running) == (512, True)

    def test_it_ends_at_the_most_steps_and_can_begin_anew(self):
        run = SearchRun((), step_goal=2048, steps=2048, is_running=False)
        run.extend()
        assert (run.step_goal, run.is_running) == (2048, False)
        run.restart()
        assert (run.steps, run.serial, run.is_running) == (0, 1, True)


def test_edits_that_an_address_did_not_bring_along_are_those_of_its_sample_alone():
    session = Session(Choice(sample=5, edited_sample=5, lost={"edits": 3}))
    assert address_of(session.choice)["edits"] == "~3"

    session.choice.sample = 6
    assert "edits" not in address_of(session.choice)
    assert session.edit_history.current == ()
    assert not session.choice.lost


def test_variants_outlive_a_step_back_among_the_same_samples():
    kept = (Variant(0, "without", ()),)
    choice = Choice(example="digits-cnn", sample=3, variants=kept)
    earlier, elsewhere = Choice(example="digits-cnn", sample=2), Choice(example="vowels-lstm")
    for each in (earlier, elsewhere):
        each.succeed(choice)

    assert earlier.variants == kept
    assert elsewhere.variants == ()
