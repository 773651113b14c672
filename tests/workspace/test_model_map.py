import dataclasses

import pytest
import vl_convert

from core.workspace.model_map import KIND_COLOURS, model_map
from core.workspace.results import LayerRow


def row(key, *inputs_from, kind="dense", parent=None, holds_layers=False):
    parent = key.rpartition("/")[0] if parent is None else parent
    return LayerRow(
        key,
        key.rpartition("/")[2],
        1,
        key.count("/"),
        "Dense",
        kind,
        "3",
        0,
        holds_layers=holds_layers,
        parent=parent,
        inputs_from=inputs_from,
    )


PLAIN = [row("a", "input:x"), row("b", "a"), row("c", "b")]
SKIP = [row("a", "input:x"), row("b", "a"), row("sum", "b", "a", kind="other")]
NESTED = [
    row("first", "input:x"),
    row("inner", "first", kind="model", holds_layers=True),
    row("inner/a", "first"),
    row("inner/deep", "inner/a", kind="model", holds_layers=True),
    row("inner/deep/z", "inner/a"),
    row("last", "inner"),
]


class Drawn:
    def __init__(self, rows, inputs=("x",), selected="", opened=()):
        self.spec = model_map(rows, inputs, selected, frozenset(opened)).to_dict()
        assert vl_convert.vegalite_to_svg(self.spec).startswith("<svg")
        self.boxes = {}
        self.lines = {}
        for table in self.spec["datasets"].values():
            for entry in table:
                if "layer" in entry:
                    self.boxes[entry["layer"]] = entry
                elif "edge" in entry:
                    self.lines.setdefault(entry["edge"], []).append((entry["x"], entry["y"]))

    @property
    def edges(self):
        """Return which boxes the lines lead from and to."""
        return {(self.at(*points[0]), self.at(*points[-1])) for points in self.lines.values()}

    def at(self, x, y):
        for key, box in self.boxes.items():
            if box["left"] <= x <= box["right"] and y in (box["top"], box["bottom"]):
                return key
        raise AssertionError(f"a line ends at {x}, {y}, where no box is")


def test_a_box_per_layer_and_a_line_per_connection():
    drawn = Drawn(PLAIN, selected="b")

    assert list(drawn.boxes) == ["input:x", "a", "b", "c"]
    assert drawn.edges == {("input:x", "a"), ("a", "b"), ("b", "c")}
    tops = [box["top"] for box in drawn.boxes.values()]
    assert tops == sorted(set(tops))
    assert [key for key, box in drawn.boxes.items() if box["selected"]] == ["b"]


def test_a_shortcut_goes_round_what_it_passes():
    drawn = Drawn(SKIP)

    assert drawn.edges == {("input:x", "a"), ("a", "b"), ("b", "sum"), ("a", "sum")}
    (round_it,) = [points for points in drawn.lines.values() if len(points) > 2]
    box = drawn.boxes["b"]
    assert any(x < box["left"] for x, _ in round_it)


def test_branches_stand_beside_each_other():
    drawn = Drawn([row("a", "input:x"), row("left", "a"), row("right", "a"), row("sum", "left", "right")])

    left, right = drawn.boxes["left"], drawn.boxes["right"]
    assert left["top"] == right["top"]
    assert left["right"] < right["left"]


def test_several_inputs():
    drawn = Drawn([row("a", "input:x"), row("b", "input:y"), row("sum", "a", "b")], inputs=("x", "y"))

    assert drawn.boxes["input:x"]["top"] == drawn.boxes["input:y"]["top"] == 0
    assert drawn.edges == {("input:x", "a"), ("input:y", "b"), ("a", "sum"), ("b", "sum")}


@pytest.mark.parametrize(
    ("opened", "boxes", "edges"),
    [
        ((), ["first", "inner", "last"], {("first", "inner"), ("inner", "last")}),
        (
            ("inner",),
            ["first", "inner/a", "inner/deep", "last"],
            {("first", "inner/a"), ("inner/a", "inner/deep"), ("inner/deep", "last")},
        ),
        (
            ("inner", "inner/deep"),
            ["first", "inner/a", "inner/deep/z", "last"],
            {("first", "inner/a"), ("inner/a", "inner/deep/z"), ("inner/deep/z", "last")},
        ),
        (("inner/deep",), ["first", "inner", "last"], {("first", "inner"), ("inner", "last")}),
    ],
)
def test_nested_models_are_folded_until_they_are_opened(opened, boxes, edges):
    drawn = Drawn(NESTED, opened=opened)

    assert list(drawn.boxes) == ["input:x", *boxes]
    assert drawn.edges == {("input:x", "first"), *edges}


def test_a_click_gives_the_key():
    (param,) = [param for param in Drawn(PLAIN).spec["params"] if "select" in param]

    assert param["name"] == "layer"
    assert param["select"]["fields"] == ["layer"]


def test_long_names_are_cut_and_whole_on_hover():
    name = "a_very_long_name_of_a_layer_that_no_box_can_hold"
    box = Drawn([row(name, "input:x")]).boxes[name]

    assert len(box["name"]) <= 20
    assert "…" in box["name"]
    assert box["layer"] == name


def test_every_kind_has_a_colour():
    rows = [dataclasses.replace(row(f"l{number}"), kind=kind) for number, kind in enumerate(KIND_COLOURS)]
    drawn = Drawn(rows)

    assert len(set(KIND_COLOURS.values())) == len(KIND_COLOURS)
    assert {box["kind"] for box in drawn.boxes.values()} == set(KIND_COLOURS)


def test_everything_lies_inside():
    drawn = Drawn(NESTED, opened=("inner",))

    for box in drawn.boxes.values():
        assert 0 <= box["left"] < box["right"] <= drawn.spec["width"]
        assert 0 <= box["top"] < box["bottom"] <= drawn.spec["height"]


def test_a_model_without_known_inputs():
    assert list(Drawn([row("a"), row("b", "a")], inputs=()).boxes) == ["a", "b"]


def test_a_source_that_is_not_known_is_left_out():
    assert Drawn([row("a", "input:elsewhere"), row("b", "gone")]).edges == set()


def test_a_box_has_a_bar_as_long_as_its_layer_moves_by_an_edit():
    spec = model_map(PLAIN, ("x",), "b", frozenset(), {"a": 0.5, "b": 2.0, "c": 0.0}).to_dict()
    bars = {
        entry["layer"]: entry["right"] - entry["left"]
        for table in spec["datasets"].values()
        for entry in table
        if "change" in entry
    }

    assert vl_convert.vegalite_to_svg(spec).startswith("<svg")
    assert bars["a"] == pytest.approx(bars["b"] / 4)
    assert bars["c"] == 0
    assert "input:x" not in bars
