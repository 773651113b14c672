"""All layers over samples of any number, reduced inside the graph.

``survey`` keeps sums, extremes and drawn places (``statistics``, ``histogram``); ``zarr_files`` writes values or
statistics batch by batch; ``engines`` run the batches here or on a cluster.
"""
