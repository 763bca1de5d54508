"""The verbs, in the order of a project, with one sentence each. Their files are imported when they are called."""

from rumbo.core.registry import Entry

VERBS = {
    "demo": Entry("rumbo.cli.demo", "Train on handwritten digits and write a report, to see what Rumbo does."),
    "check": Entry("rumbo.cli.check", "Look at data before training: format, counts, splits, and what is wrong."),
    "split": Entry("rumbo.cli.split", "Deal out data to train, dev and test, or to folds, so that nothing leaks."),
    "train": Entry("rumbo.cli.train", "Train a network on your data: folders of pictures, tables, arrays."),
    "evaluate": Entry("rumbo.cli.evaluate", "Measure a run on its test split or on new labelled data."),
    "diagnose": Entry("rumbo.cli.diagnose", "Say what holds a run back: bias, variance, mismatch, with intervals."),
    "errors": Entry("rumbo.cli.errors", "Show what wrong examples have in common, and what mending them could win."),
    "labels": Entry("rumbo.cli.labels", "List labels that are probably wrong, and make corrections of a review."),
    "predict": Entry("rumbo.cli.predict", "Answer for new pictures or rows with a trained model."),
    "report": Entry("rumbo.cli.report", "Write a run's report.html again, also in another language."),
    "compare": Entry("rumbo.cli.compare", "Rank runs by a goal and requirements, and say which differences are noise."),
    "next": Entry("rumbo.cli.next", "Try what could help a run, and rank it by its measured effect."),
    "improve": Entry("rumbo.cli.improve", "Improve a model in rounds: diagnose, turn a knob, keep it or take it back."),
    "models": Entry("rumbo.cli.models", "List the networks, or one network's options."),
    "summary": Entry("rumbo.cli.summary", "Show a network layer by layer: shapes, parameters, multiply-adds."),
    "lrfind": Entry("rumbo.cli.lrfind", "Find a learning rate: a short training whose rate rises, with a plot."),
    "lab": Entry("rumbo.cli.lab", "Run one of the course's experiments: a picture and a table in seconds."),
    "gradcheck": Entry(
        "rumbo.cli.gradcheck", "Compare the gradients of a network with two-sided differences, parameter by parameter."
    ),
    "convert": Entry("rumbo.cli.convert", "Write data in another format without loss: read back and compared."),
    "label": Entry("rumbo.cli.label", "Set classes, boxes, points and tags by keyboard and mouse, on a local page."),
    "bench": Entry("rumbo.cli.bench", "Measure the speed of training here, beside loops written by hand."),
    "doctor": Entry("rumbo.cli.doctor", "Check this machine: versions, processor, memory, disk."),
}
