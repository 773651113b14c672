import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.errors import InputRejected
from core.inputs.datasets import open_dataset
from core.inputs.files import Preparation, UploadedFile, read_files
from core.inputs.spec import InputSpec

CLIP = InputSpec("clip", (4, 6, 8, 1), "float32")
ANY = InputSpec("clip", (None, 6, 8, 3), "float32")


def pixels(count, height=6, width=8):
    """Return frames of one shade each, lighter from one to the next: ``(time, height, width)``."""
    shades = np.linspace(0, 255, count).round().astype(np.uint8)
    return np.broadcast_to(shades[:, np.newaxis, np.newaxis], (count, height, width))


def gif(frames):
    images = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=50)
    return buffer.getvalue()


def grown(frames):
    """Return a GIF whose canvas and first frame are 4×4, followed by larger frames."""
    small, large = gif(pixels(1, 4, 4)), gif(frames)
    return small.removesuffix(b";") + large[13 + 3 * 2 ** ((large[10] & 7) + 1) :]


class Counting(Preparation):
    """A preparation that notes which files were decoded."""

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "names", [])

    def picture(self, data, name, spec):
        self.names.append(name)
        return super().picture(data, name, spec)


def png(frame):
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(frame)).save(buffer, "PNG")
    return buffer.getvalue()


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def samples_of(data, name, spec=CLIP, **prepared):
    return read_files({"clip": [UploadedFile(name, data)]}, [spec], Preparation(**prepared))


def rejected(data, name="a.gif", spec=CLIP):
    with pytest.raises(InputRejected) as caught:
        samples_of(data, name, spec)
    assert caught.value.remedy
    return caught.value.message


def shades(samples, number=0):
    return (samples.arrays["clip"][number].mean(axis=(1, 2, 3)) * 255).round().tolist()


class TestGif:
    def test_its_frames_are_the_steps_of_time(self):
        samples = samples_of(gif(pixels(4)), "a.gif")

        assert samples.arrays["clip"].shape == (1, 4, 6, 8, 1)
        assert shades(samples) == [0, 85, 170, 255]
        assert samples.notes["clip"] == ("4 frames",)

    def test_a_longer_film_is_thinned_and_a_shorter_one_stands_longer(self):
        assert shades(samples_of(gif(pixels(7)), "a.gif")) == [0, 85, 170, 255]
        assert samples_of(gif(pixels(7)), "a.gif").notes["clip"] == ("4 of 7 frames",)
        assert shades(samples_of(gif(pixels(2)), "a.gif")) == [0, 0, 255, 255]

    def test_it_is_prepared_as_pictures_are(self):
        large = gif(pixels(4, 30, 40))
        samples = samples_of(large, "a.gif", scaling="0–255", invert=True)

        assert samples.arrays["clip"].shape == (1, 4, 6, 8, 1)
        assert samples.arrays["clip"][0].mean(axis=(1, 2, 3)).round().tolist() == [255, 170, 85, 0]
        assert samples.scalings == {"clip": "0–255"}

    def test_a_model_of_any_length_takes_all_frames(self):
        assert samples_of(gif(pixels(11)), "a.gif", ANY).arrays["clip"].shape == (1, 11, 6, 8, 3)

    def test_what_changes_from_frame_to_frame_is_laid_on_what_stays(self):
        moving = np.zeros((4, 6, 8), np.uint8)
        for step in range(4):
            moving[step, 2:4, 2 * step : 2 * step + 2] = 255
        samples = samples_of(gif(moving), "a.gif")

        np.testing.assert_array_equal(samples.arrays["clip"][0, ..., 0] > 0.5, moving > 0)

    def test_for_a_single_picture_it_is_refused(self):
        assert "a GIF image" in rejected(gif(pixels(4)), spec=InputSpec("clip", (6, 8, 1), "float32"))
        assert "a GIF image" in rejected(gif(pixels(4)), spec=InputSpec("clip", (50, 3), "float32"))


class TestFramesInAnArchive:
    def test_a_folder_is_a_clip_and_the_folder_above_its_class(self):
        files = {
            f"{label}/clip{number}/frame_{step}.png": png(frame)
            for label in ("up", "down")
            for number in range(2)
            for step, frame in enumerate(pixels(12))
        }
        samples = samples_of(packed(files), "clips.zip")

        assert samples.names == ("down/clip0", "down/clip1", "up/clip0", "up/clip1")
        assert samples.labels.tolist() == ["down", "down", "up", "up"]
        # Frame 10 comes after frame 2.
        assert shades(samples, 3) == pytest.approx([0, 93, 162, 255])

    def test_frames_that_lie_in_no_folder_are_one_clip(self):
        samples = samples_of(packed({f"{step}.png": png(frame) for step, frame in enumerate(pixels(4))}), "clip.zip")

        assert (samples.names, samples.labels) == (("clip.zip",), None)
        assert shades(samples) == [0, 85, 170, 255]

    def test_folders_beside_each_other_are_clips_without_a_class(self):
        files = {f"all/{clip}/{step}.png": png(frame) for clip in "ab" for step, frame in enumerate(pixels(4))}
        samples = samples_of(packed(files), "clips.zip")

        assert (samples.names, samples.labels) == (("all/a", "all/b"), None)


def in_folder(tmp_path, files):
    for name, data in files.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(data)
    return tmp_path / "data"


def in_archive(tmp_path, files):
    (tmp_path / "data.zip").write_bytes(packed(files))
    return tmp_path / "data.zip"


class TestADatasetOnDisk:
    @pytest.mark.parametrize("given", [in_folder, in_archive])
    @pytest.mark.parametrize("are_frames", [False, True])
    def test_films_and_folders_of_frames_are_read_as_an_upload_is(self, tmp_path, given, are_frames):
        films = {"dim/a": pixels(4)[::-1], "rise/b": pixels(4), "rise/c": pixels(8)}
        if are_frames:
            files = {f"{name}/{at}.png": png(frame) for name, film in films.items() for at, frame in enumerate(film)}
        else:
            files = {f"{name}.gif": gif(film) for name, film in films.items()}
        dataset = open_dataset(given(tmp_path, files), [CLIP])

        assert dataset.sample_count == 3
        assert [dataset.group_names[group] for group in dataset.groups] == ["dim", "rise", "rise"]
        uploaded = samples_of(packed(files), "data.zip").arrays["clip"]
        np.testing.assert_array_equal(dataset.batch(0, 3)["clip"], uploaded)
        np.testing.assert_allclose(dataset.take([0])["clip"], dataset.take([1])["clip"][:, ::-1], atol=0.02)


class TestHostileFiles:
    def test_a_canvas_of_gigabytes(self):
        data = bytearray(gif(pixels(2)))
        data[6:10] = b"\xff\xff\xff\xff"

        assert "at most 50,000,000 are read" in rejected(bytes(data))

    def test_frames_without_end(self):
        one = gif(pixels(2, 1, 1))
        begin = one.index(b"\x2c")
        frame = b"\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\x00"
        many = one[:begin] + frame * 20_000 + b";"

        assert len(many) < 400_000
        assert "more than 5,000 frames" in rejected(many)

    def test_pixels_of_all_frames_together(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_IMAGE_PIXELS", "100")

        assert "more than is decoded" in rejected(gif(pixels(60)))

    def test_a_canvas_that_grows_behind_its_first_frame(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_IMAGE_PIXELS", "1000")

        assert "has frames of 3,600 pixels (60×60), at most 1,000 are read" in rejected(grown(pixels(2, 60, 60)))
        # Each frame alone could be read: 25 of 900 pixels, where 20,000 are decoded.
        assert "has 24 frames or more of 30×30 pixels, which is more than is decoded" in rejected(
            grown(pixels(25, 30, 30))
        )
        assert samples_of(grown(pixels(15, 30, 30)), "a.gif").notes["clip"] == ("4 of 16 frames",)

    @pytest.mark.parametrize("length", [None, 50])
    def test_a_film_of_any_size_is_refused_at_its_first_frame(self, monkeypatch, length):
        monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "20kB")
        spec = InputSpec("clip", (length, None, None, 3), "float32")
        frames = {f"clip/{step}.png": png(frame) for step, frame in enumerate(pixels(40))}

        for data, name in ((gif(pixels(40)), "a.gif"), (packed(frames), "clip.zip")):
            preparation = Counting()
            with pytest.raises(InputRejected, match="needs more than 20 KB of memory"):
                read_files({"clip": [UploadedFile(name, data)]}, [spec], preparation)
            assert preparation.names == [name if name == "a.gif" else "clip/0.png"]

    def test_clips_of_any_size_are_refused_at_the_first(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "20kB")
        files = {f"{clip}/{step}.png": png(frame) for clip in range(20) for step, frame in enumerate(pixels(4))}
        spec, preparation = InputSpec("clip", (None, None, None, 3), "float32"), Counting()

        with pytest.raises(InputRejected, match="with 20 clips needs more than 20 KB of memory"):
            read_files({"clip": [UploadedFile("clips.zip", packed(files))]}, [spec], preparation)
        assert len(preparation.names) == 4

    def test_an_archive_of_a_hundred_thousand_frames(self):
        files = {f"clip/{step}.png": b"" for step in range(100_000)}

        assert "the clip 'clip' has more than 5,000 frames" in rejected(packed(files), "clips.zip")

    def test_clips_that_need_gigabytes_together(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "1kB")
        files = {f"{clip}/{step}.png": png(frame) for clip in "ab" for step, frame in enumerate(pixels(4))}

        assert "needs more than 1 KB of memory" in rejected(packed(files), "clips.zip")

    @pytest.mark.parametrize("cut", [8, 30])
    def test_a_film_that_is_cut_off(self, cut):
        assert "could not be read" in rejected(gif(pixels(4))[:cut])
