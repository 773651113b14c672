"""A model file becomes a Keras model, or a refusal.

``search`` finds it among files (``file_trees``), ``copies`` takes it from where it may change, ``inspection`` looks at
all of it before anything is made (``archives``, ``hdf5``, ``configuration``, ``sizes``, ``saved_model``), ``keras2``
translates what is older, ``trust`` says whose code it may use, and ``loading`` has Keras read what was checked.
"""
