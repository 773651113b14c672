"""Classes that bear the names of Keras' own, for layers that do the same and come from files of other kinds."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["class_like"]


@cache
def class_like(type_name: str, owner: type) -> Any:
    """Return a class that bears a name and those of the bases that Keras' class of that name has.

    What is asked of a layer by the names of its classes, such as which picture suits it, is then answered alike.

    Args:
        type_name: Of the class; of one that Keras does not have it is the only name.
        owner: What its layers do.
    """
    import keras

    of_keras = getattr(keras.layers, type_name, None)
    known = of_keras.__mro__ if isinstance(of_keras, type) and issubclass(of_keras, keras.Layer) else ()
    bases = [each.__name__ for each in known[1:] if issubclass(each, keras.Layer) and each is not keras.Layer]
    for name in (*reversed(bases), type_name):
        owner = type(name, (owner,), {})
    return owner
