"""FFDNet: a fast denoiser that is told the noise level.

Source: Zhang, Zuo, Zhang, "FFDNet: Toward a Fast and Flexible Solution for CNN based Image Denoising", IEEE TIP 2018,
section III. Gray: 15 convolutions of 64 channels; colour: 12 of 96.

Deviation: none in the function. The four sub-images of a channel come in PyTorch's row-first order; the published
weights expect them column first, and their importer reorders the first and the last convolution accordingly.
"""

import torch
import torch.nn.functional as F
from torch import nn


class FFDNet(nn.Module):
    """Half-resolution convolutions on the four sub-images of each channel and a constant map of sigma.

    Args:
        channels: 1 for gray, 3 for colour (RGB).
        depth: number of 3x3 convolutions, zero padding of 1, ReLU between them.
        width: channels of the hidden layers.
    """

    def __init__(self, channels: int = 3, depth: int = 12, width: int = 96) -> None:
        super().__init__()
        layers = [nn.Conv2d(4 * channels + 1, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True)]
        layers.append(nn.Conv2d(width, 4 * channels, 3, padding=1))
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale, with sigma (N,) on the same scale.

        An odd height or width is extended by repeating the last row or column, as the authors' code does.
        """
        height, width = noisy.shape[-2:]
        padded = F.pad(noisy, (0, width % 2, 0, height % 2), mode="replicate")
        sub_images = F.pixel_unshuffle(padded, 2)  # (N, 4C, H/2, W/2)
        level = sigma.view(-1, 1, 1, 1).expand(-1, 1, *sub_images.shape[-2:])
        output = F.pixel_shuffle(self.layers(torch.cat((sub_images, level), dim=1)), 2)
        return output[..., :height, :width]


def build(**options: object) -> FFDNet:
    """An `FFDNet` with the given options."""
    return FFDNet(**options)
