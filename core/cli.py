"""The ``layerscope`` command; ``python -m core`` is the same."""

from __future__ import annotations

import sys
from typing import Any

import click

from core.cli_extract import extract
from core.cli_inspect import inspect
from core.cli_models import chart, layers
from core.cli_plugins import plugins
from core.cli_run import run
from core.errors import LayerscopeError

__all__ = ["main"]


class _Commands(click.Group):
    """Says errors of ours in words, and ends with status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except LayerscopeError as error:
            click.echo(f"{error.message}\n{error.remedy}".rstrip(), err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Open any Keras model and see what every layer answers."""


for _command in (run, layers, extract, chart, inspect, plugins):
    main.add_command(_command)
