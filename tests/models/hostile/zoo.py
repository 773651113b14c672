"""Every public layer of Keras that can be saved, each in a small model."""

import numpy as np

__all__ = ["ALL", "INPUTS", "LAYERS", "NOT_IN_HDF5", "NOT_SAVED", "grouped_models", "model_of"]

INPUTS = {
    "vector": ((8,), "float32"),
    "sequence": ((6, 4), "float32"),
    "image": ((8, 8, 3), "float32"),
    "frames": ((3, 8, 8, 2), "float32"),
    "volume": ((6, 6, 6, 2), "float32"),
    "whole numbers": ((5,), "int32"),
    "text": ((1,), "string"),
    "sound": ((400,), "float32"),
}

_PAIRS = ["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate"]
_LIKE_ACTIVATIONS = [
    "ELU",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "Softmax",
    "PReLU",
    "UnitNormalization",
    "Masking",
    "Rescaling",
    "Activation",
]
_AUGMENTING = [
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "Solarization",
    "CutMix",
    "MixUp",
]
_OPTIONS = {
    "Activation": {"activation": "gelu"},
    "Rescaling": {"scale": 0.5},
    "CenterCrop": {"height": 4, "width": 4},
    "RandomCrop": {"height": 4, "width": 4},
    "Resizing": {"height": 4, "width": 4},
    "RandomBrightness": {"factor": 0.1},
    "RandomColorDegeneration": {"factor": 0.1},
    "RandomContrast": {"factor": 0.1},
    "RandomHue": {"factor": 0.1},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": 0.1},
    "RandomSharpness": {"factor": 0.1},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
}

LAYERS = {
    **{name: ("vector", {}) for name in _LIKE_ACTIVATIONS},
    **{name: ("image", {}) for name in _AUGMENTING},
    **{name: ("pair", {}) for name in _PAIRS},
    **{name: ("sequence pair", {}) for name in ("Attention", "AdditiveAttention")},
    **{f"{kind}Pooling1D": ("sequence", {"pool_size": 2}) for kind in ("Max", "Average")},
    **{f"{kind}Pooling2D": ("image", {"pool_size": 2}) for kind in ("Max", "Average")},
    **{f"{kind}Pooling3D": ("volume", {"pool_size": 2}) for kind in ("Max", "Average")},
    **{f"Global{kind}Pooling1D": ("sequence", {}) for kind in ("Max", "Average")},
    **{f"Global{kind}Pooling2D": ("image", {}) for kind in ("Max", "Average")},
    **{f"Global{kind}Pooling3D": ("volume", {}) for kind in ("Max", "Average")},
    **{f"Adaptive{kind}Pooling1D": ("sequence", {"output_size": 2}) for kind in ("Max", "Average")},
    **{f"Adaptive{kind}Pooling2D": ("image", {"output_size": 2}) for kind in ("Max", "Average")},
    **{f"Adaptive{kind}Pooling3D": ("volume", {"output_size": 2}) for kind in ("Max", "Average")},
    **{
        name: ("sequence", {"filters": 3, "kernel_size": 2})
        for name in ("Conv1D", "Conv1DTranspose", "SeparableConv1D")
    },
    **{name: ("image", {"filters": 3, "kernel_size": 2}) for name in ("Conv2D", "Conv2DTranspose", "SeparableConv2D")},
    **{name: ("volume", {"filters": 3, "kernel_size": 2}) for name in ("Conv3D", "Conv3DTranspose")},
    "DepthwiseConv1D": ("sequence", {"kernel_size": 2}),
    "DepthwiseConv2D": ("image", {"kernel_size": 2}),
    "ConvLSTM1D": ("image", {"filters": 2, "kernel_size": 2}),
    "ConvLSTM2D": ("frames", {"filters": 2, "kernel_size": 2}),
    "Cropping1D": ("sequence", {}),
    "Cropping2D": ("image", {"cropping": ((1, 2), (1, 0))}),
    "Cropping3D": ("volume", {}),
    "ZeroPadding1D": ("sequence", {}),
    "ZeroPadding2D": ("image", {}),
    "ZeroPadding3D": ("volume", {}),
    "UpSampling1D": ("sequence", {}),
    "UpSampling2D": ("image", {}),
    "UpSampling3D": ("volume", {}),
    "Dense": ("vector", {"units": 3, "kernel_regularizer": "l2", "kernel_constraint": "max_norm"}),
    "EinsumDense": ("sequence", {"equation": "abc,cd->abd", "output_shape": (None, 5), "bias_axes": "d"}),
    "Embedding": ("whole numbers", {"input_dim": 20, "output_dim": 4}),
    "ReversibleEmbedding": ("whole numbers", {"input_dim": 20, "output_dim": 4}),
    "LSTM": ("sequence", {"units": 3}),
    "GRU": ("sequence", {"units": 3, "return_sequences": True}),
    "SimpleRNN": ("sequence", {"units": 3}),
    "Dropout": ("vector", {"rate": 0.2}),
    "AlphaDropout": ("vector", {"rate": 0.2}),
    "GaussianDropout": ("vector", {"rate": 0.2}),
    "GaussianNoise": ("vector", {"stddev": 0.2}),
    "SpatialDropout1D": ("sequence", {"rate": 0.2}),
    "SpatialDropout2D": ("image", {"rate": 0.2}),
    "SpatialDropout3D": ("volume", {"rate": 0.2}),
    "ActivityRegularization": ("vector", {"l1": 0.1}),
    "BatchNormalization": ("image", {}),
    "LayerNormalization": ("sequence", {}),
    "GroupNormalization": ("image", {"groups": 3}),
    "RMSNormalization": ("sequence", {}),
    "Flatten": ("image", {}),
    "Permute": ("sequence", {"dims": (2, 1)}),
    "Reshape": ("sequence", {"target_shape": (-1, 2)}),
    "RepeatVector": ("vector", {"n": 3}),
    "CategoryEncoding": ("whole numbers", {"num_tokens": 20, "output_mode": "multi_hot"}),
    "Discretization": ("vector", {"bin_boundaries": [0.0, 1.0]}),
    "Hashing": ("whole numbers", {"num_bins": 4}),
    "MelSpectrogram": ("sound", {"fft_length": 64, "sequence_stride": 32, "num_mel_bins": 8}),
}
"""By class: which input suits it, and its options; the others are made by :func:`model_of`."""

_MADE_OTHERWISE = {
    "Bidirectional": ("sequence", lambda layers: layers.Bidirectional(layers.LSTM(3, return_sequences=True))),
    "TimeDistributed": ("sequence", lambda layers: layers.TimeDistributed(layers.Dense(3))),
    "RNN": ("sequence", lambda layers: layers.RNN(layers.LSTMCell(3))),
    "StackedRNNCells": (
        "sequence",
        lambda layers: layers.RNN(layers.StackedRNNCells([layers.GRUCell(3), layers.SimpleRNNCell(2)])),
    ),
    "SpectralNormalization": ("vector", lambda layers: layers.SpectralNormalization(layers.Dense(3))),
    "Pipeline": ("image", lambda layers: layers.Pipeline([layers.RandomFlip(), layers.Rescaling(0.5)])),
    "MultiHeadAttention": ("sequence attention", lambda layers: layers.MultiHeadAttention(2, 3)),
    "GroupQueryAttention": ("sequence attention", lambda layers: layers.GroupQueryAttention(4, 4, 2)),
    "Dot": ("pair", lambda layers: layers.Dot(axes=1)),
    "Normalization": ("vector", lambda layers: _adapted(layers.Normalization(), np.arange(32.0).reshape(4, 8))),
    "StringLookup": ("text", lambda layers: layers.StringLookup(vocabulary=["a", "b"])),
    "IntegerLookup": ("whole numbers", lambda layers: layers.IntegerLookup(vocabulary=[1, 2, 3])),
    "TextVectorization": (
        "text",
        lambda layers: _adapted(layers.TextVectorization(output_sequence_length=4), ["a b", "b c"]),
    ),
    "HashedCrossing": ("whole pair", lambda layers: layers.HashedCrossing(num_bins=4)),
}
ALL = [*LAYERS, *_MADE_OTHERWISE]

NOT_IN_HDF5 = {
    "Attention",
    "TextVectorization",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomPosterization",
    "RandomSaturation",
    "RandomSharpness",
    "Solarization",
}
"""Keras itself cannot save these as .h5, or not read again what it saved."""

NOT_SAVED = {
    "Lambda": "it is code",
    "TFSMLayer": "it is a foreign program",
    "TorchModuleWrapper": "it is a foreign program",
    "JaxLayer": "it is a foreign program",
    "FlaxLayer": "it is a foreign program",
    "Layer": "it does nothing by itself",
    "Wrapper": "it does nothing by itself",
    "InputSpec": "it is no layer",
    "InputLayer": "it is in every model",
    "ConvLSTM3D": "it is ConvLSTM2D with another axis, and slow",
    "GRUCell": "in StackedRNNCells",
    "LSTMCell": "in RNN",
    "SimpleRNNCell": "in StackedRNNCells",
    "Equalization": "it hands its input on as it is, so that there is no model",
    "STFTSpectrogram": "it needs SciPy, as its close relative MelSpectrogram does not",
    "MaxNumBoundingBoxes": "it takes bounding boxes, which no model's input is",
}


def model_of(name):
    """Return a functional model around one layer."""
    import keras

    inputs, outputs = _called(name, keras, {})
    return keras.Model(inputs, outputs)


def grouped_models():
    """Return models with all layers that take the same kind of input, since exporting each takes a second."""
    import keras

    groups = {}
    for name in ALL:
        groups.setdefault(_kind(name), []).append(name)
    for kind, names in groups.items():
        shared = {}
        outputs = [keras.tree.flatten(_called(name, keras, shared)[1])[0] for name in names]
        yield kind, keras.Model(list(shared.values()), outputs)


def _kind(name):
    return LAYERS[name][0] if name in LAYERS else _MADE_OTHERWISE[name][0]


def _called(name, keras, shared):
    kind = _kind(name)
    if name in LAYERS:
        layer = getattr(keras.layers, name)(**{**_OPTIONS.get(name, {}), **LAYERS[name][1]})
    else:
        layer = _MADE_OTHERWISE[name][1](keras.layers)

    def given(input_name, number=0):
        key = f"{input_name.replace(' ', '_')}_{number}"
        if key not in shared:
            shape, dtype = INPUTS[input_name]
            shared[key] = keras.Input(shape, dtype=dtype, name=key)
        return shared[key]

    if kind == "pair":
        inputs = [given("vector"), given("vector", 1)]
    elif kind == "whole pair":
        whole = [keras.Input((1,), dtype="int32", name=f"whole_{number}") for number in range(2)]
        inputs = [shared.setdefault(f"whole_{number}", each) for number, each in enumerate(whole)]
    elif kind in ("sequence pair", "sequence attention"):
        inputs = [given("sequence"), given("sequence", 1)]
    else:
        inputs = given(kind)
    outputs = layer(*inputs) if kind == "sequence attention" else layer(inputs)
    return inputs, outputs


def _adapted(layer, data):
    layer.adapt(data)
    return layer
