"""The bytes that files of a kind begin with, by which they are told apart whatever their names say.

Source: https://en.wikipedia.org/wiki/List_of_file_signatures, and for HDF5, NumPy and zip the formats' specifications.
"""

from typing import Final

BMP: Final = b"BM"
BZIP2: Final = b"BZh"
GIF: Final = b"GIF8"
GIT_LFS_POINTER: Final = b"version https://git-lfs"
GZIP: Final = b"\x1f\x8b"
HDF5: Final = b"\x89HDF\r\n\x1a\n"
JPEG: Final = b"\xff\xd8\xff"
NPY: Final = b"\x93NUMPY"
PICKLE: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""Of the protocols 2 to 5; older ones begin with text."""
PNG: Final = b"\x89PNG\r\n\x1a\n"
RAR: Final = b"Rar!\x1a"
RIFF: Final = b"RIFF"
"""Sound, films, and WebP images, which say so after four more bytes."""
SEVEN_ZIP: Final = b"7z\xbc\xaf"
TENSORFLOW_LITE: Final = b"TFL3"
"""Behind four bytes that say where the file's first table is."""
XZ: Final = b"\xfd7zXZ\0"
_OF_SAVED_MODELS: Final = frozenset({"saved_model.pb", "keras_metadata.pb", "fingerprint.pb"})
ZIP: Final = b"PK"
"""Any record of a zip archive; those below are its kinds."""
ZIP_LOCAL_FILE: Final = b"PK\x03\x04"
ZIP_CENTRAL_DIRECTORY: Final = b"PK\x01\x02"
ZIP_END: Final = b"PK\x05\x06"
"""What an archive begins with that holds nothing."""


def beginning_of_text(content: bytes) -> bytes:
    """Return what a text begins with, behind a byte-order mark and blanks."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n")


def is_frozen_graph(content: bytes, path: str) -> bool:
    """Return whether a file looks like a graph that TensorFlow 1 froze: by its ending, and its first field, a node.

    Args:
        content: What it begins with.
        path: Its name, in any folders. What a SavedModel keeps beside its graph has the same ending.
    """
    name = path.lower().rpartition("/")[2]
    return name.endswith(".pb") and name not in _OF_SAVED_MODELS and content[:1] == b"\n"


def is_lite(content: bytes) -> bool:
    """Return whether a file's first eight bytes are those of a TensorFlow Lite model."""
    return content[4:8] == TENSORFLOW_LITE
