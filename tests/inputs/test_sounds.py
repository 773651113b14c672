import io
import struct
import time
import tracemalloc
import wave
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from core.errors import InputRejected
from core.inputs.datasets import open_dataset
from core.inputs.files import Preparation, UploadedFile, read_files, read_pictures
from core.inputs.model_inputs import input_specs
from core.inputs.picture_files import files_in_folder
from core.inputs.sounds import guessed_rate, playable, read_sound
from core.inputs.spec import InputSpec

MONO = InputSpec("waveform", (4_000, 1), "float32")
OPEN = InputSpec("waveform", (None,), "float32")


def tone(hertz, rate, seconds):
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * 0.5


def wav(values, rate):
    """Return a WAV file of 16-bit numbers, as the standard library writes it."""
    values = values[:, np.newaxis] if values.ndim == 1 else values
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(values.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(values * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def written(values, rate, **how):
    buffer = io.BytesIO()
    soundfile.write(buffer, values, rate, **how)
    return buffer.getvalue()


def samples_of(data, spec, name="tone.wav", **prepared):
    return read_files({spec.name: [UploadedFile(name, data)]}, [spec], Preparation(**prepared))


def rejected(data, spec):
    with pytest.raises(InputRejected) as caught:
        read_sound(data, "tone.wav", spec)
    assert caught.value.remedy
    return caught.value.message


def test_the_numbers_are_those_of_the_file():
    values = tone(440, 8_000, 0.5)
    sound = read_sound(wav(values, 8_000), "tone.wav", MONO)

    assert sound.values.shape == (4_000, 1)
    np.testing.assert_allclose(sound.values[:, 0], values, atol=1e-4)
    assert (sound.sampling_rate, sound.note) == (8_000, "0.5 s at 8,000 Hz")


@pytest.mark.parametrize("rate", [44_100, 16_000, 11_025])
def test_another_rate_is_brought_to_that_of_the_model(rate):
    sound = read_sound(wav(tone(440, rate, 0.7), rate), "tone.wav", MONO, 8_000)

    inner = slice(100, 3_900)
    np.testing.assert_allclose(sound.values[inner, 0], tone(440, 8_000, 0.5)[inner], atol=5e-3)
    assert "resampled to 8,000 Hz" in sound.note
    assert "cut after 0.5 s" in sound.note


def test_what_the_model_cannot_hear_is_not_folded_into_what_it_can():
    sound = read_sound(wav(tone(7_000, 44_100, 0.6), 44_100), "tone.wav", MONO, 8_000)

    assert np.abs(sound.values[200:3_800]).max() < 0.01


def test_zeros_follow_a_sound_that_is_shorter():
    sound = read_sound(wav(tone(440, 8_000, 0.25), 8_000), "tone.wav", MONO)

    assert np.abs(sound.values[:2_000]).max() > 0.4
    assert not sound.values[2_000:].any()
    assert "zeros behind its end" in sound.note


def test_channels_are_averaged_or_given_twice():
    left, right = tone(440, 8_000, 0.5), tone(880, 8_000, 0.5)
    stereo = wav(np.stack([left, right], axis=1), 8_000)

    averaged = read_sound(stereo, "tone.wav", OPEN).values
    np.testing.assert_allclose(averaged, (left + right) / 2, atol=1e-4)
    both = InputSpec("waveform", (None, 2), "float32")
    np.testing.assert_allclose(read_sound(stereo, "tone.wav", both).values[:, 1], right, atol=1e-4)
    twice = read_sound(wav(left, 8_000), "tone.wav", both).values
    np.testing.assert_array_equal(twice[:, 0], twice[:, 1])


@pytest.mark.parametrize(
    "how",
    [
        {"format": "WAV", "subtype": "FLOAT"},
        {"format": "WAV", "subtype": "PCM_24"},
        {"format": "FLAC"},
        {"format": "OGG", "subtype": "VORBIS"},
    ],
)
def test_other_kinds_of_sound_are_told_by_their_content(how):
    values = tone(440, 8_000, 0.5)
    samples = samples_of(written(values, 8_000, **how), MONO, "noname.bin")

    np.testing.assert_allclose(samples.arrays["waveform"][0, 100:3_900, 0], values[100:3_900], atol=0.05)
    assert samples.sampling_rates == {"waveform": 8_000}


def test_whole_numbers_are_those_of_16_bits():
    spec = InputSpec("waveform", (None,), "int16")
    values = read_sound(wav(np.array([0.0, 0.5, -1.0] * 200), 8_000), "tone.wav", spec).values

    assert values.dtype == np.int16
    assert np.abs(values[:3] - [0, 16_383, -32_767]).max() <= 1


def test_the_rate_of_a_spectrogram_layer_is_that_of_the_model():
    layer = keras.layers.MelSpectrogram(fft_length=256, sequence_stride=128, sampling_rate=8_000, max_freq=4_000)
    model = keras.Sequential([keras.Input((4_000,), name="waveform"), layer])
    (spec,) = input_specs(model)
    samples = samples_of(wav(tone(440, 16_000, 0.5), 16_000), spec)

    assert spec.sampling_rate == 8_000
    np.testing.assert_allclose(samples.arrays["waveform"][0, 100:3_900], tone(440, 8_000, 0.5)[100:3_900], atol=5e-3)


def mel(rate):
    return keras.layers.MelSpectrogram(256, 128, sampling_rate=rate, max_freq=rate / 2)


def rates_of(answer, *given):
    return [spec.sampling_rate for spec in input_specs(keras.Model(list(given), answer))]


def test_behind_a_stride_the_rate_of_a_spectrogram_layer_is_not_that_of_the_input():
    thinned, whole = keras.Input((4_000, 1), name="thinned"), keras.Input((4_000, 1), name="whole")
    layers = keras.layers
    answers = [
        mel(2_000)(layers.Flatten()(layers.AveragePooling1D(4)(thinned))),
        mel(8_000)(layers.Reshape((4_000,))(layers.Rescaling(0.5)(whole))),
    ]

    assert rates_of(answers, thinned, whole) == [0, 8_000]


@pytest.mark.parametrize("is_thinned", [False, True])
def test_the_rate_of_an_input_of_any_length_is_that_of_a_layer_which_reads_each_number(is_thinned):
    given = keras.Input((None,), name="waveform")
    # As preprocessing is mostly kept: a model of its own inside.
    inner = keras.Sequential([keras.Input((None,)), keras.layers.Rescaling(2.0), mel(8_000)])
    answer = inner(given[:, ::4] if is_thinned else keras.layers.Dropout(0.5)(given))

    assert rates_of(answer, given) == [0 if is_thinned else 8_000]


def test_a_table_beside_a_waveform_is_no_sound():
    wave, meta = keras.Input((16_000,), name="wave"), keras.Input((12,), name="meta")
    model = keras.Model([wave, meta], [mel(8_000)(wave), keras.layers.Dense(2)(meta)])
    specs = input_specs(model)
    arrays = {"wave": np.zeros((2, 16_000), np.float32), "meta": np.ones((2, 12), np.float32)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    said = read_files({"": [UploadedFile("both.npz", buffer.getvalue())]}, specs, Preparation(sampling_rate=16_000))

    assert [spec.sampling_rate for spec in specs] == [8_000, 0]
    assert said.sampling_rates == {"wave": 16_000}


def test_a_short_row_that_a_rate_is_said_of_is_a_sound_where_nothing_else_is():
    spec = InputSpec("short", (300,), "float32")

    assert samples_of(wav(tone(440, 16_000, 1), 16_000), spec, sampling_rate=8_000).sampling_rates == {"short": 8_000}


def test_a_usual_length_is_taken_for_one_second_and_said():
    spec = InputSpec("waveform", (16_000, 1), "float32")
    samples = samples_of(wav(tone(440, 44_100, 1), 44_100), spec)

    assert guessed_rate(spec) == 16_000
    np.testing.assert_allclose(samples.arrays["waveform"][0, 99:-99, 0], tone(440, 16_000, 1)[99:-99], atol=5e-3)
    assert "taken for one second" in samples.notes["waveform"][0]
    chosen = samples_of(wav(tone(440, 44_100, 1), 44_100), spec, sampling_rate=8_000)
    assert "taken for" not in chosen.notes["waveform"][0]
    assert chosen.sampling_rates == {"waveform": 8_000}


def test_where_no_rate_is_known_that_is_said():
    samples = samples_of(wav(tone(440, 44_100, 1), 44_100), MONO)

    assert samples.notes["waveform"][0].endswith("at which rate the model takes sound is not said")


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


SOUNDS = {
    "sounds/high/b.flac": written(tone(1_000, 8_000, 0.5), 8_000, format="FLAC"),
    "sounds/high/c.wav": wav(tone(2_000, 16_000, 0.5), 16_000),
    "sounds/low/a.wav": wav(tone(200, 8_000, 0.3), 8_000),
}


class TestManySounds:
    def test_a_zip_of_folders_is_read_as_samples_whose_labels_are_the_folders(self):
        beside = {"__MACOSX/sounds/low/._a.wav": b"\0\5\x16\7", "sounds/.DS_Store": b"x"}
        samples = samples_of(zipped({**SOUNDS, **beside}), MONO, "sounds.zip", sampling_rate=8_000)

        assert samples.names == tuple(SOUNDS)
        assert samples.labels.tolist() == ["high", "high", "low"]
        assert samples.labels_origin == "folder names"
        assert samples.sampling_rates == {"waveform": 8_000}
        np.testing.assert_allclose(samples.arrays["waveform"][0, :, 0], tone(1_000, 8_000, 0.5), atol=1e-4)
        np.testing.assert_allclose(samples.arrays["waveform"][2, :2_400, 0], tone(200, 8_000, 0.3), atol=1e-4)
        assert not samples.arrays["waveform"][2, 2_400:].any()
        assert "resampled to 8,000 Hz" in samples.notes["waveform"][1]

    def test_a_list_of_classes_may_lie_in_the_zip(self):
        data = zipped({**SOUNDS, "labels.txt": b"low\nhigh\n"})

        assert samples_of(data, MONO, "sounds.zip").labels.tolist() == ["high", "high", "low"]

    def test_sounds_of_other_lengths_are_as_long_as_the_longest_for_an_input_of_any_length(self):
        long, short = tone(300, 8_000, 0.5), tone(300, 8_000, 0.2)
        files = [UploadedFile("long.wav", wav(long, 8_000)), UploadedFile("short.wav", wav(short, 8_000))]
        samples = read_files({"waveform": files}, [OPEN])

        assert samples.arrays["waveform"].shape == (2, 4_000)
        np.testing.assert_allclose(samples.arrays["waveform"][1, :1_600], short, atol=1e-4)
        assert not samples.arrays["waveform"][1, 1_600:].any()
        assert "0.3 s of zeros behind its end" in samples.notes["waveform"][1]
        assert "behind its end" not in samples.notes["waveform"][0]

    def test_a_folder_is_read_as_a_zip_is(self, tmp_path):
        for name, data in SOUNDS.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
        dataset = open_dataset(Path(tmp_path), [MONO], Preparation(sampling_rate=8_000))

        assert [dataset.group_names[group] for group in dataset.groups] == ["high", "high", "low"]
        np.testing.assert_allclose(dataset.take([2])["waveform"][0, :2_400, 0], tone(200, 8_000, 0.3), atol=1e-4)

    def test_a_table_in_the_folder_says_what_each_is(self, tmp_path):
        for name in ("a.wav", "b.wav"):
            (tmp_path / name).write_bytes(SOUNDS["sounds/low/a.wav"])
        (tmp_path / "labels.csv").write_text("file,label\nb.wav,low\na.wav,high\n")
        dataset = open_dataset(Path(tmp_path), [MONO])

        assert [dataset.group_names[group] for group in dataset.groups] == ["high", "low"]

    def test_a_folder_follows_the_rate_that_was_said_as_a_zip_does(self, tmp_path):
        said = Preparation(sampling_rate=8_000)
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "tone.wav").write_bytes(wav(tone(440, 44_100, 0.25), 44_100))
        (tmp_path / "sounds.zip").write_bytes(zipped({"a/tone.wav": wav(tone(440, 44_100, 0.25), 44_100)}))
        folder, archive = (open_dataset(path, [OPEN], said) for path in (tmp_path / "a", tmp_path / "sounds.zip"))
        of_folder = read_pictures(files_in_folder(tmp_path / "a"), "a", OPEN, said)
        of_archive = samples_of((tmp_path / "sounds.zip").read_bytes(), OPEN, "sounds.zip", sampling_rate=8_000)

        for dataset, samples in ((folder, of_folder), (archive, of_archive)):
            assert dataset.arrays["waveform"].shape == (1, 2_000)
            assert samples.sampling_rates == {"waveform": 8_000}
            assert "resampled to 8,000 Hz" in samples.notes["waveform"][0]
            np.testing.assert_allclose(dataset.arrays["waveform"][0, 99:-99], tone(440, 8_000, 0.25)[99:-99], atol=5e-3)

    def test_a_model_of_text_takes_none(self):
        with pytest.raises(InputRejected) as caught:
            samples_of(zipped(SOUNDS), InputSpec("review", (), "string"), "sounds.zip")

        assert caught.value.message == "sounds/high/b.flac is a sound, the input 'review' takes text."

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({**SOUNDS, "notes.pdf": b"%PDF"}, "also holds notes.pdf; expected were WAV, FLAC, Ogg or MP3 files"),
            ({"a/a.wav": SOUNDS["sounds/low/a.wav"], "b/b.wav": b"1,2,3"}, "b/b.wav is not a sound"),
        ],
    )
    def test_what_else_is_in_the_zip_is_named(self, files, message):
        with pytest.raises(InputRejected) as caught:
            samples_of(zipped(files), MONO, "sounds.zip")

        assert message in caught.value.message

    def test_more_than_the_limit_is_refused_before_all_are_read(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "100000")
        with pytest.raises(InputRejected) as caught:
            samples_of(zipped({f"{number}.wav": wav(tone(9, 8_000, 0.5), 8_000) for number in range(9)}), MONO, "x.zip")

        assert "of memory" in caught.value.message


class TestWhatABrowserPlays:
    def test_it_is_what_the_model_sees(self):
        values = tone(440, 8_000, 0.5)
        played, rate = soundfile.read(io.BytesIO(playable(values[:, np.newaxis].astype(np.float32), 8_000)))

        assert rate == 8_000
        np.testing.assert_allclose(played, values, atol=1e-4)

    def test_what_is_louder_than_a_file_can_hold_is_brought_down(self):
        played, _ = soundfile.read(io.BytesIO(playable(np.array([0, 2, -4, np.nan], np.float32), 8_000)))

        np.testing.assert_allclose(played, [0, 0.5, -1, 0], atol=1e-4)

    def test_what_is_too_long_to_send_is_not_played(self):
        assert playable(np.zeros(3_000_000, np.float32), 8_000) is None


class TestWhatIsRefused:
    def test_an_input_that_is_no_waveform(self):
        spectrogram = InputSpec("spectrogram", (124, 129, 1), "float32")

        assert "which is no waveform" in rejected(wav(tone(440, 8_000, 0.1), 8_000), spectrogram)

    def test_what_only_begins_like_a_sound(self):
        table = b"ID3,other\n1,2\n3,4\n"
        samples = samples_of(table, InputSpec("x", (2,), "float32"), "table.csv")

        assert samples.arrays["x"].tolist() == [[1, 2], [3, 4]]

    def test_a_file_that_is_cut_off_or_none(self):
        assert "could not be read" in rejected(b"RIFF\0\0\0\0WAVEfmt ", MONO)
        assert "could not be read" in rejected(b"fLaC" + bytes(100), MONO)
        assert "without any length" in rejected(wav(np.zeros(0), 8_000), MONO)

    def test_a_file_that_claims_four_gigabytes_holds_what_is_there(self):
        data = wav(tone(440, 8_000, 0.25), 8_000)
        liar = data[:4] + struct.pack("<I", 0xFFFFFFFF) + data[8:40] + struct.pack("<I", 0xFFFFFFF0) + data[44:]
        sound = read_sound(liar, "tone.wav", OPEN)

        np.testing.assert_allclose(sound.values[:2_000], tone(440, 8_000, 0.25), atol=1e-4)
        assert len(sound.values) < 2_100

    def test_hours_of_silence_in_some_kilobytes(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "1MB")
        silence = written(np.zeros(2_000_000), 8_000, format="FLAC")

        assert len(silence) < 100_000
        assert "more than 1 MB of memory" in rejected(silence, OPEN)
        # Of one that is cut anyway no more is decoded.
        assert read_sound(silence, "tone.wav", MONO).values.shape == (4_000, 1)

    def test_two_channels_take_the_memory_of_two(self, monkeypatch):
        # 60,000 numbers at the rate of the model are 480 kB, and twice as much for an input of two channels.
        monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "800kB")
        data = wav(np.zeros(30_000), 8_000)

        assert read_sound(data, "tone.wav", OPEN, 16_000).values.shape == (60_000,)
        with pytest.raises(InputRejected, match="more than 800 KB of memory"):
            read_sound(data, "tone.wav", InputSpec("waveform", (None, 2), "float32"), 16_000)

    def test_channels_that_are_averaged_are_not_resampled_first(self):
        values = np.random.default_rng(0).normal(size=(160_000, 16)).astype(np.float32) * 0.1
        data = written(values, 8_000, format="WAV", subtype="FLOAT")
        read_sound(data, "tone.wav", OPEN, 16_000)  # What is imported on first use is not counted.

        tracemalloc.start()
        averaged = read_sound(data, "tone.wav", OPEN, 16_000).values
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        np.testing.assert_allclose(averaged, resample_poly(values.mean(axis=1), 2, 1), atol=1e-5)
        # The file and its numbers are 10 MB each, all channels at the model's rate were 20 MB more.
        assert peak < 1.5 * values.nbytes + len(data)

    @pytest.mark.parametrize("rate", [1, 999, 4_000_000_000])
    def test_a_rate_that_nobody_records_at(self, rate):
        data = wav(tone(440, 8_000, 0.1), 8_000)
        absurd = data[:24] + struct.pack("<II", rate, (2 * rate) & 0xFFFFFFFF) + data[32:]
        started = time.monotonic()

        with pytest.raises(InputRejected):
            read_sound(absurd, "tone.wav", OPEN, 16_000)
        assert time.monotonic() - started < 5

    def test_a_rate_without_a_common_divisor_that_would_take_seconds(self):
        odd = wav(np.zeros(4_000), 767_999)
        with pytest.raises(InputRejected) as caught:
            read_sound(odd, "odd.wav", InputSpec("waveform", (4_000,), "float32"), 16_000)

        assert "767,999 Hz, which cannot be brought to 16,000 Hz" in caught.value.message
        usual = read_sound(wav(tone(440, 96_000, 0.5), 96_000), "a.wav", InputSpec("w", (4_000,), "float32"), 44_100)
        assert usual.sampling_rate == 44_100
