"""``layerscope mcp``: an agent asks a model by the Model Context Protocol."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from core.cli.models import TRUST
from core.errors import LayerscopeError
from core.models.trust import add_to_environment

__all__ = ["mcp"]


@click.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    help="The folder whose files may be read, with all that is in it; by default the one that this is started in.",
)
@TRUST
def mcp(root: Path, trusted: Sequence[str]) -> None:
    """Let an agent ask about models: a server of the Model Context Protocol, over standard input and output.

    It opens models, lists layers, runs data, and answers with numbers, findings and charts (PNG). Each model runs in a
    process without network and files. Nothing is written, and no file outside of the folder is read. It ends when
    standard input does.

    Needs the package mcp: pip install 'layerscope[mcp]'.
    """
    if importlib.util.find_spec("mcp") is None:
        raise LayerscopeError(
            "The package mcp is not installed, which speaks the protocol.",
            remedy="Install it: pip install 'layerscope[mcp]', or pip install 'mcp>=2.3,<3' in a checkout.",
        )
    add_to_environment(trusted)
    from core.cli.mcp_tools.server import serve

    if sys.stdin.isatty():
        click.echo(
            "Waiting for an agent, which starts this command itself: add it to the agent's configuration, with "
            f"{root.resolve()} as --root. Ctrl-C ends it.",
            err=True,
        )
    serve(root)
