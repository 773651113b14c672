"""A training as it went: recorded while it goes on, kept in a folder, read again without trust and without TensorFlow.

``writer`` keeps what was measured as Zarr with a ledger (``ledger``); ``thinning`` chooses the steps of which more is
kept. ``run`` reads all of that by ``run_files`` and ``plain_arrays``; ``alarms`` and ``similarity`` are what follows
from the numbers.
"""
