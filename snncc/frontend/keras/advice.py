"""Keras's layers that are left out, and those that are refused: why, and what to write instead."""

from __future__ import annotations

from snncc.frontend.keras.activations import curved

TRAINING_ONLY = (
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "Identity",
)
"""They do nothing at inference."""

RECURRENT = "recurrent layers have no rate-coded form here; use convolutions over time (Conv1D with padding='causal')"
ATTENTION = "its weights are products of the data, which have no rate-coded form; use convolutions and Dense"
PER_SAMPLE = "it depends on the sample; train with BatchNormalization"
THREE = "maps have two axes here; use the two-dimensional layer on slices, or Reshape an axis into the channels"
ADAPTIVE = "use MaxPooling or AveragePooling with a size and strides, or the global pool"
BEFORE = "data are prepared before the model: do it there and remove the layer"
AUGMENTS = "it is for training: augment the data before the model and remove the layer"
CELL = "a cell of a recurrent layer; use convolutions over time (Conv1D with padding='causal')"
CROP = "use padding='valid' in the layer before it, or crop the data before the model"
FOREIGN = "its code is unknown; write it with the supported layers"
FORM = "it wraps another layer; use that layer itself"

GROUPS = {
    RECURRENT: "LSTM GRU SimpleRNN RNN Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D StackedRNNCells",
    CELL: "LSTMCell GRUCell SimpleRNNCell",
    ATTENTION: "Attention AdditiveAttention MultiHeadAttention GroupedQueryAttention",
    PER_SAMPLE: "LayerNormalization GroupNormalization RMSNormalization UnitNormalization",
    THREE: "Conv3D Conv3DTranspose AveragePooling3D MaxPooling3D GlobalAveragePooling3D GlobalMaxPooling3D Cropping3D "
    "UpSampling3D ZeroPadding3D",
    ADAPTIVE: "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
    "AdaptiveMaxPooling2D AdaptiveMaxPooling3D",
    CROP: "Cropping1D Cropping2D",
    BEFORE: "CategoryEncoding Discretization HashedCrossing Hashing IntegerLookup StringLookup TextVectorization "
    "CenterCrop Resizing MelSpectrogram STFTSpectrogram Masking AutoContrast Equalization Solarization "
    "ContrastLimitedAdaptiveHistogramEqualization MaxNumBoundingBoxes Pipeline",
    AUGMENTS: "AugMix CutMix MixUp RandAugment RandomColorDegeneration RandomColorJitter RandomCrop "
    "RandomElasticTransform RandomErasing RandomGaussianBlur RandomGrayscale RandomHue RandomInvert "
    "RandomPerspective RandomPosterization RandomSaturation RandomSharpness RandomShear",
    FOREIGN: "Lambda FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
    FORM: "SpectralNormalization TimeDistributed Wrapper",
}

ADVICE = {kind: said for said, kinds in GROUPS.items() for kind in kinds.split()} | {
    "ELU": curved("elu"),
    "Multiply": "a product of two spike trains has no rate-coded form; use Add or Concatenate, and leave out gates "
    "(squeeze-and-excite)",
    "Dot": "a product of two spike trains has no rate-coded form; use Add or Concatenate",
    "Maximum": "use MaxPooling2D, Add or Concatenate",
    "Minimum": "use Add or Concatenate",
    "Subtract": "use Add, with Rescaling(-1) on the branch that is subtracted",
    "Permute": "it would transpose the map; use layers that keep channels last throughout",
    "RepeatVector": "use Dense, or Reshape to a map of one position and UpSampling2D",
    "EinsumDense": "use Dense, which acts on the last axis",
    "Embedding": "feed its vectors to the model instead of their numbers",
    "ReversibleEmbedding": "feed its vectors to the model instead of their numbers",
}
"""What is said of each layer that has no reader, by its class."""

UNKNOWN = "this kind of layer is not supported; use those in the table of the README"
