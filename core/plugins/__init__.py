"""Visualizers: written, looked for, checked, matched and drawn.

``visualizer``, ``handles``, ``options`` and ``hookspecs`` are what an author writes against. ``sources`` says where
plugins come from, ``declarations`` what is wrong with one, ``loading`` keeps each apart and writes into ``records``
how it fared, ``registry`` knows which suit an activation, ``drawing`` draws them within ``deadlines``. ``testing`` is
the kit, ``package`` makes a new one.
"""
