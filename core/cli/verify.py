"""``layerscope verify``: whether what is shown of each layer is what the layer answers, by running it again."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Unpack

import click

from core.cli.models import CLASSES, WhichModel, opened, which_model, with_input
from core.cli.tables import columns
from core.common.text import number_text
from core.extraction.verified import Verification

__all__ = ["verify"]

_NOISE_SAMPLES = 4


@click.command()
@click.argument("model")
@click.argument("data", default="")
@click.option("--all", "lists_all", is_flag=True, help="List every layer, not only those that are not exact.")
@click.option("--json", "as_json", is_flag=True, help="Write what came of each layer as JSON.")
@CLASSES
@which_model
def verify(
    model: str, data: str, lists_all: bool, as_json: bool, classes: Path | None, **which: Unpack[WhichModel]
) -> None:
    """Run each layer of MODEL again, alone, on what DATA gave it, and compare that with what is recorded.

    DATA is a file as the page takes it, 'examples' or 'noise'; by default the example's samples, or noise. The first
    four samples are taken. The model is run without recording, too.

    The exit status is 0 if everything that could be run again gave what was recorded (what is random, stateful or could
    not be run again is named), and 1 if something differs, nothing could be checked, or the file is refused.
    """
    workspace = opened(model, classes, **which)
    with_input(workspace, data, _NOISE_SAMPLES)
    found = workspace.verify()
    if as_json:
        rows = [asdict(each) for each in (*found.layers, found.model)]
        told = {"text": found.text, "clean": found.is_clean, "samples": found.sample_count}
        click.echo(json.dumps(told | {"layers": rows[:-1], "model": rows[-1], "parts": list(found.parts)}, indent=2))
    else:
        click.echo(found.text)
        if table := _table(found, lists_all):
            click.echo(f"\n{table}")
    sys.exit(0 if found.is_clean else 1)


def _table(found: Verification, lists_all: bool) -> str:
    rows = [layer for layer in found.layers if lists_all or layer.outcome != "exact"]
    if not rows:
        return ""
    table = [("layer", "type", "outcome", "difference", "note")]
    for layer in rows:
        difference = "" if layer.difference is None else number_text(layer.difference)
        table.append((layer.key, layer.type_name, layer.outcome, difference, layer.note))
    return columns(table, right={3})
