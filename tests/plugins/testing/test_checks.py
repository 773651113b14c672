"""Each check finds what it is there for: a visualizer that is broken in just that way."""

import inspect
import itertools
import re
import time
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from core.plugins.handles import Handles
from core.plugins.testing.cases import cases_of
from core.plugins.testing.results import equal_failures
from core.plugins.visualizer import Refusal, Visualizer
from vizplugins.testing import CASES, CHECKS, check_visualizer, run_checks

DENSE = Handles(layer_types=("Dense",), axes=("sample", "unit"), parts=("output",))


class Sound(Visualizer):
    """A dot."""

    name = "sound"
    title = "Sound"
    handles = DENSE
    how_to_read = "It is a dot."
    limitations = "It is only a dot."

    def chart(self, activation, options):
        return alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q")


class Undeclared(Sound):
    handles = Handles()


class Wordless(Sound):
    how_to_read = ""


class Homeless(Sound):
    handles = Handles(axes=("sample", "head", "depth", "key"), ranks=(4,), when=lambda activation: "never")


class Raising(Sound):
    def chart(self, activation, options):
        return super().chart(activation, options) if activation.shape[0] > 1 else 1 / 0


class Miscalling(Sound):
    def chart(self, activation, options):
        return pd.DataFrame({"value": [activation.shape[0]]})["nothing"]


class Fussy(Sound):
    def chart(self, activation, options):
        if activation.shape[0] == 1:
            raise ValueError("one sample")
        raise RuntimeError(f"not {activation.shape[0]}")


class Invalid(Sound):
    def chart(self, activation, options):
        return alt.Chart().mark_point().encode(x=alt.X("a:Q", bin="no"))


class Slow(Sound):
    def chart(self, activation, options):
        time.sleep(10)


class Large(Sound):
    def chart(self, activation, options):
        return alt.Chart(pd.DataFrame({"a": range(60_000)})).mark_point().encode(x="a:Q")


class Unrenderable(Sound):
    def chart(self, activation, options):
        return super().chart(activation, options).transform_calculate(b="datum.a +* 2")


class Random(Sound):
    numbers = itertools.count()

    def chart(self, activation, options):
        return super().chart(activation, options).properties(title=f"{next(self.numbers)}")


class Changing(Sound):
    def chart(self, activation, options):
        # The only way left: behind the activation's back.
        activation._values = activation.values + 1
        return super().chart(activation, options)


class Unwilling(Sound):
    def chart(self, activation, options):
        return Refusal("I would rather not.")


BROKEN = {
    "declaration": Undeclared,
    "explains itself": Wordless,
    "handles": Homeless,
    "draws": Raising,
    "valid": Invalid,
    "budget": Large,
    "renders": Unrenderable,
    "repeatable": Random,
    "unchanged": Changing,
    "not empty": Unwilling,
}


def failed(visualizer):
    return {result.name for result in run_checks(visualizer) if not result.passed}


def test_what_is_sound_passes():
    check_visualizer(Sound())
    assert [result.name for result in run_checks(Sound())] == list(CHECKS)


@pytest.mark.parametrize("name", BROKEN)
def test_each_check_finds_what_it_is_for_and_nothing_else_fails(name):
    assert failed(BROKEN[name]()) == {name}
    with pytest.raises(AssertionError, match=rf"fails 1 check:\n\[{name}\]"):
        check_visualizer(BROKEN[name]())


def test_time_is_part_of_the_budget(monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_CHART_SECONDS", "0.05")
    assert failed(Slow()) == {"budget"}


def test_streamlit_is_found_wherever_it_is_imported(tmp_path, empty_registry):
    path = tmp_path / "page.py"
    path.write_text(
        "import altair as alt\nfrom vizplugins import Handles, Visualizer, hookimpl\n"
        "class Page(Visualizer):\n    'A dot.'\n    name = title = how_to_read = limitations = 'page'\n"
        "    handles = Handles(layer_types=('Dense',), axes=('sample', 'unit'))\n"
        "    def chart(self, activation, options):\n        if not activation:\n            import streamlit\n"
        "        return alt.Chart(alt.Data(values=[])).mark_point()\n"
        "@hookimpl\ndef visualizers():\n    return [Page()]\n"
    )
    assert empty_registry.load_file(path)
    assert failed(empty_registry.get("page")) == {"no Streamlit"}


def test_every_check_is_tried_here():
    assert {*BROKEN, "no Streamlit"} == set(CHECKS)


def test_a_failure_says_on_what_and_where():
    (result,) = (each for each in run_checks(Raising()) if not each.passed)
    line = inspect.getsourcelines(Raising.chart)[1] + 1

    assert result.in_words() == (
        "[draws] batch of one of Dense (1×8): ZeroDivisionError: division by zero "
        f"({Path(__file__).relative_to(Path.cwd())}:{line})"
    )
    assert result.traceback.startswith("Traceback (most recent call last)")


def test_what_the_author_called_is_named_by_the_line_that_called_it():
    (group,) = equal_failures(run_checks(Miscalling()))
    line = inspect.getsourcelines(Miscalling.chart)[1] + 1

    assert group.example.place == f"{__file__}:{line}"
    assert "site-packages" in group.example.traceback


def test_equal_failures_are_one_line_that_says_in_how_many_cases():
    results = run_checks(Miscalling())
    (group,) = equal_failures(results)

    assert group.count == group.example.tried == len([each for each in results if not each.passed])
    assert re.fullmatch(
        r"\[draws\] KeyError: 'nothing' \(.*\) in 12 of 12 cases, e\.g\. as recorded of Dense \(6×8\)", group.in_words()
    )


def test_other_failures_are_other_lines():
    assert [(group.example.message, group.count) for group in equal_failures(run_checks(Fussy()))] == [
        ("RuntimeError: not 6", 11),
        ("ValueError: one sample", 1),
    ]


def test_what_was_never_reached_is_not_passed():
    names = {result.name for result in run_checks(Miscalling())}

    assert names == {"declaration", "explains itself", "no Streamlit", "handles", "draws"}
    assert {"valid", "renders", "repeatable"}.isdisjoint(result.name for result in run_checks(Unwilling()))


class TestCases:
    def names(self, **handles):
        visualizer = type("Asked", (Sound,), {"handles": Handles(**handles)})()
        return {case.name for case in cases_of(visualizer)}

    def test_sequences_are_tried_on_all_there_is(self):
        assert self.names(layer_types=("RNN",)) == set(CASES) - {"one step", "many steps"}

    def test_what_is_over_the_steps_of_a_training_is_tried_on_few_and_many(self):
        assert self.names(axes=("step", "sample", ...)) == set(CASES) - {"long sequence", "masked"}
        assert {"one step", "many steps"} <= self.names(axes=("step", "unit"), layer_types=("MyLayer",))

    def test_a_layer_of_a_stranger_gets_activations_as_it_would_answer(self):
        visualizer = type("Asked", (Sound,), {"handles": Handles(layer_types=("MyLayer",), axes=("sample", "axis1"))})()
        cases = list(cases_of(visualizer))

        assert {case.activation.layer.type_name for case in cases} == {"MyLayer"}
        assert {"NaN", "all zeros", "float16", "batch of one"} <= {case.name for case in cases}

    def test_text_is_not_made_into_numbers(self):
        assert self.names(dtypes=("string",)) >= {"as recorded", "batch of one"}
        assert "NaN" not in self.names(dtypes=("string",))

    def test_options_are_tried_at_both_ends(self):
        from tests.support.every_option import EveryOptionPicture

        given = {case.name: case.options for case in cases_of(EveryOptionPicture())}
        low, high = given["options at their lowest"], given["options at their highest"]
        assert (low["share"], low["even"], low["shown"], low["mark"], low["which"], low["steps"]) == (
            *(0.0, 2, False, "line", ["a"]),
            [0, 0],
        )
        assert (high["share"], high["even"], high["shown"], high["mark"], high["which"], high["steps"]) == (
            *(1.0, 20, True, "bar", ["a", "b", "c"]),
            [28, 28],
        )
        assert (low["of"], high["of"]) == (0, 2)
