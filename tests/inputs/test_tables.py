import io
import time

import numpy as np
import pandas as pd
import pytest

from core.errors import InputRejected
from core.inputs.spec import InputSpec
from core.inputs.tables import read_table
from core.inputs.text_lines import decoded_text

VECTOR = InputSpec("flower", (2,), "float32")
SERIES = InputSpec("series", (3, 2), "float32")
SINGLE = InputSpec("series", (None, 1), "float32")
TEXT = InputSpec("review", (1,), "string")


def read(text, spec=VECTOR, name="data.csv"):
    return read_table(text.encode() if isinstance(text, str) else text, name, spec)


def rejected(text, spec=VECTOR):
    with pytest.raises(InputRejected) as caught:
        read(text, spec)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "1.5,2\n3,4\n",
        "1.5, 2\r\n3, 4\r\n",
        "1.5;2\n3;4",
        "1,5;2\n3;4",
        "1,5\t2\n3\t4",
        "1.5\t2\n3\t4",
        "1.5|2\n3|4",
        "1.5 2\n3   4",
        "1.500e+00 2.0e+00\n3.0e+00 4.0e+00\n",
        "# made by numpy.savetxt\n1.5,2\n3,4",
        "\n1.5,2\n\n3,4\n\n",
        "width,height\n1.5,2\n3,4",
        '"width","height"\n1.5,2\n3,4',
        "width height\n1.5 2\n3 4",
        "\ufeffwidth;height\n1,5;2\n3;4",
        ",width,height\n0,1.5,2\n1,3,4",
        ",0,1\n0,1.5,2\n1,3,4",
    ],
)
def test_rows_of_features_however_they_are_written(text):
    table = read(text)
    assert table.values.tolist() == [[1.5, 2.0], [3.0, 4.0]]
    assert table.labels is None
    assert table.names == ("row 1", "row 2")


def test_what_pandas_and_numpy_write_is_read():
    values = np.random.default_rng(0).random((5, 4))
    spec = InputSpec("x", (4,), "float32")
    frame = pd.DataFrame(values)
    written = io.StringIO()
    np.savetxt(written, values, fmt="%.18e")
    for text in (written.getvalue(), frame.to_csv(), frame.to_csv(index=False), frame.to_csv(sep="\t", decimal=",")):
        np.testing.assert_allclose(read(text, spec).values, values)


def test_utf16_and_windows_files():
    assert read("width;höhe\n1;2".encode("utf-16")).values.tolist() == [[1, 2]]
    assert read("width;höhe\n1;2".encode("cp1252")).values.tolist() == [[1, 2]]
    assert decoded_text("größe".encode("cp1252"), "a") == "größe"


def test_whole_numbers_stay_whole():
    assert read("1,2\n3,4").values.dtype == np.int64
    assert read("1,2\n3,4.5").values.dtype == np.float64
    assert read("1,True\n2,False").values.tolist() == [[1, 1], [2, 0]]


def test_missing_and_infinite_values_are_kept():
    values = read("1,\nnan,inf\n-inf,NA").values
    np.testing.assert_array_equal(values, [[1, np.nan], [np.nan, np.inf], [-np.inf, np.nan]])


@pytest.mark.parametrize("title", ["label", "Class", "TARGET"])
def test_a_label_column_is_split_off(title):
    table = read(f"width,{title},height\n1,setosa,2\n3,virginica,4")
    assert table.values.tolist() == [[1, 2], [3, 4]]
    assert table.labels.tolist() == ["setosa", "virginica"]
    numbers = read(f"{title},width,height\n0,1,2\n7,3,4").labels
    assert numbers.tolist() == [0, 7]
    assert numbers.dtype == np.int64


def test_a_row_of_pixels_becomes_a_picture():
    text = "label," + ",".join(f"pixel{index}" for index in range(4)) + "\n7,1,2,3,4\n"
    table = read(text, InputSpec("digit", (2, 2, 1), "float32"))
    assert table.values.tolist() == [[[[1], [2]], [[3], [4]]]]
    assert table.labels.tolist() == [7]


def test_one_sequence_with_a_row_per_time_step():
    table = read("a,b\n1,2\n3,4\n5,6", SERIES)
    assert table.values.tolist() == [[[1, 2], [3, 4], [5, 6]]]
    assert table.names == ("data.csv",)
    labelled = read("a,b,label\n1,2,up\n3,4,up\n5,6,up", SERIES)
    assert labelled.labels.tolist() == ["up"]


def test_sequences_in_long_form():
    table = read("sample,a,label,b\nx,1,0,2\ny,10,1,20\nx,3,0,4\nx,5,0,6\ny,30,1,40\ny,50,1,60", SERIES)
    assert table.values.tolist() == [[[1, 2], [3, 4], [5, 6]], [[10, 20], [30, 40], [50, 60]]]
    assert table.labels.tolist() == [0, 1]
    assert table.names == ("sample x", "sample y")
    assert read("sample,value\n0,1\n0,2", SINGLE).values.shape == (1, 2, 1)


def test_rows_of_a_single_feature():
    assert read("1,2,3\n4,5,6", SINGLE).values.tolist() == [[[1], [2], [3]], [[4], [5], [6]]]
    assert read("1\n2\n3", SINGLE).values.tolist() == [[[1], [2], [3]]]


def test_flat_rows_of_a_sequence():
    assert read("1,2,3,4,5,6\n1,2,3,4,5,6", SERIES).values.shape == (2, 3, 2)


def test_one_column():
    assert read("x\n1\nnan\n3", InputSpec("x", (1,), "float32")).values.shape == (3, 1)
    assert read("1\n2", InputSpec("x", (), "float32")).values.tolist() == [[1], [2]]


def test_text_in_a_table():
    table = read('label,text\nspam,"Win, now"\nham,NA\n', TEXT)
    assert table.values.tolist() == [["Win, now"], ["NA"]]
    assert table.labels.tolist() == ["spam", "ham"]
    assert read("A sentence\nAnother sentence", TEXT).values.tolist() == [["A sentence"], ["Another sentence"]]
    assert "2 columns beside the label ('a', 'b')" in rejected("a,b\nx y,y z", TEXT).message


def test_what_is_not_finite_stays():
    table = read("1,nan\nNaN,inf\n-inf,Infinity\n,NA\n1e400,-1e400\n")
    expected = [[1, np.nan], [np.nan, np.inf], [-np.inf, np.inf], [np.nan, np.nan], [np.inf, -np.inf]]
    np.testing.assert_array_equal(table.values, expected)


@pytest.mark.parametrize(
    ("text", "dtype", "values"),
    [
        ("1,18446744073709551615", np.uint64, [[1, 2**64 - 1]]),
        ("-1,18446744073709551615", np.float64, [[-1, 2.0**64]]),
        ("-1,2\n18446744073709551615,3", np.float64, [[-1, 2], [2.0**64, 3]]),
        (f"1,{10**30}", np.float64, [[1, 1e30]]),
        ("1,9223372036854775807", np.int64, [[1, 2**63 - 1]]),
    ],
)
def test_large_numbers_keep_their_sign(text, dtype, values):
    table = read(text)
    assert table.values.dtype == dtype
    assert table.values.tolist() == values


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "utf-8"])
def test_encodings(encoding):
    assert read("größe,höhe\n1.5,2\n3,4".encode(encoding)).values.tolist() == [[1.5, 2], [3, 4]]


def test_mixed_line_ends():
    assert read(b"1,2\r\n3,4\r5,6\n\r\n").values.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_two_columns_of_the_same_name():
    assert read("a,a\n1,2").values.tolist() == [[1, 2]]
    assert "more than one column 'label'" in rejected("label,a,label\n1,2,3").message


def test_a_class_that_is_missing_is_told():
    assert "column 'label' is empty in line 3" in rejected("label,a,b\n1,2,3\n,4,5").message


def test_formulas_are_text():
    assert read("label,text\n1,=1+1\n0,@x", TEXT).values.tolist() == [["=1+1"], ["@x"]]
    assert "not a number in line 2: '=1+1'" in rejected("a,b\n=1+1,2").message


def test_quotations_in_sentences_stay():
    sentences = '"Yes," he said\n"Win, now"\nHe said "no"'
    assert read(sentences, TEXT).values.tolist() == [['"Yes," he said'], ["Win, now"], ['He said "no"']]


def test_quotation_marks_within_cells_are_no_delimiters():
    assert "not a number in line 1: '5\"'" in rejected('1,5"\n2,6"').message
    assert "line 2 has 2 columns, the first line has 3" in rejected('1,a"1,2"\n4,x').message


@pytest.mark.parametrize(
    "text",
    [
        "#\n" * 400_000,
        '"' * 4_000_000,
        '"",' * 70_000,
        '""' * 2_000_000 + ",1\n",
        "\n" * 1_500_000,
        '"' + "a" * 4_000_000 + '",1',
        "," * 70_000,
        "1e400," * 70_000,
        "\t " * 2_000_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_bombs_are_refused_within_seconds(text):
    before = time.process_time()
    assert rejected(text).remedy
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    "text", ["\x1b[31m\nx\u202e" * 9, "a" * 5000], ids=["control characters", "five thousand letters"]
)
def test_names_of_columns_are_cut_and_clean(text):
    column = text.replace("\n", "")
    for message in (
        rejected(f"{column},b\nx,2\n").message,
        rejected(f"{column},b\nx y,y z", TEXT).message,
    ):
        assert len(message) < 300
        assert message.isprintable()


@pytest.mark.parametrize(
    ("text", "spec", "words"),
    [
        (b"1,2\n" * 40_000 + b"3,\0004\n", VECTOR, "neither text"),
        ("1,2".encode("utf-32"), VECTOR, "neither text"),
        ("1" + "0" * 400 + ",2\n3,4", VECTOR, "not a number"),
        ("1" + "0" * 5000 + ",2\n3,4", VECTOR, "not a number"),
        ("1_000,2\n3,4", VECTOR, "not a number in line 1: '1_000'"),
        ("width,height\n1,2\n3,tall", VECTOR, "data.csv: column 'height' is not a number in line 3: 'tall'"),
        ("\nwidth,height\n\n1,2\n3,tall", VECTOR, "in line 5"),
        ("5.1,setosa\n4.9,setosa", VECTOR, "column 2 is not a number in line 1: 'setosa'"),
        ("1" * 400 + ",2\n3,4", VECTOR, "not a number"),
        ("1,2\n3,4,5", VECTOR, "line 2 has 3 columns, the first line has 2"),
        ("1,2\n3,4\n5", VECTOR, "line 3 has 1 columns"),
        ('1,2\n"3,4', VECTOR, "line 2 opens a quotation mark"),
        ("", VECTOR, "data.csv is empty"),
        ("# nothing\n", VECTOR, "data.csv is empty"),
        ("width,height\n", VECTOR, "names of columns and nothing else"),
        (b"\0\1\2", VECTOR, "neither text"),
        ("1,2,3\n4,5,6", SERIES, "data.csv holds 2×3 (rows, columns)"),
        ("1,2,3\n4,5,6", InputSpec("x", (5, 5, 1), "float32"), "expects ?×5×5×1"),
        ("sample,a,b\n0,1,2", SERIES, "sample 0 has 1 time steps, 3 are expected"),
        ("sample,a\n0,1\n0,1\n1,1", SINGLE, "sample 1 has 1 time steps, 2 are expected"),
        ("a,b,label\n1,2,up\n3,4,up\n5,6,down", SERIES, "from 'up' to 'down'"),
        ("1," * 65_536 + "1", VECTOR, "more than 65,536 columns"),
        ("1" * 6_000_000, VECTOR, "characters in a line"),
        ("1\n" * 1_000_001, VECTOR, "more than 1,000,000 rows"),
        ("\n".join(["1," * 30_000 + "1"] * 700), VECTOR, "more than 20,000,000 cells"),
        (b"\x1f\x8b\x08\0\0\0\0\0", VECTOR, "neither text"),
    ],
)
def test_what_is_wrong_is_said(text, spec, words):
    error = rejected(text, spec)
    assert words in error.message
    assert error.remedy
    assert len(str(error)) < 500
