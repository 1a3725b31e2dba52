"""What can happen to a file: functions that do it to the one at a path."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file

from redenoise.dag.indexed import INDEX
from redenoise.support.files import sha256_file

Damage = Callable[[Path], None]


def to(content: bytes | str) -> Damage:
    """Other contents."""
    data = content.encode() if isinstance(content, str) else content
    return lambda path: void(path.write_bytes(data))


def change(old: str, new: str) -> Damage:
    """Other text at the first place where `old` stands."""

    def damage(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return damage


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def gone(path: Path) -> None:
    path.unlink()


def listed(damage: Damage) -> Damage:
    """Damage a file, and put its new hash into the index, as if it had always been like this."""

    def both(path: Path) -> None:
        index = next(parent / INDEX for parent in path.parents if (parent / INDEX).exists())
        before = sha256_file(path)
        damage(path)
        assert before in index.read_text()
        index.write_text(index.read_text().replace(before, sha256_file(path)))

    return both


def array(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return stream.getvalue()


def huge_array() -> bytes:
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 20, 1 << 22)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + b"\0" * 64


def huge_png() -> bytes:
    """A PNG file whose header declares 10^10 pixels."""
    stream = io.BytesIO()
    Image.new("L", (2, 2)).save(stream, format="PNG")
    return reheaded(stream.getvalue(), 100_000, 100_000)


def large_png() -> bytes:
    """One of 100 million pixels, at which Pillow itself would only warn."""
    stream = io.BytesIO()
    Image.new("L", (2, 2)).save(stream, format="PNG")
    return reheaded(stream.getvalue(), 10_000, 10_000)


def reheaded(png: bytes, width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zipfile.crc32(header)) + png[33:]


def tensors(**metadata: str) -> Damage:
    """A safetensors file whose tensors are whole, and whose metadata are others."""

    def damage(path: Path) -> None:
        save_file(load_file(path), path, metadata)

    return damage


def spec(**changes: object) -> Damage:
    return tensors(redenoise=json.dumps({"network": {"name": "dncnn", "channels": 1, **changes}, "origin": ""}))


def void(_: object) -> None:
    """A statement as an expression."""
