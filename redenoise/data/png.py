"""PNG files whose bytes depend on the pixels alone.

A PNG library compresses with whatever zlib its build brought along, so equal pixels may give different files. Here
the pixels are stored uncompressed (PNG specification, third edition; RFC 1950 and 1951), which leaves no choice.
"""

import struct
import zlib

import numpy as np

_STORED_MAX = 65535  # bytes of one stored block of RFC 1951


def png_bytes(image: np.ndarray) -> bytes:
    """Encode a uint8 image, (H, W) or (H, W, 3) in RGB, as PNG; the same bytes on any machine."""
    height, width = image.shape[:2]
    colour_type = 2 if image.ndim == 3 else 0
    rows = np.ascontiguousarray(image).reshape(height, -1)
    # Each row starts with its filter type: 0, none.
    raw = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", _stored(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _stored(raw: bytes) -> bytes:
    blocks = [raw[start : start + _STORED_MAX] for start in range(0, len(raw), _STORED_MAX)]
    parts = [b"\x78\x01"]
    for number, block in enumerate(blocks, start=1):
        parts.append(struct.pack("<BHH", number == len(blocks), len(block), len(block) ^ 0xFFFF) + block)
    return b"".join(parts) + struct.pack(">I", zlib.adler32(raw))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
