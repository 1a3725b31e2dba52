"""A Gaussian mixture of image patches, fitted by expectation maximisation: the prior of EPLL.

Source: Zoran and Weiss, "From Learning Models of Natural Image Patches to Whole Image Restoration", ICCV 2011, section
4: zero-mean Gaussians with full covariances, of 8 x 8 patches whose own mean is removed. How their EM starts, how long
it runs and what keeps its covariances regular is not said there; see `fit`.

Deviation: patches are assigned to components as through weak noise. Without it most of the likelihood lies in how
smooth regions were rounded and compressed, and components that describe that are lost to denoising.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from redenoise.models.denoisers.epll import CHUNK, EPLL, monomials, packed_precisions, patch_basis
from redenoise.support.errors import UserError

FLOOR = 1e-6  # added to the variances, [0, 1] scale: about that of rounding to 8 bits, 1 / (12 255^2)


def draw_patches(images: list[np.ndarray], count: int, side: int, seed: int) -> np.ndarray:
    """Patches at random places, as many of each image as of any other (but for the remainder), in random order.

    Args:
        images: uint8 (H, W).

    Returns:
        uint8 (count, side, side).

    Raises:
        UserError: there are no images, or one is smaller than a patch.
    """
    if not images:
        raise UserError("no images to draw patches from; run the download stage")
    if (smallest := min(min(image.shape) for image in images)) < side:
        raise UserError(f"patches of {side} pixels, but an image has a side of {smallest}; lower the side")
    random = np.random.default_rng(seed)
    patches = np.empty((count, side, side), np.uint8)
    shares = np.array_split(random.permutation(count), len(images))
    for image, share in zip(images, shares, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image, (side, side))
        patches[share] = windows[tuple(random.integers(0, length, len(share)) for length in windows.shape[:2])]
    return patches


def fit(
    patches: np.ndarray,
    components: int,
    batch: int,
    blurs: Sequence[float],
    report: Callable[[int, float], None] = lambda update, likelihood: None,
) -> EPLL:
    """The mixture after one pass of stepwise EM over the patches for each of `blurs`.

    Every update takes the statistics of the next batch into a running mean, update t with the weight t^-0.6 (Cappe and
    Moulines, "On-line expectation-maximization algorithm for latent data models", JRSS B 2009), and makes weights and
    covariances those of the mean. It starts from equal weights and `first_covariances`; every covariance has `FLOOR`
    on its diagonal.

    Args:
        patches: uint8 (N, side, side), in random order.
        batch: patches of an update; what is left of N is not used.
        blurs: standard deviations of the noise through which a pass sees the patches, [0, 1] scale.
        report: called after each update with its number, from 1 on, and the mean log likelihood of a patch of the batch
            in nats, [0, 1] scale, under the mixture that the update began with, with that noise.
    """
    prior = EPLL(components, patches.shape[1])
    put(prior, torch.full((components,), 1.0 / components), first_covariances(patches, components))
    size = patches.shape[1] ** 2 - 1
    mass = torch.zeros(components, dtype=torch.float64)
    moments = torch.zeros(components, size * (size + 1) // 2, dtype=torch.float64)
    plan = [(blur, start) for blur in blurs for start in range(0, len(patches) - batch + 1, batch)]
    for update, (blur, start) in enumerate(plan, 1):
        new_mass, new_moments, likelihood = statistics(prior, patches[start : start + batch], blur)
        mass = mass.lerp(new_mass, update**-0.6)
        moments = moments.lerp(new_moments, update**-0.6)
        put(prior, *mixture(mass, moments))
        report(update, likelihood)
    return prior


def first_covariances(patches: np.ndarray, components: int) -> torch.Tensor:
    """Covariances (K, D, D), float64, to start from.

    Each belongs to one of the first patches: half the outer product of that patch, half the covariance of all patches
    scaled to its contrast.
    """
    sample = coefficients(patches[: max(components, CHUNK)]).double()  # (D, n)
    common = sample @ sample.T / sample.shape[1]
    seeds = sample.T[:components]
    contrast = seeds.square().sum(1) / common.trace()
    return 0.5 * (seeds[:, :, None] * seeds[:, None, :] + contrast[:, None, None] * common)


def statistics(prior: EPLL, patches: np.ndarray, blur: float) -> tuple[torch.Tensor, torch.Tensor, float]:
    """The expectations of EM under the prior behind noise of deviation `blur`, in chunks of `epll.CHUNK` patches.

    Returns:
        Means over the patches, float64: of their shares in the components (K,); of their `monomials`, times these
        shares (K, D (D + 1) / 2); of their log likelihood.
    """
    precisions, offsets = prior.at(torch.tensor(blur**2, dtype=torch.float64))
    packed = packed_precisions(precisions)
    mass = torch.zeros(len(offsets), dtype=torch.float64)
    moments = torch.zeros(packed.shape, dtype=torch.float64)
    likelihood = 0.0
    for start in range(0, len(patches), CHUNK):
        products = monomials(coefficients(patches[start : start + CHUNK]))  # (D (D + 1) / 2, n)
        scores = torch.addmm(offsets[:, None], packed, products, alpha=-0.5)  # (K, n)
        likelihood += scores.logsumexp(0).double().sum().item()
        shares = scores.softmax(0)
        mass += shares.sum(1)
        moments += shares @ products.T
    count, constant = len(patches), 0.5 * precisions.shape[-1] * math.log(2 * math.pi)
    return mass / count, moments / count, likelihood / count - constant


def mixture(mass: torch.Tensor, moments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (K,) and covariances (K, D, D) that `statistics` make the most likely."""
    size = math.isqrt(2 * moments.shape[1])
    row, column = torch.triu_indices(size, size)
    # A component that no patch belongs to any more shrinks to the floor and keeps a weight that is not 0.
    mass = mass.clamp(min=1e-9)
    covariances = moments.new_empty(len(mass), size, size)
    covariances[:, row, column] = covariances[:, column, row] = moments / mass[:, None]
    return mass / mass.sum(), covariances


def put(prior: EPLL, weights: torch.Tensor, covariances: torch.Tensor) -> None:
    """Make weights (K,) and covariances (K, D, D) with the floor those of the prior."""
    size = covariances.shape[-1]
    row, column = torch.tril_indices(size, size)
    factors = torch.linalg.cholesky(covariances + FLOOR * torch.eye(size, dtype=torch.float64))
    prior.log_weights.copy_(weights.log())
    prior.factors.copy_(factors[:, row, column])


def coefficients(patches: np.ndarray) -> torch.Tensor:
    """uint8 (n, side, side) to float32 (D, n) in the basis of the prior, [0, 1] scale."""
    flat = torch.from_numpy(patches.reshape(len(patches), -1)).float() / 255.0
    return patch_basis(patches.shape[1]).float() @ flat.T
