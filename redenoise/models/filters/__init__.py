"""Classical denoisers, one file each: functions from a noisy image and sigma to a denoised image, without training.

Every module that defines one has

    version() -> str: versions of the packages that do the work; raises `UserError` if one is not installed
    denoise(noisy, sigma) -> denoised

where `noisy` is float32 (H, W) or (H, W, 3) in RGB, not clipped, `denoised` is floating point of the same shape, and
both and `sigma` are on the [0, 255] scale. A new filter is one new file here and one entry under `filters` in
params.yaml.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from redenoise.dag.code import code_files
from redenoise.data.arrays import checked
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_bytes


def load(name: str) -> ModuleType:
    """The module of one method; raises `UserError` if it lacks `version` or `denoise`, or a package that it imports."""
    try:
        method = importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise UserError(f"{__name__}.{name}: no package {error.name!r}, which it imports; install it") from None
    for function in ("version", "denoise"):
        if not callable(getattr(method, function, None)):
            expected = "expected version() and denoise(noisy, sigma), as in redenoise/models/filters/bm3d.py"
            raise UserError(f"{method.__name__}: no function {function}; {expected}; add it")
    return method


def parts_of(method: ModuleType) -> dict[str, str]:
    """What a result of one method depends on; raises `UserError` if its package is not installed."""
    code = b"".join(file.read_bytes() for file in code_files(Path(str(method.__file__))))
    return {"version": method.version(), "code": sha256_bytes(code)}


def denoiser_for(method: ModuleType, parts: dict[str, str]) -> Callable[[float], tuple]:
    """From a noise level to one method at that level, and to `parts`; as `redenoise.measure.denoising` wants it."""
    return lambda sigma: (lambda noisy: denoise(method, noisy, sigma), parts)


def denoise(method: ModuleType, noisy: np.ndarray, sigma: float) -> np.ndarray:
    """One image through one method.

    Args:
        noisy: float32 (H, W) or (H, W, 3), [0, 255] scale.
        sigma: standard deviation of the noise, [0, 255] scale.

    Returns:
        Floating point, of the same shape and scale.

    Raises:
        UserError: the method returns something else than such an array, or a value that is no number.
    """
    expected = f"{noisy.shape}, (H, W[, 3]) as the noisy image"
    return checked(method.denoise(noisy, sigma), noisy, f"{method.__name__}: denoise", expected)
