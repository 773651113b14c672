"""Lists of the names of classes, as people keep them: beside a model, in its folder, in a paper's repository."""

import json

import keras
import numpy as np
import pytest

from core.errors import InputRejected
from core.inputs.class_names import class_names_of, fitting_names, is_class_names_file, parse_class_names
from core.inputs.model_output import ModelOutput

ANIMALS = ("cat", "dog", "polar bear")


@pytest.mark.parametrize(
    "text",
    [
        "cat\ndog\npolar bear",
        "cat\r\n\r\n  dog \r\npolar bear\r\n",
        "0 cat\n1 dog\n2 polar bear",
        "0: cat\n1: dog\n2: polar bear",
        "1\tcat\n2\tdog\n3\tpolar bear",
        "2, polar bear\n0, cat\n1, dog",
        "n02123045 cat\nn02084071 dog\nn02134084 polar bear",
        "0 n02123045 cat\n1 n02084071 dog\n2 n02134084 polar bear",
        "cat, dog, polar bear",
        '["cat", "dog", "polar bear"]',
        "['cat', 'dog', 'polar bear']",
        '{"0": "cat", "2": "polar bear", "1": "dog"}',
        "{0: 'cat', 1: 'dog', 2: 'polar bear'}",
        '{"cat": 0, "polar bear": 2, "dog": 1}',
        '{"0": ["n02123045", "cat"], "1": ["n02084071", "dog"], "2": ["n02134084", "polar bear"]}',
        '[{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "polar bear"}]',
        '{"architectures": ["X"], "id2label": {"0": "cat", "1": "dog", "2": "polar bear"}}',
        '{"class_names": ["cat", "dog", "polar bear"]}',
        "\ufeffcat\ndog\npolar bear",
    ],
)
def test_forms_of_lists(text):
    assert parse_class_names(text.encode(), "names.txt") == ANIMALS


@pytest.mark.parametrize(
    "text",
    [
        "cat\ndog\npolar bear",
        "0,cat\n1,dog\n2,polar bear",
        "id;name\n0;cat\n1;dog\n2;polar bear",
        "class_name,class_id\ndog,1\ncat,0\npolar bear,2",
        'index,name\n0,"cat"\n1,dog\n2,"polar bear"',
    ],
)
def test_tables(text):
    assert parse_class_names(text.encode(), "classes.csv") == ANIMALS


def test_names_that_hold_commas_and_numbers():
    synsets = "tench, Tinca tinca\ngoldfish, Carassius auratus"

    assert parse_class_names(synsets.encode(), "synsets.txt") == tuple(synsets.split("\n"))
    assert parse_class_names(b"7 up\n4 cheese pizza", "labels.txt") == ("7 up", "4 cheese pizza")
    assert parse_class_names(b"0\n1\n2", "labels.txt") == ("0", "1", "2")


def test_what_would_deceive_is_taken_out():
    names = parse_class_names("cat\x1b[31m\nd\u202eog\nbear\u200b".encode(), "labels.txt")

    assert names == ("cat[31m", "dog", "bear")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no names"),
        ("{}", "holds no names"),
        ('{"0": "cat", "7": "dog"}', "does not number its classes one by one"),
        ('{"cat": 0, "dog": 0}', "does not number its classes one by one"),
        ('["cat", ', "no JSON that can be read"),
        ("[" * 50_000, "no JSON that can be read"),
        ('["cat", ""]', "an empty one among them"),
        ("cat\n" * 100_001, "no list of names"),
        ("c" * 5_000_000, "no list of names"),
        ('["cat", {"a": {"b": 1}}]', "an empty one among them"),
    ],
)
def test_what_is_no_list_says_why(text, why):
    with pytest.raises(InputRejected, match=why) as refused:
        parse_class_names(text.encode(), "labels.txt")
    assert refused.value.remedy
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    "name",
    [
        "labels.txt",
        "class_names.json",
        "imagenet_class_index.json",
        "ImageNet-classes.txt",
        "classes.csv",
        "coco.names",
        "my_model_labels.txt",
        "label_map.json",
        "anything.json",
    ],
)
def test_a_list_is_known_by_its_name_and_content(name):
    text = json.dumps(ANIMALS) if name.endswith("json") else "\n".join(ANIMALS)

    assert is_class_names_file(name, text.encode())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reviews.txt", "a good film\na bad film"),
        ("labels.csv", "1,2,3\n4,5,6"),
        ("data.csv", "cat\ndog"),
        ("labels.json", '{"a": 1.5}'),
        ("labels.npy", "cat\ndog"),
        ("labels.txt", ""),
    ],
)
def test_data_is_no_list(name, text):
    assert not is_class_names_file(name, text.encode())


def test_names_fit_an_output_of_as_many_classes():
    assert fitting_names(ANIMALS, ModelOutput(3)) == (ANIMALS, "")
    assert fitting_names(("no", "yes"), ModelOutput(1, "sigmoid")) == (("no", "yes"), "")
    assert fitting_names(ANIMALS, ModelOutput()) == (ANIMALS, "")
    assert fitting_names((), ModelOutput(3)) == ((), "")
    names, why = fitting_names(tuple(map(str, range(1000))), ModelOutput(12))
    assert names == ()
    assert why.startswith("The list has 1,000 names, the model answers 12 numbers")
    assert "background" not in why
    assert "may be what the list leaves out" in fitting_names(("x",) * 1000, ModelOutput(1001))[1]


@pytest.mark.parametrize("unknown", [0, 1])
def test_a_models_own_words(unknown, tmp_path):
    numbers = keras.Input((4,), name="numbers")
    shares = keras.layers.Dense(3 + unknown, activation="softmax")(numbers)
    lookup = keras.layers.StringLookup(vocabulary=list(ANIMALS), invert=True, num_oov_indices=unknown)
    model = keras.Model(numbers, [shares, lookup(keras.ops.argmax(shares, axis=-1))])
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")

    names = class_names_of(model, ModelOutput(3 + unknown, "softmax"))
    assert names == (*["[UNK]"] * unknown, *ANIMALS)
    assert class_names_of(model, ModelOutput(9)) == ()


def test_words_that_go_in_are_no_classes():
    lookup = keras.layers.StringLookup(vocabulary=list(ANIMALS))
    words = keras.Input((1,), dtype="string")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(4, 2)(lookup(words)))
    model = keras.Model(words, keras.layers.Dense(4, activation="softmax")(embedded))

    assert class_names_of(model, ModelOutput(4, "softmax")) == ()
    assert model(np.array([["cat"]])).shape == (1, 4)
