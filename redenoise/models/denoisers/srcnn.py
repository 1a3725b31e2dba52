"""SRCNN and AR-CNN: three or four convolutions from a degraded image to the restored one.

Source: Dong, Loy, He, Tang, "Image Super-Resolution Using Deep Convolutional Networks", IEEE TPAMI 2016, section 3
(9-5-5 and 9-1-5); Dong, Deng, Loy, Tang, "Compression Artifacts Reduction by a Deep Convolutional Network", ICCV 2015,
section 3 (AR-CNN, 9-7-1-5). Borders are repeated, as in the authors' code for testing. One network a scale or a
quality, which it is not told.

Deviation: none in the function.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


class SRCNN(nn.Module):
    """Convolutions with ReLU between them, straight to the restored image.

    Args:
        channels: 1, the luminance.
        sides: of the kernels, odd, first to last, in pixels.
        widths: channels after each convolution but the last.
    """

    def __init__(self, channels: int = 1, sides: Sequence[int] = (9, 5, 5), widths: Sequence[int] = (64, 32)) -> None:
        super().__init__()
        if len(sides) != len(widths) + 1 or any(side % 2 == 0 for side in sides):
            raise ValueError(f"sides {list(sides)} and widths {list(widths)}; expected odd sides, one more than widths")
        layers: list[nn.Module] = []
        for side, (inner, outer) in zip(sides, pairwise([channels, *widths, channels]), strict=True):
            layers += [nn.Conv2d(inner, outer, side, padding=side // 2, padding_mode="replicate"), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, degraded: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Restore (N, C, H, W) on the [0, 1] scale; not clipped. The level is not used."""
        return self.layers(degraded)


def build(channels: int = 1, sides: Sequence[int] = (9, 5, 5), widths: Sequence[int] = (64, 32)) -> SRCNN:
    """An `SRCNN` with the given options."""
    return SRCNN(channels, sides, widths)
