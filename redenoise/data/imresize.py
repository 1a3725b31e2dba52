"""Resizing as MATLAB's `imresize` does it, on which the papers on super-resolution agree.

Source: Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE TASSP 1981, with a = -1/2; where it
shrinks an image MATLAB makes the kernel wider by the factor, which is its antialiasing, and mirrors borders with the
edge repeated. Rows are resized first, then columns.

Only additions, multiplications and divisions in a fixed order, which IEEE 754 rounds the same way everywhere.
"""

import math

import numpy as np

SUPPORT = 4  # pixels that the kernel of an unscaled image reaches over


def imresize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image of another size, bicubic, antialiased where it shrinks.

    Args:
        image: (H, W) or (H, W, 3): uint8, or floating point of any range.
        height, width: of the result, in pixels; the factor of each side is what it is divided by the old one.

    Returns:
        Of the new size: uint8 of uint8, clipped and rounded (halves up) after the rows and after the columns, as in
        MATLAB; else float64, neither clipped nor rounded.

    Deviation: none known. Of uint8 every value is MATLAB's, see tests/test_degradations.py; of floating point the last
    bits may differ, since MATLAB sums in another order.
    """
    if image.dtype == np.uint8:
        return _levels(resized_rows(_levels(resized_rows(image, height)).swapaxes(0, 1), width).swapaxes(0, 1))
    rows = resized_rows(image.astype(np.float64), height)
    return resized_rows(rows.swapaxes(0, 1), width).swapaxes(0, 1)


def _levels(image: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(image, 0.0, 255.0) + 0.5).astype(np.uint8)


def resized_rows(image: np.ndarray, size: int) -> np.ndarray:
    """An array (H, ...) with its first axis resized to (size, ...)."""
    weights, places = taps(len(image), size)
    column = (slice(None),) + (np.newaxis,) * (image.ndim - 1)
    total = np.zeros((size, *image.shape[1:]))
    for number in range(weights.shape[1]):
        total += weights[:, number][column] * image[places[:, number]]
    return total


def taps(old: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a line make each pixel of the resized line, and how much each of them counts.

    Args:
        old, new: pixels of the line, before and after.

    Returns:
        float64 weights (new, P) that sum to 1 in every row, and the pixels' places (new, P).
    """
    factor = new / old
    shrink = min(factor, 1.0)
    centres = (np.arange(new) + 0.5) / factor - 0.5
    first = np.floor(centres - SUPPORT / shrink / 2).astype(np.int64)
    places = first[:, np.newaxis] + np.arange(math.ceil(SUPPORT / shrink) + 2)
    weights = cubic(shrink * (centres[:, np.newaxis] - places))
    total = np.zeros((new, 1))
    for number in range(weights.shape[1]):
        total += weights[:, number : number + 1]
    places %= 2 * old
    return weights / total, np.where(places < old, places, 2 * old - 1 - places)


def cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel, which is 0 from a distance of two pixels on."""
    distance = np.abs(x)
    square = distance * distance
    cube = square * distance
    near = 1.5 * cube - 2.5 * square + 1.0
    far = -0.5 * cube + 2.5 * square - 4.0 * distance + 2.0
    return np.where(distance <= 1.0, near, np.where(distance <= 2.0, far, 0.0))
