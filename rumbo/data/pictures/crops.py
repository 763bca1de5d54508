"""One part of a picture, brought to the size that a network takes, mirrored or not."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8


def place_crop(
    picture: UInt8[np.ndarray, "h w c"],
    box: Float[np.ndarray, "4"],
    out: UInt8[np.ndarray, "k l c"],
    *,
    smooth: bool,
    mirrored: bool,
) -> None:
    """Resize a part of a picture, bilinear, into its place in a batch.

    Args:
        picture: pixels.
        box: the part: left, top, right, bottom in px, inside the picture; rounded to whole px.
        out: where it goes.
        smooth: shrink with a filter as wide as the step, as `decode.prepare` does, so that training sees what
            prediction will; without it, fine patterns turn into coarse ones.
        mirrored: turn left and right.
    """
    left, top, right, bottom = whole(box, picture.shape[0], picture.shape[1])
    part = picture[top:bottom, left:right]
    height, width = out.shape[:2]
    if part.shape == out.shape:
        sized = part
    elif smooth:
        tensor = torch.from_numpy(np.require(part, requirements=("C", "W"))).permute(2, 0, 1)[None]
        moved = F.interpolate(tensor, (height, width), mode="bilinear", antialias=True, align_corners=False)
        sized = moved[0].permute(1, 2, 0).numpy()
    else:
        sized = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR).reshape(out.shape)
    if mirrored:
        cv2.flip(sized, 1, dst=out if out.shape[2] > 1 else out[..., 0])
    else:
        out[...] = sized


def whole(box: Float[np.ndarray, "4"], height: int, width: int) -> tuple[int, int, int, int]:
    """A box in whole px, of at least one, inside a picture: left, top, right, bottom.

    >>> whole(np.array([0.4, 1.6, 0.4, 9.0]), 5, 4)
    (0, 2, 1, 5)
    """
    x1, y1, x2, y2 = (round(float(edge)) for edge in box)
    left, top = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    return left, top, min(max(x2, left + 1), width), min(max(y2, top + 1), height)


def look_up(pixels: UInt8[np.ndarray, "h w c"], table: Float[np.ndarray, "256 c"], out: np.ndarray) -> None:
    """Replace every byte by the entry of its channel in a table.

    Args:
        pixels: what the table is entered with.
        table: float32, a column per channel.
        out: float32, h x w x c.
    """
    if table.shape[1] == 1:
        out[...] = table[:, 0][pixels]
    else:
        cv2.LUT(pixels, table[None], dst=out)
