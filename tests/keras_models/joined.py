"""Branches that are added or concatenated, and other index maps."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import IMAGE, L, case, conv, end

# --- add ---------------------------------------------------------------------------------------------------


@case((6, 6, 4))
def add_identity(x: Any) -> Any:
    return end(L.ReLU()(L.Add()([x, conv(conv(x, padding="same"), padding="same", activation=None)])))


@case()
def add_linear_shortcut(x: Any) -> Any:
    x = conv(x)
    main = conv(conv(x, 6, strides=2, padding="same"), 6, padding="same", activation=None)
    return end(L.ReLU()(L.Add()([main, conv(x, 6, 1, strides=2, activation=None)])))


@case()
def add_without_activation(x: Any) -> Any:
    x = conv(x, padding="same")
    return end(conv(L.Add()([x, conv(x, padding="same", activation=None)]), size=2))


@case()
def add_of_relus(x: Any) -> Any:
    return end(conv(L.Add()([conv(x), conv(x), conv(x)]), size=2, padding="same"))


@case()
def add_four_branches(x: Any) -> Any:
    y = conv(x, padding="same")
    branches = [y, conv(y, 4, 1, activation=None), L.BatchNormalization()(y), conv(x, 4, 3, padding="same")]
    return end(L.ReLU()(L.Add()(branches)))


@case()
def add_twice_the_same(x: Any) -> Any:
    y = conv(x, activation=None)
    return end(L.ReLU()(L.Add()([y, y])))


@case()
def add_of_concats(x: Any) -> Any:
    def two(first: int) -> Any:
        return L.Concatenate()([conv(x, first), conv(x, 6 - first, activation=None)])

    return end(L.ReLU()(L.Add()([two(2), two(4), two(2)])))


@case()
def add_of_average_pools(x: Any) -> Any:
    x = conv(x)
    return end(L.Add()([L.AveragePooling2D(2)(x), L.MaxPooling2D(2)(x)]))


@case()
def add_by_operator(x: Any) -> Any:
    y = conv(x, padding="same")
    return end(L.ReLU()(y + conv(y, padding="same", activation=None)))


@case((12,))
def add_of_vectors(x: Any) -> Any:
    y = L.Dense(6, activation="relu")(x)
    return L.Dense(3)(L.ReLU()(L.Add()([L.Dense(6)(y), y, L.Dense(6)(x)])))


@case()
def add_readout(x: Any) -> Any:
    x = conv(x)
    return L.Softmax()(L.Add()([L.Dense(4)(L.Flatten()(x)), L.GlobalAveragePooling2D()(x)]))


@case()
def add_shared_names(x: Any) -> Any:
    """Three terms of one population, two of them of one layer, the third named like its second copy."""
    shared, other = L.Conv2D(4, 1, name="conv"), L.Conv2D(4, 1, name="conv_2")
    a, b, c = (conv(x) for _ in range(3))
    return end(L.ReLU()(L.Add()([shared(a), other(b), shared(c)])))


@case((6, 6, 4))
def preactivation_block(x: Any) -> Any:
    x = conv(x, padding="same", activation=None)
    for _ in range(2):
        y = L.ReLU()(L.BatchNormalization()(x))
        y = conv(y, padding="same", activation=None, use_bias=False)
        y = conv(L.ReLU()(L.BatchNormalization()(y)), padding="same", activation=None)
        x = L.Add()([x, y])
    return L.Dense(3)(L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(x))))


@case((6, 6, 4))
def preactivation_projection(x: Any) -> Any:
    x = L.ReLU()(L.BatchNormalization()(conv(x, padding="same", activation=None)))
    shortcut = conv(x, 6, 1, strides=2, activation=None)
    y = conv(x, 6, strides=2, padding="same", activation=None)
    y = conv(L.ReLU()(L.BatchNormalization()(y)), 6, padding="same", activation=None)
    return end(L.ReLU()(L.BatchNormalization()(L.Add()([shortcut, y]))))


@case((6, 6, 3))
def dense_block(x: Any) -> Any:
    x = conv(x, 4, padding="same", activation=None)
    for _ in range(2):
        y = L.ReLU()(L.BatchNormalization()(x))
        x = L.Concatenate()([x, conv(y, 2, padding="same", activation=None)])
    y = conv(L.ReLU()(L.BatchNormalization()(x)), 4, 1, activation=None)
    y = L.AveragePooling2D(2)(y)
    return L.Dense(3)(L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(y))))


# --- index maps --------------------------------------------------------------------------------------------


@case()
def concatenate(x: Any) -> Any:
    y = L.Concatenate()([conv(x, 3, padding="same"), x, L.MaxPooling2D(3, 1, padding="same")(x)])
    return end(L.Concatenate()([conv(y, 2), conv(y, 3)]))


@case()
def concatenate_of_linear(x: Any) -> Any:
    y = L.Concatenate()([conv(x, 3, activation=None), conv(x, 2), conv(x, 2, activation=None)])
    return end(conv(y, 4, 2, strides=2))


@case((10,))
def concatenate_vectors(x: Any) -> Any:
    parts = [L.Dense(4, activation="relu")(x), L.Dense(3)(x), x]
    return L.Dense(3)(L.Concatenate()(parts))


@case()
def concatenate_of_flattened(x: Any) -> Any:
    parts = [L.Flatten()(conv(x)), L.GlobalAveragePooling2D()(conv(x, 2))]
    return L.Dense(3)(L.Concatenate()(parts))


@case()
def concatenate_depthwise(x: Any) -> Any:
    y = L.Concatenate()([conv(x, 3), conv(x, 2, activation=None)])
    return end(L.DepthwiseConv2D(2, depth_multiplier=2, activation="relu")(y))


@case()
def concatenate_readout(x: Any) -> Any:
    x = conv(x)
    return L.Concatenate()([L.GlobalAveragePooling2D()(x), L.Dense(3)(L.Flatten()(x))])


@case()
def reshape(x: Any) -> Any:
    x = L.Reshape((7, 6, 3))(x)
    x = L.Reshape((2, 40))(conv(x))
    x = L.Reshape((4, 5, 4))(x)
    return end(conv(x))


@case((28,))
def reshape_of_vector_input(x: Any) -> Any:
    return end(conv(L.Reshape((4, 7, 1))(x)))


@case((6, 7))
def reshape_of_rows(x: Any) -> Any:
    return end(conv(L.Reshape((6, 7, 1))(x)))


@case()
def zero_padding(x: Any) -> Any:
    x = conv(L.ZeroPadding2D(((1, 2), (0, 3)))(x))
    return end(conv(L.ZeroPadding2D(1)(x), strides=2))


@case()
def training_only(x: Any) -> Any:
    x = L.GaussianNoise(0.1)(L.RandomFlip("horizontal")(x))
    x = L.SpatialDropout2D(0.2)(conv(x))
    x = L.ActivityRegularization(0.1)(L.GaussianDropout(0.1)(x))
    return end(L.Identity()(L.Dropout(0.5)(x)))


@case()
def autoencoder(x: Any) -> Any:
    y = L.Dense(10, activation="relu")(L.Flatten()(x))
    return L.Reshape(IMAGE)(L.Dense(6 * 7 * 3, activation="sigmoid")(y))


@case()
def autoencoder_linear_maps(x: Any) -> Any:
    return conv(conv(x, padding="same"), 3, padding="same", activation=None)
