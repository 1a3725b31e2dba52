"""Atomic writes, hashes and JSON."""

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from redenoise.support.errors import UserError, full_disk_explained

SPECIAL = {stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}
RESTORE = "put the original back, or delete it and run the stage that makes it"


def _default_mode() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


# Asked for once, while there is one thread: the umask can only be read by changing it, for the whole process.
_MODE = _default_mode()


@contextmanager
def atomic_open(path: Path | str, mode: str = "wb") -> Iterator[IO]:
    """Open a temporary neighbour of `path` for writing; rename it onto `path` once it is complete and on disk.

    An exception inside the block, or a kill, leaves whatever stood at `path` untouched; a full disk is a `UserError`.
    """
    path = Path(path)
    with full_disk_explained(path), _temporary(path, mode) as stream:
        yield stream


@contextmanager
def _temporary(path: Path, mode: str) -> Iterator[IO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, mode, encoding=encoding, newline=newline) as stream:
            hold(stream)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _MODE)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def hold(stream: IO) -> None:
    """Mark a temporary file as in use until it is closed, for `locks.sweep`; where there are no locks, do without."""
    with suppress(OSError):
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def all_or_nothing(files: Iterable[Path]) -> Iterator[None]:
    """Put files back as they were, those that were not there too, if the block fails."""
    before = {path: path.read_bytes() if path.exists() else None for path in files}
    try:
        yield
    except BaseException:
        for path, data in before.items():
            if data is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_bytes() != data:
                with atomic_open(path) as stream:
                    stream.write(data)
        raise


@contextmanager
def renewed(folder: Path) -> Iterator[Path]:
    """An empty neighbour of `folder` to fill; it takes the place of `folder` once the block has ended well."""
    new, old = (folder.with_name(f".{folder.name}.{state}") for state in ("new", "old"))
    for leftover in (new, old):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        with full_disk_explained(folder):
            new.mkdir(parents=True)
            yield new
            if folder.exists():
                os.rename(folder, old)
            os.rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_sealed(path: Path | str, data: bytes) -> None:
    """Write bytes with their SHA-256 behind them, atomically; readers of PNG stop before it."""
    with atomic_open(path) as stream:
        stream.write(data + hashlib.sha256(data).digest())


def read_sealed(path: Path | str) -> bytes:
    """The bytes of `write_sealed`; raises `UserError` if the file does not hold what was written, in every bit."""
    stored = plain(path).read_bytes()
    size = len(stored) - hashlib.sha256().digest_size
    if size < 0 or hashlib.sha256(stored[:size]).digest() != stored[size:]:
        raise UserError(f"{path}: does not end in the SHA-256 of what it holds; delete it to have it made again")
    return stored[:size]


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text with LF line ends, atomically."""
    with atomic_open(path, "w") as stream:
        stream.write(text)


def write_json(path: Path | str, value: object) -> None:
    """Write JSON with sorted keys and an indent, so that two equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path | str, kind: type | None = None, fields: Iterable[str] = ()) -> Any:
    """Parse a JSON file; raises `UserError` if it is missing or damaged.

    Args:
        kind: type that its value must have, such as `dict`.
        fields: keys that a dict must have.
    """
    try:
        value = json.loads(plain(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: missing; run the stage that makes it") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); delete it and run the stage that makes it") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}, expected a JSON file; {RESTORE}") from None
    if kind is not None and not isinstance(value, kind):
        raise UserError(f"{path}: damaged, holds a {type(value).__name__}, expected a {kind.__name__}; {RESTORE}")
    if missing := [name for name in fields if name not in value]:
        raise UserError(f"{path}: damaged, {missing[0]!r} is missing; {RESTORE}")
    return value


def plain(path: Path | str) -> Path:
    """`path`, if it is a plain file or not there at all; a folder is left to the reader.

    Raises:
        UserError: it is a FIFO, a device or a socket, of which reading might never end.
    """
    with suppress(OSError, ValueError):
        kind = stat.S_IFMT(os.stat(path).st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR):
            raise UserError(f"{path}: {SPECIAL.get(kind, 'a special file')}, expected a plain file; name one")
    return Path(path)


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hexadecimal, read in blocks; raises `UserError` for what is no plain file."""
    digest = hashlib.sha256()
    with plain(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_path(path: Path | str) -> str:
    """SHA-256 of a file, or of a folder's sorted relative names and contents.

    Hidden files do not count: engines leave their own marks in a folder.
    """
    path = Path(path)
    if not path.is_dir():
        return sha256_file(path)
    files = (file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    names = sorted(file.relative_to(path).as_posix() for file in files)
    return sha256_bytes("".join(f"{name} {sha256_file(path / name)}\n" for name in names).encode())
