"""``layerscope plugins``: what is there, whether it is sound, why it does or does not suit, and a new one."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.cli.models import opened, with_input
from core.cli.plugin_checks import check

if TYPE_CHECKING:
    from core.workspace.interface import WorkspaceInterface

__all__ = ["plugins"]


@click.group()
def plugins() -> None:
    """Find, check, explain and start plugins."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write them as JSON.")
def list_plugins(as_json: bool) -> None:
    """List every plugin: where it comes from, whether it works, what it brings. Exit status 1 if one failed."""
    from core.plugins.registry import get_registry
    from core.workspace.visualizer_list import plugins as summaries

    found = summaries(get_registry())
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            whence = each.path or f"{each.package} {each.version}".strip()
            brought = [
                f"{picture.name} ({'panel' if picture.is_panel else picture.group})" for picture in each.visualizers
            ]
            brought += [f"{meaning.name} (output meaning)" for meaning in each.meanings]
            brought += [f"{reader.name} (input reader)" for reader in each.readers]
            brought += [f"{loader.name} (model loader)" for loader in each.loaders]
            seconds = f"{each.import_seconds:.2f} s"
            click.echo(f"{each.status:<12} {each.name:<28} {seconds:>7}  {whence:<28} {', '.join(brought)}".rstrip())
            for failure in each.failures:
                click.echo(f"             {failure.message}\n             {failure.remedy}", err=True)
            for notice in each.notices:
                click.echo(f"             {notice}", err=True)
    sys.exit(1 if any(each.status == "failed" for each in found) else 0)


plugins.add_command(check)


@plugins.command()
@click.argument("model")
@click.argument("layer", default="")
@click.option("--input", "given", default="", help="A file, or 'noise'; by default the example's samples, or noise.")
def explain(model: str, layer: str, given: str) -> None:
    """Say which pictures suit LAYER of MODEL, the best first, and why the others do not.

    Without LAYER: what each output of MODEL can mean, the likeliest first with its score, and why not something else.
    """
    workspace = opened(model)
    with_input(workspace, given)
    if layer:
        _explain_layer(workspace, layer)
    else:
        _explain_outputs(workspace)
    for plugin in workspace.plugins():
        if plugin.status != "ready":
            reasons = "; ".join(failure.message for failure in plugin.failures) or plugin.name
            click.echo(f"{plugin.status}: {reasons}")


def _explain_layer(workspace: WorkspaceInterface, layer: str) -> None:
    click.echo(workspace.describe(layer, 0))
    for each in workspace.visualizers(layer, 0):
        click.echo(f"yes  {each.title} ({each.name}): {each.description}")
    for rejection in workspace.rejections(layer, 0):
        click.echo(f"no   {rejection.title} {rejection.reason}")


def _explain_outputs(workspace: WorkspaceInterface) -> None:
    for output in (workspace.model and workspace.model.outputs) or ("",):
        click.echo(output or "The output")
        for each in workspace.meanings(0, output):
            if each.score is None:
                click.echo(f"no    {each.title} {each.reason}")
            else:
                click.echo(f"{each.score:.2f}  {each.title} ({each.name})")


@plugins.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to put it.")
@click.option(
    "--license",
    "license_id",
    default="MIT",
    show_default=True,
    metavar="SPDX",
    help="Under which licence others may use it: MIT, Apache-2.0 or BSD-3-Clause.",
)
@click.option("--author", default="", help="Who has the copyright; by default the authors of the package.")
def new(name: str, folder: Path, license_id: str, author: str) -> None:
    """Make a complete package for a plugin: one picture, its tests, a project file, a README, a licence, a workflow."""
    from core.plugins.package import new_package

    target = new_package(name, folder, license_id, author)
    click.echo(f"{target} is ready:\n  pip install -e '{target}[test]'\n  python -m pytest {target}\n  layerscope run")
