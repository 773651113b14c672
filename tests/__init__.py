"""The tests; a package, for one that is installed has a `tests` of its own, which a folder alone would yield to."""
