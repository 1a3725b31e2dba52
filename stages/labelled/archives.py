"""Official archives: found, checked by MD5, unpacked once into data/, and marked when that was finished.

The sources publish MD5 sums and nothing better; they tell a damaged or another file, which is what they are for here.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from redenoise.dag import paths
from redenoise.sources.archive import members as all_members
from redenoise.sources.archive import readable, unexpected
from redenoise.sources.disk import check_room
from redenoise.sources.fetch import fetched
from redenoise.sources.provide import mirror
from redenoise.support.errors import Unavailable, UserError
from redenoise.support.files import read_json, renewed, write_json
from redenoise.support.locks import exclusive

MARK = "unpacked.json"  # in a folder: what it was unpacked from, and how many files that made
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
    with exclusive(paths.shared_lock(f"{archive.folder}-{name}"), what):
        if folder.exists():
            _check_mark(folder, archive)
            return folder
        with _verified(archive, fetch) as path, renewed(folder) as new:
            check_room(folder, path.stat().st_size)
            print(f"{path}: unpacking into {folder}", file=sys.stderr, flush=True)
            with readable(path):
                count = unpack(path, new)
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
        limit: most bytes to unpack, headers included.

    Yields:
        Path and contents of each plain file; the contents are to be read before the next one is asked for.

    Raises:
        UserError: the archive is damaged or too large, or a member leaves its folder or is no plain file or folder.
    """
    for member, contents in all_members(source, limit, name):
        if not (contents or member.isdir()) or member.issparse():
            raise unexpected(name, f"member {member.name!r} is no plain file")
        if contents:
            yield PurePosixPath(member.name), contents


def write_member(stream: IO[bytes], path: Path, name: str) -> None:
    """Write a member to a new file of the folder that is being filled; `UserError` if archive `name` has it twice."""
    try:
        with path.open("xb") as target:
            shutil.copyfileobj(stream, target, _BLOCK)
    except FileExistsError:
        raise unexpected(name, f"{path.name} stands in it twice") from None


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
            if found := _wrong(archive, path):
                raise UserError(f"{path}: {found}; it is truncated, damaged or another file: replace it or remove it")
            yield path
            return
    if not (fetch and archive.url):
        looked = ", ".join(str(path.parent) for path in archive.places())
        raise Unavailable(f"{archive.name}: not found; looked in {looked}")
    target = paths.STORE / archive.folder / archive.name
    print(f"{archive.url}: downloading to {target.parent}", file=sys.stderr, flush=True)
    check_room(target.parent, archive.packed_max)
    part = fetched(archive.url, target, archive.packed_max, partial(_wrong, archive))
    yield part
    part.unlink()


def _wrong(archive: Archive, path: Path) -> str | None:
    """What the MD5 of a file says against its being the archive; None if it is right."""
    size = path.stat().st_size
    print(f"{path}: checking the MD5 of {size / 1e6:.1f} MB", file=sys.stderr, flush=True)
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    found = digest.hexdigest()
    return None if found == archive.md5 else f"MD5 {found}, expected {archive.md5} of the official archive"
