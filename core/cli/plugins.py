"""``layerscope plugins``: what is there, whether it is sound, why it does or does not suit, and a new one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from core.cli.models import opened, with_input
from core.cli.plugin_checks import check
from core.cli.plugin_folders import FOLDERS
from core.cli.prints import Prints
from core.cli.tables import columns

if TYPE_CHECKING:
    from core.workspace.interface import WorkspaceInterface
    from core.workspace.results import PluginSummary

__all__ = ["plugins"]

_SOURCES: Final = ("file", "registered", "package", "built-in")
"""Where plugins come from, one's own first."""
_SAMPLES: Final = 16
"""Of noise: pictures that compare samples need some."""


@click.group()
def plugins() -> None:
    """Find, check, explain and start plugins."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write them as JSON.")
@FOLDERS
def list_plugins(as_json: bool, folders: Sequence[Path]) -> None:
    """List every plugin, yours first: whether it works, from where it is, what it brings.

    Exit status 1 if one failed.
    """
    from core.plugins.registry import get_registry
    from core.workspace.visualizer_list import plugins as summaries

    prints = Prints()
    with prints.of("plugins"):
        registry = get_registry()
    listed = sorted(summaries(registry), key=lambda each: _SOURCES.index(each.source))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in listed], indent=2))
    else:
        table = [("status", "plugin", "import", "from", "brings"), *map(_row, listed)]
        heading, *lines = columns(table, right={2}).split("\n")
        click.echo(heading)
        for each, line in zip(listed, lines, strict=True):
            click.echo(line)
            for failure in each.failures:
                click.echo(f"             {failure.message}\n             {failure.remedy}", err=True)
            for notice in each.notices:
                click.echo(f"             {notice}", err=True)
    prints.tell()
    sys.exit(1 if any(each.status == "failed" for each in listed) else 0)


def _row(plugin: PluginSummary) -> tuple[str, ...]:
    brought = [f"{picture.name} ({'panel' if picture.is_panel else picture.group})" for picture in plugin.visualizers]
    brought += [f"{meaning.name} (output meaning)" for meaning in plugin.meanings]
    brought += [f"{reader.name} (input reader)" for reader in plugin.readers]
    brought += [f"{loader.name} (model loader)" for loader in plugin.loaders]
    whence = plugin.path or f"{plugin.package} {plugin.version}".strip()
    return plugin.status, plugin.name, f"{plugin.import_seconds:.2f} s", whence, ", ".join(brought)


plugins.add_command(check)


@plugins.command()
@click.argument("model")
@click.argument("layer", default="")
@click.option("--input", "given", default="", help="A file, or 'noise'; by default the example's samples, or noise.")
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
@FOLDERS
def explain(model: str, layer: str, given: str, as_json: bool, folders: Sequence[Path]) -> None:
    """Say which pictures suit LAYER of MODEL, the best first, and why the others do not.

    Without LAYER: what each output of MODEL can mean, the likeliest first with its score, and why not something else.
    """
    prints = Prints()
    with prints.of("plugins"):
        workspace = opened(model)
        with_input(workspace, given, _SAMPLES)
        explained = _explained_layer(workspace, layer) if layer else _explained_outputs(workspace)
        explained["plugins"] = [
            {"name": each.name, "status": each.status, "reasons": [failure.message for failure in each.failures]}
            for each in workspace.plugins()
            if each.status != "ready"
        ]
    prints.tell()
    if as_json:
        click.echo(json.dumps(explained, indent=2))
        return
    for line in _layer_lines(explained) if layer else _output_lines(explained):
        click.echo(line)
    for each in explained["plugins"]:
        click.echo(f"{each['status']}: {'; '.join(each['reasons']) or each['name']}")


def _explained_layer(workspace: WorkspaceInterface, layer: str) -> dict[str, Any]:
    return {
        "layer": layer,
        "description": workspace.describe(layer, 0),
        "suits": [
            {"name": each.name, "title": each.title, "description": each.description}
            for each in workspace.visualizers(layer, 0)
        ],
        "does_not_suit": [
            {"name": each.name, "title": each.title, "reason": each.reason} for each in workspace.rejections(layer, 0)
        ],
    }


def _layer_lines(explained: Mapping[str, Any]) -> Iterator[str]:
    yield explained["description"]
    for each in explained["suits"]:
        yield f"yes  {each['title']} ({each['name']}): {each['description']}"
    for each in explained["does_not_suit"]:
        yield f"no   {each['title']} {each['reason']}"


def _explained_outputs(workspace: WorkspaceInterface) -> dict[str, Any]:
    wanted = ("name", "title", "score", "reason")
    outputs = (workspace.model and workspace.model.outputs) or ("",)
    return {
        "outputs": [
            {
                "output": output,
                "meanings": [{name: getattr(each, name) for name in wanted} for each in workspace.meanings(0, output)],
            }
            for output in outputs
        ]
    }


def _output_lines(explained: Mapping[str, Any]) -> Iterator[str]:
    for output in explained["outputs"]:
        yield output["output"] or "The output"
        for each in output["meanings"]:
            if each["score"] is None:
                yield f"no    {each['title']} {each['reason']}"
            else:
                yield f"{each['score']:.2f}  {each['title']} ({each['name']})"


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
