import numpy as np
import pytest

from core.inputs.files import UploadedFile
from core.inputs.spec import InputSpec
from core.plugins.readers import FileSamples, InputReader
from core.plugins.testing import READER_CHECKS, check_reader, run_reader_checks

ROW = InputSpec("row", (3,), "float32")
FILE = UploadedFile("a.rows", b"ROWS" + np.arange(3, dtype="<f4").tobytes())


class Rows(InputReader):
    """Rows of three numbers."""

    name, title, takes = "rows", "Rows", ".rows"

    def match(self, file, spec):
        return file.data.startswith(b"ROWS")

    def read(self, file, spec):
        numbers = file.data[4 : len(file.data) // 4 * 4]
        return FileSamples(np.resize(np.frombuffer(numbers, "<f4"), (1, 3)))


def test_one_that_is_sound_passes_every_check():
    check_reader(Rows(), (FILE, ROW))

    assert {result.name for result in run_reader_checks(Rows(), [(FILE, ROW)])} == set(READER_CHECKS)
    assert "reads" not in {result.name for result in run_reader_checks(Rows())}


@pytest.mark.parametrize(
    ("methods", "name", "words"),
    [
        ({"title": ""}, "declaration", "declares no title"),
        ({"__doc__": None, "summary": lambda self: ""}, "explains itself", "no docstring"),
        ({"takes": ""}, "explains itself", "no takes"),
        ({"match": lambda self, file, spec: True}, "leaves others", "it refused what is not its own: picture.png"),
        ({"match": lambda self, file, spec: file.data[3] == 83}, "leaves others", "IndexError"),
        ({"match": lambda self, file, spec: False}, "takes its own", "match() returned False"),
        ({"read": lambda self, file, spec: 1 / 0}, "reads", "ZeroDivisionError"),
        (
            {"read": lambda self, file, spec: FileSamples(np.random.default_rng().normal(size=(1, 3)))},
            "repeatable",
            "does not hold the same",
        ),
        (
            {"read": lambda self, file, spec: FileSamples(np.frombuffer(file.data[4:16], "<f4").reshape(1, 3))},
            "refuses damage",
            "ValueError",
        ),
    ],
)
def test_what_is_wrong_is_found(methods, name, words):
    reader = type("Broken", (Rows,), methods)()
    failed = [result for result in run_reader_checks(reader, [(FILE, ROW)]) if not result.passed]

    assert name in {result.name for result in failed}
    assert words in " ".join(result.message for result in failed if result.name == name)
    with pytest.raises(AssertionError, match=name):
        check_reader(reader, (FILE, ROW))
