"""Which answers labels judge."""

import numpy as np
import pytest

from core.analysis.judged_answers import judged_answers
from core.inputs.datasets import ArrayDataset


def test_a_label_that_is_no_class_is_not_judged():
    dataset = ArrayDataset({"numbers": np.zeros((3, 2), np.float32)}, np.array([0, 1, 1]))

    assert judged_answers(dataset, np.array([0, 1])).count == 0
    assert judged_answers(dataset, np.array([0, 0, 1])).accuracy == pytest.approx(2 / 3)
