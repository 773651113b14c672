"""Train the examples again: ``python -m core.examples.train [name ...]``, all of them without a name.

Needs pip with access to a package index for all but the digits:
the vowels and motions are read from the wheel of aeon 1.6.0, the reviews from the source archive of
vaderSentiment 0.5. Neither package is installed. All ten take about five minutes on two cores.

Beside each model lies what it was after its first epoch, to be compared with: the same recipe and seed, ended then.
``--early`` trains that alone, and leaves the models and their samples as they are.
"""

import argparse
import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Final

import keras
import numpy as np

from core.examples.catalogue import FOLDER, INPUT_PREFIX, Example, get_example
from core.examples.datasets import SEED, Dataset
from core.examples.recipes import RECIPES, Recipe, as_tensor

EARLY_EPOCHS: Final = 1


def train(recipe: Recipe) -> Example:
    """Train one example, write its folder, and return its card."""
    model, dataset = trained(recipe, recipe.epochs)
    example = Example(
        name=recipe.name,
        title=recipe.title,
        description=recipe.description,
        class_names=dataset.class_names,
        featured_layer=recipe.featured_layer,
        input_kind=recipe.input_kind,
        quality=quality_of(model, recipe, dataset),
        source=recipe.source,
        license=recipe.license,
        feature_names=dataset.feature_names,
    )
    write(example, model, dataset, recipe.shipped)
    return train_early(recipe, example)


def train_early(recipe: Recipe, example: Example) -> Example:
    """Train an example for its first epoch, write that model beside the other, and return the card with both."""
    model, dataset = trained(recipe, EARLY_EPOCHS)
    quality = quality_of(model, recipe, dataset)
    example = dataclasses.replace(example, early_epochs=EARLY_EPOCHS, early_quality=quality)
    model.save(example.early_model_path)
    pack(example.early_model_path)
    write_card(example)
    return example


def trained(recipe: Recipe, epochs: int) -> tuple[keras.Model, Dataset]:
    """Return the model of a recipe after some epochs, and the data; the first epoch is the same whatever follows."""
    keras.utils.set_random_seed(SEED)
    dataset = recipe.read()
    model = recipe.build(dataset)
    fit(model, recipe, dataset, epochs)
    return model, dataset


def quality_of(model: keras.Model, recipe: Recipe, dataset: Dataset) -> str:
    """Return what the answers of a model to the held-out samples are worth, in a sentence."""
    return recipe.quality(model.predict(as_tensor(dataset.held_out_inputs), verbose=0), dataset)


def fit(model: keras.Model, recipe: Recipe, dataset: Dataset, epochs: int) -> None:
    """Train ``model`` in place, without compiling it: a file with an optimizer's state would be three times as big."""
    trainer = keras.Model(model.inputs, model.outputs)  # shares the layers, and so the weights
    trainer.compile(keras.optimizers.Adam(recipe.learning_rate), recipe.loss)
    inputs = dataset.train_inputs
    targets = dataset.train_labels if dataset.train_targets is None else dataset.train_targets
    validation_count = round(recipe.validation_share * len(targets))
    trainer.fit(
        as_tensor(inputs[validation_count:]),
        targets[validation_count:],
        batch_size=recipe.batch_size,
        epochs=epochs,
        verbose=0,
        validation_data=(as_tensor(inputs[:validation_count]), targets[:validation_count])
        if validation_count
        else None,
        callbacks=[keras.callbacks.EarlyStopping(patience=8, restore_best_weights=True)] if validation_count else [],
    )


def write(example: Example, model: keras.Model, dataset: Dataset, shipped: int) -> None:
    """Write the model and the first ``shipped`` held-out samples into the example's folder."""
    folder = FOLDER / example.name
    folder.mkdir(exist_ok=True)
    model.save(folder / "model.keras")
    np.savez_compressed(
        folder / "samples.npz",
        allow_pickle=False,
        **{
            f"{INPUT_PREFIX}{model.inputs[0].name}": dataset.held_out_inputs[:shipped],
            "labels": dataset.held_out_labels[:shipped],
        },
    )


def write_card(example: Example) -> None:
    """Write what the person should know of an example into its folder."""
    card = json.dumps(dataclasses.asdict(example), indent=2, ensure_ascii=False)
    (FOLDER / example.name / "card.json").write_text(f"{card}\n", encoding="utf-8")


def pack(path: Path) -> None:
    """Write a ``.keras`` file again, packed, which Keras does not do: half as large, and every number as it was."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def main() -> None:
    """Train the examples named on the command line."""
    recipes = {recipe.name: recipe for recipe in RECIPES}
    parser = argparse.ArgumentParser(prog="python -m core.examples.train", description="Train the examples again.")
    # argparse compares an empty list with choices as a whole, so the names are checked by hand.
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(recipes)}; all if none is given")
    parser.add_argument("--early", action="store_true", help="train only what lies beside a model, its first epoch")
    arguments = parser.parse_args()
    names = arguments.names or list(recipes)
    if unknown := [name for name in names if name not in recipes]:
        parser.error(f"unknown: {', '.join(unknown)}; the examples are {', '.join(recipes)}")
    for name in names:
        recipe = recipes[name]
        example = train_early(recipe, get_example(name)) if arguments.early else train(recipe)
        print(f"{name}: {example.quality} {example.early_name}: {example.early_quality}", flush=True)


if __name__ == "__main__":
    main()
