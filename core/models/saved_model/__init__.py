"""A SavedModel is looked at operation by operation, without TensorFlow.

``protobuf`` reads the wire format, whose fields ``messages`` names; ``nodes`` and ``graph`` say what lies in it,
``check`` holds it against the list of ``operations``, ``lookup_tables`` follows what is looked up in which file.
"""
