"""JPEG: an image compressed and decoded (Dong et al., ICCV 2015).

By libjpeg, through Pillow, with the quality of the Independent JPEG Group, which is MATLAB's; a gray image has one
component, a colour image Pillow's usual sampling of its chroma. Other builds of libjpeg may decode a level apart here
and there, so the bytes are the same only with the locked Pillow.
"""

import io

import numpy as np
from PIL import Image

from redenoise.measure.degradations import Draw

PARAMETER = "quality"


def degrade(clean: np.ndarray, level: int, draw: Draw) -> np.ndarray:
    """Compress at the quality `level`, 1 to 100; an image that is not of whole levels is rounded first."""
    stream = io.BytesIO()
    Image.fromarray(np.floor(clean + 0.5).astype(np.uint8)).save(stream, format="JPEG", quality=level)
    return np.asarray(Image.open(stream)).astype(np.float32)
