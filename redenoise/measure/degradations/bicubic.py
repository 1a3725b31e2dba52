"""Fewer pixels: an image made smaller and as large again, both by MATLAB's `imresize`; what super-resolution starts
from (Dong et al., IEEE TPAMI 2016; Kim et al., CVPR 2016).

The small image is not rounded in between, as in the authors' code.
"""

import numpy as np

from redenoise.data.imresize import imresize
from redenoise.measure.degradations import Draw
from redenoise.support.errors import UserError

PARAMETER = "scale"


def degrade(clean: np.ndarray, level: int, draw: Draw) -> np.ndarray:
    """Take every side down by the factor `level` and up again.

    Raises:
        UserError: a side is no multiple of the factor.
    """
    height, width = clean.shape[:2]
    if height % level or width % level or not min(height, width):
        line = f"bicubic at scale {level}: the image has {height}x{width} pixels, expected multiples of the scale"
        raise UserError(f"{line}; give its protocol `multiple: level` in params.yaml")
    return imresize(imresize(clean, height // level, width // level), height, width)
