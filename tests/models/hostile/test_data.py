"""Every data file of the corpus is refused and says why."""

import re

import pytest

from core.errors import InputRejected
from core.inputs.files import UploadedFile, read_files
from tests.models.hostile.data import HOSTILE_DATA
from tests.models.hostile.parts import within_bounds


@pytest.mark.parametrize("case", HOSTILE_DATA, ids=lambda case: case.name)
def test_hostile_data_is_refused(case):
    data = case.build()
    with within_bounds(), pytest.raises(InputRejected) as refusal:
        read_files({"x": [UploadedFile(case.file_name, data)]}, [case.spec])
    assert re.search(case.says, str(refusal.value)), str(refusal.value)
    assert refusal.value.remedy
    assert len(str(refusal.value)) < 600
