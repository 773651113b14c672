"""Train the examples again: ``python -m core.examples.train [name ...]``, all of them without a name.

Needs pip with access to a package index for all but the digits:
the vowels and motions are read from the wheel of aeon 1.6.0, the reviews from the source archive of
vaderSentiment 0.5. Neither package is installed. All five take about a minute on two cores.
"""

import argparse
import dataclasses
import json

import keras
import numpy as np

from core.examples.catalogue import FOLDER, INPUT_PREFIX, Example
from core.examples.datasets import SEED, Dataset
from core.examples.recipes import RECIPES, Recipe, as_tensor


def train(recipe: Recipe) -> Example:
    """Train one example, write its folder, and return its card."""
    keras.utils.set_random_seed(SEED)
    dataset = recipe.read()
    model = recipe.build(dataset)
    fit(model, recipe, dataset)

    predictions = model.predict(as_tensor(dataset.held_out_inputs), verbose=0).argmax(axis=-1)
    example = Example(
        name=recipe.name,
        title=recipe.title,
        description=recipe.description,
        class_names=dataset.class_names,
        featured_layer=recipe.featured_layer,
        input_kind=recipe.input_kind,
        accuracy=round(float(np.mean(predictions == dataset.held_out_labels)), 4),
        held_out_count=len(dataset.held_out_labels),
        source=recipe.source,
        license=recipe.license,
        feature_names=dataset.feature_names,
    )
    write(example, model, dataset, recipe.shipped)
    return example


def fit(model: keras.Model, recipe: Recipe, dataset: Dataset) -> None:
    """Train ``model`` in place, without compiling it: a file with an optimizer's state would be three times as big."""
    trainer = keras.Model(model.inputs, model.outputs)  # shares the layers, and so the weights
    trainer.compile(keras.optimizers.Adam(recipe.learning_rate), "sparse_categorical_crossentropy")
    inputs, labels = dataset.train_inputs, dataset.train_labels
    validation_count = round(recipe.validation_share * len(labels))
    trainer.fit(
        as_tensor(inputs[validation_count:]),
        labels[validation_count:],
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        verbose=0,
        validation_data=(as_tensor(inputs[:validation_count]), labels[:validation_count]) if validation_count else None,
        callbacks=[keras.callbacks.EarlyStopping(patience=8, restore_best_weights=True)] if validation_count else [],
    )


def write(example: Example, model: keras.Model, dataset: Dataset, shipped: int) -> None:
    """Write the model, the first ``shipped`` held-out samples and the card into the example's folder."""
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
    card = json.dumps(dataclasses.asdict(example), indent=2, ensure_ascii=False)
    (folder / "card.json").write_text(f"{card}\n", encoding="utf-8")


def main() -> None:
    """Train the examples named on the command line."""
    recipes = {recipe.name: recipe for recipe in RECIPES}
    parser = argparse.ArgumentParser(prog="python -m core.examples.train", description="Train the examples again.")
    # argparse compares an empty list with choices as a whole, so the names are checked by hand.
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(recipes)}; all if none is given")
    names = parser.parse_args().names or list(recipes)
    if unknown := [name for name in names if name not in recipes]:
        parser.error(f"unknown: {', '.join(unknown)}; the examples are {', '.join(recipes)}")
    for name in names:
        example = train(recipes[name])
        print(f"{name}: {example.accuracy:.1%} of {example.held_out_count} held-out samples", flush=True)


if __name__ == "__main__":
    main()
