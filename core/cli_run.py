"""``layerscope run``: opens the app, from a checkout or from an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from core.cli_models import TRUST
from core.errors import InputRejected
from core.trust import add_to_environment

__all__ = ["run"]

_CODE = Path(__file__).resolve().parents[1]
_SETTINGS = "config.toml"


@click.command()
@click.option("--port", default=8501, show_default=True, help="Port on this machine.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--plugins", "folders", multiple=True, type=click.Path(path_type=Path), help="A folder whose files are plugins."
)
@click.option("--no-plugins", is_flag=True, help="Load no plugins but those that ship with Layerscope.")
@click.option("--in-process", is_flag=True, help="Run models in the page's own process, for files that you trust.")
@TRUST
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def run(
    port: int,
    address: str,
    folders: tuple[Path, ...],
    no_plugins: bool,
    in_process: bool,
    trusted: tuple[str, ...],
    headless: bool,
) -> None:
    """Open the app in the browser.

    Others reach it with --address 0.0.0.0: paths on this machine are then not opened, and nobody is offered to trust
    code in the page.
    """
    add_to_environment(trusted)
    app = _CODE / "streamlit_app.py"
    if not app.is_file():
        raise InputRejected(f"{app.name} is not installed.", remedy="Install Layerscope again.")
    command = [sys.executable, "-m", "streamlit", "run", str(app)]
    command += ["--server.port", str(port), "--server.address", address, "--server.headless", str(headless).lower()]
    command += [part for name, value in _settings() for part in (f"--{name}", value)]
    command += ["--", *(f"--plugins={folder.absolute()}" for folder in folders)]
    command += [flag for flag, given in (("--no-plugins", no_plugins), ("--in-process", in_process)) if given]
    # The process becomes the server where it can, so that whoever ends it ends the server.
    if os.name == "posix":
        os.execv(sys.executable, command)
    sys.exit(subprocess.call(command))


def _settings() -> Iterator[tuple[str, str]]:
    """Yield what the project's Streamlit settings say, which Streamlit itself finds only beside where it is started."""
    places = (_CODE / ".streamlit" / _SETTINGS, *_installed_settings())
    found = next((path for path in places if path.is_file()), None)
    if found:
        yield from _flat(tomllib.loads(found.read_text(encoding="utf-8")), "")


def _installed_settings() -> list[Path]:
    # Asked of the package, since where its data went depends on how it was installed: for all, for a user, elsewhere.
    try:
        files = metadata.files("layerscope") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name == _SETTINGS]


def _flat(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else str(value)
