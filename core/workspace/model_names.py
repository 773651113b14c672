"""What a model file is called where nothing else is said, and the code that opens it in a notebook."""

from __future__ import annotations

import os

from core.models.trust import NO_TRUST, Trust

__all__ = ["code_that_opens", "code_that_opens_example", "file_name"]


def file_name(source: str | os.PathLike[str] | bytes, weights: str = "") -> str:
    """Return what a model file is called where nothing else is said: a path's last part, and that of its weights."""
    name = "model.keras" if isinstance(source, bytes) else os.path.basename(os.fspath(source).rstrip(os.sep))
    return f"{name} + {os.path.basename(weights)}" if weights else name


def code_that_opens(name: str, member: str, trust: Trust = NO_TRUST) -> str:
    """Return Python that opens a model file and its samples in a notebook.

    Args:
        name: What :func:`file_name` calls the file, or the files that were given together.
        member: Path of the model that is meant, where there are several.
        trust: Whose code it uses beyond Keras.
    """
    parts = name.split(" + ")
    source = next((part for part in parts if part.lower().endswith(".json")), parts[0])
    weights = next((part for part in parts if part != source and part.lower().endswith((".h5", ".hdf5"))), "")
    arguments = [repr(source), f"weights={weights!r}" if weights else "", f"member={member!r}" if member else ""]
    arguments.append(f"trust={list(trust.titles)!r}" if trust else "")
    return (
        f"import numpy\n\nmodel = layerscope.load_model({', '.join(filter(None, arguments))})\n"
        "inputs = dict(numpy.load('inputs.npz'))  # saved beside the chart"
    )


def code_that_opens_example(name: str) -> str:
    """Return Python that opens an example and its samples in a notebook."""
    return (
        f"example = layerscope.get_example({name!r})\n"
        "model = layerscope.load_model(example.model_path)\n"
        "inputs, labels = example.samples()"
    )
