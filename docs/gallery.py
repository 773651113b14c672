"""Writes ``docs/pictures/``, a page on every picture, from what the visualizers declare: ``python docs/gallery.py``.

It draws them too, of the examples that ship; with names of pictures, such as ``gates mask``, only those. ``--text``
draws none. A test says when a text is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import EllipsisType
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from made_up_answers import MADE_UP_ANSWERS

import layerscope
from core.charts.export import chart_file
from core.plugins.controls import GROUPS
from core.plugins.declarations import chart_arguments, summary_of
from core.plugins.meanings import OutputMeaning
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.plugins.visualizer import Visualizer
from core.workspace.made_up_models import MADE_UP_MODELS
from core.workspace.thumbnails import upper_part, webp_within

__all__ = ["ANSWERS", "FOLDER", "SUBJECTS", "Subject", "main", "pages", "small_picture"]

FOLDER: Final = Path(__file__).parent / "pictures"
_SAMPLES: Final = 48
_WIDTH: Final = 640
_SCALE: Final = 1.6
_MOST_BYTES: Final = 26_000
_QUALITIES: Final = (82, 70, 58, 46, 34, 22)
_TALLEST: Final = 1.25
_ANSWER_HEIGHT: Final = 300
_PAGE_OF_ANSWERS: Final = "answers"
_IN_A_ROW: Final = 3


@dataclass(frozen=True)
class Subject:
    """What a picture in the gallery is of.

    Attributes:
        model: Name of an example, of one that is made up, or ``"training"`` for the recorded one.
        layer: Key of the layer, or of what it keeps to itself.
        options: Option values that are not the defaults.
    """

    model: str
    layer: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_words(self) -> str:
        """What stands under the picture."""
        chosen = ", ".join(f"`{name}={value!r}`" for name, value in self.options.items() if name != "sample")
        return f"`{self.layer}` of {_MODELS.get(self.model, f'`{self.model}`')}{f', with {chosen}' if chosen else ''}"


_MODELS: Final = {
    "positions": "a model of which one head looks back and one far ahead",
    "volumes": "a model of volumes",
    "tags": "a model that answers a class at each step",
    "sounds": "a model of sounds",
    "training": "the recorded training that ships",
}
SUBJECTS: Final[Mapping[str, Subject]] = {
    "activation-line": Subject("digits-cnn", "dense"),
    "answer": Subject("tides-forecaster", "next_hours"),
    "answer-after-steps": Subject("clips-lstm", "probabilities"),
    "attention-heads": Subject("positions", "attention"),
    "attention-rollout": Subject("positions", "attention", {"query": 3}),
    "attention-weights": Subject("reviews-transformer", "attention"),
    "before-and-after": Subject("digits-cnn", "pool"),
    "class-activation-map": Subject("digits-cnn", "conv_2", {"sample": 12}),
    "class-probabilities": Subject("digits-cnn", "probabilities", {"sample": 12}),
    "classes-over-time": Subject("tags", "tags"),
    "embedding-rows": Subject("reviews-transformer", "word_embedding"),
    "exciting-samples": Subject("digits-cnn", "conv_2"),
    "feature-maps": Subject("digits-cnn", "conv_1", {"sample": 12}),
    "film-strip": Subject("clips-lstm", "conv_per_frame"),
    "gate-heatmaps": Subject("vowels-lstm", "lstm_1"),
    "gate-weights": Subject("vowels-lstm", "lstm_2"),
    "gates": Subject("vowels-lstm", "lstm_1"),
    "histogram": Subject("digits-cnn", "conv_1"),
    "input-attribution": Subject("digits-cnn", "probabilities", {"sample": 12}),
    "kernels": Subject("digits-cnn", "conv_1"),
    "map-over-training": Subject("training", "conv_1"),
    "normalization-drift": Subject("diabetes-regression", "normalization"),
    "projection": Subject("digits-cnn", "dense", {"method": "t-SNE"}),
    "rearranged": Subject("digits-cnn", "flatten"),
    "receptive-field": Subject("shapes-segmentation", "bottom_2", {"sample": 3}),
    "rgb-composite": Subject("shapes-segmentation", "down_1", {"sample": 3, "red": 2, "green": 5, "blue": 9}),
    "sample-distribution": Subject("digits-cnn", "dense"),
    "similar-units": Subject("digits-cnn", "dense"),
    "similarity-over-training": Subject("training", "conv_1"),
    "statistics": Subject("digits-cnn", "conv_2"),
    "strongest-units": Subject("digits-cnn", "flatten"),
    "time-frequency": Subject("sounds", "mel"),
    "trajectories": Subject("vowels-lstm", "lstm_1"),
    "unit-ablation": Subject("digits-cnn", "dense"),
    "unit-heatmap": Subject("motions-conv1d", "conv_1"),
    "unit-lines": Subject("vowels-lstm", "lstm_1"),
    "unit-map": Subject("reviews-transformer", "feed_forward_1"),
    "unit-weights": Subject("digits-cnn", "dense"),
    "units-over-training": Subject("training", "conv_2"),
    "value-table": Subject("digits-cnn", "dense"),
    "volume-slices": Subject("volumes", "edges", {"depth": 4}),
    "weight-change": Subject("digits-cnn", "dense"),
    "weight-distribution": Subject("digits-cnn", "conv_1"),
    "weight-matrix": Subject("digits-dense", "dense_2"),
}
"""What each picture is drawn of."""
ANSWERS: Final[Mapping[str, Subject]] = {
    "classes": Subject("digits-cnn", "probabilities", {"sample": 12}),
    "classes-per-step": Subject("tags", "tags"),
    "forecast": Subject("tides-forecaster", "next_hours"),
    "image": Subject("digits-autoencoder", "reconstruction"),
    "mask": Subject("shapes-segmentation", "mask", {"sample": 3}),
    "numbers": Subject("diabetes-regression", "progression"),
    "reconstruction": Subject("digits-autoencoder", "reconstruction"),
}
"""What each meaning of an output is drawn of; the others are made up, and of text the words are enough."""


def pages() -> dict[str, str]:
    """Return the text of every page by its name in the folder."""
    registry = _registry()
    written = {"README.md": _overview(registry)}
    for group, about in GROUPS.items():
        entries = "\n".join(_visualizer(each) for each in _in_group(registry, group))
        written[f"{group}.md"] = f"# {group.title()}: {about}\n\n{_NOTE}\n\n{entries}"
    meanings = "\n".join(_meaning(each) for each in _by_title(registry.meanings.all))
    written[f"{_PAGE_OF_ANSWERS}.md"] = f"{_ABOUT_ANSWERS}\n{meanings}"
    return {name: text.rstrip() + "\n" for name, text in written.items()}


_NOTE: Final = """Written by `python docs/gallery.py` from what the visualizers declare. [All pictures](README.md).
Which suit a layer, and why others do not: `layerscope plugins explain MODEL LAYER`."""
_ABOUT: Final = """# All pictures

{pictures} pictures ship, in six groups, and {meanings} meanings of an answer. Each stands here with how it is
read, where it misleads, and what it takes; the app says the same under *How to read it*. A picture that is missing is
[some twenty lines](../plugins.md).
"""
_ABOUT_ANSWERS: Final = f"""# What an answer can mean

The picture [Answer](look.md#answer), the strip above the layers and the errors of samples go by what an output is taken
for. That is guessed; the menu beside the answer changes it, and a plugin can bring
[another meaning](../plugins.md#what-an-output-means).

{_NOTE}
"""


def main() -> None:
    """Write every text, and the pictures, or those that are named."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    (FOLDER / "images").mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    if "--text" in sys.argv:
        return
    drawn = {name: partial(picture, *subject) for name, subject in _subjects().items()}
    drawn |= {f"answer-{name}": partial(_picture_of_answer, name) for name in MADE_UP_ANSWERS}
    for name, draw in drawn.items():
        if not names or name in names:
            (FOLDER / "images" / f"{name}.webp").write_bytes(draw())
    for path in (FOLDER / "images").glob("*.webp"):
        if path.stem not in drawn:
            path.unlink()


def _subjects() -> dict[str, tuple[str, Subject]]:
    """Return what is drawn by the name of its file: by which visualizer, and of what."""
    answers = {
        f"answer-{name}": ("answer", Subject(each.model, each.layer, {**each.options, "meaning": name}))
        for name, each in ANSWERS.items()
    }
    return {name: (name, subject) for name, subject in SUBJECTS.items()} | answers


def _by_title(brought: Iterable[Any]) -> list[Any]:
    return sorted(brought, key=lambda each: each.title.lower())


def _in_group(registry: Registry, group: str) -> list[Visualizer]:
    return _by_title(each for each in registry.visualizers if each.group == group)


def _anchor(title: str) -> str:
    return "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_").replace(" ", "-")


def _overview(registry: Registry) -> str:
    meanings = registry.meanings.all
    lines = [_ABOUT.format(pictures=len(registry.visualizers), meanings=len(meanings))]
    for group, about in GROUPS.items():
        members = _in_group(registry, group)
        lines += [f"## {group.title()}", "", f"[{about[0].upper()}{about[1:]}]({group}.md).", ""]
        lines += _thumbnails([(each.title, f"{group}.md#{_anchor(each.title)}", each.name) for each in members])
    shown = [each for each in _by_title(meanings) if each.name in {*ANSWERS, *MADE_UP_ANSWERS}]
    lines += ["## Answers", "", f"[What an answer can mean]({_PAGE_OF_ANSWERS}.md).", ""]
    page = f"{_PAGE_OF_ANSWERS}.md"
    lines += _thumbnails([(each.title, f"{page}#{_anchor(each.title)}", f"answer-{each.name}") for each in shown])
    return "\n".join(lines)


def _thumbnails(shown: list[tuple[str, str, str]]) -> Iterator[str]:
    cells = [f"[![{title}](images/{image}.webp)]({link})<br>[{title}]({link})" for title, link, image in shown]
    rows = [cells[start : start + _IN_A_ROW] for start in range(0, len(cells), _IN_A_ROW)]
    lines = [f"| {' | '.join(row + [''] * (_IN_A_ROW - len(row)))} |" for row in rows]
    # The first row is the head of the table: an empty head would be read out, and drawn on code hosts.
    yield from (lines[0], "|---" * _IN_A_ROW + "|", *lines[1:], "")


def _visualizer(visualizer: Visualizer) -> str:
    name, subject = visualizer.name, SUBJECTS[visualizer.name]
    lines = [f"## {visualizer.title}", "", summary_of(visualizer), ""]
    lines += [f"![{visualizer.title} of {subject.layer}](images/{name}.webp)", "", f"*{subject.in_words}.*", ""]
    lines += [f"**How to read it.** {visualizer.how_to_read}", ""]
    lines += [f"**Limitations.** {visualizer.limitations}", ""]
    lines += [f"**Takes** {_takes(visualizer)}", ""]
    lines += [f"In Python: {_in_python(visualizer, subject.layer)}", ""]
    return "\n".join([*lines, *_options(visualizer)])


def _takes(visualizer: Visualizer) -> str:
    handles = visualizer.handles
    words = handles.in_words()
    # Of layers of every kind, but not of all of them.
    said = [words.replace("layers", "layers of any kind", 1) if words.startswith("layers") else words]
    if handles.axes:
        said.append(f"axes {_axes(handles.axes)}")
    ranks = handles.ranks or ((len(handles.axes),) if handles.axes and ... not in handles.axes else ())
    if ranks:
        said.append(f"rank {' or '.join(map(str, ranks))}")
    if handles.when:
        said.append("if there is what it draws")
    return "; ".join(said) + "."


def _axes(axes: tuple[str | EllipsisType, ...]) -> str:
    return f"`{', '.join('…' if axis is ... else str(axis) for axis in axes)}`"


def _in_python(visualizer: Visualizer, layer: str) -> str:
    if visualizer.handles.is_over_steps:
        recorded = f'`layerscope.open_run("run.layerscope").activation("{layer}").chart("{visualizer.name}")`'
        return f"{recorded}, of a layer that `Record(…, activations=…)` named."
    return f'`activations["{layer}"].chart("{visualizer.name}")`{_asks_for(visualizer)}'


def _asks_for(visualizer: Visualizer) -> str:
    asked = chart_arguments(visualizer)
    said = ["needs `extract(…, internals=True)`"] if "internals" in visualizer.needs else []
    said += ["runs the model again"] if "extractor" in asked else []
    said += ["looks at all samples that went in"] if "dataset" in asked else []
    said += ["compares with `other_model=…`"] if "other_model" in asked else []
    return f"; it {', and '.join(said)}." if said else "."


def _options(visualizer: Visualizer) -> Iterator[str]:
    schema = visualizer.Options.model_json_schema()["properties"]
    if not schema:
        return
    yield from ("| option | what | by default |", "|---|---|---|")
    for name, declared in schema.items():
        title, about = declared.get("title", ""), declared.get("description", "")
        choices = ", ".join(f"`{choice}`" for choice in _choices(declared, visualizer.Options.model_json_schema()))
        what = ". ".join(filter(None, (title, about.rstrip("."), choices)))
        yield f"| `{name}` | {what.replace('|', chr(92) + '|')} | {_default(declared)} |"
    yield ""


def _choices(declared: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Any]:
    for part in (declared, declared.get("items", {}), *declared.get("anyOf", ())):
        yield from part.get("enum", ())


def _default(declared: Mapping[str, Any]) -> str:
    default = declared.get("default")
    return "automatic" if default in (None, "", [], ()) else f"`{default}`"


def _meaning(meaning: OutputMeaning) -> str:
    lines = [f"## {meaning.title}", "", summary_of(meaning), ""]
    if meaning.name in {*ANSWERS, *MADE_UP_ANSWERS}:
        lines += [f"![An answer that is taken for {meaning.title.lower()}](images/answer-{meaning.name}.webp)", ""]
        subject = ANSWERS.get(meaning.name)
        lines += [f"*{subject.in_words}.*" if subject else "*A made-up answer: no example gives one.*", ""]
    lines += [f'**Takes** {meaning.takes}. In Python: `chart("answer", meaning="{meaning.name}")`.', ""]
    if meaning.loss_name:
        lines += [f"**The error of a sample** is {meaning.loss_name}.", ""]
    return "\n".join(lines)


@cache
def _registry() -> Registry:
    return Registry(settings=PluginSettings(enabled=False))


def picture(visualizer: str, subject: Subject) -> bytes:
    """Return a picture of the gallery as a WebP."""
    return small_picture(_specification(visualizer, subject))


def small_picture(specification: Mapping[str, Any]) -> bytes:
    """Return a chart as a WebP, as wide as a page and of few bytes."""
    drawn = chart_file(specification, "png", scale=_SCALE, width=_WIDTH)
    return webp_within(upper_part(drawn, _TALLEST), _MOST_BYTES, _QUALITIES)


def _picture_of_answer(meaning: str) -> bytes:
    drawn = _registry().meanings.answer(meaning, MADE_UP_ANSWERS[meaning](), _ANSWER_HEIGHT)
    return small_picture(drawn.specification)


def _specification(name: str, subject: Subject) -> dict[str, Any]:
    if subject.model in MADE_UP_MODELS:
        activation = _activations(subject.model)[subject.layer]
        pictures, refusal = _drawn(_registry().draw(name, activation, subject.options))
    elif subject.model == "training":
        pictures, refusal = _drawn(_over_steps(name, subject))
    else:
        workspace, sample = _workspace(subject.model), subject.options.get("sample", 0)
        pictures, refusal = _drawn(workspace.chart(subject.layer, name, subject.options, sample))
    assert pictures, f"{name}: {refusal}"
    return pictures[0].specification


def _drawn(result: Any) -> tuple[Any, str]:
    return result.pictures, result.refusal or str(getattr(result, "failure", ""))


@cache
def _activations(model: str) -> layerscope.Activations:
    made_up = MADE_UP_MODELS[model]
    return layerscope.extract(made_up.model(), made_up.samples(_SAMPLES), internals=True)


@cache
def _workspace(example: str) -> layerscope.Workspace:
    workspace = layerscope.Workspace(_registry())
    workspace.open_example(example)
    return workspace


def _over_steps(name: str, subject: Subject) -> Any:
    workspace = layerscope.Workspace(_registry())
    workspace.open_example_run()
    first = workspace.run_layer(subject.layer, "", "", {}, 0)
    views = (workspace.run_layer(subject.layer, part.key, name, subject.options, 0) for part in first.parts)
    return next(view.chart for view in views if view.picture(name).name == name)


if __name__ == "__main__":
    main()
