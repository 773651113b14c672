"""``layerscope inspect``: what a model file holds, without running anything of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import ByteSize

from core.cli.file_report import report_as_json, report_as_text
from core.cli.models import TRUST
from core.common.limits import format_limit
from core.errors import LayerscopeError, SeveralModels
from core.models.inspection import ModelFile, inspect_model
from core.workspace.file_report.report import report_file
from core.workspace.file_report.results import FileReport

__all__ = ["inspect"]

_KINDS = {
    "keras": ".keras archive",
    "hdf5": "HDF5 (.h5)",
    "architecture": "architecture (.json) with weights",
    "saved_model": "SavedModel",
    "tflite": "TensorFlow Lite (.tflite)",
    "frozen_graph": "frozen graph of TensorFlow (.pb)",
}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
@click.option("--member", default="", help="Path of the one that is meant, where FILE holds several models.")
@click.option("--weights", "lists_weights", is_flag=True, help="List every array of weights, with numbers on it.")
@TRUST
def inspect(file: Path, as_json: bool, member: str, lists_weights: bool, trusted: Sequence[str]) -> None:
    """Say what a model file holds, and whether it can be opened without running anything of it.

    Then its layers are listed, and what is missing where the file is refused.

    Nothing is loaded, and TensorFlow is not imported, but for what is trusted. The exit status is 0 if the file is
    accepted and 1 if it is refused, so that a job can guard a registry of models with it.
    """
    allowed: frozenset[str] = frozenset()
    try:
        inspected, allowed = _inspected(file, member, trusted)
        report = _report(file, inspected)
    except LayerscopeError as error:
        report = {"file": file.name, "accepted": False, "reason": error.message, "remedy": error.remedy}
        if error.code:
            report["code"] = error.code
        if isinstance(error, SeveralModels):
            report["choices"] = list(error.choices)
    content = _content(file, member, allowed)
    if as_json:
        click.echo(json.dumps(report | (report_as_json(content) if content else {}), indent=2))
    else:
        if report["accepted"]:
            click.echo(f"{_as_text(report)}\n{_verdict(bool(allowed))}")
        else:
            lines = [f"Refused: {report['reason']}", report["remedy"], report.get("code", "")]
            click.echo("\n".join(filter(None, lines)), err=True)
        if content and (text := report_as_text(content, weights=lists_weights)):
            click.echo(f"\n{text}")
    sys.exit(0 if report["accepted"] else 1)


def _content(file: Path, member: str, allowed: frozenset[str]) -> FileReport | None:
    try:
        return report_file(file, name=file.name, member=member, allowed=allowed)
    except LayerscopeError:
        # The verdict has said it.
        return None


def _inspected(file: Path, member: str, trusted: Sequence[str]) -> tuple[ModelFile, frozenset[str]]:
    """What the file holds, and what it may use beyond Keras."""
    from core.models.trust import add_to_environment, get_trust

    add_to_environment(trusted)
    trust = get_trust()
    if not trust:
        return inspect_model(file, name=file.name, member=member), frozenset()
    from core.models.trusted_code import TrustedObjects

    objects = TrustedObjects({}, trust)
    model = objects.supply(lambda: inspect_model(file, allowed=objects.allowed, name=file.name, member=member))
    return model, objects.allowed


def _report(path: Path, file: ModelFile) -> dict[str, Any]:
    report: dict[str, Any] = {
        "file": path.name,
        "accepted": True,
        "kind": file.kind,
        "keras_version": file.keras_version,
        "training": dict(file.training),
        "members": dict(file.members),
    }
    if file.sizes and file.stored:
        report |= {
            "layers": file.layer_count,
            "class_names": list(file.class_names),
            "parameters": file.sizes.parameters,
            "parameters_stored": file.stored.parameters,
            "activation_bytes": file.sizes.activation_bytes,
            "input_sizes": dict(file.sizes.input_sizes),
            "sizes_complete": file.sizes.complete,
            "largest_layer": file.sizes.largest,
        }
    if file.lite:
        report["signatures"] = list(file.lite.signatures)
    if file.graph:
        report |= {
            "signatures": list(file.graph.signatures),
            "operations": list(file.graph.operations),
            "assets": list(file.graph.assets),
        }
    return report


def _as_text(report: dict[str, Any]) -> str:
    version = f", written by Keras {report['keras_version']}" if report["keras_version"] else ""
    lines = [f"{report['file']}: {_KINDS[report['kind']]}{version}"]
    lines += [f"  {what:<12} {name}" for what, name in report["training"].items()]
    if "layers" in report:
        least = "" if report["sizes_complete"] else "at least "
        size = format_limit(ByteSize(report["activation_bytes"]))
        lines += [
            f"  layers       {report['layers']:,}",
            f"  {'operators' if report['kind'] == 'tflite' else 'classes':<12} {', '.join(report['class_names'])}",
            f"  parameters   {report['parameters']:,} declared, {report['parameters_stored']:,} stored",
            f"  activations  {least}{size} for one sample{_counted(report['input_sizes'])}, the largest in "
            f"{report['largest_layer']!r}",
        ]
    if "signatures" in report:
        lines.append(f"  signatures   {', '.join(report['signatures']) or 'none'}")
    if "operations" in report:
        lines.append(f"  operations   {len(report['operations']):,} types: {', '.join(report['operations'])}")
    lines += [f"  holds        {path} ({format_limit(ByteSize(size))})" for path, size in report["members"].items()]
    return "\n".join(lines)


def _verdict(is_trusted: bool) -> str:
    if is_trusted:
        return "Accepted: opening it runs what you trust, and nothing else that the file brings."
    return "Accepted: opening it runs nothing that the file brings."


def _counted(sizes: dict[str, str]) -> str:
    if not sizes:
        return ""
    if not all(sizes.values()):
        return " (of any size: counted per step or pixel)"
    return f" (for inputs of {' and '.join(dict.fromkeys(sizes.values()))})"
