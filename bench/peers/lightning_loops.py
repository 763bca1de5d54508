"""Lightning with a TensorDataset of floats; logger, checkpoints, bar and summary are switched off in its favor."""

import logging

import lightning
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from peers.pytorch_loops import lenet5_network
from peers.work import LENET5_BATCH, Round, scaled_grey_pictures


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.network, self.losses = lenet5_network(), []

    def training_step(self, batch, _index):
        loss = F.cross_entropy(self.network(batch[0]), batch[1])
        self.losses.append(loss.detach())
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def loop(row: str) -> Round:
    assert row == "lenet5"
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(0)
    pixels, codes = scaled_grey_pictures()
    pictures = TensorDataset(torch.from_numpy(pixels)[:, None], torch.from_numpy(codes))
    loader = DataLoader(pictures, LENET5_BATCH, shuffle=True, drop_last=True)
    module = Module()
    without = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")

    def one_round() -> tuple[int, float]:
        module.losses.clear()
        lightning.Trainer(max_epochs=1, accelerator="cpu", **dict.fromkeys(without, False)).fit(module, loader)
        return LENET5_BATCH * len(module.losses), torch.stack(module.losses).mean().item()

    return one_round
