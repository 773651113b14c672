import io

import numpy as np
import pytest
from PIL import Image

from core.common.limits import PREFIX, Limits, format_limit, get_limits, raised_by
from core.errors import InputRejected
from core.extraction.memory_plan import plan_memory
from core.inputs.checking import check
from core.inputs.files import UploadedFile, read_files, read_text
from core.inputs.noise import noise
from core.inputs.spec import InputSpec

VECTOR = InputSpec("vector", (2,), "float32")
PICTURE = InputSpec("picture", (4, 4, 1), "float32")
TEXT = InputSpec("text", (), "string")


@pytest.fixture(autouse=True)
def as_shipped(monkeypatch):
    for name in Limits.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def png(width, height):
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("2GB", 2_000_000_000),
        ("2 gb", 2_000_000_000),
        ("1.5GB", 1_500_000_000),
        ("1GiB", 1_073_741_824),
        ("50,000,000", 50_000_000),
        ("50_000_000", 50_000_000),
        (" 12 ", 12),
    ],
)
def test_sizes_are_read_as_people_write_them(monkeypatch, written, size):
    monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", written)
    assert get_limits().input_bytes == size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_bytes", "much"),
        ("input_bytes", "1,5GB"),
        ("input_bytes", "2GB, or more"),
        ("input_bytes", "-1"),
        ("input_bytes", "0"),
        ("rows", "1.5"),
        ("rows", "9" * 5000),
        ("request_seconds", "nan"),
        ("request_seconds", "inf"),
        ("saved_models", "perhaps"),
        ("columns", "a\nb\x1b[31m"),
    ],
)
def test_nonsense_names_the_variable(monkeypatch, name, value):
    variable = PREFIX + name.upper()
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputRejected) as caught:
        get_limits()
    assert variable in caught.value.message
    assert caught.value.remedy
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_ROWS", "")
    assert get_limits() == Limits()


def test_every_limit_can_be_set_and_is_described(monkeypatch):
    for name, field in Limits.model_fields.items():
        assert field.title
        monkeypatch.setenv(PREFIX + name.upper(), "1")
    assert all(getattr(get_limits(), name) == 1 for name in Limits.model_fields)


def test_a_limit_reads_well():
    limits = Limits()
    assert format_limit(limits.input_bytes) == "1 GB"
    assert format_limit(limits.rows) == "1,000,000"
    assert format_limit(0.5) == "0.5"
    assert format_limit(120.0) == "120"
    assert "LAYERSCOPE_IMAGE_PIXELS" in raised_by("image_pixels")


@pytest.mark.parametrize(
    ("variable", "value", "spec", "data", "words"),
    [
        ("COLUMNS", "3", VECTOR, b"1,2,3,4\n", "more than 3 columns"),
        ("ROWS", "3", VECTOR, b"1,2\n" * 4, "more than 3 rows"),
        ("ROWS", "3", TEXT, b"a\n" * 4, "more than 3 rows"),
        ("CELLS", "7", VECTOR, b"1,2\n" * 4, "more than 7 cells"),
        ("LINE_CHARACTERS", "10", VECTOR, b"1," + b"1" * 20, "more than 10 characters in a line"),
        ("LINE_CHARACTERS", "10", TEXT, b"a" * 20, "more than 10 characters in a line"),
        ("ARRAYS", "1", VECTOR, npz(x=np.ones((1, 2)), other=np.ones(1)), "more than 1 arrays"),
        ("IMAGE_PIXELS", "15", PICTURE, png(4, 4), "has 16 pixels (4×4), at most 15 are read"),
        ("IMAGE_PIXELS", "15", PICTURE, png(2, 2), "would have to become 4×4 pixels, at most 15 are made"),
        ("INPUT_BYTES", "700", VECTOR, npz(x=np.ones((50, 2))), "more than 700 bytes"),
        ("INPUT_BYTES", "1KB", VECTOR, npz(x=np.ones((200, 2), np.uint8)), "more than 1 KB"),
        ("INPUT_BYTES", "30", PICTURE, png(4, 4), "more than 30 bytes"),
        ("INPUT_BYTES", "500", TEXT, b"a\n" * 9 + b"a" * 100, "more than 500 bytes"),
        ("UPLOAD_BYTES", "50", PICTURE, png(4, 4), "larger than 50 bytes"),
    ],
)
def test_the_environment_changes_what_is_refused(monkeypatch, variable, value, spec, data, words):
    given = {spec.name: [UploadedFile("given.txt", data)]}
    if variable != "COLUMNS":
        assert read_files(given, [spec]).arrays
    monkeypatch.setenv(PREFIX + variable, value)
    with pytest.raises(InputRejected) as caught:
        read_files(given, [spec])
    assert words in caught.value.message
    assert PREFIX + variable in caught.value.remedy


def test_several_files_count_together(monkeypatch):
    bytes_given = npz(x=np.ones((100, 2), np.uint8))  # 800 bytes as float32
    files = {"vector": [UploadedFile("a.npz", bytes_given), UploadedFile("b.npz", bytes_given)]}
    assert len(read_files(files, [VECTOR]).names) == 200
    monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "1000")
    with pytest.raises(InputRejected, match=r"input 'vector' need more than 1 KB of memory together"):
        read_files(files, [VECTOR])


def test_typed_text_noise_and_arrays_obey(monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_ROWS", "2")
    with pytest.raises(InputRejected, match="more than 2 rows"):
        read_text("a\nb\nc", TEXT)
    monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "100")
    with pytest.raises(InputRejected, match="more than 100 bytes"):
        noise(VECTOR, 50, 0)
    with pytest.raises(InputRejected, match="more than 100 bytes"):
        check(np.ones((50, 2), np.uint8), VECTOR)


def test_an_image_larger_than_pillow_reads_by_itself(monkeypatch):
    # Pillow warns from 89 and refuses from 179 million pixels; the limit is ours.
    data = png(20_000, 9_000)
    given = {"picture": [UploadedFile("poster.png", data)]}
    with pytest.raises(InputRejected, match=r"180,000,000 pixels \(20,000×9,000\), at most 50,000,000"):
        read_files(given, [PICTURE])
    monkeypatch.setenv("LAYERSCOPE_IMAGE_PIXELS", "200,000,000")
    assert read_files(given, [PICTURE]).arrays["picture"].shape == (1, 4, 4, 1)


def test_what_is_kept_follows_the_environment(monkeypatch):
    assert plan_memory({"dense": 1000}, 10).budget == 512_000_000
    monkeypatch.setenv("LAYERSCOPE_KEPT_BYTES", "4KB")
    kept = plan_memory({"dense": 1000}, 10)
    assert kept.budget == 4000
    assert kept.samples_at_once == 2
