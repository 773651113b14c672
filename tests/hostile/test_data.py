"""Every data file of the corpus is refused and says why."""

import re
import resource
import time

import pytest

from core.errors import InputRejected
from core.reading import GivenFile, read_files
from tests.hostile.data import HOSTILE_DATA

MOST_SECONDS = 10
MOST_KILOBYTES = 600_000


@pytest.mark.parametrize("case", HOSTILE_DATA, ids=lambda case: case.name)
def test_hostile_data_is_refused(case):
    data = case.build()
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(InputRejected) as refusal:
        read_files({"x": [GivenFile(case.file_name, data)]}, [case.spec])
    assert time.monotonic() - started < MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KILOBYTES
    assert re.search(case.says, str(refusal.value)), str(refusal.value)
    assert refusal.value.remedy
    assert len(str(refusal.value)) < 600
