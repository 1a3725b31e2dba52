"""Images on disk: read with their pixels or refused in one line, and written atomically.

What becomes of the pixels of a file, wherever images are read:

- 8 bits, gray, RGB or YCbCr, black and white, palettes: as they are; colour asked for as gray by ITU-R 601 luma, gray
  asked for as colour three times.
- 16 bits, gray or colour: the high byte of every value, so that 65535 becomes 255.
- Alpha (RGBA, LA, palettes and colours declared transparent): dropped where every pixel is opaque, else refused, since
  what stands behind is not in the file.
- CMYK: to RGB without a colour profile, (255 - C)(255 - K) / 255, as torchvision reads the few of ImageNet.
- Orientation: what EXIF says is not applied, as with torchvision; noise, masks and sizes belong to the stored pixels.
  That of a TIFF is part of the format, and is.
- Several frames or pages: the first.
- 32-bit whole numbers, floating point, CIELAB: refused, since the file does not say what is black and what is white.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from redenoise.support.errors import UserError, damage_explained, enough_memory
from redenoise.support.files import atomic_open, plain

# Larger than any image of the data sets by far, small enough that a hostile header cannot take the memory.
MAX_PIXELS = 64_000_000
# What is wrong with an image is one line; Pillow's own warnings would be others.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")
# Modes of Pillow.
PLAIN = ("1", "L", "P", "RGB", "RGBX", "YCbCr", "HSV", "CMYK")
ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
GRAY = ("1", "L", "LA", "La")
SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")
SCALED = ("PNG", "PPM")  # formats whose "I" is 16 bits
REPLACE = "delete it and run its stage again"


def read_image(path: Path | str, gray: bool | None = None, again: str = REPLACE) -> np.ndarray:
    """Decode an image to uint8, (H, W) if `gray`, else (H, W, 3) in RGB; as stored if `gray` is not given.

    Args:
        again: what to do about a file that is damaged.

    Raises:
        UserError: the file is missing, is not an image, is damaged, declares more than `MAX_PIXELS` pixels, or has
            pixels that the rules above refuse.
    """
    with opened(path, again) as image:
        require_known(image, path)
        deep = kind_of(image) in SIXTEEN
        plain = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)) if deep else image
        as_gray = plain.mode == "L" if gray is None else gray
        return np.asarray(plain.convert("L" if as_gray else "RGB"))


@contextmanager
def opened(path: Path | str, again: str, what: str = "a readable image") -> Iterator[Image.Image]:
    """A file open inside the block, in which whatever Pillow makes of a damaged one becomes one clear line.

    Args:
        again: what to do about a file that is not what it should be.
        what: that is.
    """
    plain(path)
    try:
        with (
            enough_memory(str(path), "run fewer jobs at once, or make the image smaller"),
            damage_explained(path, f"not {what}", again),
            Image.open(path) as image,
        ):
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"{path}: {image.width}x{image.height} pixels, expected at most {MAX_PIXELS}; {again}")
            yield image
    except FileNotFoundError:
        raise UserError(f"{path}: the image is missing; run the stage that makes it again") from None


def kind_of(image: Image.Image) -> str:
    """Pillow's mode of an open image; 16 bits a colour, which Pillow halves itself, are `RGB;16` and the like."""
    if image.mode == "I" and image.format in SCALED:
        return "I;16"
    stored = "".join(str(tile[3:]) for tile in getattr(image, "tile", ()))  # how, as Pillow's decoder is told
    return f"{image.mode};16" if image.mode in (*PLAIN, *ALPHA) and ";16" in stored else image.mode


def require_known(image: Image.Image, path: Path | str) -> None:
    """Raise `UserError` for pixels that no rule covers."""
    kind = kind_of(image)
    tags = getattr(image, "tag_v2", {})  # of TIFF: Pillow reads 12 bits as 16, and 16 bits whose 0 is white as black
    odd = kind in SIXTEEN and (tags.get(258, (16,)) != (16,) or tags.get(262) == 0)
    if odd or (kind not in SIXTEEN and kind.split(";")[0] not in (*PLAIN, *ALPHA)):
        found = f"of the kind {kind}{', but not 16 bits from black to white' if odd else ''}"
        raise UserError(f"{path}: {found}, expected gray or RGB with 8 or 16 bits per channel; convert or remove it")
    if _transparent(image):
        raise UserError(
            f"{path}: transparent, expected gray or RGB, every pixel opaque; put it on a background or remove it"
        )


def _transparent(image: Image.Image) -> bool:
    """Whether any pixel is not opaque."""
    if image.mode in ALPHA:
        return bool((np.asarray(image.getchannel(len(image.getbands()) - 1)) < 255).any())
    clear = image.info.get("transparency")
    if clear is None:
        return False
    if kind_of(image) in SIXTEEN:
        return bool((np.asarray(image) == clear).any())
    if isinstance(clear, tuple) and max(clear) > 255:  # of 16 bits a colour
        image.info["transparency"] = tuple(part >> 8 for part in clear)
    return bool((np.asarray(image.convert("RGBA").getchannel("A")) < 255).any())


def image_header(path: Path) -> tuple[int, int, str]:
    """Height and width in pixels and the kind of pixels, see `kind_of`, of an image that can be read.

    Raises:
        UserError: as `read_image`.
    """
    with opened(path, "correct the manifest that lists it", "an image") as image:
        kind = kind_of(image)  # before its pixels are read, which forgets how they were stored
        require_known(image, path)
        return image.height, image.width, kind


def write_png(path: Path | str, image: np.ndarray) -> None:
    """Write a uint8 image, (H, W) or (H, W, 3), as PNG, atomically."""
    with atomic_open(path) as stream:
        stream.write(png(image))


def png(image: np.ndarray) -> bytes:
    """A uint8 image, (H, W) or (H, W, 3), as PNG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG", compress_level=4)
    return stream.getvalue()
