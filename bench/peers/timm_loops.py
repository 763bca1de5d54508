"""timm's networks and optimizer in its training step; no mixed precision, which is its default, and no averages."""

import timm
import torch
from timm.optim import create_optimizer_v2
from torch import nn

from peers.work import RESNETS, Round, color_batch


def loop(row: str) -> Round:
    torch.manual_seed(0)
    batch, _, steps = RESNETS[row]
    images, codes = (torch.from_numpy(array) for array in color_batch(row))
    network = timm.create_model(row, num_classes=1000)
    optimizer = create_optimizer_v2(network, opt="momentum", lr=0.01, momentum=0.9, weight_decay=0)
    loss_of = nn.CrossEntropyLoss()

    def one_round() -> tuple[int, float]:
        network.train()
        for _ in range(steps):
            optimizer.zero_grad()
            loss = loss_of(network(images), codes)
            loss.backward()
            optimizer.step()
        return batch * steps, loss.item()

    return one_round
