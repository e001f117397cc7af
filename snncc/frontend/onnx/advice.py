"""ONNX's operators that are left out, and those that are refused: why, and what to write instead."""

from __future__ import annotations

NOTHING = ("Identity", "ai.onnx.ml.ZipMap")
"""They do nothing at inference."""

CURVED = "it is curved; use Relu in its place inside the network and fine-tune; at the end leave it to the host"
GATE = "it is a product of its input and a gate; use Relu or Clip(0, 6) and fine-tune"
RECURRENT = "recurrent layers have no rate-coded form here; use convolutions over time (Conv with pads at the front)"
PER_SAMPLE = "it depends on the sample; train with BatchNormalization"
PRODUCT = (
    "a product of two tensors has no rate-coded form; use Add or Concat, and leave out gates (squeeze-and-excite, "
    "hard_swish)"
)
QUANTISED = "integers of a runtime's own; export the model in QDQ form (QuantizeLinear and DequantizeLinear)"
OTHER_QUANT = "its numbers are no multiples of one step; use Quant"
MOVES = "it rearranges the elements of a map; use ConvTranspose, Resize (nearest) or a Conv with strides"
PARTS = "it takes parts of a tensor; use a Conv with one output for each part, or crop the data before the model"
CONTROL = "control flow depends on the data; export the branch that is used (torch.onnx.export with fixed shapes)"
CLASSES = "the class is taken from the values before it: end the model with those"
REDUCES = "use ReduceMean over height and width, or GlobalAveragePool"
ATTENTION = "its weights are products of the data, which have no rate-coded form; use Conv and Gemm"
TREES = "trees and other models than neural networks have no layers to convert; train an MLP"

GROUPS = {
    CURVED: "Elu Selu Celu Tanh Softplus Softsign Erf Exp Log Sqrt Pow Sin Cos Abs Reciprocal",
    GATE: "HardSwish Gelu Mish Swish",
    RECURRENT: "LSTM GRU RNN",
    PER_SAMPLE: "InstanceNormalization LayerNormalization GroupNormalization LpNormalization MeanVarianceNormalization "
    "RMSNormalization LRN ai.onnx.ml.Normalizer",
    QUANTISED: "DynamicQuantizeLinear QLinearConv QLinearMatMul ConvInteger MatMulInteger",
    OTHER_QUANT: "qonnx.custom_op.general.Trunc onnx.brevitas.Trunc qonnx.custom_op.general.FloatQuant "
    "onnx.brevitas.FloatQuant",
    MOVES: "DepthToSpace SpaceToDepth GridSample Tile Expand",
    PARTS: "Slice Split Gather GatherElements GatherND ScatterND",
    CONTROL: "If Loop Scan Where",
    CLASSES: "ArgMax TopK",
    REDUCES: "ReduceSum ReduceL1 ReduceL2 LpPool GlobalLpPool ReduceMin",
    ATTENTION: "Attention Einsum",
    TREES: "ai.onnx.ml.TreeEnsemble ai.onnx.ml.TreeEnsembleClassifier ai.onnx.ml.TreeEnsembleRegressor "
    "ai.onnx.ml.SVMClassifier ai.onnx.ml.SVMRegressor ai.onnx.ml.LinearClassifier ai.onnx.ml.LinearRegressor",
}

ADVICE = {kind: said for said, kinds in GROUPS.items() for kind in kinds.split()} | {
    "product": PRODUCT,
    "extreme": "of two tensors; use MaxPool, Add or Concat, or one constant bound",
}
"""What is said of each operator that has no reader, by its name."""

UNKNOWN = "this operator is not supported; use those in the table of the README"
