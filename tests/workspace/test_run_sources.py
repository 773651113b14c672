import resource
import zipfile

from core.training.places import PROGRESS
from core.training.run_files import DESCRIPTION
from core.workspace.run_sources import holds_run


def test_another_file_under_the_same_path_is_told_anew(tmp_path):
    path = tmp_path / "run.layerscope.zip"
    for name, is_run in ((f"{PROGRESS}/{DESCRIPTION}", True), ("config.json", False)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "{}")
        assert holds_run(path) is holds_run(path) is is_run


def test_a_large_model_is_searched_once(tmp_path):
    path = tmp_path / "model.keras"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(200_000_000)  # without taking room

    def pages_looked_at() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        assert not holds_run(path)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    first, again = pages_looked_at(), pages_looked_at()
    assert again < first / 20


def test_what_is_not_there_is_no_run(tmp_path):
    assert not holds_run(tmp_path / "nothing")
    assert not holds_run(tmp_path)
    (tmp_path / "empty").touch()
    assert not holds_run(tmp_path / "empty")
    assert not holds_run(tmp_path / ("n" * 5000))
