"""What may stand behind ``--`` where the app is started: ``streamlit run streamlit_app.py -- MODEL --plugins DIR``."""

from __future__ import annotations

import argparse
import os
import sys

from core.errors import LayerscopeError
from core.examples.catalogue import list_examples
from core.models.trust import TRUST_VARIABLE, add_to_environment
from core.plugins.sources import NONE_VARIABLE, add_folders_to_environment
from core.workspace.app_command import DATA_VARIABLE, MODEL_VARIABLE

__all__ = ["IN_PROCESS_VARIABLE", "take_arguments"]

IN_PROCESS_VARIABLE = "LAYERSCOPE_IN_PROCESS"


def take_arguments() -> None:
    """Put what was asked for into the environment, where workers find it too; what is unknown is left alone."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--plugins", action="append", default=[], metavar="DIR")
    parser.add_argument("--no-plugins", action="store_true")
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--trust", action="append", default=[], metavar="NAME")
    parser.add_argument("model", nargs="?", default="")
    parser.add_argument("data", nargs="?", default="")
    given, _ = parser.parse_known_args(sys.argv[1:])
    add_folders_to_environment(given.plugins)
    if given.trust:
        try:
            add_to_environment(given.trust)
        except LayerscopeError:
            # The engine says it in the page.
            os.environ[TRUST_VARIABLE] = ",".join(filter(None, [os.environ.get(TRUST_VARIABLE, ""), *given.trust]))
    for variable, path in ((MODEL_VARIABLE, given.model), (DATA_VARIABLE, given.data)):
        if path:
            os.environ[variable] = _absolute(path)
    if given.no_plugins:
        os.environ[NONE_VARIABLE] = "1"
    if given.in_process:
        os.environ[IN_PROCESS_VARIABLE] = "1"


def _absolute(path: str) -> str:
    is_example = any(each.name == path for each in list_examples())
    return path if is_example else os.path.abspath(os.path.expanduser(path))
