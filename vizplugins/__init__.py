"""The face that plugin authors import: everything that a visualizer needs, and nothing else.

Beside it, one file per built-in visualizer, each written exactly as a stranger would write one, and ``testing``, the
kit that a visualizer is tested with.
"""

from core import charts
from core.analysis import attribution, normalization, projection, recurrence
from core.analysis.layer_dataset import LayerDataset
from core.charts import ColourScheme, gallery, raster, sample_pictures, scatter
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.inputs.sample_context import SampleContext
from core.plugins.handles import Handles, Missing
from core.plugins.hookspecs import hookimpl
from core.plugins.visualizer import (
    API_VERSION,
    ActsFromRank,
    ActsWhen,
    Cache,
    ChannelIndex,
    ClassIndex,
    HeadIndex,
    LayerKey,
    NoneTitle,
    Options,
    ProgressReport,
    Refusal,
    Region,
    SampleIndex,
    UnitIndex,
    Visualizer,
)

__all__ = [
    "API_VERSION",
    "Activation",
    "Activations",
    "ActsFromRank",
    "ActsWhen",
    "Cache",
    "ChannelIndex",
    "ClassIndex",
    "ColourScheme",
    "Extractor",
    "Handles",
    "HeadIndex",
    "LayerDataset",
    "LayerKey",
    "Missing",
    "NoneTitle",
    "Options",
    "ProgressReport",
    "Refusal",
    "Region",
    "SampleContext",
    "SampleIndex",
    "UnitIndex",
    "Visualizer",
    "attribution",
    "charts",
    "gallery",
    "hookimpl",
    "normalization",
    "projection",
    "raster",
    "recurrence",
    "sample_pictures",
    "scatter",
]
