"""``layerscope plugins check``: what a plugin brings, checked by itself, in as few lines as its author needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from core.cli.plugin_folders import FOLDERS
from core.cli.prints import Prints
from core.common.text import count_text

if TYPE_CHECKING:
    from core.plugins.registry import Registry
    from core.plugins.testing import CheckResult
    from core.plugins.visualizer import Visualizer

__all__ = ["check"]

_KINDS: Final = ("picture", "meaning", "reader", "loader")


class _Checked(NamedTuple):
    """Something that a plugin brought, with how its checks ended and the names of all of them."""

    kind: str
    name: str
    results: Sequence[CheckResult]
    names: Sequence[str]

    @property
    def is_failed(self) -> bool:
        return not all(result.passed for result in self.results)


@click.command()
@click.argument("what", metavar="[PATH|PACKAGE]", default="")
@click.option("--traceback", "with_traceback", is_flag=True, help="Show all of what was raised, not its line alone.")
@FOLDERS
def check(what: str, with_traceback: bool, folders: Sequence[Path]) -> None:
    """Load a file, the files of a folder, or an installed package by itself, and check what it brings.

    Failures that are the same are one line: the line of yours that led to it, in how many cases, and one of them. What
    was not reached, since nothing was drawn, is not said to have passed. A sound picture is drawn 200 times more, to
    see whether memory grows with each. What your plugin prints, and Keras for it, is told at the end on standard error.

    With --plugins FOLDER, PATH may be a file in it by name; without PATH all of it is checked.

    Before the last line stands what a package needs to be listed in the directory of plugins, and which of it is there.

    Exit status 1 if anything fails; what a directory needs is no failure.
    """
    if not what and not folders:
        raise click.UsageError("Say what is to be checked: a file, a folder, or a package")
    prints = Prints()
    registry = _registry_of(_paths(what, folders), prints)
    for plugin in registry.plugins:
        for notice in plugin.notices:
            click.echo(f"note    {plugin.name}: {notice}")
        _tell_problems(plugin, with_traceback)
    checked = []
    for kind, name, run, names in _checks(registry):
        with prints.of(name):
            checked.append(_Checked(kind, name, run(), names))
        _tell(checked[-1], with_traceback)
    prints.tell()
    broken = [plugin for plugin in registry.plugins if plugin.problems]
    if not registry.plugins or not (checked or broken):
        click.echo(f"FAILED  {what or ', '.join(map(str, folders))}: there is no plugin in it")
        sys.exit(1)
    _tell_what_the_directory_needs(what or str(folders[0]))
    click.echo(f"\n{_outcome(checked, len(broken), len(registry.plugins))}")
    sys.exit(1 if broken or any(each.is_failed for each in checked) else 0)


def _checks(registry: Registry) -> list[tuple[str, str, Callable[[], Sequence[CheckResult]], Sequence[str]]]:
    """Return what is to be checked: kind, name, what checks it, and the names of its checks."""
    from functools import partial

    from core.plugins.testing import (
        LOADER_CHECKS,
        READER_CHECKS,
        run_loader_checks,
        run_meaning_checks,
        run_reader_checks,
    )
    from core.plugins.testing.checks import checks_of
    from core.plugins.testing.meaning_checks import MEANING_CHECKS
    from core.plugins.testing.memory import MEMORY

    pictures, meanings, readers = (*registry.visualizers, *registry.panels), registry.meanings.all, registry.readers.all
    return [
        *(("picture", each.name, partial(_picture_results, each), (*checks_of(each), MEMORY)) for each in pictures),
        *(("meaning", each.name, partial(run_meaning_checks, each), MEANING_CHECKS) for each in meanings),
        *(("reader", each.name, partial(run_reader_checks, each), tuple(READER_CHECKS)) for each in readers),
        *(
            ("loader", each.name, partial(run_loader_checks, each), tuple(LOADER_CHECKS))
            for each in registry.loaders.all
        ),
    ]


def _picture_results(picture: Visualizer) -> Sequence[CheckResult]:
    from core.plugins.testing import run_checks, run_memory_check

    results = run_checks(picture)
    is_sound = all(result.passed for result in results)
    return (*results, run_memory_check(picture)) if is_sound else results


def _tell_problems(plugin: Any, with_traceback: bool) -> None:
    from core.plugins.testing.results import whereabouts

    for problem in plugin.problems:
        click.echo(f"FAILED  {plugin.name}: {whereabouts(problem)}")
        if with_traceback:
            _tell_traceback(problem.traceback)


def _tell(checked: _Checked, with_traceback: bool) -> None:
    from core.plugins.testing.results import equal_failures

    for group in equal_failures(checked.results):
        click.echo(f"FAILED  {checked.name}: {group.in_words()}")
        if with_traceback:
            _tell_traceback(group.example.traceback)
    if passed := [result.name for result in checked.results if result.passed]:
        click.echo(f"passed  {checked.name}: {', '.join(passed)}")
    reached = {result.name for result in checked.results}
    if missed := [name for name in checked.names if name not in reached]:
        click.echo(f"not reached  {checked.name}: {', '.join(missed)}{_why_missed(checked)}")


def _why_missed(checked: _Checked) -> str:
    if checked.is_failed or any(result.name == "draws" for result in checked.results):
        return ""
    of_yours: Mapping[str, str] = {
        "meaning": "; give outputs of yours in a test: check_meaning(meaning, output)",
        "loader": "; give files of yours in a test: check_loader(loader, path)",
        "reader": "; give files of yours in a test: check_reader(reader, (file, spec))",
    }
    return of_yours.get(checked.kind, "")


def _tell_traceback(text: str) -> None:
    for line in text.rstrip().splitlines():
        click.echo(f"        {line}")


def _outcome(checked: Sequence[_Checked], broken: int, plugins: int) -> str:
    """Return the last line: of each kind of thing how many failed, or that all passed."""
    parts = [f"{broken} of {count_text(plugins, 'plugin')} could not be used as it is"] if broken else []
    for kind in _KINDS:
        of_kind = [each for each in checked if each.kind == kind]
        failed = sum(each.is_failed for each in of_kind)
        if of_kind:
            count = count_text(len(of_kind), kind)
            parts.append(f"{failed} of {count} failed" if failed else f"{count} passed")
    return ", ".join(parts)


def _tell_what_the_directory_needs(what: str) -> None:
    from core.plugins.directory_needs import needs_of

    needs = needs_of(what)
    if not needs:
        click.echo(
            "note    only a package can be listed in the directory of plugins: layerscope plugins new NAME makes one"
        )
        return
    count = sum(need.is_there for need in needs)
    click.echo(
        f"\nTo be listed in the directory of plugins (docs/plugin-directory.md), {count} of {len(needs)} are there:"
    )
    for need in needs:
        click.echo(f"{'there' if need.is_there else 'missing':<7} {need.name}: {need.words}")


def _paths(what: str, folders: Sequence[Path]) -> list[str]:
    """Return what is to be loaded: what was named, where it is a file of a folder that; without it all folders."""
    if not what:
        return [str(folder) for folder in folders]
    inside = (folder / name for folder in folders for name in (what, f"{what}.py"))
    return [next((str(path) for path in inside if path.is_file()), what)]


def _registry_of(paths: Sequence[str], prints: Prints) -> Registry:
    """Return a registry that knows nothing but files, the files of folders, or an installed package."""
    from core.plugins.registry import Registry
    from core.plugins.sources import plugin_files

    registry = Registry(discover=False)
    for name in paths:
        path = Path(name)
        is_file = path.suffix == ".py" or path.is_file()
        for file in plugin_files(path) if path.is_dir() else (path,) if is_file else ():
            with prints.of(file.name):
                registry.load_file(file)
        if not path.is_dir() and not is_file:
            with prints.of(name):
                registry.load_package(name)
    return registry
