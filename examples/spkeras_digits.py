"""SpKeras's documented way of working, with one import changed, on handwritten digits that ship in a package.

python examples/spkeras_digits.py [EPOCHS]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent))

import digits
import keras
from keras.layers import Activation, AveragePooling2D, BatchNormalization, Conv2D, Dense, Flatten, add

from snncc.spkeras import cnn_to_snn


def block(x: Any, filters: int) -> Any:
    """conv-bn-relu: SpKeras wants every activation in a layer of its own."""
    x = Conv2D(filters, (3, 3), padding="same")(x)
    x = BatchNormalization(momentum=0.9)(x)
    return Activation("relu")(x)


def residual_cnn() -> keras.Model:
    """With SpKeras's residual pattern: no activation after the add."""
    inputs = keras.Input((28, 28, 1))
    node = AveragePooling2D((2, 2))(block(inputs, 8))
    node = block(node, 16)
    x = add([block(node, 16), node])
    x = Flatten()(AveragePooling2D((2, 2))(x))
    return keras.Model(inputs, Activation("softmax")(Dense(10)(x)), name="digits")


def main(epochs: int = 5) -> None:
    data = digits.load()
    y_train, y_test = (keras.utils.to_categorical(y, 10) for y in (data.y_train, data.y_test))
    keras.utils.set_random_seed(0)
    cnn_model = residual_cnn()
    cnn_model.compile(keras.optimizers.Adam(2e-3), "categorical_crossentropy", metrics=["accuracy"])
    cnn_model.fit(data.x_train, y_train, batch_size=64, epochs=epochs, verbose=0)
    _, accuracy = cnn_model.evaluate(data.x_test, y_test, verbose=0)
    print(f"CNN                      {100 * accuracy:.1f} %")

    for bits in (0, 8):
        snn_model = cnn_to_snn(signed_bit=bits)(cnn_model, data.x_train)
        for timesteps in (16, 64, 256):
            _, accuracy = snn_model.evaluate(data.x_test, y_test, timesteps=timesteps)
            print(f"SNN, {bits or 32:2} bits, T={timesteps:<5}  {100 * accuracy:.1f} %")

    s_max, s = snn_model.SpikeCounter(data.x_train[:500], timesteps=256)
    _, neurons = snn_model.NeuronNumbers(mode=0)
    print("most spikes of a neuron ", s_max)
    print("spikes per image        ", s)
    print("neurons per layer       ", neurons)
    print(snn_model.network)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
