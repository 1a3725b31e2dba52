"""Files on disk: verification and room."""

import hashlib
import shutil
from pathlib import Path
from typing import IO

from redenoise.sources.stores import StoreFile
from redenoise.support.errors import UserError
from redenoise.support.files import atomic_open, plain, sha256_file

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
# Left free beside the files themselves: other jobs of the same run write too.
SPARE_BYTES = 16 << 20
_BLOCK = 1 << 20
_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*")  # of files with those suffixes


def problem(path: Path, file: StoreFile) -> str | None:
    """What keeps `path` from being `file`, in a few words; None if size and SHA-256 agree."""
    try:
        size = plain(path).stat().st_size
        # The hash of a file of another size would only cost time.
        digest = sha256_file(path) if size == file.bytes else ""
        return _difference(file, size, digest, path)
    except FileNotFoundError:
        return "missing"


def write_checked(source: IO[bytes], name: str, file: StoreFile) -> None:
    """Write a stream to the file's place in data/, atomically, and only if size and SHA-256 agree.

    Args:
        source: read to its end, but never beyond the expected size.
        name: what to call the source in a message.

    Raises:
        UserError: the bytes differ from the manifest, or the disk is full; nothing is left behind.
    """
    digest, size, head = hashlib.sha256(), 0, b""
    with atomic_open(file.target) as stream:
        while size <= file.bytes and (block := source.read(min(_BLOCK, file.bytes + 1 - size))):
            head = head or block
            digest.update(block)
            size += len(block)
            stream.write(block)
        if found := _difference(file, size, digest.hexdigest(), head):
            raise UserError(f"{name}: {found}; replace the file there by the original")


def check_room(folder: Path, needed: int) -> None:
    """Raise `UserError` unless the disk of `folder` has room for `needed` bytes and a small reserve."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        found = f"{free / 1e6:.0f} MB free, {(needed + SPARE_BYTES) / 1e6:.0f} MB needed"
        raise UserError(f"{folder.absolute()}: no room on disk: {found}; free some room and start again")


def _difference(file: StoreFile, size: int, digest: str, content: Path | bytes) -> str | None:
    """Name the difference between what was found and `file`; `content` tells whether it is an image at all."""
    if size < file.bytes:
        found = f"truncated, {size} bytes of {file.bytes}"
    elif size > file.bytes:
        found = f"too long, expected {file.bytes} bytes"
    elif digest != file.sha256:
        found = f"wrong hash, SHA-256 {digest}, expected {file.sha256}"
    else:
        return None
    expects_image = Path(file.path).suffix.lower() in IMAGE_SUFFIXES
    return f"{found}, not an image" if expects_image and not _is_image(content) else found


def _is_image(content: Path | bytes) -> bool:
    if isinstance(content, Path):
        with content.open("rb") as stream:
            content = stream.read(max(map(len, _STARTS)))
    return content.startswith(_STARTS)
