"""Whether there was not enough memory for something, whoever says so in what words."""

from __future__ import annotations

import errno
import re
from typing import Final

__all__ = ["ran_out_of_memory"]

_NO_MEMORY: Final = re.compile(
    r"[Uu]nable to allocate|[Cc]annot allocate memory|memory allocation failed|OOM when allocating|std::bad_alloc"
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Return whether something failed because there was not enough memory for it, whoever wrapped that in what."""
    seen: BaseException | None = error
    before: set[int] = set()
    # An error that was raised from itself is its own cause.
    while seen is not None and id(seen) not in before:
        before.add(id(seen))
        if isinstance(seen, MemoryError) or type(seen).__name__ == "ResourceExhaustedError":
            return True
        # NumPy, the system, HDF5 and TensorFlow, each in its own words; Keras collects them in one text.
        if isinstance(seen, OSError) and seen.errno == errno.ENOMEM:
            return True
        if _NO_MEMORY.search(str(seen)):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
