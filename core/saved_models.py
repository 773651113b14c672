"""Reads the graph of a SavedModel without running any of it, and without TensorFlow."""

from collections.abc import Collection
from dataclasses import dataclass

from core.errors import ModelRefused
from core.limits import Limits

__all__ = ["SavedModelReport", "check_saved_model"]


@dataclass(frozen=True)
class SavedModelReport:
    """What the graph of a SavedModel holds.

    Args:
        signatures: Names of the signatures that can be called, sorted.
        operations: Every type of operation, in the graph and in its functions, sorted.
        assets: Paths of the files that the graph reads while it is loaded, such as ``"assets/vocabulary.txt"``.
    """

    signatures: tuple[str, ...]
    operations: tuple[str, ...]
    assets: tuple[str, ...]


def check_saved_model(graph: bytes, members: Collection[str], name: str, limits: Limits) -> SavedModelReport:
    """Reads a SavedModel's graph and refuses what could do more than compute.

    Args:
        graph: The content of ``saved_model.pb``.
        members: Paths of the SavedModel's files, relative to its root, ``/`` between the parts.
        name: What to call the SavedModel in messages.
        limits: How large it may be.

    Raises:
        ModelRefused: The graph is damaged, too large, or holds what is not on the allow-list of operations.
    """
    raise ModelRefused(f"{name} is a SavedModel, which cannot be inspected yet.")
