"""Where weights begin: a file of the same network, or the published ImageNet weights."""

from pathlib import Path

from rumbo.api.prepare import Prepared
from rumbo.core.errors import UsageError
from rumbo.core.messages import t
from rumbo.models.weights import fit_state, head_parameters, published_file
from rumbo.runs import read_tensors


def load_weights(prepared: Prepared, base: Path) -> None:
    """Load the weights that the config names into the network, and freeze its features where asked to.

    Args:
        prepared: a run before its first step; its network changes in place.
        base: the folder that a weight file's path is relative to.

    Raises:
        UsageError: no such file, or weights of another network.
        DataError: the file is not a sound safetensors file.
    """
    options, network = prepared.config.model, prepared.task.model
    if options.weights == "none":
        if options.freeze != "none":
            raise UsageError(t("--freeze needs --weights: random features are of no use frozen."))
        return
    if options.weights == "imagenet":
        assert options.name is not None
        tensors = read_tensors(published_file(options.name))
    else:
        file = base / options.weights
        if not file.is_file():
            raise UsageError(
                t("--weights '{path}' is neither none, imagenet, nor a file that exists.", path=options.weights)
            )
        tensors = read_tensors(file)
    fitted, head = fit_state(network, tensors), set(head_parameters(network))
    if fitted.replaced and set(fitted.loaded) <= head:
        raise UsageError(
            t(
                "the weights of '{path}' are of no use here: this network is one layer, and its sizes differ. "
                "Leave out --weights.",
                path=options.weights,
            )
        )
    if options.freeze == "features":
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name in head)
