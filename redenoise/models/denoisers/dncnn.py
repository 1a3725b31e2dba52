"""DnCNN: a plain convolutional network that predicts the noise.

Source: Zhang, Zuo, Chen, Meng, Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image
Denoising", IEEE TIP 2017, section III and figure 1. DnCNN-S has 17 layers; DnCNN-B, CDnCNN-B and DnCNN-3 have 20.

Deviations: none in the layers. The last convolution starts at a tenth of the published initialisation, so that the
first predictions have the size of noise and not of an image; short trainings gain by it. The published
models come with batch normalisation merged into the convolutions, which is the same function; `folded` does that
to a network trained here, so that all stored weights look alike.
"""

import torch
from torch import nn

STORED = {"batch_norm": False}  # what `folded` returns has none


class DnCNN(nn.Module):
    """`depth` 3x3 convolutions of `width` channels, ReLU between them, zero padding of 1.

    Args:
        channels: 1 for gray, 3 for colour (RGB).
        depth: number of convolutions.
        width: channels of the hidden layers.
        batch_norm: normalise every hidden convolution but the first, which then has no bias of its own.
        residual: predict the noise and subtract it (equation 1); if False, predict the clean image directly, as the
            ablation of figure 2 does.
    """

    def __init__(
        self, channels: int = 1, depth: int = 17, width: int = 64, batch_norm: bool = True, residual: bool = True
    ) -> None:
        super().__init__()
        layers = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers.append(nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
        layers.append(nn.Conv2d(width, channels, 3, padding=1))
        self.layers = nn.Sequential(*layers)
        self.residual = residual
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # section IV-A2: the initialisation of He et al., ICCV 2015
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        with torch.no_grad():
            self.layers[-1].weight.mul_(0.1)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale; `sigma` is ignored, a DnCNN is blind to it."""
        output = self.layers(noisy)
        return noisy - output if self.residual else output

    def folded(self) -> "DnCNN":
        """The same function in evaluation mode without normalisation layers: each is merged into its convolution."""
        layers = []
        for layer in self.layers:
            if isinstance(layer, nn.BatchNorm2d):
                layers[-1] = nn.utils.fuse_conv_bn_eval(layers[-1].eval(), layer.eval())
            else:
                layers.append(layer)
        convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
        first = convolutions[0]
        folded = DnCNN(first.in_channels, len(convolutions), first.out_channels, False, self.residual)
        folded.layers = nn.Sequential(*layers)
        return folded.eval()


def build(**options: object) -> DnCNN:
    """A `DnCNN` with the given options."""
    return DnCNN(**options)
