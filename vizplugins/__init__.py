"""The face that plugin authors import: everything that a visualizer needs, and nothing else.

Beside it, one file per built-in visualizer, each written exactly as a stranger would write one.
"""

from core import charts, gallery, normalization, recurrence
from core.activation import Activation, Activations, SampleContext
from core.hookspecs import hookimpl
from core.visualizer import (
    ChannelIndex,
    Handles,
    HeadIndex,
    Options,
    SampleIndex,
    UnitIndex,
    Visualizer,
)

__all__ = [
    "Activation",
    "Activations",
    "ChannelIndex",
    "Handles",
    "HeadIndex",
    "Options",
    "SampleContext",
    "SampleIndex",
    "UnitIndex",
    "Visualizer",
    "charts",
    "gallery",
    "hookimpl",
    "normalization",
    "recurrence",
]
