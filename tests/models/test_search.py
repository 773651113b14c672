"""Where models are found among files, and what is copied of a folder before it is looked at."""

import json
import os
import zipfile

import keras
import pytest

import core
from core.common.limits import get_limits
from core.errors import ModelRefused, SeveralModels
from core.models.copies import content_key, copy_model, write_files
from core.models.file_names import files_name
from core.workspace.workspace import Workspace


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="scores")])


def test_a_project_is_not_copied_nor_read_for_the_model_in_it(model, tmp_path):
    project = tmp_path / "project"
    (project / "runs" / "best").mkdir(parents=True)
    (project / ".git").mkdir()
    model.save(project / "runs" / "best" / "model.keras")
    (project / "data.npz").write_bytes(b"PK" + bytes(1000))
    (project / "train.py").write_text("print(1)")
    (project / ".git" / "model.keras").write_bytes(b"PK")
    key = content_key(project)

    copy_model(project, tmp_path / "copy", "project", get_limits())
    assert [path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()] == ["model.keras"]
    (project / "data.npz").write_bytes(b"other data")
    assert content_key(project) == key
    assert core.load_model(project).count_params() == model.count_params()


def test_a_model_behind_a_link_is_refused_with_what_to_do(model, tmp_path):
    model.export(tmp_path / "exported", verbose=False)
    variables = tmp_path / "exported" / "variables" / "variables.index"
    variables.rename(tmp_path / "elsewhere")
    variables.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelRefused, match=r"variables\.index' in exported is a link") as refusal:
        core.load_model(tmp_path / "exported")
    assert "cp -rL" in refusal.value.remedy


def test_links_beside_a_model_are_nobodys_business(model, tmp_path):
    (tmp_path / "folder").mkdir()
    model.save(tmp_path / "folder" / "model.keras")
    (tmp_path / "folder" / "python").symlink_to("/usr/bin/env")
    assert core.load_model(tmp_path / "folder").count_params() == model.count_params()


def test_a_folder_with_very_many_files_is_not_looked_through(monkeypatch, tmp_path):
    monkeypatch.setattr("core.models.file_trees.MAXIMUM_FILES", 3)
    for number in range(5):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(ModelRefused, match="more than 3 files"):
        core.load_model(tmp_path)


def test_who_names_no_member_of_too_large_a_folder_is_asked_for_one(model, tmp_path, monkeypatch):
    for name in ("a", "b"):
        model.save(tmp_path / f"{name}.keras")
    size = os.path.getsize(tmp_path / "a.keras")
    monkeypatch.setenv("LAYERSCOPE_UNPACKED_BYTES", str(int(1.5 * size)))
    with pytest.raises(SeveralModels) as several:
        core.load_model(tmp_path)
    assert several.value.choices == ("a.keras", "b.keras")
    assert core.load_model(tmp_path, member="b.keras").count_params() == model.count_params()


def test_a_member_that_is_not_there(model, tmp_path):
    model.save(tmp_path / "a.keras")
    with pytest.raises(ModelRefused, match=r"holds no model 'c\.keras'") as refusal:
        core.load_model(tmp_path, member="c.keras")
    assert "a.keras" in refusal.value.remedy


def test_code_for_a_notebook_opens_what_was_opened(model, tmp_path):
    (tmp_path / "net.json").write_text(model.to_json())
    model.save_weights(tmp_path / "net.weights.h5")
    files = [(name, (tmp_path / name).read_bytes()) for name in ("net.weights.h5", "net.json")]
    workspace = Workspace()
    workspace.open_files(files)
    workspace.take_noise(2, 0)
    code = workspace.code("scores", "histogram", {}, 0)
    assert "layerscope.load_model('net.json', weights='net.weights.h5')" in code


def test_names_of_uploads_are_no_paths(tmp_path):
    files = [("../../evil.keras", b"1"), ("c:\\evil.keras", b"2"), ("..", b"3"), ("labels.txt", b"a\nb")]
    write_files(files, tmp_path / "together", get_limits())
    assert sorted(path.name for path in (tmp_path / "together").iterdir()) == [
        "1-evil.keras",
        "evil.keras",
        "file-2",
        "labels.txt",
    ]
    assert files_name([("a.keras", b""), ("labels.txt", b""), ("class_names.json", b"")]) == "a.keras"


def test_a_program_in_the_model_is_refused_and_one_beside_it_is_not(model, tmp_path):
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "project.zip", "w") as archive:
        archive.write(tmp_path / "model.keras", "project/model.keras")
        archive.writestr("project/train.py", "print(1)")
    assert core.load_model(tmp_path / "project.zip").count_params() == model.count_params()
    with zipfile.ZipFile(tmp_path / "model.keras", "a") as archive:
        archive.writestr("assets/run.py", "print(1)")
    with pytest.raises(ModelRefused, match=r"assets/run\.py.* is a program"):
        core.load_model(tmp_path / "model.keras")


def test_what_the_file_says_of_its_training_is_said(model, tmp_path):
    def own_loss(targets, outputs):
        return abs(targets - outputs)

    model.compile(keras.optimizers.AdamW(), loss=own_loss)
    model.save(tmp_path / "model.keras")
    summary = Workspace().open_model(tmp_path / "model.keras")
    assert "compiled with AdamW, loss own_loss" in summary.origin


def test_a_lambda_in_an_architecture_is_refused(tmp_path):
    layer = keras.layers.Lambda(lambda x: x, name="twice", output_shape=(4,))
    model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2)])
    (tmp_path / "model.json").write_text(json.dumps(json.loads(model.to_json())))
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ModelRefused, match="The Lambda layer 'twice'"):
        core.load_model(tmp_path / "model.json", weights=tmp_path / "model.weights.h5")
