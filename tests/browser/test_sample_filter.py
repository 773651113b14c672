"""Which samples the strip offers: only wrong ones, those of a class, what a text finds, and in which order."""

from playwright.sync_api import expect


def offers(explorer, text):
    """Wait until the strip says how many samples are left, and return which it draws, in their order."""
    expect(explorer.strip_part("samples")).to_contain_text(text)
    explorer.settle()
    labels = explorer.thumbnails.locator('svg [aria-label*="sample: "]').evaluate_all(
        "all => all.map(each => each.getAttribute('aria-label'))"
    )
    numbers = [int(label.split("sample: ")[1].split(";")[0].replace(",", "")) for label in labels]
    return list(dict.fromkeys(numbers))


def test_the_filter_decides_thumbnails_arrows_and_the_address(explorer, page):
    explorer.open(example="digits-cnn")
    assert offers(explorer, "90 of 90 samples, as numbered · 1 of 90 wrong") == list(range(9))

    # Of one class: the arrows go from one of them to the next.
    explorer.filter_panel()
    explorer.select("True class", "3")
    threes = offers(explorer, "9 of 90 samples")
    explorer.close_panels()
    assert len(threes) == 9
    assert threes == sorted(threes)
    explorer.has_address(label="3")
    # The sample that was looked at is none of them: the first of them is.
    explorer.has_address(sample=str(threes[0]))
    expect(explorer.strip_part("answer")).to_contain_text("true: 3")
    explorer.next_sample()
    explorer.has_address(sample=str(threes[1]))
    expect(explorer.strip_part("answer")).to_contain_text("true: 3")

    # Least sure first: another order of the same threes.
    panel = explorer.filter_panel()
    explorer.select("Sort by", "least sure first", panel)
    by_confidence = offers(explorer, "9 of 90 samples, least sure first")
    explorer.has_address(label="3", sort="confidence")
    assert sorted(by_confidence) == threes
    assert by_confidence != threes
    explorer.select("Sort by", "largest loss first", panel)
    explorer.has_address(sort="loss")
    by_loss = offers(explorer, "9 of 90 samples, largest loss first")
    explorer.close_panels()
    explorer.thumbnails.locator(f'[aria-label*="sample: {by_loss[0]};"]').first.click()
    explorer.has_address(sample=str(by_loss[0]))
    explorer.next_sample()
    explorer.has_address(sample=str(by_loss[1]))

    # All of it is in the link.
    explorer.reload()
    explorer.painted()
    assert offers(explorer, "9 of 90 samples, largest loss first") == by_loss
    expect(explorer.sample).to_have_value(str(by_loss[1]))

    # Only what the model answers wrongly, of all classes.
    explorer.filter_panel().get_by_role("button", name="Show all").click()
    explorer.has_address(label=None, sort=None)
    explorer.filter_panel()
    explorer.switch("Only wrong ones (1)")
    assert offers(explorer, "1 of 90 samples") == [34]
    explorer.close_panels()
    explorer.has_address(only="wrong", sample="34")
    expect(explorer.strip_part("answer")).to_contain_text("wrong")
    expect(page.locator(".st-key-sample_after button").first).to_be_disabled()

    # What a text finds; and nothing left is said.
    search = explorer.filter_panel().get_by_role("textbox", name="Search names, classes and answers")
    search.fill("nothing of the kind")
    search.press("Enter")
    expect(explorer.strip_part("samples")).to_contain_text("No sample is left by the filter.")
    explorer.has_address(find="nothing of the kind", only="wrong")
