"""Models in archives and folders as programs make them on Mac, Windows and Linux, and among what people keep."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.model_files import keras2_files
from tests.support.model_files.builders import Case, ModelFiles, case_of, saved, trained
from tests.support.model_files.compiled import NUMBERS, TARGETS, dense_model, trained_dense
from tests.support.model_files.saved_models import README, exported

__all__ = ["ARCHIVE_FILES", "mac_archive", "model_file"]

RESOURCE_FORK = b"\0\5\x16\7\0\2\0\0Mac OS X        " + b"\0" * 96
FOLDER_VIEW = b"\0\0\0\1Bud1\0\0\x10\0" + b"\0" * 64
DESKTOP = "[.ShellClassInfo]\r\nIconResource=C:\\Windows\\System32\\SHELL32.dll,4\r\n".encode("utf-16")
THUMBNAILS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
UNIX, WINDOWS = 3, 0
Entry = tuple[str, bytes | None]
"""Name and content; None is a folder."""


def model_file(folder: Path, name: str = "model.keras") -> ModelFiles:
    """Save a trained model."""
    model, inputs = trained_dense()
    return saved(model, inputs, folder / name)


class _Stream(io.RawIOBase):
    """Writes to a file without going back, as programs do that write sizes behind each entry."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("wb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def archive(
    target: Path,
    entries: Iterable[Entry],
    *,
    system: int = UNIX,
    streamed: bool = False,
    extra: bytes = b"",
    method: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """Write a zip as a program of an operating system does, with entries for folders and extra fields."""
    with _Stream(target) if streamed else target.open("wb") as stream, zipfile.ZipFile(stream, "w", method) as writer:
        for name, content in entries:
            information = zipfile.ZipInfo(name, (2024, 5, 17, 9, 41, 2))
            information.create_system = system
            information.compress_type = method if content else zipfile.ZIP_STORED
            if system == UNIX:
                information.external_attr = (0o40755 << 16 | 0x10) if content is None else 0o100644 << 16
            else:
                information.external_attr = 0x10 if content is None else 0x20
            information.extra = extra
            writer.writestr(information, content or b"")
    return target


def mac_archive(target: Path, name: str, content: bytes, *, within: str = "models") -> Path:
    """Write a zip as the Mac's Finder does, of a folder that holds one file."""
    place = f"{within}/{name}" if within else name
    entries: list[Entry] = [(f"{within}/", None)] if within else []
    entries += [
        (place, content),
        (f"__MACOSX/{within}/._{name}" if within else f"__MACOSX/._{name}", RESOURCE_FORK),
        (f"{within}/.DS_Store" if within else ".DS_Store", FOLDER_VIEW),
    ]
    if within:
        entries += [(f"__MACOSX/{within}/._.DS_Store", RESOURCE_FORK), (f"__MACOSX/._{within}", RESOURCE_FORK)]
    return archive(target, entries, streamed=True, extra=b"UX\x0c\0" + b"\0" * 12)


def zipped_by_a_mac(folder: Path) -> ModelFiles:
    files = model_file(folder)
    return files.at(mac_archive(folder / "Archiv.zip", "model.keras", files.paths[0].read_bytes()))


def zipped_by_a_mac_without_a_folder(folder: Path) -> ModelFiles:
    files = model_file(folder)
    return files.at(mac_archive(folder / "model.keras.zip", "model.keras", files.paths[0].read_bytes(), within=""))


def zipped_by_a_mac_with_an_umlaut(folder: Path) -> ModelFiles:
    files = model_file(folder)
    # The Mac writes ü as u and a mark over it.
    decomposed = "M\u0075\u0308ller 2.keras"
    return files.at(mac_archive(folder / "Archiv.zip", decomposed, files.paths[0].read_bytes(), within="Neuer Ordner"))


def saved_model_zipped_by_a_mac(folder: Path) -> ModelFiles:
    files = exported(folder)
    (source,) = files.paths
    entries: list[Entry] = [("model/", None)]
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        entries.append((f"model/{name}/", None) if path.is_dir() else (f"model/{name}", path.read_bytes()))
        if path.is_file():
            entries.append((f"__MACOSX/model/{Path(name).parent / f'._{path.name}'}", RESOURCE_FORK))
    entries.append(("model/.DS_Store", FOLDER_VIEW))
    return files.at(archive(folder / "model.zip", entries, streamed=True))


def zipped_by_windows(folder: Path) -> ModelFiles:
    files = model_file(folder)
    entries: list[Entry] = [
        ("Models/", None),
        ("Models/desktop.ini", DESKTOP),
        ("Models/Thumbs.db", THUMBNAILS),
        ("Models/model (1).keras", files.paths[0].read_bytes()),
    ]
    return files.at(archive(folder / "Models.zip", entries, system=WINDOWS))


def zipped_by_windows_with_an_umlaut_of_its_own(folder: Path) -> ModelFiles:
    files = model_file(folder)
    target = archive(folder / "M.zip", [("Gr00e.keras", files.paths[0].read_bytes())], system=WINDOWS)
    content = target.read_bytes()
    assert content.count(b"Gr00e.keras") == 2
    # The code page of DOS, without the flag that says UTF-8.
    target.write_bytes(content.replace(b"Gr00e.keras", b"Gr\x94\xe1e.keras"))
    return files.at(target)


def zipped_by_the_zip_command(folder: Path) -> ModelFiles:
    files = model_file(folder)
    times = b"UT\x09\0\3" + struct.pack("<II", 1715938862, 1715938862)
    owner = b"ux\x0b\0\1\4" + struct.pack("<I", 1000) + b"\4" + struct.pack("<I", 1000)
    entries: list[Entry] = [("runs/", None), ("runs/7/", None), ("runs/7/model.keras", files.paths[0].read_bytes())]
    return files.at(archive(folder / "runs.zip", entries, extra=times + owner))


def stored_in_a_zip(folder: Path) -> ModelFiles:
    files = model_file(folder)
    entries = [("model.keras", files.paths[0].read_bytes())]
    return files.at(archive(folder / "model.zip", entries, method=zipfile.ZIP_STORED))


def packed_again_with_compression(folder: Path) -> ModelFiles:
    files = model_file(folder, "plain.keras")
    with zipfile.ZipFile(files.paths[0]) as source:
        entries = [(name, source.read(name)) for name in source.namelist()]
    return files.at(archive(folder / "model.keras", entries))


def unpacked_and_packed_again_by_a_mac(folder: Path) -> ModelFiles:
    files = model_file(folder, "plain.keras")
    entries: list[Entry] = [("model/", None)]
    with zipfile.ZipFile(files.paths[0]) as source:
        for name in source.namelist():
            entries += [(f"model/{name}", source.read(name)), (f"__MACOSX/model/._{name}", RESOURCE_FORK)]
    entries.append(("model/.DS_Store", FOLDER_VIEW))
    return files.at(archive(folder / "model.zip", entries, streamed=True))


def zip_of_an_h5(folder: Path) -> ModelFiles:
    files = model_file(folder, "model.h5")
    return files.at(archive(folder / "model.zip", [("model.h5", files.paths[0].read_bytes())]))


def zip_of_an_h5_of_keras_2(folder: Path) -> ModelFiles:
    model, inputs = keras2_files.pictures_of_keras_2()
    files = saved(model, inputs, folder / "model.h5")
    return files.at(archive(folder / "model.zip", [("export/model.h5", files.paths[0].read_bytes())]))


def export_of_teachable_machine(folder: Path) -> ModelFiles:
    model, inputs = keras2_files.RECIPES["Teachable Machine"]()
    files = saved(model, inputs, folder / "keras_model.h5")
    entries = [("keras_model.h5", files.paths[0].read_bytes()), ("labels.txt", b"0 cat\n1 dog\n2 zebra\n")]
    return files.at(archive(folder / "converted_keras.zip", entries))


def three_folders_deep(folder: Path) -> ModelFiles:
    files = model_file(folder)
    return files.at(archive(folder / "a.zip", [("home/me/models/model.keras", files.paths[0].read_bytes())]))


def zip_among_the_files_of_a_project(folder: Path) -> ModelFiles:
    files = model_file(folder)
    entries = [(f"project/{name}", content) for name, content in project_files()]
    entries.append(("project/model.keras", files.paths[0].read_bytes()))
    return files.at(archive(folder / "project-main.zip", entries))


def project_files() -> list[tuple[str, bytes]]:
    """Return what stands beside a model in a project."""
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return [
        ("README.md", README.encode()),
        ("LICENSE", b"MIT License\n"),
        ("labels.txt", b"low\nmiddle\nhigh\n"),
        ("requirements.txt", b"keras\ntensorflow\n"),
        ("train.py", b"import keras\n"),
        ("train.ipynb", json.dumps(notebook).encode()),
        ("history.json", b'{"loss": [0.5, 0.4]}'),
        ("training.csv", b"epoch,loss\n0,0.5\n"),
        (".gitignore", b"*.pyc\n"),
    ]


def folder_of_a_project(folder: Path) -> ModelFiles:
    root = folder / "project"
    (root / "runs" / "2024-05-17").mkdir(parents=True)
    for name, content in project_files():
        (root / name).write_bytes(content)
    files = model_file(root / "runs" / "2024-05-17")
    return files.at(root)


def folder_with_one_file(folder: Path) -> ModelFiles:
    root = folder / "models"
    root.mkdir()
    (root / ".DS_Store").write_bytes(FOLDER_VIEW)
    return model_file(root, "model.h5").at(root)


def zip_of_a_zip(folder: Path) -> ModelFiles:
    files = model_file(folder)
    inner = archive(folder / "inner.zip", [("model.keras", files.paths[0].read_bytes())])
    return files.at(archive(folder / "outer.zip", [("download/model.zip", inner.read_bytes())]))


def several_models_in_a_zip(folder: Path) -> ModelFiles:
    files = model_file(folder, "good.keras")
    saved(trained(dense_model(), NUMBERS, TARGETS + 3), NUMBERS, folder / "other.keras")
    entries = [(f"models/{name}.keras", (folder / f"{name}.keras").read_bytes()) for name in ("other", "good")]
    return files.at(mac_zip_of(folder / "models.zip", entries), member="models/good.keras")


def mac_zip_of(target: Path, entries: list[tuple[str, bytes]]) -> Path:
    """Write a zip of several files, with what a Mac adds to each."""
    forks = [(f"__MACOSX/{Path(name).parent / f'._{Path(name).name}'}", RESOURCE_FORK) for name, _ in entries]
    return archive(target, [*entries, *forks], streamed=True)


def checkpoints_of_several_epochs_in_a_folder(folder: Path) -> ModelFiles:
    root = folder / "checkpoints"
    (root / "run 1").mkdir(parents=True)
    model = trained(dense_model(), NUMBERS, TARGETS)
    saved(model, NUMBERS, root / "run 1" / "01-0.52.keras")
    model.fit(NUMBERS, TARGETS, verbose=0)
    files = saved(model, NUMBERS, root / "run 1" / "02-0.48.keras")
    model.fit(NUMBERS, TARGETS, verbose=0)
    saved(model, NUMBERS, root / "final.h5")
    return files.at(root, member="run 1/02-0.48.keras")


def several_kinds_in_a_zip(folder: Path) -> ModelFiles:
    keras_2 = keras2_files.dense_of_keras_2()
    files = saved(*keras_2, folder / "old.h5")
    saved_model = exported(folder).paths[0]
    inside = sorted(path for path in saved_model.rglob("*") if path.is_file())
    entries = [(f"all/saved_model/{path.relative_to(saved_model).as_posix()}", path.read_bytes()) for path in inside]
    entries += [("all/old.h5", files.paths[0].read_bytes())]
    return files.at(archive(folder / "all.zip", entries), member="all/old.h5")


ARCHIVE_FILES = [
    case_of(zipped_by_a_mac),
    case_of(zipped_by_a_mac_without_a_folder),
    case_of(zipped_by_a_mac_with_an_umlaut),
    case_of(saved_model_zipped_by_a_mac),
    case_of(zipped_by_windows),
    case_of(zipped_by_windows_with_an_umlaut_of_its_own),
    case_of(zipped_by_the_zip_command),
    case_of(stored_in_a_zip),
    case_of(packed_again_with_compression),
    case_of(unpacked_and_packed_again_by_a_mac),
    case_of(zip_of_an_h5),
    case_of(zip_of_an_h5_of_keras_2),
    case_of(export_of_teachable_machine),
    Case("zip with folders, three deep", three_folders_deep),
    case_of(zip_among_the_files_of_a_project),
    case_of(zip_of_a_zip),
    case_of(folder_of_a_project),
    case_of(folder_with_one_file),
    case_of(several_models_in_a_zip, choices=("models/good.keras", "models/other.keras")),
    case_of(
        checkpoints_of_several_epochs_in_a_folder,
        choices=("final.h5", "run 1/01-0.52.keras", "run 1/02-0.48.keras"),
    ),
    case_of(several_kinds_in_a_zip, choices=("all/old.h5", "all/saved_model")),
]
