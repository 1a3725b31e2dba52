"""xSRCNN: SRCNN with xUnits in place of its ReLUs, and fewer parameters.

Source: Kligvasser, Rott Shaham, Michaeli, "xUnit: Learning a Spatial Activation Function for Efficient Image
Restoration", CVPR 2018, section 4.2: xSRCNN-f has smaller filters (9-3-5), xSRCNN-c fewer channels (42 and 32). One
network a scale, which it is not told.

Deviation: none in the layers.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from redenoise.models.denoisers.xdncnn import XUnit


class XSRCNN(nn.Module):
    """xUnits straight to the restored image, by way of a last convolution; zero padding.

    Args:
        channels: 1, the luminance.
        sides: of the convolutions, odd, first to last, in pixels.
        widths: channels after each xUnit.
        support: side of the gates' depth-wise convolutions, odd, in pixels.
    """

    def __init__(
        self, channels: int = 1, sides: Sequence[int] = (9, 3, 5), widths: Sequence[int] = (64, 32), support: int = 9
    ) -> None:
        super().__init__()
        if len(sides) != len(widths) + 1 or any(side % 2 == 0 for side in (*sides, support)):
            raise ValueError(f"sides {list(sides)}, widths {list(widths)}; expected odd sides, one more than widths")
        layers: list[nn.Module] = []
        for side, (inner, outer) in zip(sides, pairwise([channels, *widths]), strict=False):
            unit = XUnit(inner, outer, support)
            unit.convolution = nn.Conv2d(inner, outer, side, padding=side // 2)
            layers.append(unit)
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(widths[-1], channels, sides[-1], padding=sides[-1] // 2)

    def forward(self, degraded: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Restore (N, C, H, W) on the [0, 1] scale; not clipped. The level is not used."""
        return self.last(self.layers(degraded))


def build(
    channels: int = 1, sides: Sequence[int] = (9, 3, 5), widths: Sequence[int] = (64, 32), support: int = 9
) -> XSRCNN:
    """An `XSRCNN` with the given options."""
    return XSRCNN(channels, sides, widths, support)
