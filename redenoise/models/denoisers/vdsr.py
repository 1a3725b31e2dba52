"""VDSR: a deep row of convolutions that predicts what an image made larger lacks.

Source: Kim, Lee, Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR 2016, section 3.
One network for the scales 2, 3 and 4, which it is not told.

Deviation: none in the function.
"""

import torch
from torch import nn


class VDSR(nn.Module):
    """`depth` 3x3 convolutions of `width` channels, ReLU between them, zero padding of 1; their sum with the image.

    Args:
        channels: 1, the luminance.
        depth: number of convolutions.
        width: channels of the hidden layers.
    """

    def __init__(self, channels: int = 1, depth: int = 20, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, degraded: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Restore (N, C, H, W) on the [0, 1] scale; not clipped. The level is not used."""
        return degraded + self.layers(degraded)


def build(channels: int = 1, depth: int = 20, width: int = 64) -> VDSR:
    """A `VDSR` with the given options."""
    return VDSR(channels, depth, width)
