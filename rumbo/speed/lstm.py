# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A network of letters: an embedding, two layers of LSTM, and the next letter at every place."""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from rumbo.speed.race import Race, races
from rumbo.speed.tensors import race_of_tensors

LETTERS = 65


class LetterLSTM(nn.Module):
    """Codes of letters to logits of the next one.

    Args:
        num_units: width of the embedding and of both layers.

    >>> LetterLSTM(8)(torch.zeros(2, 5, dtype=torch.long)).shape
    torch.Size([2, 5, 65])
    """

    def __init__(self, num_units: int = 512):
        super().__init__()
        self.embedding = nn.Embedding(LETTERS, num_units)
        self.recurrent = nn.LSTM(num_units, num_units, num_layers=2, batch_first=True)
        self.head = nn.Linear(num_units, LETTERS)

    def forward(self, codes: Int64[Tensor, "b t"]) -> Float[Tensor, "b t k"]:
        """Codes to logits."""
        return self.head(self.recurrent(self.embedding(codes))[0])


@races.register("lstm")
def lstm(
    _data: Path | None = None, *, num_units: int = 512, length: int = 128, batch_size: int = 64, steps: int = 2
) -> tuple[Race, ...]:
    """The race over made-up letters, of which each mostly follows from the one before."""
    torch.manual_seed(0)
    follows, count = torch.randperm(LETTERS), batch_size * steps
    codes = [torch.randint(LETTERS, (count,))]
    for _ in range(length):
        codes.append(torch.where(torch.rand(count) < 0.2, torch.randint(LETTERS, (count,)), follows[codes[-1]]))
    text = torch.stack(codes, dim=1)
    race = race_of_tensors(
        "lstm",
        LetterLSTM(num_units),
        text[:, :-1].contiguous(),
        text[:, 1:].contiguous(),
        batch_size=batch_size,
        rate=1e-3,
        item_loss=lambda logits, targets: F.cross_entropy(logits.transpose(1, 2), targets, reduction="none"),
        mean_loss=lambda logits, targets: F.cross_entropy(logits.flatten(0, 1), targets.flatten()),
        fp32=False,
        items=batch_size * length,
        unit="letters",
        rounds=9,
    )
    return (race,)
