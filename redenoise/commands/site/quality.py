"""Squared error and structural similarity by tiles of an image, so that a page can add them up over any crop."""

import numpy as np

from redenoise.measure.metrics import HALF, PEAK, gaussian_mean


class Reference:
    """A clean image, with what every comparison with it needs.

    Args:
        clean: uint8 (H, W) or (H, W, 3), at least 11 pixels on each side.
        tile: side of the tiles in pixels; those at the right and at the bottom may be smaller.
    """

    def __init__(self, clean: np.ndarray, tile: int) -> None:
        self.clean, self.tile = clean, tile
        self._planes = _planes(clean)
        self._mean = gaussian_mean(self._planes)
        self._variance = gaussian_mean(self._planes**2) - self._mean**2

    def squared_errors(self, image: np.ndarray) -> np.ndarray:
        """int64 (rows, columns): the sum of squared differences over the pixels and channels of every tile."""
        difference = image.astype(np.int64) - self.clean.astype(np.int64)
        squared = difference * difference
        return self._tiled(squared if squared.ndim == 2 else squared.sum(axis=2))

    def similarities(self, image: np.ndarray) -> np.ndarray:
        """float64 (rows, columns): the sum of the similarity over the pixels of every tile, mean over the channels.

        As `stages.evaluate.metrics.ssim` takes it: pixels nearer than 5 to the border have none, so the sum of all
        tiles divided by (H - 10) (W - 10) is the SSIM of the image.
        """
        planes = _planes(image)
        mean = gaussian_mean(planes)
        variance = gaussian_mean(planes**2) - mean**2
        covariance = gaussian_mean(planes * self._planes) - mean * self._mean
        c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
        similarity = ((2 * mean * self._mean + c1) * (2 * covariance + c2)) / (
            (mean**2 + self._mean**2 + c1) * (variance + self._variance + c2)
        )
        return self._tiled(np.pad(similarity.mean(axis=0), HALF))

    def _tiled(self, values: np.ndarray) -> np.ndarray:
        for axis, size in enumerate(values.shape):
            values = np.add.reduceat(values, range(0, size, self.tile), axis=axis)
        return values


def liveliest(clean: np.ndarray, tile: int) -> tuple[int, int, int]:
    """Column, row and side, in tiles, of the crop of a third of an image's shorter side that tells most of a denoiser.

    Of all such crops of whole tiles it is the one with the largest variance of the pixels within its tiles, the mean
    over its tiles and channels; of several alike, the first line by line. So neither a plain region is chosen, nor a
    single edge between two.
    """
    planes = _planes(clean)
    high, wide = (size // tile for size in planes.shape[1:])
    tiles = planes[:, : high * tile, : wide * tile].reshape(-1, high, tile, wide, tile)
    variances = tiles.var(axis=(2, 4)).mean(axis=0)
    side = min(max(2, round(min(high, wide) / 3)), high, wide)
    sums = np.lib.stride_tricks.sliding_window_view(variances, (side, side)).mean(axis=(2, 3))
    row, column = np.unravel_index(np.argmax(sums), sums.shape)
    return int(column), int(row), side


def psnr(squared_errors: np.ndarray, values: int) -> float:
    """PSNR in dB of a whole image from the squared errors of its tiles; `values` counts pixels times channels."""
    total = int(squared_errors.sum())
    return float("inf") if total == 0 else float(10.0 * np.log10(PEAK**2 * values / total))


def _planes(image: np.ndarray) -> np.ndarray:
    """(channels, H, W) in float64."""
    planes = image[np.newaxis] if image.ndim == 2 else image.transpose(2, 0, 1)
    return planes.astype(np.float64)
