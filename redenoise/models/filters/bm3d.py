"""BM3D and CBM3D through the `bm3d` package.

Source: Dabov, Foi, Katkovnik, Egiazarian, IEEE TIP 2007; colour as CBM3D in an opponent colour space (ICIP 2007).

Deviation: the papers used the authors' MATLAB code of 2007 to 2014. The package is its successor by the same group
(Mäkinen, Azzari, Foi, IEEE TIP 2020), whose filter parameters and handling of sigma differ; its results are
systematically a little different. The package's licence allows non-commercial research use only, which is why it is
an optional extra of this project.
"""

from importlib import metadata

import numpy as np

from redenoise.support.errors import UserError


def version() -> str:
    """Versions of the packages that do the work, for keys and provenance.

    Raises:
        UserError: the package is not installed.
    """
    try:
        return f"bm3d {metadata.version('bm3d')}, bm4d {metadata.version('bm4d')}"
    except metadata.PackageNotFoundError:
        raise UserError(
            "package bm3d is not installed, and BM3D and CBM3D need it; "
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
    """
    version()
    import bm3d  # Only here: it loads a shared library, which no other method should pay for.

    filter_image = bm3d.bm3d if noisy.ndim == 2 else bm3d.bm3d_rgb
    profile = bm3d.BM3DProfile()
    profile.num_threads = 1
    return filter_image(noisy.astype(np.float64) / 255.0, sigma / 255.0, profile) * 255.0
