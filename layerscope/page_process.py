"""The process that draws the pages of models in memory: Streamlit, until the process that shows them ends.

It is told on its standard input where the session is, so that the key stands in no list of processes; the end of that
input is the end of whoever shows the models, also where nobody had the time to say so.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import sys
import tempfile
import threading
import time
from typing import Final

__all__ = ["main"]

_INPUT: Final = 0
_BIT: Final = 4096
_LOOK_SECONDS: Final = 1.0


def main() -> None:
    """Serve the app; the arguments are Streamlit's."""
    told = json.loads(_first_line())
    os.environ.update(told["environment"])
    # What visitors upload goes with the rest of the folder.
    tempfile.tempdir = folder = told["folder"]
    threading.Thread(target=_leave_at_the_end_of_the_input, args=(folder,), daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=_leave_with_the_parent, args=(folder, os.getppid()), daemon=True).start()
    sys.argv[0] = "streamlit"
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _first_line() -> bytes:
    # Not by sys.stdin, whose lock a thread that reads would hold when the interpreter ends.
    line = b""
    while not line.endswith(b"\n"):
        content = os.read(_INPUT, 1)
        if not content:
            sys.exit("This is started by layerscope.show().")
        line += content
    return line


def _leave_at_the_end_of_the_input(folder: str) -> None:
    while os.read(_INPUT, _BIT):
        pass
    _leave(folder)


def _leave_with_the_parent(folder: str, parent: int) -> None:
    # What the parent forked may hold the other end of the input open.
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    _leave(folder)


def _leave(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
