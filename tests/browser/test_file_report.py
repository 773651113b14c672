"""A refused file is looked at in the page, and what is open stays open."""

import pytest
from playwright.sync_api import expect

from tests.trusted.saving import save_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Models that use layers of their owner's."""
    return save_project(tmp_path_factory.mktemp("project"))


def look(explorer, path):
    explorer.open()
    explorer.give_model(path.name, path.read_bytes())
    explorer.sidebar.get_by_role("button", name="See what the file says").click()
    dialog = explorer.page.get_by_role("dialog")
    expect(dialog.get_by_text("What the file says")).to_be_visible()
    explorer.settle()
    return dialog


def test_layers_connections_and_weights_of_a_refused_file(visitor, project):
    explorer = visitor(color_scheme="dark")
    dialog = look(explorer, project / "registered.keras")
    expect(dialog.get_by_text("optimizer Adam")).to_be_visible()
    expect(dialog.get_by_text("own>Mixed, used by mixed")).to_be_visible()
    expect(dialog.get_by_text("from own_layers import Mixed")).to_be_visible()
    cells = dialog.locator('[data-testid="stDataFrame"] [data-testid^="glide-cell-0-"]')
    assert [text.strip() for text in cells.all_text_contents()] == ["mixed", "inner", "head"]

    dialog.get_by_role("tab", name="Map").click()
    expect(dialog.locator("svg.marks text").filter(has_text="mixed")).to_be_visible()
    dialog.get_by_role("tab", name="Weights").click()
    expect(dialog.get_by_text("kernel").first).to_be_attached()

    explorer.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(explorer.page.get_by_role("heading", name="digits-cnn")).to_be_visible()
    explorer.painted()


def test_a_file_of_which_nothing_can_be_read(visitor, tmp_path):
    path = tmp_path / "broken.keras"
    path.write_bytes(b"PK\x03\x04 and no more")
    dialog = look(visitor(viewport={"width": 1400, "height": 900}), path)
    expect(dialog.get_by_text("Nothing else of it can be read.")).to_be_visible()
