"""``layerscope plugins``: what is there, whether it is sound, why it does or does not suit a layer, and a new one."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.cli.models import opened, with_input

if TYPE_CHECKING:
    from core.plugins.registry import Registry
    from core.plugins.visualizer import Visualizer

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

    installed = summaries(get_registry())
    if as_json:
        click.echo(json.dumps([asdict(plugin) for plugin in installed], indent=2))
    else:
        for plugin in installed:
            whence = plugin.path or f"{plugin.package} {plugin.version}".strip()
            visualizers = ", ".join(visualizer.name for visualizer in plugin.visualizers)
            seconds = f"{plugin.import_seconds:.2f} s"
            click.echo(f"{plugin.status:<12} {plugin.name:<28} {seconds:>7}  {whence:<28} {visualizers}".rstrip())
            for failure in plugin.failures:
                click.echo(f"             {failure.message}\n             {failure.remedy}", err=True)
            for notice in plugin.notices:
                click.echo(f"             {notice}", err=True)
    sys.exit(1 if any(plugin.status == "failed" for plugin in installed) else 0)


@plugins.command()
@click.argument("what", metavar="PATH|PACKAGE")
def check(what: str) -> None:
    """Load a file, the files of a folder, or an installed package by itself, and check each picture that it brings.

    Exit status 1 if anything fails.
    """
    from core.plugins.registry import Registry

    registry = Registry(discover=False)
    _load(registry, what)
    for plugin in registry.plugins:
        for notice in plugin.notices:
            click.echo(f"note    {plugin.name}: {notice}")
        for problem in plugin.problems:
            click.echo(f"FAILED  {plugin.name}: {problem.in_words}")
    failures = len(registry.problems) + sum(_failed_checks(visualizer) for visualizer in registry.visualizers)
    if not registry.plugins or not (registry.visualizers or failures):
        click.echo(f"FAILED  {what}: there is no plugin in it")
        failures = 1
    sys.exit(1 if failures else 0)


def _load(registry: Registry, what: str) -> None:
    from core.plugins.sources import plugin_files

    path = Path(what)
    if path.is_dir():
        for file in plugin_files(path):
            registry.load_file(file)
    elif path.suffix == ".py" or path.is_file():
        registry.load_file(path)
    else:
        registry.load_package(what)


def _failed_checks(visualizer: Visualizer) -> int:
    """Check a visualizer, write what came of it, and return how many checks failed."""
    from core.plugins.testing import run_checks

    results = run_checks(visualizer)
    failed = [result for result in results if not result.passed]
    for result in failed:
        click.echo(f"FAILED  {visualizer.name}: {result.in_words()}")
    passed = [result.name for result in results if result.passed]
    click.echo(f"passed  {visualizer.name}: {', '.join(passed)}")
    return len(failed)


@plugins.command()
@click.argument("model")
@click.argument("layer")
@click.option("--input", "samples", default="", help="A file, or 'noise'; by default the example's samples, or noise.")
def explain(model: str, layer: str, samples: str) -> None:
    """Say which pictures suit LAYER of MODEL, the best first, and why the others do not."""
    workspace = opened(model)
    with_input(workspace, samples)
    click.echo(workspace.describe(layer, 0))
    for visualizer in workspace.visualizers(layer, 0):
        click.echo(f"yes  {visualizer.title} ({visualizer.name}): {visualizer.description}")
    for rejection in workspace.rejections(layer, 0):
        click.echo(f"no   {rejection.title} {rejection.reason}")
    for plugin in workspace.plugins():
        if plugin.status != "ready":
            reasons = "; ".join(failure.message for failure in plugin.failures) or plugin.name
            click.echo(f"{plugin.status}: {reasons}")


@plugins.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to put it.")
def new(name: str, folder: Path) -> None:
    """Make a complete package for a plugin: one picture, its test, a project file and a README."""
    from core.plugins.package import new_package

    target = new_package(name, folder)
    click.echo(f"{target} is ready:\n  pip install -e '{target}[test]'\n  python -m pytest {target}\n  layerscope run")
