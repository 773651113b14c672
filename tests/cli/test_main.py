"""The command that looks at a model file."""

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from core.cli.main import main
from core.examples.catalogue import list_examples
from tests.models.hostile.parts import dense, keras_file, node, sequential


@pytest.fixture
def command():
    """Return a function that runs ``layerscope`` with arguments."""
    return lambda *arguments: CliRunner().invoke(main, [str(each) for each in arguments])


def test_an_accepted_file(command):
    example = list_examples()[0]
    result = command("inspect", example.model_path)
    assert result.exit_code == 0
    assert "21,546 declared, 21,546 stored" in result.stdout
    assert "Accepted" in result.stdout


def test_an_accepted_file_as_json(command):
    result = command("inspect", "--json", list_examples()[0].model_path)
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["accepted"] is True
    assert (report["kind"], report["parameters"], report["parameters_stored"]) == ("keras", 21546, 21546)
    assert set(report["members"]) == {"config.json", "metadata.json", "model.weights.h5"}


def test_a_refused_file(command, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file(sequential(node("Lambda", name="twice"))))
    result = command("inspect", path)
    assert result.exit_code == 1
    assert "holds code, which is not shown or run" in result.stdout
    assert "The Lambda layer 'twice' in model.keras holds Python code" in result.stderr
    report = json.loads(command("inspect", path, "--json").stdout)
    assert report["accepted"] is False
    assert "Lambda" in report["reason"]
    assert "--trust lambda" in report["remedy"]


def test_a_refused_file_is_listed_like_any_other(command, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file(sequential(dense(), node("TCN", "tcn", registered_name="tcn>TCN", name="tcn"))))

    told = command("inspect", path).stdout

    assert "class TCN(keras.layers.Layer): ..." in told
    assert re.search(r"^dense +Dense +2 +10 +input +constant weights$", told, re.MULTILINE)
    assert re.search(r"^tcn +TCN +unknown +dense +its class did not come with Keras$", told, re.MULTILINE)
    assert "vars/0" not in told
    assert "vars/0" in command("inspect", path, "--weights").stdout
    report = json.loads(command("inspect", path, "--json").stdout)
    assert [row["key"] for row in report["rows"]] == ["dense", "tcn"]
    assert report["missing_classes"][0]["registered_name"] == "tcn>TCN"
    assert report["weights"][0]["count"] > 0


def test_an_accepted_file_is_listed_after_the_verdict(command):
    told = command("inspect", list_examples()[0].model_path).stdout
    assert told.index("Accepted") < told.index("conv_1 ")


def test_a_limit_of_the_environment(command, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file(sequential(dense())))
    assert command("inspect", path).exit_code == 0
    monkeypatch.setenv("LAYERSCOPE_PARAMETERS", "5")
    assert command("inspect", path).exit_code == 1


def test_a_file_that_is_not_there_and_no_file_at_all(command, tmp_path):
    assert command("inspect", tmp_path / "nothing.keras").exit_code == 1
    assert command("inspect").exit_code == 2


def test_as_a_module_without_tensorflow():
    code = (
        "import runpy, sys; sys.argv = ['layerscope', 'inspect', sys.argv[1], '--json']\n"
        "try: runpy.run_module('core', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'tensorflow', 'keras', 'streamlit'} & set(sys.modules)"
    )
    path = str(list_examples()[0].model_path)
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["accepted"]


def test_inspect_says_the_size_that_it_counts(command, tmp_path):
    import keras

    given = keras.Input((None, 4), name="bases")
    cropped = keras.layers.Cropping1D((5000, 5000))(keras.layers.Conv1D(2, 1)(given))
    keras.Model(given, cropped).save(tmp_path / "model.keras")

    assert "for one sample (for inputs of 10,001)" in command("inspect", tmp_path / "model.keras").stdout
    report = json.loads(command("inspect", tmp_path / "model.keras", "--json").stdout)
    assert report["input_sizes"] == {"bases": "10,001"}


def test_inspect_says_where_it_counts_per_step(command, tmp_path):
    import keras

    given = keras.Input((None,), dtype="int32", name="tokens")
    keras.Model(given, keras.ops.cumsum(given, axis=1)).save(tmp_path / "model.keras")

    assert "counted per step" in command("inspect", tmp_path / "model.keras").stdout
