"""What the kit says of meanings: those that ship pass, and of each fault it says which and on what."""

import altair as alt
import numpy as np
import pandas as pd
import pytest

from core.plugins.meanings import MeaningAnswer, OutputContext, OutputMeaning
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.plugins.testing.meaning_checks import check_meaning, run_meaning_checks
from core.plugins.testing.outputs import outputs

OURS = Registry(settings=PluginSettings(enabled=False)).meanings


class Sound(OutputMeaning):
    """One that tests break."""

    name, title, takes = "mine", "Mine", "a row of numbers"

    def match(self, output):
        return 0.5 if output.is_numeric and output.values.ndim == 1 else "needs a row of numbers"

    def answer(self, output, height):
        chart = alt.Chart(pd.DataFrame({"a": [1]})).mark_point().properties(height=height)
        return MeaningAnswer("a row", chart)


def written_to(self, output, height):
    output.values[0] = 0


def drawn_too_high(self, output, height):
    return MeaningAnswer("a row", alt.Chart(pd.DataFrame({"a": [1]})).mark_point().properties(height=200))


def said_at_random(self, output, height):
    return MeaningAnswer(str(np.random.default_rng().random()))


@pytest.mark.parametrize("name", [each.name for each in OURS.all])
def test_each_that_ships_passes(name):
    check_meaning(OURS.get(name))


def test_each_output_is_something_and_nothing_can_be_written_to_it():
    for name, output in outputs().items():
        assert OURS.likeliest(output), name
        assert not output.values.flags.writeable, name


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"name": ""}, "[declaration] TypeError: Broken: declares no name"),
        ({"takes": ""}, "[explains itself] it has no takes"),
        ({"match": lambda self, output: 1 / 0}, "[draws] could not be asked: ZeroDivisionError"),
        ({"answer": written_to}, "[draws] ValueError: assignment destination is read-only ("),
        ({"answer": drawn_too_high}, "[budget] ValueError: "),
        ({"answer": said_at_random}, "[repeatable] asked twice, it does not answer the same"),
        ({"loss": lambda self, output: output.nothing}, "[draws] AttributeError: "),
    ],
)
def test_what_is_wrong_is_said_with_what_it_was_tried_on(declared, said):
    with pytest.raises(AssertionError) as raised:
        check_meaning(type("Broken", (Sound,), declared)())
    assert any(line.startswith(said) for line in str(raised.value).splitlines()[1:]), raised.value
    assert "[declaration]" in said or "itself" in said or " cases, e.g. one number of 1" in str(raised.value)


def test_outputs_of_ones_own_have_to_match():
    picture = OutputContext(np.zeros((8, 8)))

    check_meaning(Sound(), OutputContext(np.zeros(3)))
    with pytest.raises(AssertionError, match=r"\[handles\] output 1 of yours of 8×8: it does not match: needs a row"):
        check_meaning(Sound(), OutputContext(np.zeros(3)), picture)
    assert "handles" not in {each.name for each in run_meaning_checks(Sound())}
