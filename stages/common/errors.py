"""Errors that a user can act on: one clear line, a non-zero exit, no traceback."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can mend.

    The message names the file or key, what was found, what was expected and what to do, in one line.
    """


class Unavailable(UserError):
    """Data or weights that no source could deliver; the cells that need them can be reported as not run."""


def run_cli(main: Callable[[], None]) -> None:
    """Run a stage's command line: a `UserError` or an interrupt ends it with one line and a non-zero exit."""
    try:
        main()
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; start the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}; free the cause and start again", file=sys.stderr)
        sys.exit(1)
