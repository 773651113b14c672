"""What layers keep to themselves: states, gates and attention scores of models as they are."""

from playwright.sync_api import expect


def test_a_part_of_a_recurrent_layer_is_looked_at(explorer, page):
    explorer.open(example="vowels-lstm", layer="lstm_1", view="unit-heatmap")
    for title, key in (("forget gate", "lstm_1:forget_gate"), ("cell state", "lstm_1:cell_state")):
        before = explorer.shot()
        explorer.select("Part of the layer", title)
        explorer.changed(before)
        explorer.painted()
        explorer.has_address(layer=key)
        assert explorer.selected_layer() == "lstm_1"
        explorer.has_title(f"32 units of {key}")


def test_a_link_comes_back_to_a_part(explorer, page):
    explorer.open(example="vowels-lstm", layer="lstm_2:candidate")
    explorer.painted()

    assert explorer.selected_layer() == "lstm_2"
    explorer.has_address(layer="lstm_2:candidate")


def test_the_gates_of_a_layer_that_answers_its_last_state_only(explorer, page):
    explorer.open(example="vowels-lstm", layer="lstm_2")
    before = explorer.painted()
    text = explorer.chart.text_content()
    for gate in ("Input gate", "Forget gate", "Output gate", "Cell state"):
        assert gate in text
    unit = page.get_by_role("spinbutton", name="Unit", exact=True)
    unit.fill("7")
    unit.press("Enter")
    explorer.changed(before)
    explorer.has_title("Unit 7 of 24")


def test_attention_names_the_tokens_and_a_click_chooses_a_head(explorer, page):
    explorer.open(example="reviews-transformer", layer="attention")
    before = explorer.painted()
    text = explorer.chart.text_content()
    assert "movies" in text
    assert "Average over heads" in text
    explorer.chart.locator('path[aria-label*="head: 1;"]').click()
    explorer.changed(before)
    explorer.has_address(**{"o.head": "1"})
    assert "Head 1" in explorer.chart.text_content()


def test_types_notes_parameters_and_memory_stand_in_a_dialog(explorer, page):
    explorer.open(example="digits-cnn")
    explorer.sidebar.get_by_role("button", name="All columns").click()
    dialog = page.get_by_role("dialog")

    expect(dialog.get_by_text("All layers of 90 samples take 1.67 MB.")).to_be_visible()
    columns = ["#", "layer", "type", "shape", "values", "notes", "parameters", "memory"]
    expect(dialog.locator('th[role="columnheader"]')).to_have_text(columns)
    expect(explorer.cell(2, "MaxPooling2D")).to_be_attached()
