"""Images on disk: read with their pixels or refused in one line, and written atomically."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from redenoise.support.errors import UserError
from redenoise.support.files import atomic_open, plain

# Larger than any image of the data sets by far, small enough that a hostile header cannot take the memory.
MAX_PIXELS = 64_000_000
# Every reader here compares with `MAX_PIXELS` and says so in one line; Pillow's own warning would be a second one.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# What a damaged image can make Pillow's readers raise.
IMAGE_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, OverflowError, MemoryError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


def read_image(path: Path | str, gray: bool | None = None) -> np.ndarray:
    """Decode an image to uint8, (H, W) if `gray`, else (H, W, 3) in RGB; as stored if `gray` is not given.

    A colour file asked for as gray is converted with Pillow's ITU-R 601 luma. Raises `UserError` for a file that is
    missing, is not an image, is damaged, or declares more than `MAX_PIXELS` pixels.
    """
    try:
        with Image.open(plain(path)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"{path}: {image.width}x{image.height} pixels, expected at most {MAX_PIXELS}")
            as_gray = image.mode == "L" if gray is None else gray
            return np.asarray(image.convert("L" if as_gray else "RGB"))
    except FileNotFoundError:
        raise UserError(f"{path}: the image is missing; run the stage that makes it again") from None
    except IMAGE_DAMAGE as error:
        raise UserError(f"{path}: not a readable image ({error}); delete it and run its stage again") from None


def image_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels from an image's header.

    Raises:
        UserError: the file is not an image, or declares more than `MAX_PIXELS` pixels.
    """
    try:
        with Image.open(plain(path)) as image:
            width, height = image.size
    except IMAGE_DAMAGE:
        raise UserError(f"{path}: not an image, expected one; correct the manifest that lists it") from None
    if width * height > MAX_PIXELS:
        raise UserError(f"{path}: {width}x{height} pixels, expected at most {MAX_PIXELS}; correct the manifest")
    return height, width


def write_png(path: Path | str, image: np.ndarray) -> None:
    """Write a uint8 image, (H, W) or (H, W, 3), as PNG, atomically."""
    with atomic_open(path) as stream:
        stream.write(png(image))


def png(image: np.ndarray) -> bytes:
    """A uint8 image, (H, W) or (H, W, 3), as PNG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG", compress_level=4)
    return stream.getvalue()
