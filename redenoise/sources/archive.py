"""Taking listed files out of an archive, and nothing else."""

import gzip
import math
import tarfile
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path, PurePosixPath
from typing import IO, cast

from redenoise.sources.disk import write_checked
from redenoise.sources.stores import Store, StoreFile
from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import plain

OFFICIAL, REPLACE = "not the official archive", "replace it by the original"


def readable(name: Path | str) -> AbstractContextManager[None]:
    """Turn whatever the readers of archives make of a damaged one inside the block into one clear line."""
    return damage_explained(name, OFFICIAL, REPLACE)


class _Guarded:
    """A stream of an archive that turns damage into one clear line, wherever it is read.

    It ends with an error once it has given `limit` bytes: a small archive may unpack to any size.
    """

    def __init__(self, stream: IO[bytes], name: str, limit: float = math.inf) -> None:
        self._stream, self._left, self._name, self._limit = stream, limit, name, limit

    def read(self, size: int = -1) -> bytes:
        with readable(self._name):
            data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise unexpected(self._name, f"it unpacks to more than {self._limit} bytes")
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        with readable(self._name):
            return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()


def members(archive: Path | IO[bytes], limit: int, name: str) -> Generator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Walk through a tar archive once, front to back.

    Args:
        archive: a file, packed by gzip or not, or an open archive inside another, not packed.
        limit: most bytes to unpack, headers included.
        name: what to call the archive in a message.

    Yields:
        Each member and, for a plain file, its contents, to be read before the next one is asked for.

    Raises:
        UserError: the archive is damaged, truncated, too large, or has a member that leaves its folder.
    """
    with readable(name), ExitStack() as stack:
        for member in (tar := _opened(archive, limit, name, stack)):
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise UserError(f"{name}: member {member.name!r} leaves its folder; use the original archive")
            stream = tar.extractfile(member) if member.isreg() else None
            yield member, cast(IO[bytes], _Guarded(stream, name)) if stream else None


def _opened(archive: Path | IO[bytes], limit: int, name: str, stack: ExitStack) -> tarfile.TarFile:
    if not isinstance(archive, Path):
        return stack.enter_context(tarfile.open(fileobj=archive, mode="r:"))
    plain(archive)
    with archive.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if not packed:
        return stack.enter_context(tarfile.open(archive, "r:"))
    # It is read from front to back, and nothing else.
    bounded = cast(IO[bytes], _Guarded(cast(IO[bytes], stack.enter_context(gzip.GzipFile(archive))), name, limit))
    return stack.enter_context(tarfile.open(fileobj=bounded, mode="r|"))


def unexpected(archive: Path | str, problem: object) -> UserError:
    """The error for an archive that is damaged, or not built as its source builds it."""
    return UserError(f"{archive}: {OFFICIAL} ({problem}); {REPLACE}")


def extract(archive: Path, store: Store, files: list[StoreFile], name: str) -> Iterator[StoreFile]:
    """Write the listed files, and no other member, to their places in data/; yields each once it is in place.

    The manifest, not the archive, decides where a file goes.

    Args:
        name: what to call the archive in a message.

    Raises:
        UserError: a listed file is not in the archive, is no plain file there (a link, a folder), or differs from
            the manifest; or anything that `members` raises.
    """
    wanted = {store.inner(file.path): file for file in files}
    with closing(members(archive, store.unpacked_max, name)) as walk:
        for member, stream in walk:
            file = wanted.pop(str(PurePosixPath(member.name)), None)
            if file is None:
                continue
            if stream is None:
                raise UserError(f"{name}: member {member.name!r} is not a plain file; use the original archive")
            write_checked(stream, f"{name}: {member.name}", file)
            yield file
            if not wanted:
                return
    raise UserError(f"{name}: {len(wanted)} listed files are not in it, first {min(wanted)}; use the original archive")
