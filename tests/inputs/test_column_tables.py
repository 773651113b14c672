import keras
import numpy as np
import pandas as pd
import pytest

import core
from core.errors import InputRejected
from core.inputs.files import UploadedFile, read_files
from core.inputs.model_inputs import input_specs
from core.inputs.sources import read_samples
from core.inputs.spec import InputSpec
from core.inputs.structure import arrange

TABLE = pd.DataFrame(
    {
        "Age": [63, 37, 41, 56],
        "cp": [1, 3, 2, 4],
        "thal": ["fixed", "NA", "normal", "7"],
        "old peak": [2.3, 3.5, 1.4, 0.8],
        "target": [0, 1, 0, 1],
        "remark": ["a", "b", "c, d", ""],
    }
)


@pytest.fixture(scope="module")
def structured_data_model():
    """Return a model as Keras' tutorial on structured data makes it: lookups, bins and normalization inside."""
    layers = keras.layers
    inputs = {
        "age": keras.Input((1,), name="age"),
        "cp": keras.Input((1,), name="cp", dtype="int64"),
        "thal": keras.Input((1,), name="thal", dtype="string"),
        "old_peak": keras.Input((1,), name="old_peak"),
    }
    encoded = [
        layers.Normalization(mean=54.0, variance=81.0)(inputs["age"]),
        layers.Discretization([40.0, 50.0, 60.0], output_mode="one_hot")(inputs["age"]),
        layers.IntegerLookup(vocabulary=[1, 2, 3, 4], output_mode="one_hot")(inputs["cp"]),
        layers.StringLookup(vocabulary=["fixed", "normal", "NA", "7"], output_mode="one_hot")(inputs["thal"]),
        inputs["old_peak"],
    ]
    keras.utils.set_random_seed(3)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="risk")(layers.Concatenate()(encoded)))


def given(table, model, key="", name="heart.csv"):
    content = table if isinstance(table, str) else table.to_csv(index=False)
    return read_files({key: [UploadedFile(name, content.encode())]}, input_specs(model))


def rejected(table, model, key=""):
    with pytest.raises(InputRejected) as caught:
        given(table, model, key)
    assert caught.value.remedy
    return caught.value.message


def answers_by_hand(model, table):
    weights, bias = (np.asarray(each) for each in model.get_layer("risk").get_weights())
    rows = []
    for _, row in table.iterrows():
        bins = np.eye(4)[np.searchsorted([40, 50, 60], row["Age"], side="right")]
        place = np.eye(5)[row["cp"]]
        thal = np.eye(5)[1 + ["fixed", "normal", "NA", "7"].index(row["thal"])]
        rows.append(np.concatenate([[(row["Age"] - 54) / 9], bins, place, thal, [row["old peak"]]]))
    return 1 / (1 + np.exp(-(np.stack(rows) @ weights + bias)))


@pytest.mark.parametrize("key", ["", "age", "thal"])
def test_a_column_for_each_input_goes_through_the_model(structured_data_model, key):
    samples = given(TABLE, structured_data_model, key)

    answers = core.extract(structured_data_model, arrange(structured_data_model, samples.arrays))["risk"].values
    np.testing.assert_allclose(answers, answers_by_hand(structured_data_model, TABLE), rtol=1e-5)
    assert samples.labels.tolist() == [0, 1, 0, 1]
    assert samples.labels_origin == "labels in the column 'target'"
    assert samples.names == ("row 1", "row 2", "row 3", "row 4")


def test_the_order_of_columns_the_delimiter_and_the_index_are_free(structured_data_model):
    other = TABLE[["remark", "thal", "target", "old peak", "cp", "Age"]].to_csv(sep=";", decimal=",")
    samples = given(other, structured_data_model)

    assert samples.arrays["old_peak"][:, 0].tolist() == pytest.approx([2.3, 3.5, 1.4, 0.8])
    assert samples.arrays["thal"][:, 0].tolist() == ["fixed", "NA", "normal", "7"]
    assert samples.labels.tolist() == [0, 1, 0, 1]


def test_an_input_of_several_numbers_takes_its_own_columns_or_those_that_are_left():
    numeric, colour = keras.Input((2,), name="numeric"), keras.Input((), name="colour", dtype="string")
    coded = keras.layers.StringLookup(vocabulary=["red"], output_mode="one_hot")(colour)
    model = keras.Model([numeric, colour], keras.layers.Concatenate()([numeric, coded]))

    numbered = given("numeric_1,colour,numeric_0,id\n2,red,1,9\n4,blue,3,9\n", model)
    assert sorted(numbered.arrays["numeric"][0].tolist()) == [1, 2]
    left = given("colour,width,height,label\nred,1,2,x\nblue,3,4,y\n", model)
    assert left.arrays["numeric"].tolist() == [[1, 2], [3, 4]]
    assert left.arrays["colour"].tolist() == ["red", "blue"]
    assert left.feature_names == {"numeric": ("width", "height")}
    assert "no 2 columns for the input 'numeric'" in rejected("colour,a,b,c\nred,1,2,3\n", model)


def read_table_of(header, specs, row=None):
    """Return what a table with one row fills the inputs with: each cell the position of its column, or as said."""
    cells = [str(each) for each in (range(len(header)) if row is None else row)]
    table = f"{','.join(header)}\n{','.join(cells)}\n"
    return read_files({"": [UploadedFile("table.csv", table.encode())]}, specs)


WIDE = (InputSpec("f", (12,), "float32"), InputSpec("z", (1,), "float32"))


@pytest.mark.parametrize("pattern", ["f_{}", "f{}", "F[{}]", "f ({})"])
@pytest.mark.parametrize("first", [0, 1])
def test_numbered_columns_are_taken_by_their_number(pattern, first):
    # As pandas and many tools sort names: f_0, f_1, f_10, f_11, f_2, …
    numbers = sorted(range(first, first + 12), key=str)
    samples = read_table_of([*(pattern.format(number) for number in numbers), "z"], WIDE, [*numbers, 99])

    assert samples.arrays["f"].tolist() == [list(range(first, first + 12))]
    assert samples.feature_names["f"] == tuple(pattern.format(number) for number in range(first, first + 12))


@pytest.mark.parametrize("numbers", [[*range(11), 12], [*range(11), "07"]])
def test_numbered_columns_of_which_one_is_missing_or_doubled_are_refused(numbers):
    with pytest.raises(InputRejected, match="no 12 columns for the input 'f'"):
        read_table_of([*(f"f_{number}" for number in numbers), "z"], WIDE)


def test_no_column_is_given_to_two_inputs():
    specs = [InputSpec(name, (1,), "float32") for name in ("x1", "x_1", "z")]

    for header in (["x1", "z", "q"], ["X1", "z", "q"]):
        with pytest.raises(InputRejected, match=r"no column 'x_?1'"):
            read_table_of(header, specs)
    samples = read_table_of(["X-1", "z", "x1"], specs)
    assert {name: values.item() for name, values in samples.arrays.items()} == {"x1": 2, "x_1": 0, "z": 1}
    # Nor one that bears the name of a single number's input to one that takes several.
    wide = [InputSpec("x", (2,), "float32"), InputSpec("x_1", (1,), "float32")]
    with pytest.raises(InputRejected, match="no 2 columns for the input 'x'"):
        read_table_of(["x_0", "x_1"], wide)


def test_names_of_columns_that_are_long_or_many_take_no_time():
    import time

    specs = [InputSpec("x", (2,), "float32"), InputSpec("z", (1,), "float32")]
    started = time.monotonic()
    with pytest.raises(InputRejected, match="no 2 columns"):
        read_table_of(["1" * 16_000 + "x", "x" + "1" * 16_000, "a" + "_" * 16_000, "z"], specs)
    with pytest.raises(InputRejected, match="more than one column 'x_0'"):
        read_table_of([*(f"other{number}" for number in range(20_000)), "x_0", "x_0", "z"], specs)
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="thal"), "no column 'thal' for the input of that name"),
        (lambda table: table.rename(columns={"thal": "thall"}), "did you mean 'thall'"),
        (lambda table: table.assign(cp=[1, np.nan, 2, 3]), "'cp' is empty in line 3.*whole numbers"),
        (lambda table: table.assign(cp=[1, 2.5, 2, 3]), "2.5"),
        (lambda table: table.assign(Age=["63", "young", "1", "2"]), "'Age' is not a number in line 3: 'young'"),
        (lambda table: "1,2,a,3\n4,5,b,6\n", "no names of columns"),
        (lambda table: "age,age,thal,old_peak\n1,2,a,3\n", "more than one column 'age'"),
    ],
)
def test_what_does_not_fit_is_said_by_column_and_line(structured_data_model, change, words):
    import re

    assert re.search(words, rejected(change(TABLE), structured_data_model))


def test_a_missing_number_is_nan_and_a_missing_text_is_empty(structured_data_model):
    holes = TABLE.assign(Age=[63, np.nan, 41, 56], thal=["fixed", "", "normal", "7"])
    samples = given(holes, structured_data_model)

    assert np.isnan(samples.arrays["age"][:, 0]).tolist() == [False, True, False, False]
    assert samples.arrays["thal"][:, 0].tolist() == ["fixed", "", "normal", "7"]


def test_a_table_for_one_of_several_inputs_stays_its_own():
    specs = [InputSpec("sizes", (2,), "float32"), InputSpec("word", (), "string")]
    files = {
        "sizes": [UploadedFile("sizes.csv", b"width,height\n1,2\n3,4\n")],
        "word": [UploadedFile("words.txt", b'A sentence, with "a quote\nand another\n')],
    }
    samples = read_files(files, specs)

    assert samples.arrays["sizes"].tolist() == [[1, 2], [3, 4]]
    assert samples.arrays["word"].tolist() == ['A sentence, with "a quote', "and another"]


def test_a_frame_in_python_is_read_the_same(structured_data_model):
    frame = TABLE.rename(columns={"Age": "age", "old peak": "old_peak"})

    answers = core.extract(structured_data_model, frame)["risk"].values
    np.testing.assert_allclose(answers, answers_by_hand(structured_data_model, TABLE), rtol=1e-5)


def test_the_column_of_labels_of_a_frame_is_no_input(structured_data_model):
    frame = TABLE.rename(columns={"Age": "age", "old peak": "old_peak"})

    assert read_samples(structured_data_model, frame).samples.labels.tolist() == [0, 1, 0, 1]
    assert read_samples(structured_data_model, frame, ["a", "b", "a", "b"]).samples.labels.tolist() == list("abab")
    vector = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1)])
    numbers = pd.DataFrame({"width": [1.0, 2.0], "height": [3.0, 4.0], "Label": ["small", "large"]})
    read = read_samples(vector, numbers).samples
    assert read.arrays["x"].tolist() == [[1, 3], [2, 4]]
    assert read.labels.tolist() == ["small", "large"]
    assert read.feature_names == {"x": ("width", "height")}
    two = pd.DataFrame({"target": [1.0, 2.0], "height": [3.0, 4.0]})
    assert read_samples(vector, two).samples.labels is None


def test_a_dataset_of_dicts_is_read_the_same(structured_data_model):
    import tensorflow as tf

    columns = TABLE.rename(columns={"Age": "age", "old peak": "old_peak"})[["age", "cp", "thal", "old_peak"]]
    dataset = tf.data.Dataset.from_tensor_slices((dict(columns), TABLE["target"]))

    for each in (dataset, dataset.batch(3)):
        answers = core.extract(structured_data_model, each)["risk"].values
        np.testing.assert_allclose(answers, answers_by_hand(structured_data_model, TABLE), rtol=1e-5)
        assert read_samples(structured_data_model, each).samples.labels.tolist() == [0, 1, 0, 1]
