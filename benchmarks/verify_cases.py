"""The menagerie that ``python -m benchmarks.verify`` runs again layer by layer: what is built, and its samples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

__all__ = ["GROUPS", "Case", "case_names", "made"]

Case = tuple[Any, Any]
"""A model and samples for it."""
SAMPLES: Final = 2
_SMALLEST_SIDE: Final = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}
_TINY: Final[Mapping[str, Any]] = {
    "vocabulary_size": 20,
    "vocab_size": 20,
    "num_layers": 2,
    "num_layers_enc": 1,
    "num_layers_dec": 1,
    "hidden_dim": 8,
    "hidden_size": 8,
    "embedding_dim": 8,
    "intermediate_dim": 16,
    "filter_dim": 8,
    "mlp_dim": 16,
    "num_heads": 2,
    "num_attention_heads": 2,
    "num_query_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 4,
    "head_size": 4,
    "num_experts": 2,
    "top_k": 1,
    "moe_intermediate_dim": 8,
    "shared_expert_intermediate_dim": 8,
    "shared_expert_intermediate_size": 8,
    "encoder_num_layers": 1,
    "decoder_num_layers": 1,
    "encoder_num_heads": 2,
    "decoder_num_heads": 2,
    "encoder_hidden_dim": 8,
    "decoder_hidden_dim": 8,
    "encoder_intermediate_dim": 16,
    "decoder_intermediate_dim": 16,
    "encoder_num_attention_heads": 2,
    "decoder_num_attention_heads": 2,
    "encoder_num_key_value_heads": 1,
    "decoder_num_key_value_heads": 1,
    "encoder_head_dim": 4,
    "decoder_head_dim": 4,
    "encoder_layer_types": ["full_attention"],
    "decoder_layer_types": ["full_attention"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "rope_layer_enabled_list": [True, True],
    "layer_types": ["full_attention", "full_attention"],
    "mlp_bias": False,
    "layer_norm_epsilon": 1e-6,
    "max_position_embeddings": 16,
    "rope_theta": 10_000.0,
    "partial_rotary_factor": 1.0,
    "linear_num_key_heads": 1,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 4,
    "linear_value_head_dim": 4,
    "gate_lora": 4,
    "mv_lora": 4,
    "aaa_lora": 4,
    "decay_lora": 4,
    "max_sequence_length": 16,
    "max_encoder_sequence_length": 16,
    "max_decoder_sequence_length": 16,
    "num_mels": 4,
    "image_size": 16,
    "image_shape": (32, 32, 3),
    "patch_size": 4,
    "vit_patch_size": 4,
    "vit_num_heads": 2,
    "vit_hidden_dim": 8,
    "vit_num_layers": 1,
    "position_embedding_shape": (32, 32, 3),
    "num_output_channels": 8,
    "global_attention_layer_indices": [0],
    "window_size": 4,
    "num_frames": 2,
    "num_spatial_layers": 1,
    "num_temporal_layers": 1,
    "num_auxiliary_layers": 1,
}
"""What a parameter of a KerasHub backbone is set to, where it has that; else its default."""
_OF_BACKBONE: Final[Mapping[str, Mapping[str, Any]]] = {
    "CSPNet": {
        "stem_filters": 8,
        "stem_kernel_size": 3,
        "stem_strides": 1,
        "stackwise_depth": [1, 1],
        "stackwise_strides": [1, 2],
        "stackwise_num_filters": [8, 16],
        "block_type": "dark_block",
        "stage_type": "csp",
    },
    "DenseNet": {"stackwise_num_repeats": [1, 1], "growth_rate": 4},
    "EfficientNet": {
        "stackwise_kernel_sizes": [3, 3],
        "stackwise_num_repeats": [1, 1],
        "stackwise_input_filters": [8, 8],
        "stackwise_output_filters": [8, 16],
        "stackwise_expansion_ratios": [1, 2],
        "stackwise_squeeze_and_excite_ratios": [0.25, 0.25],
        "stackwise_strides": [1, 2],
        "stackwise_block_types": ["v1", "v1"],
        "stackwise_width_coefficients": [1.0, 1.0],
        "stackwise_depth_coefficients": [1.0, 1.0],
        "input_shape": (32, 32, 3),
    },
    "MiT": {
        "layerwise_depths": [1, 1],
        "num_layers": 2,
        "layerwise_num_heads": [1, 2],
        "layerwise_sr_ratios": [2, 1],
        "max_drop_path_rate": 0.0,
        "layerwise_patch_sizes": [3, 3],
        "layerwise_strides": [2, 2],
        "hidden_dims": [4, 8],
    },
    "ResNet": {
        "input_conv_filters": [8],
        "input_conv_kernel_sizes": [3],
        "stackwise_num_filters": [64, 64],
        "stackwise_num_blocks": [1, 1],
        "stackwise_num_strides": [1, 2],
        "block_type": "basic_block",
    },
    "SwinTransformer": {"embed_dim": 8, "depths": [2, 2], "num_heads": [1, 2], "window_size": 4},
    "VGG": {"stackwise_num_repeats": [1, 1], "stackwise_num_filters": [4, 8]},
    "ViTDet": {"num_layers": 2, "global_attention_layer_indices": [1]},
    "Xception": {"stackwise_conv_filters": [[4, 8], [8, 8]], "stackwise_pooling": [True, False]},
    "GPTNeoX": {"rotary_percentage": 0.5},
}


def case_names(group: str) -> list[str]:
    """Return the names of all models of a group."""
    return GROUPS[group][0]()


def made(group: str, name: str) -> Case:
    """Return a model and samples for it.

    Raises:
        ValueError: If a backbone cannot be made tiny with what is known here, or whatever it raises then.
    """
    return GROUPS[group][1](name)


def _applications() -> list[str]:
    import keras

    return sorted(name for name, thing in vars(keras.applications).items() if inspect.isfunction(thing))


def _application(name: str) -> Case:
    import keras

    side = _SMALLEST_SIDE.get(name, 32)
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=10)
    return model, np.random.default_rng(0).uniform(0, 255, (SAMPLES, side, side, 3)).astype(np.float32)


def _backbones() -> list[str]:
    try:
        import keras_hub
    except ImportError:
        return []
    names = (name.removesuffix("Backbone") for name in dir(keras_hub.models) if name.endswith("Backbone"))
    return sorted(filter(None, names))


def _backbone(name: str) -> Case:
    import keras_hub

    constructor = getattr(keras_hub.models, f"{name}Backbone")
    parameters = inspect.signature(constructor.__init__).parameters
    settings = {each: _TINY[each] for each in parameters if each in _TINY} | dict(_OF_BACKBONE.get(name, {}))
    unknown = [
        each
        for each, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and each not in ("self", *settings)
    ]
    if unknown:
        raise ValueError(f"it takes {', '.join(unknown)}")
    model = constructor(**settings)
    return model, _samples_for(model)


def _samples_for(model: Any) -> Any:
    import keras

    return keras.tree.map_structure(_sample_of, model.input)


def _sample_of(tensor: Any) -> np.ndarray:
    random = np.random.default_rng(1)
    shape = (SAMPLES, *(8 if extent is None else extent for extent in tensor.shape[1:]))
    if "mask" in tensor.name:
        return np.ones(shape, tensor.dtype)
    if str(tensor.dtype).startswith(("int", "uint")):
        most = 2 if "segment" in tensor.name else 20
        return random.integers(0 if most == 2 else 1, most, shape).astype(tensor.dtype)
    return random.normal(size=shape).astype(tensor.dtype)


def _kinds() -> list[str]:
    from tests.support.kinds_of_models import KINDS

    return list(KINDS)


def _kind(name: str) -> Case:
    from tests.support.kinds_of_models import KINDS

    kind = KINDS[name]
    return kind.build(), kind.inputs(max(kind.counts))


GROUPS: Final[Mapping[str, tuple[Callable[[], list[str]], Callable[[str], Case]]]] = {
    "keras.applications": (_applications, _application),
    "KerasHub": (_backbones, _backbone),
    "kinds of models": (_kinds, _kind),
}
"""By name of each group what lists its models, and what makes one."""
