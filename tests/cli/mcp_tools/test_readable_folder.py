"""Which files an agent may have read: those of one folder, and nothing that leads out of it."""

import os

import pytest

from core.cli.mcp_tools.readable_folder import ReadableFolder
from core.errors import InputRejected


@pytest.fixture
def folder(tmp_path):
    """A folder with a model and a folder of data in it, and a file beside it."""
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "model.keras").write_bytes(b"model")
    (root / "data" / "x.npy").write_bytes(b"data")
    (tmp_path / "secret.keras").write_bytes(b"secret")
    return ReadableFolder(root)


@pytest.mark.parametrize("name", ["model.keras", "data/x.npy", "data/../model.keras", "data"])
def test_what_is_in_it_is_found(folder, name):
    assert folder.locate(name) == (folder.root / name).resolve()
    assert folder.locate(str(folder.root / name)) == (folder.root / name).resolve()


@pytest.mark.parametrize("name", ["../secret.keras", "data/../../secret.keras", "/etc/hostname", "..", "../nothing"])
def test_what_lies_outside_is_refused_whether_it_is_there_or_not(folder, name):
    with pytest.raises(InputRejected, match="outside of the folder whose files may be read") as refused:
        folder.locate(name)
    assert "--root FOLDER" in refused.value.remedy


def test_a_link_that_leads_out_is_refused_also_deep_in_a_folder(folder):
    (folder.root / "link.keras").symlink_to("../secret.keras")
    (folder.root / "data" / "link").symlink_to("/etc")
    (folder.root / "within.keras").symlink_to("model.keras")

    with pytest.raises(InputRejected, match=r"'link.keras' lies outside"):
        folder.locate("link.keras")
    with pytest.raises(InputRejected, match="'data' holds a link, 'link', that leads outside"):
        folder.locate("data")
    assert folder.locate("within.keras").name == "model.keras"


def test_what_is_not_there_names_the_nearest(folder):
    with pytest.raises(InputRejected, match=r"no file 'model.kers'; did you mean 'model.keras'\?"):
        folder.locate("model.kers")
    with pytest.raises(InputRejected, match=r"no file 'nowhere/model.keras'"):
        folder.locate("nowhere/model.keras")


def test_what_would_be_waited_for_is_no_file(folder):
    os.mkfifo(folder.root / "pipe.npy")
    with pytest.raises(InputRejected, match="neither a file nor a folder"):
        folder.locate("pipe.npy")


def test_what_is_no_path_or_no_folder(folder):
    with pytest.raises(InputRejected, match="is no path"):
        folder.locate("a\0b")
    with pytest.raises(InputRejected, match="is no folder"):
        ReadableFolder(folder.root / "model.keras")
