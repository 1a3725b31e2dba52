"""ConvNet: the plain network that xNet is compared with, a per-pixel activation after each hidden convolution.

Source: Kligvasser, Rott Shaham, Michaeli, "xUnit: Learning a Spatial Activation Function for Efficient Image
Restoration", CVPR 2018, section 3 and figure 3. It predicts the noise, as there.

Deviation: its convolutions have no bias where normalisation follows, which has one.
"""

from itertools import pairwise

import torch
from torch import nn


class ConvNet(nn.Module):
    """`depth` convolutions of 3x3, each but the last with batch normalisation and ReLU; zero padding.

    Args:
        channels: 1 for gray, 3 for colour (RGB).
        depth: number of convolutions, 2 or more.
        width: channels of the hidden layers.
    """

    def __init__(self, channels: int = 1, depth: int = 4, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inner, outer in pairwise([channels, *[width] * (depth - 1)]):
            layers += [nn.Conv2d(inner, outer, 3, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale; not clipped. Sigma is not used."""
        return noisy - self.last(self.layers(noisy))


def build(**options: int) -> ConvNet:
    """A `ConvNet` with the given options."""
    return ConvNet(**options)
