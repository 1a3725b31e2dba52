"""Degradations, one file each: what is done to a clean image before networks restore it.

Every module that defines one has

    PARAMETER: what its level is called in conditions such as `scale=3`
    degrade(clean, level, draw) -> degraded

where `clean` is float64 (H, W) or (H, W, 3) on the [0, 255] scale, not always of whole levels, `level` is a whole
number, and `degraded` is floating point of the same shape and scale. `draw(shape)` gives standard normal deviates,
float64, keyed by the seed, the data set, the image and the level: the only randomness there is. A new degradation is
one new file here and one entry under `degraded` in params.yaml.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from redenoise.data.arrays import checked
from redenoise.support.errors import UserError

Draw = Callable[[tuple[int, ...]], np.ndarray]


def source(name: str) -> Path:
    """The file that defines a degradation."""
    return Path(__file__).parent / f"{name}.py"


def load(name: str) -> ModuleType:
    """The module of one degradation; raises `UserError` if it lacks `PARAMETER` or `degrade`."""
    module = importlib.import_module(f"{__name__}.{name}")
    for needed in ("PARAMETER", "degrade"):
        if not hasattr(module, needed):
            expected = "expected PARAMETER and degrade(clean, level, draw)"
            raise UserError(f"{module.__name__}: no {needed}; {expected}, as in bicubic.py beside it; add it")
    return module


def degrade(module: ModuleType, clean: np.ndarray, level: int, draw: Draw) -> np.ndarray:
    """One image through one degradation.

    Args:
        clean: float64 (H, W) or (H, W, 3), [0, 255] scale.
        level: of the degradation.
        draw: standard normal deviates of a shape.

    Returns:
        float32 of the same shape and scale.

    Raises:
        UserError: the module returns something else than such an array, or a value that is no number.
    """
    image = module.degrade(clean, level, draw)
    return checked(image, clean, f"{module.__name__}: degrade", f"{clean.shape} as the clean image").astype(np.float32)
