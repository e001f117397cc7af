"""Random small Keras graphs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.keras_models import keras

L = keras.layers
SHAPE = (7, 6, 2)


@st.composite
def tensors(draw: st.DrawFn) -> Any:
    """(input, output, settings): up to seven layers, each after any earlier tensor, joined where shapes agree."""
    source = keras.Input(SHAPE)
    made = [source]
    for _ in range(draw(st.integers(1, 7))):
        x = draw(st.sampled_from(made[-3:]))
        padding = draw(st.sampled_from(["same", "valid"]))
        height, width = x.shape[1:3]
        size = (draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width))))
        strides = draw(st.integers(1, 2))
        kind = draw(
            st.sampled_from(
                [
                    "conv",
                    "conv",
                    "conv",
                    "depthwise",
                    "average",
                    "max",
                    "norm",
                    "relu",
                    "relu",
                    "add",
                    "add",
                    "concat",
                    "pad",
                ]
            )
        )
        activation = draw(st.sampled_from(["relu", "relu", None]))
        match kind:
            case "conv":
                y = L.Conv2D(draw(st.integers(1, 4)), size, strides, padding, activation=activation)(x)
            case "depthwise":
                y = L.DepthwiseConv2D(size, strides, padding, draw(st.integers(1, 2)), activation=activation)(x)
            case "average":
                y = L.AveragePooling2D(size, strides, padding)(x)
            case "max":
                y = L.MaxPooling2D(size, strides, padding)(x)
            case "norm":
                y = L.BatchNormalization()(x)
            case "relu":
                y = L.ReLU(draw(st.sampled_from([None, 0.7])))(x)
            case "pad":
                y = L.ZeroPadding2D(((1, 0), (0, 2)))(x)
            case "add":
                partners = [t for t in made if t.shape == x.shape]
                y = L.Add()([x, *draw(st.lists(st.sampled_from(partners), min_size=1, max_size=2))])
            case "concat":
                partners = [t for t in made if t.shape[1:3] == x.shape[1:3]]
                y = L.Concatenate()([x, draw(st.sampled_from(partners))])
        made.append(y)
    ends = [L.Dense(3)(L.Flatten()(made[-1])), L.GlobalAveragePooling2D()(made[-1])]
    return source, draw(st.sampled_from(ends)), draw(st.booleans()), draw(st.integers(0, 99))
