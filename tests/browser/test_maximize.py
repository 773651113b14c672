"""The page that looks for the input that a unit answers to the most, while it looks."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

FOUND = "256 of 256 steps"


@pytest.fixture
def searching(explorer, page):
    """Return a function that opens the page on a layer of an example."""

    def open_page(example, layer, **options):
        explorer.visit("maximize", example=example, layer=layer, **options)
        expect(page.get_by_text("Input found for ", exact=False).first).to_be_visible(timeout=60_000)
        return explorer

    return open_page


def test_a_class_is_looked_for_live_beside_the_samples_of_it(searching, page):
    explorer = searching("digits-cnn", "probabilities", unit=3)
    main = explorer.main

    expect(main.get_by_text("Input found for class 3", exact=True)).to_be_visible()
    expect(main.get_by_text(FOUND)).to_be_visible()
    expect(main.get_by_text(re.compile(r"the model says 3 \(100 %\)"))).to_have_count(2)
    expect(
        main.get_by_test_id("stColumn").filter(has_text="Input found for").last.get_by_test_id("stImage")
    ).to_have_count(2)
    expect(main.get_by_text("The strongest of 90 samples answers")).to_be_visible()
    main.get_by_role("button", name="Continue").click()
    expect(main.get_by_text("512 of 512 steps")).to_be_visible()


def test_it_can_be_stopped_at_any_time_and_begun_again(searching, page):
    # A recurrent layer is slow enough to be caught at it, but for a machine that is busy just then.
    main = searching("vowels-lstm", "lstm_2", unit=1).main
    steps, stop = main.get_by_text(re.compile(r"\d+ of 256 steps")), main.get_by_role("button", name="Stop")
    again = main.get_by_role("button", name="Restart")
    for _ in range(5):
        expect(stop.or_(again)).to_be_visible()
        if stop.is_visible():
            with suppress(PlaywrightError):
                stop.click(timeout=3_000)
        expect(again).to_be_visible()
        page.wait_for_timeout(500)
        if (stopped_at := steps.text_content()) != FOUND:
            break
        again.click()
    page.wait_for_timeout(1_000)

    assert stopped_at != FOUND
    assert steps.text_content() == stopped_at
    again.click()
    expect(main.get_by_text(FOUND)).to_be_visible()


def test_all_channels_fill_in_and_one_is_clicked(searching, page):
    explorer = searching("digits-cnn", "conv_1")
    main = explorer.main
    expect(main.get_by_text(FOUND)).to_be_visible()
    main.get_by_role("button", name="Optimize all channels").click()
    expect(main.get_by_text("16 of 16 channels")).to_be_visible()
    explorer.settle()
    main.locator('path[aria-label*="channel: 5;"]').click()
    expect(main.get_by_text("Input found for channel 5 of conv_1")).to_be_visible()


def test_a_found_input_weaker_than_a_sample_is_said_and_the_sample_can_be_the_start(searching, page):
    # Held back so much that it stays near what is usual.
    explorer = searching("vowels-lstm", "masking", unit=1, **{"o.maximize.decay": 2})
    main = explorer.main
    expect(main.get_by_text("Weaker than a real sample")).to_be_visible(timeout=180_000)
    button = main.get_by_role("button", name="Start from sample ")
    number = button.text_content().split()[-1]
    expect(main.get_by_text(f"sample {number} answers 0.403")).to_be_visible()
    button.click()
    expect(explorer.sample).to_have_value(number)
    expect(main.get_by_text(FOUND)).to_be_visible(timeout=60_000)


def test_where_there_is_no_gradient_it_says_why_and_what_works(explorer, page):
    explorer.visit("maximize", example="reviews-transformer", layer="dropout_2")
    expect(explorer.main.get_by_text("Input 'text' is text, by which there is no gradient.")).to_be_visible(
        timeout=60_000
    )
    expect(explorer.main.get_by_text("The strongest of 80 samples answers")).to_be_visible()
    expect(explorer.main.get_by_test_id("stDataFrame")).to_contain_text("this player is not worth any price")
    expect(explorer.main.get_by_role("button", name="Optimize all units")).to_have_count(0)


def test_what_an_answer_rests_on_is_a_picture_like_any_other(explorer, page):
    explorer.open(example="digits-cnn", layer="probabilities", view="input-attribution")
    expect(explorer.main.get_by_text("Attribution of class 8 by integrated gradients")).to_be_visible()
    explorer.switch("Sanity check (shuffle weights)")
    expect(explorer.main.get_by_text("With shuffled weights it")).to_be_visible()


def test_a_part_of_a_mask_is_dragged_over_and_looked_for(searching, page):
    explorer = searching("shapes-segmentation", "mask", unit=1, sample=3)
    main = explorer.main
    expect(main.get_by_text("Input found for class circle", exact=True)).to_be_visible()
    main.get_by_text("Region: drag over the answer").click()
    expect(main.get_by_text("Answer to sample 3")).to_be_visible()
    explorer.settle()
    box = (
        page.locator(".st-key-maximize-region").get_by_test_id("stVegaLiteChart").locator("canvas, svg").bounding_box()
    )
    page.mouse.move(box["x"] + 150, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 170, steps=5)
    page.mouse.up()

    looked_for = main.get_by_text(re.compile(r"Input found for class circle, rows \d+–\d+, columns \d+–\d+"))
    expect(looked_for).to_be_visible()
    words = looked_for.text_content()
    expect(main.get_by_text("mean over the region")).to_be_visible()
    explorer.reload()
    expect(main.get_by_text(words)).to_be_visible()
    main.get_by_text("Region: drag over the answer").click()
    main.get_by_role("button", name="All places").click()
    expect(main.get_by_text("Input found for class circle", exact=True)).to_be_visible()
