"""BM3D and CBM3D through the `bm3d` package: an optional second opinion on `bm3d`, the filter of the papers.

Source: the successor, by the same group, of the MATLAB code of 2007 to 2014: Mäkinen, Azzari, Foi, IEEE TIP 2020.

Deviation: its filter parameters and its handling of sigma differ from those of the code that the papers used, so its
results are systematically a little different. The package's licence allows non-commercial research use only, which is
why it is an optional extra of this project.
"""

from importlib import metadata

import numpy as np

from redenoise.support.errors import UserError

BLOCK = 8  # pixels


def version() -> str:
    """Versions of the packages that do the work, for keys and provenance.

    Raises:
        UserError: the package is not installed.
    """
    try:
        return f"bm3d {metadata.version('bm3d')}, bm4d {metadata.version('bm4d')}"
    except metadata.PackageNotFoundError:
        raise UserError(
            "package bm3d is not installed, and the filter bm3d_package needs it; "
            "install it with `uv pip install bm3d` (licence: non-commercial research use only)"
        ) from None


def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """Denoise one image with the package's default profile ("np") on one thread.

    One thread, because several add up overlapping blocks in an order that changes from run to run, and with it the
    last bits of the result. Several images or runs side by side use the other cores.

    Args:
        noisy: float32 (H, W) for BM3D or (H, W, 3) in RGB for CBM3D, on the [0, 255] scale, unclipped.
        sigma: standard deviation of the noise on the [0, 255] scale.

    Returns:
        float64 of the same shape on the [0, 255] scale, unclipped.

    Raises:
        UserError: the image is no larger than one block, at which the package ends the process.
    """
    version()
    if max(noisy.shape[:2]) <= BLOCK:
        found = "x".join(map(str, noisy.shape[:2]))
        raise UserError(f"bm3d: {found} pixels, expected more than a block of {BLOCK}x{BLOCK}; leave the image out")
    import bm3d  # Only here: it loads a shared library, which no other method should pay for.

    filter_image = bm3d.bm3d if noisy.ndim == 2 else bm3d.bm3d_rgb
    profile = bm3d.BM3DProfile()
    profile.num_threads = 1
    return filter_image(noisy.astype(np.float64) / 255.0, sigma / 255.0, profile) * 255.0
