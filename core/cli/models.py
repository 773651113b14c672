"""``layerscope layers`` and ``chart``: a model, an input, and what its layers answer, without a page.

MODEL is a file, a SavedModel folder, or the name of an example. INPUT is a file as the page takes it (``.npy``,
``.npz``, images, CSV, text), ``examples`` for the samples of the example, or ``noise``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

import click

from core.cli.plugin_folders import FOLDERS
from core.cli.tables import columns
from core.common.text import did_you_mean
from core.errors import InputRejected, PluginFailed
from core.models.trust import add_to_environment

if TYPE_CHECKING:
    from core.charts.export import ChartFormat
    from core.examples.catalogue import Example
    from core.workspace.interface import WorkspaceInterface
    from core.workspace.results import ModelSummary

__all__ = [
    "CLASSES",
    "EARLY",
    "EXAMPLES",
    "NOISE",
    "TRUST",
    "WhichModel",
    "chart",
    "columns",
    "compare_with",
    "found",
    "layers",
    "open_source",
    "opened",
    "which_model",
    "with_input",
]

EXAMPLES = "examples"
NOISE = "noise"
EARLY = "early:"


CLASSES = click.option(
    "--classes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A list of the names of MODEL's classes: a text with one a line, JSON or CSV.",
)


TRUST = click.option(
    "--trust",
    "trusted",
    multiple=True,
    metavar="NAME",
    help="A module (keras_hub) or file (my_layers.py) whose classes MODEL may use, or 'lambda' for code that it holds "
    "itself; several times for several. The model runs in a process without network and files then.",
)


class WhichModel(TypedDict):
    """What the options of :func:`which_model` say."""

    weights: str | None
    member: str
    trusted: Sequence[str]


def which_model(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which model is meant, and what it may use: ``weights``, ``member`` and ``trusted``."""
    weights = click.option(
        "--weights",
        type=click.Path(exists=True, dir_okay=False),
        help="Weights, where MODEL is an architecture (.json).",
    )
    member = click.option("--member", default="", help="Path of the one that is meant, where MODEL holds several.")
    return weights(member(TRUST(command)))


def opened(
    model: str,
    classes: Path | None = None,
    *,
    weights: str | None = None,
    member: str = "",
    trusted: Sequence[str] = (),
) -> WorkspaceInterface:
    """Return a workspace with a model open: a file, a folder, or an example by name.

    Args:
        model: The file, folder or name.
        classes: A list of the names of its classes; None leaves those that it has.
        weights: Path of the weights, where the file is an architecture alone.
        member: Path of the one that is meant, where a file or folder holds several.
        trusted: Names of modules and files whose code it may use, in a confined process then.

    Raises:
        InputRejected: If there is no such file and no such example, or what is trusted is not there.
        ModelRefused: If it cannot be opened.
    """
    from core.inputs.class_names import parse_class_names
    from core.models.trust import get_trust
    from core.workspace.workspace import Workspace

    add_to_environment(trusted)
    workspace = confined_workspace() if get_trust() else Workspace()
    open_source(workspace, found(model), member=member, weights=weights or "")
    if classes is not None:
        workspace.set_class_names(parse_class_names(classes.read_bytes(), classes.name))
        if workspace.labelling.names_note:
            raise InputRejected(workspace.labelling.names_note, remedy="Give a list with a name for each output.")
    return workspace


def open_source(
    workspace: WorkspaceInterface, source: Example | Path, *, member: str = "", weights: str = ""
) -> ModelSummary:
    """Open what :func:`found` found.

    Args:
        workspace: Where it is opened.
        source: An example, or the path of a file or folder.
        member: As for :func:`opened`.
        weights: Likewise.

    Raises:
        ModelRefused: If it cannot be opened.
    """
    if isinstance(source, Path):
        return workspace.open_model(source, member=member, weights=weights)
    return workspace.open_example(source.name)


def compare_with(workspace: WorkspaceInterface, other: str) -> ModelSummary:
    """Take a second model to compare the open one with.

    Args:
        workspace: With a model open.
        other: A file, the name of an example, or ``early:`` and that for the example early in its training.

    Raises:
        InputRejected: If there is no such file and no such example.
        ModelRefused: If it cannot be opened.
    """
    if other.startswith(EARLY):
        return workspace.compare_with_example(other.removeprefix(EARLY), early=True)
    source = found(other)
    if isinstance(source, Path):
        return workspace.compare_with_model(source)
    return workspace.compare_with_example(source.name)


def confined_workspace() -> WorkspaceInterface:
    """Return a workspace whose models run in a process without network and files, as those of the page do."""
    from core.common.limits import get_limits
    from core.workspace.workers.pool import WorkerPool
    from core.workspace.workers.remote import RemoteWorkspace

    # The one who types a path may read it; for one worker none is kept ready.
    limits = get_limits().model_copy(update={"workers": 1, "paths": True})
    return RemoteWorkspace(WorkerPool(limits))


def found(model: str) -> Example | Path:
    """Return the example of a name, or the path of a file or folder.

    Raises:
        InputRejected: If there is no such file and no such example.
    """
    from core.examples.catalogue import list_examples

    examples = {example.name: example for example in list_examples()}
    if model in examples:
        return examples[model]
    if not Path(model).exists():
        raise InputRejected(
            f"There is no file {model!r}, and no example of that name{did_you_mean(model, examples)}",
            remedy=f"The examples are: {', '.join(examples)}.",
        )
    return Path(model)


def with_input(
    workspace: WorkspaceInterface, given: str, count: int = 1, labels: Path | None = None, scaling: str = ""
) -> None:
    """Give the open model an input.

    Args:
        workspace: With a model open.
        given: A file, a folder of pictures or sounds, ``"examples"`` or ``"noise"``; empty takes the example's samples
            if there are some.
        count: How many samples of noise.
        labels: A file with the labels of the samples; None takes those that come with them.
        scaling: How pixels become numbers, those of arrays too, a key of :data:`core.inputs.images.SCALINGS`; empty
            takes what suits the model, and leaves arrays as they are.

    Raises:
        InputRejected: If it does not fit the model.
    """
    if labels is not None and given in ("", NOISE, EXAMPLES):
        raise InputRejected("There are labels and no data that they are for.", remedy="Give the data, too.")
    if not given and workspace.sample_names:
        return
    if given == EXAMPLES:
        workspace.take_example_samples()
    elif given in ("", NOISE):
        workspace.take_noise(count, seed=0)
    else:
        from core.inputs.data_paths import data_files
        from core.inputs.label_files import with_labels

        model = workspace.model
        assert model is not None
        path = Path(given)
        if not path.exists():
            raise InputRejected(
                f"There is no file {given!r}.",
                remedy=f"Give a file or folder, {NOISE!r}, or {EXAMPLES!r} for an example's own.",
            )
        files, name = data_files(path), model.inputs[0].name
        if labels is not None:
            files = with_labels(files, labels, name)
        workspace.take_files(
            {name: files},
            scaling=scaling or model.suggested_scaling,
            fit="stretch",
            invert=False,
            scale_arrays=bool(scaling),
        )


@click.command()
@click.argument("model")
@click.option("--input", "given", default="", help="A file, or 'noise'; by default the example's samples, or noise.")
@click.option("--json", "as_json", is_flag=True, help="Write them as JSON.")
@which_model
def layers(model: str, given: str, as_json: bool, **which: Unpack[WhichModel]) -> None:
    """List the layers of MODEL in call order: key, type, shape, parameters, and what is worth a look."""
    workspace = opened(model, **which)
    with_input(workspace, given)
    rows = workspace.layers(0)
    if as_json:
        wanted = ("key", "type_name", "shape", "parameter_count", "notes", "missing")
        click.echo(json.dumps([{name: getattr(row, name) for name in wanted} for row in rows], indent=2))
        return
    table = [("layer", "type", "shape", "params", "notes")]
    table += [
        ("  " * row.depth + row.key, row.type_name, row.shape, f"{row.parameter_count:,}", ", ".join(row.notes))
        for row in rows
    ]
    click.echo(columns(table, right={3}))


@click.command()
@click.argument("model")
@click.argument("given", metavar="INPUT")
@click.argument("layer")
@click.argument("visualizer")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="By its ending: PNG, SVG, HTML or Vega-Lite JSON.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the picture; several times for several.",
)
@click.option("--sample", default=0, show_default=True, help="Which sample.")
@CLASSES
@FOLDERS
@which_model
def chart(  # noqa: PLR0913 - a command's parameters are its options
    model: str,
    given: str,
    layer: str,
    visualizer: str,
    output: Path,
    options: Sequence[str],
    sample: int,
    classes: Path | None,
    folders: Sequence[Path],
    **which: Unpack[WhichModel],
) -> None:
    """Draw LAYER of MODEL with VISUALIZER, as it answers INPUT, into a file."""
    from core.charts.export import CHART_FORMATS

    kind = output.suffix.removeprefix(".").lower()
    if kind not in CHART_FORMATS:
        raise click.BadParameter(
            f"it must end in {', '.join(f'.{ending}' for ending in CHART_FORMATS)}", param_hint="--output"
        )
    values = dict(map(_option, options))
    workspace = opened(model, classes, **which)
    with_input(workspace, given, sample + 1)
    result = workspace.chart(layer, visualizer, values, sample)
    if result.failure:
        raise PluginFailed(result.failure.message, plugin=visualizer, remedy=result.failure.remedy)
    for note in (*result.notes, *result.faults.values()):
        click.echo(note, err=True)
    output.write_bytes(workspace.chart_file(layer, visualizer, values, sample, cast("ChartFormat", kind)))
    click.echo(str(output))


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--option")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
