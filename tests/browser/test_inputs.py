"""Files that are more than an array or a picture: a table for many inputs, sounds, films and letters."""

import io
import wave
import zipfile

import keras
import numpy as np
from PIL import Image
from playwright.sync_api import expect


def saved(model, folder):
    model.save(folder / "model.keras")
    return (folder / "model.keras").read_bytes()


def tone(hertz, rate, seconds):
    values = np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) / 2
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(values * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def test_a_table_fills_many_inputs_by_name(explorer, page, tmp_path):
    names = ("age", "pressure", "dose", "weight")
    inputs = {name: keras.Input((1,), name=name) for name in names}
    kind = keras.Input((1,), name="kind", dtype="string")
    coded = keras.layers.StringLookup(vocabulary=["fixed", "normal"], output_mode="one_hot")(kind)
    joined = keras.layers.Concatenate(name="join")([*inputs.values(), coded])
    model = keras.Model({**inputs, "kind": kind}, keras.layers.Dense(4, name="after")(joined))
    explorer.open()
    explorer.give_model("table.keras", saved(model, tmp_path))
    explorer.take_samples_from("Your data")
    table = b"kind,age,pressure,dose,weight\nfixed,63,140,2.5,70\nnormal,41,120,1,82\n"
    page.locator('[class*="st-key-data-table-keras"] input[type=file]').first.set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": table}
    )
    explorer.has_samples(2)
    explorer.settle()
    explorer.close_panels()

    for text in ("age 63", "dose 2.5", "kind fixed"):
        expect(explorer.strip_part("input")).to_contain_text(text)


def test_a_sound_is_brought_to_the_rate_and_played(explorer, page, tmp_path):
    layers = keras.layers
    model = keras.Sequential([keras.Input((8_000, 1), name="wave"), layers.Conv1D(3, 64, 32, name="heard")])
    explorer.open()
    explorer.give_model("sound.keras", saved(model, tmp_path))
    explorer.give_data("tone.wav", tone(440, 44_100, 1), "audio/wav")

    player = explorer.strip_part("input").locator("audio")
    expect(player).to_be_visible()
    expect(explorer.main).to_contain_text("resampled to 8,000 Hz")
    page.wait_for_function("() => document.querySelector('audio').duration === 1")


def test_a_zip_of_sounds_by_class_is_heard_along_seconds(explorer, page, tmp_path):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8_000, 1), name="wave"),
            layers.STFTSpectrogram(frame_length=256, frame_step=128, expand_dims=True, name="spectrum"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, "softmax"),
        ]
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, hertz in (("high/a.wav", 3_000), ("high/b.wav", 2_000), ("low/c.wav", 200)):
            archive.writestr(name, tone(hertz, 8_000, 1))
    explorer.open()
    explorer.give_model("sound.keras", saved(model, tmp_path))
    explorer.give_data("sounds.zip", buffer.getvalue(), "application/zip")

    explorer.has_samples(3)
    expect(explorer.main).to_contain_text("true: high")
    explorer.pick_layer("spectrum")
    explorer.painted()
    chart = page.locator(".st-key-picture_place").get_by_test_id("stVegaLiteChart").first
    spoken = chart.locator("[aria-label]").evaluate_all("parts => parts.map(part => part.ariaLabel).join(' ')")
    assert "Time (s), vertical axis: Frequency (Hz)" in f"{chart.get_attribute('aria-label')} {spoken}"


def test_a_film_is_time_and_plays(explorer, page, tmp_path):
    layers = keras.layers
    seen = layers.TimeDistributed(layers.Conv2D(2, 3), name="seen")
    model = keras.Sequential([keras.Input((4, 12, 16, 1), name="clip"), seen])
    frames = [Image.new("L", (16, 12), shade) for shade in (0, 80, 160, 240)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    explorer.open()
    explorer.give_model("film.keras", saved(model, tmp_path))
    explorer.give_data("clip.gif", buffer.getvalue(), "image/gif")

    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_alt_text("The frames of clip one after another")).to_be_visible()


def test_letters_are_shown_where_they_are_said(explorer, page, tmp_path):
    model = keras.Sequential([keras.Input((12, 4), name="dna"), keras.layers.Conv1D(3, 4, name="motif")])
    explorer.open()
    explorer.give_model("dna.keras", saved(model, tmp_path))
    explorer.take_samples_from("Your data")
    field = page.get_by_role("textbox", name="Letters, where each step is one (one-hot)")
    field.fill("ACGT")
    field.press("Enter")
    explorer.settle()
    explorer.give_data("sequences.fasta", b">one\nACGTACGTAAAA\n>two\nTTTTACGTACGT\n")

    drawn = explorer.strip_part("input").locator("svg.marks .mark-text.role-mark text")
    expect(drawn).to_have_text(list("ACGTACGTAAAA"))
