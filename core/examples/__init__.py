"""Five small trained models with held-out samples, which ship with the project.

``catalogue`` lists them; ``train`` makes them anew from ``datasets`` by ``recipes``.
"""
