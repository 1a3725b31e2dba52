"""Errors that a user can act on: one clear line, a non-zero exit, no traceback."""

import difflib
import errno
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from redenoise.support.engine import end_with_engine


class UserError(Exception):
    """Something the user can mend.

    The message names the file or key, what was found, what was expected and what to do, in one line.

    Attributes:
        code: that a command ends with.
    """

    code = 1


class Unavailable(UserError):
    """Data or weights that no source could deliver; the cells that need them can be reported as not run."""


class Unmeasurable(UserError):
    """A value that an image cannot have, such as one too small for a metric or a method: its cell stays empty."""


class Stopped(UserError):
    """A signal asked for the end; everything done so far is kept, and the same command goes on from there."""

    code = 75  # EX_TEMPFAIL of sysexits.h: a scheduler may start the job again (Slurm: RequeueExit=75)


class Unreadable(UserError):
    """What was to be compared cannot be read, so that there is no verdict."""

    code = 66  # EX_NOINPUT of sysexits.h


FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
NO_MEMORY = "not enough memory"
# What PyTorch and the libraries below it write when memory or threads run out.
MEMORY: tuple[str, ...] = ("allocate memory", "not enough memory", "out of memory", "bad_alloc", "start new thread")
MEMORY += ("failed to map segment",)  # of a library, where it is imported
NO_ROOM = "no room on disk; nothing half-written was kept; free some and start again"


def choices(given: object, known: Iterable[object]) -> str:
    """The allowed names, and the one that was probably meant."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(given)[:100], names, n=1)
    return f"allowed: {', '.join(names)}" + (f"; did you mean {close[0]!r}?" if close else "")


@contextmanager
def full_disk_explained(path: object) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" inside the block into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise UserError(f"{path}: {NO_ROOM}") from None


@contextmanager
def during(work: str, remedy: str) -> Iterator[None]:
    """Say what is at work behind a `UserError` from inside the block, and where memory runs out.

    Args:
        work: names the node, image or setting.
        remedy: what to do where the memory is not enough.
    """
    with enough_memory(work, remedy):
        try:
            yield
        except Stopped:
            raise
        except UserError as error:
            error.args = (f"{error} [{work}]",)
            raise


@contextmanager
def enough_memory(work: str, remedy: str) -> Iterator[None]:
    """Say what is at work, and what to do, where memory runs out inside the block."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(f"{work}: {NO_MEMORY}; {remedy}") from None


@contextmanager
def damage_explained(path: object, problem: str, remedy: str) -> Iterator[None]:
    """Turn whatever a reader makes of a damaged file inside the block into one clear line.

    Readers raise nearly anything at a file that was damaged on purpose. That it is missing passes, and so does what is
    in words already, or says that memory or disk ran out.

    Args:
        problem: what is wrong with the file, such as "not an image".
        remedy: what to do about it.
    """
    try:
        yield
    except (UserError, FileNotFoundError):
        raise
    except Exception as error:
        if out_of_memory(error) or isinstance(error, OSError) and error.errno in FULL_DISK:
            raise
        found = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path}: {problem} ({found}); {remedy}") from None


def out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory; PyTorch says so in the text of a `RuntimeError`."""
    text = str(error).lower()
    told = isinstance(error, RuntimeError | ImportError) and any(map(text.__contains__, MEMORY))
    return isinstance(error, MemoryError) or told


def run_cli(main: Callable[[], None]) -> None:
    """Run a stage's command line: a `UserError` or an interrupt ends it with one line and a non-zero exit."""
    end_with_engine()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that does not know a character shows its number.
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(stopped.code)
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt:
        print("interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        sys.stderr.close()
        sys.exit(1)
    except (MemoryError, RuntimeError, ImportError) as error:
        if not out_of_memory(error):
            raise
        remedy = "run fewer jobs at once (--cores), or take smaller images, batches or fewer threads"
        print(f"error: {NO_MEMORY}; {remedy}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        what = NO_ROOM if error.errno in FULL_DISK else f"{error.strerror or error}; free the cause and start again"
        print(f"error: {where}{what}", file=sys.stderr)
        sys.exit(1)
