"""What the models of the corpus are fit on, and what is run through them."""

import numpy as np

from tests.support.model_files.builders import CLASSES, random

__all__ = ["COUNT", "LABELS", "LABEL_LOSS", "NUMBERS", "PHOTOS", "SENTENCES", "SERIES", "VALUES", "WORDS"]

COUNT = 8
LABELS = np.arange(COUNT) % CLASSES
LABEL_LOSS = "sparse_categorical_crossentropy"
VALUES = random(COUNT, 1, seed=1)
NUMBERS = random(COUNT, 8)
PHOTOS = random(COUNT, 16, 16, 3)
SERIES = random(COUNT, 10, 4)
WORDS = np.random.default_rng(2).integers(1, 50, (COUNT, 12))
SENTENCES = np.array(["a fine film", "a dull film", "fine and short", "long and dull"] * 2)
