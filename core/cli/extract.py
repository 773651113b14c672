"""``layerscope extract``: what layers answer to a few samples as one file, or to a dataset of any size as Zarr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.cli.models import CLASSES, EXAMPLES, NOISE, found, opened, which_model, with_input
from core.errors import InputRejected
from core.models.trust import add_to_environment

if TYPE_CHECKING:
    from core.examples.catalogue import Example
    from core.extraction.extractor import Extractor
    from core.inputs.datasets import Dataset

__all__ = ["extract"]

_ZARR = ".zarr"
_NOISE_SAMPLES = 64


@dataclass(frozen=True)
class _DatasetRun:
    """How a dataset is run: what is written, in passes of how many samples, and where."""

    layers: list[str] | None
    statistics: bool
    batch_size: int
    engine: Any
    address: str


@click.command()
@click.argument("model")
@click.argument("data")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="A .npz file, for what fits in memory, or a .zarr folder, for datasets.",
)
@click.option(
    "--layer", "--layers", "layers", multiple=True, help="Key of a layer; several times for several. By default all."
)
@click.option("--internals", is_flag=True, help="Also states, gates and attention scores (.npz).")
@click.option("--statistics", is_flag=True, help="Statistics of each unit instead of all values (.zarr).")
@click.option("--batch-size", default=8, show_default=True, help="Samples in one pass (.zarr).")
@click.option(
    "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="Where it runs (.zarr)."
)
@click.option("--address", default="", help="Of the engine's scheduler, such as tcp://host:8786.")
@CLASSES
@which_model
def extract(  # noqa: PLR0913 - a command's parameters are its options
    model: str,
    data: str,
    output: Path,
    layers: Sequence[str],
    internals: bool,
    statistics: bool,
    batch_size: int,
    engine: Any,
    address: str,
    classes: Path | None,
    weights: str | None,
    member: str,
    trusted: Sequence[str],
) -> None:
    """Run DATA through MODEL and write what the layers answer, an array per layer.

    DATA is a file, a folder or zip archive of images (folders are classes), 'examples' or 'noise'. Into a .zarr folder
    it is run batch by batch in memory that does not grow; ended half way, the same command goes on where it stopped.
    What is trusted then runs in this process, with the rights that you have.
    """
    if output.suffix == _ZARR:
        if internals:
            raise click.BadParameter("states and gates are written to .npz only", param_hint="--internals")
        source = _source(model, weights, member, trusted)
        run = _DatasetRun(list(layers) or None, statistics, batch_size, engine, address)
        _write_dataset(source, data, classes, output, run)
        return
    if output.suffix != ".npz" or statistics or engine != "local":
        raise click.BadParameter(
            "it must end in .npz, or in .zarr for a dataset, its statistics, or another engine", param_hint="--output"
        )
    workspace = opened(model, classes, weights=weights, member=member, trusted=trusted)
    with_input(workspace, data)
    output.write_bytes(workspace.activations_file(list(layers) or None, internals))
    click.echo(f"{output}: {len(workspace.sample_names):,} samples")


def _source(model: str, weights: str | None, member: str, trusted: Sequence[str]) -> Example | Path | Any:
    """The example, the path, or the model itself where a path alone does not say which is meant."""
    from core.models.loading import load_model_file
    from core.models.trust import get_trust

    add_to_environment(trusted)
    source = found(model)
    if isinstance(source, Path) and (weights or member):
        return load_model_file(source, weights=weights, member=member, trust=get_trust()).model
    return source


def _write_dataset(
    model: Example | Path | Any, data: str, classes: Path | None, output: Path, run: _DatasetRun
) -> None:
    from core.examples.catalogue import Example
    from core.extraction.dataset.engines import engine_at
    from core.extraction.dataset.zarr_files import extract_dataset
    from core.extraction.extractors import extractor_of

    engine = engine_at(run.engine, run.address)
    example = model if isinstance(model, Example) else None
    source = example.model_path if example else model
    dataset = _dataset(data, extractor_of(source), example, classes)
    with click.progressbar(length=dataset.sample_count, label="Samples", show_pos=True) as bar:

        def advance(done: int, count: int) -> None:
            bar.update(done - bar.pos)

        try:
            extract_dataset(
                source,
                dataset,
                output,
                layers=run.layers,
                statistics=run.statistics,
                batch_size=run.batch_size,
                engine=engine,
                progress=advance,
            )
        except KeyError as error:
            raise InputRejected(str(error.args[0]), remedy="Name layers by their key.") from error
    click.echo(f"{output}: {dataset.sample_count:,} samples")


def _dataset(data: str, extractor: Extractor, example: Example | None, classes: Path | None) -> Dataset:
    from core.extraction.extractor import Extractor
    from core.extraction.fitting_sizes import shapes_that_fit
    from core.extraction.known_layers import known_layers
    from core.extraction.model_output import output_of
    from core.inputs.class_names import class_names_of, fitting_names, parse_class_names
    from core.inputs.datasets import ArrayDataset, open_dataset
    from core.inputs.files import Preparation
    from core.inputs.images import suggest_scaling
    from core.inputs.model_inputs import input_specs
    from core.inputs.noise import noise
    from core.plugins.registry import get_registry

    model = extractor.model
    specs = input_specs(model)
    output = output_of(model, known_layers(extractor))
    class_names = example.class_names if example else class_names_of(model, output)
    if classes is not None:
        class_names, why = fitting_names(parse_class_names(classes.read_bytes(), classes.name), output)
        if why:
            raise InputRejected(why, remedy="Give a list with a name for each output.")
    if data == EXAMPLES and example:
        inputs, labels = example.samples()
        return ArrayDataset(inputs, labels, class_names, specs=specs)
    if data == NOISE:
        shapes = shapes_that_fit(Extractor(model), specs)
        arrays = {spec.name: noise(spec, _NOISE_SAMPLES, at, shapes[spec.name]) for at, spec in enumerate(specs)}
        return ArrayDataset(arrays, specs=specs)
    preparation = Preparation(suggest_scaling(model))
    return open_dataset(Path(data), specs, preparation, class_names, output, get_registry().readers)
