"""The blocks that real architectures are made of, tiny: what stands between their relus stays linear."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import CASES, L, case, conv, end

MAP = (8, 8, 2)


def norm(x: Any, relu: bool = True) -> Any:
    y = L.BatchNormalization()(x)
    return L.ReLU(6.0)(y) if relu else y


@case(MAP)
def separable_stack(x: Any) -> Any:
    """Depthwise and pointwise with nothing between, one after the other."""
    y = L.SeparableConv2D(8, 3, padding="same")(conv(x, 6, padding="same"))
    y = norm(L.SeparableConv2D(6, 3, strides=2, padding="same")(y))
    return end(L.GlobalAveragePooling2D()(y))


@case(MAP)
def mobilenet_v1(x: Any) -> Any:
    y = norm(L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x))
    for filters, strides in ((6, 1), (8, 2)):
        y = norm(L.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(y))
        y = norm(L.Conv2D(filters, 1, use_bias=False)(y))
    return end(L.GlobalAveragePooling2D(keepdims=True)(y))


def inverted(x: Any, filters: int, strides: int = 1) -> Any:
    """MobileNetV2: expand, depthwise, project without an activation; added to what it read."""
    y = norm(L.Conv2D(3 * x.shape[-1], 1, use_bias=False)(x))
    y = norm(L.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(y))
    y = norm(L.Conv2D(filters, 1, use_bias=False)(y), relu=False)
    return L.Add()([x, y]) if y.shape == x.shape else y


@case(MAP)
def mobilenet_v2(x: Any) -> Any:
    y = norm(L.Conv2D(6, 3, padding="same", use_bias=False)(x))
    y = inverted(inverted(inverted(y, 4, 2), 4), 4)
    return end(L.GlobalAveragePooling2D()(norm(L.Conv2D(12, 1, use_bias=False)(y))))


@case(MAP)
def efficient_block(x: Any) -> Any:
    """An EfficientNet block in its relu form, without squeeze and excite: a 5x5 depthwise, and no relu at its end."""
    y = norm(L.Conv2D(5, 3, strides=2, padding="same", use_bias=False)(x), relu=False)
    z = L.ReLU()(norm(L.Conv2D(10, 1, use_bias=False)(y), relu=False))
    z = L.ReLU()(norm(L.DepthwiseConv2D(5, padding="same", use_bias=False)(z), relu=False))
    y = L.Add()([norm(L.Conv2D(5, 1, use_bias=False)(z), relu=False), y])
    return end(L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 1)(y)))))


@case(MAP)
def densenet_block(x: Any) -> Any:
    """Every layer normalises all before it; the transition pools a map that may be negative."""
    y = L.MaxPooling2D(2)(L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x))))
    for _ in range(2):
        z = L.Conv2D(6, 1, use_bias=False)(L.ReLU()(L.BatchNormalization()(y)))
        z = L.Conv2D(3, 3, padding="same", use_bias=False)(L.ReLU()(L.BatchNormalization()(z)))
        y = L.Concatenate()([y, z])
    y = L.AveragePooling2D(2)(L.Conv2D(5, 1, use_bias=False)(L.ReLU()(L.BatchNormalization()(y))))
    return end(L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(y))))


@case(MAP)
def resnet_v1(x: Any) -> Any:
    y = L.MaxPooling2D(3, 2, padding="same")(L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x))))
    z = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(y)))
    y = L.ReLU()(L.Add()([y, L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(z))]))
    short = L.BatchNormalization()(L.Conv2D(6, 1, strides=2)(y))
    z = L.BatchNormalization()(L.Conv2D(6, 3, strides=2, padding="same")(y))
    return end(L.GlobalAveragePooling2D()(L.ReLU()(L.Add()([short, z]))))


@case(MAP)
def resnet_v2(x: Any) -> Any:
    """Pre-activation: a max-pool and Adds of maps that may be negative."""
    y = L.MaxPooling2D(3, 2)(L.ZeroPadding2D(1)(L.Conv2D(4, 3, padding="same")(x)))
    for strides in (1, 2):
        z = L.ReLU()(L.BatchNormalization()(y))
        short = L.MaxPooling2D(1, strides)(y) if strides > 1 else L.Conv2D(6, 1)(z)
        z = L.ReLU()(L.BatchNormalization()(L.Conv2D(3, 1, use_bias=False)(z)))
        z = L.ReLU()(L.BatchNormalization()(L.Conv2D(3, 3, strides=strides, padding="same", use_bias=False)(z)))
        y = L.Add()([short, L.Conv2D(6, 1)(z)])
    return end(L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(y))))


@case(MAP)
def xception_block(x: Any) -> Any:
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, use_bias=False)(x)))
    short = L.BatchNormalization()(L.Conv2D(6, 1, strides=2, padding="same", use_bias=False)(y))
    z = L.BatchNormalization()(L.SeparableConv2D(6, 3, padding="same", use_bias=False)(y))
    z = L.BatchNormalization()(L.SeparableConv2D(6, 3, padding="same", use_bias=False)(L.ReLU()(z)))
    y = L.Add()([L.MaxPooling2D(3, 2, padding="same")(z), short])
    return end(L.GlobalAveragePooling2D()(L.ReLU()(L.SeparableConv2D(8, 3, padding="same")(L.ReLU()(y)))))


@case(MAP)
def inception_block(x: Any) -> Any:
    y = L.MaxPooling2D(2)(conv(x, 6, padding="same"))
    a = conv(y, 4, 1)
    b = conv(conv(y, 4, 1), 3, (1, 3), padding="same")
    c = conv(L.AveragePooling2D(3, 1, padding="same")(y), 4, 1)
    d = L.MaxPooling2D(3, 1, padding="same")(y)
    return end(L.GlobalAveragePooling2D()(conv(L.Concatenate()([a, b, c, d]), 9, 1)))


@case((24,))
def autoencoder(x: Any) -> Any:
    """A dense bottleneck without an activation, and an output that is a vector."""
    y = L.ReLU()(L.BatchNormalization()(L.Dense(16)(x)))
    y = L.Dense(4, name="bottleneck")(y)
    return L.Dense(24)(L.ReLU()(L.BatchNormalization()(L.Dense(16)(y))))


@case((24,))
def low_rank(x: Any) -> Any:
    """Two dense layers with nothing between: one matrix would be larger."""
    return end(L.Dense(20, activation="relu")(L.Dense(3)(x)))


BLOCKS = tuple(name for name, made in CASES.items() if made.body.__module__ == __name__)
"""Their names."""
