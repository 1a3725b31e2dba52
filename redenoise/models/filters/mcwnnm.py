"""MCWNNM: weighted nuclear norm minimisation on groups of colour patches, with a weight for each channel.

Source: Xu, Zhang, Zhang, Feng, "Multi-channel weighted nuclear norm minimization for real color image denoising",
ICCV 2017, and the parameters of the authors' released code for their experiments with synthetic noise (its "model 1").
That code prints no parameters for noise of one level in all channels; these are those of its example with the levels
40, 20 and 30, where it notes that the scale of the noise levels is to be tuned.

Ten rounds of ADMM are part of the method and not a way to a known solution: also where all channels have one level,
and the problem has the closed form of WNNM, ADMM from zero leads elsewhere. The problem is not convex, and a singular
value starts at zero and stays there up to y^2 = 6.05 c' instead of 4 c' (c' as in WNNM). Larger ones come close to
those of the closed form, least so just above that limit. The levels differ from the second iteration on in any case, as
each channel's is estimated anew. Where one of them is estimated as zero, nothing is shrunk in that group, and ten
rounds leave little more than the mean patch in its other channels.

Deviations: a machine epsilon is left out where the code adds it to a divisor; the singular vectors come from the
smaller Gram matrix of a group in float32, with results equal to rounding; a reference patch is always in its own group;
the result is not clipped.
"""

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
from redenoise.support.errors import UserError

PATCH = 6  # side in pixels
STEP = 5  # from one reference patch to the next
RADIUS = 20  # of the search window
ITERATIONS = 6
DELTA = 0.1  # share of the residual that each iteration puts back
REMATCH = 2  # iterations from one block matching to the next
SIMILAR = 70  # patches in a group, before the first matching lowers it
FEWER = 10  # at each
SCALE = 0.6  # of the noise levels that are estimated anew, the code's lambda
ROUNDS = 10  # of ADMM
RHO = 3.0  # its penalty at first
GROWTH = 1.001  # of the penalty from round to round


def admm(groups: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Groups without noise: min ||(Y - X) W||_F^2 + ||Z||_w,* with X = Z, W the least level of a group over each level.

    Args:
        groups: (B, n, D), without their mean patches, the channels of a patch one after the other.
        levels: (B, C), standard deviations of the noise in each channel.

    Returns:
        (B, n, D), the low-rank Z.
    """
    least = levels.amin(1, keepdim=True)
    weights = torch.where(levels > least, least / levels, 1).square()
    weights = weights.repeat_interleave(groups.shape[2] // levels.shape[1], dim=1)[:, None]  # (B, 1, D), W^2
    limits = 8 * WEIGHT * groups.shape[1] ** 0.5 * least[:, 0].square()
    low = dual = torch.zeros_like(groups)  # Z, and the multiplier A / rho
    rho = RHO
    for _ in range(ROUNDS):
        # X + A / rho, of X = (W^2 Y + rho / 2 Z - A / 2) / (W^2 + rho / 2).
        target = low + weights / (weights + rho / 2) * (groups - low + dual)
        low = low_rank(target, limits / rho, fixed_points)
        dual = (target - low) / GROWTH  # A + rho (X - Z) over the next rho
        rho *= GROWTH
    return low


def version() -> str:
    """The version of the package that does the work."""
    return f"torch {torch.__version__}"


def denoise(noisy: np.ndarray, sigma: float, scale: float = SCALE) -> np.ndarray:
    """Denoise one colour image.

    Takes images of any size from one patch of 6 x 6 pixels on. Nothing is padded at borders: patches and search windows
    end there. The parameters are the same for every sigma.

    Args:
        noisy: float32 (H, W, 3), [0, 255] scale, unclipped; the noise of the channels is independent.
        sigma: standard deviation of the noise in each channel, [0, 255] scale.
        scale: of the noise levels that are estimated anew.

    Returns:
        float32 of the same shape and scale, unclipped.

    Raises:
        UserError: the image is gray or smaller than a patch, or sigma is not a positive number.
    """
    if noisy.ndim == 2:
        raise UserError(f"MCWNNM: the image is gray, {noisy.shape}, expected colour, (H, W, 3); use wnnm for it")
    noisy_planes = estimate = planes_of(noisy, sigma, PATCH, "MCWNNM")
    rows, columns = references(estimate, PATCH, STEP)
    similar = SIMILAR
    with workers() as pool:
        for iteration in range(ITERATIONS):
            estimate = estimate + DELTA * (noisy_planes - estimate)
            patches = patches_of(estimate, PATCH)
            if iteration % REMATCH == 0:
                similar -= FEWER
                positions = match(patches, rows, columns, RADIUS, similar, pool)
            removed = functional.avg_pool2d((noisy_planes - estimate).square(), PATCH, stride=1)  # (C, H', W')
            levels = (sigma**2 - removed[:, rows[:, None], columns].flatten(1).mT).clamp(min=0).sqrt()  # (R, C)
            if iteration > 0:
                levels = scale * levels
            estimate = denoise_groups(patches, positions, levels, admm, noisy.shape[:2], pool)
    return estimate.permute(1, 2, 0).numpy()
