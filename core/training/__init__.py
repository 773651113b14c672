"""A training as it went: recorded while it goes on, kept in a folder, read again without trust and without TensorFlow.

``record`` is the callback: it counts steps, and ``watched_training`` looks at the model, by ``watched_pass`` and
``weight_watch``. ``measuring`` makes numbers of layers of that (``measures``), and ``writer`` keeps them as Zarr with a
ledger (``ledger``). ``run`` reads all of it by ``run_files`` and ``plain_arrays``; ``alarms`` and ``similarity`` are
what follows from the numbers.
"""
