"""What a page says and asks of a workspace about labels: what they are, and what the classes are called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.class_names import is_class_names_file, parse_class_names
from core.inputs.files import Samples, UploadedFile
from core.inputs.labels import LabelRole
from core.workspace.open_model import OpenModel, OpenSamples, summarize_labels
from core.workspace.results import LabelSummary

__all__ = ["LabelledSamples", "NamesOfClasses", "lists_of_names"]


@dataclass(frozen=True)
class NamesOfClasses:
    """Names of classes by where they are from, the first that there are count."""

    said: tuple[str, ...] = ()
    from_data: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def in_use(self) -> tuple[str, ...]:
        """Those that count."""
        return self.said or self.from_data or self.own


class LabelledSamples(ABC):
    """The part of the Workspace that knows the labels of samples and the names of classes."""

    _model: OpenModel | None
    _samples: OpenSamples | None
    _names: NamesOfClasses
    _role: LabelRole | None
    _lock: Any

    @abstractmethod
    def _require_model(self) -> OpenModel: ...

    @abstractmethod
    def _matched(self, samples: Samples, serial: int) -> OpenSamples: ...

    @property
    def labelling(self) -> LabelSummary:
        """What the labels of the samples are taken for, and which names the classes have."""
        return summarize_labels(self._model, self._samples)

    def set_class_names(self, names: str | Sequence[str]) -> None:
        """Say what the classes of the open model are called; the samples that are open are set against them.

        Args:
            names: By number of the output; as text one a line or JSON, see
                :func:`core.inputs.class_names.parse_class_names`. Nothing takes the names that the model itself or its
                data brought.

        Raises:
            InputRejected: If no model is open, or the text is no list of names.
        """
        self._require_model()
        if isinstance(names, str):
            said = parse_class_names(names.encode("utf-8", "replace"), "The text") if names.strip() else ()
        else:
            said = tuple(map(safe_name, names))
        with self._lock:
            self._names = replace(self._names, said=said)
            self._model = replace(self._require_model(), class_names=self._names.in_use)
            self._match_again()

    def set_label_role(self, role: str) -> None:
        """Say what the labels of the samples are, now and of those to come for the same model.

        Args:
            role: ``"class"``, ``"value"`` (what the model is to answer) or ``"unused"``; empty finds it out.

        Raises:
            InputRejected: If no model is open, or there is no such role.
        """
        self._require_model()
        if role not in ("", *get_args(LabelRole)):
            raise InputRejected(f"Labels cannot be {role!r}.", remedy="They are 'class', 'value' or 'unused'.")
        with self._lock:
            self._role = cast("LabelRole | None", role or None)
            self._match_again()

    def _match_again(self) -> None:
        if self._samples is not None:
            self._samples = self._matched(self._samples.given, self._samples.serial)


def lists_of_names(
    given: Mapping[str, Sequence[UploadedFile]],
) -> tuple[list[UploadedFile], dict[str, list[UploadedFile]]]:
    """Return the files that list names of classes, and those that hold data."""
    lists: list[UploadedFile] = []
    data: dict[str, list[UploadedFile]] = {name: [] for name in given}
    for name, files in given.items():
        for file in files:
            (lists if is_class_names_file(file.name, file.data) else data[name]).append(file)
    return lists, data
