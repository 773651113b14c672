"""``layerscope record``: what a visitor would look at of a model, as one file that is opened without the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from core.cli.models import CLASSES, WhichModel, opened, which_model, with_input
from core.common.text import format_bytes, list_samples
from core.errors import InputRejected

__all__ = ["record"]

_USUAL_SAMPLES = 3


@click.command()
@click.argument("model")
@click.argument("data", default="")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="session.layerscope",
    show_default=True,
    help="The file to write.",
)
@click.option(
    "--layer",
    "--layers",
    "layers",
    multiple=True,
    help="Key of a layer; several times for several. By default all, of a large model every so many.",
)
@click.option(
    "--sample",
    "--samples",
    "samples",
    multiple=True,
    type=click.IntRange(min=0),
    help="Number of a sample, from 0; several times for several. By default the first three.",
)
@click.option(
    "--pictures",
    type=click.Choice(["first", "groups", "all"]),
    default="groups",
    show_default=True,
    help="Of each layer the picture that suits best, the best of each group, or all.",
)
@CLASSES
@which_model
def record(
    model: str,
    data: str,
    output: Path,
    layers: Sequence[str],
    samples: Sequence[int],
    pictures: str,
    classes: Path | None,
    **which: Unpack[WhichModel],
) -> None:
    """Record what a visitor would look at of MODEL with DATA: answers, layers, pictures, units, health.

    `layerscope run session.layerscope` opens it on the same page, for whoever has the file: without the model, the data
    and TensorFlow, and without changing anything. DATA is a file, 'examples' or 'noise'.
    """
    from core.workspace.recordings.recorder import Recorder
    from core.workspace.recordings.visit import Visit, visit
    from core.workspace.workers.request import Request

    if not output.parent.is_dir():
        raise InputRejected(f"There is no folder {str(output.parent)!r}.", remedy="Make it, or write elsewhere.")
    workspace = opened(model, classes, **which)
    with_input(workspace, data, _USUAL_SAMPLES)
    recorder = Recorder(workspace)
    count = len(recorder.ask(Request("sample_names")))
    chosen = tuple(dict.fromkeys(samples)) or tuple(range(min(_USUAL_SAMPLES, count)))
    with click.progressbar(length=100, label="Looking at layers") as bar:

        def advance(share: float, text: str) -> None:
            bar.update(int(100 * share) - bar.pos)

        visit(recorder, Visit(chosen, tuple(layers), pictures), advance)
        bar.update(100 - bar.pos)
    content = recorder.write()
    output.write_bytes(content)
    looked_at = f"{list_samples(chosen, len(chosen))}, {len(recorder.asked):,} answers"
    click.echo(
        f"{output}: {looked_at}, {format_bytes(len(content))}. It holds these inputs. Open it: layerscope run {output}"
    )
