"""TensorFlow Lite files: read as data, checked, and made into a Keras model whose layers are their operators.

``graph`` says what a file holds, ``reading`` reads it, ``check`` refuses what must not be run, ``operators`` says which
layer of Keras an operator is like, ``interpreter`` runs it, and ``model`` is the Keras model around all of that.
"""
