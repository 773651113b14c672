"""``layerscope run``: opens the app, from a checkout or from an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from core.cli.models import TRUST, found
from core.errors import InputRejected
from core.models.trust import add_to_environment
from core.workspace.app_command import streamlit_arguments
from core.workspace.recordings.recording_file import is_recording

__all__ = ["run"]


@click.command()
@click.argument("model", default="")
@click.argument("data", default="")
@click.option("--port", default=8501, show_default=True, help="Port on this machine.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--plugins", "folders", multiple=True, type=click.Path(path_type=Path), help="A folder whose files are plugins."
)
@click.option("--no-plugins", is_flag=True, help="Load no plugins but those that ship with Layerscope.")
@click.option("--in-process", is_flag=True, help="Run models in the page's own process, for files that you trust.")
@TRUST
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def run(  # noqa: PLR0913 - a command's parameters are its options
    model: str,
    data: str,
    port: int,
    address: str,
    folders: tuple[Path, ...],
    no_plugins: bool,
    in_process: bool,
    trusted: tuple[str, ...],
    headless: bool,
) -> None:
    """Open the app in the browser: on MODEL, a file, a folder or the name of an example, with DATA as its input.

    MODEL may be a session that was recorded (layerscope record), which needs no TensorFlow and changes nothing.

    DATA is a file as the page takes it (.npy, .npz, an image, CSV, text) or a folder of pictures. Without MODEL the
    page opens on an example.

    Others reach it with --address 0.0.0.0: paths on this machine are then not opened, and nobody is offered to trust
    code in the page.
    """
    add_to_environment(trusted)
    model, data = _whole_path(model), _data_path(data)
    if data and model and is_recording(model):
        raise InputRejected(f"{Path(model).name} is a recording, which has its samples.", remedy="Leave the data out.")
    command = [sys.executable, "-m", "streamlit", *streamlit_arguments(port, address, headless=headless)]
    command += ["--", *filter(None, (model, data)), *(f"--plugins={folder.absolute()}" for folder in folders)]
    command += [flag for flag, is_set in (("--no-plugins", no_plugins), ("--in-process", in_process)) if is_set]
    # The process becomes the server where it can, so that whoever ends it ends the server.
    if os.name == "posix":
        os.execv(sys.executable, command)
    sys.exit(subprocess.call(command))


def _whole_path(model: str) -> str:
    source = found(model) if model else ""
    return str(source.absolute()) if isinstance(source, Path) else model


def _data_path(data: str) -> str:
    if data and not Path(data).exists():
        raise InputRejected(f"There is no file {data!r}.", remedy="Give a file of data, or a folder of pictures.")
    return str(Path(data).absolute()) if data else ""
