"""PSNR and SSIM as the papers measure them."""

import numpy as np

from redenoise.support.errors import Unmeasurable

PEAK = 255.0
HALF = 5  # of the window of 11 pixels
WINDOW = 2 * HALF + 1
KERNEL = np.exp(-(np.arange(-HALF, HALF + 1) ** 2) / (2 * 1.5**2))
KERNEL /= KERNEL.sum()


def psnr(image: np.ndarray, clean: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB: one mean squared error over all pixels and channels, no border cut.

    Args:
        image: uint8 (H, W) or (H, W, 3); a denoised image is clipped and rounded before.
        clean: of the same shape, uint8, or floating point where a protocol does not round it.

    Returns:
        10 log10(255^2 / MSE); infinite for equal images.
    """
    kind = np.int64 if clean.dtype == np.uint8 else np.float64  # whole levels are exact: no order of summation
    difference = image.astype(kind) - clean.astype(kind)
    squared = (difference * difference).sum().item()
    return float("inf") if squared == 0 else float(10.0 * np.log10(PEAK**2 * difference.size / squared))


def ssim(image: np.ndarray, clean: np.ndarray) -> float:
    """Structural similarity (Wang et al., IEEE TIP 2004) as the DnCNN authors compute it.

    An 11x11 Gaussian window of standard deviation 1.5, constants (0.01 L)^2 and (0.03 L)^2 with L = 255, mean over
    the region in which the window lies inside the image; colour is the mean over the three channels.

    Args:
        image, clean: as of `psnr`.

    Raises:
        Unmeasurable: a side is shorter than the window.
    """
    if min(clean.shape[:2]) < WINDOW:
        height, width = clean.shape[:2]
        raise Unmeasurable(f"SSIM needs {WINDOW} pixels on each side, the image has {height}x{width}")
    if image.ndim == 3:
        return float(np.mean([ssim(image[..., channel], clean[..., channel]) for channel in range(image.shape[2])]))
    x, y = image.astype(np.float64), clean.astype(np.float64)
    mean_x, mean_y = gaussian_mean(x), gaussian_mean(y)
    variance_x = gaussian_mean(x * x) - mean_x**2
    variance_y = gaussian_mean(y * y) - mean_y**2
    covariance = gaussian_mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    return float(similarity.mean())


def gaussian_mean(planes: np.ndarray) -> np.ndarray:
    """Gaussian-weighted mean over 11x11 windows, float64 (..., H, W) to (..., H - 10, W - 10).

    The order of summation is that of scipy.ndimage.correlate1d, so that the result has the same bits; importing that
    would take every evaluation longer than computing this.
    """
    return _weighted(_weighted(planes).swapaxes(-1, -2)).swapaxes(-1, -2).copy(order="C")


def _weighted(planes: np.ndarray) -> np.ndarray:
    """The weighted mean along the last axis but one, (..., H, W) to (..., H - 10, W)."""
    rows = planes.shape[-2] - 2 * HALF
    total = planes[..., HALF : HALF + rows, :] * KERNEL[HALF]
    for near in range(HALF):
        far = 2 * HALF - near
        total += (planes[..., near : near + rows, :] + planes[..., far : far + rows, :]) * KERNEL[near]
    return total
