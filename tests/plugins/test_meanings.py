"""What a stranger's plugin says outputs mean, and that one that fails stops nothing else."""

import textwrap

import altair as alt
import numpy as np
import pandas as pd
import pytest

from core.errors import PluginFailed
from core.plugins.forerunners import RefusedPlugin
from core.plugins.meanings import MeaningAnswer, OutputContext, OutputMeaning
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.workspace.answers import answer_of
from core.workspace.visualizer_list import plugins

BARE = """
from vizplugins import OutputMeaning, hookimpl

@hookimpl
def output_meanings():
    return [OutputMeaning()]
"""

ANGLE = '''
import altair as alt
import numpy as np
import pandas as pd
from vizplugins import CERTAIN, MeaningAnswer, OutputContext, OutputMeaning, hookimpl


class Angle(OutputMeaning):
    """An angle, of which the model answers sine and cosine."""

    name = "angle"
    title = "Angle"
    takes = "two numbers, a sine and a cosine"

    def match(self, output: OutputContext) -> float | str:
        length = np.hypot(*output.values) if output.shape == (2,) else 0
        return CERTAIN if abs(length - 1) < 0.01 else "needs a sine and a cosine"

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        degrees = np.degrees(np.arctan2(*output.values))
        chart = alt.Chart(pd.DataFrame({"degrees": [degrees]})).mark_tick().encode(x="degrees:Q")
        return MeaningAnswer(f"{degrees:.0f}°", chart.properties(height=min(height, 40)), alt=f"{degrees:.0f} degrees.")


@hookimpl
def output_meanings():
    return [Angle()]
'''


def registry_of(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return Registry(settings=PluginSettings((folder,)))


def output(*values):
    return OutputContext(np.array(values, np.float32), "heading")


class Meaning(OutputMeaning):
    """One that tests fill in."""

    name = "mine"
    title = "Mine"

    def match(self, output):
        return 1.0

    def answer(self, output, height):
        return MeaningAnswer("something")


def meaning(**declared):
    return type("Declared", (Meaning,), declared)()


class TestAPluginOfAStranger:
    def test_what_it_says_is_taken_and_the_others_are_offered(self, tmp_path):
        registry = registry_of(tmp_path, angle=ANGLE)
        answer = answer_of(output(-1.0, 0.0), registry.meanings)

        assert registry.problems == ()
        assert (answer.meaning, answer.value) == ("angle", "-90°")
        assert answer.alt == "-90 degrees."
        assert answer.specification["mark"]["type"] == "tick"
        assert [option.name for option in answer.meanings][:2] == ["angle", "numbers"]
        assert answer.meanings[0].description == "An angle, of which the model answers sine and cosine."

    def test_what_it_does_not_suit_is_as_before(self, tmp_path):
        answer = answer_of(output(1.0, 1.0), registry_of(tmp_path, angle=ANGLE).meanings, "angle")

        assert answer.meaning == "numbers"
        assert answer.unsuited == "The output cannot be taken for Angle; it is shown as: Numbers."

    def test_another_can_be_chosen_and_one_that_there_is_not_is_told(self, tmp_path):
        meanings = registry_of(tmp_path, angle=ANGLE).meanings

        assert answer_of(output(-1.0, 0.0), meanings, "numbers").meaning == "numbers"
        assert answer_of(output(-1.0, 0.0), meanings, "angel").unsuited == (
            "There is no meaning 'angel'; it is shown as: Angle."
        )

    def test_a_file_that_is_taken_away_takes_its_meaning_with_it(self, tmp_path):
        registry = registry_of(tmp_path, angle=ANGLE)
        (tmp_path / "angle.py").unlink()

        assert registry.refresh()
        assert answer_of(output(-1.0, 0.0), registry.meanings).meaning == "numbers"

    def test_the_plugin_says_what_it_brings(self, tmp_path):
        (plugin,) = [each for each in registry_of(tmp_path, angle=ANGLE).plugins if each.source == "file"]

        assert (plugin.status, plugin.meanings) == ("ready", ("angle",))

    def test_it_is_listed_with_what_it_takes_and_what_became_of_it(self, tmp_path):
        broken = ANGLE.replace("length = ", "length = 1 / 0 or ").replace('"angle"', '"broken"')
        registry = registry_of(tmp_path, angle=ANGLE, broken=broken)
        answer_of(output(-1.0, 0.0), registry.meanings)
        listed = {each.name: each for plugin in plugins(registry) for each in plugin.meanings}

        assert listed["angle"].title == "Angle"
        assert listed["angle"].description == "An angle, of which the model answers sine and cosine."
        assert listed["angle"].handles == "two numbers, a sine and a cosine"
        assert listed["broken"].failure == "could not be asked: ZeroDivisionError: division by zero"
        assert not listed["angle"].failure
        assert all(each.description and each.handles for each in listed.values())

        (tmp_path / "broken.py").write_text(ANGLE.replace('"angle"', '"broken"') + "\n")
        registry.refresh()
        assert not registry.meanings.fault_of("broken")

    def test_one_that_failed_once_is_not_said_to_fail_for_good(self, tmp_path):
        text = ANGLE.replace('"angle"', '"moody"').replace("length = ", "length = output.values[0] > 5 and 1 / 0 or ")
        registry = registry_of(tmp_path, moody=text)
        answer_of(output(6.0, 0.0), registry.meanings)
        assert "division by zero" in registry.meanings.fault_of("moody")
        answer_of(output(-1.0, 0.0), registry.meanings)
        assert not registry.meanings.fault_of("moody")


class TestFailures:
    """At each of the four boundaries; the meanings that ship go on."""

    @pytest.mark.parametrize(
        ("stage", "text", "said"),
        [
            ("import", "import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
            ("registration", BARE, "OutputMeaning: declares no name"),
            (
                "hook",
                "from vizplugins import hookimpl\n@hookimpl\ndef output_meanings(): raise ValueError('no list')",
                "ValueError: no list",
            ),
            ("hook", ANGLE.replace("length = ", "length = 1 / 0 or "), "ZeroDivisionError: division by zero"),
        ],
    )
    def test_it_is_among_the_problems(self, tmp_path, stage, text, said):
        registry = registry_of(tmp_path, broken=text)
        answer = answer_of(output(-1.0, 0.0), registry.meanings)
        (problem,) = registry.problems

        assert (problem.stage, problem.plugin) == (stage, "broken.py")
        assert said in problem.message
        assert (answer.meaning, answer.failure) == ("numbers", None)

    def test_one_that_fails_to_answer_says_so_and_nothing_takes_its_place(self, tmp_path):
        registry = registry_of(tmp_path, angle=ANGLE.replace("degrees = np", "degrees = undefined"))
        answer = answer_of(output(-1.0, 0.0), registry.meanings)

        assert (answer.meaning, answer.specification, answer.value) == ("angle", {}, "")
        assert "Angle (angle, angle.py) failed on heading (2): NameError" in answer.failure.message
        assert answer.failure.remedy.startswith("Take the output for something else.")
        assert "angle.py" in answer.failure.traceback

    @pytest.mark.parametrize(
        ("declared", "said"),
        [
            ({"name": ""}, "declares no name"),
            ({"match": OutputMeaning.match}, r"has no method match\(self, output\)"),
            ({"answer": OutputMeaning.answer}, r"has no method answer\(self, output, height\)"),
            ({"takes": ("rows",)}, r"declares takes = \('rows',\), text is needed"),
            ({"name": "numbers"}, "the name 'numbers' is taken by output_numbers of vizplugins"),
        ],
    )
    def test_what_is_declared_wrong_is_refused(self, declared, said):
        registry = Registry(settings=PluginSettings(enabled=False))

        with pytest.warns(RefusedPlugin, match=said):
            assert not registry.register(meaning(**declared))
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(registry.problems[-1].message)

    @pytest.mark.parametrize(
        ("returned", "said"),
        [
            ("words", "answer() returned str, a MeaningAnswer is needed"),
            (MeaningAnswer("words", note=5), "another type than declared in note"),
            (MeaningAnswer("words", probability="0.5", right=1), "another type than declared in probability, right"),
            (MeaningAnswer(chart={"mark": "bar"}), "an Altair chart is needed"),
            (
                MeaningAnswer(chart=alt.Chart(pd.DataFrame({"a": [1]})).mark_point().properties(height=300)),
                "its chart is 300 pixels high, and there is room for 112",
            ),
        ],
    )
    def test_what_it_returns_must_be_sound(self, returned, said):
        registry = Registry(discover=False)
        registry.register(meaning(answer=lambda self, output, height: returned))

        with pytest.raises(PluginFailed) as raised:
            registry.meanings.answer("mine", output(1.0))
        assert said in raised.value.message

    def test_one_that_cannot_say_what_it_is_takes_no_answer_away(self):
        registry = Registry(discover=False)
        registry.register(meaning(summary=lambda self: 1 / 0))
        answer = answer_of(output(1.0), registry.meanings)

        assert (answer.meaning, answer.value) == ("mine", "something")
        assert answer.meanings[0].description == "Its summary() raised ZeroDivisionError: division by zero"

    @pytest.mark.parametrize("score", [0, 2, True, None])
    def test_a_score_is_above_0_and_no_more_than_1(self, score):
        registry = Registry(discover=False)
        registry.register(meaning(match=lambda self, output: score))

        (candidate,) = registry.meanings.candidates(output(1.0))
        assert candidate.score == 0
        assert "returned no score above 0 and up to 1, and no reason" in registry.problems[0].message

    def test_of_two_that_are_as_likely_a_strangers_comes_first(self):
        registry = Registry(settings=PluginSettings(enabled=False))
        registry.register(meaning(match=lambda self, output: 0.3))

        assert registry.meanings.likeliest(output(1.0, 5.0)).name == "mine"
