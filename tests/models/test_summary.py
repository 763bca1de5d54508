"""Multiply-adds of layers, worked out by hand."""

import pytest
import torch
from torch import nn

from rumbo.models.summary import layers_at_work

TIME, BATCH = 5, 1


def of(layer: nn.Module, *inputs: torch.Tensor) -> int:
    return sum(row.num_multiply_adds for row in layers_at_work(layer, inputs))


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [
        (nn.LSTM(4, 8, batch_first=True), (BATCH, TIME, 4), TIME * 4 * 8 * (4 + 8)),
        (nn.LSTM(4, 8, 2), (TIME, BATCH, 4), TIME * 4 * 8 * (4 + 8 + 8 + 8)),
        (nn.LSTM(4, 8, bidirectional=True), (TIME, BATCH, 4), TIME * 2 * 4 * 8 * (4 + 8)),
        (nn.GRU(4, 8), (TIME, BATCH, 4), TIME * 3 * 8 * (4 + 8)),
        (nn.RNN(4, 8), (TIME, BATCH, 4), TIME * 8 * (4 + 8)),
        (nn.LSTMCell(4, 8), (BATCH, 4), 4 * 8 * (4 + 8)),
        (nn.Conv1d(3, 6, 3), (BATCH, 3, 8), 6 * 6 * 3 * 3),
        (nn.Conv3d(2, 4, 3, padding=1), (BATCH, 2, 5, 5, 5), 5**3 * 4 * 2 * 27),
        (nn.Conv2d(4, 8, 3, groups=4), (BATCH, 4, 6, 6), 16 * 8 * 9),
        (nn.ConvTranspose2d(3, 6, 4, stride=2), (BATCH, 3, 8, 8), 64 * 3 * 6 * 16),
        (nn.ConvTranspose1d(4, 6, 4, groups=2), (BATCH, 4, 8), 8 * 4 * 3 * 4),
        (nn.BatchNorm2d(3), (BATCH, 3, 8, 8), 0),
    ],
)
def test_every_weight_counts_once_for_each_place_it_is_used_at(layer, shape, count):
    assert of(layer, torch.zeros(shape)) == count


def test_layers_of_several_inputs():
    assert of(nn.Bilinear(3, 4, 5), torch.zeros(1, 3), torch.zeros(1, 4)) == 60
    queries, keys = torch.zeros(1, TIME, 16), torch.zeros(1, 7, 16)
    projections = 16 * 16 * (2 * TIME + 2 * 7)
    assert of(nn.MultiheadAttention(16, 4, batch_first=True), queries, keys, keys) == projections + 2 * TIME * 7 * 16


def test_outputs_that_are_no_single_tensor():
    rows = layers_at_work(nn.Sequential(nn.Embedding(7, 4), nn.GRU(4, 8, batch_first=True)), [torch.zeros(1, 3).long()])
    assert [row.output_shape for row in rows] == [(3, 4), (3, 8)]
