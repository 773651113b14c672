import altair as alt
import numpy as np
import pandas as pd
import pytest

from core.charts.altair_settings import plain_settings
from core.charts.table_rows import table_rows

PLAIN = {
    "float32": np.array([0.1, np.nan, np.inf, -np.inf], "float32"),
    "float16": np.array([0.1, 2, 3, np.nan], "float16"),
    "float64": [1.5, -0.0, 1e300, 1e-300],
    "uint8": np.array([0, 255, 3, 4], "uint8"),
    "int64": np.array([-(2**53), 2, 3, 4]),
    "bool": [True, False, True, False],
    "text": ["a", "", None, "ü"],
    "category": pd.Categorical(["b", "a", None, "b"]),
    "numbers as category": pd.Categorical([3, 1, 2, 3]),
}
OTHERS = {
    "dates": pd.to_datetime(["2026-11-29", "2026-11-30", None, "2026-12-01"]),
    "objects": pd.Series([1, "a", None, 2.5], dtype=object),
    "nullable": pd.array([1, None, 3, 4], "Int64"),
}


def typed(rows):
    return [{name: (value, type(value)) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("name", sorted(PLAIN | OTHERS))
def test_rows_are_those_of_altair(name):
    table = pd.DataFrame({"number": np.arange(4), name: (PLAIN | OTHERS)[name]}, index=[3, 1, 1, 0])
    rows = table_rows(table)["values"]
    assert typed(rows) == typed(alt.to_values(table)["values"])
    assert [row["number"] for row in rows] == [0, 1, 2, 3]


@pytest.mark.parametrize("columns", [range(2), ["a", "a"], pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])])
def test_names_of_columns_are_what_altair_says_of_them(columns):
    table = pd.DataFrame([[1, 2], [3, 4]], columns=columns)

    def of(transform):
        try:
            return transform(table)
        except ValueError as error:
            return str(error)

    assert of(table_rows) == of(alt.to_values)


def test_a_table_without_rows_or_columns_has_none():
    assert table_rows(pd.DataFrame({"a": []})) == {"values": []}
    assert table_rows(pd.DataFrame()) == alt.to_values(pd.DataFrame())


def test_more_rows_than_allowed_are_refused():
    table = pd.DataFrame({"a": np.arange(11)})
    with plain_settings(max_rows=10), pytest.raises(alt.MaxRowsError):
        alt.Chart(table).mark_bar().to_dict()
    with plain_settings(max_rows=11):
        assert len(next(iter(alt.Chart(table).mark_bar().to_dict()["datasets"].values()))) == 11


def test_what_is_no_table_of_pandas_is_left_to_altair():
    data = {"values": [{"a": 1}]}
    assert table_rows(data) == alt.default_data_transformer(data)
