"""The command that opens the app."""

import subprocess
import sys

import pytest

from benchmarks.serving import ROOT, free_port, stop_server, wait_until_it_answers


def test_started_anywhere_it_answers_and_ends_with_its_process(tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "core", "run", "--headless", "--no-plugins", "--port", str(port)]
    log = tmp_path / "log.txt"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}, stdout=output, stderr=output
        ) as started,
    ):
        try:
            wait_until_it_answers(port)
        finally:
            stop_server(started)

    assert f"http://127.0.0.1:{port}" in log.read_text()
    with pytest.raises(TimeoutError):
        wait_until_it_answers(port, 0.5)


def test_an_option_that_there_is_not(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "core", "run", "--ports", "1"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "No such option '--ports'" in done.stderr or "No such option: --ports" in done.stderr
