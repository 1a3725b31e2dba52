"""Denoised images that survive a kill.

Each finished image is a PNG of its own, outside the outputs that an engine would delete, named by a key of all that
it depends on and ending in a hash of its own bytes: a run that starts again takes up every image whose key still holds
and which is the one that was stored, and computes the others.
"""

import glob
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from redenoise.data.images import png
from redenoise.support.errors import UserError
from redenoise.support.files import read_sealed, sha256_bytes, write_sealed


def item_key(**parts: object) -> str:
    """A short key of everything that determines a denoised image: noisy bytes, sigma, method, weights, code."""
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())[:20]


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Clip to [0, 255] and round to integers (half to even), as every protocol here does before it measures.

    Raises:
        UserError: a value is infinite or no number.
    """
    if not np.isfinite(image).all():
        count = image.size - np.count_nonzero(np.isfinite(image))
        line = f"{count} of {image.size} values of the image are infinite or no numbers, expected the [0, 255] scale"
        raise UserError(f"{line}; check the weights or the filter that made it")
    return np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8)


def denoised_item(folder: Path, item: str, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """The denoised image of `item`: read back if a finished one with this key is there, else computed and kept.

    Args:
        folder: where the images of one run and noise level live.
        item: image id, part of the file name.
        key: result of `item_key`; a file of this item with another key is out of date and removed.
        compute: returns the denoised image, (H, W) or (H, W, 3), on the [0, 255] scale.

    Returns:
        uint8 (H, W) or (H, W, 3).
    """
    path = folder / f"{item}.{key}.png"
    try:
        return _decoded(read_sealed(path))
    except (FileNotFoundError, UserError):
        pass  # Not there, or changed or damaged after it was written: made again and replaced.
    image = to_uint8(compute())
    write_sealed(path, png(image))
    for other in folder.glob(f"{glob.escape(item)}.{'?' * len(key)}.png"):
        if other != path:
            other.unlink(missing_ok=True)
    return image


def _decoded(stored: bytes) -> np.ndarray:
    """The pixels of what `png` made."""
    with Image.open(io.BytesIO(stored)) as image:
        return np.asarray(image)
