"""What a person and the files say of labels: names of classes by where they are from, and what the labels are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.class_names import is_class_names_file, parse_class_names
from core.inputs.files import UploadedFile
from core.inputs.label_tables import read_label_table
from core.inputs.labels import LabelRole
from core.inputs.picture_files import class_names_files

__all__ = ["NamesOfClasses", "names_by_person", "names_in_files", "role_by_person"]


@dataclass(frozen=True)
class NamesOfClasses:
    """Names of classes by where they are from, the first that there are count."""

    by_person: tuple[str, ...] = ()
    from_data: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def in_use(self) -> tuple[str, ...]:
        """Those that count."""
        return self.by_person or self.from_data or self.own


def names_by_person(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return names of classes as a person gives them: as a list, or as text.

    Raises:
        InputRejected: If the text is no list of names.
    """
    if isinstance(names, str):
        return parse_class_names(names.encode("utf-8", "replace"), "The text") if names.strip() else ()
    return tuple(map(safe_name, names))


def names_in_files(
    files: Mapping[str, Sequence[tuple[str, bytes]]],
) -> tuple[tuple[str, ...], dict[str, list[UploadedFile]]]:
    """Return the names of classes that files list, and the files that hold data.

    Args:
        files: Name and content of each, by the name of the input that they are for.

    Raises:
        InputRejected: If there is a list of names and no data beside it, or it is none that can be read.
    """
    lists: list[UploadedFile] = []
    data: dict[str, list[UploadedFile]] = {name: [] for name in files}
    for name, files_of_input in files.items():
        for file in itertools.starmap(UploadedFile, files_of_input):
            is_list = is_class_names_file(file.name, file.data) and not read_label_table(file.data, file.name)
            (lists if is_list else data[name]).append(file)
            lists += itertools.starmap(UploadedFile, class_names_files(file.data).items())
    if lists and not any(data.values()):
        raise InputRejected(
            f"{safe_name(lists[0].name)} lists names of classes, and there is no data beside it.",
            remedy="Add the data, then the names are used for it.",
        )
    return parse_class_names(lists[-1].data, lists[-1].name) if lists else (), data


def role_by_person(role: str) -> LabelRole | None:
    """Return what labels are as a person says it; None where that is to be found out.

    Raises:
        InputRejected: If they cannot be that.
    """
    if role not in ("", *get_args(LabelRole)):
        raise InputRejected(f"Labels cannot be {role!r}.", remedy="They are 'class', 'value' or 'unused'.")
    return cast("LabelRole | None", role or None)
