"""Locks between processes, on this machine or on others that share the file system."""

import errno
import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

# What a file system without locks answers; Lustre does where it was mounted without them, NFS for a file that can only
# be read.
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)
DENIED = (errno.EROFS, errno.EACCES, errno.EPERM)  # what is read-only answers, as a whole or for this user


@contextmanager
def exclusive(lock: Path, what: str) -> Iterator[None]:
    """Let one process at a time into the block; the others wait and say so. A kill frees the lock.

    The file goes when the block ends; one that a kill has left behind holds nobody up, of whichever user. Where no lock
    can be had, the block is entered all the same, with a warning.
    """
    stream = _locked(lock, what)
    try:
        yield
    finally:
        if stream:
            # Before it is let go: whoever waits for this file sees that it has gone, and makes a new one.
            try:
                lock.unlink(missing_ok=True)
            except OSError as error:
                if error.errno not in DENIED:
                    raise
            stream.close()


@contextmanager
def exclusive_all(locks: Iterable[tuple[Path, str]]) -> Iterator[None]:
    """Several locks of `exclusive` at once, in the order of their names: no two processes can block each other."""
    with ExitStack() as stack:
        for lock, what in sorted(locks):
            stack.enter_context(exclusive(lock, what))
        yield


def beside(path: Path) -> Path:
    """The lock of a file or folder that may be anywhere, held by the process that writes it."""
    path = path.resolve()
    return path.with_name(f".{path.name}.lock")


def sweep(folder: Path) -> None:
    """Remove the temporary files and locks below a folder that killed processes have left, and nobody holds."""
    for path in [*folder.rglob(".*.part"), *folder.rglob(".locks/*.lock"), *folder.rglob(".*.lock")]:
        try:
            with path.open("ab") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except OSError:
            continue  # in use, just gone, or no locks on this file system to tell it by


def _locked(lock: Path, what: str) -> IO[bytes] | None:
    """The lock file, open and locked; None where there can be none."""
    while True:
        try:
            stream = _opened(lock)
        except OSError as error:
            if error.errno not in DENIED:
                raise
            # Whoever may write here may be at work; what is only read is checked by its hash.
            print(f"warning: {lock}: {_why(lock, error)}; going on without a lock", file=sys.stderr, flush=True)
            return None
        try:
            _wait(stream, what)
            if os.fstat(stream.fileno()).st_ino == lock.stat().st_ino:
                return stream
        except FileNotFoundError:
            pass  # its holder has removed it
        except OSError as error:
            stream.close()
            if error.errno not in UNSUPPORTED:
                raise
            print(f"warning: {lock}: no locks on this file system; start nothing twice", file=sys.stderr, flush=True)
            return None
        stream.close()


def _opened(lock: Path) -> IO[bytes]:
    """The lock file, made if it is not there; one of another user can be locked, too, if it can be read."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        return lock.open("ab")
    except OSError as error:
        if error.errno not in DENIED or not lock.exists():
            raise
        return lock.open("rb")


def _why(lock: Path, error: OSError) -> str:
    try:
        return f"{error.strerror}, it belongs to {lock.owner()}"
    except (OSError, KeyError):  # there is none, or its owner has no name here
        return str(error.strerror)


def _wait(stream: IO[bytes], what: str) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"{what}: another process is at work on it; waiting", file=sys.stderr, flush=True)
        fcntl.flock(stream, fcntl.LOCK_EX)
