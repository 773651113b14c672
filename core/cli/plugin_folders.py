"""The option ``--plugins`` of commands: folders whose files are plugins, beside those that the environment names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

__all__ = ["FOLDERS"]


def _add_to_environment(ctx: click.Context, option: click.Parameter, folders: Sequence[Path]) -> Sequence[Path]:
    if folders:
        from core.plugins.sources import add_folders_to_environment

        add_folders_to_environment(map(str, folders))
    return folders


FOLDERS: Final = click.option(
    "--plugins",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    callback=_add_to_environment,
    help="A folder whose files are plugins; several times for several.",
)
