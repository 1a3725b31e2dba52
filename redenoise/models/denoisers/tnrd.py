"""TNRD: a few steps of a diffusion whose filters and influence functions are learned.

Source: Chen, Pock, "Trainable Nonlinear Reaction Diffusion: A Flexible Framework for Fast and Effective Image
Restoration", IEEE TPAMI 2017 (CVPR 2015), sections 3 and 4; what the paper leaves open as the authors' code has it:
influence functions are tabulated, borders are mirrored with the edge repeated, also between the stages. One network a
noise level, which it is not told.

Deviation: training is that of a schedule of this project, all stages jointly, and not L-BFGS stage by stage. It starts
from the DCT filters, as the authors' does, with an influence function that smooths a little.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.radial import dct_basis, fitted, gaussians, interpolated, mirrored

RANGE = 255.0  # the authors' scale of images, in which filters, functions and steps are learned
SPACING = 10.0
GAUSSIANS = 63  # of an influence function
ENTRIES = 50  # of its table between the means of two of them
BEYOND = 10.0  # how far it goes beyond the outer means
AT_ONCE = 8  # filters, so that what they make of an image stays in the cache
MARGIN = 1  # pixels beside the filter's side that the image is extended by


class TNRD(nn.Module):
    """`u <- u - (p (u - noisy) + sum over filters k of k^T phi(k u))` for every stage, from the noisy image.

    Args:
        channels: 1; every channel of another image would need filters of its own.
        stages: of the diffusion.
        side: of the filters, odd; a stage has side^2 - 1 of them, combinations of the DCT basis without its mean.
    """

    basis: torch.Tensor
    spacing: torch.Tensor

    def __init__(self, channels: int = 1, stages: int = 5, side: int = 7) -> None:
        super().__init__()
        if channels != 1 or side % 2 == 0:
            raise ValueError(f"channels {channels} and side {side}; expected 1 and an odd side")
        self.side, count = side, side**2 - 1
        self.coefficients = nn.Parameter(torch.eye(count).repeat(stages, 1, 1))  # (stages, filter, basis image)
        self.log_steps = nn.Parameter(torch.full((stages,), math.log(0.1)))  # p = exp of it
        self.weights = nn.Parameter(gentle(count).repeat(stages, count, 1))  # (stages, filter, Gaussian)
        # Between the means of two Gaussians; 12.5 in the authors' network for sigma 50.
        self.register_buffer("spacing", torch.tensor(SPACING))
        self.register_buffer("basis", dct_basis(side).flatten(1), persistent=False)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Denoise (N, 1, H, W) on the [0, 1] scale, of any size; the result lies in [0, 1]. Sigma is not used."""
        height, width = noisy.shape[-2:]
        margin = self.side + MARGIN
        start = mirrored(noisy.float() * RANGE, margin)
        image, points = start, table_points(self.spacing)
        basis = gaussians(points, means(self.spacing), self.spacing)  # (Gaussians, points)
        for stage in range(len(self.log_steps)):
            diffusion = self._diffusion(image, self.filters(stage), points, self.weights[stage] @ basis)
            step = self.log_steps[stage].exp() * (image - start) + diffusion
            inside = (image - step)[..., margin : margin + height, margin : margin + width]
            image = mirrored(inside, margin)
        return inside.clamp(0.0, RANGE) / RANGE

    def _diffusion(
        self, image: torch.Tensor, filters: torch.Tensor, points: torch.Tensor, tables: torch.Tensor
    ) -> torch.Tensor:
        half, extended = self.side // 2, mirrored(image, self.side // 2)
        total = torch.zeros_like(image)
        for kernels, functions in zip(filters.split(AT_ONCE), tables.split(AT_ONCE), strict=True):
            influences = interpolated(F.conv2d(extended, kernels), points, functions)
            # The transpose of the correlation but at borders, where it mirrors as well.
            total = total + F.conv2d(mirrored(influences, half), kernels.flip(-1, -2).transpose(0, 1))
        return total

    def filters(self, stage: int) -> torch.Tensor:
        """The filters of a stage, (filters, 1, side, side), of norm 1 and mean 0."""
        combined = self.coefficients[stage] @ self.basis  # (filters, side^2)
        return (combined / combined.norm(dim=1, keepdim=True)).view(-1, 1, self.side, self.side)


def build(channels: int = 1, stages: int = 5, side: int = 7) -> TNRD:
    """A `TNRD` with the given options."""
    return TNRD(channels, stages, side)


def table_points(spacing: torch.Tensor) -> torch.Tensor:
    """Where influence functions are tabulated, evenly spaced, on the [0, 255] scale.

    Raises:
        ValueError: a spacing with which a table would have no end, or say nothing of an image.
    """
    if not 1.0 <= float(spacing) <= RANGE:
        raise ValueError(f"spacing {float(spacing):g} of the influence functions; expected 1 to {RANGE:g}")
    last = GAUSSIANS // 2 * float(spacing) + BEYOND
    step = float(spacing) / ENTRIES
    return torch.arange(round(2 * last / step) + 1, device=spacing.device) * step - last


def means(spacing: torch.Tensor) -> torch.Tensor:
    """Means of the Gaussians of an influence function, (63,), around 0."""
    return (torch.arange(GAUSSIANS, device=spacing.device) - GAUSSIANS // 2) * spacing


def gentle(count: int) -> torch.Tensor:
    """Weights (63,) of a v / (1 + (v / 20)^2), for `count` filters: edges are left, small differences smoothed."""
    means = SPACING * (np.arange(GAUSSIANS) - GAUSSIANS // 2)
    return fitted(lambda v: 0.4 * v / (1 + (v / 20) ** 2) / math.sqrt(count), means, SPACING)
