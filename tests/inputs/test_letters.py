import io

import numpy as np
import pytest

from core.errors import InputRejected
from core.inputs.files import Preparation, UploadedFile, read_files
from core.inputs.letters import letters_of
from core.inputs.spec import InputSpec

DNA = InputSpec("dna", (8, 4), "float32")
SEQUENCES = ["ACGTACGT", "TTTTACGA"]


def by_hand(texts, letters="ACGT"):
    return np.array([[[float(each == letter) for letter in letters] for each in text] for text in texts])


def samples_of(content, name="dna.txt", spec=DNA, letters="ACGT"):
    return read_files({"dna": [UploadedFile(name, content.encode())]}, [spec], Preparation(letters=letters))


def rejected(content, letters="ACGT", spec=DNA):
    with pytest.raises(InputRejected) as caught:
        samples_of(content, letters=letters, spec=spec)
    assert caught.value.remedy
    return f"{caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("content", "name", "names"),
    [
        ("ACGTACGT\n\nttttacga\n", "dna.txt", ("line 1", "line 3")),
        (">first one\nACGT\nACGT\n>second\nTTTTACGA\n", "dna.fasta", ("first one", "second")),
        ("sequence,label\nACGTACGT,promoter\nTTTTACGA,none\n", "dna.csv", ("row 1", "row 2")),
    ],
)
def test_files_of_letters_are_one_hot(content, name, names):
    samples = samples_of(content, name)

    np.testing.assert_array_equal(samples.arrays["dna"], by_hand(SEQUENCES))
    assert samples.names == names
    assert samples.letters == {"dna": "ACGT"}
    assert (samples.labels is None) == (not name.endswith("csv"))


def test_the_order_of_letters_is_the_persons():
    np.testing.assert_array_equal(
        samples_of("\n".join(SEQUENCES), letters="T, G, C, A").arrays["dna"], by_hand(SEQUENCES, "TGCA")
    )


def test_a_letter_that_is_none_of_them_is_zero_everywhere():
    values = samples_of("ACGTACGN").arrays["dna"]

    assert values[0, 7].tolist() == [0, 0, 0, 0]
    assert letters_of(values, "ACGT") == ["ACGTACG·"]


def test_one_hot_arrays_are_told_as_letters_and_others_are_not():
    assert letters_of(by_hand(SEQUENCES), "ACGT") == SEQUENCES
    assert letters_of(by_hand(SEQUENCES) * 0.5, "ACGT") is None
    assert letters_of(np.ones((1, 8, 4)), "ACGT") is None


def test_letters_are_those_of_the_inputs_that_have_a_place_for_each():
    other = InputSpec("signal", (8, 3), "float32")
    numbers = np.arange(48, dtype=np.float32).reshape(2, 8, 3)
    buffer = io.BytesIO()
    np.save(buffer, numbers)
    sequences = UploadedFile("dna.txt", "\n".join(SEQUENCES).encode())

    for specs in ([DNA, other], [other, DNA]):
        files = {"dna": [sequences], "signal": [UploadedFile("signal.npy", buffer.getvalue())]}
        samples = read_files(files, specs, Preparation(letters="ACGT"))
        np.testing.assert_array_equal(samples.arrays["dna"], by_hand(SEQUENCES))
        np.testing.assert_array_equal(samples.arrays["signal"], numbers)
        assert samples.letters == {"dna": "ACGT"}
        with pytest.raises(InputRejected, match="are 5, the last axis"):
            read_files(files, specs, Preparation(letters="ACGTN"))
        # A table is read as numbers for an input of another number of places.
        table = "\n".join(",".join(str(each) for each in row) for row in numbers[0])
        files = {"dna": [UploadedFile("dna.txt", b"ACGTACGT")], "signal": [UploadedFile("s.csv", table.encode())]}
        written = read_files(files, specs, Preparation(letters="ACGT"))
        np.testing.assert_array_equal(written.arrays["signal"], numbers[:1])


def test_what_does_not_fit_is_said():
    assert "sequence 2 has 7 letters, 8 are expected" in rejected("ACGTACGT\nACGTACG\n")
    assert "are 3, the last axis of the input 'dna' has 4 places" in rejected("ACGTACGT", letters="ACG")
    assert "are 4, the last axis" in rejected("ACGTACGT", letters="ACGG")
    assert "hardly any of the letters" in rejected("hello wo", letters="ACGT")
    assert "say the letters in the order" in rejected("ACGTACGT", letters="")
