"""The first five minutes: the code of the page trains a model that opens, and answers as it says."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

import layerscope
from benchmarks.serving import ROOT
from core.cli.main import main

GUIDE = (ROOT / "docs" / "start.md").read_text()
TRAINING, SHOWING, EXTRACTING = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    names = {"layerscope": layerscope}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(TRAINING, names)
    return folder, names


def test_what_it_trains_answers_well_and_is_taken_from_its_files(trained):
    folder, names = trained
    assert names["model"].evaluate(names["x_test"], names["y_test"], verbose=0)[1] > 0.8
    done = CliRunner().invoke(
        main, ["layers", str(folder / "digits.keras"), "--input", str(folder / "digits_test.npz")]
    )
    assert done.exit_code == 0, done.output
    assert [name in done.stdout for name in ("conv_1", "conv_2", "flatten", "probabilities")] == [True] * 4


def test_its_numbers_and_its_picture_come_out(trained, monkeypatch):
    folder, names = trained
    monkeypatch.chdir(folder)
    (shape,) = re.findall(r"\.shape  # (\(.*\))", EXTRACTING)
    exec(EXTRACTING, names)

    assert names["activations"]["conv_1"].values.shape == eval(shape)
    assert b"vega" in (folder / "maps.html").read_bytes()
    assert np.isfinite(names["activations"]["probabilities"].values).all()


def test_it_shows_the_page_by_a_call_that_there_is():
    call = re.search(r"layerscope\.(\w+)\(", SHOWING)
    assert call
    assert call[1] in layerscope.__all__
