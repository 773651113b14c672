"""Scripts that show a model, as people run them."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.serving import ROOT

STARTING_SECONDS = 90


def _listen_to_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Script:
    """A script that runs in a process of its own, with what it has printed so far."""

    def __init__(self, code, folder, **environment):
        self.file = folder / "script.py"
        self.file.write_text(code)
        self.output = folder / "output.txt"
        known = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(self.file)],
                cwd=folder,
                env={
                    **known,
                    "PYTHONPATH": str(ROOT),
                    "TF_CPP_MIN_LOG_LEVEL": "3",
                    "TMPDIR": str(folder),
                    **environment,
                },
                stdout=output,
                stderr=output,
                # Whoever runs the tests in the background may have Ctrl-C ignored, which is inherited.
                preexec_fn=_listen_to_interrupts,
            )

    @property
    def said(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, text):
        """Return the line that holds a text, once it has been printed."""
        end = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.said.splitlines():
                if text in line:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"{text!r} was not printed:\n{self.said}")

    @property
    def url(self):
        """The address that it says."""
        line = self.wait_for("Layerscope shows")
        return next(word for word in line.split() if word.startswith("http://127.0.0.1:"))

    def server(self):
        """Return the number of the process that draws the pages."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        (number,) = found.stdout.split()
        return int(number)


@pytest.fixture(scope="module")
def run_script(tmp_path_factory):
    """Return a function that runs code as a script; what still runs is ended afterwards."""
    scripts = []

    def run(code, **environment):
        scripts.append(Script(code, tmp_path_factory.mktemp("script"), **environment))
        return scripts[-1]

    yield run
    for script in scripts:
        with contextlib.suppress(ProcessLookupError):
            script.process.send_signal(signal.SIGKILL)
        script.process.wait()
