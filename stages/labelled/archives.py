"""Official archives: found, checked by MD5, unpacked once into data/, and marked when that was finished.

The sources publish MD5 sums and nothing better; they tell a damaged or another file, which is what they are for here.
"""

import gzip
import hashlib
import os
import shutil
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from redenoise.dag import paths
from redenoise.sources.disk import check_room
from redenoise.sources.fetch import download, part_path
from redenoise.sources.provide import MIRROR_VARIABLE, mirror
from redenoise.support.errors import Unavailable, UserError
from redenoise.support.files import read_json, renewed, write_json
from redenoise.support.locks import exclusive

MARK = "unpacked.json"  # in a folder: what it was unpacked from, and how many files that made
DAMAGE = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error)
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """One file that a source publishes.

    Attributes:
        folder: name of the data set's folder in data/ and in a mirror.
        name: of the file.
        md5: as torchvision lists it, in hexadecimal.
        unpacked_max: most bytes that its members may have in sum.
        url: origin; empty where a person's account is needed.
        packed_max: most bytes to accept from there.
    """

    folder: str
    name: str
    md5: str
    unpacked_max: int
    url: str = ""
    packed_max: int = 0

    def places(self) -> list[Path]:
        """Where the file is looked for, in this order."""
        roots = [root for root in (mirror(), paths.STORE) if root is not None]
        return [root / self.folder / self.name for root in roots]


def unpacked(archive: Archive, name: str, fetch: bool, unpack: Callable[[Path, Path], int]) -> Path:
    """The folder data/<archive.folder>/<name> with what `unpack` makes of the archive, made now if it is not there.

    It appears only when it is complete: a kill leaves nothing that looks finished. One process at a time works on it.

    Args:
        fetch: whether the archive may be downloaded if it is in no folder.
        unpack: given the checked archive and an empty folder, fills the folder and returns the number of files.

    Raises:
        Unavailable: the archive is in no folder and may not, or cannot, be downloaded.
        UserError: it is not the official archive or has members that do not belong there, the folder is not whole or
            not one of ours, or the disk is full.
    """
    folder = paths.STORE / archive.folder / name
    what = f"{archive.folder}/{name}"
    with exclusive(paths.STORE / ".locks" / f"{archive.folder}-{name}.lock", what):
        if folder.exists():
            _check_mark(folder, archive)
            return folder
        with _verified(archive, fetch) as path, renewed(folder) as new:
            check_room(folder, path.stat().st_size)
            print(f"{path}: unpacking into {folder}", file=sys.stderr, flush=True)
            try:
                count = unpack(path, new)
            except DAMAGE as error:
                raise unexpected(path, str(error)) from None
            # The mark must not reach the disk before the files do.
            os.sync()
            write_json(new / MARK, {"archive": archive.name, "files": count, "md5": archive.md5})
    return folder


@contextmanager
def explained(reason: str) -> Iterator[None]:
    """Let `Unavailable` leave the block with `reason`, the same words in every run; what happened goes to the log."""
    try:
        yield
    except Unavailable as error:
        print(f"warning: {error}", file=sys.stderr, flush=True)
        raise Unavailable(reason) from None


def members(source: Path | IO[bytes], name: str, limit: int) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """Walk through a tar archive front to back.

    Args:
        source: a file, packed by gzip or not, or an open archive inside another, not packed.
        name: what to call the archive in a message.
        limit: most bytes that the members may have in sum.

    Yields:
        Path and contents of each plain file; the contents are to be read before the next one is asked for.

    Raises:
        UserError: the archive is damaged or too large, or a member leaves its folder or is no plain file or folder.
    """
    try:
        with _opened(source) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts:
                    raise UserError(f"{name}: member {member.name!r} leaves its folder; use the original archive")
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.issparse():
                    raise unexpected(name, f"member {member.name!r} is no plain file")
                limit -= member.size
                if limit < 0:
                    raise unexpected(name, "its members are too large")
                if not member.isdir():
                    contents = tar.extractfile(member)
                    assert contents is not None, "a plain file has contents"
                    yield path, contents
    except DAMAGE as error:
        raise unexpected(name, str(error)) from None


def _opened(source: Path | IO[bytes]) -> tarfile.TarFile:
    if not isinstance(source, Path):
        return tarfile.open(fileobj=source, mode="r:")
    with source.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return tarfile.open(source, "r:gz" if packed else "r:")


def write_member(stream: IO[bytes], path: Path, name: str) -> None:
    """Write a member to a new file of the folder that is being filled; `UserError` if archive `name` has it twice."""
    try:
        with path.open("xb") as target:
            shutil.copyfileobj(stream, target, _BLOCK)
    except FileExistsError:
        raise unexpected(name, f"{path.name} stands in it twice") from None


def unexpected(archive: Path | str, problem: str) -> UserError:
    """The error for an archive that is not built as its source builds it."""
    return UserError(f"{archive}: not the official archive ({problem}); replace it by the original")


def _check_mark(folder: Path, archive: Archive) -> None:
    """Raise `UserError` unless `folder` was unpacked from `archive` to the end and still has all of its files."""
    if not (folder / MARK).is_file():
        line = f"{folder}: exists, but without {MARK}, so it was not unpacked from {archive.name} by this project"
        raise UserError(f"{line}; move it away and start again")
    mark = read_json(folder / MARK)
    expected = mark if isinstance(mark, dict) else {}
    found = {
        "archive": archive.name,
        "files": sum(len(files) for _, _, files in os.walk(folder)) - 1,
        "md5": archive.md5,
    }
    for key, value in found.items():
        if value != expected.get(key):
            line = f"{folder}: {key} is {value}, {MARK} says {expected.get(key)}"
            raise UserError(f"{line}; delete {folder}, see to it that {archive.name} is there, and start again")


@contextmanager
def _verified(archive: Archive, fetch: bool) -> Iterator[Path]:
    """The archive for use inside the block, once its MD5 has been found right; a downloaded one is deleted after it."""
    for path in archive.places():
        if path.is_file():
            found = _md5(path)
            if found != archive.md5:
                line = f"{path}: MD5 {found}, expected {archive.md5} of the official archive"
                raise UserError(f"{line}; it is truncated, damaged or another file: replace it or remove it")
            yield path
            return
    if not (fetch and archive.url):
        looked = ", ".join(str(path.parent) for path in archive.places())
        raise Unavailable(f"{archive.name}: not found; looked in {looked}")
    part = _fetched(archive)
    yield part
    part.unlink()


def _fetched(archive: Archive) -> Path:
    """Download an archive, going on where an earlier run ended; a wrong one is fetched once more from the start."""
    part = part_path(paths.STORE / archive.folder / archive.name)
    for _ in range(2):
        print(f"{archive.url}: downloading to {part.parent}", file=sys.stderr, flush=True)
        check_room(part.parent, archive.packed_max)
        download(archive.url, part, archive.packed_max, threading.Event())
        found = _md5(part)
        if found == archive.md5:
            return part
        part.unlink()
    line = f"{archive.url}: MD5 {found}, expected {archive.md5} of the official archive; nothing was kept"
    raise UserError(f"{line}; put {archive.name} from another source into {MIRROR_VARIABLE}/{archive.folder}/")


def _md5(path: Path) -> str:
    size = path.stat().st_size
    print(f"{path}: checking the MD5 of {size / 1e6:.1f} MB", file=sys.stderr, flush=True)
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
