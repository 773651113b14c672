"""Worker processes behind the Workspace line: one per visitor, thrown away when it exceeds its limits.

A model from a stranger is a program, and so is a plugin. The page's own process runs neither: it asks a worker, and
what comes back is plain. ``forking`` and ``pool`` start and end workers, ``remote`` is the Workspace that asks them,
``serving`` answers in the worker, ``sandbox`` confines it, ``wire`` is what crosses.
"""
