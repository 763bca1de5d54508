"""The rows of the table, in its order. Their files are imported when they are run."""

from rumbo.core.registry import Entry

INDEX = {
    "lenet5": Entry("rumbo.speed.lenet5", "LeNet-5, grey pictures of 28 px, batch 128, Adam, fp32."),
    "resnet18": Entry("rumbo.speed.resnet", "ResNet-18, pictures of 64 px, batch 64, SGD with momentum."),
    "resnet50": Entry("rumbo.speed.resnet", "ResNet-50, pictures of 224 px, batch 16, SGD with momentum."),
    "lstm": Entry("rumbo.speed.lstm", "LSTM of 2 x 512 units, 128 steps of 65 letters, batch 64, Adam."),
    "overhead": Entry("rumbo.speed.overhead", "What the loop adds to steps that take about 1 ms and 20 ms by hand."),
}
