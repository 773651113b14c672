import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.inputs.table_cells import WHITESPACE, cells_of, count_cells


@pytest.mark.parametrize(
    ("line", "delimiter", "cells"),
    [
        ("1,2", ",", ["1", "2"]),
        (",1,", ",", ["", "1", ""]),
        ('"a, b",2', ",", ["a, b", "2"]),
        ('"a ""b"" c",2', ",", ['a "b" c', "2"]),
        ('"",2', ",", ["", "2"]),
        (' "a;b" ; 2', ";", ["a;b ", "2"]),
        ('5",6"', ",", ['5"', '6"']),
        ('1,a"1,2"', ",", ["1", 'a"1', '2"']),
        ("1  2\t3", WHITESPACE, ["1", "2", "3"]),
        ('"a b" 2', WHITESPACE, ["a b", "2"]),
        ("a, b", "", ["a, b"]),
        ('"a, b"', "", ["a, b"]),
    ],
)
def test_cells(line, delimiter, cells):
    assert cells_of(line, delimiter) == cells
    assert count_cells(line, delimiter) == len(cells)


@pytest.mark.parametrize("line", ['1,"2', '"1"",2', '"', '""",1'])
def test_an_open_quotation_is_an_error(line):
    with pytest.raises(ValueError, match="not closed"):
        count_cells(line, ",")


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet='a1 ,"', min_size=1, max_size=12), st.sampled_from([",", WHITESPACE]))
def test_pandas_counts_the_same(line, delimiter):
    if not line.strip():
        return
    try:
        count = count_cells(line, delimiter)
    except ValueError:
        return
    # pandas drops a line that is all delimiters; a first line of ours tells it how many columns there are.
    table = pd.read_csv(io.StringIO(f"{line}\n"), sep=delimiter, header=None, skipinitialspace=True, dtype=str)
    assert table.shape == (1, count)
