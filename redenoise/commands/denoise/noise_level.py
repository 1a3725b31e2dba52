"""The noise level of a picture that nobody has told.

Source: Chen, Zhu, Heng, "An Efficient Statistical Method for Image Noise Level Estimation", ICCV 2015, algorithm 1,
with its patches of 8x8 pixels: clean patches lie close to a few directions, so that the smallest eigenvalues of the
covariance of noisy ones are those of the noise alone. Of a large picture evenly spread patches are taken.
"""

import numpy as np

from redenoise.support.errors import UserError

SIDE = 8  # of a patch, pixels
PATCHES = 60_000  # at most, about; more move an estimate by less than a hundredth
LEAST = 4  # patches for each of their values, else the eigenvalues say nothing


def noise_level(image: np.ndarray) -> float:
    """Standard deviation of white noise in an image, on the scale of the image.

    Args:
        image: floating point (H, W) or (H, W, 3); the noise is taken to be as strong in each channel.

    Raises:
        UserError: the image is too small to tell.
    """
    patches = _patches(image[..., np.newaxis] if image.ndim == 2 else image)
    if len(patches) < LEAST * patches.shape[1]:
        found = f"{image.shape[1]}x{image.shape[0]} pixels are too few to estimate the noise"
        raise UserError(f"{found}, expected 40 on each side; give --sigma")
    eigenvalues = np.linalg.eigvalsh(np.cov(patches, rowvar=False))[::-1]  # largest first
    for rest in (eigenvalues[start:] for start in range(len(eigenvalues))):
        variance = rest.mean()
        if (rest > variance).sum() >= (rest < variance).sum():  # the mean of the rest is its median: all noise
            break
    return float(np.sqrt(max(variance, 0.0)))


def _patches(image: np.ndarray) -> np.ndarray:
    """Patches of an image (H, W, C) as rows, float64 (N, SIDE^2 C), from a regular grid."""
    if min(image.shape[:2]) < SIDE:
        return np.empty((0, SIDE**2 * image.shape[2]))
    views = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE), axis=(0, 1))  # (H', W', C, SIDE, SIDE)
    step = max(1, round((views.shape[0] * views.shape[1] / PATCHES) ** 0.5))
    return views[::step, ::step].reshape(-1, SIDE**2 * image.shape[2]).astype(np.float64)
