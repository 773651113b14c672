import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()


@pytest.fixture(scope="module")
def recorded():
    """The activations of two examples, by name."""
    found = {}
    for name in ("digits-cnn", "vowels-lstm"):
        example = core.get_example(name)
        model = core.load_model(example.model_path)
        arrays, labels = example.samples()
        given = core.arrange(model, {key: array[:40] for key, array in arrays.items()})
        found[name] = core.extract(model, given, labels=labels[:40], class_names=example.class_names)
    return found


def drawn(activation, **options):
    drawing = registry.draw("projection", activation, options)
    for picture in drawing.pictures:
        assert vl_convert.vegalite_to_svg(picture.specification).startswith("<svg")
    return drawing


def rows(picture):
    return max(picture.specification["datasets"].values(), key=len)


def test_a_point_per_sample_with_its_picture_and_classes(recorded):
    points, near = drawn(recorded["digits-cnn"]["dense"], sample=3).pictures
    found = rows(points)

    assert [row["sample"] for row in found] == list(range(40))
    assert [row["sample"] for row in found if row["open"]] == [3]
    assert all(row["image"].startswith("data:image/png") for row in found)
    labels = recorded["digits-cnn"]["dense"].context.labels
    assert [row["class"] for row in found] == [str(label) for label in labels]
    assert sum(row["correct or wrong"] == "correct" for row in found) >= 38
    assert "explain" in str(points.specification["title"])
    assert points.selections == ("sample", "region")
    assert near.selections == ("sample",)
    assert max(abs(row[axis]) for row in found for axis in "xy") == 1


def test_the_nearest_are_of_the_same_class(recorded):
    _, near = drawn(recorded["digits-cnn"]["dense"], sample=3).pictures
    found = rows(near)

    assert near.caption.startswith("Nearest to sample 3 (")
    assert len(found) == 8
    assert [row["distance"] for row in found] == sorted(row["distance"] for row in found)
    assert (
        found[0]["class"]
        == recorded["digits-cnn"]["dense"].context.class_names[recorded["digits-cnn"]["dense"].context.labels[3]]
    )


def test_in_space_it_turns_in_the_browser(recorded):
    points, _ = drawn(recorded["vowels-lstm"]["lstm_2"], method="t-SNE", dimensions=3).pictures
    bound = {param["name"]: param["bind"]["input"] for param in points.specification["params"] if "bind" in param}

    assert bound == {"yaw": "range", "pitch": "range"}
    assert "trustworthiness" in str(points.specification["title"])
    assert max(row["x"] ** 2 + row["y"] ** 2 + row["z"] ** 2 for row in rows(points)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("colour", ["class", "prediction", "correct or wrong", "unit"])
def test_colours(recorded, colour):
    points, _ = drawn(recorded["digits-cnn"]["conv_1"], colour_by=colour, pooling="mean", unit=99).pictures
    assert points.specification["layer"][0]["encoding"]["color"]["field"] == colour


def test_a_placement_is_worked_out_once(recorded):
    told = []
    counts = []
    for sample in (0, 1):
        options = {"method": "t-SNE", "seed": 7, "sample": sample}
        registry.draw("projection", recorded["digits-cnn"]["dense"], options, progress=lambda *each: told.append(each))
        counts.append(len(told))

    assert counts[0] == counts[1] > 5


def test_what_has_no_place_is_refused(recorded, make_activation):
    values = np.ones((6, 3), np.float32)
    values[2, 1] = np.nan

    assert "NaN" in drawn(make_activation(values)).refusal
    match = registry.get("projection").handles.match(make_activation(np.ones((4, 3))))
    assert match.reason == "needs at least 5 samples"


def test_without_labels_and_predictions(make_activation):
    points, near = drawn(make_activation("sample=7 unit=3")).pictures

    assert {row["class"] for row in rows(points)} == {row["prediction"] for row in rows(points)} == {"not known"}
    assert near.specification["mark"]["type"] == "bar"
