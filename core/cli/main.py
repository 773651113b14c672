"""The ``layerscope`` command; ``python -m core`` is the same."""

from __future__ import annotations

import platform
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from core.cli.extract import extract
from core.cli.inspect import inspect
from core.cli.mcp import mcp
from core.cli.models import chart, layers
from core.cli.output import open_ended_output
from core.cli.plugins import plugins
from core.cli.record import record
from core.cli.report import report
from core.cli.run import run
from core.cli.verify import verify
from core.common.versions import installed_files, installed_version
from core.errors import LayerscopeError
from core.workspace.quiet import silence_libraries

__all__ = ["main"]

_FIRST_GUIDE = "plugins.md"
_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


class _Commands(click.Group):
    """Says errors in words, in a line or two without a traceback, and ends with status 1; 2 for a wrong option."""

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line."""
        with open_ended_output():
            return super().main(*args, **settings)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write at the end of the help where the guides are."""
        if guides := _guides():
            formatter.write(f"\nThe guides, for plugin authors too: {guides}\n")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options that stand before the name of a command."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _in_one_line(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _in_one_line(error) from error
        except LayerscopeError as error:
            click.echo(f"{error.message}\n{error.remedy}".rstrip(), err=True)
            sys.exit(1)
        except OSError as error:
            if not error.filename:
                raise
            click.echo(f"{error.filename}: {error.strerror}.", err=True)
            sys.exit(1)


def _in_one_line(error: click.UsageError) -> click.UsageError:
    # The help of a command that was called without anything is an error of that name in some versions of click.
    if error.ctx is None or type(error).__name__ == "NoArgsIsHelpError":
        return error
    return click.UsageError(f"{error.format_message().rstrip('.')}. See {error.ctx.command_path} --help.")


def _print_version(ctx: click.Context, option: click.Parameter, is_wanted: bool) -> None:
    if not is_wanted or ctx.resilient_parsing:
        return
    versions = [
        f"{title} {metadata.version(name)}" for title, name in (("Keras", "keras"), ("TensorFlow", "tensorflow"))
    ]
    click.echo(", ".join([f"layerscope {_version()}", *versions, f"Python {platform.python_version()}"]))
    ctx.exit()


def _version() -> str:
    # A checkout that was not installed says it in its own file.
    return installed_version("layerscope") or str(
        tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    )


def _guides() -> Path | None:
    """Return the folder of the guides: of the checkout, or as they came with the package."""
    if (own := _PROJECT.with_name("docs") / _FIRST_GUIDE).is_file():
        return own.parent
    return next((path.parent for path in installed_files("layerscope", f"docs/{_FIRST_GUIDE}")), None)


def _silence(ctx: click.Context, option: click.Parameter, is_verbose: bool) -> None:
    if not is_verbose and not ctx.find_root().params.get("verbose"):
        silence_libraries()


_VERBOSE = "Show what TensorFlow and Keras log, too."


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Say the versions of Layerscope and of what it runs on.",
)
@click.option("-v", "--verbose", is_flag=True, help=_VERBOSE)
def main(verbose: bool) -> None:
    """Open any Keras model and see what every layer answers."""


def _with_verbose(command: click.Command) -> None:
    """Let a command take the option behind its own name too, where most people write it."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _with_verbose(each)
        return
    command.params.append(
        click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, callback=_silence, help=_VERBOSE)
    )


for _command in (run, record, layers, extract, chart, report, verify, inspect, plugins, mcp):
    _with_verbose(_command)
    main.add_command(_command)
