"""Puts the files of ``examples/plugins`` into ``docs/plugin-cookbook.md``, and draws what they draw.

``python docs/plugin_cookbook.py``; ``--text`` draws none. A test says when the page is out of date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from gallery import Subject, small_picture

import layerscope
from core.plugins.drawing import Drawing
from core.plugins.registry import Registry

__all__ = ["FOLDER", "SUBJECTS", "cookbook_page", "drawing_of", "main"]

TARGET: Final = Path(__file__).parent / "plugin-cookbook.md"
FOLDER: Final = Path(__file__).parents[1] / "examples" / "plugins"
_IMAGES: Final = Path(__file__).parent / "images" / "plugins"
_FILES: Final = re.compile(r"(?<=<!-- file: )(\w+\.py) -->\n.*?(?=<!-- end of file -->)", re.DOTALL)
_OWN_MODEL: Final = "a model with that layer"
SUBJECTS: Final[Mapping[str, Subject]] = {
    "alike_layers": Subject("digits-cnn", "conv_2"),
    "calibration": Subject("digits-cnn", "probabilities"),
    "class_profile": Subject("digits-cnn", "dense"),
    "linear_probe": Subject("digits-cnn", "conv_1"),
    "noise_response": Subject("digits-cnn", "dense", {"sample": 12}),
    "prototypes": Subject(_OWN_MODEL, "prototypes", {"sample": 12}),
    "same_scale": Subject("vowels-lstm", "lstm_1", {"sample": 3}),
    "spotlight": Subject("shapes-segmentation", "down_1", {"sample": 3}),
    "twin_units": Subject("digits-cnn", "dense"),
    "unit_landscape": Subject("digits-cnn", "dense", {"unit": 5}),
}
"""What the picture of each file is drawn of."""


def cookbook_page() -> str:
    """Return the page with the files as they are now."""
    return _FILES.sub(lambda match: _block(match[1]), TARGET.read_text(encoding="utf-8"))


def drawing_of(file: str, **options: Any) -> Drawing:
    """Return what the picture of a file draws of its subject.

    Args:
        file: Its name without the ending, such as ``"spotlight"``.
        options: In the place of those of the subject.
    """
    registry = Registry(discover=False)
    if not registry.load_file(FOLDER / f"{file}.py"):
        raise ValueError(registry.problems[-1].in_words)
    (visualizer,) = registry.visualizers
    subject = SUBJECTS[file]
    activations = _activations(subject.model)
    return registry.draw(visualizer.name, activations[subject.layer], {**subject.options, **options})


def main() -> None:
    """Write the page, and draw the pictures."""
    TARGET.write_text(cookbook_page(), encoding="utf-8")
    if "--text" in sys.argv:
        return
    _IMAGES.mkdir(parents=True, exist_ok=True)
    for file in SUBJECTS:
        (_IMAGES / f"{file}.webp").write_bytes(small_picture(drawing_of(file).pictures[0].specification))


def _block(file: str) -> str:
    return f"{file} -->\n\n```python\n{(FOLDER / file).read_text(encoding='utf-8')}```\n\n"


@cache
def _activations(model: str) -> layerscope.Activations:
    if model == _OWN_MODEL:
        return _of_own_layer()
    example = layerscope.get_example(model)
    inputs, labels = example.samples()
    extractor = layerscope.Extractor(layerscope.load_model(example.model_path))
    # Of a segmentation they are masks, and no classes of whole samples.
    classes = labels if labels.ndim == 1 else None
    return extractor.extract(inputs, labels=classes, class_names=example.class_names)


def _of_own_layer() -> layerscope.Activations:
    """Return what a model answers whose prototypes are the mean images of ten digits."""
    import keras
    import numpy as np

    inputs, labels = layerscope.get_example("digits-cnn").samples()
    image = inputs["image"]
    prototypes = keras.saving.get_registered_object("cookbook>Prototypes")(10, name="prototypes")
    model = keras.Sequential([keras.Input(image.shape[1:]), keras.layers.Flatten(name="pixels"), prototypes])
    means: Any = [image[labels == digit].reshape(-1, image[0].size).mean(axis=0) for digit in range(10)]
    prototypes.set_weights([np.stack(means)])
    return layerscope.extract(model, image, labels=labels)


if __name__ == "__main__":
    main()
