"""WNNM: weighted nuclear norm minimisation on groups of similar patches.

Source: Gu, Zhang, Zuo, Feng, "Weighted nuclear norm minimization with application to image denoising", CVPR 2014,
sections 2.2 and 3, and the authors' released code of the same year for what the paper leaves open: the grid of
reference patches, block matching in every second iteration only, fewer similar patches at each, and the given noise
level itself in the first one.

The code exists in two versions that differ in how they solve the problem of one group; `reweighted` is the first and
the default here, `closed_form` the later. The comparisons printed since do not say which they ran. Deviations: a
machine epsilon is left out where the code adds it to a divisor; the singular vectors come from the smaller Gram matrix
of a group, with results equal to rounding in single precision, which the code keeps patches in, too; a reference patch
is always in its own group, also where other patches are equal to it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from redenoise.models.filters.groups import (
    WEIGHT,
    denoise_groups,
    fixed_points,
    low_rank,
    match,
    patches_of,
    planes_of,
    references,
    workers,
)

RADIUS = 30  # of the search window
DELTA = 0.1  # share of the residual that each iteration puts back
REMATCH = 2  # iterations from one block matching to the next
FEWER = 10  # similar patches at each

# Groups (B, n, D) without their mean patches, and the variance (B,) of the noise in each, to estimates (B, n, D).
Shrinkage = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Parameters(NamedTuple):
    """What depends on the noise level."""

    patch: int  # side in pixels
    similar: int  # patches in a group, before the first matching lowers it
    iterations: int
    scale: float  # of the noise levels that are estimated anew, the code's lambda


def parameters_for(sigma: float) -> Parameters:
    """The parameters at a noise level: of the code, for all levels above 0."""
    if sigma <= 20:
        return Parameters(6, 70, 8, 0.54)
    if sigma <= 40:
        return Parameters(7, 90, 12, 0.56)
    if sigma <= 60:
        return Parameters(8, 120, 14, 0.58)
    return Parameters(9, 140, 14, 0.58)


def reweighted(groups: torch.Tensor, variances: torch.Tensor) -> torch.Tensor:
    """Version 1.0: from the singular values less those of the noise, three times s = max(y - c' / s, 0).

    c' is c sqrt(n) times the variance of the noise.
    """
    similar = groups.shape[1]

    def factors(squares: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
        values = squares.sqrt()
        shrunk = (squares - limits).sqrt()
        for _ in range(3):
            # What is zero stays zero, as the quotient is then infinite.
            shrunk = (values - WEIGHT * similar**-0.5 * limits / shrunk).clamp(min=0)
        return shrunk / values

    return low_rank(groups, similar * variances, factors)


def closed_form(groups: torch.Tensor, variances: torch.Tensor) -> torch.Tensor:
    """The later version: what s = y - c' / s leads to from s = y, or 0 where it leads nowhere (y^2 <= 4 c')."""
    return low_rank(groups, 4 * WEIGHT * groups.shape[1] ** 0.5 * variances, fixed_points)


def version() -> str:
    """The version of the package that does the work."""
    return f"torch {torch.__version__}"


def denoise(noisy: np.ndarray, sigma: float, shrinkage: Shrinkage = reweighted) -> np.ndarray:
    """Denoise one image; a colour image, for which the method was not published, channel by channel.

    Takes images of any size from one patch on: 6, 7, 8, 9 pixels a side up to sigma 20, 40, 60 and above. Nothing is
    padded at borders: patches and search windows end there.

    Args:
        noisy: float32 (H, W) or (H, W, 3), [0, 255] scale, unclipped.
        sigma: standard deviation of the noise, [0, 255] scale.
        shrinkage: `reweighted` or `closed_form`.

    Returns:
        float32 of the same shape and scale, unclipped.

    Raises:
        UserError: the image is smaller than a patch, or sigma is not a positive number.
    """
    planes = planes_of(noisy, sigma, parameters_for(sigma).patch, "WNNM")
    denoised = torch.cat([denoise_plane(plane[None], sigma, shrinkage) for plane in planes])
    return denoised[0].numpy() if noisy.ndim == 2 else denoised.permute(1, 2, 0).numpy()


def denoise_plane(noisy: torch.Tensor, sigma: float, shrinkage: Shrinkage) -> torch.Tensor:
    """The same for (1, H, W)."""
    patch, similar, iterations, scale = parameters_for(sigma)
    rows, columns = references(noisy, patch, patch // 2 - 1)
    estimate = noisy
    with workers() as pool:
        for iteration in range(iterations):
            estimate = estimate + DELTA * (noisy - estimate)
            patches = patches_of(estimate, patch)
            if iteration % REMATCH == 0:
                similar -= FEWER
                positions = match(patches, rows, columns, RADIUS, similar, pool)
            if iteration == 0:
                variances = torch.full((len(positions),), float(sigma) ** 2, device=noisy.device)
            else:
                removed = functional.avg_pool2d((noisy - estimate).square(), patch, stride=1)[0]  # (H', W')
                variances = scale**2 * (sigma**2 - removed[rows[:, None], columns].flatten()).abs()
            estimate = denoise_groups(patches, positions, variances, shrinkage, noisy.shape[1:], pool)
    return estimate
