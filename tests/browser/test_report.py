"""The report of the page: with a note and a pin, made, and saved as one file."""

from playwright.sync_api import expect


def test_a_report_is_made_and_saved_with_pins_and_notes(explorer, page, tmp_path):
    explorer.open(example="digits-cnn", layer="conv_2", pins="strong~s:3~l:conv_2~u:5", note="An early one")
    page.locator(".st-key-pins button").first.click()
    note = page.get_by_role("textbox", name="Note on strong")
    note.fill("Look at <this>")
    note.press("Tab")
    explorer.settle()
    page.keyboard.press("Escape")
    page.locator(".st-key-report button").first.click()
    said = page.get_by_role("textbox", name="What you say of it")
    expect(said).to_have_value("An early one")
    said.fill("Mine, of Monday")
    said.press("Tab")
    explorer.settle()
    page.get_by_role("button", name="Make the report").click()
    save = page.get_by_role("button", name="Save the report")
    save.wait_for(timeout=60_000)
    expect(page.get_by_role("button", name="Make the report")).to_have_count(0)
    with page.expect_download() as download:
        save.click()
    download.value.save_as(tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text()

    assert download.value.suggested_filename == "digits-cnn-report.html"
    assert all(text in report for text in ("Mine, of Monday", "Look at &lt;this&gt;", ">strong</h3>"))
    # Short notes stand in the address, so a reload brings them back.
    explorer.reload()
    page.locator(".st-key-pins button").first.click()
    expect(page.get_by_role("textbox", name="Note on strong")).to_have_value("Look at <this>")
    assert explorer.app.tracebacks() == []
