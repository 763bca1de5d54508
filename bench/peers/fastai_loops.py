"""fastai's Learner over a TensorDataset of floats, without bar and log."""

import torch
from fastai.vision.all import Adam, CrossEntropyLossFlat, DataLoader, DataLoaders, Learner
from torch.utils.data import TensorDataset

from peers.pytorch_loops import lenet5_network
from peers.work import LENET5_BATCH, Round, scaled_grey_pictures


def loop(row: str) -> Round:
    assert row == "lenet5"
    torch.manual_seed(0)
    pixels, codes = (torch.from_numpy(array) for array in scaled_grey_pictures())
    pixels = pixels[:, None]
    train = DataLoader(TensorDataset(pixels, codes), bs=LENET5_BATCH, shuffle=True, drop_last=True, num_workers=0)
    # It must have some: one batch.
    dev = DataLoader(TensorDataset(pixels[:LENET5_BATCH], codes[:LENET5_BATCH]), bs=LENET5_BATCH, num_workers=0)
    learner = Learner(
        DataLoaders(train, dev, device=torch.device("cpu")),
        lenet5_network(),
        loss_func=CrossEntropyLossFlat(),
        opt_func=Adam,
    )

    def one_round() -> tuple[int, float]:
        with learner.no_bar(), learner.no_logging():
            learner.fit(1, 1e-3)
        return len(codes) // LENET5_BATCH * LENET5_BATCH, float(learner.recorder.values[-1][0])

    return one_round
