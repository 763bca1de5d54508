"""Two examples in one: mixup blends whole inputs, cutmix pastes a rectangle of one picture into another."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rumbo.data.loader import Batch, Partners, sent


def mix(batch: Batch, *, mixup: float, cutmix: float, seed: int) -> Batch:
    """Give each example of a batch a partner from the same batch; inputs and weights of the targets are shared out.

    Args:
        batch: its `weights` become those of the first halves, its `partners` tell the second ones.
        mixup: alpha of Beta(alpha, alpha), from which the share of the first half is drawn, >= 0; 0 = off.
        cutmix: the same for rectangles, pictures only. Where both are on, each batch takes one, with equal chances.
        seed: of the draws; one share for the whole batch, as in the papers.

    Sources: Zhang et al. 2018, arXiv:1710.09412, eq. 1; Yun et al. 2019, arXiv:1905.04899, eqs. 1 and 2. Categories are
    not blended: those of a table stay whole, so mixup is for pictures and numbers.
    """
    rng = np.random.default_rng(seed)
    cuts = cutmix > 0 and batch.images is not None and (mixup == 0 or rng.random() < 0.5)
    alpha = cutmix if cuts else mixup
    if alpha == 0 or len(batch.rows) < 2:
        return batch
    share, order = float(rng.beta(alpha, alpha)), torch.from_numpy(rng.permutation(len(batch.rows)))
    order = sent(order, str(batch.weights.device))
    if cuts:
        assert batch.images is not None
        images, share = _pasted(batch.images, order, share, rng)
        mixed = replace(batch, images=images)
    else:
        mixed = replace(
            batch, images=_blended(batch.images, order, share), numbers=_blended(batch.numbers, order, share)
        )
    return replace(
        mixed,
        weights=batch.weights * share,
        partners=Partners(targets=batch.targets[order], weights=batch.weights[order] * (1 - share)),
    )


def _blended(inputs: Tensor | None, order: Tensor, share: float) -> Tensor | None:
    return None if inputs is None else torch.lerp(inputs[order], inputs, share)


def _pasted(images: Tensor, order: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, float]:
    """Pictures with a rectangle of their partners, and the share of the pixels that is left of them.

    The middle of the rectangle is drawn evenly, and what stands out is cut off: so the share is counted afterwards.
    """
    height, width = images.shape[2:]
    middle_y, middle_x = rng.integers(height), rng.integers(width)
    half_height, half_width = (round(side * (1 - share) ** 0.5 / 2) for side in (height, width))
    top, bottom = max(middle_y - half_height, 0), min(middle_y + half_height, height)
    left, right = max(middle_x - half_width, 0), min(middle_x + half_width, width)
    pasted = images.clone()
    pasted[:, :, top:bottom, left:right] = images[order, :, top:bottom, left:right]
    return pasted, 1 - (bottom - top) * (right - left) / (height * width)
