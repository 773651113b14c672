"""Which part of an input an answer rests on, and what changes when a unit is switched off.

For plugin authors: everything takes the ``extractor`` that a ``chart`` asks for, and one sample.
"""

from core.analysis.attribution.ablation import Ablation, ablate, answers, answers_without, importance_of_units
from core.analysis.attribution.class_activation import CAM_METHODS, CamMethod, class_activation_map
from core.analysis.attribution.matching import mismatch
from core.analysis.attribution.methods import METHODS, Attribution, Method, attribute
from core.analysis.attribution.sanity import SHUFFLE_SEED, likeness, verdict
from core.analysis.attribution.targets import Target
from core.analysis.units import strongest_unit
from core.errors import NoGradient

__all__ = [
    "CAM_METHODS",
    "METHODS",
    "SHUFFLE_SEED",
    "Ablation",
    "Attribution",
    "CamMethod",
    "Method",
    "NoGradient",
    "Target",
    "ablate",
    "answers",
    "answers_without",
    "attribute",
    "class_activation_map",
    "importance_of_units",
    "likeness",
    "mismatch",
    "strongest_unit",
    "verdict",
]
