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


class Stopped(UserError):
    """A signal asked for the end; everything done so far is kept, and the same command goes on from there."""

    code = 75  # EX_TEMPFAIL of sysexits.h: a scheduler may start the job again (Slurm: RequeueExit=75)


class Unreadable(UserError):
    """What was to be compared cannot be read, so that there is no verdict."""

    code = 66  # EX_NOINPUT of sysexits.h


FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
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
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        what = NO_ROOM if error.errno in FULL_DISK else f"{error.strerror or error}; free the cause and start again"
        print(f"error: {where}{what}", file=sys.stderr)
        sys.exit(1)
