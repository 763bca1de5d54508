"""The experiments, in the order of the course. Their files are imported when they are run."""

from rumbo.core.registry import Entry

INDEX = {
    "vectorized": Entry(
        "rumbo.lab.vectorized", "A loop over examples against whole matrices: same gradient, how much faster?"
    ),
    "boundary": Entry("rumbo.lab.boundary", "Where a classifier of two features changes its mind."),
    "initialization": Entry(
        "rumbo.lab.initialization", "Sizes of activations and gradients, layer by layer, for each way to begin."
    ),
    "bias_variance": Entry(
        "rumbo.lab.bias_variance", "Training and dev error as the model grows: too simple, right, too flexible."
    ),
    "averages": Entry(
        "rumbo.lab.averages", "Exponentially weighted averages of a series, with and without bias correction."
    ),
    "optimizer_paths": Entry("rumbo.lab.optimizer_paths", "The ways that optimizers take down one surface."),
    "schedules": Entry("rumbo.lab.schedules", "Learning rates by epoch, for each schedule."),
    "learning_rates": Entry("rumbo.lab.learning_rates", "Rates too small, too large, and stable, on one network."),
    "batch_size": Entry("rumbo.lab.batch_size", "What the size of mini-batches does to speed and to noise."),
    "adaptive_end": Entry("rumbo.lab.adaptive_end", "Do adaptive optimizers end worse than SGD? Measured over seeds."),
    "landscape": Entry("rumbo.lab.landscape", "The loss around a trained network, along two random directions."),
    "edges": Entry("rumbo.lab.edges", "Edge filters on a photograph: vertical, horizontal, Sobel, Scharr."),
    "convolution": Entry(
        "rumbo.lab.convolution", "Convolution arithmetic: padding, stride, dilation, transposed, on numbers."
    ),
}
