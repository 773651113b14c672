"""``layerscope.report``: a report of a model from a script, a training or a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import InputRejected
from core.report.choices import ReportChoices, UnitOfLayer, parse_unit
from core.report.conditions import parse_condition
from core.report.writing import WrittenReport, check_target, write_report
from layerscope.showing import names_of_classes

__all__ = ["report"]


def report(  # noqa: PLR0913 - public: what is reported, and what goes into it, each by its name
    model: Any,
    inputs: Any,
    labels: Any = None,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    *,
    path: str | os.PathLike[str] = "report.html",
    compare: Any = None,
    layers: Sequence[str] = (),
    units: Sequence[str | UnitOfLayer] = (),
    samples: Sequence[int] = (),
    pictures: Sequence[str] = (),
    title: str = "",
    note: str = "",
    fail_on: Sequence[str] = (),
    with_json: bool = False,
) -> WrittenReport:
    """Write one HTML file that says what a model is, what it answers to samples, and how healthy its layers are.

    The file is opened without a server and asks nothing of the network. What is not said is chosen by what tells the
    most.

    Args:
        model: A Keras model, or the path of a model file.
        inputs: Its samples: an array, a list or dict of arrays, a table, a ``tf.data.Dataset``; the sample axis first.
        labels: Label of each sample: numbers of classes, names, one-hot rows, or true values.
        class_names: Name of each class in the order of the model's output, or by its number.
        path: Where the page goes; it ends in ``.html``.
        compare: A second model, or its path, that is set against the first one over the same samples.
        layers: Keys of the layers that are drawn.
        units: Units that are drawn, as ``"conv_1:5"`` or ``("conv_1", 5)``.
        samples: Numbers of the samples that are explained; the layers are drawn for the first.
        pictures: Names of visualizers that are drawn of each of the layers that they suit.
        title: What the report is called; by default as the model is.
        note: What you say of it; stands at its beginning.
        fail_on: Conditions under which it fails, such as ``"dead>20%"``, ``"nan"`` or ``"accuracy<0.9"``.
        with_json: Whether to write the numbers beside it, as is done with any condition.

    Returns:
        What was written: ``path``, ``json_path``, ``numbers``, ``verdicts``; ``passed``, and ``failures`` in words.

    Raises:
        InputRejected: If the samples do not fit, something chosen is not there, or a condition is none.
        ModelRefused: If a file holds no model, or one that cannot be opened.
        ExtractionFailed: If the model raises.
    """
    from core.models.loading import load_model
    from core.workspace.shown_models import ShownModels
    from core.workspace.workspace import Workspace

    conditions = [parse_condition(text) for text in fail_on]
    target = Path(path)
    check_target(target)
    names = names_of_classes(class_names)
    chosen = [parse_unit(unit) if isinstance(unit, str) else (str(unit[0]), int(unit[1])) for unit in units]
    choices = ReportChoices(layers, chosen, samples, pictures, title=title, note=note)
    if inputs is None:
        raise InputRejected("There are no samples.", remedy="Give some: layerscope.report(model, x, y).")
    opened = [load_model(each) if isinstance(each, str | os.PathLike) else each for each in (model, compare)]
    shown = ShownModels()
    first = shown.add(opened[0], inputs, labels, names, name=_name_of(model))
    workspace = Workspace(shown=shown)
    workspace.open_shown(first.opened.summary.name)
    if opened[1] is not None and first.samples is not None:
        # Not the inputs themselves, of which a generator has none left.
        arrays = list(first.samples.arrays.values())
        second = shown.add(opened[1], arrays[0] if len(arrays) == 1 else arrays, name=_name_of(compare))
        workspace.compare_with_shown(second.opened.summary.name)
    return write_report(workspace, target, choices, conditions=conditions, with_json=with_json)


def _name_of(model: Any) -> str:
    """Return what a model is called: as its file, where it is from one; empty for its own name."""
    return Path(model).name if isinstance(model, str | os.PathLike) else ""
