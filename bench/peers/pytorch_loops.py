"""PyTorch as tutorials have it: a Dataset that makes a tensor of each picture, a DataLoader, `.item()` at each step."""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from peers.work import LENET5_BATCH, MEAN, STD, Round, grey_pictures


def lenet5_network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(400, 120), nn.ReLU()),
        *(nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


class Pictures(Dataset):
    def __init__(self):
        self.pixels, self.codes = grey_pictures()
        self.change = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int):
        return self.change(Image.fromarray(self.pixels[row])), int(self.codes[row])


def usual(row: str) -> Round:
    assert row == "lenet5"
    torch.manual_seed(0)
    loader = DataLoader(Pictures(), LENET5_BATCH, shuffle=True, drop_last=True)
    network = lenet5_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def one_round() -> tuple[int, float]:
        total = 0.0
        for images, codes in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(images), codes)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return LENET5_BATCH * len(loader), total / len(loader)

    return one_round
