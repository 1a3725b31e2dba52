"""The luminance of an image, as MATLAB's `rgb2ycbcr` computes it (ITU-R BT.601, 16 for black to 235 for white)."""

import numpy as np

RED, GREEN, BLUE = 65_481, 128_553, 24_966  # thousandths of 219 levels
WHOLE = 255_000
BLACK = 16


def luminance(image: np.ndarray, rounded: bool) -> np.ndarray:
    """The luminance of a colour image; a gray image is its own, and stays as it is.

    Args:
        image: uint8 (H, W) or (H, W, 3) in RGB.
        rounded: to whole levels, halves up, as `rgb2ycbcr` does with uint8; else as it does with floating point.

    Returns:
        float64 (H, W), [16, 235] for a colour image.

    Deviation: rounded from whole numbers, without any error; MATLAB's floating point could take an exact half down.
    """
    if image.ndim == 2:
        return image.astype(np.float64)
    red, green, blue = np.moveaxis(image.astype(np.int64), 2, 0)
    weighted = RED * red + GREEN * green + BLUE * blue
    if rounded:
        return ((weighted + WHOLE // 2) // WHOLE + BLACK).astype(np.float64)
    return weighted / WHOLE + BLACK
