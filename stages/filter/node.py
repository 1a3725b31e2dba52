"""Classical denoisers on the noisy test sets.

`python -m stages.filter [--scale SCALE] [--only KEY [--shard I/N]]`. Output as in `stages.evaluate`.
"""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np

from redenoise.dag.config import Config
from redenoise.dag.shards import Shard, working
from redenoise.measure.denoising import measure, nothing
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file


def classical(config: Config, key: str, shard: Shard | None = None) -> None:
    """Denoise one noisy set with one classical method and measure it; with a `shard`, only denoise that share.

    Raises:
        UserError: the method's package is not installed and `unavailable` is "fail". With "skip" the run has no
            results, and its provenance says why. Or the module or its result is not as `load` and `denoise` expect.
    """
    entry = config.entry("filter", key)
    with working(config, "filter", key, shard) as work:
        method = load(entry["filter"])
        try:
            parts = {"version": method.version(), "code": sha256_file(Path(str(method.__file__)))}
        except UserError as error:
            if config.params["unavailable"] != "skip":
                raise
            nothing(config, key, work, str(error))
            return
        measure(config, "filter", key, lambda sigma: (lambda noisy: denoise(method, noisy, sigma), parts), work)


def load(name: str) -> ModuleType:
    """The module of one method; raises `UserError` if it has no function `version` or `denoise`."""
    method = importlib.import_module(f"redenoise.models.filters.{name}")
    for function in ("version", "denoise"):
        if not callable(getattr(method, function, None)):
            expected = "expected version() and denoise(noisy, sigma), as in redenoise/models/filters/bm3d.py"
            raise UserError(f"{method.__name__}: no function {function}; {expected}; add it")
    return method


def denoise(method: ModuleType, noisy: np.ndarray, sigma: float) -> np.ndarray:
    """One image through one method.

    Args:
        noisy: float32 (H, W) or (H, W, 3), [0, 255] scale.
        sigma: standard deviation of the noise, [0, 255] scale.

    Returns:
        Floating point, of the same shape and scale.

    Raises:
        UserError: the method returns something else than such an array.
    """
    image = method.denoise(noisy, sigma)
    if not isinstance(image, np.ndarray):
        found = type(image).__name__
    elif image.shape != noisy.shape or not np.issubdtype(image.dtype, np.floating):
        found = f"{image.dtype} {image.shape}"
    else:
        return image
    expected = f"expected float {noisy.shape}, (H, W[, 3]) as the noisy image, on the [0, 255] scale"
    raise UserError(f"{method.__name__}: denoise returned {found}, {expected}; correct it")
