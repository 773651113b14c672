"""Graphs of TensorFlow as Keras models: calls laid open, name scopes as layers, kinds told by operations.

``flat_graph`` writes functions in the place of their calls, ``scopes`` finds what is a layer and in which order layers
run, ``layer_kinds`` says what each is, ``graph_layers`` and ``model`` make Keras layers and a Keras model of it.
"""
