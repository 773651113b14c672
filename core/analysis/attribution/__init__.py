"""Which part of an input an answer rests on, and what changes when a unit is switched off.

For plugin authors: everything takes the ``extractor`` that a ``chart`` asks for, and one sample.
"""

from core.analysis.attribution.ablation import Ablation, ablate, answers, answers_without, importance_of_units
from core.analysis.attribution.class_activation import CAM_METHODS, CamMethod, class_activation_map
from core.analysis.attribution.map_places import MapPlaces, map_places, patch_grid
from core.analysis.attribution.matching import mismatch
from core.analysis.attribution.methods import METHODS, Attribution, Method, attribute, mean_of_samples
from core.analysis.attribution.receptive_field import FIELD_COPIES, ReceptiveField, receptive_field
from core.analysis.attribution.removal import RemovalCurves, removal_curves
from core.analysis.attribution.rollout import are_in_a_row, attention_rollout, attentions_before
from core.analysis.attribution.sanity import SHUFFLE_SEED, likeness, verdict
from core.analysis.attribution.targets import Target, explained_answer, target_at, target_name
from core.analysis.units import strongest_place, strongest_unit
from core.errors import NoGradient

__all__ = [
    "CAM_METHODS",
    "FIELD_COPIES",
    "METHODS",
    "SHUFFLE_SEED",
    "Ablation",
    "Attribution",
    "CamMethod",
    "MapPlaces",
    "Method",
    "NoGradient",
    "ReceptiveField",
    "RemovalCurves",
    "Target",
    "ablate",
    "answers",
    "answers_without",
    "are_in_a_row",
    "attention_rollout",
    "attentions_before",
    "attribute",
    "class_activation_map",
    "explained_answer",
    "importance_of_units",
    "likeness",
    "map_places",
    "mean_of_samples",
    "mismatch",
    "patch_grid",
    "receptive_field",
    "removal_curves",
    "strongest_place",
    "strongest_unit",
    "target_at",
    "target_name",
    "verdict",
]
