"""xDnCNN: a residual network like DnCNN whose activations are learned gates over a neighbourhood, xUnits.

Source: Kligvasser, Rott Shaham, Michaeli, "xUnit: Learning a Spatial Activation Function for Efficient Image
Restoration", CVPR 2018, section 3 and figure 4; what the paper leaves open as in the authors' code: the gate multiplies
the convolution itself, not its ReLU, and every convolution has a bias.

Deviations: none in the layers. One network a noise level, which it is not told.
"""

import torch
from torch import nn


class XUnit(nn.Module):
    """A convolution of 3x3 and its gate: `a exp(-g^2)` with g a depth-wise convolution of the ReLU of a (equation 4).

    Args:
        inner, outer: channels before and after.
        support: side of the depth-wise convolution, odd, in pixels.
    """

    def __init__(self, inner: int, outer: int, support: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inner, outer, 3, padding=1)
        self.gate = nn.Sequential(
            nn.BatchNorm2d(outer),
            nn.ReLU(),
            nn.Conv2d(outer, outer, support, padding=support // 2, groups=outer),
            nn.BatchNorm2d(outer),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features (N, inner, H, W) to (N, outer, H, W)."""
        features = self.convolution(features)
        return features * torch.exp(-self.gate(features).square())


class XDnCNN(nn.Module):
    """xUnits with batch normalisation between them, and a convolution that predicts the noise; zero padding.

    Args:
        channels: 1 for gray, 3 for colour (RGB).
        units: number of xUnits.
        width: channels of the hidden layers.
        support: side of the gates' depth-wise convolutions, odd, in pixels.
    """

    def __init__(self, channels: int = 1, units: int = 8, width: int = 64, support: int = 9) -> None:
        super().__init__()
        if support % 2 == 0:
            raise ValueError(f"support {support}; expected an odd side")
        layers: list[nn.Module] = [XUnit(channels, width, support)]
        for _ in range(units - 1):
            layers += [nn.BatchNorm2d(width), XUnit(width, width, support)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale; not clipped. Sigma is not used."""
        return noisy - self.last(self.layers(noisy))


def build(**options: int) -> XDnCNN:
    """An `XDnCNN` with the given options."""
    return XDnCNN(**options)
