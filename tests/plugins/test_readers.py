"""Files of samples that a stranger's plugin reads, and that one that fails is named and stops nothing else."""

import re
import textwrap
import time

import numpy as np
import pytest

from core.errors import InputRejected
from core.inputs.files import UploadedFile, read_files
from core.inputs.spec import InputSpec
from core.plugins.forerunners import RefusedPlugin
from core.plugins.readers import FileSamples, InputReader
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.workspace.visualizer_list import plugins
from core.workspace.workspace import Workspace

ROW = InputSpec("row", (3,), "float32")
POINTS = '''
import numpy as np
from vizplugins import FileSamples, InputReader, InputRejected, hookimpl


class Points(InputReader):
    """Points as a laser writes them."""

    name, title, takes = "points", "Points", ".pts"

    def match(self, file, spec):
        return file.data.startswith(b"PTS1")

    def read(self, file, spec):
        if len(file.data) % 4:
            raise InputRejected(f"{file.name} is cut off.", remedy="Copy it again.")
        values = np.frombuffer(file.data[4:], "<f4").reshape(-1, 3)
        return FileSamples(values, labels=np.arange(len(values)), notes=("read backwards",) * len(values))


@hookimpl
def input_readers():
    return [Points()]
'''
FILE = UploadedFile("scan.pts", b"PTS1" + np.arange(6, dtype="<f4").tobytes())


def read(registry, file=FILE, spec=ROW):
    return read_files({spec.name: [file]}, [spec], readers=registry.readers)


@pytest.fixture
def registry(tmp_path):
    (tmp_path / "points.py").write_text(POINTS)
    return Registry(settings=PluginSettings((tmp_path,)))


class Rows(InputReader):
    """Rows that tests fill in."""

    name, title, takes = "rows", "Rows", ".rows"

    def match(self, file, spec):
        return True

    def read(self, file, spec):
        return FileSamples(np.ones((2, 3)))


def broken(**methods):
    return type("Broken", (Rows,), methods)()


def registered(*readers, package="rows"):
    registry = Registry(discover=False)
    for reader in readers:
        assert registry.register(reader, package=package, version="1.0")
    return registry


class TestReading:
    def test_what_a_reader_read_is_what_the_model_takes(self, registry):
        samples = read(registry)

        np.testing.assert_array_equal(samples.arrays["row"], np.arange(6, dtype=np.float32).reshape(2, 3))
        assert samples.arrays["row"].dtype == np.float32
        assert samples.labels.tolist() == [0, 1]
        assert samples.names == ("scan.pts[0]", "scan.pts[1]")
        assert samples.notes == {"row": ("read backwards",) * 2}
        assert samples.remarks == ("scan.pts was read by Points of points.py.",)

    def test_other_files_are_read_as_before(self, registry):
        samples = read(registry, UploadedFile("a.csv", b"1,2,3\n"))

        assert samples.arrays["row"].tolist() == [[1, 2, 3]]
        assert samples.remarks == ()

    def test_a_refusal_of_a_reader_is_told_as_it_stands(self, registry):
        with pytest.raises(InputRejected) as caught:
            read(registry, UploadedFile("scan.pts", FILE.data[:-1]))
        assert (caught.value.message, caught.value.remedy) == ("scan.pts is cut off.", "Copy it again.")
        assert not registry.problems

    def test_what_does_not_fit_the_input_is_refused_by_us(self, registry):
        with pytest.raises(InputRejected, match=r"scan\.pts.*expects"):
            read(registry, spec=InputSpec("row", (7,), "float32"))

    def test_a_strangers_reader_is_asked_before_one_that_ships(self):
        stranger = broken(name="mine", title="Mine")
        registry = registered(Rows(), package="vizplugins")
        assert registry.register(stranger, package="mine")

        assert registry.readers.all[0] is stranger
        assert "read by Mine of mine" in read(registry).remarks[0]

    def test_a_workspace_takes_what_a_reader_read(self):
        blank = broken(read=lambda self, file, spec: FileSamples(np.zeros((2, *spec.shape))))
        workspace = Workspace(registry=registered(blank))
        workspace.open_example("digits-dense")
        workspace.take_files({"": [("scan.rows", b"R")]}, scaling="unit", fit="stretch", invert=False)

        assert workspace.sample_names == ("scan.rows[0]", "scan.rows[1]")


class TestFailing:
    def test_one_that_raises_is_named_and_the_file_is_read_by_us(self):
        registry = registered(broken(read=lambda self, file, spec: 1 / 0))
        samples = read(registry, UploadedFile("a.csv", b"1,2,3\n"))

        assert samples.arrays["row"].tolist() == [[1, 2, 3]]
        (remark,) = samples.remarks
        assert remark.startswith("Rows, a reader of rows 1.0, failed on a.csv: ZeroDivisionError: division by zero")
        assert remark.endswith("Layerscope read the file itself.")
        assert "ZeroDivisionError" in registry.problems[0].message

    def test_where_nobody_else_reads_it_both_are_told(self):
        registry = registered(broken(match=lambda self, file, spec: 1 / 0))
        with pytest.raises(InputRejected) as caught:
            read(registry, UploadedFile("a.pdf", b"%PDF-1.7\0"))

        assert "Rows, a reader of rows 1.0, failed on a.pdf" in caught.value.message
        assert "a.pdf is a PDF" in caught.value.message
        assert caught.value.remedy

    @pytest.mark.parametrize(
        ("methods", "words"),
        [
            ({"match": lambda self, file, spec: "yes"}, "match() returned str, True or False is needed"),
            ({"read": lambda self, file, spec: np.ones((2, 3))}, "read() returned ndarray, FileSamples are needed"),
            ({"read": lambda self, file, spec: FileSamples([[1, 2, 3]])}, "hold no array (sample, …) as values"),
            (
                {"read": lambda self, file, spec: FileSamples(np.ones((2, 3)), names=("one",))},
                "hold 2 samples and 1 names",
            ),
            (
                {"read": lambda self, file, spec: FileSamples(np.ones((2, 3)), labels=np.ones(3))},
                "hold 2 samples, and labels of the shape (3,)",
            ),
            ({"read": lambda self, file, spec: FileSamples(np.ones((2, 3)), notes=[1, 2])}, "no texts in a tuple as"),
            (
                {"read": lambda self, file, spec: FileSamples(np.ones((2, 3)), sampling_rate=1.5)},
                "no whole number as sampling_rate",
            ),
            ({"read": lambda self, file, spec: exit(3)}, "SystemExit: 3"),
        ],
    )
    def test_what_is_not_as_it_should_be_is_said(self, methods, words):
        registry = registered(broken(**methods))

        assert words in read(registry, UploadedFile("a.csv", b"1,2,3\n")).remarks[0]

    def test_one_that_never_returns_is_ended(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_CHART_SECONDS", "0.2")
        registry = registered(broken(read=lambda self, file, spec: time.sleep(60)))

        assert "it took more than 0.2 seconds" in read(registry, UploadedFile("a.csv", b"1,2,3\n")).remarks[0]

    @pytest.mark.parametrize(
        ("reader", "words"),
        [
            (InputReader(), "declares no name"),
            (broken(title=""), "declares no title"),
            (broken(takes=None), "declares takes = None, text is needed"),
            (
                type("Half", (InputReader,), {"name": "half", "title": "Half", "match": Rows.match})(),
                "has no method read(self, file, spec)",
            ),
        ],
    )
    def test_declarations_are_checked_when_it_is_registered(self, reader, words):
        registry = Registry(discover=False)

        with pytest.warns(RefusedPlugin, match=re.escape(words)):
            assert not registry.register(reader)
        assert words in registry.problems[0].message

    def test_a_class_in_the_place_of_an_instance(self, tmp_path):
        (tmp_path / "points.py").write_text(POINTS.replace("[Points()]", "[Points]"))
        registry = Registry(discover=False)

        assert not registry.load_file(tmp_path / "points.py")
        assert "is not an instance of vizplugins.InputReader" in registry.problems[0].message


class TestLoading:
    def test_a_file_that_is_saved_again_is_what_reads_then(self, registry, tmp_path):
        path = tmp_path / "points.py"
        path.write_text(textwrap.dedent(POINTS).replace("read backwards", "read forwards, again"))

        assert registry.refresh()
        assert read(registry).notes["row"][0] == "read forwards, again"
        path.unlink()
        assert registry.refresh()
        assert "points" not in [reader.name for reader in registry.readers.all]

    def test_it_is_listed_with_its_plugin(self, registry):
        listed = {reader.name: (plugin.name, reader) for plugin in plugins(registry) for reader in plugin.readers}

        assert listed["points"][0] == "points.py"
        assert listed["points"][1].description == "Points as a laser writes them."
        assert listed["nifti-volume"][1].handles == ".nii, .nii.gz"
