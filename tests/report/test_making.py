"""What a report says: of what was chosen, and of what tells the most where nobody chose."""

import keras
import numpy as np
import pytest

from core.errors import InputRejected
from core.plugins.registry import Registry
from core.report.choices import ReportChoices, ReportPin, parse_unit
from core.report.contents import Figure, Notice, Paragraph, Table
from core.report.making import make_report
from core.workspace.shown_models import ShownModels
from core.workspace.workspace import Workspace
from tests.report.conftest import LAYER, small_model


@pytest.fixture(scope="module")
def report(workspace):
    return make_report(workspace)


def section(report, title):
    return next(each for each in report.sections if each.title == title)


def titles(part):
    return [each.title for each in part.sections]


def texts(part):
    return " ".join(item.text for item in part.items if isinstance(item, Paragraph | Notice))


def figures(part):
    return [item for item in part.items if isinstance(item, Figure)]


def test_its_chapters(report):
    assert [each.title for each in report.sections] == [
        "At a glance",
        "The model",
        "Its answers",
        "Its health",
        "Chosen layers",
        "Chosen units",
        "Single samples",
        "Against a second model",
        "What this report is and is not",
    ]
    assert report.title == "small"
    assert "40 samples" in report.subtitle


def test_the_most_telling_are_chosen(report, workspace):
    wrong = [each.number for each in workspace.sample_rows(np.inf) if each.right is False]

    assert titles(section(report, "Chosen layers")) == ["hidden", "norm", LAYER, "answer"]
    assert any("of hidden" in title for title in titles(section(report, "Chosen units")))
    assert titles(section(report, "Single samples"))[0].endswith("· wrong")
    assert int(titles(section(report, "Single samples"))[0].split()[1]) in wrong


def test_health_is_told_in_words(report):
    health = section(report, "Its health")
    table = next(item for item in health.items if isinstance(item, Table))

    assert any("never active" in row[3] for row in table.rows)
    assert titles(health) == ["Input drift", "How to read the findings"]
    assert "never active" in texts(section(report, "At a glance"))


def test_answers_are_judged(report):
    answers = section(report, "Its answers")

    assert "answered correctly" in texts(answers)
    assert "Mean cross-entropy" in texts(answers)
    assert figures(answers)[0].title == "Which class is taken for which"


def test_every_figure_says_how_it_is_read_and_every_chart_what_it_shows(report):
    def all_figures(parts):
        for part in parts:
            yield from figures(part)
            yield from all_figures(part.sections)

    for figure in all_figures(report.sections):
        assert all(chart.alt for chart in figure.charts), figure.title
        assert "Click" not in figure.text
    chosen = [each for part in section(report, "Chosen layers").sections for each in figures(part)]
    assert all(figure.how_to_read and figure.limitations for figure in chosen)


def test_what_is_chosen_by_name(workspace):
    choices = ReportChoices(
        layers=["answer"],
        units=[("hidden", 9)],
        samples=[5],
        pictures=["histogram", "kernels"],
        title="Mine",
        note="Hm.",
    )
    report = make_report(workspace, choices)
    (layer,) = section(report, "Chosen layers").sections

    assert report.title == "Mine"
    assert texts(section(report, "At a glance")).startswith("Hm.")
    assert layer.title == "answer"
    # What does not suit the layer, as kernels of a convolution, is left out.
    assert [each.title for each in figures(layer)] == ["Class probabilities", "Histogram", "Units by classes"]
    assert titles(section(report, "Chosen units")) == ["Unit 9 of hidden"]
    assert titles(section(report, "Single samples"))[0].startswith("Sample 5")


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"layers": ["hiden"]}, "did you mean 'hidden'"),
        ({"units": [("hidden", 16)]}, "Its units are 0 to 15"),
        ({"samples": [40]}, "numbered 0 to 39"),
        ({"pictures": ["histogramm"]}, "did you mean 'histogram'"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(workspace, choices, said):
    with pytest.raises(InputRejected, match=said):
        make_report(workspace, ReportChoices(**choices))


def test_pins_go_into_it_with_their_notes(workspace):
    pins = [
        ReportPin("mine", "Look here.", sample=3, layer="hidden", unit=9, visualizer="activation-line"),
        ReportPin("both", sample=1, layer="answer", is_other_model=True),
        ReportPin("gone", "Was good.", misfit="There is no layer gone now."),
    ]
    parts = {each.title: each for each in section(make_report(workspace, ReportChoices(pins=pins)), "Pins").sections}

    assert parts["mine"].items[0] == Paragraph("Look here.", is_of_person=True)
    assert figures(parts["mine"])[-1].charts[0].alt.count("unit 9") or "9" in figures(parts["mine"])[-1].charts[0].alt
    assert sum("Difference" in each.title for each in figures(parts["both"])) == 1
    assert "There is no layer gone now." in texts(parts["gone"])
    assert figures(parts["gone"]) == []


def test_a_model_without_labels_classes_or_gradients(reported_samples):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, name="value")], name="regression")
    shown = ShownModels()
    shown.add(model, reported_samples[0][:3])
    opened = Workspace(shown=shown)
    opened.open_shown("regression")
    report = make_report(opened)

    assert "no labels" in texts(section(report, "Its answers"))
    assert "Against a second model" not in [each.title for each in report.sections]
    assert "not checked (8 samples needed, there are 3)" in texts(section(report, "Its health"))


PLUGIN = """
import altair as alt
from vizplugins import Activation, Handles, Options, Visualizer, hookimpl

class Stairs(Visualizer):
    \"\"\"The answers in ascending order.\"\"\"
    name, title = "stairs", "Stairs"
    handles = Handles(axes=("sample", "unit"))
    priority = -100
    how_to_read, limitations = "Up is more.", "None."

    def chart(self, activation: Activation, options: Options) -> alt.Chart:
        rows = [{"place": at, "value": float(value)} for at, value in enumerate(sorted(activation.values[0]))]
        return alt.Chart(alt.Data(values=rows)).mark_line().encode(x="place:Q", y="value:Q")

@hookimpl
def visualizers():
    return [Stairs()]
"""


def test_pictures_of_plugins_where_they_are_named_or_pinned(tmp_path, reported_samples):
    (tmp_path / "stairs.py").write_text(PLUGIN)
    registry = Registry()
    assert registry.load_file(tmp_path / "stairs.py"), registry.problems
    shown = ShownModels()
    shown.add(small_model(), *reported_samples)
    opened = Workspace(registry, shown=shown)
    opened.open_shown("small")
    pins = [ReportPin("mine", layer="hidden", visualizer="stairs")]
    report = make_report(opened, ReportChoices(layers=["answer"], pictures=["stairs"], pins=pins))

    assert "Stairs" in [each.title for each in figures(section(report, "Chosen layers").sections[0])]
    assert "Stairs" in [each.title for each in figures(section(report, "Pins").sections[0])]
    # Nobody asked for it where it suits least.
    plain = make_report(opened, ReportChoices(layers=["answer"]))
    assert "Stairs" not in [each.title for each in figures(section(plain, "Chosen layers").sections[0])]


def test_nothing_open_is_said():
    with pytest.raises(InputRejected, match="nothing to report"):
        make_report(Workspace())


def test_a_unit_is_written_with_a_colon():
    assert parse_unit("outer/conv_1:internal:5") == ("outer/conv_1:internal", 5)
    for text in ("conv_1", "conv_1:", ":5", "conv_1:x"):
        with pytest.raises(InputRejected, match=r"conv_1:5"):
            parse_unit(text)
