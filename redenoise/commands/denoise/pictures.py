"""Pictures of a user: read with all their pixels, written back as they came, or refused in one line.

A result has the format, depth, alpha, ICC profile, resolution and, but for TIFF, EXIF of its picture. What cannot be
kept is refused: palettes, transparent colours, less than 8 bits, floating point, CMYK and other colour spaces, several
pictures in one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from redenoise.commands.denoise import wide
from redenoise.data.images import MAX_PIXELS
from redenoise.measure.items import to_uint8
from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import atomic_open, plain

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"}
GRAY, COLOR = {"L", "LA", "I;16", "I;16B", "I;16L", "I;16N"}, {"RGB", "RGBA"}
# How a file is written: without loss but for JPEG, which has none such.
SAVED: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},  # exact: also the colour of what is transparent
}
LOSSLESS_TIFF = {"raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "zstd", "lzma"}
KEPT = ("exif", "icc_profile", "dpi")
BITS_PER_SAMPLE = 258  # a tag of TIFF
MILLION = 1_000_000


@dataclass(frozen=True)
class Facts:
    """What the header of a picture tells: format of the file, shape (H, W) upright, whether gray, bits a channel."""

    format: str
    shape: tuple[int, int]
    gray: bool
    bits: int

    @property
    def words(self) -> str:
        """Size and kind for people, such as `768x512 colour`."""
        height, width = self.shape
        return f"{width}x{height} {'gray' if self.gray else 'colour'}" + (" 16-bit" if self.bits == 16 else "")


@dataclass(frozen=True)
class Picture:
    """A decoded picture, upright.

    Attributes:
        facts: of its header.
        pixels: uint8 or uint16 (H, W) or (H, W, 3) in RGB, all values in use.
        alpha: (H, W) of the same type, or None.
        extras: what else its file holds: arguments of the writer.
    """

    facts: Facts
    pixels: np.ndarray
    alpha: np.ndarray | None
    extras: dict[str, Any]

    def scaled(self) -> np.ndarray:
        """The pixels as float32 on the [0, 255] scale."""
        return self.pixels.astype(np.float32) / (257.0 if self.facts.bits == 16 else 1.0)

    def stored(self, image: np.ndarray) -> np.ndarray:
        """An image on the [0, 255] scale, clipped and rounded to the picture's own depth."""
        if self.facts.bits == 8:
            return to_uint8(image)
        return np.rint(np.clip(image, 0.0, 255.0) * 257.0).astype(np.uint16)


def look(path: Path) -> Facts:
    """What a picture is, from its header; raises `UserError` if it is none, or one whose pixels could not be kept."""
    with _opened(path) as (_, facts):
        return facts


def read(path: Path) -> Picture:
    """Decode a picture; raises `UserError` as `look` does, and for one that is damaged."""
    with _opened(path) as (image, facts):
        if facts.bits == 16 and image.mode not in GRAY:
            pixels, extras = wide.read(path, facts.format)
        else:
            extras = {name: image.info[name] for name in KEPT if name in image.info}
            if image.info.get("compression") in LOSSLESS_TIFF:
                extras["compression"] = image.info["compression"]
            if wide.orientation(image) != 1:
                image = ImageOps.exif_transpose(image)
                extras["exif"] = image.getexif().tobytes()
            pixels = np.asarray(image)
            pixels = pixels.astype(np.uint16) if facts.bits == 16 else pixels
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        colours = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]
        return Picture(facts, colours, pixels[..., -1], extras)
    return Picture(facts, pixels, None, extras)


def write(path: Path, picture: Picture, pixels: np.ndarray) -> None:
    """Write pixels of a picture's shape and type as it came: its format, its alpha, and what else it held; atomically.

    The one loss is that of JPEG, at quality 95 and without subsampling.
    """
    layers = pixels if picture.alpha is None else np.dstack((pixels, picture.alpha))
    with atomic_open(path) as stream:
        if layers.ndim == 3 and layers.dtype == np.uint16:
            wide.write(stream, picture.facts.format, layers, picture.extras)
        else:
            kind = picture.facts.format
            Image.fromarray(layers).save(stream, format=kind, **picture.extras, **SAVED.get(kind, {}))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Facts]]:
    """An open picture whose pixels can be kept; damage inside the block is one line."""
    plain(path)
    with damage_explained(path, "damaged", "replace it or leave it out"), _found(path) as image:
        if problem := _problem(image, bits := _bits(path, image)):
            raise UserError(f"{path}: {problem}")
        width, height = image.size
        if image.format != "TIFF" and wide.orientation(image) > 4:  # on its side, which Pillow sees in TIFF alone
            width, height = height, width
        kind = "JPEG" if image.format == "MPO" else str(image.format)
        yield image, Facts(kind, (height, width), image.mode in GRAY, bits)


def _found(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=FORMATS)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{path}: {error.strerror}, expected a picture; correct the path") from None
    except Image.UnidentifiedImageError:
        raise UserError(f"{path}: no picture, expected PNG, JPEG, WebP, TIFF or BMP; leave it out") from None


def _problem(image: Any, bits: int) -> str:
    """Why a picture is refused, and what to do; empty if it is not."""
    mode, pixels = image.mode, image.width * image.height
    if pixels > MAX_PIXELS:
        return (
            f"{image.width}x{image.height} pixels, expected at most {MAX_PIXELS // MILLION} million; cut or shrink it"
        )
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a photograph and its previews
        return f"{image.n_frames} pictures in one file, expected one; take them apart"
    if mode in ("P", "PA"):
        return "colours of a palette, which denoised pixels do not have; convert it to RGB"
    if mode not in GRAY | COLOR or bits not in (8, 16):
        kind = f"of the kind {mode}" if mode not in GRAY | COLOR else f"{bits} bits per channel"
        return f"{kind}, expected gray or RGB with 8 or 16 bits per channel; convert it"
    if "transparency" in image.info:
        return "one colour stands for transparent, which denoising would change; convert it to an alpha channel"
    if image.format == "BMP" and mode == "RGBA":
        return "a BMP with alpha, which cannot be written back; convert it to PNG"
    return wide.problem(image) if bits == 16 and mode not in ("I;16", "I;16B", "I;16L", "I;16N") else ""


def _bits(path: Path, image: Any) -> int:
    """Bits of a channel in the file, which Pillow may have widened or cut to 8; the least where channels differ."""
    if image.format == "TIFF":
        return int(min(image.tag_v2.get(BITS_PER_SAMPLE, (1,))))
    with path.open("rb") as stream:
        head = stream.read(30)
    if image.format == "PNG":
        return head[24]  # of IHDR, which comes first
    return 5 if image.format == "BMP" and head[28] == 16 else 8  # bits of a pixel in the header of a BMP
