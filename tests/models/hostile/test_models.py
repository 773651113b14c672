"""Every model file of the corpus is refused, says why, and does nothing."""

import re
from collections import Counter
from pathlib import Path

import pytest

from core.errors import ModelRefused
from core.models.inspection import inspect_model
from tests.models.hostile.data import HOSTILE_DATA
from tests.models.hostile.models import HOSTILE_MODELS, saved_models
from tests.models.hostile.parts import within_bounds


def refused(case, path):
    path.write_bytes(case.build())
    with within_bounds(), pytest.raises(ModelRefused) as refusal:
        inspect_model(path, name="model.bin")
    assert re.search(case.says, str(refusal.value)), str(refusal.value)
    assert "model.bin" in refusal.value.message
    assert refusal.value.remedy
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize("case", HOSTILE_MODELS, ids=lambda case: case.name)
def test_a_hostile_model_is_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(case, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_hostile_saved_models_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for case in saved_models():
        refused(case, tmp_path / "model")
        assert not list(tmp_path.glob("marker*")), case.name


def test_the_corpus_covers_every_class_of_threats():
    threats = Counter(case.threat for case in [*HOSTILE_MODELS, *HOSTILE_DATA])
    assert sum(threats.values()) >= 80
    assert set(threats) >= {"archive", "file in a layer", "hdf5", "image", "lambda", "pickle", "public name", "size"}
    names = [case.name for case in HOSTILE_MODELS]
    assert len(set(names)) == len(names)
    assert not Path("/marker").exists()
