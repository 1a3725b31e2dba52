"""White Gaussian noise, neither clipped nor rounded: of whole images with the bytes of the stage `synthesize`."""

import numpy as np

from redenoise.measure.degradations import Draw

PARAMETER = "sigma"


def degrade(clean: np.ndarray, level: int, draw: Draw) -> np.ndarray:
    """Add noise of the standard deviation `level`, [0, 255] scale."""
    return clean + level * draw(clean.shape)
