import pytest

from core.common.text import LONGEST_NAME, list_names, number_text, safe_name


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
    [
        (0.0, "0"),
        (22.5, "22.5"),
        (-0.2372, "−0.237"),
        (0.0023412, "0.00234"),
        (0.99999, "1"),
        (9.9996, "10"),
        (1234.5, "1,230"),
        (12_345, "12,345"),
        (2.35e-7, "2.35e-7"),
        (1.5e9, "1.5e9"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
    ],
)
def test_a_number_has_three_significant_digits(value, text):
    assert number_text(value) == text
