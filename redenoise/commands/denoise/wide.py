"""Colour of 16 bits per channel, which Pillow would cut to 8: PNG and TIFF."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import tifffile
from PIL import ExifTags, Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def orientation(image: Any) -> int:
    """How EXIF turns an open picture, 1 to 8; without decoding a PNG, which Pillow does to look behind the pixels."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def problem(image: Any) -> str:
    """Why an open picture of this kind is refused, and what to do; empty if it is not."""
    if orientation(image) != 1:
        return "16-bit colour that EXIF turns around, which cannot be written back; turn the pixels themselves"
    if image.format == "PNG" and image.tile[0].args not in ("RGB;16B", "RGBA;16B"):
        return "gray of 16 bits with alpha, which cannot be read; convert it to RGB with alpha"
    if image.format == "TIFF" and image.mode != "RGB":
        return "a 16-bit TIFF with alpha, which cannot be written back; convert it to PNG"
    return ""


def read(path: Path, kind: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Pixels, uint16 (H, W, 3 or 4), and what `write` needs besides; raises `ValueError` for a damaged file.

    Args:
        kind: `PNG` or `TIFF`.
    """
    if kind == "TIFF":
        pixels = tifffile.imread(path)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint16:
            raise ValueError(f"{pixels.dtype} {pixels.shape}, expected three channels of 16 bits a pixel")
        with Image.open(path) as image:
            return pixels, {"iccprofile": image.info.get("icc_profile")}
    # Pillow takes the first of two bytes; told that the second is the first one, it takes that.
    first, second = (_bytes(path, order) for order in ("16B", "16L"))
    return first.astype(np.uint16) << 8 | second, {"chunks": _chunks(path.read_bytes())}


def write(stream: IO[bytes], kind: str, pixels: np.ndarray, extras: dict[str, Any]) -> None:
    """Write pixels, uint16 (H, W, 3 or 4), with the extras of `read`."""
    if kind == "TIFF":
        file = BytesIO()  # tifffile wants a stream with a name or with none
        tifffile.imwrite(file, pixels, photometric="rgb", **extras)
        stream.write(file.getbuffer())
        return
    rows = pixels.astype(">u2").view(np.uint8).reshape(len(pixels), -1)
    data = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes(), 4)  # each row begins with its filter: none
    stream.write(SIGNATURE)
    done = False
    for name, content in extras["chunks"]:
        if name == b"IDAT" and done:
            continue
        if name == b"IHDR":
            content = content[:12] + b"\0"  # not interlaced
        done |= name == b"IDAT"
        stream.write(_chunk(name, data if name == b"IDAT" else content))


def _bytes(path: Path, order: str) -> np.ndarray:
    """One byte of every value of a PNG file, uint8 (H, W, 3 or 4)."""
    with Image.open(path) as image:
        image.tile = [tile._replace(args=f"{image.mode};{order}") for tile in image.tile]
        return np.asarray(image)


def _chunks(file: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents of the chunks of a PNG file, without the pixels; all but these are written as they are."""
    found, start = [], len(SIGNATURE)
    while start < len(file):
        length, name = struct.unpack(">I4s", file[start : start + 8])
        found.append((name, b"" if name == b"IDAT" else file[start + 8 : start + 8 + length]))
        start += length + 12
    return found


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
