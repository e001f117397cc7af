"""A Keras network as ONNX, quantised to int8 by ONNX Runtime's own tools: a peer of the engines.

Only the layers of the networks of engines_bench.py. Maps are channels first, as ONNX Runtime's kernels want them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class _Graph:
    """Nodes and weights, in the order of the Keras layers."""

    def __init__(self, model: Any) -> None:
        import keras

        model = keras.Model(model.inputs, model.outputs)  # of a Sequential too; its layers may be in others
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.names: dict[int, str] = {}
        for operation in model.operations:
            nodes = [n for n in operation._inbound_nodes if all(id(t) in self.names for t in n.input_tensors)]
            self._operation(operation, nodes[-1].input_tensors, nodes[-1].output_tensors[0])
        self.output = self.names[id(model.outputs[0])]

    def _weight(self, name: str, value: Any) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _operation(self, op: Any, given: list[Any], made: Any) -> None:
        x = [self.names[id(tensor)] for tensor in given]
        self.names[id(made)] = getattr(self, f"_{type(op).__name__.lower()}")(op, op.name, x)

    def _inputlayer(self, op: Any, name: str, x: list[str]) -> str:
        return "images"

    def _pads(self, op: Any) -> dict[str, Any]:
        return {"auto_pad": "SAME_UPPER" if op.padding == "same" else "VALID"}

    def _conv2d(self, op: Any, name: str, x: list[str]) -> str:
        kernel = np.asarray(op.kernel)
        w = self._weight(f"{name}_w", kernel.transpose(3, 2, 0, 1))
        inputs = [*x, w] + ([self._weight(f"{name}_b", np.asarray(op.bias))] if op.use_bias else [])
        y = self._node("Conv", inputs, f"{name}_y", kernel_shape=kernel.shape[:2], strides=op.strides, **self._pads(op))
        return self._activated(op, name, y)

    def _depthwiseconv2d(self, op: Any, name: str, x: list[str]) -> str:
        kernel = np.asarray(op.kernel)
        w = self._weight(f"{name}_w", kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2]))
        inputs = [*x, w] + ([self._weight(f"{name}_b", np.asarray(op.bias))] if op.use_bias else [])
        own = {"kernel_shape": kernel.shape[:2], "strides": op.strides, "group": kernel.shape[2]}
        return self._activated(op, name, self._node("Conv", inputs, f"{name}_y", **own, **self._pads(op)))

    def _dense(self, op: Any, name: str, x: list[str]) -> str:
        w, b = self._weight(f"{name}_w", np.asarray(op.kernel)), self._weight(f"{name}_b", np.asarray(op.bias))
        return self._activated(op, name, self._node("Gemm", [*x, w, b], f"{name}_y"))

    def _batchnormalization(self, op: Any, name: str, x: list[str]) -> str:
        values = {"s": op.gamma, "b": op.beta, "m": op.moving_mean, "v": op.moving_variance}
        inputs = [self._weight(f"{name}_{key}", np.asarray(value)) for key, value in values.items()]
        return self._node("BatchNormalization", [*x, *inputs], f"{name}_y", epsilon=op.epsilon)

    def _activated(self, op: Any, name: str, y: str) -> str:
        kind = op.activation.__name__
        return y if kind == "linear" else self._node({"relu": "Relu", "softmax": "Softmax"}[kind], [y], f"{name}_a")

    def _activation(self, op: Any, name: str, x: list[str]) -> str:
        return self._activated(op, name, x[0])

    def _relu(self, op: Any, name: str, x: list[str]) -> str:
        return self._node("Relu", x, f"{name}_y")

    def _add(self, op: Any, name: str, x: list[str]) -> str:
        return self._node("Add", x, f"{name}_y")

    def _averagepooling2d(self, op: Any, name: str, x: list[str]) -> str:
        own = {"kernel_shape": op.pool_size, "strides": op.strides}
        return self._node("AveragePool", x, f"{name}_y", **own, **self._pads(op))

    def _globalaveragepooling2d(self, op: Any, name: str, x: list[str]) -> str:
        return self._node("Flatten", [self._node("GlobalAveragePool", x, f"{name}_m")], f"{name}_y")

    def _flatten(self, op: Any, name: str, x: list[str]) -> str:
        last = self._node("Transpose", x, f"{name}_t", perm=(0, 2, 3, 1))
        return self._node("Flatten", [last], f"{name}_y")

    def _dropout(self, op: Any, name: str, x: list[str]) -> str:
        return x[0]


def floating(model: Any) -> Any:
    """The network in ONNX, float32, inputs (N, C, H, W)."""
    graph, (height, width, channels) = _Graph(model), model.input_shape[1:]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ("N", channels, height, width))
    scores = helper.make_tensor_value_info(graph.output, TensorProto.FLOAT, ("N", model.output_shape[-1]))
    made = helper.make_graph(graph.nodes, model.name, [images], [scores], graph.weights)
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(whole)
    return whole


def int8(model: Any, calibration: Any, threads: int) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """(the float network, the int8 network) in ONNX Runtime, of images (N, H, W, C)."""
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(np.moveaxis(calibration, -1, 1)[:, None])

        def get_next(self) -> dict[str, Any] | None:
            return next(({"images": x} for x in self.left), None)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    runs = []
    with tempfile.TemporaryDirectory() as name:
        paths = [str(Path(name) / file) for file in ("float.onnx", "prepared.onnx", "int8.onnx")]
        onnx.save(floating(model), paths[0])
        quant_pre_process(paths[0], paths[1], skip_symbolic_shape=True)
        quantize_static(
            paths[1], paths[2], Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        for path in (paths[0], paths[2]):
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            runs.append(lambda x, s=session: s.run(None, {"images": np.ascontiguousarray(np.moveaxis(x, -1, 1))})[0])
    return runs[0], runs[1]
