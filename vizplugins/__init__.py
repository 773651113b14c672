"""The face that plugin authors import: everything that a visualizer needs, and nothing else.

Beside it, one file per built-in visualizer, each written exactly as a stranger would write one, and ``testing``, the
kit that a visualizer is tested with.
"""

from core import charts
from core.analysis import (
    attribution,
    layer_weights,
    normalization,
    prefixes,
    projection,
    recurrence,
    unit_connections,
    unit_statistics,
)
from core.analysis.layer_dataset import LayerDataset
from core.analysis.other_model import OtherModel
from core.charts import ColourScheme, gallery, overlays, raster, sample_pictures, scatter
from core.errors import InputRejected, ModelRefused
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.extraction.weights import FreshWeights
from core.inputs import volume_files
from core.inputs.file_content import UploadedFile
from core.inputs.labels import answered_classes, probabilities_of_classes
from core.inputs.model_output import LEAST_PROBABILITY, are_distributions, are_sound, is_distribution
from core.inputs.sample_context import SampleContext
from core.inputs.sounds import playable
from core.inputs.spec import InputSpec, as_colours
from core.models import saved_graphs
from core.models.other_loaders import ModelFileCopy
from core.plugins.handles import Handles, Missing, without_units
from core.plugins.hookspecs import hookimpl
from core.plugins.loaders import ModelLoader
from core.plugins.meaning_registry import MeaningRegistry
from core.plugins.meanings import (
    ANSWER_HEIGHT,
    CERTAIN,
    LIKELY,
    MODEST,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    OutputSamples,
)
from core.plugins.panels import Panel, PanelPage
from core.plugins.readers import FileSamples, InputReader
from core.plugins.visualizer import (
    API_VERSION,
    ActsFromRank,
    ActsWhen,
    BoundsOf,
    Cache,
    ChannelIndex,
    ClassIndex,
    Colour,
    HeadIndex,
    LayerKey,
    MeaningName,
    NoneTitle,
    Options,
    ProgressReport,
    Refusal,
    Region,
    SampleIndex,
    StepIndex,
    TimestepIndex,
    UnitIndex,
    Visualizer,
)
from core.training.similarity import alikeness_of_steps

__all__ = [
    "ANSWER_HEIGHT",
    "API_VERSION",
    "CERTAIN",
    "LEAST_PROBABILITY",
    "LIKELY",
    "MODEST",
    "POSSIBLE",
    "Activation",
    "Activations",
    "ActsFromRank",
    "ActsWhen",
    "BoundsOf",
    "Cache",
    "ChannelIndex",
    "ClassIndex",
    "Colour",
    "ColourScheme",
    "Extractor",
    "FileSamples",
    "FreshWeights",
    "Handles",
    "HeadIndex",
    "InputReader",
    "InputRejected",
    "InputSpec",
    "LayerDataset",
    "LayerKey",
    "MeaningAnswer",
    "MeaningName",
    "MeaningRegistry",
    "Missing",
    "ModelFileCopy",
    "ModelLoader",
    "ModelRefused",
    "NoneTitle",
    "Options",
    "OtherModel",
    "OutputContext",
    "OutputMeaning",
    "OutputSamples",
    "Panel",
    "PanelPage",
    "ProgressReport",
    "Refusal",
    "Region",
    "SampleContext",
    "SampleIndex",
    "StepIndex",
    "TimestepIndex",
    "UnitIndex",
    "UploadedFile",
    "Visualizer",
    "alikeness_of_steps",
    "answered_classes",
    "are_distributions",
    "are_sound",
    "as_colours",
    "attribution",
    "charts",
    "gallery",
    "hookimpl",
    "is_distribution",
    "layer_weights",
    "normalization",
    "overlays",
    "playable",
    "prefixes",
    "probabilities_of_classes",
    "projection",
    "raster",
    "recurrence",
    "sample_pictures",
    "saved_graphs",
    "scatter",
    "unit_connections",
    "unit_statistics",
    "volume_files",
    "without_units",
]
