"""What options of networks can be set to by name. Needs no torch."""

from typing import Literal, get_args

Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "linear", "gelu", "silu"]
"""What follows a hidden layer; built by `rumbo.models.layers.activation_layer`."""

NormPlace = Literal["none", "before", "after"]
"""Where batch norm stands, as seen from a hidden layer's activation."""

Initial = Literal[
    "default",
    "zeros",
    "constant",
    "small_random",
    "small_uniform",
    "he",
    "he_uniform",
    "xavier",
    "xavier_uniform",
    "glorot",
    "glorot_uniform",
]
"""How first weights are spread; drawn by `rumbo.models.initial.initialize`."""

ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
NORM_PLACES: tuple[NormPlace, ...] = get_args(NormPlace)
INITIALIZERS: tuple[Initial, ...] = get_args(Initial)
