"""A sentence for each option of the networks, in the language of the user. Needs no torch."""

from rumbo.core.messages import t
from rumbo.models.option_names import ACTIVATIONS, NORM_PLACES


def meaning(network: str, option: str) -> str:
    """What an option of a network does.

    >>> meaning("convnet", "width")
    'Channels at full size; each halving of the picture doubles them.'
    """
    sentences = _meanings()
    return sentences.get(f"{network}.{option}") or sentences[option]


def _meanings() -> dict[str, str]:
    """By option, or by network and option where one of them means something of its own by it."""
    activations, places = ", ".join(ACTIVATIONS), ", ".join(NORM_PLACES)
    return {
        "hidden": t("Neurons of each hidden layer, as in 256,128."),
        "activation": t("What follows each hidden layer: {names}.", names=activations),
        "dropout": t(
            "Share of activations dropped in training after each hidden layer; one for all, or one for each as in "
            "0.1,0.3,0.5."
        ),
        "convnet.dropout": t("Share of the averaged channels dropped in training."),
        "norm": t(
            "Where batch norm stands, as seen from the activation: {names}. Before it, it takes the bias away.",
            names=places,
        ),
        "norm_momentum": t(
            "Share of the newest batch in batch norm's running averages, in (0, 1], as in torch: 1 - beta of the notes."
        ),
        "embedding_size": t("Entries of the vector that is learned for each category; 0 = one column for each."),
        "table_net.embedding_size": t("Entries of the vector that stands for a number."),
        "num_frequencies": t("Sines and cosines for each number."),
        "frequency_scale": t(
            "Deviation of the first frequencies: the larger, the finer the steps that are learned easily."
        ),
        "width": t("Channels at full size; each halving of the picture doubles them."),
        "depth": t("Convolutions after each halving of the picture."),
    }
