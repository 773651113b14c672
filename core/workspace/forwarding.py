"""Workspaces that answer nothing themselves: every method hands on what was asked to one place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from core.workspace.interface import WorkspaceInterface
from core.workspace.marks import declaration_of
from core.workspace.results import LabelSummary, ModelSummary
from core.workspace.run_results import RunSummary

__all__ = ["WHILE_NOTHING_IS_OPEN", "ForwardingWorkspace"]

WHILE_NOTHING_IS_OPEN: Final[Mapping[str, Any]] = {
    "model": None,
    "sample_names": (),
    "sample_labels": (),
    "labelling": LabelSummary(),
    "compared": None,
    "run": None,
    "second_run": None,
}
"""What each property of a workspace is while nothing is open."""

P = ParamSpec("P")
Value = TypeVar("Value")


def _forwarded(
    declaration: Callable[Concatenate[WorkspaceInterface, P], Value],
) -> Callable[Concatenate[ForwardingWorkspace, P], Value]:
    """Return a method that hands on what is declared."""

    def method(workspace: ForwardingWorkspace, *arguments: P.args, **options: P.kwargs) -> Value:
        answer: Value = workspace._ask(declaration, *arguments, **options)
        return answer

    method.__name__, method.__doc__ = declaration.__name__, declaration.__doc__
    return method


class ForwardingWorkspace(ABC):
    """Implements :class:`core.workspace.interface.WorkspaceInterface`; whatever is asked goes to one method."""

    @abstractmethod
    def _ask(self, declaration: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Return the answer to what is declared.

        Args:
            declaration: The function that declares the method or property.
            arguments: What it is called with.
            options: Likewise, by name.
        """

    @property
    def model(self) -> ModelSummary | None:
        """The model that is open, or None."""
        model: ModelSummary | None = self._ask(declaration_of(WorkspaceInterface.model))
        return model

    @property
    def sample_names(self) -> tuple[str, ...]:
        """What each sample is called; empty if there are none yet."""
        names: tuple[str, ...] = self._ask(declaration_of(WorkspaceInterface.sample_names))
        return names

    @property
    def sample_labels(self) -> tuple[str, ...]:
        """The label of each sample by name; empty if unknown, or if the labels are true values."""
        labels: tuple[str, ...] = self._ask(declaration_of(WorkspaceInterface.sample_labels))
        return labels

    @property
    def labelling(self) -> LabelSummary:
        """What the labels of the samples are taken for, and which names the classes have."""
        labelling: LabelSummary = self._ask(declaration_of(WorkspaceInterface.labelling))
        return labelling

    @property
    def compared(self) -> ModelSummary | None:
        """The model that the open one is compared with, or None."""
        compared: ModelSummary | None = self._ask(declaration_of(WorkspaceInterface.compared))
        return compared

    @property
    def run(self) -> RunSummary | None:
        """The recorded training that is open, or None."""
        run: RunSummary | None = self._ask(declaration_of(WorkspaceInterface.run))
        return run

    @property
    def second_run(self) -> RunSummary | None:
        """The recorded training that the open one is set beside, or None."""
        second: RunSummary | None = self._ask(declaration_of(WorkspaceInterface.second_run))
        return second

    examples = _forwarded(WorkspaceInterface.examples)
    open_example = _forwarded(WorkspaceInterface.open_example)
    open_model = _forwarded(WorkspaceInterface.open_model)
    open_run = _forwarded(WorkspaceInterface.open_run)
    open_example_run = _forwarded(WorkspaceInterface.open_example_run)
    refresh_run = _forwarded(WorkspaceInterface.refresh_run)
    go_to_step = _forwarded(WorkspaceInterface.go_to_step)
    take_run_samples = _forwarded(WorkspaceInterface.take_run_samples)
    set_second_run = _forwarded(WorkspaceInterface.set_second_run)
    run_charts = _forwarded(WorkspaceInterface.run_charts)
    run_layer = _forwarded(WorkspaceInterface.run_layer)
    open_files = _forwarded(WorkspaceInterface.open_files)
    shown_models = _forwarded(WorkspaceInterface.shown_models)
    open_shown = _forwarded(WorkspaceInterface.open_shown)
    file_report = _forwarded(WorkspaceInterface.file_report)
    files_report = _forwarded(WorkspaceInterface.files_report)
    take_input_as = _forwarded(WorkspaceInterface.take_input_as)
    take_example_samples = _forwarded(WorkspaceInterface.take_example_samples)
    take_shown_samples = _forwarded(WorkspaceInterface.take_shown_samples)
    take_files = _forwarded(WorkspaceInterface.take_files)
    take_text = _forwarded(WorkspaceInterface.take_text)
    noise_sizes = _forwarded(WorkspaceInterface.noise_sizes)
    take_noise = _forwarded(WorkspaceInterface.take_noise)
    set_variants = _forwarded(WorkspaceInterface.set_variants)
    edit_view = _forwarded(WorkspaceInterface.edit_view)
    edited_layer = _forwarded(WorkspaceInterface.edited_layer)
    set_class_names = _forwarded(WorkspaceInterface.set_class_names)
    set_label_role = _forwarded(WorkspaceInterface.set_label_role)
    inputs = _forwarded(WorkspaceInterface.inputs)
    plan = _forwarded(WorkspaceInterface.plan)
    answer = _forwarded(WorkspaceInterface.answer)
    sample_rows = _forwarded(WorkspaceInterface.sample_rows)
    sample_strip = _forwarded(WorkspaceInterface.sample_strip)
    layers = _forwarded(WorkspaceInterface.layers)
    map = _forwarded(WorkspaceInterface.map)
    describe = _forwarded(WorkspaceInterface.describe)
    activation_summary = _forwarded(WorkspaceInterface.activation_summary)
    parts = _forwarded(WorkspaceInterface.parts)
    visualizers = _forwarded(WorkspaceInterface.visualizers)
    rejections = _forwarded(WorkspaceInterface.rejections)
    meanings = _forwarded(WorkspaceInterface.meanings)
    plugins = _forwarded(WorkspaceInterface.plugins)
    thumbnail = _forwarded(WorkspaceInterface.thumbnail)
    chart = _forwarded(WorkspaceInterface.chart)
    side_by_side = _forwarded(WorkspaceInterface.side_by_side)
    layer_view = _forwarded(WorkspaceInterface.layer_view)
    chart_file = _forwarded(WorkspaceInterface.chart_file)
    activation_file = _forwarded(WorkspaceInterface.activation_file)
    activations_file = _forwarded(WorkspaceInterface.activations_file)
    inputs_file = _forwarded(WorkspaceInterface.inputs_file)
    code = _forwarded(WorkspaceInterface.code)
    health = _forwarded(WorkspaceInterface.health)
    verify = _forwarded(WorkspaceInterface.verify)
    class_means = _forwarded(WorkspaceInterface.class_means)
    compare_with_example = _forwarded(WorkspaceInterface.compare_with_example)
    compare_with_model = _forwarded(WorkspaceInterface.compare_with_model)
    compare_with_files = _forwarded(WorkspaceInterface.compare_with_files)
    compare_with_shown = _forwarded(WorkspaceInterface.compare_with_shown)
    comparison = _forwarded(WorkspaceInterface.comparison)
    compare_samples = _forwarded(WorkspaceInterface.compare_samples)
    compared_layer = _forwarded(WorkspaceInterface.compared_layer)
    searchable_layers = _forwarded(WorkspaceInterface.searchable_layers)
    maximize = _forwarded(WorkspaceInterface.maximize)
    maximize_layer = _forwarded(WorkspaceInterface.maximize_layer)
    answer_to_drag = _forwarded(WorkspaceInterface.answer_to_drag)
    excited = _forwarded(WorkspaceInterface.excited)
    unit_card = _forwarded(WorkspaceInterface.unit_card)
    find_units = _forwarded(WorkspaceInterface.find_units)
