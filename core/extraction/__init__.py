"""A model and inputs become activations: what each layer answered, with named axes.

``recorder`` notes the calls of layers while ``recorded_pass`` runs the model once, ``internals`` what layers keep to
themselves; ``sample_axes`` and ``sample_rows`` find whose values they are. ``extractor`` compiles and keeps such passes
(``compiled``), ``batches`` and ``blocks`` make one of many, ``memory_plan`` says what fits; ``reduction`` and
``dataset`` go over samples of any number.
"""
