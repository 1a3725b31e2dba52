"""What DnCNN-3 is trained to restore besides noise: fewer pixels and JPEG, on one axis of levels.

Levels 2 to 4 are `bicubic` at that scale, 5 and more `jpeg` at that quality (Zhang et al., IEEE TIP 2017, section
IV-A1: scales 2, 3 and 4, qualities 5 to 99).
"""

import numpy as np

from redenoise.measure.degradations import Draw, bicubic, jpeg

PARAMETER = "level"
LOWEST_QUALITY = 5


def degrade(clean: np.ndarray, level: int, draw: Draw) -> np.ndarray:
    """Degrade as the level says; see the two for what they raise."""
    return (bicubic if level < LOWEST_QUALITY else jpeg).degrade(clean, level, draw)
