"""What the command writes where: nothing but its own lines, to whoever reads them for however long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.main import main
from core.examples.catalogue import list_examples
from tests.models.hostile.parts import keras_file, node, sequential

ROOT = Path(__file__).parents[2]
MODEL = list_examples()[0].model_path
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}


@pytest.fixture
def refused(tmp_path):
    """Return the path of a model file that is not opened."""
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file(sequential(node("Lambda", name="twice"))))
    return path


def run(*arguments, **settings):
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=ENVIRONMENT, check=False, **settings)


def run_unread(*arguments, as_error=False):
    """Return the status and the standard error of a command whose output nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    streams = {"stdout": writing, "stderr": writing if as_error else subprocess.PIPE}
    try:
        ended = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False, text=True, **streams)
    finally:
        os.close(writing)
    return ended.returncode, ended.stderr


class TestLogs:
    def test_there_are_none(self):
        ended = run("layers", "digits-cnn")

        assert ended.stderr == ""
        assert ended.stdout.startswith("layer ")
        assert ended.returncode == 0

    @pytest.mark.parametrize("arguments", [("-v", "layers", "digits-cnn"), ("layers", "digits-cnn", "--verbose")])
    def test_they_can_be_had(self, arguments):
        assert "TensorFlow" in run(*arguments).stderr

    def test_of_the_process_that_workers_are_forked_from(self):
        environment = ENVIRONMENT | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [
            sys.executable,
            "-c",
            "import core.workspace.workers.preload, sys; print('tensorflow' in sys.modules)",
        ]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True)

        assert (ended.stdout, ended.stderr) == ("True\n", "")


class TestPipesThatNobodyReads:
    def test_the_status_is_the_verdict(self, refused):
        for options in ((), ("--json",)):
            assert run_unread("inspect", MODEL, *options) == (0, "")
        assert run_unread("inspect", refused, "--json") == (1, "")
        assert run_unread("inspect", refused, as_error=True)[0] == 1
        assert run_unread("inspect", as_error=True)[0] == 2

    def test_other_commands_end_well(self):
        for arguments in (["--version"], ["--help"], ["plugins", "list"], ["layers", "digits-cnn"]):
            assert run_unread(*arguments) == (0, "")

    def test_what_the_command_was_for_is_done(self, tmp_path):
        path = tmp_path / "chart.svg"
        arguments = ["chart", "digits-cnn", "examples", "dense", "activation-line", "-o", path]

        assert run_unread(*arguments) == (0, "")
        assert path.read_text().startswith("<svg")

    @pytest.mark.skipif(sys.platform == "win32", reason="there is no bash")
    def test_in_a_shell(self):
        script = f"'{sys.executable}' -m core inspect '{MODEL}' | true; echo ${{PIPESTATUS[@]}}"
        ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)

        assert (ended.stdout, ended.stderr) == ("0 0\n", "")


class TestOneLine:
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (
                ["layers", "digits-cnn", "--nothing"],
                "Error: No such option '--nothing'. See layerscope layers --help.\n",
            ),
            (["--nothing"], "Error: No such option '--nothing'. See layerscope --help.\n"),
            (["nothing"], "Error: No such command 'nothing'. See layerscope --help.\n"),
            (["plugins", "explain"], "Error: Missing argument 'MODEL'. See layerscope plugins explain --help.\n"),
        ],
    )
    def test_says_what_is_wrong_with_the_command(self, arguments, line):
        ended = CliRunner().invoke(main, arguments, prog_name="layerscope")

        assert (ended.exit_code, ended.stderr) == (2, line)

    def test_says_where_nothing_can_be_written(self, tmp_path):
        path = tmp_path / "nowhere" / "chart.png"
        arguments = ["chart", "digits-cnn", "examples", "dense", "activation-line", "-o", str(path)]
        ended = CliRunner().invoke(main, arguments)

        assert ended.exit_code == 1
        assert ended.stderr == f"{path}: No such file or directory.\n"

    def test_says_the_versions(self):
        ended = CliRunner().invoke(main, ["--version"])

        assert ended.exit_code == 0
        assert ended.stdout.startswith("layerscope 0.")
        assert "TensorFlow 2." in ended.stdout


def test_its_help_says_where_the_guides_are():
    said = CliRunner().invoke(main, ["--help"]).output.strip().rpartition(": ")[2]
    assert Path(said) == ROOT / "docs"
    assert Path(said, "plugins.md").is_file()
