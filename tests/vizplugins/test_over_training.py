"""Pictures of what a layer answered over the steps of a training."""

import numpy as np
import pytest

from core.plugins.registry import get_registry


def drawn(name, activation, **options):
    drawing = get_registry().draw(name, activation, options)
    assert not drawing.refusal, drawing.refusal
    return drawing.specification


def rows_of(chart, column):
    """Return the rows of all tables that have a column."""
    tables = [table for table in chart["datasets"].values() if table and column in table[0]]
    return [row for table in tables for row in table]


class TestUnits:
    @pytest.fixture
    def dying(self, make_activation):
        """Unit 1 dies after the second step."""
        values = np.ones((4, 3, 2), np.float32)
        values[2:, :, 1] = 0
        return make_activation(values, axes=("step", "sample", "unit"))

    def test_a_cell_is_the_mean_over_samples_at_a_step(self, dying):
        cells = rows_of(drawn("units-over-training", dying), "value")
        means = {(cell["unit"], cell["step kept_label"]): cell["value"] for cell in cells}

        assert means[1, "100"] == 1
        assert means[1, "200"] == means[1, "300"] == 0
        assert means[0, "300"] == 1

    def test_the_unit_that_changes_most_and_the_step_of_the_page_are_marked(self, dying):
        chart = drawn("units-over-training", dying, step=2)

        assert rows_of(chart, "chosen row")[0]["chosen row"] == "unit 1"
        assert rows_of(chart, "chosen column")[0]["chosen column"] == "step 200"

    def test_what_is_no_number_stays_none(self, make_activation):
        values = np.ones((3, 2), np.float32)
        values[2, 0] = np.nan
        chart = drawn("units-over-training", make_activation(values, axes=("step", "unit"), part="mean"))

        assert [cell["value"] for cell in rows_of(chart, "value") if cell["unit"] == 0][2] is None
        assert "infinite" in str(chart["title"])


class TestSimilarity:
    def test_the_same_answers_turned_are_alike_and_others_are_not(self, make_activation):
        random = np.random.default_rng(1)
        first, turn = random.normal(size=(40, 6)), np.linalg.qr(random.normal(size=(6, 6)))[0]
        other = random.normal(size=(40, 6))
        over_steps = make_activation(np.stack([first, first @ turn, other]), axes=("step", "sample", "unit"))
        cells = rows_of(drawn("similarity-over-training", over_steps), "value")
        likeness = {(cell["step kept_label"], cell["other step_label"]): cell["value"] for cell in cells}

        assert likeness["0", "100"] == pytest.approx(1, abs=1e-4)
        assert likeness["0", "200"] < 0.5

    def test_a_step_with_nan_is_left_out_and_said(self, make_activation):
        values = np.random.default_rng(1).normal(size=(4, 9, 3))
        values[1, 2, 1] = np.nan
        chart = drawn("similarity-over-training", make_activation(values, axes=("step", "sample", "unit")))

        assert {cell["other step_label"] for cell in rows_of(chart, "value")} == {"0", "200", "300"}
        assert "left out: 1 step with numbers" in str(chart["title"])

    def test_steps_at_which_all_samples_are_answered_alike_are_told(self, make_activation):
        values = np.random.default_rng(1).normal(size=(4, 9, 3))
        values[3] = 1
        chart = drawn("similarity-over-training", make_activation(values, axes=("step", "sample", "unit")))

        assert "magenta: the same answer to all samples" in str(chart["title"])

    def test_few_samples_are_asked_for_more(self, make_activation):
        drawing = get_registry().draw("similarity-over-training", make_activation("step=3 sample=2 unit"))
        assert "at least 4 samples" in drawing.refusal


class TestMaps:
    def test_a_map_stands_under_its_step_and_leads_to_it(self, make_activation):
        chart = drawn("map-over-training", make_activation("step=4 sample=2 height width channel"), sample=1, step=1)
        tiles = rows_of(chart, "step")

        assert [tile["step"] for tile in tiles] == [0, 100, 200, 300]
        assert [tile["step"] for tile in tiles if tile["chosen"]] == [100]
        assert any(param["name"] == "step" for param in chart["params"])

    def test_of_many_steps_some_are_drawn_and_it_is_said(self, make_activation):
        chart = drawn("map-over-training", make_activation("step=500 sample=1 height=3 width=3 channel=2"))

        assert len(rows_of(chart, "step")) == 60
        assert "60 of 500 steps, evenly spread" in str(chart["title"])
