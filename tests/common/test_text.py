import pytest

from core.common.text import (
    LONGEST_NAME,
    answer_text,
    format_bytes,
    format_shape,
    list_names,
    number_text,
    percent,
    safe_name,
    signed_number_text,
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("photo.png", "photo.png"),
        ("Größe 名前 🙂", "Größe 名前 🙂"),
        ("two\nlines\t here ", "two lines here"),
        ("\x1b[31mred\x07\0", "[31mred"),
        ("gnp.\u202eexe", "gnp.exe"),
        ("\ud800", ""),
        (7, "7"),
        ("", ""),
    ],
)
def test_a_name_is_one_line_without_control_characters(name, text):
    assert safe_name(name) == text


@pytest.mark.parametrize("name", ["a" * 81 + ".png", "a" * 5000 + ".png", "a" * 100_000_000 + ".png", "\0" * 5000])
def test_a_long_name_keeps_its_beginning_and_its_end(name):
    text = safe_name(name)
    assert len(text) <= LONGEST_NAME
    assert text.isprintable()
    if name[0] == "a":
        assert text.startswith("aaa")
        assert text.endswith(".png")
        assert "…" in text


def test_a_list_of_names_ends():
    assert list_names(["a", "b\n"]) == "'a', 'b'"
    assert list_names(range(9), 2) == "'0', '1', …"
    assert list_names([]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(1267.61, "1,268"), (116.2, "116.2"), (-0.23716, "−0.2372"), (1_234_567.8, "1,234,568"), (22.5, "22.5"),
     (999.96, "1,000"), (0.0, "0"), (float("nan"), "NaN"), (float("inf"), "∞")],
)  # fmt: skip
def test_an_answer_has_four_digits_and_its_whole_part(value, text):
    assert answer_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (22.5, "22.5"),
        (-0.2372, "−0.237"),
        (0.0023412, "0.00234"),
        (0.99999, "1"),
        (9.9996, "10"),
        (1234.5, "1,230"),
        (12_345, "12,345"),
        (1_250_000.0, "1,250,000"),
        (1_234_567.8, "1,230,000"),
        (2.35e-7, "2.35e-7"),
        (1.5e9, "1.5e9"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
    ],
)
def test_a_number_has_three_significant_digits(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.9148, "91 %"),
        (0.01, "1 %"),
        (0.00123456, "0.123 %"),
        (0.00002, "0.002 %"),
        (0.000004, "< 0.001 %"),
        (0.994, "99 %"),
        (0.9968, "99.7 %"),
        (0.99999, "> 99.9 %"),
    ],
)
def test_a_share_is_never_written_as_nothing_or_all_where_it_is_not(share, text):
    assert percent(share) == text


def test_a_share_may_have_decimals():
    assert percent(0.9889, 1) == "98.9 %"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (512, "512 bytes"), (999, "999 bytes"), (368_640, "369 KB"), (999_999, "1 MB")]
)
def test_bytes_are_written_in_one_way(count, text):
    assert format_bytes(count) == text


def test_shapes_and_differences():
    assert format_shape((28, 28, 16)) == "28×28×16"
    assert format_shape((None, 1024)) == "?×1,024"
    assert [signed_number_text(value) for value in (0.5, 0.0, -0.5)] == ["+0.5", "0", "−0.5"]
