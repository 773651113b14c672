"""``layerscope report``: one HTML file on a model, and a judgement of it for jobs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from core.cli.models import CLASSES, EXAMPLES, NOISE, WhichModel, compare_with, opened, which_model, with_input
from core.errors import InputRejected

if TYPE_CHECKING:
    from core.report.choices import UnitOfLayer
    from core.report.conditions import Condition

__all__ = ["report"]

_NOISE_SAMPLES = 16


@click.command()
@click.argument("model")
@click.argument("data", default="")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="report.html",
    show_default=True,
    help="Where the page goes.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The labels of DATA, where it brings none: .npy, a text with one a line, or for pictures a table.",
)
@click.option("--compare", "other", default="", help="A second model: a file, an example, or early:EXAMPLE.")
@click.option("--layer", "--layers", "layers", multiple=True, help="Key of a layer; several times for several.")
@click.option("--unit", "--units", "units", multiple=True, metavar="LAYER:NUMBER", help="A unit; likewise.")
@click.option("--sample", "--samples", "samples", multiple=True, type=click.IntRange(0), help="A sample; likewise.")
@click.option("--picture", "--pictures", "pictures", multiple=True, help="A picture to draw of each layer; likewise.")
@click.option("--title", default="", help="What the report is called.")
@click.option("--note", default="", help="What you say of it; stands at its beginning.")
@click.option(
    "--fail-on",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Such as 'dead>20%', nan, 'drift>3', 'accuracy<0.9': the exit status is 1 then; several times for several.",
)
@click.option("--json", "with_json", is_flag=True, help="Write the numbers beside it, as with --fail-on.")
@CLASSES
@which_model
def report(  # noqa: PLR0913 - a command's parameters are its options
    model: str,
    data: str,
    output: Path,
    labels: Path | None,
    other: str,
    layers: Sequence[str],
    units: Sequence[str],
    samples: Sequence[int],
    pictures: Sequence[str],
    title: str,
    note: str,
    conditions: Sequence[str],
    with_json: bool,
    classes: Path | None,
    **which: Unpack[WhichModel],
) -> None:
    """Write one HTML file that says what MODEL is, what it answers to DATA, and how healthy its layers are.

    DATA is a file as the page takes it (.npy, .npz, an image, CSV, text), a folder of pictures or sounds, 'examples' or
    'noise'; by default the example's samples, or noise. Which layers, units and samples are shown is chosen where you
    do not say. The file is opened without a server and asks nothing of the network.

    The exit status is 0, or 1 if a condition of --fail-on came true or could not be checked, or if a file is refused.
    """
    from core.charts.altair_shortcuts import make_charts_only
    from core.report.choices import ReportChoices
    from core.report.writing import check_target, write_report

    judged = [_condition(text) for text in conditions]
    check_target(output)
    choices = ReportChoices(
        layers, [_unit(text) for text in units], samples, pictures, title=title, note=note, data=_name_of(data)
    )
    # This process makes charts and nothing else, as a worker does.
    make_charts_only()
    workspace = opened(model, classes, **which)
    with_input(workspace, data, _NOISE_SAMPLES, labels)
    if other:
        compare_with(workspace, other)
    written = write_report(workspace, output, choices, conditions=judged, with_json=with_json)
    beside = f", {written.json_path}" if written.json_path else ""
    click.echo(f"{written.path}{beside}")
    for line in written.failures:
        click.echo(line, err=True)
    sys.exit(0 if written.passed else 1)


def _condition(text: str) -> Condition:
    from core.report.conditions import parse_condition

    try:
        return parse_condition(text)
    except InputRejected as error:
        raise click.BadParameter(str(error), param_hint="--fail-on") from error


def _unit(text: str) -> UnitOfLayer:
    from core.report.choices import parse_unit

    try:
        return parse_unit(text)
    except InputRejected as error:
        raise click.BadParameter(str(error), param_hint="--unit") from error


def _name_of(data: str) -> str:
    return "" if data in ("", EXAMPLES, NOISE) else Path(data).name
