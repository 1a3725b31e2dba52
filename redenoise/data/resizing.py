"""Resizing as the preprocessing of classifiers does it."""

import numpy as np
from PIL import Image


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """An image, uint8 (H, W, 3), whose shorter side has `side` pixels: bilinear with antialiasing, as torchvision's."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
