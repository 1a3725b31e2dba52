"""CSF: a cascade of shrinkage fields, learned filters and shrinkage functions between two Fourier transforms.

Source: Schmidt, Roth, "Shrinkage Fields for Effective Image Restoration", CVPR 2014, equation 10; borders and the table
of a function as in the authors' code. One network a noise level, which it is not told.

Deviation: training is that of a schedule of this project, all stages jointly, and not L-BFGS stage by stage. It starts
from the DCT filters and functions that take small responses away.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.radial import dct_basis, fitted, gaussians, interpolated

RANGE = 255.0  # the authors' scale of images
MARGIN = 10  # pixels by which the edge is repeated, since a Fourier transform joins opposite sides
SPACING, OUTER = 10.0, 26  # of the means of the Gaussians: 53 of them, from -OUTER * SPACING on
STEP, LAST = 0.25, 760.0  # of the table of a function, from -LAST on
AT_ONCE = 8  # filters, so that what they make of an image stays in the cache


class CSF(nn.Module):
    """`x <- F^-1 [ F(s y + sum f^T phi(f x)) / (s + sum |F f|^2) ]` for every stage, from the noisy image y.

    Args:
        channels: 1; every channel of another image would need filters of its own.
        stages: of the cascade.
        side: of the filters, odd; a stage has side^2 - 1 of them.
    """

    def __init__(self, channels: int = 1, stages: int = 5, side: int = 7) -> None:
        super().__init__()
        if channels != 1 or side % 2 == 0:
            raise ValueError(f"channels {channels} and side {side}; expected 1 and an odd side")
        count = side**2 - 1
        self.filters = nn.Parameter(dct_basis(side).repeat(stages, 1, 1, 1))  # (stages, filters, side, side)
        self.weights = nn.Parameter(shrinking().repeat(stages, count, 1))  # (stages, filters, Gaussians)
        self.strengths = nn.Parameter(torch.ones(stages))  # s, of the noisy image

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, 1, H, W) on the [0, 1] scale, of any size; not clipped. Sigma is not used."""
        height, width = noisy.shape[-2:]
        image = start = F.pad(noisy.float() * RANGE, [MARGIN] * 4, mode="replicate")
        points = spread(round(LAST / STEP), STEP, noisy.device)
        basis = gaussians(points, spread(OUTER, SPACING, noisy.device), torch.tensor(SPACING))  # (Gaussians, points)
        for stage in range(len(self.strengths)):
            image = self._stage(image, start, points, self.weights[stage] @ basis, stage)[
                ..., MARGIN : MARGIN + height, MARGIN : MARGIN + width
            ]
            image = F.pad(image, [MARGIN] * 4, mode="replicate")
        return image[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width] / RANGE

    def _stage(
        self, image: torch.Tensor, start: torch.Tensor, points: torch.Tensor, tables: torch.Tensor, stage: int
    ) -> torch.Tensor:
        filters, size = self.filters[stage].unsqueeze(1), image.shape[-2:]
        half = filters.shape[-1] // 2
        extended = F.pad(image, [half] * 4, mode="circular")
        wanted = self.strengths[stage] * start
        for kernels, functions in zip(filters.split(AT_ONCE), tables.split(AT_ONCE), strict=True):
            # A filter is a convolution, so it is turned around for PyTorch's correlation, and its transpose is not.
            responses = F.conv2d(extended, kernels.flip(-1, -2)).float()
            shrunk = F.pad(interpolated(responses, points, functions), [half] * 4, mode="circular")
            wanted = wanted + F.conv2d(shrunk, kernels.transpose(0, 1)).float()
        power = torch.fft.rfft2(filters[:, 0], s=size).abs().square().sum(dim=0)
        return torch.fft.irfft2(torch.fft.rfft2(wanted) / (self.strengths[stage] + power), s=size)


def build(channels: int = 1, stages: int = 5, side: int = 7) -> CSF:
    """A `CSF` with the given options."""
    return CSF(channels, stages, side)


def spread(outer: int, step: float, device: torch.device) -> torch.Tensor:
    """Evenly spaced values around 0, (2 outer + 1,)."""
    return torch.arange(-outer, outer + 1, device=device) * step


def shrinking() -> torch.Tensor:
    """Weights (53,) of v^3 / (v^2 + 20^2): small responses go, large ones stay."""
    return fitted(lambda v: v**3 / (v**2 + 400.0), np.arange(-OUTER, OUTER + 1) * SPACING, SPACING)
