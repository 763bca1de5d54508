"""Keras on JAX or TensorFlow (KERAS_BACKEND says which): `fit` for pictures of 28 px, `train_on_batch` for the rest."""

import keras
import numpy as np
from keras import layers

from peers import work
from peers.work import Round

STAGES = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}


def loop(row: str) -> Round:
    if keras.backend.backend() == "tensorflow":
        import os

        import tensorflow as tf

        threads = int(os.environ["OMP_NUM_THREADS"])
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    return {"lenet5": lenet5, "lstm": lstm}.get(row, lambda: resnet(row))()


def lenet5() -> Round:
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPool2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPool2D(),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(10),
        ]
    )
    pixels, codes = work.scaled_grey_pictures()
    prepare(network, keras.optimizers.Adam(1e-3))

    def one_round() -> tuple[int, float]:
        history = network.fit(pixels[..., None], codes, batch_size=work.LENET5_BATCH, epochs=1, verbose=0)
        return len(codes), history.history["loss"][-1]

    return one_round


def resnet(row: str) -> Round:
    batch, side, steps = work.RESNETS[row]
    inputs = keras.Input((side, side, 3))
    maps = layers.MaxPool2D(3, 2, padding="same")(convolved(inputs, 64, 7, 2))
    for stage, num_blocks in enumerate(STAGES[row]):
        for place in range(num_blocks):
            maps = block(maps, 64 * 2**stage, 2 if stage and not place else 1, is_deep=row == "resnet50")
    network = keras.Model(inputs, layers.Dense(1000)(layers.GlobalAveragePooling2D()(maps)))
    images, codes = work.color_batch(row)
    prepare(network, keras.optimizers.SGD(0.01, momentum=0.9))
    return rounds_on(network, np.ascontiguousarray(images.transpose(0, 2, 3, 1)), codes, steps, items=batch)


def convolved(maps, channels: int, size: int, stride: int = 1, *, active: bool = True):
    maps = layers.Conv2D(channels, size, stride, padding="same", use_bias=False)(maps)
    maps = layers.BatchNormalization()(maps)
    return layers.ReLU()(maps) if active else maps


def block(maps, channels: int, stride: int, *, is_deep: bool):
    """He et al. 2015, fig. 5: two 3 x 3, or 1 x 1, 3 x 3, 1 x 1; the stride in the middle, as torchvision has it."""
    if is_deep:
        inner = convolved(convolved(maps, channels, 1), channels, 3, stride)
        inner, channels = convolved(inner, 4 * channels, 1, active=False), 4 * channels
    else:
        inner = convolved(convolved(maps, channels, 3, stride), channels, 3, active=False)
    if stride > 1 or maps.shape[-1] != channels:
        maps = convolved(maps, channels, 1, stride, active=False)
    return layers.ReLU()(layers.Add()([maps, inner]))


def lstm() -> Round:
    network = keras.Sequential(
        [
            keras.Input((work.LSTM_LENGTH,), dtype="int32"),
            layers.Embedding(work.LETTERS, work.LSTM_UNITS),
            layers.LSTM(work.LSTM_UNITS, return_sequences=True),
            layers.LSTM(work.LSTM_UNITS, return_sequences=True),
            layers.Dense(work.LETTERS),
        ]
    )
    text, following = work.letters()
    prepare(network, keras.optimizers.Adam(1e-3))
    return rounds_on(network, text, following, work.LSTM_STEPS, items=text.size)


def prepare(network, optimizer) -> None:
    network.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))


def rounds_on(network, inputs, targets, steps: int, *, items: int) -> Round:
    def one_round() -> tuple[int, float]:
        for _ in range(steps):
            loss = network.train_on_batch(inputs, targets)
        return items * steps, float(np.asarray(loss).ravel()[0])

    return one_round
